//! What is sent over the network of a simulation. Raft's bytes are the product's own; what a client asks is a value.

use std::fmt;

use bytes::Bytes;
use hanse_base::id::Revision;
use hanse_store::home::HomeError;
use hanse_store::key::Key;
use hanse_store::txn::{Outcome, Txn};

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
}

/// What a daemon answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Raft's own.
    Raft(Bytes),
    /// What came of a transaction.
    Submitted(Result<Outcome, HomeError>),
    /// The revision of the state, and revision and bytes of each object that was asked for.
    Shown(Result<(Revision, Vec<Option<(Revision, Bytes)>>), HomeError>),
}

impl Call {
    /// A number that stands for the contents.
    #[must_use]
    pub fn digest(&self) -> u64 {
        match self {
            Self::Raft(bytes) => hash(bytes),
            Self::Upload { head, body } => mix(hash(head) ^ 3) ^ hash(body),
            Self::Submit(txn) => hash(&txn.encode()),
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
        }
    }
}
