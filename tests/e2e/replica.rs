//! Promise 1 with three daemons in a region: the death of the leader stops writes for a moment and loses none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hanse_tests::federation::Federation;
use tokio::task::JoinSet;

use crate::load::{Load, all_there};
use crate::{CONFIGMAPS, configmap, names, runtime};

fn leader(federation: &Federation) -> Result<String> {
    for member in federation.members()? {
        let Ok(status) = federation.status(&member.name) else { continue };
        for daemon in status["regions"][0]["daemons"].as_array().context("a region has daemons")? {
            if daemon["role"] == "leader" {
                return Ok(daemon["name"].as_str().context("a daemon has a name")?.to_owned());
            }
        }
    }
    anyhow::bail!("no daemon leads")
}

#[test]
fn killing_the_leader_under_load_loses_nothing_and_writes_go_on() -> Result<()> {
    let mut federation = Federation::up("eu", 3)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let mut acknowledged = BTreeSet::new();
        let mut gaps = Vec::new();
        for round in 0..3 {
            let victim = leader(&federation)?;
            let survivors: Vec<String> =
                federation.members()?.into_iter().map(|member| member.name).filter(|name| *name != victim).collect();
            let stop = Arc::new(AtomicBool::new(false));
            let mut writers = JoinSet::new();
            for writer in 0..8 {
                let client = federation.client(&survivors[writer % 2])?;
                let stop = stop.clone();
                writers.spawn(async move {
                    let mut done = Vec::new();
                    for number in 0.. {
                        if stop.load(Ordering::SeqCst) {
                            break;
                        }
                        let name = format!("r{round}-w{writer}-{number}");
                        let answer = client.post(CONFIGMAPS, &configmap(&name, "x")).await;
                        if answer.is_ok_and(|answer| answer.status.is_success()) {
                            done.push((name, Instant::now()));
                        }
                    }
                    done
                });
            }
            tokio::time::sleep(Duration::from_millis(1000)).await;
            let killed = Instant::now();
            federation.kill(&victim)?;
            tokio::time::sleep(Duration::from_millis(4000)).await;
            stop.store(true, Ordering::SeqCst);
            let mut moments = Vec::new();
            while let Some(done) = writers.join_next().await {
                for (name, moment) in done? {
                    acknowledged.insert(name);
                    moments.push(moment);
                }
            }
            moments.sort();
            let before = moments.iter().rfind(|moment| **moment < killed).copied().unwrap_or(killed);
            // The longest silence around and after the kill: what a client sees.
            let after: Vec<Instant> = moments.into_iter().filter(|moment| *moment >= before).collect();
            let gap = after.windows(2).map(|pair| pair[1] - pair[0]).max().context("writes go on after the kill")?;
            ensure!(after.last().is_some_and(|last| *last > killed + gap), "no write after the kill");
            gaps.push(gap);
            federation.start(&victim)?;
            federation.ready(&victim).await?;
        }
        println!("{} writes acknowledged; longest silences around the kills: {gaps:?}", acknowledged.len());
        for member in federation.members()? {
            let list = federation.client(&member.name)?.get(CONFIGMAPS).await?.ok()?;
            let found: BTreeSet<String> = names(&list).into_iter().collect();
            let lost: Vec<_> = acknowledged.difference(&found).collect();
            ensure!(lost.is_empty(), "{} lost {lost:?}", member.name);
        }
        anyhow::Ok(())
    })?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}

#[test]
fn restarting_all_daemons_one_after_another_under_load_fails_no_request_that_is_tried_twice() -> Result<()> {
    const DAEMONS: [&str; 3] = ["eu-1", "eu-2", "eu-3"];
    let mut federation = Federation::up("eu", 3)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let load = Load::start(&federation, &DAEMONS, "rolling")?;
        let mut leaders = 0;
        for _round in 0..2 {
            for name in DAEMONS {
                leaders += u32::from(leader(&federation).is_ok_and(|leader| leader == name));
                federation.terminate(name)?;
                federation.start(name)?;
                federation.ready(name).await?;
                // As an operator does, who sees that it is well before he goes to the next: a request that one restart has
                // cost its first attempt must not meet the other with its second.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        let acknowledged = load.end().await?;
        println!(
            "{} writes acknowledged over 6 restarts, {leaders} of a leader; none failed twice",
            acknowledged.len()
        );
        all_there(&federation, &DAEMONS, &acknowledged).await
    })?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}
