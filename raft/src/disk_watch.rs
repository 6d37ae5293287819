//! Watches the disk of the log from beside it: a replica whose disk does not answer must not lead.
//!
//! A sync that hangs gives no error. The leader's part goes on without it for a while (a majority can be others), then its
//! queue is full and everything stands still, while followers that hear heartbeats wait. So, when the thread that writes the
//! log has been at one job for longer than the bound, this replica gives leadership to a voter that is well; stops its
//! heartbeats and its candidacy; refers its own callers to the others; and takes its part up again when the disk answers.
//!
//! openraft itself waits for the disk when it has a vote to store. Until then its reports are old: that is why routes ask
//! [`Replica::disk`] first.
//!
//! A disk that is full is told from outside ([`crate::group::Group::set_disk_full`]). Then no entries are taken, so that what
//! is left is there for votes and for what makes room; a leader stays one, for reads, if no other voter has room.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hanse_base::id::DaemonId;
use openraft::ServerState;
use tokio::time::timeout;

use crate::frame::{Answer, Request};
use crate::replica::Replica;
use crate::status::DiskCondition;

/// Looks at the disk until the replica stops.
pub(crate) async fn run(replica: Arc<Replica>) {
    let bound = replica.config.stall_bound();
    let pause = bound / LOOKS_PER_BOUND;
    let mut closing = replica.closing.subscribe();
    let mut watch = Watch { at: None, looked: replica.clock.monotonic(), bound, pause };
    let mut tried = None;
    loop {
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return,
            () = tokio::time::sleep(pause) => {}
        }
        replica.pulse.beat();
        let now = replica.clock.monotonic();
        let stalled = watch.look(replica.log.working_on(), now);
        let condition = match (stalled, replica.is_full()) {
            (true, _) => DiskCondition::Stalled,
            (false, true) => DiskCondition::Full,
            (false, false) => DiskCondition::Working,
        };
        let before = replica.disk.send_replace(condition);
        if before != condition {
            turned(&replica, before, condition).await;
            tried = None;
        }
        // A voter that is well may come later than the trouble.
        let is_due = tried.is_none_or(|tried| now.saturating_sub(tried) >= bound);
        if condition != DiskCondition::Working && is_due {
            if let Some(to) = step_down(&replica).await
                && tried.is_none()
            {
                tracing::warn!(group = %replica.config.group, %to, "leadership is offered to another replica, because of the disk here");
            }
            tried = Some(now);
        }
    }
}

/// How far the thread that writes the log is: it is at a job while it has begun more than it has ended.
#[derive(Debug, Default)]
pub(crate) struct Toil {
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Toil {
    /// The thread begins with what may take long.
    pub(crate) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Release);
    }

    /// It is done with it.
    pub(crate) fn end(&self) {
        self.ended.fetch_add(1, Ordering::Release);
    }

    /// The number of the job that it is at.
    pub(crate) fn at(&self) -> Option<u64> {
        let ended = self.ended.load(Ordering::Acquire);
        let begun = self.begun.load(Ordering::Acquire);
        (begun != ended).then_some(begun)
    }
}

/// What was seen of the thread that writes.
struct Watch {
    /// The job that it is at, and since when that is known.
    at: Option<(u64, Duration)>,
    looked: Duration,
    bound: Duration,
    pause: Duration,
}

impl Watch {
    /// Whether the thread has been at one job for too long.
    fn look(&mut self, job: Option<u64>, now: Duration) -> bool {
        let slept = now.saturating_sub(std::mem::replace(&mut self.looked, now));
        // Who was stopped or starved himself cannot say that it was the disk.
        let is_fresh = slept > self.pause * LATE_LOOKS;
        self.at = match (job, self.at) {
            (None, _) => None,
            (Some(job), Some((known, since))) if job == known && !is_fresh => Some((job, since)),
            (Some(job), _) => Some((job, now)),
        };
        self.at.is_some_and(|(_, since)| now.saturating_sub(since) >= self.bound - self.pause)
    }
}

async fn turned(replica: &Replica, before: DiskCondition, condition: DiskCondition) {
    let group = &replica.config.group;
    let may_lead = condition != DiskCondition::Stalled;
    let settings = replica.raft.runtime_config();
    settings.elect(may_lead);
    settings.heartbeat(may_lead);
    match condition {
        DiskCondition::Stalled => {
            replica.log.measures().stalls.count();
            let bound_ms = u64::try_from(replica.config.stall_bound().as_millis()).unwrap_or(u64::MAX);
            tracing::error!(%group, bound_ms, "the disk of the log does not answer; this replica gives its part up until it does");
        }
        DiskCondition::Full => {
            tracing::error!(%group, "the disk is full: no entries are taken until there is room");
        }
        DiskCondition::Working => tracing::warn!(%group, ?before, "the disk of the log works again"),
    }
    if before == DiskCondition::Stalled
        && is_leader(replica)
        && !replica.with_metrics(|metrics| replica.is_sole_voter(metrics))
    {
        // Nobody has taken over. A leader that has offered its place writes no more: it must be elected anew.
        drop(timeout(ENGINE_WAIT, replica.raft.trigger().elect(true)).await);
    }
}

fn is_leader(replica: &Replica) -> bool {
    replica.with_metrics(|metrics| metrics.state == ServerState::Leader)
}

/// Offers leadership to the voter that holds most of the log, of those that say that they are well; tells to whom.
async fn step_down(replica: &Replica) -> Option<DaemonId> {
    if !is_leader(replica) {
        return None;
    }
    let mut others: Vec<(DaemonId, u64)> = replica.with_metrics(|metrics| {
        let matched = |daemon: &DaemonId| metrics.replication.as_ref()?.get(daemon).copied().flatten();
        let voters = metrics.membership_config.voter_ids().filter(|voter| *voter != replica.config.daemon);
        voters.map(|voter| (voter, matched(&voter).map_or(0, |id| id.index))).collect()
    });
    others.sort_by_key(|(_, matched)| std::cmp::Reverse(*matched));
    let wait = Duration::from_millis(replica.config.heartbeat_ms.max(50));
    for (voter, _) in others {
        let answer = replica.links.ask(voter, &Request::Ping, wait).await;
        if matches!(answer, Ok(Answer::Done)) {
            drop(timeout(ENGINE_WAIT, replica.raft.trigger().transfer_leader(voter)).await);
            return Some(voter);
        }
    }
    None
}

/// How often the disk is looked at within the bound.
const LOOKS_PER_BOUND: u32 = 8;
/// A look that is late by so many pauses says more of this process than of the disk.
const LATE_LOOKS: u32 = 3;
/// How long the engine may take to hear an order; it may itself wait for the disk.
const ENGINE_WAIT: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Watch;

    fn watch() -> Watch {
        let ms = Duration::from_millis;
        Watch { at: None, looked: ms(0), bound: ms(800), pause: ms(100) }
    }

    #[test]
    fn one_job_that_takes_longer_than_the_bound_is_a_stall() {
        let mut watch = watch();
        let stalls = (1..=9_u64).map(|look| watch.look(Some(1), Duration::from_millis(look * 100)));
        assert_eq!(stalls.collect::<Vec<_>>(), [false, false, false, false, false, false, false, true, true]);
        assert!(!watch.look(Some(2), Duration::from_millis(1000)), "it goes on");
        assert!(!watch.look(None, Duration::from_millis(1100)), "it rests");
    }

    #[test]
    fn a_process_that_was_stopped_does_not_blame_the_disk() {
        let mut watch = watch();
        assert!(!watch.look(Some(1), Duration::from_millis(100)));
        assert!(!watch.look(Some(1), Duration::from_secs(60)));
        assert!(!watch.look(Some(1), Duration::from_millis(60_100)));
    }
}
