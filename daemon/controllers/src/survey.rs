//! The first look of a term at what has to be done: what happened before this daemon led is nobody's event any more.
//!
//! Only indexes are gone through, in slices; an object is parsed only where an index says that there may be something to
//! do with it.

use hanse_store::key::{Key, Scope};
use hanse_store::owned::Dependent;
use hanse_store::state::State;

use crate::batch::Batch;
use crate::collector::{Bench, Verdict};
use crate::essentials;
use crate::namespace::NAMESPACES;
use crate::notice::{self, Noticing};
use crate::quota::{self, RESOURCE_QUOTAS};
use crate::reference::CUSTOM_RESOURCE_DEFINITIONS;
use crate::role::{self, CLUSTER_ROLES};
use crate::task::{Item, Now, Step};

/// Entries that a step looks at, at most, before others have their turn.
const SLICE_ENTRIES_MAX: usize = 500;

/// Where the first look stands.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    part: Part,
    after: Option<Key>,
    after_dependent: Option<Dependent>,
}

/// What is looked at, in this order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Owners that wait for their dependents.
    #[default]
    Waiting,
    /// Objects with owners.
    Owned,
    /// Definitions.
    Definitions,
    /// Quotas.
    Quotas,
    /// Namespaces.
    Namespaces,
    /// Cluster roles.
    Roles,
    End,
}

impl Survey {
    /// The next step.
    pub(crate) fn step(&mut self, state: &State, noticing: &mut Noticing, now: Now) -> Step {
        let mut found = Vec::new();
        let ended = match self.part {
            Part::Waiting => {
                found.extend(state.awaiting_collection().filter_map(|key| notice::waiting(state, key)));
                true
            }
            Part::Owned => self.owned(state, noticing, (&mut found, now)),
            Part::Definitions => self.listed(state, CUSTOM_RESOURCE_DEFINITIONS, |key| {
                found.extend(notice::ending(state, key));
                if noticing.refused(state, key) {
                    found.push(Item::Rival(key.clone()));
                }
            }),
            Part::Quotas => self.listed(state, RESOURCE_QUOTAS, |key| found.push(quota::item(key))),
            Part::Namespaces => self.listed(state, NAMESPACES, |key| {
                if essentials::misses(state, key, &noticing.settings) {
                    found.push(Item::Essentials(key.clone()));
                }
            }),
            Part::Roles => self.listed(state, CLUSTER_ROLES, |key| {
                if state.get(key).is_some_and(|role| role::aggregates(role)) {
                    found.push(role::item(key));
                }
            }),
            Part::End => return Step::Gone,
        };
        if ended {
            self.after = None;
            self.part = match self.part {
                Part::Waiting => Part::Owned,
                Part::Owned => Part::Definitions,
                Part::Definitions => Part::Quotas,
                Part::Quotas => Part::Namespaces,
                Part::Namespaces => Part::Roles,
                Part::Roles | Part::End => Part::End,
            };
        }
        Step::Found(found)
    }

    /// Looks at the next objects with owners; whether those were the last.
    fn owned(&mut self, state: &State, noticing: &mut Noticing, (found, now): (&mut Vec<Item>, Now)) -> bool {
        let after = self.after_dependent.clone();
        for (number, dependent) in state.owned(after.as_ref()).enumerate() {
            if number == SLICE_ENTRIES_MAX {
                return false;
            }
            self.after_dependent = Some(dependent.clone());
            let key = dependent.key();
            let definitions = &mut noticing.definitions;
            let mut bench = Bench { state, definitions, batch: Batch::new(1), wall_ms: now.wall_ms };
            let verdict = bench.judge(key, None);
            if !bench.batch.is_empty() {
                found.push(Item::Dependent(key.clone()));
            } else if verdict == Verdict::Unresolved {
                noticing.unresolved(key);
            }
        }
        true
    }

    /// Looks at the next objects of a resource in all logical clusters; whether those were the last.
    fn listed(&mut self, state: &State, resource: &str, mut look: impl FnMut(&Key)) -> bool {
        let scope = Scope { resource: resource.to_owned(), cluster: None, namespace: None };
        let after = self.after.clone();
        for (number, (key, _)) in state.list(&scope, after.as_ref()).enumerate() {
            if number == SLICE_ENTRIES_MAX {
                return false;
            }
            self.after = Some(key.clone());
            look(key);
        }
        true
    }
}
