//! What all parts of a running group share, and the questions that they ask it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hanse_base::clock::Clock;
use hanse_base::id::{DaemonId, LogIndex, Term};
use hanse_base::mutant::Mutant;
use hanse_base::pulse::Pulse;
use hanse_base::random::Random;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{ClientWriteError, LinearizableReadError, RaftError};
use openraft::{LogIdOptionExt, Raft, RaftMetrics, ReadPolicy, ServerState};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::GroupConfig;
use crate::consensus::{Commands, Kind, LogId, Outcomes};
use crate::error::{Failure, ProposeError, ReadError};
use crate::log::Log;
use crate::network::Links;
use crate::snapshots::Snapshots;
use crate::state::StateMachine;
use crate::status::{DiskCondition, Leadership};

/// A running replica.
pub(crate) struct Replica {
    pub(crate) config: GroupConfig,
    pub(crate) raft: Raft<Kind, StateMachine>,
    pub(crate) links: Links,
    pub(crate) log: Log,
    pub(crate) snapshots: Arc<Snapshots>,
    /// Up to where readers see the log applied.
    pub(crate) published: watch::Receiver<Option<LogId>>,
    pub(crate) leadership: watch::Sender<Leadership>,
    pub(crate) failure: watch::Sender<Option<Failure>>,
    /// Set once, when the replica stops.
    pub(crate) closing: watch::Sender<bool>,
    /// Whether this replica is all there is of its group, and leads it: nobody needs to hear that it lives.
    pub(crate) resting: watch::Sender<bool>,
    /// How the disk does; see [`crate::disk_watch`].
    pub(crate) disk: watch::Sender<DiskCondition>,
    /// Whether it was said to be full.
    pub(crate) full: AtomicBool,
    /// Tries that went to a replica which does not lead, while this one cannot know who does.
    pub(crate) astray: AtomicUsize,
    /// Beats while the loop beside the disk lives.
    pub(crate) pulse: Pulse,
    pub(crate) forwards: Semaphore,
    /// Held while a snapshot is received.
    pub(crate) receiving: tokio::sync::Mutex<()>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

/// Where the leader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Here,
    There(DaemonId),
    Nowhere,
}

/// How a try to write ended.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// It was applied.
    Done { index: u64, outcomes: Vec<bytes::Bytes> },
    /// It certainly was not and will not be applied: try again.
    Again,
    /// It may have been or may be applied.
    Unknown(String),
}

impl Replica {
    pub(crate) fn with_metrics<T>(&self, ask: impl FnOnce(&RaftMetrics<Kind>) -> T) -> T {
        ask(&self.raft.metrics().borrow_watched())
    }

    pub(crate) fn route(&self) -> Route {
        let here = self.config.daemon;
        let condition = *self.disk.borrow();
        self.with_metrics(|metrics| {
            if condition == DiskCondition::Stalled && !self.is_sole_voter(metrics) {
                return self.detour(metrics);
            }
            match (metrics.state, metrics.current_leader) {
                (ServerState::Leader, _) => Route::Here,
                (_, Some(leader)) if leader != here => Route::There(leader),
                _ => Route::Nowhere,
            }
        })
    }

    /// Where a replica sends its callers that cannot lead itself, and may be the last to hear who does: to the leader that
    /// it has heard of, and then to one voter after the other.
    fn detour(&self, metrics: &RaftMetrics<Kind>) -> Route {
        let mut others: Vec<DaemonId> =
            metrics.membership_config.voter_ids().filter(|voter| *voter != self.config.daemon).collect();
        others.sort_by_key(|voter| Some(*voter) != metrics.current_leader);
        let at = self.astray.load(Ordering::Relaxed) % others.len().max(1);
        others.get(at).map_or(Route::Nowhere, |voter| Route::There(*voter))
    }

    /// Notes that the last route led to nobody who could help.
    pub(crate) fn went_astray(&self) {
        if *self.disk.borrow() == DiskCondition::Stalled {
            self.astray.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Why a write cannot even be tried: the disk here is in trouble, and there is nobody else to write to.
    pub(crate) fn hindrance(&self) -> Option<ProposeError> {
        let condition = *self.disk.borrow();
        let is_sole = || self.with_metrics(|metrics| self.is_sole_voter(metrics));
        match condition {
            DiskCondition::Stalled if is_sole() => Some(ProposeError::DiskStalled),
            DiskCondition::Full if self.route() == Route::Here => Some(ProposeError::DiskFull),
            DiskCondition::Working | DiskCondition::Stalled | DiskCondition::Full => None,
        }
    }

    /// The current leadership, read from openraft.
    pub(crate) fn leadership_now(&self) -> Leadership {
        self.with_metrics(|metrics| Leadership { leader: metrics.current_leader, term: Term(metrics.current_term) })
    }

    /// Whether the newest or the committed membership names the daemon.
    pub(crate) fn is_member(&self, daemon: DaemonId) -> bool {
        self.with_metrics(|metrics| {
            metrics.membership_config.membership().get_node(&daemon).is_some()
                || metrics.committed_membership_config.membership().get_node(&daemon).is_some()
        })
    }

    /// Whether this replica alone is all the voters there are.
    pub(crate) fn is_sole_voter(&self, metrics: &RaftMetrics<Kind>) -> bool {
        let only = |voters: &BTreeSet<DaemonId>| voters.len() == 1 && voters.contains(&self.config.daemon);
        let sets = metrics.membership_config.membership().get_joint_config();
        sets.len() == 1 && sets.iter().all(only)
    }

    /// Lets the engine's timer stand still while this replica is all there is of its group and leads it, so that an idle
    /// daemon sleeps; and go on as soon as there is somebody else.
    pub(crate) fn rest_or_wake(&self) {
        let rests = self.with_metrics(|metrics| {
            metrics.state == ServerState::Leader
                && self.is_sole_voter(metrics)
                && metrics.membership_config.membership().learner_ids().next().is_none()
        });
        if self.resting.send_if_modified(|resting| std::mem::replace(resting, rests) != rests) {
            self.raft.runtime_config().tick(!rests);
        }
    }

    /// The index for a read, where it needs no round: a sole voter that leads has applied everything that it ever
    /// acknowledged, once it has applied an entry of its own term.
    pub(crate) fn sole_read_index(&self) -> Option<LogIndex> {
        let published = *self.published.borrow();
        let is_ready = self.with_metrics(|metrics| {
            metrics.state == ServerState::Leader
                && self.is_sole_voter(metrics)
                && published.is_some_and(|id| id.leader_id.term == metrics.current_term)
        });
        published.filter(|_id| is_ready).map(|id| LogIndex(id.index))
    }

    /// The index for a read, when this replica leads: asks a majority whether it still does.
    pub(crate) async fn leader_read_index(&self) -> Option<LogIndex> {
        if Mutant::ReadWithoutQuorum.lives() {
            return self.published.borrow().map(|id| LogIndex(id.index));
        }
        // An engine that waits for its disk does not answer at all.
        let wait = Duration::from_millis(self.config.election_ms_max * 2);
        let answer = timeout(wait, self.raft.get_read_linearizer(ReadPolicy::ReadIndex)).await.ok()?;
        match answer {
            Ok(linearizer) => Some(LogIndex(linearizer.read_log_id().index())),
            Err(RaftError::APIError(
                LinearizableReadError::ForwardToLeader(_) | LinearizableReadError::QuorumNotEnough(_),
            ))
            | Err(RaftError::Fatal(_)) => None,
        }
    }

    /// Writes as the leader and waits until the entry is applied.
    pub(crate) async fn write(&self, commands: Commands) -> Attempt {
        if self.is_closing() {
            return Attempt::Again;
        }
        if self.hindrance().is_some() {
            return Attempt::Again;
        }
        let wait = self.config.limits.outcome_wait;
        let write = self.unless_closing(timeout(wait, self.raft.client_write(commands)));
        let write = tokio::select! {
            write = write => write,
            () = self.given_up() => {
                return Attempt::Unknown("the leader's disk does not answer, and another replica may lead".to_owned());
            }
        };
        let Some(write) = write else { return Attempt::Unknown("this replica stopped on the way".to_owned()) };
        match write {
            Ok(Ok(response)) => {
                let Outcomes(outcomes) = response.data;
                Attempt::Done { index: response.log_id.index, outcomes }
            }
            Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_)))) => Attempt::Again,
            Ok(Err(error)) => Attempt::Unknown(error.to_string()),
            Err(_elapsed) => Attempt::Unknown(format!("not applied within {} ms", wait.as_millis())),
        }
    }

    /// Ends some time after this replica has given up leading because of its disk: what was on its way and is not answered by
    /// then will be answered by nobody here.
    async fn given_up(&self) {
        let mut disk = self.disk.subscribe();
        loop {
            // An error means that the replica is gone.
            drop(disk.wait_for(|condition| *condition == DiskCondition::Stalled).await);
            tokio::time::sleep(self.links.append_wait).await;
            let is_sole = self.with_metrics(|metrics| self.is_sole_voter(metrics));
            if *disk.borrow() == DiskCondition::Stalled && !is_sole {
                return;
            }
        }
    }

    /// Does something, but not much longer than until the replica stops.
    pub(crate) async fn unless_closing<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut closing = self.closing.subscribe();
        let grace = self.links.append_wait;
        tokio::select! {
            done = work => Some(done),
            () = async {
                // An error means that the replica is gone.
                drop(closing.wait_for(|closing| *closing).await);
                tokio::time::sleep(grace).await;
            } => None,
        }
    }

    /// Waits until readers see the index.
    pub(crate) async fn applied(&self, index: LogIndex) -> Result<(), ReadError> {
        let mut published = self.published.clone();
        if published.borrow().next_index() > index.0 {
            return Ok(());
        }
        let mut closing = self.closing.subscribe();
        let wait = self.config.limits.outcome_wait;
        tokio::select! {
            seen = published.wait_for(|seen| seen.next_index() > index.0) => {
                seen.map(|_seen| ()).map_err(|_stopped| ReadError::ShuttingDown)
            }
            _ = closing.wait_for(|closing| *closing) => Err(ReadError::ShuttingDown),
            () = tokio::time::sleep(wait) => Err(ReadError::Behind { waited: wait }),
        }
    }

    /// Waits a little, or until another leader is known. False when the deadline is over or the replica stops.
    pub(crate) async fn may_retry(&self, known: &mut watch::Receiver<Leadership>, deadline: Instant) -> bool {
        let pause = Duration::from_millis(self.config.heartbeat_ms.div_ceil(2));
        let mut closing = self.closing.subscribe();
        let waited = timeout_at(deadline, async {
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => false,
                changed = known.changed() => changed.is_ok(),
                () = tokio::time::sleep(pause) => true,
            }
        });
        waited.await.unwrap_or(false)
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }
}
