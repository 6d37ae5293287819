//! A group that begins again, with a state from a backup and one voter.

use std::collections::BTreeSet;
use std::sync::Arc;

use hanse_base::disk::Disk;
use hanse_base::id::{LogIndex, Term};

use crate::config::GroupConfig;
use crate::consensus::{Membership, SnapshotMeta, StoredMembership, Vote, log_id};
use crate::error::StartError;
use crate::form::NUMBER_MAX;
use crate::log::Log;
use crate::machine::Snapshot;
use crate::segment::Identity;
use crate::snapshots::Snapshots;
use crate::work::work;

/// Where the log of a restored group begins.
///
/// The term must be later than any that the lost group has had: a replica of it that turns up again then has nothing to
/// say in the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The term of the last entry that the state holds.
    pub term: Term,
    /// Its index.
    pub index: LogIndex,
    /// What the log's checksums are mixed with: any random number.
    pub salt: u32,
}

/// Writes what a group needs to begin again: a snapshot of the state, and a log that continues it. The daemon of the
/// configuration is the group's only member. When this returns all of it is durable in the configuration's directory, which
/// must be empty; a call that did not return leaves a directory that no group starts from.
///
/// # Errors
/// The directory is not empty, the disk refuses, or the origin is out of range.
pub async fn restore(
    config: &GroupConfig,
    disk: Arc<dyn Disk>,
    origin: Origin,
    state: Box<dyn Snapshot>,
) -> Result<(), StartError> {
    let (term, index) = (origin.term.0, origin.index.0);
    if term >= NUMBER_MAX || index >= NUMBER_MAX {
        return Err(StartError::Configuration(format!("term {term} or index {index} is out of range")));
    }
    let voters = BTreeSet::from([config.daemon]);
    let membership = Membership::new(vec![voters.clone()], voters);
    let membership = membership.map_err(|error| StartError::Configuration(error.to_string()))?;
    let last = log_id(term, index);
    let meta = SnapshotMeta { last_log_id: Some(last), last_membership: StoredMembership::new(Some(last), membership) };
    let (opened, place, on) = (config.clone(), config.directory.clone(), disk.clone());
    let writing = work(&*disk, move || write(&opened, on, &meta, (origin.salt, &*state)));
    let log = writing.await.unwrap_or_else(|panic| Err(StartError::State(panic.to_string())))?;
    // Last: a log without a vote is one that nothing starts from.
    let written = async {
        log.purge(last).await?;
        log.save_vote(Vote::new(term, config.daemon)).await
    };
    let written = written.await.map_err(|error| StartError::disk("write the log in", &place, error));
    log.end().await;
    written
}

/// Writes the snapshot, and opens an empty log beside it. Blocks.
fn write(
    config: &GroupConfig,
    disk: Arc<dyn Disk>,
    meta: &SnapshotMeta,
    (salt, state): (u32, &dyn Snapshot),
) -> Result<Log, StartError> {
    let directory = &config.directory;
    disk.create_directory(directory).map_err(|error| StartError::disk("create", directory, error))?;
    let found = disk.list(directory).map_err(|error| StartError::disk("list", directory, error))?;
    let snapshots = Snapshots::fresh(disk.clone(), directory, config.group.clone())?;
    let identity = Identity { group: config.group.clone(), daemon: config.daemon };
    let log = Log::open(disk, directory, identity, &config.limits, salt)?;
    if !found.is_empty() || !log.is_fresh() {
        log.close();
        return Err(StartError::Configuration(format!("{} is not empty", directory.display())));
    }
    let written = snapshots.write(meta, state).and_then(|(file, unfinished)| snapshots.adopt(meta, file, unfinished));
    written.map_err(|error| {
        log.close();
        StartError::disk("write a snapshot in", directory, error)
    })?;
    Ok(log)
}
