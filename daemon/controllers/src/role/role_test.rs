//! Roles that are made of others.

use hanse_store::key::Key;
use serde_json::{Value, json};

use super::CLUSTER_ROLES;
use crate::desk::Desk;
use crate::rig_test::{Group, key, object};

fn role_key(name: &str) -> Key {
    key(CLUSTER_ROLES, "root", "", name)
}

fn rule(verb: &str, resource: &str) -> Value {
    json!({"verbs": [verb], "apiGroups": [""], "resources": [resource]})
}

fn role(name: &str, label: &str, rules: &[Value]) -> Value {
    let mut value = object(name, "", &[]);
    value["metadata"]["labels"] = json!({(label): "true"});
    value["rules"] = rules.into();
    value
}

fn made_of(name: &str, labels: &[&str]) -> Value {
    let mut value = object(name, "", &[]);
    let selectors = labels.iter().map(|label| json!({"matchLabels": {(*label): "true"}}));
    value["aggregationRule"] = json!({"clusterRoleSelectors": selectors.collect::<Vec<_>>()});
    value["rules"] = Value::Null;
    value
}

fn rules(group: &Group, name: &str) -> Value {
    group.get(&role_key(name)).unwrap()["rules"].clone()
}

#[test]
fn a_role_has_the_rules_of_those_that_it_selects() {
    let mut group = Group::new();
    group.put(&role_key("made"), &made_of("made", &["b", "a"]));
    let (get, list) = (rule("get", "pods"), rule("list", "pods"));
    group.put(&role_key("x"), &role("x", "a", &[get.clone(), list.clone()]));
    group.put(&role_key("z"), &role("z", "b", &[rule("z", "z"), rule("z", "z")]));
    group.put(&role_key("y"), &role("y", "b", &[list.clone(), json!({"nonResourceURLs": ["/x"], "verbs": ["get"]})]));
    group.put(&role_key("other"), &role("other", "c", &[rule("other", "other")]));
    group.settle();
    let expected = json!([list, {"verbs": ["get"], "nonResourceURLs": ["/x"]}, rule("z", "z"), get]);
    assert_eq!(rules(&group, "made"), expected, "selector by selector, by name, each rule once");
    group.delete(&role_key("y"));
    group.settle();
    assert_eq!(rules(&group, "made"), json!([rule("z", "z"), get, list]));
    for name in ["x", "z"] {
        group.delete(&role_key(name));
    }
    group.settle();
    assert_eq!(rules(&group, "made"), json!([]));
    assert_eq!(group.settle(), 0);
}

#[test]
fn the_rules_of_an_aggregated_role_are_its_controllers() {
    let mut group = Group::new();
    let mut value = made_of("made", &["a"]);
    value["kind"] = "ClusterRole".into();
    value["apiVersion"] = "rbac.authorization.k8s.io/v1".into();
    group.put(&role_key("made"), &value);
    group.put(&role_key("x"), &role("x", "a", &[rule("get", "pods")]));
    group.settle();
    let shown = group.get(&role_key("made")).unwrap();
    assert_eq!(shown["rules"], json!([rule("get", "pods")]));
    let managers = shown["metadata"]["managedFields"].as_array().unwrap();
    let own = managers.iter().find(|entry| entry["manager"] == "clusterrole-aggregation-controller").unwrap();
    assert_eq!((&own["operation"], &own["fieldsV1"]), (&json!("Apply"), &json!({"f:rules": {}})));
    assert_eq!(shown["aggregationRule"], value["aggregationRule"]);
    assert_eq!(group.settle(), 0);
    group.delete(&role_key("x"));
    group.settle();
    assert_eq!(group.get(&role_key("made")).unwrap()["rules"], json!([]));
    assert_eq!(group.settle(), 0);
}

#[test]
fn roles_that_are_made_of_each_other_come_to_rest() {
    let mut group = Group::new();
    for (name, label, selects) in [("a", "in-b", "in-a"), ("b", "in-a", "in-b"), ("c", "in-c", "in-c")] {
        let mut value = made_of(name, &[selects]);
        value["metadata"]["labels"] = json!({(label): "true"});
        group.put(&role_key(name), &value);
    }
    group.put(&role_key("x"), &role("x", "in-a", &[rule("get", "x")]));
    group.put(&role_key("y"), &role("y", "in-b", &[rule("get", "y")]));
    group.settle();
    let sorted = |name: &str| {
        let mut list: Vec<String> = rules(&group, name).as_array().unwrap().iter().map(Value::to_string).collect();
        list.sort();
        list
    };
    assert_eq!(sorted("a"), [rule("get", "x").to_string(), rule("get", "y").to_string()]);
    assert_eq!(sorted("b"), sorted("a"));
    assert_eq!(rules(&group, "c"), Value::Null, "a role is not made of itself");
    // A new leader finds what nobody has done.
    group.put(&role_key("x"), &role("x", "in-a", &[rule("list", "x")]));
    group.desk = Desk::default();
    group.settle();
    assert!(rules(&group, "a").to_string().contains("list"));
}

#[test]
fn a_role_by_expressions_and_one_with_a_broken_selector() {
    let mut group = Group::new();
    let mut value = object("made", "", &[]);
    value["aggregationRule"] =
        json!({"clusterRoleSelectors": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]});
    group.put(&role_key("made"), &value);
    let mut broken = made_of("broken", &["a"]);
    broken["aggregationRule"]["clusterRoleSelectors"][0]["matchExpressions"] = json!([{"key": "a", "operator": "Wat"}]);
    broken["rules"] = json!([rule("keep", "me")]);
    group.put(&role_key("broken"), &broken);
    group.put(&role_key("x"), &role("x", "a", &[rule("get", "pods")]));
    group.settle();
    assert_eq!(rules(&group, "made"), json!([rule("get", "pods")]));
    assert_eq!(rules(&group, "broken"), json!([rule("keep", "me")]));
}
