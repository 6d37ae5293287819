//! The tree: what all rows of all groups together mean.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, LazyLock};

use hanse_base::id::{ClusterId, GroupId};
use imbl::{OrdMap, OrdSet};

use crate::name::{Bid, Bids, RUNGS, rung_name};
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

/// What one call has changed so far.
#[derive(Default)]
struct Work {
    /// Entries as they were before, of all nodes that were touched.
    before: BTreeMap<ClusterId, Option<Arc<Entry>>>,
    /// The effects of placements have to be computed anew.
    replay: bool,
    /// The highest lamport may be gone.
    lamport: bool,
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

    /// Puts a group's row into its entry, or takes it out, and brings all up to date that does not depend on names.
    fn stage(&mut self, group: &GroupId, id: &ClusterId, row: Option<Row>, work: &mut Work) {
        let before = self.nodes.get(id).cloned();
        let mut rows = before.as_ref().map_or_else(Vec::new, |entry| entry.rows());
        let held = rows.iter().position(|(owner, _)| owner == group).map(|index| rows.swap_remove(index).1);
        if held.as_deref() == row.as_ref() {
            return;
        }
        let [lamport_before, lamport_after] = [held.as_deref(), row.as_ref()].map(|row| row.map_or(0, lamport));
        work.lamport |= lamport_before == self.lamport && lamport_after < lamport_before;
        if let Some(row) = row {
            self.lamport = self.lamport.max(lamport_after);
            rows.push((group.clone(), Arc::new(self.intern(row))));
        }
        rows.sort_by(|(left_group, left), (right_group, right)| {
            right.epoch.cmp(&left.epoch).then_with(|| left_group.cmp(right_group))
        });
        work.before.entry(id.clone()).or_insert_with(|| before.clone());
        let mut rows = rows.into_iter();
        let after = rows.next().map(|(owner, row)| {
            let mut entry = before.as_deref().cloned().unwrap_or_else(|| Entry::new(&row, &owner));
            (entry.node.row, entry.node.owner, entry.others) = (row, owner, rows.collect());
            entry
        });
        self.place(id, before.as_deref(), after, work);
    }

    /// Stores an entry after its row has changed, and finds the effect of its placements.
    fn place(&mut self, id: &ClusterId, before: Option<&Entry>, after: Option<Entry>, work: &mut Work) {
        let unchanged = before
            .zip(after.as_ref())
            .is_some_and(|(before, after)| before.node.row.placements == after.node.row.placements);
        if let Some(before) = before.filter(|_| !unchanged) {
            for parent in mentioned(&before.node.row) {
                self.mentions.remove(&(parent.clone(), id.clone()));
            }
            for key in troubles(&before.node.row, before.effect) {
                self.moves.remove(&key);
            }
        }
        let Some(mut after) = after else {
            self.nodes.remove(id);
            work.replay |= self.placed_or_named_below(id);
            return;
        };
        if !unchanged {
            for parent in mentioned(&after.node.row) {
                self.mentions.insert((parent.clone(), id.clone()));
            }
            match self.effect(before, &after.node.row).filter(|_| !work.replay) {
                Some(effect) => after.effect = effect,
                None => {
                    work.replay = true;
                    after.effect = Effect::default();
                }
            }
            after.node.parent = after.placement().map(|placement| placement.parent.clone());
            self.moves.extend(troubles(&after.node.row, after.effect));
        }
        self.nodes.insert(after.node.row.id.clone(), Arc::new(after));
    }

    /// The effect of a node's new placements, if it can be shown that no other node's placements have another effect
    /// because of them.
    ///
    /// - Nobody ever was below the node: then no placement of others depends on where it is, and none of its own can
    ///   close a cycle.
    /// - One placement `x` comes last of the node's own, everything after `x` in the order is a creation with an
    ///   effect, and the tree as it is now, with `x`, has no cycle: then at every moment after `x` the edges are some of
    ///   these, so none of the creations closes a cycle either.
    fn effect(&self, before: Option<&Entry>, row: &Row) -> Option<Effect> {
        let order = structure::order(row);
        if !self.placed_or_named_below(&row.id) {
            return Some(Effect { counts: order.last().copied(), idle: 0 });
        }
        let held = before.map_or(&[][..], |before| &before.node.row.placements);
        if order.is_empty() && before.is_none_or(|before| before.effect == Effect::default()) {
            return Some(Effect::default());
        }
        let (last, rest) = order.split_last()?;
        let appended = rest.iter().all(|index| usize::from(*index) < held.len())
            && held.len() + 1 == row.placements.len()
            && *held == row.placements[..held.len()]
            && usize::from(*last) == held.len();
        let later = self.moves.get_next(&structure::key(row, *last)).is_some();
        let parent = &row.placements[usize::from(*last)].parent;
        if !appended || later || self.would_cycle(&row.id, parent) {
            return None;
        }
        Some(Effect { counts: Some(*last), idle: before.map_or(0, |before| before.effect.idle) })
    }

    /// Brings everything up to date that depends on others, and tells what has changed.
    fn settle(&mut self, mut work: Work) -> Changed {
        if work.replay {
            self.replay(&mut work);
        }
        if work.lamport {
            self.lamport = self.highest_lamport();
        }
        self.rebid(&mut work);
        let mut changed = Changed::default();
        for (id, before) in &work.before {
            let after = self.nodes.get(id).cloned();
            let [before, after] = [before, &after].map(|entry| entry.as_ref().map(|entry| &entry.node));
            if before == after {
                continue;
            }
            changed.nodes.insert(id.clone());
            self.strand(id, before);
            if before.map(Node::step) != after.map(Node::step) {
                for child in self.placed_below(id).cloned().collect::<Vec<_>>() {
                    self.strand(&child, self.get(&child).cloned().as_ref());
                }
                changed.paths.extend(self.descendants(id));
            }
        }
        let Changed { nodes, paths } = &mut changed;
        paths.retain(|id| !nodes.contains(id) && self.is_live(id));
        changed
    }

    /// Computes the effects of all placements that can depend on each other.
    fn replay(&mut self, work: &mut Work) {
        let mut ids: BTreeSet<ClusterId> = work.before.keys().cloned().collect();
        ids.extend(self.moves.iter().map(|key| key.id.clone()));
        let mut mention = self.mentions.get_min();
        while let Some((parent, _)) = mention {
            ids.insert(parent.clone());
            let rest = (Bound::Excluded((parent.clone(), HIGHEST.clone())), Bound::Unbounded);
            mention = self.mentions.range(rest).next();
        }
        let entries: Vec<Arc<Entry>> = ids.iter().filter_map(|id| self.nodes.get(id).cloned()).collect();
        let rows: Vec<&Row> = entries.iter().map(|entry| &*entry.node.row).collect();
        let effects = structure::replay(&rows);
        for (entry, effect) in entries.iter().zip(effects) {
            if entry.effect == effect {
                continue;
            }
            let row = &entry.node.row;
            work.before.entry(row.id.clone()).or_insert_with(|| Some(entry.clone()));
            for key in troubles(row, entry.effect) {
                self.moves.remove(&key);
            }
            self.moves.extend(troubles(row, effect));
            let mut after = Entry::clone(entry);
            after.effect = effect;
            after.node.parent = after.placement().map(|placement| placement.parent.clone());
            self.nodes.insert(row.id.clone(), Arc::new(after));
        }
    }

    /// Gives names to all touched nodes, and to those that win or lose a name by it.
    fn rebid(&mut self, work: &mut Work) {
        let mut waiting: Vec<ClusterId> = Vec::new();
        let touched: Vec<(ClusterId, Option<Arc<Entry>>)> =
            work.before.iter().map(|(id, entry)| (id.clone(), entry.clone())).collect();
        let mut bidders = Vec::new();
        for (id, before) in touched {
            let after = self.nodes.get(&id).cloned();
            if before.as_deref().map(Entry::bidding) == after.as_deref().map(Entry::bidding) {
                continue;
            }
            if let Some((before, placement)) = before.as_deref().and_then(|before| Some((before, before.claim()?))) {
                let bids = (0..before.rungs).map(|rung| Bid::new(&id, placement, rung));
                waiting.extend(bids.filter_map(|bid| self.bids.remove(&bid)));
            }
            bidders.extend(after);
        }
        for entry in bidders {
            let id = &entry.node.row.id;
            let mut after = Entry::clone(&entry);
            after.rungs = 0;
            after.node.conflict = false;
            after.node.claimed_name =
                after.placement().map_or_else(|| id.as_str().into(), |placed| placed.name.clone());
            after.node.name = after.node.claimed_name.clone();
            if let Some(placement) = after.claim() {
                waiting.extend(self.bids.insert(Bid::new(id, placement, 0)));
                after.rungs = 1;
                waiting.push(id.clone());
            }
            self.nodes.insert(id.clone(), Arc::new(after));
        }
        while let Some(id) = waiting.pop() {
            self.climb(&id, work, &mut waiting);
        }
    }

    /// Finds the first rung on which a node holds the name, and takes back its bids on the rungs below.
    fn climb(&mut self, id: &ClusterId, work: &mut Work, waiting: &mut Vec<ClusterId>) {
        let Some(entry) = self.nodes.get(id).filter(|entry| entry.rungs > 0).cloned() else { return };
        let placement = entry.claim().expect("who bids has a place");
        let (mut rung, mut name) = (0, entry.node.claimed_name.clone());
        loop {
            if rung >= entry.rungs {
                waiting.extend(self.bids.insert(Bid::new(id, placement, rung)));
            }
            if rung + 1 == RUNGS || self.bids.holder(&placement.parent, &name).is_some_and(|holder| holder.id == *id) {
                break;
            }
            rung += 1;
            name = rung_name(id, &placement.name, rung);
        }
        for below in rung + 1..entry.rungs {
            waiting.extend(self.bids.remove(&Bid::new(id, placement, below)));
        }
        if (entry.rungs, &entry.node.name) != (rung + 1, &name) {
            work.before.entry(id.clone()).or_insert_with(|| Some(entry.clone()));
            let mut after = Entry::clone(&entry);
            after.rungs = rung + 1;
            after.node.conflict = rung > 0;
            after.node.name = name;
            self.nodes.insert(id.clone(), Arc::new(after));
        }
    }

    /// Brings the set of stranded nodes up to date for one node.
    fn strand(&mut self, id: &ClusterId, before: Option<&Node>) {
        if let Some(before) = before {
            self.stranded.remove(&(before.owner.clone(), id.clone()));
        }
        if self.is_stranded(id) {
            let owner = self.get(id).expect("a stranded node is known").owner.clone();
            self.stranded.insert((owner, id.clone()));
        }
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

    /// Uses the texts of ids that are held already, to save memory.
    fn intern(&self, mut row: Row) -> Row {
        if let Some((id, _)) = self.nodes.get_key_value(&row.id) {
            row.id = id.clone();
        }
        row.placements.shrink_to_fit();
        for placement in &mut row.placements {
            if let Some((parent, entry)) = self.nodes.get_key_value(&placement.parent) {
                placement.parent = parent.clone();
                if let Some(held) = entry.node.row.placements.first().filter(|held| held.group == placement.group) {
                    placement.group = held.group.clone();
                }
            }
        }
        row
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
