//! Promise 1: a write answered with 2xx is never lost, and happens once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use hanse_tests::federation::Federation;
use tokio::task::JoinSet;

use crate::{CONFIGMAPS, configmap, names, runtime};

const WRITERS: usize = 16;
const ROUNDS: usize = 3;

#[test]
fn every_acknowledged_write_survives_kill_9_of_every_process() -> Result<()> {
    let mut federation = Federation::up("eu,us,ap", 1)?;
    let runtime = runtime()?;
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    let mut attempted: BTreeSet<String> = BTreeSet::new();
    for round in 0..ROUNDS {
        runtime.block_on(async {
            let stop = Arc::new(AtomicBool::new(false));
            let mut writers = JoinSet::new();
            for writer in 0..WRITERS {
                // Some write at the home, some through the other regions.
                let daemon = ["eu-1", "us-1", "ap-1"][writer % 3];
                let client = federation.client(daemon)?;
                let stop = stop.clone();
                writers.spawn(async move {
                    let (mut done, mut tried) = (Vec::new(), Vec::new());
                    for number in 0.. {
                        if stop.load(Ordering::SeqCst) {
                            break;
                        }
                        let name = format!("r{round}-w{writer}-{number}");
                        tried.push(name.clone());
                        match client.post(CONFIGMAPS, &configmap(&name, "x")).await {
                            Ok(answer) if answer.status.is_success() => done.push(name),
                            Ok(_) => {}
                            // The process is dead: what the last request did is unknown.
                            Err(_) => break,
                        }
                    }
                    (done, tried)
                });
            }
            tokio::time::sleep(Duration::from_millis(1500)).await;
            federation.kill_all()?;
            stop.store(true, Ordering::SeqCst);
            while let Some(result) = writers.join_next().await {
                let (done, tried) = result?;
                acknowledged.extend(done);
                attempted.extend(tried);
            }
            anyhow::Ok(())
        })?;
        federation.up_again()?;
        let list = runtime.block_on(async { federation.client("us-1")?.get(CONFIGMAPS).await?.ok() })?;
        let found = names(&list);
        let distinct: BTreeSet<String> = found.iter().cloned().collect();
        ensure!(found.len() == distinct.len(), "an object is listed twice");
        let lost: Vec<_> = acknowledged.difference(&distinct).collect();
        ensure!(lost.is_empty(), "round {round}: lost {lost:?} of {} acknowledged writes", acknowledged.len());
        let phantom: Vec<_> = distinct.difference(&attempted).filter(|name| name.starts_with('r')).collect();
        ensure!(phantom.is_empty(), "round {round}: never written: {phantom:?}");
    }
    ensure!(acknowledged.len() > 100, "only {} writes: the test proves little", acknowledged.len());
    println!("{} writes acknowledged over {ROUNDS} kills, all there", acknowledged.len());
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}
