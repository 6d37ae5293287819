//! Sees everything that every replica applies, and compares: what no daemon of the product could know.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hanse_base::id::{DaemonId, GroupId, LogIndex};
use hanse_raft::machine::{Machine, MachineError, Snapshot};
use hanse_raft::status::Leadership;
use hansed::homes::StoreMachine;

use crate::dice::{hash, mix};
use crate::invariants::Broken;
use crate::invariants::one_leader::Leaders;
use crate::invariants::same_log::SameLog;
use crate::invariants::same_state::SameState;

/// What is known of all groups. Clones are the same.
#[derive(Clone, Default)]
pub struct Observer(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    groups: BTreeMap<GroupId, Group>,
    broken: Option<Broken>,
    entries: u64,
}

#[derive(Default)]
struct Group {
    leaders: Leaders,
    log: SameLog,
    state: SameState,
}

impl Observer {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first promise that was seen broken.
    #[must_use]
    pub fn broken(&self) -> Option<Broken> {
        self.seen().broken.clone()
    }

    /// Notes that a promise is broken.
    pub fn report(&self, broken: Broken) {
        self.seen().broken.get_or_insert(broken);
    }

    /// A daemon says who leads.
    pub fn leadership(&self, group: &GroupId, daemon: DaemonId, leadership: Leadership) {
        let mut seen = self.seen();
        if let Err(broken) = seen.group(group).leaders.says(daemon, leadership) {
            seen.broken.get_or_insert(broken);
        }
    }

    /// Up to where some replica has applied, and how many commands.
    #[must_use]
    pub fn applied(&self, group: &GroupId) -> (u64, u64) {
        let seen = self.seen();
        seen.groups.get(group).map_or((0, 0), |group| (group.log.last(), group.log.commands()))
    }

    /// Whether a command was applied, and where.
    #[must_use]
    pub fn place_of(&self, group: &GroupId, command: &[u8]) -> Vec<u64> {
        let seen = self.seen();
        seen.groups.get(group).map(|group| group.log.places_of(hash(command))).unwrap_or_default()
    }

    /// Entries that were applied, on all replicas together.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.seen().entries
    }
}

impl Seen {
    fn group(&mut self, group: &GroupId) -> &mut Group {
        if !self.groups.contains_key(group) {
            self.groups.insert(group.clone(), Group::default());
        }
        self.groups.entry(group.clone()).or_default()
    }
}

/// The product's state machine, with an observer at its side.
pub struct WatchedMachine {
    inner: StoreMachine,
    group: GroupId,
    daemon: DaemonId,
    observer: Observer,
    last: Option<u64>,
}

impl WatchedMachine {
    /// Watches a machine of the daemon.
    #[must_use]
    pub fn new(inner: StoreMachine, group: GroupId, daemon: DaemonId, observer: Observer) -> Self {
        Self { inner, group, daemon, observer, last: None }
    }

    fn state_hash(&self) -> u64 {
        let mut sum = Summing(17);
        // Writing to memory does not fail.
        drop(self.inner.0.state().write(&mut sum));
        sum.0
    }
}

struct Summing(u64);

impl io::Write for Summing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = mix(self.0 ^ hash(bytes)).wrapping_add(self.0);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Machine for WatchedMachine {
    fn apply(&mut self, index: LogIndex, commands: &[Bytes]) -> Vec<Bytes> {
        let outcomes = self.inner.apply(index, commands);
        let state = index.0.is_multiple_of(STATE_EVERY).then(|| self.state_hash());
        let mut seen = self.observer.seen();
        seen.entries += 1;
        let group = seen.group(&self.group);
        let log = group.log.applied(self.daemon, (self.last, index.0), commands, &outcomes);
        let state = state.map_or(Ok(()), |state| group.state.is(self.daemon, index.0, state));
        if let Err(broken) = log.and(state) {
            seen.broken.get_or_insert(broken);
        }
        drop(seen);
        self.last = Some(index.0);
        outcomes
    }

    fn publish(&mut self) {
        self.inner.publish();
    }

    fn snapshot(&self) -> Box<dyn Snapshot> {
        self.inner.snapshot()
    }

    fn restore(&mut self, reader: &mut dyn io::Read) -> Result<(), MachineError> {
        self.last = None;
        self.inner.restore(reader)
    }
}

/// The whole state is compared at every index that this divides.
const STATE_EVERY: u64 = 32;
