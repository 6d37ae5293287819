//! A stream to a peer: frames or raw chunks both ways, with back pressure.
//!
//! A frame is its length, four bytes in network order, and as many bytes. A stream whose sending half is dropped before
//! [`SendHalf::finish`] ends with an error at the other end: what was cut off never looks complete.

use std::future::Future;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::FutureExt;
use hanse_base::id::DaemonId;
use quinn::{ReadError, RecvStream, SendStream, VarInt, WriteError};

use crate::error::LinkError;
use crate::lane::Lane;
use crate::link::why_lost;
use crate::log_limit::LogLimit;
use crate::pipe::{Inlet, Outlet, Piece};

/// Why a stream was given up, as the other end sees it in [`LinkError::HungUp`].
pub mod code {
    /// The other end dropped the stream.
    pub const DROPPED: u32 = 0;
    /// The other end has too many streams waiting, and did nothing with this one.
    pub const BUSY: u32 = 1;
    /// The other end does not know the lane, and did nothing with this stream.
    pub const UNKNOWN_LANE: u32 = 2;
    /// The other end met a frame longer than it takes.
    pub const FRAME_TOO_LARGE: u32 = 3;
}

const CHUNK_BYTES_MAX: usize = 256 << 10;
/// How much is set aside for a frame before its bytes are here. A length alone must not cost memory.
const RESERVE_BYTES_MAX: usize = 64 << 10;
const HEAD_BYTES: usize = 4;

static OVERSIZED: LogLimit = LogLimit::new(Duration::from_secs(1));

/// Both halves of a stream.
#[derive(Debug)]
pub struct Stream {
    send: SendHalf,
    receive: ReceiveHalf,
}

impl Stream {
    pub(crate) fn new(peer: DaemonId, frame_bytes_max: usize, send: SendStream, receive: RecvStream) -> Self {
        Self::on(peer, frame_bytes_max, Outward::Quic(send), Inward::Quic(receive))
    }

    pub(crate) fn of_pipe(peer: DaemonId, frame_bytes_max: usize, inlet: Inlet, outlet: Outlet) -> Self {
        Self::on(peer, frame_bytes_max, Outward::Pipe(inlet), Inward::Pipe(outlet))
    }

    fn on(peer: DaemonId, frame_bytes_max: usize, send: Outward, receive: Inward) -> Self {
        Self {
            send: SendHalf { stream: send, peer, frame_bytes_max, state: Sending::Whole },
            receive: ReceiveHalf {
                stream: receive,
                peer,
                frame_bytes_max,
                rest: Bytes::new(),
                head: [0; HEAD_BYTES],
                head_filled: 0,
                body: BytesMut::new(),
                received: 0,
            },
        }
    }

    pub(crate) const fn join(send: SendHalf, receive: ReceiveHalf) -> Self {
        Self { send, receive }
    }

    /// The daemon at the other end.
    #[must_use]
    pub const fn peer(&self) -> DaemonId {
        self.send.peer
    }

    /// See [`ReceiveHalf::read_frame`].
    ///
    /// # Errors
    /// See there.
    pub async fn read_frame(&mut self, bytes_max: usize) -> Result<Option<Bytes>, LinkError> {
        self.receive.read_frame(bytes_max).await
    }

    /// See [`ReceiveHalf::read_chunk`].
    ///
    /// # Errors
    /// See there.
    pub async fn read_chunk(&mut self) -> Result<Option<Bytes>, LinkError> {
        self.receive.read_chunk().await
    }

    /// See [`SendHalf::write_frame`].
    ///
    /// # Errors
    /// See there.
    pub async fn write_frame(&mut self, frame: Bytes) -> Result<(), LinkError> {
        self.send.write_frame(frame).await
    }

    /// See [`SendHalf::write_chunk`].
    ///
    /// # Errors
    /// See there.
    pub async fn write_chunk(&mut self, chunk: Bytes) -> Result<(), LinkError> {
        self.send.write_chunk(chunk).await
    }

    /// See [`SendHalf::finish`].
    ///
    /// # Errors
    /// See there.
    pub fn finish(&mut self) -> Result<(), LinkError> {
        self.send.finish()
    }

    /// Writes one frame as the answer, and ends the stream.
    ///
    /// # Errors
    /// The other end is gone, or the frame is too long.
    pub async fn answer(mut self, frame: Bytes) -> Result<(), LinkError> {
        self.send.write_frame(frame).await?;
        self.send.finish()?;
        self.receive.settle();
        Ok(())
    }

    /// Gives both directions up; the other end's reads and writes fail with [`LinkError::HungUp`]. So does a drop.
    pub fn reset(self) {
        drop(self);
    }

    /// See [`SendHalf::hung_up`].
    pub fn hung_up(&self) -> impl Future<Output = ()> + Send + Sync + 'static {
        self.send.hung_up()
    }

    /// The two directions, to be used by different tasks.
    #[must_use]
    pub fn split(self) -> (SendHalf, ReceiveHalf) {
        (self.send, self.receive)
    }
}

/// What carries the direction to the peer.
#[derive(Debug)]
enum Outward {
    /// A QUIC stream.
    Quic(SendStream),
    /// See [`crate::pipe`].
    Pipe(Inlet),
}

/// What carries the direction from the peer.
#[derive(Debug)]
enum Inward {
    /// A QUIC stream.
    Quic(RecvStream),
    /// See [`crate::pipe`].
    Pipe(Outlet),
}

impl Inward {
    async fn read(&mut self, peer: DaemonId) -> Result<Option<Bytes>, LinkError> {
        match self {
            Self::Quic(stream) => match stream.read_chunk(CHUNK_BYTES_MAX, true).await {
                Ok(chunk) => Ok(chunk.map(|chunk| chunk.bytes)),
                Err(error) => Err(read_error(peer, &error)),
            },
            Self::Pipe(outlet) => match outlet.take().await {
                Piece::Bytes(bytes) => Ok(Some(bytes)),
                Piece::End => Ok(None),
                Piece::Reset(code) => Err(hung_up(peer, VarInt::from_u32(code))),
                Piece::Lost(why) => Err(LinkError::Lost { why }),
            },
        }
    }

    fn stop(&mut self, code: u32) {
        match self {
            // Fails only on a stream that has ended by itself.
            Self::Quic(stream) => stream.stop(VarInt::from_u32(code)).unwrap_or_default(),
            Self::Pipe(outlet) => outlet.stop(code),
        }
    }
}

/// The direction to the peer.
#[derive(Debug)]
pub struct SendHalf {
    stream: Outward,
    peer: DaemonId,
    frame_bytes_max: usize,
    state: Sending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    /// Everything written so far was written whole.
    Whole,
    /// A write has begun. Stands after a write that was cancelled or failed: what the peer has is then unknown.
    Within,
    /// Finished or reset.
    Ended,
}

impl SendHalf {
    /// Writes a frame, waiting while the peer takes no more. Must not be cancelled, unless the stream is then given up:
    /// after a cancelled write every further one fails.
    ///
    /// # Errors
    /// The frame is longer than the mesh's limit, the other end hung up, or the link is lost.
    pub async fn write_frame(&mut self, frame: Bytes) -> Result<(), LinkError> {
        let head = self.head_of(&frame)?;
        self.write_all([Bytes::copy_from_slice(&head), frame]).await
    }

    /// Writes raw bytes, waiting while the peer takes no more. Must not be cancelled either.
    ///
    /// # Errors
    /// The other end hung up, or the link is lost.
    pub async fn write_chunk(&mut self, chunk: Bytes) -> Result<(), LinkError> {
        self.write_all([chunk]).await
    }

    /// Says that nothing more will come. Returns at once; what was written is still on its way.
    ///
    /// # Errors
    /// A write was cancelled or failed before; the stream is reset then.
    pub fn finish(&mut self) -> Result<(), LinkError> {
        if self.state != Sending::Whole {
            self.reset();
            return Err(LinkError::Closed);
        }
        self.state = Sending::Ended;
        match &mut self.stream {
            Outward::Quic(stream) => stream.finish().map_err(|_ended| LinkError::Closed),
            Outward::Pipe(inlet) => {
                inlet.end(Piece::End);
                Ok(())
            }
        }
    }

    /// Gives this direction up: the other end's reads fail with [`LinkError::HungUp`].
    pub fn reset(&mut self) {
        if self.state != Sending::Ended {
            self.state = Sending::Ended;
            match &mut self.stream {
                // Fails only on a stream that has ended by itself.
                Outward::Quic(stream) => stream.reset(VarInt::from_u32(code::DROPPED)).unwrap_or_default(),
                Outward::Pipe(inlet) => inlet.end(Piece::Reset(code::DROPPED)),
            }
        }
    }

    /// Completes when the other end reads no more: it dropped its reading half, or the link is gone. Also completes
    /// once this half is finished and everything has arrived.
    pub fn hung_up(&self) -> impl Future<Output = ()> + Send + Sync + 'static {
        let (stopped, mut left) = match &self.stream {
            Outward::Quic(stream) => (Some(stream.stopped()), None),
            Outward::Pipe(inlet) => (None, Some(inlet.stopped())),
        };
        async move {
            // How it ended does not matter.
            if let Some(stopped) = stopped {
                drop(stopped.await);
            }
            if let Some(left) = &mut left {
                drop(left.wait_for(Option::is_some).await);
            }
        }
    }

    /// Writes the lane alone.
    pub(crate) async fn write_lane(&mut self, lane: Lane) -> Result<(), LinkError> {
        self.write_all([Bytes::copy_from_slice(&[lane.to_wire()])]).await
    }

    /// Writes the lane and the first frame together, so that a small call is one packet.
    pub(crate) async fn write_lane_and_frame(&mut self, lane: Lane, frame: Bytes) -> Result<(), LinkError> {
        let mut head = [lane.to_wire(), 0, 0, 0, 0];
        head[1..].copy_from_slice(&self.head_of(&frame)?);
        self.write_all([Bytes::copy_from_slice(&head), frame]).await
    }

    fn head_of(&self, frame: &Bytes) -> Result<[u8; HEAD_BYTES], LinkError> {
        match u32::try_from(frame.len()) {
            Ok(length) if frame.len() <= self.frame_bytes_max => Ok(length.to_be_bytes()),
            _ => Err(LinkError::FrameTooLarge { bytes: frame.len(), bytes_max: self.frame_bytes_max }),
        }
    }

    async fn write_all<const N: usize>(&mut self, mut chunks: [Bytes; N]) -> Result<(), LinkError> {
        if self.state != Sending::Whole {
            return Err(LinkError::Closed);
        }
        self.state = Sending::Within;
        match &mut self.stream {
            Outward::Quic(stream) => {
                stream.write_all_chunks(&mut chunks).await.map_err(|error| write_error(self.peer, &error))?;
            }
            Outward::Pipe(inlet) => {
                for chunk in chunks {
                    inlet.put(chunk).await.map_err(|code| hung_up(self.peer, VarInt::from_u32(code)))?;
                }
            }
        }
        self.state = Sending::Whole;
        Ok(())
    }
}

impl Drop for SendHalf {
    fn drop(&mut self) {
        self.reset();
    }
}

/// The direction from the peer. Dropping it tells the peer to send no more.
#[derive(Debug)]
pub struct ReceiveHalf {
    stream: Inward,
    peer: DaemonId,
    frame_bytes_max: usize,
    /// Received and not yet handed out.
    rest: Bytes,
    head: [u8; HEAD_BYTES],
    head_filled: usize,
    body: BytesMut,
    received: u64,
}

impl ReceiveHalf {
    /// The next frame; none when the peer finished. May be cancelled: nothing is lost.
    ///
    /// `bytes_max` is the longest frame taken, cut to the mesh's limit.
    ///
    /// # Errors
    /// The frame is longer (the peer is told, and nothing more can be read), the stream ended within a frame, the other
    /// end hung up, or the link is lost.
    pub async fn read_frame(&mut self, bytes_max: usize) -> Result<Option<Bytes>, LinkError> {
        let bytes_max = bytes_max.min(self.frame_bytes_max);
        loop {
            if let Some(frame) = self.take_frame(bytes_max)? {
                return Ok(Some(frame));
            }
            match self.stream.read(self.peer).await? {
                Some(bytes) => self.take_in(bytes),
                None if self.head_filled == 0 => return Ok(None),
                None => return Err(LinkError::Truncated),
            }
        }
    }

    /// The next bytes as they come, at most 256 KiB; none when the peer finished. May be cancelled: nothing is lost.
    ///
    /// # Errors
    /// The other end hung up, or the link is lost.
    pub async fn read_chunk(&mut self) -> Result<Option<Bytes>, LinkError> {
        if self.head_filled > 0 {
            // Half a frame was read before: what follows is not the beginning of raw bytes.
            return Err(LinkError::Truncated);
        }
        if !self.rest.is_empty() {
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        let chunk = self.stream.read(self.peer).await?;
        self.received += chunk.as_ref().map_or(0, |bytes| bytes.len() as u64);
        Ok(chunk)
    }

    /// How many bytes have come so far. Tells a slow sender from a silent one.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Takes note of the end of the stream if it is already here, which spares the peer a needless order to stop.
    pub(crate) fn settle(&mut self) {
        if self.rest.is_empty()
            && let Some(Ok(Some(bytes))) = self.stream.read(self.peer).now_or_never()
        {
            self.take_in(bytes);
        }
    }

    fn take_in(&mut self, bytes: Bytes) {
        self.received += bytes.len() as u64;
        self.rest = bytes;
    }

    fn take_frame(&mut self, bytes_max: usize) -> Result<Option<Bytes>, LinkError> {
        let count = self.rest.len().min(HEAD_BYTES - self.head_filled);
        self.rest.copy_to_slice(&mut self.head[self.head_filled..self.head_filled + count]);
        self.head_filled += count;
        if self.head_filled < HEAD_BYTES {
            return Ok(None);
        }
        let length = usize::try_from(u32::from_be_bytes(self.head)).unwrap_or(usize::MAX);
        if length > bytes_max {
            if let Some(held_back) = OVERSIZED.pass() {
                tracing::warn!(peer = %self.peer, length, bytes_max, held_back, "a peer sent a frame that is too long");
            }
            self.stream.stop(code::FRAME_TOO_LARGE);
            return Err(LinkError::FrameTooLarge { bytes: length, bytes_max });
        }
        let count = self.rest.len().min(length - self.body.len());
        if self.body.is_empty() {
            self.body.reserve(length.min(RESERVE_BYTES_MAX));
        }
        // Copied: a slice would keep the whole buffer of the socket alive for as long as the frame lives.
        self.body.extend_from_slice(&self.rest[..count]);
        self.rest.advance(count);
        if self.body.len() < length {
            return Ok(None);
        }
        self.head_filled = 0;
        Ok(Some(std::mem::take(&mut self.body).freeze()))
    }
}

fn write_error(daemon: DaemonId, error: &WriteError) -> LinkError {
    match error {
        WriteError::Stopped(code) => hung_up(daemon, *code),
        WriteError::ConnectionLost(lost) => LinkError::Lost { why: why_lost(lost) },
        WriteError::ClosedStream | WriteError::ZeroRttRejected => LinkError::Closed,
    }
}

fn read_error(daemon: DaemonId, error: &ReadError) -> LinkError {
    match error {
        ReadError::Reset(code) => hung_up(daemon, *code),
        ReadError::ConnectionLost(lost) => LinkError::Lost { why: why_lost(lost) },
        ReadError::ClosedStream | ReadError::IllegalOrderedRead | ReadError::ZeroRttRejected => LinkError::Closed,
    }
}

fn hung_up(daemon: DaemonId, code: VarInt) -> LinkError {
    let number = code.into_inner();
    if number == u64::from(code::BUSY) {
        LinkError::Refused { daemon, why: "it has too many streams waiting" }
    } else if number == u64::from(code::UNKNOWN_LANE) {
        LinkError::Refused { daemon, why: "it does not know the lane" }
    } else {
        LinkError::HungUp { code: number }
    }
}
