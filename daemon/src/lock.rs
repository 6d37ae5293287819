//! A file that one process holds: `up.lock` of a directory, `hansed.pid` of a daemon.
//!
//! The lock is the operating system's record lock, so it ends with its process whatever happens, and anybody may ask
//! who holds it without taking it. The process id written into the file is for people; nothing is decided by it.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::process::{Flock, FlockType, Pid};

/// A lock that this process holds until it ends. The process must open the file nowhere else: closing any of its
/// descriptors ends the lock.
#[derive(Debug)]
pub(crate) struct ProcessLock {
    _file: File,
}

/// Why the lock cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another process has it.
    #[error("process {pid} holds {path}", path = path.display())]
    Held {
        /// The file.
        path: PathBuf,
        /// The process; 0 when the system does not tell.
        pid: i32,
    },
    /// The file cannot be opened or written.
    #[error("{path}: {source}", path = path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the disk says.
        source: io::Error,
    },
}

impl ProcessLock {
    /// Takes the lock and writes this process's id into the file.
    ///
    /// # Errors
    /// See [`LockError`].
    pub(crate) fn take(path: &Path) -> Result<Self, LockError> {
        let disk = |source: io::Error| LockError::Disk { path: path.to_owned(), source };
        let mut file = open(path).map_err(disk)?;
        match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::AGAIN | Errno::ACCESS) => {
                let pid = holder_of(&file).map_err(disk)?.map_or(0, Pid::as_raw_pid);
                return Err(LockError::Held { path: path.to_owned(), pid });
            }
            Err(error) => return Err(disk(error.into())),
        }
        file.set_len(0).map_err(disk)?;
        writeln!(file, "{}", std::process::id()).map_err(disk)?;
        Ok(Self { _file: file })
    }

    /// The process that holds the lock at the path, if any.
    ///
    /// # Errors
    /// The file is there and cannot be opened.
    pub(crate) fn holder(path: &Path) -> io::Result<Option<Pid>> {
        match File::open(path) {
            Ok(file) => holder_of(&file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn holder_of(file: &File) -> io::Result<Option<Pid>> {
    Ok(rustix::process::fcntl_getlk(file, &Flock::from(FlockType::WriteLock))?.and_then(|lock| lock.pid))
}

#[cfg(test)]
mod tests {
    use super::ProcessLock;

    #[test]
    fn a_lock_writes_the_process_id_and_nobody_holds_a_file_that_is_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hansed.pid");
        assert_eq!(ProcessLock::holder(&path).unwrap(), None);
        std::fs::write(&path, "4294967296 and more\n").unwrap();
        let _lock = ProcessLock::take(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
    }
}
