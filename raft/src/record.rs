//! One record of the log file: length, checksum, kind, sequence, the sequence known to be synced, payload.
//!
//! The sequence counts records of all kinds without a gap. `synced` proves a fact at recovery: when a record says that
//! everything up to N was synced before it was written, then damage at or below N cannot be a torn write.

/// Bytes before the payload.
pub(crate) const HEAD: usize = 4 + 4 + 1 + 8 + 8;
/// Longest payload. A longer length in a file is damage.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind {
    /// State of the log before a segment: makes earlier segments superfluous once their entries are purged.
    Base = 1,
    /// A log entry.
    Entry = 2,
    /// A vote.
    Vote = 3,
    /// Up to where the log is known to be committed. A hint, never synced for its own sake.
    Committed = 4,
    /// Entries after an index are gone.
    Truncate = 5,
    /// Entries up to a log id are gone, because a snapshot holds them.
    Purge = 6,
    /// Nothing but the fact in `synced`.
    Marker = 7,
}

impl RecordKind {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Base,
            2 => Self::Entry,
            3 => Self::Vote,
            4 => Self::Committed,
            5 => Self::Truncate,
            6 => Self::Purge,
            7 => Self::Marker,
            _ => return None,
        })
    }
}

/// A record as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) kind: RecordKind,
    pub(crate) sequence: u64,
    pub(crate) synced: u64,
    pub(crate) payload: &'a [u8],
}

impl Record<'_> {
    /// Bytes of the whole record.
    pub(crate) fn bytes(&self) -> usize {
        HEAD + self.payload.len()
    }
}

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("the file ends within a record")]
    Short,
    #[error("the length {0} is impossible")]
    Length(u32),
    #[error("the checksum does not match")]
    Checksum,
    #[error("the kind {0} is unknown")]
    Kind(u8),
}

/// Appends a record. The salt belongs to the log and is secret enough that no payload can pretend to be a record.
///
/// # Panics
/// If the payload is longer than [`PAYLOAD_BYTES_MAX`], which the limits on proposals rule out.
pub(crate) fn encode(out: &mut Vec<u8>, salt: u32, record: &Record<'_>) {
    assert!(record.payload.len() <= PAYLOAD_BYTES_MAX, "a record of {} bytes", record.payload.len());
    let length = u32::try_from(record.payload.len()).expect("checked above");
    let start = out.len();
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.push(record.kind as u8);
    out.extend_from_slice(&record.sequence.to_le_bytes());
    out.extend_from_slice(&record.synced.to_le_bytes());
    out.extend_from_slice(record.payload);
    let checksum = checksum(salt, length, &out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
}

/// Reads the record at the front of the bytes.
///
/// # Errors
/// The bytes do not begin with a whole, undamaged record.
pub(crate) fn decode(bytes: &[u8], salt: u32) -> Result<Record<'_>, RecordError> {
    let head = bytes.get(..HEAD).ok_or(RecordError::Short)?;
    let length = le_u32(&head[0..4]);
    let payload_bytes = usize::try_from(length).unwrap_or(usize::MAX);
    if payload_bytes > PAYLOAD_BYTES_MAX {
        return Err(RecordError::Length(length));
    }
    let payload = bytes.get(HEAD..HEAD + payload_bytes).ok_or(RecordError::Short)?;
    if checksum(salt, length, &bytes[8..HEAD + payload_bytes]) != le_u32(&head[4..8]) {
        return Err(RecordError::Checksum);
    }
    let kind = RecordKind::from_byte(head[8]).ok_or(RecordError::Kind(head[8]))?;
    Ok(Record { kind, sequence: le_u64(&head[9..17]), synced: le_u64(&head[17..25]), payload })
}

/// The sequence that the bytes claim, without a look at the checksum: a cheap filter for scans.
pub(crate) fn claimed_sequence(bytes: &[u8]) -> Option<u64> {
    bytes.get(9..17).map(le_u64)
}

fn checksum(salt: u32, length: u32, rest: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(salt);
    hasher.update(&length.to_le_bytes());
    hasher.update(rest);
    hasher.finalize()
}

pub(crate) fn le_u32(bytes: &[u8]) -> u32 {
    let mut array = [0; 4];
    array.copy_from_slice(bytes);
    u32::from_le_bytes(array)
}

pub(crate) fn le_u64(bytes: &[u8]) -> u64 {
    let mut array = [0; 8];
    array.copy_from_slice(bytes);
    u64::from_le_bytes(array)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{Record, RecordError, RecordKind, decode, encode};

    fn sample(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, 7, &Record { kind: RecordKind::Entry, sequence: 9, synced: 8, payload });
        out
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let bytes = sample(b"abc");
        let record = decode(&bytes, 7).unwrap();
        assert_eq!(
            (record.kind, record.sequence, record.synced, record.payload),
            (RecordKind::Entry, 9, 8, &b"abc"[..])
        );
        assert_eq!(
            decode(&bytes, 8),
            Err(RecordError::Checksum),
            "a record of another log is not taken for one of this"
        );
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let bytes = sample(b"some payload");
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&damaged, 7).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length], 7).is_err(), "cut at {length}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, salt in any::<u32>()) {
            assert!(decode(&bytes, salt).is_err());
        }
    }
}
