//! The product's seam to links, on the simulated network.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hanse_base::id::{DaemonId, RegionName};
use hanse_base::net::BoxFuture;
use hanse_sync::error::LinkError;
use hanse_sync::lane::Lane;
use hanse_sync::mesh::{Incoming, LinkState, LinkStatus};
use hanse_sync::peer::{Peer, PeerId};
use hanse_sync::pipe::{Outside, pipe};
use hanse_sync::stream::Stream;
use hanse_sync::transport::Transport;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::process::{daemon_at, end_of};
use crate::wire::pipes::{PipeId, Tap};
use crate::wire::{End, Wire};

/// The links of one process.
pub struct SimLinks {
    wire: Wire,
    here: End,
    regions: Arc<BTreeMap<DaemonId, RegionName>>,
    /// Carry pieces of the pipes that are open.
    pumps: Mutex<JoinSet<()>>,
}

impl SimLinks {
    /// The links from an end to all daemons.
    #[must_use]
    pub fn new(wire: Wire, here: End, regions: Arc<BTreeMap<DaemonId, RegionName>>) -> Arc<Self> {
        Arc::new(Self { wire, here, regions, pumps: Mutex::default() })
    }

    /// A daemon has opened a stream to this one.
    #[must_use]
    pub fn accept(&self, from: End, id: PipeId, lane: Lane) -> Option<Incoming> {
        let daemon = daemon_at(from);
        let region = self.regions.get(&daemon)?.clone();
        let (stream, outside) = pipe(daemon, FRAME_BYTES_MAX, PIECES_MAX);
        let tap = Tap { arrived: outside.arrived.clone(), stop: outside.stop.clone() };
        self.wire.accept_pipe(id, tap).then(|| {
            self.pump(id, 1, outside);
            Incoming { peer: PeerId { daemon, region }, lane, stream }
        })
    }

    fn stream(&self, to: DaemonId, lane: Lane) -> Result<Stream, LinkError> {
        if !self.regions.contains_key(&to) {
            return Err(LinkError::UnknownPeer(to));
        }
        let (stream, outside) = pipe(to, FRAME_BYTES_MAX, PIECES_MAX);
        let tap = Tap { arrived: outside.arrived.clone(), stop: outside.stop.clone() };
        let opened = self.wire.open_pipe(self.here, end_of(to), lane, tap);
        let id = opened.map_err(|why| LinkError::Unreachable { daemon: to, why: why.to_owned() })?;
        self.pump(id, 0, outside);
        Ok(stream)
    }

    fn pump(&self, id: PipeId, side: usize, outside: Outside) {
        let mut pumps = self.pumps.lock().unwrap_or_else(PoisonError::into_inner);
        while pumps.try_join_next().is_some() {}
        pumps.spawn(carry(self.wire.clone(), id, side, outside));
    }

    fn status(&self, daemon: DaemonId, region: &RegionName) -> LinkStatus {
        let end = end_of(daemon);
        let since = Instant::now();
        let state = if self.wire.is_open(self.here, end) {
            // As measured on a quiet day: the nearest is asked first.
            let is_near = self.regions.get(&daemon_at(self.here)) == Some(region);
            LinkState::Connected { rtt: Duration::from_millis(if is_near { 1 } else { 50 }), since }
        } else {
            LinkState::Down { why: "no link".to_owned(), not_a_member: false, since }
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let peer = Peer { daemon, region: region.clone(), address };
        LinkStatus { peer, bulk: state.clone(), state, bytes_in: 0, bytes_out: 0 }
    }
}

async fn carry(wire: Wire, id: PipeId, side: usize, outside: Outside) {
    let Outside { mut sent, arrived, mut stopped, stop: _stop } = outside;
    drop(arrived);
    let mut has_stopped = false;
    loop {
        tokio::select! {
            biased;
            code = reason(&mut stopped), if !has_stopped => {
                has_stopped = true;
                wire.stop_pipe(id, side, code);
            }
            piece = sent.recv() => {
                let Some(piece) = piece else { break };
                // As a window does: what the other end does not take is not sent.
                while wire.pieces_on_way(id, side) >= PIECES_MAX {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                if !wire.put_piece(id, side, piece) {
                    break;
                }
            }
        }
    }
    if !has_stopped {
        let code = reason(&mut stopped).await;
        wire.stop_pipe(id, side, code);
    }
}

/// Waits until a stream's reader has stopped, and says why.
async fn reason(stopped: &mut watch::Receiver<Option<u32>>) -> u32 {
    // A reader that is gone has dropped the stream.
    stopped.wait_for(Option::is_some).await.ok().and_then(|code| *code).unwrap_or(0)
}

impl Transport for SimLinks {
    fn open(&self, to: DaemonId, lane: Lane) -> BoxFuture<'_, Result<Stream, LinkError>> {
        Box::pin(std::future::ready(self.stream(to, lane)))
    }

    fn call(
        &self,
        to: DaemonId,
        lane: Lane,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, LinkError>> {
        Box::pin(async move {
            let exchange = async {
                let mut stream = self.stream(to, lane)?;
                stream.write_frame(request).await?;
                stream.finish()?;
                stream.read_frame(FRAME_BYTES_MAX).await?.ok_or(LinkError::Truncated)
            };
            match tokio::time::timeout(timeout, exchange).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) if error.nothing_done() => Err(error),
                Ok(Err(error)) => Err(LinkError::Unanswered { daemon: to, why: error.to_string() }),
                Err(_elapsed) => Err(LinkError::Unanswered { daemon: to, why: "nothing came in time".to_owned() }),
            }
        })
    }

    fn links(&self) -> Vec<LinkStatus> {
        let here = daemon_at(self.here);
        let others = self.regions.iter().filter(|(daemon, _)| **daemon != here);
        others.map(|(daemon, region)| self.status(*daemon, region)).collect()
    }
}

/// As in the product.
const FRAME_BYTES_MAX: usize = 64 << 20;
/// Pieces of a stream that are on their way at once.
const PIECES_MAX: usize = 64;
