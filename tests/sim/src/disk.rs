//! A machine's disk: what was asked for, in order, and what of it is left after a stop.
//!
//! Calls return at once and are seen at once. They are *done* when [`Disk::settled`] completes: a process that stops
//! before that had perhaps not made the last of them, and those are taken back. What was done and not synced is lost, in
//! whole or in part, when the power goes.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hanse_base::disk::{Disk, DiskFile};
use hanse_base::net::BoxFuture;

use crate::dice::Dice;

mod image;

use image::{File, Image, Name, Undo};

/// How long a disk takes, and how it fails. Can be changed while it is used.
#[derive(Debug, Clone, Default)]
pub struct DiskMood {
    /// The shortest time that a piece of work with a sync takes.
    pub sync_ms_min: u64,
    /// The longest, but for slow ones.
    pub sync_ms_max: u64,
    /// How many of a million syncs are slow.
    pub slow_per_million: u64,
    /// How long a slow one takes at most.
    pub slow_ms_max: u64,
    /// Nothing is done any more, until this is unset.
    pub is_stalled: bool,
    /// The next sync fails, once; what it was to make durable never is.
    pub fails_next_sync: bool,
    /// Bytes that may be written before the disk is full.
    pub space_bytes: Option<u64>,
}

/// One machine's disk. Clones are the same disk, as seen by the process that holds them.
#[derive(Clone)]
pub struct SimDisk {
    image: Arc<Mutex<Image>>,
    /// Which process of the machine this is: those before have no access any more.
    life: u64,
}

struct Handle {
    disk: SimDisk,
    file: usize,
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(dice: Dice, mood: DiskMood) -> Self {
        Self { image: Arc::new(Mutex::new(Image::new(dice, mood))), life: 0 }
    }

    fn image(&self) -> MutexGuard<'_, Image> {
        self.image.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes how the disk behaves.
    pub fn set_mood(&self, change: impl FnOnce(&mut DiskMood)) {
        change(&mut self.image().mood);
    }

    /// Ends every use of the disk by the process that ran, which was killed. The machine lives on.
    pub fn kill(&self) {
        let mut image = self.image();
        image.life += 1;
        image.stop();
    }

    /// As [`SimDisk::kill`], and the machine loses its power: what was not synced is lost, in whole or in part.
    pub fn lose_power(&self) {
        let mut image = self.image();
        image.life += 1;
        image.stop();
        image.lose_unsynced();
    }

    /// The disk as the next process sees it.
    #[must_use]
    pub fn next_life(&self) -> Self {
        let life = self.image().life;
        Self { image: Arc::clone(&self.image), life }
    }

    /// A disk that holds nothing, in the same machine.
    pub fn wipe(&self) {
        let mut image = self.image();
        image.life += 1;
        image.wipe();
    }

    /// Damages one durable bit of a file, if there is one whose name ends so. To be called while no process runs.
    /// Tells which file, and where.
    pub fn flip_a_bit(&self, ending: &str) -> Option<(PathBuf, u64)> {
        self.image().flip_a_bit(ending)
    }

    /// How many syncs were asked for.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.image().syncs
    }

    fn with<T>(&self, act: impl FnOnce(&mut Image) -> io::Result<T>) -> io::Result<T> {
        let mut image = self.image();
        if image.life == self.life { act(&mut image) } else { Err(io::Error::other("the process has ended")) }
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.with(|image| {
            if image.names.contains_key(path) {
                return Err(io::Error::from(io::ErrorKind::AlreadyExists));
            }
            image.room(0)?;
            let file = image.files.len();
            image.files.push(File::default());
            image.name(Name::Put(path.to_owned(), file));
            Ok(file)
        })?;
        Ok(Box::new(Handle { disk: self.clone(), file }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.with(|image| image.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into()))?;
        Ok(Box::new(Handle { disk: self.clone(), file }))
    }

    fn create_directory(&self, _path: &Path) -> io::Result<()> {
        self.with(|_image| Ok(()))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.with(|image| Ok(image.names.keys().filter(|name| name.parent() == Some(path)).cloned().collect()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.with(|image| {
            let file = image.names.get(from).copied().ok_or(io::ErrorKind::NotFound)?;
            image.name(Name::Move(from.to_owned(), to.to_owned(), file));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.with(|image| {
            if !image.names.contains_key(path) {
                return Err(io::ErrorKind::NotFound.into());
            }
            image.name(Name::Remove(path.to_owned()));
            Ok(())
        })
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.with(|image| {
            image.sync()?;
            image.sync_names(path);
            Ok(())
        })
    }

    fn blocks(&self) -> bool {
        false
    }

    fn settled(&self) -> BoxFuture<'static, ()> {
        let disk = self.clone();
        Box::pin(async move {
            let Ok((upto, wait)) = disk.with(|image| Ok(image.patience())) else { return };
            if let Some(wait) = wait {
                tokio::time::sleep(wait).await;
            }
            while disk.image().mood.is_stalled {
                tokio::time::sleep(STALL_LOOK).await;
            }
            // A process that has ended changes nothing any more.
            drop(disk.with(|image| {
                image.done(upto);
                Ok(())
            }));
        })
    }
}

impl DiskFile for Handle {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.disk.with(|image| {
            image.room(bytes.len() as u64)?;
            let file = &mut image.files[self.file];
            let length = file.data.len();
            file.data.extend_from_slice(bytes);
            image.remember(Undo::Append { file: self.file, length });
            Ok(())
        })
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.disk.with(|image| {
            let start = usize::try_from(position).map_err(io::Error::other)?;
            let data = &image.files[self.file].data;
            let bytes = data.get(start..start + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(bytes);
            Ok(())
        })
    }

    fn length(&self) -> io::Result<u64> {
        self.disk.with(|image| Ok(image.files[self.file].data.len() as u64))
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        self.disk.with(|image| {
            let before = image.files[self.file].clone();
            image.files[self.file].truncate(length);
            image.remember(Undo::Whole { file: self.file, before: Box::new(before) });
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.with(|image| {
            let failed = image.sync();
            let file = &mut image.files[self.file];
            let undo = Undo::Sync { file: self.file, synced: file.synced, durable: file.durable.take() };
            if failed.is_err() {
                file.lose_dirty();
            }
            file.synced = file.data.len();
            image.remember(undo);
            failed
        })
    }
}

/// The operations that wait to be done, each with how it is taken back.
type Journal = VecDeque<(u64, Undo)>;
/// The names that files have, or will have for certain.
type Names = BTreeMap<PathBuf, usize>;
/// How soon the end of a stall is noticed.
const STALL_LOOK: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hanse_base::disk::Disk;

    use super::{DiskMood, SimDisk};
    use crate::dice::Dice;
    use crate::machine::runtime;

    fn read(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
        let file = disk.open(Path::new(path)).ok()?;
        let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
        file.read_at(0, &mut bytes).unwrap();
        Some(bytes)
    }

    /// A disk with a file that holds `durable`, and behind it `loose`, which was not synced.
    fn disk(seed: u64) -> SimDisk {
        let disk = SimDisk::new(Dice::new(seed), DiskMood::default());
        let file = disk.create(Path::new("/d/a")).unwrap();
        file.append(b"durable").unwrap();
        file.sync().unwrap();
        disk.sync_directory(Path::new("/d")).unwrap();
        runtime(1).unwrap().block_on(disk.settled());
        file.append(b"loose").unwrap();
        disk.create(Path::new("/d/b")).unwrap();
        runtime(1).unwrap().block_on(disk.settled());
        disk
    }

    #[test]
    fn a_kill_loses_nothing_that_was_done_and_a_power_loss_nothing_that_was_synced() {
        let (mut whole, mut names) = (0, 0);
        for seed in 0..50 {
            let killed = disk(seed);
            killed.kill();
            assert_eq!(read(&killed.next_life(), "/d/a").unwrap(), b"durableloose");
            let dark = disk(seed);
            dark.lose_power();
            let dark = dark.next_life();
            let left = read(&dark, "/d/a").unwrap();
            assert!(left.starts_with(b"durable") && left.len() <= 12, "{left:?}");
            whole += u32::from(left.len() == 12);
            names += u32::from(read(&dark, "/d/b").is_some());
        }
        assert!(
            (1..50).contains(&whole) && (1..50).contains(&names),
            "what was not synced is sometimes left: {whole} {names}"
        );
    }

    #[test]
    fn what_a_failed_sync_was_to_keep_is_seen_and_never_durable() {
        let disk = disk(3);
        disk.set_mood(|mood| mood.fails_next_sync = true);
        let file = disk.open(Path::new("/d/a")).unwrap();
        assert!(file.sync().is_err());
        assert!(file.sync().is_ok(), "as a kernel does");
        runtime(1).unwrap().block_on(disk.settled());
        assert_eq!(read(&disk, "/d/a").unwrap(), b"durableloose");
        disk.lose_power();
        assert_eq!(read(&disk.next_life(), "/d/a").unwrap(), b"durable\0\0\0\0\0");
    }

    #[test]
    fn a_process_that_has_ended_has_no_access() {
        let disk = disk(1);
        let file = disk.open(Path::new("/d/a")).unwrap();
        disk.kill();
        assert!(file.append(b"x").is_err() && disk.remove(Path::new("/d/a")).is_err());
        assert!(disk.next_life().open(Path::new("/d/a")).is_ok());
    }
}
