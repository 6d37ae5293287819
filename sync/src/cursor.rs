//! How far a change stream has been followed.
//!
//! A group's changes lie in documents. A document has one writer, and its changes are numbered from zero without a gap.
//! The writer may begin a document anew, as its next generation, again from zero.

use std::collections::BTreeMap;

use bytes::Bytes;

/// The place in one document from which on changes are wanted, or up to which they exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Number of the document in its group.
    pub document: u32,
    /// How often the document was begun anew.
    pub generation: u32,
    /// The first change not yet held.
    pub next_sequence: u64,
}

/// Changes of one document that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Number of the document in its group.
    pub document: u32,
    /// The generation that they belong to.
    pub generation: u32,
    /// Sequence of the first.
    pub first_sequence: u64,
    /// The changes, oldest first, never empty. They are slices of the frame they came in: copy what is kept for long.
    pub changes: Vec<Bytes>,
}

/// Changes do not follow what is held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "changes of document {document} begin at {first_sequence} of generation {generation}, \
     held is generation {held_generation} up to {held_sequence}"
)]
pub struct Gap {
    /// Number of the document.
    pub document: u32,
    /// Generation of the changes.
    pub generation: u32,
    /// Sequence of the first change.
    pub first_sequence: u64,
    /// Generation that is held.
    pub held_generation: u32,
    /// The first change of it that is not held.
    pub held_sequence: u64,
}

/// One position for each document that anything is held of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    documents: BTreeMap<u32, (u32, u64)>,
}

impl Cursor {
    /// A cursor at these positions; of two for one document, the later one counts.
    #[must_use]
    pub fn new(positions: impl IntoIterator<Item = Position>) -> Self {
        let mut cursor = Self::default();
        for position in positions {
            let place = (position.generation, position.next_sequence);
            let held = cursor.documents.entry(position.document).or_insert(place);
            *held = place.max(*held);
        }
        cursor
    }

    /// The position in a document; generation 0, sequence 0 if nothing is held.
    #[must_use]
    pub fn position(&self, document: u32) -> Position {
        let (generation, next_sequence) = self.documents.get(&document).copied().unwrap_or_default();
        Position { document, generation, next_sequence }
    }

    /// All positions, in the order of the documents.
    pub fn positions(&self) -> impl Iterator<Item = Position> + '_ {
        self.documents.iter().map(|(&document, &(generation, next_sequence))| Position {
            document,
            generation,
            next_sequence,
        })
    }

    /// Moves past the changes, which must be the very next ones of the generation held, or the first of a later one.
    ///
    /// # Errors
    /// They are not; the cursor stays as it is.
    pub fn advance(&mut self, changes: &Changes) -> Result<(), Gap> {
        let held = self.position(changes.document);
        let follows = changes.generation == held.generation && changes.first_sequence == held.next_sequence;
        let begins_anew = changes.generation > held.generation && changes.first_sequence == 0;
        let after = changes.first_sequence.checked_add(changes.changes.len() as u64);
        match after {
            Some(after) if (follows || begins_anew) && !changes.changes.is_empty() => {
                self.documents.insert(changes.document, (changes.generation, after));
                Ok(())
            }
            _ => Err(Gap {
                document: changes.document,
                generation: changes.generation,
                first_sequence: changes.first_sequence,
                held_generation: held.generation,
                held_sequence: held.next_sequence,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Changes, Cursor, Position};

    #[test]
    fn a_cursor_moves_only_past_changes_that_follow() {
        let changes = |generation, first_sequence, count| Changes {
            document: 3,
            generation,
            first_sequence,
            changes: vec![Bytes::from_static(b"x"); count],
        };
        let start = Cursor::new([Position { document: 3, generation: 2, next_sequence: 10 }]);
        for (generation, first, count, after) in [
            (2, 10, 5, Some((2, 15))),
            (3, 0, 1, Some((3, 1))),
            (7, 0, 2, Some((7, 2))),
            (2, 9, 5, None),
            (2, 11, 5, None),
            (1, 0, 1, None),
            (3, 1, 1, None),
            (2, 10, 0, None),
        ] {
            let mut cursor = start.clone();
            let moved = cursor.advance(&changes(generation, first, count)).is_ok();
            let place = cursor.position(3);
            assert_eq!(moved, after.is_some(), "{generation} {first} {count}");
            assert_eq!((place.generation, place.next_sequence), after.unwrap_or((2, 10)));
        }
        let last = Position { document: 3, generation: 2, next_sequence: u64::MAX };
        assert!(Cursor::new([last]).advance(&changes(2, u64::MAX, 1)).is_err(), "the last number cannot be passed");
    }
}
