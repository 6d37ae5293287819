//! What reading custom resources shares with reading built-in kinds.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::decoder::Decoder;
use super::{DecodeError, FieldValidation, build};
use crate::field::TypeDescriptor;
use crate::json::{Malformed, Reader};

/// An object of a known type inside of an object of an unknown one.
pub(crate) struct Fields {
    /// The object in canonical form.
    pub(crate) map: Map<String, Value>,
    /// What is said about unknown fields: `unknown field "x"`.
    pub(crate) complaints: Vec<String>,
}

/// Reads an object of this type.
///
/// # Errors
/// Go's message about a value of the wrong type.
pub(crate) fn fields(
    descriptor: &'static TypeDescriptor,
    value: &Value,
    validation: FieldValidation,
) -> Result<Fields, String> {
    let text = value.to_string();
    let mut decoder = Decoder::new(Reader::new(&text), validation);
    let slots = decoder.root(descriptor).map_err(|malformed| super::words(malformed, &text))?;
    let Some(mut slots) = slots else {
        let found = match value {
            Value::Array(_) => "array",
            Value::String(_) => "string",
            Value::Bool(_) => "bool",
            _ => "number",
        };
        let (package, name) = (descriptor.go_package, descriptor.name);
        return Err(format!("json: cannot unmarshal {found} into Go value of type {package}.{name}"));
    };
    match decoder.mistyped() {
        Some(mistyped) => Err(mistyped),
        None => Ok(Fields { map: build(descriptor, &mut slots), complaints: decoder.complaints() }),
    }
}

/// The text of a body.
pub(crate) fn text(body: &[u8]) -> Cow<'_, str> {
    super::lossy(body)
}

/// A body that is no JSON, or too large.
pub(crate) fn malformed(kind: &str, text: &str, malformed: Malformed) -> DecodeError {
    super::malformed_json(kind, text, malformed)
}

/// A body that is JSON, but no object.
pub(crate) fn not_an_object(kind: &str, text: &str) -> DecodeError {
    super::not_an_object(kind, text)
}

/// A body whose `kind` or `apiVersion` is no text.
pub(crate) fn unidentified(kind: &str, text: &str, why: &str) -> DecodeError {
    DecodeError::Mistyped(super::unidentified(kind, text, why))
}
