//! The mesh: a link to every configured peer, and streams on them.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hanse_base::id::{DaemonId, is_segment};
use hanse_base::random::{Random, SystemRandom};
use quinn::{Endpoint, TokioRuntime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::door::Door;
use crate::error::{LinkError, MeshError};
use crate::identity::Identity;
use crate::lane::{Class, Lane};
use crate::limit::Limits;
use crate::link::{CLOSE_SHUT_DOWN, Link, Shared};
use crate::peer::{Peer, PeerId};
use crate::stream::Stream;
use crate::tls::Tls;
use crate::way::{View, Way};

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
    /// All other daemons that may be talked to.
    pub peers: Vec<Peer>,
    /// Our keys and the federation's roots.
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
    me: DaemonId,
    address: SocketAddr,
    limits: Limits,
    peers: BTreeMap<DaemonId, Views>,
    stop: watch::Sender<bool>,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
    endpoint: Mutex<Option<Endpoint>>,
}

#[derive(Debug)]
struct Views {
    peer: Peer,
    control: watch::Receiver<View>,
    bulk: watch::Receiver<View>,
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
        let MeshConfig { federation, me, peers, identity, listen, limits } = config;
        let tls = Arc::new(Tls::new(&federation, &me.id(), &identity, &limits)?);
        let known = peers.iter().map(|peer| (peer.daemon, peer.region.clone())).collect();
        let server = tls.accept_config(known, &limits)?;
        let listen_error = |source| MeshError::Listen { address: listen.to_string(), source };
        let endpoint = Endpoint::new(tls.endpoint_config(), Some(server), socket, Arc::new(TokioRuntime));
        let endpoint = endpoint.map_err(listen_error)?;
        let address = endpoint.local_addr().map_err(listen_error)?;

        let (incoming, streams) = mpsc::channel(limits.incoming_streams_max);
        let shared = Arc::new(Shared { limits: limits.clone(), incoming });
        let (stop, stopped) = watch::channel(false);
        let incarnation = SystemRandom.number();
        let mut tasks = JoinSet::new();
        let mut doors = BTreeMap::new();
        let mut views = BTreeMap::new();
        for peer in peers {
            let dial_config = tls.dial_config(peer.id())?;
            let courtesy = if me.daemon < peer.daemon { Duration::ZERO } else { limits.dial_courtesy };
            let mut way = |class| {
                let (accepted, links) = mpsc::channel(ACCEPTED_LINKS_MAX);
                let (view, seen) = watch::channel(View::Dialing);
                doors.insert((peer.daemon, class), accepted);
                let way = Way {
                    peer: peer.clone(),
                    class,
                    incarnation,
                    endpoint: endpoint.clone(),
                    dial_config: dial_config.clone(),
                    courtesy,
                    shared: Arc::clone(&shared),
                };
                tasks.spawn(way.run(links, view, stopped.clone()));
                seen
            };
            let (control, bulk) = (way(Class::Control), way(Class::Bulk));
            views.insert(peer.daemon, Views { peer, control, bulk });
        }
        let door = Door { endpoint: endpoint.clone(), tls, limits: limits.clone(), incarnation, ways: doors };
        tasks.spawn(door.run(stopped));
        tracing::info!(%address, daemon = %me.daemon, region = %me.region, peers = views.len(), "mesh listens");
        let inner = Inner {
            me: me.daemon,
            address,
            limits,
            peers: views,
            stop,
            tasks: tokio::sync::Mutex::new(tasks),
            endpoint: Mutex::new(Some(endpoint)),
        };
        Ok((Self { inner: Arc::new(inner) }, streams))
    }

    /// Our own id.
    #[must_use]
    pub fn me(&self) -> DaemonId {
        self.inner.me
    }

    /// Where the socket listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// The limits that hold.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
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
            let bytes_max = self.inner.limits.frame_bytes_max;
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

    /// The links to all configured peers, in the order of their ids.
    #[must_use]
    pub fn links(&self) -> Vec<LinkStatus> {
        self.inner.peers.values().map(Views::status).collect()
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
        let Some(views) = self.inner.peers.get(&to) else { return Err(LinkError::UnknownPeer(to)) };
        let limits = &self.inner.limits;
        let mut view = views.view(lane.class()).clone();
        let (newest, other) = link(to, &mut view, limits).await?;
        let opened = match (newest.open(to, lane, limits).await, other) {
            (Err(LinkError::Unreachable { .. }), Some(other)) => other.open(to, lane, limits).await,
            (opened, _) => opened,
        };
        if !matches!(opened, Err(LinkError::Unreachable { .. })) {
            return opened;
        }
        // The links have just ended, and their way's supervisor is about to take notice: what comes next counts.
        timeout(limits.dial_timeout, view.changed()).await.unwrap_or(Ok(())).map_err(|_ended| LinkError::ShutDown)?;
        let (newest, _) = link(to, &mut view, limits).await?;
        newest.open(to, lane, limits).await
    }
}

/// The links that stand, the newest first. Waits for a dial that is under way.
async fn link(
    to: DaemonId,
    view: &mut watch::Receiver<View>,
    limits: &Limits,
) -> Result<(Arc<Link>, Option<Arc<Link>>), LinkError> {
    let seen = view.borrow_and_update().clone();
    let seen = if matches!(seen, View::Dialing) {
        let limit = limits.dial_timeout + limits.dial_courtesy * 2;
        match timeout(limit, view.wait_for(|view| !matches!(view, View::Dialing))).await {
            Ok(Ok(seen)) => seen.clone(),
            Ok(Err(_ended)) => return Err(LinkError::ShutDown),
            Err(_elapsed) => View::Dialing,
        }
    } else {
        seen
    };
    match seen {
        View::Up { newest, other } => Ok((newest, other)),
        View::Down { why, .. } => Err(LinkError::Unreachable { daemon: to, why: why.to_string() }),
        View::Dialing => Err(LinkError::Unreachable { daemon: to, why: "the dial takes too long".to_owned() }),
    }
}

impl Views {
    const fn view(&self, class: Class) -> &watch::Receiver<View> {
        match class {
            Class::Control => &self.control,
            Class::Bulk => &self.bulk,
        }
    }

    fn status(&self) -> LinkStatus {
        let (mut bytes_in, mut bytes_out) = (0, 0);
        let mut state = |class| match &*self.view(class).borrow() {
            View::Up { newest, other } => {
                for link in std::iter::once(newest).chain(other) {
                    let stats = link.connection.stats();
                    bytes_in += stats.udp_rx.bytes;
                    bytes_out += stats.udp_tx.bytes;
                }
                LinkState::Connected { rtt: newest.connection.rtt(), since: newest.since }
            }
            View::Dialing => LinkState::Dialing,
            View::Down { why, since } => LinkState::Down { why: why.to_string(), since: *since },
        };
        let (control, bulk) = (state(Class::Control), state(Class::Bulk));
        LinkStatus { peer: self.peer.clone(), state: control, bulk, bytes_in, bytes_out }
    }
}

fn check(config: &MeshConfig) -> Result<(), MeshError> {
    let limits = &config.limits;
    let ids: std::collections::BTreeSet<DaemonId> =
        config.peers.iter().map(|peer| peer.daemon).chain([config.me.daemon]).collect();
    let rules = [
        (is_segment(&config.federation), "the federation's name must be lower case letters, digits and '-'"),
        (ids.len() == config.peers.len() + 1, "two daemons have the same id"),
        (limits.incoming_streams_max > 0 && limits.half_open_max > 0 && limits.streams_max > 0, "a limit is zero"),
        (limits.frame_bytes_max <= u32::MAX as usize, "frames are at most 4 GiB long"),
        (!(limits.silence_max / 5).is_zero(), "the longest silence is zero"),
        (limits.keep_alive < limits.silence_max, "links must be kept alive more often than silence is noticed"),
    ];
    rules.into_iter().try_for_each(|(holds, rule)| if holds { Ok(()) } else { Err(MeshError::Config(rule)) })
}
