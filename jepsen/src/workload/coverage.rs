//! Whether a run did enough to have shown anything: else it is unproven, however right it looks.

use std::collections::BTreeMap;

use crate::check::pair::operations;
use crate::history::Op;
use crate::verdict::{Check, Status};

/// The check's name.
const NAME: &str = "coverage";

/// What a run must have done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floors {
    /// Good answers in a second, over the whole run.
    pub(crate) ok_per_second: f64,
    /// Good answers to each operation.
    pub(crate) of_each: &'static [(&'static str, u64)],
    /// Operations that the server refused for what the object was: without them nobody competed.
    pub(crate) refused_min: u64,
}

/// Checks the floors. Every daemon that was asked must have answered something, too.
pub(crate) fn check(history: &[Op], floors: &Floors) -> Check {
    let (mut ok, mut refused) = (0_u64, 0_u64);
    let mut of_each: BTreeMap<&str, u64> = BTreeMap::new();
    let mut daemons: BTreeMap<&str, u64> = BTreeMap::new();
    for operation in operations(history) {
        let answered = operation.is_ok();
        ok += u64::from(answered);
        refused += u64::from(operation.refusal().is_some());
        *of_each.entry(&operation.invoke.f).or_default() += u64::from(answered);
        if let Some(daemon) = operation.invoke.daemon.as_deref() {
            *daemons.entry(daemon).or_default() += u64::from(answered);
        }
    }
    let ends = history.first().zip(history.last());
    let seconds = ends.map_or(0.0, |(first, last)| seconds(last.time_ns.saturating_sub(first.time_ns)));
    let mut lacks = Vec::new();
    if f64::from(u32::try_from(ok).unwrap_or(u32::MAX)) < floors.ok_per_second * seconds || ok == 0 {
        lacks.push(format!("{ok} good answers in {seconds:.0} s are fewer than {} a second", floors.ok_per_second));
    }
    for (f, least) in floors.of_each {
        let own = of_each.get(f).copied().unwrap_or(0);
        if own < *least {
            lacks.push(format!("{own} good answers to {f:?}, fewer than {least}"));
        }
    }
    if refused < floors.refused_min {
        lacks.push(format!("{refused} refusals, fewer than {}", floors.refused_min));
    }
    lacks.extend(
        daemons.iter().filter(|(_, answers)| **answers == 0).map(|(daemon, _)| format!("{daemon} never answered")),
    );
    if lacks.is_empty() {
        let summary = format!("{ok} good answers, {refused} refusals, from {} daemons", daemons.len());
        return Check::new(NAME, Status::Ok, summary);
    }
    Check::new(NAME, Status::Unproven, lacks.join("; "))
}

fn seconds(nanoseconds: u64) -> f64 {
    std::time::Duration::from_nanos(nanoseconds).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Floors, check};
    use crate::check::sample::History;
    use crate::verdict::Status;

    const FLOORS: Floors = Floors { ok_per_second: 2.0, of_each: &[("read", 2), ("create", 1)], refused_min: 1 };
    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_run_that_did_little_is_unproven() {
        let mut history = History::default();
        history.whole("create", "k", (0, 10), json!(1), 5);
        history.whole("read", "k", (20, 30), json!(1), 5);
        history.whole("read", "k", (40, 50), json!(1), 5);
        history.begin(9, 60, "create", "k", json!(2));
        history.fail(9, 70, "409 AlreadyExists: it is there");
        let enough = check(&history.clone().sorted(), &FLOORS);
        assert_eq!(enough.status, Status::Ok, "{}", enough.summary);

        let mut slow = history.clone();
        slow.whole("read", "k", (60 * SECOND, 61 * SECOND), json!(1), 5);
        let mut silent = history.clone();
        silent.begin(10, 80, "read", "k", json!(null)).daemon = Some("us-1".to_owned());
        silent.fail(10, 90, "not sent: refused");
        let mut alone = History::default();
        alone.whole("create", "k", (0, 10), json!(1), 5);
        for (history, words) in [
            (slow, "fewer than 2 a second"),
            (silent, "us-1 never answered"),
            (alone, "0 refusals"),
            (History::default(), "0 good answers"),
        ] {
            let check = check(&history.sorted(), &FLOORS);
            assert_eq!(check.status, Status::Unproven);
            assert!(check.summary.contains(words), "{}", check.summary);
        }
    }
}
