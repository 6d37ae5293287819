//! The body of an answer, and the shared names of requests and answers.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::stream::Stream;
use http_body::{Frame, SizeHint};

use crate::limits::BODY_CHUNK_BYTES;

/// An answer on its way to the socket.
pub type Answer = http::Response<Body>;

/// A stream of an answer broke off: the reader sees a cut body, never a short one that looks whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off: {0}")]
pub struct BodyError(pub String);

/// The body of an answer: whole, in pieces that are joined to chunks as the socket takes them, or a stream that ends
/// when its source does. Dropping it stops the source.
pub struct Body(Inner);

enum Inner {
    Whole(Bytes),
    Pieces { pieces: VecDeque<Bytes>, left: u64 },
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>),
}

impl Body {
    /// Nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self(Inner::Whole(Bytes::new()))
    }

    /// Bytes that are all there.
    #[must_use]
    pub fn whole(bytes: Bytes) -> Self {
        Self(Inner::Whole(bytes))
    }

    /// Shared pieces: they are copied only into the chunk that is being sent, so a long list costs its references.
    #[must_use]
    pub fn pieces(pieces: VecDeque<Bytes>) -> Self {
        let left = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self(Inner::Pieces { pieces, left })
    }

    /// A stream. Its error cuts the body.
    #[must_use]
    pub fn stream(stream: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static) -> Self {
        Self(Inner::Stream(Box::pin(stream)))
    }

    /// Any other body, for example one that arrives from another daemon.
    #[must_use]
    pub fn boxed<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: fmt::Display,
    {
        use futures_util::StreamExt;
        use http_body_util::BodyStream;
        Self::stream(BodyStream::new(body).filter_map(|frame| {
            std::future::ready(match frame {
                Ok(frame) => frame.into_data().ok().map(Ok),
                Err(error) => Some(Err(BodyError(error.to_string()))),
            })
        }))
    }

    /// The whole body, when it is all there and no stream.
    ///
    /// # Errors
    /// The body itself, when it is a stream.
    pub fn into_bytes(self) -> Result<Bytes, Self> {
        match self.0 {
            Inner::Whole(bytes) => Ok(bytes),
            Inner::Pieces { pieces, left } => {
                let mut joined = BytesMut::with_capacity(usize::try_from(left).unwrap_or_default());
                for piece in pieces {
                    joined.extend_from_slice(&piece);
                }
                Ok(joined.freeze())
            }
            Inner::Stream(_) => Err(self),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Whole(bytes) => write!(f, "Body(whole, {} bytes)", bytes.len()),
            Inner::Pieces { pieces, left } => write!(f, "Body({} pieces, {left} bytes)", pieces.len()),
            Inner::Stream(_) => f.write_str("Body(stream)"),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Inner::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Inner::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Inner::Pieces { pieces, left } => Poll::Ready(next_chunk(pieces).map(|chunk| {
                *left = left.saturating_sub(chunk.len() as u64);
                Ok(Frame::data(chunk))
            })),
            Inner::Stream(stream) => {
                stream.as_mut().poll_next(context).map(|item| item.map(|item| item.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Whole(bytes) => bytes.is_empty(),
            Inner::Pieces { pieces, .. } => pieces.is_empty(),
            Inner::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Pieces { left, .. } => SizeHint::with_exact(*left),
            Inner::Stream(_) => SizeHint::default(),
        }
    }
}

/// Joins pieces to a chunk of at least [`BODY_CHUNK_BYTES`], or to the end. A piece that is alone is not copied.
fn next_chunk(pieces: &mut VecDeque<Bytes>) -> Option<Bytes> {
    let first = pieces.pop_front()?;
    if first.len() >= BODY_CHUNK_BYTES || pieces.is_empty() {
        return Some(first);
    }
    let mut chunk = BytesMut::with_capacity(BODY_CHUNK_BYTES + 4096);
    chunk.extend_from_slice(&first);
    while chunk.len() < BODY_CHUNK_BYTES
        && let Some(piece) = pieces.pop_front()
    {
        chunk.extend_from_slice(&piece);
    }
    Some(chunk.freeze())
}
