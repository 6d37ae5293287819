//! `metadata.managedFields`: managers as they are stored.
//!
//! Source: `util/managedfields` of apimachinery.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields;
use super::manager::{Identity, Manager, Operation};
use crate::time::{Moment, Precision};

/// Reads all entries. Of two with one identity the later one counts. What is no list of objects is read as no entries.
///
/// # Errors
/// An entry is not what a server writes, in upstream's words.
pub fn decode(entries: Option<&Value>) -> Result<Vec<Manager>, String> {
    let entries = entries.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut managers: Vec<Manager> = Vec::with_capacity(entries.len());
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let manager = decode_entry(index, entry)?;
        let place = *places.entry(manager.identity.sort_key()).or_insert(managers.len());
        match managers.get_mut(place) {
            Some(earlier) => *earlier = manager,
            None => managers.push(manager),
        }
    }
    Ok(managers)
}

fn decode_entry(index: usize, entry: &Value) -> Result<Manager, String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let operation = match text("operation") {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return Err("operation must be `Apply` or `Update`".to_owned()),
    };
    let api_version = text("apiVersion");
    if api_version.is_empty() {
        return Err("apiVersion must not be empty".to_owned());
    }
    match text("fieldsType") {
        "FieldsV1" => {}
        "" => return Err(format!("missing fieldsType in managed fields entry {index}")),
        other => {
            return Err(format!("invalid fieldsType {} in managed fields entry {index}", crate::cause::quote(other)));
        }
    }
    let set = match entry.get("fieldsV1") {
        None | Some(Value::Null) => super::set::Set::new(),
        Some(set) => fields::decode(set)
            .map_err(|why| format!("error decoding versioned set from entry {index}: error decoding set: {why}"))?,
    };
    let time = match entry.get("time").and_then(Value::as_str) {
        None => None,
        Some(time) => Some(Moment::parse(time, Precision::Seconds)?.format(Precision::Seconds)),
    };
    let mut identity = Identity::new("", operation, api_version, text("subresource"));
    text("manager").clone_into(&mut identity.manager);
    Ok(Manager { identity, api_version: api_version.to_owned(), set, time })
}

/// Writes all entries in the order in which they are stored: appliers first, then the oldest first.
#[must_use]
pub fn encode(mut managers: Vec<Manager>) -> Value {
    managers.sort_by(|a, b| order(a).cmp(&order(b)));
    Value::Array(managers.into_iter().map(encode_entry).collect())
}

/// Times are all of one form, so their texts have their order; an entry without one is older than any.
fn order(manager: &Manager) -> (Operation, Option<&str>, &str, &str, &str) {
    let Identity { manager: name, operation, subresource, .. } = &manager.identity;
    (*operation, manager.time.as_deref(), name, &manager.api_version, subresource)
}

fn encode_entry(manager: Manager) -> Value {
    let set = fields::encode(&manager.set);
    let Manager { identity, api_version, time, .. } = manager;
    let mut entry = Map::with_capacity(7);
    let mut put = |name: &str, text: String| {
        if !text.is_empty() {
            entry.insert(name.to_owned(), Value::String(text));
        }
    };
    put("manager", identity.manager);
    put("operation", identity.operation.as_str().to_owned());
    put("apiVersion", api_version);
    put("time", time.unwrap_or_default());
    put("fieldsType", "FieldsV1".to_owned());
    entry.insert("fieldsV1".to_owned(), set);
    if !identity.subresource.is_empty() {
        entry.insert("subresource".to_owned(), Value::String(identity.subresource));
    }
    Value::Object(entry)
}

/// Whether a client asks to forget all managers: with an empty list, or with one empty entry.
#[must_use]
pub(crate) fn is_reset(entries: Option<&Value>) -> bool {
    match entries.and_then(Value::as_array).map(Vec::as_slice) {
        Some([]) => true,
        Some([only]) => only.as_object().is_some_and(|entry| entry.values().all(is_unset)),
        _ => false,
    }
}

fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
