//! One file of the log: its head, its name, and the walk over its records.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hanse_base::disk::{Disk, DiskFile};
use hanse_base::id::{DaemonId, GroupId};

use crate::form::NUMBER_MAX;
use crate::record::{HEAD, Record, RecordError, claimed_sequence, decode, le_u32, le_u64};

/// Bytes of the head.
pub(crate) const HEADER_BYTES: usize = 104;
/// Length of every file name: twenty digits and the ending.
const NAME_BYTES: usize = 24;
const MAGIC: &[u8; 8] = b"hanselog";
const VERSION: u32 = 1;

/// Whose log it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) group: GroupId,
    pub(crate) daemon: DaemonId,
}

/// What the head of a segment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) identity: Identity,
    /// Mixed into the checksum of every record.
    pub(crate) salt: u32,
    /// Sequence of the first record.
    pub(crate) first_sequence: u64,
}

/// Why a head cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderError {
    #[error("the file ends within its head")]
    Short,
    #[error("the head is not that of a log segment, or is damaged")]
    Damaged,
    #[error("the format version {0} is not known to this program")]
    Version(u32),
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.salt.to_le_bytes());
        out.extend_from_slice(&self.identity.daemon.0.to_le_bytes());
        out.extend_from_slice(&self.first_sequence.to_le_bytes());
        let mut name = [0; 68];
        let group = self.identity.group.as_str().as_bytes();
        name[..group.len()].copy_from_slice(group);
        out.extend_from_slice(&name);
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        debug_assert_eq!(out.len(), HEADER_BYTES);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let head = bytes.get(..HEADER_BYTES).ok_or(HeaderError::Short)?;
        let (body, checksum) = head.split_at(HEADER_BYTES - 4);
        if &body[..8] != MAGIC || crc32fast::hash(body) != le_u32(checksum) {
            return Err(HeaderError::Damaged);
        }
        let version = le_u32(&body[8..12]);
        if version != VERSION {
            return Err(HeaderError::Version(version));
        }
        let name = &body[32..];
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        let name = std::str::from_utf8(&name[..end]).ok().and_then(|name| GroupId::new(name).ok());
        let group = name.ok_or(HeaderError::Damaged)?;
        let identity = Identity { group, daemon: DaemonId(le_u64(&body[16..24])) };
        let first_sequence = le_u64(&body[24..32]);
        if first_sequence > NUMBER_MAX {
            return Err(HeaderError::Damaged);
        }
        Ok(Self { identity, salt: le_u32(&body[12..16]), first_sequence })
    }
}

/// A segment that is on disk.
#[derive(Clone)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) first_sequence: u64,
    /// Bytes in the file.
    pub(crate) bytes: u64,
    /// Highest index of an entry that the log held when the segment was finished.
    pub(crate) last_index: Option<u64>,
}

impl Segment {
    /// Creates the file and writes its head. Durable after [`DiskFile::sync`] and [`Disk::sync_directory`].
    pub(crate) fn create(disk: &dyn Disk, directory: &Path, header: &Header) -> io::Result<Self> {
        let path = directory.join(file_name(header.first_sequence));
        let file: Arc<dyn DiskFile> = Arc::from(disk.create(&path)?);
        file.append(&header.encode())?;
        let bytes = HEADER_BYTES as u64;
        Ok(Self { path, file, first_sequence: header.first_sequence, bytes, last_index: None })
    }
}

/// The name of the segment that begins with the sequence.
pub(crate) fn file_name(first_sequence: u64) -> String {
    format!("{first_sequence:020}.log")
}

/// The first sequence that a file name tells, if it is the name of a segment.
pub(crate) fn sequence_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let digits = name.strip_suffix(".log")?;
    if name.len() != NAME_BYTES || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// How the walk over a segment's records ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// At the end of the file, after a whole record.
    Clean,
    /// At bytes that are no record, with nothing after them that proves that they once were durable.
    Torn { offset: usize, why: RecordError },
    /// At bytes that once were durable.
    Damaged { offset: usize, why: String },
}

/// Walks over the records of a segment. `visit` sees each valid record in order, with its offset.
///
/// `next` is the sequence that the first record must have; afterwards it is the one after the last valid record.
pub(crate) fn walk<'a, E>(
    bytes: &'a [u8],
    salt: u32,
    next: &mut u64,
    mut visit: impl FnMut(usize, Record<'a>) -> Result<(), E>,
) -> Result<End, E> {
    let mut offset = HEADER_BYTES;
    while offset < bytes.len() {
        match decode(&bytes[offset..], salt) {
            Ok(record) if record.sequence == *next => {
                visit(offset, record)?;
                offset += record.bytes();
                *next += 1;
            }
            Ok(record) => {
                let why = format!("record {} stands where record {next} belongs", record.sequence);
                return Ok(End::Damaged { offset, why });
            }
            Err(why) => return Ok(judge(bytes, salt, offset, *next, why)),
        }
    }
    Ok(End::Clean)
}

/// Decides whether the bytes at the offset, which are no record, are a torn write or damage.
///
/// What was never synced may be missing in any part, also in the middle: file systems write pages in any order. So a
/// valid record further on proves nothing by itself; one that was written after `missing` had been synced does.
pub(crate) fn judge(bytes: &[u8], salt: u32, offset: usize, missing: u64, why: RecordError) -> End {
    let highest = missing.saturating_add(((bytes.len() - offset) / HEAD) as u64);
    for candidate in offset + 1..bytes.len().saturating_sub(HEAD - 1) {
        let rest = &bytes[candidate..];
        if !claimed_sequence(rest).is_some_and(|sequence| sequence > missing && sequence <= highest) {
            continue;
        }
        if let Ok(record) = decode(rest, salt)
            && record.synced >= missing
        {
            let sequence = record.sequence;
            let why =
                format!("record {missing}: {why}, but record {sequence} at byte {candidate} says that it was durable");
            return End::Damaged { offset, why };
        }
    }
    End::Torn { offset, why }
}
