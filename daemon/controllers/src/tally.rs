//! What the controllers of a group have done and have to do, for whoever watches over the daemon.

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers of one term as leader, and of the terms before it. On a daemon that does not lead, nothing waits.
#[derive(Debug, Default)]
pub struct Tally {
    waiting: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
}

impl Tally {
    /// Items that wait: for their time, for a change, or for an answer.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Transactions that were answered.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Transactions that the group gave no answer to, or did not take.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    pub(crate) fn wait(&self, items: usize) {
        self.waiting.store(items as u64, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self, done: bool) {
        let counter = if done { &self.done } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
