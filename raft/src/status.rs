//! What a replica tells about itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hanse_base::id::{DaemonId, GroupId, LogIndex, Term};

/// Who leads, as far as this replica knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The leader of the term, where it is known.
    pub leader: Option<DaemonId>,
    /// The newest term that this replica has heard of.
    pub term: Term,
}

/// What a replica does in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It proposes and replicates.
    Leader,
    /// It votes and follows.
    Follower,
    /// It stands for election.
    Candidate,
    /// It follows and has no vote.
    Learner,
    /// It has stopped.
    Stopped,
}

/// How the disk of the log does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DiskCondition {
    /// It answers in time.
    #[default]
    Working,
    /// It has been at one job for longer than the bound: this replica does not lead.
    Stalled,
    /// It has no room: this replica takes no entries.
    Full,
}

impl DiskCondition {
    /// One word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Stalled => "stalled",
            Self::Full => "full",
        }
    }
}

/// A follower, as the leader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowerStatus {
    /// The last entry that it is known to hold durably.
    pub matched: Option<LogIndex>,
    /// How many entries it lacks.
    pub lag: u64,
    /// How long ago it was heard; never since this replica leads, if there is none.
    pub heard: Option<Duration>,
    /// Whether it was heard within two of the longest election times: one that was not is not counted on.
    pub is_live: bool,
}

/// The state of a replica at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStatus {
    /// The group.
    pub group: GroupId,
    /// This replica.
    pub daemon: DaemonId,
    /// What it does.
    pub role: Role,
    /// Who leads.
    pub leader: Option<DaemonId>,
    /// The newest term that it has heard of.
    pub term: Term,
    /// The last entry of its log.
    pub last_log: Option<LogIndex>,
    /// Up to where it knows the log to be committed.
    pub committed: Option<LogIndex>,
    /// Up to where readers see the log applied.
    pub applied: Option<LogIndex>,
    /// Up to where its snapshot reaches.
    pub snapshot: Option<LogIndex>,
    /// Bytes of its snapshot file.
    pub snapshot_bytes: u64,
    /// The members that vote.
    pub voters: BTreeSet<DaemonId>,
    /// The sets of voters, each of which must agree by a majority: one, or two while a change is under way.
    pub voter_sets: Vec<BTreeSet<DaemonId>>,
    /// The members that do not.
    pub learners: BTreeSet<DaemonId>,
    /// The other members, on the leader; empty elsewhere.
    pub followers: BTreeMap<DaemonId, FollowerStatus>,
    /// Bytes of its log files.
    pub log_bytes: u64,
    /// How their disk does.
    pub disk: DiskCondition,
    /// Bytes that wait to be written to the log.
    pub log_waiting_bytes: u64,
}
