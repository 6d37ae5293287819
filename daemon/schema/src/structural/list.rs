//! Lists whose items are unique: sets, and lists of objects that are told apart by keys.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::path::Path;
use super::schema::{ListType, Schema};
use super::words::{Findings, about};
use crate::cause::CauseReason;

/// Finds items that occur again.
pub(crate) fn validate(value: &Value, schema: &Schema, path: &Path<'_>, findings: &mut Findings) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if let Some(next) = schema.additional.schema() {
                    validate(inner, next, &path.key(key), findings);
                }
                if let Some(property) = schema.properties.get(key.as_str()) {
                    validate(inner, property, &path.child(key), findings);
                }
            }
        }
        Value::Array(items) => {
            match &schema.list_type {
                ListType::Atomic => {}
                ListType::Set => {
                    for position in repeated(items) {
                        let Some(item) = items.get(position) else { continue };
                        let place = path.index(position);
                        findings.add(|| about(CauseReason::Duplicate, place.render(), item, ""));
                    }
                }
                ListType::Map(keys) => validate_keys(items, keys, path, findings),
            }
            if let Some(next) = schema.items.as_deref() {
                for (position, item) in items.iter().enumerate() {
                    validate(item, next, &path.index(position), findings);
                }
            }
        }
        _ => {}
    }
}

fn validate_keys(items: &[Value], keys: &[Box<str>], path: &Path<'_>, findings: &mut Findings) {
    let wrong = items.iter().position(|item| !item.is_object() && !item.is_null());
    if let Some((position, item)) = wrong.and_then(|position| Some((position, items.get(position)?))) {
        let detail = "must be an object for an array of list-type map";
        findings.add(|| about(CauseReason::Invalid, path.index(position).render(), item, detail));
        return;
    }
    let key_of = |item: &Value| {
        let mut key = Map::new();
        for name in keys {
            if let Some(value) = item.get(name.as_ref()) {
                key.insert(name.to_string(), value.clone());
            }
        }
        Value::Object(key)
    };
    let found: Vec<Value> = items.iter().map(key_of).collect();
    for position in repeated(&found) {
        let Some(key) = found.get(position) else { continue };
        findings.add(|| about(CauseReason::Duplicate, path.index(position).render(), key, ""));
    }
}

/// The positions at which values occur for the second time.
fn repeated(items: &[Value]) -> Vec<usize> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut positions = Vec::new();
    for (position, item) in items.iter().enumerate() {
        let times = seen.entry(super::words::json(item)).or_default();
        *times += 1;
        if *times == 2 {
            positions.push(position);
        }
    }
    positions
}
