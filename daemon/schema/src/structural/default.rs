//! Defaulting, and what is done about nulls before it.

use serde_json::{Map, Value};

use super::schema::Schema;

/// Defaults would make an object larger than objects may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("defaults make the object too large")]
pub struct TooLarge;

/// Takes away nulls where null is no value and there is no default to put in their place.
pub fn prune_nulls(value: &mut Value, schema: &Schema) {
    nulls(value, Some(schema));
}

fn nulls(value: &mut Value, schema: Option<&Schema>) {
    match value {
        Value::Object(map) => map.retain(|key, inner| {
            let next = schema.and_then(|schema| schema.field(key));
            let gone = inner.is_null() && next.is_some_and(|next| !next.nullable && next.default.is_none());
            if !gone {
                nulls(inner, next);
            }
            !gone
        }),
        Value::Array(items) => {
            let next = schema.and_then(|schema| schema.items.as_deref());
            for item in items {
                nulls(item, next);
            }
        }
        _ => {}
    }
}

/// Fills in what the value leaves out, and what is null where null is no value. Keys come out sorted where some were filled in.
///
/// # Errors
/// [`TooLarge`] when the defaults would be larger together than an object can be. The value is defaulted in part then.
pub fn apply(value: &mut Value, schema: &Schema) -> Result<(), TooLarge> {
    fill(value, schema, &mut Budget { bytes: DEFAULTS_BYTES_MAX })
}

fn fill(value: &mut Value, schema: &Schema, budget: &mut Budget) -> Result<(), TooLarge> {
    match value {
        Value::Object(map) => fill_map(map, schema, budget),
        Value::Array(items) => {
            let Some(next) = schema.items.as_deref() else { return Ok(()) };
            for item in items {
                replace_null(item, next, budget)?;
                fill(item, next, budget)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn fill_map(map: &mut Map<String, Value>, schema: &Schema, budget: &mut Budget) -> Result<(), TooLarge> {
    let mut inserted = false;
    for (name, property) in &schema.properties {
        let Some(default) = &property.default else { continue };
        match map.get_mut(name.as_ref()) {
            None => {
                map.insert(name.to_string(), budget.copy(default)?);
                inserted = true;
            }
            Some(given) => replace_null(given, property, budget)?,
        }
    }
    if inserted {
        map.sort_keys();
    }
    for (key, inner) in map {
        if let Some(property) = schema.properties.get(key.as_str()) {
            fill(inner, property, budget)?;
        } else if let Some(next) = schema.additional.schema() {
            replace_null(inner, next, budget)?;
            fill(inner, next, budget)?;
        }
    }
    Ok(())
}

fn replace_null(value: &mut Value, schema: &Schema, budget: &mut Budget) -> Result<(), TooLarge> {
    if value.is_null()
        && !schema.nullable
        && let Some(default) = &schema.default
    {
        *value = budget.copy(default)?;
    }
    Ok(())
}

/// What may still be filled in. A list of many small objects can ask for a large default in each.
struct Budget {
    bytes: usize,
}

impl Budget {
    fn copy(&mut self, default: &Value) -> Result<Value, TooLarge> {
        self.bytes = self.bytes.checked_sub(weight(default)).ok_or(TooLarge)?;
        Ok(default.clone())
    }
}

/// About how much memory a value takes.
fn weight(value: &Value) -> usize {
    VALUE_BYTES
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            Value::Object(map) => map.iter().map(|(key, inner)| VALUE_BYTES + key.len() + weight(inner)).sum(),
            _ => 0,
        }
}

const VALUE_BYTES: usize = 32;
/// Larger than any object that is stored.
const DEFAULTS_BYTES_MAX: usize = 8 << 20;
