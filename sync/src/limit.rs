//! Every limit of the mesh, by name.

use std::time::Duration;

/// Limits of queues, windows and waits. [`Limits::default`] suits regions up to a few hundred milliseconds apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Streams that a peer may have open on one link. A further one waits at the opener, for at most `open_timeout`.
    pub streams_max: u32,
    /// Bytes of one stream that may be under way or unread. A sender beyond it waits.
    pub stream_window_bytes: u32,
    /// Bytes of all streams of one link that may be under way or unread. Senders beyond it wait.
    pub link_window_bytes: u32,
    /// Bytes of one link that we hold until the peer has acknowledged them. Senders beyond it wait.
    pub send_window_bytes: u32,
    /// The longest frame written, and read where the reader names no smaller limit.
    pub frame_bytes_max: usize,
    /// Streams from peers that wait for the application to take them. A further one is refused.
    pub incoming_streams_max: usize,
    /// Connections from outside that have not proved who they are yet. A further one is refused.
    pub half_open_max: usize,
    /// From the first packet of a dial to a link that the peer has welcomed.
    pub dial_timeout: Duration,
    /// From the first packet of a connection from outside to a link.
    pub handshake_timeout: Duration,
    /// How long an opener waits for a free stream.
    pub open_timeout: Duration,
    /// How often an idle link sends something, so that the peer hears us.
    pub keep_alive: Duration,
    /// A link on which nothing was heard for this long is closed. Counted in steps of a fifth, so that a pause of our
    /// own process is not taken for the peer's silence.
    pub silence_max: Duration,
    /// QUIC's own idle timeout: the backstop behind `silence_max`.
    pub idle_timeout: Duration,
    /// Pause after the first failed dial; doubles with each further one.
    pub redial_min: Duration,
    /// The longest pause between two dials. Pauses are shortened by up to a half, by chance.
    pub redial_max: Duration,
    /// How long streams of a link that was replaced by a newer one may go on. What is open then is cut off.
    pub drain_max: Duration,
    /// How much longer the daemon with the higher id waits before it dials, so that mostly one of a pair dials.
    pub dial_courtesy: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams_max: 1024,
            stream_window_bytes: 1 << 20,
            link_window_bytes: 64 << 20,
            send_window_bytes: 8 << 20,
            frame_bytes_max: 16 << 20,
            incoming_streams_max: 1024,
            half_open_max: 64,
            dial_timeout: Duration::from_secs(1),
            handshake_timeout: Duration::from_secs(2),
            open_timeout: Duration::from_secs(1),
            keep_alive: Duration::from_millis(500),
            silence_max: Duration::from_millis(1500),
            idle_timeout: Duration::from_secs(3),
            redial_min: Duration::from_millis(100),
            redial_max: Duration::from_secs(1),
            drain_max: Duration::from_secs(60),
            dial_courtesy: Duration::from_millis(50),
        }
    }
}
