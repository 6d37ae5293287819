//! Backups on their way to an administrator: the state at one linearizable point, written piece by piece as the
//! administrator takes it, beside the group going on. A picture of the state shares its parts with the newest one, so that
//! a backup holds no second copy in memory.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use hanse_backup::head::{Head, Subject};
use hanse_backup::writer::Writer;
use hanse_base::clock::Clock;
use hanse_base::id::ClusterId;
use hanse_raft::group::Group;
use hanse_store::home::Home;
use hanse_store::state::{ROOT, State};
use tokio::sync::mpsc;

use crate::config::Config;

/// What a backup is to be of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The region that the asked daemon belongs to.
    Region,
    /// One workspace that is at home there.
    Workspace {
        /// Path or id.
        path: String,
        /// With those below it.
        recursive: bool,
    },
}

/// A file on its way: the head is known, the pieces come.
pub(crate) struct Outgoing {
    /// What the file says of itself.
    pub(crate) head: Head,
    /// Its bytes, or why they end early.
    pub(crate) pieces: mpsc::Receiver<io::Result<Bytes>>,
}

/// Where backups come from.
pub(crate) struct Backups {
    /// Who we are.
    pub(crate) config: Arc<Config>,
    /// For the log's position.
    pub(crate) group: Group,
    /// The own group.
    pub(crate) home: Arc<dyn Home>,
    /// For the time.
    pub(crate) clock: Arc<dyn Clock>,
}

impl Backups {
    /// Begins a backup of the state that holds everything which was acknowledged before the call.
    ///
    /// # Errors
    /// One line that says what is wrong and what to do.
    pub(crate) async fn begin(&self, wish: Wish) -> Result<Outgoing, String> {
        let state = self.home.read().await.map_err(|error| {
            format!("the region cannot be read: {error}: try again when `hanse status` shows a leader")
        })?;
        // Read behind the state: a restored group begins behind every entry that may be in it.
        let raft = self.group.status();
        let (subject, clusters) = subject(&state, wish)?;
        let head = Head {
            federation: self.config.federation.clone(),
            region: self.config.region.to_string(),
            group: self.home.group().to_string(),
            revision: state.revision().0,
            time_ms: self.clock.wall_ms(),
            daemon_version: env!("CARGO_PKG_VERSION").to_owned(),
            term: raft.term.0,
            index: raft.applied.map_or(0, |index| index.0),
            workspaces: clusters.as_ref().map_or_else(|| state.clusters().count(), Vec::len) as u64,
            objects: match &clusters {
                None => state.objects(),
                Some(clusters) => clusters.iter().map(|cluster| state.saved_objects(cluster)).sum(),
            },
            subject,
        };
        let (sender, pieces) = mpsc::channel(PIECES_WAITING_MAX);
        let (written, picture) = (head.clone(), Arc::clone(&state));
        // The thread ends when the file is through, or when nobody takes its pieces any more.
        drop(tokio::task::spawn_blocking(move || write(&picture, &written, clusters.as_deref(), sender)));
        Ok(Outgoing { head, pieces })
    }
}

/// What the backup is of, and which logical clusters: none for a whole region.
fn subject(state: &State, wish: Wish) -> Result<(Subject, Option<Vec<ClusterId>>), String> {
    let Wish::Workspace { path, recursive } = wish else { return Ok((Subject::Region, None)) };
    let unknown = || format!("there is no workspace {path}: look at `hanse tree` for those that are");
    let cluster = state.resolve(&path).ok_or_else(unknown)?;
    if cluster.as_str() == ROOT {
        return Err(
            "root is no workspace of its own: take a backup of its region, with `hanse backup region`".to_owned()
        );
    }
    if state.cluster(&cluster).is_none() {
        let home = state.home_of(&cluster).map_or("another region", |group| group.as_str());
        return Err(format!("{path} is at home in {home}: ask a daemon there, with --region {home} or --socket PATH"));
    }
    let clusters = state.clusters_from(&cluster, recursive);
    let path = state.tree().path(&cluster).unwrap_or(path);
    Ok((Subject::Workspace { path, cluster: cluster.to_string(), recursive }, Some(clusters)))
}

fn write(state: &State, head: &Head, clusters: Option<&[ClusterId]>, sender: mpsc::Sender<io::Result<Bytes>>) {
    let pieces = Pieces { sender: sender.clone(), piece: Vec::with_capacity(PIECE_BYTES) };
    let written = Writer::new(pieces, head).and_then(|mut writer| {
        match clusters {
            None => state.write(&mut writer)?,
            Some(clusters) => state.write_clusters(clusters, &mut writer)?,
        }
        writer.finish()
    });
    if let Err(error) = written {
        // One who has gone away needs no reason.
        drop(sender.blocking_send(Err(error)));
    }
}

/// A writer whose bytes somebody else takes, piece by piece.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() == PIECE_BYTES {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        let gone = |_gone| io::Error::new(io::ErrorKind::BrokenPipe, "nobody takes the backup");
        self.sender.blocking_send(Ok(Bytes::from(piece))).map_err(gone)
    }
}

/// Bytes of one piece.
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that wait for the administrator; the writer waits for room.
const PIECES_WAITING_MAX: usize = 4;
