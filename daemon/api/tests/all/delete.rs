//! Delete and deletecollection.

use serde_json::{Value, json};

use crate::fixture::{MAPS, map, region};

#[tokio::test]
async fn what_is_deleted_is_gone() {
    let region = region();
    let object = region.map("a", &json!({})).await;
    let status = region.delete(&format!("{MAPS}/a")).await.expect(200);
    let uid = &object["metadata"]["uid"];
    let details = json!({"name": "a", "kind": "configmaps", "uid": uid});
    assert_eq!(
        status,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
    );
    assert_eq!(region.get(&format!("{MAPS}/a")).await.status, 404);
    assert_eq!(region.delete(&format!("{MAPS}/a")).await.failure(404), r#"configmaps "a" not found"#);
    let account = region.delete("/api/v1/namespaces/default/serviceaccounts/default").await.expect(200);
    assert_eq!(account["kind"], "ServiceAccount");
}

#[tokio::test]
async fn preconditions_of_a_deletion_are_exact() {
    let region = region();
    let object = region.map("a", &json!({})).await;
    let line = format!("DELETE {MAPS}/a");
    let with = |field: &str, value: &Value| json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {field: value}});
    let refused = region.send(&line, &[], with("uid", &json!("u")).to_string()).await.failure(409);
    assert!(refused.contains("Precondition failed: UID in precondition: u, UID in object meta: "), "{refused}");
    assert_eq!(region.send(&line, &[], with("resourceVersion", &json!("1")).to_string()).await.status, 409);
    let exact = with("resourceVersion", &object["metadata"]["resourceVersion"]);
    assert_eq!(region.send(&line, &[], exact.to_string()).await.status, 200);
}

#[tokio::test]
async fn finalizers_hold_an_object_until_the_last_is_taken_away() {
    let region = region();
    let mut body = map("a", &json!({}));
    body["metadata"]["finalizers"] = json!(["example.com/a", "example.com/b"]);
    region.post(MAPS, &body).await.expect(201);
    let path = format!("{MAPS}/a");
    let marked = region.delete(&path).await.expect(200);
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_eq!(region.delete(&path).await.expect(200), marked, "a second deletion changes nothing");
    let added = region.merge(&path, &json!({"metadata": {"finalizers": ["example.com/a", "example.com/c"]}})).await;
    assert_eq!(added.status, 422);
    let one = region.merge(&path, &json!({"metadata": {"finalizers": ["example.com/b"]}})).await.expect(200);
    assert!(one["metadata"]["deletionTimestamp"].is_string());
    let last = region.merge(&path, &json!({"metadata": {"finalizers": null}})).await.expect(200);
    assert_eq!(last["metadata"]["name"], "a");
    assert_eq!(region.get(&path).await.status, 404);
}

#[tokio::test]
async fn what_becomes_of_dependents_stands_in_the_object_and_unknown_policies_are_refused() {
    let region = region();
    // The garbage collector, which does not run here, takes its finalizer away when the dependents are dealt with.
    for (policy, finalizer) in [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")] {
        region.map("a", &json!({})).await;
        let reply = region.delete(&format!("{MAPS}/a?propagationPolicy={policy}&gracePeriodSeconds=0")).await;
        let waiting = reply.expect(200);
        assert_eq!(waiting["metadata"]["finalizers"], json!([finalizer]), "{policy}");
        assert!(waiting["metadata"]["deletionTimestamp"].is_string());
        // Without a word on the policy it stays what it was; another word counts.
        let again = region.delete(&format!("{MAPS}/a")).await.expect(200);
        assert_eq!(again["metadata"]["finalizers"], json!([finalizer]), "{policy}");
        let reply = region.delete(&format!("{MAPS}/a?propagationPolicy=Background")).await;
        assert_eq!(reply.expect(200)["status"], "Success", "{policy}");
    }
    assert_eq!(region.delete(&format!("{MAPS}/a?propagationPolicy=Sideways")).await.status, 422);
    assert_eq!(region.send(&format!("DELETE {MAPS}/a"), &[], "{").await.status, 400);
}

#[tokio::test]
async fn a_collection_is_deleted_as_it_is_listed() {
    let region = region();
    for number in 0..600 {
        region.map(&format!("m{number:03}"), &json!({"odd": (number % 2).to_string()})).await;
    }
    let deleted = region.delete(&format!("{MAPS}?labelSelector=odd%3D1")).await.expect(200);
    assert_eq!((&deleted["kind"], deleted["items"].as_array().unwrap().len()), (&json!("ConfigMapList"), 300));
    let left = region.get(MAPS).await.expect(200);
    let left: Vec<&str> =
        left["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!((left.len(), left[0], left[1]), (300, "m000", "m002"));
    let mut held = map("held", &json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/a"]);
    region.post(MAPS, &held).await.expect(201);
    region.delete(MAPS).await.expect(200);
    let left = region.get(MAPS).await.expect(200);
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    assert!(left["items"][0]["metadata"]["deletionTimestamp"].is_string());
}

#[tokio::test]
async fn what_holds_the_system_together_is_not_deleted() {
    let region = region();
    for name in ["default", "kube-system", "kube-public"] {
        let refused = region.delete(&format!("/api/v1/namespaces/{name}")).await.failure(403);
        assert_eq!(refused, format!(r#"namespaces "{name}" is forbidden: this namespace may not be deleted"#));
    }
    let clusters = "/apis/core.kcp.io/v1alpha1/logicalclusters";
    assert_eq!(region.delete(&format!("{clusters}/cluster")).await.status, 403);
    assert_eq!(region.delete(clusters).await.status, 403);
    assert_eq!(region.delete("/api/v1/namespaces").await.status, 405);
}
