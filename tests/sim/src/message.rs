//! What is sent over the network of a simulation. Raft's bytes are the product's own; what a client asks is a value.

use std::fmt;

use bytes::Bytes;
use hanse_base::id::Revision;
use hanse_store::home::HomeError;
use hanse_store::key::Key;
use hanse_store::txn::{Outcome, Txn};
use hanse_sync::lane::Lane;

use crate::dice::{hash, mix};

/// What is asked of a daemon.
#[derive(Debug, Clone)]
pub enum Call {
    /// Raft's own.
    Raft(Bytes),
    /// A snapshot of Raft's.
    Upload {
        /// Says what it is.
        head: Bytes,
        /// The snapshot.
        body: Bytes,
    },
    /// A client proposes a transaction.
    Submit(Box<Txn>),
    /// A client reads what is acknowledged.
    Read(Vec<Key>),
    /// Another daemon opens a stream.
    Open(Lane),
    /// A client speaks to the API.
    Http(Http),
    /// What the daemon's replica says of the tree.
    Tree,
}

/// The revision of a state, and revision and bytes of each object that was asked for.
pub type Reading = (Revision, Vec<Option<(Revision, Bytes)>>);

/// What a daemon answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Raft's own.
    Raft(Bytes),
    /// What came of a transaction.
    Submitted(Result<Outcome, HomeError>),
    /// What was read.
    Shown(Result<Reading, HomeError>),
    /// The API's answer, whole.
    Http {
        /// The status code.
        status: u16,
        /// The body; as much of it as came, when it broke off.
        body: Bytes,
    },
    /// The tree.
    Tree(Box<Forest>),
}

/// A request of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// `GET`, for instance.
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// The body; empty for none.
    pub body: String,
}

/// The tree, as one replica has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forest {
    /// A hash over all of it.
    pub digest: String,
    /// Each workspace: its logical cluster, its parent if it has one, its name, and whether it is deleted.
    pub nodes: Vec<(String, Option<String>, String, bool)>,
}

impl Call {
    /// A number that stands for the contents.
    #[must_use]
    pub fn digest(&self) -> u64 {
        match self {
            Self::Raft(bytes) => hash(bytes),
            Self::Upload { head, body } => mix(hash(head) ^ 3) ^ hash(body),
            Self::Submit(txn) => hash(&txn.encode()),
            Self::Open(lane) => u64::from(lane.to_wire()),
            Self::Http(http) => hash(format!("{http:?}").as_bytes()),
            Self::Tree => 11,
            Self::Read(keys) => keys.iter().fold(5, |sum, key| mix(sum ^ hash(key.as_bytes()))),
        }
    }
}

impl Answer {
    /// A number that stands for the contents.
    #[must_use]
    pub fn digest(&self) -> u64 {
        match self {
            Self::Raft(bytes) => hash(bytes),
            other => hash(format!("{other:?}").as_bytes()),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raft(bytes) => write!(f, "raft {} bytes, kind {:?}", bytes.len(), bytes.first()),
            Self::Upload { body, .. } => write!(f, "snapshot of {} bytes", body.len()),
            Self::Submit(txn) => write!(f, "submit {:?}", txn.operations),
            Self::Read(keys) => write!(f, "read {keys:?}"),
            Self::Open(lane) => write!(f, "opens {lane:?}"),
            Self::Http(Http { method, target, body }) => write!(f, "{method} {target} {body}"),
            Self::Tree => write!(f, "tree"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raft(bytes) => write!(f, "raft {} bytes", bytes.len()),
            Self::Submitted(outcome) => write!(f, "{outcome:?}"),
            Self::Shown(Ok((revision, objects))) => write!(f, "state {revision}, {} objects", objects.len()),
            Self::Shown(Err(error)) => write!(f, "{error}"),
            Self::Http { status, body } => write!(f, "{status} {}", String::from_utf8_lossy(body)),
            Self::Tree(forest) => write!(f, "tree {} of {}", forest.digest, forest.nodes.len()),
        }
    }
}
