//! JSON merge patch (RFC 7396).

use serde_json::{Map, Value};

use super::PatchError;

/// Merges a patch into an object.
///
/// # Errors
/// A patch that is no object, which would replace the whole object.
pub fn apply(object: &Value, patch: &Value) -> Result<Value, PatchError> {
    if !patch.is_object() {
        return Err(PatchError::Malformed(format!("error decoding patch: {}", super::not_an_object(patch))));
    }
    let mut merged = object.clone();
    merge(&mut merged, patch);
    Ok(merged)
}

/// Depth is bounded by that of the patch, which its reader has bounded.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            // Decoding restores the order of fields.
            target.swap_remove(key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}
