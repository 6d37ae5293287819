//! Lists: selectors, pages, revisions, wildcards.

use hanse_store::history::HistoryLimits;
use serde_json::{Value, json};

use crate::fixture::{MAPS, Region, region, region_with};

fn names(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

async fn filled(count: usize) -> Region {
    let region = region();
    for number in 0..count {
        region.map(&format!("m{number}"), &json!({"n": number.to_string()})).await;
    }
    region
}

#[tokio::test]
async fn a_list_is_the_stored_bytes_with_commas_between() {
    let region = filled(3).await;
    let list = region.get(MAPS).await;
    let mut expected = format!(
        r#"{{"kind":"ConfigMapList","apiVersion":"v1","metadata":{{"resourceVersion":"{}"}},"items":["#,
        region.home_revision()
    )
    .into_bytes();
    for number in 0..3 {
        if number > 0 {
            expected.push(b',');
        }
        expected.extend_from_slice(&region.get(&format!("{MAPS}/m{number}")).await.bytes);
    }
    expected.extend_from_slice(b"]}");
    assert_eq!(String::from_utf8_lossy(&list.bytes), String::from_utf8_lossy(&expected));
    let empty = region.get("/api/v1/namespaces/default/secrets").await.expect(200);
    assert_eq!((&empty["kind"], &empty["items"]), (&json!("SecretList"), &json!([])));
}

#[tokio::test]
async fn selectors_select() {
    let region = filled(5).await;
    let table: [(&str, &[&str]); 11] = [
        ("labelSelector=n%3D1", &["m1"]),
        ("labelSelector=n+in+(1,3)", &["m1", "m3"]),
        ("labelSelector=n,n+notin+(1,3)", &["m0", "m2", "m4"]),
        ("labelSelector=!n", &[]),
        ("fieldSelector=metadata.name%3Dm2", &["m2"]),
        ("fieldSelector=metadata.name!%3Dm2,metadata.name!%3Dm3", &["m0", "m1", "m4"]),
        ("fieldSelector=metadata.namespace%3Ddefault&labelSelector=n%3D4", &["m4"]),
        ("fieldSelector=metadata.namespace%3Dother", &[]),
        ("fieldSelector=metadata.name%3Dm2&labelSelector=n%3D1", &[]),
        ("fieldSelector=metadata.name%3Dnone", &[]),
        ("fieldSelector=metadata.name%3Dm2&limit=1", &["m2"]),
    ];
    for (query, expected) in table {
        for path in [MAPS, "/api/v1/configmaps"] {
            assert_eq!(names(&region.get(&format!("{path}?{query}")).await.expect(200)), expected, "{path} {query}");
        }
    }
    for bad in ["labelSelector=a%3D%3D%3D", "labelSelector=a+b", "fieldSelector=data%3Dx", "fieldSelector=x"] {
        assert_eq!(region.get(&format!("{MAPS}?{bad}")).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn pages_show_one_state_while_others_write() {
    let region = filled(10).await;
    let first = region.get(&format!("{MAPS}?limit=4")).await.expect(200);
    assert_eq!(names(&first), ["m0", "m1", "m2", "m3"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 6);
    region.map("m55", &json!({})).await;
    region.delete(&format!("{MAPS}/m6")).await.expect(200);
    region.merge(&format!("{MAPS}/m7"), &json!({"data": {"k": "new"}})).await.expect(200);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = region.get(&format!("{MAPS}?limit=4&continue={token}")).await.expect(200);
    assert_eq!(names(&second), ["m4", "m5", "m6", "m7"]);
    assert_eq!(second["items"][3]["data"]["k"], "v");
    assert_eq!(second["metadata"]["remainingItemCount"], 2);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let token = second["metadata"]["continue"].as_str().unwrap();
    let third = region.get(&format!("{MAPS}?limit=4&continue={token}")).await.expect(200);
    assert_eq!(names(&third), ["m8", "m9"]);
    assert!(third["metadata"].get("continue").is_none() && third["metadata"].get("remainingItemCount").is_none());
}

#[tokio::test]
async fn pages_with_a_selector_hold_what_it_selects() {
    let region = filled(12).await;
    let query = "labelSelector=n+notin+(0,1,2,3,5)&limit=3";
    let first = region.get(&format!("{MAPS}?{query}")).await.expect(200);
    region.map("m99", &json!({"n": "99"})).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    assert!(first["metadata"].get("remainingItemCount").is_none());
    let second = region.get(&format!("{MAPS}?{query}&continue={token}")).await.expect(200);
    let mut all = names(&first);
    all.extend(names(&second));
    all.extend(names(
        &region
            .get(&format!("{MAPS}?{query}&continue={}", second["metadata"]["continue"].as_str().unwrap()))
            .await
            .expect(200),
    ));
    assert_eq!(all, ["m10", "m11", "m4", "m6", "m7", "m8", "m9"]);
}

#[tokio::test]
async fn a_token_that_is_too_old_comes_back_as_one_that_goes_on() {
    let region = region_with(HistoryLimits { history_events_max: 4, history_bytes_max: usize::MAX });
    for number in 0..6 {
        region.map(&format!("m{number}"), &json!({})).await;
    }
    let first = region.get(&format!("{MAPS}?limit=2")).await.expect(200);
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    for number in 6..12 {
        region.map(&format!("n{number}"), &json!({})).await;
    }
    let gone = region.get(&format!("{MAPS}?limit=2&continue={token}")).await.expect(410);
    assert_eq!(gone["reason"], "Expired");
    let token = gone["metadata"]["continue"].as_str().unwrap();
    let on = region.get(&format!("{MAPS}?limit=100&continue={token}")).await.expect(200);
    assert_eq!(names(&on).len(), 10);
    assert_eq!(names(&on)[0], "m2");
    let old = region.get(&format!("{MAPS}?resourceVersion=2&resourceVersionMatch=Exact")).await.expect(410);
    assert_eq!(old["reason"], "Expired");
}

#[tokio::test]
async fn the_revision_says_which_state_is_shown() {
    let region = filled(2).await;
    let revision = region.home_revision();
    region.map("m2", &json!({})).await;
    let count = |reply: Value| names(&reply).len();
    let table = [
        (String::new(), 3),
        ("resourceVersion=0".into(), 3),
        (format!("resourceVersion={revision}"), 3),
        (format!("resourceVersion={revision}&resourceVersionMatch=NotOlderThan"), 3),
        (format!("resourceVersion={revision}&resourceVersionMatch=Exact"), 2),
        (format!("resourceVersion={revision}&limit=10"), 2),
        (format!("resourceVersion={revision}&limit=10&resourceVersionMatch=NotOlderThan"), 3),
    ];
    for (query, expected) in table {
        assert_eq!(count(region.get(&format!("{MAPS}?{query}")).await.expect(200)), expected, "{query}");
    }
    for verb in [format!("{MAPS}?resourceVersion=9999"), format!("{MAPS}/m1?resourceVersion=9999")] {
        let early = region.get(&verb).await.expect(504);
        assert_eq!(early["details"]["causes"][0]["reason"], "ResourceVersionTooLarge", "{verb}");
        assert_eq!(early["details"]["retryAfterSeconds"], 1);
    }
    for (query, code) in [
        ("resourceVersion=x", 400),
        ("resourceVersionMatch=Exact", 422),
        ("continue=x", 400),
        ("continue=bm9uZQ", 400),
        ("limit=x", 400),
    ] {
        assert_eq!(region.get(&format!("{MAPS}?{query}")).await.status, code, "{query}");
    }
}

#[tokio::test]
async fn a_wildcard_lists_all_logical_clusters_for_masters() {
    let region = filled(1).await;
    let other = "/clusters/system:admin";
    let namespace = json!({"metadata": {"name": "default"}});
    region.post(&format!("{other}/api/v1/namespaces"), &namespace).await.expect(201);
    region.post(&format!("{other}{MAPS}"), &json!({"metadata": {"name": "x"}})).await.expect(201);
    let wild = "GET /clusters/*/api/v1/configmaps";
    let list = region.send(wild, &[("authorization", "Bearer master")], "").await.expect(200);
    let clusters: Vec<&Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["metadata"]["annotations"]["kcp.io/cluster"])
        .collect();
    assert_eq!(clusters, ["root", "system:admin"]);
    let in_namespace = region
        .send("GET /clusters/*/api/v1/namespaces/default/configmaps", &[("authorization", "Bearer master")], "")
        .await;
    assert_eq!(names(&in_namespace.expect(200)).len(), 2);
    assert_eq!(region.send(wild, &[], "").await.status, 403);
    let get = "GET /clusters/*/api/v1/namespaces/default/configmaps/x";
    assert_eq!(region.send(get, &[("authorization", "Bearer master")], "").await.status, 405);
}

#[tokio::test]
async fn a_list_is_a_table_or_metadata_when_asked() {
    let region = filled(2).await;
    let line = format!("GET {MAPS}?limit=1");
    let table = region.send(&line, &[("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")], "").await.expect(200);
    assert_eq!((&table["kind"], table["rows"].as_array().unwrap().len()), (&json!("Table"), 1));
    assert_eq!(table["metadata"]["remainingItemCount"], 1);
    let accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let partial = region.send(&line, &[("accept", accept)], "").await.expect(200);
    assert_eq!((&partial["kind"], partial["items"][0].get("data")), (&json!("PartialObjectMetadataList"), None));
}

#[tokio::test]
async fn a_large_list_is_compressed_for_those_who_take_it() {
    let region = region();
    for number in 0..200 {
        let data = json!({"metadata": {"name": format!("m{number}")}, "data": {"k": "v".repeat(1000)}});
        region.post(MAPS, &data).await.expect(201);
    }
    let plain = region.get(MAPS).await;
    let small = region.send(&format!("GET {MAPS}"), &[("accept-encoding", "gzip")], "").await;
    assert_eq!((small.status, small.header("content-encoding")), (200, "gzip"));
    assert!(small.bytes.len() < plain.bytes.len() / 2);
}
