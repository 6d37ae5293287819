//! A group in the memory of one process: for tests of rooms above.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hanse_base::id::{GroupId, Revision};
use hanse_base::net::BoxFuture;

use crate::history::HistoryLimits;
use crate::home::{Home, HomeError};
use crate::hub::Hub;
use crate::machine::Machine;
use crate::state::State;
use crate::txn::{Outcome, TXN_BYTES_MAX, Txn};

/// A group that is one machine: always there, never behind, gone with the process.
#[derive(Debug)]
pub struct MemoryHome {
    group: GroupId,
    machine: Mutex<Machine>,
    hub: Arc<Hub>,
}

impl MemoryHome {
    /// An empty group.
    #[must_use]
    pub fn new(group: GroupId) -> Arc<Self> {
        Self::with_limits(group, HistoryLimits::default())
    }

    /// As [`MemoryHome::new`], with a window of another size.
    #[must_use]
    pub fn with_limits(group: GroupId, limits: HistoryLimits) -> Arc<Self> {
        let machine = Machine::with_limits(group.clone(), limits);
        let hub = Arc::clone(machine.hub());
        Arc::new(Self { group, machine: Mutex::new(machine), hub })
    }

    /// Applies the transactions as one entry of the log, publishes, and returns their outcomes.
    ///
    /// # Panics
    /// Never: what a machine answers can be decoded.
    pub fn apply(&self, txns: &[Txn]) -> Vec<Outcome> {
        let commands: Vec<Bytes> = txns.iter().map(Txn::encode).collect();
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let outcomes = machine.apply_batch(&commands);
        machine.publish();
        outcomes.iter().map(|outcome| Outcome::decode(outcome).expect("a machine encodes outcomes")).collect()
    }
}

impl Home for MemoryHome {
    fn group(&self) -> &GroupId {
        &self.group
    }

    fn view(&self) -> Arc<State> {
        self.hub.view()
    }

    fn read(&self) -> BoxFuture<'_, Result<Arc<State>, HomeError>> {
        Box::pin(async { Ok(self.view()) })
    }

    /// There is no time here: a revision that is not reached yet is refused at once.
    fn read_from(&self, revision: Revision, _patience: Duration) -> BoxFuture<'_, Result<Arc<State>, HomeError>> {
        Box::pin(async move {
            let view = self.view();
            let current = view.revision();
            if current < revision { Err(HomeError::Behind { wanted: revision, current }) } else { Ok(view) }
        })
    }

    fn submit(&self, txn: Txn) -> BoxFuture<'_, Result<Outcome, HomeError>> {
        Box::pin(async move {
            let bytes = txn.encode().len();
            if bytes > TXN_BYTES_MAX {
                return Err(HomeError::TooLarge { bytes, bytes_max: TXN_BYTES_MAX });
            }
            Ok(self.apply(&[txn]).remove(0))
        })
    }

    fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}
