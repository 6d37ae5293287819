//! One change of a document in automerge's encoding: written by automerge, read by a reader that trusts nothing.
//!
//! Bytes from others never reach automerge. [`read`] takes from them what a change of ours can hold (keys and values),
//! within limits; then the document lets automerge encode the change anew from these and from what it knows itself
//! (actor, sequence, dependency, the operations that are replaced) and compares the bytes. So a change is accepted only
//! if it is, byte for byte, what an honest owner would have made at this point of the document.
//!
//! The layout is that of automerge's storage format, section "Change chunks":
//! <https://automerge.org/automerge-binary-format-spec/>

use std::num::NonZeroU64;
use std::ops::Range;

use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Change, ChangeHash, ExpandedChange, ScalarValue};

/// One write of a change.
pub(crate) struct Write<'a> {
    /// The register.
    pub(crate) key: &'a str,
    /// Its new value.
    pub(crate) value: &'a [u8],
    /// Counter of the operation that it replaces.
    pub(crate) replaces: Option<u64>,
}

/// Where a change stands in its document.
pub(crate) struct Position<'a> {
    /// The document's one actor.
    pub(crate) actor: &'a ActorId,
    /// Number of the change, from 1.
    pub(crate) sequence: u64,
    /// Counter of its first operation, from 1.
    pub(crate) first_operation: NonZeroU64,
    /// The change before it.
    pub(crate) dependency: Option<ChangeHash>,
}

/// The change with these writes, encoded by automerge: a pure function of its arguments.
pub(crate) fn encode(position: &Position<'_>, writes: &[Write<'_>]) -> Change {
    let operation = |write: &Write<'_>| Op {
        action: OpType::Put(ScalarValue::Bytes(write.value.to_vec())),
        obj: ObjectId::Root,
        key: Key::Map(write.key.into()),
        pred: write.replaces.map(|counter| OpId::new(counter, position.actor)).into_iter().collect(),
        insert: false,
    };
    Change::from(ExpandedChange {
        operations: writes.iter().map(operation).collect(),
        actor_id: position.actor.clone(),
        hash: None,
        seq: position.sequence,
        start_op: position.first_operation,
        time: 0,
        message: None,
        deps: position.dependency.into_iter().collect(),
        extra_bytes: Vec::new(),
        author: None,
    })
}

/// What a change says of itself. Only a comparison with [`encode`] shows that the rest of it is right.
pub(crate) struct Claims<'a> {
    /// Bytes of the actor.
    pub(crate) actor: &'a [u8],
    /// Number of the change.
    pub(crate) sequence: u64,
    /// Hash of the one dependency.
    pub(crate) dependency: Option<&'a [u8]>,
    /// Keys, and where in the change their values stand.
    pub(crate) writes: Vec<(&'a str, Range<usize>)>,
}

/// Reads the claims of a change. Time and memory are bounded by the length of the bytes, which the caller bounds.
/// The error names the part that is broken.
pub(crate) fn read(bytes: &[u8]) -> Result<Claims<'_>, &'static str> {
    let mut reader = Reader { bytes, at: 0 };
    if reader.take(4, "magic")? != MAGIC {
        return Err("magic");
    }
    reader.take(4, "checksum")?;
    if reader.take(1, "chunk type")? != [CHUNK_CHANGE] {
        return Err("chunk type");
    }
    if reader.length("chunk length")? != bytes.len() - reader.at {
        return Err("chunk length");
    }
    let dependency = match reader.number("dependencies")? {
        0 => None,
        1 => Some(reader.take(32, "dependency")?),
        _ => return Err("dependencies"),
    };
    let actor_length = reader.length("actor")?;
    let actor = reader.take(actor_length, "actor")?;
    let sequence = reader.number("sequence")?;
    reader.number("first operation")?;
    for part in ["time", "message", "other actors"] {
        if reader.number(part)? != 0 {
            return Err(part);
        }
    }
    let columns = Columns::read(&mut reader)?;
    let keys = columns.keys(bytes)?;
    let values = columns.values(bytes, keys.len())?;
    Ok(Claims { actor, sequence, dependency, writes: keys.into_iter().zip(values).collect() })
}

/// Where the three columns that matter stand.
#[derive(Default)]
struct Columns {
    keys: Range<usize>,
    value_lengths: Range<usize>,
    values: Range<usize>,
}

impl Columns {
    fn read(reader: &mut Reader<'_>) -> Result<Self, &'static str> {
        let count = reader.length("columns")?;
        if count > COLUMNS_MAX {
            return Err("columns");
        }
        let mut specifications = [(0, 0); COLUMNS_MAX];
        for slot in &mut specifications[..count] {
            *slot = (reader.number("column")?, reader.length("column")?);
        }
        let mut columns = Self::default();
        for (specification, length) in &specifications[..count] {
            let start = reader.at;
            reader.take(*length, "column")?;
            match *specification {
                COLUMN_KEYS => columns.keys = start..reader.at,
                COLUMN_VALUE_LENGTHS => columns.value_lengths = start..reader.at,
                COLUMN_VALUES => columns.values = start..reader.at,
                _ => {}
            }
        }
        if reader.at == reader.bytes.len() { Ok(columns) } else { Err("trailing bytes") }
    }

    /// Keys differ from each other, so their run-length encoding is one run of literals.
    fn keys<'a>(&self, bytes: &'a [u8]) -> Result<Vec<&'a str>, &'static str> {
        let mut reader = Reader { bytes: &bytes[..self.keys.end], at: self.keys.start };
        let count = reader.signed("keys")?.checked_neg().and_then(|count| usize::try_from(count).ok()).ok_or("keys")?;
        if count == 0 || count > WRITES_MAX {
            return Err("keys");
        }
        let mut keys: Vec<&str> = Vec::with_capacity(count);
        for _ in 0..count {
            let length = reader.length("key")?;
            let key = std::str::from_utf8(reader.take(length, "key")?).ok().ok_or("key")?;
            if keys.last().is_some_and(|last| *last >= key) {
                return Err("order of keys");
            }
            keys.push(key);
        }
        Ok(keys)
    }

    /// Each value has a length and a kind; the kind is bytes.
    fn values(&self, bytes: &[u8], count: usize) -> Result<Vec<Range<usize>>, &'static str> {
        let mut reader = Reader { bytes: &bytes[..self.value_lengths.end], at: self.value_lengths.start };
        let mut values = Vec::with_capacity(count);
        let mut start = self.values.start;
        while values.len() < count {
            let run = reader.signed("values")?;
            let (literals, repeats) = match run {
                1.. => (1, usize::try_from(run).ok().ok_or("values")?),
                0 => return Err("values"),
                _ => (run.checked_neg().and_then(|run| usize::try_from(run).ok()).ok_or("values")?, 1),
            };
            for _ in 0..literals {
                let metadata = reader.number("value")?;
                if metadata & 0xf != VALUE_BYTES {
                    return Err("kind of value");
                }
                let length = usize::try_from(metadata >> 4).ok().ok_or("value")?;
                for _ in 0..repeats {
                    let end = start.checked_add(length).filter(|end| *end <= self.values.end).ok_or("value")?;
                    if values.len() == count {
                        return Err("values");
                    }
                    values.push(start..end);
                    start = end;
                }
            }
        }
        Ok(values)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize, part: &'static str) -> Result<&'a [u8], &'static str> {
        let end = self.at.checked_add(length).ok_or(part)?;
        let taken = self.bytes.get(self.at..end).ok_or(part)?;
        self.at = end;
        Ok(taken)
    }

    /// An unsigned LEB128 number.
    fn number(&mut self, part: &'static str) -> Result<u64, &'static str> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1, part)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(part);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(part)
    }

    /// A signed LEB128 number of at most 63 bits.
    fn signed(&mut self, part: &'static str) -> Result<i64, &'static str> {
        let mut number = 0_i64;
        for shift in (0..63).step_by(7) {
            let byte = self.take(1, part)?[0];
            number |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let negative = byte & 0x40 != 0;
                return Ok(if negative { number | (-1_i64 << (shift + 7).min(63)) } else { number });
            }
        }
        Err(part)
    }

    fn length(&mut self, part: &'static str) -> Result<usize, &'static str> {
        usize::try_from(self.number(part)?).ok().ok_or(part)
    }
}

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHUNK_CHANGE: u8 = 1;
const COLUMNS_MAX: usize = 16;
/// A column's specification is its id, one bit for compression, and three bits for its type.
const COLUMN_KEYS: u64 = 1 << 4 | 5;
const COLUMN_VALUE_LENGTHS: u64 = 5 << 4 | 6;
const COLUMN_VALUES: u64 = 5 << 4 | 7;
const VALUE_BYTES: u64 = 7;

/// Writes of one change, at most.
pub(crate) const WRITES_MAX: usize = 1_024;
