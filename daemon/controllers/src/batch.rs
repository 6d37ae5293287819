//! A transaction under construction, bounded in operations and bytes.

use hanse_base::id::Revision;
use hanse_store::key::Key;
use hanse_store::object::{Draft, Object};
use hanse_store::txn::{Operation, Precondition, Txn};

/// Operations of one transaction, at most. The rest is for the next one.
pub(crate) const BATCH_OPERATIONS_MAX: usize = 500;
/// Bytes of the objects in one transaction, at most, unless a single one is larger.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// Operations and what they were decided on.
#[derive(Debug)]
pub(crate) struct Batch {
    preconditions: Vec<Precondition>,
    operations: Vec<Operation>,
    bytes: usize,
    operations_max: usize,
}

impl Batch {
    pub(crate) fn new(operations_max: usize) -> Self {
        let operations_max = operations_max.clamp(1, BATCH_OPERATIONS_MAX);
        Self { preconditions: Vec::new(), operations: Vec::new(), bytes: 0, operations_max }
    }

    /// Whether the next operation belongs into another transaction.
    pub(crate) fn is_full(&self) -> bool {
        self.operations.len() >= self.operations_max || self.bytes >= BATCH_BYTES_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Removes an object, if it is still as it was seen.
    pub(crate) fn delete(&mut self, key: &Key, seen: &Object) {
        self.expect(key, seen.revision());
        self.push(Operation::Delete(key.clone()), key.as_bytes().len());
    }

    /// Replaces an object, if it is still as it was seen.
    pub(crate) fn replace(&mut self, key: &Key, seen: &Object, draft: Draft) {
        self.expect(key, seen.revision());
        let bytes = draft.bytes.len() + key.as_bytes().len();
        self.push(Operation::Put(key.clone(), draft), bytes);
    }

    /// Any other operation; what it depends on is part of it.
    pub(crate) fn push(&mut self, operation: Operation, bytes: usize) {
        self.operations.push(operation);
        self.bytes += bytes;
    }

    /// Any other condition.
    pub(crate) fn require(&mut self, precondition: Precondition) {
        self.preconditions.push(precondition);
    }

    fn expect(&mut self, key: &Key, revision: Revision) {
        self.preconditions.push(Precondition::At(key.clone(), revision));
    }

    pub(crate) fn into_txn(self, time_ms: u64) -> Txn {
        Txn { time_ms, preconditions: self.preconditions, operations: self.operations }
    }
}
