//! The seam to the network, as Raft sees it: calls and uploads to a daemon by id. `sync` lays them on QUIC, a
//! simulation on a queue.

use std::future::Future;
use std::io::Read;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use crate::id::DaemonId;

/// A future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// No link to the daemon: nothing was sent, so the call can be made again elsewhere.
    #[error("daemon {daemon} is out of reach: {why}")]
    Unreachable {
        /// The daemon that was called.
        daemon: DaemonId,
        /// What the transport says.
        why: String,
    },
    /// The request may have arrived: what it did is unknown.
    #[error("no answer from daemon {daemon}: {why}")]
    Unanswered {
        /// The daemon that was called.
        daemon: DaemonId,
        /// What the transport says.
        why: String,
    },
}

/// Carries Raft's bytes between daemons.
pub trait Net: Send + Sync + 'static {
    /// Sends a request and waits for its answer, for at most `timeout`.
    ///
    /// # Errors
    /// See [`NetError`].
    fn call(&self, to: DaemonId, request: Bytes, timeout: Duration) -> BoxFuture<'_, Result<Bytes, NetError>>;

    /// Sends a head and then everything that `body` reads, in chunks and with back pressure, and waits for the answer.
    /// `timeout` is the longest time without progress.
    ///
    /// # Errors
    /// See [`NetError`].
    fn upload(
        &self,
        to: DaemonId,
        head: Bytes,
        body: Box<dyn Read + Send>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, NetError>>;
}
