//! What runs on a machine: the product's group and state machine, on simulated disk, network, clock and randomness.

use std::collections::BTreeSet;
use std::io::{Cursor, Read};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hanse_base::disk::Disk;
use hanse_base::id::DaemonId;
use hanse_base::id::Revision;
use hanse_base::net::{BoxFuture, Net, NetError};
use hanse_raft::config::GroupConfig;
use hanse_raft::error::StartError;
use hanse_raft::group::{Group, Seams};
use hanse_store::home::{Home, HomeError};
use hanse_store::key::Key;
use hansed::homes::{GroupHome, StoreMachine};
use tokio::task::JoinSet;

use crate::clock::SimClock;
use crate::dice::SimRandom;
use crate::machine::{Birth, Ended, Window};
use crate::message::{Answer, Call};
use crate::observer::{Observer, WatchedMachine};
use crate::plan::Plan;
use crate::wire::{Arrived, End, Lost, Wire};

/// The network as one process sees it.
struct SimNet {
    wire: Wire,
    here: End,
}

/// Daemons are numbered by their ends, from 1.
#[must_use]
pub fn daemon_at(end: End) -> DaemonId {
    DaemonId(end as u64 + 1)
}

fn end_of(daemon: DaemonId) -> End {
    usize::try_from(daemon.0.saturating_sub(1)).unwrap_or(usize::MAX)
}

impl SimNet {
    async fn ask(&self, to: DaemonId, call: Call, wait: Duration) -> Result<Bytes, NetError> {
        match self.wire.call(self.here, end_of(to), call, wait).await {
            Ok(Answer::Raft(bytes)) => Ok(bytes),
            Ok(_) => Err(NetError::Unanswered { daemon: to, why: "another answer".to_owned() }),
            Err(Lost::Unreachable(why)) => Err(NetError::Unreachable { daemon: to, why: why.to_owned() }),
            Err(Lost::Unanswered(why)) => Err(NetError::Unanswered { daemon: to, why: why.to_owned() }),
        }
    }
}

impl Net for SimNet {
    fn call(&self, to: DaemonId, request: Bytes, timeout: Duration) -> BoxFuture<'_, Result<Bytes, NetError>> {
        Box::pin(self.ask(to, Call::Raft(request), timeout))
    }

    fn upload(
        &self,
        to: DaemonId,
        head: Bytes,
        mut body: Box<dyn Read + Send>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, NetError>> {
        Box::pin(async move {
            let mut bytes = Vec::new();
            if let Err(error) = body.read_to_end(&mut bytes) {
                return Err(NetError::Unanswered { daemon: to, why: error.to_string() });
            }
            self.ask(to, Call::Upload { head, body: bytes.into() }, timeout).await
        })
    }
}

/// Runs the process until it ends by itself.
pub async fn run(birth: Birth, plan: Arc<Plan>, founders: BTreeSet<DaemonId>, observer: Observer) {
    let window = Arc::clone(&birth.window);
    let ended = serve(birth, &plan, founders, observer).await;
    window.lock().unwrap_or_else(PoisonError::into_inner).ended = Some(ended);
}

async fn serve(birth: Birth, plan: &Plan, founders: BTreeSet<DaemonId>, observer: Observer) -> Ended {
    let Birth { spec, disk, skew, started, wire, mut inbox, window, mut dice } = birth;
    let machine = hanse_store::machine::Machine::new(spec.group.clone());
    let hub = Arc::clone(machine.hub());
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let seams = Seams {
        disk,
        net: Arc::new(SimNet { wire: wire.clone(), here: spec.end }),
        clock: Arc::new(SimClock::new(started, skew)),
        random: Arc::new(SimRandom::new(dice.fork("random"))),
    };
    let watched = WatchedMachine::new(StoreMachine(machine), spec.group.clone(), spec.daemon, observer);
    let group = match Group::start(config(&spec, plan, founders), watched, seams).await {
        Ok(group) => group,
        Err(error @ (StartError::Damaged { .. } | StartError::Foreign { .. })) => {
            return Ended::Damaged(error.to_string());
        }
        Err(error) => return Ended::NotStarted(error.to_string()),
    };
    let home: Arc<dyn Home> = Arc::new(GroupHome::new(spec.group.clone(), group.clone(), hub));
    let mut failure = group.failure();
    let mut leadership = group.leadership();
    show(&window, &group);
    let mut work = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            failed = failure.wait_for(Option::is_some) => {
                let why = failed.ok().and_then(|failure| failure.as_ref().map(ToString::to_string));
                return Ended::Failed(why.unwrap_or_default());
            }
            changed = leadership.changed() => {
                if changed.is_ok() {
                    show(&window, &group);
                }
            }
            Some(_done) = work.join_next(), if !work.is_empty() => {}
            arrived = inbox.recv() => {
                let Some(arrived) = arrived else { return Ended::Failed("the network is gone".to_owned()) };
                let (wire, group, home) = (wire.clone(), group.clone(), Arc::clone(&home));
                work.spawn(answer(wire, spec.end, (group, home), arrived));
            }
        }
    }
}

fn show(window: &Window, group: &Group) {
    window.lock().unwrap_or_else(PoisonError::into_inner).leadership = *group.leadership().borrow();
}

fn config(spec: &crate::machine::Spec, plan: &Plan, founders: BTreeSet<DaemonId>) -> GroupConfig {
    let mut config = GroupConfig::new(spec.group.clone(), spec.daemon, "/data".into(), founders);
    (config.heartbeat_ms, config.election_ms_min, config.election_ms_max) = plan.raft_ms;
    let limits = &mut config.limits;
    (limits.snapshot_log_bytes, limits.log_tail_bytes) = plan.snapshot_bytes;
    limits.segment_bytes_max = plan.segment_bytes;
    limits.cache_bytes_max = plan.cache_bytes;
    config
}

async fn answer(wire: Wire, here: End, (group, home): (Group, Arc<dyn Home>), arrived: Arrived) {
    let Arrived { from, id, call } = arrived;
    let answer = match call {
        Call::Raft(bytes) => Answer::Raft(group.receive_call(daemon_at(from), bytes).await),
        Call::Upload { head, body } => {
            Answer::Raft(group.receive_upload(daemon_at(from), head, Box::new(Cursor::new(body))).await)
        }
        Call::Submit(txn) => Answer::Submitted(home.submit(*txn).await),
        Call::Read(keys) => Answer::Shown(read(&*home, &keys).await),
    };
    wire.answer(here, from, id, answer);
}

type Shown = (Revision, Vec<Option<(Revision, Bytes)>>);

async fn read(home: &dyn Home, keys: &[Key]) -> Result<Shown, HomeError> {
    let state = home.read().await?;
    let shown = |key| state.get(key).map(|object| (object.revision(), object.bytes()));
    Ok((state.revision(), keys.iter().map(shown).collect()))
}
