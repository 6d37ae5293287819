//! Zero values: which are left out of an object, and how the others are written.

use serde_json::{Map, Value};

use crate::field::{Field, FieldKind, Presence, TypeDescriptor};

/// Makes the object, in the order of the table. The slots are empty afterwards.
pub(crate) fn build(descriptor: &TypeDescriptor, slots: &mut [Option<Value>]) -> Map<String, Value> {
    let filled = slots.iter().filter(|slot| slot.is_some()).count();
    let mut map = Map::with_capacity(filled);
    for (field, slot) in descriptor.fields.iter().zip(slots) {
        if let Some(value) = written_field(field, slot.take()) {
            map.insert(field.name.to_owned(), value);
        }
    }
    map
}

/// What stands in an object for this value of a field; nothing when the field is left out.
pub(crate) fn written_field(field: &Field, value: Option<Value>) -> Option<Value> {
    match (value, field.presence) {
        (Some(value), Presence::OmitEmpty) if is_zero(&value) => None,
        (Some(Value::Null) | None, Presence::Always) => Some(written(&field.kind)),
        (Some(Value::Null) | None, Presence::Nullable) => Some(Value::Null),
        (Some(Value::Null), Presence::Optional) => None,
        (value, _) => value,
    }
}

/// What stands for null inside a list or a map.
pub(crate) fn zero(kind: &FieldKind) -> Value {
    match kind {
        FieldKind::Bytes => Value::String(String::new()),
        other => written(other),
    }
}

/// How a zero value is written where it must be.
fn written(kind: &FieldKind) -> Value {
    match kind {
        FieldKind::String => Value::String(String::new()),
        FieldKind::Int32 | FieldKind::Int64 | FieldKind::Double => Value::from(0),
        FieldKind::Quantity => Value::from("0"),
        FieldKind::Bool => Value::Bool(false),
        FieldKind::Object(descriptor) => Value::Object(empty(descriptor)),
        FieldKind::Bytes
        | FieldKind::Time
        | FieldKind::MicroTime
        | FieldKind::Map(_)
        | FieldKind::List(_)
        | FieldKind::Any
        | FieldKind::Json(_)
        | FieldKind::ObjectOr(..) => Value::Null,
    }
}

/// An object in which nothing is given.
pub(crate) fn empty(descriptor: &TypeDescriptor) -> Map<String, Value> {
    let zero = |field: &Field| Some((field.name.to_owned(), written_field(field, None)?));
    descriptor.fields.iter().filter_map(zero).collect()
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}
