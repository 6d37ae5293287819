//! From a message to the fields of an object.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::wire::{Reader, Wire, WireError, low_half};
use crate::decode::{build, canonical_json, canonical_number, parse, zero};
use crate::field::{Alternative, Field, FieldKind, TypeDescriptor};
use crate::json::{DEPTH_MAX, VALUES_MAX};
use crate::quantity;
use crate::time::{Moment, Precision};

/// The values of an object's fields as they are read, in the order of its descriptor.
pub(super) struct Slots {
    descriptor: &'static TypeDescriptor,
    values: Vec<Option<Value>>,
    depth: usize,
    /// Values that may still come, in this object and those that are read after it.
    left: usize,
}

impl Slots {
    /// An object that stands in no other.
    pub(super) fn new(descriptor: &'static TypeDescriptor) -> Self {
        Self::at(descriptor, 0, VALUES_MAX.saturating_sub(descriptor.fields_always()))
    }

    fn at(descriptor: &'static TypeDescriptor, depth: usize, left: usize) -> Self {
        let mut values = Vec::new();
        values.resize_with(descriptor.fields.len(), || None);
        Self { descriptor, values, depth, left }
    }

    /// Reads the fields of a message. Lists grow, entries of maps take the place of those with the same key, messages that
    /// come in parts are joined, and of anything else the last counts.
    ///
    /// # Errors
    /// The first thing that is wrong; what was read until then stays.
    pub(super) fn merge(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        if self.depth == DEPTH_MAX {
            return Err(WireError::Deep);
        }
        self.merge_at(bytes, &[])
    }

    /// As [`Self::merge`], for a message inside the message that this path leads to. It ends, since paths do.
    fn merge_at(&mut self, bytes: &[u8], path: &[u32]) -> Result<(), WireError> {
        let mut parts: Vec<(usize, Cow<'_, [u8]>)> = Vec::new();
        let mut reader = Reader::new(self.descriptor.name, bytes);
        while let Some((number, wire)) = reader.next()? {
            match find(self.descriptor, path, number) {
                Found::Field(index, field) if is_message(&field.kind) => {
                    join(&mut parts, index, wire.bytes(field.name)?);
                }
                Found::Field(index, field) => self.take(index, field, wire)?,
                Found::Embedded => self.merge_at(wire.bytes("rule")?, &[path, &[number]].concat())?,
                Found::Nothing => {}
            }
        }
        for (index, bytes) in parts {
            if let Some(field) = self.descriptor.fields.get(index) {
                let value = self.value(field, &field.kind, Wire::Bytes(&bytes))?;
                self.set(index, value);
            }
        }
        Ok(())
    }

    /// Gives the field with this name a value.
    pub(super) fn fill(&mut self, name: &str, text: Option<String>) {
        if let Some(index) = self.descriptor.fields.iter().position(|field| field.name == name) {
            self.set(index, text.map(Value::String));
        }
    }

    pub(super) fn values_mut(&mut self) -> &mut [Option<Value>] {
        &mut self.values
    }

    /// The object in canonical form.
    pub(super) fn build(mut self) -> Map<String, Value> {
        for (field, value) in self.descriptor.fields.iter().zip(&mut self.values) {
            if let (FieldKind::Map(_), Some(Value::Object(map))) = (&field.kind, value)
                && !map.keys().is_sorted()
            {
                map.sort_keys();
            }
        }
        build(self.descriptor, &mut self.values)
    }

    fn take(&mut self, index: usize, field: &'static Field, wire: Wire<'_>) -> Result<(), WireError> {
        match &field.kind {
            FieldKind::Map(of) => {
                self.spend(1)?;
                let (key, value) = self.entry(field, of, wire)?;
                let slot = self.values.get_mut(index);
                if let Some(Value::Object(map)) = slot.map(|slot| slot.get_or_insert_with(|| Value::Object(Map::new())))
                {
                    map.insert(key, value);
                }
            }
            FieldKind::List(list) => {
                self.spend(1)?;
                let item = self.value(field, list.of, wire)?.unwrap_or_else(|| zero(list.of));
                let slot = self.values.get_mut(index);
                if let Some(Value::Array(items)) = slot.map(|slot| slot.get_or_insert_with(|| Value::Array(Vec::new())))
                {
                    items.push(item);
                }
            }
            kind => {
                let value = self.value(field, kind, wire)?;
                self.set(index, value);
            }
        }
        Ok(())
    }

    fn spend(&mut self, values: usize) -> Result<(), WireError> {
        self.left = self.left.checked_sub(values).ok_or(WireError::Large)?;
        Ok(())
    }

    fn object(&mut self, descriptor: &'static TypeDescriptor, bytes: &[u8]) -> Result<Value, WireError> {
        self.spend(descriptor.fields_always())?;
        let mut slots = Self::at(descriptor, self.depth + 1, self.left);
        slots.merge(bytes)?;
        self.left = slots.left;
        Ok(Value::Object(slots.build()))
    }

    fn set(&mut self, index: usize, value: Option<Value>) {
        if let Some(slot) = self.values.get_mut(index) {
            *slot = value;
        }
    }

    /// Key and value of one entry of a map; either may be left out when it is empty.
    fn entry(
        &mut self,
        field: &'static Field,
        of: &'static FieldKind,
        wire: Wire<'_>,
    ) -> Result<(String, Value), WireError> {
        let mut reader = Reader::new(self.descriptor.name, wire.bytes(field.name)?);
        let (mut key, mut value) = (String::new(), None);
        while let Some((number, wire)) = reader.next()? {
            match number {
                1 => key = text(wire.bytes(field.name)?),
                2 => value = self.value(field, of, wire)?,
                _ => {}
            }
        }
        Ok((key, value.unwrap_or_else(|| zero(of))))
    }

    /// A value of this kind; nothing for one that JSON writes as null.
    fn value(
        &mut self,
        field: &'static Field,
        kind: &'static FieldKind,
        wire: Wire<'_>,
    ) -> Result<Option<Value>, WireError> {
        let name = field.name;
        Ok(Some(match kind {
            FieldKind::String => Value::String(text(wire.bytes(name)?)),
            FieldKind::Int32 => Value::from(low_half(wire.number(name)?)),
            FieldKind::Int64 => Value::from(wire.number(name)?.cast_signed()),
            FieldKind::Bool => Value::Bool(wire.number(name)? != 0),
            FieldKind::Bytes => Value::String(STANDARD.encode(wire.bytes(name)?)),
            FieldKind::Time => return time(field, wire.bytes(name)?, Precision::Seconds),
            FieldKind::MicroTime => return time(field, wire.bytes(name)?, Precision::Micros),
            FieldKind::Any => return json(field, wire.bytes(name)?),
            FieldKind::Json(_) => {
                let mut value = json(field, wire.bytes(name)?)?;
                self.spend(value.as_mut().map_or(0, canonical_json))?;
                return Ok(value);
            }
            FieldKind::Double => {
                let number = f64::from_bits(wire.fixed(name)?);
                let why = || WireError::Value { field: name, why: format!("json: unsupported value: {number}") };
                Value::Number(canonical_number(number).ok_or_else(why)?)
            }
            FieldKind::Quantity => quantity(field, wire.bytes(name)?)?,
            FieldKind::Object(descriptor) => self.object(descriptor, wire.bytes(name)?)?,
            FieldKind::ObjectOr(descriptor, alternative) => {
                return self.object_or(field, (descriptor, *alternative), wire.bytes(name)?);
            }
            FieldKind::List(list) => Value::Array(self.items(field, list.of, wire.bytes(name)?)?),
            // Protobuf has no maps of maps.
            FieldKind::Map(_) => return Ok(None),
        }))
    }

    /// A list that is the value of an entry of a map is a message with one field.
    fn items(&mut self, field: &'static Field, of: &'static FieldKind, bytes: &[u8]) -> Result<Vec<Value>, WireError> {
        let mut reader = Reader::new(self.descriptor.name, bytes);
        let mut items = Vec::new();
        while let Some((number, wire)) = reader.next()? {
            if number == 1 {
                self.spend(1)?;
                items.push(self.value(field, of, wire)?.unwrap_or_else(|| zero(of)));
            }
        }
        Ok(items)
    }

    /// `JSONSchemaPropsOrBool {allows = 1, schema = 2}`, and `{schema = 1, items = 2}` for the two with lists.
    fn object_or(
        &mut self,
        field: &'static Field,
        (descriptor, alternative): (&'static TypeDescriptor, Alternative),
        bytes: &[u8],
    ) -> Result<Option<Value>, WireError> {
        let mut reader = Reader::new(descriptor.name, bytes);
        let mut parts: Vec<(usize, Cow<'_, [u8]>)> = Vec::new();
        let (mut allows, mut items) = (false, Vec::new());
        while let Some((number, wire)) = reader.next()? {
            match (alternative, number) {
                (Alternative::Bool, 1) => allows = wire.number("allows")? != 0,
                (Alternative::Bool, 2) | (_, 1) => join(&mut parts, 0, wire.bytes("schema")?),
                (Alternative::List, 2) => {
                    self.spend(1)?;
                    items.push(self.object(descriptor, wire.bytes(field.name)?)?);
                }
                (Alternative::TextList, 2) => {
                    self.spend(1)?;
                    items.push(Value::String(text(wire.bytes(field.name)?)));
                }
                _ => {}
            }
        }
        if !items.is_empty() {
            return Ok(Some(Value::Array(items)));
        }
        match parts.first() {
            Some((_, schema)) => self.object(descriptor, schema).map(Some),
            None => Ok((alternative == Alternative::Bool).then_some(Value::Bool(allows))),
        }
    }
}

/// What a number in a message stands for.
enum Found {
    /// A field, and its place in the descriptor.
    Field(usize, &'static Field),
    /// A message whose fields belong to the same object.
    Embedded,
    Nothing,
}

fn find(descriptor: &'static TypeDescriptor, path: &[u32], number: u32) -> Found {
    let mut found = Found::Nothing;
    for (index, field) in descriptor.fields.iter().enumerate() {
        match field.wire.strip_prefix(path) {
            Some([own]) if *own == number => return Found::Field(index, field),
            Some([first, _, ..]) if *first == number => found = Found::Embedded,
            _ => {}
        }
    }
    found
}

/// Whether parts of a value are joined. Lists and entries of maps add up instead, and of anything else the last counts.
const fn is_message(kind: &FieldKind) -> bool {
    matches!(kind, FieldKind::Object(_) | FieldKind::ObjectOr(..))
}

/// A message may come in parts, and means what the parts mean when they stand one after the other.
fn join<'a>(parts: &mut Vec<(usize, Cow<'a, [u8]>)>, index: usize, bytes: &'a [u8]) {
    match parts.iter_mut().find(|(own, _)| *own == index) {
        Some((_, joined)) => joined.to_mut().extend_from_slice(bytes),
        None => parts.push((index, Cow::Borrowed(bytes))),
    }
}

/// Go takes text as it comes and replaces what is not UTF-8 when it writes JSON.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `Timestamp {seconds = 1, nanos = 2}`. As upstream, nothing and Go's zero time mean that no time is set, and what JSON
/// would cut off is cut off here.
fn time(field: &'static Field, bytes: &[u8], precision: Precision) -> Result<Option<Value>, WireError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut reader = Reader::new("Timestamp", bytes);
    let (mut seconds, mut nanos) = (0, 0);
    while let Some((number, wire)) = reader.next()? {
        match number {
            1 => seconds = wire.number("Seconds")?.cast_signed(),
            2 => nanos = low_half(wire.number("Nanos")?),
            _ => {}
        }
    }
    let micros = if precision == Precision::Micros { i64::from(nanos) / 1_000 } else { 0 };
    match Moment::from_unix(seconds, micros) {
        Some(moment) if moment.is_zero() => Ok(None),
        Some(moment) => Ok(Some(Value::String(moment.format(precision)))),
        None => {
            let why = "year outside of range [0,9999]".to_owned();
            Err(WireError::Value { field: field.name, why })
        }
    }
}

/// `Quantity {string = 1}`. Nothing is zero.
fn quantity(field: &'static Field, bytes: &[u8]) -> Result<Value, WireError> {
    let mut reader = Reader::new("Quantity", bytes);
    let mut amount = "0".to_owned();
    while let Some((number, wire)) = reader.next()? {
        if number == 1 {
            let text = text(wire.bytes("String")?);
            let canonical = quantity::canonical(&text);
            amount = canonical.map_err(|why| WireError::Value { field: field.name, why: why.to_owned() })?;
        }
    }
    Ok(Value::String(amount))
}

/// `FieldsV1 {raw = 1}`: JSON as text. No text at all is null.
fn json(field: &'static Field, bytes: &[u8]) -> Result<Option<Value>, WireError> {
    let mut reader = Reader::new("FieldsV1", bytes);
    let mut raw = &[][..];
    while let Some((number, wire)) = reader.next()? {
        if number == 1 {
            raw = wire.bytes("Raw")?;
        }
    }
    if raw.is_empty() {
        return Ok(None);
    }
    match parse(raw) {
        Ok((value, _)) => Ok(Some(value).filter(|value| !value.is_null())),
        Err(why) => Err(WireError::Value { field: field.name, why }),
    }
}
