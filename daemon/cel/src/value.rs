//! Values at run time. Cheap to clone; values read from JSON borrow it and are converted piece by piece, when an
//! expression reaches them.
//!
//! Reading order: [`shape`] (how JSON is read), [`json`], [`list`], [`map`], [`time`], [`compare`] (equality and order),
//! [`mod@print`] (how values look in messages), [`escape`] (names of fields).

pub mod compare;
pub mod escape;
pub mod json;
pub mod list;
pub mod map;
pub mod opaque;
pub mod print;
pub mod shape;
pub mod time;

use std::ops::Deref;
use std::sync::Arc;

use self::list::List;
use self::map::Map;
use self::opaque::Opaque;
use self::time::{Duration, Timestamp};
use crate::ast::Literal;

/// A value of an expression. `'a` is the life of the JSON that it may borrow.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `uint`
    Uint(u64),
    /// `double`
    Double(f64),
    /// `string`
    String(Text<'a>),
    /// `bytes`
    Bytes(Arc<[u8]>),
    /// `google.protobuf.Timestamp`
    Timestamp(Timestamp),
    /// `google.protobuf.Duration`
    Duration(Duration),
    /// `list`
    List(List<'a>),
    /// `map`, and objects with declared fields.
    Map(Map<'a>),
    /// `optional_type`, with or without a value.
    Optional(Option<Arc<Self>>),
    /// A type, by its name.
    Type(Text<'a>),
    /// A value of Kubernetes' libraries.
    Opaque(Opaque),
    /// A name whose fields are variables of their own: selecting `f` from the scope `variables` looks the variable
    /// `variables.f` up, and so evaluates only those that are used.
    Scope(&'static str),
}

/// A string that is shared or borrowed.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// From the JSON that is evaluated.
    Borrowed(&'a str),
    /// Made by the expression.
    Shared(Arc<str>),
}

impl<'a> Value<'a> {
    /// A string.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(Text::Shared(text.into()))
    }

    /// A string that is borrowed.
    pub const fn str(text: &'a str) -> Self {
        Self::String(Text::Borrowed(text))
    }

    /// Bytes.
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::Bytes(bytes.into())
    }

    /// A list of these elements.
    pub fn list(elements: Vec<Self>) -> Self {
        Self::List(List::from(elements))
    }

    /// `optional.of(value)`
    pub fn some(value: Self) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// The value of a literal.
    pub fn literal(literal: &Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Bool(value) => Self::Bool(*value),
            Literal::Int(value) => Self::Int(*value),
            Literal::Uint(value) => Self::Uint(*value),
            Literal::Double(value) => Self::Double(*value),
            Literal::String(value) => Self::string(&**value),
            Literal::Bytes(value) => Self::bytes(&**value),
        }
    }

    /// The name of the value's type, as `type()` gives it.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::List(_) => "list",
            Self::Map(map) => map.type_name(),
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
            Self::Opaque(opaque) => opaque.type_name(),
            Self::Scope(_) => "map",
        }
    }

    /// The size as cost is counted: characters, bytes, elements, entries; 1 for what has no size.
    pub fn size(&self) -> u64 {
        match self {
            Self::String(text) => characters(text),
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::List(list) => list.len() as u64,
            Self::Map(map) => map.size().map_or(1, |size| size as u64),
            Self::Opaque(opaque) => opaque.size(),
            _ => 1,
        }
    }

    /// Whether it is the value that an unset field would have, for `optional.ofNonZeroValue`.
    pub fn is_zero(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(value) => !value,
            Self::Int(value) => *value == 0,
            Self::Uint(value) => *value == 0,
            Self::Double(value) => *value == 0.0,
            Self::String(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Timestamp(time) => time.is_zero(),
            Self::Duration(duration) => duration.nanoseconds() == 0,
            Self::List(list) => list.is_empty(),
            Self::Map(map) => map.size() == Some(0),
            Self::Optional(inner) => inner.as_ref().is_none_or(|inner| inner.is_zero()),
            Self::Type(_) | Self::Opaque(_) | Self::Scope(_) => false,
        }
    }
}

/// The length of a string as CEL counts it.
pub(crate) fn characters(text: &str) -> u64 {
    text.chars().count() as u64
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::string(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::str(value)
    }
}
