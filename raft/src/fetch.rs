//! Reading entries that may be in memory or in files, with few reads of the files.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use hanse_base::disk::DiskFile;

use crate::codec::Reader;
use crate::consensus::Entry;
use crate::form::get_entry;
use crate::record::{RecordKind, decode};
use crate::recover::Place;

/// How far two entries may be apart in a file to be read together.
const READ_GAP_BYTES_MAX: u64 = 4 << 10;
/// Most bytes of one read, unless a single entry is longer.
const READ_BYTES_MAX: u64 = 1 << 20;

/// Where to read an entry from.
pub(crate) enum Source {
    Memory(Entry),
    File(Arc<dyn DiskFile>, Place),
}

/// The entries, in order. Blocks when any of them is in a file.
pub(crate) fn read_sources(sources: Vec<Source>, salt: u32) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::with_capacity(sources.len());
    let mut run: Option<(Arc<dyn DiskFile>, Vec<Place>)> = None;
    for source in sources {
        match source {
            Source::Memory(entry) => {
                read_run(run.take(), salt, &mut entries)?;
                entries.push(entry);
            }
            Source::File(file, place) => match &mut run {
                Some((_, places)) if joins(places, place) => places.push(place),
                _ => {
                    read_run(run.take(), salt, &mut entries)?;
                    run = Some((file, vec![place]));
                }
            },
        }
    }
    read_run(run, salt, &mut entries)?;
    Ok(entries)
}

/// Whether the place is close enough behind the others to be read with them.
fn joins(places: &[Place], place: Place) -> bool {
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return true };
    let end = last.offset + u64::from(last.bytes);
    last.segment == place.segment
        && place.offset >= end
        && place.offset - end <= READ_GAP_BYTES_MAX
        && place.offset + u64::from(place.bytes) - first.offset <= READ_BYTES_MAX
}

fn read_run(run: Option<(Arc<dyn DiskFile>, Vec<Place>)>, salt: u32, entries: &mut Vec<Entry>) -> io::Result<()> {
    let Some((file, places)) = run else { return Ok(()) };
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return Ok(()) };
    let start = first.offset;
    let length = usize::try_from(last.offset + u64::from(last.bytes) - start).map_err(io::Error::other)?;
    let mut buffer = vec![0; length];
    file.read_at(start, &mut buffer)?;
    let buffer = Bytes::from(buffer);
    for place in places {
        let at = usize::try_from(place.offset - start).map_err(io::Error::other)?;
        entries.push(entry_at(&buffer.slice(at..), salt, place)?);
    }
    Ok(())
}

fn entry_at(bytes: &Bytes, salt: u32, place: Place) -> io::Result<Entry> {
    let damaged = |what: &dyn std::fmt::Display| {
        let Place { segment, offset, .. } = place;
        io::Error::new(io::ErrorKind::InvalidData, format!("log segment {segment} is damaged at byte {offset}: {what}"))
    };
    let record = decode(bytes, salt).map_err(|error| damaged(&error))?;
    if record.kind != RecordKind::Entry {
        return Err(damaged(&"not an entry"));
    }
    get_entry(&mut Reader::new(bytes.slice_ref(record.payload))).map_err(|error| damaged(&error))
}
