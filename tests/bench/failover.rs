//! How long writes stand still when the leader of a region of three daemons dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hanse_tests::federation::Federation;
use serde_json::json;
use tokio::task::JoinSet;

use crate::CONFIGMAPS;

const ROUNDS: usize = 5;
const WRITERS: usize = 8;

/// Kills the leader under load several times, and prints the longest silence around each kill.
pub(crate) async fn failover() -> Result<()> {
    let mut federation = Federation::up("eu", 3)?;
    let mut gaps = Vec::new();
    for round in 0..ROUNDS {
        let victim = leader(&federation).await?;
        let names = federation.members()?.into_iter().map(|member| member.name);
        let survivors: Vec<String> = names.filter(|name| *name != victim).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let client = federation.client(&survivors[writer % survivors.len()])?;
            let stop = stop.clone();
            writers.spawn(async move {
                let mut moments = Vec::new();
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let name = format!("round-{round}-{writer}-{number}");
                    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
                    match client.post(CONFIGMAPS, &object).await {
                        Ok(answer) if answer.status.is_success() => moments.push(Instant::now()),
                        _ => tokio::time::sleep(Duration::from_millis(5)).await,
                    }
                }
                moments
            });
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let killed = Instant::now();
        federation.kill(&victim)?;
        tokio::time::sleep(Duration::from_secs(3)).await;
        stop.store(true, Ordering::Relaxed);
        let mut moments = Vec::new();
        while let Some(written) = writers.join_next().await {
            moments.extend(written?);
        }
        moments.sort();
        let silences = moments.windows(2).filter(|pair| pair[1] > killed).map(|pair| pair[1] - pair[0]);
        gaps.push(silences.max().context("writes go on after the kill")?);
        federation.start(&victim)?;
        federation.ready(&victim).await?;
    }
    gaps.sort();
    println!(
        "leader killed, 3 daemons     writes stand still for {} ms in the median, {} ms at worst of {ROUNDS}",
        gaps[ROUNDS / 2].as_millis(),
        gaps[ROUNDS - 1].as_millis(),
    );
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}

async fn leader(federation: &Federation) -> Result<String> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        for member in federation.members()? {
            let Ok(status) = federation.status(&member.name) else { continue };
            let daemons = status["regions"][0]["daemons"].as_array().cloned().unwrap_or_default();
            if let Some(leader) = daemons.iter().find(|daemon| daemon["role"] == "leader") {
                return Ok(leader["name"].as_str().context("a daemon has a name")?.to_owned());
            }
        }
        ensure!(Instant::now() < deadline, "no daemon leads within 10 s");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
