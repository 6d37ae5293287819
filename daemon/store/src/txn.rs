//! What the log carries: a transaction, and what came of it.
//!
//! A transaction is all or nothing. Everything that replicas must agree on (uids, times, generated names) was chosen
//! before it was proposed and is part of it. Each event takes the next revision, in the order of the operations.

use bytes::Bytes;
use hanse_base::id::{ClusterId, GroupId, RegionName, Revision};
use hanse_tree::DocumentId;
use serde::{Deserialize, Serialize};

use crate::key::Key;
use crate::object::Draft;

/// One transaction on one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Txn {
    /// The proposer's wall clock, milliseconds since 1970; the only time that `apply` knows.
    pub time_ms: u64,
    /// All must hold, or nothing happens.
    pub preconditions: Vec<Precondition>,
    /// Happen in this order.
    pub operations: Vec<Operation>,
}

/// A condition that is checked when the transaction is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precondition {
    /// No object at the key.
    Absent(Key),
    /// The object at the key has exactly this revision.
    At(Key, Revision),
    /// There is an object at the key that is not being deleted (the namespace of a new object).
    Live(Key),
    /// The group is the home of the logical cluster, and the cluster is not being deleted.
    ClusterLive(ClusterId),
    /// The group is the home of the logical cluster, which may be on its way out.
    ClusterHome(ClusterId),
    /// No object is left of these group-resources in the namespace (all resources, when the list is empty).
    NamespaceEmpty(ClusterId, String),
}

/// One step of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Creates or replaces an object: event ADDED or MODIFIED.
    Put(Key, Draft),
    /// Removes an object: event DELETED with its last bytes. No effect (and no revision) when it is absent.
    Delete(Key),
    /// Makes a logical cluster at home in this group: its row in the tree, its first objects, all in one commit.
    CreateWorkspace(NewWorkspace),
    /// Replaces what users may put on a Workspace object. Takes effect only at the workspace's home.
    UpdateWorkspace {
        /// The logical cluster behind the workspace.
        id: ClusterId,
        /// The row's version that the writer saw; the transaction is refused when it is another.
        version: u64,
        /// The Workspace object as JSON, without what each region adds to it (name, resourceVersion, URL).
        content: Bytes,
        /// Whether its deletion has begun: the cluster then refuses new objects.
        deleting: bool,
    },
    /// Renames a workspace, or moves it below another parent. Without effect where it would close a cycle.
    MoveWorkspace {
        /// The logical cluster behind the workspace.
        id: ClusterId,
        /// The row's version that the writer saw.
        version: u64,
        /// The new parent.
        parent: ClusterId,
        /// The new name.
        name: String,
        /// Whether the new parent's home has reserved the name.
        reserved: bool,
    },
    /// Ends a workspace whose deletion has begun and which holds no object and no live child: only its tombstone stays.
    FinishWorkspace {
        /// The logical cluster behind the workspace.
        id: ClusterId,
    },
    /// Holds a child's name for a workspace that is about to be created in another group. Only at the parent's home.
    /// Ends when the row arrives, or [`RESERVATION_MS`] after it was made.
    ReserveName {
        /// The parent's logical cluster.
        parent: ClusterId,
        /// The name below it.
        name: String,
        /// The logical cluster that is to have it.
        id: ClusterId,
    },
    /// Changes of another group's document, as its owner wrote them.
    MergeChanges {
        /// The document. Its group is not this one.
        document: DocumentId,
        /// Sequence of the first change.
        sequence: u64,
        /// Consecutive changes. Those already held are skipped.
        changes: Vec<Bytes>,
    },
    /// What this group is: written once when the group is founded, and when its address changes.
    Describe(Region),
    /// Makes the logical cluster `root` at home in this group, with its first objects.
    FoundRoot(Vec<(Key, Draft)>),
}

/// A workspace to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewWorkspace {
    /// The logical cluster's id, chosen by the proposer. A second creation with the same id is refused as `Exists`.
    pub id: ClusterId,
    /// The parent's logical cluster.
    pub parent: ClusterId,
    /// The name below the parent.
    pub name: String,
    /// Whether the parent's home has reserved the name for this id. (It need not, when this group is the parent's home.)
    pub reserved: bool,
    /// The Workspace object as JSON, without what each region adds to it (name, resourceVersion, URL).
    pub content: Bytes,
    /// What the logical cluster holds from its first moment.
    pub objects: Vec<(Key, Draft)>,
}

/// What a group knows of itself, for the objects that it projects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// The region's name.
    pub name: RegionName,
    /// Scheme, host and port that clients of this region use, without a trailing slash.
    pub url: String,
    /// The group that `root` is at home in.
    pub founder: GroupId,
}

/// How long a reserved name waits for its workspace, in milliseconds of the proposers' clocks.
pub const RESERVATION_MS: u64 = 60_000;

/// What came of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// All of it happened. The operations that made events have consecutive revisions, `first` to `last`; without an
    /// event both are the group's revision.
    Done {
        /// Revision of the first event.
        first: Revision,
        /// Revision of the last event.
        last: Revision,
    },
    /// Nothing of it happened.
    Refused(Refusal),
}

/// Why nothing happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// An object, a workspace or a name is already there.
    #[error("it already exists")]
    Exists {
        /// The precondition's or operation's key or name, for the message.
        what: String,
    },
    /// The object, workspace or parent is not there.
    #[error("it does not exist")]
    Missing {
        /// As above.
        what: String,
    },
    /// The object or row has been changed since it was read.
    #[error("it has been changed: it is at revision or version {current}")]
    Changed {
        /// The object's revision, or the row's version.
        current: u64,
    },
    /// The namespace, workspace or parent is being deleted.
    #[error("{what} is being deleted")]
    Deleting {
        /// As above.
        what: String,
    },
    /// The group is not the home of the logical cluster (any more).
    #[error("this group is not the home of {cluster}")]
    NotHome {
        /// The logical cluster.
        cluster: ClusterId,
    },
    /// Something that had to be empty still holds something.
    #[error("{what} is not empty")]
    NotEmpty {
        /// As above.
        what: String,
    },
    /// A move would make a workspace its own ancestor.
    #[error("{id} would become its own ancestor")]
    Cycle {
        /// The workspace.
        id: ClusterId,
    },
    /// The command's bytes mean nothing to this daemon, or break an invariant: the proposer is broken or newer.
    #[error("the transaction is malformed: {why}")]
    Malformed {
        /// What is wrong with it.
        why: String,
    },
}
