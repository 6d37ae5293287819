//! The tree: what all rows of all groups together mean.

mod update;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use hanse_base::id::{ClusterId, GroupId};
use imbl::{OrdMap, OrdSet};

use self::update::Work;
use crate::name::{Bid, Bids};
use crate::row::{Placement, Row};
use crate::structure::{self, Effect, Key};

/// The tree of all workspaces: a pure function of the rows that were put and not removed. A copy costs next to nothing.
///
/// The node `root` is always there, with or without a row.
///
/// Relations, which [`Self::check`] verifies: no node is below itself; below one parent, names are unique; the derived
/// sets agree with the rows.
///
/// Costs, for `n` nodes: a creation, a rename, and a move of a node without children cost `O(log n)`, in whatever order
/// they come; a move of a parent costs its depth more; a creation or move of a parent that comes after a move with a
/// higher lamport costs `O(p log p)` for the `p` nodes that are or were parents, once for each call of
/// [`Self::put_all`]. A change of a parent's path also visits its descendants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    nodes: OrdMap<ClusterId, Arc<Entry>>,
    /// Who holds which name.
    bids: Bids,
    /// `(parent, child)` for each placement of each winning row, whether it counts or not.
    mentions: OrdSet<(ClusterId, ClusterId)>,
    /// Placements that are not the first of their node, or have no effect: only these make the order matter.
    moves: OrdSet<Key>,
    /// `(owner, child)` for each live node whose parent is deleted.
    stranded: OrdSet<(GroupId, ClusterId)>,
    /// The highest lamport of all rows.
    lamport: u64,
}

/// One workspace as the tree shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The valid row.
    pub row: Arc<Row>,
    /// The group whose row it is: the home.
    pub owner: GroupId,
    /// The parent. None for `root`, and for a node all of whose placements would close a cycle; the latter can be
    /// reached by its id only.
    pub parent: Option<ClusterId>,
    /// The name below the parent, unique among live nodes. The id, if there is no parent.
    pub name: Arc<str>,
    /// The name that the row claims. Differs from `name` if another node has it.
    pub claimed_name: Arc<str>,
    /// Another node has the name that this one claims.
    pub conflict: bool,
}

/// Whose view has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// Nodes that are new or gone, or whose row, owner, parent, name or conflict flag has changed. Siblings that win or
    /// lose a name are among them.
    pub nodes: BTreeSet<ClusterId>,
    /// Other nodes, whose path may have changed because an ancestor's has.
    pub paths: BTreeSet<ClusterId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    node: Node,
    effect: Effect,
    /// How many rungs the node bids on; none if it is deleted or has no parent.
    rungs: u8,
    /// Rows of groups that do not own the node.
    others: Vec<(GroupId, Arc<Row>)>,
}

impl Tree {
    /// A tree of `root` only.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a group's row of a workspace, in the place of the row that it had.
    pub fn put(&mut self, group: &GroupId, row: Row) -> Changed {
        self.put_all([(group.clone(), row)])
    }

    /// Takes in many rows; cheaper than one after the other.
    pub fn put_all(&mut self, rows: impl IntoIterator<Item = (GroupId, Row)>) -> Changed {
        let mut work = Work::default();
        for (group, row) in rows {
            let id = row.id.clone();
            self.stage(&group, &id, Some(row), &mut work);
        }
        self.settle(work)
    }

    /// Takes a group's row of a workspace out.
    pub fn remove(&mut self, group: &GroupId, id: &ClusterId) -> Changed {
        let mut work = Work::default();
        self.stage(group, id, None, &mut work);
        self.settle(work)
    }

    /// A workspace by its id, deleted or not.
    #[must_use]
    pub fn get(&self, id: &ClusterId) -> Option<&Node> {
        self.nodes.get(id).map(|entry| &entry.node)
    }

    /// All workspaces by id, deleted ones included.
    pub fn iter(&self) -> impl Iterator<Item = (&ClusterId, &Node)> + '_ {
        self.nodes.iter().map(|(id, entry)| (id, &entry.node))
    }

    /// Workspaces, deleted ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no row at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The live node with this name below a parent.
    #[must_use]
    pub fn child(&self, parent: &ClusterId, name: &str) -> Option<&ClusterId> {
        self.bids.holder(parent, &Arc::from(name)).map(|bid| &bid.id)
    }

    /// Whether a live node has this name below a parent.
    #[must_use]
    pub fn name_taken(&self, parent: &ClusterId, name: &str) -> bool {
        self.child(parent, name).is_some()
    }

    /// The live nodes below a parent, sorted by name.
    pub fn children(&self, parent: &ClusterId) -> impl Iterator<Item = (&str, &ClusterId)> + '_ {
        self.bids.names(parent)
    }

    /// The live node that a path names. Its first segment is `root` or the id of any live node, the others are names.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Option<ClusterId> {
        let mut segments = path.split(':');
        let mut id = ClusterId::new(segments.next()?).ok().filter(|id| self.is_live(id))?;
        for segment in segments {
            id = self.child(&id, segment)?.clone();
        }
        Some(id)
    }

    /// The path of a live node from `root`. None if an ancestor is deleted or not known (yet), or if the path has more
    /// than [`PATH_SEGMENTS_MAX`] segments; such a node can be reached by its id.
    #[must_use]
    pub fn path(&self, id: &ClusterId) -> Option<String> {
        let mut segments = Vec::new();
        let mut id = id;
        while *id != *ROOT {
            let node = self.get(id).filter(|node| !node.row.deleted)?;
            segments.push(&*node.name);
            id = node.parent.as_ref()?;
            if segments.len() == PATH_SEGMENTS_MAX {
                return None;
            }
        }
        if !self.is_live(id) {
            return None;
        }
        segments.push(ROOT.as_str());
        segments.reverse();
        Some(segments.join(":"))
    }

    /// The ancestors of a node from its parent upwards, deleted ones included, as far as they are known.
    pub fn ancestors(&self, id: &ClusterId) -> impl Iterator<Item = &ClusterId> + '_ {
        let parent = |id: &ClusterId| self.get(id).and_then(|node| node.parent.as_ref());
        std::iter::successors(parent(id), move |id| parent(id))
    }

    /// All nodes below a node, parents before their children, deleted ones included.
    #[must_use]
    pub fn descendants(&self, id: &ClusterId) -> Vec<ClusterId> {
        let mut found: Vec<ClusterId> = self.placed_below(id).cloned().collect();
        let mut next = 0;
        while next < found.len() {
            let parent = found[next].clone();
            found.extend(self.placed_below(&parent).cloned());
            next += 1;
        }
        found
    }

    /// Live nodes of a group whose parent is deleted: their home has to delete them too. Nodes further below follow
    /// when these are deleted.
    pub fn orphans_of_deleted(&self, group: &GroupId) -> impl Iterator<Item = &ClusterId> + '_ {
        let group = group.clone();
        let first = (group.clone(), LOWEST.clone());
        self.stranded.range(first..).take_while(move |(owner, _)| *owner == group).map(|(_, id)| id)
    }

    /// The lamport for the next placement: above all in the tree. It saturates, so that a hostile row cannot stop
    /// others; from then on, the order of concurrent moves is that of groups and ids.
    #[must_use]
    pub fn next_lamport(&self) -> u64 {
        self.lamport.saturating_add(1)
    }

    /// Whether a move would put a node below itself.
    #[must_use]
    pub fn would_cycle(&self, id: &ClusterId, parent: &ClusterId) -> bool {
        id == parent || self.ancestors(parent).any(|ancestor| ancestor == id)
    }

    /// The relations that hold between the parts of a tree. For tests: costs as much as the tree is large.
    ///
    /// # Panics
    /// One does not hold.
    pub fn check(&self) {
        let (mut bids, mut mentions, mut moves) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut names = BTreeSet::new();
        let mut stranded = BTreeSet::new();
        for (id, entry) in &self.nodes {
            let node = &entry.node;
            assert_eq!(node.row.id, *id, "a node stands under its id");
            assert!(self.ancestors(id).take(self.nodes.len() + 1).count() <= self.nodes.len(), "{id} is below itself");
            mentions.extend(mentioned(&node.row).map(|parent| (parent.clone(), id.clone())));
            moves.extend(troubles(&node.row, entry.effect));
            assert_eq!(node.parent.as_ref(), entry.placement().map(|placement| &placement.parent), "parent of {id}");
            assert_eq!(entry.rungs > 0, !node.row.deleted && node.parent.is_some(), "{id} bids while it is live");
            for rung in 0..entry.rungs {
                bids.insert(Bid::new(id, entry.placement().expect("bids have a place"), rung));
            }
            if let Some(parent) = node.parent.as_ref().filter(|_| !node.row.deleted) {
                assert!(names.insert((parent.clone(), node.name.clone())), "{} is taken twice", node.name);
                assert_eq!(self.child(parent, &node.name), Some(id), "{id} has its name");
                assert_eq!(node.conflict, node.name != node.claimed_name, "conflict of {id}");
            }
            if self.is_stranded(id) {
                stranded.insert((node.owner.clone(), id.clone()));
            }
        }
        assert!(bids.iter().eq(self.bids.iter()), "bids");
        assert!(mentions.iter().eq(self.mentions.iter()), "mentions");
        assert!(moves.iter().eq(self.moves.iter()), "moves");
        assert!(stranded.iter().eq(self.stranded.iter()), "stranded nodes");
        assert_eq!(self.lamport, self.highest_lamport(), "lamport");
    }

    fn is_stranded(&self, id: &ClusterId) -> bool {
        let parent = self.get(id).filter(|node| !node.row.deleted).and_then(|node| node.parent.as_ref());
        parent.and_then(|parent| self.get(parent)).is_some_and(|parent| parent.row.deleted)
    }

    fn is_live(&self, id: &ClusterId) -> bool {
        self.get(id).map_or(*id == *ROOT, |node| !node.row.deleted)
    }

    /// Whether any winning row names this one as a parent.
    fn placed_or_named_below(&self, id: &ClusterId) -> bool {
        self.mentions.get_next(&(id.clone(), LOWEST.clone())).is_some_and(|(parent, _)| parent == id)
    }

    /// The nodes whose parent this is, deleted ones included.
    fn placed_below(&self, id: &ClusterId) -> impl Iterator<Item = &ClusterId> + '_ {
        let id = id.clone();
        let mentions = self.mentions.range((id.clone(), LOWEST.clone())..);
        mentions
            .take_while({
                let id = id.clone();
                move |(parent, _)| *parent == id
            })
            .map(|(_, child)| child)
            .filter(move |child| self.get(child).is_some_and(|node| node.parent.as_ref() == Some(&id)))
    }

    fn highest_lamport(&self) -> u64 {
        let rows = self
            .nodes
            .values()
            .flat_map(|entry| std::iter::once(&entry.node.row).chain(entry.others.iter().map(|(_, row)| row)));
        rows.map(|row| lamport(row)).max().unwrap_or(0)
    }
}

impl Node {
    /// All of a node that the paths below it depend on.
    fn step(&self) -> (Option<&ClusterId>, &str, bool) {
        (self.parent.as_ref(), &self.name, self.row.deleted)
    }
}

impl Entry {
    fn new(row: &Arc<Row>, owner: &GroupId) -> Self {
        let name: Arc<str> = row.id.as_str().into();
        let node = Node {
            row: row.clone(),
            owner: owner.clone(),
            parent: None,
            name: name.clone(),
            claimed_name: name,
            conflict: false,
        };
        Self { node, effect: Effect::default(), rungs: 0, others: Vec::new() }
    }

    /// The placement that counts.
    fn placement(&self) -> Option<&Placement> {
        self.effect.counts.map(|index| &self.node.row.placements[usize::from(index)])
    }

    /// The placement by which the node claims a name: none if it is deleted.
    fn claim(&self) -> Option<&Placement> {
        self.placement().filter(|_| !self.node.row.deleted)
    }

    /// All that the node's bids and names come from.
    fn bidding(&self) -> (Option<&Placement>, bool) {
        (self.placement(), self.node.row.deleted)
    }

    /// All rows, the valid one first.
    fn rows(&self) -> Vec<(GroupId, Arc<Row>)> {
        let mut rows = vec![(self.node.owner.clone(), self.node.row.clone())];
        rows.extend(self.others.iter().cloned());
        rows
    }
}

/// The parents that a row's placements name.
fn mentioned(row: &Row) -> impl Iterator<Item = &ClusterId> + '_ {
    structure::order(row).into_iter().map(|index| &row.placements[usize::from(index)].parent)
}

/// The placements that make the order matter.
fn troubles(row: &Row, effect: Effect) -> impl Iterator<Item = Key> + '_ {
    let order = structure::order(row);
    let troubled = move |(position, index): &(usize, u8)| *position > 0 || effect.idle & (1 << index) != 0;
    order.into_iter().enumerate().filter(troubled).map(|(_, index)| structure::key(row, index))
}

fn lamport(row: &Row) -> u64 {
    row.placements.iter().map(|placement| placement.lamport).max().unwrap_or(0)
}

/// Segments of a path, at most.
pub const PATH_SEGMENTS_MAX: usize = 256;

static ROOT: LazyLock<ClusterId> = LazyLock::new(|| ClusterId::new("root").expect("root is a cluster"));
/// No id sorts before or after these: letters, digits and `-`, of which the last is neither first nor last in an id.
static LOWEST: LazyLock<ClusterId> = LazyLock::new(|| ClusterId::new("0").expect("a digit is a cluster"));
static HIGHEST: LazyLock<ClusterId> = LazyLock::new(|| ClusterId::new(&"z".repeat(63)).expect("letters are a cluster"));

#[cfg(test)]
mod tree_test;
