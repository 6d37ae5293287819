//! The own group as `store::Home`: proposals go to Raft, reads to the replica's published state.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hanse_base::id::{GroupId, LogIndex, Revision};
use hanse_base::mutant::Mutant;
use hanse_base::net::BoxFuture;
use hanse_raft::error::{ProposeError, ReadError};
use hanse_raft::group::Group;
use hanse_raft::machine::{Machine, MachineError, Snapshot};
use hanse_store::home::{Home, HomeError};
use hanse_store::hub::Hub;
use hanse_store::state::State;
use hanse_store::txn::{Outcome, Txn};
use tokio::time::timeout;

use crate::space::{Room, Space};

/// The store's state machine, as a group drives it.
pub struct StoreMachine(pub hanse_store::machine::Machine);

impl Machine for StoreMachine {
    fn apply(&mut self, _index: LogIndex, commands: &[Bytes]) -> Vec<Bytes> {
        self.0.apply_batch(commands)
    }

    fn publish(&mut self) {
        self.0.publish();
    }

    fn snapshot(&self) -> Box<dyn Snapshot> {
        Box::new(Picture(self.0.picture()))
    }

    fn restore(&mut self, reader: &mut dyn io::Read) -> Result<(), MachineError> {
        Ok(self.0.restore(reader)?)
    }
}

/// A state as the picture that a group writes.
pub(crate) struct Picture(pub(crate) State);

impl Snapshot for Picture {
    fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        self.0.write(out)
    }
}

/// This daemon's replica of its regional group.
#[derive(Clone)]
pub struct GroupHome {
    id: GroupId,
    group: Group,
    hub: Arc<Hub>,
    space: Space,
}

impl GroupHome {
    /// Reads from the hub of the machine that the group drives.
    #[must_use]
    pub fn new(id: GroupId, group: Group, hub: Arc<Hub>) -> Self {
        Self { id, group, hub, space: Space::default() }
    }

    /// Refuses what grows while there is little room.
    pub(crate) fn within(self, space: Space) -> Self {
        Self { space, ..self }
    }

    fn unavailable(&self, error: &dyn std::fmt::Display) -> HomeError {
        HomeError::Unavailable { group: self.id.clone(), why: error.to_string() }
    }

    fn full(&self, why: String) -> HomeError {
        HomeError::StorageFull { group: self.id.clone(), why }
    }

    async fn propose(&self, txn: Txn) -> Result<Outcome, HomeError> {
        if self.space.room() != Room::Ample && txn.grows(&self.hub.view()) {
            let free = self.space.bytes().map_or(0, |(free, _)| free >> 20);
            return Err(self.full(format!("the disk of its log has {free} MiB left, less than the reserve")));
        }
        let unknown = |why: String| HomeError::Unknown { group: self.id.clone(), why };
        match self.group.propose(txn.encode()).await {
            Ok(proposed) => Outcome::decode(&proposed.outcome).map_err(|error| unknown(error.to_string())),
            Err(ProposeError::TooLarge { bytes, bytes_max }) => Err(HomeError::TooLarge { bytes, bytes_max }),
            Err(ProposeError::Unknown { why }) if Mutant::UnknownIsRefused.lives() => Err(self.unavailable(&why)),
            Err(ProposeError::Unknown { why }) => Err(unknown(why)),
            Err(error @ ProposeError::DiskFull) => Err(self.full(error.to_string())),
            Err(
                error @ (ProposeError::Busy
                | ProposeError::NoLeader { .. }
                | ProposeError::ShuttingDown
                | ProposeError::DiskStalled),
            ) => Err(self.unavailable(&error)),
        }
    }
}

impl Home for GroupHome {
    fn group(&self) -> &GroupId {
        &self.id
    }

    fn view(&self) -> Arc<State> {
        self.hub.view()
    }

    fn read(&self) -> BoxFuture<'_, Result<Arc<State>, HomeError>> {
        Box::pin(async move {
            if Mutant::FollowerReadsLocally.lives() {
                return Ok(self.hub.view());
            }
            self.group.read_index().await.map_err(|error: ReadError| self.unavailable(&error))?;
            Ok(self.hub.view())
        })
    }

    fn read_from(&self, revision: Revision, patience: Duration) -> BoxFuture<'_, Result<Arc<State>, HomeError>> {
        Box::pin(async move {
            // A revision that is not reached in time is told with the one that is.
            drop(timeout(patience, self.hub.reached(revision)).await);
            let view = self.hub.view();
            if view.revision() < revision {
                return Err(HomeError::Behind { wanted: revision, current: view.revision() });
            }
            Ok(view)
        })
    }

    fn submit(&self, txn: Txn) -> BoxFuture<'_, Result<Outcome, HomeError>> {
        Box::pin(self.propose(txn))
    }

    fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}
