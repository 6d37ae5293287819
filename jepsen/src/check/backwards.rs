//! Time does not travel: what one client sees of an object never gets older, nor what one daemon serves, not even to those who
//! take whatever is at hand (`read-any`, `list-any`: `resourceVersion=0`, or "not older than"). G5 of the reliability page.
//!
//! What a write is answered with comes from the leader; the daemon that passed it on may not have applied it yet, and promises it
//! to nobody but the client. So writes count as sights of clients only.
//!
//! A daemon that was started again begins anew: what it may serve then is what it has read back from its disk. A daemon of another
//! region than the logical cluster's passes requests on to any daemon there: of what it serves so only clients' sights count.

use std::collections::HashMap;

use serde_json::Value;

use super::pair::{Operation, evidence, operations};
use crate::history::{Op, Process};
use crate::verdict::{Check, Status};

/// The checker's name.
pub const NAME: &str = "backwards";

/// Faults that end no process: after all others the floors of daemons are forgotten.
const HARMLESS: [&str; 6] = ["partition", "slow", "loss", "pause", "stall", "heal"];

/// Whose sight it is: a client or a daemon, of an object or (with an empty key) of the whole logical cluster.
type Sight<'a> = (String, &'a str, String);

/// The newest that was seen, and by which operation.
type Floors<'a> = HashMap<Sight<'a>, (u64, Operation<'a>)>;

/// Checks clients and daemons.
#[must_use]
pub fn check(history: &[Op]) -> Check {
    let operations = operations(history);
    let restarts: Vec<u64> = history
        .iter()
        .filter(|op| op.process == Process::NEMESIS && !HARMLESS.contains(&fault(op)))
        .map(|op| op.time_ns)
        .collect();
    match walk(&operations, &restarts) {
        Ok(seen) => Check::new(NAME, Status::Ok, format!("{seen} answers, none older than an earlier one")),
        Err((what, evident)) => Check {
            name: NAME.to_owned(),
            status: Status::Failed,
            summary: what,
            evidence: evidence(evident.iter().copied()),
        },
    }
}

fn fault(op: &Op) -> &str {
    op.f.strip_prefix("start-").or_else(|| op.f.strip_prefix("stop-")).unwrap_or(&op.f)
}

fn walk<'a>(operations: &[Operation<'a>], restarts: &[u64]) -> Result<u64, (String, Vec<Operation<'a>>)> {
    let mut events: Vec<(u64, bool, usize)> = Vec::new();
    for (place, operation) in operations.iter().enumerate().filter(|(_, operation)| operation.is_ok()) {
        events.push((operation.invoke.time_ns, false, place));
        events.push((operation.last().time_ns, true, place));
    }
    events.sort_unstable();
    let (mut floors, mut seen) = (Floors::new(), 0);
    // The floors that hold for an operation are those of its beginning.
    let mut held: HashMap<usize, Vec<(u64, Operation<'a>)>> = HashMap::new();
    for (_, is_end, place) in events {
        let operation = operations[place];
        let sights = sights(&operation);
        if !is_end {
            let held_now = sights.iter().map(|(sight, _)| floors.get(sight).copied().unwrap_or((0, operation)));
            held.insert(place, held_now.collect());
            continue;
        }
        if let Some(wanted) = operation.invoke.revision.filter(|_| operation.invoke.f == "list-any")
            && operation.revision().is_none_or(|revision| revision < wanted)
        {
            let what = format!("a list not older than {wanted} is from {:?}", operation.revision());
            return Err((what, vec![operation]));
        }
        for ((sight, revision), (floor, earlier)) in sights.into_iter().zip(held.remove(&place).unwrap_or_default()) {
            seen += 1;
            let restarted = sight.0.starts_with(DAEMON)
                && restarts.iter().any(|restart| (earlier.invoke.time_ns..=operation.last().time_ns).contains(restart));
            if revision < floor && !restarted {
                let (who, cluster, key) = sight;
                let what = format!("{who} saw {cluster}/{key} at revision {revision} after it had seen {floor}");
                return Err((what, vec![earlier, operation]));
            }
            let newest = floors.entry(sight).or_insert((revision, operation));
            if restarted || newest.0 <= revision {
                *newest = (revision, operation);
            }
        }
    }
    Ok(seen)
}

const DAEMON: &str = "daemon ";

/// Everything that an operation shows, and under which revision.
fn sights<'a>(operation: &Operation<'a>) -> Vec<(Sight<'a>, u64)> {
    let op = operation.invoke;
    let (Some(cluster), Some(revision)) = (op.cluster.as_deref(), operation.revision()) else { return Vec::new() };
    let mut seen = Vec::new();
    match op.f.as_str() {
        "read" | "read-any" | "create" | "update" => seen.push((op.key.clone().unwrap_or_default(), revision)),
        "list" | "list-any" => {
            seen.push((String::new(), revision));
            let items = operation.end.and_then(|end| end.value.as_object()).into_iter().flatten();
            seen.extend(items.filter_map(|(key, item)| Some((key.clone(), item.get(1).and_then(Value::as_u64)?))));
        }
        _ => {}
    }
    let is_any = op.f.ends_with("-any");
    let client = (!is_any).then(|| format!("client {}", serde_json::to_string(&op.process).unwrap_or_default()));
    let serves_itself = |daemon: &&String| {
        // Workspaces are called by their region, and daemons by their region and a number.
        let region = daemon.rsplit_once('-').map_or(daemon.as_str(), |(region, _)| region);
        cluster.rsplit('-').next() == Some(region)
    };
    let is_read = is_any || matches!(op.f.as_str(), "read" | "list");
    let daemon = op.daemon.as_ref().filter(|_| is_read).filter(serves_itself).map(|daemon| format!("{DAEMON}{daemon}"));
    let who: Vec<String> = client.into_iter().chain(daemon).collect();
    let pairs =
        who.iter().flat_map(|who| seen.iter().map(move |(key, revision)| (who.clone(), key.clone(), *revision)));
    pairs.map(|(who, key, revision)| ((who, cluster, key), revision)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::check;
    use crate::check::register_sample::{Bug, Simulation};
    use crate::check::sample::History;
    use crate::history::{Kind, Process};
    use crate::verdict::Status;

    #[test]
    fn a_store_without_a_bug_passes_and_a_stale_one_does_not() {
        for seed in 0..20 {
            let check = check(&Simulation::large(seed).history());
            assert_eq!(check.status, Status::Ok, "seed {seed}: {}", check.summary);
        }
        let caught = (0..12).filter(|seed| {
            let check = check(&Simulation::large(*seed).with(Bug::StaleRead, 100).history());
            check.status == Status::Failed
        });
        assert!(caught.count() >= 10);
    }

    #[test]
    fn one_daemon_never_serves_older_but_two_may() {
        let mut history = History::default();
        history.whole("list-any", "", (0, 10), json!({"k": [1, 5]}), 9);
        let mut other = history.clone();
        other.begin(1, 20, "list-any", "", json!(null)).daemon = Some("eu-2".to_owned());
        other.ok(1, 30, json!({}), 4);
        assert_eq!(check(&other.clone().sorted()).status, Status::Ok);
        let mut carried = history.clone();
        carried.whole("list-any", "", (20, 30), json!({}), 4);
        for op in &mut carried.ops {
            op.cluster = Some("c-us".to_owned());
        }
        assert_eq!(check(&carried.sorted()).status, Status::Ok);
        let mut object = history.clone();
        object.whole("read-any", "k", (20, 30), json!(0), 4);
        for older in [Some(object), None] {
            let older = older.unwrap_or_else(|| {
                let mut older = history.clone();
                older.whole("list-any", "", (20, 30), json!({}), 8);
                older
            });
            let check_older = check(&older.clone().sorted());
            assert_eq!(check_older.status, Status::Failed);
            assert_eq!(check_older.evidence.len(), 4);
            // Unless it was killed in between; a pause is no excuse.
            for (fault, status) in [("start-kill", Status::Ok), ("start-pause", Status::Failed)] {
                let mut restarted = older.clone();
                restarted.push(0, 15, Kind::Info, fault).process = Process::NEMESIS;
                assert_eq!(check(&restarted.sorted()).status, status, "{fault}");
            }
        }
    }

    #[test]
    fn a_daemon_may_pass_on_a_write_that_it_has_not_applied_yet() {
        let mut history = History::default();
        history.begin(1, 0, "update", "k", json!(1));
        history.ok(1, 10, json!(1), 5);
        let read = |f: &str| {
            let mut history = history.clone();
            history.begin(1, 20, f, "k", json!(null));
            history.ok(1, 30, json!(0), 4);
            check(&history.sorted()).status
        };
        assert_eq!(read("read-any"), Status::Ok);
        assert_eq!(read("read"), Status::Failed, "to the one who wrote it");
    }

    #[test]
    fn not_older_than_means_it() {
        let mut history = History::default();
        history.begin(1, 20, "list-any", "", json!(null)).revision = Some(7);
        history.ok(1, 30, json!({}), 6);
        let check = check(&history.sorted());
        assert_eq!(check.status, Status::Failed);
        assert!(check.summary.contains("not older than 7"), "{}", check.summary);
    }
}
