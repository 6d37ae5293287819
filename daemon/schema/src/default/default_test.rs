use super::{defaults, for_create, for_update};
use crate::decode::{FieldValidation, decode};
use crate::kind::{Kind, Part, by_kind};
use crate::kinds::KINDS;
use serde_json::{Value, json};

fn created(kind: &Kind, body: &Value) -> Value {
    let mut object = decode(kind, body.to_string().as_bytes(), FieldValidation::Strict).unwrap().value;
    defaults(kind, &mut object);
    for_create(kind, &mut object);
    object
}

#[test]
fn new_objects_get_what_the_server_sets() {
    for (group, version, name, body, want) in [
        (
            "",
            "v1",
            "Secret",
            json!({"metadata": {"name": "s"}, "data": {"b": "AA=="}, "stringData": {"a": "x", "b": "y"}}),
            r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"s"},"data":{"a":"eA==","b":"eQ=="},"type":"Opaque"}"#,
        ),
        (
            "",
            "v1",
            "Namespace",
            json!({"metadata": {"name": "n", "uid": "mine", "labels": {"z": "1"}}, "status": {"phase": "Terminating"}}),
            r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"n","labels":{"kubernetes.io/metadata.name":"n","z":"1"}},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}"#,
        ),
        (
            "",
            "v1",
            "ServiceAccount",
            json!({"metadata": {"name": "n"}, "secrets": [{"name": "a", "kind": "Secret"}]}),
            r#"{"kind":"ServiceAccount","apiVersion":"v1","metadata":{"name":"n"},"secrets":[{"name":"a"}]}"#,
        ),
        (
            "tenancy.kcp.io",
            "v1alpha1",
            "Workspace",
            json!({"metadata": {"name": "w", "deletionTimestamp": "2026-07-23T07:07:48Z"}, "status": {"phase": "Ready"}}),
            r#"{"apiVersion":"tenancy.kcp.io/v1alpha1","kind":"Workspace","metadata":{"name":"w","generation":1},"spec":{}}"#,
        ),
    ] {
        let kind = by_kind(group, version, name).unwrap();
        assert_eq!(created(kind, &body).to_string(), want);
    }
}

#[test]
fn a_write_to_one_part_leaves_the_others() {
    let kind = by_kind("tenancy.kcp.io", "v1alpha1", "Workspace").unwrap();
    let old = json!({
        "metadata": {"name": "w", "uid": "u", "generation": 3, "creationTimestamp": "2026-07-23T07:07:48Z"},
        "spec": {"type": {"name": "a"}}, "status": {"phase": "Ready"},
    });
    let new = json!({"metadata": {"name": "w", "labels": {"a": "b"}}, "spec": {"type": {"name": "b"}}, "status": {"phase": "Deleting"}});

    let mut object = new.clone();
    for_update(kind, Part::Object, &mut object, &old);
    assert_eq!(object["status"], old["status"]);
    assert_eq!(object["spec"], new["spec"]);
    assert_eq!(
        object["metadata"].to_string(),
        r#"{"name":"w","uid":"u","generation":4,"creationTimestamp":"2026-07-23T07:07:48Z","labels":{"a":"b"}}"#
    );

    let mut object = new.clone();
    for_update(kind, Part::Status, &mut object, &old);
    assert_eq!(object["status"], new["status"]);
    assert_eq!(object["spec"], old["spec"]);
    assert_eq!(object["metadata"], old["metadata"]);

    let mut object = old.clone();
    object["metadata"]["labels"] = json!({"a": "b"});
    for_update(kind, Part::Object, &mut object, &old);
    assert_eq!(object["metadata"]["generation"], 3, "labels are not wanted state");
}

#[test]
fn deletion_cannot_be_called_off() {
    let kind = by_kind("", "v1", "ConfigMap").unwrap();
    let old = json!({"metadata": {"name": "c", "deletionTimestamp": "2026-07-23T07:07:48Z", "deletionGracePeriodSeconds": 0}});
    let mut object = json!({"metadata": {"name": "c"}});
    for_update(kind, Part::Object, &mut object, &old);
    assert_eq!(object["metadata"], old["metadata"]);
}

#[test]
fn defaults_are_stable_and_canonical() {
    for kind in KINDS.iter() {
        let body = json!({"metadata": {"name": "cluster"}});
        let once = created(kind, &body);
        let mut twice = once.clone();
        defaults(kind, &mut twice);
        let again = decode(kind, twice.to_string().as_bytes(), FieldValidation::Strict).unwrap().value;
        assert_eq!(again.to_string(), twice.to_string(), "{}", kind.kind);
    }
}
