//! The door: connections from outside, until they are links.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hanse_base::id::DaemonId;
use quinn::Endpoint;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::greeting::Greeting;
use crate::lane::Class;
use crate::limit::Limits;
use crate::link::{CLOSE_BUSY, CLOSE_NO_GREETING, Link, why_lost};
use crate::log_limit::LogLimit;
use crate::peer::PeerId;
use crate::tls::Tls;

static TURNED_AWAY: LogLimit = LogLimit::new(Duration::from_secs(1));

/// Accepts connections, a bounded number at a time, and gives each that has proved itself to its way.
pub(crate) struct Door {
    pub(crate) endpoint: Endpoint,
    pub(crate) tls: Arc<Tls>,
    pub(crate) limits: Limits,
    /// Ours, told in the greeting.
    pub(crate) incarnation: u64,
    pub(crate) ways: BTreeMap<(DaemonId, Class), mpsc::Sender<Link>>,
}

struct Guest {
    peer: PeerId,
    class: Class,
    link: Link,
}

impl Door {
    /// Stands open until `stop` changes.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut handshakes = JoinSet::new();
        loop {
            tokio::select! {
                _ = stop.changed() => break,
                knock = self.endpoint.accept() => match knock {
                    Some(knock) => self.knock(knock, &mut handshakes),
                    None => break,
                },
                Some(outcome) = handshakes.join_next() => match outcome {
                    Ok(Ok(guest)) => self.let_in(guest),
                    Ok(Err((from, why))) => log_turned_away(from, &why),
                    Err(panicked) => tracing::error!("a handshake failed unexpectedly: {panicked}"),
                },
            }
        }
        handshakes.shutdown().await;
    }

    fn knock(&self, knock: quinn::Incoming, handshakes: &mut JoinSet<Result<Guest, (SocketAddr, String)>>) {
        let from = knock.remote_address();
        if handshakes.len() >= self.limits.half_open_max {
            log_turned_away(from, "too many connections have not proved themselves yet");
            return knock.refuse();
        }
        if handshakes.len() >= self.limits.half_open_max / 2 && knock.may_retry() {
            // Under pressure, a guest must first show that it can be reached where it says it is (RFC 9000 §8.1.2).
            if let Err(error) = knock.retry() {
                error.into_incoming().refuse();
            }
            return;
        }
        let tls = Arc::clone(&self.tls);
        let (incarnation, limit) = (self.incarnation, self.limits.handshake_timeout);
        handshakes.spawn(async move {
            let welcomed = timeout(limit, welcome(knock, &tls, incarnation)).await;
            let welcomed = welcomed.unwrap_or_else(|_elapsed| Err("the handshake took too long".to_owned()));
            welcomed.map_err(|why| (from, why))
        });
    }

    fn let_in(&self, guest: Guest) {
        let Guest { peer, class, link } = guest;
        let from = link.connection.remote_address();
        let connection = link.connection.clone();
        let given = self.ways.get(&(peer.daemon, class)).is_some_and(|way| way.try_send(link).is_ok());
        if !given {
            log_turned_away(from, "the peer dials faster than its links can be looked at");
            connection.close(CLOSE_BUSY, b"dialed too often");
        }
    }
}

async fn welcome(knock: quinn::Incoming, tls: &Tls, incarnation: u64) -> Result<Guest, String> {
    let connecting = knock.accept().map_err(|error| why_lost(&error))?;
    let connection = connecting.await.map_err(|error| why_lost(&error))?;
    let peer = tls.peer_of(&connection).map_err(|error| error.to_string())?;
    let greeting = Greeting::receive(&connection).await;
    let greeting = greeting.inspect_err(|why| connection.close(CLOSE_NO_GREETING, why.as_bytes()))?;
    Greeting { class: greeting.class, incarnation }.send(&connection).await?;
    let link = Link { connection, dialed: false, incarnation: greeting.incarnation, since: Instant::now() };
    Ok(Guest { peer, class: greeting.class, link })
}

fn log_turned_away(from: SocketAddr, why: &str) {
    if let Some(held_back) = TURNED_AWAY.pass() {
        tracing::warn!(%from, why, held_back, "a connection was turned away");
    }
}
