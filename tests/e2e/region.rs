//! Promise 2: with another region dead, a region serves and writes its own, knows the whole tree, and creates anywhere.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hanse_tests::client::Client;
use hanse_tests::federation::Federation;
use serde_json::Value;

use crate::{WORKSPACES, configmap, eventually, names, runtime, workspace};

/// What the platform promises of a region that is out of reach.
const PROMISED: Duration = Duration::from_secs(2);

fn child_path(parent: &str) -> String {
    format!("/clusters/{parent}/apis/tenancy.kcp.io/v1alpha1/workspaces")
}

async fn within(client: &Client, what: &str, path: &str) -> Result<Value> {
    let start = Instant::now();
    let value = client.get(path).await?.ok()?;
    ensure!(start.elapsed() < PROMISED, "{what} took {:?}", start.elapsed());
    Ok(value)
}

/// What `hanse tree` lists at a daemon, byte for byte.
fn tree(federation: &Federation, daemon: &str) -> Result<String> {
    Ok(federation.hanse(daemon, &["tree", "-o", "json"])?.to_string())
}

async fn equal_trees(federation: &Federation, daemons: &[&str]) -> Result<String> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let trees = daemons.iter().map(|daemon| tree(federation, daemon)).collect::<Result<Vec<_>>>()?;
        if trees.iter().all(|other| *other == trees[0]) {
            return Ok(trees[0].clone());
        }
        ensure!(Instant::now() < end, "the trees stay different:\n{}", trees.join("\n"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn the_loss_of_the_founding_region_stops_nobody_else_and_all_trees_meet_again() -> Result<()> {
    let mut federation = Federation::up("eu,us,ap", 1)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let (eu, us, ap) = (federation.client("eu-1")?, federation.client("us-1")?, federation.client("ap-1")?);
        eu.post(WORKSPACES, &workspace("org", Some("eu"))).await?.ok()?;
        let team = us.post(WORKSPACES, &workspace("team", Some("us"))).await?.ok()?;
        ensure!(team["status"]["phase"] == "Ready", "{team}");
        eventually("ap hears of team", &ap, WORKSPACES, |list| names(list).len() == 2).await?;
        eventually("us hears of org", &us, WORKSPACES, |list| names(list).len() == 2).await?;
        let maps = "/clusters/root:team/api/v1/namespaces/default/configmaps";
        ap.post(maps, &configmap("before", "1")).await?.ok()?;

        federation.kill("eu-1")?;

        for (name, client) in [("us", &us), ("ap", &ap)] {
            let list = within(client, &format!("{name}: the tree"), WORKSPACES).await?;
            ensure!(names(&list) == ["org", "team"], "{name}: {list}");
            let found = within(client, &format!("{name}: its workspace"), maps).await?;
            ensure!(names(&found).contains(&"before".to_owned()), "{found}");
            let start = Instant::now();
            client.post(maps, &configmap(&format!("from-{name}"), "1")).await?.ok()?;
            ensure!(start.elapsed() < PROMISED, "{name}: a write took {:?}", start.elapsed());
            // What lives in the dead region is refused with its name, and soon.
            let start = Instant::now();
            let refused = client.get("/clusters/root:org/api/v1/namespaces/default/configmaps").await?;
            ensure!(refused.status == 503, "{}: {:?}", refused.status, refused.body);
            ensure!(refused.json()["message"].as_str().is_some_and(|text| text.contains("eu")), "{:?}", refused.body);
            ensure!(start.elapsed() < PROMISED, "{name}: a refusal took {:?}", start.elapsed());
        }
        for (client, path, name) in [(&us, WORKSPACES.to_owned(), "new"), (&ap, child_path("root:org"), "child")] {
            let start = Instant::now();
            let made = client.post(&path, &workspace(name, None)).await?.ok()?;
            ensure!(start.elapsed() < PROMISED, "creating {name} took {:?}", start.elapsed());
            ensure!(made["status"]["phase"] == "Ready", "{made}");
        }
        eventually("us hears of the child", &us, &child_path("root:org"), |list| names(list) == ["child"]).await?;
        let inside = "/clusters/root:org:child/api/v1/namespaces/default/configmaps";
        us.post(inside, &configmap("deep", "1")).await?.ok()?;

        federation.start("eu-1")?;
        federation.ready("eu-1").await?;
        eventually("eu hears of what happened", &eu, WORKSPACES, |list| names(list) == ["new", "org", "team"]).await?;
        let tree = equal_trees(&federation, &["eu-1", "us-1", "ap-1"]).await?;
        ensure!(tree.contains("root:org:child") && tree.contains("root:new"), "{tree}");
        let seen = eu.get(inside).await?.ok()?;
        ensure!(names(&seen).contains(&"deep".to_owned()), "{seen}");
        anyhow::Ok(())
    })?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}
