//! The form of a snapshot file: a head, chunks that each have a checksum, and a trailer with the counts, so that a file
//! that was cut or damaged is never taken for a whole one.
//!
//! ```text
//! magic (8) version (4)
//! chunk: length (4, not zero) checksum (4) bytes          the first holds the group and the snapshot's meta
//! ...
//! end:   zero (4) checksum (4) chunks (8) bytes of all chunks (8)
//! ```
//! The checksum of a chunk covers its number, so that chunks cannot change places.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use hanse_base::disk::{DiskFile, FileReader};
use hanse_base::id::GroupId;

use crate::codec::{Reader as FormReader, Writer as Form};
use crate::consensus::SnapshotMeta;
use crate::form::{get_meta, put_meta};
use crate::record::{le_u32, le_u64};

const MAGIC: &[u8; 8] = b"hansnap\n";
const VERSION: u32 = 1;
/// Bytes in a chunk of the file.
const CHUNK_BYTES: usize = 256 << 10;
/// Longest chunk that a reader accepts.
const CHUNK_BYTES_MAX: usize = 1 << 20;

/// Writes a snapshot to a file. The file is whole only after [`SnapshotWriter::finish`].
pub(crate) struct SnapshotWriter<'a> {
    file: &'a dyn DiskFile,
    /// Asked before each chunk: whether to go on.
    keep_going: &'a dyn Fn() -> bool,
    buffer: Vec<u8>,
    chunks: u64,
    bytes: u64,
}

impl<'a> SnapshotWriter<'a> {
    pub(crate) fn new(
        file: &'a dyn DiskFile,
        group: &GroupId,
        meta: &SnapshotMeta,
        keep_going: &'a dyn Fn() -> bool,
    ) -> io::Result<Self> {
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&VERSION.to_le_bytes());
        file.append(&head)?;
        let mut form = Form::default();
        form.bytes(group.as_str().as_bytes());
        put_meta(&mut form, meta);
        let mut writer = Self { file, keep_going, buffer: form.into_vec(), chunks: 0, bytes: 0 };
        writer.chunk()?;
        Ok(writer)
    }

    /// Writes the trailer and makes the file durable.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.chunk()?;
        let mut trailer = vec![0; 8];
        trailer.extend_from_slice(&self.chunks.to_le_bytes());
        trailer.extend_from_slice(&self.bytes.to_le_bytes());
        let checksum = checksum(self.chunks, &trailer[8..]);
        trailer[4..8].copy_from_slice(&checksum.to_le_bytes());
        self.file.append(&trailer)?;
        self.file.sync()
    }

    fn chunk(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if !(self.keep_going)() {
            return Err(io::Error::other("the group is shutting down"));
        }
        let length = u32::try_from(self.buffer.len()).map_err(io::Error::other)?;
        let mut chunk = Vec::with_capacity(self.buffer.len() + 8);
        chunk.extend_from_slice(&length.to_le_bytes());
        chunk.extend_from_slice(&checksum(self.chunks, &self.buffer).to_le_bytes());
        chunk.extend_from_slice(&self.buffer);
        self.file.append(&chunk)?;
        self.chunks += 1;
        self.bytes += u64::from(length);
        self.buffer.clear();
        Ok(())
    }
}

impl Write for SnapshotWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() >= CHUNK_BYTES {
            self.chunk()?;
        }
        let count = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a snapshot, checking everything. What it gives is what was written, or an error that says where the damage is.
pub(crate) struct SnapshotReader<R> {
    source: R,
    chunk: Bytes,
    offset: u64,
    chunks: u64,
    bytes: u64,
    is_ended: bool,
}

impl SnapshotReader<FileReader> {
    pub(crate) fn of_file(file: Arc<dyn DiskFile>, group: &GroupId) -> io::Result<(Self, SnapshotMeta)> {
        Self::new(FileReader::new(file)?, group)
    }
}

impl<R: Read> SnapshotReader<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// It is no snapshot of this group, or it is damaged.
    pub(crate) fn new(source: R, group: &GroupId) -> io::Result<(Self, SnapshotMeta)> {
        let mut reader = Self { source, chunk: Bytes::new(), offset: 0, chunks: 0, bytes: 0, is_ended: false };
        let mut head = [0; 12];
        reader.fill(&mut head)?;
        if &head[..8] != MAGIC {
            return Err(damaged(0, "it is not a snapshot"));
        }
        if le_u32(&head[8..]) != VERSION {
            return Err(damaged(8, &format!("format version {} is not known to this program", le_u32(&head[8..]))));
        }
        reader.next_chunk()?;
        let mut form = FormReader::new(std::mem::take(&mut reader.chunk));
        let name = form.bytes().map_err(|error| damaged(12, &error.to_string()))?;
        if name != group.as_str().as_bytes() {
            let name = String::from_utf8_lossy(&name).into_owned();
            return Err(damaged(12, &format!("it belongs to group {name:?}, not to {group}")));
        }
        let meta = get_meta(&mut form).and_then(|meta| form.end().map(|()| meta));
        Ok((reader, meta.map_err(|error| damaged(12, &error.to_string()))?))
    }

    /// Reads to the end, so that everything was checked.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        while !self.is_ended {
            self.next_chunk()?;
        }
        Ok(())
    }

    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.source.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged(self.offset, "it was cut"),
            _ => error,
        })?;
        self.offset += buffer.len() as u64;
        Ok(())
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let start = self.offset;
        let mut head = [0; 8];
        self.fill(&mut head)?;
        let length = usize::try_from(le_u32(&head[..4])).unwrap_or(usize::MAX);
        if length == 0 {
            return self.trailer(start, le_u32(&head[4..]));
        }
        if length > CHUNK_BYTES_MAX {
            return Err(damaged(start, "the length of a chunk is impossible"));
        }
        let mut chunk = vec![0; length];
        self.fill(&mut chunk)?;
        if checksum(self.chunks, &chunk) != le_u32(&head[4..]) {
            return Err(damaged(start, "the checksum of a chunk does not match"));
        }
        self.chunks += 1;
        self.bytes += length as u64;
        self.chunk = chunk.into();
        Ok(())
    }

    fn trailer(&mut self, start: u64, expected: u32) -> io::Result<()> {
        let mut counts = [0; 16];
        self.fill(&mut counts)?;
        let is_whole = checksum(self.chunks, &counts) == expected
            && le_u64(&counts[..8]) == self.chunks
            && le_u64(&counts[8..]) == self.bytes;
        if !is_whole {
            return Err(damaged(start, "the trailer does not match"));
        }
        if self.source.read(&mut [0])? != 0 {
            return Err(damaged(self.offset, "something follows the trailer"));
        }
        self.is_ended = true;
        Ok(())
    }
}

impl<R: Read> Read for SnapshotReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            if self.is_ended {
                return Ok(0);
            }
            self.next_chunk()?;
        }
        let count = buffer.len().min(self.chunk.len());
        buffer[..count].copy_from_slice(&self.chunk.split_to(count));
        Ok(count)
    }
}

pub(crate) fn checksum(number: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

fn damaged(offset: u64, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the snapshot is damaged at byte {offset}: {what}"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::sync::Arc;

    use hanse_base::disk::{Disk, DiskFile, RealDisk};
    use hanse_base::id::GroupId;
    use proptest::prelude::proptest;

    use super::{CHUNK_BYTES, SnapshotReader, SnapshotWriter};
    use crate::consensus::{SnapshotMeta, log_id};

    fn group() -> GroupId {
        GroupId::new("eu").unwrap()
    }

    fn written(contents: &[u8]) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let file: Arc<dyn DiskFile> = Arc::from(RealDisk.create(&directory.path().join("s")).unwrap());
        let meta = SnapshotMeta { last_log_id: Some(log_id(3, 9)), ..SnapshotMeta::default() };
        let mut writer = SnapshotWriter::new(&*file, &group(), &meta, &|| true).unwrap();
        writer.write_all(contents).unwrap();
        writer.finish().unwrap();
        let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
        file.read_at(0, &mut bytes).unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> std::io::Result<(Option<u64>, Vec<u8>)> {
        let (mut reader, meta) = SnapshotReader::new(bytes, &group())?;
        let mut contents = Vec::new();
        reader.read_to_end(&mut contents)?;
        reader.finish()?;
        Ok((meta.last_log_id.map(|id| id.index), contents))
    }

    #[test]
    fn a_snapshot_reads_back_as_it_was_written() {
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let contents: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            assert_eq!(read(&written(&contents)).unwrap(), (Some(9), contents), "{length} bytes");
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let bytes = written(b"the state of the group");
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&damaged).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "cut at {length}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(read(&longer).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes: Vec<u8>) {
            drop(read(&bytes));
            bytes.splice(0..0, b"hansnap\n\x01\0\0\0".iter().copied());
            drop(read(&bytes));
        }
    }
}
