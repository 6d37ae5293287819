//! What a replica does by itself: tells who leads, notices that it has failed, takes snapshots and drops old log, and
//! watches the link to the leader.

use std::sync::Arc;
use std::time::Duration;

use openraft::ServerState;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::Fatal;

use crate::error::Failure;
use crate::frame::Request;
use crate::replica::{Replica, Route};
use hanse_base::net::NetError;

/// How long a snapshot that was asked for may take before it is asked for again.
const SNAPSHOT_RETRY: Duration = Duration::from_secs(60);

/// Follows openraft's state until the replica stops.
pub(crate) async fn follow(replica: Arc<Replica>) {
    let mut metrics = replica.raft.metrics();
    let mut closing = replica.closing.subscribe();
    let mut log_failure = replica.log.failure();
    let mut keeper = SnapshotKeeper::new(&replica);
    loop {
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return,
            _ = log_failure.changed() => {
                if let Some(failure) = log_failure.borrow_and_update().clone() {
                    return fail(&replica, failure);
                }
            }
            changed = metrics.changed() => {
                let stopped = metrics.borrow_and_update().running_state.clone().err();
                // The log knows better than openraft why it could not write.
                let known = log_failure.borrow().clone();
                match (changed, stopped, known) {
                    (_, Some(_), Some(failure)) => return fail(&replica, failure),
                    (_, Some(Fatal::Stopped), None) | (Err(_), None, _) => {
                        return fail(&replica, Failure::new("the consensus engine ended"));
                    }
                    (_, Some(fatal), None) => return fail(&replica, Failure::new(&fatal.to_string())),
                    (Ok(()), None, _) => {}
                }
            }
        }
        let now = replica.leadership_now();
        let before = replica.leadership.borrow().leader;
        if before != now.leader && now.leader.is_some() {
            replica.log.measures().leader_changes.count();
        }
        replica.leadership.send_if_modified(|known| std::mem::replace(known, now) != now);
        replica.rest_or_wake();
        keeper.look(&replica).await;
    }
}

fn fail(replica: &Replica, failure: Failure) {
    if replica.is_closing() {
        return;
    }
    replica.failure.send_if_modified(|known| known.is_none() && known.replace(failure).is_none());
}

/// Decides when a snapshot is due and what of the log can go.
struct SnapshotKeeper {
    /// Index of the newest snapshot that was seen.
    seen: Option<u64>,
    /// Bytes that the log had after the snapshot when the replica started.
    inherited: u64,
    /// Bytes written when the newest snapshot was asked for.
    written_then: u64,
    /// When a snapshot was asked for that has not come yet.
    asked: Option<Duration>,
}

impl SnapshotKeeper {
    fn new(replica: &Replica) -> Self {
        let snapshot = replica.snapshots.current().and_then(|current| current.meta.last_log_id);
        let inherited = replica.log.bytes_after(snapshot.map_or(0, |id| id.index + 1));
        Self { seen: None, inherited, written_then: 0, asked: None }
    }

    async fn look(&mut self, replica: &Replica) {
        let (snapshot, applied) =
            replica.with_metrics(|metrics| (metrics.snapshot, metrics.last_applied.map(|applied| applied.index)));
        let snapshot = snapshot.map(|id| id.index);
        let limits = &replica.config.limits;
        if snapshot > self.seen
            && let Some(index) = snapshot
        {
            self.seen = snapshot;
            self.asked = None;
            if let Some(upto) = replica.log.purge_candidate(index, limits.log_tail_bytes) {
                // Fails only when openraft has stopped, which is noticed elsewhere. The same holds below.
                drop(replica.raft.trigger().purge_log(upto).await);
            }
        }
        let written = replica.log.extent().written_bytes;
        let grown = self.inherited + written.saturating_sub(self.written_then);
        let last_bytes = replica.snapshots.current().map_or(0, |current| current.bytes);
        let is_due = grown > limits.snapshot_log_bytes.max(last_bytes) && applied > snapshot;
        let now = replica.clock.monotonic();
        let is_asked = self.asked.is_some_and(|asked| now.saturating_sub(asked) < SNAPSHOT_RETRY);
        if is_due && !is_asked {
            self.asked = Some(now);
            (self.inherited, self.written_then) = (0, written);
            drop(replica.raft.trigger().snapshot().await);
        }
    }
}

/// Watches the link to the leader. When it dies, as it does at once when the leader's process does, this replica asks
/// for an election as soon as the leader's lease is over, instead of waiting an election time in addition.
pub(crate) async fn watch_leader(replica: Arc<Replica>) {
    let beat = Duration::from_millis(replica.config.heartbeat_ms);
    let mut closing = replica.closing.subscribe();
    let mut resting = replica.resting.subscribe();
    loop {
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return,
            () = async {
                // An error means that the replica is gone.
                drop(resting.wait_for(|resting| !*resting).await);
                tokio::time::sleep(beat).await;
            } => {}
        }
        let is_follower = replica.with_metrics(|metrics| metrics.state == ServerState::Follower);
        let Route::There(leader) = replica.route() else { continue };
        if !is_follower {
            continue;
        }
        let answer = tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return,
            answer = replica.links.ask(leader, &Request::Ping, beat) => answer,
        };
        if matches!(answer, Err(NetError::Unreachable { .. })) {
            // Not all followers at once: they would split the votes. The pre-vote changes nothing while the leader's
            // lease holds, here or at a majority.
            let apart = Duration::from_millis(replica.random.number() % replica.config.heartbeat_ms.max(1));
            tokio::time::sleep(apart).await;
            drop(replica.raft.trigger().elect(true).await);
        }
    }
}
