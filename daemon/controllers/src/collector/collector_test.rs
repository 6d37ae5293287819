//! What the garbage collector takes and what it leaves.

use hanse_schema::metadata::{FINALIZER_FOREGROUND, FINALIZER_ORPHAN};
use hanse_store::key::Key;
use hanse_store::txn::Operation;
use proptest::prelude::{any, prop, proptest};
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::object::{begin_deletion, draft};
use crate::rig_test::{Fate, Group, WALL_MS, cluster, key, namespace, object};

/// A config map in a namespace, whose uid is made of its name.
fn map(name: &str) -> Key {
    key("configmaps", "root", "a", name)
}

fn uid(name: &str) -> String {
    format!("uid-{name}")
}

/// A reference to such a config map.
fn owner(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid(name)})
}

fn blocking(name: &str) -> Value {
    let mut reference = owner(name);
    reference["blockOwnerDeletion"] = true.into();
    reference
}

fn owned(name: &str, owners: &[Value]) -> Value {
    let mut value = object(name, "a", &[]);
    value["apiVersion"] = "v1".into();
    value["kind"] = "ConfigMap".into();
    value["metadata"]["uid"] = uid(name).into();
    if !owners.is_empty() {
        value["metadata"]["ownerReferences"] = owners.into();
    }
    value
}

/// What the API server writes for a deletion with a policy that keeps the object.
fn ending(mut value: Value, finalizer: &str) -> Value {
    let mut finalizers = value["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    finalizers.push(finalizer.into());
    value["metadata"]["finalizers"] = finalizers.into();
    begin_deletion(&mut value, WALL_MS);
    value
}

fn put(group: &Group, name: &str, owners: &[Value]) {
    group.put(&map(name), &owned(name, owners));
}

fn group() -> Group {
    let group = Group::new();
    group.put(&key("namespaces", "root", "", "a"), &namespace("a"));
    group
}

fn names(group: &Group) -> Vec<String> {
    let state = group.state();
    state.namespace_content(&cluster("root"), "a", None).map(|key| key.name().to_owned()).collect()
}

fn owners_of(group: &Group, name: &str) -> Vec<String> {
    let value = group.get(&map(name)).unwrap();
    let list = value["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
    list.iter().map(|reference| reference["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_dependents_of_what_is_deleted_go_with_theirs() {
    let mut group = group();
    put(&group, "root", &[]);
    for child in 0..3 {
        let child = format!("child{child}");
        put(&group, &child, &[owner("root")]);
        for grandchild in 0..2 {
            put(&group, &format!("{child}-{grandchild}"), &[owner(&child)]);
        }
    }
    put(&group, "stranger", &[]);
    assert_eq!(group.settle(), 0, "nobody is without an owner");
    group.delete(&map("root"));
    group.settle();
    assert_eq!(names(&group), ["stranger"]);
}

#[test]
fn a_great_many_dependents_go_in_bounded_transactions() {
    let mut group = group();
    put(&group, "root", &[]);
    let puts = (0..1_700).map(|number| {
        let name = format!("c{number}");
        Operation::Put(map(&name), draft(&owned(&name, &[owner("root")])))
    });
    group.apply(puts.collect());
    group.settle();
    group.delete(&map("root"));
    let mut largest = 0;
    let submitted = group.settle_with(|txn| {
        largest = largest.max(txn.operations.len());
        Fate::Answered
    });
    assert_eq!((submitted, largest), (4, 500));
    assert!(names(&group).is_empty());
}

#[test]
fn an_object_whose_owner_was_never_there_goes() {
    let mut group = group();
    let cases = [
        ("absent", owner("absent-owner")),
        ("other-uid", json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "there", "uid": "another"})),
        ("other-kind", json!({"apiVersion": "v1", "kind": "Secret", "name": "there", "uid": uid("there")})),
        ("other-name", json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "elsewhere", "uid": uid("there")})),
    ];
    put(&group, "there", &[]);
    for (name, reference) in cases {
        put(&group, name, &[reference]);
    }
    put(&group, "fine", &[owner("there")]);
    group.settle();
    assert_eq!(names(&group), ["fine", "there"]);
}

#[test]
fn what_an_earlier_leader_has_not_done_is_found() {
    let mut group = group();
    put(&group, "owner", &[]);
    put(&group, "child", &[owner("owner")]);
    group.settle();
    group.delete(&map("owner"));
    group.desk = Desk::default();
    group.settle();
    assert!(names(&group).is_empty());
}

#[test]
fn a_dependent_with_another_owner_loses_only_the_reference() {
    let mut group = group();
    put(&group, "first", &[]);
    put(&group, "second", &[]);
    put(&group, "child", &[blocking("first"), owner("second")]);
    put(&group, "waiting", &[blocking("second"), blocking("first")]);
    group.settle();
    group.delete(&map("first"));
    group.settle();
    assert_eq!(
        (owners_of(&group, "child"), owners_of(&group, "waiting")),
        (vec!["second".into()], vec!["second".into()])
    );
    let third = owned("third", &[]);
    group.put(&map("third"), &third);
    put(&group, "child", &[owner("second"), blocking("third")]);
    group.settle();
    group.put(&map("third"), &ending(third, FINALIZER_FOREGROUND));
    group.settle();
    assert_eq!(owners_of(&group, "child"), ["second"], "a waiting owner is let go of, too");
    assert!(!group.exists(&map("third")));
}

#[test]
fn in_the_foreground_dependents_go_before_their_owner() {
    let mut group = group();
    let value = owned("owner", &[]);
    group.put(&map("owner"), &value);
    put(&group, "child", &[blocking("owner")]);
    put(&group, "grandchild", &[blocking("child")]);
    let mut kept = owned("kept", &[blocking("child")]);
    kept["metadata"]["finalizers"] = json!(["example.com/x"]);
    group.put(&map("kept"), &kept);
    put(&group, "free", &[owner("owner")]);
    group.settle();
    group.put(&map("owner"), &ending(value, FINALIZER_FOREGROUND));
    group.settle();
    assert_eq!(names(&group), ["child", "kept", "owner"], "the owner waits for its child, and that for what is kept");
    let child = group.get(&map("child")).unwrap();
    assert_eq!(child["metadata"]["finalizers"], json!([FINALIZER_FOREGROUND]));
    assert!(child["metadata"]["deletionTimestamp"].is_string());
    assert!(group.get(&map("kept")).unwrap()["metadata"]["deletionTimestamp"].is_string());
    group.delete(&map("kept"));
    group.settle();
    assert!(names(&group).is_empty());
}

#[test]
fn an_owner_waits_only_for_dependents_that_say_so() {
    let mut group = group();
    let value = owned("owner", &[]);
    group.put(&map("owner"), &value);
    let mut kept = owned("kept", &[owner("owner")]);
    kept["metadata"]["finalizers"] = json!(["example.com/x"]);
    group.put(&map("kept"), &kept);
    let mut blocks = owned("blocks", &[blocking("owner")]);
    blocks["metadata"]["finalizers"] = json!(["example.com/x"]);
    group.put(&map("blocks"), &blocks);
    group.put(&map("owner"), &ending(value, FINALIZER_FOREGROUND));
    group.settle();
    assert_eq!(names(&group), ["blocks", "kept", "owner"]);
    // It blocks no more.
    let mut blocks = group.get(&map("blocks")).unwrap();
    blocks["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = false.into();
    group.put(&map("blocks"), &blocks);
    group.settle();
    assert_eq!(names(&group), ["blocks", "kept"]);
}

#[test]
fn other_finalizers_of_an_owner_stay() {
    let mut group = group();
    let mut value = owned("owner", &[]);
    value["metadata"]["finalizers"] = json!(["example.com/x"]);
    group.put(&map("owner"), &ending(value, FINALIZER_FOREGROUND));
    group.settle();
    assert_eq!(group.get(&map("owner")).unwrap()["metadata"]["finalizers"], json!(["example.com/x"]));
}

#[test]
fn an_orphan_loses_its_owner_and_stays() {
    let mut group = group();
    let value = owned("owner", &[]);
    group.put(&map("owner"), &value);
    put(&group, "other", &[]);
    put(&group, "child", &[blocking("owner")]);
    put(&group, "shared", &[owner("owner"), owner("other")]);
    group.settle();
    group.put(&map("owner"), &ending(value, FINALIZER_ORPHAN));
    group.settle();
    assert_eq!(names(&group), ["child", "other", "shared"]);
    assert!(group.get(&map("child")).unwrap()["metadata"].get("ownerReferences").is_none());
    assert_eq!(owners_of(&group, "shared"), ["other"]);
}

#[test]
fn a_dependent_keeps_the_policy_that_its_finalizers_say() {
    let mut group = group();
    put(&group, "owner", &[]);
    let mut child = owned("child", &[owner("owner")]);
    child["metadata"]["finalizers"] = json!([FINALIZER_ORPHAN]);
    group.put(&map("child"), &child);
    put(&group, "grandchild", &[owner("child")]);
    group.settle();
    group.delete(&map("owner"));
    group.settle();
    assert_eq!(names(&group), ["grandchild"]);
    assert!(owners_of(&group, "grandchild").is_empty());
}

#[test]
fn circles_of_owners_come_to_an_end() {
    for length in 1..5 {
        let mut group = group();
        let name = |number: usize| format!("c{}", number % length);
        for number in 0..length {
            put(&group, &name(number), &[blocking(&name(number + 1))]);
        }
        assert_eq!(group.settle(), 0, "all have an owner");
        group.put(&map("c0"), &ending(owned("c0", &[blocking(&name(1))]), FINALIZER_FOREGROUND));
        group.settle();
        assert!(names(&group).is_empty(), "a circle of {length} is left");
    }
}

#[test]
fn those_that_wait_for_each_other_because_all_were_deleted_in_the_foreground_go() {
    for length in 2..5 {
        let mut group = group();
        let name = |number: usize| format!("c{}", number % length);
        for number in 0..length {
            let value = owned(&name(number), &[blocking(&name(number + 1))]);
            group.put(&map(&name(number)), &ending(value, FINALIZER_FOREGROUND));
        }
        group.settle();
        assert!(names(&group).is_empty(), "a circle of {length} is left");
    }
}

#[test]
fn an_owner_of_an_unknown_kind_keeps_its_dependents_until_its_definition_comes() {
    let mut group = group();
    let reference = |uid: &str| json!({"apiVersion": "example.com/v1", "kind": "Widget", "name": "w", "uid": uid});
    put(&group, "child", &[reference("uid-w")]);
    put(&group, "stray", &[reference("another")]);
    group.settle();
    assert_eq!(names(&group), ["child", "stray"]);
    let mut widget = object("w", "a", &[]);
    widget["metadata"]["uid"] = "uid-w".into();
    group.put(&key("widgets.example.com", "root", "a", "w"), &widget);
    let mut definition = object("widgets.example.com", "", &[]);
    definition["spec"] = json!({"group": "example.com", "scope": "Namespaced", "names": {"kind": "Widget"},
        "versions": [{"name": "v1", "served": true}]});
    let definition_key = key("customresourcedefinitions.apiextensions.k8s.io", "root", "", "widgets.example.com");
    group.put(&definition_key, &definition);
    group.settle();
    assert_eq!(names(&group), ["child", "w"]);
    group.delete(&key("widgets.example.com", "root", "a", "w"));
    group.settle();
    assert!(names(&group).is_empty());
}

#[test]
fn a_custom_owner_is_found_by_the_scope_of_its_definition() {
    let mut group = group();
    let mut definition = object("mice.example.com", "", &[]);
    definition["spec"] = json!({"group": "example.com", "scope": "Cluster", "names": {"kind": "Mouse"},
        "versions": [{"name": "v1", "served": true}, {"name": "v0", "served": false}]});
    group.put(&key("customresourcedefinitions.apiextensions.k8s.io", "root", "", "mice.example.com"), &definition);
    let mut mouse = object("m", "", &[]);
    mouse["metadata"]["uid"] = "uid-m".into();
    group.put(&key("mice.example.com", "root", "", "m"), &mouse);
    let reference = |version: &str| json!({"apiVersion": format!("example.com/{version}"), "kind": "Mouse", "name": "m", "uid": "uid-m"});
    put(&group, "child", &[reference("v1")]);
    put(&group, "unserved", &[reference("v0")]);
    group.settle();
    assert_eq!(names(&group), ["child", "unserved"]);
    group.delete(&key("mice.example.com", "root", "", "m"));
    group.settle();
    assert!(names(&group).is_empty(), "a uid that was seen to go is gone under any name");
}

#[test]
fn an_owner_in_another_namespace_is_none_and_the_user_is_told() {
    let mut group = group();
    group.put(&key("namespaces", "root", "", "b"), &namespace("b"));
    group.put(&key("namespaces", "root", "", "default"), &namespace("default"));
    let mut elsewhere = owned("elsewhere", &[]);
    elsewhere["metadata"]["namespace"] = "b".into();
    group.put(&key("configmaps", "root", "b", "elsewhere"), &elsewhere);
    let mut kept = owned("kept", &[owner("elsewhere")]);
    kept["metadata"]["finalizers"] = json!(["example.com/x"]);
    group.put(&map("kept"), &kept);
    put(&group, "child", &[owner("elsewhere")]);
    let mut wide = object("wide", "", &[]);
    wide["metadata"]["ownerReferences"] = json!([owner("elsewhere")]);
    group.put(&key("clusterroles.rbac.authorization.k8s.io", "root", "", "wide"), &wide);
    group.settle();
    assert!(!group.exists(&map("child")));
    assert!(group.get(&map("kept")).unwrap()["metadata"]["deletionTimestamp"].is_string());
    assert!(group.exists(&key("clusterroles.rbac.authorization.k8s.io", "root", "", "wide")));
    let events = |namespace: &str| -> Vec<Value> {
        let (state, root) = (group.state(), cluster("root"));
        let keys = state.namespace_content(&root, namespace, None).filter(|key| key.resource() == "events");
        keys.map(|key| group.get(key).unwrap()).collect()
    };
    assert_eq!((events("a").len(), events("default").len()), (2, 1));
    let event = &events("a")[0];
    assert_eq!(event["reason"], "OwnerRefInvalidNamespace");
    assert_eq!(
        event["message"],
        "ownerRef [v1/ConfigMap, namespace: a, name: elsewhere, uid: uid-elsewhere] does not exist in namespace \"a\""
    );
    assert_eq!(event["involvedObject"]["name"], "child");
}

#[test]
fn what_belongs_to_nobody_costs_nothing() {
    let mut group = group();
    group.settle();
    for number in 0..100 {
        put(&group, &format!("c{number}"), &[]);
        group.delete(&map(&format!("c{number}")));
    }
    assert_eq!(group.settle(), 0);
    assert_eq!(group.desk.due(), None);
}

#[test]
fn a_namespace_and_a_definition_that_are_owned_end_as_they_do() {
    let mut group = group();
    let mut owner = object("owner", "", &[]);
    owner["metadata"]["uid"] = "uid-owner".into();
    let owner_key = key("namespaces", "root", "", "owner");
    group.put(&owner_key, &owner);
    let reference = json!([{"apiVersion": "v1", "kind": "Namespace", "name": "owner", "uid": "uid-owner"}]);
    let mut owned_namespace = namespace("owned");
    owned_namespace["metadata"]["ownerReferences"] = reference.clone();
    group.put(&key("namespaces", "root", "", "owned"), &owned_namespace);
    let kept = key("configmaps", "root", "owned", "kept");
    group.put(&kept, &object("kept", "owned", &["example.com/x"]));
    let definition_key = key("customresourcedefinitions.apiextensions.k8s.io", "root", "", "widgets.example.com");
    let mut definition = object("widgets.example.com", "", &[]);
    definition["metadata"]["ownerReferences"] = reference;
    group.put(&definition_key, &definition);
    let widget = key("widgets.example.com", "root", "a", "w");
    group.put(&widget, &object("w", "a", &["example.com/x"]));
    group.settle();
    group.delete(&owner_key);
    group.settle();
    assert_eq!(group.get(&key("namespaces", "root", "", "owned")).unwrap()["status"]["phase"], "Terminating");
    assert!(group.get(&definition_key).unwrap()["metadata"]["deletionTimestamp"].is_string());
    assert!(group.get(&widget).unwrap()["metadata"]["deletionTimestamp"].is_string());
    group.delete(&kept);
    group.delete(&widget);
    group.settle();
    assert!(!group.exists(&key("namespaces", "root", "", "owned")) && !group.exists(&definition_key));
}

/// Config maps that own each other at random, some of which are deleted in one of the three ways.
fn built(plan: &[(u8, u8, u8)]) -> Group {
    let group = group();
    let count = plan.len();
    let name = |number: usize| format!("c{number}");
    let value = |number: usize, first: u8, second: u8| {
        let mut owners = Vec::new();
        for (choice, target) in [(first, usize::from(first) % count), (second, usize::from(second) % count)] {
            match choice % 5 {
                0 | 1 => owners.push(blocking(&name(target))),
                2 => owners.push(owner(&name(target))),
                _ => {}
            }
        }
        owned(&name(number), &owners)
    };
    let puts = plan
        .iter()
        .enumerate()
        .map(|(number, (first, second, _))| Operation::Put(map(&name(number)), draft(&value(number, *first, *second))));
    group.apply(puts.collect());
    for (number, (first, second, fate)) in plan.iter().enumerate() {
        let value = value(number, *first, *second);
        match fate % 12 {
            0 => group.delete(&map(&name(number))),
            1 => group.put(&map(&name(number)), &ending(value, FINALIZER_FOREGROUND)),
            2 => group.put(&map(&name(number)), &ending(value, FINALIZER_ORPHAN)),
            _ => {}
        }
    }
    group
}

proptest! {
    #[test]
    fn in_the_end_every_owner_is_there_and_nobody_waits(
        plan in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..24),
        fates in prop::collection::vec(0_u8..8, 0..40),
    ) {
        let mut group = built(&plan);
        let mut fates = fates.into_iter();
        group.settle_with(|_| match fates.next() {
            Some(0) => Fate::Crash,
            Some(1) => Fate::CrashAfter,
            Some(2) => Fate::Lost,
            Some(3) => Fate::Unknown,
            Some(4) => Fate::Twice,
            _ => Fate::Answered,
        });
        let state = group.state();
        assert_eq!(state.awaiting_collection().count(), 0, "an owner waits for ever");
        for name in names(&group) {
            for owner in owners_of(&group, &name) {
                assert!(group.exists(&map(&owner)), "{name} belongs to {owner}, which is gone");
            }
        }
        group.desk = Desk::default();
        assert_eq!(group.settle(), 0, "a new leader finds nothing to do");
    }
}
