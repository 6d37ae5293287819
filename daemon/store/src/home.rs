//! The port through which `api` and `controllers` reach a group. The daemon implements it on Raft, tests in memory.

use std::sync::Arc;
use std::time::Duration;

use hanse_base::id::{GroupId, Revision};
use hanse_base::net::BoxFuture;

use crate::hub::Hub;
use crate::state::State;
use crate::txn::{Outcome, Txn};

/// Why a group gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HomeError {
    /// The group has no leader that can be reached: nothing happened, try again later.
    #[error("group {group} is not available: {why}")]
    Unavailable {
        /// The group.
        group: GroupId,
        /// What is known of the cause.
        why: String,
    },
    /// The transaction was sent and its outcome is unknown: it may happen, or have happened.
    #[error("the outcome of a transaction on group {group} is unknown: {why}")]
    Unknown {
        /// The group.
        group: GroupId,
        /// What is known of the cause.
        why: String,
    },
    /// The transaction is larger than the log takes: nothing happened.
    #[error("the transaction has {bytes} bytes, more than {bytes_max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The disk has no room for what the transaction adds: nothing happened. What makes the state no larger is still taken,
    /// as long as there is a little.
    #[error("group {group} takes nothing more: {why}")]
    StorageFull {
        /// The group.
        group: GroupId,
        /// What is known of the room.
        why: String,
    },
    /// The replica has not reached the revision within the time given.
    #[error("revision {wanted} is not reached: the replica is at {current}")]
    Behind {
        /// What was asked for.
        wanted: Revision,
        /// What the replica has.
        current: Revision,
    },
}

/// One group, as this daemon reaches it. A view is a consistent picture that costs nothing to hold for a moment.
pub trait Home: Send + Sync + 'static {
    /// The group.
    fn group(&self) -> &GroupId;

    /// The local replica's state, at once. Never older than a view that this daemon gave out before.
    fn view(&self) -> Arc<State>;

    /// A state that holds everything that was acknowledged before the call, anywhere (linearizable).
    ///
    /// # Errors
    /// [`HomeError::Unavailable`].
    fn read(&self) -> BoxFuture<'_, Result<Arc<State>, HomeError>>;

    /// A state of the local replica that is not older than the revision; waits for it no longer than `patience`.
    ///
    /// # Errors
    /// [`HomeError::Behind`].
    fn read_from(&self, revision: Revision, patience: Duration) -> BoxFuture<'_, Result<Arc<State>, HomeError>>;

    /// Proposes a transaction and waits until it is applied and durable. On the leader the next view holds it.
    ///
    /// # Errors
    /// See [`HomeError`]; after [`HomeError::Unknown`] the caller must not assume either way.
    fn submit(&self, txn: Txn) -> BoxFuture<'_, Result<Outcome, HomeError>>;

    /// Where watchers wait for events of the local replica.
    fn hub(&self) -> &Arc<Hub>;
}
