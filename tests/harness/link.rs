//! Links between daemons that a test can cut: a forwarder of UDP datagrams in front of each daemon.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// How many client addresses one forwarder remembers; a daemon that restarts dials from a new one.
const FLOWS_MAX: usize = 64;
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// Datagrams that arrive at [`Link::address`] go to the target, answers go back. A daemon dials from the socket that it listens
/// on, so whom a datagram is from is known by its address.
pub struct Link {
    /// Where dialling daemons send to.
    pub address: SocketAddr,
    cut: Cut,
    _tasks: JoinSet<()>,
}

impl Link {
    /// Starts a forwarder to the target.
    ///
    /// # Errors
    /// No port is free.
    pub async fn to(target: SocketAddr) -> Result<Self> {
        let front = Arc::new(UdpSocket::bind("127.0.0.1:0").await?);
        let address = front.local_addr()?;
        let cut = Cut::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(forward(front, target, cut.clone()));
        Ok(Self { address, cut, _tasks: tasks })
    }

    /// Loses every datagram of a dialling daemon, both ways, from now on; or no longer.
    pub fn cut(&self, from: SocketAddr, cut: bool) {
        let mut lost = self.cut.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cut {
            lost.insert(from)
        } else {
            lost.remove(&from)
        };
    }
}

/// The addresses whose datagrams are lost.
#[derive(Clone, Default)]
struct Cut(Arc<Mutex<BTreeSet<SocketAddr>>>);

impl Cut {
    fn loses(&self, from: &SocketAddr) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(from)
    }
}

async fn forward(front: Arc<UdpSocket>, target: SocketAddr, cut: Cut) {
    let mut flows: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut answers = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let Ok((length, from)) = front.recv_from(&mut buffer).await else { continue };
        if cut.loses(&from) {
            continue;
        }
        if !flows.contains_key(&from) {
            if flows.len() >= FLOWS_MAX {
                flows.clear();
                answers.abort_all();
            }
            let Ok(back) = UdpSocket::bind("127.0.0.1:0").await else { continue };
            let back = Arc::new(back);
            answers.spawn(answer(back.clone(), front.clone(), from, cut.clone()));
            flows.insert(from, back);
        }
        if let Some(back) = flows.get(&from) {
            // A datagram that cannot be sent is a lost datagram.
            back.send_to(&buffer[..length], target).await.ok();
        }
    }
}

async fn answer(back: Arc<UdpSocket>, front: Arc<UdpSocket>, to: SocketAddr, cut: Cut) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let Ok((length, _)) = back.recv_from(&mut buffer).await else { continue };
        if !cut.loses(&to) {
            front.send_to(&buffer[..length], to).await.ok();
        }
    }
}
