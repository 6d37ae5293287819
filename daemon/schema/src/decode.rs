//! From a request's body to an object in canonical form.
//!
//! One pass over the text, driven by the descriptors of the kind: types are checked, unknown fields dropped, and what comes
//! out has the fields in the order of the tables, keys of maps sorted, and zero values left out or written as upstream does.
//! So equal objects have equal bytes. Messages are those of Kubernetes' decoders (`sigs.k8s.io/json` and the API server's
//! `transformDecodeError`), because kubectl prints them.
//!
//! A field that is given twice is taken from its last occurrence.

mod base64;
mod decoder;
mod number;
pub(crate) mod untyped;
pub(crate) mod zero;

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::cause::quote;
use crate::field::TypeDescriptor;
use crate::json::{Duplicates, Malformed, Reader, complaint};
use crate::kind::{Kind, Shape};
use crate::structural;

pub(crate) use base64::decoded_len;
use decoder::Decoder;
pub(crate) use number::{canonical_json, canonical_number};
pub(crate) use zero::{build, written_field, zero};

/// What is done about fields that the kind does not have, and about fields that are given twice (KEP-2885).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FieldValidation {
    /// Nothing is said.
    Ignore,
    /// A warning for each. What the server does when the client says nothing.
    #[default]
    Warn,
    /// The object is refused.
    Strict,
}

/// What a body holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The object, in canonical form, with its `kind` and `apiVersion`.
    pub value: Value,
    /// Texts for `Warning` headers; at most 100.
    pub warnings: Vec<String>,
}

/// Why a body is refused; always the client's fault and answered with 400 `BadRequest`. The text is the whole message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, or nested too deep.
    #[error("{0}")]
    Malformed(String),
    /// A value has the wrong type.
    #[error("{0}")]
    Mistyped(String),
    /// An object of another kind or version than the endpoint's.
    #[error("{0}")]
    Mismatched(String),
    /// Unknown or duplicate fields, in a strict request.
    #[error("{0}")]
    Strict(String),
}

/// Reads an object that was sent to an endpoint of this kind.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode(kind: &Kind, body: &[u8], validation: FieldValidation) -> Result<Decoded, DecodeError> {
    match &kind.shape {
        Shape::Typed(descriptor) => decode_typed(kind, descriptor, body, validation),
        Shape::Structural(custom) => structural::decode::decode(kind, &custom.schema, body, validation),
    }
}

fn decode_typed(
    kind: &Kind,
    descriptor: &'static TypeDescriptor,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Decoded, DecodeError> {
    let text = lossy(body);
    let mut decoder = Decoder::new(Reader::new(&text), validation);
    let mut slots = match decoder.root(descriptor) {
        Ok(slots) => slots,
        Err(malformed) => return Err(malformed_json(&kind.kind, &text, malformed)),
    };
    let Some(slots) = &mut slots else { return Err(not_an_object(&kind.kind, &text)) };
    if let Some(why) = decoder.unidentified() {
        return Err(DecodeError::Mistyped(unidentified(&kind.kind, &text, &why)));
    }
    let identity = Identity::of(kind, descriptor, slots);
    if let Some(mistyped) = decoder.mistyped() {
        return Err(DecodeError::Mistyped(format!("{}: {mistyped}", identity.prefix(kind))));
    }
    identity.agree(kind)?;
    let complaints = decoder.complaints();
    if validation == FieldValidation::Strict && !complaints.is_empty() {
        return Err(DecodeError::Strict(format!(
            "{}: strict decoding error: {}",
            identity.prefix(kind),
            complaints.join(", ")
        )));
    }
    Ok(Decoded { value: Value::Object(build(descriptor, slots)), warnings: complaints })
}

/// Reads an object of a type that is no kind of its own, `DeleteOptions` for instance; `kind` and `apiVersion` are not looked
/// at, unknown fields are dropped. An empty body is an empty object.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode_type(descriptor: &'static TypeDescriptor, body: &[u8]) -> Result<Value, DecodeError> {
    let text = lossy(body);
    if text.trim_ascii().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let mut decoder = Decoder::new(Reader::new(&text), FieldValidation::Ignore);
    let mut slots = decoder.root(descriptor).map_err(|malformed| malformed_json(descriptor.name, &text, malformed))?;
    let Some(slots) = &mut slots else { return Err(not_an_object(descriptor.name, &text)) };
    match decoder.mistyped() {
        Some(mistyped) => {
            let prefix = in_version(descriptor.name, "v1", descriptor.name);
            Err(DecodeError::Mistyped(format!("{prefix}: {mistyped}")))
        }
        None => Ok(Value::Object(build(descriptor, slots))),
    }
}

/// Brings an object that a patch has made into canonical form again, with the checks of [`decode`].
///
/// # Errors
/// See [`DecodeError`].
pub fn redecode(kind: &Kind, patched: &Value, validation: FieldValidation) -> Result<Decoded, DecodeError> {
    decode(kind, patched.to_string().as_bytes(), validation)
}

/// Reads any JSON, a patch for instance. Returns the value and the paths of keys that are given twice.
///
/// # Errors
/// Go's message about malformed text.
pub(crate) fn parse(body: &[u8]) -> Result<(Value, Vec<String>), String> {
    let text = lossy(body);
    let mut reader = Reader::new(&text);
    let mut duplicates = Duplicates::default();
    let value = reader.value(&mut duplicates).and_then(|value| reader.end().map(|()| value));
    value.map(|value| (value, duplicates.paths)).map_err(|malformed| words(malformed, &text))
}

/// Go replaces what is not UTF-8 instead of refusing it.
fn lossy(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body)
}

/// What a body says that it holds; the endpoint's own kind and version where it says nothing.
pub(crate) struct Identity {
    kind: String,
    api_version: String,
}

impl Identity {
    /// Reads the identity, and puts the endpoint's own where the body has none.
    pub(crate) fn of(kind: &Kind, descriptor: &TypeDescriptor, slots: &mut [Option<Value>]) -> Self {
        Self {
            kind: fill(descriptor, slots, "kind", &kind.kind),
            api_version: fill(descriptor, slots, "apiVersion", &kind.api_version()),
        }
    }

    /// How messages about the content begin.
    pub(crate) fn prefix(&self, kind: &Kind) -> String {
        in_version(&self.kind, &self.api_version, &kind.kind)
    }

    /// The body must hold what the endpoint serves.
    pub(crate) fn agree(&self, kind: &Kind) -> Result<(), DecodeError> {
        if self.api_version != kind.api_version() {
            return Err(DecodeError::Mismatched(format!(
                "the API version in the data ({}) does not match the expected API version ({})",
                self.api_version,
                kind.api_version()
            )));
        }
        if self.kind != *kind.kind {
            return Err(DecodeError::Mismatched(format!(
                "{}: the kind in the data ({}) does not match the expected kind ({})",
                self.prefix(kind),
                self.kind,
                kind.kind
            )));
        }
        Ok(())
    }
}

/// How messages about the content begin; of the version's group nothing is said.
#[must_use]
pub fn in_version(sent_kind: &str, api_version: &str, kind: &str) -> String {
    let version = api_version.rsplit('/').next().unwrap_or_default();
    format!("{sent_kind} in version {} cannot be handled as a {kind}", quote(version))
}

/// Puts the endpoint's own name where the body has none, and returns what then stands there.
fn fill(descriptor: &TypeDescriptor, slots: &mut [Option<Value>], name: &str, own: &str) -> String {
    let index = descriptor.fields.iter().position(|field| field.name == name);
    let Some(slot) = index.and_then(|index| slots.get_mut(index)) else { return own.to_owned() };
    match slot {
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        _ => {
            *slot = Some(Value::String(own.to_owned()));
            own.to_owned()
        }
    }
}

fn words(malformed: Malformed, text: &str) -> String {
    match malformed {
        Malformed::Deep => "exceeded max depth".to_owned(),
        Malformed::Large => TOO_MANY_VALUES.to_owned(),
        Malformed::Syntax => complaint(text.as_bytes()),
    }
}

fn malformed_json(kind: &str, text: &str, malformed: Malformed) -> DecodeError {
    DecodeError::Malformed(unidentified(kind, text, &words(malformed, text)))
}

fn unidentified(kind: &str, text: &str, why: &str) -> String {
    unrecognized(kind, text.as_bytes(), &format!("couldn't get version/kind; json parse error: {why}"))
}

/// The message for a body of which not even the kind can be read.
#[must_use]
pub fn unrecognized(kind: &str, body: &[u8], why: &str) -> String {
    format!("the object provided is unrecognized (must be of type {kind}): {why} ({})", summary(body))
}

fn not_an_object(kind: &str, text: &str) -> DecodeError {
    let found = match text.trim_ascii_start().as_bytes().first() {
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "bool",
        _ => "number",
    };
    let wanted =
        r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
    let why = format!("json: cannot unmarshal {found} into Go value of type {wanted}");
    DecodeError::Mistyped(unidentified(kind, text, &why))
}

/// The beginning of a body for a message: as text when it looks like an object, else in hexadecimal.
fn summary(bytes: &[u8]) -> String {
    let start = bytes.get(..SUMMARY_BYTES).unwrap_or(bytes);
    let dots = if bytes.len() > SUMMARY_BYTES { " ..." } else { "" };
    match bytes.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{dots}", String::from_utf8_lossy(start)),
        Some(_) => start.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")) + dots,
    }
}

/// Unknown and duplicate fields beyond this many are not listed.
const COMPLAINTS_MAX: usize = 100;
const SUMMARY_BYTES: usize = 30;
pub(crate) const TOO_MANY_VALUES: &str = "exceeded max number of values";

#[cfg(test)]
mod decode_test;
