//! Workspaces that a workload works in: one in each region, below `root`.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::objects;
use crate::port::{Request, Run};

/// Where workspaces below a logical cluster are.
pub(crate) fn path(cluster: &str) -> String {
    format!("/clusters/{cluster}/apis/tenancy.kcp.io/v1alpha1/workspaces")
}

/// The body of a new workspace.
pub(crate) fn workspace(name: &str, region: Option<&str>) -> Value {
    let mut workspace =
        json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": name}, "spec": {}});
    if let Some(region) = region {
        workspace["spec"]["location"] = json!({"selector": {"matchLabels": {"region": region}}});
    }
    workspace
}

/// The regions of all daemons, each once, sorted.
pub(crate) fn regions(run: &Run) -> Vec<String> {
    let mut regions: Vec<String> = run.client.targets().into_iter().map(|target| target.region).collect();
    regions.sort_unstable();
    regions.dedup();
    regions
}

/// The paths of a workload's workspaces, one for each region.
pub(crate) fn paths(run: &Run, workload: &str) -> Vec<String> {
    regions(run).into_iter().map(|region| format!("root:{}", name(workload, &region))).collect()
}

fn name(workload: &str, region: &str) -> String {
    format!("{workload}-{region}")
}

/// Makes a workspace in each region, and waits until every daemon serves all of them. What is there already is taken.
pub(crate) async fn make(run: &Run, workload: &str) -> anyhow::Result<()> {
    for region in regions(run) {
        make_one(run, "root", &name(workload, &region), &region).await?;
    }
    for target in run.client.targets() {
        for cluster in paths(run, workload) {
            until_answered(run, &target.name, Request::new("GET", objects::path(&cluster), Value::Null))
                .await
                .with_context(|| format!("{} does not serve {cluster}", target.name))?;
        }
    }
    Ok(())
}

/// Makes one workspace by way of any daemon; gives its object.
pub(crate) async fn make_one(run: &Run, parent: &str, name: &str, region: &str) -> anyhow::Result<Value> {
    let end = Instant::now() + PATIENCE;
    let mut last = String::from("no daemon is there");
    while Instant::now() < end {
        for target in run.client.targets() {
            let request = Request::new("POST", path(parent), workspace(name, Some(region)));
            match run.client.request(&target.name, request).await {
                Ok(answer) if answer.status == 201 => return Ok(answer.body),
                Ok(answer) if answer.status == 409 => {
                    let request = Request::new("GET", format!("{}/{name}", path(parent)), Value::Null);
                    return until_answered(run, &target.name, request).await;
                }
                Ok(answer) => last = answer.body.to_string(),
                Err(error) => last = error.to_string(),
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    bail!("the workspace {name} below {parent} could not be made in {region}: {last}")
}

/// Asks one daemon until it answers with 200.
pub(crate) async fn until_answered(run: &Run, daemon: &str, request: Request) -> anyhow::Result<Value> {
    let end = Instant::now() + PATIENCE;
    loop {
        let last = match run.client.request(daemon, request.clone()).await {
            Ok(answer) if answer.status == 200 => return Ok(answer.body),
            Ok(answer) => answer.body.to_string(),
            Err(error) => error.to_string(),
        };
        if Instant::now() > end {
            bail!("{daemon}: no answer to {} within {} s: {last}", request.path, PATIENCE.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How long a healthy, or healed, federation may take for one thing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two questions.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);
