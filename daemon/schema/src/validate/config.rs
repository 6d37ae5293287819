//! Rules of ConfigMap, and what it has in common with Secret.

use serde_json::{Map, Value};

use crate::cause::Cause;
use crate::decode::decoded_len;
use crate::format::config_key;
use crate::kind::Part;

/// All values of a ConfigMap or of a Secret together may have this many bytes.
pub(crate) const VALUES_BYTES_MAX: usize = 1024 * 1024;

/// Keys, size, and no key in both `data` and `binaryData`.
pub(crate) fn config_map(object: &Value, causes: &mut Vec<Cause>) {
    let (texts, binaries) = (map(object, "data"), map(object, "binaryData"));
    let mut bytes = 0;
    for (key, value) in texts.into_iter().flatten() {
        check_key("data", key, causes);
        if binaries.is_some_and(|binaries| binaries.contains_key(key)) {
            causes.push(Cause::invalid(format!("data[{key}]"), key, "duplicate of key present in binaryData"));
        }
        bytes += value.as_str().unwrap_or_default().len();
    }
    for (key, value) in binaries.into_iter().flatten() {
        check_key("binaryData", key, causes);
        bytes += decoded_len(value.as_str().unwrap_or_default());
    }
    if bytes > VALUES_BYTES_MAX {
        // Upstream names no field: the whole object is too large.
        causes.push(Cause::too_long("", VALUES_BYTES_MAX));
    }
}

/// Nothing of an immutable ConfigMap changes.
pub(crate) fn config_map_update(object: &Value, old: &Value, _: Part, causes: &mut Vec<Cause>) {
    check_immutable(object, old, &["data", "binaryData"], causes);
}

/// What an object with `immutable: true` cannot change.
pub(super) fn check_immutable(object: &Value, old: &Value, fields: &[&str], causes: &mut Vec<Cause>) {
    const DETAIL: &str = "field is immutable when `immutable` is set";
    let is_immutable = |object: &Value| object.get("immutable") == Some(&Value::Bool(true));
    if !is_immutable(old) {
        return;
    }
    if !is_immutable(object) {
        causes.push(Cause::forbidden("immutable", DETAIL));
    }
    for field in fields {
        if object.get(field) != old.get(field) {
            causes.push(Cause::forbidden(*field, DETAIL));
        }
    }
}

pub(super) fn check_key(field: &str, key: &str, causes: &mut Vec<Cause>) {
    causes.extend(config_key(key).iter().map(|text| Cause::invalid(format!("{field}[{key}]"), key, text)));
}

pub(super) fn map<'a>(object: &'a Value, field: &str) -> Option<&'a Map<String, Value>> {
    object.get(field).and_then(Value::as_object)
}
