use super::cells;
use crate::kind::by_kind;
use serde_json::{Value, json};

/// A row of an object, given with its group, version and kind, at 2026-07-23T07:07:48Z.
fn check(rows: impl IntoIterator<Item = (&'static str, &'static str, &'static str, Value, Value)>) {
    let now_ms = 1_784_790_468_000;
    for (group, version, kind, object, want) in rows {
        let kind = by_kind(group, version, kind).unwrap();
        assert_eq!(json!(cells(kind, &object, now_ms)), want, "{}", kind.kind);
    }
}

#[test]
fn rows_of_the_core_group_read_as_kubectl_shows_them() {
    check([
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
    ]);
}

#[test]
fn rows_of_other_groups_read_as_kubectl_shows_them() {
    check([
        (
            "coordination.k8s.io",
            "v1",
            "Lease",
            json!({"metadata": {"name": "l", "creationTimestamp": "2026-07-23T07:07:48Z"}, "spec": {"holderIdentity": "me"}}),
            json!(["l", "me", "0s"]),
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
            "tenancy.kcp.io",
            "v1alpha1",
            "Workspace",
            json!({
                "metadata": {"name": "w", "labels": {"region": "eu"}, "creationTimestamp": "2026-07-23T06:07:48Z"},
                "spec": {"type": {"name": "universal"}}, "status": {"phase": "Ready"},
            }),
            json!(["w", "universal", "eu", "Ready", null, "60m"]),
        ),
    ]);
}

#[test]
fn rows_of_webhooks_and_policies_read_as_kubectl_shows_them() {
    check([
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
    ]);
}
