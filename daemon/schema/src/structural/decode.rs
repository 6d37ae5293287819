//! From a request's body to a custom resource in canonical form.
//!
//! As upstream: the JSON is read as it is, the metadata by its type, then unknown fields go, then nulls that are no values, then
//! the metadata of embedded resources is read, then defaults come in. Keys are sorted, as Go writes maps, but for the metadata
//! of the object itself, which is written as that of built-in kinds.

use serde_json::{Map, Number, Value};

use super::object_meta::{Malformed as BadMeta, coerce, drop_malformed, unknown_field};
use super::prune::{Root, Unknown, prune, prune_telling};
use super::schema::Schema;
use super::{default, path::Path};
use crate::cause::quote;
use crate::decode::{DecodeError, Decoded, FieldValidation, canonical_number, in_version, unrecognized, untyped};
use crate::json::{Malformed, Reader, Token, VALUES_MAX};
use crate::kind::Kind;
use crate::types::meta::OBJECT_META;

/// Reads an object that was sent to an endpoint of a kind with this schema.
///
/// An object of another kind is not refused here, as upstream: `validate` has the words for it.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode(kind: &Kind, schema: &Schema, body: &[u8], validation: FieldValidation) -> Result<Decoded, DecodeError> {
    let target = Target { group: &kind.group, kind: &kind.kind, api_version: kind.api_version() };
    read(&target, schema, body, validation)
}

/// What an endpoint serves.
pub(crate) struct Target<'t> {
    pub(crate) group: &'t str,
    pub(crate) kind: &'t str,
    pub(crate) api_version: String,
}

/// [`decode`] for what an endpoint serves.
pub(crate) fn read(
    target: &Target<'_>,
    schema: &Schema,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Decoded, DecodeError> {
    let text = untyped::text(body);
    let mut reader = Reader::new(&text);
    let mut untyped = Untyped { duplicates: Vec::new(), values_left: VALUES_MAX };
    let read = untyped.value(&mut reader, &Path::ROOT).and_then(|value| reader.end().map(|()| value));
    let mut map = match read {
        Ok(Value::Object(map)) => map,
        Ok(Value::Null) => Map::new(),
        Ok(_) => return Err(untyped::not_an_object(target.kind, &text)),
        Err(malformed) => return Err(untyped::malformed(target.kind, &text, malformed)),
    };
    let identity = Identity::of(&map, target, &text)?;
    let mut complaints: Vec<String> = Vec::new();
    if validation != FieldValidation::Ignore {
        complaints = untyped.duplicates.iter().map(|path| format!("duplicate field {}", quote(path))).collect();
    }
    let refuse = |why: String| DecodeError::Mistyped(format!("{}: {why}", identity.prefix));
    let meta_complaints = read_metadata(&mut map, validation).map_err(refuse)?;
    let mut value = Value::Object(map);
    if identity.is_own {
        let unknown = canonical(&mut value, schema, validation, meta_complaints).map_err(refuse)?;
        complaints.extend(unknown.into_iter().map(|path| format!("unknown field \"{path}\"")));
    }
    complaints.truncate(COMPLAINTS_MAX);
    if validation == FieldValidation::Strict && !complaints.is_empty() {
        let all = complaints.join(", ");
        return Err(DecodeError::Strict(format!("{}: strict decoding error: {all}", identity.prefix)));
    }
    if identity.api_version != target.api_version {
        return Err(DecodeError::Mismatched(format!(
            "the API version in the data ({}) does not match the expected API version ({})",
            identity.api_version, target.api_version
        )));
    }
    Ok(Decoded { value, warnings: complaints })
}

/// Brings an object that is stored, or that a conversion has made, into the form of this schema: the schema may have changed
/// since. Metadata of the wrong type is left out; a default that does not fit any more is not filled in.
pub fn restore(value: &mut Value, schema: &Schema) {
    if let Some(metadata) = value.get_mut("metadata")
        && let Err(_malformed) = untyped::fields(&OBJECT_META, metadata, FieldValidation::Ignore)
    {
        drop_malformed(metadata);
    }
    prune(value, schema, Root::Resource);
    default::prune_nulls(value, schema);
    let _nothing_is_refused = coerce(value, schema, Root::Value, BadMeta::Drop, &mut Unknown::unwanted());
    let _as_far_as_it_goes = default::apply(value, schema);
}

/// Prunes, coerces and defaults. Returns the paths of unknown fields.
fn canonical(
    value: &mut Value,
    schema: &Schema,
    validation: FieldValidation,
    mut paths: Vec<String>,
) -> Result<Vec<String>, String> {
    let unknown = || if validation == FieldValidation::Ignore { Unknown::unwanted() } else { Unknown::wanted() };
    let mut pruned = unknown();
    prune_telling(value, schema, Root::Resource, &mut pruned);
    paths.extend(pruned.into_sorted());
    default::prune_nulls(value, schema);
    let mut embedded = unknown();
    coerce(value, schema, Root::Value, BadMeta::Refuse, &mut embedded).map_err(|cause| cause.to_string())?;
    paths.extend(embedded.into_sorted());
    default::apply(value, schema).map_err(|too_large| too_large.to_string())?;
    Ok(paths)
}

/// Puts the object's own metadata into canonical form. Returns the paths of unknown fields of it.
fn read_metadata(map: &mut Map<String, Value>, validation: FieldValidation) -> Result<Vec<String>, String> {
    let Some(metadata) = map.get_mut("metadata") else { return Ok(Vec::new()) };
    let fields = untyped::fields(&OBJECT_META, metadata, validation)?;
    *metadata = Value::Object(fields.map);
    let paths = fields.complaints.iter().filter_map(|complaint| unknown_field(complaint));
    Ok(paths.map(|path| format!("metadata.{path}")).collect())
}

/// What a body says that it holds.
struct Identity {
    api_version: String,
    /// How messages about the content begin.
    prefix: String,
    /// Whether it is of the endpoint's group and kind.
    is_own: bool,
}

impl Identity {
    fn of(map: &Map<String, Value>, target: &Target<'_>, text: &str) -> Result<Self, DecodeError> {
        let get = |field: &str| match map.get(field) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => {
                let found = match other {
                    Value::Bool(_) => "bool",
                    Value::Number(_) => "number",
                    Value::Array(_) => "array",
                    _ => "object",
                };
                let why = format!("json: cannot unmarshal {found} into Go struct field .{field} of type string");
                Err(untyped::unidentified(target.kind, text, &why))
            }
        };
        let (sent_kind, api_version) = (get("kind")?, get("apiVersion")?);
        if sent_kind.is_empty() || api_version.matches('/').count() > 1 {
            let why = format!("Object 'Kind' is missing in '{text}'");
            return Err(DecodeError::Mismatched(unrecognized(target.kind, text.as_bytes(), &why)));
        }
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let is_own = group == target.group && sent_kind == target.kind;
        Ok(Self { prefix: in_version(&sent_kind, &api_version, target.kind), is_own, api_version })
    }
}

/// Reads JSON of no known type.
struct Untyped {
    /// Paths of keys that occur again in one object, each once.
    duplicates: Vec<String>,
    values_left: usize,
}

impl Untyped {
    fn value(&mut self, reader: &mut Reader<'_>, path: &Path<'_>) -> Result<Value, Malformed> {
        Ok(match reader.peek()? {
            Token::Null => reader.null().map(|()| Value::Null)?,
            Token::Bool => Value::Bool(reader.bool()?),
            Token::Number => Value::Number(number(reader.number()?)?),
            Token::String => Value::String(reader.string()?.into_owned()),
            Token::Array => {
                reader.open_array()?;
                let (mut items, mut first) = (Vec::new(), true);
                while reader.item(&mut first)? {
                    self.spend()?;
                    items.push(self.value(reader, &path.index(items.len()))?);
                }
                Value::Array(items)
            }
            Token::Object => self.object(reader, path)?,
        })
    }

    fn object(&mut self, reader: &mut Reader<'_>, path: &Path<'_>) -> Result<Value, Malformed> {
        reader.open_object()?;
        let (mut map, mut first, mut sorted) = (Map::new(), true, true);
        let mut last = String::new();
        while let Some(key) = reader.key(&mut first)? {
            self.spend()?;
            let place = path.child(&key);
            let value = self.value(reader, &place)?;
            sorted &= map.is_empty() || last.as_str() < key.as_ref();
            // A key that is greater than all before it cannot be there already.
            if !sorted && map.contains_key(key.as_ref()) && self.duplicates.len() < COMPLAINTS_MAX {
                let path = place.dotted();
                if !self.duplicates.contains(&path) {
                    self.duplicates.push(path);
                }
            }
            last.clear();
            last.push_str(&key);
            map.insert(key.into_owned(), value);
        }
        if !sorted {
            map.sort_keys();
        }
        Ok(Value::Object(map))
    }

    fn spend(&mut self) -> Result<(), Malformed> {
        self.values_left = self.values_left.checked_sub(1).ok_or(Malformed::Large)?;
        Ok(())
    }
}

/// An integer when it is written as one and fits, else a float, as Go reads numbers of no known type. A float that is whole
/// becomes an integer: so Go writes it, and reads it from its storage.
fn number(literal: &str) -> Result<Number, Malformed> {
    if let Ok(integer) = literal.parse::<i64>() {
        return Ok(integer.into());
    }
    literal.parse::<f64>().ok().and_then(canonical_number).ok_or(Malformed::Syntax)
}

/// Unknown and duplicate fields beyond this many are not listed.
const COMPLAINTS_MAX: usize = 100;

#[cfg(test)]
mod decode_test;
