//! One look through all objects of a namespace or a logical cluster: each is deleted, or told that it is to go.
//!
//! A sweep is done in slices, each of which makes one transaction, and remembers where it stands. What it remembers may
//! be lost at any time: a new sweep from the beginning finds what is left.

use hanse_store::key::Key;
use hanse_store::state::State;

use crate::batch::Batch;
use crate::object::{begin_deletion, draft, finalizers, parse};
use crate::remaining::Remaining;

/// Objects that a slice looks at, at most, before others have their turn.
const SLICE_OBJECTS_MAX: usize = 2_000;

/// Where a sweep stands, and what it has found that stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sweep {
    /// The last key that was looked at.
    after: Option<Key>,
    ended: bool,
    looked_at: u64,
    remaining: Remaining,
}

impl Sweep {
    /// Behind which key the next slice begins.
    pub(crate) fn after(&self) -> Option<Key> {
        self.after.clone()
    }

    /// Whether all objects have been looked at.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// How many objects have been looked at.
    pub(crate) fn looked_at(&self) -> u64 {
        self.looked_at
    }

    /// What stays.
    pub(crate) fn remaining(&self) -> &Remaining {
        &self.remaining
    }

    /// Looks at the next objects, until the batch is full or the slice is long enough. `passes_over` names resources
    /// that are somebody else's.
    pub(crate) fn slice<'a>(
        &mut self,
        state: &State,
        keys: impl Iterator<Item = &'a Key>,
        passes_over: &[&str],
        (batch, wall_ms): (&mut Batch, u64),
    ) {
        for (number, key) in keys.enumerate() {
            if number == SLICE_OBJECTS_MAX || batch.is_full() {
                return;
            }
            self.after = Some(key.clone());
            if passes_over.contains(&key.resource()) {
                continue;
            }
            let Some(object) = state.get(key) else { continue };
            self.looked_at += 1;
            let finalizers = finalizers(object);
            if finalizers.is_empty() {
                batch.delete(key, object);
                continue;
            }
            self.remaining.add(key.resource(), &finalizers);
            if !object.deleting() {
                let mut value = parse(&object.bytes());
                begin_deletion(&mut value, wall_ms);
                batch.replace(key, object, draft(&value));
            }
        }
        self.ended = true;
    }
}
