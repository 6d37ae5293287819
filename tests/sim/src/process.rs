//! What runs on a machine: the product's group and state machine, on simulated disk, network, clock and randomness.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io::{Cursor, Read};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hanse_api::api::{Api, RequestBody};
use hanse_base::id::{ClusterId, DaemonId, RegionName};
use hanse_base::net::{BoxFuture, Net, NetError};
use hanse_raft::config::GroupConfig;
use hanse_raft::error::StartError;
use hanse_raft::group::{Group, Seams};
use hanse_store::home::{Home, HomeError};
use hanse_store::hub::Hub;
use hanse_store::key::Key;
use hanse_store::state::State;
use hanse_sync::mesh::Incoming;
use hansed::embed::{self, Embedded, Ground, Place};
use hansed::homes::StoreMachine;
use http_body_util::BodyExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::clock::SimClock;
use crate::dice::SimRandom;
use crate::links::SimLinks;
use crate::machine::{Birth, Ended, Spec, Window};
use crate::message::{Answer, Call, Forest, Http, Reading};
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

/// The end at which a daemon is.
#[must_use]
pub fn end_of(daemon: DaemonId) -> End {
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

/// What a process is told besides what its machine is.
#[derive(Clone)]
pub struct Orders {
    /// What the seed has decided.
    pub plan: Arc<Plan>,
    /// The daemons of its region.
    pub founders: BTreeSet<DaemonId>,
    /// All daemons, with their regions.
    pub regions: Arc<BTreeMap<DaemonId, RegionName>>,
    /// Who sees everything.
    pub observer: Observer,
}

/// Runs the process until it ends by itself.
pub async fn run(birth: Birth, orders: Orders) {
    let window = Arc::clone(&birth.window);
    let Err(ended) = serve(birth, orders).await;
    window.lock().unwrap_or_else(PoisonError::into_inner).ended = Some(ended);
}

async fn serve(birth: Birth, orders: Orders) -> Result<Infallible, Ended> {
    let Birth { spec, disk, skew, started, wire, mut inbox, window, mut dice } = birth;
    let machine = hanse_store::machine::Machine::new(spec.group.clone());
    let hub = Arc::clone(machine.hub());
    let seams = Seams {
        disk: Arc::new(disk),
        net: Arc::new(SimNet { wire: wire.clone(), here: spec.end }),
        clock: Arc::new(SimClock::new(started, skew)),
        random: Arc::new(SimRandom::new(dice.fork("random"))),
    };
    let watched = WatchedMachine::new(StoreMachine(machine), spec.group.clone(), spec.daemon, orders.observer.clone());
    let group = Group::start(config(&spec, &orders), watched, seams.clone()).await.map_err(why_not)?;
    let links = SimLinks::new(wire.clone(), spec.end, Arc::clone(&orders.regions));
    let (streams, incoming) = mpsc::channel(STREAMS_MAX);
    let daemon = embedded(&spec, &orders, (seams, group.clone(), hub), (Arc::clone(&links), incoming))?;
    let mut failure = group.failure();
    let mut leadership = group.leadership();
    show(&window, &group);
    let mut work = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            failed = failure.wait_for(Option::is_some) => {
                let why = failed.ok().and_then(|failure| failure.as_ref().map(ToString::to_string));
                return Err(Ended::Failed(why.unwrap_or_default()));
            }
            changed = leadership.changed() => {
                if changed.is_ok() {
                    show(&window, &group);
                }
            }
            Some(_done) = work.join_next(), if !work.is_empty() => {}
            arrived = inbox.recv() => {
                let Some(arrived) = arrived else { return Err(Ended::Failed("the network is gone".to_owned())) };
                if let Call::Open(lane) = arrived.call {
                    // One that finds no room is dropped, which its opener sees.
                    if let Some(incoming) = links.accept(arrived.from, arrived.id, lane) {
                        drop(streams.try_send(incoming));
                    }
                } else {
                    let daemon = (group.clone(), Arc::clone(&daemon.home), Arc::clone(&daemon.api));
                    work.spawn(answer(wire.clone(), spec.end, daemon, arrived));
                }
            }
        }
    }
}

fn why_not(error: StartError) -> Ended {
    match error {
        StartError::Damaged { .. } | StartError::Foreign { .. } => Ended::Damaged(error.to_string()),
        other => Ended::NotStarted(other.to_string()),
    }
}

/// Everything of the daemon that stands on the group.
fn embedded(
    spec: &Spec,
    orders: &Orders,
    (seams, group, hub): (Seams, Group, Arc<Hub>),
    (links, incoming): (Arc<SimLinks>, mpsc::Receiver<Incoming>),
) -> Result<Embedded, Ended> {
    let places = orders.regions.iter().map(|(daemon, region)| Place { daemon: *daemon, region: region.clone() });
    let ground = Ground {
        daemon: spec.daemon,
        places: places.collect(),
        tokens: TOKENS.to_owned(),
        seams,
        group,
        hub,
        links,
        incoming,
    };
    embed::start(ground).map_err(|error| Ended::NotStarted(error.to_string()))
}

fn show(window: &Window, group: &Group) {
    window.lock().unwrap_or_else(PoisonError::into_inner).leadership = *group.leadership().borrow();
}

fn config(spec: &Spec, orders: &Orders) -> GroupConfig {
    let plan = &orders.plan;
    let mut config = GroupConfig::new(spec.group.clone(), spec.daemon, "/data".into(), orders.founders.clone());
    (config.heartbeat_ms, config.election_ms_min, config.election_ms_max) = plan.raft_ms;
    let limits = &mut config.limits;
    (limits.snapshot_log_bytes, limits.log_tail_bytes) = plan.snapshot_bytes;
    limits.segment_bytes_max = plan.segment_bytes;
    limits.cache_bytes_max = plan.cache_bytes;
    // Shorter than the product's, so that a run need not wait long at its end.
    (limits.leader_wait, limits.outcome_wait) = (Duration::from_secs(2), Duration::from_secs(4));
    config
}

type Daemon = (Group, Arc<dyn Home>, Arc<Api>);

async fn answer(wire: Wire, here: End, (group, home, api): Daemon, arrived: Arrived) {
    let Arrived { from, id, call } = arrived;
    let answer = match call {
        Call::Raft(bytes) => Answer::Raft(group.receive_call(daemon_at(from), bytes).await),
        Call::Upload { head, body } => {
            Answer::Raft(group.receive_upload(daemon_at(from), head, Box::new(Cursor::new(body))).await)
        }
        Call::Submit(txn) => Answer::Submitted(home.submit(*txn).await),
        Call::Read(keys) => Answer::Shown(read(&*home, &keys).await),
        Call::Http(http) => serve_http(&api, http).await,
        Call::Tree => Answer::Tree(Box::new(forest(&home.view()))),
        Call::Open(_) => return,
    };
    wire.answer(here, from, id, answer);
}

async fn read(home: &dyn Home, keys: &[Key]) -> Result<Reading, HomeError> {
    let state = home.read().await?;
    let shown = |key| state.get(key).map(|object| (object.revision(), object.bytes()));
    Ok((state.revision(), keys.iter().map(shown).collect()))
}

/// Asks the API as a client that is the administrator, and reads the answer to its end.
async fn serve_http(api: &Arc<Api>, http: Http) -> Answer {
    let Http { method, target, body } = http;
    let mut request = http::Request::builder().method(method).uri(target);
    request = request.header("authorization", "Bearer admin").header("content-type", "application/json");
    let Ok(request) = request.body(RequestBody::Whole(body.into())) else {
        return Answer::Http { status: 0, body: Bytes::new() };
    };
    let (head, mut body) = api.answer(request, None).await.into_parts();
    let mut bytes = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Answer::Http { status: head.status.as_u16(), body: bytes.into() }
}

fn forest(state: &State) -> Forest {
    let text = |id: &ClusterId| id.as_str().to_owned();
    let nodes = state.tree().iter();
    let nodes =
        nodes.map(|(id, node)| (text(id), node.parent.as_ref().map(text), node.name.to_string(), node.row.deleted));
    Forest { digest: state.tree_digest(), nodes: nodes.collect() }
}

/// Who may do everything.
const TOKENS: &str = "admin,kcp-admin,1,\"system:kcp:admin\"\n";
/// Streams that wait to be taken.
const STREAMS_MAX: usize = 1024;
