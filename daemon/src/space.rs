//! Room on the disk: looked at every few seconds, so that the daemon refuses what grows before the disk refuses everything.
//!
//! ```text
//! free ≥ reserve           all is well
//! free < reserve           what makes the state larger is refused with 507; deletions and reads go on
//! free < a quarter of it   no entries are taken: what is left is for votes, and for making room
//! ```
//! A log that meets a full disk in the middle of a record has to stop the daemon, and one that is started on a full disk
//! would stop again at once: so a start waits until there is room.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use hanse_raft::group::Group;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::notify::{Progress, notify};

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Room {
    /// Enough.
    Ample,
    /// Less than the reserve.
    Low,
    /// Too little for anything but making room.
    None,
}

impl Room {
    /// What so many free bytes are, beside a reserve.
    fn of(free: u64, reserve: u64) -> Self {
        match free {
            free if free >= reserve => Self::Ample,
            free if free >= reserve / FLOOR_SHARE => Self::Low,
            _ => Self::None,
        }
    }
}

/// What is known of the room. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Space(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    room: AtomicU8,
    free_bytes: AtomicU64,
    total_bytes: AtomicU64,
}

impl Space {
    /// How much room there was at the last look.
    pub(crate) fn room(&self) -> Room {
        match self.0.room.load(Ordering::Relaxed) {
            0 => Room::Ample,
            1 => Room::Low,
            _ => Room::None,
        }
    }

    /// Free bytes, and all bytes, at the last look; nothing before the first.
    pub(crate) fn bytes(&self) -> Option<(u64, u64)> {
        let total = self.0.total_bytes.load(Ordering::Relaxed);
        (total > 0).then(|| (self.0.free_bytes.load(Ordering::Relaxed), total))
    }

    fn note(&self, (free, total): (u64, u64), reserve: u64) -> Room {
        let room = Room::of(free, reserve);
        self.0.room.store(room as u8, Ordering::Relaxed);
        self.0.free_bytes.store(free, Ordering::Relaxed);
        self.0.total_bytes.store(total, Ordering::Relaxed);
        room
    }
}

/// Where to look, and what must stay free.
#[derive(Debug, Clone)]
pub(crate) struct Reserve {
    /// The group's directory, or the next one above it that exists.
    pub(crate) directory: PathBuf,
    /// Bytes.
    pub(crate) bytes: u64,
}

/// Free bytes, for those without privileges, and all bytes of a directory's file system. Blocks.
fn measure(directory: &Path) -> Option<(u64, u64)> {
    let existing = directory.ancestors().find(|directory| directory.exists())?;
    let found = rustix::fs::statvfs(existing).ok()?;
    Some((found.f_bavail.saturating_mul(found.f_frsize), found.f_blocks.saturating_mul(found.f_frsize)))
}

/// Waits until the disk has room for a start. Says so when it has to.
pub(crate) async fn wait_for_room(space: &Space, reserve: &Reserve) {
    let mut waits = 0_u64;
    loop {
        let directory = reserve.directory.clone();
        let measured = tokio::task::spawn_blocking(move || measure(&directory)).await.ok().flatten();
        let Some(bytes) = measured else { return };
        if space.note(bytes, reserve.bytes) != Room::None {
            return;
        }
        if waits.is_multiple_of(SAY_EVERY) {
            let (path, free, needed) = (reserve.directory.display(), bytes.0, reserve.bytes / FLOOR_SHARE);
            tracing::error!(%path, free, needed, "the disk is full: the daemon waits for room before it starts; delete what is not needed there");
        }
        waits += 1;
        notify(Progress::Starting(LOOK_EVERY * 10, "waiting: the disk is full"));
        sleep(LOOK_EVERY).await;
    }
}

/// Looks at the disk until `stop` changes.
pub(crate) async fn watch(space: Space, reserve: Reserve, group: Group, mut stop: watch::Receiver<bool>) {
    let mut before = space.room();
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = sleep(LOOK_EVERY) => {}
        }
        let directory = reserve.directory.clone();
        // A disk that hangs is told of elsewhere; a look that hangs with it is waited for, and no other is begun.
        let measured = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            measured = tokio::task::spawn_blocking(move || measure(&directory)) => measured,
        };
        let Some(bytes) = measured.ok().flatten() else { continue };
        let room = space.note(bytes, reserve.bytes);
        group.set_disk_full(room == Room::None);
        if room != before {
            let (free, path) = (bytes.0, reserve.directory.display());
            match room {
                Room::Ample => tracing::warn!(%path, free, "the disk has room again"),
                Room::Low => {
                    tracing::error!(%path, free, "the disk is nearly full: what makes the state larger is refused")
                }
                Room::None => tracing::error!(%path, free, "the disk is full: nothing is written"),
            }
            before = room;
        }
    }
}

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The part of the reserve that nothing is written below.
const FLOOR_SHARE: u64 = 4;
/// Looks between two lines about a start that waits.
const SAY_EVERY: u64 = 15;

#[cfg(test)]
mod tests {
    use super::{Room, Space, measure};

    #[test]
    fn room_is_told_in_three_steps() {
        let space = Space::default();
        assert_eq!((space.room(), space.bytes()), (Room::Ample, None));
        for (free, expected) in [(400, Room::Ample), (399, Room::Low), (100, Room::Low), (99, Room::None)] {
            assert_eq!(space.note((free, 1000), 400), expected);
            assert_eq!((space.room(), space.bytes()), (expected, Some((free, 1000))));
        }
    }

    #[test]
    fn a_directory_that_is_not_there_yet_is_measured_above() {
        let directory = tempfile::tempdir().unwrap();
        let (free, total) = measure(&directory.path().join("a/b")).unwrap();
        assert!(free > 0 && total >= free);
    }
}
