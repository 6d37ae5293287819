//! One QUIC connection to a peer that has proved who it is.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hanse_base::id::DaemonId;
use quinn::{Connection, ConnectionError, RecvStream, SendStream, VarInt};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};

use crate::error::LinkError;
use crate::lane::Lane;
use crate::limit::Limits;
use crate::log_limit::LogLimit;
use crate::mesh::Incoming;
use crate::peer::PeerId;
use crate::stream::{Stream, code};

/// Why a connection is closed, as the other end sees it.
pub(crate) const CLOSE_SHUT_DOWN: VarInt = VarInt::from_u32(1);
pub(crate) const CLOSE_REPLACED: VarInt = VarInt::from_u32(2);
pub(crate) const CLOSE_SILENT: VarInt = VarInt::from_u32(3);
pub(crate) const CLOSE_BUSY: VarInt = VarInt::from_u32(4);
pub(crate) const CLOSE_NO_GREETING: VarInt = VarInt::from_u32(5);
pub(crate) const CLOSE_NOT_A_MEMBER: VarInt = VarInt::from_u32(6);
pub(crate) const CLOSE_EXPIRED: VarInt = VarInt::from_u32(7);
pub(crate) const CLOSE_NOT_PROVED: VarInt = VarInt::from_u32(8);
pub(crate) const CLOSE_DONE: VarInt = VarInt::from_u32(9);

const EXPIRED: &str = "a certificate has expired";
/// How long a stream may be open without telling its lane.
const LANE_TIMEOUT: Duration = Duration::from_secs(1);
const SILENCE_STEPS: u32 = 5;
const WHY_CHARACTERS_MAX: usize = 200;
/// A link is replaced when a quarter of the life is left that its certificates gave it, and this long before its end at
/// the earliest.
const RENEW_BEFORE_MAX: Duration = Duration::from_secs(600);
/// A link is not replaced sooner than this, however soon it ends.
const RENEW_AFTER_MIN: Duration = Duration::from_secs(1);

static REFUSED: LogLimit = LogLimit::new(Duration::from_secs(1));

/// A connection, and how it came about.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection,
    /// Whether this side dialed.
    pub(crate) dialed: bool,
    /// The incarnation that the peer told.
    pub(crate) incarnation: u64,
    pub(crate) since: Instant,
    /// When the first of both sides' certificates ends, and the link with it.
    pub(crate) expires: Instant,
}

/// Why there is no link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Why {
    /// In words, fit for one line of a log.
    pub(crate) text: Arc<str>,
    /// Whether the peer says that we are no member of the federation.
    pub(crate) not_a_member: bool,
}

impl Why {
    pub(crate) fn new(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), not_a_member: false }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<&ConnectionError> for Why {
    fn from(error: &ConnectionError) -> Self {
        let code = if let ConnectionError::ApplicationClosed(close) = error { Some(close.error_code) } else { None };
        Self { text: why_lost(error).into(), not_a_member: code == Some(CLOSE_NOT_A_MEMBER) }
    }
}

/// What the tasks of all links share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) incoming: mpsc::Sender<Incoming>,
}

impl Link {
    /// A new stream, of which nothing is sent yet.
    pub(crate) async fn open(&self, daemon: DaemonId, lane: Lane, limits: &Limits) -> Result<Stream, LinkError> {
        match timeout(limits.open_timeout, self.connection.open_bi()).await {
            Ok(Ok((send, receive))) => {
                // Fails only on a stream that has ended.
                send.set_priority(lane.priority()).unwrap_or_default();
                Ok(Stream::new(daemon, limits.frame_bytes_max, send, receive))
            }
            Ok(Err(lost)) => Err(LinkError::Unreachable { daemon, why: why_lost(&lost) }),
            Err(_elapsed) => Err(LinkError::Refused { daemon, why: "it allows no more streams at once" }),
        }
    }

    pub(crate) fn close(&self, code: VarInt, why: &str) {
        self.connection.close(code, why.as_bytes());
    }

    /// When it is time to put a new link in this one's place. Mostly the side that dialed does: the other has half as
    /// much time left.
    pub(crate) fn renew_at(&self) -> Instant {
        let life = self.expires.saturating_duration_since(self.since);
        let before = (life / 4).min(RENEW_BEFORE_MAX);
        let before = if self.dialed { before } else { before / 2 };
        (self.since + RENEW_AFTER_MIN).max(self.since + (life - before))
    }

    /// Hands the peer's streams on until the connection ends, at the latest with the certificates; says why it did.
    pub(crate) async fn serve(self: Arc<Self>, peer: PeerId, shared: Arc<Shared>) -> Why {
        let mut without_lane = FuturesUnordered::new();
        let mut silence = Silence::default();
        let mut ticks = interval(shared.limits.silence_max / SILENCE_STEPS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                accepted = self.connection.accept_bi() => match accepted {
                    Ok((send, mut receive)) => match lane_byte(&mut receive).now_or_never() {
                        Some(lane) => shared.hand_on(&peer, lane, send, receive),
                        // As many as the peer may have streams open: QUIC holds it to that.
                        None => without_lane.push(late_lane(send, receive)),
                    },
                    Err(lost) => return Why::from(&lost),
                },
                Some((lane, send, receive)) = without_lane.next() => shared.hand_on(&peer, lane, send, receive),
                _ = ticks.tick() => if silence.lasts(self.connection.stats().udp_rx.datagrams) {
                    let why = format!("nothing heard for {} ms", shared.limits.silence_max.as_millis());
                    self.close(CLOSE_SILENT, &why);
                    return Why::new(why);
                },
                () = sleep_until(self.expires.into()) => {
                    self.close(CLOSE_EXPIRED, EXPIRED);
                    return Why::new(EXPIRED);
                }
            }
        }
    }
}

/// Says in words why a connection is gone, fit for one line of a log.
pub(crate) fn why_lost(error: &ConnectionError) -> String {
    let why = match error {
        ConnectionError::ApplicationClosed(close) => {
            format!("closed by the peer: {}", String::from_utf8_lossy(&close.reason))
        }
        ConnectionError::TimedOut => "nothing heard within the idle timeout".to_owned(),
        ConnectionError::Reset => "the peer was restarted".to_owned(),
        ConnectionError::LocallyClosed => "closed by this daemon".to_owned(),
        other => other.to_string(),
    };
    // The reason is the peer's text, and the peer may be anyone.
    why.escape_debug().take(WHY_CHARACTERS_MAX).collect()
}

async fn lane_byte(receive: &mut RecvStream) -> Option<u8> {
    let mut byte = [0];
    matches!(receive.read(&mut byte).await, Ok(Some(1))).then_some(byte[0])
}

async fn late_lane(send: SendStream, mut receive: RecvStream) -> (Option<u8>, SendStream, RecvStream) {
    let lane = timeout(LANE_TIMEOUT, lane_byte(&mut receive)).await.unwrap_or(None);
    (lane, send, receive)
}

impl Shared {
    /// Gives the stream to the application, or refuses it: never waits, never queues beyond the limit.
    fn hand_on(&self, peer: &PeerId, lane: Option<u8>, send: SendStream, receive: RecvStream) {
        // The opener hung up before it said what the stream is for.
        let Some(byte) = lane else { return refuse(send, receive, code::DROPPED) };
        let Some(lane) = Lane::from_wire(byte) else {
            log_refusal(peer, byte, "unknown lane");
            return refuse(send, receive, code::UNKNOWN_LANE);
        };
        let permit = match self.incoming.try_reserve() {
            Ok(permit) => permit,
            Err(TrySendError::Full(())) => {
                log_refusal(peer, byte, "too many streams are waiting");
                return refuse(send, receive, code::BUSY);
            }
            // The application has stopped to take streams: it is going down.
            Err(TrySendError::Closed(())) => return refuse(send, receive, code::BUSY),
        };
        // Fails only on a stream that has ended.
        send.set_priority(lane.priority()).unwrap_or_default();
        let stream = Stream::new(peer.daemon, self.limits.frame_bytes_max, send, receive);
        permit.send(Incoming { peer: peer.clone(), lane, stream });
    }
}

fn refuse(mut send: SendStream, mut receive: RecvStream, code: u32) {
    // Both fail only on a stream that has ended.
    send.reset(VarInt::from_u32(code)).unwrap_or_default();
    receive.stop(VarInt::from_u32(code)).unwrap_or_default();
}

fn log_refusal(peer: &PeerId, lane: u8, why: &str) {
    if let Some(held_back) = REFUSED.pass() {
        tracing::warn!(peer = %peer.daemon, region = %peer.region, lane, held_back, "a stream was refused: {why}");
    }
}

/// Counts the steps in which nothing was heard.
#[derive(Debug, Default)]
struct Silence {
    heard: u64,
    steps: u32,
}

impl Silence {
    fn lasts(&mut self, heard: u64) -> bool {
        self.steps = if heard == self.heard { self.steps + 1 } else { 0 };
        self.heard = heard;
        self.steps >= SILENCE_STEPS
    }
}

#[cfg(test)]
mod tests {
    use super::{SILENCE_STEPS, Silence};

    #[test]
    fn only_silence_in_every_step_counts() {
        let mut silence = Silence::default();
        assert!(!silence.lasts(1));
        assert!((1..SILENCE_STEPS).all(|_| !silence.lasts(1)));
        assert!(!silence.lasts(2), "heard in the last step");
        assert!((1..SILENCE_STEPS).all(|_| !silence.lasts(2)));
        assert!(silence.lasts(2));
    }
}
