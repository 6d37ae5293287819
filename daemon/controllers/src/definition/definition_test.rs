//! A definition goes after its instances.

use hanse_schema::definition::status::{self, CLEANUP};
use hanse_store::key::Key;
use hanse_store::txn::Operation;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::object::{begin_deletion, draft, written_time};
use crate::reference::CUSTOM_RESOURCE_DEFINITIONS;
use crate::rig_test::{Fate, Group, WALL_MS, cluster, condition, key, object, workspace};

fn definition_key(cluster: &str) -> Key {
    key(CUSTOM_RESOURCE_DEFINITIONS, cluster, "", "widgets.example.com")
}

fn widget(namespace: &str, name: &str) -> Key {
    key("widgets.example.com", "root", namespace, name)
}

/// A definition as the API server writes it when it is deleted.
fn ending(finalizers: &[&str], established: bool) -> Value {
    let mut value = object("widgets.example.com", "", finalizers);
    value["status"] =
        json!({"conditions": [{"type": "Established", "status": if established { "True" } else { "False" }}]});
    status::begin_deletion(&mut value, &written_time(WALL_MS));
    begin_deletion(&mut value, WALL_MS);
    value
}

fn says(group: &Group, status: &str, reason: &str, message: &str) {
    let shown = condition(&group.get(&definition_key("root")).unwrap(), "Terminating");
    assert_eq!(
        (&shown["status"], &shown["reason"], &shown["message"]),
        (&status.into(), &reason.into(), &message.into())
    );
}

#[test]
fn all_instances_go_and_then_the_definition() {
    let mut group = Group::new();
    group.put(&definition_key("root"), &object("widgets.example.com", "", &[]));
    let puts = (0..1_200).map(|number| {
        let (name, namespace) = (format!("w{number}"), ["a", "b"][number % 2]);
        Operation::Put(widget(namespace, &name), draft(&object(&name, namespace, &[])))
    });
    group.apply(puts.collect());
    group.put(&key("widgets.example.com", "system:x", "a", "w"), &object("w", "a", &[]));
    assert_eq!(group.settle(), 0);
    group.put(&definition_key("root"), &ending(&[], true));
    let mut first = true;
    group.settle_with(|txn| {
        if std::mem::take(&mut first) {
            assert_eq!(txn.operations.len(), 500);
            assert!(matches!(&txn.operations[0], Operation::Put(key, _) if *key == definition_key("root")));
        }
        Fate::Answered
    });
    assert!(!group.exists(&definition_key("root")));
    let state = group.state();
    assert_eq!(state.resources().collect::<Vec<_>>(), ["widgets.example.com"]);
    assert!(group.exists(&key("widgets.example.com", "system:x", "a", "w")), "others' instances are others'");
}

#[test]
fn a_definition_waits_for_the_finalizers_of_its_instances_and_says_so() {
    let mut group = Group::new();
    let kept = widget("", "kept");
    group.put(&kept, &object("kept", "", &["example.com/x"]));
    group.put(&definition_key("root"), &ending(&["example.com/y"], true));
    says(
        &group,
        "True",
        "InstanceDeletionPending",
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    );
    group.settle();
    says(&group, "True", "InstanceDeletionInProgress", "CustomResource deletion is in progress");
    assert!(group.get(&kept).unwrap()["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(group.settle(), 0);
    // A new leader knows it, too.
    group.desk = Desk::default();
    assert_eq!(group.settle(), 0);
    group.delete(&kept);
    group.settle();
    says(&group, "False", "InstanceDeletionCompleted", "removed all instances");
    let finalizers = &group.get(&definition_key("root")).unwrap()["metadata"]["finalizers"];
    assert_eq!(finalizers, &json!(["example.com/y"]), "a finalizer of somebody else's is theirs");
}

#[test]
fn a_definition_that_was_never_established_has_no_instances() {
    let mut group = Group::new();
    group.put(&definition_key("root"), &ending(&["example.com/y"], false));
    group.settle();
    says(&group, "False", "NeverEstablished", "resource was never established");
}

#[test]
fn the_instances_of_a_built_in_resource_are_not_a_definitions() {
    let mut group = Group::new();
    let overlapping = key(CUSTOM_RESOURCE_DEFINITIONS, "root", "", "leases.coordination.k8s.io");
    let lease = key("leases.coordination.k8s.io", "root", "a", "l");
    group.put(&lease, &object("l", "a", &[]));
    let mut value = ending(&["example.com/y"], true);
    value["metadata"]["name"] = "leases.coordination.k8s.io".into();
    group.put(&overlapping, &value);
    group.settle();
    assert!(group.exists(&lease));
    let shown = condition(&group.get(&overlapping).unwrap(), "Terminating");
    assert_eq!((&shown["status"], &shown["reason"]), (&json!("False"), &json!("OverlappingBuiltInResource")));
    assert!(!group.get(&overlapping).unwrap()["metadata"]["finalizers"].to_string().contains(CLEANUP));
}

#[test]
fn a_workspace_ends_with_its_definitions_whether_their_deletion_has_begun_or_not() {
    let mut group = Group::new();
    group.create_workspace("w", "root", &workspace());
    group.put(&definition_key("w"), &ending(&[], true));
    group.put(&key(CUSTOM_RESOURCE_DEFINITIONS, "w", "", "mice.example.com"), &object("mice.example.com", "", &[]));
    let kept = key("widgets.example.com", "w", "default", "kept");
    group.put(&kept, &object("kept", "default", &["example.com/x"]));
    group.put(&key("mice.example.com", "w", "", "m"), &object("m", "", &[]));
    group.delete_workspace("w");
    group.settle();
    assert!(group.exists(&kept) && group.exists(&definition_key("w")));
    group.delete(&kept);
    group.settle();
    assert!(group.state().cluster(&cluster("w")).is_none());
}

#[test]
fn an_instance_that_comes_late_is_not_left_behind() {
    let mut group = Group::new();
    group.put(&definition_key("root"), &ending(&[], true));
    let mut tries = 0;
    let home = std::sync::Arc::clone(&group.home);
    group.settle_with(|_| {
        tries += 1;
        if tries == 1 {
            let late = Operation::Put(widget("a", "late"), draft(&object("late", "a", &[])));
            home.apply(&[hanse_store::txn::Txn {
                time_ms: WALL_MS,
                preconditions: Vec::new(),
                operations: vec![late],
            }]);
        }
        Fate::Answered
    });
    assert!(!group.exists(&widget("a", "late")) && !group.exists(&definition_key("root")));
}
