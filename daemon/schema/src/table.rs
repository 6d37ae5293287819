//! The cells of tables, as upstream's printers make them.
//!
//! Objects are in the stored form. Ages are made on the server, from the time that the caller gives.

pub(crate) mod binding_cells;
pub(crate) mod policy_cells;
pub(crate) mod quota_cells;
pub(crate) mod request_cells;

use serde_json::{Map, Value};

use crate::kind::{Cell, Column, Kind};
use crate::time::{Moment, Precision, human_duration};
use crate::validate::at;

/// `columnDefinitions` of a table of this kind.
#[must_use]
pub fn column_definitions(kind: &Kind) -> Vec<Value> {
    kind.columns.iter().map(definition).collect()
}

/// The cells of an object's row, one for each column, wide ones included. `now_ms` is the time in milliseconds since the epoch.
#[must_use]
pub fn cells(kind: &Kind, object: &Value, now_ms: i64) -> Vec<Value> {
    kind.columns.iter().map(|column| cell(column, object, now_ms)).collect()
}

fn definition(column: &Column) -> Value {
    let mut map = Map::new();
    map.insert("name".to_owned(), Value::from(column.name.as_ref()));
    map.insert("type".to_owned(), Value::from(column.cell_type.as_ref()));
    map.insert("format".to_owned(), Value::from(column.format.as_ref()));
    map.insert("description".to_owned(), Value::from(column.description.as_ref()));
    map.insert("priority".to_owned(), Value::from(column.priority));
    Value::Object(map)
}

fn cell(column: &Column, object: &Value, now_ms: i64) -> Value {
    match &column.cell {
        Cell::Path(path) => path.cell(&column.cell_type, object, now_ms),
        Cell::Text(path) => Value::from(at(object, path).and_then(Value::as_str).unwrap_or_default()),
        Cell::OptionalText(path) => at(object, path).cloned().unwrap_or_default(),
        Cell::Count(paths) => {
            let count = |path: &&[&str]| at(object, path).and_then(Value::as_object).map_or(0, Map::len);
            Value::from(paths.iter().map(count).sum::<usize>())
        }
        Cell::Age(path) => Value::from(age(object, path, now_ms).unwrap_or_else(unknown)),
        Cell::Made(make) => make(object, now_ms),
    }
}

/// Who holds a lease.
pub(crate) fn lease_holder(object: &Value, _: i64) -> Value {
    Value::from(at(object, &["spec", "holderIdentity"]).and_then(Value::as_str).unwrap_or_default())
}

/// How long ago the time at this path was, if there is one.
fn age(object: &Value, path: &[&str], now_ms: i64) -> Option<String> {
    let text = at(object, path)?.as_str()?;
    let moment = Moment::parse(text, Precision::Seconds).ok()?;
    Some(human_duration(now_ms.saturating_sub(moment.unix_ms())))
}

fn unknown() -> String {
    "<unknown>".to_owned()
}

/// The text at this path, empty when there is none.
fn text<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

/// Cells of events that are made from several fields.
pub(crate) mod event_cells {
    use serde_json::Value;

    use super::{age, text, unknown};
    use crate::validate::at;

    pub(crate) fn first_seen(object: &Value, now_ms: i64) -> Value {
        Value::from(first(object, now_ms))
    }

    pub(crate) fn last_seen(object: &Value, now_ms: i64) -> Value {
        let last = if at(object, &["series"]).is_some() {
            age(object, &["series", "lastObservedTime"], now_ms).unwrap_or_else(unknown)
        } else {
            age(object, &["lastTimestamp"], now_ms).unwrap_or_else(|| first(object, now_ms))
        };
        Value::from(last)
    }

    pub(crate) fn count(object: &Value, _: i64) -> Value {
        let number = |path: &[&str]| at(object, path).and_then(Value::as_i64).unwrap_or(0);
        let count = if at(object, &["series"]).is_some() {
            number(&["series", "count"])
        } else {
            // Events that happened once have no count in the new form.
            number(&["count"]).max(1)
        };
        Value::from(count)
    }

    pub(crate) fn object(object: &Value, _: i64) -> Value {
        let (kind, name) = (text(object, &["involvedObject", "kind"]), text(object, &["involvedObject", "name"]));
        let kind = kind.to_lowercase();
        Value::from(if name.is_empty() { kind } else { format!("{kind}/{name}") })
    }

    pub(crate) fn source(object: &Value, _: i64) -> Value {
        let or = |first: &'_ [&str], second: &'_ [&str]| {
            let first = text(object, first);
            if first.is_empty() { text(object, second).to_owned() } else { first.to_owned() }
        };
        let component = or(&["source", "component"], &["reportingComponent"]);
        let instance = or(&["source", "host"], &["reportingInstance"]);
        Value::from(if instance.is_empty() { component } else { format!("{component}, {instance}") })
    }

    pub(crate) fn message(object: &Value, _: i64) -> Value {
        Value::from(text(object, &["message"]).trim())
    }

    fn first(object: &Value, now_ms: i64) -> String {
        let first = age(object, &["firstTimestamp"], now_ms).or_else(|| age(object, &["eventTime"], now_ms));
        first.unwrap_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::cells;
    use crate::kind::by_kind;
    use serde_json::json;

    #[test]
    fn rows_read_as_kubectl_shows_them() {
        let now_ms = 1_784_790_468_000; // 2026-07-23T07:07:48Z
        for (group, version, kind, object, want) in [
            (
                "",
                "v1",
                "ConfigMap",
                json!({"metadata": {"name": "c", "creationTimestamp": "2026-07-23T07:05:00Z"}, "data": {"a": "", "b": ""}, "binaryData": {"c": ""}}),
                json!(["c", 3, "2m48s"]),
            ),
            (
                "",
                "v1",
                "Secret",
                json!({"metadata": {"name": "s"}, "type": "Opaque"}),
                json!(["s", "Opaque", 0, "<unknown>"]),
            ),
            (
                "",
                "v1",
                "Namespace",
                json!({"metadata": {"name": "n", "creationTimestamp": "2026-07-22T07:05:00Z"}, "status": {"phase": "Active"}}),
                json!(["n", "Active", "24h"]),
            ),
            (
                "coordination.k8s.io",
                "v1",
                "Lease",
                json!({"metadata": {"name": "l", "creationTimestamp": "2026-07-23T07:07:48Z"}, "spec": {"holderIdentity": "me"}}),
                json!(["l", "me", "0s"]),
            ),
            (
                "",
                "v1",
                "Event",
                json!({
                    "metadata": {"name": "e"}, "type": "Normal", "reason": "Made", "message": " hello\n",
                    "involvedObject": {"kind": "Workspace", "name": "w", "fieldPath": "spec"}, "eventTime": "2026-07-23T07:07:38.000000Z",
                    "firstTimestamp": null, "reportingComponent": "c", "reportingInstance": "i", "source": {},
                }),
                json!(["10s", "Normal", "Made", "workspace/w", "spec", "c, i", "hello", "10s", 1, "e"]),
            ),
            (
                "",
                "v1",
                "ResourceQuota",
                json!({
                    "metadata": {"name": "q"},
                    "status": {"hard": {"pods": "9", "cpu": "1", "limits.cpu": "2"}, "used": {"pods": "3", "limits.cpu": "500m"}},
                }),
                json!(["q", "cpu: 0/1, pods: 3/9", "limits.cpu: 500m/2", "<unknown>"]),
            ),
            (
                "",
                "v1",
                "LimitRange",
                json!({"metadata": {"name": "l", "creationTimestamp": "2026-07-23T07:05:00Z"}}),
                json!(["l", "2026-07-23T07:05:00Z"]),
            ),
            (
                "rbac.authorization.k8s.io",
                "v1",
                "RoleBinding",
                json!({
                    "metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "r"},
                    "subjects": [
                        {"kind": "User", "name": "u"}, {"kind": "User", "name": "v"}, {"kind": "Group", "name": "g"},
                        {"kind": "ServiceAccount", "namespace": "n", "name": "s"},
                    ],
                }),
                json!(["b", "Role/r", "<unknown>", "u, v", "g", "n/s"]),
            ),
            (
                "certificates.k8s.io",
                "v1",
                "CertificateSigningRequest",
                json!({
                    "metadata": {"name": "c"}, "spec": {"signerName": "a.b/c", "username": "u", "expirationSeconds": 86400},
                    "status": {"conditions": [{"type": "Approved"}, {"type": "Failed"}], "certificate": "eA=="},
                }),
                json!(["c", "<unknown>", "a.b/c", "u", "24h", "Approved,Failed,Issued"]),
            ),
            (
                "certificates.k8s.io",
                "v1",
                "CertificateSigningRequest",
                json!({"metadata": {"name": "c"}, "status": {}}),
                json!(["c", "<unknown>", "<none>", "", "<none>", "Pending"]),
            ),
            (
                "admissionregistration.k8s.io",
                "v1",
                "MutatingWebhookConfiguration",
                json!({"metadata": {"name": "m"}, "webhooks": [{}, {}]}),
                json!(["m", 2, "<unknown>"]),
            ),
            (
                "admissionregistration.k8s.io",
                "v1",
                "ValidatingAdmissionPolicy",
                json!({"metadata": {"name": "p"}, "spec": {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}, "validations": [{}]}}),
                json!(["p", 1, "v1/ConfigMap", "<unknown>"]),
            ),
            (
                "admissionregistration.k8s.io",
                "v1",
                "ValidatingAdmissionPolicyBinding",
                json!({
                    "metadata": {"name": "p"},
                    "spec": {"policyName": "q", "paramRef": {"selector": {
                        "matchLabels": {"a": "b"}, "matchExpressions": [{"key": "k", "operator": "In", "values": ["x", "y"]}],
                    }}},
                }),
                json!([
                    "p",
                    "q",
                    "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}",
                    "<unknown>",
                ]),
            ),
            (
                "admissionregistration.k8s.io",
                "v1",
                "MutatingAdmissionPolicyBinding",
                json!({"metadata": {"name": "p"}, "spec": {"policyName": "q", "paramRef": {"name": "c"}}}),
                json!(["p", "q", "*/c", "<unknown>"]),
            ),
            (
                "tenancy.kcp.io",
                "v1alpha1",
                "Workspace",
                json!({
                    "metadata": {"name": "w", "labels": {"region": "eu"}, "creationTimestamp": "2026-07-23T06:07:48Z"},
                    "spec": {"type": {"name": "universal"}}, "status": {"phase": "Ready"},
                }),
                json!(["w", "universal", "eu", "Ready", null, "60m"]),
            ),
        ] {
            let kind = by_kind(group, version, kind).unwrap();
            assert_eq!(json!(cells(kind, &object, now_ms)), want, "{}", kind.kind);
        }
    }
}
