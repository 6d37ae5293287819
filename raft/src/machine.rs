//! The port to the state machine of a group: bytes in, bytes out.

use std::io;

use bytes::Bytes;
use hanse_base::id::LogIndex;

/// A snapshot's contents are not what [`Snapshot::write`] writes; says what is damaged.
pub type MachineError = Box<dyn std::error::Error + Send + Sync>;

/// The deterministic state machine of a group. Owned by the group; all calls come from one thread at a time.
pub trait Machine: Send + 'static {
    /// Applies the commands of one log entry, in order, and gives one outcome for each. Total: never fails. One entry
    /// carries the commands of many callers: `index` is the entry's. A panic, or another number of outcomes, stops the
    /// group for good.
    fn apply(&mut self, index: LogIndex, commands: &[Bytes]) -> Vec<Bytes>;

    /// Called after a run of entries was applied, before their outcomes are handed to callers: publishes the new state
    /// to readers.
    fn publish(&mut self);

    /// A cheap, immutable picture of the state (copy-on-write), to be written out in the background.
    fn snapshot(&self) -> Box<dyn Snapshot>;

    /// Replaces the state by what a snapshot's `write` wrote. The bytes are those that were written: they were checked.
    /// [`Machine::publish`] is called afterwards.
    ///
    /// # Errors
    /// The contents are not a snapshot that this version understands. The group does not start, or stops for good.
    fn restore(&mut self, reader: &mut dyn io::Read) -> Result<(), MachineError>;
}

/// A picture of the state at one index.
pub trait Snapshot: Send {
    /// Writes everything that [`Machine::restore`] needs.
    ///
    /// # Errors
    /// Only those of `out`.
    fn write(&self, out: &mut dyn io::Write) -> io::Result<()>;
}
