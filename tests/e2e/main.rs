//! Real daemons, real disks, real QUIC, real kubectl. One federation at a time; each file holds one promise.

#![allow(clippy::print_stdout, reason = "a test tells what it saw, and what it skipped")]

mod backup;
mod clients;
mod crash;
mod crds;
mod hostile;
mod install;
mod kubectl;
mod load;
mod malformed;
mod members;
mod names;
mod objects;
mod observe;
mod quota;
mod region;
mod renewal;
mod replica;
mod shell;
mod tour;
mod watch;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hanse_tests::client::Client;
use serde_json::{Value, json};

/// Where the tests write: the namespace `default` of `root`.
const CONFIGMAPS: &str = "/clusters/root/api/v1/namespaces/default/configmaps";
const WORKSPACES: &str = "/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces";

fn configmap(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}})
}

fn workspace(name: &str, region: Option<&str>) -> Value {
    let mut value = json!({
        "apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": name}, "spec": {}
    });
    if let Some(region) = region {
        value["spec"]["location"] = json!({"selector": {"matchLabels": {"region": region}}});
    }
    value
}

fn names(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.iter().filter_map(|item| item["metadata"]["name"].as_str().map(str::to_owned)).collect()
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// Asks again until the answer is as wanted; the last answer is in the error.
async fn eventually(what: &str, client: &Client, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let last = match client.get(path).await {
            Ok(answer) if answer.status.is_success() && wanted(&answer.json()) => return Ok(answer.json()),
            Ok(answer) => format!("{}: {}", answer.status, String::from_utf8_lossy(&answer.body)),
            Err(error) => format!("{error:#}"),
        };
        if Instant::now() > end {
            bail!("{what}: not within 30 s; the last answer of {path}:\n{last}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
