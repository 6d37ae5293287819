//! One run: a cluster, a workload, nemeses, and what is concluded.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::client::HttpClient;
use crate::cluster::{Cluster, Plan, Programs};
use crate::doctor::{DiskKind, NetKind};
use crate::history::{Kind, Op, Process, Recorder};
use crate::nemesis::{self, Arena, Entry, Tallies, Tally};
use crate::port::{Client, Run, Workload};
use crate::random::Random;
use crate::report::Report;
use crate::silence::{self, Silence};
use crate::verdict::{Check, Status, Verdict};

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The workload's name.
    pub workload: String,
    /// Who breaks things.
    pub nemeses: Vec<&'static Entry>,
    /// How many regions.
    pub regions: usize,
    /// How many daemons in each.
    pub daemons: usize,
    /// How long the nemeses work.
    pub time_limit: Duration,
    /// Decides every choice.
    pub seed: u64,
    /// Operations in a second, at most.
    pub rate: f64,
    /// The network.
    pub net: NetKind,
    /// The disks.
    pub disk: DiskKind,
    /// Where the history, the report and the logs go.
    pub out: PathBuf,
    /// What is tested.
    pub programs: Programs,
}

impl Wish {
    /// The command that repeats it.
    #[must_use]
    pub fn reproduce(&self) -> String {
        let nemeses: Vec<&str> = self.nemeses.iter().map(|entry| entry.name).collect();
        let nemesis = if nemeses.is_empty() { "none".to_owned() } else { nemeses.join(",") };
        format!(
            "cargo run --release -p jepsen -- run --workload {} --nemesis {nemesis} --regions {} --daemons {} --time-limit {} --rate {} --seed {}",
            self.workload,
            self.regions,
            self.daemons,
            self.time_limit.as_secs(),
            self.rate,
            self.seed
        )
    }
}

/// What came of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The workload.
    pub workload: String,
    /// The nemeses, with what they did.
    pub faults: BTreeMap<String, Tally>,
    /// Operations of clients by outcome.
    pub ok: u64,
    /// Refused ones.
    pub fail: u64,
    /// Ones with unknown outcome.
    pub info: u64,
    /// Groups' elections during the run.
    pub elections: u64,
    /// The longest times in which nothing succeeded.
    pub silence: Silence,
    /// Everything that was checked.
    pub verdict: Verdict,
    /// The worst of it.
    pub status: Status,
    /// How to repeat it.
    pub reproduce: String,
    /// Where the rest is.
    pub out: PathBuf,
}

/// Carries out a run.
///
/// # Errors
/// The harness itself fails: a cluster that does not start, a workload that cannot be set up. What the product does wrong is in the
/// outcome.
pub async fn run(wish: &Wish) -> Result<Outcome> {
    let workload = crate::workload::by_name(&wish.workload).with_context(|| {
        let names: Vec<&str> = crate::workload::all().iter().map(|workload| workload.name()).collect();
        format!("there is no workload {}: take one of {}", wish.workload, names.join(", "))
    })?;
    let stage = Stage::open(wish, workload.concurrency()).await?;
    let (stop, stopped) = watch::channel(false);
    let shared = Arc::new(Run {
        client: Arc::clone(&stage.client) as Arc<dyn Client>,
        recorder: Arc::clone(&stage.recorder),
        seed: wish.seed,
        rate: wish.rate,
        stop: stopped,
    });
    workload.setup(&shared).await.context("the workload cannot be set up")?;
    let before = stage.cluster.terms().await;
    let workload: Arc<dyn Workload> = Arc::from(workload);
    let mut loops = JoinSet::new();
    for place in 0..workload.concurrency() {
        let (workload, shared) = (Arc::clone(&workload), Arc::clone(&shared));
        loops.spawn(async move { workload.operate(&shared, place).await });
    }
    let mut checks = stage.break_things(wish).await?;
    // What works again shows in the history, too.
    tokio::time::sleep(AFTERMATH).await;
    stop.send_replace(true);
    while let Some(ended) = loops.join_next().await {
        ended.context("a loop of the workload failed")?;
    }
    // Not before: daemons are asked one after the other, and a tree that changes is never the same twice.
    checks.push(stage.converge().await);
    let recovered = checks.iter().all(|check| check.status != Status::Failed);
    if recovered && let Err(error) = workload.finish(&shared).await {
        checks.push(Check::new("finish", Status::Failed, format!("final reads are impossible: {error:#}")));
    }
    let after = stage.cluster.terms().await;
    let elections = after.iter().map(|(region, term)| term.saturating_sub(*before.get(region).unwrap_or(term))).sum();
    checks.extend(stage.look_around(wish, elections));
    let history = stage.recorder.history();
    drop(stage);
    conclude(wish, workload.as_ref(), history, elections, checks)
}

/// What stands while a run goes on.
struct Stage {
    client: Arc<HttpClient>,
    recorder: Arc<Recorder>,
    cluster: Arc<Cluster>,
    tallies: Tallies,
    ends: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    async fn open(wish: &Wish, concurrency: u64) -> Result<Self> {
        let directory = wish.out.join("cluster");
        let plan = Plan {
            regions: region_names(wish.regions),
            daemons: wish.daemons,
            net: wish.net,
            disk: wish.disk,
            seed: wish.seed,
            directory,
            programs: wish.programs.clone(),
        };
        let cluster = Arc::new(tokio::task::spawn_blocking(move || Cluster::start(plan)).await??);
        let client = Arc::new(cluster.client()?);
        cluster.ready(&client, READY_MAX).await?;
        let recorder = Arc::new(Recorder::new(concurrency));
        Ok(Self { client, recorder, cluster, tallies: Tallies::default(), ends: Arc::default() })
    }

    /// Lets the nemeses work for their time, heals everything, and waits until all is well again.
    async fn break_things(&self, wish: &Wish) -> Result<Vec<Check>> {
        let (stop, stopped) = watch::channel(false);
        let mut nemeses = JoinSet::new();
        for entry in &wish.nemeses {
            let random = Random::of(wish.seed, &format!("nemesis {}", entry.name));
            let arena = Arena { cluster: Arc::clone(&self.cluster), random };
            let (recorder, tallies) = (Arc::clone(&self.recorder), Arc::clone(&self.tallies));
            nemeses.spawn(nemesis::rage(entry, arena, recorder, stopped.clone(), tallies));
        }
        let mut supervision = JoinSet::new();
        supervision.spawn(supervise(Arc::clone(&self.cluster), Arc::clone(&self.recorder), Arc::clone(&self.ends)));
        tokio::time::sleep(wish.time_limit).await;
        stop.send_replace(true);
        while let Some(ended) = nemeses.join_next().await {
            ended.context("a nemesis failed")?;
        }
        self.recorder.nemesis(Kind::Invoke, "heal", json!(null));
        let cluster = Arc::clone(&self.cluster);
        tokio::task::spawn_blocking(move || nemesis::heal_all(&cluster)).await??;
        self.recorder.nemesis(Kind::Info, "heal", json!(null));
        let recovery = match self.cluster.ready(&self.client, RECOVERY_MAX).await {
            Ok(took) => Check::new(
                "recovery",
                Status::Ok,
                format!("every daemon was ready {:.1} s after the last fault", took.as_secs_f64()),
            ),
            Err(error) => Check::new("recovery", Status::Failed, format!("{error:#}")),
        };
        Ok(vec![recovery])
    }

    /// Waits until all daemons hold the same tree.
    async fn converge(&self) -> Check {
        match self.cluster.converged(CONVERGENCE_MAX).await {
            Ok(took) => {
                let summary =
                    format!("all daemons held the same tree {:.1} s after the last write", took.as_secs_f64());
                Check::new("convergence", Status::Ok, summary)
            }
            Err(error) => Check::new("convergence", Status::Failed, format!("{error:#}")),
        }
    }

    /// What the harness sees beside what clients saw.
    fn look_around(&self, wish: &Wish, elections: u64) -> Vec<Check> {
        let panics = self.cluster.panics();
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let may_end = wish.nemeses.iter().any(|entry| entry.ends_daemons);
        let quiet = |found: &[String], what: &str| match found.first() {
            None => (Status::Ok, format!("no {what}")),
            Some(first) => (Status::Failed, format!("{} {what}: {first}", found.len())),
        };
        let (panic_status, panic_summary) = quiet(&panics, "panic in a log");
        let (mut end_status, end_summary) = quiet(&ends, "daemon that ended by itself");
        if may_end {
            end_status = Status::Ok;
        }
        let tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        vec![
            Check::new("panics", panic_status, panic_summary),
            Check::new("ends", end_status, end_summary),
            coverage(wish, &tallies, elections),
        ]
    }
}

/// Whether the nemeses did what they are there for.
fn coverage(wish: &Wish, tallies: &BTreeMap<&'static str, Tally>, elections: u64) -> Check {
    let idle: Vec<&str> = tallies.iter().filter(|(_, tally)| tally.installed == 0).map(|(name, _)| *name).collect();
    let installed: u64 = tallies.values().map(|tally| tally.installed).sum();
    let leaders: u64 = tallies.values().map(|tally| tally.leaders).sum();
    let hunts = wish.daemons > 1 && wish.nemeses.iter().any(|entry| HUNTERS.contains(&entry.name));
    let (status, summary) = if let Some(name) = idle.first() {
        (Status::Unproven, format!("{name} installed no fault"))
    } else if hunts && leaders == 0 {
        (Status::Unproven, "no fault took away a leader".to_owned())
    } else if hunts && elections == 0 {
        (Status::Unproven, format!("{leaders} faults took away a leader, and nobody was elected"))
    } else {
        (Status::Ok, format!("{installed} faults, {leaders} of which took away a leader; {elections} elections"))
    };
    Check::new("faults", status, summary)
}

/// Starts daemons again that ended by themselves, as systemd does.
async fn supervise(cluster: Arc<Cluster>, recorder: Arc<Recorder>, ends: Arc<Mutex<Vec<String>>>) {
    loop {
        tokio::time::sleep(SUPERVISION).await;
        for member in cluster.members() {
            let Some(end) = member.reap() else { continue };
            recorder.nemesis(Kind::Info, "ended", json!({"daemon": member.place.name, "how": end}));
            let reason = member.log_end().lines().last().unwrap_or_default().to_owned();
            ends.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{end}: {reason}"));
            tokio::time::sleep(RESTART_AFTER).await;
            if let Err(error) = member.start() {
                recorder.nemesis(Kind::Info, "ended", json!({"error": format!("{error:#}")}));
            }
        }
    }
}

/// Checks the history, and writes everything down.
fn conclude(
    wish: &Wish,
    workload: &dyn Workload,
    history: Vec<Op>,
    elections: u64,
    mut checks: Vec<Check>,
) -> Result<Outcome> {
    checks.splice(0..0, workload.check(&history).checks);
    let verdict = Verdict { checks };
    let count =
        |kind: Kind| history.iter().filter(|op| op.process != Process::NEMESIS && op.kind == kind).count() as u64;
    let outcome = Outcome {
        workload: wish.workload.clone(),
        faults: faults(wish, &history),
        ok: count(Kind::Ok),
        fail: count(Kind::Fail),
        info: count(Kind::Info),
        elections,
        silence: silence::longest(&history),
        status: verdict.status(),
        verdict,
        reproduce: wish.reproduce(),
        out: wish.out.clone(),
    };
    write_down(wish, &history, &outcome)?;
    Ok(outcome)
}

/// The tallies, from the history: so a stored one shows them, too.
fn faults(wish: &Wish, history: &[Op]) -> BTreeMap<String, Tally> {
    let mut faults: BTreeMap<String, Tally> =
        wish.nemeses.iter().map(|entry| (entry.name.to_owned(), Tally::default())).collect();
    for op in history.iter().filter(|op| op.process == Process::NEMESIS && op.kind != Kind::Invoke) {
        let Some(tally) = op.f.strip_prefix("start-").and_then(|name| faults.get_mut(name)) else { continue };
        match op.value.get("outcome").and_then(serde_json::Value::as_str) {
            Some("installed") => {
                tally.installed += 1;
                tally.leaders += u64::from(op.value["leader"] == true);
            }
            Some("skipped") => tally.skipped += 1,
            _ => tally.indeterminate += 1,
        }
    }
    faults
}

fn write_down(wish: &Wish, history: &[Op], outcome: &Outcome) -> Result<()> {
    std::fs::write(wish.out.join("results.json"), serde_json::to_vec_pretty(outcome)?)?;
    let nemeses: Vec<&str> = wish.nemeses.iter().map(|entry| entry.name).collect();
    let title = format!("{} x {} ({}x{})", wish.workload, nemeses.join(", "), wish.regions, wish.daemons);
    let facts = [
        ("repeat it".to_owned(), wish.reproduce()),
        ("ground".to_owned(), format!("net {:?}, disk {:?}", wish.net, wish.disk).to_lowercase()),
        ("elections".to_owned(), outcome.elections.to_string()),
        ("files".to_owned(), wish.out.display().to_string()),
    ];
    Report { title: &title, facts: &facts, history, verdict: &outcome.verdict }.write(&wish.out)
}

/// The name of a run's folder. Short, because sockets lie below it, and the path of a socket has 103 bytes at most.
#[must_use]
pub fn folder(workload: &str, nemeses: &[&str]) -> String {
    match nemeses {
        [] => workload.to_owned(),
        [only] => format!("{workload}-{only}"),
        [first, others @ ..] => format!("{workload}-{first}+{}", others.len()),
    }
}

/// Names of so many regions.
#[must_use]
pub fn region_names(count: usize) -> Vec<String> {
    let known = ["eu", "us", "ap"];
    (0..count).map(|number| known.get(number).map_or_else(|| format!("r{number}"), |name| (*name).to_owned())).collect()
}

/// What a cluster may take until its first request, in a build without optimization on a busy machine.
pub const READY_MAX: Duration = Duration::from_secs(90);
/// What daemons may take to be ready again after the last fault.
const RECOVERY_MAX: Duration = Duration::from_secs(60);
/// What trees may take to be equal after the last write.
const CONVERGENCE_MAX: Duration = Duration::from_secs(30);
/// How long the workload goes on after everything is healed.
const AFTERMATH: Duration = Duration::from_secs(3);
const SUPERVISION: Duration = Duration::from_millis(300);
const RESTART_AFTER: Duration = Duration::from_secs(1);
/// Nemeses that take leaders away.
const HUNTERS: [&str; 6] = ["kill", "pause", "partition", "power", "restart", "kill-region"];

/// The time since an instant, in whole milliseconds.
#[must_use]
pub fn milliseconds_since(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX)
}
