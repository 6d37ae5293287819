//! Replicas that have applied the same entries hold the same state, to the last byte.

use std::collections::BTreeMap;

use hanse_base::id::DaemonId;

use super::{Broken, broken};

/// Hashes of the state, by index.
#[derive(Debug, Default)]
pub struct SameState(BTreeMap<u64, (u64, DaemonId)>);

impl SameState {
    /// A replica has this state after the index.
    ///
    /// # Errors
    /// Another replica had another.
    pub fn is(&mut self, daemon: DaemonId, index: u64, state: u64) -> Result<(), Broken> {
        let (known, first) = *self.0.entry(index).or_insert((state, daemon));
        if known != state {
            let what = format!("after entry {index} daemon {daemon} holds another state than daemon {first}");
            return broken("same_state", what);
        }
        Ok(())
    }
}
