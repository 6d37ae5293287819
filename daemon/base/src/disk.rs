//! The seam to files: the few operations that a log and its snapshots need, each with its durability stated.
//!
//! All calls block, unless the disk says otherwise (see [`Disk::blocks`]). A caller on an asynchronous runtime makes them
//! on a thread of its own.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::net::BoxFuture;

/// A directory tree that one daemon owns.
pub trait Disk: Send + Sync + 'static {
    /// Creates a new, empty file. Its name is durable after [`Disk::sync_directory`].
    ///
    /// # Errors
    /// The file exists, or the disk refuses.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens an existing file for reading and appending.
    ///
    /// # Errors
    /// The file does not exist, or the disk refuses.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Creates a directory and its parents.
    ///
    /// # Errors
    /// The disk refuses.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// The paths of the files in a directory, sorted.
    ///
    /// # Errors
    /// The directory cannot be read.
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>>;
    /// Renames a file over another, atomically. Durable after [`Disk::sync_directory`].
    ///
    /// # Errors
    /// The disk refuses.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// The disk refuses.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in the directory durable.
    ///
    /// # Errors
    /// The disk refuses; what is durable is then unknown, and the daemon must stop.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// Whether calls block until they are done, as those of real disks do. Those of a simulated disk return at once, so
    /// they need no thread, and nothing that they did may be relied on before [`Disk::settled`] completes.
    fn blocks(&self) -> bool {
        true
    }

    /// Completes when a disk that does not block has done everything that it was asked for so far.
    fn settled(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// An open file. Reading is positioned and may run beside appending.
pub trait DiskFile: Send + Sync {
    /// Appends all bytes; durable after [`DiskFile::sync`].
    ///
    /// # Errors
    /// The disk refuses; how much was written is then unknown.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Reads exactly the buffer's length from the position.
    ///
    /// # Errors
    /// The file is shorter, or the disk refuses.
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Length in bytes.
    ///
    /// # Errors
    /// The disk refuses.
    fn length(&self) -> io::Result<u64>;
    /// Cuts the file; durable after [`DiskFile::sync`].
    ///
    /// # Errors
    /// The disk refuses.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Makes everything appended before durable (fdatasync).
    ///
    /// # Errors
    /// What is durable is then unknown: never try again on the same file, stop the daemon.
    fn sync(&self) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

struct RealFile(fs::File);

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = fs::OpenOptions::new().read(true).append(true).create_new(true).open(path)?;
        Ok(Box::new(RealFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(RealFile(fs::OpenOptions::new().read(true).append(true).open(path)?)))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut paths =
            fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
        paths.retain(|path| path.is_file());
        paths.sort();
        Ok(paths)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }
}

impl DiskFile for RealFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.0).write_all(bytes)
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, position)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// Reads a file from its beginning as a stream.
pub struct FileReader {
    file: Arc<dyn DiskFile>,
    position: u64,
    end: u64,
}

impl FileReader {
    /// Reads up to the length that the file has now.
    ///
    /// # Errors
    /// The length cannot be read.
    pub fn new(file: Arc<dyn DiskFile>) -> io::Result<Self> {
        let end = file.length()?;
        Ok(Self { file, position: 0, end })
    }
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let count = buffer.len().min(left);
        self.file.read_at(self.position, &mut buffer[..count])?;
        self.position += count as u64;
        Ok(count)
    }
}
