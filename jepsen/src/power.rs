//! `jepsen power`: the power of a whole region goes under load, again and again, and nothing acknowledged may be lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cluster::{Cluster, Plan};
use crate::disk::image::Loss;
use crate::load::{Load, listed};
use crate::random::Random;
use crate::run::{READY_MAX, milliseconds_since};

/// What one loss of power did.
#[derive(Debug, Clone)]
pub struct Round {
    /// Which changes were lost.
    pub loss: Loss,
    /// Changes that were not synced when the power went.
    pub unsynced: usize,
    /// Writes acknowledged so far, in all rounds.
    pub acknowledged: usize,
    /// Of these, the ones that are no longer there.
    pub lost: Vec<String>,
    /// Objects that nobody wrote.
    pub phantoms: Vec<String>,
    /// From the start of the processes until all were ready.
    pub ready_ms: u64,
}

/// Takes the power of all daemons of a region so many times. `told` hears of each round.
///
/// # Errors
/// The cluster does not start, or does not come back.
pub async fn rounds(plan: Plan, count: usize, mut told: impl FnMut(usize, &Round)) -> Result<Vec<Round>> {
    let region = plan.regions.first().cloned().context("a cluster has a region")?;
    let mut random = Random::of(plan.seed, "power");
    let cluster = Arc::new(tokio::task::spawn_blocking(move || Cluster::start(plan)).await??);
    let client = Arc::new(cluster.client()?);
    cluster.ready(&client, READY_MAX).await?;
    let members = cluster.members_of(&region);
    let names: Vec<String> = members.iter().map(|member| member.place.name.clone()).collect();
    let (mut acknowledged, mut possible) = (BTreeSet::new(), BTreeSet::new());
    let mut rounds = Vec::new();
    for number in 0..count {
        let load = Load::start(&client, &names, &format!("round-{number}"), REQUEST_TIMEOUT);
        tokio::time::sleep(Duration::from_millis(random.range(LOAD_MS.0, LOAD_MS.1))).await;
        let loss = [Loss::All, Loss::Tear, Loss::Reorder][number % 3];
        for member in &members {
            member.kill()?;
        }
        let mut unsynced = 0;
        for member in &members {
            unsynced += member.lose_power(loss, &mut random)?;
        }
        for write in load.end().await? {
            if write.acknowledged.is_some() {
                acknowledged.insert(write.name.clone());
            }
            if !write.refused {
                possible.insert(write.name);
            }
        }
        let begin = Instant::now();
        for member in &members {
            member.start()?;
        }
        cluster.ready(&client, READY_MAX).await?;
        let ready_ms = milliseconds_since(begin);
        let mut round = Round {
            loss,
            unsynced,
            acknowledged: acknowledged.len(),
            lost: Vec::new(),
            phantoms: Vec::new(),
            ready_ms,
        };
        for name in &names {
            let found = listed(&client, name).await?;
            round.lost.extend(acknowledged.difference(&found).cloned());
            let ours = found.iter().filter(|object| object.starts_with("round-"));
            round.phantoms.extend(ours.filter(|object| !possible.contains(*object)).cloned());
        }
        told(number, &round);
        rounds.push(round);
    }
    Ok(rounds)
}

const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
const LOAD_MS: (u64, u64) = (700, 2_000);
