//! A backup that is taken under load holds what was acknowledged before it and nothing of what came later; a region that
//! is restored from it shows exactly that, stands above what it has given out, and is seen rightly by the others.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hanse_tests::binary::binary;
use hanse_tests::client::Client;
use hanse_tests::federation::Federation;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{CONFIGMAPS, WORKSPACES, configmap, eventually, names, runtime, workspace};

const WRITERS: usize = 16;

/// Runs a program of the project.
fn run(program: &str, arguments: &[&str]) -> Result<Output> {
    Ok(Command::new(binary(program)?).args(arguments).output()?)
}

/// Runs a program that must end well; what it printed.
fn done(program: &str, arguments: &[&str]) -> Result<String> {
    let output = run(program, arguments)?;
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{program} {arguments:?}: {printed}");
    Ok(printed)
}

/// Runs a program that must refuse; what it says.
fn refused(program: &str, arguments: &[&str]) -> Result<String> {
    let output = run(program, arguments)?;
    ensure!(!output.status.success(), "{program} {arguments:?} is not refused");
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

fn socket(federation: &Federation, daemon: &str) -> PathBuf {
    federation.path().join(daemon).join("admin.sock")
}

fn revision(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Writers that go on until they are stopped; what was acknowledged, and the highest revision that was seen.
struct Load {
    writers: JoinSet<()>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<BTreeSet<String>>>,
    seen: Arc<AtomicU64>,
}

impl Load {
    fn start(federation: &Federation) -> Result<Self> {
        let mut load =
            Self { writers: JoinSet::new(), stop: Arc::default(), acknowledged: Arc::default(), seen: Arc::default() };
        for writer in 0..WRITERS {
            // Some write through the other region.
            let client = federation.client(["eu-1", "us-1"][writer % 2])?;
            let (stop, acknowledged, seen) =
                (Arc::clone(&load.stop), Arc::clone(&load.acknowledged), Arc::clone(&load.seen));
            load.writers.spawn(async move {
                for number in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let name = format!("w{writer}-{number}");
                    if let Ok(answer) = client.post(CONFIGMAPS, &configmap(&name, "x")).await
                        && answer.status.is_success()
                    {
                        seen.fetch_max(revision(&answer.json()), Ordering::SeqCst);
                        if let Ok(mut acknowledged) = acknowledged.lock() {
                            acknowledged.insert(name);
                        }
                    }
                }
            });
        }
        Ok(load)
    }

    fn acknowledged(&self) -> BTreeSet<String> {
        self.acknowledged.lock().map(|names| names.clone()).unwrap_or_default()
    }

    async fn stop(mut self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        while self.writers.join_next().await.is_some() {}
        self.seen.load(Ordering::SeqCst)
    }
}

/// What was known of the region before it was lost.
struct Before {
    file: PathBuf,
    /// Everything that was acknowledged before the backup was asked for.
    acknowledged: BTreeSet<String>,
    /// The list as it was at the backup's revision.
    list: Value,
    revision: u64,
    /// The highest revision that anybody has seen.
    seen: u64,
    /// Where the next page of a list begins.
    page: String,
}

async fn back_up_under_load(federation: &Federation) -> Result<Before> {
    let eu = federation.client("eu-1")?;
    eu.post(WORKSPACES, &workspace("old", None)).await?.ok()?;
    let load = Load::start(federation)?;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let acknowledged = load.acknowledged();
    ensure!(acknowledged.len() > 50, "only {} writes: the test proves little", acknowledged.len());
    let file = federation.path().join("eu.backup");
    let socket = socket(federation, "eu-1");
    let arguments =
        ["--socket", text(&socket), "backup", "region", "--to", text(&file), "-o", "json"].map(str::to_owned);
    let taking = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run("hanse", &arguments)
    });
    let taken = taking.await??;
    let report: Value = serde_json::from_slice(&taken.stdout).with_context(|| format!("{taken:?}"))?;
    let at = report["revision"].as_u64().context("a backup has a revision")?;
    let exact = format!("{CONFIGMAPS}?resourceVersion={at}&resourceVersionMatch=Exact");
    let list = eu.get(&exact).await?.ok()?;
    let page = eu.get(&format!("{CONFIGMAPS}?limit=5")).await?.ok()?;
    let page = page["metadata"]["continue"].as_str().context("a page is followed by another")?.to_owned();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let during = load.acknowledged().len();
    let seen = load.stop().await;
    ensure!(during > names(&list).len(), "nothing was written after the backup");
    println!(
        "{} objects in the backup of {} bytes at revision {at}; the region has reached {seen}",
        report["objects"], report["body_bytes"]
    );
    Ok(Before { file, acknowledged, list, revision: at, seen, page })
}

/// Loses the region with its disk, restores it, and starts it.
async fn lose_and_restore(federation: &mut Federation, before: &Before) -> Result<()> {
    federation.kill("eu-1")?;
    let directory = federation.path().join("eu-1");
    fs::rename(directory.join("data"), directory.join("lost"))?;
    let config = directory.join("hansed.toml");
    // What is not the backup of this region, and whole, is refused and changes nothing.
    let mut damaged = fs::read(&before.file)?;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let other = federation.path().join("damaged");
    fs::write(&other, damaged)?;
    let says = refused("hansed", &["restore", "--from", text(&other), "--config", text(&config)])?;
    ensure!(says.contains("damaged"), "{says}");
    let us = federation.path().join("us-1/hansed.toml");
    let says = refused("hansed", &["restore", "--from", text(&before.file), "--config", text(&us)])?;
    ensure!(says.contains("runs") || says.contains("region us"), "{says}");
    ensure!(!directory.join("data").exists(), "a refusal writes nothing");
    let says = done("hansed", &["restore", "--from", text(&before.file), "--config", text(&config)])?;
    print!("{says}");
    let again = refused("hansed", &["restore", "--from", text(&before.file), "--config", text(&config)])?;
    ensure!(again.contains("not empty"), "{again}");
    federation.start("eu-1")?;
    federation.ready("eu-1").await
}

/// The region is as the backup shows it.
async fn check_content(eu: &Client, before: &Before) -> Result<()> {
    let list = eu.get(CONFIGMAPS).await?.ok()?;
    ensure!(list["items"] == before.list["items"], "the restored list is not that of revision {}", before.revision);
    let found: BTreeSet<String> = names(&list).into_iter().collect();
    let lost: Vec<_> = before.acknowledged.difference(&found).collect();
    ensure!(lost.is_empty(), "acknowledged before the backup, and lost: {lost:?}");
    let later = list["items"].as_array().into_iter().flatten().filter(|item| revision(item) > before.revision).count();
    ensure!(later == 0, "{later} objects are from after the backup");
    ensure!(revision(&list) > before.seen, "the list's revision {} has been seen before", revision(&list));
    let made = eu.post(CONFIGMAPS, &configmap("after", "x")).await?.ok()?;
    ensure!(revision(&made) > before.seen);
    // Whoever knows a revision from before is told to begin again, and sees nothing of another history.
    for old in [before.revision, before.seen, before.seen + 1_000_000] {
        let watch = eu.get(&format!("{CONFIGMAPS}?watch=1&resourceVersion={old}&timeoutSeconds=1")).await?;
        let body = String::from_utf8_lossy(&watch.body).into_owned();
        ensure!(
            watch.status == 410 || (body.contains("\"ERROR\"") && body.contains("410")),
            "{}: {body}",
            watch.status
        );
        let exact = eu.get(&format!("{CONFIGMAPS}?resourceVersion={old}&resourceVersionMatch=Exact")).await?;
        ensure!(exact.status == 410, "{}", exact.status);
    }
    let page = eu.get(&format!("{CONFIGMAPS}?limit=5&continue={}", before.page)).await?;
    ensure!(page.status == 410, "a list that was half through goes on: {}", page.status);
    // What was read before the backup and is unchanged can be written.
    let mut item = list["items"][0].clone();
    item["apiVersion"] = "v1".into();
    item["kind"] = "ConfigMap".into();
    item["data"]["value"] = "changed".into();
    let name = item["metadata"]["name"].as_str().context("an object has a name")?.to_owned();
    eu.put(&format!("{CONFIGMAPS}/{name}"), &item).await?.ok()?;
    Ok(())
}

#[test]
fn a_region_is_restored_from_a_backup_that_was_taken_under_load() -> Result<()> {
    let mut federation = Federation::up("eu,us", 1)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let before = back_up_under_load(&federation).await?;
        let us = federation.client("us-1")?;
        // After the backup: a workspace, another below it in the other region, and a deletion.
        let eu = federation.client("eu-1")?;
        eu.post(WORKSPACES, &workspace("young", None)).await?.ok()?;
        eventually("us knows young", &us, &format!("{WORKSPACES}/young"), |_| true).await?;
        let below = "/clusters/root:young/apis/tenancy.kcp.io/v1alpha1/workspaces";
        us.post(below, &workspace("child", Some("us"))).await?.ok()?;
        eu.delete(&format!("{WORKSPACES}/old")).await?;
        let gone = |list: &Value| !names(list).contains(&"old".to_owned());
        eventually("us knows that old is gone", &us, WORKSPACES, gone).await?;

        lose_and_restore(&mut federation, &before).await?;
        let eu = federation.client("eu-1")?;
        check_content(&eu, &before).await?;
        for (name, client) in [("eu", &eu), ("us", &us)] {
            let lost = |object: &Value| object["status"]["conditions"][0]["type"] == "ContentLost";
            eventually(&format!("{name}: young is lost"), client, &format!("{WORKSPACES}/young"), lost).await?;
            let ready = |object: &Value| object["status"]["phase"] == "Ready";
            eventually(&format!("{name}: old is back"), client, &format!("{WORKSPACES}/old"), ready).await?;
            eventually(&format!("{name}: the child stands"), client, &format!("{below}/child"), ready).await?;
        }
        // A write to the tree goes the way that it always goes.
        us.post(WORKSPACES, &workspace("next", Some("eu"))).await?.ok()?;
        eventually("us knows next", &us, &format!("{WORKSPACES}/next"), |_| true).await?;
        let objects = "/clusters/root:old/api/v1/namespaces/default/configmaps";
        us.post(objects, &configmap("through-us", "x")).await?.ok()?;
        eu.delete(&format!("{WORKSPACES}/young")).await?;
        eventually("young can be deleted", &us, WORKSPACES, |list| !names(list).contains(&"young".to_owned())).await?;
        anyhow::Ok(())
    })?;
    let digest = |name: &str| -> Result<Value> {
        let tree = federation.hanse(name, &["tree", "-o", "json"])?;
        Ok(tree["nodes"].clone())
    };
    ensure!(digest("eu-1")? == digest("us-1")?, "the regions' trees differ");
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}

const DEFINITION: &str = "/clusters/root:org/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "boats.harbour.example.com"},
        "spec": {
            "group": "harbour.example.com", "scope": "Namespaced",
            "names": {"plural": "boats", "singular": "boat", "kind": "Boat", "listKind": "BoatList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    })
}

/// A workspace with a kind of its own, owners, finalizers, and another workspace below it.
async fn furnish(eu: &Client, objects: usize) -> Result<()> {
    eu.post(WORKSPACES, &workspace("org", None)).await?.ok()?;
    eu.post("/clusters/root:org/apis/tenancy.kcp.io/v1alpha1/workspaces", &workspace("team", None)).await?.ok()?;
    eu.post(DEFINITION, &definition()).await?.ok()?;
    let boats = "/clusters/root:org/apis/harbour.example.com/v1/namespaces/default/boats";
    let boat = json!({"apiVersion": "harbour.example.com/v1", "kind": "Boat", "metadata": {"name": "cog", "finalizers": ["example.com/keep"]},
        "spec": {"berths": 12}});
    let owner = eu.post(boats, &boat).await?.ok()?;
    let maps = "/clusters/root:org/api/v1/namespaces/default/configmaps";
    let mut owned = configmap("owned", "x");
    owned["metadata"]["ownerReferences"] = json!([{"apiVersion": "harbour.example.com/v1", "kind": "Boat", "name": "cog",
        "uid": owner["metadata"]["uid"]}]);
    eu.post(maps, &owned).await?.ok()?;
    // On its way out, and held.
    eu.delete(&format!("{boats}/cog")).await?.ok()?;
    eu.post("/clusters/root:org:team/api/v1/namespaces/default/configmaps", &configmap("below", "x")).await?.ok()?;
    for number in 0..objects {
        eu.post(maps, &configmap(&format!("m{number}"), &"x".repeat(2000))).await?.ok()?;
    }
    Ok(())
}

/// An object without what a restored one has anew.
fn bare(mut object: Value) -> Value {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in ["uid", "resourceVersion"] {
            metadata.remove(field);
        }
    }
    object["metadata"]["annotations"]["kcp.io/cluster"] = Value::Null;
    for reference in object["metadata"]["ownerReferences"].as_array_mut().into_iter().flatten() {
        reference["uid"] = Value::Null;
    }
    object
}

async fn same_content(one: &Client, other: &Client, (from, to): (&str, &str)) -> Result<()> {
    let kinds = [
        "api/v1/namespaces",
        "api/v1/configmaps",
        "api/v1/serviceaccounts",
        "apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "apis/harbour.example.com/v1/boats",
    ];
    for kind in kinds {
        let list = |list: Value| {
            list["items"].as_array().cloned().unwrap_or_default().into_iter().map(bare).collect::<Vec<_>>()
        };
        let answer = one.get(&format!("/clusters/{from}/{kind}")).await?;
        if answer.status == 404 {
            continue;
        }
        let (before, after) = (list(answer.ok()?), list(other.get(&format!("/clusters/{to}/{kind}")).await?.ok()?));
        ensure!(before == after, "{kind}:\n{before:#?}\n{after:#?}");
    }
    Ok(())
}

/// The restored workspace can be deleted, when what holds it is let go.
async fn delete_copy(eu: &Client, us: &Client) -> Result<()> {
    eu.delete(&format!("{WORKSPACES}/copy")).await?.ok()?;
    let cog = "/clusters/root:copy/apis/harbour.example.com/v1/namespaces/default/boats/cog";
    let freed = json!({"metadata": {"finalizers": null}});
    let patch = serde_json::to_vec(&freed)?.into();
    eu.request(http::Method::PATCH, cog, "application/merge-patch+json", patch).await?;
    eventually("the copy is gone", us, WORKSPACES, |list| !names(list).contains(&"copy".to_owned())).await?;
    Ok(())
}

/// The daemon dies while a workspace is restored.
fn interrupted(
    federation: &mut Federation,
    runtime: &tokio::runtime::Runtime,
    (socket, file): (&str, &str),
) -> Result<()> {
    let mut child = Command::new(binary("hanse")?)
        .args(["--socket", socket, "restore", "workspace", "--from", file, "--to", "root:copy"])
        .spawn()?;
    std::thread::sleep(Duration::from_millis(40));
    let survived = child.try_wait()?.is_some();
    federation.kill("eu-1")?;
    child.wait()?;
    println!("the daemon was killed {} the workspace was restored", if survived { "after" } else { "before" });
    federation.start("eu-1")?;
    runtime.block_on(federation.ready("eu-1"))
}

#[test]
fn a_workspace_is_restored_as_a_new_one_whole_or_not_at_all() -> Result<()> {
    let mut federation = Federation::up("eu,us", 1)?;
    let runtime = runtime()?;
    let file = federation.path().join("org.backup");
    runtime.block_on(furnish(&federation.client("eu-1")?, 300))?;
    let (eu_socket, us_socket) = (socket(&federation, "eu-1"), socket(&federation, "us-1"));
    let (eu_socket, us_socket) = (text(&eu_socket), text(&us_socket));
    let says = refused("hanse", &["--socket", us_socket, "backup", "workspace", "root:org", "--to", text(&file)])?;
    ensure!(says.contains("at home in eu"), "{says}");
    let says =
        done("hanse", &["--socket", eu_socket, "backup", "workspace", "root:org", "--recursive", "--to", text(&file)])?;
    ensure!(says.contains("workspace root:org") && says.contains("workspaces  2"), "{says}");

    let data = federation.path().to_path_buf();
    interrupted(&mut federation, &runtime, (eu_socket, text(&file)))?;
    let restore =
        ["--socket", eu_socket, "restore", "workspace", "--from", text(&file), "--to", "root:copy", "-o", "json"];
    let told: Value = serde_json::from_slice(&run("hanse", &restore)?.stdout)?;
    ensure!(told["workspaces"] == 2, "{told}");
    let again: Value = serde_json::from_slice(&run("hanse", &restore)?.stdout)?;
    ensure!(again["already"] == true && again["cluster"] == told["cluster"], "{again}");
    // In the other region, below a parent that is at home elsewhere.
    let far = [
        "--data-dir",
        text(&data),
        "restore",
        "workspace",
        "--from",
        text(&file),
        "--to",
        "root:far",
        "--region",
        "us",
    ];
    println!("{}", done("hanse", &far)?);
    let says =
        refused("hanse", &["--socket", eu_socket, "restore", "workspace", "--from", text(&file), "--to", "root:org"])?;
    ensure!(says.contains("there already"), "{says}");
    let says =
        refused("hanse", &["--socket", eu_socket, "restore", "workspace", "--from", text(&file), "--to", "root:x:y"])?;
    ensure!(says.contains("no workspace root:x"), "{says}");

    runtime.block_on(async {
        let (eu, us) = (federation.client("eu-1")?, federation.client("us-1")?);
        for (to, client) in [("root:copy", &eu), ("root:far", &us)] {
            same_content(&eu, client, ("root:org", to)).await?;
            same_content(&eu, client, ("root:org:team", &format!("{to}:team"))).await?;
            let boats = client.get(&format!("/clusters/{to}/apis/harbour.example.com/v1/boats")).await?.ok()?;
            let boat = &boats["items"][0];
            let maps = format!("/clusters/{to}/api/v1/namespaces/default/configmaps");
            let owned = client.get(&format!("{maps}/owned")).await?.ok()?;
            let old = eu.get("/clusters/root:org/api/v1/namespaces/default/configmaps/owned").await?.ok()?;
            ensure!(owned["metadata"]["uid"] != old["metadata"]["uid"], "a new object has a new uid");
            if let Some(owner) = owned["metadata"]["ownerReferences"].get(0) {
                ensure!(owner["uid"] == boat["metadata"]["uid"], "its owner is the new one");
            }
            ensure!(
                owned["metadata"]["annotations"]["kcp.io/cluster"] != old["metadata"]["annotations"]["kcp.io/cluster"]
            );
            // It lives: what is new can be written and deleted.
            client.post(&maps, &configmap("new", "x")).await?.ok()?;
            client.delete(&format!("{maps}/m1")).await?.ok()?;
            let name = to.trim_start_matches("root:");
            let shown = client.get(&format!("{WORKSPACES}/{name}")).await?.ok()?;
            ensure!(shown["status"]["phase"] == "Ready", "{shown}");
        }
        delete_copy(&eu, &us).await
    })?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}
