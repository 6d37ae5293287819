//! Between JSON and values.

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map as JsonMap, Number, Value as Json};

use super::list::List;
use super::map::{Key, Map};
use super::shape::{DYN, DYN_LIST, Shape};
use super::time::{Duration, Timestamp};
use super::{Text, Value};
use crate::budget::EvalError;

/// Nodes that `to_json` makes at most: values share what JSON must repeat.
const NODES_MAX: usize = 1_000_000;
/// Bytes of strings that `to_json` copies at most.
const BYTES_MAX: usize = 32 << 20;
/// How deep the JSON may be that `to_json` makes.
const DEPTH_MAX: usize = 200;

/// Base64 as Go reads it: the standard alphabet, with padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

impl<'a> Value<'a> {
    /// The value that a piece of JSON is, by its shape. Lists and objects are not looked into: their parts are read
    /// when an expression reaches them.
    ///
    /// # Errors
    /// When the JSON is not of its shape.
    pub fn from_json(json: &'a Json, shape: &'a Shape) -> Result<Self, EvalError> {
        Self::read(json, shape)
    }

    /// The value that JSON without a schema is.
    pub fn from_dyn(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => read_number(number),
            Json::String(text) => Self::str(text),
            Json::Array(elements) => Self::List(List::Json(elements, &DYN_LIST)),
            Json::Object(object) => Self::Map(Map::Json(object, &DYN)),
        }
    }

    pub(crate) fn read(json: &'a Json, shape: &'a Shape) -> Result<Self, EvalError> {
        match (shape, json) {
            (Shape::Dyn, _) => Ok(Self::from_dyn(json)),
            (_, Json::Null) => Ok(Self::Null),
            (Shape::Bool, Json::Bool(value)) => Ok(Self::Bool(*value)),
            (Shape::Int, Json::Number(number)) => number.as_i64().map(Self::Int).ok_or_else(|| misfit("int", json)),
            (Shape::Uint, Json::Number(number)) => number.as_u64().map(Self::Uint).ok_or_else(|| misfit("uint", json)),
            (Shape::Double, Json::Number(number)) => {
                number.as_f64().map(Self::Double).ok_or_else(|| misfit("float", json))
            }
            (Shape::String, Json::String(text)) => Ok(Self::str(text)),
            (Shape::Bytes, Json::String(text)) => BASE64
                .decode(text)
                .map(Self::bytes)
                .map_err(|error| EvalError::other(format!("Invalid byte formatted string {text}: {error}"))),
            (Shape::Date, Json::String(text)) => Timestamp::parse_date(text)
                .map(Self::Timestamp)
                .ok_or_else(|| EvalError::other(format!("Invalid date formatted string {text}"))),
            (Shape::Timestamp, Json::String(text)) => Timestamp::parse_lenient(text)
                .map(Self::Timestamp)
                .ok_or_else(|| EvalError::other(format!("Invalid date-time formatted string {text}"))),
            (Shape::Duration, Json::String(text)) => Duration::parse_lenient(text)
                .map(Self::Duration)
                .ok_or_else(|| EvalError::other(format!("Invalid duration {text}"))),
            (Shape::List(list), Json::Array(elements)) => Ok(Self::List(List::Json(elements, list))),
            (Shape::Map(value), Json::Object(object)) => Ok(Self::Map(Map::Json(object, value))),
            (Shape::Object(fields), Json::Object(object)) => Ok(Self::Map(Map::Object(object, fields))),
            (Shape::Bool, _) => Err(misfit("bool", json)),
            (Shape::Int, _) => Err(misfit("int", json)),
            (Shape::Uint, _) => Err(misfit("uint", json)),
            (Shape::Double, _) => Err(misfit("float", json)),
            (Shape::String | Shape::Bytes | Shape::Date | Shape::Timestamp | Shape::Duration, _) => {
                Err(misfit("string", json))
            }
            (Shape::List(_), _) => {
                Err(EvalError::other("invalid data, expected an array for the provided schema with type=array"))
            }
            (Shape::Map(_) | Shape::Object(_), _) => {
                Err(EvalError::other("invalid data, expected a map for the provided schema with type=object"))
            }
        }
    }

    /// The JSON of this value: times and durations as strings, bytes in base64, optional values as what they hold or
    /// null.
    ///
    /// # Errors
    /// When a value of a library or a type is inside, a number that JSON has no way to write, or when the JSON would
    /// be too large.
    pub fn to_json(&self) -> Result<Json, EvalError> {
        Writer { nodes_left: NODES_MAX, bytes_left: BYTES_MAX }.write(self, DEPTH_MAX)
    }
}

/// Whether a text is base64 with padding.
pub(crate) fn decodes_base64(text: &str) -> bool {
    BASE64.decode(text).is_ok()
}

struct Writer {
    nodes_left: usize,
    bytes_left: usize,
}

impl Writer {
    fn write(&mut self, value: &Value<'_>, depth: usize) -> Result<Json, EvalError> {
        let too_large = || EvalError::other("the result is too large");
        self.nodes_left = self.nodes_left.checked_sub(1).ok_or_else(too_large)?;
        let depth = depth.checked_sub(1).ok_or_else(too_large)?;
        Ok(match value {
            Value::Null | Value::Optional(None) => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(value) => Json::from(*value),
            Value::Uint(value) => Json::from(*value),
            Value::Double(value) => Number::from_f64(*value)
                .map(Json::Number)
                .ok_or_else(|| EvalError::other(format!("{value} cannot be written as JSON")))?,
            Value::String(text) => self.string(text)?,
            Value::Bytes(bytes) => {
                self.bytes(bytes.len())?;
                Json::String(BASE64.encode(bytes))
            }
            Value::Timestamp(time) => Json::String(time.to_string()),
            Value::Duration(duration) => Json::String(duration.to_string()),
            Value::List(list) => {
                Json::Array(list.iter().map(|element| self.write(&element?, depth)).collect::<Result<Vec<_>, _>>()?)
            }
            Value::Map(map) => Json::Object(self.object(map, depth)?),
            Value::Optional(Some(inner)) => self.write(inner, depth)?,
            Value::Type(_) | Value::Opaque(_) | Value::Scope(_) => {
                return Err(EvalError::other(format!(
                    "a value of type {} cannot be written as JSON",
                    value.type_name()
                )));
            }
        })
    }

    fn object(&mut self, map: &Map<'_>, depth: usize) -> Result<JsonMap<String, Json>, EvalError> {
        let mut object = JsonMap::new();
        match map {
            Map::Json(json, _) | Map::Object(json, _) => {
                for (key, value) in *json {
                    self.bytes(key.len())?;
                    object.insert(key.clone(), self.write(&Value::from_dyn(value), depth)?);
                }
            }
            Map::Owned(entries) => {
                for (key, value) in &**entries {
                    let key = match key {
                        Key::String(text) => text.to_string(),
                        Key::Bool(value) => value.to_string(),
                        Key::Int(value) => value.to_string(),
                        Key::Uint(value) => value.to_string(),
                    };
                    self.bytes(key.len())?;
                    object.insert(key, self.write(value, depth)?);
                }
            }
            Map::Struct(made) => {
                for (name, value) in &made.fields {
                    let key = super::escape::unescape(name).unwrap_or_else(|| name.to_string());
                    self.bytes(key.len())?;
                    object.insert(key, self.write(value, depth)?);
                }
            }
        }
        Ok(object)
    }

    fn string(&mut self, text: &Text<'_>) -> Result<Json, EvalError> {
        self.bytes(text.len())?;
        Ok(Json::String(text.to_string()))
    }

    fn bytes(&mut self, length: usize) -> Result<(), EvalError> {
        self.bytes_left =
            self.bytes_left.checked_sub(length).ok_or_else(|| EvalError::other("the result is too large"))?;
        Ok(())
    }
}

/// Whole numbers that fit are `int`, all others `double`: so Kubernetes decodes JSON.
fn read_number<'a>(number: &Number) -> Value<'a> {
    number.as_i64().map_or_else(|| Value::Double(number.as_f64().unwrap_or(f64::NAN)), Value::Int)
}

fn misfit(expected: &str, json: &Json) -> EvalError {
    let got = match json {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float64",
        Json::Number(_) => "int64",
        Json::String(_) => "string",
        Json::Array(_) => "[]interface {}",
        Json::Object(_) => "map[string]interface {}",
    };
    EvalError::other(format!("invalid data, expected {expected}, got {got}"))
}
