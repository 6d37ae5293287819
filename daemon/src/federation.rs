//! The tree from region to region.
//!
//! While this daemon leads its group it follows the documents of every other group: one pull session for each, with
//! whichever daemon of that region can be reached. What arrives is proposed as `MergeChanges`, so that the region holds
//! it as safely as its own writes; the cursor of a new session is what the group's state holds. The serving side answers
//! from any replica.
//!
//! ```text
//!   other region's replica                             this region's leader
//!   Source: State::changes ──── session (Lane::Tree) ────► follow ──► Home::submit(MergeChanges)
//! ```

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use hanse_base::clock::Clock;
use hanse_base::id::{DaemonId, GroupId, RegionName};
use hanse_base::mutant::Mutant;
use hanse_base::net::BoxFuture;
use hanse_base::random::Random;
use hanse_store::home::Home;
use hanse_store::hub::Hub;
use hanse_store::restored::Learned;
use hanse_store::txn::{Operation, Outcome, Txn};
use hanse_sync::cursor::{Changes, Cursor, Position};
use hanse_sync::lane::Lane;
use hanse_sync::message::{BATCH_BYTES_MAX, CHANGES_MAX, Notice};
use hanse_sync::session::{Batch, Beat, ChangeSource, Pulled, Puller, SessionError};
use hanse_tree::batch::{ChangeLog, NewChange};
use hanse_tree::document::DocumentId;
use hanse_tree::documents::{Documents, ROWS_PER_DOCUMENT_MAX};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep};

use crate::carriage::Carriage;
use crate::config::{group_of, region_of};
use crate::members::tidings;
use crate::status::Lag;

/// Follows the documents of all other groups.
pub(crate) struct Follower {
    /// The own group.
    pub(crate) home: Arc<dyn Home>,
    /// The way to other regions.
    pub(crate) carriage: Carriage,
    /// For transactions' times.
    pub(crate) clock: Arc<dyn Clock>,
    /// For jitter.
    pub(crate) random: Arc<dyn Random>,
    /// What is known of each other group.
    pub(crate) contacts: Contacts,
    /// The own region.
    pub(crate) region: RegionName,
    /// The region that founded the federation.
    pub(crate) founder: RegionName,
}

/// How far behind each other group this one is. Cheap to clone: all clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contacts(Arc<Mutex<BTreeMap<GroupId, Contact>>>, Arc<AtomicU64>);

#[derive(Debug, Clone, Copy, Default)]
struct Contact {
    /// Changes that are known to be missing; nothing without a session.
    behind: Option<u64>,
    /// When the last session ended.
    heard: Option<Instant>,
}

impl Contacts {
    /// What `hanse status` shows.
    pub(crate) fn lag(&self) -> Vec<Lag> {
        let contacts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let milliseconds = |heard: Instant| u64::try_from(heard.elapsed().as_millis()).unwrap_or(u64::MAX);
        contacts
            .iter()
            .map(|(group, contact)| Lag {
                group: group.to_string(),
                behind: contact.behind,
                // A session that stands notices silence within seconds.
                last_contact_ms: if contact.behind.is_some() { Some(0) } else { contact.heard.map(milliseconds) },
            })
            .collect()
    }

    /// Changes of other groups that this daemon has had merged since it started.
    pub(crate) fn merges(&self) -> u64 {
        self.1.load(Ordering::Relaxed)
    }

    fn merged(&self, changes: u64) {
        self.1.fetch_add(changes, Ordering::Relaxed);
    }

    fn heard(&self, group: &GroupId, behind: u64) {
        let mut contacts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        contacts.entry(group.clone()).or_default().behind = Some(behind);
    }

    fn lost(&self, group: &GroupId) {
        let mut contacts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let contact = contacts.entry(group.clone()).or_default();
        if contact.behind.take().is_some() {
            contact.heard = Some(Instant::now());
        }
    }

    fn forget(&self, group: &GroupId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(group);
    }

    fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Follower {
    /// Follows all other groups of the federation, as they come and go, while this daemon leads its own, until `stop`
    /// changes.
    pub(crate) async fn run(self, mut leads: watch::Receiver<bool>, mut stop: watch::Receiver<bool>) {
        let follower = Arc::new(self);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                led = leads.wait_for(|leads| *leads) => if led.is_err() { return },
            }
            let mut sessions = JoinSet::new();
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                // A sender that is gone means that the group has ended.
                _ = leads.wait_for(|leads| !*leads) => {}
                () = Arc::clone(&follower).follow_all(&mut sessions) => {}
            }
            sessions.shutdown().await;
            follower.contacts.clear();
        }
    }

    /// One task for each other group of the directory. Does not end by itself.
    async fn follow_all(self: Arc<Self>, sessions: &mut JoinSet<()>) {
        let mut changes = self.carriage.directories().changes();
        let mut followed: BTreeMap<GroupId, AbortHandle> = BTreeMap::new();
        loop {
            changes.mark_unchanged();
            let directory = self.carriage.directories().now();
            let own = self.home.group();
            let wanted: BTreeSet<GroupId> =
                directory.regions().iter().map(group_of).filter(|group| group != own).collect();
            followed.retain(|group, session| {
                let stays = wanted.contains(group);
                if !stays {
                    session.abort();
                    self.contacts.forget(group);
                }
                stays
            });
            for group in wanted {
                if let Entry::Vacant(place) = followed.entry(group) {
                    self.contacts.lost(place.key());
                    let session = sessions.spawn(Arc::clone(&self).follow(place.key().clone()));
                    place.insert(session);
                }
            }
            // The ended are let go, so that they do not add up.
            while sessions.try_join_next().is_some() {}
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// One session after another with one group, for ever.
    async fn follow(self: Arc<Self>, group: GroupId) {
        let region = region_of(&group);
        let mut failures = 0_u32;
        loop {
            for daemon in self.carriage.nearest(&region, Lane::Tree) {
                let began = Instant::now();
                let Err(why) = self.session(&group, daemon).await;
                self.contacts.lost(&group);
                tracing::debug!(%group, %daemon, why, "a tree session has ended");
                if began.elapsed() > SETTLED {
                    failures = 0;
                }
            }
            failures = failures.saturating_add(1);
            self.pause(&group, failures).await;
        }
    }

    /// Waits before the next attempt: longer after each failure, never more than a second, and no longer than until a
    /// link to the region is there again.
    async fn pause(&self, group: &GroupId, failures: u32) {
        let region = region_of(group);
        let longest = PAUSE_MIN.saturating_mul(1 << failures.min(16)).min(PAUSE_MAX);
        let least = longest / 2;
        let spread = u64::try_from(least.as_millis()).unwrap_or(0).max(1);
        let pause = least + Duration::from_millis(self.random.number() % spread);
        let until = Instant::now() + pause;
        let was_reachable = self.carriage.reaches(&region);
        while Instant::now() < until {
            sleep(LOOK_EVERY.min(pause)).await;
            if !was_reachable && self.carriage.reaches(&region) {
                return;
            }
        }
    }

    /// Follows one daemon until the session ends; says why.
    async fn session(&self, group: &GroupId, daemon: DaemonId) -> Result<Infallible, String> {
        // A view of the leader holds everything that this group has merged: nothing is asked for twice.
        let view = self.home.read().await.map_err(|error| error.to_string())?;
        if view.must_learn_from(group) {
            self.learn(group, daemon).await?;
        }
        let stream = self.carriage.mesh().open(daemon, Lane::Tree).await.map_err(|error| error.to_string())?;
        let held = cursor_of(&view.cursor(group));
        let puller = Puller::start(stream, group.clone(), held, 0, Beat::default()).await;
        let mut puller = puller.map_err(|error| error.to_string())?;
        let mut ahead = None;
        loop {
            let pulled = match ahead.take() {
                Some(pulled) => pulled,
                None => puller.next().await,
            };
            match pulled {
                Ok(Pulled::Changes(mut changes)) => {
                    ahead = gather(&mut puller, &mut changes);
                    self.contacts.heard(group, changes.changes.len() as u64);
                    self.merge(group, changes).await?;
                    self.contacts.heard(group, 0);
                }
                Ok(Pulled::Notice(notice)) => self.take_news(group, &notice).await?,
                Ok(Pulled::CaughtUp { heads }) => self.contacts.heard(group, missing(&heads, puller.cursor())),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Takes in what another region says of who belongs to the federation.
    async fn take_news(&self, group: &GroupId, notice: &Notice) -> Result<(), String> {
        let view = self.home.view();
        let regions = (&self.region, &self.founder);
        for change in tidings::news(view.membership(), regions, group, notice)? {
            let txn = Txn {
                time_ms: self.clock.wall_ms(),
                preconditions: Vec::new(),
                operations: vec![Operation::Membership(change)],
            };
            match self.home.submit(txn).await.map_err(|error| error.to_string())? {
                Outcome::Done { .. } => tracing::info!(%group, "a region says who belongs to it"),
                Outcome::Refused(refusal) => tracing::warn!(%group, %refusal, "a region's news are not taken in"),
            }
        }
        Ok(())
    }

    /// Looks at the copy that another group holds of the own documents, after the own group was restored from a backup:
    /// until then the other gets none of them.
    async fn learn(&self, group: &GroupId, daemon: DaemonId) -> Result<(), String> {
        let stream = self.carriage.mesh().open(daemon, Lane::Tree).await.map_err(|error| error.to_string())?;
        let own = self.home.group().clone();
        let puller = Puller::start(stream, own.clone(), Cursor::default(), 0, Beat::default()).await;
        let mut puller = puller.map_err(|error| error.to_string())?;
        let mut copy = Documents::new(own.clone(), ROWS_PER_DOCUMENT_MAX);
        let mut bytes = 0;
        loop {
            let changes = match puller.next().await.map_err(|error| error.to_string())? {
                Pulled::Changes(changes) => changes,
                Pulled::CaughtUp { .. } => break,
                Pulled::Notice(_) => continue,
            };
            bytes += changes.changes.iter().map(Bytes::len).sum::<usize>();
            if bytes > COPY_BYTES_MAX {
                return Err(format!("its copy of our documents has more than {COPY_BYTES_MAX} bytes"));
            }
            let id = DocumentId { group: own.clone(), ordinal: changes.document, generation: changes.generation };
            // The session counts from 0, the documents from 1.
            for (sequence, change) in (changes.first_sequence.saturating_add(1)..).zip(&changes.changes) {
                copy.merge(&id, sequence, change).map_err(|error| error.to_string())?;
            }
        }
        for part in Learned::parts(group, &copy) {
            let operations = vec![Operation::Learn(part)];
            let txn = Txn { time_ms: self.clock.wall_ms(), preconditions: Vec::new(), operations };
            match self.home.submit(txn).await.map_err(|error| error.to_string())? {
                Outcome::Done { .. } => {}
                Outcome::Refused(refusal) => {
                    tracing::error!(%group, %refusal, "what a group holds of our documents cannot be used");
                    return Err(refusal.to_string());
                }
            }
        }
        let lost = self.home.view().restored().map_or(0, |restored| restored.lost);
        tracing::info!(%group, rows = copy.len(), lost, "what another group holds of our documents was looked at");
        Ok(())
    }

    async fn merge(&self, group: &GroupId, changes: Changes) -> Result<(), String> {
        match self.home.submit(merge_of(group, &changes, self.clock.wall_ms())).await {
            Ok(Outcome::Done { .. }) => {
                self.contacts.merged(changes.changes.len() as u64);
                Ok(())
            }
            Ok(Outcome::Refused(refusal)) => {
                tracing::error!(%group, %refusal, "changes of a group's documents cannot be merged");
                Err(refusal.to_string())
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The transaction that takes changes of another group's document in.
fn merge_of(group: &GroupId, changes: &Changes, time_ms: u64) -> Txn {
    let document = DocumentId { group: group.clone(), ordinal: changes.document, generation: changes.generation };
    // The session counts from 0, the documents from 1.
    let sequence = changes.first_sequence.saturating_add(1);
    // Slices of a frame would keep the whole frame alive in the log's cache.
    let changes = changes.changes.iter().map(|change| Bytes::copy_from_slice(change)).collect();
    let operations = vec![Operation::MergeChanges { document, sequence, changes }];
    Txn { time_ms, preconditions: Vec::new(), operations }
}

/// Adds what has already arrived and follows at once, so that many small changes cost one transaction. Gives back what
/// came and does not fit.
fn gather(puller: &mut Puller, changes: &mut Changes) -> Option<Result<Pulled, SessionError>> {
    loop {
        let bytes: usize = changes.changes.iter().map(Bytes::len).sum();
        if bytes >= MERGE_BYTES_MAX || changes.changes.len() >= MERGE_CHANGES_MAX {
            return None;
        }
        match puller.next().now_or_never()? {
            Ok(Pulled::Changes(more)) if (more.document, more.generation) == (changes.document, changes.generation) => {
                changes.changes.extend(more.changes);
            }
            other => return Some(other),
        }
    }
}

/// Serves the documents of the own group to others, from this replica.
pub(crate) struct Source {
    hub: Arc<Hub>,
}

impl Source {
    /// Serves what the hub's state holds.
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    fn next(&self, cursor: &Cursor) -> Vec<NewChange> {
        let view = self.hub.view();
        view.changes().changes_after(&held(cursor), BATCH_BYTES_MAX, CHANGES_MAX).changes
    }
}

impl ChangeSource for Source {
    fn changes_after(&self, cursor: &Cursor) -> Batch {
        let mut changes = self.next(cursor);
        if Mutant::SourceSkips.lives() && changes.len() > 1 {
            drop(changes.remove(0));
        }
        let heads = || cursor_of(&self.hub.view().changes().cursor()).positions().collect();
        batch(changes).unwrap_or_else(|| Batch::CaughtUp { heads: heads() })
    }

    fn notice_after(&self, version: u64) -> Option<Notice> {
        tidings::notice(self.hub.view().membership(), version)
    }

    fn more<'a>(&'a self, cursor: &'a Cursor, notice: u64) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            loop {
                // Read before the view, so that what grows between the two is seen.
                let seen = self.hub.documents();
                let membership = Arc::clone(self.hub.view().membership());
                if !self.next(cursor).is_empty() || (membership.roster().is_some() && membership.version() > notice) {
                    return;
                }
                tokio::select! {
                    _ = self.hub.documents_changed(seen) => {}
                    _ = self.hub.membership_changed(&membership) => {}
                }
            }
        })
    }
}

/// Serves another group the copy of its own documents, as it is at one moment: after it was restored from a backup.
pub(crate) struct CopySource {
    log: ChangeLog,
}

impl CopySource {
    /// Serves the picture.
    pub(crate) fn new(log: ChangeLog) -> Self {
        Self { log }
    }
}

impl ChangeSource for CopySource {
    fn changes_after(&self, cursor: &Cursor) -> Batch {
        let changes = self.log.changes_after(&held(cursor), BATCH_BYTES_MAX, CHANGES_MAX).changes;
        batch(changes).unwrap_or_else(|| Batch::CaughtUp { heads: cursor_of(&self.log.cursor()).positions().collect() })
    }

    fn notice_after(&self, _version: u64) -> Option<Notice> {
        None
    }

    fn more<'a>(&'a self, _cursor: &'a Cursor, _notice: u64) -> BoxFuture<'a, ()> {
        Box::pin(std::future::pending())
    }
}

/// The session's cursor as the tree's.
fn held(cursor: &Cursor) -> hanse_tree::batch::Cursor {
    hanse_tree::batch::Cursor::new(
        cursor.positions().map(|at| (at.document, at.generation, at.next_sequence.saturating_add(1))),
    )
}

/// The first changes, as far as they are of one document.
fn batch(changes: Vec<NewChange>) -> Option<Batch> {
    let mut changes = changes.into_iter().peekable();
    let first = changes.next()?;
    let document = first.document.clone();
    let mut batch = Changes {
        document: document.ordinal,
        generation: document.generation,
        // The documents count from 1, the session from 0.
        first_sequence: first.sequence.saturating_sub(1),
        changes: vec![first.bytes],
    };
    while let Some(change) = changes.next_if(|change| change.document == document) {
        batch.changes.push(change.bytes);
    }
    Some(Batch::Changes(batch))
}

/// The tree's cursor as the session's: the documents count from 1, the session from 0.
fn cursor_of(held: &hanse_tree::batch::Cursor) -> Cursor {
    Cursor::new(held.positions().map(|(document, generation, next)| Position {
        document,
        generation,
        next_sequence: next.saturating_sub(1),
    }))
}

/// How many changes lie between the two.
fn missing(heads: &[Position], held: &Cursor) -> u64 {
    heads
        .iter()
        .map(|head| {
            let held = held.position(head.document);
            let from = if held.generation == head.generation { held.next_sequence } else { 0 };
            head.next_sequence.saturating_sub(from)
        })
        .sum()
}

/// A session that has lasted this long was a good one: the next failure is a first one again.
const SETTLED: Duration = Duration::from_secs(5);
/// Pause after the first failure.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// How soon a returned region is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What another group's copy of the own documents may have, at most.
const COPY_BYTES_MAX: usize = 1 << 30;
/// Changes in one transaction.
const MERGE_BYTES_MAX: usize = 1 << 20;
const MERGE_CHANGES_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hanse_base::id::GroupId;
    use hanse_store::home::Home;
    use hanse_store::txn::Outcome;
    use hanse_sync::cursor::Position;
    use hanse_sync::session::{Batch, ChangeSource};

    use super::{Contacts, Source, cursor_of, merge_of, missing};
    use crate::testing::{create, group};

    #[test]
    fn what_a_source_gives_is_what_another_group_can_merge() {
        let (eu, us) = (group("eu"), group("us"));
        let source = Source::new(Arc::clone(eu.hub()));
        let owner = GroupId::new("eu").unwrap();
        for round in 0..3 {
            create(&eu, "root", &format!("w{round}"), &format!("id{round}"));
            let mut batches = 0;
            loop {
                // A session that begins anew, as after every cut, asks from what is held.
                let mut cursor = cursor_of(&us.view().cursor(&owner));
                match source.changes_after(&cursor) {
                    Batch::Changes(changes) => {
                        assert!(cursor.advance(&changes).is_ok(), "the changes follow the cursor");
                        let outcomes = us.apply(&[merge_of(&owner, &changes, 1)]);
                        assert!(matches!(outcomes[..], [Outcome::Done { .. }]), "{outcomes:?}");
                        assert_eq!(cursor_of(&us.view().cursor(&owner)), cursor);
                        batches += 1;
                    }
                    Batch::CaughtUp { heads } => {
                        assert_eq!(missing(&heads, &cursor), 0);
                        break;
                    }
                }
            }
            assert!(batches > 0);
            assert!(us.view().resolve(&format!("root:w{round}")).is_some());
        }
    }

    #[test]
    fn changes_that_are_missing_are_counted() {
        let position = |document, generation, next_sequence| Position { document, generation, next_sequence };
        let held = hanse_sync::cursor::Cursor::new([position(0, 0, 5), position(1, 0, 9)]);
        assert_eq!(missing(&[position(0, 0, 7), position(1, 2, 4), position(2, 0, 1)], &held), 2 + 4 + 1);
    }

    #[test]
    fn a_lost_group_is_known_by_when_it_was_heard_last() {
        let contacts = Contacts::default();
        let group = GroupId::new("us").unwrap();
        contacts.lost(&group);
        assert_eq!(contacts.lag()[0].last_contact_ms, None, "never heard");
        contacts.heard(&group, 3);
        assert_eq!((contacts.lag()[0].behind, contacts.lag()[0].last_contact_ms), (Some(3), Some(0)));
        contacts.lost(&group);
        assert!(contacts.lag()[0].behind.is_none() && contacts.lag()[0].last_contact_ms.is_some());
    }
}
