//! The desk on a group in memory: what it brings to an end, whatever is lost in between.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hanse_store::txn::{Operation, Txn};
use proptest::prelude::{Strategy, any, prop, proptest};
use serde_json::{Value, json};

use super::Desk;
use crate::expiry::EVENT_KEPT_MS;
use crate::object::{begin_deletion, draft};
use crate::rig_test::{Fate, Group, WALL_MS, cluster, condition, key, namespace, object, workspace};

#[test]
fn a_namespace_goes_with_all_that_is_in_it_and_nothing_else() {
    let mut group = Group::new();
    for namespace_name in ["a", "ab"] {
        group.put(&key("namespaces", "root", "", namespace_name), &namespace(namespace_name));
        for number in 0..1200 {
            let name = format!("c{number}");
            group.put(&key("configmaps", "root", namespace_name, &name), &object(&name, namespace_name, &[]));
        }
    }
    assert_eq!(group.settle(), 0, "there is nothing to do yet");
    group.delete_namespace("root", "a");
    let submitted = group.settle();
    assert_eq!(submitted, 4, "1200 objects in batches of 500, and the namespace");
    assert!(group.get(&key("namespaces", "root", "", "a")).is_none());
    assert_eq!(group.state().namespace_content(&cluster("root"), "a", None).count(), 0);
    assert_eq!(group.state().namespace_content(&cluster("root"), "ab", None).count(), 1200);
}

#[test]
fn a_namespace_waits_for_finalizers_and_says_so() {
    let mut group = Group::new();
    let kept = key("configmaps", "root", "a", "kept");
    group.put(&kept, &object("kept", "a", &["example.com/x"]));
    group.put(&key("secrets", "root", "a", "free"), &object("free", "a", &[]));
    group.delete_namespace("root", "a");
    group.settle();
    let namespace_key = key("namespaces", "root", "", "a");
    let shown = group.get(&namespace_key).unwrap();
    let expected = [
        ("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered"),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        (
            "NamespaceContentRemaining",
            "True",
            "SomeResourcesRemain",
            "Some resources are remaining: configmaps. has 1 resource instances",
        ),
        (
            "NamespaceFinalizersRemaining",
            "True",
            "SomeFinalizersRemain",
            "Some content in the namespace has finalizers remaining: example.com/x in 1 resource instances",
        ),
    ];
    for (kind, status, reason, message) in expected {
        let condition = condition(&shown, kind);
        assert_eq!((&condition["status"], &condition["reason"]), (&status.into(), &reason.into()), "{kind}");
        assert_eq!(condition["message"], message);
        assert_eq!(condition["lastTransitionTime"], "2026-11-22T12:00:00Z");
    }
    assert!(group.get(&kept).unwrap()["metadata"]["deletionTimestamp"].is_string());
    assert!(group.get(&key("secrets", "root", "a", "free")).is_none());
    // What does not change costs nothing, also while others write.
    group.put(&key("configmaps", "root", "b", "x"), &object("x", "b", &[]));
    assert_eq!(group.settle(), 0);
    group.apply(vec![Operation::Delete(kept)]);
    assert_eq!(group.settle(), 1);
    assert!(group.get(&namespace_key).is_none());
}

#[test]
fn custom_resources_are_content_of_their_namespace_as_all_others_are() {
    let mut group = Group::new();
    group.put(&key("widgets.example.com", "root", "a", "free"), &object("free", "a", &[]));
    let kept = key("widgets.example.com", "root", "a", "kept");
    group.put(&kept, &object("kept", "a", &["example.com/x"]));
    group.delete_namespace("root", "a");
    group.settle();
    let shown = condition(&group.get(&key("namespaces", "root", "", "a")).unwrap(), "NamespaceContentRemaining");
    let message = "Some resources are remaining: widgets.example.com has 1 resource instances";
    assert_eq!((&shown["status"], &shown["message"]), (&json!("True"), &json!(message)));
    group.apply(vec![Operation::Delete(kept)]);
    group.settle();
    assert!(group.get(&key("namespaces", "root", "", "a")).is_none());
}

#[test]
fn a_namespace_with_another_finalizer_stays_until_that_is_gone() {
    let mut group = Group::new();
    let key = key("namespaces", "root", "", "a");
    let mut value = namespace("a");
    value["spec"]["finalizers"] = json!(["example.com/other", "kubernetes"]);
    begin_deletion(&mut value, WALL_MS);
    group.put(&key, &value);
    group.settle();
    let shown = group.get(&key).unwrap();
    assert_eq!(shown["spec"]["finalizers"], json!(["example.com/other"]));
    assert_eq!(condition(&shown, "NamespaceContentRemaining")["status"], "False");
    value["spec"] = json!({});
    group.put(&key, &value);
    group.settle();
    assert!(group.get(&key).is_none());
}

#[test]
fn a_small_workspace_ends_in_one_transaction() {
    let mut group = Group::new();
    group.create_workspace("a", "root", &workspace());
    group.delete_workspace("a");
    assert_eq!(group.settle(), 1);
    let state = group.state();
    assert!(
        state.cluster(&cluster("a")).is_none() && state.tree().get(&cluster("a")).is_none_or(|node| node.row.deleted)
    );
    assert_eq!(state.cluster_content(&cluster("a"), None).count(), 0);
    assert!(state.cluster(&cluster("root")).is_some());
}

#[test]
fn a_workspace_takes_its_children_with_it_at_any_depth() {
    let mut group = Group::new();
    let mut parent = "root".to_owned();
    for depth in 0..12 {
        let id = format!("w{depth}");
        group.create_workspace(&id, &parent, &workspace());
        for sibling in 0..3 {
            group.create_workspace(&format!("{id}-{sibling}"), &id, &workspace());
        }
        parent = id;
    }
    group.create_workspace("other", "root", &workspace());
    group.delete_workspace("w0");
    group.settle();
    let state = group.state();
    let left: Vec<&str> = state.clusters().map(|(id, _)| id.as_str()).collect();
    assert_eq!(left, ["other", "root"]);
    assert!(state.doomed().next().is_none() && state.ending_clusters().next().is_none());
}

#[test]
fn a_workspace_waits_for_finalizers_and_says_so() {
    let mut group = Group::new();
    let mut content = workspace();
    content["metadata"]["finalizers"] = json!(["core.kcp.io/logicalcluster", "example.com/workspace"]);
    group.create_workspace("a", "root", &content);
    let kept = key("configmaps", "a", "default", "kept");
    group.put(&kept, &object("kept", "default", &["example.com/x"]));
    group.delete_workspace("a");
    group.settle();
    let shown_at = key("workspaces.tenancy.kcp.io", "root", "", "a");
    let shown = condition(&group.get(&shown_at).unwrap(), "WorkspaceContentDeleted");
    assert_eq!(
        (&shown["status"], &shown["severity"], &shown["reason"]),
        (&json!("False"), &json!("Info"), &json!("SomeResourcesRemain"))
    );
    assert_eq!(
        shown["message"],
        "Some resources are remaining: configmaps. has 1 resource instances; Some content in the logical cluster has finalizers remaining: example.com/workspace in 1 resource instances, example.com/x in 1 resource instances"
    );
    let namespace = group.get(&key("namespaces", "a", "", "default")).unwrap();
    assert_eq!(namespace["status"]["phase"], "Terminating");
    let description = group.get(&key("logicalclusters.core.kcp.io", "a", "", "cluster")).unwrap();
    assert_eq!(description["status"]["phase"], "Deleting");
    group.apply(vec![Operation::Delete(kept)]);
    group.settle();
    let shown = condition(&group.get(&shown_at).unwrap(), "WorkspaceContentDeleted");
    assert_eq!(shown["reason"], "SomeFinalizersRemain");
    // The last finalizer goes: the home's row is written, as the API does it.
    let state = group.state();
    let row = &state.tree().get(&cluster("a")).unwrap().row;
    let mut content: Value = serde_json::from_slice(&row.content).unwrap();
    content["metadata"]["finalizers"] = json!(["core.kcp.io/logicalcluster"]);
    let content = Bytes::from(content.to_string());
    group.apply(vec![Operation::UpdateWorkspace { id: cluster("a"), version: row.version, content, deleting: true }]);
    group.settle();
    assert!(group.state().cluster(&cluster("a")).is_none() && group.get(&shown_at).is_none());
}

#[test]
fn a_workspace_with_a_row_at_its_limit_can_still_be_deleted() {
    let mut group = Group::new();
    group.create_workspace("a", "root", &workspace());
    let mut large = workspace();
    large["metadata"]["annotations"] = json!({"large": "x".repeat(250 * 1024)});
    group.create_workspace("b", "a", &large);
    group.put(&key("configmaps", "b", "default", "kept"), &object("kept", "default", &["example.com/x"]));
    group.delete_workspace("a");
    group.settle();
    let shown = group.get(&key("workspaces.tenancy.kcp.io", "a", "", "b")).unwrap();
    assert_eq!(shown["status"]["phase"], "Deleting");
    assert_eq!(condition(&shown, "WorkspaceContentDeleted")["status"], "False");
    group.apply(vec![Operation::Delete(key("configmaps", "b", "default", "kept"))]);
    group.settle();
    assert_eq!(group.state().clusters().count(), 1);
}

#[test]
fn a_writer_who_is_always_faster_does_not_stop_the_rest_from_going() {
    let mut group = Group::new();
    let busy = key("leases.coordination.k8s.io", "root", "a", "busy");
    group.put(&busy, &object("busy", "a", &["example.com/x"]));
    for number in 0..100 {
        let name = format!("c{number}");
        group.put(&key("configmaps", "root", "a", &name), &object(&name, "a", &[]));
    }
    group.delete_namespace("root", "a");
    let home = Arc::clone(&group.home);
    let mut rounds = 0;
    group.settle_with(|_| {
        rounds += 1;
        if rounds < 40 {
            let renewed = Operation::Put(busy.clone(), draft(&object("busy", "a", &["example.com/x"])));
            home.apply(&[Txn { time_ms: WALL_MS, preconditions: Vec::new(), operations: vec![renewed] }]);
        }
        Fate::Answered
    });
    assert_eq!(group.state().namespace_content(&cluster("root"), "a", None).count(), 1);
    assert!(group.get(&busy).unwrap()["metadata"]["deletionTimestamp"].is_string());
}

#[test]
fn old_events_go_and_young_ones_stay() {
    let mut group = Group::new();
    let minute = 60_000;
    let time = |ms: u64| crate::object::written_time(ms);
    let event = |name: &str, fields: Value| {
        let mut value = object(name, "a", &[]);
        value.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        (key("events", "root", "a", name), value)
    };
    let events = [
        event("old", json!({"lastTimestamp": time(WALL_MS - EVENT_KEPT_MS - minute)})),
        event("young", json!({"lastTimestamp": time(WALL_MS - 30 * minute), "eventTime": null})),
        event(
            "series",
            json!({"eventTime": "2026-11-22T01:00:00.000000Z", "series": {"lastObservedTime": "2026-11-22T11:50:00.000000Z"}}),
        ),
        event("future", json!({"lastTimestamp": "3000-01-01T00:00:00Z"})),
        event("timeless", json!({"message": "x"})),
        event(
            "written",
            json!({"metadata": {"name": "written", "namespace": "a", "resourceVersion": "",
                "managedFields": [{"time": "2026-11-22T11:20:00Z"}, {"time": "2026-11-22T09:00:00Z"}]},
                "lastTimestamp": time(WALL_MS - 3 * EVENT_KEPT_MS)}),
        ),
    ];
    for (key, value) in &events {
        group.put(key, value);
    }
    let left = |group: &Group| -> Vec<String> {
        group.state().namespace_content(&cluster("root"), "a", None).map(|key| key.name().to_owned()).collect()
    };
    assert_eq!(group.settle(), 1);
    assert_eq!(left(&group), ["future", "series", "timeless", "written", "young"]);
    assert!(group.desk.due().is_some_and(|due| due >= group.now.monotonic + Duration::from_secs(60)));
    // Seen again, it lives on.
    group.put(&events[1].0, &event("young", json!({"lastTimestamp": time(WALL_MS + 20 * minute)})).1);
    let mut pass = |minutes: u64, expected: &[&str]| {
        group.now.wall_ms += minutes * minute;
        group.now.monotonic += Duration::from_secs(minutes * 60);
        group.settle();
        assert_eq!(left(&group), expected, "after {minutes} minutes more");
    };
    pass(31, &["future", "series", "timeless", "young"]);
    pass(20, &["future", "timeless", "young"]);
    pass(15, &["young"]);
    pass(30, &[]);
    assert_eq!(group.desk.due(), None, "without events there is nothing to wait for");
}

/// A random group: workspaces below each other, namespaces and objects in them, and which of them are deleted.
fn any_group() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..40)
}

fn built(plan: &[(u8, u8, u8)]) -> Group {
    let group = Group::new();
    let mut clusters = vec!["root".to_owned()];
    for (number, (what, place, how)) in plan.iter().enumerate() {
        let home = clusters[usize::from(*place) % clusters.len()].clone();
        let deleting = group.state().cluster(&cluster(&home)).is_some_and(|cluster| cluster.deleting);
        let name = format!("n{number}");
        let namespace_name = if how % 2 == 0 { "default" } else { "x" };
        match what % 8 {
            0 | 1 if !deleting => {
                group.create_workspace(&name, &home, &workspace());
                clusters.push(name);
            }
            2 if home != "root" && !deleting => group.delete_workspace(&home),
            3 if home != "root" => group.delete_namespace(&home, namespace_name),
            4 => group.put(&key("secrets", &home, namespace_name, &name), &object(&name, namespace_name, &["a.b/c"])),
            5 => {
                let mut value = object(&name, "", &["a.b/c"]);
                begin_deletion(&mut value, WALL_MS);
                group.put(&key("widgets.example.com", &home, "", &name), &value);
            }
            _ => group.put(&key("configmaps", &home, namespace_name, &name), &object(&name, namespace_name, &[])),
        }
    }
    group
}

proptest! {
    #[test]
    fn whatever_is_lost_in_between_the_end_is_the_same(plan in any_group(), fates in prop::collection::vec(0_u8..8, 0..60)) {
        let mut undisturbed = built(&plan);
        undisturbed.settle();
        let mut disturbed = built(&plan);
        let mut fates = fates.into_iter();
        disturbed.settle_with(|_| match fates.next() {
            Some(0) => Fate::Crash,
            Some(1) => Fate::CrashAfter,
            Some(2) => Fate::Lost,
            Some(3) => Fate::Unknown,
            Some(4) => Fate::Twice,
            _ => Fate::Answered,
        });
        assert!(disturbed.picture() == undisturbed.picture(), "what was lost in between has changed the end");
        // At rest means at rest, for a new leader too.
        let before = disturbed.picture();
        disturbed.desk = Desk::default();
        assert_eq!(disturbed.settle(), 0);
        assert!(disturbed.picture() == before, "a new leader changes what was at rest");
    }
}
