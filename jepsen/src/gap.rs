//! `jepsen gap`: how long writes stand still when a leader is lost, measured many times.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::client::HttpClient;
use crate::cluster::member::Member;
use crate::cluster::{Cluster, Plan};
use crate::disk::mount::Faults;
use crate::load::{Load, Write};
use crate::net::rule::Rule;
use crate::run::READY_MAX;

/// How the leader is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// kill -9
    Kill,
    /// SIGSTOP
    Pause,
    /// It hears nobody, and nobody hears it, by turns
    OneWay,
    /// It neither hears nor is heard
    Partition,
    /// Its disk stands still
    Stall,
    /// SIGTERM: it hands over
    Stop,
}

/// What was measured.
#[derive(Debug)]
pub struct Gaps {
    /// Milliseconds, sorted: the longest time without an acknowledged write around each fault.
    pub write_ms: Vec<u64>,
    /// Writes that were acknowledged.
    pub acknowledged: usize,
    /// Writes that were not.
    pub unacknowledged: usize,
}

/// Loses the leader of one region so many times. `told` hears of each try.
///
/// # Errors
/// The cluster does not start, does not recover, or nobody leads.
pub async fn measure(plan: Plan, fault: Fault, tries: usize, mut told: impl FnMut(usize, u64)) -> Result<Gaps> {
    let region = plan.regions.first().cloned().context("a cluster has a region")?;
    let cluster = Arc::new(tokio::task::spawn_blocking(move || Cluster::start(plan)).await??);
    let client = Arc::new(cluster.client()?);
    cluster.ready(&client, READY_MAX).await?;
    let mut gaps = Gaps { write_ms: Vec::new(), acknowledged: 0, unacknowledged: 0 };
    for number in 0..tries {
        let leader = led(&cluster, &region).await?;
        let survivors: Vec<String> = cluster
            .members_of(&region)
            .iter()
            .filter(|member| member.place.name != leader.place.name)
            .map(|member| member.place.name.clone())
            .collect();
        let load = Load::start(&client, &survivors, &format!("try-{number}"), REQUEST_TIMEOUT);
        tokio::time::sleep(BEFORE).await;
        let begin = Instant::now();
        lose(&cluster, &leader, fault, number).await?;
        tokio::time::sleep(AFTER).await;
        let end = Instant::now();
        let writes = load.end().await?;
        heal(&cluster, &leader)?;
        let gap_ms = longest(&writes, begin, end);
        gaps.acknowledged += writes.iter().filter(|write| write.acknowledged.is_some()).count();
        gaps.unacknowledged += writes.iter().filter(|write| write.acknowledged.is_none()).count();
        gaps.write_ms.push(gap_ms);
        told(number, gap_ms);
        settle(&cluster, &client).await?;
    }
    gaps.write_ms.sort_unstable();
    Ok(gaps)
}

async fn settle(cluster: &Cluster, client: &HttpClient) -> Result<()> {
    cluster.ready(client, READY_MAX).await?;
    // The one that was away catches up; else the next try would measure that.
    tokio::time::sleep(CALM).await;
    Ok(())
}

async fn led(cluster: &Cluster, region: &str) -> Result<Arc<Member>> {
    let begin = Instant::now();
    loop {
        if let Some(leader) = cluster.leader(region).await {
            return Ok(leader);
        }
        anyhow::ensure!(begin.elapsed() < READY_MAX, "nobody leads region {region}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn lose(cluster: &Cluster, leader: &Arc<Member>, fault: Fault, number: usize) -> Result<()> {
    let name = &leader.place.name;
    match fault {
        Fault::Kill => leader.kill(),
        Fault::Pause => leader.pause(),
        Fault::Stop => {
            let leader = Arc::clone(leader);
            tokio::task::spawn_blocking(move || leader.stop(READY_MAX)).await?
        }
        Fault::Stall => {
            let disk = leader.disk.as_ref().context("it takes the disk over FUSE: see `jepsen doctor`")?;
            disk.set(Faults { stalls: true, ..Faults::default() });
            Ok(())
        }
        Fault::OneWay | Fault::Partition => {
            let switch = cluster.switch.as_ref().context("it takes the switch: see `jepsen doctor`")?;
            let (hears, heard) = match fault {
                Fault::OneWay => (!number.is_multiple_of(2), number.is_multiple_of(2)),
                _ => (false, false),
            };
            let mut links = Vec::new();
            for other in cluster.members().iter().filter(|member| member.place.name != *name) {
                let other = other.place.name.clone();
                if !hears {
                    links.push(((other.clone(), name.clone()), Rule::cut()));
                }
                if !heard {
                    links.push(((name.clone(), other), Rule::cut()));
                }
            }
            switch.matrix.lay(links);
            Ok(())
        }
    }
}

fn heal(cluster: &Cluster, leader: &Member) -> Result<()> {
    if let Some(switch) = &cluster.switch {
        switch.matrix.heal();
    }
    if let Some(disk) = &leader.disk {
        disk.set(Faults::default());
    }
    leader.go_on()?;
    leader.reap();
    leader.start()
}

/// The longest silence that ends after the fault. Where nothing was written after it, it lasts until the end of the load.
fn longest(writes: &[Write], fault: Instant, end: Instant) -> u64 {
    let mut moments: Vec<Instant> = writes.iter().filter_map(|write| write.acknowledged).collect();
    moments.push(end);
    moments.sort_unstable();
    let silences = moments.windows(2).filter(|pair| pair[1] > fault).map(|pair| pair[1] - pair[0]);
    u64::try_from(silences.max().unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// Shorter than a client's: a request that waits for a dead leader must not be all that is measured.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const BEFORE: Duration = Duration::from_millis(700);
const AFTER: Duration = Duration::from_millis(2_500);
const CALM: Duration = Duration::from_millis(500);
