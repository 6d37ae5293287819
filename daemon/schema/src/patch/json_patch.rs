//! JSON patch (RFC 6902), with the departures and the messages of the library that Kubernetes uses (evanphx/json-patch v4):
//! `replace` of a key that an object does not have adds it, null and absence are equal for `test`, and indices may count from
//! the end.

use serde_json::{Map, Value};

use super::PatchError;

/// A patch may have this many operations.
pub const OPERATIONS_MAX: usize = 10_000;
/// All `copy` operations of a patch together may add this many bytes of JSON.
pub const COPY_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Operations times the items of the longest list: what moving items about may cost. Upstream has no such limit; with none,
/// one request within the other limits could keep a core busy for a minute.
pub const MOVES_MAX: usize = 200_000_000;

/// Runs the operations of a patch on an object.
///
/// # Errors
/// [`PatchError::Malformed`] for what is no list of operations, [`PatchError::TooLarge`] for too many of them, and
/// [`PatchError::Inapplicable`] for one that does not fit the object.
pub fn apply(object: &Value, patch: &Value) -> Result<Value, PatchError> {
    let operations = operations(patch).map_err(PatchError::Malformed)?;
    if operations.len() > OPERATIONS_MAX {
        return Err(PatchError::TooLarge(format!(
            "Request entity is too large: The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {}",
            operations.len()
        )));
    }
    let items = longest_list(object).max(longest_list(patch)).saturating_add(operations.len());
    if operations.len().saturating_mul(items) > MOVES_MAX {
        return Err(PatchError::TooLarge(format!(
            "Request entity is too large: {} operations of a JSON patch on a list of {items} items",
            operations.len()
        )));
    }
    let mut document = Document { root: object.clone(), copied_bytes: 0 };
    for operation in operations {
        document.run(operation).map_err(PatchError::Inapplicable)?;
    }
    Ok(document.root)
}

/// Depth is bounded by that of the reader.
fn longest_list(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(longest_list).max().unwrap_or(0).max(items.len()),
        Value::Object(map) => map.values().map(longest_list).max().unwrap_or(0),
        _ => 0,
    }
}

fn operations(patch: &Value) -> Result<Vec<&Map<String, Value>>, String> {
    let wrong = |found: &Value, wanted: &str| {
        let found = match found {
            Value::Null | Value::Object(_) => "object",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
        };
        format!("json: cannot unmarshal {found} into Go value of type jsonpatch.{wanted}")
    };
    match patch {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => {
            items.iter().map(|item| item.as_object().ok_or_else(|| wrong(item, "Operation"))).collect()
        }
        other => Err(wrong(other, "Patch")),
    }
}

struct Document {
    root: Value,
    copied_bytes: usize,
}

impl Document {
    fn run(&mut self, operation: &Map<String, Value>) -> Result<(), String> {
        match operation.get("op").and_then(Value::as_str) {
            Some("add") => self.add(operation),
            Some("remove") => self.remove(operation),
            Some("replace") => self.replace(operation),
            Some("move") => self.relocate(operation),
            Some("test") => self.test(operation),
            Some("copy") => self.copy(operation),
            other => Err(format!("Unexpected kind: {}", other.unwrap_or("unknown"))),
        }
    }

    fn add(&mut self, operation: &Map<String, Value>) -> Result<(), String> {
        let path =
            path(operation).map_err(|_missing| "add operation failed to decode path: missing value".to_owned())?;
        let Some((parent, key)) = self.find(path) else {
            return Err(format!("add operation does not apply: doc is missing path: \"{path}\": missing value"));
        };
        insert(parent, &key, value(operation)).map_err(|message| format!("error in add for path: '{path}': {message}"))
    }

    fn remove(&mut self, operation: &Map<String, Value>) -> Result<(), String> {
        let path =
            path(operation).map_err(|_missing| "remove operation failed to decode path: missing value".to_owned())?;
        let Some((parent, key)) = self.find(path) else {
            return Err(format!("remove operation does not apply: doc is missing path: \"{path}\": missing value"));
        };
        take(parent, &key).map(|_| ()).map_err(|message| format!("error in remove for path: '{path}': {message}"))
    }

    fn replace(&mut self, operation: &Map<String, Value>) -> Result<(), String> {
        let path = path(operation).map_err(|message| format!("replace operation failed to decode path: {message}"))?;
        if path.is_empty() {
            let value = value(operation);
            if !value.is_object() && !value.is_array() {
                return Err("replace operation value must be object or array: %!w(<nil>)".to_owned());
            }
            self.root = value;
            return Ok(());
        }
        let Some((parent, key)) = self.find(path) else {
            return Err(format!("replace operation does not apply: doc is missing path: {path}: missing value"));
        };
        let value = value(operation);
        match parent {
            Value::Object(map) => {
                map.insert(key, value);
                Ok(())
            }
            parent => match element(parent, &key) {
                Ok(place) => {
                    *place = value;
                    Ok(())
                }
                Err(_) => Err(format!("replace operation does not apply: doc is missing key: {path}: missing value")),
            },
        }
    }

    fn relocate(&mut self, operation: &Map<String, Value>) -> Result<(), String> {
        let from = from(operation).map_err(|message| format!("move operation failed to decode from: {message}"))?;
        let Some((parent, key)) = self.find(from) else {
            return Err(format!("move operation does not apply: doc is missing from path: {from}: missing value"));
        };
        let value = take(parent, &key).map_err(|message| format!("error in move for path: '{key}': {message}"))?;
        let path = path(operation).map_err(|message| format!("move operation failed to decode path: {message}"))?;
        let Some((parent, key)) = self.find(path) else {
            return Err(format!(
                "move operation does not apply: doc is missing destination path: {path}: missing value"
            ));
        };
        insert(parent, &key, value).map_err(|message| format!("error in move for path: '{path}': {message}"))
    }

    fn test(&mut self, operation: &Map<String, Value>) -> Result<(), String> {
        let path = path(operation).map_err(|message| format!("test operation failed to decode path: {message}"))?;
        let wanted = value(operation);
        let failed = || format!("testing value {path} failed: test failed");
        if path.is_empty() {
            return if equal(&self.root, &wanted) { Ok(()) } else { Err(failed()) };
        }
        let Some((parent, key)) = self.find(path) else {
            return Err(format!("test operation does not apply: is missing path: {path}: missing value"));
        };
        let found = get(parent, &key).map_err(|message| format!("error in test for path: '{path}': {message}"))?;
        if equal(found.unwrap_or(&Value::Null), &wanted) { Ok(()) } else { Err(failed()) }
    }

    fn copy(&mut self, operation: &Map<String, Value>) -> Result<(), String> {
        let from = from(operation).map_err(|message| format!("copy operation failed to decode from: {message}"))?;
        let Some((parent, key)) = self.find(from) else {
            return Err(format!("copy operation does not apply: doc is missing from path: {from}: missing value"));
        };
        let found = get(parent, &key).map_err(|message| format!("error in copy for from: '{from}': {message}"))?;
        let copied = found.cloned().unwrap_or_default();
        let path =
            path(operation).map_err(|_missing| "copy operation failed to decode path: missing value".to_owned())?;
        self.copied_bytes =
            self.copied_bytes.saturating_add(if copied.is_null() { 0 } else { copied.to_string().len() });
        let copied_bytes = self.copied_bytes;
        let Some((parent, key)) = self.find(path) else {
            return Err(format!(
                "copy operation does not apply: doc is missing destination path: {path}: missing value"
            ));
        };
        if copied_bytes > COPY_BYTES_MAX {
            return Err(format!(
                "Unable to complete the copy, the accumulated size increase of copy is {copied_bytes}, exceeding the limit {COPY_BYTES_MAX}"
            ));
        }
        insert(parent, &key, copied).map_err(|message| format!("error while adding value during copy: {message}"))
    }

    /// The object or list that holds the end of a path, and its key there.
    fn find(&mut self, path: &str) -> Option<(&mut Value, String)> {
        let mut parts = path.split('/').skip(1).map(unescaped);
        let mut key = parts.next()?;
        let mut parent = &mut self.root;
        for next in parts {
            parent = match parent {
                Value::Object(map) => map.get_mut(&key)?,
                parent => element(parent, &key).ok()?,
            };
            if !parent.is_object() && !parent.is_array() {
                return None;
            }
            key = next;
        }
        Some((parent, key))
    }
}

fn get<'a>(parent: &'a mut Value, key: &str) -> Result<Option<&'a Value>, String> {
    match parent {
        Value::Object(map) => Ok(map.get(key)),
        parent => element(parent, key).map(|place| Some(&*place)),
    }
}

/// The place of an item in a list.
fn element<'a>(parent: &'a mut Value, key: &str) -> Result<&'a mut Value, String> {
    let Value::Array(items) = parent else { return Err("missing value".to_owned()) };
    let index = index(key, items.len(), items.len()).map_err(|wrong| wrong.bare(key))?;
    items.get_mut(index).ok_or_else(|| out_of_range(key))
}

fn insert(parent: &mut Value, key: &str, value: Value) -> Result<(), String> {
    match parent {
        Value::Object(map) => {
            map.insert(key.to_owned(), value);
            Ok(())
        }
        Value::Array(items) => {
            if key == "-" {
                items.push(value);
                return Ok(());
            }
            let index = index(key, items.len() + 1, items.len() + 1).map_err(|wrong| match wrong {
                WrongIndex::Text => format!("value was not a proper array index: '{key}': {}", wrong.bare(key)),
                WrongIndex::Range => out_of_range(key),
            })?;
            items.insert(index, value);
            Ok(())
        }
        _ => Err("missing value".to_owned()),
    }
}

fn take(parent: &mut Value, key: &str) -> Result<Value, String> {
    match parent {
        Value::Object(map) => {
            map.swap_remove(key).ok_or_else(|| format!("Unable to remove nonexistent key: {key}: missing value"))
        }
        Value::Array(items) => {
            let index = index(key, items.len(), items.len()).map_err(|wrong| wrong.bare(key))?;
            Ok(items.remove(index))
        }
        _ => Err("missing value".to_owned()),
    }
}

#[derive(Clone, Copy)]
enum WrongIndex {
    Text,
    Range,
}

impl WrongIndex {
    fn bare(self, key: &str) -> String {
        match self {
            Self::Text => format!("strconv.Atoi: parsing {}: invalid syntax", crate::cause::quote(key)),
            Self::Range => out_of_range(key),
        }
    }
}

/// A position below `limit`; a negative one counts back from `end`.
fn index(key: &str, limit: usize, end: usize) -> Result<usize, WrongIndex> {
    let number: i64 = key.parse().map_err(|_not_a_number| WrongIndex::Text)?;
    let index = if number < 0 {
        let back = usize::try_from(number.unsigned_abs()).map_err(|_too_large| WrongIndex::Range)?;
        end.checked_sub(back)
    } else {
        usize::try_from(number).ok()
    };
    index.filter(|index| *index < limit).ok_or(WrongIndex::Range)
}

fn out_of_range(key: &str) -> String {
    format!("Unable to access invalid index: {}: invalid index referenced", key.parse::<i64>().unwrap_or(0))
}

/// Numbers are compared by value, objects without regard to order, and null is as good as absence.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

fn path(operation: &Map<String, Value>) -> Result<&str, String> {
    text(operation, "path")
        .map_err(|missing| missing.unwrap_or_else(|| "operation missing path field: missing value".to_owned()))
}

fn from(operation: &Map<String, Value>) -> Result<&str, String> {
    text(operation, "from")
        .map_err(|missing| missing.unwrap_or_else(|| "operation, missing from field: missing value".to_owned()))
}

/// A field that must be a text; the error is empty when it is missing.
fn text<'a>(operation: &'a Map<String, Value>, field: &str) -> Result<&'a str, Option<String>> {
    match operation.get(field) {
        Some(Value::String(text)) => Ok(text),
        None | Some(Value::Null) => Err(None),
        Some(_) => Err(Some(format!("the {field} of an operation must be a string"))),
    }
}

fn value(operation: &Map<String, Value>) -> Value {
    operation.get("value").cloned().unwrap_or_default()
}

fn unescaped(part: &str) -> String {
    if part.contains('~') { part.replace("~1", "/").replace("~0", "~") } else { part.to_owned() }
}
