//! What clients did and were told.

use std::sync::{Arc, Mutex, PoisonError};

/// What a client did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Who.
    pub client: usize,
    /// The moment before it was sent.
    pub begun: u64,
    /// The moment when the answer was there.
    pub ended: u64,
    /// What came of it.
    pub did: Did,
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Did {
    /// A write was acknowledged.
    Wrote {
        /// The object.
        object: u64,
        /// Its new value; `None` when it was deleted.
        value: Option<u64>,
        /// The revision.
        revision: u64,
        /// What had to hold before.
        guard: Guard,
    },
    /// A write may have happened, or may still happen.
    Perhaps {
        /// The object.
        object: u64,
        /// Its value, if it happened.
        value: Option<u64>,
        /// What had to hold before.
        guard: Guard,
    },
    /// A deletion was acknowledged, which does not tell its revision.
    Deleted {
        /// The object.
        object: u64,
        /// The revision that it had.
        at: u64,
    },
    /// Objects were read.
    Read {
        /// The state's revision.
        revision: u64,
        /// Revision and value of each object, where there is one.
        objects: Vec<(u64, Option<(u64, u64)>)>,
    },
    /// Nothing happened.
    Nothing,
}

/// What must hold for a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    None,
    /// The object is not there.
    Absent,
    /// The object has this revision.
    At(u64),
}

impl Operation {
    /// The revision that the client knows from it.
    #[must_use]
    pub const fn revision(&self) -> Option<u64> {
        match self.did {
            Did::Wrote { revision, .. } | Did::Read { revision, .. } => Some(revision),
            Did::Perhaps { .. } | Did::Deleted { .. } | Did::Nothing => None,
        }
    }
}

/// All operations of a run. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct History(Arc<Mutex<Vec<Operation>>>);

impl History {
    /// Adds one that has ended.
    pub fn add(&self, operation: Operation) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
    }

    /// All of them, in the order in which they ended.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
