//! One document: rows of one group, in the order in which their home wrote them.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;

use automerge::{ActorId, Automerge, AutomergeError, Change, ChangeHash};
use bytes::Bytes;
use hanse_base::id::{ClusterId, GroupId};
use imbl::{OrdMap, Vector};

use crate::change::{self, Position, Write};
use crate::row::{Row, RowError};

/// Which document, of whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentId {
    /// The one group that writes it.
    pub group: GroupId,
    /// Its number among the documents of the group, from 0.
    pub ordinal: u32,
    /// How often its owner has written it anew, to shed its history.
    pub generation: u32,
}

impl DocumentId {
    /// The one actor of the document: the group's name, a zero byte, and the two numbers.
    fn actor(&self) -> ActorId {
        let mut bytes = self.group.as_str().as_bytes().to_vec();
        bytes.push(0);
        bytes.extend(self.ordinal.to_be_bytes());
        bytes.extend(self.generation.to_be_bytes());
        ActorId::from(bytes)
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.{}", self.group, self.ordinal, self.generation)
    }
}

/// Why a change was refused. The document is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Changes between are missing: ask for them.
    #[error("change {got} came where {expected} is next")]
    Gap {
        /// The next sequence here.
        expected: u64,
        /// The sequence that came.
        got: u64,
    },
    /// The owner's history is not the one held here, as after a restore from a backup: the owner has to restart the
    /// document ([`crate::documents::Documents::restart_above`]).
    #[error("change {0} does not continue the history that is held")]
    Diverged(u64),
    /// The change is of another document or another group; the sender is broken or hostile.
    #[error("change is not of this document's owner")]
    Owner,
    /// A limit of changes, rows or documents is passed; the sender is broken or hostile.
    #[error("{0} passes its limit")]
    TooLarge(&'static str),
    /// The bytes are not a change that an owner would write here; the sender is broken or hostile.
    #[error("change has a malformed {0}")]
    Malformed(&'static str),
    /// A row of the change is malformed; the sender is broken, hostile, or of a newer version.
    #[error("change has a malformed row")]
    Row(#[from] RowError),
    /// The workspace has its row in another document of the group.
    #[error("workspace {id} has its row in document {ordinal}")]
    Elsewhere {
        /// The workspace.
        id: ClusterId,
        /// The document that holds its row.
        ordinal: u32,
    },
}

/// What a merge brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// Rows that are new or changed.
    pub rows: Vec<Row>,
    /// Rows that are gone without a tombstone.
    pub removed: Vec<ClusterId>,
}

/// One automerge document with one writer. A copy costs next to nothing.
///
/// Relations: `registers` point into `log`; `operations` counts the writes of all changes; a document of a generation
/// above 0 begins with a change that says how many changes restate what the generation before it held.
#[derive(Clone)]
pub struct Document {
    id: DocumentId,
    actor: ActorId,
    /// All changes, as automerge encodes them. Change `n` stands at `n - 1`.
    log: Vector<Bytes>,
    head: Option<ChangeHash>,
    operations: u32,
    registers: OrdMap<ClusterId, Register>,
    /// Changes that restate the generation before.
    restated: u32,
    live: usize,
    live_bytes: usize,
    history_bytes: usize,
    /// Writes since the last commit; empty bytes forget the row.
    pending: BTreeMap<ClusterId, Bytes>,
}

/// The value of a register: where it stands in the log. No length means that the row is forgotten.
#[derive(Clone, Copy)]
struct Register {
    /// Counter of the operation that wrote it.
    operation: u32,
    sequence: u32,
    start: u32,
    length: u32,
}

impl Document {
    /// An empty document.
    #[must_use]
    pub fn create(id: DocumentId) -> Self {
        Self {
            actor: id.actor(),
            id,
            log: Vector::new(),
            head: None,
            operations: 0,
            registers: OrdMap::new(),
            restated: 0,
            live: 0,
            live_bytes: 0,
            history_bytes: 0,
            pending: BTreeMap::new(),
        }
    }

    /// Writes a row; [`Self::commit`] makes it part of the document. A row that is already held as it is costs nothing.
    ///
    /// # Errors
    /// The row breaks a limit; nothing is written.
    pub fn put(&mut self, row: &Row) -> Result<(), RowError> {
        self.put_encoded(&row.id, row.encode()?);
        Ok(())
    }

    /// Writes the bytes of a row.
    pub(crate) fn put_encoded(&mut self, id: &ClusterId, bytes: Vec<u8>) {
        if self.value(id).is_some_and(|held| held == bytes) {
            self.pending.remove(id);
        } else {
            self.pending.insert(id.clone(), bytes.into());
        }
    }

    /// Forgets a row, leaving no tombstone. Only for rows that nobody can refer to any more.
    pub fn forget(&mut self, id: &ClusterId) {
        if self.value(id).is_some() {
            self.pending.insert(id.clone(), Bytes::new());
        } else {
            self.pending.remove(id);
        }
    }

    /// Writes all puts since the last commit as one change (more, if they pass the limits of one change) and gives the
    /// changes' bytes. Deterministic: the same commits make the same bytes on every replica.
    pub fn commit(&mut self) -> Vec<Bytes> {
        let pending = std::mem::take(&mut self.pending);
        let writes: Vec<(&str, &[u8])> = pending.iter().map(|(id, value)| (id.as_str(), &**value)).collect();
        parts(&writes).into_iter().map(|part| self.append(part)).collect()
    }

    /// Takes in a change of the owner. A change that is already held brings nothing.
    ///
    /// # Errors
    /// The change is not what the owner would have written next; the document is unchanged.
    pub fn merge(&mut self, sequence: u64, change: &[u8]) -> Result<Merged, DocumentError> {
        let expected = self.next_sequence();
        if sequence == 0 {
            return Err(DocumentError::Malformed("sequence"));
        }
        if let Some(held) = self.change(sequence) {
            return if *held == *change { Ok(Merged::default()) } else { Err(DocumentError::Diverged(sequence)) };
        }
        if sequence > expected {
            return Err(DocumentError::Gap { expected, got: sequence });
        }
        if change.len() > CHANGE_BYTES_MAX {
            return Err(DocumentError::TooLarge("change"));
        }
        let claims = change::read(change).map_err(DocumentError::Malformed)?;
        if claims.actor != self.actor.to_bytes() {
            return Err(DocumentError::Owner);
        }
        if claims.sequence != sequence {
            return Err(DocumentError::Malformed("sequence"));
        }
        if claims.dependency != self.head.as_ref().map(AsRef::as_ref) {
            return Err(DocumentError::Diverged(sequence));
        }
        let writes: Vec<(&str, &[u8])> =
            claims.writes.iter().map(|(key, value)| (*key, &change[value.clone()])).collect();
        let merged = self.admit(&writes)?;
        let encoded = self.encode(&writes);
        if encoded.raw_bytes() != change {
            return Err(DocumentError::Malformed("encoding"));
        }
        self.hold(&encoded);
        Ok(merged)
    }

    /// The document under the next generation: the same rows, with as little history as can be. Also gives its changes.
    ///
    /// # Panics
    /// Never: a document has fewer rows than a change can count.
    #[must_use]
    pub fn restarted(&self, generation: u32) -> (Self, Vec<Bytes>) {
        let mut next = Self::create(DocumentId { generation, ..self.id.clone() });
        let values: Vec<(&str, Bytes)> =
            self.live_registers().map(|(id, register)| (id.as_str(), self.read(register))).collect();
        let writes: Vec<(&str, &[u8])> = values.iter().map(|(key, value)| (*key, &**value)).collect();
        let parts = parts(&writes);
        let count = u32::try_from(parts.len().max(1)).expect("fewer changes than rows");
        let restated = [&[RESTATED_VERSION], &count.to_le_bytes()[..]].concat();
        let mut first: Vec<(&str, &[u8])> = vec![(RESTATED_KEY, &restated)];
        let mut parts = parts.into_iter();
        first.extend(parts.next().unwrap_or_default());
        let mut changes = vec![next.append(&first)];
        changes.extend(parts.map(|part| next.append(part)));
        (next, changes)
    }

    /// Which document this is.
    #[must_use]
    pub fn id(&self) -> &DocumentId {
        &self.id
    }

    /// Sequence of the change that comes next, from 1.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.log.len() as u64 + 1
    }

    /// Rows held, tombstones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether no row is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Bytes of all changes: what the document costs in memory, nearly, and on disk.
    #[must_use]
    pub fn history_bytes(&self) -> usize {
        self.history_bytes
    }

    /// Whether puts wait for a commit.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether all that the generation before it held is here.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.id.generation == 0 || (!self.log.is_empty() && self.log.len() >= self.restated as usize)
    }

    /// Whether the history has grown so much beyond the rows that the owner should restart the document. A pure
    /// function of the changes.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.history_bytes > HISTORY_FACTOR_MAX * (self.live_bytes + REGISTER_BYTES * self.live) + HISTORY_BYTES_MIN
            || self.operations > u32::MAX / 2
    }

    /// The committed row of a workspace.
    #[must_use]
    pub fn get(&self, id: &ClusterId) -> Option<Row> {
        self.value(id).map(|bytes| decode(&bytes))
    }

    /// All committed rows, by id.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        self.live_registers().map(|(_, register)| decode(&self.read(register)))
    }

    /// The ids of all committed rows, sorted.
    pub fn ids(&self) -> impl Iterator<Item = &ClusterId> + '_ {
        self.live_registers().map(|(id, _)| id)
    }

    /// A change by its sequence.
    #[must_use]
    pub fn change(&self, sequence: u64) -> Option<&Bytes> {
        self.log.get(usize::try_from(sequence.checked_sub(1)?).ok()?)
    }

    /// Puts that wait for a commit.
    pub(crate) fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Whether nothing was ever written.
    pub(crate) fn is_unused(&self) -> bool {
        self.log.is_empty() && self.pending.is_empty()
    }

    /// Whether the workspace ever had a row here since the document was begun.
    pub(crate) fn knows(&self, id: &ClusterId) -> bool {
        self.registers.contains_key(id)
    }

    /// Rows that were forgotten since the document was begun, sorted.
    pub(crate) fn forgotten(&self) -> impl Iterator<Item = &ClusterId> + '_ {
        self.registers.iter().filter(|(_, register)| register.length == 0).map(|(id, _)| id)
    }

    /// The committed bytes of a row.
    pub(crate) fn value(&self, id: &ClusterId) -> Option<Bytes> {
        self.registers.get(id).filter(|register| register.length > 0).map(|register| self.read(register))
    }

    /// Committed changes, for [`Self::load`]: a version byte, then each change behind its length (little endian, four
    /// bytes). Puts that wait for a commit are not part of it.
    ///
    /// # Panics
    /// Never: changes are bounded.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.history_bytes + 4 * self.log.len());
        bytes.push(SAVED_VERSION);
        for change in &self.log {
            let length = u32::try_from(change.len()).expect("changes are bounded");
            bytes.extend(length.to_le_bytes());
            bytes.extend_from_slice(change);
        }
        bytes
    }

    /// A document from its saved form. It goes on exactly as the one that was saved would have.
    ///
    /// # Errors
    /// The bytes are not those of this document.
    pub fn load(id: DocumentId, bytes: &[u8]) -> Result<Self, DocumentError> {
        let mut document = Self::create(id);
        let (version, mut rest) = bytes.split_first().ok_or(DocumentError::Malformed("saved document"))?;
        if *version != SAVED_VERSION {
            return Err(DocumentError::Malformed("version of a saved document"));
        }
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk().ok_or(DocumentError::Malformed("saved document"))?;
            let length = u32::from_le_bytes(*length) as usize;
            let change = after.get(..length).ok_or(DocumentError::Malformed("saved document"))?;
            document.merge(document.next_sequence(), change)?;
            rest = &after[length..];
        }
        Ok(document)
    }

    /// The loaded automerge document with the same changes: for export, and for tests of this module's reading.
    ///
    /// # Errors
    /// Automerge refuses a change, which would be an error of this module.
    pub fn automerge(&self) -> Result<Automerge, AutomergeError> {
        let mut automerge = Automerge::new();
        for bytes in &self.log {
            automerge.load_incremental(bytes)?;
        }
        Ok(automerge)
    }

    /// The relations that hold between the parts of a document.
    ///
    /// # Panics
    /// One does not hold.
    pub fn check(&self) {
        let live: Vec<_> = self.live_registers().collect();
        assert_eq!(live.len(), self.live, "live rows of {}", self.id);
        let bytes: usize = live.iter().map(|(_, register)| register.length as usize).sum();
        assert_eq!(bytes, self.live_bytes, "bytes of live rows of {}", self.id);
        let history: usize = self.log.iter().map(Bytes::len).sum();
        assert_eq!(history, self.history_bytes, "bytes of changes of {}", self.id);
        for (id, register) in live {
            let row = Row::decode(&self.read(register)).expect("a held row is valid");
            assert_eq!(row.id, *id, "a row stands in its own register");
        }
    }

    /// Whether the writes may come next, and what they bring.
    fn admit(&self, writes: &[(&str, &[u8])]) -> Result<Merged, DocumentError> {
        let mut merged = Merged::default();
        let mut created = 0;
        let states = self.id.generation > 0 && self.log.is_empty();
        if states != writes.first().is_some_and(|(key, _)| *key == RESTATED_KEY) {
            return Err(DocumentError::Malformed("beginning of a generation"));
        }
        for (key, value) in writes {
            if *key == RESTATED_KEY {
                restated(value).ok_or(DocumentError::Malformed("beginning of a generation"))?;
                continue;
            }
            let id = ClusterId::new(key).ok().ok_or(DocumentError::Malformed("key"))?;
            created += usize::from(!self.registers.contains_key(&id));
            if value.is_empty() {
                if self.value(&id).is_none() {
                    return Err(DocumentError::Malformed("forgotten row"));
                }
                merged.removed.push(id);
            } else {
                let row = Row::decode(value)?;
                if row.id != id {
                    return Err(DocumentError::Malformed("key"));
                }
                merged.rows.push(row);
            }
        }
        let operations = self.operations as usize + writes.len();
        if self.registers.len() + created > REGISTERS_MAX || operations > u32::MAX as usize {
            return Err(DocumentError::TooLarge("document"));
        }
        Ok(merged)
    }

    /// Writes the next change.
    fn append(&mut self, writes: &[(&str, &[u8])]) -> Bytes {
        let encoded = self.encode(writes);
        self.hold(&encoded)
    }

    fn encode(&self, writes: &[(&str, &[u8])]) -> Change {
        let replaces = |key: &str| {
            let id = ClusterId::new(key).ok()?;
            self.registers.get(&id).map(|register| u64::from(register.operation))
        };
        let writes: Vec<Write<'_>> =
            writes.iter().map(|(key, value)| Write { key, value, replaces: replaces(key) }).collect();
        let position = Position {
            actor: &self.actor,
            sequence: self.next_sequence(),
            first_operation: NonZeroU64::MIN.saturating_add(self.operations.into()),
            dependency: self.head,
        };
        change::encode(&position, &writes)
    }

    /// Makes a change, valid here, part of the document.
    fn hold(&mut self, change: &Change) -> Bytes {
        let bytes = Bytes::copy_from_slice(change.raw_bytes());
        let sequence = u32::try_from(self.next_sequence()).expect("a document has fewer changes than operations");
        let claims = change::read(&bytes).expect("what automerge has written can be read");
        for (key, value) in claims.writes {
            self.operations += 1;
            if key == RESTATED_KEY {
                self.restated = restated(&bytes[value]).expect("the beginning of a generation was checked");
                continue;
            }
            let register = Register {
                operation: self.operations,
                sequence,
                start: u32::try_from(value.start).expect("changes are bounded"),
                length: u32::try_from(value.len()).expect("changes are bounded"),
            };
            let id = ClusterId::new(key).expect("keys were checked");
            let before = self.registers.get(&id).map_or(0, |register| register.length as usize);
            self.live = self.live + usize::from(!value.is_empty()) - usize::from(before > 0);
            self.live_bytes = self.live_bytes + value.len() - before;
            self.registers.insert(id, register);
        }
        self.history_bytes += bytes.len();
        self.head = Some(change.hash());
        self.log.push_back(bytes.clone());
        bytes
    }

    fn live_registers(&self) -> impl Iterator<Item = (&ClusterId, &Register)> + '_ {
        self.registers.iter().filter(|(_, register)| register.length > 0)
    }

    fn read(&self, register: &Register) -> Bytes {
        let start = register.start as usize;
        self.log[register.sequence as usize - 1].slice(start..start + register.length as usize)
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({}, {} changes, {} rows)", self.id, self.log.len(), self.live)
    }
}

fn decode(bytes: &[u8]) -> Row {
    Row::decode(bytes).expect("a row is checked before it is held")
}

/// How many changes restate the generation before.
fn restated(value: &[u8]) -> Option<u32> {
    let (version, count) = value.split_first()?;
    let count = u32::from_le_bytes(count.try_into().ok()?);
    (*version == RESTATED_VERSION && (1..=RESTATED_MAX).contains(&count)).then_some(count)
}

/// Cuts writes into changes within their limits.
fn parts<'w, 'b>(writes: &'w [(&'b str, &'b [u8])]) -> Vec<&'w [(&'b str, &'b [u8])]> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, (_, value)) in writes.iter().enumerate() {
        // One place is left for the beginning of a generation.
        if index > start && (index - start == change::WRITES_MAX - 1 || bytes + value.len() > VALUES_BYTES_MAX) {
            parts.push(&writes[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += value.len();
    }
    if start < writes.len() {
        parts.push(&writes[start..]);
    }
    parts
}

const SAVED_VERSION: u8 = 1;
/// The register that begins a generation: no workspace can have this id, and it sorts before all of them.
const RESTATED_KEY: &str = "#restated";
const RESTATED_VERSION: u8 = 1;
const RESTATED_MAX: u32 = 65_536;
/// Bytes of the values of one change, at most, unless it holds one row only.
const VALUES_BYTES_MAX: usize = 512 * 1024;
/// Bytes of one change from others, at most.
pub const CHANGE_BYTES_MAX: usize = 1024 * 1024;
/// Rows of one document from others, at most, with those that were forgotten since its last restart.
const REGISTERS_MAX: usize = 65_536;
/// A document is restarted when its changes have more than this many times the bytes of its rows. Every restart sends
/// all rows to all regions, so that updates cost a third more than they would without; history costs memory.
const HISTORY_FACTOR_MAX: usize = 4;
/// Bytes that a row costs in a change beside its own.
const REGISTER_BYTES: usize = 40;
/// A document with less history is never restarted.
const HISTORY_BYTES_MIN: usize = 64 * 1024;

#[cfg(test)]
mod document_test;
