//! What the status of a quota says.

use std::time::Duration;

use hanse_store::key::Key;
use hanse_store::txn::Operation;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::object::draft;
use crate::rig_test::{Group, key, object};

fn quota(name: &str) -> Key {
    key("resourcequotas", "root", "a", name)
}

fn limits(name: &str, hard: Value) -> Value {
    let mut value = object(name, "a", &[]);
    value["spec"] = json!({"hard": hard});
    value
}

fn create(group: &Group, resource: &str, names: std::ops::Range<usize>) {
    let puts = names.map(|number| {
        let name = format!("o{number}");
        Operation::Put(key(resource, "root", "a", &name), draft(&object(&name, "a", &[])))
    });
    group.apply(puts.collect());
}

fn used(group: &Group, name: &str) -> Value {
    group.get(&quota(name)).unwrap()["status"]["used"].clone()
}

#[test]
fn a_quota_tells_what_is_used_of_all_that_it_limits() {
    let mut group = Group::new();
    create(&group, "configmaps", 0..3);
    create(&group, "widgets.example.com", 0..1_500);
    group.put(&key("configmaps", "root", "b", "elsewhere"), &object("elsewhere", "b", &[]));
    let hard = json!({"count/configmaps": "5", "configmaps": "5", "count/widgets.example.com": "2k", "secrets": "1",
        "count/secrets": "0", "resourcequotas": "1", "pods": "10", "requests.cpu": "1", "services.nodeports": "0",
        "gold.storageclass.storage.k8s.io/requests.storage": "1Gi", "count/events.events.k8s.io": "9",
        "example.com/unknown": "1"});
    group.put(&quota("q"), &limits("q", hard.clone()));
    group.settle();
    let expected = json!({"count/configmaps": "3", "configmaps": "3", "count/widgets.example.com": "1500", "secrets": "0",
        "count/secrets": "0", "resourcequotas": "1", "pods": "0", "requests.cpu": "0", "services.nodeports": "0",
        "gold.storageclass.storage.k8s.io/requests.storage": "0", "count/events.events.k8s.io": "0"});
    assert_eq!(used(&group, "q"), expected);
    assert_eq!(group.get(&quota("q")).unwrap()["status"]["hard"], hard);
    assert_eq!(group.settle(), 0);
}

#[test]
fn the_status_follows_what_comes_and_goes_and_a_new_limit() {
    let mut group = Group::new();
    group.put(&quota("q"), &limits("q", json!({"configmaps": "5"})));
    group.settle();
    assert_eq!(used(&group, "q"), json!({"configmaps": "0"}));
    create(&group, "configmaps", 0..2);
    group.settle();
    assert_eq!(used(&group, "q"), json!({"configmaps": "2"}));
    group.delete(&key("configmaps", "root", "a", "o0"));
    group.settle();
    assert_eq!(used(&group, "q"), json!({"configmaps": "1"}));
    let mut value = group.get(&quota("q")).unwrap();
    value["spec"]["hard"] = json!({"secrets": "7"});
    group.put(&quota("q"), &value);
    group.settle();
    let status = &group.get(&quota("q")).unwrap()["status"];
    assert_eq!(*status, json!({"hard": {"secrets": "7"}, "used": {"secrets": "0"}}));
    // A second quota, and a leader who has seen nothing of it.
    group.put(&quota("r"), &limits("r", json!({"resourcequotas": "2"})));
    group.desk = Desk::default();
    group.settle();
    assert_eq!(used(&group, "r"), json!({"resourcequotas": "2"}));
}

#[test]
fn the_status_is_the_controllers_and_the_limits_are_the_users() {
    let mut group = Group::new();
    let mut value = limits("q", json!({"configmaps": "5"}));
    value["kind"] = "ResourceQuota".into();
    value["apiVersion"] = "v1".into();
    value["metadata"]["managedFields"] = json!([{"manager": "me", "operation": "Update", "apiVersion": "v1",
        "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:hard": {"f:configmaps": {}}}}}]);
    group.put(&quota("q"), &value);
    group.settle();
    let shown = group.get(&quota("q")).unwrap();
    let managers = shown["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(managers.len(), 2);
    let own = managers.iter().find(|entry| entry["manager"] == "kube-controller-manager").unwrap();
    assert_eq!((&own["operation"], &own["subresource"]), (&json!("Update"), &json!("status")));
    let fields = own["fieldsV1"].as_object().unwrap().keys().collect::<Vec<_>>();
    assert_eq!(fields, ["f:status"]);
}

#[test]
fn a_burst_of_objects_costs_few_writes() {
    let mut group = Group::new();
    group.put(&quota("q"), &limits("q", json!({"configmaps": "500"})));
    group.settle();
    let mut writes = 0;
    for number in 0..100 {
        create(&group, "configmaps", number..number + 1);
        let state = group.state();
        group.desk.observe(&state, group.now);
        for work in group.desk.plan(&state, group.now) {
            writes += 1;
            let outcome = group.home.apply(&[work.txn]).remove(0);
            group.desk.answered(work.item, &crate::desk::Answer::Outcome(outcome), group.now);
        }
        group.now.monotonic += Duration::from_millis(10);
    }
    writes += group.settle();
    assert!(writes <= 3, "{writes} writes for a second of creations");
    assert_eq!(used(&group, "q"), json!({"configmaps": "100"}));
}

#[test]
fn a_quota_with_a_scope_counts_nothing_but_pods_and_where_there_is_none_nothing_is_done() {
    let mut group = Group::new();
    create(&group, "configmaps", 0..2);
    assert_eq!(group.settle(), 0);
    let mut value = limits("q", json!({"configmaps": "5"}));
    value["spec"]["scopes"] = json!(["BestEffort"]);
    group.put(&quota("q"), &value);
    group.settle();
    assert_eq!(used(&group, "q"), json!({"configmaps": "0"}));
    group.delete(&quota("q"));
    group.settle();
    assert_eq!(group.desk.due(), None);
}
