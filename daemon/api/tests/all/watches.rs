//! Watches: each change once, in order, from anywhere, or 410.

use std::time::Duration;

use hanse_store::history::HistoryLimits;
use serde_json::{Value, json};

use crate::fixture::{MAPS, Region, region, region_with};

async fn change(region: &Region, name: &str, labels: Value) -> Value {
    region.merge(&format!("{MAPS}/{name}"), &json!({"metadata": {"labels": labels}})).await.expect(200)
}

#[tokio::test]
async fn a_watch_shows_what_there_is_and_then_every_change() {
    let region = region();
    region.map("a", &json!({})).await;
    let mut watch = region.watch(&format!("{MAPS}?watch=true")).await;
    assert_eq!(watch.shown(1).await, ["ADDED a"]);
    region.map("b", &json!({})).await;
    change(&region, "b", json!({"x": "1"})).await;
    region.delete(&format!("{MAPS}/b")).await.expect(200);
    region.post("/api/v1/namespaces/default/secrets", &json!({"metadata": {"name": "s"}})).await.expect(201);
    region.map("c", &json!({})).await;
    assert_eq!(watch.shown(4).await, ["ADDED b", "MODIFIED b", "DELETED b", "ADDED c"]);
}

#[tokio::test]
async fn a_watch_that_is_resumed_anywhere_sees_every_change_once() {
    let region = region();
    let start = region.home_revision();
    let mut expected = Vec::new();
    for number in 0..40_usize {
        let name = format!("m{}", number % 7);
        let exists = region.get(&format!("{MAPS}/{name}")).await.status == 200;
        match (exists, number % 3) {
            (false, _) => drop(region.map(&name, &json!({})).await),
            (true, 0) => drop(region.delete(&format!("{MAPS}/{name}")).await.expect(200)),
            (true, _) => drop(change(&region, &name, json!({"n": number.to_string()})).await),
        }
        expected.push(region.home_revision());
    }
    for resume in start..=region.home_revision() {
        let mut watch = region.watch(&format!("{MAPS}?watch=true&resourceVersion={resume}")).await;
        for revision in expected.iter().filter(|revision| **revision > resume) {
            let event = watch.next().await.unwrap();
            assert_eq!(event["object"]["metadata"]["resourceVersion"], revision.to_string(), "after {resume}");
        }
    }
}

#[tokio::test]
async fn a_selectors_border_turns_changes_into_comings_and_goings() {
    let region = region();
    let revision = region.home_revision();
    let mut watch = region.watch(&format!("{MAPS}?watch=true&resourceVersion={revision}&labelSelector=in%3D1")).await;
    region.map("out", &json!({})).await;
    region.map("a", &json!({"in": "1"})).await;
    change(&region, "a", json!({"x": "1"})).await;
    let left = change(&region, "a", json!({"in": "0"})).await;
    change(&region, "a", json!({"x": "2"})).await;
    change(&region, "a", json!({"in": "1"})).await;
    region.delete(&format!("{MAPS}/a")).await.expect(200);
    region.delete(&format!("{MAPS}/out")).await.expect(200);
    region.map("z", &json!({"in": "1"})).await;
    assert_eq!(watch.shown(2).await, ["ADDED a", "MODIFIED a"]);
    let gone = watch.next().await.unwrap();
    assert_eq!((&gone["type"], &gone["object"]["metadata"]["labels"]["in"]), (&json!("DELETED"), &json!("1")));
    assert_eq!(gone["object"]["metadata"]["resourceVersion"], left["metadata"]["resourceVersion"]);
    assert_eq!(watch.shown(3).await, ["ADDED a", "DELETED a", "ADDED z"]);
}

#[tokio::test]
async fn a_name_can_be_watched() {
    let region = region();
    let query = format!("watch=true&resourceVersion={}", region.home_revision());
    let mut by_field = region.watch(&format!("{MAPS}?{query}&fieldSelector=metadata.name%3Db")).await;
    let mut by_path = region.watch(&format!("/api/v1/watch/namespaces/default/configmaps/b?{query}")).await;
    for name in ["a", "b", "c"] {
        region.map(name, &json!({})).await;
    }
    change(&region, "b", json!({"x": "1"})).await;
    for watch in [&mut by_field, &mut by_path] {
        assert_eq!(watch.shown(2).await, ["ADDED b", "MODIFIED b"]);
    }
}

#[tokio::test]
async fn initial_events_end_with_a_bookmark_even_where_there_are_none() {
    let region = region();
    let query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    region.map("a", &json!({})).await;
    for (path, names) in [(MAPS, vec!["ADDED a"]), ("/api/v1/secrets", vec![])] {
        for revision in ["", "&resourceVersion=0"] {
            let mut watch = region.watch(&format!("{path}?{query}{revision}")).await;
            assert_eq!(watch.shown(names.len()).await, names);
            let mark = watch.next().await.unwrap();
            assert_eq!(mark["type"], "BOOKMARK");
            assert_eq!(mark["object"]["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
            assert_eq!(mark["object"]["metadata"]["resourceVersion"], region.home_revision().to_string());
        }
    }
    let mut table = region.open_table(&format!("{MAPS}?{query}")).await;
    assert_eq!(table.next().await.unwrap()["object"]["kind"], "Table");
    let mark = table.next().await.unwrap();
    assert_eq!(mark["object"]["rows"][0]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
}

#[tokio::test]
async fn without_initial_events_a_watch_begins_now() {
    let region = region();
    region.map("a", &json!({})).await;
    let query = "watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan";
    let mut watch = region.watch(&format!("{MAPS}?{query}")).await;
    region.map("b", &json!({})).await;
    assert_eq!(watch.shown(1).await, ["ADDED b"]);
}

#[tokio::test]
async fn a_revision_that_is_gone_ends_the_watch_with_410() {
    let region = region_with(HistoryLimits { history_events_max: 3, history_bytes_max: usize::MAX });
    for number in 0..8 {
        region.map(&format!("m{number}"), &json!({})).await;
    }
    let mut watch = region.watch(&format!("{MAPS}?watch=true&resourceVersion=2")).await;
    let error = watch.next().await.unwrap();
    assert_eq!(
        (&error["type"], &error["object"]["code"], &error["object"]["reason"]),
        (&json!("ERROR"), &json!(410), &json!("Expired"))
    );
    assert!(error["object"]["message"].as_str().unwrap().starts_with("too old resource version: 2 ("), "{error}");
    assert_eq!(watch.next().await, None);
    let early = region.get(&format!("{MAPS}?watch=true&resourceVersion=9999")).await.expect(504);
    assert_eq!(early["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    assert_eq!(region.get(&format!("{MAPS}?watch=true&resourceVersion=x")).await.status, 400);
    assert_eq!(region.get(&format!("{MAPS}?watch=true&labelSelector=a+b")).await.status, 400);
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_cut_off_and_brakes_nobody() {
    let region = region_with(HistoryLimits { history_events_max: 100, history_bytes_max: usize::MAX });
    let revision = region.home_revision();
    let mut watch = region.watch(&format!("{MAPS}?watch=true&resourceVersion={revision}")).await;
    region.map("a", &json!({})).await;
    for number in 0..300 {
        change(&region, "a", json!({"n": number.to_string()})).await;
    }
    let error = watch.next().await.unwrap();
    assert_eq!((&error["type"], &error["object"]["code"]), (&json!("ERROR"), &json!(410)));
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_each_minute_and_the_watch_ends_in_time() {
    let region = region();
    let revision = region.home_revision();
    let query = format!("watch=true&resourceVersion={revision}&allowWatchBookmarks=true&timeoutSeconds=150");
    let mut watch = region.watch(&format!("{MAPS}?{query}")).await;
    region.post("/api/v1/namespaces/default/secrets", &json!({"metadata": {"name": "s"}})).await.expect(201);
    let begin = tokio::time::Instant::now();
    for minute in 1..=2_u64 {
        let mark = watch.next().await.unwrap();
        assert_eq!((&mark["type"], &mark["object"]["kind"]), (&json!("BOOKMARK"), &json!("ConfigMap")));
        assert_eq!(mark["object"]["metadata"]["resourceVersion"], region.home_revision().to_string());
        assert_eq!(begin.elapsed().as_secs(), minute * 60);
    }
    assert_eq!(watch.next().await, None);
    assert_eq!(begin.elapsed().as_secs(), 150);
    let mut without = region.watch(&format!("{MAPS}?watch=true&resourceVersion={revision}")).await;
    assert_eq!(without.next().await, None);
    assert!((1_800..=3_601).contains(&(begin.elapsed() - Duration::from_secs(150)).as_secs()));
}

#[tokio::test]
async fn a_stop_ends_watches_cleanly() {
    let region = region();
    let mut watch = region.watch(&format!("{MAPS}?watch=true&resourceVersion={}", region.home_revision())).await;
    region.map("a", &json!({})).await;
    assert_eq!(watch.shown(1).await, ["ADDED a"]);
    region.api.close();
    assert_eq!(watch.next().await, None);
    assert_eq!(region.get(MAPS).await.expect(503)["reason"], "ServiceUnavailable");
    assert_eq!(region.get("//readyz").await.status, 500);
    assert_eq!(region.get("//livez").await.status, 200);
}

#[tokio::test]
async fn all_logical_clusters_are_one_stream_for_masters() {
    let region = region();
    let line = format!("GET /clusters/*/api/v1/namespaces?watch=true&resourceVersion={}", region.home_revision());
    let mut watch = region.open_as(&line, "master").await;
    for cluster in ["root", "system:admin"] {
        region
            .post(&format!("/clusters/{cluster}/api/v1/namespaces"), &json!({"metadata": {"name": "n"}}))
            .await
            .expect(201);
        let event = watch.next().await.unwrap();
        assert_eq!(event["object"]["metadata"]["annotations"]["kcp.io/cluster"], cluster);
    }
}
