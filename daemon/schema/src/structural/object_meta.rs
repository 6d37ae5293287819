//! Embedded resources: their `apiVersion`, `kind` and `metadata` are read and checked as those of any object.

use serde_json::{Map, Value};

use super::path::Path;
use super::prune::{Root, Unknown};
use super::schema::Schema;
use super::words::{Findings, about};
use crate::cause::{Cause, CauseReason};
use crate::decode::FieldValidation;
use crate::decode::untyped::fields;
use crate::format::dns_1035_label;
use crate::metadata;
use crate::types::meta::OBJECT_META;

/// What is done about metadata of the wrong type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// It is refused: it comes from a client.
    Refuse,
    /// It is left out: it is stored, or part of a default.
    Drop,
}

/// Brings the metadata of embedded resources into canonical form and takes unknown fields of it away.
///
/// # Errors
/// The first thing that has the wrong type.
pub(crate) fn coerce(
    value: &mut Value,
    schema: &Schema,
    root: Root,
    malformed: Malformed,
    unknown: &mut Unknown,
) -> Result<(), Cause> {
    Coercer { malformed, unknown }.walk(value, schema, root, &Path::ROOT)
}

/// [`coerce`] for a value that has its place in a message.
pub(crate) fn coerce_at(value: &mut Value, schema: &Schema, root: Root, path: &Path<'_>) -> Result<(), Cause> {
    Coercer { malformed: Malformed::Refuse, unknown: &mut Unknown::unwanted() }.walk(value, schema, root, path)
}

struct Coercer<'u> {
    malformed: Malformed,
    unknown: &'u mut Unknown,
}

impl Coercer<'_> {
    fn walk(&mut self, value: &mut Value, schema: &Schema, root: Root, path: &Path<'_>) -> Result<(), Cause> {
        match value {
            Value::Object(map) => {
                if root == Root::Resource || schema.embedded_resource {
                    self.resource(map, path)?;
                }
                for (key, inner) in map {
                    if let Some(property) = schema.properties.get(key.as_str()) {
                        self.walk(inner, property, Root::Value, &path.child(key))?;
                    } else if let Some(next) = schema.additional.schema() {
                        self.walk(inner, next, Root::Value, &path.key(key))?;
                    }
                }
            }
            Value::Array(items) => {
                let Some(next) = schema.items.as_deref() else { return Ok(()) };
                for (position, item) in items.iter_mut().enumerate() {
                    self.walk(item, next, Root::Value, &path.index(position))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn resource(&mut self, map: &mut Map<String, Value>, path: &Path<'_>) -> Result<(), Cause> {
        for key in ["apiVersion", "kind"] {
            let Some(wrong) = map.get(key).filter(|value| !value.is_string()) else { continue };
            if self.malformed == Malformed::Refuse {
                return Err(about(CauseReason::Invalid, path.child(key).render(), wrong, "must be a string"));
            }
            map.shift_remove(key);
        }
        let Some(metadata) = map.get_mut("metadata") else { return Ok(()) };
        match typed(metadata, self.unknown, &path.child("metadata")) {
            Ok(canonical) => *metadata = canonical,
            Err(_) if self.malformed == Malformed::Drop => drop_malformed(metadata),
            Err(why) => {
                return Err(about(CauseReason::Invalid, path.child("metadata").render(), metadata, &why));
            }
        }
        Ok(())
    }
}

/// Metadata in canonical form. Keys are sorted, as everywhere in a custom resource below its own metadata.
fn typed(metadata: &Value, unknown: &mut Unknown, path: &Path<'_>) -> Result<Value, String> {
    let validation = if unknown.is_wanted() { FieldValidation::Warn } else { FieldValidation::Ignore };
    let mut fields = fields(&OBJECT_META, metadata, validation)?;
    for complaint in fields.complaints {
        if let Some(field) = unknown_field(&complaint) {
            unknown.add(|| format!("{}.{field}", path.render()));
        }
    }
    fields.map.sort_keys();
    Ok(Value::Object(fields.map))
}

/// The path in `unknown field "path"`.
pub(crate) fn unknown_field(complaint: &str) -> Option<&str> {
    complaint.strip_prefix("unknown field \"")?.strip_suffix('"')
}

/// Keeps the fields that have the right type; what is no object at all stays as it is.
pub(crate) fn drop_malformed(metadata: &mut Value) {
    let Value::Object(map) = metadata else { return };
    let mut good = Map::new();
    for (key, value) in &*map {
        let mut single = Map::new();
        single.insert(key.clone(), value.clone());
        if let Ok(fields) = fields(&OBJECT_META, &Value::Object(single), FieldValidation::Ignore) {
            good.extend(fields.map);
        }
    }
    good.sort_keys();
    *map = good;
}

/// What is wrong with embedded resources.
pub(crate) fn validate(value: &Value, schema: &Schema, root: Root, path: &Path<'_>, findings: &mut Findings) {
    match value {
        Value::Object(map) => {
            if root == Root::Resource || schema.embedded_resource {
                validate_resource(map, path, findings);
            }
            for (key, inner) in map {
                if let Some(property) = schema.properties.get(key.as_str()) {
                    validate(inner, property, Root::Value, &path.child(key), findings);
                } else if let Some(next) = schema.additional.schema() {
                    validate(inner, next, Root::Value, &path.key(key), findings);
                }
            }
        }
        Value::Array(items) => {
            let Some(next) = schema.items.as_deref() else { return };
            for (position, item) in items.iter().enumerate() {
                validate(item, next, Root::Value, &path.index(position), findings);
            }
        }
        _ => {}
    }
}

fn validate_resource(map: &Map<String, Value>, path: &Path<'_>, findings: &mut Findings) {
    for key in ["apiVersion", "kind"] {
        if !map.contains_key(key) {
            findings.add(|| Cause::required(path.child(key).render(), ""));
        }
    }
    if let Some(value) = map.get("apiVersion") {
        validate_text(value, &path.child("apiVersion"), findings, |text| {
            let wrong = text.matches('/').count() > 1;
            wrong.then(|| format!("unexpected GroupVersion string: {text}"))
        });
    }
    if let Some(value) = map.get("kind") {
        validate_text(value, &path.child("kind"), findings, |text| {
            let complaints = dns_1035_label(&text.to_lowercase());
            let wrong = !complaints.is_empty();
            wrong.then(|| format!("may have mixed case, but should otherwise match: {}", complaints.join(",")))
        });
    }
    if let Some(value) = map.get("metadata") {
        let place = path.child("metadata");
        match fields(&OBJECT_META, value, FieldValidation::Ignore) {
            Err(why) => findings.add(|| about(CauseReason::Invalid, place.render(), value, &why)),
            Ok(fields) => {
                let mut object = Map::new();
                object.insert("metadata".to_owned(), Value::Object(fields.map));
                let mut causes = Vec::new();
                metadata::validate_embedded(&Value::Object(object), &mut causes);
                let outer = path.render();
                for mut cause in causes {
                    if !path.is_root() {
                        cause.field = format!("{outer}.{}", cause.field);
                    }
                    findings.add(|| cause);
                }
            }
        }
    }
}

/// A text that must not be empty, with a further check.
fn validate_text(value: &Value, path: &Path<'_>, findings: &mut Findings, check: impl FnOnce(&str) -> Option<String>) {
    let wrong = match value.as_str() {
        None => Some("must be a string".to_owned()),
        Some("") => Some("must not be empty".to_owned()),
        Some(text) => check(text),
    };
    if let Some(wrong) = wrong {
        findings.add(|| about(CauseReason::Invalid, path.render(), value, &wrong));
    }
}
