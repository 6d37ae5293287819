//! The door: connections from outside, until they are links.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::Endpoint;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::directory::{Directory, Unwelcome};
use crate::greeting::Greeting;
use crate::lane::Class;
use crate::limit::Limits;
use crate::link::{CLOSE_BUSY, CLOSE_NO_GREETING, CLOSE_NOT_A_MEMBER, CLOSE_NOT_PROVED, Link, why_lost};
use crate::log_limit::LogLimit;
use crate::peer::PeerId;
use crate::tls::Tls;

static TURNED_AWAY: LogLimit = LogLimit::new(Duration::from_secs(1));

/// Accepts connections, a bounded number at a time, and gives each that has proved itself to its way.
pub(crate) struct Door {
    pub(crate) endpoint: Endpoint,
    /// Who we are at the moment.
    pub(crate) tls: watch::Receiver<Arc<Tls>>,
    pub(crate) limits: Limits,
    /// Ours, told in the greeting.
    pub(crate) incarnation: u64,
    pub(crate) directory: Arc<Directory>,
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
                _ = stop.wait_for(|stop| *stop) => break,
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
        let tls = Arc::clone(&self.tls.borrow());
        let (directory, incarnation) = (Arc::clone(&self.directory), self.incarnation);
        let limit = self.limits.handshake_timeout;
        handshakes.spawn(async move {
            let welcomed = timeout(limit, welcome(knock, &tls, &directory, incarnation)).await;
            let welcomed = welcomed.unwrap_or_else(|_elapsed| Err("the handshake took too long".to_owned()));
            welcomed.map_err(|why| (from, why))
        });
    }

    fn let_in(&self, guest: Guest) {
        let Guest { peer, class, link } = guest;
        let connection = link.connection.clone();
        // Looked up again: the peer may have left since its handshake.
        if let Err(unwelcome) = self.directory.let_in(&peer, class, link) {
            log_turned_away(connection.remote_address(), &turn_away(&connection, unwelcome));
        }
    }
}

async fn welcome(knock: quinn::Incoming, tls: &Tls, directory: &Directory, incarnation: u64) -> Result<Guest, String> {
    // Not with the endpoint's own configuration: that is the identity that we began with.
    let connecting = knock.accept_with(tls.accepting()).map_err(|error| why_lost(&error))?;
    let connection = connecting.await.map_err(|error| why_lost(&error))?;
    let peer = tls.peer_of(&connection).map_err(|error| {
        let why = error.to_string();
        connection.close(CLOSE_NOT_PROVED, why.as_bytes());
        why
    })?;
    directory.welcome(&peer).map_err(|unwelcome| turn_away(&connection, unwelcome))?;
    let greeting = Greeting::receive(&connection).await;
    let greeting = greeting.map_err(|why| {
        connection.close(CLOSE_NO_GREETING, why.text.as_bytes());
        why.to_string()
    })?;
    let answer = Greeting { class: greeting.class, incarnation };
    answer.send(&connection).await.map_err(|why| why.to_string())?;
    let (since, expires) = (Instant::now(), tls.end_of(&connection));
    let link = Link { connection, dialed: false, incarnation: greeting.incarnation, since, expires };
    Ok(Guest { peer, class: greeting.class, link })
}

/// Tells the guest why it is not let in, and gives the reason for our own log.
fn turn_away(connection: &quinn::Connection, unwelcome: Unwelcome) -> String {
    let (code, why) = match unwelcome {
        Unwelcome::NotAMember(why) => (CLOSE_NOT_A_MEMBER, why),
        Unwelcome::Busy => (CLOSE_BUSY, "it dials faster than its links can be looked at".to_owned()),
    };
    connection.close(code, why.as_bytes());
    why
}

fn log_turned_away(from: SocketAddr, why: &str) {
    if let Some(held_back) = TURNED_AWAY.pass() {
        tracing::warn!(%from, why, held_back, "a connection was turned away");
    }
}
