//! Kubernetes' protobuf form of built-in kinds, read into the same canonical objects as JSON.
//!
//! Typed clients of client-go send it without asking and do not fall back to JSON. A body is four magic bytes, then a
//! `runtime.Unknown`: the kind's name and version, and the message itself (k8s.io/apimachinery, `serializer/protobuf`).
//! The descriptors say what the fields are; `number.rs` adds the numbers that stand for them on the wire. Messages for what
//! cannot be read are those of upstream's generated readers.
//!
//! As upstream, fields with unknown numbers are skipped without a word, `Strict` or not.

mod message;
mod number;
mod wire;

use serde_json::{Map, Value};

use crate::decode::{DecodeError, Identity, in_version, unrecognized};
use crate::field::TypeDescriptor;
use crate::kind::Kind;
use message::Slots;
use wire::{Reader, Wire, WireError};

/// The media type of such bodies.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// Whether the kind has a protobuf form. Kinds that are defined by CustomResourceDefinition have none.
#[must_use]
pub fn speaks(kind: &Kind) -> bool {
    kind.descriptor().is_some_and(|descriptor| number::of(descriptor).is_some())
}

/// Reads an object that was sent to an endpoint of this kind; what comes out is what [`crate::decode::decode`] makes of the
/// same object in JSON.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode(kind: &Kind, body: &[u8]) -> Result<Value, DecodeError> {
    let envelope = Envelope::read(body).map_err(|error| refused(&kind.kind, body, &error))?;
    let Some(descriptor) = kind.descriptor() else {
        return Err(DecodeError::Malformed(format!("{} has no protobuf form", kind.kind)));
    };
    let mut slots = Slots::new(descriptor);
    slots.fill("kind", envelope.kind);
    slots.fill("apiVersion", envelope.api_version);
    let identity = Identity::of(kind, descriptor, slots.values_mut());
    // A message of another kind would not be read as its sender means it.
    identity.agree(kind)?;
    slots.merge(envelope.raw).map_err(|error| DecodeError::Malformed(format!("{}: {error}", identity.prefix(kind))))?;
    Ok(Value::Object(slots.build()))
}

/// Reads an object of a type that is no kind of its own, `DeleteOptions` for instance, as [`crate::decode::decode_type`]
/// reads JSON: `kind` and `apiVersion` may be those of any group. An empty body is an empty object.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode_type(descriptor: &'static TypeDescriptor, body: &[u8]) -> Result<Value, DecodeError> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let envelope = Envelope::read(body).map_err(|error| refused(descriptor.name, body, &error))?;
    let mut slots = Slots::new(descriptor);
    slots.merge(envelope.raw).map_err(|error| {
        let sent = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let kind = sent(&envelope.kind).unwrap_or_else(|| descriptor.name.to_owned());
        let version = sent(&envelope.api_version).unwrap_or_else(|| "v1".to_owned());
        DecodeError::Malformed(format!("{}: {error}", in_version(&kind, &version, descriptor.name)))
    })?;
    slots.fill("kind", envelope.kind);
    slots.fill("apiVersion", envelope.api_version);
    Ok(Value::Object(slots.build()))
}

fn refused(kind: &str, body: &[u8], error: &WireError) -> DecodeError {
    DecodeError::Malformed(unrecognized(kind, body, &error.to_string()))
}

/// `runtime.Unknown`. Its `contentEncoding` and `contentType` are not looked at, as upstream does not either.
#[derive(Default)]
struct Envelope<'a> {
    kind: Option<String>,
    api_version: Option<String>,
    raw: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn read(body: &'a [u8]) -> Result<Self, WireError> {
        let message = match body.strip_prefix(MAGIC) {
            None if body.is_empty() => return Err(WireError::EmptyData),
            None => return Err(WireError::NoMagic),
            Some([]) => return Err(WireError::EmptyBody),
            Some(message) => message,
        };
        let mut envelope = Self::default();
        let mut reader = Reader::new("Unknown", message);
        while let Some((number, wire)) = reader.next()? {
            match number {
                1 => envelope.type_meta(wire.bytes("TypeMeta")?)?,
                2 => envelope.raw = wire.bytes("Raw")?,
                _ => {}
            }
        }
        Ok(envelope)
    }

    fn type_meta(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let mut reader = Reader::new("TypeMeta", bytes);
        let text = |wire: Wire<'_>, name| wire.bytes(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        while let Some((number, wire)) = reader.next()? {
            match number {
                1 => self.api_version = Some(text(wire, "APIVersion")?),
                2 => self.kind = Some(text(wire, "Kind")?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// What every body begins with.
const MAGIC: &[u8] = b"k8s\0";

#[cfg(test)]
mod protobuf_test;
