//! What happened, in the order in which the harness saw it.
//!
//! An operation is a pair of records of one process: `invoke`, then `ok`, `fail` or `info`. `fail` says that it certainly had
//! no effect, `info` that nobody knows: it may take effect at any later time, or never. A fault is a pair of records of the
//! nemesis. A process whose operation ended with `info` never comes back under its number, as in Jepsen: the next operation
//! of the same loop has a new one.

pub mod file;

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Op {
    /// Place in the history, from 0.
    pub index: u64,
    /// Who.
    pub process: Process,
    /// Monotonic nanoseconds since the run began.
    pub time_ns: u64,
    /// Which half of an operation.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What is done: `create`, `read`, `update`, `partition`, ... The workload's or the nemesis' word.
    pub f: String,
    /// The logical cluster, by path or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The object in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is written (in `invoke`) or what was seen (in `ok`); the workload's form.
    #[serde(default)]
    pub value: Value,
    /// The daemon asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon: Option<String>,
    /// In `invoke` the `resourceVersion` that the request names as its precondition, in `ok` the one in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Why, for `fail` and `info`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The first half of an operation, or the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It begins.
    Invoke,
    /// It took effect between its `invoke` and now.
    Ok,
    /// It had no effect and never will.
    Fail,
    /// Nobody knows.
    Info,
}

/// Who does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Process {
    /// A client, by number.
    Client(u64),
    /// The one who breaks things.
    Nemesis(Nemesis),
}

/// Written as the word `nemesis`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nemesis {
    /// The only one.
    Nemesis,
}

impl Process {
    /// The nemesis.
    pub const NEMESIS: Self = Self::Nemesis(Nemesis::Nemesis);
}

/// What an operation is, before it has a place and a time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Call {
    /// See [`Op::f`].
    pub f: &'static str,
    /// See [`Op::cluster`].
    pub cluster: Option<String>,
    /// See [`Op::key`].
    pub key: Option<String>,
    /// See [`Op::value`].
    pub value: Value,
    /// See [`Op::daemon`].
    pub daemon: Option<String>,
    /// See [`Op::revision`].
    pub revision: Option<u64>,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It took effect; what was seen, and the revision in the answer.
    Ok {
        /// See [`Op::value`].
        value: Value,
        /// See [`Op::revision`].
        revision: Option<u64>,
    },
    /// It had no effect.
    Fail {
        /// Why.
        error: String,
    },
    /// Nobody knows.
    Info {
        /// Why.
        error: String,
    },
}

/// Takes records from many tasks and gives each its place and time.
#[derive(Debug)]
pub struct Recorder {
    begin: Instant,
    /// Processes that run side by side: numbers of one loop differ by it.
    concurrency: u64,
    ops: Mutex<Vec<Op>>,
}

/// One loop of operations, which has one number until an outcome is unknown.
#[derive(Debug)]
pub struct Session {
    process: Process,
}

impl Recorder {
    /// An empty history that begins now.
    #[must_use]
    pub fn new(concurrency: u64) -> Self {
        Self { begin: Instant::now(), concurrency: concurrency.max(1), ops: Mutex::default() }
    }

    /// A loop's first number is its place among the loops.
    ///
    /// # Panics
    /// The place is not below the concurrency that the recorder was made for.
    #[must_use]
    pub fn session(&self, place: u64) -> Session {
        assert!(place < self.concurrency, "loop {place} of {}", self.concurrency);
        Session { process: Process::Client(place) }
    }

    /// Records that an operation begins. Call [`Recorder::end`] with its outcome, whatever happens.
    pub fn begin(&self, session: &Session, call: &Call) {
        let op = Op::new(session.process, Kind::Invoke, call);
        self.push(op);
    }

    /// Records how the session's operation ended.
    pub fn end(&self, session: &mut Session, call: &Call, outcome: Outcome) {
        let mut op = Op::new(session.process, Kind::Ok, call);
        match outcome {
            Outcome::Ok { value, revision } => (op.value, op.revision) = (value, revision),
            Outcome::Fail { error } => (op.kind, op.error) = (Kind::Fail, Some(error)),
            Outcome::Info { error } => (op.kind, op.error) = (Kind::Info, Some(error)),
        }
        if let (Kind::Info, Process::Client(number)) = (op.kind, session.process) {
            session.process = Process::Client(number + self.concurrency);
        }
        self.push(op);
    }

    /// Records what the nemesis begins (`Invoke`) or has done (`Info`, as in Jepsen; `Fail` where it could not).
    pub fn nemesis(&self, kind: Kind, f: &str, value: Value) {
        let mut op = Op::new(Process::NEMESIS, kind, &Call { value, ..Call::default() });
        f.clone_into(&mut op.f);
        self.push(op);
    }

    /// Nanoseconds since the run began.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Everything so far.
    #[must_use]
    pub fn history(&self) -> Vec<Op> {
        self.ops.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, mut op: Op) {
        let mut ops = self.ops.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that times never go back from one index to the next.
        op.time_ns = self.now_ns();
        op.index = ops.len() as u64;
        ops.push(op);
    }
}

impl Op {
    fn new(process: Process, kind: Kind, call: &Call) -> Self {
        let Call { f, cluster, key, value, daemon, revision } = call.clone();
        Self {
            index: 0,
            process,
            time_ns: 0,
            kind,
            f: f.to_owned(),
            cluster,
            key,
            value,
            daemon,
            revision,
            error: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Call, Kind, Op, Outcome, Process, Recorder};

    #[test]
    fn a_loop_gets_a_new_number_when_an_outcome_is_unknown() {
        let recorder = Recorder::new(4);
        let mut session = recorder.session(2);
        let call = Call { f: "create", value: json!(1), ..Call::default() };
        for outcome in
            [Outcome::Info { error: "timeout".to_owned() }, Outcome::Ok { value: json!(1), revision: Some(9) }]
        {
            recorder.begin(&session, &call);
            recorder.end(&mut session, &call, outcome);
        }
        let history = recorder.history();
        let processes: Vec<Process> = history.iter().map(|op| op.process).collect();
        let (old, new) = (Process::Client(2), Process::Client(6));
        assert_eq!(processes, [old, old, new, new]);
        assert_eq!(history.iter().map(|op| op.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!(history.is_sorted_by_key(|op| op.time_ns));
    }

    #[test]
    fn a_record_is_one_line_of_json() {
        let recorder = Recorder::new(1);
        recorder.nemesis(Kind::Info, "kill", json!(["eu-1"]));
        let history = recorder.history();
        let line = serde_json::to_string(&history[0]).unwrap();
        assert!(line.contains(r#""process":"nemesis""#) && line.contains(r#""type":"info""#), "{line}");
        assert_eq!(serde_json::from_str::<Op>(&line).unwrap(), history[0]);
    }
}
