//! The pass over the text.

use serde_json::{Map, Value};

use super::base64::canonical;
use super::number::{canonical_json, canonical_number};
use super::zero::{build, zero};
use super::{COMPLAINTS_MAX, FieldValidation};
use crate::cause::quote;
use crate::field::{Alternative, FieldKind, TypeDescriptor};
use crate::json::{Duplicates, Malformed, Reader, Token, VALUES_MAX};
use crate::quantity;
use crate::time::{Moment, Precision};

/// Reads one object. Values of the wrong type do not stop it, since malformed text further on has precedence, as in Go.
pub(super) struct Decoder<'a> {
    reader: Reader<'a>,
    validation: FieldValidation,
    complaints: Vec<String>,
    mistyped: Option<String>,
    /// What is wrong with `kind` or `apiVersion` themselves: then nobody knows what the object is.
    unidentified: Option<String>,
    /// Values that may still come.
    values_left: usize,
}

/// The values of an object's fields, in the order of its descriptor.
pub(super) type Slots = Vec<Option<Value>>;

/// Where the decoder stands. Lives on the stack and is only turned into text for a message.
pub(super) struct Place<'p> {
    parent: Option<&'p Self>,
    step: Step<'p>,
    /// The type whose field is being read.
    type_name: &'static str,
}

enum Step<'p> {
    Root,
    Field(&'static str),
    Key(&'p str),
    Index(usize),
}

impl<'a> Decoder<'a> {
    pub(super) const fn new(reader: Reader<'a>, validation: FieldValidation) -> Self {
        Self { reader, validation, complaints: Vec::new(), mistyped: None, unidentified: None, values_left: VALUES_MAX }
    }

    /// Reads the whole text; nothing when it is neither an object nor null.
    pub(super) fn root(&mut self, descriptor: &'static TypeDescriptor) -> Result<Option<Slots>, Malformed> {
        let place = Place { parent: None, step: Step::Root, type_name: descriptor.name };
        let slots = match self.reader.peek()? {
            Token::Object => Some(self.slots(descriptor, &place)?),
            Token::Null => {
                // As in Go, null is an object without fields.
                self.reader.null()?;
                Some(vec![None; descriptor.fields.len()])
            }
            _ => {
                self.reader.skip()?;
                None
            }
        };
        self.reader.end()?;
        Ok(slots)
    }

    /// The first value of a wrong type.
    pub(super) fn mistyped(&mut self) -> Option<String> {
        self.mistyped.take()
    }

    /// What is wrong with `kind` or `apiVersion`.
    pub(super) fn unidentified(&mut self) -> Option<String> {
        self.unidentified.take()
    }

    /// The unknown and duplicate fields.
    pub(super) fn complaints(self) -> Vec<String> {
        self.complaints
    }

    fn slots(&mut self, descriptor: &'static TypeDescriptor, place: &Place<'_>) -> Result<Slots, Malformed> {
        self.reader.open_object()?;
        self.spend(descriptor.fields_always())?;
        let mut slots: Slots = Vec::new();
        slots.resize_with(descriptor.fields.len(), || None);
        let (mut seen, mut first) = (0_u64, true);
        while let Some(key) = self.reader.key(&mut first)? {
            let Some(index) = descriptor.fields.iter().position(|field| field.name == key) else {
                self.complain("unknown", &key, place);
                self.reader.skip()?;
                continue;
            };
            // No type has more than 64 fields; a test holds that.
            let bit = 1_u64 << (index % 64);
            if seen & bit != 0 {
                self.complain("duplicate", &key, place);
            }
            seen |= bit;
            let Some(field) = descriptor.fields.get(index) else { continue };
            let inner = Place { parent: Some(place), step: Step::Field(field.name), type_name: descriptor.name };
            let value = self.value(&field.kind, field.go_type, &inner)?;
            if let Some(slot) = slots.get_mut(index) {
                *slot = value;
            }
        }
        Ok(slots)
    }

    /// Reads a value of this kind; nothing for null and for a value of another type.
    fn value(&mut self, kind: &FieldKind, go: Option<&str>, place: &Place<'_>) -> Result<Option<Value>, Malformed> {
        let token = self.reader.peek()?;
        match (kind, token) {
            (_, Token::Null) => self.reader.null().map(|()| None),
            (FieldKind::String, Token::String) => Ok(Some(Value::String(self.reader.string()?.into_owned()))),
            (FieldKind::Bool, Token::Bool) => Ok(Some(Value::Bool(self.reader.bool()?))),
            (FieldKind::Int32 | FieldKind::Int64, Token::Number) => self.integer(kind, go, place),
            (FieldKind::Bytes, Token::String) => {
                let text = self.reader.string()?;
                match canonical(&text) {
                    Ok(text) => Ok(Some(Value::String(text.into_owned()))),
                    Err(at) => {
                        self.mistype(|| format!("illegal base64 data at input byte {at}"));
                        Ok(None)
                    }
                }
            }
            (FieldKind::Time, Token::String) => self.time(Precision::Seconds),
            (FieldKind::MicroTime, Token::String) => self.time(Precision::Micros),
            (FieldKind::Map(of), Token::Object) => self.map(of, go, place).map(Some),
            (FieldKind::List(list), Token::Array) => self.list(list.of, go, place).map(Some),
            (FieldKind::Object(descriptor), Token::Object) => {
                let mut slots = self.slots(descriptor, place)?;
                Ok(Some(Value::Object(build(descriptor, &mut slots))))
            }
            (FieldKind::Any, _) => self.reader.value(&mut Duplicates::default()).map(Some),
            (FieldKind::Double, Token::Number) => self.double(go, place),
            (FieldKind::Quantity, _) => self.quantity(token),
            (FieldKind::Json(_), _) => self.json().map(Some),
            (FieldKind::ObjectOr(descriptor, alternative), _) => self.object_or(descriptor, *alternative, token, place),
            (kind, token) => {
                self.reader.skip()?;
                let found = match token {
                    Token::Null | Token::Object => "object",
                    Token::Bool => "bool",
                    Token::Number => "number",
                    Token::String => "string",
                    Token::Array => "array",
                };
                self.wrong_type(found, kind, go, place);
                Ok(None)
            }
        }
    }

    fn integer(&mut self, kind: &FieldKind, go: Option<&str>, place: &Place<'_>) -> Result<Option<Value>, Malformed> {
        let literal = self.reader.number()?;
        let number = match kind {
            FieldKind::Int32 => literal.parse::<i32>().map(i64::from),
            _ => literal.parse::<i64>(),
        };
        match number {
            Ok(number) => Ok(Some(Value::from(number))),
            Err(_) => {
                self.wrong_type(&format!("number {literal}"), kind, go, place);
                Ok(None)
            }
        }
    }

    fn double(&mut self, go: Option<&str>, place: &Place<'_>) -> Result<Option<Value>, Malformed> {
        let literal = self.reader.number()?;
        let number = literal.parse::<f64>().ok().and_then(canonical_number);
        if number.is_none() {
            self.wrong_type(&format!("number {literal}"), &FieldKind::Double, go, place);
        }
        Ok(number.map(Value::Number))
    }

    fn quantity(&mut self, token: Token) -> Result<Option<Value>, Malformed> {
        // Upstream reads any value as the text of an amount, and null is nothing.
        let text = if token == Token::String { self.reader.string()? } else { self.reader.raw()?.into() };
        match quantity::canonical(&text) {
            Ok(text) => Ok(Some(Value::String(text))),
            Err(message) => {
                self.mistype(|| message.to_owned());
                Ok(None)
            }
        }
    }

    fn json(&mut self) -> Result<Value, Malformed> {
        let mut value = self.reader.value(&mut Duplicates::default())?;
        self.spend(canonical_json(&mut value))?;
        Ok(value)
    }

    /// As upstream reads such values apart from the object that they are in, unknown fields in them are dropped without a
    /// word.
    fn object_or(
        &mut self,
        descriptor: &'static TypeDescriptor,
        alternative: Alternative,
        token: Token,
        place: &Place<'_>,
    ) -> Result<Option<Value>, Malformed> {
        let validation = std::mem::replace(&mut self.validation, FieldValidation::Ignore);
        let value = match (alternative, token) {
            (_, Token::Object) => {
                let mut slots = self.slots(descriptor, place)?;
                Some(Value::Object(build(descriptor, &mut slots)))
            }
            (Alternative::Bool, Token::Bool) => Some(Value::Bool(self.reader.bool()?)),
            (Alternative::List, Token::Array) => {
                Some(self.list(&FieldKind::Object(descriptor), None, place)?).filter(is_not_empty)
            }
            (Alternative::TextList, Token::Array) => {
                Some(self.list(&FieldKind::String, None, place)?).filter(is_not_empty)
            }
            _ => {
                self.reader.skip()?;
                if alternative == Alternative::Bool {
                    self.mistype(|| "boolean or JSON schema expected".to_owned());
                }
                None
            }
        };
        self.validation = validation;
        Ok(value)
    }

    fn time(&mut self, precision: Precision) -> Result<Option<Value>, Malformed> {
        let text = self.reader.string()?;
        match Moment::parse(&text, precision) {
            Ok(moment) if moment.is_zero() => Ok(None),
            Ok(moment) => Ok(Some(Value::String(moment.format(precision)))),
            Err(message) => {
                self.mistype(|| message);
                Ok(None)
            }
        }
    }

    fn map(&mut self, of: &FieldKind, go: Option<&str>, place: &Place<'_>) -> Result<Value, Malformed> {
        self.reader.open_object()?;
        let go = go.and_then(|go| go.strip_prefix("map[string]"));
        let (mut map, mut first, mut sorted) = (Map::new(), true, true);
        let mut last = String::new();
        while let Some(key) = self.reader.key(&mut first)? {
            self.spend(1)?;
            let inner = Place { parent: Some(place), step: Step::Key(&key), type_name: place.type_name };
            let value = self.value(of, go, &inner)?.unwrap_or_else(|| zero(of));
            sorted &= map.is_empty() || last.as_str() < key.as_ref();
            last.clear();
            last.push_str(&key);
            // A key that is greater than all before it cannot be there already.
            if !sorted && map.contains_key(key.as_ref()) {
                self.complain("duplicate", &key, place);
            }
            map.insert(key.into_owned(), value);
        }
        if !sorted {
            map.sort_keys();
        }
        Ok(Value::Object(map))
    }

    fn list(&mut self, of: &FieldKind, go: Option<&str>, place: &Place<'_>) -> Result<Value, Malformed> {
        self.reader.open_array()?;
        let go = go.and_then(|go| go.strip_prefix("[]"));
        let (mut items, mut first) = (Vec::new(), true);
        while self.reader.item(&mut first)? {
            self.spend(1)?;
            let inner = Place { parent: Some(place), step: Step::Index(items.len()), type_name: place.type_name };
            items.push(self.value(of, go, &inner)?.unwrap_or_else(|| zero(of)));
        }
        Ok(Value::Array(items))
    }

    fn spend(&mut self, values: usize) -> Result<(), Malformed> {
        self.values_left = self.values_left.checked_sub(values).ok_or(Malformed::Large)?;
        Ok(())
    }

    fn wrong_type(&mut self, found: &str, kind: &FieldKind, go: Option<&str>, place: &Place<'_>) {
        if let (Step::Field(name @ ("kind" | "apiVersion")), Some(Place { step: Step::Root, .. })) =
            (&place.step, place.parent)
        {
            let message = format!("json: cannot unmarshal {found} into Go struct field .{name} of type string");
            self.unidentified.get_or_insert(message);
        }
        self.mistype(|| {
            // Go reads times from a string.
            let wanted = match (kind, go) {
                (FieldKind::Time | FieldKind::MicroTime, _) => "string".to_owned(),
                (_, Some(go)) => go.to_owned(),
                (kind, None) => kind.go_name(),
            };
            let (type_name, fields) = (place.type_name, place.fields());
            format!("json: cannot unmarshal {found} into Go struct field {type_name}.{fields} of type {wanted}")
        });
    }

    fn mistype(&mut self, message: impl FnOnce() -> String) {
        if self.mistyped.is_none() {
            self.mistyped = Some(message());
        }
    }

    fn complain(&mut self, what: &str, key: &str, place: &Place<'_>) {
        if self.validation == FieldValidation::Ignore || self.complaints.len() >= COMPLAINTS_MAX {
            return;
        }
        let mut path = place.path();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        let complaint = format!("{what} field {}", quote(&path));
        if !self.complaints.contains(&complaint) {
            self.complaints.push(complaint);
        }
    }
}

fn is_not_empty(list: &Value) -> bool {
    list.as_array().is_some_and(|items| !items.is_empty())
}

impl Place<'_> {
    /// The whole path, `metadata.ownerReferences[0].labels`.
    fn path(&self) -> String {
        let mut path = self.parent.map(Place::path).unwrap_or_default();
        let name = match self.step {
            Step::Root => return path,
            Step::Index(index) => {
                path.push_str(&format!("[{index}]"));
                return path;
            }
            Step::Field(name) => name,
            Step::Key(name) => name,
        };
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        path
    }

    /// The fields on the path, without keys of maps and positions in lists.
    fn fields(&self) -> String {
        let mut path = self.parent.map(Place::fields).unwrap_or_default();
        if let Step::Field(name) = self.step {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(name);
        }
        path
    }
}
