//! Every object, for itself, is linearizable. Linearizability is local (Herlihy and Wing 1990): a history is linearizable when
//! its part on each object is, so each object is searched alone.
//!
//! Reads: `read` (value, or null for 404; its revision) and `list` (`{key: [value, revision]}`). Writes: `create`, `update` and
//! `delete`, with the precondition in the revision of the `invoke`. Values are written once in a history, so a value that was
//! seen tells the revision of its write, whatever became of that. What those see who take whatever is at hand (`read-any`,
//! `list-any`) may be old, and says nothing of the order; but it does tell revisions.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::linear::{Budget, Call, Search, search};
use super::object::{Action, Cell, Ending, Object, ValueId, Verb};
use super::pair::{Operation, evidence, operations};
use super::shrink;
use crate::history::{Kind, Op};
use crate::verdict::{Check, Status};

/// The checker's name.
pub const NAME: &str = "linearizable";

/// A call on one object, and the operation behind it.
pub(crate) type Step<'a> = (Operation<'a>, Call<Action>);

/// The part of a history that is about one object.
#[derive(Debug, Default)]
pub(crate) struct Part<'a> {
    pub(crate) steps: Vec<Step<'a>>,
}

/// A rule that is broken, with the operations that show it.
#[derive(Debug)]
pub(crate) struct Violation<'a> {
    pub(crate) what: String,
    pub(crate) operations: Vec<Operation<'a>>,
}

/// Checks every object of a history.
#[must_use]
pub fn check(history: &[Op], budget: Budget) -> Check {
    let operations = operations(history);
    let (mut steps, mut unknown, mut violations) = (0, Vec::new(), Vec::new());
    let parts = parts(&operations);
    let objects = parts.len();
    for (name, part) in parts {
        match part {
            Err(violation) => violations.push((name, violation)),
            Ok(part) => {
                steps += part.steps.len();
                match searched(&part, budget) {
                    Search::Linearizable(_) => {}
                    Search::Unknown(why) => unknown.push(format!("{name}: {why}")),
                    Search::Violation { stuck, .. } => violations.push((name, shrink::smallest(&part, stuck))),
                }
            }
        }
    }
    if let Some((name, violation)) = violations.first() {
        return Check {
            name: NAME.to_owned(),
            status: Status::Failed,
            summary: format!("{} of {objects} objects are wrong; {name}: {}", violations.len(), violation.what),
            evidence: evidence(violation.operations.iter().copied()),
        };
    }
    if let Some(first) = unknown.first() {
        let summary = format!("{} of {objects} objects could not be decided; {first}", unknown.len());
        return Check::new(NAME, Status::Unproven, summary);
    }
    Check::new(NAME, Status::Ok, format!("{objects} objects, {steps} operations in an order that explains them"))
}

pub(crate) fn searched(part: &Part<'_>, budget: Budget) -> Search {
    let calls: Vec<Call<Action>> = part.steps.iter().map(|(_, call)| call.clone()).collect();
    search(&Object { begin: Cell::Absent }, &calls, budget)
}

/// What an operation has seen or done of one object: value and revision.
pub(crate) type Seen<'a> = Option<(&'a Value, u64)>;

/// Everything that a history says of one object.
#[derive(Default)]
struct Gathered<'a> {
    reads: Vec<(Operation<'a>, Seen<'a>)>,
    /// What was seen that may have been old.
    glimpses: Vec<(Operation<'a>, Seen<'a>)>,
    writes: Vec<Operation<'a>>,
}

/// Cluster and key, as a name.
pub(crate) fn object_name(op: &Op) -> Option<String> {
    Some(format!("{}/{}", op.cluster.as_deref().unwrap_or_default(), op.key.as_deref()?))
}

/// The history cut into objects.
pub(crate) fn parts<'a>(operations: &[Operation<'a>]) -> BTreeMap<String, Result<Part<'a>, Violation<'a>>> {
    let mut objects: BTreeMap<String, Gathered<'a>> = BTreeMap::new();
    for operation in operations {
        if let Some(name) = object_name(operation.invoke) {
            let object = objects.entry(name).or_default();
            match operation.invoke.f.as_str() {
                "create" | "update" | "delete" => object.writes.push(*operation),
                "read" if operation.is_ok() => object.reads.push((*operation, seen_by_read(operation))),
                "read-any" if operation.is_ok() => object.glimpses.push((*operation, seen_by_read(operation))),
                _ => {}
            }
        }
    }
    let lists =
        |operation: &&Operation<'a>| matches!(operation.invoke.f.as_str(), "list" | "list-any") && operation.is_ok();
    for operation in operations.iter().filter(lists) {
        let cluster = operation.invoke.cluster.as_deref().unwrap_or_default();
        let prefix = format!("{cluster}/");
        for (name, object) in objects.iter_mut().filter(|(name, _)| name.starts_with(&prefix)) {
            let sights = if operation.invoke.f == "list" { &mut object.reads } else { &mut object.glimpses };
            sights.push((*operation, seen_by_list(operation, &name[prefix.len()..])));
        }
    }
    objects.into_iter().map(|(name, object)| (name, object.part())).collect()
}

fn seen_by_read<'a>(operation: &Operation<'a>) -> Seen<'a> {
    let end = operation.end.filter(|end| !end.value.is_null())?;
    Some((&end.value, end.revision.unwrap_or(0)))
}

/// What a list shows of a key: `[value, revision]`.
pub(crate) fn seen_by_list<'a>(operation: &Operation<'a>, key: &str) -> Seen<'a> {
    let item = operation.end?.value.get(key)?;
    Some((item.get(0)?, item.get(1)?.as_u64()?))
}

impl<'a> Gathered<'a> {
    fn part(self) -> Result<Part<'a>, Violation<'a>> {
        let mut values: HashMap<&'a Value, ValueId> = HashMap::new();
        for write in self.writes.iter().filter(|write| write.invoke.f != "delete") {
            let next = ValueId::try_from(values.len()).unwrap_or(ValueId::MAX);
            values.entry(&write.invoke.value).or_insert(next);
        }
        let revisions = self.revisions(&values)?;
        let mut steps: Vec<Step<'a>> = Vec::new();
        for (operation, seen) in &self.reads {
            let seen = seen.and_then(|(value, revision)| Some((*values.get(value)?, revision)));
            steps.push((*operation, call(operation, Action::Read(seen))));
        }
        for operation in &self.writes {
            let value = values.get(&operation.invoke.value).copied().unwrap_or_default();
            let verb = match operation.invoke.f.as_str() {
                "create" => Verb::Create(value),
                "update" => Verb::Update(value),
                _ => Verb::Delete,
            };
            let known = if verb == Verb::Delete { None } else { revisions.get(&value).map(|(revision, _)| *revision) };
            if let Some(ending) = ending(operation, known) {
                steps.push((*operation, call(operation, Action::Write(verb, operation.invoke.revision, ending))));
            }
        }
        steps.sort_by_key(|(operation, _)| operation.invoke.index);
        Ok(Part { steps })
    }

    /// The revision of each value, as answers tell it.
    ///
    /// # Errors
    /// A value was seen that nobody wrote, or whose write failed, or one under two revisions.
    fn revisions(
        &self,
        values: &HashMap<&'a Value, ValueId>,
    ) -> Result<HashMap<ValueId, (u64, Operation<'a>)>, Violation<'a>> {
        let sights = self.reads.iter().chain(&self.glimpses);
        let of_reads = sights.filter_map(|(operation, seen)| seen.map(|seen| (*operation, seen)));
        let of_writes = self.writes.iter().filter(|write| write.invoke.f != "delete").filter_map(|write| {
            let revision = write.revision()?;
            Some((*write, (&write.invoke.value, revision)))
        });
        let mut revisions: HashMap<ValueId, (u64, Operation<'a>)> = HashMap::new();
        for (operation, (value, revision)) in of_writes.chain(of_reads) {
            let Some(id) = values.get(value) else {
                let what = format!("{value} was read, and nobody has written it");
                return Err(Violation { what, operations: vec![operation] });
            };
            let (known, first) = *revisions.entry(*id).or_insert((revision, operation));
            if known != revision {
                let what = format!("{value} was seen under two revisions, {known} and {revision}");
                return Err(Violation { what, operations: vec![first, operation] });
            }
        }
        let failed = self.writes.iter().filter(|write| write.outcome() == Kind::Fail && write.invoke.f != "delete");
        for write in failed {
            if let Some((_, reader)) = values.get(&write.invoke.value).and_then(|id| revisions.get(id)) {
                let what = format!("the write of {} failed, and it was seen all the same", write.invoke.value);
                return Err(Violation { what, operations: vec![*write, *reader] });
            }
        }
        Ok(revisions)
    }
}

fn call(operation: &Operation<'_>, action: Action) -> Call<Action> {
    Call { invoked_ns: operation.invoke.time_ns, returned_ns: operation.returned_ns(), action }
}

/// How a write ended; `None` when it certainly did nothing, and saw nothing.
fn ending(operation: &Operation<'_>, known: Option<u64>) -> Option<Ending> {
    if operation.is_ok() {
        return Some(Ending::Done(operation.revision().or(known)));
    }
    if operation.is_unknown() {
        return Some(Ending::Unknown(known));
    }
    operation.refusal().map(Ending::Refused)
}
