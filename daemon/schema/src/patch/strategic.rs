//! Strategic merge patch: a merge patch that knows which lists are merged item by item, from the descriptors.
//!
//! The rules and messages are those of apimachinery's `util/strategicpatch` on the server: `$patch: replace | delete | merge`,
//! `$retainKeys`, `$setElementOrder/<list>`, `$deleteFromPrimitiveList/<list>`.

mod order;

use serde_json::{Map, Value};

use super::PatchError;
use crate::field::{FieldKind, PatchStrategy, TypeDescriptor};
use order::{in_order, split};

/// Items that are merged in one list, stored and patched together. Upstream has no such limit; merging compares all with all.
pub const MERGED_ITEMS_MAX: usize = 5_000;

/// Applies a patch to an object of this type.
///
/// # Errors
/// [`PatchError::Malformed`] for a patch whose directives make no sense, [`PatchError::Inapplicable`] for one that does not fit.
pub fn apply(descriptor: &'static TypeDescriptor, object: &Value, patch: &Value) -> Result<Value, PatchError> {
    let Value::Object(patch) = patch else {
        return Err(PatchError::Malformed(super::not_an_object(patch)));
    };
    let mut merged = object.as_object().cloned().unwrap_or_default();
    merge_map(&mut merged, patch.clone(), Shape::Type(descriptor))?;
    Ok(Value::Object(merged))
}

/// What is known about an object whose fields are merged.
#[derive(Clone, Copy)]
enum Shape {
    /// Its fields.
    Type(&'static TypeDescriptor),
    /// The kind of all its values.
    Map(&'static FieldKind),
    /// Nothing: everything is replaced but objects, as in a merge patch.
    Unknown,
}

impl Shape {
    /// What is known about a value.
    fn of(kind: &'static FieldKind) -> Self {
        match kind {
            FieldKind::Object(descriptor) => Self::Type(descriptor),
            FieldKind::Map(of) => Self::Map(of),
            _ => Self::Unknown,
        }
    }

    /// The kind of a field; nothing when any value is allowed there.
    fn field(self, name: &str) -> Result<Option<&'static FieldKind>, PatchError> {
        match self {
            Self::Type(descriptor) => match descriptor.field(name) {
                Some(field) => Ok(Some(&field.kind)),
                None => Err(PatchError::Inapplicable(format!(
                    "unable to find api field in struct {} for the json field {}",
                    descriptor.name,
                    crate::cause::quote(name)
                ))),
            },
            Self::Map(of) => Ok(Some(of)),
            Self::Unknown => Ok(None),
        }
    }

    /// How a list is merged, and what is known about its items.
    fn list(self, name: &str) -> Result<(PatchStrategy, Self), PatchError> {
        Ok(match self.field(name)? {
            Some(FieldKind::List(list)) => (list.patch, Self::of(list.of)),
            _ => (PatchStrategy::Replace, Self::Unknown),
        })
    }
}

fn merge_map(target: &mut Map<String, Value>, mut patch: Map<String, Value>, shape: Shape) -> Result<(), PatchError> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        match directive.as_str() {
            Some("replace") => {
                patch.shift_remove(DIRECTIVE);
                *target = patch;
            }
            Some("delete") => target.clear(),
            _ => return Err(unknown_directive(&patch)),
        }
        return Ok(());
    }
    retain_keys(target, &mut patch)?;
    set_orders(target, &mut patch, shape)?;
    for (key, value) in patch {
        if key.starts_with(DELETE_FROM_LIST) {
            let list = directive_field(&key, DELETE_FROM_LIST)?;
            delete_from_list(target, list, value)?;
        } else if value.is_null() {
            target.swap_remove(&key);
        } else {
            merge_field(target, key, value, shape)?;
        }
    }
    Ok(())
}

fn merge_field(target: &mut Map<String, Value>, key: String, value: Value, shape: Shape) -> Result<(), PatchError> {
    match (target.get_mut(&key), value) {
        (Some(Value::Object(stored)), Value::Object(patch)) => {
            let inner = shape.field(&key)?.map_or(Shape::Unknown, Shape::of);
            merge_map(stored, patch, inner)
        }
        (Some(Value::Array(stored)), Value::Array(patch)) => {
            let (strategy, items) = shape.list(&key)?;
            let merged = merge_list(std::mem::take(stored), patch, strategy, items)?;
            *stored = merged;
            Ok(())
        }
        (_, value) => {
            match cleaned(value) {
                Some(value) => target.insert(key, value),
                None => target.swap_remove(&key),
            };
            Ok(())
        }
    }
}

/// `$retainKeys`: what the list does not name goes, and the patch may not name anything else.
fn retain_keys(target: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Result<(), PatchError> {
    let Some(directive) = patch.shift_remove(RETAIN_KEYS) else { return Ok(()) };
    let bad = || PatchError::Malformed("invalid patch format of retainKeys".to_owned());
    let Value::Array(retained) = directive else { return Err(bad()) };
    within_limit(retained.len())?;
    let is_retained = |key: &str| retained.iter().any(|retained| retained == key);
    let is_directive = |key: &str| key.starts_with(DELETE_FROM_LIST) || key.starts_with(SET_ORDER);
    if patch.iter().any(|(key, value)| !value.is_null() && !is_directive(key) && !is_retained(key)) {
        return Err(bad());
    }
    target.retain(|key, _| is_retained(key));
    Ok(())
}

/// `$setElementOrder`: merges the list that it names and brings the result into its order. The list is then done.
fn set_orders(target: &mut Map<String, Value>, patch: &mut Map<String, Value>, shape: Shape) -> Result<(), PatchError> {
    let keys: Vec<String> = patch.keys().filter(|key| key.starts_with(SET_ORDER)).cloned().collect();
    for key in keys {
        let name = directive_field(&key, SET_ORDER)?.to_owned();
        let wanted = list_of(patch.shift_remove(&key))?.unwrap_or_default();
        let stored = list_of(target.get(&name).cloned())?;
        let (strategy, items) = shape.list(&name)?;
        let patched = list_of(patch.get(&name).cloned())?;
        let items_together =
            [Some(&wanted), stored.as_ref(), patched.as_ref()].into_iter().flatten().map(Vec::len).sum();
        within_limit(items_together)?;
        let merge_key = merge_key(strategy);
        order::check(patched.as_deref().unwrap_or_default(), &wanted, merge_key)?;
        patch.shift_remove(&name);
        let merged = match (stored.clone(), patched) {
            (None, None) => continue,
            (Some(stored), None) => stored,
            (None, Some(patched)) => patched.into_iter().filter_map(without_directives).collect(),
            (Some(stored), Some(patched)) => merge_list(stored, patched, strategy, items)?,
        };
        let (ours, others) = split(merged, &wanted, merge_key)?;
        let ordered = in_order(ours, others, &wanted, stored.as_deref().unwrap_or_default(), merge_key);
        target.insert(name, Value::Array(ordered));
    }
    Ok(())
}

fn merge_list(
    stored: Vec<Value>,
    patch: Vec<Value>,
    strategy: PatchStrategy,
    items: Shape,
) -> Result<Vec<Value>, PatchError> {
    if strategy == PatchStrategy::Replace {
        return Ok(patch);
    }
    if stored.is_empty() && patch.is_empty() {
        return Ok(stored);
    }
    within_limit(stored.len() + patch.len())?;
    if is_list_of_objects(&stored, &patch)? {
        let PatchStrategy::MergeBy(key) = strategy else {
            return Err(PatchError::Inapplicable("cannot merge lists without merge key for struct".to_owned()));
        };
        return merge_objects(stored, patch, key, items);
    }
    let mut merged: Vec<Value> = Vec::with_capacity(stored.len() + patch.len());
    for value in stored.iter().chain(&patch) {
        if !merged.contains(value) {
            merged.push(value.clone());
        }
    }
    let (ours, others) = split(merged, &patch, None)?;
    Ok(in_order(ours, others, &patch, &stored, None))
}

fn merge_objects(
    mut stored: Vec<Value>,
    patch: Vec<Value>,
    key: &'static str,
    items: Shape,
) -> Result<Vec<Value>, PatchError> {
    let (mut replace, mut plain) = (false, Vec::with_capacity(patch.len()));
    for item in patch {
        match item.get(DIRECTIVE).map(Value::as_str) {
            None => plain.push(item),
            Some(Some("delete")) => {
                let value = order::key_of(&item, key)?.clone();
                stored.retain(|stored| stored.get(key) != Some(&value));
            }
            Some(Some("replace")) => replace = true,
            Some(Some("merge")) => {
                return Err(PatchError::Inapplicable("merging lists cannot yet be specified in the patch".to_owned()));
            }
            Some(_) => return Err(unknown_directive(item.as_object().unwrap_or(&Map::new()))),
        }
    }
    if replace {
        plain.iter().try_for_each(|item| order::key_of(item, key).map(|_| ()))?;
        return Ok(plain);
    }
    let mut merged = stored.clone();
    for item in plain.clone() {
        let value = order::key_of(&item, key)?;
        match (merged.iter_mut().find(|merged| merged.get(key) == Some(value)), item) {
            (Some(Value::Object(merged)), Value::Object(item)) => merge_map(merged, item, items)?,
            (_, item) => merged.push(item),
        }
    }
    let (ours, others) = split(merged, &plain, Some(key))?;
    Ok(in_order(ours, others, &plain, &stored, Some(key)))
}

fn within_limit(items: usize) -> Result<(), PatchError> {
    if items <= MERGED_ITEMS_MAX {
        return Ok(());
    }
    Err(PatchError::TooLarge(format!(
        "Request entity is too large: a strategic merge patch merges at most {MERGED_ITEMS_MAX} items of a list"
    )))
}

/// `$deleteFromPrimitiveList`: takes scalars out of a list.
fn delete_from_list(target: &mut Map<String, Value>, list: &str, values: Value) -> Result<(), PatchError> {
    if let (Some(Value::Array(stored)), Value::Array(values)) = (target.get_mut(list), values) {
        within_limit(stored.len() + values.len())?;
        stored.retain(|value| !values.contains(value));
    }
    Ok(())
}

/// Whether the items are objects rather than scalars. They must all be of one type, and no lists.
fn is_list_of_objects(stored: &[Value], patch: &[Value]) -> Result<bool, PatchError> {
    let mut all = stored.iter().chain(patch);
    let Some(first) = all.next() else { return Ok(false) };
    if first.is_array() {
        return Err(PatchError::Inapplicable("lists of lists are not supported".to_owned()));
    }
    if all.any(|value| std::mem::discriminant(value) != std::mem::discriminant(first)) {
        let shown = format!("[{} {}]", order::go_list(stored), order::go_list(patch));
        return Err(PatchError::Inapplicable(format!("list element types are not identical: {shown}")));
    }
    Ok(first.is_object())
}

/// A value that the object does not have yet, without nulls and directives; nothing when it is a directive itself.
fn cleaned(mut value: Value) -> Option<Value> {
    discard_nulls(&mut value);
    without_directives(value)
}

fn discard_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(discard_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(discard_nulls),
        _ => {}
    }
}

fn without_directives(value: Value) -> Option<Value> {
    Some(match value {
        Value::Object(map) => {
            if map.contains_key(DIRECTIVE) {
                return None;
            }
            Value::Object(map.into_iter().filter_map(|(key, value)| Some((key, without_directives(value)?))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().filter_map(without_directives).collect()),
        value => value,
    })
}

fn merge_key(strategy: PatchStrategy) -> Option<&'static str> {
    match strategy {
        PatchStrategy::MergeBy(key) => Some(key),
        PatchStrategy::Replace | PatchStrategy::MergeScalars => None,
    }
}

fn list_of(value: Option<Value>) -> Result<Option<Vec<Value>>, PatchError> {
    let found = match value {
        None => return Ok(None),
        Some(Value::Array(items)) => return Ok(Some(items)),
        Some(Value::Null) => "%!s(<nil>)",
        Some(Value::Bool(_)) => "bool",
        Some(Value::Number(number)) if number.is_f64() => "float64",
        Some(Value::Number(_)) => "int64",
        Some(Value::String(_)) => "string",
        Some(Value::Object(_)) => "map[string]interface {}",
    };
    Err(PatchError::Inapplicable(format!("expected a []interface {{}}, but received a {found}")))
}

/// The field that a directive is about, `finalizers` of `$setElementOrder/finalizers`.
fn directive_field<'a>(key: &'a str, directive: &str) -> Result<&'a str, PatchError> {
    key.strip_prefix(directive).and_then(|rest| rest.strip_prefix('/')).ok_or_else(|| {
        let what = if directive == SET_ORDER { "setElementOrder list" } else { "primitive list" };
        PatchError::Malformed(format!("invalid patch format of {what}"))
    })
}

fn unknown_directive(patch: &Map<String, Value>) -> PatchError {
    let directive = patch.get(DIRECTIVE).map(order::go_value).unwrap_or_default();
    PatchError::Inapplicable(format!("unknown patch type: {directive} in map: {}", order::go_map(patch)))
}

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ORDER: &str = "$setElementOrder";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList";
