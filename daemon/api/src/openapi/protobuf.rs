//! OpenAPI documents in protobuf: the messages of gnostic (github.com/google/gnostic-models, `OpenAPIv2.proto` and
//! `OpenAPIv3.proto`), written from the JSON documents by tables.
//!
//! Values without a schema of their own (extensions, defaults, enumerations) are text in gnostic's messages: YAML, of which
//! JSON is a part.

pub(super) mod v2;
pub(super) mod v3;

use serde_json::{Map, Value};

/// How a value of JSON is written.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// true or false.
    Bool,
    /// A whole number.
    Int,
    /// Any number.
    Double,
    /// Anything, as text.
    Any,
    /// A list of anything.
    Anys,
    /// An object.
    One(&'static Message),
    /// A list of objects.
    Each(&'static Message),
    /// In a message of its own, under the number 1.
    Wrapped(&'static Self),
    /// The type of a schema in v2: one name, or several.
    Types,
    /// A default in v3: a number, a truth value or a text; nothing of anything else.
    Default,
    /// true or false under the number 2, or else an object.
    BoolOr(&'static Message),
}

/// A message that an object is written as.
pub(super) struct Message {
    /// Keys, their numbers, and how their values are written.
    fields: &'static [(&'static str, u32, Form)],
    /// The number of the entries for keys that begin with `x-`; 0 where there are none.
    extensions: u32,
    /// The number of the entries for all other keys, and how their values are written.
    entries: Option<(u32, Form)>,
    /// The numbers of this message in the messages around it, which say which of several alternatives it is.
    path: &'static [u32],
    /// What is written instead, by what the object holds.
    instead: fn(&Map<String, Value>) -> Option<&'static Self>,
}

/// A message without peculiarities.
const PLAIN: Message = Message { fields: &[], extensions: 0, entries: None, path: &[], instead: |_| None };

impl Message {
    /// The object as this message, without number and length.
    pub(super) fn written(&self, object: &Map<String, Value>) -> Vec<u8> {
        (self.instead)(object).unwrap_or(self).inside(object)
    }

    fn inside(&self, object: &Map<String, Value>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (key, value) in object {
            if let Some((_, number, form)) = self.fields.iter().find(|(name, ..)| name == key) {
                form.write(*number, value, &mut bytes);
            } else if self.extensions > 0 && key.starts_with("x-") {
                named(self.extensions, key, Form::Any, value, &mut bytes);
            } else if let Some((number, form)) = self.entries {
                named(number, key, form, value, &mut bytes);
            }
        }
        self.path.iter().rev().fold(bytes, |inner, number| {
            let mut outer = Vec::with_capacity(inner.len() + 8);
            put_bytes(*number, &inner, &mut outer);
            outer
        })
    }
}

impl Form {
    fn write(self, number: u32, value: &Value, out: &mut Vec<u8>) {
        match (self, value) {
            (Self::Text, Value::String(text)) => put_bytes(number, text.as_bytes(), out),
            (Self::Texts, Value::Array(texts)) => {
                texts.iter().filter_map(Value::as_str).for_each(|text| put_bytes(number, text.as_bytes(), out));
            }
            (Self::Bool, Value::Bool(flag)) => put_varint(number, u64::from(*flag), out),
            (Self::Int, value) => {
                if let Some(value) = whole(value) {
                    put_varint(number, value.cast_unsigned(), out);
                }
            }
            (Self::Double, Value::Number(value)) => {
                if let Some(value) = value.as_f64() {
                    put_tag(number, FIXED_64, out);
                    out.extend_from_slice(&value.to_le_bytes());
                }
            }
            (Self::Any, value) => put_bytes(number, &any(value), out),
            (Self::Anys, Value::Array(values)) => values.iter().for_each(|value| put_bytes(number, &any(value), out)),
            (Self::One(message), Value::Object(object)) => put_bytes(number, &message.written(object), out),
            (Self::Each(message), Value::Array(list)) => {
                let objects = list.iter().filter_map(Value::as_object);
                objects.for_each(|object| put_bytes(number, &message.written(object), out));
            }
            (Self::Wrapped(form), value) => {
                let mut inner = Vec::new();
                form.write(1, value, &mut inner);
                put_bytes(number, &inner, out);
            }
            (Self::Types, value) => {
                let form = if value.is_array() { Self::Texts } else { Self::Text };
                let mut inner = Vec::new();
                form.write(1, value, &mut inner);
                put_bytes(number, &inner, out);
            }
            (Self::Default, value) => {
                let mut inner = Vec::new();
                match value {
                    Value::Number(_) => Self::Double.write(1, value, &mut inner),
                    Value::Bool(_) => Self::Bool.write(2, value, &mut inner),
                    value => Self::Text.write(3, value, &mut inner),
                }
                put_bytes(number, &inner, out);
            }
            (Self::BoolOr(message), value) => {
                let mut inner = Vec::new();
                match value {
                    Value::Bool(_) => Self::Bool.write(2, value, &mut inner),
                    value => Self::One(message).write(1, value, &mut inner),
                }
                put_bytes(number, &inner, out);
            }
            _ => {}
        }
    }
}

/// An entry of a map: its name under 1, its value under 2.
pub(super) fn named(number: u32, name: &str, form: Form, value: &Value, out: &mut Vec<u8>) {
    let mut entry = Vec::new();
    put_bytes(1, name.as_bytes(), &mut entry);
    form.write(2, value, &mut entry);
    put_bytes(number, &entry, out);
}

fn any(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_bytes(2, format!("{value}\n").as_bytes(), &mut bytes);
    bytes
}

/// The value of a count, which definitions may write with a fraction of zero.
fn whole(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of this size fits")]
    let rounded = |float: f64| (float.fract() == 0.0 && float.abs() < 9.0e18).then_some(float as i64);
    value.as_i64().or_else(|| value.as_f64().and_then(rounded))
}

/// Appends a field that is a length and bytes.
pub(super) fn put_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    put_tag(number, LENGTH, out);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn put_varint(number: u32, value: u64, out: &mut Vec<u8>) {
    put_tag(number, VARINT, out);
    varint(value, out);
}

fn put_tag(number: u32, wire_type: u64, out: &mut Vec<u8>) {
    varint(u64::from(number) << 3 | wire_type, out);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH: u64 = 2;
