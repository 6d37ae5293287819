//! In one term at most one daemon leads, whoever is asked; and no daemon goes back to an earlier term while it runs.

use std::collections::BTreeMap;

use hanse_base::id::DaemonId;
use hanse_raft::status::Leadership;

use super::{Broken, broken};

/// Who was said to lead, by term.
#[derive(Debug, Default)]
pub struct Leaders(BTreeMap<u64, DaemonId>);

impl Leaders {
    /// A daemon says who leads.
    ///
    /// # Errors
    /// Another daemon led in that term.
    pub fn says(&mut self, daemon: DaemonId, leadership: Leadership) -> Result<(), Broken> {
        let Some(leader) = leadership.leader else { return Ok(()) };
        let known = *self.0.entry(leadership.term.0).or_insert(leader);
        if known != leader {
            return broken(
                "one_leader",
                format!("in term {} both {known} and {leader} lead, as {daemon} says", leadership.term),
            );
        }
        Ok(())
    }
}
