//! The garbage collector: objects whose owners are gone go, and owners that wait for their dependents are let go.
//!
//! The rules are upstream's (k8s.io/kubernetes/pkg/controller/garbagecollector). There is no graph here: the store knows
//! who names which owner, and an owner is looked up where a reference says that it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use hanse_base::id::ClusterId;
use hanse_schema::metadata::{self, FINALIZER_FOREGROUND, FINALIZER_ORPHAN};
use hanse_store::key::Key;
use hanse_store::object::Object;
use hanse_store::state::State;
use serde_json::Value;

use crate::batch::Batch;
use crate::misplaced;
use crate::object::{draft, parse};
use crate::reference::{Definitions, Owner, Reference, is_elsewhere, look, references, waits_in_foreground, without};
use crate::removal::{Propagation, release, remove};
use crate::task::{Now, Step, Task, Walk};

/// Dependents that a step looks at, at most, before others have their turn.
const SLICE_DEPENDENTS_MAX: usize = 500;
/// Dependents of a dependent that are looked at for a circle, at most.
const CIRCLE_DEPENDENTS_MAX: usize = 100_000;
/// Objects that wait for each other that are followed to find a circle, at most.
const CIRCLE_WAITING_MAX: usize = 1_000;

/// What the decisions about one object are made from and written to.
pub(crate) struct Bench<'a> {
    pub(crate) state: &'a State,
    pub(crate) definitions: &'a mut Definitions,
    pub(crate) batch: Batch,
    pub(crate) wall_ms: u64,
}

/// What was decided about an object with owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It stays as it is.
    Stays,
    /// It keeps the owner that is gone or waits from nothing any more.
    Freed,
    /// It goes with this transaction.
    Goes,
    /// Its deletion begins, and it waits for finalizers.
    Ends,
    /// The kind of an owner is not known.
    Unresolved,
}

impl Bench<'_> {
    /// Decides about one object by its owners. `gone` is the uid of an owner that is known to have been deleted.
    pub(crate) fn judge(&mut self, key: &Key, gone: Option<&str>) -> Verdict {
        // A deletion that has begun comes to its end without this.
        let Some(object) = self.state.get(key).filter(|object| !object.deleting()) else { return Verdict::Stays };
        let value = parse(&object.bytes());
        let references = references(&value);
        let (mut solid, mut loose, mut waiting) = (false, Vec::new(), false);
        for reference in &references {
            let place = (&key.cluster(), key.namespace());
            let owner = if gone == Some(reference.uid) {
                Owner::Dangling
            } else {
                look(self.state, place, reference, self.definitions)
            };
            match owner {
                Owner::Solid => solid = true,
                Owner::Dangling => loose.push(*reference),
                Owner::Waiting => {
                    waiting = true;
                    loose.push(*reference);
                }
                Owner::Unresolved => return Verdict::Unresolved,
                Owner::Misplaced => {
                    misplaced::report(self.misplaced(), (key, &value), reference);
                    return Verdict::Stays;
                }
            }
        }
        if loose.is_empty() {
            return Verdict::Stays;
        }
        if gone.is_none() {
            self.report_misplaced(key, &value, &loose);
        }
        if solid {
            let left = without(object, |uid| loose.iter().any(|reference| reference.uid == uid));
            self.batch.replace(key, object, draft(&left));
            return Verdict::Freed;
        }
        if waiting && self.has_dependents(key, &value) {
            return self.delete_in_foreground(key, object, value);
        }
        let held = |finalizer: &str| metadata::finalizers(&value).any(|other| other == finalizer);
        let propagation = match () {
            () if held(FINALIZER_ORPHAN) => Propagation::Orphan,
            () if held(FINALIZER_FOREGROUND) => Propagation::Foreground,
            () => Propagation::Background,
        };
        self.delete((key, object), value.clone(), propagation)
    }

    fn delete(&mut self, seen: (&Key, &Arc<Object>), value: Value, propagation: Propagation) -> Verdict {
        let gone = remove(seen, value, propagation, (&mut self.batch, self.wall_ms));
        if gone { Verdict::Goes } else { Verdict::Ends }
    }

    /// Its own dependents go before it. If one of them waits for its dependents already, that might be a circle: then the
    /// object keeps its owners from nothing.
    fn delete_in_foreground(&mut self, key: &Key, object: &Arc<Object>, mut value: Value) -> Verdict {
        let cluster = key.cluster();
        let dependents = self.state.dependents(&cluster, metadata::uid(&value), None).take(CIRCLE_DEPENDENTS_MAX);
        let waits = |key: &Key| self.state.get(key).is_some_and(|object| waits_in_foreground(object));
        let circle = dependents.filter(|dependent| *dependent != key).any(waits);
        if circle {
            unblock(&mut value, |_| true);
        }
        let verdict = self.delete((key, object), value, Propagation::Foreground);
        if circle { Verdict::Freed } else { verdict }
    }

    fn has_dependents(&self, key: &Key, value: &Value) -> bool {
        let uid = metadata::uid(value);
        !uid.is_empty() && self.state.dependents(&key.cluster(), uid, None).next().is_some()
    }

    fn report_misplaced(&mut self, key: &Key, value: &Value, loose: &[Reference<'_>]) {
        for reference in loose {
            let place = (&key.cluster(), key.namespace());
            if is_elsewhere(self.state, place, reference, self.definitions) {
                misplaced::report(self.misplaced(), (key, value), reference);
            }
        }
    }

    /// What is needed to tell of a misplaced reference.
    fn misplaced(&mut self) -> (&State, &mut Batch, u64) {
        (self.state, &mut self.batch, self.wall_ms)
    }

    fn into_step(self) -> Step {
        Step::Submit(self.batch.into_txn(self.wall_ms))
    }
}

/// An owner is gone: its dependents are looked at, one after the other.
pub(crate) fn abandoned(
    (state, definitions): (&State, &mut Definitions),
    (cluster, uid): (&ClusterId, &str),
    task: &mut Task,
    now: Now,
) -> Step {
    let mut bench = Bench { state, definitions, batch: task.batch(), wall_ms: now.wall_ms };
    walk(&mut bench, (cluster, uid), &mut task.walk, |bench, key| {
        bench.judge(key, Some(uid));
        false
    });
    match (bench.batch.is_empty(), task.walk.ended) {
        (false, _) => bench.into_step(),
        (true, false) => Step::Again,
        (true, true) => Step::Gone,
    }
}

/// One object with owners that has come or has been given other owners. Whether the kind of one of them is not known.
pub(crate) fn dependent(
    (state, definitions): (&State, &mut Definitions),
    key: &Key,
    task: &Task,
    now: Now,
) -> (Step, bool) {
    let mut bench = Bench { state, definitions, batch: task.batch(), wall_ms: now.wall_ms };
    let verdict = bench.judge(key, None);
    let step = if bench.batch.is_empty() { Step::Gone } else { bench.into_step() };
    (step, verdict == Verdict::Unresolved)
}

/// An owner that waits for the collector.
pub(crate) fn waiting((state, definitions): (&State, &mut Definitions), key: &Key, task: &mut Task, now: Now) -> Step {
    let Some(object) = state.get(key).filter(|object| object.awaits_collection()) else { return Step::Gone };
    let value = parse(&object.bytes());
    let (cluster, uid) = (key.cluster(), metadata::uid(&value).to_owned());
    let orphans = metadata::finalizers(&value).any(|finalizer| finalizer == FINALIZER_ORPHAN);
    let mut bench = Bench { state, definitions, batch: task.batch(), wall_ms: now.wall_ms };
    walk(&mut bench, (&cluster, &uid), &mut task.walk, |bench, dependent| {
        if orphans { bench.free(dependent, &uid) } else { bench.blocks(dependent, (key, &uid)) }
    });
    if !bench.batch.is_empty() {
        return bench.into_step();
    }
    if !task.walk.ended {
        return Step::Again;
    }
    if task.walk.blocking > 0 {
        return Step::Rest;
    }
    let finalizer = if orphans { FINALIZER_ORPHAN } else { FINALIZER_FOREGROUND };
    if release((key, object), value, finalizer, &mut bench.batch) { bench.into_step() } else { Step::Gone }
}

impl Bench<'_> {
    /// Lets a dependent stay without its owner. It blocks nothing then.
    fn free(&mut self, key: &Key, uid: &str) -> bool {
        if let Some(object) = self.state.get(key) {
            let left = without(object, |other| other == uid);
            self.batch.replace(key, object, draft(&left));
        }
        false
    }

    /// Decides about a dependent of an owner that waits; whether the owner goes on waiting for it.
    fn blocks(&mut self, key: &Key, (owner, uid): (&Key, &str)) -> bool {
        let Some(object) = self.state.get(key) else { return false };
        let value = parse(&object.bytes());
        let blocks = references(&value).iter().any(|reference| reference.uid == uid && reference.blocks);
        // One that is its own owner would wait for itself for ever.
        if key == owner {
            return false;
        }
        let verdict = self.judge(key, None);
        if !blocks || matches!(verdict, Verdict::Freed | Verdict::Goes) {
            return false;
        }
        if waits_in_foreground(object) && self.waits_for(key, owner) {
            let mut value = value;
            unblock(&mut value, |entry| entry["uid"] == uid);
            self.batch.replace(key, object, draft(&value));
            return false;
        }
        true
    }

    /// Whether an object waits for dependents which wait, one for the other, for the target. Two whose users have asked
    /// for the deletion of both would never go.
    fn waits_for(&self, from: &Key, target: &Key) -> bool {
        let cluster = from.cluster();
        let (mut next, mut seen) = (vec![from.clone()], BTreeSet::from([from.clone()]));
        while let Some(key) = next.pop() {
            let Some(uid) = self.state.get(&key).and_then(|object| object.uid()) else { continue };
            for dependent in self.state.dependents(&cluster, &uid, None) {
                let Some(object) = self.state.get(dependent).filter(|object| waits_in_foreground(object)) else {
                    continue;
                };
                let value = parse(&object.bytes());
                if !references(&value).iter().any(|reference| reference.uid == uid && reference.blocks) {
                    continue;
                }
                if dependent == target {
                    return true;
                }
                if seen.len() < CIRCLE_WAITING_MAX && seen.insert(dependent.clone()) {
                    next.push(dependent.clone());
                }
            }
        }
        false
    }
}

/// Lets an object keep these of its owners from nothing.
fn unblock(value: &mut Value, which: impl Fn(&Value) -> bool) {
    let list = value.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut);
    for entry in list.into_iter().flatten() {
        if entry["blockOwnerDeletion"] == true && which(entry) {
            entry["blockOwnerDeletion"] = false.into();
        }
    }
}

/// Looks at the next dependents, until the batch is full or the slice is long enough.
fn walk<'a>(
    bench: &mut Bench<'a>,
    (cluster, uid): (&ClusterId, &str),
    walk: &mut Walk,
    mut decide: impl FnMut(&mut Bench<'a>, &Key) -> bool,
) {
    if walk.ended {
        return;
    }
    let state = bench.state;
    for (number, key) in state.dependents(cluster, uid, walk.after.as_ref()).enumerate() {
        if number == SLICE_DEPENDENTS_MAX || bench.batch.is_full() {
            return;
        }
        walk.looked_at += 1;
        walk.blocking += u64::from(decide(bench, key));
        walk.after = Some(key.clone());
    }
    walk.ended = true;
}

#[cfg(test)]
mod collector_test;
