//! Sets of fields: a trie of path elements, each of which may be a member of the set or only lead to members.
//!
//! Source: the `fieldpath` package of structured-merge-diff, version 6. In any set: elements are in order and each is there
//! once; a node is a member or leads to one. [`Set::check`] states it.

use super::path::PathElement;

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    nodes: Vec<Node>,
}

/// An element of a set, and what is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) element: PathElement,
    pub(crate) mark: Mark,
}

/// What a set says of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Whether the field itself is in the set.
    pub(crate) member: bool,
    /// What is in the set below it.
    pub(crate) below: Set,
}

impl Mark {
    pub(crate) fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }

    fn union(&self, other: &Self) -> Self {
        Self { member: self.member || other.member, below: self.below.union(&other.below) }
    }
}

impl Set {
    /// A set without members.
    #[must_use]
    pub const fn new() -> Self {
        Self { nodes: Vec::new() }
    }

    /// The set of these paths of field names.
    #[must_use]
    pub fn of_names(paths: &[&[&str]]) -> Self {
        let mut set = Self::new();
        for path in paths {
            let path: Vec<_> = path.iter().map(|name| PathElement::field(name)).collect();
            set.insert(&path);
        }
        set
    }

    /// Makes a set of nodes in any order. Nodes with the same element become one with the members of all; empty ones go.
    pub(crate) fn of_nodes(mut nodes: Vec<Node>) -> Self {
        nodes.retain(|node| !node.mark.is_empty());
        if nodes.is_sorted_by(|a, b| a.element < b.element) {
            return Self { nodes };
        }
        nodes.sort_by(|a, b| a.element.cmp(&b.element));
        let mut joined: Vec<Node> = Vec::with_capacity(nodes.len());
        // What is below equal elements is joined at once, so that the cost stays that of sorting.
        let mut below: Vec<Node> = Vec::new();
        for node in nodes {
            match joined.last_mut() {
                Some(last) if last.element == node.element => {
                    last.mark.member |= node.mark.member;
                    below.extend(node.mark.below.nodes);
                }
                _ => {
                    join_below(joined.last_mut(), &mut below);
                    joined.push(node);
                }
            }
        }
        join_below(joined.last_mut(), &mut below);
        Self { nodes: joined }
    }

    /// Members of any of the sets.
    #[must_use]
    pub(crate) fn union_all<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::of_nodes(sets.into_iter().flat_map(|set| set.nodes.iter().cloned()).collect())
    }

    /// Puts a path in. The empty path stands for the whole object, which nobody owns.
    pub fn insert(&mut self, path: &[PathElement]) {
        let Some((first, rest)) = path.split_first() else { return };
        let at = match self.find(first) {
            Ok(at) => at,
            Err(at) => {
                self.nodes.insert(at, Node { element: first.clone(), mark: Mark::default() });
                at
            }
        };
        if rest.is_empty() {
            self.nodes[at].mark.member = true;
        } else {
            self.nodes[at].mark.below.insert(rest);
        }
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether the set has no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many members the set has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.iter().map(|node| usize::from(node.mark.member) + node.mark.below.len()).sum()
    }

    /// Whether this path is a member.
    #[must_use]
    pub fn has(&self, path: &[PathElement]) -> bool {
        match path {
            [] => false,
            [last] => self.has_element(last),
            [first, rest @ ..] => self.below(first).is_some_and(|below| below.has(rest)),
        }
    }

    pub(crate) fn has_element(&self, element: &PathElement) -> bool {
        self.find(element).is_ok_and(|at| self.nodes[at].mark.member)
    }

    /// What is in the set below this element.
    #[must_use]
    pub fn below(&self, element: &PathElement) -> Option<&Self> {
        let below = self.find(element).ok().map(|at| &self.nodes[at].mark.below);
        below.filter(|below| !below.is_empty())
    }

    pub(crate) fn mark(&self, element: &PathElement) -> Option<&Mark> {
        self.find(element).ok().map(|at| &self.nodes[at].mark)
    }

    /// Members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return if self.is_empty() { other.clone() } else { self.clone() };
        }
        let mut nodes = Vec::with_capacity(self.nodes.len().max(other.nodes.len()));
        for (left, right) in Zip::new(self, other) {
            nodes.push(match (left, right) {
                (Some(left), Some(right)) => Node { element: left.element.clone(), mark: left.mark.union(&right.mark) },
                (Some(only), None) | (None, Some(only)) => only.clone(),
                (None, None) => continue,
            });
        }
        Self { nodes }
    }

    /// Members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        if self.nodes.len() > other.nodes.len() {
            return other.intersection_kept(self);
        }
        self.intersection_kept(other)
    }

    fn intersection_kept(&self, other: &Self) -> Self {
        self.with_other(other, |left, right| match right {
            None => Mark::default(),
            Some(right) => {
                let member = left.member && right.member;
                Mark { member, below: left.below.intersection(&right.below) }
            }
        })
    }

    /// Members of this set that are not members of the other. A member of the other takes nothing away that is below it.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.minus(other, |left, right| {
            let member = left.member && !right.member;
            Mark { member, below: left.below.difference(&right.below) }
        })
    }

    /// Members of this set that are neither members of the other nor below one.
    #[must_use]
    pub fn recursive_difference(&self, other: &Self) -> Self {
        self.minus(other, |left, right| {
            if right.member {
                return Mark::default();
            }
            Mark { member: left.member, below: left.below.recursive_difference(&right.below) }
        })
    }

    /// Members with no members below them.
    #[must_use]
    pub fn leaves(&self) -> Self {
        let nodes = self.nodes.iter().map(|node| {
            let below = node.mark.below.leaves();
            let member = node.mark.member && node.mark.below.is_empty();
            Node { element: node.element.clone(), mark: Mark { member, below } }
        });
        Self { nodes: nodes.collect() }
    }

    /// Calls `found` with every member: those of a level first, then what is below each.
    pub fn for_each(&self, found: &mut impl FnMut(&[&PathElement])) {
        self.visit(&mut Vec::new(), found);
    }

    /// Whether elements are in order, once, and lead somewhere.
    #[must_use]
    pub fn check(&self) -> bool {
        self.nodes.is_sorted_by(|a, b| a.element < b.element)
            && self.nodes.iter().all(|node| !node.mark.is_empty() && node.mark.below.check())
    }

    fn visit<'a>(&'a self, path: &mut Vec<&'a PathElement>, found: &mut impl FnMut(&[&PathElement])) {
        for node in self.nodes.iter().filter(|node| node.mark.member) {
            path.push(&node.element);
            found(path);
            path.pop();
        }
        for node in &self.nodes {
            path.push(&node.element);
            node.mark.below.visit(path, found);
            path.pop();
        }
    }

    fn minus(&self, other: &Self, both: impl Fn(&Mark, &Mark) -> Mark) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        self.with_other(other, |left, right| right.map_or_else(|| left.clone(), |right| both(left, right)))
    }

    /// Looks at each node together with that of the other set. A small set does not walk through a large one.
    fn with_other(&self, other: &Self, combine: impl Fn(&Mark, Option<&Mark>) -> Mark) -> Self {
        let node = |left: &Node, right: Option<&Mark>| {
            let mark = combine(&left.mark, right);
            (!mark.is_empty()).then(|| Node { element: left.element.clone(), mark })
        };
        let nodes = if self.nodes.len() < other.nodes.len() / SEARCH_FROM {
            self.nodes.iter().filter_map(|left| node(left, other.mark(&left.element))).collect()
        } else {
            let pairs = Zip::new(self, other);
            pairs.filter_map(|(left, right)| node(left?, right.map(|right| &right.mark))).collect()
        };
        Self { nodes }
    }

    fn find(&self, element: &PathElement) -> Result<usize, usize> {
        self.nodes.binary_search_by(|node| node.element.cmp(element))
    }
}

/// The nodes of two sets side by side, in order.
struct Zip<'a> {
    left: &'a [Node],
    right: &'a [Node],
}

impl<'a> Zip<'a> {
    fn new(left: &'a Set, right: &'a Set) -> Self {
        Self { left: &left.nodes, right: &right.nodes }
    }
}

impl<'a> Iterator for Zip<'a> {
    type Item = (Option<&'a Node>, Option<&'a Node>);

    fn next(&mut self) -> Option<Self::Item> {
        let order = match (self.left.first(), self.right.first()) {
            (None, None) => return None,
            (Some(left), Some(right)) => left.element.cmp(&right.element),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
        };
        let left = if order.is_le() { take_first(&mut self.left) } else { None };
        let right = if order.is_ge() { take_first(&mut self.right) } else { None };
        Some((left, right))
    }
}

fn take_first<'a>(nodes: &mut &'a [Node]) -> Option<&'a Node> {
    let (first, rest) = nodes.split_first()?;
    *nodes = rest;
    Some(first)
}

fn join_below(into: Option<&mut Node>, below: &mut Vec<Node>) {
    if let (Some(into), false) = (into, below.is_empty()) {
        below.extend(std::mem::take(&mut into.mark.below.nodes));
        into.mark.below = Set::of_nodes(std::mem::take(below));
    }
}

/// From how many times its size on a set is searched rather than walked through.
const SEARCH_FROM: usize = 8;
