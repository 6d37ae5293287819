//! A pull reader over JSON text.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use super::DEPTH_MAX;

/// Reads one JSON text from front to back. Every method leaves the position behind what it has read.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

/// Why reading stopped. The caller asks [`super::complaint`] for the words: that costs a second pass, on the failure path only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// Not JSON.
    Syntax,
    /// Nested deeper than [`DEPTH_MAX`].
    Deep,
    /// Holds more than [`super::VALUES_MAX`] values.
    Large,
}

/// Paths of keys that occur again in one object.
#[derive(Debug, Default)]
pub(crate) struct Duplicates {
    /// Each once, at most [`Self::MAX`].
    pub(crate) paths: Vec<String>,
    /// Where the reader stands.
    path: String,
}

impl Duplicates {
    /// Duplicates beyond this many are not listed.
    const MAX: usize = 100;

    fn add(&mut self) {
        if self.paths.len() < Self::MAX && !self.paths.contains(&self.path) {
            self.paths.push(self.path.clone());
        }
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// What the next value is, without reading it.
    pub(crate) fn peek(&mut self) -> Result<Token, Malformed> {
        Ok(match self.next_byte() {
            Some(b'{') => Token::Object,
            Some(b'[') => Token::Array,
            Some(b'"') => Token::String,
            Some(b'n') => Token::Null,
            Some(b't' | b'f') => Token::Bool,
            Some(b'-' | b'0'..=b'9') => Token::Number,
            _ => return Err(Malformed::Syntax),
        })
    }

    /// Reads `null`.
    pub(crate) fn null(&mut self) -> Result<(), Malformed> {
        self.literal("null")
    }

    /// Reads `true` or `false`.
    pub(crate) fn bool(&mut self) -> Result<bool, Malformed> {
        if self.next_byte() == Some(b't') {
            self.literal("true").map(|()| true)
        } else {
            self.literal("false").map(|()| false)
        }
    }

    /// Reads a number and returns its literal.
    pub(crate) fn number(&mut self) -> Result<&'a str, Malformed> {
        self.skip_space();
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(Malformed::Syntax),
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.text.get(start..self.at).ok_or(Malformed::Syntax)
    }

    /// Reads a string. Text without escapes is borrowed.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, Malformed> {
        if self.next_byte() != Some(b'"') {
            return Err(Malformed::Syntax);
        }
        self.at += 1;
        let start = self.at;
        self.plain();
        let plain = self.text.get(start..self.at).ok_or(Malformed::Syntax)?;
        match self.byte() {
            Some(b'"') => {
                self.at += 1;
                Ok(Cow::Borrowed(plain))
            }
            Some(b'\\') => self.escaped(plain).map(Cow::Owned),
            _ => Err(Malformed::Syntax),
        }
    }

    /// Goes into an object. [`Self::key`] then gives its keys until there is none.
    pub(crate) fn open_object(&mut self) -> Result<(), Malformed> {
        self.open(b'{')
    }

    /// Goes into a list. [`Self::item`] then says whether there is a further item.
    pub(crate) fn open_array(&mut self) -> Result<(), Malformed> {
        self.open(b'[')
    }

    /// The next key of the object that is open, with its colon read; nothing at the end, with the object closed.
    pub(crate) fn key(&mut self, first: &mut bool) -> Result<Option<Cow<'a, str>>, Malformed> {
        if !self.another(first, b'}')? {
            return Ok(None);
        }
        let key = self.string()?;
        if self.next_byte() != Some(b':') {
            return Err(Malformed::Syntax);
        }
        self.at += 1;
        Ok(Some(key))
    }

    /// Whether the list that is open has a further item; at the end it is closed.
    pub(crate) fn item(&mut self, first: &mut bool) -> Result<bool, Malformed> {
        self.another(first, b']')
    }

    /// Reads a value and forgets it.
    pub(crate) fn skip(&mut self) -> Result<(), Malformed> {
        match self.peek()? {
            Token::Null => self.null(),
            Token::Bool => self.bool().map(|_| ()),
            Token::Number => self.number().map(|_| ()),
            Token::String => self.string().map(|_| ()),
            Token::Array => {
                self.open_array()?;
                let mut first = true;
                while self.item(&mut first)? {
                    self.skip()?;
                }
                Ok(())
            }
            Token::Object => {
                self.open_object()?;
                let mut first = true;
                while self.key(&mut first)?.is_some() {
                    self.skip()?;
                }
                Ok(())
            }
        }
    }

    /// Reads a value and returns its text.
    pub(crate) fn raw(&mut self) -> Result<&'a str, Malformed> {
        self.skip_space();
        let start = self.at;
        self.skip()?;
        self.text.get(start..self.at).ok_or(Malformed::Syntax)
    }

    /// Reads a value as it is. Of a key that occurs again in one object the last value is kept.
    pub(crate) fn value(&mut self, duplicates: &mut Duplicates) -> Result<Value, Malformed> {
        Ok(match self.peek()? {
            Token::Null => self.null().map(|()| Value::Null)?,
            Token::Bool => Value::Bool(self.bool()?),
            Token::Number => Value::Number(number(self.number()?)?),
            Token::String => Value::String(self.string()?.into_owned()),
            Token::Array => {
                self.open_array()?;
                let (mut items, mut first) = (Vec::new(), true);
                let outer = duplicates.path.len();
                while self.item(&mut first)? {
                    duplicates.path.push_str(&format!("[{}]", items.len()));
                    items.push(self.value(duplicates)?);
                    duplicates.path.truncate(outer);
                }
                Value::Array(items)
            }
            Token::Object => {
                self.open_object()?;
                let (mut map, mut first) = (Map::new(), true);
                let outer = duplicates.path.len();
                while let Some(key) = self.key(&mut first)? {
                    if outer > 0 {
                        duplicates.path.push('.');
                    }
                    duplicates.path.push_str(&key);
                    if map.contains_key(key.as_ref()) {
                        duplicates.add();
                    }
                    let value = self.value(duplicates)?;
                    duplicates.path.truncate(outer);
                    map.insert(key.into_owned(), value);
                }
                Value::Object(map)
            }
        })
    }

    /// Nothing but space may follow.
    pub(crate) fn end(&mut self) -> Result<(), Malformed> {
        if self.next_byte().is_none() { Ok(()) } else { Err(Malformed::Syntax) }
    }

    fn open(&mut self, bracket: u8) -> Result<(), Malformed> {
        if self.next_byte() != Some(bracket) {
            return Err(Malformed::Syntax);
        }
        if self.depth == DEPTH_MAX {
            return Err(Malformed::Deep);
        }
        self.at += 1;
        self.depth += 1;
        Ok(())
    }

    fn another(&mut self, first: &mut bool, close: u8) -> Result<bool, Malformed> {
        let was_first = std::mem::replace(first, false);
        match self.next_byte() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                Ok(false)
            }
            Some(b',') if !was_first => {
                self.at += 1;
                // A bracket after a comma is refused by whoever reads the item: no value starts with it.
                Ok(true)
            }
            Some(_) if was_first => Ok(true),
            _ => Err(Malformed::Syntax),
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next_byte(&mut self) -> Option<u8> {
        self.skip_space();
        self.byte()
    }

    fn skip_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(Malformed::Syntax) } else { Ok(()) }
    }

    fn literal(&mut self, literal: &str) -> Result<(), Malformed> {
        self.skip_space();
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(literal.as_bytes()) {
            return Err(Malformed::Syntax);
        }
        self.at += literal.len();
        Ok(())
    }

    /// Skips what needs no escape.
    fn plain(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
        self.at += plain.unwrap_or(rest.len());
    }

    /// Reads the rest of a string that has an escape.
    fn escaped(&mut self, plain: &str) -> Result<String, Malformed> {
        let mut out = String::with_capacity(plain.len() + 32);
        out.push_str(plain);
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape(&mut out)?;
                }
                Some(0x20..) => {
                    let start = self.at;
                    self.plain();
                    out.push_str(self.text.get(start..self.at).ok_or(Malformed::Syntax)?);
                }
                _ => return Err(Malformed::Syntax),
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), Malformed> {
        let escape = self.byte().ok_or(Malformed::Syntax)?;
        self.at += 1;
        out.push(match escape {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode()?,
            _ => return Err(Malformed::Syntax),
        });
        Ok(())
    }

    /// A `\u` escape, or a pair of them. Half a pair becomes the replacement character, as in Go.
    fn unicode(&mut self) -> Result<char, Malformed> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.at;
        if self.text.as_bytes().get(self.at..self.at + 2) == Some(b"\\u") {
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self) -> Result<u32, Malformed> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or(Malformed::Syntax)?;
        let mut code = 0;
        for digit in digits {
            code = code * 16 + char::from(*digit).to_digit(16).ok_or(Malformed::Syntax)?;
        }
        self.at += 4;
        Ok(code)
    }
}

/// A number of no known type: an integer when it is written as one and fits, else a float.
fn number(literal: &str) -> Result<Number, Malformed> {
    if let Ok(number) = literal.parse::<i64>() {
        return Ok(number.into());
    }
    literal.parse::<f64>().ok().and_then(Number::from_f64).ok_or(Malformed::Syntax)
}
