//! What a scalar stands for: YAML 1.1 as upstream's reader understands it. `yes`, `no`, `on`, `off`, `y` and `n` are booleans,
//! numbers may have a base and underscores, and what looks like a time is text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hanse_schema::cause::quote;

use super::problem::Problem;

/// The value of a scalar.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    /// `null`, `~` or nothing.
    Null,
    /// true or false.
    Bool(bool),
    /// A number that fits into 64 bits with a sign.
    Int(i64),
    /// A larger one.
    UInt(u64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// Anything else.
    Text(String),
}

/// The explicit type of a scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tag {
    /// No tag and no quotes: the text says what it is.
    Plain,
    /// One of YAML's own types, `int` for instance.
    Core(String),
    /// In quotes, or of a type that nobody here knows: text.
    Foreign,
}

impl Tag {
    /// Whether `<<` with this tag is a merge key.
    pub(super) fn may_merge(&self) -> bool {
        match self {
            Self::Plain => true,
            Self::Core(name) => name == "merge",
            Self::Foreign => false,
        }
    }
}

/// What the text stands for.
///
/// # Errors
/// The text is not of the type that its tag names.
pub(super) fn resolve(tag: &Tag, text: &str) -> Result<Scalar, Problem> {
    let wanted = match tag {
        Tag::Foreign => return Ok(Scalar::Text(text.to_owned())),
        Tag::Plain => return Ok(plain(text)),
        Tag::Core(name) => name.as_str(),
    };
    let found = plain(text);
    match (wanted, found) {
        ("binary", _) => {
            let bytes = STANDARD.decode(text).or(Err(Problem::new("!!binary value contains invalid base64 data")))?;
            Ok(Scalar::Text(String::from_utf8_lossy(&bytes).into_owned()))
        }
        ("float", Scalar::Int(number)) => {
            #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float, with a float's precision")]
            let float = number as f64;
            Ok(Scalar::Float(float))
        }
        ("bool" | "int" | "float" | "null", found) if short_tag(&found) == wanted => Ok(found),
        ("bool" | "int" | "float" | "null", found) => {
            let found = short_tag(&found);
            Err(Problem::new(format!("cannot decode !!{found} `{text}` as a !!{wanted}")))
        }
        _ => Ok(Scalar::Text(text.to_owned())),
    }
}

const fn short_tag(scalar: &Scalar) -> &'static str {
    match scalar {
        Scalar::Null => "null",
        Scalar::Bool(_) => "bool",
        Scalar::Int(_) | Scalar::UInt(_) => "int",
        Scalar::Float(_) => "float",
        Scalar::Text(_) => "str",
    }
}

fn plain(text: &str) -> Scalar {
    let number = match text.as_bytes().first() {
        None => return Scalar::Null,
        Some(b'0'..=b'9' | b'+' | b'-') => word(text).or_else(|| number(&text.replace('_', ""))),
        Some(b'.') => word(text).or_else(|| float(text)),
        Some(_) => word(text),
    };
    number.unwrap_or_else(|| Scalar::Text(text.to_owned()))
}

fn word(text: &str) -> Option<Scalar> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Option<Scalar> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (base, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, unsigned.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, unsigned.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, unsigned.get(2..)?),
        [b'0', _, ..] => (8, unsigned.get(1..)?),
        _ => (10, unsigned),
    };
    let magnitude = if digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        u64::from_str_radix(digits, base).ok()
    } else {
        None
    };
    match magnitude {
        Some(magnitude) if negative => {
            if let Some(number) = 0_i64.checked_sub_unsigned(magnitude) {
                return Some(Scalar::Int(number));
            }
        }
        Some(magnitude) => match i64::try_from(magnitude) {
            Ok(number) => return Some(Scalar::Int(number)),
            // Upstream takes no sign before a number of this size.
            Err(_) if text.starts_with('+') => {}
            Err(_) => return Some(Scalar::UInt(magnitude)),
        },
        None => {}
    }
    float(text)
}

/// Decimal digits with at most one point, and maybe an exponent. Too large a number is text, as for upstream.
fn float(text: &str) -> Option<Scalar> {
    let shape = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let float: f64 = text.parse().ok().filter(|_| shape)?;
    float.is_finite().then_some(Scalar::Float(float))
}

/// A scalar as the key of a map: its text, and what tells it from other keys, in Go's words.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) shown: String,
    /// The type's name where JSON has no such keys.
    pub(super) unsupported: Option<&'static str>,
}

/// A scalar as the key of a map.
pub(super) fn key(scalar: Scalar) -> Key {
    let same = |text: String| Key { shown: text.clone(), text, unsupported: None };
    let unsupported = |kind: &'static str, shown: String| Key { text: String::new(), shown, unsupported: Some(kind) };
    match scalar {
        Scalar::Text(text) => Key { shown: quote(&text), text, unsupported: None },
        Scalar::Bool(flag) => same(flag.to_string()),
        Scalar::Int(number) => same(number.to_string()),
        Scalar::Float(float) => same(float_key(float)),
        Scalar::UInt(number) => unsupported("uint64", format!("{number:#x}")),
        Scalar::Null => unsupported("%!s(<nil>)", "<nil>".to_owned()),
    }
}

/// Go's `strconv.FormatFloat(f, 'g', -1, 32)`, with YAML's words for what is no number.
#[expect(clippy::cast_possible_truncation, reason = "upstream shows keys with the precision of 32 bits")]
fn float_key(float: f64) -> String {
    let float = float as f32;
    if float.is_nan() {
        return ".nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => format!("{float}"),
    }
}
