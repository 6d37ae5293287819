//! Names of managers.

use serde_json::Value;

use crate::cause::{Cause, is_printable};

/// The name of the manager of a request: the `fieldManager` parameter, or else what the client calls itself before the first
/// slash, without characters that cannot be printed and cut at [`NAME_BYTES_MAX`].
#[must_use]
pub fn manager(parameter: &str, user_agent: &str) -> String {
    if !parameter.is_empty() {
        return parameter.to_owned();
    }
    let mut name = String::new();
    for c in user_agent.split('/').next().unwrap_or_default().chars().filter(|c| is_printable(*c)) {
        if name.len() + c.len_utf8() > NAME_BYTES_MAX {
            break;
        }
        name.push(c);
    }
    name
}

/// Finds what is wrong with the name of a manager that stands at this field.
pub fn validate(name: &str, field: &str, causes: &mut Vec<Cause>) {
    if name.len() > NAME_BYTES_MAX {
        causes.push(Cause::too_long(field, NAME_BYTES_MAX));
    }
    for (at, c) in name.char_indices().filter(|(_, c)| !is_printable(*c)) {
        causes.push(Cause::invalid(
            field,
            name,
            format!("invalid character U+{:04X} (at position {at})", u32::from(c)),
        ));
        if causes.len() >= CAUSES_MAX {
            return;
        }
    }
}

/// Finds what is wrong with `metadata.managedFields` of an object that is to be stored.
pub fn validate_entries(object: &Value, causes: &mut Vec<Cause>) {
    let entries = object.get("metadata").and_then(|metadata| metadata.get("managedFields")).and_then(Value::as_array);
    for (index, entry) in entries.into_iter().flatten().enumerate() {
        if causes.len() >= CAUSES_MAX {
            return;
        }
        let at = format!("metadata.managedFields[{index}]");
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let operation = text("operation");
        if !matches!(operation, "Apply" | "Update") {
            causes.push(Cause::invalid(format!("{at}.operation"), operation, "must be `Apply` or `Update`"));
        }
        let fields_type = text("fieldsType");
        if !matches!(fields_type, "" | "FieldsV1") {
            causes.push(Cause::invalid(format!("{at}.fieldsType"), fields_type, "must be `FieldsV1`"));
        }
        validate(text("manager"), &format!("{at}.manager"), causes);
        if text("subresource").len() > SUBRESOURCE_BYTES_MAX {
            causes.push(Cause::too_long(format!("{at}.subresource"), SUBRESOURCE_BYTES_MAX));
        }
    }
}

/// How long the name of a manager may be.
pub const NAME_BYTES_MAX: usize = 128;

/// How long the name of a subresource may be.
const SUBRESOURCE_BYTES_MAX: usize = 256;

/// No more is said of one object than this.
const CAUSES_MAX: usize = 100;
