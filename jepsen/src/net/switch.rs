//! The switch: a thread that takes packets from one interface and hands them to another, as the rules say.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tun_rs::{DeviceBuilder, SyncDevice};

use crate::ground::Ground;
use crate::net::rule::{Link, Matrix, Rule};
use crate::net::wire::{Counts, Wire};

/// A running switch; it ends when this is dropped.
pub struct Switch {
    /// The rules of its links; changes take effect at once.
    pub matrix: Arc<Matrix>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    ports: Mutex<Vec<Arc<Port>>>,
    counts: Mutex<BTreeMap<Link, Counts>>,
    stop: AtomicBool,
}

struct Port {
    name: String,
    address: Ipv4Addr,
    device: SyncDevice,
}

impl Switch {
    /// Starts a switch without ports.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(seed: u64) -> Result<Self> {
        let matrix = Arc::new(Matrix::default());
        let shared =
            Arc::new(Shared { ports: Mutex::default(), counts: Mutex::default(), stop: AtomicBool::new(false) });
        let core = Core {
            begin: Instant::now(),
            seed,
            matrix: Arc::clone(&matrix),
            shared: Arc::clone(&shared),
            ports: Vec::new(),
            places: HashMap::new(),
            rules: Vec::new(),
            wires: HashMap::new(),
            version: u64::MAX,
            late: BinaryHeap::new(),
            sequence: 0,
        };
        let thread = std::thread::Builder::new().name("switch".to_owned()).spawn(move || core.run())?;
        Ok(Self { matrix, shared, thread: Some(thread) })
    }

    /// Makes an interface with this address where the ground is, and plugs it in.
    ///
    /// # Errors
    /// The system refuses the interface: it takes root and `/dev/net/tun`.
    pub fn plug(&self, name: &str, ground: &Ground, address: Ipv4Addr) -> Result<()> {
        let device = ground.run(move || -> Result<SyncDevice> {
            let device = DeviceBuilder::new()
                .name("net0")
                .ipv4(address, NETWORK_BITS, None)
                .mtu(PACKET_BYTES)
                .build_sync()
                .context("an interface cannot be made: it takes root and /dev/net/tun")?;
            device.set_nonblocking(true)?;
            Ok(device)
        })?;
        let port = Arc::new(Port { name: name.to_owned(), address, device });
        let mut ports = self.shared.ports.lock().unwrap_or_else(PoisonError::into_inner);
        ports.retain(|other| other.name != name);
        ports.push(port);
        Ok(())
    }

    /// What became of the packets of each link, as of a moment ago.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Link, Counts> {
        self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // It ends by itself within a round; a panic in it has been printed.
            thread.join().ok();
        }
    }
}

/// A packet that is on its way.
type Late = Reverse<(u64, u64, usize, Vec<u8>)>;

struct Core {
    begin: Instant,
    seed: u64,
    matrix: Arc<Matrix>,
    shared: Arc<Shared>,
    ports: Vec<Arc<Port>>,
    places: HashMap<Ipv4Addr, usize>,
    /// By place of the sender, then of the receiver.
    rules: Vec<Vec<Rule>>,
    wires: HashMap<(usize, usize), Wire>,
    version: u64,
    late: BinaryHeap<Late>,
    sequence: u64,
}

impl Core {
    fn run(mut self) {
        let mut buffer = vec![0; 2048];
        let mut told = Instant::now();
        while !self.shared.stop.load(Ordering::Acquire) {
            self.refresh();
            let ready = self.wait();
            self.deliver();
            for place in ready {
                self.take(place, &mut buffer);
            }
            if told.elapsed() > ROUND {
                told = Instant::now();
                self.tell();
            }
        }
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Takes over what has changed: ports and rules.
    fn refresh(&mut self) {
        let version = self.matrix.version();
        let ports = self.shared.ports.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let same = ports.len() == self.ports.len() && ports.iter().zip(&self.ports).all(|(a, b)| Arc::ptr_eq(a, b));
        if same && version == self.version {
            return;
        }
        if !same {
            // Packets on their way to other places are lost, as when a machine is unplugged.
            self.tell();
            self.late.clear();
            self.wires.clear();
            self.places = ports.iter().enumerate().map(|(place, port)| (port.address, place)).collect();
            self.ports = ports;
        }
        let rules = self.matrix.rules();
        let rule = |from: &Port, to: &Port| rules.get(&(from.name.clone(), to.name.clone())).copied();
        self.rules = self
            .ports
            .iter()
            .map(|from| self.ports.iter().map(|to| rule(from, to).unwrap_or_default()).collect())
            .collect();
        self.version = version;
    }

    /// Waits for packets, or until one that is on its way is due. Returns the places of the ports that have some.
    fn wait(&self) -> Vec<usize> {
        let mut polled: Vec<PollFd<'_>> =
            self.ports.iter().map(|port| PollFd::from_borrowed_fd(port.device.as_fd(), PollFlags::IN)).collect();
        let left = match self.late.peek() {
            Some(Reverse((due_ns, ..))) => Duration::from_nanos(due_ns.saturating_sub(self.now_ns())).min(ROUND),
            None => ROUND,
        };
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
        if poll(&mut polled, Some(&timeout)).is_err() {
            return Vec::new();
        }
        let ready = polled.iter().enumerate().filter(|(_, fd)| !fd.revents().is_empty());
        ready.map(|(place, _)| place).collect()
    }

    fn deliver(&mut self) {
        let now_ns = self.now_ns();
        while self.late.peek().is_some_and(|Reverse((due_ns, ..))| *due_ns <= now_ns) {
            if let Some(Reverse((_, _, to, packet))) = self.late.pop() {
                self.hand(to, &packet);
            }
        }
    }

    /// What an interface does not take is lost: its queue is full, or its daemon's namespace is gone.
    fn hand(&self, to: usize, packet: &[u8]) {
        self.ports[to].device.send(packet).ok();
    }

    fn take(&mut self, from: usize, buffer: &mut [u8]) {
        for _ in 0..BURST_PACKETS {
            let Ok(length) = self.ports[from].device.recv(buffer) else { return };
            let Some(to) = destination(&buffer[..length]).and_then(|address| self.places.get(&address).copied()) else {
                continue;
            };
            let now_ns = self.now_ns();
            let (seed, ports) = (self.seed, &self.ports);
            let wire =
                self.wires.entry((from, to)).or_insert_with(|| Wire::new(seed, &ports[from].name, &ports[to].name));
            let arrivals = wire.pass(&self.rules[from][to], now_ns, length);
            for arrival in arrivals.into_iter().flatten() {
                let packet = &mut buffer[..length];
                flip(packet, arrival.wrong_bit);
                if arrival.due_ns <= now_ns {
                    self.ports[to].device.send(packet).ok();
                } else if self.late.len() < LATE_PACKETS_MAX {
                    self.sequence += 1;
                    self.late.push(Reverse((arrival.due_ns, self.sequence, to, packet.to_vec())));
                }
                flip(packet, arrival.wrong_bit);
            }
        }
    }

    fn tell(&self) {
        let mut counts = self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for ((from, to), wire) in &self.wires {
            counts.insert((self.ports[*from].name.clone(), self.ports[*to].name.clone()), wire.counts);
        }
    }
}

fn flip(packet: &mut [u8], bit: Option<u64>) {
    let Some(bit) = bit else { return };
    if let Some(byte) = packet.get_mut(usize::try_from(bit / 8).unwrap_or(usize::MAX)) {
        *byte ^= 1 << (bit % 8);
    }
}

/// Where an IPv4 packet goes.
fn destination(packet: &[u8]) -> Option<Ipv4Addr> {
    let version = packet.first()? >> 4;
    let bytes: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    (version == 4).then(|| Ipv4Addr::from(bytes))
}

/// All ports are in 10.0.0.0/8.
const NETWORK_BITS: u8 = 8;
const PACKET_BYTES: u16 = 1500;
/// Packets taken from one port before others get their turn.
const BURST_PACKETS: usize = 64;
/// Packets on their way at once; above it they are lost.
const LATE_PACKETS_MAX: usize = 65_536;
/// The longest that the thread waits, and how often it tells its counts.
const ROUND: Duration = Duration::from_millis(50);
