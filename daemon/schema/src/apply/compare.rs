//! What differs between two objects of one shape, as sets of fields.

use serde_json::{Map, Value};

use super::path::PathElement;
use super::problem::{Problems, Trail};
use super::set::{Mark, Node, Set};
use super::shape::{Atom, Form, ListShape, MapShape, Shape};
use super::typed::{check_scalar, item_element};
use super::value;

/// What differs between two objects. No field is in two of the sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What only the new object has.
    pub added: Set,
    /// What both have, with different values.
    pub modified: Set,
    /// What only the old object had.
    pub removed: Set,
}

impl Comparison {
    /// Leaves these fields out, and everything below them.
    #[must_use]
    pub fn without(self, ignored: &Set) -> Self {
        if ignored.is_empty() {
            return self;
        }
        Self {
            added: self.added.recursive_difference(ignored),
            modified: self.modified.recursive_difference(ignored),
            removed: self.removed.recursive_difference(ignored),
        }
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }
}

/// Compares two objects. Both have passed [`super::typed::validate`].
///
/// # Errors
/// What does not fit the shape.
pub fn compare(shape: Shape<'_>, old: &Value, new: &Value) -> Result<Comparison, Problems> {
    let mut walk = Walk { problems: Problems::default() };
    let marks = walk.node(shape, Pair { old: Some(old), new: Some(new) }, &Trail::Root);
    walk.problems.done(Comparison {
        added: marks.added.below,
        modified: marks.modified.below,
        removed: marks.removed.below,
    })
}

/// Two values, of which at most one is absent.
#[derive(Clone, Copy)]
struct Pair<'a> {
    old: Option<&'a Value>,
    new: Option<&'a Value>,
}

/// What differs at a field and below it.
#[derive(Default)]
struct Marks {
    added: Mark,
    modified: Mark,
    removed: Mark,
}

impl Marks {
    fn leaf(pair: Pair<'_>) -> Self {
        let mut marks = Self::default();
        match (pair.old, pair.new) {
            (None, _) => marks.added.member = true,
            (_, None) => marks.removed.member = true,
            (Some(old), Some(new)) => marks.modified.member = !value::equal(old, new),
        }
        marks
    }

    fn union(self, other: Self) -> Self {
        let join = |a: Mark, b: Mark| Mark { member: a.member || b.member, below: a.below.union(&b.below) };
        Self {
            added: join(self.added, other.added),
            modified: join(self.modified, other.modified),
            removed: join(self.removed, other.removed),
        }
    }
}

/// Nodes of the three sets at one level.
#[derive(Default)]
struct Level {
    added: Vec<Node>,
    modified: Vec<Node>,
    removed: Vec<Node>,
}

impl Level {
    /// Makes the element only where something differs.
    fn push(&mut self, element: impl Fn() -> PathElement, marks: Marks) {
        for (nodes, mark) in
            [(&mut self.added, marks.added), (&mut self.modified, marks.modified), (&mut self.removed, marks.removed)]
        {
            if !mark.is_empty() {
                nodes.push(Node { element: element(), mark });
            }
        }
    }

    fn marks(self) -> Marks {
        let below = |nodes| Mark { member: false, below: Set::of_nodes(nodes) };
        Marks { added: below(self.added), modified: below(self.modified), removed: below(self.removed) }
    }
}

struct Walk {
    problems: Problems,
}

impl Walk {
    fn node(&mut self, shape: Shape<'_>, pair: Pair<'_>, at: &Trail<'_>) -> Marks {
        let atom = shape.atom();
        let old = atom.deduce(pair.old);
        let new = atom.deduce(pair.new);
        // An absent value takes any form, so the other one decides. Two forms are looked at both ways.
        let (marks, leaf) = match (pair.old, pair.new) {
            (_, None) => self.form(&old, pair, at),
            (Some(_), Some(_)) if !old.same(&new) => {
                let (as_old, _) = self.form(&old, pair, at);
                let (as_new, leaf) = self.form(&new, pair, at);
                (as_old.union(as_new), leaf)
            }
            _ => self.form(&new, pair, at),
        };
        let mut marks = marks;
        if !leaf {
            marks.added.member |= pair.old.is_none();
            marks.removed.member |= pair.old.is_some() && pair.new.is_none();
        }
        marks
    }

    /// What differs, and whether the values are one piece.
    fn form(&mut self, atom: &Atom<'_>, pair: Pair<'_>, at: &Trail<'_>) -> (Marks, bool) {
        match atom.form() {
            Form::Map(map) => {
                let old = pair.old.and_then(Value::as_object).filter(|map| !map.is_empty());
                let new = pair.new.and_then(Value::as_object).filter(|map| !map.is_empty());
                // Empty and null are told apart as one piece.
                if map.atomic || old.is_none() && new.is_none() {
                    return (Marks::leaf(pair), true);
                }
                (self.map(&map, old, new, at), false)
            }
            Form::List(list) => {
                let old = pair.old.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                let new = pair.new.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                if list.is_atomic() || old.is_empty() && new.is_empty() {
                    return (Marks::leaf(pair), true);
                }
                (self.list(&list, old, new, at), false)
            }
            Form::Scalar(scalar) => {
                let check = |side: Option<&Value>| side.map_or(Ok(()), |value| check_scalar(scalar, value));
                if let (Err(old), Err(new)) = (check(pair.old), check(pair.new)) {
                    self.problems.add(at, format!("lhs: {old}"));
                    self.problems.add(at, format!("rhs: {new}"));
                    return (Marks::default(), false);
                }
                (Marks::leaf(pair), true)
            }
            Form::Nothing => {
                self.problems.add(at, "schema error: invalid atom: inlined");
                (Marks::default(), false)
            }
        }
    }

    fn map(
        &mut self,
        shape: &MapShape<'_>,
        old: Option<&Map<String, Value>>,
        new: Option<&Map<String, Value>>,
        at: &Trail<'_>,
    ) -> Marks {
        let mut level = Level::default();
        let mut visit = |name: &str, pair: Pair<'_>| {
            let at = Trail::Field(at, name);
            match shape.child(name) {
                Some(child) => level.push(|| PathElement::field(name), self.node(child, pair, &at)),
                None => self.problems.add(&at, "schema error: invalid atom: inlined"),
            }
        };
        for (name, value) in old.into_iter().flatten() {
            visit(name, Pair { old: Some(value), new: new.and_then(|new| new.get(name)) });
        }
        for (name, value) in new.into_iter().flatten() {
            if !old.is_some_and(|old| old.contains_key(name)) {
                visit(name, Pair { old: None, new: Some(value) });
            }
        }
        level.marks()
    }

    fn list(&mut self, shape: &ListShape<'_>, old: &[Value], new: &[Value], at: &Trail<'_>) -> Marks {
        let mut items = self.keyed(shape, old, at, Side::Old);
        items.extend(self.keyed(shape, new, at, Side::New));
        items.sort_by(|a, b| a.element.cmp(&b.element).then(a.side.cmp(&b.side)));
        let mut level = Level::default();
        for group in items.chunk_by(|a, b| a.element == b.element) {
            let (old, new) = group.split_at(group.partition_point(|item| item.side == Side::Old));
            let element = &group[0].element;
            let marks = self.group(shape, (old, new), &Trail::Element(at, element));
            level.push(|| element.clone(), marks);
        }
        level.marks()
    }

    /// Compares the items with one key. Items that are there twice are one piece.
    fn group(&mut self, shape: &ListShape<'_>, sides: (&[Item<'_>], &[Item<'_>]), at: &Trail<'_>) -> Marks {
        let (old, new) = sides;
        let mut marks = Marks::default();
        match (old.len(), new.len()) {
            (0 | 1, 0 | 1) => {
                let pair = Pair { old: first_value(old), new: first_value(new) };
                return self.node(shape.items, pair, at);
            }
            (2.., 2..) => {
                let same =
                    old.len() == new.len() && old.iter().zip(new).all(|(old, new)| value::equal(old.value, new.value));
                marks.modified.member = !same;
            }
            (2.., _) => {
                if let Some(new) = first_value(new) {
                    marks = self.node(shape.items, Pair { old: None, new: Some(new) }, at);
                }
                marks.removed.member = true;
            }
            _ => {
                if let Some(old) = first_value(old) {
                    marks = self.node(shape.items, Pair { old: Some(old), new: None }, at);
                }
                marks.added.member = true;
            }
        }
        marks
    }

    fn keyed<'v>(&mut self, shape: &ListShape<'_>, values: &'v [Value], at: &Trail<'_>, side: Side) -> Vec<Item<'v>> {
        let mut items = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            match item_element(shape, value) {
                Ok(element) => items.push(Item { element, side, value }),
                Err(message) => self.problems.add(at, format!("element {index}: {message}")),
            }
        }
        items
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Old,
    New,
}

struct Item<'v> {
    element: PathElement,
    side: Side,
    value: &'v Value,
}

fn first_value<'v>(items: &[Item<'v>]) -> Option<&'v Value> {
    items.first().map(|item| item.value)
}
