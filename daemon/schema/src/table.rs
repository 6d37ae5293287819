//! The cells of tables, as upstream's printers make them.
//!
//! Objects are in the stored form. Ages are made on the server, from the time that the caller gives.

pub(crate) mod binding_cells;
pub(crate) mod policy_cells;
pub(crate) mod quota_cells;
pub(crate) mod request_cells;

use serde_json::{Map, Value};

use crate::kind::{Cell, Column, Kind};
use crate::time::{Moment, Precision, human_duration};
use crate::validate::at;

/// `columnDefinitions` of a table of this kind.
#[must_use]
pub fn column_definitions(kind: &Kind) -> Vec<Value> {
    kind.columns.iter().map(definition).collect()
}

/// The cells of an object's row, one for each column, wide ones included. `now_ms` is the time in milliseconds since the epoch.
#[must_use]
pub fn cells(kind: &Kind, object: &Value, now_ms: i64) -> Vec<Value> {
    kind.columns.iter().map(|column| cell(column, object, now_ms)).collect()
}

fn definition(column: &Column) -> Value {
    let mut map = Map::new();
    map.insert("name".to_owned(), Value::from(column.name.as_ref()));
    map.insert("type".to_owned(), Value::from(column.cell_type.as_ref()));
    map.insert("format".to_owned(), Value::from(column.format.as_ref()));
    map.insert("description".to_owned(), Value::from(column.description.as_ref()));
    map.insert("priority".to_owned(), Value::from(column.priority));
    Value::Object(map)
}

fn cell(column: &Column, object: &Value, now_ms: i64) -> Value {
    match &column.cell {
        Cell::Path(path) => path.cell(&column.cell_type, object, now_ms),
        Cell::Text(path) => Value::from(at(object, path).and_then(Value::as_str).unwrap_or_default()),
        Cell::OptionalText(path) => at(object, path).cloned().unwrap_or_default(),
        Cell::Count(paths) => {
            let count = |path: &&[&str]| at(object, path).and_then(Value::as_object).map_or(0, Map::len);
            Value::from(paths.iter().map(count).sum::<usize>())
        }
        Cell::Age(path) => Value::from(age(object, path, now_ms).unwrap_or_else(unknown)),
        Cell::Made(make) => make(object, now_ms),
    }
}

/// Who holds a lease.
pub(crate) fn lease_holder(object: &Value, _: i64) -> Value {
    Value::from(at(object, &["spec", "holderIdentity"]).and_then(Value::as_str).unwrap_or_default())
}

/// How long ago the time at this path was, if there is one.
fn age(object: &Value, path: &[&str], now_ms: i64) -> Option<String> {
    let text = at(object, path)?.as_str()?;
    let moment = Moment::parse(text, Precision::Seconds).ok()?;
    Some(human_duration(now_ms.saturating_sub(moment.unix_ms())))
}

fn unknown() -> String {
    "<unknown>".to_owned()
}

/// The text at this path, empty when there is none.
fn text<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

/// Cells of events that are made from several fields.
pub(crate) mod event_cells {
    use serde_json::Value;

    use super::{age, text, unknown};
    use crate::validate::at;

    pub(crate) fn first_seen(object: &Value, now_ms: i64) -> Value {
        Value::from(first(object, now_ms))
    }

    pub(crate) fn last_seen(object: &Value, now_ms: i64) -> Value {
        let last = if at(object, &["series"]).is_some() {
            age(object, &["series", "lastObservedTime"], now_ms).unwrap_or_else(unknown)
        } else {
            age(object, &["lastTimestamp"], now_ms).unwrap_or_else(|| first(object, now_ms))
        };
        Value::from(last)
    }

    pub(crate) fn count(object: &Value, _: i64) -> Value {
        let number = |path: &[&str]| at(object, path).and_then(Value::as_i64).unwrap_or(0);
        let count = if at(object, &["series"]).is_some() {
            number(&["series", "count"])
        } else {
            // Events that happened once have no count in the new form.
            number(&["count"]).max(1)
        };
        Value::from(count)
    }

    pub(crate) fn object(object: &Value, _: i64) -> Value {
        let (kind, name) = (text(object, &["involvedObject", "kind"]), text(object, &["involvedObject", "name"]));
        let kind = kind.to_lowercase();
        Value::from(if name.is_empty() { kind } else { format!("{kind}/{name}") })
    }

    pub(crate) fn source(object: &Value, _: i64) -> Value {
        let or = |first: &'_ [&str], second: &'_ [&str]| {
            let first = text(object, first);
            if first.is_empty() { text(object, second).to_owned() } else { first.to_owned() }
        };
        let component = or(&["source", "component"], &["reportingComponent"]);
        let instance = or(&["source", "host"], &["reportingInstance"]);
        Value::from(if instance.is_empty() { component } else { format!("{component}, {instance}") })
    }

    pub(crate) fn message(object: &Value, _: i64) -> Value {
        Value::from(text(object, &["message"]).trim())
    }

    fn first(object: &Value, now_ms: i64) -> String {
        let first = age(object, &["firstTimestamp"], now_ms).or_else(|| age(object, &["eventTime"], now_ms));
        first.unwrap_or_else(unknown)
    }
}

#[cfg(test)]
mod table_test;
