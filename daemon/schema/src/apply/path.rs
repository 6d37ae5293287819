//! Path elements: how a set of fields names one field of an object, one entry of a map, one item of a list.
//!
//! Source: the `fieldpath` package of structured-merge-diff, version 6, and KEP-555 ("fieldsV1").

use std::cmp::Ordering;
use std::fmt;

use serde_json::{Map, Number, Value};

use super::value::{self, Html, Numeral};
use crate::json::{Duplicates, Reader};

/// One step of a path.
#[derive(Clone, Debug)]
pub enum PathElement {
    /// A field of an object or an entry of a map: `f:name`.
    Field(Box<str>),
    /// An item of a list of objects, told apart by these fields, which are in order: `k:{"name":"a"}`.
    Key(Box<[(Box<str>, Value)]>),
    /// An item of a set: `v:"a"`.
    Value(Box<Value>),
    /// An item of another list: `i:0`.
    Index(i64),
}

impl PathElement {
    /// A field of an object or an entry of a map.
    #[must_use]
    pub fn field(name: &str) -> Self {
        Self::Field(name.into())
    }

    /// An item of a list of objects. The fields are put in order.
    #[must_use]
    pub fn key(mut fields: Vec<(Box<str>, Value)>) -> Self {
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self::Key(fields.into())
    }

    /// An item of a set.
    #[must_use]
    pub fn value(value: Value) -> Self {
        Self::Value(Box::new(value))
    }

    /// Reads what [`PathElement::write`] writes.
    ///
    /// # Errors
    /// The text is no path element. [`BadElement::Unknown`] stands for kinds that a later version may know.
    pub fn parse(text: &str) -> Result<Self, BadElement> {
        let bytes = text.as_bytes();
        if bytes.len() < 2 {
            return Err(BadElement::Malformed("key must be 2 characters long:".to_owned()));
        }
        if bytes[1] != b':' {
            return Err(BadElement::Malformed(format!("missing colon: {text}")));
        }
        let rest = text.get(2..).unwrap_or_default();
        match bytes[0] {
            b'f' => Ok(Self::field(rest)),
            b'v' => first_json(rest).map(|value| Self::value(as_decoded(value))),
            b'k' => match first_json(rest)? {
                Value::Object(map) => Ok(Self::key(decoded_fields(map))),
                Value::Null => Ok(Self::Key(Box::default())),
                _ => Err(BadElement::Malformed(format!("expected an object in a key: {text}"))),
            },
            b'i' => {
                let index = rest.parse();
                let index = index.map_err(|error| BadElement::Malformed(format!("{error}: {text}")))?;
                Ok(Self::Index(index))
            }
            _ => Err(BadElement::Unknown),
        }
    }

    /// Writes the element as the key of an entry of `fieldsV1`.
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Field(name) => {
                out.push_str("f:");
                out.push_str(name);
            }
            Self::Key(fields) => {
                out.push_str("k:{");
                for (index, (name, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    value::push_text(out, name, Html::Plain);
                    out.push(':');
                    value::push_json(out, value);
                }
                out.push('}');
            }
            Self::Value(value) => {
                out.push_str("v:");
                value::push_json(out, value);
            }
            Self::Index(index) => {
                out.push_str("i:");
                out.push_str(&index.to_string());
            }
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

/// The order of entries in `fieldsV1`: fields, keys, values, indexes.
impl Ord for PathElement {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(a), Self::Field(b)) => a.cmp(b),
            (Self::Key(a), Self::Key(b)) => compare_keys(a, b),
            (Self::Value(a), Self::Value(b)) => value::compare(a, b),
            (Self::Index(a), Self::Index(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PathElement {}

/// How messages show the element: `.name`, `[name="a"]`, `[="a"]`, `[0]`.
impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    let separator = if index > 0 { "," } else { "" };
                    write!(f, "{separator}{name}={}", value::show(value))?;
                }
                f.write_str("]")
            }
            Self::Value(value) => write!(f, "[={}]", value::show(value)),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// Why a text is no path element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadElement {
    /// It is of a kind that is not known; sets leave such elements out.
    Unknown,
    /// It is broken.
    Malformed(String),
}

/// A path as messages show it.
pub(crate) fn show(path: &[PathElement]) -> String {
    path.iter().map(ToString::to_string).collect()
}

fn compare_keys(a: &[(Box<str>, Value)], b: &[(Box<str>, Value)]) -> Ordering {
    let orders = a.iter().zip(b).map(|(a, b)| a.0.cmp(&b.0).then_with(|| value::compare(&a.1, &b.1)));
    orders.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// Reads the JSON value at the start of a text; upstream does not look at what follows it.
fn first_json(text: &str) -> Result<Value, BadElement> {
    let value = Reader::new(text).value(&mut Duplicates::default());
    value.map_err(|malformed| BadElement::Malformed(format!("{malformed:?}: {text}")))
}

fn decoded_fields(map: Map<String, Value>) -> Vec<(Box<str>, Value)> {
    map.into_iter().map(|(name, value)| (name.into_boxed_str(), as_decoded(value))).collect()
}

/// Upstream reads numbers in keys as floating point numbers, and shows them so in messages.
fn as_decoded(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(as_float(&number)),
        Value::Array(items) => Value::Array(items.into_iter().map(as_decoded).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, value)| (key, as_decoded(value))).collect()),
        other => other,
    }
}

fn as_float(number: &Number) -> Number {
    #[expect(clippy::cast_precision_loss, reason = "upstream loses the same digits")]
    let float = match Numeral::of(number) {
        Numeral::Int(whole) => whole as f64,
        Numeral::Float(float) => float,
    };
    Number::from_f64(float).unwrap_or_else(|| number.clone())
}
