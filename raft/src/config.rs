//! What a group is told at start, and its limits.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use hanse_base::id::{DaemonId, GroupId};

use crate::error::StartError;

/// Configuration of one replica of a group.
#[derive(Debug, Clone)]
pub struct GroupConfig {
    /// The group.
    pub group: GroupId,
    /// This replica.
    pub daemon: DaemonId,
    /// Where log and snapshots are. Used by this replica alone; made when it does not exist.
    pub directory: PathBuf,
    /// The voters that found the group: the same on every daemon. Used when the directory is empty; later the log
    /// itself says who the members are. A daemon that is not among them starts empty, follows whom they elect, and waits to
    /// be added.
    pub voters: BTreeSet<DaemonId>,
    /// How often a leader shows that it lives.
    pub heartbeat_ms: u64,
    /// Shortest time without a leader before a follower stands for election. A random time between this and
    /// `election_ms_max` is drawn for each election.
    pub election_ms_min: u64,
    /// Longest such time, and the lease of a leader.
    pub election_ms_max: u64,
    /// Everything that is bounded.
    pub limits: Limits,
}

impl GroupConfig {
    /// A configuration with the defaults for daemons in one region.
    #[must_use]
    pub fn new(group: GroupId, daemon: DaemonId, directory: PathBuf, voters: BTreeSet<DaemonId>) -> Self {
        Self {
            group,
            daemon,
            directory,
            voters,
            heartbeat_ms: 100,
            election_ms_min: 400,
            election_ms_max: 800,
            limits: Limits::default(),
        }
    }

    /// How long the disk may be at one job before this replica gives its part up: about twice the longest election time.
    pub(crate) fn stall_bound(&self) -> Duration {
        Duration::from_millis(self.election_ms_max * 2).clamp(STALL_BOUND_MIN, STALL_BOUND_MAX)
    }

    pub(crate) fn check(&self) -> Result<(), StartError> {
        let wrong = |what: &str| Err(StartError::Configuration(what.to_owned()));
        if self.voters.is_empty() {
            return wrong("a group needs at least one voter");
        }
        if self.heartbeat_ms == 0 || self.election_ms_min < 2 * self.heartbeat_ms {
            return wrong("the shortest election time must be at least two heartbeats");
        }
        if self.election_ms_max <= self.election_ms_min {
            return wrong("the longest election time must be longer than the shortest");
        }
        let limits = &self.limits;
        if limits.command_bytes_max > COMMAND_BYTES_CEILING || limits.batch_bytes_max > COMMAND_BYTES_CEILING {
            return wrong("commands and batches may have at most 32 MiB");
        }
        if [limits.proposals_waiting_max, limits.batch_commands_max, limits.batches_in_flight_max].contains(&0)
            || [limits.reads_waiting_max, limits.rounds_in_flight_max, limits.forwards_in_flight_max].contains(&0)
        {
            return wrong("no limit may be zero");
        }
        Ok(())
    }
}

/// Every queue, buffer and wait of a group has a limit here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest command. A longer one is refused with `TooLarge`.
    pub command_bytes_max: usize,
    /// Most commands in one log entry.
    pub batch_commands_max: usize,
    /// Most bytes of commands in one log entry, unless a single command is longer.
    pub batch_bytes_max: usize,
    /// Most log entries of this replica's callers that are on their way at once. Fewer make larger batches.
    pub batches_in_flight_max: usize,
    /// Most proposals that wait to be put into an entry. More are refused with `Busy`.
    pub proposals_waiting_max: usize,
    /// Most batches of other daemons that this replica proposes at once when it leads. More are refused.
    pub forwards_in_flight_max: usize,
    /// Most reads that wait for a round to the leader. More are refused with `Busy`.
    pub reads_waiting_max: usize,
    /// Most rounds for reads on their way at once.
    pub rounds_in_flight_max: usize,
    /// How long a proposal or a read looks for a leader before it is refused.
    pub leader_wait: Duration,
    /// How long a proposal that was sent waits for its outcome before that is reported as unknown, and how long a read
    /// waits for the replica to catch up.
    pub outcome_wait: Duration,
    /// How long a snapshot may be on its way without progress.
    pub snapshot_idle: Duration,
    /// A new snapshot is taken when the log grew by this many bytes, and by the size of the last snapshot, since then.
    pub snapshot_log_bytes: u64,
    /// How much log stays behind a snapshot for followers that are a little behind.
    pub log_tail_bytes: u64,
    /// A new log file is begun when the last has this many bytes.
    pub segment_bytes_max: u64,
    /// Most bytes of recent entries in memory (entries that are not yet on disk may exceed it).
    pub cache_bytes_max: usize,
    /// Most bytes that wait to be written to the log; appending waits for room.
    pub queue_bytes_max: usize,
    /// Most bytes of entries in one message to a follower, unless a single entry is longer.
    pub message_bytes_max: usize,
}

impl Limits {
    /// The longest request or answer that a replica with these limits sends: what a transport must be able to carry.
    /// Snapshots are not limited.
    #[must_use]
    pub fn frame_bytes_max(&self) -> usize {
        let commands = self.command_bytes_max.max(self.batch_bytes_max);
        // The prefix of each command, the heads of up to 1024 entries, and the address.
        commands.max(self.message_bytes_max) + commands + 4 * self.batch_commands_max + (64 << 10)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_bytes_max: 8 << 20,
            batch_commands_max: 256,
            batch_bytes_max: 1 << 20,
            batches_in_flight_max: 4,
            proposals_waiting_max: 4096,
            forwards_in_flight_max: 64,
            reads_waiting_max: 16_384,
            rounds_in_flight_max: 4,
            leader_wait: Duration::from_secs(5),
            outcome_wait: Duration::from_secs(10),
            snapshot_idle: Duration::from_secs(30),
            snapshot_log_bytes: 64 << 20,
            log_tail_bytes: 16 << 20,
            segment_bytes_max: 16 << 20,
            cache_bytes_max: 16 << 20,
            queue_bytes_max: 64 << 20,
            message_bytes_max: 1 << 20,
        }
    }
}

/// A record of the log holds at most 64 MiB; this leaves room for what surrounds the commands.
const COMMAND_BYTES_CEILING: usize = 32 << 20;
/// A healthy disk under load can take a good part of a second.
const STALL_BOUND_MIN: Duration = Duration::from_secs(1);
/// Where elections are slow on purpose, callers are still told soon.
const STALL_BOUND_MAX: Duration = Duration::from_secs(4);
