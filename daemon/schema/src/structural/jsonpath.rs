//! JSONPath as kubectl and `additionalPrinterColumns` have it (client-go's `util/jsonpath`): fields, `['key']`, `[*]`, positions
//! and slices, unions, filters `[?(@.a=="b")]` and `..`.
//!
//! `range` and `end` make no sense in a column and are refused when a value is asked for.

mod parse;

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::words::{json, plain};
use crate::time::{Moment, Precision, human_duration};

/// A parsed path.
#[derive(Clone, Debug)]
pub struct JsonPath {
    steps: Vec<Step>,
}

/// One step on the way to values.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// A text, number or bool that stands for itself.
    Constant(Value),
    Field(Box<str>),
    Wildcard,
    Recursive,
    Slice(Slice),
    Union(Vec<Vec<Self>>),
    Filter(Box<Filter>),
    /// A word that is no field.
    Word(Box<str>),
}

/// `[from:to:step]`, or one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slice {
    from: Option<i64>,
    to: Option<i64>,
    /// Whether `to` was not given, but follows from a single position.
    derived: bool,
    step: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
struct Filter {
    left: Vec<Step>,
    /// Nothing to compare with: the left side must exist.
    right: Option<(Box<str>, Vec<Step>)>,
}

/// Why a path gives no values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonPathError {
    /// The path is wrong, in client-go's words.
    #[error("{0}")]
    Syntax(String),
    /// The path does not fit the value.
    #[error("{0}")]
    Mismatch(&'static str),
    /// The path and the value are too large together.
    #[error("too many values")]
    TooMany,
}

type Found<'v> = Vec<Cow<'v, Value>>;

impl JsonPath {
    /// Parses a path without its braces, `.spec.replicas`.
    ///
    /// # Errors
    /// [`JsonPathError::Syntax`]
    pub fn parse(path: &str) -> Result<Self, JsonPathError> {
        parse::parse(path).map(|steps| Self { steps })
    }

    /// The values at the path, none where a field is missing.
    ///
    /// # Errors
    /// When the path does not fit the value, or too many values would have to be looked at.
    pub fn find<'v>(&self, value: &'v Value) -> Result<Found<'v>, JsonPathError> {
        let mut walk = Walk { left: VISITS_MAX };
        walk.steps(&self.steps, vec![Cow::Borrowed(value)])
    }

    /// The cell of a table for this path in an object: of several values the first. `now_ms` is the time in milliseconds
    /// since the epoch, for dates, which show as ages.
    #[must_use]
    pub fn cell(&self, cell_type: &str, object: &Value, now_ms: i64) -> Value {
        let Ok(found) = self.find(object) else { return Value::Null };
        found.first().map_or(Value::Null, |value| cell(cell_type, value, now_ms))
    }

    /// The value of a selectable field as text; empty where there is none.
    #[must_use]
    pub fn label(&self, object: &Value) -> String {
        let found = self.find(object).unwrap_or_default();
        match found.first().map(Cow::as_ref) {
            None | Some(Value::Null) => String::new(),
            Some(value) => plain(value),
        }
    }
}

/// The names of the fields in a path that is nothing but fields, `.spec.replicas`.
#[must_use]
pub fn fields(path: &str) -> Vec<&str> {
    path.strip_prefix('.').unwrap_or(path).split('.').collect()
}

fn cell(cell_type: &str, value: &Value, now_ms: i64) -> Value {
    match (cell_type, value) {
        ("string", Value::Null) => Value::from("<no value>"),
        ("string", Value::Array(_) | Value::Object(_)) => Value::from(json(value)),
        ("string", value) => Value::from(plain(value)),
        ("integer", Value::Number(number)) => number.as_i64().or_else(|| number.as_f64().map(whole)).into(),
        ("number", Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (None, Some(float)) if float.fract() == 0.0 && float.abs() < 1e15 => Value::from(whole(float)),
            _ => value.clone(),
        },
        ("boolean", Value::Bool(_)) => value.clone(),
        ("date", Value::String(text)) => Value::from(age(text, now_ms)),
        _ => Value::Null,
    }
}

fn age(text: &str, now_ms: i64) -> String {
    if text.is_empty() || text == "null" {
        return "<unknown>".to_owned();
    }
    match Moment::parse(text, Precision::Seconds) {
        Ok(moment) if moment.is_zero() => "<unknown>".to_owned(),
        Ok(moment) => human_duration(now_ms.saturating_sub(moment.unix_ms())),
        Err(_) => "<invalid>".to_owned(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the whole part is what is shown")]
const fn whole(float: f64) -> i64 {
    float as i64
}

struct Walk {
    left: usize,
}

impl Walk {
    fn steps<'v>(&mut self, steps: &[Step], mut current: Found<'v>) -> Result<Found<'v>, JsonPathError> {
        for step in steps {
            self.left = self.left.checked_sub(current.len() + 1).ok_or(JsonPathError::TooMany)?;
            current = self.step(step, current)?;
        }
        Ok(current)
    }

    fn step<'v>(&mut self, step: &Step, current: Found<'v>) -> Result<Found<'v>, JsonPathError> {
        Ok(match step {
            Step::Constant(value @ Value::String(_)) => vec![Cow::Owned(value.clone())],
            Step::Constant(value) => current.iter().map(|_| Cow::Owned(value.clone())).collect(),
            Step::Field(name) => current.into_iter().filter_map(|value| field(value, name)).collect(),
            Step::Wildcard => {
                let mut found = Vec::new();
                for value in current {
                    found.extend(children(value));
                }
                found
            }
            Step::Recursive => {
                let mut found = Vec::new();
                self.descend(current, &mut found)?;
                found
            }
            Step::Slice(slice) => {
                let mut found = Vec::new();
                for value in current {
                    slice.apply(value, &mut found)?;
                }
                found
            }
            Step::Union(parts) => {
                let mut found = Vec::new();
                for part in parts {
                    found.extend(self.steps(part, current.clone())?);
                }
                found
            }
            Step::Filter(filter) => self.filter(filter, current)?,
            Step::Word(_) => return Err(JsonPathError::Mismatch("unrecognized identifier")),
        })
    }

    /// All values that have values inside, in depth.
    fn descend<'v>(&mut self, current: Found<'v>, found: &mut Found<'v>) -> Result<(), JsonPathError> {
        for value in current {
            let inner = children(value.clone());
            self.left = self.left.checked_sub(inner.len() + 1).ok_or(JsonPathError::TooMany)?;
            if !inner.is_empty() {
                found.push(value);
                self.descend(inner, found)?;
            }
        }
        Ok(())
    }

    fn filter<'v>(&mut self, filter: &Filter, current: Found<'v>) -> Result<Found<'v>, JsonPathError> {
        let mut found = Vec::new();
        for value in current {
            if !value.is_array() {
                return Err(JsonPathError::Mismatch("not array or slice and cannot be filtered"));
            }
            for item in children(value) {
                let left = self.steps(&filter.left, vec![item.clone()]);
                let Some((operator, right)) = &filter.right else {
                    if left.is_ok_and(|left| !left.is_empty()) {
                        found.push(item);
                    }
                    continue;
                };
                let (left, right) = (left?, self.steps(right, vec![item.clone()])?);
                match (left.as_slice(), right.as_slice()) {
                    ([], _) | (_, []) => {}
                    ([left], [right]) => {
                        if compare(left, operator, right)? {
                            found.push(item);
                        }
                    }
                    _ => return Err(JsonPathError::Mismatch("can only compare one element at a time")),
                }
            }
        }
        Ok(found)
    }
}

fn field<'v>(value: Cow<'v, Value>, name: &str) -> Option<Cow<'v, Value>> {
    match value {
        Cow::Borrowed(value) => value.get(name).map(Cow::Borrowed),
        Cow::Owned(value) => value.get(name).cloned().map(Cow::Owned),
    }
}

fn children(value: Cow<'_, Value>) -> Found<'_> {
    match value {
        Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
        Cow::Borrowed(Value::Object(map)) => map.values().map(Cow::Borrowed).collect(),
        // Constants are scalars.
        _ => Vec::new(),
    }
}

impl Slice {
    fn apply<'v>(self, value: Cow<'v, Value>, found: &mut Found<'v>) -> Result<(), JsonPathError> {
        if value.is_null() {
            return Ok(());
        }
        if !value.is_array() {
            return Err(JsonPathError::Mismatch("not array or slice"));
        }
        let items = children(value);
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let mut from = self.from.unwrap_or(0);
        if from < 0 {
            from = from.saturating_add(length);
        }
        let mut to = self.to.unwrap_or(length);
        if to < 0 || to == 0 && self.derived {
            to = to.saturating_add(length);
        }
        if from == to {
            return Ok(());
        }
        if from >= length || from < 0 || to > length || to < 0 || from > to {
            return Err(JsonPathError::Mismatch("array index out of bounds"));
        }
        let step = self.step.unwrap_or(1);
        if step <= 0 {
            return Err(JsonPathError::Mismatch("step must be > 0"));
        }
        let index = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        found.extend(items.into_iter().take(index(to)).skip(index(from)).step_by(index(step)));
        Ok(())
    }
}

/// Compares as Go's templates do: only values of one basic type.
fn compare(left: &Value, operator: &str, right: &Value) -> Result<bool, JsonPathError> {
    let order = match (left, right) {
        (Value::Bool(left), Value::Bool(right)) if matches!(operator, "==" | "!=") => Some(left.cmp(right)),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            (None, None) => left.as_f64().partial_cmp(&right.as_f64()),
            _ => None,
        },
        _ => None,
    };
    let order = order.ok_or(JsonPathError::Mismatch("incompatible types for comparison"))?;
    Ok(match operator {
        "==" => order == Ordering::Equal,
        "!=" => order != Ordering::Equal,
        "<" => order == Ordering::Less,
        ">" => order == Ordering::Greater,
        "<=" => order != Ordering::Greater,
        ">=" => order != Ordering::Less,
        _ => return Err(JsonPathError::Mismatch("unrecognized filter operator")),
    })
}

/// Values that may be looked at for one path.
const VISITS_MAX: usize = 200_000;

#[cfg(test)]
mod jsonpath_test;
