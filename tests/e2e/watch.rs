//! Promise 1: a watch delivers every change once, in order, with no gap, or ends with 410.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hanse_tests::federation::Federation;
use serde_json::Value;

use crate::{CONFIGMAPS, configmap, runtime};

const CHANGES: usize = 200;

fn revision(object: &Value) -> Result<u64> {
    Ok(object["metadata"]["resourceVersion"].as_str().context("an object has a resourceVersion")?.parse()?)
}

#[test]
fn a_resumed_watch_sees_every_change_exactly_once_or_410() -> Result<()> {
    let mut federation = Federation::up("eu,us", 1)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let eu = federation.client("eu-1")?;
        let start = eu.get(CONFIGMAPS).await?.ok()?;
        let from = start["metadata"]["resourceVersion"].as_str().context("a list has a resourceVersion")?.to_owned();
        let mut written = Vec::new();
        for number in 0..CHANGES {
            let made = eu.post(CONFIGMAPS, &configmap(&format!("w{number}"), "x")).await?.ok()?;
            written.push(("ADDED".to_owned(), revision(&made)?));
        }
        // Read in pieces, each from the last revision that was seen, at the home and through another region.
        for daemon in ["eu-1", "us-1"] {
            let client = federation.client(daemon)?;
            let mut seen = Vec::new();
            let mut position = from.clone();
            while seen.len() < CHANGES {
                let mut watch = client.watch(&format!("{CONFIGMAPS}?watch=1&resourceVersion={position}")).await?;
                for _ in 0..37.min(CHANGES - seen.len()) {
                    let event = watch.next_within(Duration::from_secs(10)).await?.context("the stream goes on")?;
                    let kind = event["type"].as_str().context("an event has a type")?.to_owned();
                    ensure!(event["object"]["metadata"]["annotations"]["kcp.io/cluster"] == "root", "{event}");
                    seen.push((kind, revision(&event["object"])?));
                    position = seen.last().map(|(_, revision)| revision.to_string()).unwrap_or_default();
                }
            }
            ensure!(seen == written, "{daemon}: {seen:?}");
        }
        // A version from before the window, after a restart from a snapshot or not: exactly once, or 410.
        federation.kill_all()?;
        federation.up_again()?;
        let eu = federation.client("eu-1")?;
        let mut watch = eu.watch(&format!("{CONFIGMAPS}?watch=1&resourceVersion={from}")).await;
        match &mut watch {
            Err(error) => ensure!(format!("{error:#}").contains("410"), "{error:#}"),
            Ok(watch) => {
                let mut seen = Vec::new();
                while seen.len() < CHANGES {
                    let event = watch.next_within(Duration::from_secs(10)).await?.context("the stream goes on")?;
                    if event["type"] == "ERROR" {
                        ensure!(event["object"]["code"] == 410 && seen.is_empty(), "{event}");
                        break;
                    }
                    seen.push((event["type"].as_str().unwrap_or_default().to_owned(), revision(&event["object"])?));
                }
                ensure!(seen.is_empty() || seen == written, "{seen:?}");
            }
        }
        anyhow::Ok(())
    })?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}
