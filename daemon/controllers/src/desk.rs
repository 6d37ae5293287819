//! What is to be done, and what has been tried: the decisions of one term as leader. Pure: states, times and answers go
//! in, transactions come out.
//!
//! Everything that the desk remembers may be lost at any time. A new desk finds the same work in the state; it only
//! does not know what is in vain until something changes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hanse_base::id::{ClusterId, Revision};
use hanse_store::history::{Event, EventKind};
use hanse_store::key::Key;
use hanse_store::state::State;
use hanse_store::txn::{Operation, Outcome, Txn};
use hanse_store::workspace::WORKSPACES;

use crate::batch::BATCH_OPERATIONS_MAX;
use crate::collector;
use crate::expiry::Expiry;
use crate::namespace::{self, NAMESPACES};
use crate::notice::Noticing;
use crate::settings::Settings;
use crate::signing::Signing;
use crate::survey::Survey;
use crate::task::{Item, Now, Stage, Step, Task};
use crate::workspace;
use crate::{definition, essentials, quota, rival, role};

/// A transaction, and what it is for. Two of them are for different items, and can be submitted together.
#[derive(Debug, Clone)]
pub struct Work {
    /// What it is for: goes into [`Desk::answered`].
    pub item: Item,
    /// The transaction.
    pub txn: Txn,
}

/// What came of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was applied, or refused.
    Outcome(Outcome),
    /// It is larger than the group takes.
    TooLarge,
    /// Nobody knows: it may still happen.
    None,
}

/// The desk of one group.
#[derive(Debug, Default)]
pub struct Desk {
    /// Everything up to this revision has been looked at.
    seen: Option<Revision>,
    tasks: BTreeMap<Item, Task>,
    /// Those that have something to do, and when: exactly the tasks at [`Stage::Ready`].
    ready: BTreeSet<(Duration, Item)>,
    /// Revisions of own transactions that are not looked at yet: they are no news to their own item.
    own: Vec<(Revision, Revision, Item)>,
    expiry: Expiry,
    signing: Signing,
    survey: Survey,
    noticing: Noticing,
}

impl Desk {
    /// The desk of a new term.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { noticing: Noticing::new(settings), ..Self::default() }
    }

    /// How many items have something that is to be done or waited for.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.tasks.len()
    }

    /// Takes in what has changed. Costs a look at the events since the last time, and no object is parsed for it.
    pub fn observe(&mut self, state: &State, now: Now) {
        let mut calls = BTreeSet::new();
        let ending = state.ending_namespaces().next().is_some() || state.ending_clusters().next().is_some();
        match self.seen.map(|seen| state.events_after(seen)) {
            Some(Ok(events)) => {
                for event in events {
                    let noticed = self.noticing.items(state, event);
                    let not_own = |item: &Item| !self.is_own(event.revision, item);
                    if ending {
                        calls.extend(touched(state, event).filter(not_own));
                    }
                    calls.extend(noticed.into_iter().filter(not_own));
                }
            }
            // The first look, or one so late that the window has moved past what was between.
            _ => {
                calls.extend(all(state));
                self.survey = Survey::default();
                calls.insert(Item::Survey);
            }
        }
        if !ending {
            // Those that were waited for have gone.
            let stays = |item: &Item| !matches!(item, Item::Cluster(_) | Item::Namespace(_));
            self.tasks.retain(|item, _| stays(item));
            self.ready.retain(|(_, item)| stays(item));
        }
        let revision = state.revision();
        self.seen = Some(revision);
        self.own.retain(|(_, last, _)| *last > revision);
        for item in calls {
            self.call(state, item, now);
        }
        if state.doomed().next().is_some() && !self.tasks.contains_key(&Item::Doomed) {
            self.open(Item::Doomed, now.monotonic);
        }
        if Expiry::is_needed(state) && !self.tasks.contains_key(&Item::Expiry) {
            self.open(Item::Expiry, now.monotonic);
        }
        if Signing::is_needed(state) && !self.tasks.contains_key(&Item::Signing) {
            self.open(Item::Signing, now.monotonic);
        }
    }

    /// The next transactions, at most [`PARALLEL_MAX`]. None: nothing to do now; see [`Desk::due`].
    pub fn plan(&mut self, state: &State, now: Now) -> Vec<Work> {
        let mut work = Vec::new();
        for _ in 0..TURNS_MAX {
            if work.len() == PARALLEL_MAX || self.ready.first().is_none_or(|(due, _)| *due > now.monotonic) {
                break;
            }
            let Some((_, item)) = self.ready.pop_first() else { break };
            let Some(task) = self.tasks.get_mut(&item) else { continue };
            let step = match &item {
                Item::Doomed => workspace::begin(state, task, now),
                Item::Cluster(id) => workspace::step(state, id, task, now),
                Item::Namespace(key) => namespace::step(state, key, task, now),
                Item::Expiry => self.expiry.step(state, task, now),
                Item::Survey if self.ready.len() > READY_MAX => Step::Later(CROWDED_PAUSE),
                Item::Survey => self.survey.step(state, &mut self.noticing, now),
                Item::Definition(key) => definition::step(state, key, task, now),
                Item::Rival(key) => rival::step(state, key, task, now),
                Item::Quotas(cluster, namespace) => quota::step(state, (cluster, namespace), task, now),
                Item::Essentials(key) => essentials::step(state, key, &self.noticing.settings, (task, now)),
                Item::Roles(cluster) => role::step(state, cluster, task, now),
                Item::Signing => self.signing.step(state, task, now),
                Item::Abandoned { cluster, uid } => {
                    collector::abandoned((state, &mut self.noticing.definitions), (cluster, uid), task, now)
                }
                Item::Waiting { key, .. } => {
                    collector::waiting((state, &mut self.noticing.definitions), key, task, now)
                }
                Item::Dependent(key) => {
                    let known = (state, &mut self.noticing.definitions);
                    let (step, unresolved) = collector::dependent(known, key, task, now);
                    if unresolved {
                        self.noticing.unresolved(key);
                    }
                    step
                }
            };
            if let Step::Found(items) = step {
                items.into_iter().for_each(|found| self.call(state, found, now));
                // Others have their turn before it goes on, those outside this task, too.
                self.ready.insert((now.monotonic + SURVEY_PAUSE, item));
                continue;
            }
            if let Some(txn) = self.settle(&item, step, now) {
                work.push(Work { item, txn });
            }
        }
        work
    }

    /// When to plan again, should nothing change before. `None`: not before something changes.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.ready.first().map(|(due, _)| *due)
    }

    /// Takes in what came of a transaction.
    pub fn answered(&mut self, item: Item, answer: &Answer, now: Now) {
        let Some(task) = self.tasks.get_mut(&item) else { return };
        let events = task.stage == Stage::Submitted { events: true };
        task.stage = Stage::Ready;
        let wait = match answer {
            Answer::Outcome(Outcome::Done { first, last }) => {
                task.refusals = 0;
                task.operations_max = (task.operations_max * 2).min(BATCH_OPERATIONS_MAX);
                if events {
                    self.own.push((*first, *last, item.clone()));
                }
                Duration::ZERO
            }
            Answer::Outcome(Outcome::Refused(_)) | Answer::TooLarge => {
                tracing::debug!(?item, ?answer, "a transaction was decided on something that has changed since");
                task.refusals = task.refusals.saturating_add(1);
                task.operations_max = (task.operations_max / 2).max(1);
                task.restart();
                REFUSAL_PAUSE_MIN.saturating_mul(1 << task.refusals.min(16)).min(REFUSAL_PAUSE_MAX)
            }
            Answer::None => {
                task.restart();
                Duration::ZERO
            }
        };
        self.ready.insert((now.monotonic + wait, item));
    }

    /// Whether the event is one of the item's own making.
    fn is_own(&self, revision: Revision, item: &Item) -> bool {
        self.own.iter().any(|(first, last, own)| (*first..=*last).contains(&revision) && own == item)
    }

    /// Something has changed in an item.
    fn call(&mut self, state: &State, item: Item, now: Now) {
        let Some(task) = self.tasks.get_mut(&item) else { return self.open(item, now.monotonic) };
        match task.stage {
            Stage::Resting { until } => {
                task.stage = Stage::Ready;
                task.restart();
                let due = if is_empty(state, &item) { now.monotonic } else { until.max(now.monotonic) };
                self.ready.insert((due, item));
            }
            Stage::Ready | Stage::Submitted { .. } => task.changed = true,
        }
    }

    fn open(&mut self, item: Item, due: Duration) {
        self.noticing.opened(&item);
        self.tasks.insert(item.clone(), Task::new());
        self.ready.insert((due, item));
    }

    /// Notes what a step has come to. The transaction, when there is one.
    fn settle(&mut self, item: &Item, step: Step, now: Now) -> Option<Txn> {
        let task = self.tasks.get_mut(item)?;
        match step {
            Step::Submit(txn) => {
                let certain = |operation: &Operation| matches!(operation, Operation::Put(..) | Operation::Delete(_));
                task.stage = Stage::Submitted { events: txn.operations.iter().any(certain) };
                return Some(txn);
            }
            Step::Again | Step::Found(_) => drop(self.ready.insert((now.monotonic, item.clone()))),
            Step::Later(wait) => drop(self.ready.insert((now.monotonic + wait, item.clone()))),
            Step::Rest => {
                let looked_at = task.sweep.looked_at().max(task.walk.looked_at());
                let least = if matches!(item, Item::Quotas(..)) { QUOTA_REST_MIN } else { REST_MIN };
                let until = now.monotonic + Duration::from_millis(looked_at).clamp(least, REST_MAX);
                if std::mem::take(&mut task.changed) {
                    task.restart();
                    self.ready.insert((until, item.clone()));
                } else {
                    task.stage = Stage::Resting { until };
                }
            }
            // What has changed since it was decided that there is nothing to do may be something to do.
            Step::Gone if std::mem::take(&mut task.changed) => {
                task.restart();
                self.ready.insert((now.monotonic, item.clone()));
            }
            Step::Gone => {
                self.tasks.remove(item);
                self.noticing.closed(item);
            }
        }
        None
    }

    /// The relations between the parts.
    ///
    /// # Panics
    /// One does not hold.
    pub fn check(&self) {
        let ready: BTreeSet<&Item> = self.ready.iter().map(|(_, item)| item).collect();
        assert_eq!(ready.len(), self.ready.len(), "an item waits once");
        for (item, task) in &self.tasks {
            assert_eq!(ready.contains(item), task.stage == Stage::Ready, "{item:?} waits for its turn");
        }
        assert!(ready.iter().all(|item| self.tasks.contains_key(*item)), "only tasks wait");
    }
}

/// Everything that is being deleted.
fn all(state: &State) -> impl Iterator<Item = Item> {
    let namespaces = state.ending_namespaces().cloned().map(Item::Namespace);
    namespaces.chain(state.ending_clusters().cloned().map(Item::Cluster))
}

/// The items that an event is news for.
fn touched(state: &State, event: &Event) -> impl Iterator<Item = Item> {
    let key = &event.key;
    let cluster = key.cluster();
    let ending = |id: &ClusterId| state.cluster(id).is_some_and(|cluster| cluster.deleting);
    let namespace = match key.namespace() {
        "" if key.resource() == NAMESPACES => Some(key.clone()),
        "" => None,
        name => Key::new(NAMESPACES, &cluster, "", name).ok(),
    };
    let gone = event.kind == EventKind::Deleted && key.resource() == NAMESPACES;
    let goes = |namespace: &Key| state.get(namespace).is_some_and(|object| object.deleting());
    let namespace = namespace.filter(|namespace| gone || goes(namespace));
    let row = (key.resource() == WORKSPACES).then(|| state.workspace_row(key)).flatten();
    let behind = row.map(|(id, _)| id).filter(ending);
    let within = Some(cluster).filter(ending);
    let clusters = within.into_iter().chain(behind).map(Item::Cluster);
    namespace.map(Item::Namespace).into_iter().chain(clusters)
}

/// Whether there is nothing left in an item, so that it can be ended at once.
fn is_empty(state: &State, item: &Item) -> bool {
    match item {
        Item::Namespace(key) => state.namespace_content(&key.cluster(), key.name(), None).next().is_none(),
        Item::Cluster(id) => state.cluster_content(id, None).next().is_none(),
        Item::Definition(key) => state.count(&definition::instances(key)) == 0,
        Item::Waiting { key, uid } => state.dependents(&key.cluster(), uid, None).next().is_none(),
        _ => false,
    }
}

/// Transactions that are under way at once, for different items.
pub const PARALLEL_MAX: usize = 16;
/// Steps of one plan, so that a plan with little to submit comes to an end.
const TURNS_MAX: usize = 64;
/// Items that wait for their turn before the first look of a term goes on.
const READY_MAX: usize = 4_096;
/// Between two steps of that look.
const SURVEY_PAUSE: Duration = Duration::from_millis(1);
/// How long it waits for its turn then.
const CROWDED_PAUSE: Duration = Duration::from_millis(20);
/// A sweep that found only what stays is not repeated before it was at rest for a millisecond for each object that it
/// looked at, within these bounds: so it never costs more than a small part of a processor.
const REST_MIN: Duration = Duration::from_millis(100);
/// The status of quotas is written as often as this, at most, while objects come and go.
const QUOTA_REST_MIN: Duration = Duration::from_secs(1);
/// As above.
const REST_MAX: Duration = Duration::from_secs(60);
/// After a refusal; doubled by each further one.
const REFUSAL_PAUSE_MIN: Duration = Duration::from_millis(10);
/// As above.
const REFUSAL_PAUSE_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
mod desk_test;
