//! The door: connections from outside, until they are links.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::{Connection, Endpoint};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::directory::{Directory, Handle, Unwelcome};
use crate::greeting::Greeting;
use crate::identity::IdentityError;
use crate::join::{self, JOINS_MAX, JoinRequest, Pace};
use crate::lane::Class;
use crate::limit::Limits;
use crate::link::{CLOSE_BUSY, CLOSE_NO_GREETING, CLOSE_NOT_A_MEMBER, CLOSE_NOT_PROVED, Link, why_lost};
use crate::log_limit::LogLimit;
use crate::peer::{Peer, PeerId};
use crate::tls::{Tls, chain_of, open_up};

static TURNED_AWAY: LogLimit = LogLimit::new(Duration::from_secs(1));

/// Gives the ways to a peer; none while the mesh ends.
pub(crate) type MakeWays = Box<dyn Fn(&Peer) -> Option<[Handle; 2]> + Send + Sync>;

/// Accepts connections, a bounded number at a time, and gives each that has proved itself to its way.
pub(crate) struct Door {
    pub(crate) endpoint: Endpoint,
    /// Who we are at the moment.
    pub(crate) tls: watch::Receiver<Arc<Tls>>,
    pub(crate) limits: Limits,
    /// Ours, told in the greeting.
    pub(crate) incarnation: u64,
    pub(crate) directory: Arc<Directory>,
    /// Gives the ways to a guest.
    pub(crate) make_ways: MakeWays,
    /// Who takes requests to join, if anybody does.
    pub(crate) joins: watch::Receiver<Option<mpsc::Sender<JoinRequest>>>,
}

/// Who has come through a handshake.
enum Guest {
    /// A peer, with a link.
    Peer { peer: PeerId, class: Class, link: Link },
    /// Somebody who wants to become one.
    Joiner(Connection),
}

impl Door {
    /// Stands open until `stop` changes.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut handshakes = JoinSet::new();
        let mut joins = JoinSet::new();
        let mut pace = Pace::new(Instant::now());
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                knock = self.endpoint.accept() => match knock {
                    Some(knock) => self.knock(knock, &mut handshakes),
                    None => break,
                },
                Some(_) = joins.join_next() => {}
                Some(outcome) = handshakes.join_next() => match outcome {
                    Ok(Ok(Guest::Peer { peer, class, link })) => self.let_in(&peer, class, link),
                    Ok(Ok(Guest::Joiner(connection))) => self.hear(connection, &mut joins, &mut pace),
                    Ok(Err((from, why))) => log_turned_away(from, &why),
                    Err(panicked) => tracing::error!("a handshake failed unexpectedly: {panicked}"),
                },
            }
        }
        handshakes.shutdown().await;
        joins.shutdown().await;
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
        let limits = self.limits.clone();
        handshakes.spawn(async move {
            let welcomed = welcome(knock, &tls, &directory, &limits, incarnation);
            let welcomed = timeout(limits.handshake_timeout, welcomed).await;
            let welcomed = welcomed.unwrap_or_else(|_elapsed| Err("the handshake took too long".to_owned()));
            welcomed.map_err(|why| (from, why))
        });
    }

    fn let_in(&self, peer: &PeerId, class: Class, link: Link) {
        let connection = link.connection.clone();
        // Looked up again: the peer may have left since its handshake.
        if let Err(unwelcome) = self.directory.let_in(peer, (class, link), &self.make_ways) {
            log_turned_away(connection.remote_address(), &turn_away(&connection, unwelcome));
        }
    }

    fn hear(&self, connection: Connection, joins: &mut JoinSet<()>, pace: &mut Pace) {
        let from = connection.remote_address();
        let taker = self.joins.borrow().clone();
        let allowed = joins.len() < JOINS_MAX && pace.allows(Instant::now());
        let (Some(taker), true) = (taker, allowed) else {
            return log_turned_away(from, &turn_away(&connection, Unwelcome::Busy));
        };
        let arrival_max = self.limits.handshake_timeout;
        joins.spawn(async move {
            if let Err(why) = join::serve(connection, taker, arrival_max).await {
                log_turned_away(from, &why);
            }
        });
    }
}

async fn welcome(
    knock: quinn::Incoming,
    tls: &Tls,
    directory: &Directory,
    limits: &Limits,
    incarnation: u64,
) -> Result<Guest, String> {
    // Not with the endpoint's own configuration: that is the identity that we began with.
    let connecting = knock.accept_with(tls.accepting()).map_err(|error| why_lost(&error))?;
    let connection = connecting.await.map_err(|error| why_lost(&error))?;
    let not_proved = |error: IdentityError| {
        let why = error.to_string();
        connection.close(CLOSE_NOT_PROVED, why.as_bytes());
        why
    };
    match (join::is_join(&connection), chain_of(&connection).is_empty()) {
        (true, true) => return Ok(Guest::Joiner(connection)),
        (false, false) => {}
        (true, false) | (false, true) => return Err(not_proved(IdentityError::Misplaced)),
    }
    let peer = tls.peer_of(&connection).map_err(not_proved)?;
    directory.welcome(&peer).map_err(|unwelcome| turn_away(&connection, unwelcome))?;
    let greeting = Greeting::receive(&connection).await;
    let greeting = greeting.map_err(|why| {
        connection.close(CLOSE_NO_GREETING, why.text.as_bytes());
        why.to_string()
    })?;
    open_up(&connection, limits);
    let answer = Greeting { class: greeting.class, incarnation };
    answer.send(&connection).await.map_err(|why| why.to_string())?;
    let (since, expires) = (Instant::now(), tls.end_of(&connection));
    let link = Link { connection, dialed: false, incarnation: greeting.incarnation, since, expires };
    Ok(Guest::Peer { peer, class: greeting.class, link })
}

/// Tells the guest why it is not let in, and gives the reason for our own log.
fn turn_away(connection: &Connection, unwelcome: Unwelcome) -> String {
    let (code, why) = match unwelcome {
        Unwelcome::NotAMember(why) => (CLOSE_NOT_A_MEMBER, why),
        Unwelcome::Busy => (CLOSE_BUSY, "too many connections at once: try again in a moment".to_owned()),
    };
    connection.close(code, why.as_bytes());
    why
}

fn log_turned_away(from: SocketAddr, why: &str) {
    if let Some(held_back) = TURNED_AWAY.pass() {
        tracing::warn!(%from, why, held_back, "a connection was turned away");
    }
}
