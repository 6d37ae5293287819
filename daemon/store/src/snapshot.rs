//! The state as bytes. Readers of a snapshot trust nothing in it: every length has a limit, and what is not a state of
//! the group is an error that says what is wrong.
//!
//! ```text
//! "hanse state" 3 | length record | length record | ...        lengths: four bytes, little endian; records: postcard
//! head, membership, restoration, what waits, clusters, reservations, documents, objects, changes, end: in this order, each
//! kind sorted
//! ```
//!
//! The window of events is no part of it: who watches across a restored snapshot lists again. What can be had from the
//! rest (the tree, counts, indexes) is made anew.

use std::io::{self, BufReader, BufWriter, Read, Write};

use hanse_base::id::GroupId;
use hanse_tree::document::DocumentError;

use crate::history::HistoryLimits;
use crate::state::State;

mod load;
mod v3;

/// Why a snapshot cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It cannot be read to its end.
    #[error("the snapshot cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It does not begin as a snapshot does.
    #[error("this is not a snapshot of a group's state")]
    Foreign,
    /// It was written by a newer daemon, or by one older than the first release.
    #[error("the snapshot has the unknown version {0}; this daemon reads version {version}", version = v3::VERSION)]
    Version(u8),
    /// It is the state of another group.
    #[error("the snapshot is of group {found}, not of {expected}")]
    Group {
        /// Whose it is.
        found: GroupId,
        /// Whose it should be.
        expected: GroupId,
    },
    /// Its parts do not fit together.
    #[error("the snapshot is damaged: {0}")]
    Damaged(&'static str),
    /// A document of the tree in it is damaged.
    #[error("the snapshot is damaged in document {document}: {error}")]
    Document {
        /// Which.
        document: String,
        /// What is wrong with it.
        error: DocumentError,
    },
}

impl State {
    /// Writes the state. The same state gives the same bytes on every replica.
    ///
    /// # Errors
    /// The output refuses.
    pub fn write(&self, output: &mut dyn Write) -> io::Result<()> {
        let mut output = BufWriter::with_capacity(BUFFER_BYTES, output);
        output.write_all(MAGIC)?;
        output.write_all(&[v3::VERSION])?;
        v3::write(self, &mut output)?;
        output.flush()
    }
}

/// Reads a state of the group.
///
/// # Errors
/// See [`SnapshotError`].
pub fn restore(input: &mut dyn Read, group: &GroupId, limits: HistoryLimits) -> Result<State, SnapshotError> {
    let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
    let mut start = [0; MAGIC.len() + 1];
    input.read_exact(&mut start)?;
    let [magic @ .., version] = start;
    if magic != *MAGIC {
        return Err(SnapshotError::Foreign);
    }
    if ![v3::VERSION, v3::PREVIOUS].contains(&version) {
        return Err(SnapshotError::Version(version));
    }
    load::load(&mut input, version, group, limits)
}

const MAGIC: &[u8; 11] = b"hanse state";
const BUFFER_BYTES: usize = 128 * 1024;
