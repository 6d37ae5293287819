//! Kubernetes' protobuf form of built-in kinds: read into the same canonical objects as JSON, and written from stored JSON.
//!
//! Typed clients of client-go send it without asking and do not fall back to JSON. A body is four magic bytes, then a
//! `runtime.Unknown`: the kind's name and version, and the message itself (k8s.io/apimachinery, `serializer/protobuf`).
//! The descriptors say what the fields are and which numbers stand for them on the wire. Messages for what cannot be read
//! are those of upstream's generated readers.
//!
//! As upstream, fields with unknown numbers are skipped without a word, `Strict` or not.

mod encode;
mod message;
mod wire;
mod writer;

use serde_json::{Map, Value};

use crate::decode::{DecodeError, Identity, in_version, unrecognized};
use crate::field::TypeDescriptor;
use crate::json::Malformed;
use crate::kind::Kind;
use crate::types::meta::LIST_META;
use crate::types::meta::answer::{PARTIAL_OBJECT_METADATA, PARTIAL_OBJECT_METADATA_LIST};
use message::Slots;
use wire::{Reader, Wire, WireError};
use writer::Writer;

/// The media type of such bodies.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";
/// The media type of a watch whose frames are made by [`watch_frame`].
pub const WATCH_MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf;stream=watch";
/// Group and version of partial objects.
pub const PARTIAL_API_VERSION: &str = "meta.k8s.io/v1";

/// Whether the kind has a protobuf form. Kinds that are defined by CustomResourceDefinition have none.
#[must_use]
pub fn speaks(kind: &Kind) -> bool {
    kind.descriptor().is_some_and(|descriptor| descriptor.fields.iter().any(|field| !field.wire.is_empty()))
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

/// Why an object was not written: it is not in the canonical form of its kind, which stored objects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unencodable {
    /// The kind has no protobuf form; ask [`speaks`] first.
    #[error("the kind has no protobuf form")]
    Kind,
    /// The text is not the JSON form of such an object.
    #[error("the text is no object of the kind in canonical form")]
    Content,
}

impl From<Malformed> for Unencodable {
    fn from(_: Malformed) -> Self {
        Self::Content
    }
}

/// Writes an object of this kind, given as JSON in the form in which the kind is served.
///
/// # Errors
/// See [`Unencodable`].
pub fn encode(kind: &Kind, json: &[u8]) -> Result<Vec<u8>, Unencodable> {
    if !speaks(kind) {
        return Err(Unencodable::Kind);
    }
    let descriptor = kind.descriptor().ok_or(Unencodable::Kind)?;
    encode_type(descriptor, (&kind.api_version(), &kind.kind), json)
}

/// Writes an object of a type that is no kind of its own, a `Status` for instance, under this `apiVersion` and `kind`.
///
/// # Errors
/// See [`Unencodable`].
pub fn encode_type(
    descriptor: &TypeDescriptor,
    (api_version, kind): (&str, &str),
    json: &[u8],
) -> Result<Vec<u8>, Unencodable> {
    let text = text(json)?;
    enveloped((api_version, kind), json.len(), |out| Ok(encode::message(descriptor, text, out)?))
}

/// Writes a list of objects of this kind: the list's metadata and the objects, all as JSON in the form in which the kind is
/// served.
///
/// # Errors
/// See [`Unencodable`].
pub fn encode_list<'a>(
    kind: &Kind,
    metadata: &[u8],
    items: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, Unencodable> {
    if !speaks(kind) {
        return Err(Unencodable::Kind);
    }
    let descriptor = kind.descriptor().ok_or(Unencodable::Kind)?;
    list((&kind.api_version(), &kind.list_kind), descriptor, metadata, items)
}

/// Writes the metadata of any object, given as JSON, as a `PartialObjectMetadata`; custom resources have this form, too.
///
/// # Errors
/// See [`Unencodable`].
pub fn encode_partial(json: &[u8]) -> Result<Vec<u8>, Unencodable> {
    encode_type(&PARTIAL_OBJECT_METADATA, (PARTIAL_API_VERSION, PARTIAL_OBJECT_METADATA.name), json)
}

/// Writes the metadata of a list of any objects as a `PartialObjectMetadataList`.
///
/// # Errors
/// See [`Unencodable`].
pub fn encode_partial_list<'a>(
    metadata: &[u8],
    items: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, Unencodable> {
    let identity = (PARTIAL_API_VERSION, PARTIAL_OBJECT_METADATA_LIST.name);
    list(identity, &PARTIAL_OBJECT_METADATA, metadata, items)
}

/// A frame of a watch: four bytes with the length, the highest first, then a `WatchEvent {type = 1, object = {raw = 1}}`
/// without an envelope of its own. The object is what one of the functions above has written.
#[must_use]
pub fn watch_frame(event_type: &str, object: &[u8]) -> Vec<u8> {
    let mut event = Writer::with_capacity(object.len() + ENVELOPE_BYTES);
    event.piece(1, event_type.as_bytes());
    let open = event.open(2);
    event.piece(1, object);
    event.close(open);
    let event = event.into_bytes();
    // An object is far smaller than the four bytes can say.
    let length = u32::try_from(event.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &event].concat()
}

fn list<'a>(
    identity: (&str, &str),
    descriptor: &TypeDescriptor,
    metadata: &[u8],
    items: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, Unencodable> {
    let metadata = text(metadata)?;
    enveloped(identity, metadata.len(), |out| {
        let open = out.open(1);
        encode::message(&LIST_META, metadata, out)?;
        out.close(open);
        for item in items {
            let open = out.open(2);
            encode::message(descriptor, text(item)?, out)?;
            out.close(open);
        }
        Ok(())
    })
}

/// `runtime.Unknown` around a message, after the magic bytes.
fn enveloped(
    (api_version, kind): (&str, &str),
    bytes: usize,
    write: impl FnOnce(&mut Writer) -> Result<(), Unencodable>,
) -> Result<Vec<u8>, Unencodable> {
    let mut out = Writer::with_capacity(bytes + ENVELOPE_BYTES);
    out.raw(MAGIC);
    let open = out.open(1);
    out.piece(1, api_version.as_bytes());
    out.piece(2, kind.as_bytes());
    out.close(open);
    let open = out.open(2);
    write(&mut out)?;
    out.close(open);
    // No content encoding, and the content type is known.
    out.piece(3, &[]);
    out.piece(4, &[]);
    Ok(out.into_bytes())
}

fn text(json: &[u8]) -> Result<&str, Unencodable> {
    std::str::from_utf8(json).or(Err(Unencodable::Content))
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
/// Room for what stands around a message.
const ENVELOPE_BYTES: usize = 256;

#[cfg(test)]
mod protobuf_test;
