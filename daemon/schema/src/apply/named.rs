//! Two ways in which a set of fields follows its shape: known fields become members, and pieces become one.

use super::path::PathElement;
use super::set::{Mark, Node, Set};
use super::shape::{Form, Shape};

/// The set with every known field in it that leads to a member. Keys of maps are left as they are.
#[must_use]
pub(crate) fn with_known_fields(shape: Option<Shape<'_>>, set: &Set) -> Set {
    let atom = shape.map(|shape| shape.atom()).unwrap_or_default();
    let nodes = set.nodes().iter().map(|node| {
        let mut member = node.mark.member;
        if node.mark.below.is_empty() {
            return node.clone();
        }
        let child = match &node.element {
            PathElement::Field(name) => {
                let known = atom.map.and_then(|map| map.field(name));
                member |= known.is_some();
                known.or_else(|| atom.map.and_then(|map| map.element()))
            }
            PathElement::Key(_) => atom.list.map(|list| list.items),
            PathElement::Value(_) | PathElement::Index(_) => None,
        };
        let below = with_known_fields(child, &node.mark.below);
        Node { element: node.element.clone(), mark: Mark { member, below } }
    });
    Set::of_nodes(nodes.collect())
}

/// The set as it is when something that had parts when the set was written is one piece by its shape: who owned a part owns
/// the piece. Nothing when nothing changes.
#[must_use]
pub(crate) fn reconciled(shape: Shape<'_>, set: &Set) -> Option<Set> {
    let form = shape.atom().form();
    let is_left = match &form {
        Form::Map(map) => map.is_unknown() || map.atomic,
        Form::List(list) => list.is_atomic(),
        Form::Scalar(_) | Form::Nothing => true,
    };
    if is_left {
        return None;
    }
    // Nothing is copied until something changes, which is hardly ever.
    let mut changed: Option<Vec<Node>> = None;
    for (index, node) in set.nodes().iter().enumerate() {
        let child = match (&form, &node.element) {
            (Form::List(list), _) => Some(list.items),
            (Form::Map(map), PathElement::Field(name)) => map.child(name),
            (Form::Map(map), _) => map.element(),
            _ => None,
        };
        if let Some(mark) = child.and_then(|child| reconciled_mark(child, &node.mark)) {
            changed.get_or_insert_with(|| set.nodes().to_vec())[index].mark = mark;
        }
    }
    changed.map(Set::of_nodes)
}

fn reconciled_mark(shape: Shape<'_>, mark: &Mark) -> Option<Mark> {
    if mark.below.is_empty() {
        return None;
    }
    let piece = match shape.atom().form() {
        Form::Map(map) => map.atomic && !map.is_unknown(),
        Form::List(list) => list.is_atomic(),
        Form::Scalar(_) | Form::Nothing => false,
    };
    if piece {
        return Some(Mark { member: true, below: Set::new() });
    }
    reconciled(shape, &mark.below).map(|below| Mark { member: mark.member, below })
}
