//! A Raft group of bytes, as the rest of the daemon sees it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hanse_base::clock::Clock;
use hanse_base::disk::Disk;
use hanse_base::id::{DaemonId, LogIndex, Term};
use hanse_base::net::Net;
use hanse_base::pulse::Pulse;
use hanse_base::random::Random;
use hanse_metrics::exposition::Exposition;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::storage::IOFlushed;
use openraft::type_config::TypeConfigExt;
use openraft::{Config, Instant as _, LogIdOptionExt, Raft, RaftMetrics, ServerState, SnapshotPolicy};
use tokio::io::AsyncRead;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::config::GroupConfig;
use crate::consensus::{Entry, Kind, LogId, Membership, Payload, Runtime, log_id};
use crate::error::{Failure, ProposeError, ReadError, StartError};
use crate::log::{Log, lock};
use crate::machine::Machine;
use crate::network::Links;
use crate::propose::{self, Proposal, Proposed};
use crate::read::{self, Waiter};
use crate::replica::Replica;
use crate::segment::Identity;
use crate::snapshots::Snapshots;
use crate::state::StateMachine;
use crate::status::{DiskCondition, FollowerStatus, GroupStatus, Leadership, Role};
use crate::storage::Storage;
use crate::work::work;
use crate::{disk_watch, keep, serve};

/// The world as a group sees it.
#[derive(Clone)]
pub struct Seams {
    /// Where log and snapshots are.
    pub disk: Arc<dyn Disk>,
    /// How to reach the other replicas.
    pub net: Arc<dyn Net>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

/// A replica of a group. Cheap to clone; all clones are the same replica. It stops when [`Group::shutdown`] is called,
/// or when the last clone is dropped.
#[derive(Clone)]
pub struct Group {
    inner: Arc<Inner>,
}

struct Inner {
    replica: Arc<Replica>,
    proposals: mpsc::Sender<Proposal>,
    reads: mpsc::Sender<Waiter>,
    tasks: std::sync::Mutex<Option<JoinSet<()>>>,
    /// Ends when openraft has let go of the state machine.
    machine_dropped: watch::Receiver<Option<LogId>>,
}

impl Group {
    /// Opens the directory, restores the state and joins the group. Returns before there is a leader.
    ///
    /// # Errors
    /// See [`StartError`]. Nothing on disk was changed, except that a torn write was cut off the log.
    pub async fn start(config: GroupConfig, machine: impl Machine, seams: Seams) -> Result<Self, StartError> {
        config.check()?;
        let opened = open(&config, Box::new(machine), &seams).await?;
        let Opened { log, snapshots, machine } = opened;
        found(&config, &log).await?;
        let failure = watch::Sender::new(None);
        let published = watch::Sender::new(None);
        let seen = published.subscribe();
        let state = StateMachine::new(machine, snapshots.clone(), published, failure.clone());
        let links = Links {
            net: seams.net.clone(),
            group: config.group.clone(),
            daemon: config.daemon,
            append_wait: Duration::from_millis(config.election_ms_max.saturating_mul(3)).max(APPEND_WAIT_MIN),
            snapshot_idle: config.limits.snapshot_idle,
        };
        let storage = Storage { log: log.clone(), message_bytes_max: config.limits.message_bytes_max };
        let engine = engine_config(&config)?;
        // The engine's own choices, such as election times, follow from one number of ours.
        let starting = Raft::new(config.daemon, Arc::new(engine), links.clone(), storage, state);
        let raft = Runtime::scope(seams.random.number(), starting).await;
        let raft = raft.map_err(|error| StartError::State(error.to_string()))?;
        let replica = Arc::new(Replica {
            forwards: Semaphore::new(config.limits.forwards_in_flight_max),
            config,
            raft,
            links,
            log,
            snapshots,
            published: seen.clone(),
            leadership: watch::Sender::new(Leadership::default()),
            failure,
            disk: watch::Sender::new(DiskCondition::default()),
            full: AtomicBool::new(false),
            astray: AtomicUsize::new(0),
            pulse: Pulse::default(),
            closing: watch::Sender::new(false),
            resting: watch::Sender::new(false),
            receiving: tokio::sync::Mutex::new(()),
            clock: seams.clock,
            random: seams.random,
        });
        let group = Self { inner: Arc::new(Inner::start(replica, seen)) };
        group.stand_first().await;
        Ok(group)
    }

    /// Proposes a command. Answers when it is durable on a majority and applied on the leader, which may be another
    /// daemon. The order among callers is free.
    ///
    /// # Errors
    /// See [`ProposeError`]: each says whether the command may still be applied.
    pub async fn propose(&self, command: Bytes) -> Result<Proposed, ProposeError> {
        let replica = &self.inner.replica;
        let begun = replica.clock.monotonic();
        let proposed = self.carry_out(command).await;
        replica.log.measures().proposed(replica.clock.monotonic().saturating_sub(begun), &proposed);
        proposed
    }

    async fn carry_out(&self, command: Bytes) -> Result<Proposed, ProposeError> {
        let bytes_max = self.inner.replica.config.limits.command_bytes_max;
        if command.len() > bytes_max {
            return Err(ProposeError::TooLarge { bytes: command.len(), bytes_max });
        }
        let (answer, outcome) = oneshot::channel();
        self.inner.proposals.try_send(Proposal { command, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ProposeError::Busy,
            mpsc::error::TrySendError::Closed(_) => ProposeError::ShuttingDown,
        })?;
        let gone = |_gone| ProposeError::Unknown { why: "this replica stopped on the way".to_owned() };
        outcome.await.map_err(gone)?
    }

    /// Returns when this replica shows everything that was acknowledged anywhere before the call. Callers at the same
    /// time share one round to the leader; a sole voter needs none. The index is the one that was waited for.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read_index(&self) -> Result<LogIndex, ReadError> {
        if self.inner.replica.is_closing() {
            return Err(ReadError::ShuttingDown);
        }
        if let Some(index) = self.inner.replica.sole_read_index() {
            return Ok(index);
        }
        let replica = &self.inner.replica;
        let begun = replica.clock.monotonic();
        let index = self.ask_index().await;
        replica.log.measures().read(replica.clock.monotonic().saturating_sub(begun), &index);
        index
    }

    async fn ask_index(&self) -> Result<LogIndex, ReadError> {
        let (waiter, index) = oneshot::channel();
        self.inner.reads.try_send(waiter).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ReadError::Busy,
            mpsc::error::TrySendError::Closed(_) => ReadError::ShuttingDown,
        })?;
        let index = index.await.map_err(|_gone| ReadError::ShuttingDown)??;
        self.inner.replica.applied(index).await?;
        Ok(index)
    }

    /// Waits until this replica shows the state after the index.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn applied(&self, index: LogIndex) -> Result<(), ReadError> {
        self.inner.replica.applied(index).await
    }

    /// Carries out what another replica asks for; the transport hands it in and sends the answer back. `from` is who the
    /// transport has proved the sender to be. Never fails: what cannot be understood gets an answer that says so.
    ///
    /// The log need not name the sender, so it is the transport's to let through only daemons that belong to this group: one
    /// of another group of the same name, as that which a restored group has replaced, could take this one over.
    pub async fn receive_call(&self, from: DaemonId, request: Bytes) -> Bytes {
        serve::call(&self.inner.replica, from, request).await
    }

    /// Receives what a leader uploads. The body goes to a file as it arrives.
    pub async fn receive_upload(&self, from: DaemonId, head: Bytes, body: Box<dyn AsyncRead + Send + Unpin>) -> Bytes {
        serve::upload(&self.inner.replica, from, head, body).await
    }

    /// Whether the newest membership that this replica knows, or the committed one, names the daemon.
    #[must_use]
    pub fn names(&self, daemon: DaemonId) -> bool {
        self.inner.replica.is_member(daemon)
    }

    /// The state of this replica now.
    #[must_use]
    pub fn status(&self) -> GroupStatus {
        let replica = &self.inner.replica;
        let extent = replica.log.extent();
        let published = *replica.published.borrow();
        let snapshot = replica.snapshots.current();
        replica.with_metrics(|metrics| {
            let membership = metrics.membership_config.membership();
            let index = |id: Option<LogId>| id.map(|id| LogIndex(id.index));
            GroupStatus {
                group: replica.config.group.clone(),
                daemon: replica.config.daemon,
                role: role(metrics.state),
                leader: metrics.current_leader,
                term: Term(metrics.current_term),
                last_log: index(extent.last),
                committed: index(metrics.local_committed),
                applied: index(published),
                snapshot: snapshot.as_ref().and_then(|current| index(current.meta.last_log_id)),
                snapshot_bytes: snapshot.as_ref().map_or(0, |current| current.bytes),
                voters: membership.voter_ids().collect(),
                voter_sets: membership.get_joint_config().clone(),
                learners: membership.learner_ids().collect(),
                followers: followers(metrics, extent.last, &replica.config),
                log_bytes: extent.disk_bytes,
                disk: *replica.disk.borrow(),
                log_waiting_bytes: replica.log.waiting_bytes() as u64,
            }
        })
    }

    /// Writes what the group counts, and where it stands.
    pub fn write_metrics(&self, out: &mut Exposition) {
        let replica = &self.inner.replica;
        replica.log.measures().write(out, &self.status(), replica.snapshots.written.value());
    }

    /// How the disk of the log does, and every change of it.
    #[must_use]
    pub fn disk(&self) -> watch::Receiver<DiskCondition> {
        self.inner.replica.disk.subscribe()
    }

    /// Says whether the disk has room. While it has none, this replica takes no entries, and leads only if no other can.
    pub fn set_disk_full(&self, is_full: bool) {
        self.inner.replica.full.store(is_full, Ordering::Relaxed);
    }

    /// Beats while the group's own loop lives.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.inner.replica.pulse.clone()
    }

    /// Returns when the consensus engine has answered a question. An engine that waits for its disk does not.
    pub async fn engine_answers(&self) -> bool {
        self.inner.replica.raft.with_raft_state(|_state| ()).await.is_ok()
    }

    /// Who leads, and every change of it.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.inner.replica.leadership.subscribe()
    }

    /// Becomes `Some` when the replica has stopped for good: a failed write or sync, a damaged log, a panic in the state
    /// machine. The daemon must exit with an error; what it did not acknowledge may or may not have happened.
    #[must_use]
    pub fn failure(&self) -> watch::Receiver<Option<Failure>> {
        self.inner.replica.failure.subscribe()
    }

    /// Takes a snapshot soon, whatever the size of the log. [`Group::status`] shows when it is there.
    pub async fn take_snapshot(&self) {
        // Fails only when the group has stopped; then there is nothing to take.
        drop(self.inner.replica.raft.trigger().snapshot().await);
    }

    /// Hands leadership over, if this replica has it and another voter can take it; then stops. What was acknowledged is
    /// durable in any case. When it returns, no task of the group is left and its files are closed.
    pub async fn shutdown(&self) {
        let replica = &self.inner.replica;
        if replica.failure.borrow().is_none() {
            self.hand_over().await;
        }
        replica.closing.send_replace(true);
        let tasks = lock(&self.inner.tasks).take();
        if let Some(mut tasks) = tasks {
            while tasks.join_next().await.is_some() {}
        }
        if replica.raft.shutdown().await.is_err() {
            tracing::warn!("the consensus engine did not end cleanly");
        }
        replica.snapshots.stop().await;
        let mut machine = self.inner.machine_dropped.clone();
        while machine.changed().await.is_ok() {}
        replica.log.end().await;
    }

    pub(crate) fn replica(&self) -> &Arc<Replica> {
        &self.inner.replica
    }

    /// A sole voter elects itself at once. Any other voter asks at once whether it would be elected, so that a group whose
    /// daemons start together need not wait for an election time; the pre-vote disturbs nobody who has a leader.
    async fn stand_first(&self) {
        let replica = &self.inner.replica;
        // Until its first report the engine shows a group without members.
        drop(tokio::time::timeout(FIRST_REPORT_WAIT, self.first_report()).await);
        let is_sole = replica.with_metrics(|metrics| replica.is_sole_voter(metrics));
        let is_voter = self.status().voters.contains(&replica.config.daemon);
        if is_voter && replica.raft.trigger().elect(!is_sole).await.is_err() {
            tracing::warn!("the consensus engine stopped at once");
        }
    }

    /// Returns when the engine shows its members, or has ended.
    async fn first_report(&self) {
        let mut metrics = self.inner.replica.raft.metrics();
        loop {
            let is_there = {
                let shown = metrics.borrow_watched();
                shown.running_state.is_err() || shown.membership_config.voter_ids().next().is_some()
            };
            if is_there || metrics.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Inner {
    fn start(replica: Arc<Replica>, machine_dropped: watch::Receiver<Option<LogId>>) -> Self {
        let limits = &replica.config.limits;
        let (proposals, proposed) = mpsc::channel(limits.proposals_waiting_max);
        let (reads, waiting) = mpsc::channel(limits.reads_waiting_max);
        let mut tasks = JoinSet::new();
        tasks.spawn(propose::run(replica.clone(), proposed));
        tasks.spawn(read::run(replica.clone(), waiting));
        tasks.spawn(keep::follow(replica.clone()));
        tasks.spawn(keep::watch_leader(replica.clone()));
        tasks.spawn(disk_watch::run(replica.clone()));
        Self { replica, proposals, reads, tasks: std::sync::Mutex::new(Some(tasks)), machine_dropped }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.replica.closing.send_replace(true);
        self.replica.log.abandon();
    }
}

struct Opened {
    log: Log,
    snapshots: Arc<Snapshots>,
    machine: Box<dyn Machine>,
}

async fn open(config: &GroupConfig, mut machine: Box<dyn Machine>, seams: &Seams) -> Result<Opened, StartError> {
    let (config, disk) = (config.clone(), seams.disk.clone());
    let [salt, ..] =
        [seams.random.number()].map(u64::to_le_bytes).map(|bytes| [bytes[0], bytes[1], bytes[2], bytes[3]]);
    let opening = work(&*seams.disk, move || {
        let directory = config.directory.clone();
        disk.create_directory(&directory).map_err(|error| StartError::disk("create", &directory, error))?;
        let snapshots = Snapshots::open(disk.clone(), &directory, config.group.clone(), &mut *machine)?;
        let identity = Identity { group: config.group.clone(), daemon: config.daemon };
        let log = Log::open(disk, &directory, identity, &config.limits, u32::from_le_bytes(salt))?;
        agree(&directory, &log, &snapshots).inspect_err(|_error| log.close())?;
        Ok(Opened { log, snapshots: Arc::new(snapshots), machine })
    });
    opening.await.unwrap_or_else(|panic| Err(StartError::State(panic.to_string())))
}

/// Log and snapshot must fit together: what the log has dropped must be in the snapshot.
fn agree(directory: &Path, log: &Log, snapshots: &Snapshots) -> Result<(), StartError> {
    let snapshot = snapshots.current().and_then(|current| current.meta.last_log_id);
    let extent = log.extent();
    let damaged = |what: String| {
        let (path, directory) = (directory.to_owned(), directory.to_owned());
        Err(StartError::Damaged { path, offset: 0, what, directory })
    };
    if snapshot.is_some() && log.is_fresh() {
        return damaged("there is a snapshot but no log, so this daemon's votes are lost".to_owned());
    }
    if extent.purged > snapshot {
        let (purged, reaches) = (extent.purged.next_index(), snapshot.next_index());
        return damaged(format!("the log begins with entry {purged}, but the snapshot ends before entry {reaches}"));
    }
    Ok(())
}

/// Writes the first entry of a new group: the membership. It is the same on every founder, so it needs no leader.
async fn found(config: &GroupConfig, log: &Log) -> Result<(), StartError> {
    if !log.is_fresh() || !config.voters.contains(&config.daemon) {
        return Ok(());
    }
    let membership = Membership::new(vec![config.voters.clone()], config.voters.clone());
    let membership = membership.map_err(|error| StartError::Configuration(error.to_string()))?;
    let entry = Entry { log_id: log_id(0, 0), payload: Payload::Membership(membership) };
    let (done, durable) = Kind::oneshot();
    let written = async {
        log.append(std::iter::once(entry), IOFlushed::signal(done)).await?;
        durable.await.unwrap_or_else(|_gone| Err(std::io::Error::other("the log has stopped")))
    };
    written.await.map_err(|error| StartError::disk("write the log in", &config.directory, error))
}

fn engine_config(config: &GroupConfig) -> Result<Config, StartError> {
    let engine = Config {
        cluster_name: config.group.to_string(),
        heartbeat_interval: config.heartbeat_ms,
        election_timeout_min: config.election_ms_min,
        election_timeout_max: config.election_ms_max,
        // Snapshots and purges are asked for by `keep`, which counts bytes instead of entries.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX,
        max_payload_entries: 1024,
        api_channel_size: Some(4096),
        notification_channel_size: Some(4096),
        enable_pre_vote: Some(true),
        // A restarted leader may have lost entries that it had not synced but had sent: leading on in the same term, it
        // would give their indexes and term to other entries.
        enable_leader_restore: Some(false),
        broadcast_submitted_on_append: Some(true),
        // A leader whom no majority answers falls silent for this long, by turns: those who hear it, though it does not
        // hear them, elect another. Twice the longest election time is a lease that runs out and a wait that is drawn.
        quorum_loss_probe_interval: Some(config.election_ms_max.saturating_mul(2)),
        // A link that is down fails at once, so trying again soon costs nothing.
        backoff: "20ms 50ms ...200ms".to_owned(),
        ..Config::default()
    };
    engine.validate().map_err(|error| StartError::Configuration(error.to_string()))
}

fn role(state: ServerState) -> Role {
    match state {
        ServerState::Leader => Role::Leader,
        ServerState::Follower => Role::Follower,
        ServerState::Candidate => Role::Candidate,
        ServerState::Learner => Role::Learner,
        ServerState::Shutdown => Role::Stopped,
    }
}

fn followers(
    metrics: &RaftMetrics<Kind>,
    last: Option<LogId>,
    config: &GroupConfig,
) -> BTreeMap<DaemonId, FollowerStatus> {
    let (here, live_max) = (config.daemon, Duration::from_millis(2 * config.election_ms_max));
    let followers = metrics.replication.iter().flatten().filter(|(daemon, _)| **daemon != here);
    let heard = |daemon: &DaemonId| metrics.heartbeat.as_ref()?.get(daemon).copied().flatten();
    let status = |daemon: &DaemonId, matched: Option<LogId>| {
        let heard = heard(daemon).map(|heard| heard.elapsed());
        FollowerStatus {
            matched: matched.map(|id| LogIndex(id.index)),
            lag: last.next_index().saturating_sub(matched.next_index()),
            heard,
            is_live: heard.is_some_and(|heard| heard <= live_max),
        }
    };
    followers.map(|(daemon, matched)| (*daemon, status(daemon, *matched))).collect()
}

/// Entries may be many and disks slow: a follower that still writes is not asked to begin again. Never shorter than it takes
/// to elect another leader: entries are a sign of life, so one that hears no answers must not repeat them sooner.
const APPEND_WAIT_MIN: Duration = Duration::from_millis(800);
/// The engine reports within milliseconds of its start; a replica that is no member yet shows nobody, and need not wait.
const FIRST_REPORT_WAIT: Duration = Duration::from_millis(500);
