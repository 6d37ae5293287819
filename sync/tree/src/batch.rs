//! What goes from the owner of documents to those who hold copies: where a copy stands, and the changes after that.

use std::collections::BTreeMap;

use bytes::Bytes;
use hanse_base::id::GroupId;
use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use crate::document::{CHANGE_BYTES_MAX, Document, DocumentId};

/// One change of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChange {
    /// The document.
    pub document: DocumentId,
    /// Number of the change in the document, from 1.
    pub sequence: u64,
    /// The change in automerge's encoding.
    pub bytes: Bytes,
}

/// The changes that a copy is to merge next, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// The changes.
    pub changes: Vec<NewChange>,
    /// Whether more changes wait than a batch may hold.
    pub more: bool,
}

/// How far a copy of a group's documents is: the generation and the next sequence of each document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) documents: BTreeMap<u32, (u32, u64)>,
}

/// Bytes are not a cursor or a batch: the sender is broken, hostile, or of a newer version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} cannot be decoded")]
pub struct BatchError(&'static str);

impl Cursor {
    /// A cursor at these documents: ordinal, generation and next sequence of each.
    #[must_use]
    pub fn new(positions: impl IntoIterator<Item = (u32, u32, u64)>) -> Self {
        let positions = positions.into_iter().map(|(ordinal, generation, next)| (ordinal, (generation, next)));
        Self { documents: positions.collect() }
    }

    /// Ordinal, generation and next sequence of each document, in the order of the ordinals.
    pub fn positions(&self) -> impl Iterator<Item = (u32, u32, u64)> + '_ {
        self.documents.iter().map(|(ordinal, (generation, next))| (*ordinal, *generation, *next))
    }

    /// Bytes for the way: a version byte and the documents in postcard.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let documents = self.documents.iter().map(|(ordinal, (generation, next))| (*ordinal, *generation, *next));
        write(&v1::Cursor { documents: documents.collect() }, 1 + 12 * self.documents.len())
    }

    /// Reads the bytes of a cursor; they may come from anybody.
    ///
    /// # Errors
    /// The bytes are not a cursor.
    pub fn decode(bytes: &[u8]) -> Result<Self, BatchError> {
        let cursor: v1::Cursor = read(bytes, "cursor")?;
        if cursor.documents.len() > DOCUMENTS_MAX {
            return Err(BatchError("cursor"));
        }
        let documents = cursor.documents.into_iter().map(|(ordinal, generation, next)| (ordinal, (generation, next)));
        Ok(Self { documents: documents.collect() })
    }

    /// Generation and next sequence of a document.
    #[must_use]
    pub fn get(&self, ordinal: u32) -> Option<(u32, u64)> {
        self.documents.get(&ordinal).copied()
    }

    /// Whether a copy that stands here holds the change.
    #[must_use]
    pub fn holds(&self, change: &NewChange) -> bool {
        self.get(change.document.ordinal).is_some_and(|(generation, next)| {
            generation > change.document.generation
                || (generation == change.document.generation && next > change.sequence)
        })
    }
}

impl Batch {
    /// Bytes for the way: a version byte and the changes in postcard. All changes of a batch are of one group, which
    /// is not part of the bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let size = 2 + self.changes.iter().map(|change| 16 + change.bytes.len()).sum::<usize>();
        let changes = self
            .changes
            .iter()
            .map(|change| (change.document.ordinal, change.document.generation, change.sequence, &*change.bytes));
        write(&v1::Batch { changes: changes.collect(), more: self.more }, size)
    }

    /// Reads the bytes of a batch of this group's changes; they may come from anybody, and the caller bounds them.
    ///
    /// # Errors
    /// The bytes are not a batch.
    pub fn decode(group: &GroupId, bytes: &[u8]) -> Result<Self, BatchError> {
        let batch: v1::Batch<'_> = read(bytes, "batch")?;
        let mut changes = Vec::with_capacity(batch.changes.len());
        for (ordinal, generation, sequence, bytes) in batch.changes {
            if bytes.len() > CHANGE_BYTES_MAX {
                return Err(BatchError("batch"));
            }
            let document = DocumentId { group: group.clone(), ordinal, generation };
            changes.push(NewChange { document, sequence, bytes: Bytes::copy_from_slice(bytes) });
        }
        Ok(Self { changes, more: batch.more })
    }
}

/// A picture of all changes of a group's documents, for readers beside the writer. A copy costs next to nothing.
#[derive(Debug, Clone)]
pub struct ChangeLog {
    pub(crate) documents: OrdMap<u32, Document>,
}

impl ChangeLog {
    /// How far this picture is.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        let position = |document: &Document| (document.id().generation, document.next_sequence());
        Cursor { documents: self.documents.iter().map(|(ordinal, document)| (*ordinal, position(document))).collect() }
    }

    /// The changes that a copy misses, in the order in which it has to merge them: as many as fit into the limits, and
    /// at least one if there is any.
    #[must_use]
    pub fn changes_after(&self, cursor: &Cursor, bytes_max: usize, changes_max: usize) -> Batch {
        let mut batch = Batch::default();
        let mut bytes = 0;
        for (ordinal, document) in &self.documents {
            let mut sequence = match cursor.get(*ordinal) {
                Some((generation, _)) if generation > document.id().generation => continue,
                Some((generation, next)) if generation == document.id().generation => next.max(1),
                _ => 1,
            };
            while let Some(change) = document.change(sequence) {
                let full = bytes + change.len() > bytes_max || batch.changes.len() >= changes_max;
                if full && !batch.changes.is_empty() {
                    batch.more = true;
                    return batch;
                }
                bytes += change.len();
                batch.changes.push(NewChange { document: document.id().clone(), sequence, bytes: change.clone() });
                sequence += 1;
            }
        }
        batch
    }
}

fn write<T: Serialize>(value: &T, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    bytes.push(v1::VERSION);
    postcard::to_extend(value, bytes).expect("plain numbers and bytes can be written to memory")
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &'static str) -> Result<T, BatchError> {
    let (version, rest) = bytes.split_first().ok_or(BatchError(what))?;
    let (value, rest) = postcard::take_from_bytes(rest).ok().ok_or(BatchError(what))?;
    if *version == v1::VERSION && rest.is_empty() { Ok(value) } else { Err(BatchError(what)) }
}

mod v1 {
    use serde::{Deserialize, Serialize};

    pub(super) const VERSION: u8 = 1;

    #[derive(Serialize, Deserialize)]
    pub(super) struct Cursor {
        /// Ordinal, generation, next sequence.
        pub(super) documents: Vec<(u32, u32, u64)>,
    }

    #[derive(Serialize, Deserialize)]
    pub(super) struct Batch<'a> {
        /// Ordinal, generation, sequence, bytes.
        #[serde(borrow)]
        pub(super) changes: Vec<(u32, u32, u64, &'a [u8])>,
        pub(super) more: bool,
    }
}

/// Documents of one group, at most.
pub const DOCUMENTS_MAX: usize = 65_536;
