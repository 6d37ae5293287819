//! What a home says of one workspace, and how it is written into a register.

use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::{ClusterId, Epoch, GroupId, is_segment};

/// One placement of a workspace in the tree: its creation, a move or a rename. Placements of all workspaces form one
/// order by `(lamport, group, id of the workspace, position in the row)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// [`crate::tree::Tree::next_lamport`] of the group that decided, when it decided.
    pub lamport: u64,
    /// The group that decided.
    pub group: GroupId,
    /// The workspace below which the node is placed.
    pub parent: ClusterId,
    /// The name below the parent: one segment of a path.
    pub name: Arc<str>,
    /// Whether the parent's home had reserved the name for this workspace. Such a claim wins over one that was made
    /// while the parent's home was out of reach.
    pub reserved: bool,
}

/// All that a home says of one workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The logical cluster. One segment: `system:` clusters are not workspaces.
    pub id: ClusterId,
    /// How often the logical cluster has changed its owner. Of two groups' rows, the higher epoch is valid.
    pub epoch: Epoch,
    /// Raised by the owner with each change of the row.
    pub version: u64,
    /// Creation first, then moves and renames, at most [`PLACEMENTS_MAX`]. Empty for `root`.
    pub placements: Vec<Placement>,
    /// The workspace is gone. The row stays as a tombstone, because others may hold children of it.
    pub deleted: bool,
    /// What a Workspace object shows (type, phase, labels, ...); opaque to the tree.
    pub content: Bytes,
}

/// Why a row cannot be written, or bytes are not a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The row, encoded, has more than [`ROW_BYTES_MAX`] bytes: the content has to shrink.
    #[error("row has {0} bytes, more than {ROW_BYTES_MAX}")]
    TooLarge(usize),
    /// More than [`PLACEMENTS_MAX`] placements: use [`Row::place`], which folds old ones.
    #[error("row has {0} placements, more than {PLACEMENTS_MAX}")]
    TooManyPlacements(usize),
    /// A name, an id or a group breaks its grammar.
    #[error("row has a {0} that breaks its grammar")]
    Grammar(&'static str),
    /// The bytes are from a version of this program that is newer than this one.
    #[error("row has the unknown version {0}")]
    Version(u8),
    /// The bytes are not a row.
    #[error("row cannot be decoded")]
    Malformed,
}

impl Row {
    /// Adds a move or a rename. A row at its limit gives up an older placement for it: the oldest that, like the one
    /// before it, names the same parent (so that the structure of the tree is the same at all times), or, if there is
    /// none, the oldest after the creation. The creation and the last placement always stay.
    pub fn place(&mut self, placement: Placement) {
        if self.placements.len() >= PLACEMENTS_MAX {
            let rename = (1..self.placements.len() - 1)
                .find(|index| self.placements[*index].parent == self.placements[index - 1].parent);
            self.placements.remove(rename.unwrap_or(1));
        }
        self.placements.push(placement);
    }

    /// The bytes of the row: a version byte and the fields in postcard.
    ///
    /// # Errors
    /// The row breaks a limit or a grammar.
    pub fn encode(&self) -> Result<Vec<u8>, RowError> {
        self.check()?;
        let size = 96 + self.content.len() + 160 * self.placements.len();
        let bytes = postcard::to_extend(&v1::Row::from(self), v1::start(size)).ok().ok_or(RowError::Malformed)?;
        if bytes.len() > ROW_BYTES_MAX { Err(RowError::TooLarge(bytes.len())) } else { Ok(bytes) }
    }

    /// Reads the bytes of a row; they may come from anybody.
    ///
    /// # Errors
    /// The bytes are not a row, or one that breaks a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, RowError> {
        if bytes.len() > ROW_BYTES_MAX {
            return Err(RowError::TooLarge(bytes.len()));
        }
        let (version, rest) = bytes.split_first().ok_or(RowError::Malformed)?;
        if *version != v1::VERSION {
            return Err(RowError::Version(*version));
        }
        let (row, rest) = postcard::take_from_bytes::<v1::Row<'_>>(rest).ok().ok_or(RowError::Malformed)?;
        if !rest.is_empty() {
            return Err(RowError::Malformed);
        }
        let row = Self::try_from(row)?;
        row.check()?;
        Ok(row)
    }

    fn check(&self) -> Result<(), RowError> {
        if self.placements.len() > PLACEMENTS_MAX {
            return Err(RowError::TooManyPlacements(self.placements.len()));
        }
        if !is_segment(self.id.as_str()) {
            return Err(RowError::Grammar("id"));
        }
        for placement in &self.placements {
            if !is_segment(&placement.name) {
                return Err(RowError::Grammar("name"));
            }
            if !is_segment(placement.parent.as_str()) {
                return Err(RowError::Grammar("parent"));
            }
        }
        Ok(())
    }
}

mod v1 {
    use bytes::Bytes;
    use hanse_base::id::{ClusterId, Epoch, GroupId};
    use serde::{Deserialize, Serialize};

    use super::RowError;

    pub(super) const VERSION: u8 = 1;

    /// An output that begins with the version.
    pub(super) fn start(size: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size);
        bytes.push(VERSION);
        bytes
    }

    #[derive(Serialize, Deserialize)]
    pub(super) struct Row<'a> {
        id: &'a str,
        epoch: u64,
        version: u64,
        #[serde(borrow)]
        placements: Vec<Placement<'a>>,
        deleted: bool,
        content: &'a [u8],
    }

    #[derive(Serialize, Deserialize)]
    struct Placement<'a> {
        lamport: u64,
        group: &'a str,
        parent: &'a str,
        name: &'a str,
        reserved: bool,
    }

    impl<'a> From<&'a super::Row> for Row<'a> {
        fn from(row: &'a super::Row) -> Self {
            let placements = row.placements.iter().map(|placement| Placement {
                lamport: placement.lamport,
                group: placement.group.as_str(),
                parent: placement.parent.as_str(),
                name: &placement.name,
                reserved: placement.reserved,
            });
            Self {
                id: row.id.as_str(),
                epoch: row.epoch.0,
                version: row.version,
                placements: placements.collect(),
                deleted: row.deleted,
                content: &row.content,
            }
        }
    }

    impl TryFrom<Row<'_>> for super::Row {
        type Error = RowError;

        fn try_from(row: Row<'_>) -> Result<Self, RowError> {
            let mut placements = Vec::with_capacity(row.placements.len());
            for placement in row.placements {
                placements.push(super::Placement {
                    lamport: placement.lamport,
                    group: GroupId::new(placement.group).ok().ok_or(RowError::Grammar("group"))?,
                    parent: ClusterId::new(placement.parent).ok().ok_or(RowError::Grammar("parent"))?,
                    name: placement.name.into(),
                    reserved: placement.reserved,
                });
            }
            Ok(Self {
                id: ClusterId::new(row.id).ok().ok_or(RowError::Grammar("id"))?,
                epoch: Epoch(row.epoch),
                version: row.version,
                placements,
                deleted: row.deleted,
                content: Bytes::copy_from_slice(row.content),
            })
        }
    }
}

/// Bytes of an encoded row, at most.
pub const ROW_BYTES_MAX: usize = 256 * 1024;
/// Placements of one row, at most.
pub const PLACEMENTS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hanse_base::id::{ClusterId, Epoch, GroupId};
    use proptest::prelude::{any, proptest};

    use super::{PLACEMENTS_MAX, Placement, ROW_BYTES_MAX, Row, RowError};

    fn placement(lamport: u64, parent: &str, name: &str) -> Placement {
        Placement {
            lamport,
            group: GroupId::new("eu").unwrap(),
            parent: ClusterId::new(parent).unwrap(),
            name: name.into(),
            reserved: true,
        }
    }

    fn row() -> Row {
        Row {
            id: ClusterId::new("2a3xe0w4ccbkyd01").unwrap(),
            epoch: Epoch(3),
            version: 300,
            placements: vec![placement(7, "root", "org"), placement(9, "b", "c")],
            deleted: false,
            content: Bytes::from_static(b"{}"),
        }
    }

    #[test]
    fn the_stored_form_of_a_row_does_not_change() {
        let golden: &[u8] = b"\x01\x102a3xe0w4ccbkyd01\x03\xac\x02\x02\x07\x02eu\x04root\x03org\x01\
            \x09\x02eu\x01b\x01c\x01\x00\x02{}";
        assert_eq!(row().encode().unwrap(), golden);
        assert_eq!(Row::decode(golden).unwrap(), row());
    }

    #[test]
    fn a_row_that_breaks_a_limit_is_neither_written_nor_read() {
        let large = Row { content: vec![0; ROW_BYTES_MAX].into(), ..row() };
        assert!(matches!(large.encode(), Err(RowError::TooLarge(_))));
        let name = Row { placements: vec![placement(1, "root", "A")], ..row() };
        assert_eq!(name.encode(), Err(RowError::Grammar("name")));
        let system = Row { id: ClusterId::new("system:admin").unwrap(), ..row() };
        assert_eq!(system.encode(), Err(RowError::Grammar("id")));
        let many = Row { placements: vec![placement(1, "root", "a"); PLACEMENTS_MAX + 1], ..row() };
        assert_eq!(many.encode(), Err(RowError::TooManyPlacements(PLACEMENTS_MAX + 1)));
        let mut bytes = row().encode().unwrap();
        bytes.push(0);
        assert_eq!(Row::decode(&bytes), Err(RowError::Malformed));
        bytes[0] = 2;
        assert_eq!(Row::decode(&bytes), Err(RowError::Version(2)));
        assert_eq!(Row::decode(&[]), Err(RowError::Malformed));
    }

    #[test]
    fn a_row_at_its_limit_folds_renames_first_and_keeps_its_creation() {
        let mut row = Row { placements: vec![placement(0, "root", "a")], ..row() };
        for lamport in 1..64 {
            row.place(placement(lamport, &format!("p{}", if lamport == 40 { 39 } else { lamport }), "a"));
        }
        row.place(placement(64, "p64", "a"));
        assert!(row.placements.iter().all(|placement| placement.lamport != 40), "the rename goes first");
        row.place(placement(65, "p65", "a"));
        let lamports: Vec<u64> = row.placements.iter().map(|placement| placement.lamport).collect();
        assert_eq!((lamports.len(), lamports[0], lamports[1], lamports[63]), (64, 0, 2, 65));
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(bytes: Vec<u8>, position: proptest::sample::Index, with in any::<u8>()) {
            drop(Row::decode(&bytes));
            let mut mutated = row().encode().unwrap();
            let position = position.index(mutated.len());
            mutated[position] = with;
            if let Ok(row) = Row::decode(&mutated) {
                assert!(row.encode().is_ok());
            }
        }
    }
}
