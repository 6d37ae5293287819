//! Quotas: exact, and in upstream's words.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::fixture::{MAPS, Region, map, region};

async fn quota(region: &Region, name: &str, spec: &Value) {
    let quota = json!({"metadata": {"name": name}, "spec": spec});
    region.post("/api/v1/namespaces/default/resourcequotas", &quota).await.expect(201);
}

#[tokio::test]
async fn a_quota_is_never_exceeded_and_never_refuses_what_fits() {
    let region = region();
    let there = region.get(MAPS).await.json()["items"].as_array().unwrap().len();
    quota(&region, "q", &json!({"hard": {"count/configmaps": (there + 5).to_string()}})).await;
    let names: Vec<String> = (0..32).map(|number| format!("m{number}")).collect();
    let made = join_all(names.iter().map(|name| {
        let region = &region;
        async move { region.post(MAPS, &map(name, &json!({}))).await.status }
    }));
    let made = made.await;
    assert_eq!(made.iter().filter(|status| **status == 201).count(), 5, "{made:?}");
    assert!(made.iter().all(|status| [201, 403].contains(status)), "{made:?}");
    region
        .delete(&format!("{MAPS}/{}", names[made.iter().position(|status| *status == 201).unwrap()]))
        .await
        .expect(200);
    region.map("again", &json!({})).await;
}

#[tokio::test]
async fn a_refusal_by_a_quota_says_what_was_asked_used_and_limited() {
    let region = region();
    quota(
        &region,
        "q",
        &json!({"hard": {"count/secrets": "0", "secrets": "0", "count/configmaps": "1k", "pods": "1"}}),
    )
    .await;
    let secrets = "/api/v1/namespaces/default/secrets";
    let object = json!({"metadata": {"name": "s"}});
    let expected = "secrets \"s\" is forbidden: exceeded quota: q, requested: count/secrets=1,secrets=1, used: \
                    count/secrets=0,secrets=0, limited: count/secrets=0,secrets=0";
    assert_eq!(region.post(secrets, &object).await.failure(403), expected);
    assert_eq!(region.post(&format!("{secrets}?dryRun=All"), &object).await.failure(403), expected);
    region.map("a", &json!({})).await;
    let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    quota(&region, "r", &json!({"hard": {"count/leases.coordination.k8s.io": "0"}})).await;
    let message = region.post(leases, &json!({"metadata": {"name": "l"}, "spec": {}})).await.failure(403);
    assert!(message.starts_with("leases.coordination.k8s.io \"l\" is forbidden: exceeded quota: r, "), "{message}");
}

#[tokio::test]
async fn a_quota_of_another_scope_or_namespace_does_not_count() {
    let region = region();
    quota(&region, "q", &json!({"hard": {"pods": "0"}, "scopes": ["BestEffort"]})).await;
    region.map("a", &json!({})).await;
    quota(&region, "r", &json!({"hard": {"count/configmaps": "0"}})).await;
    region.post(MAPS, &map("b", &json!({}))).await.failure(403);
    region.merge(&format!("{MAPS}/a"), &json!({"data": {"k": "w"}})).await.expect(200);
    region.post("/api/v1/namespaces", &json!({"metadata": {"name": "other"}})).await.expect(201);
    region.post("/api/v1/namespaces/other/configmaps", &map("b", &json!({}))).await.expect(201);
}
