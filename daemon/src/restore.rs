//! `hansed restore`: a region whose daemons are all lost begins again from a backup, before the first start of its first
//! daemon.

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hanse_backup::head::{Head, Subject};
use hanse_backup::reader::{BackupError, Reader};
use hanse_base::clock::Clock;
use hanse_base::disk::RealDisk;
use hanse_base::id::{GroupId, LogIndex, Revision, Term};
use hanse_base::random::Random;
use hanse_raft::config::GroupConfig;
use hanse_raft::error::StartError;
use hanse_raft::restore::Origin;
use hanse_store::history::HistoryLimits;
use hanse_store::roster::{Member, MemberRole};
use hanse_store::snapshot::{self, SnapshotError};
use hanse_store::state::State;

use crate::config::{Config, group_of};
use crate::homes::Picture;
use crate::lock::{LockError, ProcessLock};

/// Flags of `hansed restore`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RestoreArgs {
    /// A file that `hanse backup region` has written
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// Configuration of the daemon that begins the region again; its data directory must be empty
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The highest resourceVersion of the region that any client may have seen, if the clock of this machine is not to be
    /// trusted
    #[arg(long, value_name = "REVISION", default_value_t = 0)]
    pub(crate) above: u64,
}

const EXAMPLES: &str = "Examples:
  hansed restore --from eu.backup --config /etc/hanse/hansed.toml
  hansed run --config /etc/hanse/hansed.toml

For a region that has lost all of its daemons. Stop what may be left of them first, and never start their old data
directories again. The restored daemon is the region's only member; the others join it anew. What the backup holds is as it
was then; what came later is lost, but for the names of workspaces, which other regions know: these come back as workspaces
with the condition ContentLost. Clients that watch are told to list again. docs/operate/backup.md tells the rest.";

/// Why a region was not restored. Nothing was changed, except that a directory may be left behind which the next attempt
/// clears away.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// The daemon runs.
    #[error("{0}: this daemon runs; a region is restored before its first daemon starts")]
    Lock(#[from] LockError),
    /// The file cannot be opened.
    #[error("{path} cannot be opened: {source}: give a file that `hanse backup region` has written", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not a whole backup.
    #[error("{path}: {source}", path = path.display())]
    Backup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BackupError,
    },
    /// The file is of one workspace.
    #[error("this is the backup of workspace {0}: restore it with `hanse restore workspace`")]
    Workspace(String),
    /// The file is not of this region.
    #[error(
        "the backup is of {found}, and the configuration says {expected}: use the backup of this region, or correct the configuration"
    )]
    Foreign {
        /// What the file says.
        found: String,
        /// What the configuration says.
        expected: String,
    },
    /// There is something already.
    #[error("{path} is not empty: a region is restored only when all of its daemons are lost; if this one is, move the directory away, and never start it again", path = path.display())]
    NotEmpty {
        /// The data directory.
        path: PathBuf,
    },
    /// The body is not a state.
    #[error("the state in the backup cannot be used: {0}")]
    State(#[from] SnapshotError),
    /// The group cannot be written.
    #[error(transparent)]
    Group(#[from] StartError),
    /// The disk refuses.
    #[error("{path} cannot be written: {source}: free some space or correct the permissions, then try again", path = path.display())]
    Disk {
        /// What was to be written.
        path: PathBuf,
        /// What the disk says.
        source: io::Error,
    },
}

/// Restores the region into the daemon's data directory, and says what to type next.
///
/// # Errors
/// See [`RestoreError`].
pub(crate) async fn restore(
    args: &RestoreArgs,
    config: &Config,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<(), RestoreError> {
    let _lock = ProcessLock::take(&config.pid_file)?;
    let place = config.data.clone();
    let disk = |path: &Path| {
        let path = path.to_owned();
        move |source| RestoreError::Disk { path, source }
    };
    if is_occupied(&place).map_err(disk(&place))? {
        return Err(RestoreError::NotEmpty { path: place });
    }
    let group = group_of(&config.region);
    let (head, mut state) = read(&args.from, config, &group)?;
    let now_ms = clock.wall_ms();
    state.revive(now_ms, Revision(args.above), member(config));
    let begun = state.revision();
    let beside = beside(&place);
    clear(&beside).map_err(disk(&beside))?;
    let voters = std::iter::once(config.daemon).collect();
    let group = GroupConfig::new(group, config.daemon, beside.clone(), voters);
    let salt = u32::try_from(random.number() >> 32).unwrap_or_default();
    // Seconds since 1970: no group holds as many elections.
    let term = head.term.saturating_add(TERM_MARGIN).max(now_ms / 1000);
    let origin = Origin { term: Term(term), index: LogIndex(head.index.max(1)), salt };
    hanse_raft::restore::restore(&group, Arc::new(RealDisk), origin, Box::new(Picture(state))).await?;
    // An empty directory may stand there; one that is not empty refuses.
    fs::rename(&beside, &place).map_err(disk(&place))?;
    let above = place.parent().unwrap_or(Path::new("."));
    File::open(above).and_then(|directory| directory.sync_all()).map_err(disk(above))?;
    tell(config, &head, begun).map_err(disk(Path::new("the standard output")))
}

/// Reads and checks all of the file. Blocks.
fn read(path: &Path, config: &Config, group: &GroupId) -> Result<(Head, State), RestoreError> {
    let file = File::open(path).map_err(|source| RestoreError::Open { path: path.to_owned(), source })?;
    let backup = |source| RestoreError::Backup { path: path.to_owned(), source };
    let (mut reader, head) = Reader::new(BufReader::new(file)).map_err(backup)?;
    if let Subject::Workspace { path, .. } = &head.subject {
        return Err(RestoreError::Workspace(path.clone()));
    }
    let name =
        |federation: &str, region: &str, group: &str| format!("group {group} of region {region} in {federation}");
    let found = name(&head.federation, &head.region, &head.group);
    let expected = name(&config.federation, config.region.as_str(), group.as_str());
    if found != expected {
        return Err(RestoreError::Foreign { found, expected });
    }
    let state = snapshot::restore(&mut reader, group, HistoryLimits::default());
    // Damage is told as what it is, not as what it makes of the state.
    let rest = io::copy(&mut reader, &mut io::sink());
    rest.map_err(|error| backup(inner(error)))?;
    reader.finish().map_err(backup)?;
    Ok((head, state?))
}

/// The reader's own error in the error of a stream.
fn inner(error: io::Error) -> BackupError {
    match error.downcast::<BackupError>() {
        Ok(error) => error,
        Err(error) => BackupError::Io(error),
    }
}

/// The daemon as its region's only member.
fn member(config: &Config) -> Member {
    let own = config.own();
    let (name, peers, api) = (own.name.clone(), own.peers, own.api.clone());
    Member { daemon: own.daemon, name, role: MemberRole::Voter, drained: false, peers, api }
}

/// Whether there is anything in the directory.
fn is_occupied(path: &Path) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where the directory is made before it gets its name.
fn beside(place: &Path) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(".restoring");
    place.with_file_name(name)
}

/// Clears away what an attempt that was interrupted has left.
fn clear(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn tell(config: &Config, head: &Head, begun: Revision) -> io::Result<()> {
    let others = config.members_of(&config.region).filter(|member| member.daemon != config.daemon).count();
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "restored region {} at revision {}: {} workspaces, {} objects",
        head.region, head.revision, head.workspaces, head.objects
    )?;
    writeln!(out, "it goes on at revision {begun}; what came after the backup is lost")?;
    writeln!(out, "next: hansed run --config {}", config.path.display())?;
    if others > 0 {
        writeln!(
            out,
            "the region's {others} other daemons are no members any more: let them join it anew (hanse token create, hansed join)"
        )?;
    }
    Ok(())
}

/// How far a restored group's term lies above its backup's, at least.
const TERM_MARGIN: u64 = 1 << 20;
