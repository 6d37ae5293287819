//! Availability: how long, at worst, nobody got a good answer although somebody was asking.
//!
//! A gap lies between two good answers of one logical cluster. It begins when somebody is waiting, so that a time in which
//! nobody asks counts for nothing. The gap of a fault is the longest that touches the time in which the fault was there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::pair::{Operation, operations};
use crate::history::{Kind, Op, Process};

/// A fault and when it was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The nemesis' word.
    pub fault: String,
    /// What it did, in its own form.
    pub detail: String,
    /// When it was begun.
    pub begin_ns: u64,
    /// When it was undone, or the history's end.
    pub end_ns: u64,
}

/// A time without a good answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gap {
    /// When somebody began to wait.
    pub begin_ns: u64,
    /// When somebody got a good answer again.
    pub end_ns: u64,
}

/// Gaps of several faults of a kind, in order of length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps(Vec<Duration>);

/// What a run says of availability.
#[derive(Debug, Clone, Default)]
pub struct Availability {
    /// The longest without a good answer to a write.
    pub write: Option<Gap>,
    /// The longest without a good answer to a read.
    pub read: Option<Gap>,
    /// For each kind of fault, the write gap of each time that it was there.
    pub by_fault: BTreeMap<String, Gaps>,
}

/// Words of operations that change something.
const WRITES: [&str; 4] = ["create", "update", "delete", "move"];
/// Words of operations that take whatever is at hand, or wait for long: no measure of a service.
const LOOSE: [&str; 4] = ["watch", "tree", "resolve", "converge"];
impl Gap {
    /// How long it was.
    #[must_use]
    pub fn length(&self) -> Duration {
        Duration::from_nanos(self.end_ns.saturating_sub(self.begin_ns))
    }
}

impl Gaps {
    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The shortest that is not below so many percent of them.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let place = (self.0.len() * percent).div_ceil(100).max(1) - 1;
        self.0.get(place).copied()
    }

    /// The longest.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        self.0.last().copied()
    }

    /// Adds one.
    pub fn add(&mut self, length: Duration) {
        let place = self.0.partition_point(|own| *own <= length);
        self.0.insert(place, length);
    }
}

/// The faults of a history, in the order in which they were begun.
///
/// A nemesis of the name `kill` records `invoke` and `info` of `start-kill`, with what it did, and of `stop-kill` when that is
/// undone; `fail` when it did nothing. `heal` undoes everything.
#[must_use]
pub fn windows(history: &[Op]) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    let mut begun: BTreeMap<&str, u64> = BTreeMap::new();
    for op in history.iter().filter(|op| op.process == Process::NEMESIS) {
        if let Some(fault) = op.f.strip_prefix("start-") {
            match op.kind {
                Kind::Invoke => drop(begun.insert(fault, op.time_ns)),
                Kind::Fail => drop(begun.remove(fault)),
                Kind::Info | Kind::Ok => {
                    let begin_ns = begun.remove(fault).unwrap_or(op.time_ns);
                    open.insert(fault, windows.len());
                    windows.push(Window { fault: fault.to_owned(), detail: detail(op), begin_ns, end_ns: u64::MAX });
                }
            }
        } else if op.kind != Kind::Invoke {
            let undone = op.f.strip_prefix("stop-");
            let is_undone = |fault: &str| undone == Some(fault) || op.f == "heal";
            open.retain(|fault, place| {
                if is_undone(fault) {
                    windows[*place].end_ns = op.time_ns;
                }
                !is_undone(fault)
            });
        }
    }
    let end = history.last().map_or(0, |op| op.time_ns);
    for window in &mut windows {
        window.end_ns = window.end_ns.min(end);
    }
    windows
}

/// What was done, and to whom.
fn detail(op: &Op) -> String {
    let targets: Vec<&str> = op.value["targets"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let leader = if op.value["leader"] == true { ", a leader" } else { "" };
    match op.value["fault"].as_str() {
        Some(fault) => format!("{fault}: {}{leader}", targets.join(", ")),
        None if op.value.is_null() => String::new(),
        None => op.value.to_string(),
    }
}

/// Measures a history.
#[must_use]
pub fn availability(history: &[Op]) -> Availability {
    let operations = operations(history);
    let strict = |operation: &&Operation<'_>| !LOOSE.contains(&operation.invoke.f.as_str());
    let (writes, reads): (Vec<Operation<'_>>, Vec<Operation<'_>>) =
        operations.iter().filter(strict).copied().partition(|operation| WRITES.contains(&operation.invoke.f.as_str()));
    let (writes, reads) = (gaps(&writes), gaps(&reads));
    let longest = |gaps: &[Gap]| gaps.iter().max_by_key(|gap| gap.length()).copied();
    let mut by_fault: BTreeMap<String, Gaps> = BTreeMap::new();
    for window in windows(history) {
        let touching = writes.iter().filter(|gap| gap.begin_ns <= window.end_ns && gap.end_ns >= window.begin_ns);
        let own = touching.map(Gap::length).max().unwrap_or_default();
        by_fault.entry(window.fault).or_default().add(own);
    }
    Availability { write: longest(&writes), read: longest(&reads), by_fault }
}

/// The gaps between good answers, logical cluster by logical cluster.
fn gaps(operations: &[Operation<'_>]) -> Vec<Gap> {
    let mut clusters: BTreeMap<&str, Vec<&Operation<'_>>> = BTreeMap::new();
    for operation in operations {
        clusters.entry(operation.invoke.cluster.as_deref().unwrap_or_default()).or_default().push(operation);
    }
    let mut gaps = Vec::new();
    for mut operations in clusters.into_values() {
        operations.sort_by_key(|operation| operation.last().time_ns);
        let mut answered_ns: Option<u64> = None;
        // The first beginning among the operations that have ended since.
        let mut waiting_ns = u64::MAX;
        for operation in operations {
            waiting_ns = waiting_ns.min(operation.invoke.time_ns);
            if operation.is_ok() {
                let end_ns = operation.last().time_ns;
                let begin_ns = answered_ns.map_or(waiting_ns, |answered_ns| answered_ns.max(waiting_ns));
                gaps.push(Gap { begin_ns, end_ns });
                (answered_ns, waiting_ns) = (Some(end_ns), u64::MAX);
            }
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{Gap, availability, windows};
    use crate::check::sample::History;
    use crate::history::{Kind, Process};

    fn nemesis(history: &mut History, at: u64, kind: Kind, f: &str) {
        history.push(0, at, kind, f).process = Process::NEMESIS;
    }

    fn history() -> History {
        let mut history = History::default();
        history.whole("create", "k", (0, 10), json!(1), 5);
        nemesis(&mut history, 20, Kind::Invoke, "start-kill");
        nemesis(&mut history, 25, Kind::Info, "start-kill");
        history.begin(1, 30, "update", "k", json!(2));
        history.fail(1, 40, "503 ServiceUnavailable");
        history.whole("read", "k", (50, 60), json!(1), 5);
        history.whole("update", "k", (90, 130), json!(3), 6);
        nemesis(&mut history, 140, Kind::Info, "stop-kill");
        // Nobody asks for a long time.
        history.whole("update", "k", (5_000, 5_010), json!(4), 7);
        history
    }

    #[test]
    fn a_gap_is_a_time_in_which_somebody_waits() {
        let availability = availability(&history().sorted());
        assert_eq!(availability.write, Some(Gap { begin_ns: 30, end_ns: 130 }));
        assert_eq!(availability.read, Some(Gap { begin_ns: 50, end_ns: 60 }));
        let kill = &availability.by_fault["kill"];
        assert_eq!((kill.count(), kill.percentile(50), kill.max()), (1, kill.max(), Some(Duration::from_nanos(100))));
    }

    #[test]
    fn faults_are_there_from_their_beginning_until_they_are_undone() {
        let mut history = history();
        nemesis(&mut history, 200, Kind::Info, "start-partition");
        nemesis(&mut history, 210, Kind::Info, "start-pause");
        nemesis(&mut history, 215, Kind::Invoke, "start-disk");
        nemesis(&mut history, 216, Kind::Fail, "start-disk");
        nemesis(&mut history, 220, Kind::Info, "stop-pause");
        nemesis(&mut history, 230, Kind::Info, "stop-partition");
        nemesis(&mut history, 240, Kind::Info, "start-slow");
        nemesis(&mut history, 250, Kind::Info, "heal");
        let windows: Vec<(String, u64, u64)> = windows(&history.sorted())
            .into_iter()
            .map(|window| (window.fault, window.begin_ns, window.end_ns))
            .collect();
        let expected = [("kill", 20, 140), ("partition", 200, 230), ("pause", 210, 220), ("slow", 240, 250)];
        assert_eq!(windows, expected.map(|(fault, begin, end)| (fault.to_owned(), begin, end)));
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut gaps = super::Gaps::default();
        assert_eq!(gaps.percentile(50), None);
        for length in (1..=50).rev() {
            gaps.add(Duration::from_millis(length));
        }
        let percentile = |percent| gaps.percentile(percent).map(|length| length.as_millis());
        assert_eq!((percentile(50), percentile(99), percentile(100)), (Some(25), Some(50), Some(50)));
    }
}
