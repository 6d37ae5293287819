//! What can go wrong, as the caller sees it. Each variant says whose fault it is and what the caller may do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Why a group did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The disk refuses. Repair it and start again.
    #[error("cannot {doing} {path}: {source}", path = path.display())]
    Disk {
        /// What was tried, for example `open`.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the disk says.
        #[source]
        source: io::Error,
    },
    /// A file holds something else than what was once durable in it. Nothing was changed on disk.
    #[error("{path} is damaged at byte {offset}: {what}; move {directory} away and restore this replica from a peer or from a backup", path = path.display(), directory = directory.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
        /// What is wrong there.
        what: String,
        /// The group's directory.
        directory: PathBuf,
    },
    /// The directory belongs to another daemon or group. Correct the configuration.
    #[error("{path} belongs to {found}, not to {expected}; correct the data directory in the configuration", path = path.display())]
    Foreign {
        /// The file that says so.
        path: PathBuf,
        /// Whom the file names.
        found: String,
        /// Who tried to open it.
        expected: String,
    },
    /// The configuration contradicts itself. Correct it.
    #[error("the configuration of the group is not valid: {0}")]
    Configuration(String),
    /// The consensus engine refuses the state that it finds.
    #[error("the group's state cannot be used: {0}; restore this replica from a peer or from a backup")]
    State(String),
}

impl StartError {
    pub(crate) fn disk(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Disk { doing, path: path.to_owned(), source }
    }
}

/// Why a proposal has no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Longer than the limit: nothing happened, and it would be refused again.
    #[error("a command of {bytes} bytes is larger than the limit of {bytes_max}")]
    TooLarge {
        /// Length of the command.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Too many proposals wait already: nothing happened, try again later.
    #[error("too many proposals are waiting")]
    Busy,
    /// No leader was found in time: nothing happened, try again later.
    #[error("the group has no leader that can be reached (waited for {} ms)", waited.as_millis())]
    NoLeader {
        /// How long this daemon looked for one.
        waited: Duration,
    },
    /// This replica is stopping or has stopped: nothing happened, try again elsewhere.
    #[error("this replica is shutting down")]
    ShuttingDown,
    /// The disk of the log does not answer, and no other replica can take its place: nothing happened, try again later.
    #[error("the disk of the log does not answer")]
    DiskStalled,
    /// The disk of the log has no room, and no other replica can take its place: nothing happened. Make room.
    #[error("the disk of the log is full")]
    DiskFull,
    /// The outcome is unknown: the command may have been applied, or may still be, or never. A retry must be able to
    /// tell (a precondition, or a name that cannot be taken twice).
    #[error("the outcome is unknown: {why}")]
    Unknown {
        /// What happened on the way.
        why: String,
    },
}

impl ProposeError {
    /// Whether it is certain that the command was not and will not be applied.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        !matches!(self, Self::Unknown { .. })
    }
}

/// Why a read cannot be answered. A read may always be tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Too many reads wait already.
    #[error("too many reads are waiting")]
    Busy,
    /// No leader with a majority was found in time.
    #[error("the group has no leader that can be reached (waited for {} ms)", waited.as_millis())]
    NoLeader {
        /// How long this daemon looked for one.
        waited: Duration,
    },
    /// This replica did not catch up in time.
    #[error("this replica has not applied what the leader has (waited for {} ms)", waited.as_millis())]
    Behind {
        /// How long the read waited for the replica.
        waited: Duration,
    },
    /// This replica is stopping or has stopped.
    #[error("this replica is shutting down")]
    ShuttingDown,
}

/// Why the membership was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    /// Only the leader changes the membership: ask there.
    #[error("this replica does not lead{}", leader.map(|leader| format!("; ask daemon {leader}")).unwrap_or_default())]
    NotLeader {
        /// The leader, where it is known.
        leader: Option<hanse_base::id::DaemonId>,
    },
    /// The change is not possible now or at all; nothing happened.
    #[error("the membership cannot be changed: {0}")]
    Refused(String),
    /// It is unknown whether the change happened: look at the status.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
}

/// Why a group has stopped for good. The daemon must exit and start again.
#[derive(Debug, Clone)]
pub struct Failure(Arc<str>);

impl Failure {
    pub(crate) fn new(why: &str) -> Self {
        Self(Arc::from(why))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}
