//! Requests for what lives elsewhere.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::fixture::{MAPS, Region, map, regions, synchronize};

const WORKSPACES: &str = "/apis/tenancy.kcp.io/v1alpha1/workspaces";

/// `eu` (founder) and `us`, with `root:org` placed in `us`.
async fn two() -> Vec<Region> {
    let regions = regions(&["eu", "us"]);
    let body =
        json!({"metadata": {"name": "org"}, "spec": {"location": {"selector": {"matchLabels": {"region": "us"}}}}});
    regions[0].post(WORKSPACES, &body).await.expect(201);
    synchronize(&regions);
    regions
}

#[tokio::test]
async fn any_region_answers_for_what_lives_in_another() {
    let regions = two().await;
    let (eu, us) = (&regions[0], &regions[1]);
    let path = format!("/clusters/root:org{MAPS}");
    let made = eu.post(&path, &map("a", &json!({}))).await.expect(201);
    assert_eq!(us.get(&format!("{path}/a")).await.expect(200), made);
    assert_eq!(eu.get(&format!("{path}/a")).await.expect(200), made);
    let id = made["metadata"]["annotations"]["kcp.io/cluster"].as_str().unwrap();
    assert_eq!(eu.get(&format!("/clusters/{id}{MAPS}/a")).await.expect(200), made);
    let patched = eu.merge(&format!("{path}/a"), &json!({"data": {"k": "w"}})).await.expect(200);
    assert_eq!(patched["data"]["k"], "w");
    let listed = eu.get(&format!("{path}?limit=5&labelSelector=%21x")).await.expect(200);
    assert_eq!(listed["items"][0]["metadata"]["name"], "a");
    assert_eq!(eu.get(&format!("{path}/none")).await.failure(404), r#"configmaps "none" not found"#);
    assert_eq!(eu.delete(&format!("{path}/a")).await.expect(200)["status"], "Success");
    let carried = eu.link.carried.lock().unwrap();
    assert!(carried.contains(&format!("GET /clusters/{id}{MAPS}?limit=5&labelSelector=%21x")), "{carried:?}");
}

#[tokio::test]
async fn a_watch_is_carried_as_a_stream() {
    let regions = two().await;
    let (eu, us) = (&regions[0], &regions[1]);
    let mut watch = eu.watch(&format!("/clusters/root:org{MAPS}?watch=true")).await;
    for name in ["a", "b"] {
        us.post(&format!("/clusters/root:org{MAPS}"), &map(name, &json!({}))).await.expect(201);
        assert_eq!(watch.shown(1).await, [format!("ADDED {name}")]);
    }
    eu.api.close();
    assert_eq!(watch.next().await, None, "the stream ends when the carrying daemon stops");
}

#[tokio::test]
async fn a_region_out_of_reach_is_named() {
    let regions = two().await;
    let (eu, us) = (&regions[0], &regions[1]);
    us.link.cut.store(true, Ordering::Relaxed);
    let refused = eu.get(&format!("/clusters/root:org{MAPS}")).await;
    assert_eq!(refused.header("retry-after"), "", "a client that comes again by itself hides it from its user");
    assert!(refused.failure(503).contains("us"), "{refused:?}");
    assert_eq!(eu.get(&format!("/clusters/root{MAPS}")).await.status, 200, "the rest is served");
    assert_eq!(us.get(&format!("/clusters/root:org{MAPS}")).await.status, 200, "and so is the home");
    assert_eq!(us.get(&format!("/clusters/root{MAPS}")).await.status, 503);
    assert_eq!(eu.get(WORKSPACES).await.expect(200)["items"][0]["metadata"]["name"], "org", "the tree is whole");
    assert_eq!(us.get(WORKSPACES).await.expect(200)["items"][0]["metadata"]["name"], "org");
}

#[tokio::test]
async fn who_carries_is_not_who_asks() {
    let regions = two().await;
    let eu = &regions[0];
    let line = format!("GET /clusters/root:org{MAPS}");
    assert_eq!(eu.send(&line, &[("authorization", "Bearer user")], "").await.status, 403);
    assert_eq!(eu.send(&line, &[("authorization", "Bearer nobody")], "").await.status, 401);
    assert_eq!(eu.send(&line, &[("authorization", "")], "").await.status, 403);
    assert_eq!(eu.send(&line, &[("audit-id", "mine")], "").await.header("audit-id"), "mine");
}

#[tokio::test]
async fn a_request_is_carried_once_only() {
    use hanse_api::federation::{Carried, Proof, Purpose, Secret};
    let regions = two().await;
    let carried = |token: &str| Carried {
        method: "GET".into(),
        target: format!("/clusters/root{MAPS}"),
        headers: vec![],
        body: bytes::Bytes::new(),
        proof: Proof::Token(Secret::new(token)),
        purpose: Purpose::Plain,
    };
    // `root` lives in eu: us is the wrong home.
    let answer = regions[1].api.answer_carried(carried("admin")).await;
    assert_eq!(answer.status, 503);
    assert!(answer.headers.iter().any(|(name, value)| name == "retry-after" && value == "1"));
    assert_eq!(regions[0].api.answer_carried(carried("admin")).await.status, 200);
    assert_eq!(regions[0].api.answer_carried(carried("user")).await.status, 403, "the home authorizes again");
    assert_eq!(regions[0].api.answer_carried(carried("nobody")).await.status, 401);
    for (method, target) in [("get x", "/"), ("GET", "no slash"), ("GET", "/clusters/%zz/api"), ("", "")] {
        let junk = Carried { method: method.into(), target: target.into(), ..carried("admin") };
        assert!((400..500).contains(&regions[0].api.answer_carried(junk).await.status), "{method} {target}");
    }
}
