//! Forms of bodies and answers, and what a logical cluster tells of its kinds.

use futures_util::StreamExt;
use hanse_schema::kind::by_plural;
use hanse_schema::protobuf;
use http_body_util::BodyStream;
use serde_json::{Value, json};

use crate::fixture::{MAPS, Region, region, request};

const YAML: (&str, &str) = ("content-type", "application/yaml");
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

fn definition(spec: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "cats.zoo.example.com"},
        "spec": {
            "group": "zoo.example.com", "scope": "Namespaced",
            "names": {"plural": "cats", "singular": "cat", "kind": "Cat", "listKind": "Clowder", "shortNames": ["ct"],
                "categories": ["all"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.lives", "statusReplicasPath": ".status.lives"}},
                "selectableFields": [{"jsonPath": ".spec.color"}],
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
            }],
        },
    })
}

fn spec() -> Value {
    json!({"type": "object", "properties": {
        "color": {"type": "string", "description": "of the fur", "default": "grey"},
        "lives": {"type": "integer"},
    }})
}

#[tokio::test]
async fn a_body_may_be_yaml() {
    let region = region();
    let text = "metadata:\n  name: a\ndata:\n  x: \"1\"\n  k: v # of the value\n";
    let made = region.send(&format!("POST {MAPS}"), &[YAML], text).await.expect(201);
    assert_eq!(made["data"], json!({"k": "v", "x": "1"}));
    let text = text.replace("v #", "w #");
    let changed = region.send(&format!("PUT {MAPS}/a"), &[YAML], text).await.expect(200);
    assert_eq!(changed["data"]["k"], "w");
    let apply = [("content-type", "application/apply-patch+yaml")];
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata:\n  x: |\n    two\n    lines\n";
    let applied = region.send(&format!("PATCH {MAPS}/b?fieldManager=m"), &apply, text).await.expect(201);
    assert_eq!(applied["data"]["x"], "two\nlines\n");
    let text = "kind: DeleteOptions\napiVersion: v1\npreconditions:\n  uid: other\n";
    region.send(&format!("DELETE {MAPS}/b"), &[YAML], text).await.expect(409);
}

/// The texts are kube-apiserver's.
#[tokio::test]
async fn keys_that_yaml_gives_twice_are_told() {
    let region = region();
    let text = "metadata:\n  name: a\ndata:\n  k: v\n  k: w\n";
    let made = region.send(&format!("POST {MAPS}?dryRun=All"), &[YAML], text).await;
    made.expect(201);
    assert_eq!(made.header("warning"), r#"299 - "line 5: key \"k\" already set in map""#);
    let refused = region.send(&format!("POST {MAPS}?fieldValidation=Strict"), &[YAML], text).await.failure(400);
    assert!(
        refused.ends_with("strict decoding error: yaml: unmarshal errors:\n  line 5: key \"k\" already set in map")
    );
    let apply = [("content-type", "application/apply-patch+yaml")];
    let text = format!("apiVersion: v1\nkind: ConfigMap\n{text}");
    let path = format!("PATCH {MAPS}/a?fieldManager=m&fieldValidation=Strict");
    let refused = region.send(&path, &apply, text).await.failure(400);
    let expected = "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 7: key \"k\" already set in map";
    assert_eq!(refused, expected);
    let refused = region.send(&path, &apply, "a: b: c\nd: [\n").await.failure(400);
    assert!(refused.starts_with("error decoding YAML: error converting YAML to JSON: yaml: "), "{refused}");
    let refused = region.send(&format!("POST {MAPS}"), &[YAML], "a:\n  b: c\n d: e\n").await.failure(400);
    assert!(refused.contains("(must be of type ConfigMap): yaml: line 2: did not find expected key ("), "{refused}");
}

#[tokio::test]
async fn what_is_not_spoken_is_refused_with_what_is() {
    let region = region();
    let cbor = [("content-type", "application/cbor")];
    assert_eq!(
        region.send(&format!("POST {MAPS}"), &cbor, "x").await.failure(415),
        "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf"
    );
    assert_eq!(
        region.send(&format!("GET {MAPS}"), &[("accept", "application/cbor")], "").await.failure(406),
        "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf"
    );
    assert_eq!(
        region.send(&format!("GET {MAPS}?watch=true"), &[("accept", "application/cbor")], "").await.failure(406),
        "only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
    );
}

#[tokio::test]
async fn typed_clients_read_protobuf() {
    let region = region();
    let accept = [("accept", "application/vnd.kubernetes.protobuf,application/json")];
    let kind = by_plural("", "v1", "configmaps").unwrap();
    let map = region.map("a", &json!({"l": "1"})).await;
    let shown = region.send(&format!("GET {MAPS}/a"), &accept, "").await;
    assert_eq!((shown.status, shown.header("content-type")), (200, PROTOBUF));
    assert_eq!(protobuf::decode(kind, &shown.bytes).unwrap(), map);
    // What was read can be sent.
    let headers = [accept[0], ("content-type", PROTOBUF)];
    let changed = region.send(&format!("PUT {MAPS}/a?dryRun=All"), &headers, shown.bytes.clone()).await;
    assert_eq!((changed.status, changed.header("content-type")), (200, PROTOBUF));
    let list = region.send(&format!("GET {MAPS}"), &accept, "").await;
    assert_eq!((list.status, list.header("content-type")), (200, PROTOBUF));
    assert!(list.bytes.starts_with(b"k8s\0") && list.bytes.windows(13).any(|bytes| bytes == b"ConfigMapList"));
    for (line, code) in [(format!("GET {MAPS}/none"), 404), (format!("GET {MAPS}?limit=x"), 400)] {
        let refused = region.send(&line, &accept, "").await;
        assert_eq!((refused.status, refused.header("content-type")), (code, PROTOBUF));
        assert!(refused.bytes.windows(7).any(|bytes| bytes == b"Failure"));
    }
    let gone = region.send(&format!("DELETE {MAPS}/a"), &accept, "").await;
    assert_eq!((gone.status, gone.header("content-type")), (200, PROTOBUF));
    assert!(gone.bytes.windows(7).any(|bytes| bytes == b"Success"));
    // A table has no such form.
    let table =
        "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1;g=meta.k8s.io";
    let table = region.send(&format!("GET {MAPS}"), &[("accept", table)], "").await;
    assert_eq!(table.expect(200)["kind"], "Table");
}

/// The frames of a watch: each a length of four bytes and a `WatchEvent`.
async fn frames(region: &Region, line: &str, accept: &str, count: usize) -> Vec<Vec<u8>> {
    let answer = region.api.answer(request(line, &[("accept", accept)], ""), None).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/vnd.kubernetes.protobuf;stream=watch");
    let (mut body, mut bytes, mut frames) = (BodyStream::new(answer.into_body()), Vec::new(), Vec::new());
    while frames.len() < count {
        bytes.extend_from_slice(&body.next().await.unwrap().unwrap().into_data().unwrap());
        while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            let Some(frame) = rest.get(..length) else { break };
            frames.push(frame.to_vec());
            bytes.drain(..length + 4);
        }
    }
    frames
}

#[tokio::test]
async fn informers_watch_in_protobuf() {
    let region = region();
    let map = region.map("a", &json!({})).await;
    let kind = by_plural("", "v1", "configmaps").unwrap();
    let accept = "application/vnd.kubernetes.protobuf,application/json";
    let initial = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let line = format!("GET {MAPS}?watch=true{initial}&fieldSelector=metadata.name%3Da");
    let shown = frames(&region, &line, accept, 2).await;
    for (frame, event_type) in shown.iter().zip(["ADDED", "BOOKMARK"]) {
        assert_eq!(&frame[..2], [0x0a, u8::try_from(event_type.len()).unwrap()]);
        assert_eq!(&frame[2..2 + event_type.len()], event_type.as_bytes());
        let start = frame.windows(4).position(|bytes| bytes == b"k8s\0").unwrap();
        let object = protobuf::decode(kind, &frame[start..]).unwrap();
        match event_type {
            "ADDED" => assert_eq!(object, map),
            _ => assert_eq!(object["metadata"]["annotations"]["k8s.io/initial-events-end"], "true"),
        }
    }
    // Metadata informers, which take any kind.
    let partial = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
    let shown = frames(&region, &line, partial, 2).await;
    assert!(shown[0].windows(21).any(|bytes| bytes == b"PartialObjectMetadata"));
}

#[tokio::test]
async fn custom_resources_are_text_and_their_metadata_may_be_protobuf() {
    let region = region();
    region.post(DEFINITIONS, &definition(&spec())).await.expect(201);
    let cats = "/apis/zoo.example.com/v1/namespaces/default/cats";
    let text = "apiVersion: zoo.example.com/v1\nkind: Cat\nmetadata: {name: tom}\nspec: {lives: 9}\n";
    let made = region.send(&format!("POST {cats}"), &[YAML], text).await.expect(201);
    assert_eq!(made["spec"], json!({"color": "grey", "lives": 9}));
    let get = |accept: &'static str| {
        let (region, line) = (&region, format!("GET {cats}/tom"));
        async move { region.send(&line, &[("accept", accept)], "").await }
    };
    let both = get("application/vnd.kubernetes.protobuf,application/json").await;
    assert_eq!(both.expect(200)["kind"], "Cat");
    // As upstream: the refusal itself can be written in what was asked for.
    let only = get(PROTOBUF).await;
    assert_eq!((only.status, only.header("content-type")), (406, PROTOBUF));
    let partial = get("application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1").await;
    assert_eq!((partial.status, partial.header("content-type")), (200, PROTOBUF));
    assert!(partial.bytes.starts_with(b"k8s\0"));
    let yaml = get("application/yaml").await;
    assert!(yaml.bytes.starts_with(b"apiVersion: zoo.example.com/v1\n"), "{yaml:?}");
    let refused = region.send(&format!("POST {cats}"), &[("content-type", PROTOBUF)], "x").await.failure(415);
    assert!(refused.ends_with("include: application/json, application/yaml"), "{refused}");
}

async fn discovered(region: &Region) -> Value {
    region.send("GET /apis", &[("accept", AGGREGATED)], "").await.expect(200)
}

fn group<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    list["items"].as_array().unwrap().iter().find(|group| group["metadata"]["name"] == name)
}

#[tokio::test]
async fn a_definition_is_told_of_at_once_and_no_longer_than_it_is_there() {
    let region = region();
    assert!(group(&discovered(&region).await, "zoo.example.com").is_none());
    region.post(DEFINITIONS, &definition(&spec())).await.expect(201);
    let list = discovered(&region).await;
    let cats = &group(&list, "zoo.example.com").unwrap()["versions"][0]["resources"][0];
    assert_eq!(
        (&cats["resource"], &cats["singularResource"], &cats["shortNames"]),
        (&json!("cats"), &json!("cat"), &json!(["ct"]))
    );
    let subresources: Vec<&Value> =
        cats["subresources"].as_array().unwrap().iter().map(|part| &part["subresource"]).collect();
    assert_eq!(subresources, ["scale", "status"]);
    let index = region.get("/openapi/v3").await.expect(200);
    let url = index["paths"]["apis/zoo.example.com/v1"]["serverRelativeURL"].as_str().unwrap().to_owned();
    let document = region.get(&url).await;
    assert!(document.header("cache-control").contains("immutable"));
    let schema = document.expect(200)["components"]["schemas"]["com.example.zoo.v1.Cat"].clone();
    assert_eq!(schema["properties"]["spec"]["properties"]["color"]["description"], "of the fur");
    assert_eq!(schema["x-kubernetes-selectable-fields"], json!([{"fieldPath": "spec.color"}]));
    let v2 = region.get("/openapi/v2").await.expect(200);
    assert!(v2["definitions"]["com.example.zoo.v1.Clowder"].is_object());
    // Another content, another address; the old one leads there.
    let mut other = spec();
    other["properties"]["color"]["description"] = json!("of the eyes");
    let changed = json!({"spec": {"versions": definition(&other)["spec"]["versions"]}});
    region.merge(&format!("{DEFINITIONS}/cats.zoo.example.com"), &changed).await.expect(200);
    let moved = region.get(&url).await;
    assert_eq!(moved.status, 301);
    let target = url.replace(url.rsplit('/').next().unwrap(), moved.header("location"));
    let schema = region.get(&target).await.expect(200)["components"]["schemas"]["com.example.zoo.v1.Cat"].clone();
    assert_eq!(schema["properties"]["spec"]["properties"]["color"]["description"], "of the eyes");
}

#[tokio::test]
async fn every_workspace_tells_of_its_own_definitions_only() {
    let region = region();
    region.post(DEFINITIONS, &definition(&spec())).await.expect(201);
    let host = region.send("GET //apis", &[("accept", AGGREGATED)], "").await.expect(200);
    assert!(group(&host, "zoo.example.com").is_none());
    let first = discovered(&region).await;
    let etag = region.send("GET /apis", &[("accept", AGGREGATED)], "").await.header("etag").to_owned();
    let known = [("accept", AGGREGATED), ("if-none-match", etag.as_str())];
    assert_eq!(region.send("GET /apis", &known, "").await.status, 304);
    assert!(group(&first, "zoo.example.com").is_some());
}

#[tokio::test]
async fn many_may_write_definitions_of_one_logical_cluster_at_the_same_time() {
    let region = region();
    region.gate.others_between.store(true, std::sync::atomic::Ordering::Relaxed);
    let made = futures_util::future::join_all((0..32).map(|number| {
        let (region, mut object) = (&region, definition(&spec()));
        let (plural, kind) = (format!("cats{number}"), format!("Cat{number}"));
        object["metadata"]["name"] = json!(format!("{plural}.zoo.example.com"));
        object["spec"]["names"] =
            json!({"plural": plural, "singular": kind.to_lowercase(), "kind": kind, "shortNames": ["ct"]});
        async move { region.post(DEFINITIONS, &object).await.expect(201) }
    }));
    let accepted = |definition: &Value| {
        let conditions = definition["status"]["conditions"].as_array().unwrap();
        conditions.iter().any(|condition| condition["type"] == "NamesAccepted" && condition["status"] == "True")
    };
    assert_eq!(made.await.iter().filter(|made| accepted(made)).count(), 1, "one has the short name that all want");
}
