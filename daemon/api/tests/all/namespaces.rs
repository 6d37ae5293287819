//! The life of a namespace.

use serde_json::json;

use crate::fixture::{map, region};

const PATH: &str = "/api/v1/namespaces";

#[tokio::test]
async fn a_namespace_begins_with_its_service_account() {
    let region = region();
    let before = region.home_revision();
    let namespace = region.post(PATH, &json!({"metadata": {"name": "n"}})).await.expect(201);
    assert_eq!(namespace["metadata"]["labels"], json!({"kubernetes.io/metadata.name": "n"}));
    assert_eq!(namespace["spec"], json!({"finalizers": ["kubernetes"]}));
    assert_eq!(namespace["status"], json!({"phase": "Active"}));
    assert_eq!(namespace["metadata"]["resourceVersion"], (before + 1).to_string());
    assert_eq!(region.home_revision(), before + 2, "both come in one transaction");
    let account = region.get(&format!("{PATH}/n/serviceaccounts/default")).await.expect(200);
    assert_eq!(account["metadata"]["resourceVersion"], (before + 2).to_string());
}

#[tokio::test]
async fn a_namespace_that_is_deleted_waits_for_its_finalizer_and_takes_nothing_new() {
    let region = region();
    let made = region.post(PATH, &json!({"metadata": {"name": "n"}})).await.expect(201);
    let dry = region.delete(&format!("{PATH}/n?dryRun=All")).await.expect(200);
    assert_eq!(dry["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    let marked = region.delete(&format!("{PATH}/n")).await.expect(200);
    assert_eq!(marked["status"]["phase"], "Terminating");
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    let refused = region.post(&format!("{PATH}/n/configmaps"), &map("a", &json!({}))).await.expect(403);
    assert_eq!(
        refused["message"],
        r#"configmaps "a" is forbidden: unable to create new content in namespace n because it is being terminated"#
    );
    let cause = json!({"reason": "NamespaceTerminating", "message": "namespace n is being terminated", "field": "metadata.namespace"});
    assert_eq!(refused["details"]["causes"], json!([cause]));
    let dry = region.post(&format!("{PATH}/n/configmaps?dryRun=All"), &map("a", &json!({}))).await.expect(403);
    assert_eq!(dry["details"]["causes"], refused["details"]["causes"]);
    let mut finalized = marked.clone();
    finalized["spec"] = json!({});
    let last = region.put(&format!("{PATH}/n/finalize"), &finalized).await.expect(200);
    assert_eq!(last["metadata"]["name"], "n");
    assert_eq!(region.get(&format!("{PATH}/n")).await.status, 404);
}

#[tokio::test]
async fn the_finalizers_of_a_namespace_are_only_replaced() {
    let region = region();
    let namespace = region.post(PATH, &json!({"metadata": {"name": "n"}})).await.expect(201);
    let path = format!("{PATH}/n/finalize");
    assert_eq!(region.get(&path).await.status, 405);
    assert_eq!(region.merge(&path, &json!({"spec": {"finalizers": []}})).await.status, 405);
    assert_eq!(region.delete(&path).await.status, 405);
    assert_eq!(region.post(&path, &namespace).await.status, 405);
    assert_eq!(region.put(&path, &namespace).await.status, 200);
}

#[tokio::test]
async fn each_part_of_a_namespace_is_written_by_its_own_path() {
    let region = region();
    let namespace = region.post(PATH, &json!({"metadata": {"name": "n"}})).await.expect(201);
    let mut other = namespace.clone();
    other["spec"] = json!({});
    other["status"] = json!({"phase": "Terminating"});
    assert_eq!(region.put(&format!("{PATH}/n"), &other).await.expect(200), namespace, "spec and status stay");
    let status = json!({"status": {"conditions": [{"type": "C", "status": "True"}]}});
    let changed = region.merge(&format!("{PATH}/n/status"), &status).await.expect(200);
    assert_eq!(changed["status"]["conditions"][0]["type"], "C");
    assert_eq!(region.get(&format!("{PATH}/n/status")).await.expect(200), changed);
    let finalizers = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}, "spec": {"finalizers": ["kubernetes", "example.com/x"]}});
    let more = region.put(&format!("{PATH}/n/finalize"), &finalizers).await.expect(200);
    assert_eq!(more["spec"]["finalizers"], json!(["kubernetes", "example.com/x"]));
    assert_eq!(region.get(&format!("{PATH}/n/scale")).await.status, 404);
}
