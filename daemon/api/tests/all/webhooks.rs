//! Admission webhooks: what they are asked, what becomes of their answers, and whom they are not asked about.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hanse_store::home::Home;
use serde_json::{Value, json};

use crate::fixture::{MAPS, Region, map, region};
use crate::hook::{Certificate, Hook};

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1";

/// A webhook for everything that is done to ConfigMaps, with some fields in another way.
fn webhook(hook: &Hook, other: &Value) -> Value {
    let mut webhook = json!({
        "name": "w.example.com",
        "clientConfig": hook.client_config(),
        "rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 5,
    });
    for (field, value) in other.as_object().unwrap() {
        webhook[field] = value.clone();
    }
    webhook
}

async fn install(region: &Region, mutating: bool, name: &str, webhooks: Vec<Value>) {
    let (kind, plural) = if mutating {
        ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations")
    } else {
        ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations")
    };
    let configuration = json!({
        "kind": kind,
        "apiVersion": "admissionregistration.k8s.io/v1",
        "metadata": {"name": name},
        "webhooks": webhooks,
    });
    region.post(&format!("{CONFIGURATIONS}/{plural}"), &configuration).await.expect(201);
}

async fn validating(other: Value, answer: impl Fn(&Value) -> Value + Send + Sync + 'static) -> (Region, Hook) {
    let (region, hook) = (region(), Hook::reviewing(answer).await);
    install(&region, false, "c", vec![webhook(&hook, &other)]).await;
    (region, hook)
}

async fn mutating(other: Value, answer: impl Fn(&Value) -> Value + Send + Sync + 'static) -> (Region, Hook) {
    let (region, hook) = (region(), Hook::reviewing(answer).await);
    install(&region, true, "c", vec![webhook(&hook, &other)]).await;
    (region, hook)
}

fn patched(operations: &Value) -> Value {
    json!({"allowed": true, "patchType": "JSONPatch", "patch": STANDARD.encode(operations.to_string())})
}

fn allowed() -> Value {
    json!({"allowed": true})
}

#[tokio::test]
async fn a_webhook_is_told_who_wants_to_do_what_with_which_object() {
    let (region, hook) = validating(json!({}), |_| allowed()).await;
    let made = region.map("a", &json!({"l": "1"})).await;
    let headers = [("content-type", "application/merge-patch+json")];
    let patch = json!({"data": {"k": "w"}}).to_string();
    region.send(&format!("PATCH {MAPS}/a?fieldManager=me&dryRun=All"), &headers, patch).await.expect(200);
    region.delete(&format!("{MAPS}/a?propagationPolicy=Background&gracePeriodSeconds=7")).await.expect(200);
    let requests = hook.requests();
    let mut created = requests[0].clone();
    assert!(!created["uid"].as_str().unwrap().is_empty());
    let object = created["object"].take();
    let kind = json!({"group": "", "version": "v1", "kind": "ConfigMap"});
    let resource = json!({"group": "", "version": "v1", "resource": "configmaps"});
    let expected = json!({
        "uid": created["uid"],
        "kind": kind,
        "resource": resource,
        "requestKind": kind,
        "requestResource": resource,
        "name": "a",
        "namespace": "default",
        "operation": "CREATE",
        "userInfo": {"username": "kcp-admin", "uid": "1", "groups": ["system:kcp:admin", "system:authenticated"]},
        "object": null,
        "oldObject": null,
        "dryRun": false,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    });
    assert_eq!(created, expected);
    assert_eq!((&object["kind"], &object["data"]), (&json!("ConfigMap"), &json!({"k": "v"})));
    assert_eq!(object["metadata"]["uid"], made["metadata"]["uid"]);
    let updated = &requests[1];
    assert_eq!((&updated["operation"], &updated["dryRun"]), (&json!("UPDATE"), &json!(true)));
    assert_eq!((&updated["object"]["data"]["k"], &updated["oldObject"]["data"]["k"]), (&json!("w"), &json!("v")));
    let options = json!({
        "kind": "UpdateOptions", "apiVersion": "meta.k8s.io/v1", "dryRun": ["All"], "fieldManager": "me",
    });
    assert_eq!(updated["options"], options);
    let deleted = &requests[2];
    assert_eq!((&deleted["operation"], &deleted["object"]), (&json!("DELETE"), &Value::Null));
    assert_eq!(deleted["oldObject"]["metadata"]["name"], "a");
    let options = json!({
        "kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", "gracePeriodSeconds": 7, "propagationPolicy": "Background",
    });
    assert_eq!(deleted["options"], options);
}

#[tokio::test]
async fn a_refusal_is_told_in_the_words_of_the_webhook() {
    let status = json!({
        "code": 403, "reason": "Forbidden", "message": "not on Sundays",
        "details": {"name": "a", "causes": [{"message": "sunday"}]},
    });
    let (region, _hook) = validating(
        json!({}),
        move |request| json!({"allowed": request["operation"] != "DELETE" && request["name"] != "a", "status": status}),
    )
    .await;
    let refused = region.post(MAPS, &map("a", &json!({}))).await;
    let json = refused.expect(403);
    assert_eq!(json["message"], r#"admission webhook "w.example.com" denied the request: not on Sundays"#);
    assert_eq!((&json["reason"], &json["status"]), (&json!("Forbidden"), &json!("Failure")));
    assert_eq!(json["details"], json!({"name": "a", "causes": [{"message": "sunday"}]}));
    region.get(&format!("{MAPS}/a")).await.expect(404);
    region.map("b", &json!({})).await;
    region.delete(&format!("{MAPS}/b")).await.failure(403);
    region.delete(MAPS).await.failure(403);
    region.get(&format!("{MAPS}/b")).await.expect(200);
}

#[tokio::test]
async fn a_patch_of_a_webhook_is_laid_on_the_object_which_is_read_again() {
    let (region, hook) = mutating(json!({}), |request| {
        if request["operation"] == "DELETE" {
            return allowed();
        }
        patched(&json!([
            {"op": "add", "path": "/data/added", "value": "1"},
            {"op": "add", "path": "/unknown", "value": {"x": 1}},
            {"op": "add", "path": "/metadata/labels", "value": {"z": "1", "a": "1"}},
        ]))
    })
    .await;
    let object = region.post(MAPS, &map("a", &json!({}))).await.expect(201);
    assert_eq!(object["data"], json!({"added": "1", "k": "v"}));
    assert_eq!(object["metadata"]["labels"].to_string(), r#"{"a":"1","z":"1"}"#, "in canonical order");
    assert!(object.get("unknown").is_none(), "{object}");
    assert_eq!(object["metadata"]["annotations"]["kcp.io/cluster"], "root");
    assert!(hook.requests()[0]["object"]["metadata"].get("uid").is_none(), "what the server sets is not there yet");
    let changed = region.merge(&format!("{MAPS}/a"), &json!({"data": {"k": "w", "added": null}})).await.expect(200);
    assert_eq!(changed["data"], json!({"added": "1", "k": "w"}));
    // What it sets is set already: nothing changes.
    let again = region.merge(&format!("{MAPS}/a"), &json!({"data": {"added": null}})).await.expect(200);
    assert_eq!(again["metadata"]["resourceVersion"], changed["metadata"]["resourceVersion"]);
    region.delete(&format!("{MAPS}/a")).await.expect(200);
}

#[tokio::test]
async fn a_patch_cannot_make_another_object_of_it() {
    let table = [
        (json!([{"op": "replace", "path": "/kind", "value": "Secret"}]), 500),
        (json!([{"op": "replace", "path": "/data", "value": 1}]), 500),
        (json!([{"op": "remove", "path": "/absent"}]), 500),
        (json!([{"op": "replace", "path": "/metadata/name", "value": "Not A Name"}]), 422),
        (json!([{"op": "replace", "path": "/metadata/namespace", "value": "other"}]), 400),
    ];
    for (operations, code) in table {
        let shown = operations.to_string();
        let (region, _hook) = mutating(json!({}), move |_| patched(&operations)).await;
        let refused = region.post(MAPS, &map("a", &json!({}))).await;
        assert_eq!(refused.status, code, "{shown}: {}", String::from_utf8_lossy(&refused.bytes));
    }
    let (region, _hook) =
        mutating(json!({}), |_| patched(&json!([{"op": "add", "path": "/data/x", "value": "1"}]))).await;
    // Without the webhook's leave the object is not even marked.
    region.post(MAPS, &map("a", &json!({}))).await.expect(201);
    let why = region.delete(&format!("{MAPS}/a")).await.failure(500);
    let expected = "Internal error occurred: admission webhook \"w.example.com\" attempted to modify the object, which is \
                    not supported for this operation";
    assert_eq!(why, expected);
}

#[tokio::test]
async fn a_webhook_without_a_verdict_refuses_or_not_as_its_policy_says() {
    let broken = || {
        Hook::start(
            Certificate::Server,
            true,
            std::sync::Arc::new(|_| {
                Box::pin(std::future::ready((500, Vec::new(), Bytes::from("secrets of the webhook's host"))))
            }),
        )
    };
    for mutating in [false, true] {
        let (region, hook) = (region(), broken().await);
        install(&region, mutating, "c", vec![webhook(&hook, &json!({"failurePolicy": "Fail"}))]).await;
        let expected = "Internal error occurred: failed calling webhook \"w.example.com\": failed to call webhook: an error \
                        on the server (\"unknown\") has prevented the request from succeeding";
        assert_eq!(region.post(MAPS, &map("a", &json!({}))).await.failure(500), expected);
        let (region, hook) = (crate::fixture::region(), broken().await);
        install(&region, mutating, "c", vec![webhook(&hook, &json!({"failurePolicy": "Ignore"}))]).await;
        region.map("a", &json!({})).await;
        assert_eq!(hook.calls.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_webhook_with_side_effects_is_not_asked_in_a_dry_run() {
    let (region, hook) = validating(json!({"sideEffects": "NoneOnDryRun"}), |_| allowed()).await;
    region.post(&format!("{MAPS}?dryRun=All"), &map("a", &json!({}))).await.expect(201);
    assert_eq!(hook.requests()[0]["dryRun"], true);
    assert_eq!(hook.requests()[0]["options"]["dryRun"], json!(["All"]));
}

#[tokio::test]
async fn warnings_go_to_the_client_once_each() {
    let warning = |_: &Value| json!({"allowed": true, "warnings": ["mind the gap", "mind the gap", "second"]});
    let (region, _hook) = validating(json!({}), warning).await;
    let shown = |reply: crate::fixture::Reply| {
        let all = reply.headers.get_all("warning");
        all.iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let expected = [r#"299 - "mind the gap""#, r#"299 - "second""#];
    assert_eq!(shown(region.post(MAPS, &map("a", &json!({}))).await), expected);
    assert_eq!(shown(region.merge(&format!("{MAPS}/a"), &json!({"data": {"k": "w"}})).await), expected);
    assert_eq!(shown(region.delete(&format!("{MAPS}/a")).await), expected);
    region.map("b", &json!({})).await;
    region.map("c", &json!({})).await;
    assert_eq!(shown(region.delete(MAPS).await), expected);
}

#[tokio::test]
async fn mutating_webhooks_go_by_the_names_of_their_configurations_and_again_where_they_ask_for_it() {
    let region = region();
    let seen = |hook: &Hook| {
        let requests = hook.requests();
        requests.iter().map(|request| request["object"]["data"]["v"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let append = |letter: &'static str| {
        move |request: &Value| {
            let value = request["object"]["data"]["v"].as_str().unwrap();
            if value.contains(letter) {
                return allowed();
            }
            patched(&json!([{"op": "replace", "path": "/data/v", "value": format!("{value}{letter}")}]))
        }
    };
    let (a, b, c) =
        (Hook::reviewing(append("a")).await, Hook::reviewing(append("b")).await, Hook::reviewing(append("c")).await);
    install(&region, true, "2", vec![webhook(&b, &json!({"reinvocationPolicy": "IfNeeded"}))]).await;
    let last = webhook(&c, &json!({"name": "c.example.com"}));
    install(&region, true, "3", vec![last]).await;
    install(&region, true, "1", vec![webhook(&a, &json!({}))]).await;
    let object = json!({"metadata": {"name": "x"}, "data": {"v": "0"}});
    assert_eq!(region.post(MAPS, &object).await.expect(201)["data"]["v"], "0abc");
    assert_eq!(
        (seen(&a), seen(&b), seen(&c)),
        (vec!["0".into()], vec!["0a".into(), "0abc".into()], vec!["0ab".into()])
    );
}

#[tokio::test]
async fn rules_and_selectors_decide_who_is_asked() {
    // What a webhook says of itself, and whether it is asked about each of five requests.
    let rule = |rule: Value| json!({"rules": [rule]});
    let of = |operations: &[&str], groups: &[&str], versions: &[&str], resources: &[&str]| json!({"operations": operations, "apiGroups": groups, "apiVersions": versions, "resources": resources});
    let mut namespaced = of(&["*"], &["*"], &["*"], &["*"]);
    namespaced["scope"] = json!("Namespaced");
    let mut cluster = namespaced.clone();
    cluster["scope"] = json!("Cluster");
    let table = [
        (rule(of(&["*"], &["*"], &["*"], &["*"])), [true, true, true, true, true]),
        (rule(of(&["*"], &["*"], &["*"], &["*/*"])), [true, true, true, true, true]),
        (rule(of(&["CREATE"], &[""], &["v1"], &["configmaps"])), [true, false, false, false, false]),
        (rule(of(&["UPDATE"], &[""], &["v1"], &["configmaps"])), [false, true, false, false, false]),
        (rule(of(&["DELETE", "UPDATE"], &[""], &["v1"], &["*"])), [false, true, true, false, false]),
        (rule(of(&["*"], &[""], &["v2"], &["*"])), [false; 5]),
        (rule(of(&["*"], &["coordination.k8s.io"], &["v1"], &["leases"])), [false, false, false, false, true]),
        (rule(namespaced), [true, true, true, false, true]),
        (rule(cluster), [false, false, false, true, false]),
        (json!({"objectSelector": {"matchLabels": {"l": "1"}}}), [true, true, false, false, false]),
        (json!({"objectSelector": {"matchLabels": {"l": "2"}}}), [false, true, true, false, false]),
        (
            json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}),
            [true, true, true, false, false],
        ),
        (json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}), [false; 5]),
    ];
    for (other, expected) in table {
        let (region, hook) = validating(other.clone(), |_| allowed()).await;
        let asked = |before: usize| hook.calls.lock().unwrap().len() > before;
        let mut seen = [false; 5];
        region.post(MAPS, &map("a", &json!({"l": "1"}))).await.expect(201);
        seen[0] = asked(0);
        let before = hook.calls.lock().unwrap().len();
        region.merge(&format!("{MAPS}/a"), &json!({"metadata": {"labels": {"l": "2"}}})).await.expect(200);
        seen[1] = asked(before);
        let before = hook.calls.lock().unwrap().len();
        region.delete(&format!("{MAPS}/a")).await.expect(200);
        seen[2] = asked(before);
        let before = hook.calls.lock().unwrap().len();
        region.post("/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await.expect(201);
        seen[3] = asked(before);
        let before = hook.calls.lock().unwrap().len();
        let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
        region.post(leases, &json!({"metadata": {"name": "l"}, "spec": {}})).await.expect(201);
        seen[4] = asked(before);
        assert_eq!(seen, expected, "{other}");
    }
}

#[tokio::test]
async fn a_namespace_counts_by_the_labels_that_are_written() {
    let rules = json!([{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["namespaces"]}]);
    let selector = json!({"matchLabels": {"watched": "yes"}});
    let (region, hook) = validating(json!({"rules": rules, "namespaceSelector": selector}), |_| allowed()).await;
    region.post("/api/v1/namespaces", &json!({"metadata": {"name": "a"}})).await.expect(201);
    assert!(hook.requests().is_empty());
    let labels = json!({"metadata": {"labels": {"watched": "yes"}}});
    region.merge("/api/v1/namespaces/a", &labels).await.expect(200);
    assert_eq!(hook.requests()[0]["namespace"], "a");
    region.delete("/api/v1/namespaces/a").await.expect(200);
    assert_eq!(hook.requests()[1]["operation"], "DELETE");
}

#[tokio::test]
async fn events_of_either_group_are_the_same_to_a_webhook_that_takes_equivalents() {
    let rules = json!([{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["events"]}]);
    for (policy, count) in [("Equivalent", 1), ("Exact", 0)] {
        let (region, hook) = validating(json!({"rules": rules, "matchPolicy": policy}), |_| allowed()).await;
        let event = json!({
            "metadata": {"name": "e", "namespace": "default"}, "eventTime": "2026-01-01T00:00:00.000000Z",
            "action": "a", "reason": "r", "note": "n", "type": "Normal", "regarding": {"namespace": "default"},
            "reportingController": "example.com/c", "reportingInstance": "i",
        });
        region.post("/apis/events.k8s.io/v1/namespaces/default/events", &event).await.expect(201);
        let requests = hook.requests();
        assert_eq!(requests.len(), count, "{policy}");
        if let Some(request) = requests.first() {
            assert_eq!(request["kind"], json!({"group": "", "version": "v1", "kind": "Event"}));
            assert_eq!(request["requestKind"]["group"], "events.k8s.io");
            assert_eq!((&request["object"]["message"], &request["object"]["apiVersion"]), (&json!("n"), &json!("v1")));
        }
    }
}

#[tokio::test]
async fn configurations_are_not_up_to_webhooks() {
    let rules = json!([{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}]);
    let (region, hook) = validating(json!({"rules": rules}), |_| json!({"allowed": false})).await;
    let path = format!("{CONFIGURATIONS}/validatingwebhookconfigurations/c");
    region.merge(&path, &json!({"metadata": {"labels": {"l": "1"}}})).await.expect(200);
    region.delete(&path).await.expect(200);
    assert!(hook.requests().is_empty());
    region.map("a", &json!({})).await;
}

#[tokio::test]
async fn what_cannot_be_made_bothers_no_webhook() {
    let (region, hook) = mutating(json!({}), |_| allowed()).await;
    let missing = region.post("/api/v1/namespaces/absent/configmaps", &map("a", &json!({}))).await;
    assert_eq!(missing.failure(404), r#"namespaces "absent" not found"#);
    assert!(hook.requests().is_empty());
}

#[tokio::test]
async fn a_name_that_is_generated_is_known_only_when_it_is_validated() {
    let region = region();
    let (mutating, validating) = (Hook::allowing().await, Hook::allowing().await);
    install(&region, true, "m", vec![webhook(&mutating, &json!({}))]).await;
    install(&region, false, "v", vec![webhook(&validating, &json!({}))]).await;
    let made = region.post(MAPS, &json!({"metadata": {"generateName": "g-"}})).await.expect(201);
    assert!(mutating.requests()[0].get("name").is_none());
    assert_eq!(validating.requests()[0]["name"], made["metadata"]["name"]);
}

#[tokio::test]
async fn a_change_that_somebody_overtakes_is_put_to_the_webhooks_again() {
    let (region, hook) = mutating(json!({}), |_| allowed()).await;
    region.map("a", &json!({})).await;
    region.freeze();
    let home = &region.home;
    let key =
        hanse_store::key::Key::new("configmaps", &hanse_base::id::ClusterId::new("root").unwrap(), "default", "a")
            .unwrap();
    let mut object: Value = serde_json::from_slice(&home.view().get(&key).unwrap().bytes()).unwrap();
    object["data"]["other"] = json!("1");
    let draft = hanse_store::object::Draft::of(&object).unwrap();
    crate::fixture::apply(home, vec![hanse_store::txn::Operation::Put(key, draft)]);
    let changed = region.merge(&format!("{MAPS}/a"), &json!({"data": {"k": "w"}})).await.expect(200);
    assert_eq!(changed["data"], json!({"k": "w", "other": "1"}));
    let last = hook.requests().pop().unwrap();
    assert_eq!(last["oldObject"]["data"]["other"], "1", "it has seen what was stored in the end");
}

#[tokio::test]
async fn validating_webhooks_are_asked_at_once() {
    let region = region();
    // Each answers only when all have been asked.
    let waiting = std::sync::Arc::new(tokio::sync::Barrier::new(3));
    let number = std::sync::Arc::new(AtomicUsize::new(0));
    let mut hooks = Vec::new();
    for _ in 0..3 {
        let (waiting, number) = (std::sync::Arc::clone(&waiting), std::sync::Arc::clone(&number));
        let answer = move |review: Value| -> hanse_base::net::BoxFuture<'static, crate::hook::Replied> {
            let (waiting, number) = (std::sync::Arc::clone(&waiting), std::sync::Arc::clone(&number));
            Box::pin(async move {
                waiting.wait().await;
                number.fetch_add(1, Ordering::Relaxed);
                let response = json!({"uid": review["request"]["uid"], "allowed": true});
                let review =
                    json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response});
                (200, Vec::new(), Bytes::from(review.to_string()))
            })
        };
        hooks.push(Hook::start(Certificate::Server, true, std::sync::Arc::new(answer)).await);
    }
    let webhooks = hooks
        .iter()
        .enumerate()
        .map(|(number, hook)| webhook(hook, &json!({"name": format!("w{number}.example.com"), "timeoutSeconds": 30})));
    install(&region, false, "c", webhooks.collect()).await;
    region.map("a", &json!({})).await;
    assert_eq!(number.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_service_is_no_place_for_a_webhook_here() {
    let region = region();
    let hook = Hook::allowing().await;
    let service = json!({"clientConfig": {"service": {"namespace": "n", "name": "s"}}});
    install(&region, false, "c", vec![webhook(&hook, &service)]).await;
    let expected = "Internal error occurred: failed calling webhook \"w.example.com\": could not get REST client: \
                    clientConfig.service is not served: there are no services here, use clientConfig.url";
    assert_eq!(region.post(MAPS, &map("a", &json!({}))).await.failure(500), expected);
}

const CRONTABS: &str = "/apis/example.com";

async fn define(region: &Region) {
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {
        "spec": {"type": "object", "properties": {"replicas": {"type": "integer"}, "text": {"type": "string"}}},
        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
    }}});
    let scale = json!({"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"});
    let version = |name: &str, storage: bool| {
        json!({
            "name": name, "served": true, "storage": storage, "schema": schema,
            "subresources": {"status": {}, "scale": scale},
        })
    };
    let definition = json!({
        "kind": "CustomResourceDefinition",
        "apiVersion": "apiextensions.k8s.io/v1",
        "metadata": {"name": "crontabs.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "crontabs", "singular": "crontab", "kind": "CronTab", "listKind": "CronTabList"},
            "versions": [version("v1", true), version("v2", false)],
        },
    });
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    region.post(path, &definition).await.expect(201);
}

#[tokio::test]
async fn a_custom_resource_is_shown_in_the_version_that_the_webhook_knows() {
    let rules = json!([{
        "operations": ["CREATE"], "apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["crontabs"],
    }]);
    let (region, hook) = mutating(json!({"rules": rules}), |_| {
        patched(&json!([
            {"op": "add", "path": "/spec/text", "value": "t"},
            {"op": "add", "path": "/spec/unknown", "value": "t"},
        ]))
    })
    .await;
    define(&region).await;
    let path = format!("{CRONTABS}/v2/namespaces/default/crontabs");
    let object = json!({
        "apiVersion": "example.com/v2", "kind": "CronTab", "metadata": {"name": "c"}, "spec": {"replicas": 1},
    });
    let made = region.post(&path, &object).await.expect(201);
    assert_eq!(made["apiVersion"], "example.com/v2");
    assert_eq!(made["spec"], json!({"replicas": 1, "text": "t"}));
    let request = &hook.requests()[0];
    let kind = |version: &str| json!({"group": "example.com", "version": version, "kind": "CronTab"});
    assert_eq!((&request["kind"], &request["requestKind"]), (&kind("v1"), &kind("v2")));
    assert_eq!(request["object"]["apiVersion"], "example.com/v1");
}

#[tokio::test]
async fn a_request_to_scale_is_about_a_scale() {
    let rules = json!([{
        "operations": ["UPDATE"], "apiGroups": ["example.com"], "apiVersions": ["*"], "resources": ["crontabs/scale"],
    }]);
    let (region, hook) = mutating(json!({"rules": rules}), |_| {
        patched(&json!([{"op": "replace", "path": "/spec/replicas", "value": 3}]))
    })
    .await;
    define(&region).await;
    let path = format!("{CRONTABS}/v1/namespaces/default/crontabs");
    let object = json!({
        "apiVersion": "example.com/v1", "kind": "CronTab", "metadata": {"name": "c"}, "spec": {"replicas": 1, "text": "x"},
    });
    region.post(&path, &object).await.expect(201);
    let scaled = region.merge(&format!("{path}/c/scale"), &json!({"spec": {"replicas": 5}})).await.expect(200);
    assert_eq!(scaled["spec"]["replicas"], 3);
    let stored = region.get(&format!("{path}/c")).await.expect(200);
    assert_eq!(stored["spec"], json!({"replicas": 3, "text": "x"}));
    let request = &hook.requests()[0];
    assert_eq!(request["kind"], json!({"group": "autoscaling", "version": "v1", "kind": "Scale"}));
    assert_eq!(request["subResource"], "scale");
    let replicas = |object: &str| request[object]["spec"]["replicas"].clone();
    assert_eq!((replicas("oldObject"), replicas("object")), (json!(1), json!(5)));
}

#[tokio::test]
async fn owners_of_fields_that_a_webhook_has_spoilt_are_as_they_were() {
    let spoil = json!([{"op": "replace", "path": "/metadata/managedFields/0/fieldsType", "value": "x"}]);
    let (region, _hook) = mutating(json!({}), move |_| patched(&spoil)).await;
    let made = region.post(MAPS, &map("a", &json!({}))).await;
    let warning = made.header("warning").to_owned();
    assert!(warning.contains("was in an invalid state after admission"), "{warning}");
    assert_eq!(made.expect(201)["metadata"]["managedFields"][0]["fieldsType"], "FieldsV1");
}
