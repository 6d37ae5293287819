//! The types with which this room speaks to openraft, under short names.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::DaemonId;
use openraft::impls::{BoxedErrorSource, InlineBatch, ProgressResponder, leader_id_std};
use openraft::{EntryPayload, OptionalSend, RaftTypeConfig};
use openraft_rt::deterministic_rng::DeterministicRng;
use openraft_rt_tokio::TokioRuntime;
use serde::{Deserialize, Serialize};

/// openraft's runtime. Its randomness is that of the group's seam: a number that is given where the engine is started.
pub(crate) type Runtime = DeterministicRng<TokioRuntime>;

/// openraft's parameters: standard Raft (one leader for each term), entries that hold many commands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind;

impl RaftTypeConfig for Kind {
    type D = Commands;
    type R = Outcomes;
    type NodeId = DaemonId;
    type Node = ();
    type Term = u64;
    type LeaderId = leader_id_std::LeaderId<u64, DaemonId>;
    type Vote = Vote;
    type Payload = Payload;
    type Entry = Entry;
    type AsyncRuntime = Runtime;
    type Responder<T>
        = ProgressResponder<Self, T>
    where
        T: OptionalSend + 'static;
    type Batch<T>
        = InlineBatch<T>
    where
        T: OptionalSend + 'static;
    type ErrorSource = BoxedErrorSource;
}

pub(crate) type LeaderId = leader_id_std::LeaderId<u64, DaemonId>;
pub(crate) type CommittedLeaderId = openraft::vote::leader_id_std::CommittedLeaderId<u64>;
pub(crate) type Vote = openraft::Vote<LeaderId>;
pub(crate) type LogId = openraft::LogId<CommittedLeaderId>;
pub(crate) type Payload = EntryPayload<Commands, DaemonId, ()>;
pub(crate) type Entry = openraft::Entry<CommittedLeaderId, Payload>;
pub(crate) type Membership = openraft::Membership<DaemonId, ()>;
pub(crate) type StoredMembership = openraft::StoredMembership<CommittedLeaderId, DaemonId, ()>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<CommittedLeaderId, DaemonId, ()>;

/// A log id from its parts.
pub(crate) fn log_id(term: u64, index: u64) -> LogId {
    LogId { leader_id: CommittedLeaderId::new(term), index }
}

/// The commands of many callers in one entry. Cloning shares them.
///
/// The serde forms exist because openraft asks for them; nothing is stored or sent in them (see `form`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Bytes>", into = "Vec<Bytes>")]
pub(crate) struct Commands(pub(crate) Arc<[Bytes]>);

impl Commands {
    /// Bytes of all commands together.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }
}

impl From<Vec<Bytes>> for Commands {
    fn from(commands: Vec<Bytes>) -> Self {
        Self(commands.into())
    }
}

impl From<Commands> for Vec<Bytes> {
    fn from(commands: Commands) -> Self {
        commands.0.to_vec()
    }
}

impl fmt::Display for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} commands, {} bytes", self.0.len(), self.bytes())
    }
}

/// One outcome for each command of an entry; none for entries of Raft's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcomes(pub(crate) Vec<Bytes>);
