//! Certificates of a few seconds: daemons renew them by themselves, no request fails for it, and one that does not renew is
//! cut off until it does.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hanse_tests::federation::Federation;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{CONFIGMAPS, configmap, runtime};

const LIFE_S: i64 = 8;

/// Changes the section `[peers]` of a daemon's configuration.
fn change_peers(federation: &Federation, name: &str, change: impl Fn(&mut toml::Table)) -> Result<()> {
    let path = federation.path().join(name).join("hansed.toml");
    let mut config: toml::Table = fs::read_to_string(&path)?.parse()?;
    change(config.get_mut("peers").and_then(toml::Value::as_table_mut).context("a table of peers")?);
    fs::write(&path, toml::to_string(&config)?)?;
    Ok(())
}

fn own(status: &Value, name: &str) -> Result<Value> {
    let daemons = status["regions"].as_array().into_iter().flatten().filter_map(|region| region["daemons"].as_array());
    let found = daemons.flatten().find(|daemon| daemon["name"] == name).cloned();
    found.with_context(|| format!("{name} is not in {status}"))
}

fn certificate_end(federation: &Federation, name: &str) -> Result<u64> {
    own(&federation.status(name)?, name)?["certificate_end_ms"].as_u64().context("an end")
}

#[test]
fn certificates_of_seconds_are_renewed_and_no_request_fails() -> Result<()> {
    let mut federation = Federation::up("eu,us", 1)?;
    federation.stop()?;
    let names = ["eu-1", "us-1"];
    for name in names {
        change_peers(&federation, name, |peers| {
            peers.insert("certificate_life_s".into(), LIFE_S.into());
        })?;
        // As after a long time without the daemon: it signs itself a new one before it starts.
        fs::remove_file(federation.path().join(name).join("peer.crt"))?;
        federation.start(name)?;
    }
    let runtime = runtime()?;
    runtime.block_on(async {
        for name in names {
            federation.ready(name).await?;
        }
        let before = certificate_end(&federation, "us-1")?;
        // The workspace root is at home in eu: what is asked of us is carried there.
        let stop = Arc::new(AtomicBool::new(false));
        let mut callers = JoinSet::new();
        for caller in 0..3 {
            let client = federation.client("us-1")?;
            let stop = Arc::clone(&stop);
            callers.spawn(async move {
                let mut calls = 0_u32;
                while !stop.load(Ordering::SeqCst) {
                    let name = format!("c{caller}-{calls}");
                    client.post(CONFIGMAPS, &configmap(&name, "x")).await?.ok()?;
                    client.get(&format!("{CONFIGMAPS}/{name}")).await?.ok()?;
                    calls += 2;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                anyhow::Ok(calls)
            });
        }
        let mut ends = std::collections::BTreeSet::new();
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(60) {
            ends.insert(certificate_end(&federation, "us-1")?);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        stop.store(true, Ordering::SeqCst);
        let mut calls = 0;
        while let Some(called) = callers.join_next().await {
            calls += called?.context("a call failed")?;
        }
        println!("{calls} calls while us-1 had {} certificates, none failed", ends.len());
        ensure!(ends.len() >= 8 && ends.last().is_some_and(|last| *last > before), "{ends:?}");
        cut_off_and_back(&mut federation).await
    })
}

/// Takes the authority away from us-1: its certificate ends, it is cut off, and back when somebody puts a new one there.
async fn cut_off_and_back(federation: &mut Federation) -> Result<()> {
    let key = federation.path().join("pki/region-us.key");
    let away = key.with_extension("away");
    fs::rename(&key, &away)?;
    let client = federation.client("us-1")?;
    let since = Instant::now();
    loop {
        // One that is under way at the very moment is broken off.
        if client.get(CONFIGMAPS).await.is_ok_and(|answer| answer.status == http::StatusCode::SERVICE_UNAVAILABLE) {
            break;
        }
        ensure!(since.elapsed() < Duration::from_secs(30), "still let in");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let status = own(&federation.status("us-1")?, "us-1")?;
    println!("cut off {:?} after the key was taken away: {status}", since.elapsed());
    ensure!(status["certificate_error"].as_str().is_some_and(|why| why.contains("region-us.key")), "{status}");
    // Its own clients are still served.
    client.get("/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces").await?;
    fs::rename(&away, &key)?;
    let since = Instant::now();
    while !client.get(CONFIGMAPS).await?.status.is_success() {
        ensure!(since.elapsed() < Duration::from_secs(30), "not back:\n{}", federation.log("us-1"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("back {:?} after the key was there again", since.elapsed());
    ensure!(own(&federation.status("us-1")?, "us-1")?["certificate_error"].is_null());
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    Ok(())
}
