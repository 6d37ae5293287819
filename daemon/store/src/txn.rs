//! What the log carries: a transaction, and what came of it.
//!
//! A transaction is all or nothing. Everything that replicas must agree on (uids, times, generated names) was chosen
//! before it was proposed and is part of it. Each event takes the next revision, in the order of the operations.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use hanse_base::id::{ClusterId, GroupId, RegionName, Revision};
use hanse_tree::document::DocumentId;
use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::key::Key;
use crate::object::Draft;
use crate::restored::Learned;
use crate::roster::MembershipChange;
use crate::staged::Stage;

/// One transaction on one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Txn {
    /// The proposer's wall clock, milliseconds since 1970; the only time that `apply` knows.
    pub time_ms: u64,
    /// All must hold, or nothing happens.
    #[serde(deserialize_with = "bounded")]
    pub preconditions: Vec<Precondition>,
    /// Happen in this order.
    #[serde(deserialize_with = "bounded")]
    pub operations: Vec<Operation>,
}

impl Txn {
    /// The transaction as a command of the log: a version byte, and the fields in postcard.
    ///
    /// # Panics
    /// Never: writing to memory cannot fail.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        encoded(self)
    }

    /// Reads a command.
    ///
    /// # Errors
    /// The bytes are from a newer version, are not a transaction, or break a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decoded(bytes)
    }
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
    /// No object of any resource is left in the namespace.
    NamespaceEmpty(ClusterId, String),
    /// One more object of the resource keeps the namespace within a quota.
    ///
    /// Exact whoever else creates objects at the same time: the objects are counted when the transaction is applied. All
    /// items of one quota that are exceeded are told in one [`Refusal::OverQuota`].
    CountBelow {
        /// The logical cluster.
        cluster: ClusterId,
        /// The namespace.
        namespace: String,
        /// Group-resource of what is counted.
        resource: String,
        /// The number of objects that the quota allows, the new one included.
        limit: u64,
        /// The quota's name, for the message.
        quota: String,
        /// What the quota calls the resource (`count/configmaps`, `configmaps`), for the message.
        item: String,
    },
    /// No object of the resource was created, changed or deleted in the logical cluster after the revision.
    ///
    /// Never holds wrongly. Where there is no such object, it may be refused (as [`Refusal::Changed`]) because the
    /// cluster has lost its last object of another resource since: see `State::last_change`.
    ResourceUnchanged {
        /// The logical cluster.
        cluster: ClusterId,
        /// Group-resource.
        resource: String,
        /// The revision of the state that the writer saw.
        since: Revision,
    },
    /// There is no object of the resource in the logical cluster.
    ResourceEmpty {
        /// The logical cluster.
        cluster: ClusterId,
        /// Group-resource.
        resource: String,
    },
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
    ///
    /// Stands alone in its transaction. Changes behind one that is malformed are left out: the transaction is refused
    /// only when the first that is not held yet is malformed.
    MergeChanges {
        /// The document. Its group is not this one.
        #[serde(with = "WrittenDocumentId")]
        document: DocumentId,
        /// Sequence of the first change.
        sequence: u64,
        /// Consecutive changes. Those already held are skipped.
        #[serde(deserialize_with = "bounded")]
        changes: Vec<Bytes>,
    },
    /// What this group is: written once when the group is founded, and when its address changes.
    Describe(Region),
    /// Makes the logical cluster `root` at home in this group, with its first objects.
    FoundRoot(#[serde(deserialize_with = "bounded")] Vec<(Key, Draft)>),
    /// Changes who belongs to the federation, or may join it.
    Membership(MembershipChange),
    /// What another group's copy of this group's documents holds, after this group was restored from a backup. Stands
    /// alone in its transaction.
    Learn(Learned),
    /// Brings objects of a workspace that is being restored.
    Stage(Stage),
    /// Lets objects go that wait for a workspace.
    Unstage {
        /// The logical cluster that they wait for.
        id: ClusterId,
    },
    /// Makes workspaces with the objects that have waited for the first of them, in one commit. The others stand below it.
    CreateStaged(#[serde(deserialize_with = "bounded")] Vec<NewWorkspace>),
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
    #[serde(deserialize_with = "bounded")]
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

/// How a [`DocumentId`] is written.
#[derive(Serialize, Deserialize)]
#[serde(remote = "DocumentId")]
struct WrittenDocumentId {
    group: GroupId,
    ordinal: u32,
    generation: u32,
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

impl Outcome {
    /// The outcome as the log's answer: a version byte, and the fields in postcard.
    ///
    /// # Panics
    /// Never: writing to memory cannot fail.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        encoded(self)
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// The bytes are from a newer version, or are not an outcome.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decoded(bytes)
    }
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
    /// A new object would exceed a quota.
    #[error("it exceeds the quota {quota}")]
    OverQuota {
        /// The quota's name.
        quota: String,
        /// Everything of this quota that is exceeded, in order of the items' names.
        exceeded: Vec<Exceeded>,
    },
    /// The rules of membership do not allow it: a token that is used up, a roster without voters, too many daemons.
    #[error("{why}")]
    Forbidden {
        /// Which rule, and what to do.
        why: String,
    },
}

/// One number of a quota that a new object would exceed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Exceeded {
    /// What the quota calls the resource.
    pub item: String,
    /// How many objects there are.
    pub used: u64,
    /// How many the quota allows.
    pub limit: u64,
}

/// Bytes that are not a transaction or an outcome of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than [`TXN_BYTES_MAX`].
    #[error("it has {0} bytes, more than {TXN_BYTES_MAX}")]
    TooLarge(usize),
    /// From a newer daemon, or one older than the first release.
    #[error("it has the unknown version {0}")]
    Version(u8),
    /// Anything else.
    #[error("its bytes cannot be decoded")]
    Junk,
}

/// The largest transaction, encoded. Kubernetes takes bodies of 3 MiB; a workspace comes with several objects.
pub const TXN_BYTES_MAX: usize = 16 << 20;
/// The longest list in a transaction.
pub const TXN_LIST_MAX: usize = 16_384;

const VERSION: u8 = 2;

fn encoded<T: Serialize>(value: &T) -> Bytes {
    let start = Vec::from([VERSION]);
    Bytes::from(postcard::to_extend(value, start).expect("writing to memory cannot fail"))
}

fn decoded<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    if bytes.len() > TXN_BYTES_MAX {
        return Err(DecodeError::TooLarge(bytes.len()));
    }
    let (version, rest) = bytes.split_first().ok_or(DecodeError::Junk)?;
    if *version != VERSION {
        return Err(DecodeError::Version(*version));
    }
    match postcard::take_from_bytes(rest) {
        Ok((value, [])) => Ok(value),
        _ => Err(DecodeError::Junk),
    }
}

/// Reads a list of at most [`TXN_LIST_MAX`] items: a few bytes must not become a great many structs.
pub(crate) fn bounded<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Bounded<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {TXN_LIST_MAX} items")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::with_capacity(items.size_hint().unwrap_or_default().min(64));
            while let Some(item) = items.next_element()? {
                if list.len() == TXN_LIST_MAX {
                    return Err(A::Error::invalid_length(list.len() + 1, &self));
                }
                list.push(item);
            }
            Ok(list)
        }
    }
    deserializer.deserialize_seq(Bounded(PhantomData))
}
