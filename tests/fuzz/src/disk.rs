//! A disk in memory: enough for a log to be opened on.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hanse_base::disk::{Disk, DiskFile};

type Contents = Arc<Mutex<Vec<u8>>>;

/// Files in one directory.
#[derive(Default)]
pub(crate) struct MemoryDisk(Mutex<BTreeMap<PathBuf, Contents>>);

struct MemoryFile(Contents);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryDisk {
    /// A disk with these files.
    pub(crate) fn with(files: impl IntoIterator<Item = (PathBuf, Vec<u8>)>) -> Self {
        Self(Mutex::new(files.into_iter().map(|(path, bytes)| (path, Arc::new(Mutex::new(bytes)))).collect()))
    }

    fn file(&self, path: &Path) -> io::Result<Contents> {
        lock(&self.0).get(path).cloned().ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl Disk for MemoryDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        if self.file(path).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let contents = Contents::default();
        lock(&self.0).insert(path.to_owned(), Arc::clone(&contents));
        Ok(Box::new(MemoryFile(contents)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(MemoryFile(self.file(path)?)))
    }

    fn create_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, _path: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(lock(&self.0).keys().cloned().collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let contents = self.file(from)?;
        let mut files = lock(&self.0);
        files.remove(from);
        files.insert(to.to_owned(), contents);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        lock(&self.0).remove(path).map(drop).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn sync_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for MemoryFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(())
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        let contents = lock(&self.0);
        let from = usize::try_from(position).ok().and_then(|from| contents.get(from..)?.get(..buffer.len()));
        buffer.copy_from_slice(from.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(lock(&self.0).len() as u64)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        lock(&self.0).truncate(usize::try_from(length).map_err(io::Error::other)?);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
