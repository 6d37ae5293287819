//! What was applied once at an index is applied there by every replica, for ever, with the same outcomes; and a replica
//! applies one entry after the other.

use std::collections::BTreeMap;

use bytes::Bytes;
use hanse_base::id::DaemonId;

use super::{Broken, broken};
use crate::dice::{hash, mix};

/// The log of a group, as its replicas have applied it.
#[derive(Debug, Default)]
pub struct SameLog {
    entries: BTreeMap<u64, Entry>,
    /// Where each command was applied.
    places: BTreeMap<u64, Vec<u64>>,
    commands: u64,
}

#[derive(Debug)]
struct Entry {
    commands: u64,
    outcomes: u64,
    first: DaemonId,
}

impl SameLog {
    /// A replica applied an entry; `step` is the index that it applied before, since it was started or restored, and this.
    ///
    /// # Errors
    /// Another replica applied something else there, or had other outcomes.
    pub fn applied(
        &mut self,
        daemon: DaemonId,
        step: (Option<u64>, u64),
        commands: &[Bytes],
        outcomes: &[Bytes],
    ) -> Result<(), Broken> {
        let (before, index) = step;
        if before.is_some_and(|before| before >= index) {
            return broken("same_log", format!("daemon {daemon} applies entry {index} after entry {before:?}"));
        }
        let sum = |parts: &[Bytes]| parts.iter().fold(parts.len() as u64, |sum, part| mix(sum ^ hash(part)));
        let (given, answered) = (sum(commands), sum(outcomes));
        match self.entries.get(&index) {
            None => {
                self.commands += commands.len() as u64;
                for command in commands {
                    self.places.entry(hash(command)).or_default().push(index);
                }
                self.entries.insert(index, Entry { commands: given, outcomes: answered, first: daemon });
                Ok(())
            }
            Some(known) if known.commands != given => broken(
                "same_log",
                format!("daemon {daemon} applies another entry {index} than daemon {} did", known.first),
            ),
            Some(known) if known.outcomes != answered => broken(
                "same_log",
                format!("entry {index} has another outcome on daemon {daemon} than on daemon {}", known.first),
            ),
            Some(_) => Ok(()),
        }
    }

    /// The last index that was applied anywhere.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.entries.last_key_value().map_or(0, |(index, _)| *index)
    }

    /// How many commands were applied.
    #[must_use]
    pub const fn commands(&self) -> u64 {
        self.commands
    }

    /// The indexes at which a command was applied.
    #[must_use]
    pub fn places_of(&self, command: u64) -> Vec<u64> {
        self.places.get(&command).cloned().unwrap_or_default()
    }
}
