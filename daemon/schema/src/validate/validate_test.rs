use super::{create, update, warnings, workspace};
use crate::convert::to_stored;
use crate::decode::{FieldValidation, decode};
use crate::default::{defaults, for_create, for_update};
use crate::kind::{Kind, Part, by_kind};
use serde_json::{Value, json};

fn kind(name: &str) -> &'static Kind {
    let (group, version) = match name {
        "Lease" => ("coordination.k8s.io", "v1"),
        "Workspace" => ("tenancy.kcp.io", "v1alpha1"),
        "LogicalCluster" => ("core.kcp.io", "v1alpha1"),
        "events.k8s.io" => ("events.k8s.io", "v1"),
        _ => ("", "v1"),
    };
    by_kind(group, version, if name == "events.k8s.io" { "Event" } else { name }).unwrap()
}

/// The way of an object through a request, without the store.
fn object(kind: &Kind, body: &Value) -> Value {
    let mut body = body.clone();
    if body.get("metadata").is_none() {
        let name = if kind.kind == "LogicalCluster" { "cluster" } else { "x" };
        body["metadata"] =
            if kind.namespaced { json!({"name": name, "namespace": "n"}) } else { json!({"name": name}) };
    }
    let decoded = decode(kind, body.to_string().as_bytes(), FieldValidation::Strict).unwrap();
    let mut object = to_stored(kind, decoded.value);
    defaults(kind, &mut object);
    object
}

fn check_create(name: &str, body: Value, want: &[&str]) {
    let kind = kind(name);
    let mut object = object(kind, &body);
    for_create(kind, &mut object);
    let got: Vec<String> = create(kind, &object).iter().map(ToString::to_string).collect();
    assert_eq!(got, want, "{name} {body}");
}

fn check_update(name: &str, part: Part, old: Value, new: Value, want: &[&str]) {
    let kind = kind(name);
    let mut old = object(kind, &old);
    old["metadata"]["resourceVersion"] = json!("1");
    let mut object = object(kind, &new);
    object["metadata"]["resourceVersion"] = json!("1");
    for_update(kind, part, &mut object, &old);
    let got: Vec<String> = update(kind, part, &object, &old).iter().map(ToString::to_string).collect();
    assert_eq!(got, want, "{name} {new}");
}

const KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

#[test]
fn config_maps_and_secrets_are_held_to_their_rules() {
    check_create("ConfigMap", json!({"data": {"a.b": "", "_": ""}, "binaryData": {"c": "AA=="}}), &[]);
    check_create(
        "ConfigMap",
        json!({"data": {"a b": "", "..": "", "c": ""}, "binaryData": {"c": ""}}),
        &[
            "data[..]: Invalid value: \"..\": must not be '..'",
            &format!("data[a b]: Invalid value: \"a b\": {KEY}"),
            "data[c]: Invalid value: \"c\": duplicate of key present in binaryData",
        ],
    );
    check_create(
        "ConfigMap",
        json!({"data": {"a": "x".repeat(1_048_577)}}),
        &[": Too long: may not be more than 1048576 bytes"],
    );
    check_create("ConfigMap", json!({"data": {"a": "x".repeat(1_048_576)}}), &[]);
    check_create(
        "Secret",
        json!({"stringData": {"a": "x".repeat(1_048_577)}}),
        &["data: Too long: may not be more than 1048576 bytes"],
    );
    for (secret_type, data, want) in [
        ("Opaque", json!({}), &[][..]),
        ("example.com/own", json!({}), &[]),
        ("kubernetes.io/tls", json!({"tls.crt": ""}), &["data[tls.key]: Required value"]),
        ("kubernetes.io/basic-auth", json!({}), &["data[username]: Required value", "data[password]: Required value"]),
        ("kubernetes.io/basic-auth", json!({"password": ""}), &[]),
        ("kubernetes.io/ssh-auth", json!({"ssh-privatekey": ""}), &["data[ssh-privatekey]: Required value"]),
        ("kubernetes.io/dockerconfigjson", json!({}), &["data[.dockerconfigjson]: Required value"]),
        ("kubernetes.io/dockerconfigjson", json!({".dockerconfigjson": "{}"}), &[]),
        (
            "kubernetes.io/dockercfg",
            json!({".dockercfg": "{x"}),
            &[
                "data[.dockercfg]: Invalid value: \"<secret contents redacted>\": invalid character 'x' looking for beginning of object key string",
            ],
        ),
        (
            "kubernetes.io/dockercfg",
            json!({".dockercfg": "[]"}),
            &[
                "data[.dockercfg]: Invalid value: \"<secret contents redacted>\": json: cannot unmarshal array into Go value of type map[string]interface {}",
            ],
        ),
        (
            "kubernetes.io/service-account-token",
            json!({}),
            &["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
        ),
    ] {
        check_create("Secret", json!({"type": secret_type, "stringData": data}), want);
    }
}

#[test]
fn immutable_objects_do_not_change() {
    let old = json!({"immutable": true, "data": {"a": "1"}});
    check_update("ConfigMap", Part::Object, old.clone(), old.clone(), &[]);
    check_update(
        "ConfigMap",
        Part::Object,
        old,
        json!({"data": {"a": "2"}, "binaryData": {"b": ""}}),
        &[
            "immutable: Forbidden: field is immutable when `immutable` is set",
            "data: Forbidden: field is immutable when `immutable` is set",
            "binaryData: Forbidden: field is immutable when `immutable` is set",
        ],
    );
    check_update(
        "Secret",
        Part::Object,
        json!({"type": "a"}),
        json!({"type": "b"}),
        &["type: Invalid value: \"b\": field is immutable"],
    );
}

#[test]
fn namespaces_are_held_to_their_rules() {
    check_create("Namespace", json!({}), &[]);
    check_create(
        "Namespace",
        json!({"spec": {"finalizers": ["short", "example.com/ok"]}}),
        &[
            "spec.finalizers: Invalid value: \"short\": name is neither a standard finalizer name nor is it fully qualified",
        ],
    );
    check_update(
        "Namespace",
        Part::Status,
        json!({}),
        json!({"status": {"phase": "Terminating"}}),
        &["status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"],
    );
    check_update(
        "Namespace",
        Part::Finalize,
        json!({"spec": {"finalizers": ["kubernetes"]}}),
        json!({"spec": {"finalizers": ["x"]}}),
        &[
            "spec.finalizers[0]: Invalid value: \"x\": name is neither a standard finalizer name nor is it fully qualified",
        ],
    );
    check_update("Namespace", Part::Object, json!({"spec": {"finalizers": ["kubernetes"]}}), json!({"spec": {}}), &[]);
}

#[test]
fn leases_are_held_to_their_rules() {
    check_create(
        "Lease",
        json!({"spec": {"leaseDurationSeconds": 1, "leaseTransitions": 0, "strategy": "OldestEmulationVersion"}}),
        &[],
    );
    check_create(
        "Lease",
        json!({"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1, "preferredHolder": "x"}}),
        &[
            "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
            "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
            "spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined",
        ],
    );
    check_create(
        "Lease",
        json!({"spec": {"strategy": "x"}}),
        &["spec.strategy.strategy: Unsupported value: \"x\": supported values: \"OldestEmulationVersion\""],
    );
}

#[test]
fn events_are_held_to_the_rules_of_their_version() {
    check_create("Event", json!({"involvedObject": {"namespace": "n"}}), &[]);
    check_create(
        "Event",
        json!({"involvedObject": {"namespace": "m"}}),
        &["involvedObject.namespace: Invalid value: \"m\": does not match event.namespace"],
    );
    check_create(
        "Event",
        json!({"involvedObject": {}}),
        &["involvedObject.namespace: Invalid value: \"\": does not match event.namespace"],
    );
    let time = "2026-07-23T07:07:48.000000Z";
    check_create(
        "Event",
        json!({"involvedObject": {"namespace": "n"}, "eventTime": time, "action": "a", "reason": "r", "reportingInstance": "i", "reportingComponent": "c", "message": "m".repeat(1025)}),
        &["message: Invalid value: \"\": can have at most 1024 characters"],
    );
    let good = json!({"regarding": {"namespace": "n"}, "eventTime": time, "action": "a", "reason": "r", "reportingInstance": "i", "reportingController": "c", "type": "Normal"});
    check_create("events.k8s.io", good.clone(), &[]);
    check_create(
        "events.k8s.io",
        json!({"regarding": {"namespace": "n"}, "eventTime": null, "deprecatedCount": 1, "series": {"count": 1, "lastObservedTime": null}}),
        &[
            "series.count: Invalid value: \"\": should be at least 2",
            "series.lastObservedTime: Required value",
            "eventTime: Required value",
            "type: Invalid value: \"\": has invalid value: ",
            "count: Invalid value: \"\": needs to be unset",
        ],
    );
    let mut changed = good.clone();
    changed["note"] = json!("other");
    changed["series"] = json!({"count": 2, "lastObservedTime": time});
    check_update(
        "events.k8s.io",
        Part::Object,
        good,
        changed,
        &["message: Invalid value: \"other\": field is immutable"],
    );
}

#[test]
fn workspaces_are_held_to_their_rules() {
    check_create(
        "Workspace",
        json!({"spec": {"type": {"name": "universal", "path": "root:a"}, "location": {"selector": {"matchLabels": {"region": "eu"}}}}}),
        &[],
    );
    check_create(
        "Workspace",
        json!({"spec": {"type": {"name": "Big", "path": "a::b"}, "location": {"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}}}),
        &[
            "spec.type.name: Invalid value: \"Big\": spec.type.name in body should match '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?'",
            "spec.type.path: Invalid value: \"a::b\": spec.type.path in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(:[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'",
            "spec.location.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ],
    );
    let old = json!({"spec": {"type": {"name": "a"}, "cluster": "x", "URL": "https://x"}});
    check_update("Workspace", Part::Object, old.clone(), old.clone(), &[]);
    check_update(
        "Workspace",
        Part::Object,
        old.clone(),
        json!({"spec": {"type": {"name": "b"}, "cluster": "y"}}),
        &[
            "spec: Invalid value: URL cannot be unset",
            "spec.cluster: Invalid value: \"y\": cluster is immutable",
            "spec.type: Invalid value: \"b\": name is immutable",
        ],
    );
    let kind = kind("Workspace");
    assert_eq!(
        workspace::forbidden_to_users(&object(kind, &old), None),
        Some("spec.Cluster can only be set by system privileged users")
    );
    assert_eq!(
        workspace::forbidden_to_users(
            &object(kind, &json!({"spec": {"type": {"name": "a"}}})),
            Some(&object(kind, &old))
        ),
        Some("spec.cluster can only be changed by system privileged users")
    );
    assert_eq!(workspace::forbidden_to_users(&object(kind, &old), Some(&object(kind, &old))), None);
}

#[test]
fn logical_clusters_only_get_further() {
    let old =
        json!({"spec": {"initializers": ["a", "b"]}, "status": {"phase": "Initializing", "initializers": ["a", "b"]}});
    check_update(
        "LogicalCluster",
        Part::Status,
        old.clone(),
        json!({"status": {"phase": "Ready", "initializers": []}}),
        &[],
    );
    check_update(
        "LogicalCluster",
        Part::Status,
        old.clone(),
        json!({"status": {"phase": "Scheduling", "initializers": ["c"]}}),
        &[
            "status.phase: Invalid value: \"Scheduling\": cannot transition from \"Initializing\" to \"Scheduling\"",
            "status.initializers: Invalid value: [\"c\"]: must not be added",
        ],
    );
    check_update(
        "LogicalCluster",
        Part::Object,
        old,
        json!({"spec": {"initializers": ["a"]}}),
        &["spec.initializers: Invalid value: [\"a\"]: field is immutable"],
    );
}

#[test]
fn a_deprecated_annotation_is_told_once() {
    let account = json!({"metadata": {"annotations": {"kubernetes.io/enforce-mountable-secrets": "true"}}});
    assert_eq!(warnings(kind("ServiceAccount"), &account, None).len(), 1);
    assert_eq!(warnings(kind("ServiceAccount"), &account, Some(&account)).len(), 0);
}
