//! Maps and objects.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map as JsonMap, Value as Json};

use super::escape::reserved;
use super::shape::{DYN, ObjectShape, Shape};
use super::{Text, Value};
use crate::budget::{EvalError, Meter};

/// A map or an object. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Map<'a> {
    /// Made by an expression.
    Owned(Arc<BTreeMap<Key<'a>, Value<'a>>>),
    /// From JSON, with values of one shape.
    Json(&'a JsonMap<String, Json>, &'a Shape),
    /// From JSON, with declared fields.
    Object(&'a JsonMap<String, Json>, &'a ObjectShape),
    /// Made by an expression from a type's literal: `Object.spec{replicas: 1}`.
    Struct(Arc<Struct<'a>>),
}

/// An object that an expression made.
#[derive(Debug)]
pub struct Struct<'a> {
    /// Name of its type.
    pub type_name: Box<str>,
    /// The fields that were set, by the names that expressions use.
    pub fields: BTreeMap<Box<str>, Value<'a>>,
}

/// A key of a map. Equal numbers are one key, whatever their type.
#[derive(Clone, Debug)]
pub enum Key<'a> {
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `uint`
    Uint(u64),
    /// `string`
    String(Text<'a>),
}

impl<'a> Map<'a> {
    /// A map of these entries; of entries with equal keys the last stays.
    pub fn new(entries: impl IntoIterator<Item = (Key<'a>, Value<'a>)>) -> Self {
        Self::Owned(Arc::new(entries.into_iter().collect()))
    }

    /// How many entries it has, as `size()` and costs count them. An object that an expression made has no size.
    pub fn size(&self) -> Option<usize> {
        match self {
            Self::Owned(entries) => Some(entries.len()),
            Self::Json(object, _) | Self::Object(object, _) => Some(object.len()),
            Self::Struct(_) => None,
        }
    }

    /// The value of a key, if there is one.
    ///
    /// # Errors
    /// When the key is not of a type that the map's keys have, or JSON is not of its shape.
    pub fn find(&self, key: &Value<'a>) -> Result<Option<Value<'a>>, EvalError> {
        match (self, key) {
            (Self::Owned(entries), _) => Ok(Key::of(key).and_then(|key| entries.get(&key).cloned())),
            (_, Value::String(name)) => self.field(name),
            _ => Err(EvalError::no_such_overload()),
        }
    }

    /// The value of a field, or of the key that is this string.
    ///
    /// # Errors
    /// When JSON is not of its shape.
    pub fn field(&self, name: &str) -> Result<Option<Value<'a>>, EvalError> {
        match self {
            Self::Owned(entries) => Ok(entries.get(&Key::String(Text::Shared(name.into()))).cloned()),
            Self::Json(object, shape) => object.get(name).map(|json| Value::read(json, shape)).transpose(),
            Self::Object(object, shape) => {
                // Words that the grammar keeps for itself can be selected as they are, too.
                let field = shape.fields.get(name).or_else(|| shape.fields.get(&*reserved(name)?));
                // Null where a field is declared is as good as no field.
                match field.and_then(|field| Some((field, object.get(&*field.key)?))) {
                    None | Some((_, Json::Null)) => Ok(None),
                    Some((field, json)) => Value::read(json, &field.shape).map(Some),
                }
            }
            Self::Struct(object) => Ok(object.fields.get(name).cloned()),
        }
    }

    /// Whether it was read by a schema; such maps are only compared with maps.
    pub(crate) fn has_schema(&self) -> bool {
        match self {
            Self::Owned(_) | Self::Struct(_) => false,
            Self::Object(..) => true,
            Self::Json(_, shape) => !std::ptr::eq(*shape, &raw const DYN),
        }
    }

    /// The keys: those of a map that an expression made in their order, those of JSON as it has them.
    pub(crate) fn keys(&self, meter: &mut Meter<'_>) -> Result<Vec<Value<'a>>, EvalError> {
        meter.allocate_values(self.size().unwrap_or(0))?;
        Ok(match self {
            Self::Owned(entries) => entries.keys().map(|key| key.clone().into()).collect(),
            Self::Json(object, _) => object.keys().map(|key| Value::str(key)).collect(),
            Self::Object(object, shape) => shape
                .fields
                .iter()
                .filter(|(_, field)| object.get(&*field.key).is_some_and(|json| !json.is_null()))
                .map(|(name, _)| Value::str(name))
                .collect(),
            Self::Struct(object) => object.fields.keys().map(|name| Value::string(&**name)).collect(),
        })
    }

    /// This map with one more entry; in place where nobody else holds the map.
    pub(crate) fn insert(self, key: Key<'a>, value: Value<'a>, meter: &mut Meter<'_>) -> Result<Self, EvalError> {
        let mut entries = match self {
            Self::Owned(entries) => entries,
            other => {
                let mut copy = BTreeMap::new();
                for key in other.keys(meter)? {
                    if let (Some(key), Some(value)) = (Key::of(&key), other.find(&key)?) {
                        copy.insert(key, value);
                    }
                }
                Arc::new(copy)
            }
        };
        if Arc::get_mut(&mut entries).is_none() {
            meter.allocate_values(2 * entries.len())?;
        }
        meter.allocate_values(2)?;
        Arc::make_mut(&mut entries).insert(key, value);
        Ok(Self::Owned(entries))
    }

    pub(crate) fn type_name(&self) -> &str {
        match self {
            Self::Struct(object) => &object.type_name,
            _ => "map",
        }
    }
}

impl<'a> Key<'a> {
    /// The key that a value is; none where values of its type, or this number, cannot be keys.
    pub fn of(value: &Value<'a>) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Int(value) => Some(Self::Int(*value)),
            Value::Uint(value) => Some(Self::Uint(*value)),
            Value::String(text) => Some(Self::String(text.clone())),
            Value::Double(value) => whole(*value),
            _ => None,
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Int(_) | Self::Uint(_) => 1,
            Self::String(_) => 2,
        }
    }

    const fn number(&self) -> i128 {
        match self {
            Self::Bool(value) => *value as i128,
            Self::Int(value) => *value as i128,
            Self::Uint(value) => *value as i128,
            Self::String(_) => 0,
        }
    }
}

/// The key that equals a number, if it is whole.
#[expect(clippy::cast_possible_truncation, reason = "the number is whole and in range")]
#[expect(clippy::cast_sign_loss, reason = "the number is not negative")]
fn whole(number: f64) -> Option<Key<'static>> {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    if number.trunc() != number {
        None
    } else if (-TWO_63..TWO_63).contains(&number) {
        Some(Key::Int(number as i64))
    } else if (TWO_63..2.0 * TWO_63).contains(&number) {
        Some(Key::Uint(number as u64))
    } else {
        None
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::String(left), Self::String(right)) => (**left).cmp(&**right),
            _ => self.rank().cmp(&other.rank()).then_with(|| self.number().cmp(&other.number())),
        }
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key<'_> {}

impl<'a> From<Key<'a>> for Value<'a> {
    fn from(key: Key<'a>) -> Self {
        match key {
            Key::Bool(value) => Self::Bool(value),
            Key::Int(value) => Self::Int(value),
            Key::Uint(value) => Self::Uint(value),
            Key::String(text) => Self::String(text),
        }
    }
}
