//! From an object's stored JSON text to its message, in one pass and without a value in between.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::writer::Writer;
use crate::field::{Alternative, Field, FieldKind, TypeDescriptor};
use crate::json::{Malformed, Reader, Token};
use crate::time::{Moment, Precision};

/// Writes the message of the object in this JSON text; what its type does not have is left out. Fields of the outermost
/// object that have no number, `kind` and `apiVersion`, stand in the envelope.
pub(super) fn message(descriptor: &TypeDescriptor, json: &str, out: &mut Writer) -> Result<(), Malformed> {
    let mut encoder = Encoder { reader: Reader::new(json) };
    encoder.object(descriptor, out)?;
    encoder.reader.end()
}

struct Encoder<'a> {
    reader: Reader<'a>,
}

impl Encoder<'_> {
    /// The fields of an object. Stored objects have them in the order of the table, so each is found where the last one was.
    fn object(&mut self, descriptor: &TypeDescriptor, out: &mut Writer) -> Result<(), Malformed> {
        self.reader.open_object()?;
        let (mut first, mut next) = (true, 0);
        while let Some(key) = self.reader.key(&mut first)? {
            let (before, behind) = descriptor.fields.split_at_checked(next).unwrap_or((&[], descriptor.fields));
            let place = match behind.iter().position(|field| field.name == key) {
                Some(place) => Some(next + place),
                None => before.iter().position(|field| field.name == key),
            };
            match place.and_then(|place| descriptor.fields.get(place)) {
                Some(Field { kind, wire: [embedded @ .., number], .. }) => {
                    next = place.map_or(0, |place| place + 1);
                    self.field(kind, embedded, *number, out)?;
                }
                _ => self.reader.skip()?,
            }
        }
        Ok(())
    }

    /// A field of the object, inside the messages that lead to it.
    fn field(&mut self, kind: &FieldKind, embedded: &[u32], number: u32, out: &mut Writer) -> Result<(), Malformed> {
        match embedded {
            [] => self.values(kind, number, out),
            [outer, inner @ ..] => {
                let open = out.open(*outer);
                self.field(kind, inner, number, out)?;
                out.close(open);
                Ok(())
            }
        }
    }

    /// A list is a field for each item, a map a field for each entry.
    fn values(&mut self, kind: &FieldKind, number: u32, out: &mut Writer) -> Result<(), Malformed> {
        match (kind, self.reader.peek()?) {
            (_, Token::Null) => self.reader.null(),
            (FieldKind::List(list), Token::Array) => self.items(list.of, number, out),
            (FieldKind::Map(of), Token::Object) => {
                self.reader.open_object()?;
                let mut first = true;
                while let Some(key) = self.reader.key(&mut first)? {
                    let entry = out.open(number);
                    out.piece(1, key.as_bytes());
                    self.value(of, 2, out)?;
                    out.close(entry);
                }
                Ok(())
            }
            _ => self.value(kind, number, out),
        }
    }

    fn items(&mut self, of: &FieldKind, number: u32, out: &mut Writer) -> Result<(), Malformed> {
        self.reader.open_array()?;
        let mut first = true;
        while self.reader.item(&mut first)? {
            self.value(of, number, out)?;
        }
        Ok(())
    }

    /// One value as one field.
    fn value(&mut self, kind: &FieldKind, number: u32, out: &mut Writer) -> Result<(), Malformed> {
        let token = self.reader.peek()?;
        match (kind, token) {
            (FieldKind::String, Token::String) => out.piece(number, self.reader.string()?.as_bytes()),
            (FieldKind::Int32 | FieldKind::Int64, Token::Number) => {
                out.number(number, self.reader.number()?.parse().or(Err(Malformed::Syntax))?);
            }
            (FieldKind::Bool, Token::Bool) => out.number(number, i64::from(self.reader.bool()?)),
            (FieldKind::Double, Token::Number) => {
                let double: f64 = self.reader.number()?.parse().or(Err(Malformed::Syntax))?;
                out.fixed(number, double.to_bits());
            }
            (FieldKind::Bytes, Token::String) => {
                out.piece(number, &STANDARD.decode(self.reader.string()?.as_bytes()).or(Err(Malformed::Syntax))?);
            }
            (FieldKind::Time, Token::String) => self.time(Precision::Seconds, number, out)?,
            (FieldKind::MicroTime, Token::String) => self.time(Precision::Micros, number, out)?,
            (FieldKind::Quantity, Token::String) => {
                let open = out.open(number);
                out.piece(1, self.reader.string()?.as_bytes());
                out.close(open);
            }
            // Null inside a list or a map is a message without content.
            (FieldKind::Any | FieldKind::Json(_), _) => {
                let raw = self.reader.raw()?;
                let open = out.open(number);
                if token != Token::Null {
                    out.piece(1, raw.as_bytes());
                }
                out.close(open);
            }
            (FieldKind::Object(descriptor), Token::Object) => {
                let open = out.open(number);
                self.object(descriptor, out)?;
                out.close(open);
            }
            (FieldKind::ObjectOr(descriptor, alternative), _) => {
                let open = out.open(number);
                self.object_or(descriptor, *alternative, out)?;
                out.close(open);
            }
            (FieldKind::List(list), Token::Array) => {
                let open = out.open(number);
                self.items(list.of, 1, out)?;
                out.close(open);
            }
            // Null is what upstream makes of nothing; anything else is not in canonical form.
            (_, Token::Null) => self.reader.null()?,
            _ => return Err(Malformed::Syntax),
        }
        Ok(())
    }

    fn object_or(
        &mut self,
        descriptor: &TypeDescriptor,
        alternative: Alternative,
        out: &mut Writer,
    ) -> Result<(), Malformed> {
        match (alternative, self.reader.peek()?) {
            (Alternative::Bool, Token::Object) => {
                // A schema allows what it matches.
                out.number(1, 1);
                let open = out.open(2);
                self.object(descriptor, out)?;
                out.close(open);
                Ok(())
            }
            (Alternative::Bool, Token::Bool) => {
                out.number(1, i64::from(self.reader.bool()?));
                Ok(())
            }
            (_, Token::Object) => {
                let open = out.open(1);
                self.object(descriptor, out)?;
                out.close(open);
                Ok(())
            }
            (Alternative::TextList, Token::Array) => self.items(&FieldKind::String, 2, out),
            (_, Token::Array) => {
                self.reader.open_array()?;
                let mut first = true;
                while self.reader.item(&mut first)? {
                    let open = out.open(2);
                    self.object(descriptor, out)?;
                    out.close(open);
                }
                Ok(())
            }
            _ => self.reader.skip(),
        }
    }

    /// `Timestamp {seconds = 1, nanos = 2}`
    fn time(&mut self, precision: Precision, number: u32, out: &mut Writer) -> Result<(), Malformed> {
        let moment = Moment::parse(&self.reader.string()?, precision).or(Err(Malformed::Syntax))?;
        let (seconds, micros) = moment.unix();
        let open = out.open(number);
        out.number(1, seconds);
        out.number(2, micros * 1_000);
        out.close(open);
        Ok(())
    }
}
