//! The types of objects as expressions see them when they are checked against a certain kind
//! (k8s.io/apiserver/pkg/cel/common/schemas.go).

use std::collections::BTreeMap;
use std::sync::Arc;

use hanse_cel::ty::{FieldType, ObjectType, Type};
use hanse_cel::value::escape::escape;
use hanse_schema::field::{FieldKind, TypeDescriptor};
use hanse_schema::kind::{Kind, Shape};
use hanse_schema::structural::schema::{JsonType, Schema};
use hanse_schema::types::meta::OBJECT_META;

/// The type of a kind's objects; nothing for one that holds itself, whose type has no end.
pub(crate) fn of(kind: &Kind) -> Option<Type> {
    match &kind.shape {
        Shape::Typed(descriptor) => described(descriptor, &kind.kind, &mut Vec::new()),
        Shape::Structural(custom) => {
            let mut fields = fields_of(&custom.schema, &kind.kind, DEPTH_MAX);
            fields.insert("apiVersion".into(), FieldType::unbounded(Type::String));
            fields.insert("kind".into(), FieldType::unbounded(Type::String));
            let metadata = described(&OBJECT_META, &format!("{}.metadata", kind.kind), &mut Vec::new())?;
            fields.insert("metadata".into(), FieldType::unbounded(metadata));
            Some(object(&kind.kind, fields))
        }
    }
}

fn object(name: &str, fields: BTreeMap<Box<str>, FieldType>) -> Type {
    Type::Object(Arc::new(ObjectType { name: name.into(), fields, open: false }))
}

/// A built-in type, below those in which it stands.
fn described(
    descriptor: &'static TypeDescriptor,
    name: &str,
    around: &mut Vec<&'static TypeDescriptor>,
) -> Option<Type> {
    if around.iter().any(|outer| std::ptr::eq(*outer, descriptor)) {
        return None;
    }
    around.push(descriptor);
    let mut fields = BTreeMap::new();
    for field in descriptor.fields {
        let ty = field_type(&field.kind, &format!("{name}.{}", field.name), around)?;
        if let Some(escaped) = escape(field.name) {
            fields.insert(escaped.into(), FieldType::unbounded(ty));
        }
    }
    around.pop();
    Some(object(name, fields))
}

fn field_type(kind: &FieldKind, name: &str, around: &mut Vec<&'static TypeDescriptor>) -> Option<Type> {
    Some(match kind {
        FieldKind::String => Type::String,
        FieldKind::Int32 | FieldKind::Int64 => Type::Int,
        FieldKind::Double => Type::Double,
        FieldKind::Bool => Type::Bool,
        FieldKind::Bytes => Type::Bytes,
        FieldKind::Time | FieldKind::MicroTime => Type::Timestamp,
        FieldKind::Map(value) => Type::Map(Arc::new(Type::String), Arc::new(field_type(value, name, around)?)),
        FieldKind::List(list) => Type::List(Arc::new(field_type(list.of, name, around)?)),
        FieldKind::Object(descriptor) => described(descriptor, name, around)?,
        // Nothing is known of them, or they may be of several types.
        FieldKind::Any | FieldKind::Quantity | FieldKind::Json(_) | FieldKind::ObjectOr(..) => Type::Dyn,
    })
}

/// The type of a node of a schema; nothing for one of which nothing is known, which expressions do not see.
fn structural(schema: &Schema, name: &str, depth: usize) -> Option<Type> {
    let depth = depth.checked_sub(1)?;
    if schema.int_or_string {
        return Some(Type::Dyn);
    }
    let format = schema.validation.as_deref().and_then(|validation| validation.format.as_ref());
    Some(match schema.kind? {
        JsonType::Boolean => Type::Bool,
        JsonType::Integer => Type::Int,
        JsonType::Number => Type::Double,
        JsonType::String => match format.map_or("", |format| &format.name) {
            "byte" => Type::Bytes,
            "duration" => Type::Duration,
            "date" | "date-time" => Type::Timestamp,
            _ => Type::String,
        },
        JsonType::Array => {
            let items = schema.items.as_deref()?;
            Type::List(Arc::new(structural(items, &format!("{name}.@idx"), depth)?))
        }
        JsonType::Object => match schema.additional.schema() {
            Some(values) => {
                let values = structural(values, &format!("{name}.@elem"), depth)?;
                Type::Map(Arc::new(Type::String), Arc::new(values))
            }
            None => object(name, fields_of(schema, name, depth)),
        },
    })
}

fn fields_of(schema: &Schema, name: &str, depth: usize) -> BTreeMap<Box<str>, FieldType> {
    let each = schema.properties.iter().filter_map(|(key, property)| {
        let ty = structural(property, &format!("{name}.{key}"), depth)?;
        Some((escape(key)?.into_boxed_str(), FieldType::unbounded(ty)))
    });
    each.collect()
}

/// Deeper fields are not seen. A schema is not nested deeper than its reader allows, which is about this.
const DEPTH_MAX: usize = 128;
