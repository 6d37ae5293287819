//! Whether a transaction makes the state larger: what a group refuses first when its disk has little room.
//!
//! Deletions, what finishes them, updates that add little, and what keeps the tree together are let through, so that tenants
//! and controllers can make room.

use crate::state::State;
use crate::txn::{Operation, Txn};

/// Bytes that an update may add to an object and still count as one that adds nothing: a deletion timestamp, a condition.
pub const SLACK_BYTES: usize = 1024;

impl Txn {
    /// Whether it makes the state larger than this one, as far as can be told before it is applied.
    #[must_use]
    pub fn grows(&self, state: &State) -> bool {
        self.operations.iter().any(|operation| match operation {
            Operation::Put(key, draft) => {
                let present = state.get(key).map(|object| object.bytes().len());
                present.is_none_or(|bytes| draft.bytes.len() > bytes + SLACK_BYTES)
            }
            Operation::CreateWorkspace(_) | Operation::Stage(_) | Operation::CreateStaged(_) => true,
            Operation::UpdateWorkspace { deleting, .. } => !deleting,
            Operation::Delete(_)
            | Operation::MoveWorkspace { .. }
            | Operation::FinishWorkspace { .. }
            | Operation::ReserveName { .. }
            | Operation::MergeChanges { .. }
            | Operation::Membership(_)
            | Operation::Learn(_)
            | Operation::Unstage { .. }
            | Operation::Describe(_)
            | Operation::FoundRoot(_) => false,
        })
    }
}
