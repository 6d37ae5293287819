//! Links between daemons that a test can cut: a forwarder of UDP datagrams for each ordered pair of daemons.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// How many client addresses one forwarder remembers; a daemon that restarts dials from a new one.
const FLOWS_MAX: usize = 64;
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// One direction of dialling: datagrams that arrive at [`Link::address`] go to the target, answers go back.
pub struct Link {
    /// Where the dialling daemon sends to.
    pub address: SocketAddr,
    cut: Arc<AtomicBool>,
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
        let cut = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        tasks.spawn(forward(front, target, cut.clone()));
        Ok(Self { address, cut, _tasks: tasks })
    }

    /// Loses every datagram, both ways, from now on; or no longer.
    pub fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
    }
}

async fn forward(front: Arc<UdpSocket>, target: SocketAddr, cut: Arc<AtomicBool>) {
    let mut flows: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut answers = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let Ok((length, from)) = front.recv_from(&mut buffer).await else { continue };
        if cut.load(Ordering::SeqCst) {
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

async fn answer(back: Arc<UdpSocket>, front: Arc<UdpSocket>, to: SocketAddr, cut: Arc<AtomicBool>) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let Ok((length, _)) = back.recv_from(&mut buffer).await else { continue };
        if !cut.load(Ordering::SeqCst) {
            front.send_to(&buffer[..length], to).await.ok();
        }
    }
}
