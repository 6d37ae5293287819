//! What there is to do: an item, what is known of it, and what one step at it comes to.

use std::time::Duration;

use hanse_base::id::ClusterId;
use hanse_store::key::Key;
use hanse_store::txn::Txn;

use crate::batch::{BATCH_OPERATIONS_MAX, Batch};
use crate::sweep::Sweep;

/// The time at one moment, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since 1970: what is written into objects.
    pub wall_ms: u64,
    /// Never goes back: what waits are measured by.
    pub monotonic: Duration,
}

/// One thing that there is to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// Workspaces whose parent goes.
    Doomed,
    /// A logical cluster whose deletion has begun.
    Cluster(ClusterId),
    /// A namespace whose deletion has begun.
    Namespace(Key),
    /// Old events.
    Expiry,
    /// The first look of a term at what is not found by what is being deleted.
    Survey,
    /// The dependents of an owner that is gone.
    Abandoned {
        /// The logical cluster.
        cluster: ClusterId,
        /// The owner's uid.
        uid: String,
    },
    /// An object whose owners have not been looked at yet.
    Dependent(Key),
    /// An owner whose deletion waits for its dependents.
    Waiting {
        /// The owner.
        key: Key,
        /// Its uid.
        uid: String,
    },
    /// A CustomResourceDefinition whose deletion has begun.
    Definition(Key),
    /// A CustomResourceDefinition that waits for a name.
    Rival(Key),
    /// The quotas of a namespace.
    Quotas(ClusterId, String),
    /// What a namespace must have.
    Essentials(Key),
    /// Cluster roles that are made of others.
    Roles(ClusterId),
    /// Old certificate signing requests.
    Signing,
}

/// What an item needs next.
#[derive(Debug)]
pub(crate) enum Step {
    /// A transaction.
    Submit(Txn),
    /// Another step at once, without a transaction.
    Again,
    /// As [`Step::Again`], and these items need a look.
    Found(Vec<Item>),
    /// Nothing until something changes in it.
    Rest,
    /// Another step after a while.
    Later(Duration),
    /// It is no more.
    Gone,
}

/// What is known of an item.
#[derive(Debug, Default)]
pub(crate) struct Task {
    pub(crate) sweep: Sweep,
    pub(crate) walk: Walk,
    /// Halved by each refusal: of many operations, one was decided on something that has changed since.
    pub(crate) operations_max: usize,
    pub(crate) refusals: u32,
    pub(crate) stage: Stage,
    /// Something has changed in it since the sweep began.
    pub(crate) changed: bool,
}

impl Task {
    /// A task at its beginning.
    pub(crate) fn new() -> Self {
        Self { operations_max: BATCH_OPERATIONS_MAX, ..Self::default() }
    }

    /// An empty transaction of the size that has a chance.
    pub(crate) fn batch(&self) -> Batch {
        Batch::new(self.operations_max)
    }

    /// How often in a row a transaction was refused.
    pub(crate) fn refusals(&self) -> usize {
        usize::try_from(self.refusals).unwrap_or(usize::MAX)
    }

    /// Begins from the beginning.
    pub(crate) fn restart(&mut self) {
        self.sweep = Sweep::default();
        self.walk = Walk::default();
    }
}

/// Where a walk through the dependents of an owner stands.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    pub(crate) after: Option<Key>,
    pub(crate) ended: bool,
    pub(crate) looked_at: u64,
    /// Dependents that the owner's deletion goes on waiting for.
    pub(crate) blocking: u64,
}

impl Walk {
    /// How many objects have been looked at.
    pub(crate) fn looked_at(&self) -> u64 {
        self.looked_at
    }
}

/// Where an item stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Waits for its turn.
    #[default]
    Ready,
    /// Waits for the answer to a transaction; whether that makes events for certain.
    Submitted { events: bool },
    /// Waits for a change. Another sweep is not worth its cost before the given moment.
    Resting { until: Duration },
}
