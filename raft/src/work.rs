//! Work that uses the disk, done where it holds nobody up.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hanse_base::disk::Disk;

/// Does work that uses a disk: on a thread of its own, or at once where the disk does not block.
///
/// # Errors
/// The work panicked.
pub(crate) async fn work<T, W>(disk: &dyn Disk, work: W) -> io::Result<T>
where
    T: Send + 'static,
    W: FnOnce() -> T + Send + 'static,
{
    if disk.blocks() {
        return tokio::task::spawn_blocking(work).await.map_err(io::Error::other);
    }
    let done = catch_unwind(AssertUnwindSafe(work));
    disk.settled().await;
    done.map_err(|_panic| io::Error::other("work on the disk panicked"))
}
