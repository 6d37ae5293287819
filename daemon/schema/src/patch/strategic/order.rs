//! The order of merged lists: what the patch names stands in the patch's order, the rest in the stored order, and the two are
//! woven together so that the stored order is kept where it can be.

use serde_json::{Map, Value};

use super::DIRECTIVE;
use crate::patch::PatchError;

/// Parts a merged list into what the order names and what it does not.
pub(super) fn split(
    merged: Vec<Value>,
    wanted: &[Value],
    key: Option<&str>,
) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for item in merged {
        if let Some(key) = key {
            key_of(&item, key)?;
        }
        let list = if index(wanted, &item, key).is_some() { &mut ours } else { &mut others };
        list.push(item);
    }
    Ok((ours, others))
}

/// Sorts both parts and weaves them together.
pub(super) fn in_order(
    mut ours: Vec<Value>,
    mut others: Vec<Value>,
    wanted: &[Value],
    stored: &[Value],
    key: Option<&str>,
) -> Vec<Value> {
    ours.sort_by_key(|item| index(wanted, item, key).unwrap_or(usize::MAX));
    others.sort_by_key(|item| index(stored, item, key).unwrap_or(usize::MAX));
    let mut all = Vec::with_capacity(ours.len() + others.len());
    let (mut ours, mut others) = (ours.into_iter().peekable(), others.into_iter().peekable());
    loop {
        let other_first = match (others.peek(), ours.peek()) {
            (None, None) => return all,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(other), Some(our)) => match (index(stored, other, key), index(stored, our, key)) {
                (Some(other), Some(our)) => other < our,
                _ => false,
            },
        };
        all.extend(if other_first { others.next() } else { ours.next() });
    }
}

/// The items of the patch must stand in the order that `$setElementOrder` gives.
pub(super) fn check(patch: &[Value], wanted: &[Value], key: Option<&str>) -> Result<(), PatchError> {
    if patch.is_empty() || wanted.is_empty() {
        return Ok(());
    }
    let mut rest = wanted.iter();
    for item in patch.iter().filter(|item| item.get(DIRECTIVE).is_none()) {
        let mut is_found = false;
        for wanted in rest.by_ref() {
            is_found = match key {
                None => item == wanted,
                Some(key) => key_of(item, key)? == key_of(wanted, key)?,
            };
            if is_found {
                break;
            }
        }
        if !is_found {
            return Err(PatchError::Inapplicable(format!(
                "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                go_list(patch),
                go_list(wanted)
            )));
        }
    }
    Ok(())
}

/// The value by which an item is told apart.
pub(super) fn key_of<'a>(item: &'a Value, key: &str) -> Result<&'a Value, PatchError> {
    match item {
        Value::Object(map) => map.get(key).ok_or_else(|| {
            PatchError::Inapplicable(format!("map: {} does not contain declared merge key: {key}", go_map(map)))
        }),
        other => Err(PatchError::Inapplicable(format!(
            "expected a map[string]interface {{}}, but received a {}",
            match other {
                Value::String(_) => "string",
                Value::Bool(_) => "bool",
                Value::Number(_) => "int64",
                Value::Array(_) => "[]interface {}",
                Value::Null | Value::Object(_) => "%!s(<nil>)",
            }
        ))),
    }
}

fn index(list: &[Value], item: &Value, key: Option<&str>) -> Option<usize> {
    match key {
        None => list.iter().position(|other| other == item),
        Some(key) => list.iter().position(|other| other.get(key) == item.get(key)),
    }
}

/// A map as Go's `%v` shows it, `map[a:1 b:x]`.
pub(super) fn go_map(map: &Map<String, Value>) -> String {
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort_unstable();
    let entries: Vec<String> =
        keys.iter().map(|key| format!("{key}:{}", map.get(*key).map(go_value).unwrap_or_default())).collect();
    format!("map[{}]", entries.join(" "))
}

/// A list as Go's `%v` shows it, `[a b]`.
pub(super) fn go_list(items: &[Value]) -> String {
    let items: Vec<String> = items.iter().map(go_value).collect();
    format!("[{}]", items.join(" "))
}

/// A value as Go's `%v` shows it.
pub(super) fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => go_list(items),
        Value::Object(map) => go_map(map),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
