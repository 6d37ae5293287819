//! What a connection writes, gathered until the tasks that have something to say have said it.
//!
//! HTTP/2 flushes after every frame of more than a few hundred bytes, and over TLS each flush is a record and a system
//! call. A watch event is such a frame, and wakes every stream of a connection at once. So a flush only marks bytes as
//! ready here, and [`Gathering`], which polls the connection, writes them when the runtime has gone through the tasks
//! that are ready: many events leave in one record. A single answer waits for nothing but that round.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use bytes::{Buf, BytesMut};
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose writes are gathered. Clones are the same stream: the HTTP library holds one, [`Gathering`] the other.
pub(crate) struct Socket<S>(Arc<Mutex<Inner<S>>>);

impl<S> Clone for Socket<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Inner<S> {
    stream: S,
    /// At most [`GATHERED_BYTES_MAX`] bytes and one write of less than [`LARGE_WRITE_BYTES`].
    gathered: BytesMut,
    /// Whether the bytes are on their way out and only the peer is waited for.
    draining: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self(Arc::new(Mutex::new(Inner { stream, gathered: BytesMut::new(), draining: false })))
    }

    /// Polls a connection that writes to this socket, and writes what it has gathered.
    pub(crate) fn gathering<C>(&self, connection: C) -> Gathering<S, C> {
        Gathering { socket: self.clone(), connection, turn: Arc::default(), asked: false }
    }

    /// A lock that nobody waits for: only the connection's own task writes.
    fn inner(&self) -> MutexGuard<'_, Inner<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncWrite + Unpin> Inner<S> {
    /// Writes everything that was gathered.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.draining = true;
        while !self.gathered.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.gathered))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.gathered.advance(written);
        }
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.draining = false;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut inner.stream).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.inner();
        let length = parts.iter().map(|part| part.len()).sum();
        let large = length >= LARGE_WRITE_BYTES;
        if inner.gathered.len() >= GATHERED_BYTES_MAX || (large && !inner.gathered.is_empty()) {
            ready!(inner.poll_drain(context))?;
        }
        if large {
            // A copy would cost more than a record of its own does.
            return Pin::new(&mut inner.stream).poll_write_vectored(context, parts);
        }
        parts.iter().for_each(|part| inner.gathered.extend_from_slice(part));
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Done by [`Gathering`]. Where nothing is gathered, the stream itself may still hold a large write.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.inner();
        if inner.gathered.is_empty() { Pin::new(&mut inner.stream).poll_flush(context) } else { Poll::Ready(Ok(())) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.inner();
        ready!(inner.poll_drain(context))?;
        Pin::new(&mut inner.stream).poll_shutdown(context)
    }
}

/// A connection together with the writing of what it gathers.
pub(crate) struct Gathering<S, C> {
    socket: Socket<S>,
    connection: C,
    turn: Arc<Turn>,
    /// Whether `turn` will be woken.
    asked: bool,
}

/// Woken when the runtime has gone through the tasks that were ready.
#[derive(Default)]
struct Turn {
    come: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.come.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<S, C, T, E> Future for Gathering<S, C>
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Future<Output = Result<T, E>> + Unpin,
{
    /// What the connection ended with; `None` when the socket failed.
    type Output = Option<Result<T, E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(result) = Pin::new(&mut this.connection).poll(context) {
            return Poll::Ready(Some(result));
        }
        let mut inner = this.socket.inner();
        if inner.gathered.is_empty() && !inner.draining {
            return Poll::Pending;
        }
        this.turn.task.register(context.waker());
        if this.turn.come.swap(false, Ordering::AcqRel) {
            this.asked = false;
            inner.draining = true;
        }
        if inner.draining {
            return match inner.poll_drain(context) {
                Poll::Ready(Err(error)) => {
                    tracing::debug!(%error, "a connection cannot be written to");
                    Poll::Ready(None)
                }
                Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
            };
        }
        if !this.asked {
            this.asked = true;
            let turn = Waker::from(Arc::clone(&this.turn));
            // The runtime wakes the given waker after the tasks that are ready now: that the future is dropped does not
            // matter to it.
            if pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&turn)).is_ready() {
                turn.wake();
            }
        }
        Poll::Pending
    }
}

/// One TLS record.
const GATHERED_BYTES_MAX: usize = 16 << 10;
/// Writes of this size are not copied.
const LARGE_WRITE_BYTES: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::Pin;

    use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

    use super::Socket;

    #[tokio::test]
    async fn every_byte_arrives_once_and_in_order_whatever_the_sizes() {
        let (near, mut far) = tokio::io::duplex(1000);
        let socket = Socket::new(near);
        let mut writer = socket.clone();
        let sent: Vec<u8> = (0..200_000_u32).map(|number| number.to_be_bytes()[3] ^ number.to_be_bytes()[2]).collect();
        let expected = sent.clone();
        let connection = Box::pin(async move {
            let mut rest = sent.as_slice();
            for size in [1, 300, 9, 16_000, 8_191, 8_192, 20_000, 5, 40_000].into_iter().cycle() {
                let (now, later) = rest.split_at(rest.len().min(size));
                writer.write_all(now).await?;
                writer.flush().await?;
                rest = later;
                if rest.is_empty() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            // Waits for nothing: what is gathered must leave without another write.
            std::future::pending::<()>().await;
            Ok::<_, std::io::Error>(())
        });
        let mut found = vec![0; expected.len()];
        tokio::select! {
            _ = socket.gathering(connection) => unreachable!("the connection does not end"),
            read = far.read_exact(&mut found) => assert_eq!(read.unwrap(), expected.len()),
        }
        assert!(found == expected);
    }

    #[tokio::test]
    async fn many_small_writes_leave_together() {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let socket = Socket::new(near);
        let mut writer = socket.clone();
        let connection = Box::pin(async move {
            for _ in 0..10 {
                writer.write_all(&[7; 1000]).await?;
                writer.flush().await?;
            }
            std::future::pending::<()>().await;
            Ok::<_, std::io::Error>(())
        });
        let mut found = vec![0; 1 << 20];
        tokio::select! {
            _ = socket.gathering(connection) => unreachable!("the connection does not end"),
            read = far.read(&mut found) => assert_eq!(read.unwrap(), 10_000),
        }
    }

    #[tokio::test]
    async fn a_shutdown_writes_what_was_gathered() {
        let (near, mut far) = tokio::io::duplex(100);
        let mut socket = Socket::new(near);
        socket.write_all(&[1; 2000]).await.unwrap();
        let mut found = Vec::new();
        let shutdown = poll_fn(|context| Pin::new(&mut socket).poll_shutdown(context));
        let (ended, read) = tokio::join!(shutdown, far.read_to_end(&mut found));
        ended.unwrap();
        assert_eq!((read.unwrap(), found.len()), (2000, 2000));
    }
}
