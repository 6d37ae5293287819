//! Homes that are late, or do not answer: what is told is true all the same.

use std::sync::atomic::Ordering;

use hanse_base::id::GroupId;
use hanse_store::home::HomeError;
use serde_json::json;

use crate::fixture::{MAPS, map, region};

#[tokio::test]
async fn a_replica_that_is_behind_never_shows_it() {
    let region = region();
    let path = format!("{MAPS}/a");
    region.freeze();
    let made = region.post(MAPS, &map("a", &json!({}))).await.expect(201);
    assert_eq!(region.get(&path).await.expect(200), made, "a read is linearizable");
    assert_eq!(region.get(MAPS).await.expect(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        region.get(&format!("{MAPS}?resourceVersion=0")).await.expect(200)["items"],
        json!([]),
        "any state is any"
    );
    let patched = region.merge(&path, &json!({"data": {"k": "w"}})).await.expect(200);
    assert_eq!(patched["data"]["k"], "w");
    region.freeze();
    region.merge(&path, &json!({"data": {"k": "x"}})).await.expect(200);
    // The late view says that the patch changes nothing; the newest state says otherwise.
    assert_eq!(region.merge(&path, &json!({"data": {"k": "w"}})).await.expect(200)["data"]["k"], "w");
    let current = region.get(&path).await.expect(200);
    assert_eq!(current["data"]["k"], "w");
    assert_eq!(region.put(&path, &patched).await.status, 409);
    assert_eq!(region.put(&path, &current).await.expect(200), current);
    region.freeze();
    region.delete(&path).await.expect(200);
    assert_eq!(region.delete(&path).await.status, 404);
    assert_eq!(region.put(&path, &current).await.status, 404);
    assert_eq!(region.merge(&path, &json!({"data": {"k": "y"}})).await.status, 404);
}

#[tokio::test]
async fn a_group_that_does_not_answer_is_told_apart_from_one_that_may_have() {
    let region = region();
    region.map("a", &json!({})).await;
    let group = GroupId::new("eu").unwrap();
    let unavailable = HomeError::Unavailable { group: group.clone(), why: "no leader".into() };
    let unknown = HomeError::Unknown { group, why: "no answer".into() };
    for (error, status) in [(unavailable, 503), (unknown, 504)] {
        *region.gate.failure.lock().unwrap() = Some(error);
        for line in [format!("POST {MAPS}"), format!("DELETE {MAPS}/a"), format!("DELETE {MAPS}")] {
            let reply = region
                .send(&line, &[], if line.starts_with("POST") { r#"{"metadata":{"name":"b"}}"# } else { "" })
                .await;
            assert_eq!(reply.status, status, "{line}");
            assert_eq!(reply.header("retry-after") == "1", status == 503, "{line}");
            assert_eq!(reply.failure(status).contains("may have happened"), status == 504, "{line}");
        }
        *region.gate.failure.lock().unwrap() = None;
    }
    region.gate.reads_fail.store(true, Ordering::Relaxed);
    assert_eq!(region.get(MAPS).await.status, 503);
    assert_eq!(region.get(&format!("{MAPS}/a?resourceVersion=0")).await.status, 200);
    assert_eq!(region.get("//healthz").await.status, 200);
}
