//! The slots of the log in memory: adding, cutting at either end, dropping what a file holds, finding what is read.

use std::io;
use std::ops::Range;

use crate::consensus::{Entry, LogId};
use crate::fetch::Source;
use crate::log::{Slot, State};

impl State {
    pub(super) fn push(&mut self, entry: Entry, bytes: usize) -> io::Result<u64> {
        let next = self.first + self.slots.len() as u64;
        if entry.log_id.index != next {
            return Err(io::Error::other(format!("entry {} given where {next} belongs", entry.log_id.index)));
        }
        self.stamp += 1;
        let term = entry.log_id.leader_id.term;
        self.slots.push_back(Slot { term, stamp: self.stamp, bytes, entry: Some(entry), place: None });
        self.cached += 1;
        self.cached_bytes += bytes;
        Ok(self.stamp)
    }

    pub(super) fn truncate_from(&mut self, index: u64) {
        while self.first + self.slots.len() as u64 > index
            && let Some(slot) = self.slots.pop_back()
        {
            self.forget(&slot);
        }
    }

    pub(super) fn purge(&mut self, upto: LogId) {
        self.purged = self.purged.max(Some(upto));
        while self.first <= upto.index
            && let Some(slot) = self.slots.pop_front()
        {
            self.first += 1;
            self.forget(&slot);
        }
        if self.slots.is_empty() {
            self.first = self.first.max(upto.index + 1);
        }
    }

    fn forget(&mut self, slot: &Slot) {
        if slot.entry.is_some() {
            self.cached -= 1;
            self.cached_bytes -= slot.bytes;
        }
    }

    /// Drops the oldest entries from memory that a file holds, while too much is cached.
    pub(super) fn evict(&mut self, bytes_max: usize) {
        while self.cached_bytes > bytes_max {
            let oldest = self.slots.len() - self.cached;
            let Some(slot) = self.slots.get_mut(oldest) else { break };
            if slot.place.is_none() {
                break;
            }
            slot.entry = None;
            let bytes = slot.bytes;
            self.cached -= 1;
            self.cached_bytes -= bytes;
        }
    }

    pub(super) fn sources(&self, range: Range<u64>, bytes_max: usize) -> io::Result<Vec<Source>> {
        let end = range.end.min(self.first + self.slots.len() as u64);
        let mut sources = Vec::new();
        let mut bytes = 0;
        for index in range.start.max(self.first)..end {
            let at = usize::try_from(index - self.first).map_err(io::Error::other)?;
            let Some(slot) = self.slots.get(at) else { break };
            let (source, length) = match (&slot.entry, slot.place) {
                (Some(entry), _) => (Source::Memory(entry.clone()), slot.bytes),
                (None, Some(place)) => {
                    let file = self.segments.get(&place.segment).cloned();
                    let file = file.ok_or_else(|| io::Error::other(format!("entry {index} is in no segment")))?;
                    (Source::File(file, place), usize::try_from(place.bytes).unwrap_or(usize::MAX))
                }
                (None, None) => return Err(io::Error::other(format!("entry {index} is nowhere"))),
            };
            bytes += length;
            if bytes > bytes_max && !sources.is_empty() {
                break;
            }
            sources.push(source);
        }
        Ok(sources)
    }
}
