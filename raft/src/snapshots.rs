//! The snapshot files of a group: one is current, at most one more is being written or received.
//!
//! Only the newest is kept. An older one could be brought up to date only by log that was dropped when the newer one
//! became durable, so keeping it would cost disk and save nobody; a replica whose snapshot is damaged is restored from
//! a peer.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hanse_base::disk::{Disk, DiskFile};
use hanse_base::id::GroupId;
use hanse_base::mutant::Mutant;
use hanse_metrics::counter::Counter;
use openraft::LogIdOptionExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::consensus::SnapshotMeta;
use crate::error::StartError;
use crate::log::lock;
use crate::machine::{Machine, Snapshot};
use crate::snapshot_file::{SnapshotReader, SnapshotWriter};

/// Pieces of background work that may run at once; also what shutdown waits for.
const WORK_MAX: u32 = 4;

/// The files, shared by everybody who needs them.
pub(crate) struct Snapshots {
    pub(crate) disk: Arc<dyn Disk>,
    directory: PathBuf,
    pub(crate) group: GroupId,
    current: std::sync::Mutex<Option<Current>>,
    /// Makes names of unfinished files unique.
    unfinished: AtomicU64,
    is_stopped: AtomicBool,
    work: Arc<Semaphore>,
    /// How many were written from the own state.
    pub(crate) written: Counter,
}

/// The newest durable snapshot.
#[derive(Clone)]
pub(crate) struct Current {
    pub(crate) meta: SnapshotMeta,
    pub(crate) file: Arc<dyn DiskFile>,
    path: PathBuf,
    pub(crate) bytes: u64,
}

/// A snapshot on its way between openraft and the files.
pub(crate) enum SnapshotData {
    /// The current one.
    Current(Arc<dyn DiskFile>),
    /// One that was received and is not installed yet.
    Received(Arc<dyn DiskFile>, Unfinished),
    /// One that could not be written: see [`crate::state::Builder`].
    Nothing,
}

/// A file that is not a snapshot yet; removed when it is dropped before it becomes one.
pub(crate) struct Unfinished {
    disk: Arc<dyn Disk>,
    path: Option<PathBuf>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = self.path.take()
            && let Err(error) = self.disk.remove(&path)
        {
            tracing::warn!(file = %path.display(), %error, "an unfinished snapshot stays behind until the next start");
        }
    }
}

impl Snapshots {
    /// Finds the current snapshot, and lets the machine restore it. Blocks.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        group_directory: &Path,
        group: GroupId,
        machine: &mut dyn Machine,
    ) -> Result<Self, StartError> {
        let directory = group_directory.join("snapshot");
        disk.create_directory(&directory).map_err(|error| StartError::disk("create", &directory, error))?;
        disk.sync_directory(group_directory).map_err(|error| StartError::disk("sync", group_directory, error))?;
        let mut paths = disk.list(&directory).map_err(|error| StartError::disk("list", &directory, error))?;
        let ending = |path: &Path| path.extension().and_then(|ending| ending.to_str()).map(str::to_owned);
        for path in paths.iter().filter(|path| ending(path).as_deref() == Some("tmp")) {
            disk.remove(path).map_err(|error| StartError::disk("remove", path, error))?;
        }
        paths.retain(|path| ending(path).as_deref() == Some("snapshot"));
        // The names sort like the log ids. Older ones are left from a stop between writing the new and removing them.
        let newest = paths.pop();
        for path in paths {
            disk.remove(&path).map_err(|error| StartError::disk("remove", &path, error))?;
        }
        let current = match newest {
            Some(path) => Some(Self::load(&*disk, path, group_directory, &group, machine)?),
            None => None,
        };
        Ok(Self::of(disk, directory, group, current))
    }

    /// The files of a group that has no snapshot yet. Blocks.
    pub(crate) fn fresh(disk: Arc<dyn Disk>, group_directory: &Path, group: GroupId) -> Result<Self, StartError> {
        let directory = group_directory.join("snapshot");
        disk.create_directory(&directory).map_err(|error| StartError::disk("create", &directory, error))?;
        disk.sync_directory(group_directory).map_err(|error| StartError::disk("sync", group_directory, error))?;
        let found = disk.list(&directory).map_err(|error| StartError::disk("list", &directory, error))?;
        if !found.is_empty() {
            return Err(StartError::Configuration(format!("{} is not empty", directory.display())));
        }
        Ok(Self::of(disk, directory, group, None))
    }

    fn of(disk: Arc<dyn Disk>, directory: PathBuf, group: GroupId, current: Option<Current>) -> Self {
        Self {
            disk,
            directory,
            group,
            current: std::sync::Mutex::new(current),
            unfinished: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
            work: Arc::new(Semaphore::new(WORK_MAX as usize)),
            written: Counter::default(),
        }
    }

    fn load(
        disk: &dyn Disk,
        path: PathBuf,
        group_directory: &Path,
        group: &GroupId,
        machine: &mut dyn Machine,
    ) -> Result<Current, StartError> {
        let file = disk.open(&path).map_err(|error| StartError::disk("open", &path, error))?;
        let file: Arc<dyn DiskFile> = Arc::from(file);
        let bytes = file.length().map_err(|error| StartError::disk("read", &path, error))?;
        match restore(file.clone(), group, machine) {
            Ok(meta) => Ok(Current { meta, file, path, bytes }),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let directory = group_directory.to_owned();
                Err(StartError::Damaged { path, offset: 0, what: error.to_string(), directory })
            }
            Err(error) => Err(StartError::disk("read", &path, error)),
        }
    }

    pub(crate) fn current(&self) -> Option<Current> {
        lock(&self.current).clone()
    }

    /// Begins a file that may become a snapshot.
    pub(crate) fn begin(&self) -> io::Result<(Arc<dyn DiskFile>, Unfinished)> {
        let number = self.unfinished.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join(format!("{number}.tmp"));
        let file: Arc<dyn DiskFile> = Arc::from(self.disk.create(&path)?);
        Ok((file, Unfinished { disk: self.disk.clone(), path: Some(path) }))
    }

    /// Writes a picture of the state to a file that can be adopted. Blocks.
    pub(crate) fn write(
        &self,
        meta: &SnapshotMeta,
        picture: &dyn Snapshot,
    ) -> io::Result<(Arc<dyn DiskFile>, Unfinished)> {
        let (file, unfinished) = self.begin()?;
        let keep_going = || !self.is_stopped.load(Ordering::Relaxed);
        let mut writer = SnapshotWriter::new(&*file, &self.group, meta, &keep_going)?;
        picture.write(&mut writer)?;
        writer.flush()?;
        writer.finish()?;
        self.written.count();
        Ok((file, unfinished))
    }

    /// Makes a whole, durable file the current snapshot, unless that is newer already. Blocks.
    pub(crate) fn adopt(
        &self,
        meta: &SnapshotMeta,
        file: Arc<dyn DiskFile>,
        mut unfinished: Unfinished,
    ) -> io::Result<()> {
        let mut current = lock(&self.current);
        if current.as_ref().is_some_and(|current| current.meta.last_log_id >= meta.last_log_id) {
            return Ok(());
        }
        let Some(from) = &unfinished.path else { return Ok(()) };
        let (term, next) = (meta.last_log_id.map_or(0, |id| id.leader_id.term), meta.last_log_id.next_index());
        let path = self.directory.join(format!("{term:020}-{next:020}.snapshot"));
        self.disk.rename(from, &path)?;
        unfinished.path = None;
        if !Mutant::SnapshotNotSynced.lives() {
            self.disk.sync_directory(&self.directory)?;
        }
        let bytes = file.length()?;
        let previous = current.replace(Current { meta: meta.clone(), file, path, bytes });
        // Those who still send the previous one have it open.
        previous.map_or(Ok(()), |previous| self.disk.remove(&previous.path))
    }

    /// Room for a piece of background work, or `None` when the group is stopping.
    pub(crate) async fn work(&self) -> Option<OwnedSemaphorePermit> {
        self.work.clone().acquire_owned().await.ok()
    }

    /// Asks background work to end, and waits until it has.
    pub(crate) async fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        let all = self.work.acquire_many(WORK_MAX).await;
        self.work.close();
        drop(all);
    }
}

/// Lets the machine take a snapshot's state over, checking the whole file. Blocks.
pub(crate) fn restore(file: Arc<dyn DiskFile>, group: &GroupId, machine: &mut dyn Machine) -> io::Result<SnapshotMeta> {
    let (mut reader, meta) = SnapshotReader::of_file(file, group)?;
    if let Err(error) = machine.restore(&mut reader) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("the state in the snapshot: {error}")));
    }
    reader.finish()?;
    machine.publish();
    Ok(meta)
}

/// Reads a whole snapshot file without using it. Blocks.
pub(crate) fn check(file: Arc<dyn DiskFile>, group: &GroupId) -> io::Result<SnapshotMeta> {
    let (reader, meta) = SnapshotReader::of_file(file, group)?;
    reader.finish()?;
    Ok(meta)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use hanse_base::id::GroupId;

    use super::{SnapshotMeta, Snapshots};
    use crate::consensus::log_id;
    use crate::machine::Machine;
    use crate::testing::disk::FaultDisk;
    use crate::testing::machine::ListMachine;

    #[test]
    fn a_snapshot_that_comes_late_does_not_replace_a_newer_one() {
        let disk = FaultDisk::default();
        let open = || {
            let group = GroupId::new("eu").unwrap();
            Snapshots::open(Arc::new(disk.clone()), Path::new("/group"), group, &mut ListMachine::default()).unwrap()
        };
        let snapshots = open();
        for index in [5, 9, 7] {
            let meta = SnapshotMeta { last_log_id: Some(log_id(1, index)), ..SnapshotMeta::default() };
            let (file, unfinished) = snapshots.write(&meta, &*ListMachine::default().snapshot()).unwrap();
            snapshots.adopt(&meta, file, unfinished).unwrap();
        }
        let newest = |snapshots: &Snapshots| snapshots.current().unwrap().meta.last_log_id.map(|id| id.index);
        assert_eq!(newest(&snapshots), Some(9));
        assert_eq!(newest(&open()), Some(9));
        assert_eq!(disk.contents().len(), 1, "neither older ones nor unfinished files stay");
    }
}
