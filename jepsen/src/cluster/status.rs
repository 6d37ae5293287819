//! What `hanse status -o json` shows, asked over the admin socket. Unknown fields are ignored.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// The federation as one daemon sees it.
#[derive(Debug, Clone, Deserialize)]
pub struct Status {
    /// All regions.
    pub regions: Vec<Region>,
}

/// One region.
#[derive(Debug, Clone, Deserialize)]
pub struct Region {
    /// Its name.
    pub region: String,
    /// Its daemons.
    pub daemons: Vec<Daemon>,
}

/// One daemon; without an answer of it, nearly all is missing.
#[derive(Debug, Clone, Deserialize)]
pub struct Daemon {
    /// Its name.
    pub name: String,
    /// `leader`, `follower`, ...
    #[serde(default)]
    pub role: Option<String>,
    /// Raft's term.
    #[serde(default)]
    pub term: Option<u64>,
    /// What its state holds.
    #[serde(default)]
    pub applied: Option<u64>,
    /// The tree that it holds.
    #[serde(default)]
    pub tree: Option<Tree>,
}

/// The tree of workspaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Tree {
    /// Equal trees have equal digests.
    pub digest: String,
    /// Live workspaces.
    pub workspaces: u64,
}

impl Status {
    /// All daemons.
    pub fn daemons(&self) -> impl Iterator<Item = &Daemon> {
        self.regions.iter().flat_map(|region| &region.daemons)
    }

    /// The daemons of a region.
    pub fn daemons_of<'a>(&'a self, region: &'a str) -> impl Iterator<Item = &'a Daemon> {
        self.regions.iter().filter(move |found| found.region == region).flat_map(|region| &region.daemons)
    }
}

/// Asks a daemon; `None` if it does not answer in time.
pub async fn ask(socket: &Path) -> Option<Status> {
    let exchange = async {
        let mut stream = UnixStream::connect(socket).await.ok()?;
        stream.write_all(b"{\"request\":\"status\"}\n").await.ok()?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await.ok()?;
        serde_json::from_slice(&answer).ok()
    };
    timeout(PATIENCE, exchange).await.ok().flatten()
}

/// A daemon asks all others for a second at most.
const PATIENCE: Duration = Duration::from_secs(3);
const ANSWER_BYTES_MAX: u64 = 8 << 20;
