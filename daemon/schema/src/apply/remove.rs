//! Taking fields out of an object.

use serde_json::{Map, Value};

use super::path::PathElement;
use super::set::Set;
use super::shape::{Form, ListShape, MapShape, Shape};
use super::typed::item_element;

/// The object without these fields, items and keys. An object, map or list out of which something was taken stays, empty if
/// need be. Pieces are not looked into.
#[must_use]
pub fn remove(shape: Shape<'_>, value: &Value, fields: &Set) -> Value {
    match shape.atom().deduce(Some(value)).form() {
        Form::Map(map) => match value {
            Value::Object(object) if !object.is_empty() && !map.atomic => from_map(&map, object, fields),
            _ => Value::Null,
        },
        Form::List(list) => match value {
            Value::Array(items) if !items.is_empty() && !list.is_atomic() => from_list(&list, items, fields),
            _ => Value::Null,
        },
        Form::Scalar(_) => value.clone(),
        Form::Nothing => Value::Null,
    }
}

fn from_map(shape: &MapShape<'_>, object: &Map<String, Value>, fields: &Set) -> Value {
    let mut kept = Map::with_capacity(object.len());
    let mut touched = false;
    for (name, value) in object {
        let element = PathElement::field(name);
        match fields.mark(&element) {
            None => {
                kept.insert(name.clone(), value.clone());
            }
            Some(mark) if mark.member => {}
            Some(mark) => {
                touched = true;
                let value = shape.child(name).map_or(Value::Null, |child| inside(child, value, &mark.below));
                kept.insert(name.clone(), value);
            }
        }
    }
    if kept.is_empty() && !touched { Value::Null } else { Value::Object(kept) }
}

fn from_list(shape: &ListShape<'_>, items: &[Value], fields: &Set) -> Value {
    let mut kept = Vec::with_capacity(items.len());
    for item in items {
        let element = item_element(shape, item).ok();
        match element.and_then(|element| fields.mark(&element)) {
            None => kept.push(item.clone()),
            Some(mark) if mark.member => {}
            Some(mark) => kept.push(inside(shape.items, item, &mark.below)),
        }
    }
    if kept.is_empty() { Value::Null } else { Value::Array(kept) }
}

/// Keeps the empty shell of what has lost everything.
fn inside(shape: Shape<'_>, value: &Value, fields: &Set) -> Value {
    match (remove(shape, value, fields), value) {
        (Value::Null, Value::Object(_)) => Value::Object(Map::new()),
        (Value::Null, Value::Array(_)) => Value::Array(Vec::new()),
        (rest, _) => rest,
    }
}
