//! The set of fields that a value has.

use serde_json::{Map, Value};

use super::path::PathElement;
use super::set::{Mark, Node, Set};
use super::shape::{Form, ListShape, MapShape, Shape};
use super::typed::item_element;

/// Every single value, every item of a list with keys, every key of a map, and every piece. Objects with known fields are
/// only members where they are empty.
///
/// The value has passed [`super::typed::validate`]; what does not fit the shape is left out.
#[must_use]
pub fn field_set(shape: Shape<'_>, value: &Value) -> Set {
    mark(shape, value).below
}

fn mark(shape: Shape<'_>, value: &Value) -> Mark {
    let member = Mark { member: true, below: Set::new() };
    match shape.atom().deduce(Some(value)).form() {
        Form::Scalar(_) => member,
        Form::Map(map) if map.atomic => member,
        Form::List(list) if list.is_atomic() => member,
        Form::Map(map) => match value {
            Value::Object(object) => Mark { member: false, below: of_map(&map, object) },
            _ => Mark::default(),
        },
        Form::List(list) => match value {
            Value::Array(items) => Mark { member: false, below: of_list(&list, items) },
            _ => Mark::default(),
        },
        Form::Nothing => Mark::default(),
    }
}

fn of_map(shape: &MapShape<'_>, object: &Map<String, Value>) -> Set {
    let mut nodes = Vec::with_capacity(object.len());
    for (name, value) in object {
        let Some(child) = shape.child(name) else { continue };
        let mut mark = mark(child, value);
        let empty = match value {
            Value::Null => true,
            Value::Object(object) => object.is_empty(),
            _ => false,
        };
        mark.member |= empty || shape.field(name).is_none();
        nodes.push(Node { element: PathElement::field(name), mark });
    }
    Set::of_nodes(nodes)
}

/// An item that is there twice is a member, and has no members below it.
fn of_list(shape: &ListShape<'_>, items: &[Value]) -> Set {
    let mut keyed: Vec<_> = items.iter().filter_map(|item| Some((item_element(shape, item).ok()?, item))).collect();
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut nodes: Vec<Node> = Vec::with_capacity(keyed.len());
    for (element, item) in keyed {
        match nodes.last_mut() {
            Some(last) if last.element == element => last.mark = Mark { member: true, below: Set::new() },
            _ => {
                let below = mark(shape.items, item).below;
                nodes.push(Node { element, mark: Mark { member: true, below } });
            }
        }
    }
    Set::of_nodes(nodes)
}
