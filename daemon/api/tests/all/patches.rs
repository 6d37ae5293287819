//! The three types of patches.

use serde_json::{Value, json};

use crate::fixture::{MAPS, region};

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

#[tokio::test]
async fn patches_change_what_they_say() {
    let region = region();
    region.map("a", &json!({"l": "1"})).await;
    let path = format!("PATCH {MAPS}/a");
    let table = [
        (
            JSON,
            json!([{"op": "test", "path": "/data/k", "value": "v"}, {"op": "add", "path": "/data/j", "value": "1"}]),
            json!({"j": "1", "k": "v"}),
        ),
        (MERGE, json!({"data": {"k": null, "m": "2"}}), json!({"j": "1", "m": "2"})),
        (STRATEGIC, json!({"data": {"$patch": "replace", "s": "3"}}), json!({"s": "3"})),
    ];
    for (media_type, patch, data) in table {
        let object = region.send(&path, &[("content-type", media_type)], patch.to_string()).await.expect(200);
        assert_eq!(object["data"], data, "{media_type}");
    }
}

#[tokio::test]
async fn patches_that_do_not_fit_are_refused() {
    let region = region();
    let object = region.map("a", &json!({})).await;
    let revision = &object["metadata"]["resourceVersion"];
    let table: Vec<(&str, Value, u16)> = vec![
        (JSON, json!([{"op": "test", "path": "/data/k", "value": "w"}]), 422),
        (JSON, json!([{"op": "remove", "path": "/data/none"}]), 422),
        (JSON, json!({"op": "remove"}), 400),
        (MERGE, json!([1]), 400),
        (MERGE, json!({"metadata": {"name": "b"}}), 400),
        (MERGE, json!({"metadata": {"resourceVersion": "1"}}), 409),
        (MERGE, json!({"metadata": {"uid": "u"}}), 409),
        (MERGE, json!({"data": {"k": 1}}), 400),
        (MERGE, json!({"metadata": {"labels": {"a b": "1"}}}), 422),
        ("application/apply-patch+yaml", json!({}), 422),
        ("application/json", json!({}), 415),
    ];
    for (media_type, patch, status) in table {
        let reply = region.send(&format!("PATCH {MAPS}/a"), &[("content-type", media_type)], patch.to_string()).await;
        assert_eq!(reply.status, status, "{media_type} {patch} {:?}", reply.bytes);
    }
    let reply = region.send(&format!("PATCH {MAPS}/none"), &[("content-type", MERGE)], "{}").await;
    assert_eq!(reply.failure(404), r#"configmaps "none" not found"#);
    let strategic = region
        .send("PATCH /apis/core.kcp.io/v1alpha1/logicalclusters/cluster", &[("content-type", STRATEGIC)], "{}")
        .await;
    assert_eq!(strategic.status, 415);
    let malformed = region.send(&format!("PATCH {MAPS}/a"), &[("content-type", MERGE)], "{").await;
    assert_eq!(malformed.status, 400);
    assert_eq!(&region.get(&format!("{MAPS}/a")).await.expect(200)["metadata"]["resourceVersion"], revision);
}

#[tokio::test]
async fn patches_of_many_at_once_are_all_kept() {
    let region = std::sync::Arc::new(region());
    region.map("a", &json!({})).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let region = std::sync::Arc::clone(&region);
        tasks.spawn(async move {
            let patch = json!({"data": {format!("k{number}"): "1"}});
            region.merge(&format!("{MAPS}/a"), &patch).await.expect(200);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let object = region.get(&format!("{MAPS}/a")).await.expect(200);
    assert_eq!(object["data"].as_object().unwrap().len(), 21);
}

#[tokio::test]
async fn a_patch_of_nothing_changes_nothing() {
    let region = region();
    let object = region.map("a", &json!({})).await;
    assert_eq!(region.merge(&format!("{MAPS}/a"), &json!({})).await.expect(200), object);
    assert_eq!(region.merge(&format!("{MAPS}/a"), &json!({"data": {"k": "v"}})).await.expect(200), object);
}

#[tokio::test]
async fn metadata_that_the_system_writes_cannot_be_patched_away() {
    let region = region();
    region.map("a", &json!({})).await;
    let patch = json!({"metadata": {"annotations": null, "creationTimestamp": null, "labels": {"x": "y"}}});
    let object = region.merge(&format!("{MAPS}/a"), &patch).await.expect(200);
    assert_eq!(object["metadata"]["annotations"], json!({"kcp.io/cluster": "root"}));
    assert!(object["metadata"]["creationTimestamp"].is_string());
    let system = "/apis/core.kcp.io/v1alpha1/logicalclusters/cluster";
    let refused = region.merge(system, &json!({"spec": {"directlyDeletable": true}})).await.failure(403);
    assert!(refused.contains("written by the system"), "{refused}");
    let labelled = region.merge(system, &json!({"metadata": {"labels": {"mine": "1"}}})).await.expect(200);
    assert_eq!(labelled["metadata"]["labels"]["mine"], "1");
}

const APPLY: &str = "application/apply-patch+yaml";

#[tokio::test]
async fn appliers_own_what_they_say_and_conflict_where_they_differ() {
    let region = region();
    let map = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
    let apply = async |manager: &str, options: &str, data: Value| {
        let line = format!("PATCH {MAPS}/a?fieldManager={manager}{options}");
        region.send(&line, &[("content-type", APPLY)], map(data).to_string()).await
    };
    let made = apply("one", "", json!({"k": "1", "l": "1"})).await.expect(201);
    let fields = &made["metadata"]["managedFields"];
    assert_eq!((&fields[0]["manager"], &fields[0]["operation"]), (&json!("one"), &json!("Apply")));
    assert_eq!(fields[0]["fieldsV1"], json!({"f:data": {"f:k": {}, "f:l": {}}}));
    let again = apply("one", "", json!({"k": "1", "l": "1"})).await.expect(200);
    assert_eq!(again["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"], "nothing has changed");
    let conflict = apply("two", "", json!({"k": "2"})).await;
    assert_eq!(conflict.failure(409), r#"Apply failed with 1 conflict: conflict with "one": .data.k"#);
    let forced = apply("two", "&force=true", json!({"k": "2"})).await.expect(200);
    assert_eq!(forced["data"], json!({"k": "2", "l": "1"}));
    let without = apply("one", "", json!({"m": "1"})).await.expect(200);
    assert_eq!(without["data"], json!({"k": "2", "m": "1"}), "what one owned alone and no longer says is gone");
    let update = region.merge(&format!("{MAPS}/a?fieldManager=three"), &json!({"data": {"m": "3"}})).await.expect(200);
    let managers: Vec<&str> = update["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["manager"].as_str().unwrap())
        .collect();
    assert_eq!(managers, ["two", "three"], "an entry that owns nothing is dropped");
}
