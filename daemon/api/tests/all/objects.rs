//! Create, get and update of objects.

use serde_json::{Value, json};

use crate::fixture::{MAPS, map, region};

#[tokio::test]
async fn what_is_created_is_read_back_byte_for_byte() {
    let region = region();
    let created = region
        .post(MAPS, &json!({"metadata": {"name": "a", "labels": {"b": "1", "a": "2"}}, "data": {"k": "v"}}))
        .await;
    let object = created.expect(201);
    let metadata = &object["metadata"];
    assert_eq!((&object["kind"], &object["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
    assert_eq!(metadata["namespace"], "default");
    assert_eq!(metadata["creationTimestamp"], "2026-09-21T14:13:20Z");
    assert_eq!(metadata["annotations"], json!({"kcp.io/cluster": "root"}));
    assert_eq!(metadata["uid"].as_str().unwrap().len(), 36);
    assert!(metadata["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap() > 1);
    let read = region.get(&format!("{MAPS}/a")).await;
    assert_eq!((read.status, &read.bytes), (200, &created.bytes));
    assert_eq!(read.header("content-type"), "application/json");
    assert_eq!(read.header("cache-control"), "no-cache, private");
    assert_eq!(read.header("audit-id").len(), 36);
}

#[tokio::test]
async fn what_cannot_be_created_is_refused_in_upstreams_words() {
    let region = region();
    region.map("a", &json!({})).await;
    let with = |metadata: Value| json!({ "metadata": metadata });
    let table = [
        (MAPS, with(json!({"name": "a"})), 409, r#"configmaps "a" already exists"#),
        ("/api/v1/namespaces/n/configmaps", with(json!({"name": "a"})), 404, r#"namespaces "n" not found"#),
        (
            MAPS,
            with(json!({"name": "b", "namespace": "other"})),
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            MAPS,
            with(json!({"name": "b", "resourceVersion": "5"})),
            400,
            "resourceVersion should not be set on objects to be created",
        ),
        (
            MAPS,
            with(json!({})),
            422,
            r#"ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required"#,
        ),
        (
            "/apis/core.kcp.io/v1alpha1/logicalclusters",
            with(json!({"name": "cluster"})),
            403,
            "logicalclusters.core.kcp.io is forbidden: LogicalCluster cannot be created",
        ),
        (
            MAPS,
            with(json!({"name": "b", "annotations": {"core.kcp.io/x": "1"}})),
            403,
            r#"configmaps "b" is forbidden: modification of reserved annotation: "core.kcp.io/x""#,
        ),
    ];
    for (path, body, status, message) in table {
        assert_eq!(region.post(path, &body).await.failure(status), message, "{path} {body}");
    }
    assert_eq!(region.get(&format!("{MAPS}/b")).await.failure(404), r#"configmaps "b" not found"#);
    let long = "x".repeat(600);
    assert_eq!(region.get(&format!("{MAPS}/{long}")).await.status, 404);
}

#[tokio::test]
async fn a_generated_name_has_five_more_characters() {
    let region = region();
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let object = region.post(MAPS, &json!({"metadata": {"generateName": "gen-"}})).await.expect(201);
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let suffix = name.strip_prefix("gen-").unwrap();
        assert!(
            suffix.len() == 5 && suffix.bytes().all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte)),
            "{name}"
        );
        names.insert(name);
    }
    assert_eq!(names.len(), 20);
    let long = region.post(MAPS, &json!({"metadata": {"generateName": "x".repeat(100)}})).await.expect(201);
    assert_eq!(long["metadata"]["name"].as_str().unwrap().len(), 63);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let region = region();
    let before = region.home_revision();
    let dry = region.post(&format!("{MAPS}?dryRun=All"), &map("a", &json!({}))).await.expect(201);
    assert_eq!(dry["metadata"].get("resourceVersion"), None, "what is not stored has no revision");
    assert_eq!(region.get(&format!("{MAPS}/a")).await.status, 404);
    assert_eq!(region.home_revision(), before);
    region.map("a", &json!({})).await;
    let again = region.post(&format!("{MAPS}?dryRun=All"), &map("a", &json!({}))).await;
    assert_eq!(again.failure(409), r#"configmaps "a" already exists"#);
    let missing = region.post("/api/v1/namespaces/n/configmaps?dryRun=All", &map("a", &json!({}))).await;
    assert_eq!(missing.failure(404), r#"namespaces "n" not found"#);
    let before = region.home_revision();
    let changed = region.merge(&format!("{MAPS}/a?dryRun=All"), &json!({"data": {"k": "w"}})).await.expect(200);
    assert_eq!(changed["data"]["k"], "w");
    assert_eq!(region.send(&format!("DELETE {MAPS}/a?dryRun=All"), &[], "").await.status, 200);
    assert_eq!(region.send(&format!("DELETE {MAPS}?dryRun=All"), &[], "").await.status, 200);
    assert_eq!(region.home_revision(), before);
}

#[tokio::test]
async fn an_update_holds_at_the_revision_that_was_seen() {
    let region = region();
    let path = format!("{MAPS}/a");
    let first = region.map("a", &json!({})).await;
    let mut second = first.clone();
    second["data"]["k"] = json!("w");
    let second = region.put(&path, &second).await.expect(200);
    assert_ne!(first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);
    let stale = region.put(&path, &first).await;
    assert_eq!(
        stale.failure(409),
        r#"Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again"#
    );
    let same = region.put(&path, &second).await.expect(200);
    assert_eq!(same, second, "a change of nothing leaves the revision");
    let mut without = second.clone();
    without["metadata"].as_object_mut().unwrap().shift_remove("resourceVersion");
    without["data"]["k"] = json!("x");
    assert_eq!(region.put(&path, &without).await.expect(200)["data"]["k"], "x");
}

#[tokio::test]
async fn what_cannot_be_updated_is_refused() {
    let region = region();
    let path = format!("{MAPS}/a");
    let object = region.map("a", &json!({})).await;
    let changed = |pointer: &str, value: Value| {
        let mut object = object.clone();
        *object.pointer_mut(pointer).unwrap() = value;
        object
    };
    let table = [
        (path.as_str(), changed("/metadata/name", json!("b")), 400),
        (path.as_str(), changed("/metadata/namespace", json!("other")), 400),
        (path.as_str(), changed("/metadata/uid", json!("u")), 409),
        (path.as_str(), changed("/metadata/resourceVersion", json!("1")), 409),
        (path.as_str(), changed("/kind", json!("Secret")), 400),
        ("/api/v1/namespaces/default/configmaps/none", map("none", &json!({})), 404),
        ("/apis/coordination.k8s.io/v1/namespaces/n/leases/l", json!({"metadata": {"name": "l"}}), 404),
    ];
    for (path, body, status) in table {
        assert_eq!(region.put(path, &body).await.status, status, "{path} {body}");
    }
    let moved = changed("/metadata/creationTimestamp", json!("2020-01-01T00:00:00Z"));
    let kept = region.put(&path, &moved).await.expect(200);
    assert_eq!(kept, object, "what the server sets is not the client's to change");
}

#[tokio::test]
async fn an_update_makes_a_lease_that_is_not_there() {
    let region = region();
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
    let lease = json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}});
    let made = region.put(path, &lease).await.expect(201);
    assert_eq!(region.get(path).await.expect(200), made);
    let refused = region.put(path, &lease).await.failure(422);
    assert!(refused.contains("metadata.resourceVersion"), "{refused}");
}

#[tokio::test]
async fn an_event_reads_in_both_its_forms() {
    let region = region();
    let event = json!({"metadata": {"name": "e"}, "involvedObject": {"kind": "ConfigMap", "name": "a", "namespace": "default"},
        "reason": "r", "message": "m", "type": "Normal"});
    region.post("/api/v1/namespaces/default/events", &event).await.expect(201);
    let shown = region.get("/apis/events.k8s.io/v1/namespaces/default/events/e").await.expect(200);
    assert_eq!((&shown["note"], &shown["regarding"]["name"]), (&json!("m"), &json!("a")));
    let list = region.get("/apis/events.k8s.io/v1/events?fieldSelector=regarding.name%3Da").await.expect(200);
    assert_eq!((&list["kind"], &list["items"][0]["note"]), (&json!("EventList"), &json!("m")));
    let none = region.get("/api/v1/events?fieldSelector=involvedObject.name%3Db").await.expect(200);
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn unknown_fields_are_dropped_with_a_warning_or_refused() {
    let region = region();
    let body = json!({"metadata": {"name": "a"}, "nope": 1});
    let warned = region.post(MAPS, &body).await;
    assert_eq!(warned.header("warning"), r#"299 - "unknown field \"nope\"""#);
    assert!(warned.expect(201).get("nope").is_none());
    let refused = region.post(&format!("{MAPS}?fieldValidation=Strict"), &body).await.failure(400);
    assert!(refused.contains(r#"strict decoding error: unknown field "nope""#), "{refused}");
    let ignored =
        region.post(&format!("{MAPS}?fieldValidation=Ignore"), &json!({"metadata": {"name": "b"}, "nope": 1})).await;
    assert_eq!((ignored.status, ignored.header("warning")), (201, ""));
}

#[tokio::test]
async fn an_object_is_shown_as_the_client_asks() {
    let region = region();
    region.map("a", &json!({})).await;
    let path = format!("GET {MAPS}/a");
    let table = region.send(&path, &[("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")], "").await.expect(200);
    assert_eq!((&table["kind"], &table["rows"][0]["cells"][0]), (&json!("Table"), &json!("a")));
    let partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    let partial = region.send(&path, &[("accept", partial)], "").await.expect(200);
    assert_eq!((&partial["kind"], partial.get("data")), (&json!("PartialObjectMetadata"), None));
    let yaml = region.send(&path, &[("accept", "application/yaml")], "").await;
    assert_eq!((yaml.status, yaml.header("content-type")), (200, "application/yaml"));
    assert!(yaml.bytes.starts_with(b"kind: ConfigMap\napiVersion: v1\n"), "{:?}", yaml.bytes);
    let pretty = region.get(&format!("{MAPS}/a?pretty=true")).await;
    assert!(pretty.bytes.starts_with(b"{\n  \"kind\""), "{:?}", pretty.bytes);
    assert_eq!(region.send(&path, &[("accept", "text/html")], "").await.expect(406)["reason"], "NotAcceptable");
}
