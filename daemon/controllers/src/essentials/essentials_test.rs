//! What a namespace cannot be without.

use std::collections::BTreeSet;

use hanse_store::key::Key;
use hanse_store::txn::Operation;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::object::draft;
use crate::rig_test::{Group, cluster, key, namespace, object};
use crate::settings::Settings;

fn settings(root_ca: Option<&str>) -> Settings {
    Settings { root_ca: root_ca.map(Into::into), service_accounts: true, ..Settings::default() }
}

fn group(root_ca: Option<&str>) -> Group {
    let mut group = Group::new();
    group.desk = Desk::new(settings(root_ca));
    group
}

fn account(name: &str) -> Key {
    key("serviceaccounts", "root", name, "default")
}

fn certificates(name: &str) -> Key {
    key("configmaps", "root", name, "kube-root-ca.crt")
}

#[test]
fn what_is_taken_out_of_a_namespace_comes_back() {
    let mut group = group(Some("PEM"));
    group.put(&key("namespaces", "root", "", "a"), &namespace("a"));
    assert_eq!(group.settle(), 1);
    let shown = group.get(&certificates("a")).unwrap();
    assert_eq!(shown["data"], json!({"ca.crt": "PEM"}));
    assert_eq!((&shown["kind"], &shown["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
    let description = shown["metadata"]["annotations"]["kubernetes.io/description"].as_str().unwrap();
    assert!(description.starts_with("Contains a CA bundle") && description.ends_with("Kubernetes clusters."));
    assert!(!description.contains("  "));
    assert_eq!(group.settle(), 0);
    let mut uids = BTreeSet::new();
    for key in [account("a"), certificates("a"), account("a")] {
        group.delete(&key);
        assert_eq!(group.settle(), 1);
        for key in [account("a"), certificates("a")] {
            let uid = group.get(&key).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
            assert_eq!(uid.len(), 36);
            uids.insert(uid);
        }
    }
    assert_eq!(uids.len(), 4, "what comes back is another object");
    // Whatever else is there is the user's own.
    group.put(&key("configmaps", "root", "a", "other"), &object("other", "a", &[]));
    group.delete(&key("configmaps", "root", "a", "other"));
    assert_eq!(group.settle(), 0);
}

#[test]
fn altered_certificates_are_put_right() {
    let mut group = group(Some("PEM"));
    group.put(&key("namespaces", "root", "", "a"), &namespace("a"));
    group.settle();
    let good = group.get(&certificates("a")).unwrap();
    let edits: [fn(&mut Value); 4] = [
        |value| value["data"]["ca.crt"] = "evil".into(),
        |value| value["data"]["more"] = "x".into(),
        |value| value["data"] = json!(7),
        |value| value["metadata"]["annotations"]["kubernetes.io/description"] = "".into(),
    ];
    for edit in edits {
        let mut value = good.clone();
        edit(&mut value);
        value["metadata"]["labels"] = json!({"mine": "x"});
        group.put(&certificates("a"), &value);
        assert_eq!(group.settle(), 1);
        let shown = group.get(&certificates("a")).unwrap();
        assert_eq!((&shown["data"], &shown["metadata"]["labels"]["mine"]), (&good["data"], &json!("x")));
        assert_eq!(shown["metadata"]["annotations"], good["metadata"]["annotations"]);
    }
    let mut fine = good;
    fine["metadata"]["annotations"]["kubernetes.io/description"] = "my own words".into();
    group.put(&certificates("a"), &fine);
    assert_eq!(group.settle(), 0, "the words may be others");
}

#[test]
fn a_new_leader_brings_new_certificates_everywhere() {
    let mut group = group(Some("old"));
    let puts = (0..1_200).map(|number| {
        let name = format!("n{number}");
        Operation::Put(key("namespaces", "root", "", &name), draft(&namespace(&name)))
    });
    group.apply(puts.collect());
    group.settle();
    group.desk = Desk::new(settings(Some("new")));
    group.settle();
    let names = ["n0", "n599", "n1199"];
    assert!(names.iter().all(|name| group.get(&certificates(name)).unwrap()["data"]["ca.crt"] == "new"));
    group.desk = Desk::new(settings(Some("new")));
    assert_eq!(group.settle(), 0);
}

#[test]
fn a_namespace_on_its_way_out_is_left_to_go() {
    let mut group = group(Some("PEM"));
    group.put(&key("namespaces", "root", "", "a"), &namespace("a"));
    group.put(&key("secrets", "root", "a", "kept"), &object("kept", "a", &["example.com/x"]));
    group.settle();
    group.delete_namespace("root", "a");
    group.settle();
    assert!(!group.exists(&account("a")) && !group.exists(&certificates("a")));
    group.delete(&key("secrets", "root", "a", "kept"));
    group.settle();
    assert_eq!(group.state().namespace_content(&cluster("root"), "a", None).count(), 0);
    assert!(!group.exists(&key("namespaces", "root", "", "a")));
}

#[test]
fn without_certificates_there_is_no_config_map() {
    let mut group = group(None);
    group.put(&key("namespaces", "root", "", "a"), &namespace("a"));
    group.settle();
    assert!(group.exists(&account("a")) && !group.exists(&certificates("a")));
}
