//! The mesh: a link to every peer, and streams on them. Peers and our own identity can change while it runs.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use hanse_base::id::{DaemonId, is_segment};
use hanse_base::random::{Random, SystemRandom};
use quinn::{Endpoint, TokioRuntime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::directory::{self, Course, Directory, Handle, Known};
use crate::door::Door;
use crate::error::{LinkError, MeshError};
use crate::identity::Identity;
use crate::join::{JOINS_MAX, JoinRequest};
use crate::lane::{Class, Lane};
use crate::limit::Limits;
use crate::link::{CLOSE_SHUT_DOWN, Link, Shared};
use crate::peer::{Guests, Peer, PeerId};
use crate::stream::Stream;
use crate::tls::Tls;
use crate::way::{Inside, View, Way};

/// Links that were accepted and wait for their way's supervisor.
const ACCEPTED_LINKS_MAX: usize = 4;
/// How long a shutdown waits for peers to hear of it.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// What a mesh needs to know.
#[derive(Debug, Clone)]
pub struct MeshConfig {
    /// Name of the federation; all certificates carry it.
    pub federation: String,
    /// Ourselves. The address is what others dial, and is not used here.
    pub me: Peer,
    /// All other daemons that may be talked to, for a start and without guests: see [`Mesh::set_peers`].
    pub peers: Vec<Peer>,
    /// Our keys and the federation's roots, for a start: see [`Mesh::set_identity`].
    pub identity: Identity,
    /// Where our QUIC socket listens.
    pub listen: SocketAddr,
    /// Limits of queues, windows and waits.
    pub limits: Limits,
}

/// A stream that a peer has opened.
#[derive(Debug)]
pub struct Incoming {
    /// Who opened it, as its certificate says.
    pub peer: PeerId,
    /// What it is for.
    pub lane: Lane,
    /// The stream, past its lane byte.
    pub stream: Stream,
}

/// The links to one peer.
#[derive(Debug, Clone)]
pub struct LinkStatus {
    /// The peer.
    pub peer: Peer,
    /// The link that Raft, the tree and names use: whether the peer can be reached.
    pub state: LinkState,
    /// The link that carried requests and uploads use.
    pub bulk: LinkState,
    /// Bytes received on the links that stand, all protocol overhead included.
    pub bytes_in: u64,
    /// Bytes sent on the links that stand, all protocol overhead included.
    pub bytes_out: u64,
}

/// Whether there is a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// There is.
    Connected {
        /// The round trip time measured last.
        rtt: Duration,
        /// When the link came about.
        since: Instant,
    },
    /// The first dial since the start, or since the last link was lost, is under way.
    Dialing,
    /// The last dial failed; another follows by itself.
    Down {
        /// Why the last dial failed.
        why: String,
        /// Whether it failed because the peer does not know us as a member of the federation (any more).
        not_a_member: bool,
        /// When the first dial failed.
        since: Instant,
    },
}

/// A handle to the mesh. Cheap to clone; all clones are the same mesh, which ends with [`Mesh::shutdown`] or with the
/// last clone.
#[derive(Debug, Clone)]
pub struct Mesh {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    federation: String,
    me: PeerId,
    address: SocketAddr,
    /// Drawn at the start, told in greetings.
    incarnation: u64,
    shared: Arc<Shared>,
    directory: Arc<Directory>,
    tls: watch::Sender<Arc<Tls>>,
    joins: watch::Sender<Option<mpsc::Sender<JoinRequest>>>,
    stop: watch::Sender<bool>,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
    endpoint: Mutex<Option<Endpoint>>,
}

impl Mesh {
    /// Opens the socket, begins to dial all peers, and returns the queue of streams that peers open. Streams beyond
    /// [`Limits::incoming_streams_max`] in the queue are refused.
    ///
    /// # Errors
    /// The configuration contradicts itself, our keys cannot be used, or the socket cannot be opened.
    pub async fn start(config: MeshConfig) -> Result<(Self, mpsc::Receiver<Incoming>), MeshError> {
        let listen_error = |source| MeshError::Listen { address: config.listen.to_string(), source };
        let socket = tokio::net::UdpSocket::bind(config.listen).await.map_err(listen_error)?;
        let socket = socket.into_std().map_err(listen_error)?;
        Self::start_on(config, socket)
    }

    /// As [`Mesh::start`], on a socket that is open already; `config.listen` is not used. Must be called within a Tokio
    /// runtime.
    ///
    /// # Errors
    /// The configuration contradicts itself, our keys cannot be used, or the socket cannot be used.
    pub fn start_on(config: MeshConfig, socket: UdpSocket) -> Result<(Self, mpsc::Receiver<Incoming>), MeshError> {
        check(&config)?;
        directory::check(config.me.daemon, &config.peers)?;
        let MeshConfig { federation, me, peers, identity, listen, limits } = config;
        let tls = Tls::new(&federation, &me.id(), &identity, &limits)?;
        let listen_error = |source| MeshError::Listen { address: listen.to_string(), source };
        let server = tls.accepting().as_ref().clone();
        let endpoint = Endpoint::new(tls.endpoint_config(), Some(server), socket, Arc::new(TokioRuntime));
        let endpoint = endpoint.map_err(listen_error)?;
        let address = endpoint.local_addr().map_err(listen_error)?;

        let (incoming, streams) = mpsc::channel(limits.incoming_streams_max);
        let inner = Inner {
            federation,
            me: me.id(),
            address,
            incarnation: SystemRandom.number(),
            shared: Arc::new(Shared { limits: limits.clone(), incoming }),
            directory: Arc::new(Directory::new(me.id())),
            tls: watch::Sender::new(Arc::new(tls)),
            joins: watch::Sender::new(None),
            stop: watch::Sender::new(false),
            tasks: tokio::sync::Mutex::default(),
            endpoint: Mutex::new(Some(endpoint.clone())),
        };
        tracing::info!(%address, daemon = %me.daemon, region = %me.region, peers = peers.len(), "mesh listens");
        let inner = Arc::new(inner);
        // Its task is one of the mesh's own, and must not keep the mesh.
        let ways = Arc::downgrade(&inner);
        let door = Door {
            endpoint,
            tls: inner.tls.subscribe(),
            limits,
            incarnation: inner.incarnation,
            directory: Arc::clone(&inner.directory),
            make_ways: Box::new(move |peer| ways.upgrade()?.start_ways(peer)),
            joins: inner.joins.subscribe(),
        };
        if let Ok(mut tasks) = inner.tasks.try_lock() {
            tasks.spawn(door.run(inner.stop.subscribe()));
        }
        let mesh = Self { inner };
        mesh.set_peers(peers, Guests::Nobody)?;
        Ok((mesh, streams))
    }

    /// Makes the peers these. Links to new ones are dialed; links of those that left are closed at once, with a reason
    /// that they see, and nothing of theirs is accepted any more; one whose address changed is dialed there, and its old
    /// link carries until the new one stands. A peer in another region than before is another peer.
    ///
    /// Guests, who are daemons of the own region that have proved it, come in by themselves: there are never more than 255
    /// peers and guests together when one does. The way back is to where they dialed from, which is where they listen. They
    /// stay until they are named, here as peers or in `guests` as removed; a peer that is not named any more stays as a guest.
    ///
    /// When this returns, [`Mesh::open`] and [`Mesh::links`] know the new peers and no others. After a shutdown it does
    /// nothing. Must be called within a Tokio runtime.
    ///
    /// A peer that is closed hears that it is no member. So a daemon that was itself removed keeps its peers: they tell
    /// it, and it tells nobody.
    ///
    /// # Errors
    /// A daemon is named twice or is ourselves, or there are more than 255. Nothing has changed then.
    pub fn set_peers(&self, peers: Vec<Peer>, guests: Guests) -> Result<(), MeshError> {
        let inner = &self.inner;
        inner.directory.set(peers, guests, |peer| inner.start_ways(peer))
    }

    /// Proves ourselves with another certificate from now on, and believes other roots. Links that stand go on, and are
    /// replaced before one of their certificates ends, while they still carry: nothing fails for it.
    ///
    /// # Errors
    /// It is of another daemon than ourselves, or cannot be used. Nothing has changed then.
    pub fn set_identity(&self, identity: &Identity) -> Result<(), MeshError> {
        let inner = &self.inner;
        let tls = Tls::new(&inner.federation, &inner.me, identity, &inner.shared.limits)?;
        inner.tls.send_replace(Arc::new(tls));
        Ok(())
    }

    /// When the first of our certificates ends.
    #[must_use]
    pub fn certificate_end(&self) -> SystemTime {
        self.inner.tls.borrow().end()
    }

    /// Takes requests to join from now on, in the place of whoever took them before; without a taker they are turned away.
    /// At most [`JOINS_MAX`] wait.
    #[must_use]
    pub fn take_joins(&self) -> mpsc::Receiver<JoinRequest> {
        let (taker, requests) = mpsc::channel(JOINS_MAX);
        self.inner.joins.send_replace(Some(taker));
        requests
    }

    /// Our own id.
    #[must_use]
    pub fn me(&self) -> DaemonId {
        self.inner.me.daemon
    }

    /// Where the socket listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// The limits that hold.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.shared.limits
    }

    /// Opens a stream. Waits for a dial that is under way, at most [`Limits::dial_timeout`] or so; after a failed dial
    /// it fails at once, while dialing goes on in the background.
    ///
    /// # Errors
    /// The peer is unknown, out of reach or has too many streams; nothing was sent.
    pub async fn open(&self, to: DaemonId, lane: Lane) -> Result<Stream, LinkError> {
        let (mut send, receive) = self.bare_stream(to, lane).await?.split();
        let unreachable = |error: LinkError| LinkError::Unreachable { daemon: to, why: error.to_string() };
        send.write_lane(lane).await.map_err(unreachable)?;
        Ok(Stream::join(send, receive))
    }

    /// Sends one frame on a stream of its own and waits for one frame back, for at most `timeout` in all.
    ///
    /// # Errors
    /// [`LinkError::nothing_done`] tells whether the request can have been taken.
    pub async fn call(&self, to: DaemonId, lane: Lane, request: Bytes, timeout: Duration) -> Result<Bytes, LinkError> {
        let mut sent = false;
        let exchange = async {
            let (mut send, mut receive) = self.bare_stream(to, lane).await?.split();
            let bytes_max = self.inner.shared.limits.frame_bytes_max;
            if request.len() > bytes_max {
                return Err(LinkError::FrameTooLarge { bytes: request.len(), bytes_max });
            }
            sent = true;
            let answer = async {
                send.write_lane_and_frame(lane, request).await?;
                send.finish()?;
                let answer = receive.read_frame(bytes_max).await?;
                receive.settle();
                answer.ok_or(LinkError::Truncated)
            };
            answer.await.map_err(|error| error.after_sending(to))
        };
        let outcome = tokio::time::timeout(timeout, exchange).await;
        outcome.unwrap_or_else(|_elapsed| {
            let why = format!("nothing came within {} ms", timeout.as_millis());
            Err(if sent {
                LinkError::Unanswered { daemon: to, why }
            } else {
                LinkError::Unreachable { daemon: to, why }
            })
        })
    }

    /// The links to all peers, in the order of their ids.
    #[must_use]
    pub fn links(&self) -> Vec<LinkStatus> {
        self.inner.directory.map(status)
    }

    /// Closes all links with a reason, waits until they are closed, and ends all tasks. Streams that are still held
    /// fail from then on. Later calls find it done.
    pub async fn shutdown(&self) {
        self.inner.stop.send_replace(true);
        let mut tasks = self.inner.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
        let endpoint = self.inner.endpoint.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(endpoint) = endpoint {
            endpoint.close(CLOSE_SHUT_DOWN, b"shutting down");
            // A peer that is gone does not hear it: that must not hold us up.
            timeout(GOODBYE_MAX, endpoint.wait_idle()).await.unwrap_or_default();
        }
    }

    /// A stream of which nothing is sent yet.
    async fn bare_stream(&self, to: DaemonId, lane: Lane) -> Result<Stream, LinkError> {
        let view = self.inner.directory.view(to, lane.class());
        let mut view = view.ok_or(LinkError::UnknownPeer(to))?;
        let limits = &self.inner.shared.limits;
        let (newest, other) = self.link(to, &mut view).await?;
        let opened = match (newest.open(to, lane, limits).await, other) {
            (Err(LinkError::Unreachable { .. }), Some(other)) => other.open(to, lane, limits).await,
            (opened, _) => opened,
        };
        if !matches!(opened, Err(LinkError::Unreachable { .. })) {
            return opened;
        }
        // The links have just ended, and their way's supervisor is about to take notice: what comes next counts.
        timeout(limits.dial_timeout, view.changed()).await.unwrap_or(Ok(())).map_err(|_ended| self.inner.ended(to))?;
        let (newest, _) = self.link(to, &mut view).await?;
        newest.open(to, lane, limits).await
    }

    /// The links that stand, the newest first. Waits for a dial that is under way.
    async fn link(
        &self,
        to: DaemonId,
        view: &mut watch::Receiver<View>,
    ) -> Result<(Arc<Link>, Option<Arc<Link>>), LinkError> {
        let limits = &self.inner.shared.limits;
        let seen = view.borrow_and_update().clone();
        let seen = if matches!(seen, View::Dialing) {
            let limit = limits.dial_timeout + limits.dial_courtesy * 2;
            match timeout(limit, view.wait_for(|view| !matches!(view, View::Dialing))).await {
                Ok(Ok(seen)) => seen.clone(),
                Ok(Err(_ended)) => return Err(self.inner.ended(to)),
                Err(_elapsed) => View::Dialing,
            }
        } else {
            seen
        };
        match seen {
            View::Up { newest, other } => Ok((newest, other)),
            View::Down { why, .. } if why.not_a_member => {
                Err(LinkError::NotAMember { daemon: to, why: why.to_string() })
            }
            View::Down { why, .. } => Err(LinkError::Unreachable { daemon: to, why: why.to_string() }),
            View::Dialing => Err(LinkError::Unreachable { daemon: to, why: "the dial takes too long".to_owned() }),
        }
    }
}

impl Inner {
    /// Supervisors for a new peer; none once the mesh is being shut down.
    fn start_ways(&self, peer: &Peer) -> Option<[Handle; 2]> {
        let endpoint = self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        // Held for long by a shutdown only: ways are made under the directory's lock, one after the other.
        let mut tasks = self.tasks.try_lock().ok()?;
        if *self.stop.borrow() {
            return None;
        }
        while tasks.try_join_next().is_some() {}
        let limits = &self.shared.limits;
        let courtesy = if self.me.daemon < peer.daemon { Duration::ZERO } else { limits.dial_courtesy };
        Some([Class::Control, Class::Bulk].map(|class| {
            let (accepted, links) = mpsc::channel(ACCEPTED_LINKS_MAX);
            let (view, seen) = watch::channel(View::Dialing);
            let (course, steered) = watch::channel(Course::To(peer.address));
            let way = Way {
                peer: peer.id(),
                class,
                incarnation: self.incarnation,
                endpoint: endpoint.clone(),
                courtesy,
                shared: Arc::clone(&self.shared),
            };
            let inside = Inside { accepted: links, course: steered, tls: self.tls.subscribe(), view };
            tasks.spawn(way.run(inside, self.stop.subscribe()));
            Handle { view: seen, accepted, course }
        }))
    }

    /// Why there is no way to a daemon any more.
    fn ended(&self, daemon: DaemonId) -> LinkError {
        if *self.stop.borrow() { LinkError::ShutDown } else { LinkError::UnknownPeer(daemon) }
    }
}

fn status(known: &Known) -> LinkStatus {
    let (mut bytes_in, mut bytes_out) = (0, 0);
    let mut state = |class| match &*known.handle(class).view.borrow() {
        View::Up { newest, other } => {
            for link in std::iter::once(newest).chain(other) {
                let stats = link.connection.stats();
                bytes_in += stats.udp_rx.bytes;
                bytes_out += stats.udp_tx.bytes;
            }
            LinkState::Connected { rtt: newest.connection.rtt(), since: newest.since }
        }
        View::Dialing => LinkState::Dialing,
        View::Down { why, since } => {
            LinkState::Down { why: why.to_string(), not_a_member: why.not_a_member, since: *since }
        }
    };
    let (control, bulk) = (state(Class::Control), state(Class::Bulk));
    LinkStatus { peer: known.peer.clone(), state: control, bulk, bytes_in, bytes_out }
}

fn check(config: &MeshConfig) -> Result<(), MeshError> {
    let limits = &config.limits;
    let rules = [
        (is_segment(&config.federation), "the federation's name must be lower case letters, digits and '-'"),
        (limits.incoming_streams_max > 0 && limits.half_open_max > 0 && limits.streams_max > 0, "a limit is zero"),
        (limits.frame_bytes_max <= u32::MAX as usize, "frames are at most 4 GiB long"),
        (!(limits.silence_max / 5).is_zero(), "the longest silence is zero"),
        (limits.keep_alive < limits.silence_max, "links must be kept alive more often than silence is noticed"),
    ];
    rules.into_iter().try_for_each(|(holds, rule)| if holds { Ok(()) } else { Err(MeshError::Config(rule)) })
}
