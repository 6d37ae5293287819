//! What a disk holds: what is seen, what is durable, and what can still be taken back.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{DiskMood, Journal, Names};
use crate::dice::Dice;

/// Everything on a disk.
pub(super) struct Image {
    pub(super) life: u64,
    pub(super) files: Vec<File>,
    pub(super) names: Names,
    durable_names: Names,
    /// Changes of names that are done and not durable, in order.
    loose_names: Vec<Name>,
    journal: Journal,
    next: u64,
    /// Syncs that the journal holds and nobody has waited for yet.
    unpaid_syncs: u64,
    pub(super) syncs: u64,
    written: u64,
    dice: Dice,
    pub(super) mood: DiskMood,
}

/// One file.
#[derive(Clone, Default)]
pub(super) struct File {
    /// What is seen.
    pub(super) data: Vec<u8>,
    /// How much of it is durable.
    pub(super) synced: usize,
    /// What is durable instead, where the file was cut and not synced since.
    pub(super) durable: Option<Vec<u8>>,
    /// What is seen and never became durable, because a sync has failed.
    lost: Vec<Range<usize>>,
}

/// A change of names in a directory.
#[derive(Debug, Clone)]
pub(super) enum Name {
    /// A file is there.
    Put(PathBuf, usize),
    /// A file has another name.
    Move(PathBuf, PathBuf, usize),
    /// A file is gone.
    Remove(PathBuf),
}

/// How an operation is taken back.
pub(super) enum Undo {
    /// Bytes were appended.
    Append { file: usize, length: usize },
    /// The file was synced.
    Sync { file: usize, synced: usize, durable: Option<Vec<u8>> },
    /// The file was cut.
    Whole { file: usize, before: Box<File> },
    /// A name was changed.
    Named { loose: usize, before: Box<Names> },
    /// A directory was synced.
    SyncNames { loose: Vec<Name>, durable: Box<Names> },
}

impl File {
    pub(super) fn truncate(&mut self, length: usize) {
        if length < self.synced && self.durable.is_none() {
            self.durable = Some(self.data[..self.synced].to_vec());
        }
        self.data.truncate(length);
        self.synced = self.synced.min(length);
        self.lost.retain(|range| range.start < length);
    }

    /// A sync has failed: what is dirty is seen as before, counts as clean, and is not durable.
    pub(super) fn lose_dirty(&mut self) {
        if self.synced < self.data.len() {
            self.lost.push(self.synced..self.data.len());
        }
    }

    /// What is left of the file without power.
    fn survive(&mut self, dice: &mut Dice) {
        let mut left = match self.durable.take() {
            // The cut was perhaps done.
            Some(durable) if dice.happens(500_000) => durable,
            _ => {
                let unsynced = self.data.len() - self.synced;
                let kept = match dice.below(3) {
                    0 => 0,
                    1 => unsynced,
                    _ => usize::try_from(dice.below(unsynced as u64 + 1)).unwrap_or(0),
                };
                let mut left = self.data[..self.synced + kept].to_vec();
                if dice.happens(400_000) {
                    for page in left[self.synced..].chunks_mut(PAGE_BYTES) {
                        if dice.happens(300_000) {
                            page.fill(0);
                        }
                    }
                }
                left
            }
        };
        for range in self.lost.drain(..) {
            let end = range.end.min(left.len());
            if let Some(bytes) = left.get_mut(range.start..end) {
                bytes.fill(0);
            }
        }
        self.synced = left.len();
        self.data = left;
    }
}

impl Image {
    pub(super) fn new(dice: Dice, mood: DiskMood) -> Self {
        Self {
            life: 0,
            files: Vec::new(),
            names: Names::new(),
            durable_names: Names::new(),
            loose_names: Vec::new(),
            journal: Journal::new(),
            next: 1,
            unpaid_syncs: 0,
            syncs: 0,
            written: 0,
            dice,
            mood,
        }
    }

    /// Refuses when the disk is full.
    pub(super) fn room(&mut self, bytes: u64) -> io::Result<()> {
        match &mut self.mood.space_bytes {
            Some(left) if *left < bytes || *left == 0 => Err(io::ErrorKind::StorageFull.into()),
            Some(left) => {
                *left -= bytes;
                self.written += bytes;
                Ok(())
            }
            None => {
                self.written += bytes;
                Ok(())
            }
        }
    }

    pub(super) fn remember(&mut self, undo: Undo) {
        self.journal.push_back((self.next, undo));
        self.next += 1;
    }

    /// Changes a name.
    pub(super) fn name(&mut self, change: Name) {
        let undo = Undo::Named { loose: self.loose_names.len(), before: Box::new(self.names.clone()) };
        rename(&mut self.names, &change);
        self.loose_names.push(change);
        self.remember(undo);
    }

    pub(super) fn sync_names(&mut self, directory: &Path) {
        let undo = Undo::SyncNames { loose: self.loose_names.clone(), durable: Box::new(self.durable_names.clone()) };
        let durable = &mut self.durable_names;
        self.loose_names.retain(|change| {
            let is_within = change.path().parent() == Some(directory);
            if is_within {
                rename(durable, change);
            }
            !is_within
        });
        self.remember(undo);
    }

    /// Counts a sync, which may fail.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.syncs += 1;
        self.unpaid_syncs += 1;
        if std::mem::take(&mut self.mood.fails_next_sync) {
            return Err(io::Error::other("input/output error (simulated)"));
        }
        Ok(())
    }

    /// Up to where the journal reaches now, and how long that takes.
    pub(super) fn patience(&mut self) -> (u64, Option<Duration>) {
        let upto = self.next - 1;
        let syncs = std::mem::take(&mut self.unpaid_syncs).min(4);
        let mut wait = 0;
        for _sync in 0..syncs {
            wait += self.dice.between(self.mood.sync_ms_min, self.mood.sync_ms_max);
            if self.dice.happens(self.mood.slow_per_million) {
                wait += self.dice.below(self.mood.slow_ms_max + 1);
            }
        }
        (upto, (wait > 0).then(|| Duration::from_millis(wait)))
    }

    /// The operations up to here are done.
    pub(super) fn done(&mut self, upto: u64) {
        while self.journal.front().is_some_and(|(number, _)| *number <= upto) {
            self.journal.pop_front();
        }
    }

    /// The process ends: of the operations that were not done the last ones were not made.
    pub(super) fn stop(&mut self) {
        let left = self.dice.between(0, self.journal.len() as u64);
        while self.journal.len() as u64 > left
            && let Some((_, undo)) = self.journal.pop_back()
        {
            self.take_back(undo);
        }
        self.journal.clear();
        self.unpaid_syncs = 0;
        self.mood.fails_next_sync = false;
    }

    fn take_back(&mut self, undo: Undo) {
        match undo {
            Undo::Append { file, length } => self.files[file].truncate(length),
            Undo::Sync { file, synced, durable } => {
                let file = &mut self.files[file];
                (file.synced, file.durable) = (synced.min(file.data.len()), durable);
                // A sync that was not made has not failed either.
                let synced = file.synced;
                file.lost.retain(|range| range.start < synced);
            }
            Undo::Whole { file, before } => self.files[file] = *before,
            Undo::Named { loose, before } => {
                self.loose_names.truncate(loose);
                self.names = *before;
            }
            Undo::SyncNames { loose, durable } => (self.loose_names, self.durable_names) = (loose, *durable),
        }
    }

    /// What was not synced is lost, in whole or in part. Changes of names survive in their order.
    pub(super) fn lose_unsynced(&mut self) {
        let kept = usize::try_from(self.dice.between(0, self.loose_names.len() as u64)).unwrap_or(0);
        for change in self.loose_names.drain(..).take(kept) {
            rename(&mut self.durable_names, &change);
        }
        self.loose_names.clear();
        self.names = self.durable_names.clone();
        for file in &mut self.files {
            file.survive(&mut self.dice);
        }
    }

    pub(super) fn wipe(&mut self) {
        self.files.clear();
        self.names.clear();
        self.durable_names.clear();
        self.loose_names.clear();
        self.journal.clear();
        self.unpaid_syncs = 0;
    }

    pub(super) fn flip_a_bit(&mut self, ending: &str) -> Option<(PathBuf, u64)> {
        let files = self.names.iter().filter(|(path, file)| {
            path.to_string_lossy().ends_with(ending)
                && self.files[**file].synced > 0
                && self.files[**file].durable.is_none()
        });
        let files: Vec<(PathBuf, usize)> = files.map(|(path, file)| (path.clone(), *file)).collect();
        if files.is_empty() {
            return None;
        }
        let (path, file) = self.dice.pick(&files).clone();
        let file = &mut self.files[file];
        let place = usize::try_from(self.dice.below(file.synced as u64)).unwrap_or(0);
        file.data[place] ^= 1 << self.dice.below(8);
        Some((path, place as u64))
    }
}

impl Name {
    fn path(&self) -> &Path {
        match self {
            Self::Put(path, _) | Self::Move(path, _, _) | Self::Remove(path) => path,
        }
    }
}

fn rename(names: &mut Names, change: &Name) {
    match change {
        Name::Put(path, file) => {
            names.insert(path.clone(), *file);
        }
        Name::Move(from, to, file) => {
            names.remove(from);
            names.insert(to.clone(), *file);
        }
        Name::Remove(path) => {
            names.remove(path);
        }
    }
}

/// What a disk writes at once, or not.
const PAGE_BYTES: usize = 512;
