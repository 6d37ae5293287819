//! Histories written by hand, for the tests of checkers.

#![expect(clippy::too_many_arguments, reason = "histories of tests are tables: one line an operation")]

use serde_json::Value;

use crate::history::{Kind, Op, Process};

/// A history in the making.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) ops: Vec<Op>,
}

impl History {
    pub(crate) fn push(&mut self, process: u64, time_ns: u64, kind: Kind, f: &str) -> &mut Op {
        let op = Op {
            index: self.ops.len() as u64,
            process: Process::Client(process),
            time_ns,
            kind,
            f: f.to_owned(),
            cluster: Some("c-eu".to_owned()),
            key: None,
            value: Value::Null,
            daemon: Some("eu-1".to_owned()),
            revision: None,
            error: None,
        };
        self.ops.push(op);
        self.ops.last_mut().expect("one was pushed just now")
    }

    pub(crate) fn begin(&mut self, process: u64, time_ns: u64, f: &str, key: &str, value: Value) -> &mut Op {
        let op = self.push(process, time_ns, Kind::Invoke, f);
        op.key = Some(key.to_owned()).filter(|key| !key.is_empty());
        op.value = value;
        op
    }

    fn end(&mut self, process: u64, time_ns: u64, kind: Kind) -> &mut Op {
        let invoke = self.ops.iter().rev().find(|op| op.process == Process::Client(process)).cloned();
        let invoke = invoke.expect("the process has begun an operation");
        let op = self.push(process, time_ns, kind, &invoke.f);
        (op.key, op.value, op.cluster, op.daemon) = (invoke.key, invoke.value, invoke.cluster, invoke.daemon);
        op
    }

    pub(crate) fn ok(&mut self, process: u64, time_ns: u64, value: Value, revision: impl Into<Option<u64>>) {
        let op = self.end(process, time_ns, Kind::Ok);
        (op.value, op.revision) = (value, revision.into());
    }

    pub(crate) fn fail(&mut self, process: u64, time_ns: u64, error: &str) {
        self.end(process, time_ns, Kind::Fail).error = Some(error.to_owned());
    }

    pub(crate) fn info(&mut self, process: u64, time_ns: u64, error: &str) {
        self.end(process, time_ns, Kind::Info).error = Some(error.to_owned());
    }

    /// One whole operation of a process.
    pub(crate) fn whole(&mut self, f: &str, key: &str, (from, to): (u64, u64), seen: Value, revision: u64) {
        let process = self.ops.len() as u64 + 100;
        let written = if f.starts_with("read") || f == "list" { Value::Null } else { seen.clone() };
        self.begin(process, from, f, key, written);
        self.ok(process, to, seen, Some(revision).filter(|revision| *revision > 0));
    }

    /// The records in the order of their times, as a recorder would have them.
    pub(crate) fn sorted(mut self) -> Vec<Op> {
        self.ops.sort_by_key(|op| op.time_ns);
        for (index, op) in self.ops.iter_mut().enumerate() {
            op.index = index as u64;
        }
        self.ops
    }
}
