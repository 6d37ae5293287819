//! The tree of workspaces. Promise 2 of the design, G6 of the reliability page:
//!
//! - **unique**: no tree, at any time, shows two workspaces under one name below one parent
//! - **one tree**: in the end all daemons show the same
//! - **lost**: a workspace whose creation was acknowledged is there, unless somebody may have deleted it or one above it
//! - **risen**: a workspace whose deletion was acknowledged is gone in the end
//! - **phantom**: what is there was created by somebody
//! - **misplaced**: a workspace stands where somebody put it, and where the last acknowledged move put it when nothing was done
//!   to it at the same time; only when its name is marked as conflicting may it be another
//! - **cycle**: whoever goes up comes to the top
//! - **path**: in the end a path leads to the workspace that the tree shows there
//!
//! `create` (cluster: the parent; key: the name), `move` and `delete` name the id of their workspace in the value, as does the
//! answer, which counts. The value of `tree` is an array of [`Node`]. `resolve` has a path as its key and gives an id.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pair::{Operation, evidence, operations};
use crate::history::{Kind, Op};
use crate::verdict::{Check, Status};

/// The checker's name.
pub const NAME: &str = "tree";

/// One workspace, as a daemon shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Node {
    /// Its logical cluster.
    pub id: String,
    /// The logical cluster that it stands in.
    pub parent: String,
    /// Its name there.
    pub name: String,
    /// Whether it says that its name is not the one it claims.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub conflict: bool,
    /// Whether it is being deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
}

type Violation<'a> = (String, Vec<Operation<'a>>, BTreeSet<String>);

/// Checks the trees of a history.
#[must_use]
pub fn check(history: &[Op]) -> Check {
    let operations = operations(history);
    let trees: Vec<(Operation<'_>, Vec<Node>)> = operations
        .iter()
        .filter(|operation| operation.invoke.f == "tree" && operation.is_ok())
        .filter_map(|operation| Some((*operation, serde_json::from_value(operation.end?.value.clone()).ok()?)))
        .collect();
    let past = Past::new(&operations);
    let mut broken: Vec<Violation<'_>> = trees.iter().flat_map(|(tree, nodes)| unique(*tree, nodes)).collect();
    let finals = last_of_each_daemon(&trees);
    broken.extend(agree(&finals));
    for (tree, nodes) in &finals {
        let last = Last { past: &past, tree: *tree, nodes };
        broken.extend(last.check());
    }
    broken.extend(finals.first().and_then(|(tree, nodes)| paths(&operations, *tree, nodes)));
    if let Some((what, operations, ids)) = broken.first() {
        return Check {
            name: NAME.to_owned(),
            status: Status::Failed,
            summary: format!("{} violations; {what}", broken.len()),
            evidence: shortened(evidence(operations.iter().copied()), ids),
        };
    }
    let Some((_, nodes)) = finals.first() else {
        return Check::new(NAME, Status::Unproven, "no tree was ever read".to_owned());
    };
    let conflicts = nodes.iter().filter(|node| node.conflict).count();
    let summary = format!(
        "{} trees of {} daemons; in the end one, of {} workspaces ({conflicts} with a conflicting name), out of {} created",
        trees.len(),
        finals.len(),
        nodes.len(),
        past.created.len(),
    );
    Check::new(NAME, Status::Ok, summary)
}

/// Whether the history's last trees were read: else nothing is known of the end.
#[must_use]
pub fn daemons_seen(history: &[Op]) -> usize {
    let trees = history.iter().filter(|op| op.f == "tree" && op.kind == Kind::Ok);
    trees.filter_map(|op| op.daemon.as_deref()).collect::<HashSet<_>>().len()
}

fn unique<'a>(tree: Operation<'a>, nodes: &[Node]) -> Option<Violation<'a>> {
    let mut places: HashMap<(&str, &str), &Node> = HashMap::new();
    let mut ids = HashSet::new();
    for node in nodes {
        if !ids.insert(&node.id) {
            let what = format!("unique: {} shows {} twice", daemon(&tree), node.id);
            return Some((what, vec![tree], [node.id.clone()].into()));
        }
        if let Some(other) = places.insert((&node.parent, &node.name), node) {
            let what = format!("unique: {} shows two {:?} below {}", daemon(&tree), node.name, node.parent);
            return Some((what, vec![tree], [node.id.clone(), other.id.clone()].into()));
        }
    }
    None
}

fn daemon(operation: &Operation<'_>) -> String {
    operation.invoke.daemon.clone().unwrap_or_default()
}

type Tree<'a, 't> = (Operation<'a>, &'t [Node]);

fn last_of_each_daemon<'a, 't>(trees: &'t [(Operation<'a>, Vec<Node>)]) -> Vec<Tree<'a, 't>> {
    let mut lasts: BTreeMap<&str, Tree<'a, 't>> = BTreeMap::new();
    for (tree, nodes) in trees {
        lasts.insert(tree.invoke.daemon.as_deref().unwrap_or_default(), (*tree, nodes));
    }
    // A daemon that was not there at the end has no word in it.
    let begin = trees.iter().map(|(tree, _)| tree.invoke.time_ns).max().unwrap_or(0).saturating_sub(FINAL_NS);
    lasts.into_values().filter(|(tree, _)| tree.invoke.time_ns >= begin).collect()
}

/// Trees that were read so shortly before the last one belong to the end.
const FINAL_NS: u64 = 60_000_000_000;

fn agree<'a>(finals: &[Tree<'a, '_>]) -> Option<Violation<'a>> {
    let sorted = |nodes: &[Node]| nodes.iter().cloned().collect::<BTreeSet<Node>>();
    let (first, nodes) = finals.first()?;
    let expected = sorted(nodes);
    finals.iter().skip(1).find_map(|(tree, nodes)| {
        let own = sorted(nodes);
        let differ: BTreeSet<String> = expected.symmetric_difference(&own).map(|node| node.id.clone()).collect();
        let one = differ.first()?.clone();
        let what = format!(
            "one tree: {} and {} differ in {} workspaces, {one} is one",
            daemon(first),
            daemon(tree),
            differ.len()
        );
        Some((what, vec![*first, *tree], differ))
    })
}

/// What was done to one workspace.
#[derive(Default)]
struct Life<'a> {
    creation: Option<Operation<'a>>,
    moves: Vec<Operation<'a>>,
    deletions: Vec<Operation<'a>>,
    /// Everything that somebody wanted it to be, whether that happened or not.
    parents: BTreeSet<String>,
    names: BTreeSet<String>,
}

/// What was done to all.
struct Past<'a> {
    created: BTreeMap<String, Life<'a>>,
    /// Creations of which nobody knows the id.
    unknown: Vec<Operation<'a>>,
    /// Moves of unknown outcome. They name their workspace by its place, so it may have been another that was there.
    unknown_moves: Vec<Operation<'a>>,
    /// Logical clusters that something was put into.
    parents: HashSet<String>,
}

fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field)?.as_str()
}

/// The workspace that an operation is about, by its answer, or by what the client meant.
fn id_of(operation: &Operation<'_>) -> Option<String> {
    let answered = operation.end.and_then(|end| text(&end.value, "id"));
    answered.or_else(|| text(&operation.invoke.value, "id")).map(str::to_owned)
}

impl<'a> Past<'a> {
    fn new(operations: &[Operation<'a>]) -> Self {
        let mut past =
            Self { created: BTreeMap::new(), unknown: Vec::new(), unknown_moves: Vec::new(), parents: HashSet::new() };
        for operation in operations.iter().filter(|operation| operation.invoke.f == "create") {
            let parent = operation.invoke.cluster.clone().unwrap_or_default();
            let name = operation.invoke.key.clone().unwrap_or_default();
            past.parents.insert(parent.clone());
            match id_of(operation).filter(|_| operation.is_ok()) {
                Some(id) => {
                    let life = past.created.entry(id).or_default();
                    life.creation = Some(*operation);
                    life.parents.insert(parent);
                    life.names.insert(name);
                }
                None if operation.is_unknown() => past.unknown.push(*operation),
                None => {}
            }
        }
        for operation in operations {
            let Some(id) = id_of(operation) else { continue };
            if operation.invoke.f == "move" {
                past.add_move(operation, id);
            } else if operation.invoke.f == "delete" && operation.outcome() != Kind::Fail {
                past.created.entry(id).or_default().deletions.push(*operation);
            }
        }
        past
    }

    fn add_move(&mut self, operation: &Operation<'a>, id: String) {
        if operation.outcome() == Kind::Fail {
            return;
        }
        if operation.is_unknown() {
            self.unknown_moves.push(*operation);
        }
        let life = self.created.entry(id).or_default();
        life.moves.push(*operation);
        life.names.extend(text(&operation.invoke.value, "name").map(str::to_owned));
        if let Some(parent) = text(&operation.invoke.value, "parent") {
            life.parents.insert(parent.to_owned());
            self.parents.insert(parent.to_owned());
        }
    }

    /// Moves of unknown outcome that may have met the workspace: by a name that it had, or may have had by such a move.
    fn maybe_meant(&self, life: &Life<'a>) -> Vec<Operation<'a>> {
        let mut names = life.names.clone();
        loop {
            let meant = |order: &&Operation<'a>| order.invoke.key.as_ref().is_some_and(|key| names.contains(key));
            let orders: Vec<Operation<'a>> = self.unknown_moves.iter().filter(meant).copied().collect();
            let before = names.len();
            names.extend(orders.iter().filter_map(|order| text(&order.invoke.value, "name").map(str::to_owned)));
            if names.len() == before {
                return orders;
            }
        }
    }

    /// Whether somebody may have deleted the workspace, or one that it ever may have stood below.
    fn may_be_deleted(&self, id: &str) -> bool {
        let (mut seen, mut next) = (HashSet::new(), vec![id]);
        while let Some(id) = next.pop() {
            if let Some(life) = self.created.get(id).filter(|_| seen.insert(id)) {
                if !life.deletions.is_empty() {
                    return true;
                }
                next.extend(life.parents.iter().map(String::as_str));
            }
        }
        false
    }
}

/// One daemon's last tree against the past.
struct Last<'p, 'a> {
    past: &'p Past<'a>,
    tree: Operation<'a>,
    nodes: &'p [Node],
}

impl<'a> Last<'_, 'a> {
    fn check(&self) -> Vec<Violation<'a>> {
        let nodes: HashMap<&str, &Node> = self.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let mut broken = Vec::new();
        for (id, life) in &self.past.created {
            match nodes.get(id.as_str()) {
                None => broken.extend(self.lost(id, life)),
                Some(node) => {
                    broken.extend(self.risen(node, life));
                    broken.extend(self.misplaced(node, life));
                    broken.extend(self.moved_away(node, life));
                }
            }
        }
        broken.extend(self.phantom());
        broken.extend(self.nodes.iter().find_map(|node| self.cycle(&nodes, node)));
        broken
    }

    fn violation(&self, what: String, others: &[Operation<'a>], id: &str) -> Violation<'a> {
        let operations = others.iter().copied().chain([self.tree]).collect();
        (format!("{what} ({})", daemon(&self.tree)), operations, [id.to_owned()].into())
    }

    fn lost(&self, id: &str, life: &Life<'a>) -> Option<Violation<'a>> {
        let creation = life.creation.filter(|_| !self.past.may_be_deleted(id))?;
        let mut others = vec![creation];
        others.extend(&life.moves);
        let name = creation.invoke.key.as_deref().unwrap_or_default();
        Some(self.violation(format!("lost: {name:?} ({id}) was acknowledged and is not there"), &others, id))
    }

    fn risen(&self, node: &Node, life: &Life<'a>) -> Option<Violation<'a>> {
        let deletion = life.deletions.iter().find(|deletion| deletion.is_ok())?;
        let state = if node.deleting { "is still being deleted" } else { "is there" };
        let what = format!("risen: {:?} ({}) was deleted and {state}", node.name, node.id);
        Some(self.violation(what, &[*deletion], &node.id))
    }

    fn misplaced(&self, node: &Node, life: &Life<'a>) -> Option<Violation<'a>> {
        life.creation?;
        let maybe = self.past.maybe_meant(life);
        if maybe.iter().any(|order| text(&order.invoke.value, "parent") == Some(&node.parent)) {
            return None;
        }
        let others: Vec<Operation<'a>> = life.creation.into_iter().chain(life.moves.iter().copied()).collect();
        if !life.parents.contains(&node.parent) {
            let what = format!("misplaced: {} stands below {}, where nobody put it", node.id, node.parent);
            return Some(self.violation(what, &others, &node.id));
        }
        if !life.names.contains(&node.name) && !node.conflict {
            let what =
                format!("misplaced: {} is called {:?}, as nobody called it, without a conflict", node.id, node.name);
            return Some(self.violation(what, &others, &node.id));
        }
        None
    }

    /// A move with nothing at the same time must have had its effect. Of a workspace that others may have stood below, a
    /// move can be taken back, when it would have closed a cycle.
    fn moved_away(&self, node: &Node, life: &Life<'a>) -> Option<Violation<'a>> {
        let last = life.moves.iter().max_by_key(|operation| operation.invoke.time_ns)?;
        let before = life.creation.iter().chain(&life.moves).filter(|other| other.invoke.index != last.invoke.index);
        let alone = before.into_iter().all(|other| other.returned_ns().is_some_and(|end| end < last.invoke.time_ns));
        if !last.is_ok() || !alone || self.past.parents.contains(&node.id) {
            return None;
        }
        let (parent, name) = (text(&last.invoke.value, "parent")?, text(&last.invoke.value, "name")?);
        // A move of unknown outcome that names this place may have come afterwards.
        let moves_on = |order: &Operation<'_>| {
            order.invoke.cluster.as_deref() == Some(parent)
                && order.invoke.key.as_deref().is_some_and(|key| key.starts_with(name))
        };
        if self.past.unknown_moves.iter().any(moves_on) {
            return None;
        }
        let is_named = node.name == name || (node.conflict && node.name.starts_with(name.get(..name.len().min(40))?));
        if node.parent == parent && (is_named || (node.conflict && node.name.starts_with(&node.id))) {
            return None;
        }
        let what = format!(
            "misplaced: {} was moved to {name:?} below {parent} and is {:?} below {}",
            node.id, node.name, node.parent
        );
        Some(self.violation(what, &[*last], &node.id))
    }

    /// There cannot be more workspaces of unknown origin than creations of unknown outcome.
    fn phantom(&self) -> Option<Violation<'a>> {
        let is_known = |node: &&Node| self.past.created.get(&node.id).is_some_and(|life| life.creation.is_some());
        let strangers: Vec<&Node> = self.nodes.iter().filter(|node| !is_known(node)).collect();
        if strangers.len() <= self.past.unknown.len() {
            return None;
        }
        let node = strangers.first()?;
        let what = format!(
            "phantom: {} workspaces that nobody is known to have created, {} creations of unknown outcome; {:?} ({}) is one",
            strangers.len(),
            self.past.unknown.len(),
            node.name,
            node.id
        );
        let (_, _, mut ids) = self.violation(String::new(), &[], &node.id);
        ids.extend(strangers.iter().map(|node| node.id.clone()));
        Some((what, vec![self.tree], ids))
    }

    fn cycle(&self, nodes: &HashMap<&str, &Node>, node: &Node) -> Option<Violation<'a>> {
        let (mut above, mut seen) = (node, BTreeSet::new());
        loop {
            if !seen.insert(above.id.clone()) {
                let what = format!("cycle: {} stands below itself", above.id);
                return Some((what, vec![self.tree], seen));
            }
            match nodes.get(above.parent.as_str()) {
                Some(parent) => above = parent,
                None if self.past.created.contains_key(&above.parent) => {
                    let what = format!("cycle: {} stands below {}, which is not there", above.id, above.parent);
                    return Some(self.violation(what, &[], &above.id));
                }
                None => return None,
            }
        }
    }
}

/// Paths that were resolved after the last trees were read.
fn paths<'a>(operations: &[Operation<'a>], tree: Operation<'a>, nodes: &[Node]) -> Option<Violation<'a>> {
    let ids: HashMap<(&str, &str), &str> =
        nodes.iter().map(|node| ((node.parent.as_str(), node.name.as_str()), node.id.as_str())).collect();
    let finals = operations.iter().filter(|operation| {
        operation.invoke.f == "resolve" && operation.invoke.time_ns > tree.last().time_ns && operation.is_ok()
    });
    finals.into_iter().find_map(|operation| {
        let parent = operation.invoke.cluster.as_deref()?;
        let expected = ids.get(&(parent, operation.invoke.key.as_deref()?)).copied();
        let found = operation.end?.value.as_str();
        if expected == found {
            return None;
        }
        let what = format!(
            "path: {:?} below {parent} leads to {found:?} at {}, and the tree shows {expected:?}",
            operation.invoke.key.as_deref().unwrap_or_default(),
            daemon(operation)
        );
        Some((what, vec![tree, *operation], expected.into_iter().chain(found).map(str::to_owned).collect()))
    })
}

/// Trees of evidence show only the workspaces concerned.
fn shortened(mut evidence: Vec<Op>, ids: &BTreeSet<String>) -> Vec<Op> {
    for op in evidence.iter_mut().filter(|op| op.f == "tree") {
        if let Some(nodes) = op.value.as_array_mut() {
            nodes.retain(|node| text(node, "id").is_some_and(|id| ids.contains(id)));
        }
    }
    evidence
}

#[cfg(test)]
#[path = "tree_test.rs"]
mod tests;
