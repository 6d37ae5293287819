//! openraft's state machine, on [`Machine`].

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use futures_util::{Stream, StreamExt};
use hanse_base::id::LogIndex;
use openraft::storage::{ApplyResponder, EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{OptionalSend, Snapshot as RaftSnapshot};
use tokio::sync::watch;

use crate::consensus::{CommittedLeaderId, Entry, Kind, LogId, Outcomes, Payload, SnapshotMeta, StoredMembership};
use crate::error::Failure;
use crate::log::lock;
use crate::machine::{Machine, Snapshot};
use crate::snapshots::{SnapshotData, Snapshots, restore};
use crate::work::work;

/// Most entries that are applied before their outcomes are published and handed out.
const RUN_ENTRIES_MAX: usize = 64;

type SnapshotOf = RaftSnapshot<CommittedLeaderId, hanse_base::id::DaemonId, (), SnapshotData>;

/// The machine with what Raft keeps about it.
pub(crate) struct StateMachine {
    machine: Arc<Mutex<Box<dyn Machine>>>,
    snapshots: Arc<Snapshots>,
    last_applied: Option<LogId>,
    membership: StoredMembership,
    /// What readers can see: set after every publication.
    published: watch::Sender<Option<LogId>>,
    failure: watch::Sender<Option<Failure>>,
    run: Vec<(Option<ApplyResponder<Kind>>, Outcomes)>,
}

impl StateMachine {
    /// A machine that has restored the current snapshot, if there is one.
    pub(crate) fn new(
        machine: Box<dyn Machine>,
        snapshots: Arc<Snapshots>,
        published: watch::Sender<Option<LogId>>,
        failure: watch::Sender<Option<Failure>>,
    ) -> Self {
        let meta = snapshots.current().map(|current| current.meta).unwrap_or_default();
        published.send_replace(meta.last_log_id);
        Self {
            machine: Arc::new(Mutex::new(machine)),
            snapshots,
            last_applied: meta.last_log_id,
            membership: meta.last_membership,
            published,
            failure,
            run: Vec::new(),
        }
    }

    fn apply_entry(&mut self, entry: Entry, responder: Option<ApplyResponder<Kind>>) -> io::Result<()> {
        let outcomes = match entry.payload {
            Payload::Blank => Vec::new(),
            Payload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
                Vec::new()
            }
            Payload::Normal(commands) => {
                let index = LogIndex(entry.log_id.index);
                let machine = self.machine.clone();
                let outcomes = catch_unwind(AssertUnwindSafe(|| lock(&machine).apply(index, &commands.0)));
                let outcomes = outcomes.map_err(|panic| self.fail(&format!("entry {index}: {}", words(&*panic))))?;
                if outcomes.len() != commands.0.len() {
                    let (given, expected) = (outcomes.len(), commands.0.len());
                    return Err(self.fail(&format!("entry {index}: {given} outcomes for {expected} commands")));
                }
                outcomes
            }
        };
        self.last_applied = Some(entry.log_id);
        self.run.push((responder, Outcomes(outcomes)));
        Ok(())
    }

    /// Lets readers see what was applied, then tells the callers.
    fn publish(&mut self) -> io::Result<()> {
        let machine = self.machine.clone();
        catch_unwind(AssertUnwindSafe(|| lock(&machine).publish()))
            .map_err(|panic| self.fail(&format!("publishing: {}", words(&*panic))))?;
        self.published.send_replace(self.last_applied);
        for (responder, outcomes) in self.run.drain(..) {
            if let Some(responder) = responder {
                responder.send(outcomes);
            }
        }
        Ok(())
    }

    fn fail(&self, what: &str) -> io::Error {
        let failure = Failure::new(&format!("the state machine failed at {what}"));
        tracing::error!(%failure, "the group stops");
        self.failure.send_if_modified(|current| current.is_none() && current.replace(failure.clone()).is_none());
        io::Error::other(failure)
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("without words"))
}

impl RaftStateMachine<Kind> for StateMachine {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.last_applied, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<Kind>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(item) = entries.next().await {
            let (entry, responder) = item?;
            self.apply_entry(entry, responder)?;
            if self.run.len() >= RUN_ENTRIES_MAX {
                self.publish()?;
            }
        }
        if self.run.is_empty() { Ok(()) } else { self.publish() }
    }

    async fn try_create_snapshot_builder(&mut self, _force: bool) -> Option<Builder> {
        Some(self.get_snapshot_builder().await)
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let machine = self.machine.clone();
        let picture = catch_unwind(AssertUnwindSafe(|| lock(&machine).snapshot()));
        let picture = picture.map_err(|panic| self.fail(&format!("its snapshot: {}", words(&*panic))));
        let meta = SnapshotMeta { last_log_id: self.last_applied, last_membership: self.membership.clone() };
        Builder { snapshots: self.snapshots.clone(), meta, picture: Mutex::new(Some(picture)) }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, data: SnapshotData) -> Result<(), io::Error> {
        let _work = self.snapshots.work().await.ok_or_else(stopping)?;
        let (machine, snapshots) = (self.machine.clone(), self.snapshots.clone());
        let (failure, meta_now) = (self.failure.clone(), meta.clone());
        let disk = self.snapshots.disk.clone();
        let install = work(&*disk, move || {
            let (file, unfinished) = match data {
                SnapshotData::Current(file) => (file, None),
                SnapshotData::Received(file, unfinished) => (file, Some(unfinished)),
                SnapshotData::Nothing => return Err(io::Error::other("there is no snapshot to install")),
            };
            // The whole file was checked when it was received.
            if let Some(unfinished) = unfinished {
                snapshots.adopt(&meta_now, file.clone(), unfinished)?;
            }
            restore(file, &snapshots.group, &mut **lock(&machine)).map(|_meta| ()).inspect_err(|error| {
                let failure_now = Failure::new(&format!("a snapshot from the leader could not be restored: {error}"));
                failure.send_if_modified(|now| now.is_none() && now.replace(failure_now).is_none());
            })
        });
        install.await??;
        self.last_applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.published.send_replace(self.last_applied);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<SnapshotOf>, io::Error> {
        let current = self.snapshots.current();
        Ok(current.map(|current| SnapshotOf { meta: current.meta, snapshot: SnapshotData::Current(current.file) }))
    }
}

/// Writes one picture of the state to a file. When that fails, for example because the disk is full, the group goes on
/// with the snapshot that it has: what it answers then names no log id, which changes nothing in openraft.
pub(crate) struct Builder {
    snapshots: Arc<Snapshots>,
    meta: SnapshotMeta,
    picture: Mutex<Option<io::Result<Box<dyn Snapshot>>>>,
}

impl RaftSnapshotBuilder<Kind> for Builder {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> Result<SnapshotOf, io::Error> {
        let _work = self.snapshots.work().await.ok_or_else(stopping)?;
        let picture =
            lock(&self.picture).take().ok_or_else(|| io::Error::other("the picture was written already"))??;
        let (snapshots, meta) = (self.snapshots.clone(), self.meta.clone());
        let disk = self.snapshots.disk.clone();
        let write = work(&*disk, move || match snapshots.write(&meta, &*picture) {
            Ok((file, unfinished)) => snapshots.adopt(&meta, file.clone(), unfinished).map(|()| Some(file)),
            Err(error) => {
                tracing::warn!(%error, "a snapshot could not be written; the log stays until the next one");
                Ok(None)
            }
        });
        let Some(file) = write.await?? else {
            return Ok(SnapshotOf { meta: SnapshotMeta::default(), snapshot: SnapshotData::Nothing });
        };
        let meta = self.meta.clone();
        tracing::info!(index = meta.last_log_id.map(|id| id.index), "a snapshot is durable");
        Ok(SnapshotOf { meta, snapshot: SnapshotData::Current(file) })
    }
}

fn stopping() -> io::Error {
    io::Error::other("the group is shutting down")
}
