//! Workspaces: made, placed, read everywhere, written at home.

use std::sync::atomic::Ordering;

use hanse_base::id::ClusterId;
use hanse_store::home::Home;
use hanse_store::key::Scope;
use hanse_store::memory::MemoryHome;
use hanse_store::txn::Operation;
use serde_json::{Value, json};

use crate::fixture::{MAPS, apply, region, regions, synchronize};

const PATH: &str = "/apis/tenancy.kcp.io/v1alpha1/workspaces";
const CLUSTER: &str = "/apis/core.kcp.io/v1alpha1/logicalclusters/cluster";

fn workspace(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

fn placed(name: &str, region: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"location": {"selector": {"matchLabels": {"region": region}}}}})
}

#[tokio::test]
async fn a_workspace_is_ready_in_the_answer() {
    let region = region();
    let made = region.post(PATH, &workspace("org")).await.expect(201);
    let id = made["spec"]["cluster"].as_str().unwrap();
    assert_eq!(id.len(), 16);
    assert_eq!(made["spec"]["URL"], "https://eu.example:6443/clusters/root:org");
    assert_eq!(made["spec"]["type"], json!({"name": "universal", "path": "root"}));
    assert_eq!(made["status"]["phase"], "Ready");
    let metadata = &made["metadata"];
    assert_eq!(
        (&metadata["labels"]["region"], &metadata["labels"]["tenancy.kcp.io/phase"]),
        (&json!("eu"), &json!("Ready"))
    );
    assert_eq!(metadata["annotations"]["kcp.io/cluster"], "root");
    assert_eq!(metadata["annotations"]["experimental.tenancy.kcp.io/owner"], r#"{"username":"kcp-admin"}"#);
    assert_eq!(metadata["finalizers"], json!(["core.kcp.io/logicalcluster"]));
    assert_eq!(region.get(&format!("{PATH}/org")).await.expect(200), made);
    for prefix in ["root:org".to_owned(), id.to_owned()] {
        let cluster = region.get(&format!("/clusters/{prefix}{CLUSTER}")).await.expect(200);
        assert_eq!(cluster["metadata"]["annotations"]["kcp.io/path"], "root:org");
        assert_eq!(cluster["metadata"]["annotations"]["kcp.io/cluster"], id);
        assert_eq!(cluster["spec"]["owner"]["name"], "org");
        assert_eq!(cluster["spec"]["owner"]["uid"], metadata["uid"]);
        assert_eq!(cluster["status"]["phase"], "Ready");
        let namespaces = region.get(&format!("/clusters/{prefix}/api/v1/namespaces")).await.expect(200);
        let names: Vec<&Value> =
            namespaces["items"].as_array().unwrap().iter().map(|item| &item["metadata"]["name"]).collect();
        assert_eq!(names, ["default", "kube-system"]);
    }
    let child = region.post(&format!("/clusters/{id}{PATH}"), &workspace("team")).await.expect(201);
    assert_eq!(child["spec"]["URL"], "https://eu.example:6443/clusters/root:org:team");
    assert_eq!(region.get(&format!("/clusters/{id}:team/api")).await.status, 200);
}

#[tokio::test]
async fn a_workspace_that_cannot_be_made_is_refused() {
    let region = region();
    region.post(PATH, &workspace("org")).await.expect(201);
    let table = [
        (PATH.to_owned(), workspace("org"), 409),
        (PATH.to_owned(), workspace("Org"), 422),
        (PATH.to_owned(), workspace("a.b"), 422),
        (PATH.to_owned(), placed("a", "nowhere"), 422),
        (PATH.to_owned(), json!({"metadata": {"name": "a"}, "spec": {"cluster": "abc"}}), 403),
        (PATH.to_owned(), json!({"metadata": {"name": "a"}, "spec": {"URL": "https://x"}}), 403),
        (PATH.to_owned(), json!({"metadata": {"name": "a"}, "spec": {"type": {"name": "9"}}}), 422),
        (format!("/clusters/root:none{PATH}"), workspace("a"), 404),
        (format!("/clusters/none{PATH}"), workspace("a"), 403),
    ];
    for (path, body, status) in table {
        let reply = region.post(&path, &body).await;
        assert_eq!(reply.status, status, "{path} {body} {:?}", reply.bytes);
    }
    let taken = region.post(PATH, &workspace("org")).await.failure(409);
    assert_eq!(taken, r#"workspaces.tenancy.kcp.io "org" already exists"#);
    assert_eq!(region.post(&format!("{PATH}?dryRun=All"), &workspace("org")).await.status, 409);
    let before = region.home_revision();
    let dry = region.post(&format!("{PATH}?dryRun=All"), &workspace("dry")).await.expect(201);
    assert_eq!(dry["metadata"].get("resourceVersion"), None, "what is not stored has no revision");
    assert_eq!(region.home_revision(), before);
    let generated = region.post(PATH, &json!({"metadata": {"generateName": "ws-"}})).await.expect(201);
    assert_eq!(generated["metadata"]["name"].as_str().unwrap().len(), 8);
}

#[tokio::test]
async fn a_workspace_has_a_type_that_there_is_below_a_parent_that_the_type_allows() {
    let region = region();
    let typed = |name: &str, kind: &str| json!({"metadata": {"name": name}, "spec": {"type": {"name": kind}}});
    let below = |path: &str| format!("/clusters/{path}{PATH}");
    let table = [
        ("root", "org", "organization", 201),
        ("root", "plain", "universal", 201),
        ("root", "a", "team", 403),
        ("root", "a", "home", 403),
        ("root", "a", "root", 403),
        ("root", "a", "x", 403),
        ("root", "a", "Big", 422),
        ("root:org", "team", "team", 201),
        ("root:org", "a", "organization", 403),
        ("root:org:team", "inner", "team", 201),
        ("root:org:team", "plain", "universal", 201),
        ("root:plain", "a", "team", 403),
        ("root:plain", "a", "organization", 403),
    ];
    for (parent, name, kind, status) in table {
        let reply = region.post(&below(parent), &typed(name, kind)).await;
        assert_eq!(reply.status, status, "{kind} below {parent}: {:?}", reply.bytes);
    }
    let unknown = region.post(PATH, &typed("a", "x")).await.failure(403);
    let expected = "workspaces.tenancy.kcp.io \"a\" is forbidden: unable to use workspace type root:x: \
        missing verb='use' permission on workspacetype";
    assert_eq!(unknown, expected);
    let elsewhere = json!({"metadata": {"name": "a"}, "spec": {"type": {"name": "universal", "path": "root:org"}}});
    assert!(
        region.post(PATH, &elsewhere).await.failure(403).contains("unable to use workspace type root:org:universal")
    );
    assert_eq!(region.post(&format!("{PATH}?dryRun=All"), &typed("a", "x")).await.status, 403);
    let named = region.get(&format!("/clusters/root:org{CLUSTER}")).await.expect(200);
    assert_eq!(named["metadata"]["annotations"]["internal.tenancy.kcp.io/type"], "root:organization");
}

#[tokio::test]
async fn a_workspace_is_changed_at_its_rows_version() {
    let region = region();
    let made = region.post(PATH, &workspace("org")).await.expect(201);
    let path = format!("{PATH}/org");
    let labelled = region.merge(&path, &json!({"metadata": {"labels": {"a": "1"}}})).await.expect(200);
    assert_eq!(labelled["metadata"]["labels"]["a"], "1");
    assert_ne!(labelled["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    assert_eq!(region.merge(&path, &json!({"metadata": {"labels": {"a": "1"}}})).await.expect(200), labelled);
    assert_eq!(region.put(&path, &made).await.status, 409);
    let located = region.post(PATH, &placed("located", "eu")).await.expect(201);
    assert_eq!(region.merge(&format!("{PATH}/located"), &json!({})).await.expect(200), located);
    let mut wanted = labelled.clone();
    wanted["metadata"]["annotations"]["mine"] = json!("1");
    wanted["metadata"]["finalizers"] = json!([]);
    wanted["status"]["phase"] = json!("Scheduling");
    let changed = region.put(&path, &wanted).await.expect(200);
    assert_eq!(changed["metadata"]["annotations"]["mine"], "1");
    assert_eq!(changed["metadata"]["finalizers"], json!(["core.kcp.io/logicalcluster"]));
    assert_eq!(changed["status"]["phase"], "Ready");
    let mut without = changed.clone();
    without["metadata"].as_object_mut().unwrap().shift_remove("resourceVersion");
    assert!(region.put(&path, &without).await.failure(422).contains("must be specified for an update"));
    for (body, status) in [
        (json!({"spec": {"cluster": "other"}}), 403),
        (json!({"spec": {"URL": "https://other"}}), 403),
        (json!({"spec": {"type": {"name": "other"}}}), 403),
        (json!({"metadata": {"labels": {"tenancy.kcp.io/phase": "x"}}}), 403),
        (json!({"metadata": {"resourceVersion": "1"}}), 409),
    ] {
        assert_eq!(region.merge(&path, &body).await.status, status, "{body}");
    }
    assert_eq!(region.merge(&format!("{path}/status"), &json!({"status": {"phase": "x"}})).await.status, 403);
    assert_eq!(region.merge(&format!("{PATH}/none"), &json!({})).await.status, 404);
}

#[tokio::test]
async fn a_deleted_workspace_takes_nothing_new_and_says_so() {
    let region = region();
    let made = region.post(PATH, &workspace("org")).await.expect(201);
    let marked = region.delete(&format!("{PATH}/org")).await.expect(200);
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(
        (&marked["status"]["phase"], &marked["metadata"]["labels"]["tenancy.kcp.io/phase"]),
        (&json!("Deleting"), &json!("Deleting"))
    );
    assert_eq!(region.delete(&format!("{PATH}/org")).await.expect(200), marked);
    let cluster = region.get(&format!("/clusters/root:org{CLUSTER}")).await.expect(200);
    assert_eq!(cluster["status"]["phase"], "Deleting");
    let refused = region.post(&format!("/clusters/root:org{MAPS}"), &json!({"metadata": {"name": "a"}})).await;
    assert!(refused.failure(403).contains("being terminated"));
    let child = region.post(&format!("/clusters/root:org{PATH}"), &workspace("team")).await;
    assert_eq!(child.status, 403, "{child:?}");
    assert_eq!(region.get(&format!("/clusters/root:org{MAPS}")).await.status, 200, "content stays readable");
    let exact = json!({"preconditions": {"uid": "other"}}).to_string();
    region.post(PATH, &workspace("b")).await.expect(201);
    assert_eq!(region.send(&format!("DELETE {PATH}/b"), &[], exact).await.status, 409);
    let all = region.delete(PATH).await.expect(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    let left = region.get(PATH).await.expect(200);
    assert!(left["items"].as_array().unwrap().iter().all(|item| item["metadata"]["deletionTimestamp"].is_string()));
    assert_ne!(made["metadata"]["resourceVersion"], marked["metadata"]["resourceVersion"]);
}

/// Regions that bring their documents to each other all the time, as the daemons do.
async fn synchronized<T>(regions: &[crate::fixture::Region], work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::task::yield_now() => synchronize(regions),
        }
    }
}

#[tokio::test]
async fn a_workspace_is_placed_and_read_and_written_from_every_region() {
    let regions = regions(&["eu", "us", "ap"]);
    let (eu, us, ap) = (&regions[0], &regions[1], &regions[2]);
    let made = synchronized(&regions, eu.post(PATH, &placed("org", "us"))).await.expect(201);
    assert_eq!(made["metadata"]["labels"]["region"], "us");
    assert_eq!(made["spec"]["URL"], "https://eu.example:6443/clusters/root:org", "each region shows its own address");
    let id = ClusterId::new(made["spec"]["cluster"].as_str().unwrap()).unwrap();
    assert_eq!(us.home.view().home_of(&id).unwrap().as_str(), "us");
    synchronize(&regions);
    let seen = ap.get(&format!("{PATH}/org")).await.expect(200);
    assert_eq!(
        (&seen["metadata"]["uid"], &seen["spec"]["URL"]),
        (&made["metadata"]["uid"], &json!("https://ap.example:6443/clusters/root:org"))
    );

    let patched =
        synchronized(&regions, ap.merge(&format!("{PATH}/org"), &json!({"metadata": {"labels": {"a": "1"}}}))).await;
    let patched = patched.expect(200);
    assert_eq!(patched["metadata"]["labels"]["a"], "1");
    assert_eq!(patched["spec"]["URL"], "https://ap.example:6443/clusters/root:org");
    assert_eq!(ap.get(&format!("{PATH}/org")).await.expect(200), patched, "one reads one's own write");
    assert_eq!(ap.put(&format!("{PATH}/org"), &seen).await.status, 409, "a revision seen before the write is stale");
    let mut wanted = patched.clone();
    wanted["metadata"]["labels"]["b"] = json!("2");
    let put = synchronized(&regions, ap.put(&format!("{PATH}/org"), &wanted)).await.expect(200);
    assert_eq!(put["metadata"]["labels"]["b"], "2");
    let marked = synchronized(&regions, ap.delete(&format!("{PATH}/org"))).await.expect(200);
    assert_eq!(marked["status"]["phase"], "Deleting");
}

#[tokio::test]
async fn a_stale_row_is_a_conflict_at_its_home() {
    let regions = regions(&["eu", "us"]);
    let (eu, us) = (&regions[0], &regions[1]);
    synchronized(&regions, eu.post(PATH, &placed("org", "us"))).await.expect(201);
    synchronize(&regions);
    let seen = eu.get(&format!("{PATH}/org")).await.expect(200);
    us.merge(&format!("{PATH}/org"), &json!({"metadata": {"labels": {"a": "1"}}})).await.expect(200);
    // eu has not heard of the change: the revision that its client saw is its newest.
    let stale = eu.put(&format!("{PATH}/org"), &seen).await;
    assert!(stale.failure(409).contains("the object has been modified"));
    let merged =
        synchronized(&regions, eu.merge(&format!("{PATH}/org"), &json!({"metadata": {"labels": {"b": "1"}}}))).await;
    let labels = merged.expect(200)["metadata"]["labels"].clone();
    assert_eq!((&labels["a"], &labels["b"]), (&json!("1"), &json!("1")));
}

#[tokio::test]
async fn a_carried_write_never_meets_what_took_the_name_since() {
    let regions = regions(&["eu", "us"]);
    let (eu, us) = (&regions[0], &regions[1]);
    us.post(PATH, &workspace("org")).await.expect(201);
    synchronize(&regions);
    let seen = eu.get(&format!("{PATH}/org")).await.expect(200);
    us.post(&format!("{PATH}/org/move"), &json!({"name": "old"})).await.expect(200);
    // The parent's home has not heard that the name is free again: it would not reserve it.
    us.link.cut.store(true, Ordering::Relaxed);
    us.post(PATH, &workspace("org")).await.expect(201);
    us.link.cut.store(false, Ordering::Relaxed);
    // eu has not heard of that: there the name still is the old workspace's, and the new one's row has the same version.
    let path = format!("{PATH}/org");
    let options =
        json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": seen["metadata"]["uid"]}});
    let mut labelled = seen.clone();
    labelled["metadata"]["labels"]["a"] = json!("1");
    let json = [("content-type", "application/json")];
    let refused = [
        eu.send(&format!("DELETE {path}"), &json, options.to_string()).await,
        eu.delete(&path).await,
        eu.put(&path, &labelled).await,
        eu.merge(&path, &json!({"metadata": {"labels": {"a": "1"}}})).await,
        eu.post(&format!("{path}/move"), &json!({"name": "moved"})).await,
    ];
    for refused in refused {
        assert!(refused.failure(409).contains("the object has been modified"));
    }
    let new = us.get(&path).await.expect(200);
    assert_eq!((&new["status"]["phase"], &new["metadata"]["labels"]["a"]), (&json!("Ready"), &Value::Null));
    synchronize(&regions);
    assert!(eu.send(&format!("DELETE {path}"), &json, options.to_string()).await.failure(409).contains("UID"));
    let marked = synchronized(&regions, eu.delete(&path)).await.expect(200);
    assert_eq!(marked["status"]["phase"], "Deleting");
}

#[tokio::test]
async fn a_region_that_is_cut_off_still_makes_workspaces_under_any_parent() {
    let regions = regions(&["eu", "us"]);
    let (eu, us) = (&regions[0], &regions[1]);
    synchronize(&regions);
    eu.link.cut.store(true, Ordering::Relaxed);
    us.post(PATH, &workspace("new")).await.expect(201);
    assert_eq!(us.get("/clusters/root:new/api").await.status, 200);
    assert_eq!(us.post(PATH, &workspace("new")).await.status, 409);
    assert!(us.post(PATH, &placed("x", "eu")).await.failure(503).contains("eu"));
    eu.post(PATH, &workspace("new")).await.expect(201);
    eu.link.cut.store(false, Ordering::Relaxed);
    synchronize(&regions);
    let names = |list: Value| {
        let items = list["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (in_eu, in_us) = (names(eu.get(PATH).await.expect(200)), names(us.get(PATH).await.expect(200)));
    assert_eq!(in_eu, in_us);
    assert_eq!((in_eu.len(), in_eu[0].as_str()), (2, "new"));
    let taken = us.post(PATH, &workspace("new")).await;
    assert_eq!(taken.status, 409, "the parent's home knows the name");
}

#[tokio::test]
async fn a_parent_can_ask_for_strict_naming() {
    let regions = regions(&["eu", "us"]);
    let (eu, us) = (&regions[0], &regions[1]);
    eu.post(PATH, &json!({"metadata": {"name": "org", "annotations": {"hanse.dev/naming": "strict"}}}))
        .await
        .expect(201);
    synchronize(&regions);
    eu.link.cut.store(true, Ordering::Relaxed);
    let refused = us.post(&format!("/clusters/root:org{PATH}"), &workspace("team")).await;
    assert!(refused.failure(503).contains("strict"));
    eu.link.cut.store(false, Ordering::Relaxed);
    us.post(&format!("/clusters/root:org{PATH}"), &workspace("team")).await.expect(201);
}

#[tokio::test]
async fn a_workspace_is_renamed_and_moved() {
    let regions = regions(&["eu", "us"]);
    let (eu, us) = (&regions[0], &regions[1]);
    for name in ["a", "b"] {
        eu.post(PATH, &workspace(name)).await.expect(201);
    }
    let child =
        synchronized(&regions, eu.post(&format!("/clusters/root:a{PATH}"), &placed("x", "us"))).await.expect(201);
    synchronize(&regions);
    let order = json!({"parent": "root:b", "name": "y"});
    let moved = synchronized(&regions, eu.post(&format!("/clusters/root:a{PATH}/x/move"), &order)).await.expect(200);
    assert_eq!((&moved["metadata"]["name"], &moved["spec"]["cluster"]), (&json!("y"), &child["spec"]["cluster"]));
    assert_eq!(moved["spec"]["URL"], "https://eu.example:6443/clusters/root:b:y");
    assert_eq!(eu.get(&format!("/clusters/root:a{PATH}/x")).await.status, 404);
    synchronize(&regions);
    assert_eq!(us.get("/clusters/root:b:y/api").await.status, 200);
    let cycle = eu.post(&format!("{PATH}/b/move"), &json!({"parent": "root:b:y"})).await;
    assert_eq!(cycle.status, 409, "{cycle:?}");
    let renamed = eu.post(&format!("{PATH}/b/move"), &json!({"name": "c"})).await.expect(200);
    assert_eq!(renamed["metadata"]["name"], "c");
    for (body, status) in [
        (json!({"name": "a"}), 409),
        (json!({"name": "A"}), 400),
        (json!({"parent": "root:none"}), 404),
        (json!({"parent": "!"}), 400),
        (json!({"other": 1}), 400),
        (json!([]), 400),
    ] {
        assert_eq!(eu.post(&format!("{PATH}/c/move"), &body).await.status, status, "{body}");
    }
    assert_eq!(eu.post(&format!("{PATH}/none/move"), &json!({"name": "d"})).await.status, 404);
}

#[tokio::test]
async fn a_watch_of_workspaces_sees_those_of_other_regions() {
    let regions = regions(&["eu", "us"]);
    let (eu, us) = (&regions[0], &regions[1]);
    let mut watch = eu.watch(&format!("{PATH}?watch=true")).await;
    us.post(PATH, &workspace("org")).await.expect(201);
    synchronize(&regions);
    assert_eq!(watch.shown(1).await, ["ADDED org"]);
    us.delete(&format!("{PATH}/org")).await.expect(200);
    synchronize(&regions);
    assert_eq!(watch.shown(1).await, ["MODIFIED org"]);
}

/// What the controller does with a workspace that is marked and empty.
fn finish(home: &MemoryHome, id: &ClusterId) {
    let state = home.view();
    let everything = ["serviceaccounts", "namespaces", "logicalclusters.core.kcp.io"].map(|resource| {
        let scope = Scope { resource: resource.to_owned(), cluster: Some(id.clone()), namespace: None };
        state.list(&scope, None).map(|(key, _)| Operation::Delete(key.clone())).collect::<Vec<_>>()
    });
    let end = Operation::FinishWorkspace { id: id.clone() };
    apply(home, everything.into_iter().flatten().chain([end]).collect());
}

#[tokio::test]
async fn a_workspace_that_ends_at_once_was_still_deleted_by_its_request() {
    let region = region();
    let made = region.post(PATH, &workspace("org")).await.expect(201);
    let id = ClusterId::new(made["spec"]["cluster"].as_str().unwrap()).unwrap();
    *region.gate.afterwards.lock().unwrap() = Some(Box::new(move |home| finish(home, &id)));
    let deleted = region.delete(&format!("{PATH}/org")).await.expect(200);
    assert_eq!((&deleted["kind"], &deleted["status"]["phase"]), (&json!("Workspace"), &json!("Deleting")));
    assert!(deleted["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(region.get(&format!("{PATH}/org")).await.status, 404);
    // By its id, too: an id that nobody has is as one that one may not see.
    let id = made["spec"]["cluster"].as_str().unwrap();
    assert_eq!(region.get(&format!("/clusters/{id}/api/v1/namespaces")).await.status, 403);
    assert_eq!(region.post(&format!("/clusters/{id}{PATH}"), &workspace("team")).await.status, 403);
}

/// The workspace as a manager applies it.
async fn applied(region: &crate::fixture::Region, query: &str, labels: Value) -> crate::fixture::Reply {
    let body = json!({
        "apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": "org", "labels": labels},
        "spec": {"location": {"selector": {"matchLabels": {"region": "us"}}}},
    });
    let headers = [("content-type", "application/apply-patch+yaml")];
    region.send(&format!("PATCH {PATH}/org?{query}"), &headers, body.to_string()).await
}

fn managers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    entries.iter().map(|entry| format!("{} {}", entry["manager"], entry["operation"]).replace('"', "")).collect()
}

#[tokio::test]
async fn a_workspace_is_applied_from_every_region_and_its_fields_have_owners() {
    let regions = regions(&["eu", "us", "ap"]);
    let (eu, ap) = (&regions[0], &regions[2]);
    assert_eq!(applied(eu, "", json!({"a": "1"})).await.status, 422, "a manager is needed");
    let made = synchronized(&regions, applied(eu, "fieldManager=one", json!({"a": "1"}))).await.expect(201);
    assert_eq!(made["metadata"]["labels"]["region"], "us");
    assert_eq!(managers(&made), ["one Apply"]);
    synchronize(&regions);
    let seen = ap.get(&format!("{PATH}/org")).await.expect(200);
    assert_eq!(seen["metadata"]["managedFields"], made["metadata"]["managedFields"]);
    let again = synchronized(&regions, applied(ap, "fieldManager=one", json!({"a": "1"}))).await.expect(200);
    assert_eq!(again, seen, "to apply the same changes nothing");

    let conflict = synchronized(&regions, applied(ap, "fieldManager=two", json!({"a": "2"}))).await.failure(409);
    assert!(conflict.contains(r#"conflict with "one": .metadata.labels.a"#), "{conflict}");
    let forced = synchronized(&regions, applied(ap, "fieldManager=two&force=true", json!({"a": "2"}))).await;
    let forced = forced.expect(200);
    assert_eq!((&forced["metadata"]["labels"]["a"], managers(&forced).len()), (&json!("2"), 2));
    let patch = json!({"metadata": {"labels": {"b": "3"}}});
    let headers = [("content-type", "application/merge-patch+json")];
    let line = format!("PATCH {PATH}/org?fieldManager=mate");
    let patched = ap.send(&line, &headers, patch.to_string());
    let patched = synchronized(&regions, patched).await.expect(200);
    assert_eq!(managers(&patched).last().unwrap(), "mate Update");
    let left = synchronized(&regions, applied(eu, "fieldManager=two", json!({}))).await.expect(200);
    assert_eq!(left["metadata"]["labels"].get("a"), None, "what its only owner applies no longer goes");
    assert_eq!(left["metadata"]["labels"]["b"], "3");
}

#[tokio::test]
async fn the_first_apply_of_a_workspace_finds_what_was_there_before() {
    let region = region();
    let made = region.post(PATH, &json!({"metadata": {"name": "org", "labels": {"a": "0"}}})).await.expect(201);
    assert_eq!(made["metadata"].get("managedFields"), None);
    let body = |value: &str| json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"labels": {"a": value}}});
    let apply = async |query: &str, value: &str| {
        let headers = [("content-type", "application/apply-patch+yaml")];
        region.send(&format!("PATCH {PATH}/org?{query}"), &headers, body(value).to_string()).await
    };
    let refused = apply("fieldManager=one", "1").await.failure(409);
    assert!(refused.contains("before-first-apply"), "{refused}");
    let rehearsed = apply("fieldManager=one&force=true&dryRun=All", "1").await.expect(200);
    assert_eq!(rehearsed["metadata"]["labels"]["a"], "1");
    assert_eq!(region.get(&format!("{PATH}/org")).await.expect(200), made);
    let forced = apply("fieldManager=one&force=true", "1").await.expect(200);
    assert_eq!(managers(&forced), ["one Apply", "before-first-apply Update"]);
    assert_eq!(apply("fieldManager=one", "1").await.expect(200), forced);
    region.delete(&format!("{PATH}/org")).await.expect(200);
    assert!(apply("fieldManager=one", "2").await.expect(200)["metadata"]["deletionTimestamp"].is_string());
}
