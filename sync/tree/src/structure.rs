//! Which placement of a node counts: all placements in one order, of which those that would close a cycle have no
//! effect (Kleppmann, Mulligan, Gomes, Beresford: "A highly-available move operation for replicated trees", section 3).
//!
//! The paper undoes and redoes the later moves when an early one comes. Here, [`replay`] computes the whole order anew,
//! but only for nodes that somebody is or was placed below, and [`crate::tree::Tree`] calls it only when it cannot show
//! that nothing else changes. Whether one node is below another is asked of a link-cut tree (Sleator, Tarjan: "A data
//! structure for dynamic trees"), so that hostile chains of any depth cost a logarithm for each placement.

use std::collections::HashMap;

use hanse_base::id::{ClusterId, GroupId};

use crate::row::{PLACEMENTS_MAX, Row};

/// Where a placement stands in the order of all. The order of the fields is that order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) lamport: u64,
    pub(crate) group: GroupId,
    pub(crate) id: ClusterId,
    pub(crate) index: u8,
}

/// Which placements of a node have an effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// The placement that counts: the last with an effect.
    pub(crate) counts: Option<u8>,
    /// One bit for each placement that would close a cycle.
    pub(crate) idle: u64,
}

/// The positions of the placements that can have an effect at all, in order. `root` is never placed; nothing is below
/// itself.
pub(crate) fn order(row: &Row) -> Vec<u8> {
    if row.id.as_str() == "root" {
        return Vec::new();
    }
    let placements = &row.placements[..row.placements.len().min(PLACEMENTS_MAX)];
    let indexes = (0_u8..).zip(placements).filter(|(_, placement)| placement.parent != row.id);
    let mut order: Vec<u8> = indexes.map(|(index, _)| index).collect();
    order.sort_by(|left, right| {
        let [left, right] = [left, right].map(|index| &row.placements[usize::from(*index)]);
        (left.lamport, &left.group).cmp(&(right.lamport, &right.group))
    });
    order
}

/// The place of one placement in the order.
pub(crate) fn key(row: &Row, index: u8) -> Key {
    let placement = &row.placements[usize::from(index)];
    Key { lamport: placement.lamport, group: placement.group.clone(), id: row.id.clone(), index }
}

/// What the placements of these rows do, in the order of the rows. The rows must be all that are named as a parent,
/// and may be more. Costs `O(n log n)` for `n` placements.
pub(crate) fn replay(rows: &[&Row]) -> Vec<Effect> {
    let mut forest = Forest::default();
    let mut numbers: HashMap<&ClusterId, usize> = HashMap::new();
    for row in rows {
        numbers.insert(&row.id, forest.add());
    }
    let mut placements: Vec<(usize, u8)> = rows
        .iter()
        .enumerate()
        .flat_map(|(node, row)| order(row).into_iter().map(move |index| (node, index)))
        .collect();
    placements.sort_by_cached_key(|(node, index)| key(rows[*node], *index));
    let mut effects = vec![Effect::default(); rows.len()];
    for (node, index) in placements {
        let parent = &rows[node].placements[usize::from(index)].parent;
        let parent = *numbers.entry(parent).or_insert_with(|| forest.add());
        let before = forest.cut(node);
        if forest.root(parent) == node {
            effects[node].idle |= 1 << index;
            if let Some(before) = before {
                forest.link(node, before);
            }
        } else {
            effects[node].counts = Some(index);
            forest.link(node, parent);
        }
    }
    effects
}

/// A link-cut tree: every path from a node towards its root is a splay tree, ordered by depth.
#[derive(Default)]
struct Forest {
    /// For each node: parent, left, right in its splay tree. The parent of a splay tree's root is the node above the
    /// path.
    nodes: Vec<[usize; 3]>,
    /// The real parents.
    above: Vec<Option<usize>>,
}

const PARENT: usize = 0;
const LEFT: usize = 1;
const RIGHT: usize = 2;
const NONE: usize = usize::MAX;

impl Forest {
    fn add(&mut self) -> usize {
        self.nodes.push([NONE; 3]);
        self.above.push(None);
        self.nodes.len() - 1
    }

    /// Puts the root of a tree below another tree's node.
    fn link(&mut self, node: usize, parent: usize) {
        self.access(node);
        self.nodes[node][PARENT] = parent;
        self.above[node] = Some(parent);
    }

    /// Makes a node the root of its own tree; gives the parent that it had.
    fn cut(&mut self, node: usize) -> Option<usize> {
        let parent = self.above[node].take()?;
        self.access(node);
        let upper = self.nodes[node][LEFT];
        self.nodes[upper][PARENT] = NONE;
        self.nodes[node][LEFT] = NONE;
        Some(parent)
    }

    fn root(&mut self, node: usize) -> usize {
        self.access(node);
        let mut root = node;
        while self.nodes[root][LEFT] != NONE {
            root = self.nodes[root][LEFT];
        }
        self.splay(root);
        root
    }

    /// Makes the path from the root to the node one splay tree with the node on top.
    fn access(&mut self, node: usize) {
        self.splay(node);
        self.nodes[node][RIGHT] = NONE;
        while self.nodes[node][PARENT] != NONE {
            let above = self.nodes[node][PARENT];
            self.splay(above);
            self.nodes[above][RIGHT] = node;
            self.splay(node);
        }
    }

    fn splay(&mut self, node: usize) {
        while let Some(side) = self.side(node) {
            let parent = self.nodes[node][PARENT];
            match self.side(parent) {
                None => {}
                Some(parent_side) if parent_side == side => self.rotate(parent),
                Some(_) => self.rotate(node),
            }
            self.rotate(node);
        }
    }

    /// On which side of its parent a node hangs; none for the root of a splay tree.
    fn side(&self, node: usize) -> Option<usize> {
        let parent = self.nodes[node][PARENT];
        if parent == NONE {
            return None;
        }
        [LEFT, RIGHT].into_iter().find(|side| self.nodes[parent][*side] == node)
    }

    fn rotate(&mut self, node: usize) {
        let side = self.side(node).expect("only a child is rotated");
        let other = LEFT + RIGHT - side;
        let parent = self.nodes[node][PARENT];
        let grandparent = self.nodes[parent][PARENT];
        if let Some(side) = self.side(parent) {
            self.nodes[grandparent][side] = node;
        }
        let inner = self.nodes[node][other];
        self.nodes[parent][side] = inner;
        if inner != NONE {
            self.nodes[inner][PARENT] = parent;
        }
        self.nodes[node][other] = parent;
        self.nodes[parent][PARENT] = node;
        self.nodes[node][PARENT] = grandparent;
    }
}
