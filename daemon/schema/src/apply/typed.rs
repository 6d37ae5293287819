//! Values with a shape: what is wrong with them, and how the items of their lists are told apart.

use std::collections::BTreeSet;

use serde_json::Value;

use super::path::PathElement;
use super::problem::{Problems, Trail};
use super::shape::{Form, Keys, ListKind, ListShape, MapShape, Scalar, Shape};
use super::value;

/// Whether a set or a list with keys may have an item twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// Stored objects may: their writers are not all held to the type of the list.
    Allowed,
    /// What is applied may not.
    Refused,
}

/// Finds what is wrong with a value for server-side apply. Nothing else is checked.
///
/// # Errors
/// What is wrong, in upstream's words.
pub fn validate(shape: Shape<'_>, value: &Value, duplicates: Duplicates) -> Result<(), Problems> {
    let mut validation = Validation { duplicates, problems: Problems::default() };
    validation.node(shape, value, &Trail::Root);
    validation.problems.done(())
}

struct Validation {
    duplicates: Duplicates,
    problems: Problems,
}

impl Validation {
    fn node(&mut self, shape: Shape<'_>, value: &Value, at: &Trail<'_>) {
        match shape.atom().deduce(Some(value)).form() {
            Form::Map(map) => self.map(&map, value, at),
            Form::Scalar(scalar) => {
                if let Err(message) = check_scalar(scalar, value) {
                    self.problems.add(at, message);
                }
            }
            Form::List(list) => self.list(&list, value, at),
            Form::Nothing => self.problems.add(at, "schema error: invalid atom: inlined"),
        }
    }

    fn map(&mut self, shape: &MapShape<'_>, value: &Value, at: &Trail<'_>) {
        let map = match value {
            Value::Object(map) => map,
            Value::Null => return,
            other => return self.problems.add(at, format!("expected map, got {}", value::plain(other))),
        };
        for (name, value) in map {
            let at = Trail::Field(at, name);
            match shape.child(name) {
                Some(shape) => self.node(shape, value, &at),
                // Upstream looks no further either.
                None => return self.problems.add(&at, "field not declared in schema"),
            }
        }
    }

    fn list(&mut self, shape: &ListShape<'_>, value: &Value, at: &Trail<'_>) {
        let items = match value {
            Value::Array(items) => items,
            Value::Null => return,
            other => return self.problems.add(at, format!("expected list, got {}", value::plain(other))),
        };
        if shape.is_atomic() {
            for (index, item) in (0..).zip(items) {
                self.node(shape.items, item, &Trail::Element(at, &PathElement::Index(index)));
            }
            return;
        }
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let element = match item_element(shape, item) {
                Ok(element) => element,
                Err(message) => return self.problems.add(at, format!("element {index}: {message}")),
            };
            if self.duplicates == Duplicates::Refused && seen.contains(&element) {
                self.problems.add(at, format!("duplicate entries for key {element}"));
            }
            self.node(shape.items, item, &Trail::Element(at, &element));
            if self.duplicates == Duplicates::Refused {
                seen.insert(element);
            }
        }
    }
}

/// Says what is wrong with a single value.
pub(crate) fn check_scalar(scalar: Scalar, value: &Value) -> Result<(), String> {
    let good = match (scalar, value) {
        (_, Value::Null)
        | (Scalar::Numeric, Value::Number(_))
        | (Scalar::String, Value::String(_))
        | (Scalar::Boolean, Value::Bool(_)) => true,
        (Scalar::Untyped, value) => !matches!(value, Value::Array(_) | Value::Object(_)),
        _ => false,
    };
    if good {
        return Ok(());
    }
    Err(match scalar {
        Scalar::Numeric => format!("expected numeric (int or float), got {}", value::type_name(value)),
        Scalar::String => format!("expected string, got {}", value::debug(value)),
        Scalar::Boolean => format!("expected boolean, got {}", value::plain(value)),
        Scalar::Untyped => format!("expected any scalar, got {}", value::plain(value)),
    })
}

/// The path element that tells this item from others of its list.
///
/// # Errors
/// The item has none, in upstream's words.
pub(crate) fn item_element(list: &ListShape<'_>, item: &Value) -> Result<PathElement, String> {
    match list.kind {
        ListKind::Atomic => Err("invalid indexing of non-associative list".to_owned()),
        ListKind::Set => set_element(item),
        ListKind::Map(keys) => keyed_element(list, keys, item),
    }
}

fn set_element(item: &Value) -> Result<PathElement, String> {
    match item {
        Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
        Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
        Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
        scalar => Ok(PathElement::value(scalar.clone())),
    }
}

fn keyed_element(list: &ListShape<'_>, keys: Keys<'_>, item: &Value) -> Result<PathElement, String> {
    let map = match item {
        Value::Object(map) => map,
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let mut fields = Vec::new();
    for name in keys.iter() {
        if let Some(value) = map.get(name).cloned().or_else(|| list.key_default(name)) {
            fields.push((Box::from(name), value));
        }
    }
    if fields.is_empty() {
        let names: Vec<_> = keys.iter().map(crate::cause::quote).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] \
             (and doesn't have default values for any key fields)",
            names.join(" ")
        ));
    }
    Ok(PathElement::key(fields))
}
