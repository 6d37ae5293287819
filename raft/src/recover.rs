//! Opening a log: reads all segments, cuts a torn tail, refuses damage.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use hanse_base::disk::{Disk, DiskFile};
use hanse_base::mutant::Mutant;

use crate::codec::{Malformed, Reader};
use crate::consensus::{LogId, Vote};
use crate::error::StartError;
use crate::form::{get_log_id, get_option, get_vote, number};
use crate::record::{Record, RecordError, RecordKind};
use crate::segment::{End, HEADER_BYTES, Header, HeaderError, Identity, Segment, judge, sequence_of, walk};

/// Sequence of the first record of a log. Zero stands for none.
pub(crate) const FIRST_SEQUENCE: u64 = 1;

/// Where an entry rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// First sequence of the segment.
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    /// Bytes of the whole record.
    pub(crate) bytes: u32,
}

/// The state that the records of a log add up to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replay {
    pub(crate) vote: Option<Vote>,
    pub(crate) committed: Option<LogId>,
    pub(crate) purged: Option<LogId>,
    /// Index of the first entry in `entries`.
    pub(crate) first: u64,
    /// Term and place of each entry.
    pub(crate) entries: VecDeque<(u64, Place)>,
}

/// A log as it was found.
pub(crate) struct Recovered {
    pub(crate) replay: Replay,
    /// All segments, the one to append to last. Empty in a fresh directory.
    pub(crate) segments: Vec<Segment>,
    pub(crate) salt: u32,
    pub(crate) next_sequence: u64,
    /// Highest fact that a record states about what is synced.
    pub(crate) marked: u64,
}

/// State of the log at the beginning of a segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) vote: Option<Vote>,
    pub(crate) committed: Option<LogId>,
    pub(crate) purged: Option<LogId>,
    /// Index of the last entry, or of the last purged one.
    pub(crate) last_index: Option<u64>,
}

/// Opens the log in the directory. What it finds valid is durable when it returns.
pub(crate) fn recover(
    disk: &dyn Disk,
    directory: &Path,
    group_directory: &Path,
    identity: &Identity,
) -> Result<Recovered, StartError> {
    let paths = disk.list(directory).map_err(|error| StartError::disk("list", directory, error))?;
    let paths: Vec<_> = paths.into_iter().filter(|path| sequence_of(path).is_some()).collect();
    let mut opening = Opening {
        disk,
        group_directory,
        identity,
        recovered: Recovered {
            replay: Replay::default(),
            segments: Vec::new(),
            salt: 0,
            next_sequence: FIRST_SEQUENCE,
            marked: 0,
        },
    };
    let count = paths.len();
    for (position, path) in paths.into_iter().enumerate() {
        opening.segment(path, position + 1 == count)?;
    }
    let mut recovered = opening.recovered;
    if Mutant::LogCutAtStart.lives() {
        recovered.replay.entries.pop_back();
    }
    if let Some(last) = recovered.segments.last_mut() {
        // A process that was killed leaves records that were written and never synced.
        if recovered.marked + 1 < recovered.next_sequence {
            write_anew(disk, last).map_err(|error| StartError::disk("write anew", &last.path, error))?;
        }
        disk.sync_directory(directory).map_err(|error| StartError::disk("sync", directory, error))?;
    }
    if let (Some(first), replay) = (recovered.segments.first(), &recovered.replay)
        && replay.first > replay.purged.map_or(0, |purged| purged.index + 1)
    {
        let what = format!("entries before {} are missing, and no snapshot took their place", replay.first);
        return Err(StartError::Damaged {
            path: first.path.clone(),
            offset: 0,
            what,
            directory: group_directory.to_owned(),
        });
    }
    Ok(recovered)
}

struct Opening<'a> {
    disk: &'a dyn Disk,
    group_directory: &'a Path,
    identity: &'a Identity,
    recovered: Recovered,
}

impl Opening<'_> {
    fn segment(&mut self, path: PathBuf, is_last: bool) -> Result<(), StartError> {
        let file = self.disk.open(&path).map_err(|error| StartError::disk("open", &path, error))?;
        let file: Arc<dyn DiskFile> = Arc::from(file);
        let bytes = read_all(&*file).map_err(|error| StartError::disk("read", &path, error))?;
        let is_first_segment = self.recovered.segments.is_empty();
        let header = match Header::decode(&bytes) {
            Ok(header) => header,
            // The daemon stopped while it created the file, before anything in it was relied on.
            Err(error) if is_last && self.is_unborn(&path, &bytes, &error) => return self.remove(&path),
            Err(error) => return Err(self.damaged(&path, 0, error.to_string())),
        };
        self.check(&path, &header)?;
        let first_sequence = header.first_sequence;
        let mut next = first_sequence;
        let segment = Segment { path: path.clone(), file, first_sequence, bytes: bytes.len() as u64, last_index: None };
        let bytes = Bytes::from(bytes);
        let recovered = &mut self.recovered;
        let end = walk(&bytes, header.salt, &mut next, |offset, record| {
            recovered.marked = recovered.marked.max(record.synced);
            let must_be_base = record.sequence == first_sequence;
            recovered.replay.step(&bytes, record, Origin { first_sequence, offset, must_be_base }, is_first_segment)
        });
        recovered.next_sequence = next;
        recovered.segments.push(segment);
        let end = match end {
            Ok(end) => end,
            Err((offset, what)) => return Err(self.damaged(&path, offset, what)),
        };
        self.finish(&path, is_last, end)
    }

    fn check(&mut self, path: &Path, header: &Header) -> Result<(), StartError> {
        if header.identity != *self.identity {
            let name = |identity: &Identity| format!("daemon {} in group {}", identity.daemon, identity.group);
            let (found, expected) = (name(&header.identity), name(self.identity));
            return Err(StartError::Foreign { path: path.to_owned(), found, expected });
        }
        if sequence_of(path) != Some(header.first_sequence) {
            return Err(self.damaged(path, 0, "the name of the file is not the one it was made with".to_owned()));
        }
        if self.recovered.segments.is_empty() {
            self.recovered.salt = header.salt;
        } else if self.recovered.salt != header.salt || self.recovered.next_sequence != header.first_sequence {
            let next = self.recovered.next_sequence;
            return Err(self.damaged(path, 0, format!("the segment that begins with record {next} is missing")));
        }
        Ok(())
    }

    /// Deals with the end of a segment that was walked over: the last in `segments`.
    fn finish(&mut self, path: &Path, is_last: bool, end: End) -> Result<(), StartError> {
        let (offset, why) = match end {
            End::Clean if self.recovered.segments.last().is_some_and(is_usable) => {
                let last_index = self.recovered.replay.last_index();
                if let Some(segment) = self.recovered.segments.last_mut() {
                    segment.last_index = last_index;
                }
                return Ok(());
            }
            End::Clean => (HEADER_BYTES, RecordError::Short),
            End::Damaged { offset, why } => return Err(self.damaged(path, offset, why)),
            End::Torn { offset, why } => (offset, why),
        };
        if !is_last {
            return Err(self.damaged(path, offset, format!("{why}, and the log goes on in the next file")));
        }
        if offset == HEADER_BYTES {
            // Not even the state before the segment was written: it was never relied on. A segment that stands alone
            // was relied on, or it would not, unless it is the very first.
            let only = self.recovered.segments.len() == 1 && sequence_of(path) != Some(FIRST_SEQUENCE);
            if only {
                return Err(self.damaged(path, offset, why.to_string()));
            }
            self.recovered.segments.pop();
            return self.remove(path);
        }
        let Some(segment) = self.recovered.segments.last_mut() else { return Ok(()) };
        // What was damaged could not be read: the last entry of the segment is that of the valid part.
        segment.last_index = self.recovered.replay.last_index();
        tracing::warn!(file = %path.display(), offset, %why, "cutting a torn write off the log");
        segment.file.truncate(offset as u64).map_err(|error| StartError::disk("cut", path, error))?;
        segment.bytes = offset as u64;
        Ok(())
    }

    /// Whether nothing that was ever synced can have been in the last file, whose head cannot be used.
    fn is_unborn(&self, path: &Path, bytes: &[u8], error: &HeaderError) -> bool {
        let Some(first_sequence) = sequence_of(path) else { return false };
        match error {
            HeaderError::Version(_) => false,
            _ if first_sequence == FIRST_SEQUENCE => bytes.len() < HEADER_BYTES || bytes.iter().all(|byte| *byte == 0),
            _ if self.recovered.segments.is_empty() => false,
            _ => {
                matches!(judge(bytes, self.recovered.salt, 0, first_sequence, RecordError::Checksum), End::Torn { .. })
            }
        }
    }

    fn remove(&self, path: &Path) -> Result<(), StartError> {
        tracing::warn!(file = %path.display(), "removing a log segment that was never completed");
        self.disk.remove(path).map_err(|error| StartError::disk("remove", path, error))
    }

    fn damaged(&self, path: &Path, offset: usize, what: String) -> StartError {
        let directory = self.group_directory.to_owned();
        StartError::Damaged { path: path.to_owned(), offset: offset as u64, what, directory }
    }
}

/// Writes the last file of a log anew, under its own name. To sync it would not do: where an earlier sync of it has failed,
/// what that was to keep is still seen, counts as written, and is not on the disk.
fn write_anew(disk: &dyn Disk, segment: &mut Segment) -> std::io::Result<()> {
    let bytes = read_all(&*segment.file)?;
    let path = segment.path.with_extension("new");
    // One is left from a start that did not come to its end.
    match disk.remove(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let file: Arc<dyn DiskFile> = Arc::from(disk.create(&path)?);
    file.append(&bytes)?;
    file.sync()?;
    disk.rename(&path, &segment.path)?;
    segment.file = file;
    Ok(())
}

fn read_all(file: &dyn DiskFile) -> std::io::Result<Vec<u8>> {
    let length = usize::try_from(file.length()?).map_err(std::io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_at(0, &mut bytes)?;
    Ok(bytes)
}

struct Origin {
    first_sequence: u64,
    offset: usize,
    must_be_base: bool,
}

impl Replay {
    /// Index of the last entry, or of the last purged one.
    pub(crate) fn last_index(&self) -> Option<u64> {
        if self.entries.is_empty() {
            self.first.checked_sub(1)
        } else {
            Some(self.first + self.entries.len() as u64 - 1)
        }
    }

    /// Takes one record in.
    fn step(
        &mut self,
        segment: &Bytes,
        record: Record<'_>,
        origin: Origin,
        is_first_segment: bool,
    ) -> Result<(), (usize, String)> {
        let damaged = |what: String| (origin.offset, what);
        if origin.must_be_base != (record.kind == RecordKind::Base) {
            return Err(damaged("the segment does not begin with the state before it".to_owned()));
        }
        if record.synced >= record.sequence {
            return Err(damaged(format!("record {} says that it was durable before it was written", record.sequence)));
        }
        let mut reader = Reader::new(segment.slice_ref(record.payload));
        let malformed = |error: Malformed| damaged(format!("record {}: {error}", record.sequence));
        match record.kind {
            RecordKind::Base => {
                let base = get_base(&mut reader).map_err(malformed)?;
                if is_first_segment {
                    (self.vote, self.committed, self.purged) = (base.vote, base.committed, base.purged);
                    self.first = base.last_index.map_or(0, |last| last + 1);
                } else if base.last_index != self.last_index() || base.vote != self.vote {
                    return Err(damaged("the segment does not continue the one before it".to_owned()));
                }
            }
            RecordKind::Entry => {
                let id = get_log_id(&mut reader).map_err(malformed)?;
                let next = self.last_index().map_or(0, |last| last + 1);
                if id.index != next {
                    return Err(damaged(format!("entry {} stands where entry {next} belongs", id.index)));
                }
                let bytes = u32::try_from(record.bytes()).unwrap_or(u32::MAX);
                let place = Place { segment: origin.first_sequence, offset: origin.offset as u64, bytes };
                self.entries.push_back((id.leader_id.term, place));
            }
            RecordKind::Vote => self.vote = Some(get_vote(&mut reader).map_err(malformed)?),
            RecordKind::Committed => self.committed = Some(get_log_id(&mut reader).map_err(malformed)?),
            RecordKind::Truncate => self.truncate_from(number(&mut reader).map_err(malformed)?),
            RecordKind::Purge => self.purge(get_log_id(&mut reader).map_err(malformed)?),
            RecordKind::Marker => {}
        }
        Ok(())
    }

    fn truncate_from(&mut self, index: u64) {
        if index >= self.first {
            self.entries.truncate(usize::try_from(index - self.first).unwrap_or(usize::MAX));
        } else {
            // The entries in between were in segments that were dropped later, when a snapshot held them.
            self.entries.clear();
            self.first = index;
        }
    }

    fn purge(&mut self, upto: LogId) {
        self.purged = self.purged.max(Some(upto));
        while self.first <= upto.index && self.entries.pop_front().is_some() {
            self.first += 1;
        }
        if self.entries.is_empty() {
            self.first = self.first.max(upto.index + 1);
        }
    }
}

pub(crate) fn put_base(to: &mut crate::codec::Writer, base: &Base) {
    use crate::form::{put_log_id, put_option, put_vote};
    put_option(to, base.vote.as_ref(), put_vote);
    put_option(to, base.committed.as_ref(), put_log_id);
    put_option(to, base.purged.as_ref(), put_log_id);
    put_option(to, base.last_index.as_ref(), |to, index| to.u64(*index));
}

fn get_base(from: &mut Reader) -> Result<Base, Malformed> {
    Ok(Base {
        vote: get_option(from, get_vote)?,
        committed: get_option(from, get_log_id)?,
        purged: get_option(from, get_log_id)?,
        last_index: get_option(from, number)?,
    })
}

/// Whether the segment holds its head and its base, so that it can be appended to.
fn is_usable(segment: &Segment) -> bool {
    segment.bytes > HEADER_BYTES as u64
}
