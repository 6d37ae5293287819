//! Operations: the two records of each put together.

use std::collections::HashMap;

use crate::history::{Kind, Op, Process};

/// An operation of a client.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    /// Its beginning.
    pub invoke: &'a Op,
    /// Its end; `None` when the history ends first, which is an unknown outcome.
    pub end: Option<&'a Op>,
}

/// A definite answer of the server about the state that it saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// 409: the name is taken.
    Exists,
    /// 409: the object is not the one that the precondition names.
    Conflict,
    /// 404: there is no such object.
    Missing,
}

/// What the text of an error begins with, where the error is a statement about the object. The workloads write it so.
pub const REFUSALS: [(&str, Refusal); 3] =
    [("409 AlreadyExists", Refusal::Exists), ("409 Conflict", Refusal::Conflict), ("404 NotFound", Refusal::Missing)];

impl<'a> Operation<'a> {
    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Kind {
        self.end.map_or(Kind::Info, |end| end.kind)
    }

    /// Whether it certainly had its effect.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.outcome() == Kind::Ok
    }

    /// Whether nobody knows if it had an effect.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.outcome() == Kind::Info
    }

    /// When its effect cannot come any more: the time of its end, unless the outcome is unknown.
    #[must_use]
    pub fn returned_ns(&self) -> Option<u64> {
        self.end.filter(|end| end.kind != Kind::Info).map(|end| end.time_ns)
    }

    /// What the server said of the object when it refused.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let error = self.end.filter(|end| end.kind == Kind::Fail)?.error.as_deref()?;
        REFUSALS.iter().find(|(text, _)| error.starts_with(text)).map(|(_, refusal)| *refusal)
    }

    /// The record that says most: the end, or the beginning.
    #[must_use]
    pub fn last(&self) -> &'a Op {
        self.end.unwrap_or(self.invoke)
    }

    /// Both records, for evidence.
    #[must_use]
    pub fn records(&self) -> Vec<Op> {
        let mut records = vec![self.invoke.clone()];
        records.extend(self.end.cloned());
        records
    }

    /// The revision of the answer of a success.
    #[must_use]
    pub fn revision(&self) -> Option<u64> {
        self.end.filter(|end| end.kind == Kind::Ok)?.revision
    }
}

/// The operations of all clients, in the order in which they began.
#[must_use]
pub fn operations(history: &[Op]) -> Vec<Operation<'_>> {
    let mut open: HashMap<Process, usize> = HashMap::new();
    let mut operations: Vec<Operation<'_>> = Vec::new();
    for op in history.iter().filter(|op| op.process != Process::NEMESIS) {
        if op.kind == Kind::Invoke {
            // A process that begins anew without an end has left the outcome unknown.
            open.insert(op.process, operations.len());
            operations.push(Operation { invoke: op, end: None });
        } else if let Some(place) = open.remove(&op.process) {
            operations[place].end = Some(op);
        }
    }
    operations
}

/// The records of some operations, in the order of the history, each once.
#[must_use]
pub fn evidence<'a>(operations: impl IntoIterator<Item = Operation<'a>>) -> Vec<Op> {
    let mut records: Vec<Op> = operations.into_iter().flat_map(|operation| operation.records()).collect();
    records.sort_by_key(|op| op.index);
    records.dedup_by_key(|op| op.index);
    records
}

#[cfg(test)]
mod tests {
    use super::{Refusal, operations};
    use crate::check::sample::History;
    use crate::history::Kind;

    #[test]
    fn records_become_operations() {
        let mut history = History::default();
        history.begin(1, 10, "create", "k", 7.into());
        history.begin(2, 20, "read", "k", ().into());
        history.fail(1, 30, "409 AlreadyExists: configmaps \"k\" already exists");
        history.begin(3, 40, "delete", "k", ().into());
        history.info(3, 50, "no answer");
        let operations = operations(&history.ops);
        assert_eq!(operations.len(), 3);
        assert_eq!(operations[0].refusal(), Some(Refusal::Exists));
        assert_eq!(operations[0].returned_ns(), Some(30));
        assert_eq!((operations[1].outcome(), operations[1].returned_ns()), (Kind::Info, None));
        assert!(operations[2].is_unknown() && operations[2].returned_ns().is_none());
    }
}
