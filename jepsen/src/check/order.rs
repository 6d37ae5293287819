//! A logical cluster as a whole: `resourceVersion` is one order of all its writes, and that order is the one which clients saw.
//!
//! Every answer is given a position in the order: a write has its revision, a list the revision that it says, a read lies
//! between the write that it saw and the next on the object, a deletion between the object's last revision and its next life.
//! Who began after another had ended stands behind it. The least positions that obey are computed (each rule only ever pushes
//! upwards); a position above its bound is a violation, and the chain of rules that pushed it there is the evidence.
//!
//! Objects for themselves are checked by [`super::linearizable`]; this adds what only several together show: lists that are no
//! picture of any one moment, and revisions that do not follow real time.

use std::collections::BTreeMap;

use super::linearizable::seen_by_list;
use super::pair::{Operation, evidence, operations};
use crate::history::{Kind, Op};
use crate::verdict::{Check, Status};

/// The checker's name.
pub const NAME: &str = "order";

/// A place in the order: a revision, and how far behind it, before the next.
type Position = (u64, u64);
/// The position below which something must stay: the object's next version or a list, and whose that is.
type Bound = (Position, Option<usize>);

/// Checks every logical cluster.
#[must_use]
pub fn check(history: &[Op]) -> Check {
    let operations = operations(history);
    let mut clusters: BTreeMap<&str, Vec<Operation<'_>>> = BTreeMap::new();
    for operation in &operations {
        if let Some(cluster) = operation.invoke.cluster.as_deref() {
            clusters.entry(cluster).or_default().push(*operation);
        }
    }
    let (mut placed, mut violations) = (0, Vec::new());
    for (name, operations) in &clusters {
        let mut order = Order::new(operations);
        placed += order.nodes.len();
        if let Err(violation) = order.settle() {
            violations.push((name, violation));
        }
    }
    if let Some((name, (what, operations))) = violations.first() {
        return Check {
            name: NAME.to_owned(),
            status: Status::Failed,
            summary: format!("{} of {} logical clusters are wrong; {name}: {what}", violations.len(), clusters.len()),
            evidence: evidence(operations.iter().copied()),
        };
    }
    let summary = format!("{placed} answers of {} logical clusters stand in the order of revisions", clusters.len());
    Check::new(NAME, Status::Ok, summary)
}

type Violation<'a> = (String, Vec<Operation<'a>>);

/// What an operation is in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A write, or a list: where it is, is known.
    Fixed,
    /// It saw the version of an object.
    Reads,
    /// It ended the version of an object.
    Deletes,
}

#[derive(Debug, Clone)]
struct Node<'a> {
    operation: Operation<'a>,
    role: Role,
    position: Position,
    bound: Option<Bound>,
    /// The node that pushed it where it is.
    pushed_by: Option<usize>,
}

/// One version of an object.
#[derive(Debug, Default, Clone)]
struct Version {
    /// Who wrote it, if that is in the history.
    writer: Option<usize>,
    /// Who deleted it, if that is certain.
    deleter: Option<usize>,
    readers: Vec<usize>,
    /// The first list that showed no such object although this was its newest version, with its revision.
    missed_by: Option<(u64, usize)>,
}

struct Order<'a> {
    nodes: Vec<Node<'a>>,
    /// By object, then by revision.
    versions: BTreeMap<String, BTreeMap<u64, Version>>,
    broken: Option<Violation<'a>>,
}

impl<'a> Order<'a> {
    fn new(operations: &[Operation<'a>]) -> Self {
        let mut order = Self { nodes: Vec::new(), versions: BTreeMap::new(), broken: None };
        let ok = || operations.iter().filter(|operation| operation.is_ok());
        for operation in ok().filter(|operation| matches!(operation.invoke.f.as_str(), "create" | "update")) {
            order.add_write(operation);
        }
        for operation in ok().filter(|operation| operation.invoke.f == "read") {
            order.add_read(operation);
        }
        for operation in operations.iter().filter(|operation| operation.invoke.f == "delete") {
            order.add_deletion(operation);
        }
        let keys: Vec<String> = order.versions.keys().cloned().collect();
        for operation in ok().filter(|operation| operation.invoke.f == "list") {
            order.add_list(operation, &keys);
        }
        order.bound();
        order
    }

    fn add(&mut self, operation: &Operation<'a>, role: Role, position: Position) -> usize {
        self.nodes.push(Node { operation: *operation, role, position, bound: None, pushed_by: None });
        self.nodes.len() - 1
    }

    fn version(&mut self, operation: &Operation<'a>, revision: u64) -> &mut Version {
        let key = operation.invoke.key.clone().unwrap_or_default();
        self.versions.entry(key).or_default().entry(revision).or_default()
    }

    fn add_write(&mut self, operation: &Operation<'a>) {
        let Some(revision) = operation.revision() else { return };
        let node = self.add(operation, Role::Fixed, (revision, 0));
        let earlier = self.version(operation, revision).writer.replace(node);
        if let Some(earlier) = earlier {
            self.broken = Some((
                format!("two writes of one object were given revision {revision}"),
                vec![self.nodes[earlier].operation, *operation],
            ));
        }
    }

    fn add_read(&mut self, operation: &Operation<'a>) {
        // A read of nothing could stand in any time without the object; `linearizable` looks at those.
        let Some(revision) = operation.revision() else { return };
        let node = self.add(operation, Role::Reads, (revision, 1));
        self.version(operation, revision).readers.push(node);
    }

    fn add_deletion(&mut self, operation: &Operation<'a>) {
        // Only one that names its version can be placed.
        let Some(expect) = operation.invoke.revision.filter(|_| operation.outcome() == Kind::Ok) else { return };
        let node = self.add(operation, Role::Deletes, (expect, 1));
        self.version(operation, expect).deleter = Some(node);
    }

    /// A list is a picture of its revision: of each object it shows the newest version up to there.
    fn add_list(&mut self, operation: &Operation<'a>, keys: &[String]) {
        let Some(revision) = operation.revision() else { return };
        let node = self.add(operation, Role::Fixed, (revision, u64::MAX));
        for key in keys {
            match seen_by_list(operation, key) {
                Some((_, seen)) if seen > revision => {
                    let what = format!("a list at {revision} shows {key:?} at the later revision {seen}");
                    self.broken = Some((what, vec![*operation]));
                }
                Some((_, seen)) => {
                    let version = self.versions.entry(key.clone()).or_default().entry(seen).or_default();
                    version.readers.push(node);
                }
                None => {
                    let versions = self.versions.entry(key.clone()).or_default();
                    if let Some((_, version)) = versions.range_mut(..=revision).next_back() {
                        let first = version.missed_by.filter(|(first, _)| *first <= revision);
                        version.missed_by = first.or(Some((revision, node)));
                    }
                }
            }
        }
    }

    /// What saw or deleted a version stands before the next one of the object; a deletion before lists that show it.
    fn bound(&mut self) {
        for versions in self.versions.values() {
            let nexts = versions.iter().skip(1).map(|(revision, version)| Some(((*revision, 0), version.writer)));
            for (version, next) in versions.values().zip(nexts.chain([None])) {
                let missed = version.missed_by.map(|(revision, node)| ((revision + 1, 0), Some(node)));
                let readers = version.readers.iter().map(|reader| (*reader, next));
                let deleter = version.deleter.into_iter().flat_map(|deleter| [(deleter, next), (deleter, missed)]);
                for (node, bound) in readers.chain(deleter) {
                    let own = &mut self.nodes[node].bound;
                    let lower = |bound: &Bound| own.is_none_or(|(own, _)| bound.0 < own);
                    *own = bound.filter(lower).or(*own);
                }
            }
        }
    }

    /// Pushes positions upwards until all rules hold.
    fn settle(&mut self) -> Result<(), Violation<'a>> {
        if let Some(broken) = self.broken.take() {
            return Err(broken);
        }
        (0..self.nodes.len()).try_for_each(|place| self.check_bound(place))?;
        loop {
            let before: Vec<Position> = self.nodes.iter().map(|node| node.position).collect();
            self.follow_time()?;
            self.follow_readers()?;
            if self.nodes.iter().zip(&before).all(|(node, before)| node.position == *before) {
                return Ok(());
            }
        }
    }

    /// Who began after another had ended stands behind it.
    fn follow_time(&mut self) -> Result<(), Violation<'a>> {
        let mut events: Vec<(u64, bool, usize)> = Vec::with_capacity(2 * self.nodes.len());
        for (place, node) in self.nodes.iter().enumerate() {
            events.push((node.operation.invoke.time_ns, false, place));
            events.extend(node.operation.returned_ns().map(|returned_ns| (returned_ns, true, place)));
        }
        // What ends and what begins at one instant overlap: beginnings come first.
        events.sort_unstable();
        let mut highest: Option<usize> = None;
        for (_, is_end, place) in events {
            if !is_end {
                if let Some(highest) = highest {
                    // A deletion changes something, so it is behind; the others may see the same moment.
                    let position = self.nodes[highest].position;
                    let changes = self.nodes[place].role == Role::Deletes;
                    self.push(place, if changes { behind(position) } else { position }, highest)?;
                }
            } else if highest.is_none_or(|highest| self.nodes[highest].position < self.nodes[place].position) {
                highest = Some(place);
            }
        }
        Ok(())
    }

    /// A deletion stands behind all that saw what it deleted.
    fn follow_readers(&mut self) -> Result<(), Violation<'a>> {
        let pairs: Vec<(usize, usize)> = self
            .versions
            .values()
            .flat_map(BTreeMap::values)
            .filter_map(|version| Some((version.deleter?, version)))
            .flat_map(|(deleter, version)| version.readers.iter().map(move |reader| (deleter, *reader)))
            .collect();
        for (deleter, reader) in pairs {
            self.push(deleter, behind(self.nodes[reader].position), reader)?;
        }
        Ok(())
    }

    fn push(&mut self, place: usize, least: Position, because: usize) -> Result<(), Violation<'a>> {
        let node = &mut self.nodes[place];
        if node.position >= least {
            return Ok(());
        }
        if node.role == Role::Fixed {
            let (revision, least) = (node.position.0, least.0);
            let what = format!("revision {revision} was given after {least} had been seen");
            let mut chain = self.chain(because);
            chain.push(self.nodes[place].operation);
            return Err((what, chain));
        }
        node.position = least;
        node.pushed_by = Some(because);
        self.check_bound(place)
    }

    fn check_bound(&self, place: usize) -> Result<(), Violation<'a>> {
        let Node { position, bound, .. } = &self.nodes[place];
        let Some(((next, _), whose)) = bound.filter(|(bound, _)| position >= bound) else { return Ok(()) };
        let mut chain = self.chain(place);
        chain.extend(whose.map(|whose| self.nodes[whose].operation));
        let revision = position.0;
        Err((format!("at revision {revision} or later something was seen or done that had ended before {next}"), chain))
    }

    /// The operations that pushed one where it is.
    fn chain(&self, place: usize) -> Vec<Operation<'a>> {
        let mut chain = Vec::new();
        let mut next = Some(place);
        while let Some(place) = next.filter(|_| chain.len() < CHAIN_MAX) {
            chain.push(self.nodes[place].operation);
            next = self.nodes[place].pushed_by;
        }
        chain
    }
}

fn behind((revision, behind): Position) -> Position {
    if behind == u64::MAX { (revision + 1, 0) } else { (revision, behind + 1) }
}

/// Operations of evidence. A chain that is longer is cut: its last links are what matters.
const CHAIN_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::check;
    use crate::check::register_sample::{Bug, Simulation};
    use crate::check::sample::History;
    use crate::verdict::{Check, Status};

    #[test]
    fn a_store_without_a_bug_passes() {
        for seed in 0..300 {
            let check = check(&Simulation { keys: 3, operations: 40, ..Simulation::small(seed) }.history());
            assert_eq!(check.status, Status::Ok, "seed {seed}: {}", check.summary);
        }
        for seed in 0..20 {
            let check = check(&Simulation::large(seed).history());
            assert_eq!(check.status, Status::Ok, "seed {seed}: {}", check.summary);
        }
    }

    #[test]
    fn torn_lists_stale_reads_and_revisions_given_twice_are_caught() {
        for bug in [Bug::TornList, Bug::StaleRead, Bug::RevisionAgain] {
            let (mut caught, mut runs) = (0, 0);
            for seed in 0..12 {
                let (history, shown) = Simulation::large(seed).with(bug, 100).run();
                runs += u32::from(shown > 0);
                let check = check(&history);
                caught += u32::from(check.status == Status::Failed);
                assert!(check.status == Status::Ok || !check.evidence.is_empty(), "{}", check.summary);
            }
            assert!(runs >= 8 && caught * 4 >= runs * 3, "{bug:?}: {caught} of {runs} runs were caught");
        }
    }

    fn failed(history: History, words: &str) -> Check {
        let check = check(&history.sorted());
        assert_eq!(check.status, Status::Failed, "{}", check.summary);
        assert!(check.summary.contains(words), "{}", check.summary);
        check
    }

    #[test]
    fn a_list_of_no_one_moment_fails() {
        let mut history = History::default();
        history.whole("create", "a", (0, 10), json!(1), 5);
        history.whole("create", "b", (20, 30), json!(2), 6);
        history.whole("update", "a", (40, 50), json!(3), 7);
        let mut good = history.clone();
        // It overlaps the last write, and may be a picture from before it.
        good.whole("list", "", (35, 60), json!({"a": [1, 5], "b": [2, 6]}), 6);
        assert_eq!(check(&good.sorted()).status, Status::Ok);
        // `b` in it is from later than `a`.
        history.whole("update", "b", (60, 70), json!(4), 8);
        history.whole("list", "", (35, 80), json!({"a": [1, 5], "b": [4, 8]}), 8);
        failed(history, "ended before 7");
    }

    #[test]
    fn a_list_from_the_future_and_one_that_lacks_what_is_there_fail() {
        let mut history = History::default();
        history.whole("create", "a", (0, 10), json!(1), 5);
        let mut future = history.clone();
        future.whole("list", "", (20, 30), json!({"a": [1, 5]}), 4);
        failed(future, "at the later revision 5");
        history.whole("list", "", (20, 30), json!({}), 6);
        history.begin(7, 40, "delete", "a", json!(null)).revision = Some(5);
        history.ok(7, 50, json!(null), None);
        failed(history, "ended before 7");
    }

    #[test]
    fn revisions_follow_real_time_across_objects() {
        let mut history = History::default();
        history.whole("create", "a", (0, 10), json!(1), 9);
        history.whole("create", "b", (20, 30), json!(2), 5);
        let check = failed(history, "revision 5 was given after 9");
        assert_eq!(check.evidence.len(), 4);
    }

    #[test]
    fn a_deletion_stands_between_what_saw_the_object_and_its_next_life() {
        let mut history = History::default();
        history.whole("create", "a", (0, 10), json!(1), 5);
        history.begin(7, 20, "delete", "a", json!(null)).revision = Some(5);
        history.ok(7, 30, json!(null), None);
        history.whole("create", "a", (40, 50), json!(2), 9);
        assert_eq!(check(&history.clone().sorted()).status, Status::Ok);
        // A list at a revision at which the object lives again cannot show its old life.
        history.whole("list", "", (15, 60), json!({"a": [1, 5]}), 12);
        failed(history, "ended before 9");
    }
}
