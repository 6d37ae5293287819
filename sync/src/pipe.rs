//! A stream without a network: what the two halves write and read is handed to whoever stands between the two daemons.
//! With it a simulation runs everything above links.
//!
//! ```text
//!   Stream of one daemon ─ Outside ─ (whatever carries pieces) ─ Outside ─ Stream of the other
//! ```

use bytes::Bytes;
use hanse_base::id::DaemonId;
use tokio::sync::{mpsc, watch};

use crate::stream::{Stream, code};

/// What goes one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes.
    Bytes(Bytes),
    /// Nothing more will come.
    End,
    /// This direction was given up, for this reason (see [`crate::stream::code`]).
    Reset(u32),
    /// The link is lost.
    Lost(String),
}

/// The other side of a stream: for whoever carries its pieces.
#[derive(Debug)]
pub struct Outside {
    /// What the stream sends. Ends after the last piece.
    pub sent: mpsc::Receiver<Piece>,
    /// Where to put what arrives for it. Closed when nobody reads any more.
    pub arrived: mpsc::Sender<Piece>,
    /// Becomes `Some` when the stream's reader stops, with its reason.
    pub stopped: watch::Receiver<Option<u32>>,
    /// To be set when the reader at the other end has stopped.
    pub stop: watch::Sender<Option<u32>>,
}

/// The writing end of a pipe.
#[derive(Debug)]
pub(crate) struct Inlet {
    sender: Option<mpsc::Sender<Piece>>,
    /// Room for the last piece, so that it never waits.
    last: Option<mpsc::OwnedPermit<Piece>>,
    stopped: watch::Receiver<Option<u32>>,
}

/// The reading end of a pipe.
#[derive(Debug)]
pub(crate) struct Outlet {
    receiver: mpsc::Receiver<Piece>,
    /// The last piece, which is seen for ever.
    last: Option<Piece>,
    stop: watch::Sender<Option<u32>>,
}

/// A stream to a peer, and its other side. `pieces_max` pieces wait in each direction; then writing waits.
#[must_use]
pub fn pipe(peer: DaemonId, frame_bytes_max: usize, pieces_max: usize) -> (Stream, Outside) {
    let (sender, sent) = mpsc::channel(pieces_max.max(1) + 1);
    let (arrived, receiver) = mpsc::channel(pieces_max.max(1));
    let (stop, write_stopped) = watch::channel(None);
    let (read_stop, stopped) = watch::channel(None);
    let last = sender.clone().try_reserve_owned().ok();
    let inlet = Inlet { sender: Some(sender), last, stopped: write_stopped };
    let outlet = Outlet { receiver, last: None, stop: read_stop };
    (Stream::of_pipe(peer, frame_bytes_max, inlet, outlet), Outside { sent, arrived, stopped, stop })
}

impl Inlet {
    /// Waits for room, and writes. The error is the reason for which the other end has stopped.
    pub(crate) async fn put(&mut self, bytes: Bytes) -> Result<(), u32> {
        let reason = *self.stopped.borrow();
        if let Some(reason) = reason {
            return Err(reason);
        }
        let Some(sender) = &self.sender else { return Err(code::DROPPED) };
        sender.send(Piece::Bytes(bytes)).await.map_err(|_gone| code::DROPPED)
    }

    /// Writes the last piece.
    pub(crate) fn end(&mut self, piece: Piece) {
        self.sender = None;
        if let Some(last) = self.last.take() {
            drop(last.send(piece));
        }
    }

    pub(crate) fn stopped(&self) -> watch::Receiver<Option<u32>> {
        self.stopped.clone()
    }
}

impl Outlet {
    /// Waits for a piece. May be cancelled: nothing is lost.
    pub(crate) async fn take(&mut self) -> Piece {
        if let Some(last) = &self.last {
            return last.clone();
        }
        let piece = self.receiver.recv().await.unwrap_or(Piece::Lost("nobody carries the stream any more".to_owned()));
        if !matches!(piece, Piece::Bytes(_)) {
            self.last = Some(piece.clone());
        }
        piece
    }

    /// Tells the other end to send no more.
    pub(crate) fn stop(&mut self, code: u32) {
        self.stop.send_if_modified(|known| known.is_none() && known.replace(code).is_none());
        self.receiver.close();
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.stop(code::DROPPED);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hanse_base::id::DaemonId;

    use super::{Outside, Piece, pipe};
    use crate::error::LinkError;

    fn put(outside: &Outside, piece: Piece) {
        outside.arrived.try_send(piece).unwrap();
    }

    #[tokio::test]
    async fn frames_go_through_a_pipe_as_through_a_link() {
        let (mut stream, mut outside) = pipe(DaemonId(2), 1 << 20, 4);
        stream.write_frame(Bytes::from_static(b"hello")).await.unwrap();
        stream.finish().unwrap();
        let mut sent = Vec::new();
        while let Some(Piece::Bytes(bytes)) = outside.sent.recv().await {
            sent.extend_from_slice(&bytes);
            put(&outside, Piece::Bytes(bytes));
        }
        assert_eq!(sent, b"\0\0\0\x05hello");
        put(&outside, Piece::End);
        assert_eq!(stream.read_frame(100).await.unwrap().unwrap(), "hello");
        assert_eq!(stream.read_frame(100).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_ends_early_never_looks_complete() {
        let (mut stream, mut outside) = pipe(DaemonId(2), 1 << 20, 4);
        put(&outside, Piece::Bytes(Bytes::from_static(b"\0\0")));
        put(&outside, Piece::Reset(0));
        assert!(matches!(stream.read_frame(100).await, Err(LinkError::HungUp { code: 0 })));
        drop(stream);
        assert_eq!(outside.sent.recv().await, Some(Piece::Reset(0)));
        assert_eq!(*outside.stopped.borrow(), Some(0));
    }
}
