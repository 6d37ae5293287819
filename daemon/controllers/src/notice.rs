//! Which items an event is news for, apart from what is being deleted with its namespace or logical cluster.

use std::collections::{BTreeMap, BTreeSet};

use hanse_base::id::ClusterId;
use hanse_store::history::{Event, EventKind};
use hanse_store::key::Key;
use hanse_store::state::State;

use crate::reference::CUSTOM_RESOURCE_DEFINITIONS;
use crate::reference::Definitions;
use crate::role::{self, CLUSTER_ROLES};
use crate::settings::Settings;
use crate::task::Item;
use crate::{essentials, quota, rival};

/// What is remembered to find the items by. All of it can be lost: a term's first look makes it anew.
#[derive(Debug, Default)]
pub(crate) struct Noticing {
    pub(crate) settings: Settings,
    pub(crate) definitions: Definitions,
    /// The owners that wait for their dependents, by uid.
    waiting: BTreeMap<(ClusterId, String), Key>,
    /// Objects with an owner of an unknown kind: looked at again when a definition comes.
    unresolved: BTreeMap<ClusterId, BTreeSet<Key>>,
    unresolved_count: usize,
    /// Definitions whose instances go.
    ending: BTreeSet<Key>,
    /// Definitions that seem to wait for a name.
    refused: BTreeSet<Key>,
}

impl Noticing {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// The items that have to do something because of an event.
    pub(crate) fn items(&mut self, state: &State, event: &Event) -> Vec<Item> {
        let mut items = Vec::new();
        self.collector(state, event, &mut items);
        self.definition(state, event, &mut items);
        items.extend(quota::noticed(state, event));
        items.extend(essentials::noticed(state, event, &self.settings));
        if event.key.resource() == CLUSTER_ROLES {
            items.push(role::item(&event.key));
        }
        items
    }

    fn collector(&self, state: &State, event: &Event, items: &mut Vec<Item>) {
        let (key, object) = (&event.key, &event.object);
        let previous = event.previous.as_ref();
        if event.kind == EventKind::Deleted {
            if let Some(abandoned) = abandoned(state, event) {
                items.push(abandoned);
            }
        } else {
            let same_owners = previous.is_some_and(|previous| previous.owners().eq(object.owners()));
            if object.owners().len() > 0 && !same_owners && !object.deleting() {
                items.push(Item::Dependent(key.clone()));
            }
            if let Some(waiting) = waiting(state, key) {
                items.push(waiting);
            }
        }
        if !self.waiting.is_empty() {
            let cluster = key.cluster();
            let before = previous.into_iter().flat_map(|previous| previous.owners());
            for uid in object.owners().chain(before) {
                if let Some(owner) = self.waiting.get(&(cluster.clone(), uid.to_owned())) {
                    items.push(Item::Waiting { key: owner.clone(), uid: uid.to_owned() });
                }
            }
        }
    }

    fn definition(&mut self, state: &State, event: &Event, items: &mut Vec<Item>) {
        let key = &event.key;
        if key.resource() == CUSTOM_RESOURCE_DEFINITIONS {
            if let Some(keys) = self.unresolved.remove(&key.cluster()) {
                self.unresolved_count -= keys.len();
                items.extend(keys.into_iter().map(Item::Dependent));
            }
            items.extend(ending(state, key));
            self.rivals(state, event, items);
        } else if !self.ending.is_empty()
            && let Ok(definition) = Key::new(CUSTOM_RESOURCE_DEFINITIONS, &key.cluster(), "", key.resource())
            && self.ending.contains(&definition)
        {
            items.push(Item::Definition(definition));
        }
    }

    /// Those that wait for a name look again when a definition of their logical cluster has given one up, or may have.
    fn rivals(&mut self, state: &State, event: &Event, items: &mut Vec<Item>) {
        let key = &event.key;
        self.refused(state, key);
        if event.kind != EventKind::Added {
            let cluster = key.cluster();
            items.extend(self.refused.iter().filter(|waits| waits.cluster() == cluster).cloned().map(Item::Rival));
        }
    }

    /// Takes down whether the definition at the key seems to wait for a name.
    pub(crate) fn refused(&mut self, state: &State, key: &Key) -> bool {
        let refused = state.get(key).is_some_and(|definition| rival::seems_refused(definition));
        if refused && self.refused.len() < UNRESOLVED_MAX {
            self.refused.insert(key.clone());
        } else {
            self.refused.remove(key);
        }
        refused
    }

    /// An owner of this object is of an unknown kind.
    pub(crate) fn unresolved(&mut self, key: &Key) {
        if self.unresolved_count < UNRESOLVED_MAX {
            let new = self.unresolved.entry(key.cluster()).or_default().insert(key.clone());
            self.unresolved_count += usize::from(new);
        } else {
            tracing::debug!(?key, "an owner is of an unknown kind, and too many are for this one to be remembered");
        }
    }

    /// An item is seen to from here on.
    pub(crate) fn opened(&mut self, item: &Item) {
        match item {
            Item::Waiting { key, uid } => {
                self.waiting.insert((key.cluster(), uid.clone()), key.clone());
            }
            Item::Definition(key) => drop(self.ending.insert(key.clone())),
            _ => {}
        }
    }

    /// An item is seen to no more.
    pub(crate) fn closed(&mut self, item: &Item) {
        match item {
            Item::Waiting { key, uid } => drop(self.waiting.remove(&(key.cluster(), uid.clone()))),
            Item::Definition(key) => drop(self.ending.remove(key)),
            _ => {}
        }
    }
}

/// The dependents of what an event says is gone, when there are any. A logical cluster that goes takes all with it.
fn abandoned(state: &State, event: &Event) -> Option<Item> {
    state.owned(None).next()?;
    let cluster = event.key.cluster();
    let uid = event.object.uid().filter(|uid| !uid.is_empty())?;
    state.dependents(&cluster, &uid, None).next()?;
    let goes = state.cluster(&cluster).is_some_and(|cluster| cluster.deleting);
    (!goes).then_some(Item::Abandoned { cluster, uid })
}

/// The object at the key, when it waits for its dependents.
pub(crate) fn waiting(state: &State, key: &Key) -> Option<Item> {
    let object = state.get(key).filter(|object| object.awaits_collection())?;
    Some(Item::Waiting { key: key.clone(), uid: object.uid()? })
}

/// The definition at the key, when its deletion has begun.
pub(crate) fn ending(state: &State, key: &Key) -> Option<Item> {
    state.get(key).filter(|definition| definition.deleting()).map(|_| Item::Definition(key.clone()))
}

/// Objects with an owner of an unknown kind that are remembered, at most. The next term's first look finds the others.
const UNRESOLVED_MAX: usize = 16_384;
