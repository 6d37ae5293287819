//! How a daemon that has no certificate yet asks to be taken in.
//!
//! It speaks another protocol ([`PROTOCOL`]) to the same socket, without a certificate of its own, and can do one thing
//! only: send one request and get one answer. Nothing of the mesh is open to it, and nothing of this to the mesh. It
//! knows the federation's root by its SHA-256 alone, and sends its request, which holds a secret, only after the other
//! side has proved that it is a daemon below that root: a server shows its root to those who speak this protocol.
//!
//! ```text
//!   joiner                                     daemon
//!   TLS 1.3, no certificate          ────▶
//!                                    ◀────     its chain, and the root: compared with the fingerprint
//!   the request, one stream, ended   ────▶     at most REQUEST_BYTES_MAX, within Limits::handshake_timeout
//!                                    ◀────     the answer, at most ANSWER_BYTES_MAX
//! ```
//!
//! What request and answer mean is the application's. The answer can be lost after the request was taken; so a request
//! must be one that may be repeated.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hanse_base::id::RegionName;
use quinn::crypto::rustls::{HandshakeData, QuicClientConfig};
use quinn::{Connection, ConnectionError, Endpoint, VarInt};
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::version::TLS13;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::link::{CLOSE_BUSY, CLOSE_DONE, CLOSE_NO_GREETING, why_lost};
use crate::tls::{Judge, SERVER_NAME, Server};

/// The protocol and its version, in TLS' negotiation.
pub const PROTOCOL: &[u8] = b"hanse-join/1";
/// The longest request.
pub const REQUEST_BYTES_MAX: usize = 64 << 10;
/// The longest answer.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Joins that are answered at once. A further one is turned away.
pub const JOINS_MAX: usize = 8;
/// Joins that may begin at once, after a while without any.
const BURST: u32 = 16;
/// How soon one more may begin after those.
const REFILL: Duration = Duration::from_millis(250);
/// How long the application may take for an answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// From the first packet to one address until its daemon has proved itself.
const DIAL_TIME_MAX: Duration = Duration::from_secs(3);
/// How long the joiner waits for its answer: longer than the other side takes.
const PATIENCE: Duration = Duration::from_secs(35);
/// How long the last packets may take.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// A request to be taken in. A drop without an answer turns it away.
pub struct JoinRequest {
    /// Where it comes from.
    pub from: SocketAddr,
    /// What it says. Anyone can have said it.
    pub request: Bytes,
    answer: oneshot::Sender<Bytes>,
}

impl fmt::Debug for JoinRequest {
    /// Leaves what it says out: there is a secret in it, which must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, request, answer: _ } = self;
        f.debug_struct("JoinRequest").field("from", from).field("bytes", &request.len()).finish_non_exhaustive()
    }
}

impl JoinRequest {
    /// Answers. What is longer than [`ANSWER_BYTES_MAX`] is not sent, and the request is turned away.
    pub fn answer(self, answer: Bytes) {
        // Fails when the joiner has gone meanwhile: it will ask again.
        drop(self.answer.send(answer));
    }
}

/// Whom a joiner believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The federation.
    pub federation: String,
    /// The region that the asked daemon must belong to; none for any.
    pub region: Option<RegionName>,
    /// SHA-256 of the root's certificate in DER.
    pub root_sha256: [u8; 32],
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// There is nobody to ask.
    #[error("there is no address to ask")]
    NoAddress,
    /// No more than [`REQUEST_BYTES_MAX`] can be asked.
    #[error("the request is longer than {REQUEST_BYTES_MAX} bytes")]
    TooLong,
    /// No socket can be opened.
    #[error("no socket can be opened: {0}")]
    Socket(String),
    /// Nobody answers there. Nothing was sent.
    #[error("{address} is out of reach: {why}")]
    Unreachable {
        /// The address asked last.
        address: SocketAddr,
        /// What the transport says.
        why: String,
    },
    /// Who answers there is no daemon that the joiner may believe. Nothing was sent.
    #[error("{address} is not to be trusted: {why}")]
    NotTrusted {
        /// The address asked last.
        address: SocketAddr,
        /// What is wrong with it.
        why: String,
    },
    /// The request was sent, and there is no answer: what it did is unknown. It may be repeated.
    #[error("no answer from {address}: {why}")]
    Unanswered {
        /// The address asked last.
        address: SocketAddr,
        /// What the transport says.
        why: String,
    },
}

/// Sends a request to the first of the addresses where a daemon answers that can be believed, and gives its answer. The
/// request may arrive at several: it must be one that may be repeated.
///
/// # Errors
/// See [`JoinError`]: what came of the last address, or of one where the request may have arrived.
pub async fn call(addresses: &[SocketAddr], target: &Target, request: Bytes) -> Result<Bytes, JoinError> {
    if request.len() > REQUEST_BYTES_MAX {
        return Err(JoinError::TooLong);
    }
    let config = client_config(target).map_err(|error| JoinError::Socket(error.to_string()))?;
    let mut outcome = Err(JoinError::NoAddress);
    for address in addresses {
        let tried = call_one(*address, config.clone(), &request).await;
        if tried.is_ok() {
            return tried;
        }
        if !matches!(outcome, Err(JoinError::Unanswered { .. })) {
            outcome = tried;
        }
    }
    outcome
}

async fn call_one(address: SocketAddr, config: quinn::ClientConfig, request: &Bytes) -> Result<Bytes, JoinError> {
    let own: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let endpoint = Endpoint::client(own).map_err(|error| JoinError::Socket(error.to_string()))?;
    let answer = ask(&endpoint, address, config, request).await;
    endpoint.close(CLOSE_DONE, b"done");
    // A daemon that is gone does not hear it: that must not hold us up.
    timeout(GOODBYE_MAX, endpoint.wait_idle()).await.unwrap_or_default();
    answer
}

async fn ask(
    endpoint: &Endpoint,
    address: SocketAddr,
    config: quinn::ClientConfig,
    request: &Bytes,
) -> Result<Bytes, JoinError> {
    let unreachable = |why: String| JoinError::Unreachable { address, why };
    let connecting = endpoint.connect_with(config, address, SERVER_NAME);
    let connecting = connecting.map_err(|error| unreachable(error.to_string()))?;
    let late = || unreachable(format!("no answer within {} ms", DIAL_TIME_MAX.as_millis()));
    let connection = timeout(DIAL_TIME_MAX, connecting).await.map_err(|_elapsed| late())?;
    let connection = connection.map_err(|error| match &error {
        ConnectionError::TransportError(_) => JoinError::NotTrusted { address, why: why_lost(&error) },
        _ => unreachable(why_lost(&error)),
    })?;
    let unanswered = |why: String| JoinError::Unanswered {
        address,
        why: connection.close_reason().map_or(why, |reason| why_lost(&reason)),
    };
    let exchange = async {
        let (mut send, mut receive) = connection.open_bi().await.map_err(|error| unanswered(why_lost(&error)))?;
        send.write_all(request).await.map_err(|error| unanswered(error.to_string()))?;
        send.finish().map_err(|error| unanswered(error.to_string()))?;
        let answer = receive.read_to_end(ANSWER_BYTES_MAX).await;
        answer.map(Bytes::from).map_err(|error| unanswered(error.to_string()))
    };
    let late = |_elapsed| Err(unanswered(format!("nothing came within {} s", PATIENCE.as_secs())));
    timeout(PATIENCE, exchange).await.unwrap_or_else(late)
}

fn client_config(target: &Target) -> Result<quinn::ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let server = Server { provider: Arc::clone(&provider), judge: Judge::Below(target.clone()) };
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(server))
        .with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.enable_sni = false;
    config.resumption = Resumption::disabled();
    let crypto = QuicClientConfig::try_from(config);
    Ok(quinn::ClientConfig::new(Arc::new(crypto.map_err(|error| rustls::Error::General(error.to_string()))?)))
}

/// Whether the other side of an accepted connection wants to join.
pub(crate) fn is_join(connection: &Connection) -> bool {
    let data = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    data.and_then(|data| data.protocol).is_some_and(|protocol| protocol == PROTOCOL)
}

/// Serves a connection of a joiner, to its end. Says why nothing came of it.
pub(crate) async fn serve(
    connection: Connection,
    taker: mpsc::Sender<JoinRequest>,
    arrival_max: Duration,
) -> Result<(), String> {
    let turn_away = |code: VarInt, why: String| {
        connection.close(code, why.as_bytes());
        Err(why)
    };
    let arrival = async {
        let (send, mut receive) = connection.accept_bi().await.map_err(|error| why_lost(&error))?;
        let request = receive.read_to_end(REQUEST_BYTES_MAX).await.map_err(|error| error.to_string())?;
        Ok((send, Bytes::from(request)))
    };
    let late = |_elapsed| Err("the request took too long".to_owned());
    let (mut send, request) = match timeout(arrival_max, arrival).await.unwrap_or_else(late) {
        Ok(arrived) => arrived,
        Err(why) => return turn_away(CLOSE_NO_GREETING, why),
    };
    let (answer, answered) = oneshot::channel();
    let request = JoinRequest { from: connection.remote_address(), request, answer };
    if taker.try_send(request).is_err() {
        return turn_away(CLOSE_BUSY, "too many want to join: try again in a moment".to_owned());
    }
    let answer = tokio::select! {
        answer = timeout(ANSWER_TIME_MAX, answered) => answer,
        lost = connection.closed() => return Err(why_lost(&lost)),
    };
    let Ok(Ok(answer)) = answer else {
        return turn_away(CLOSE_BUSY, "the request was not answered: try again".to_owned());
    };
    if answer.len() > ANSWER_BYTES_MAX {
        return turn_away(CLOSE_BUSY, "the answer is too long to be sent".to_owned());
    }
    let sent = async {
        send.write_chunk(answer).await.map_err(|error| error.to_string())?;
        send.finish().map_err(|error| error.to_string())?;
        // Until the joiner has it all.
        send.stopped().await.map(drop).map_err(|error| error.to_string())
    };
    let sent = timeout(arrival_max, sent).await.unwrap_or_else(|_elapsed| Err("the answer was not taken".to_owned()));
    connection.close(CLOSE_DONE, b"done");
    sent
}

/// Lets some joins begin at once, and then one after the other.
#[derive(Debug)]
pub(crate) struct Pace {
    left: u32,
    since: Instant,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self { left: BURST, since: now }
    }

    /// Whether one more may begin now.
    pub(crate) fn allows(&mut self, now: Instant) -> bool {
        let steps = now.saturating_duration_since(self.since).as_millis() / REFILL.as_millis();
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        if steps > 0 {
            self.left = self.left.saturating_add(steps).min(BURST);
            self.since = now;
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{BURST, Pace, REFILL};

    #[test]
    fn joins_begin_in_a_burst_and_then_one_by_one() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!((0..2 * BURST).filter(|_| pace.allows(start)).count(), usize::try_from(BURST).unwrap());
        assert!(!pace.allows(start + REFILL / 2));
        assert!(pace.allows(start + REFILL) && !pace.allows(start + REFILL));
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..2 * BURST).filter(|_| pace.allows(later)).count(), usize::try_from(BURST).unwrap());
    }
}
