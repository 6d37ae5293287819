use super::{ANNOTATIONS_BYTES_MAX, validate, validate_update};
use crate::cause::{CauseReason, aggregate};
use crate::kind::by_kind;
use serde_json::{Value, json};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

fn check(group: &str, kind: &str, metadata: Value, want: &[String]) {
    let version = if group.ends_with("kcp.io") { "v1alpha1" } else { "v1" };
    let mut causes = Vec::new();
    validate(by_kind(group, version, kind).unwrap(), &json!({"metadata": metadata}), &mut causes);
    let got: Vec<String> = causes.iter().map(ToString::to_string).collect();
    assert_eq!(got, want, "{kind} {metadata}");
}

#[test]
fn good_metadata_is_accepted() {
    for (group, kind, metadata) in [
        ("", "ConfigMap", json!({"name": "kube-root-ca.crt", "namespace": "default"})),
        (
            "",
            "Namespace",
            json!({"name": "a", "labels": {"example.com/a": "", "B_c": "x.Y"}, "annotations": {"Example.COM/A": "ü"}}),
        ),
        ("", "Event", json!({"name": "Any Name", "namespace": "n", "finalizers": ["short"]})),
        ("coordination.k8s.io", "Lease", json!({"name": "l", "namespace": "n", "finalizers": ["short"]})),
        ("tenancy.kcp.io", "Workspace", json!({"name": "0-a"})),
        ("core.kcp.io", "LogicalCluster", json!({"name": "cluster"})),
        (
            "",
            "Secret",
            json!({"name": "a-x", "generateName": "a-", "namespace": "n", "finalizers": ["kubernetes", "example.com/f"]}),
        ),
        (
            "",
            "Secret",
            json!({"name": "s", "namespace": "n", "ownerReferences": [{"apiVersion": "g/v1", "kind": "K", "name": "o", "uid": "u", "controller": true}]}),
        ),
    ] {
        check(group, kind, metadata, &[]);
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn bad_metadata_is_refused_in_upstreams_words() {
    let name = |text: &str| vec![format!("metadata.name: {text}")];
    check(
        "",
        "ConfigMap",
        json!({"name": "A", "namespace": "n"}),
        &name(&format!("Invalid value: \"A\": {SUBDOMAIN}")),
    );
    check("", "ConfigMap", json!({"namespace": "n"}), &name("Required value: name or generateName is required"));
    check("", "Namespace", json!({"name": "a.b"}), &name("Invalid value: \"a.b\": must not contain dots"));
    check("", "Namespace", json!({"name": "a_b"}), &name(&format!("Invalid value: \"a_b\": {LABEL}")));
    let long = "a".repeat(64);
    check(
        "",
        "Namespace",
        json!({"name": long}),
        &name(&format!("Invalid value: \"{long}\": must be no more than 63 characters")),
    );
    check(
        "tenancy.kcp.io",
        "Workspace",
        json!({"name": "a.b"}),
        &name("Invalid value: \"a.b\": metadata.name in body should match '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'"),
    );
    check("core.kcp.io", "LogicalCluster", json!({"name": "x"}), &name("Invalid value: \"x\": must be cluster"));
    check("", "Event", json!({"name": "a/b", "namespace": "n"}), &name("Invalid value: \"a/b\": may not contain '/'"));
    check("", "ConfigMap", json!({"name": "a"}), &["metadata.namespace: Required value".to_owned()]);
    check(
        "",
        "Namespace",
        json!({"name": "a", "namespace": "b"}),
        &["metadata.namespace: Forbidden: not allowed on this type".to_owned()],
    );
    check(
        "",
        "Namespace",
        json!({"name": "a", "labels": {"-a": "b/c"}}),
        &[
            format!("metadata.labels: Invalid value: \"-a\": name part {NAME}"),
            format!("metadata.labels: Invalid value: \"b/c\": {LABEL_VALUE}"),
        ],
    );
    check(
        "",
        "Namespace",
        json!({"name": "a", "labels": {"a/b/c": "", "/x": "", "X.io/y": ""}}),
        &[
            format!(
                "metadata.labels: Invalid value: \"a/b/c\": a valid label key {NAME} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ),
            "metadata.labels: Invalid value: \"/x\": prefix part must be non-empty".to_owned(),
            format!("metadata.labels: Invalid value: \"X.io/y\": prefix part {SUBDOMAIN}"),
        ],
    );
    check(
        "",
        "Namespace",
        json!({"name": "a", "annotations": {"a": "x".repeat(ANNOTATIONS_BYTES_MAX)}}),
        &["metadata.annotations: Too long: may not be more than 262144 bytes".to_owned()],
    );
    check(
        "",
        "Namespace",
        json!({"name": "a", "finalizers": ["orphan", "foregroundDeletion", "short"]}),
        &[
            "metadata.finalizers: Invalid value: [\"orphan\",\"foregroundDeletion\",\"short\"]: finalizer orphan and foregroundDeletion cannot be both set".to_owned(),
            "metadata.finalizers[2]: Invalid value: \"short\": name is neither a standard finalizer name nor is it fully qualified".to_owned(),
        ],
    );
    check(
        "",
        "Namespace",
        json!({"name": "a", "ownerReferences": [{"apiVersion": "g/", "kind": "", "name": "", "uid": ""}]}),
        &[
            "metadata.ownerReferences.apiVersion: Invalid value: \"g/\": version must not be empty".to_owned(),
            "metadata.ownerReferences.kind: Invalid value: \"\": must not be empty".to_owned(),
            "metadata.ownerReferences.name: Invalid value: \"\": must not be empty".to_owned(),
            "metadata.ownerReferences.uid: Invalid value: \"\": must not be empty".to_owned(),
        ],
    );
    let owner = |name: &str| json!({"apiVersion": "v1", "kind": "K", "name": name, "uid": name, "controller": true});
    let mut causes = Vec::new();
    let object = json!({"metadata": {"name": "a", "ownerReferences": [owner("x"), owner("y")]}});
    validate(by_kind("", "v1", "Namespace").unwrap(), &object, &mut causes);
    assert!(
        causes[0].message.ends_with(
            "Only one reference can have Controller set to true. Found \"true\" in references for K/x and K/y"
        )
    );
    assert_eq!(causes[0].reason, CauseReason::Invalid);
}

#[test]
fn what_identifies_an_object_never_changes() {
    let old = json!({"metadata": {
        "name": "a", "namespace": "n", "uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-07-23T07:07:48Z",
        "deletionTimestamp": "2026-07-23T07:07:48Z", "finalizers": ["example.com/a"],
    }});
    let mut object = old.clone();
    let mut causes = Vec::new();
    validate_update(&object, &old, &mut causes);
    assert_eq!(causes, []);
    object["metadata"] = json!({"name": "b", "uid": "v", "finalizers": ["example.com/a", "example.com/b"]});
    validate_update(&object, &old, &mut causes);
    assert_eq!(
        aggregate(&causes),
        "[metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"example.com/b\"}, \
         metadata.resourceVersion: Invalid value: \"\": must be specified for an update, \
         metadata.name: Invalid value: \"b\": field is immutable, \
         metadata.namespace: Invalid value: \"\": field is immutable, \
         metadata.uid: Invalid value: \"v\": field is immutable, \
         metadata.creationTimestamp: Invalid value: null: field is immutable, \
         metadata.deletionTimestamp: Invalid value: null: field is immutable]"
    );
}
