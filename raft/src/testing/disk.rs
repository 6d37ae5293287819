//! A disk in memory that can crash.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hanse_base::disk::{Disk, DiskFile};

/// What a crash does to everything that was never synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    /// All of it is lost.
    LoseAll,
    /// Of each file a part is kept, decided by the number.
    KeepPart(u64),
    /// As before, and pages within the part are zero, as when a file system writes them in another order.
    Tear(u64),
    /// The process was killed; the machine lives, so nothing is lost, but what was not synced still can be later.
    KeepAll,
}

/// Clones are the same disk. Each is what a machine sees of it from then until the next crash: what a thread does
/// afterwards that lived through a crash reaches the disk no more than the thread of a dead machine would.
#[derive(Default)]
pub(crate) struct FaultDisk {
    state: Arc<Mutex<State>>,
    epoch: u64,
}

impl Clone for FaultDisk {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), epoch: self.with(|state| state.epoch) }
    }
}

#[derive(Default)]
struct State {
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    files: Vec<File>,
    epoch: u64,
    syncs: u64,
    appends: u64,
    fails_sync: bool,
    sync_takes: Duration,
    is_stalled: bool,
    fails_append_of: Option<&'static str>,
}

#[derive(Default, Clone)]
struct File {
    data: Vec<u8>,
    durable: Vec<u8>,
    /// What a failed sync was to keep: it is seen and never durable.
    lost: Option<std::ops::Range<usize>>,
}

struct Handle {
    disk: FaultDisk,
    file: usize,
    path: PathBuf,
}

impl FaultDisk {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }

    /// Does something to names, unless the machine has crashed.
    fn alive<T>(&self, act: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        self.with(|state| if state.epoch == self.epoch { act(state) } else { Err(crashed()) })
    }

    /// Ends every use of the disk, and loses what the crash loses.
    pub(crate) fn crash(&self, crash: Crash) {
        self.with(|state| {
            state.epoch += 1;
            if crash == Crash::KeepAll {
                return;
            }
            state.names = state.durable_names.clone();
            for (number, file) in state.files.iter_mut().enumerate() {
                file.data = survived(file, crash, number as u64);
                file.durable = file.data.clone();
            }
            state.durable_names = state.names.clone();
        });
    }

    /// All files with their contents.
    pub(crate) fn contents(&self) -> Vec<(PathBuf, Vec<u8>)> {
        self.with(|state| {
            state.names.iter().map(|(path, file)| (path.clone(), state.files[*file].data.clone())).collect()
        })
    }

    /// Replaces the contents of a file, durably.
    pub(crate) fn replace(&self, path: &Path, data: Vec<u8>) {
        self.with(|state| {
            let file = state.names[path];
            state.files[file] = File { durable: data.clone(), data, lost: None };
        });
    }

    /// A disk with the same contents and a life of its own.
    pub(crate) fn copy(&self) -> Self {
        self.with(|state| {
            let (names, files) = (state.names.clone(), state.files.clone());
            let state = State { durable_names: names.clone(), names, files, ..State::default() };
            Self { state: Arc::new(Mutex::new(state)), epoch: 0 }
        })
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.with(|state| state.syncs)
    }

    pub(crate) fn appends(&self) -> u64 {
        self.with(|state| state.appends)
    }

    /// Makes every sync take a while.
    pub(crate) fn slow_syncs(&self, takes: Duration) {
        self.with(|state| state.sync_takes = takes);
    }

    /// Makes every append and sync hang, until it is told to go on.
    pub(crate) fn stall(&self, is_stalled: bool) {
        self.with(|state| state.is_stalled = is_stalled);
    }

    /// Hangs while the disk does; not beyond a crash.
    fn wait(&self) {
        while self.with(|state| state.is_stalled && state.epoch == self.epoch) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn fail_syncs(&self) {
        self.with(|state| state.fails_sync = true);
    }

    /// Fails appends to files with this ending.
    pub(crate) fn fail_appends_of(&self, ending: Option<&'static str>) {
        self.with(|state| state.fails_append_of = ending);
    }

    fn handle(&self, file: usize, path: &Path) -> Box<dyn DiskFile> {
        let disk = Self { state: self.state.clone(), epoch: self.epoch };
        Box::new(Handle { disk, file, path: path.to_owned() })
    }
}

fn crashed() -> io::Error {
    io::Error::other("the machine crashed")
}

fn survived(file: &File, crash: Crash, number: u64) -> Vec<u8> {
    let seed = match crash {
        Crash::LoseAll => return file.durable.clone(),
        Crash::KeepPart(seed) | Crash::Tear(seed) => mix(seed, number),
        Crash::KeepAll => return file.data.clone(),
    };
    let Some(unsynced) = file.data.strip_prefix(file.durable.as_slice()) else { return file.durable.clone() };
    let kept = usize::try_from(seed % (unsynced.len() as u64 + 1)).unwrap();
    let mut survived = file.durable.clone();
    survived.extend_from_slice(&unsynced[..kept]);
    if matches!(crash, Crash::Tear(_)) {
        for (page, bytes) in survived[file.durable.len()..].chunks_mut(64).enumerate() {
            if mix(seed, page as u64).is_multiple_of(3) {
                bytes.fill(0);
            }
        }
    }
    survived
}

fn mix(seed: u64, number: u64) -> u64 {
    let mut value = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl Disk for FaultDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.alive(|state| {
            if state.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            state.files.push(File::default());
            state.names.insert(path.to_owned(), state.files.len() - 1);
            Ok(state.files.len() - 1)
        })?;
        Ok(self.handle(file, path))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.alive(|state| state.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into()))?;
        Ok(self.handle(file, path))
    }

    fn create_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.alive(|state| Ok(state.names.keys().filter(|name| name.parent() == Some(path)).cloned().collect()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.alive(|state| {
            let file = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
            state.names.insert(to.to_owned(), file);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.alive(|state| state.names.remove(path).map(|_file| ()).ok_or_else(|| io::ErrorKind::NotFound.into()))
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.alive(|state| {
            state.durable_names.retain(|name, _| name.parent() != Some(path));
            let names = state.names.iter().filter(|(name, _)| name.parent() == Some(path));
            state.durable_names.extend(names.map(|(name, file)| (name.clone(), *file)));
            Ok(())
        })
    }
}

impl Handle {
    fn with<T>(&self, act: impl FnOnce(&mut State, usize) -> io::Result<T>) -> io::Result<T> {
        self.disk.alive(|state| act(state, self.file))
    }
}

impl DiskFile for Handle {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.disk.wait();
        self.with(|state, file| {
            if state.fails_append_of.is_some_and(|ending| self.path.extension().is_some_and(|is| is == ending)) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            state.appends += 1;
            state.files[file].data.extend_from_slice(bytes);
            Ok(())
        })
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.with(|state, file| {
            let start = usize::try_from(position).unwrap();
            let bytes = state.files[file].data.get(start..start + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(bytes);
            Ok(())
        })
    }

    fn length(&self) -> io::Result<u64> {
        self.with(|state, file| Ok(state.files[file].data.len() as u64))
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.with(|state, file| {
            state.files[file].data.truncate(usize::try_from(length).unwrap());
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        let takes = self.disk.with(|state| state.sync_takes);
        std::thread::sleep(takes);
        self.disk.wait();
        self.with(|state, file| {
            if state.fails_sync {
                // As a kernel does: the next sync would succeed although the pages are lost.
                state.fails_sync = false;
                let file = &mut state.files[file];
                file.lost = Some(file.durable.len().min(file.data.len())..file.data.len());
                return Err(io::Error::other("input/output error"));
            }
            state.syncs += 1;
            let file = &mut state.files[file];
            file.durable = file.data.clone();
            if let Some(lost) = &file.lost {
                let end = lost.end.min(file.durable.len());
                file.durable.get_mut(lost.start..end).unwrap_or_default().fill(0);
            }
            Ok(())
        })
    }
}
