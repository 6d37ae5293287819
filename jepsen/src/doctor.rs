//! What this machine lets the harness do.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::disk::image::Loss;
use crate::disk::mount::Disk;
use crate::ground::{Ground, ip};
use crate::net::switch::Switch;
use crate::random::Random;

/// How daemons reach each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum NetKind {
    /// A namespace for each daemon and for the clients of each region, and the harness' own switch between them
    Switch,
    /// 127.0.0.1: links cannot be cut
    Loopback,
}

/// What the daemons' data is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum DiskKind {
    /// The harness' own disk, which can lose what was not synced, stall and fail
    Fuse,
    /// Directories
    #[value(name = "dir")]
    Directory,
}

/// One thing that was tried.
#[derive(Debug)]
pub struct Finding {
    /// What.
    pub what: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Whether it works; if not, why.
    pub result: Result<String>,
}

/// Everything that was tried.
#[derive(Debug)]
pub struct Diagnosis {
    /// In the order of trying.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Tries everything. Takes less than a second.
    #[must_use]
    pub fn make() -> Self {
        let tried = |what, purpose, result| Finding { what, purpose, result };
        Self {
            findings: vec![
                tried("setpriv", "daemons die with the harness", program("setpriv", "--version")),
                tried("ip", "namespaces get their addresses", program("ip", "-V")),
                tried(NAMESPACE, "each daemon has a network of its own", namespace()),
                tried(SWITCH, "links are cut, slow, lossy, in one direction or both", switch()),
                tried(DISK, "disks lose what was not synced, stall and fail", disk()),
            ],
        }
    }

    fn works(&self, what: &str) -> bool {
        self.findings.iter().any(|finding| finding.what == what && finding.result.is_ok())
    }

    /// The best network that works.
    #[must_use]
    pub fn net(&self) -> NetKind {
        if self.works(NAMESPACE) && self.works(SWITCH) { NetKind::Switch } else { NetKind::Loopback }
    }

    /// The best disk that works.
    #[must_use]
    pub fn disk(&self) -> DiskKind {
        if self.works(DISK) { DiskKind::Fuse } else { DiskKind::Directory }
    }
}

fn program(name: &str, flag: &str) -> Result<String> {
    let output = Command::new(name).arg(flag).output().with_context(|| format!("{name} is not installed"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

fn namespace() -> Result<String> {
    let ground = Ground::isolated("doctor")?;
    ground.run(|| ip(&["-o", "addr", "show", "lo"]))?;
    Ok("made, and gone again".to_owned())
}

fn switch() -> Result<String> {
    let switch = Switch::start(1)?;
    let grounds = [Ground::isolated("doctor-1")?, Ground::isolated("doctor-2")?];
    let addresses = [Ipv4Addr::new(10, 1, 1, 1), Ipv4Addr::new(10, 1, 2, 1)];
    for ((ground, address), name) in grounds.iter().zip(addresses).zip(["one", "two"]) {
        switch.plug(name, ground, address)?;
    }
    let begin = std::time::Instant::now();
    let echoed = grounds[1].run(move || -> Result<std::net::UdpSocket> {
        let socket = std::net::UdpSocket::bind((addresses[1], 4000))?;
        socket.set_read_timeout(Some(std::time::Duration::from_secs(2)))?;
        Ok(socket)
    })?;
    grounds[0].run(move || std::net::UdpSocket::bind((addresses[0], 4000))?.send_to(b"hello", (addresses[1], 4000)))?;
    let mut buffer = [0; 16];
    let (length, _) = echoed.recv_from(&mut buffer).context("a packet did not arrive within 2 s")?;
    ensure!(&buffer[..length] == b"hello", "a packet arrived changed");
    Ok(format!("a packet crossed it, {} us after the first was set up", begin.elapsed().as_micros()))
}

fn disk() -> Result<String> {
    let parent = tempfile::tempdir()?;
    let disk = Disk::mount(&parent.path().join("disk"))?;
    let result = losing(&disk, &parent.path().join("disk"));
    drop(disk);
    result
}

fn losing(disk: &Disk, point: &Path) -> Result<String> {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(point.join("log"))?;
    file.write_all(b"synced")?;
    file.sync_data()?;
    std::fs::File::open(point)?.sync_all()?;
    file.write_all(b" not")?;
    drop(file);
    ensure!(std::fs::read(point.join("log"))? == b"synced not", "a file is not read as it was written");
    let lost = disk.lose(Loss::All, &mut Random::new(1));
    ensure!(std::fs::read(point.join("log"))? == b"synced", "a loss of power left what was not synced");
    Ok(format!("lost {lost} unsynced change, kept the synced one"))
}

const NAMESPACE: &str = "network namespace";
const SWITCH: &str = "switch over TUN";
const DISK: &str = "disk over FUSE";
