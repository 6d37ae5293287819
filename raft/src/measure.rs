//! What a group counts of itself.

use std::time::{Duration, Instant};

use hanse_metrics::counter::{Counter, Counters};
use hanse_metrics::exposition::Exposition;
use hanse_metrics::histogram::{Histogram, SIZES};
use hanse_metrics::metric::Metric;

use crate::error::{ProposeError, ReadError};
use crate::status::{DiskCondition, GroupStatus, Role};

/// All that a replica counts, from its start on.
#[derive(Debug)]
pub(crate) struct Measures {
    /// How long one append to the log took, sync not included.
    pub(crate) appends: Histogram,
    /// How long one sync of the log took.
    pub(crate) syncs: Histogram,
    /// Bytes of one append.
    pub(crate) append_bytes: Histogram,
    /// From a proposal to its outcome.
    proposal_times: Histogram,
    proposals: Counters,
    /// From the question to the index, for reads that need a round.
    read_times: Histogram,
    reads: Counters,
    /// Changes of who leads that this replica has seen.
    pub(crate) leader_changes: Counter,
    /// Snapshots that were received from a leader.
    pub(crate) snapshots_received: Counter,
    /// How often the disk has not answered for longer than the bound.
    pub(crate) stalls: Counter,
}

const PROPOSED: [&str; 8] =
    ["done", "too-large", "busy", "no-leader", "shutting-down", "unknown", "disk-stalled", "disk-full"];
const READ: [&str; 5] = ["done", "busy", "no-leader", "behind", "shutting-down"];

impl Measures {
    pub(crate) fn new() -> Self {
        Self {
            appends: Histogram::of_durations(),
            syncs: Histogram::of_durations(),
            append_bytes: Histogram::new(SIZES),
            proposal_times: Histogram::of_durations(),
            proposals: Counters::new(PROPOSED.len()),
            read_times: Histogram::of_durations(),
            reads: Counters::new(READ.len()),
            leader_changes: Counter::default(),
            snapshots_received: Counter::default(),
            stalls: Counter::default(),
        }
    }

    pub(crate) fn proposed<T>(&self, took: Duration, result: &Result<T, ProposeError>) {
        self.proposal_times.observe_duration(took);
        let outcome = match result {
            Ok(_) => 0,
            Err(ProposeError::TooLarge { .. }) => 1,
            Err(ProposeError::Busy) => 2,
            Err(ProposeError::NoLeader { .. }) => 3,
            Err(ProposeError::ShuttingDown) => 4,
            Err(ProposeError::Unknown { .. }) => 5,
            Err(ProposeError::DiskStalled) => 6,
            Err(ProposeError::DiskFull) => 7,
        };
        self.proposals.at(outcome).count();
    }

    pub(crate) fn read<T>(&self, took: Duration, result: &Result<T, ReadError>) {
        self.read_times.observe_duration(took);
        let outcome = match result {
            Ok(_) => 0,
            Err(ReadError::Busy) => 1,
            Err(ReadError::NoLeader { .. }) => 2,
            Err(ReadError::Behind { .. }) => 3,
            Err(ReadError::ShuttingDown) => 4,
        };
        self.reads.at(outcome).count();
    }

    /// Writes all of it, and what the status says.
    pub(crate) fn write(&self, out: &mut Exposition, status: &GroupStatus, snapshots_written: u64) {
        write_status(out, status);
        let group = status.group.as_str();
        for (at, outcome) in PROPOSED.iter().enumerate() {
            out.sample(&PROPOSALS, &[group, outcome], self.proposals.at(at).value());
        }
        out.histogram(&PROPOSAL_TIMES, &[group], &self.proposal_times.observed());
        for (at, outcome) in READ.iter().enumerate() {
            out.sample(&READS, &[group, outcome], self.reads.at(at).value());
        }
        out.histogram(&READ_TIMES, &[group], &self.read_times.observed());
        out.histogram(&APPENDS, &[group], &self.appends.observed());
        out.histogram(&APPEND_BYTES, &[group], &self.append_bytes.observed());
        out.histogram(&SYNCS, &[group], &self.syncs.observed());
        out.sample(&LEADER_CHANGES, &[group], self.leader_changes.value());
        out.sample(&SNAPSHOTS, &[group, "written"], snapshots_written);
        out.sample(&SNAPSHOTS, &[group, "received"], self.snapshots_received.value());
        out.sample(&STALLS, &[group], self.stalls.value());
    }
}

fn write_status(out: &mut Exposition, status: &GroupStatus) {
    let group = status.group.as_str();
    for (role, name) in ROLES {
        out.sample(&ROLE, &[group, name], u64::from(status.role == role));
    }
    out.sample(&HAS_LEADER, &[group], u64::from(status.leader.is_some()));
    out.sample(&TERM, &[group], status.term.0);
    let indexes = [
        ("last", status.last_log),
        ("committed", status.committed),
        ("applied", status.applied),
        ("snapshot", status.snapshot),
    ];
    for (what, index) in indexes {
        out.sample(&INDEX, &[group, what], index.map_or(0, |index| index.0));
    }
    for (daemon, follower) in &status.followers {
        out.sample(&LAG, &[group, &daemon.to_string()], follower.lag);
    }
    out.sample(&BYTES, &[group, "log"], status.log_bytes);
    out.sample(&BYTES, &[group, "snapshot"], status.snapshot_bytes);
    out.sample(&WAITING, &[group], status.log_waiting_bytes);
    for condition in [DiskCondition::Working, DiskCondition::Stalled, DiskCondition::Full] {
        out.sample(&DISK, &[group, condition.as_str()], u64::from(status.disk == condition));
    }
    out.sample(&MEMBERS, &[group, "voter"], status.voters.len() as u64);
    out.sample(&MEMBERS, &[group, "learner"], status.learners.len() as u64);
}

/// Does something and tells how long it took.
pub(crate) fn timed<T>(histogram: &Histogram, act: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = act();
    histogram.observe_duration(begun.elapsed());
    done
}

const ROLES: [(Role, &str); 5] = [
    (Role::Leader, "leader"),
    (Role::Follower, "follower"),
    (Role::Candidate, "candidate"),
    (Role::Learner, "learner"),
    (Role::Stopped, "stopped"),
];

const ROLE: Metric =
    Metric::gauge("hanse_raft_role", &["group", "role"], "1 for what this replica is, 0 for the others");
const HAS_LEADER: Metric =
    Metric::gauge("hanse_raft_has_leader", &["group"], "1 when this replica knows who leads its group");
const TERM: Metric = Metric::gauge("hanse_raft_term", &["group"], "The newest term that this replica has heard of");
const INDEX: Metric = Metric::gauge(
    "hanse_raft_index",
    &["group", "of"],
    "Index of the `last` entry of the log, the last known to be `committed`, the last `applied`, and the last in the `snapshot`",
);
const LAG: Metric = Metric::gauge(
    "hanse_raft_follower_lag_entries",
    &["group", "daemon"],
    "Entries that another member is not known to hold durably; told by the leader only",
);
const BYTES: Metric =
    Metric::gauge("hanse_raft_disk_bytes", &["group", "of"], "Bytes of the log's and the snapshot's files");
const WAITING: Metric =
    Metric::gauge("hanse_raft_log_waiting_bytes", &["group"], "Bytes that wait to be written to the log");
const DISK: Metric = Metric::gauge(
    "hanse_raft_disk",
    &["group", "condition"],
    "1 for how the log's disk does: `working`, `stalled` (this replica does not lead), `full` (it takes no entries)",
);
const MEMBERS: Metric = Metric::gauge("hanse_raft_members", &["group", "kind"], "Voters and learners of the group");
const PROPOSALS: Metric = Metric::counter(
    "hanse_raft_proposals_total",
    &["group", "outcome"],
    "Commands proposed on this daemon; `unknown` ones may or may not have happened",
);
const PROPOSAL_TIMES: Metric = Metric::histogram(
    "hanse_raft_proposal_duration_seconds",
    &["group"],
    "From a proposal on this daemon to its outcome: waiting for a batch, the log on a majority, applying",
);
const READS: Metric = Metric::counter(
    "hanse_raft_reads_total",
    &["group", "outcome"],
    "Linearizable reads that asked the leader for an index; a sole voter's need none and are not counted",
);
const READ_TIMES: Metric = Metric::histogram(
    "hanse_raft_read_duration_seconds",
    &["group"],
    "From such a read's question until this replica shows the index",
);
const APPENDS: Metric = Metric::histogram(
    "hanse_raft_append_duration_seconds",
    &["group"],
    "One append to the log file, its sync not included",
);
const APPEND_BYTES: Metric = Metric::histogram("hanse_raft_append_bytes", &["group"], "Bytes of one append to the log");
const SYNCS: Metric =
    Metric::histogram("hanse_raft_sync_duration_seconds", &["group"], "One fdatasync of the log file");
const LEADER_CHANGES: Metric = Metric::counter(
    "hanse_raft_leader_changes_total",
    &["group"],
    "Changes of who leads, as this replica has seen them",
);
const SNAPSHOTS: Metric = Metric::counter(
    "hanse_raft_snapshots_total",
    &["group", "how"],
    "Snapshots that became durable here: written from the own state, or received from a leader",
);
const STALLS: Metric = Metric::counter(
    "hanse_raft_disk_stalls_total",
    &["group"],
    "How often the log's disk has not answered for so long that this replica gave its part up",
);

/// What a group counts, for the reference page.
pub const METRICS: [&Metric; 19] = [
    &ROLE,
    &HAS_LEADER,
    &TERM,
    &INDEX,
    &LAG,
    &BYTES,
    &WAITING,
    &DISK,
    &MEMBERS,
    &PROPOSALS,
    &PROPOSAL_TIMES,
    &READS,
    &READ_TIMES,
    &APPENDS,
    &APPEND_BYTES,
    &SYNCS,
    &LEADER_CHANGES,
    &SNAPSHOTS,
    &STALLS,
];
