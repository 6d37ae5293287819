//! Conversions between types.

use std::sync::Arc;

use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::value::opaque::Opaque;
use crate::value::time::{Duration, Timestamp};
use crate::value::{Text, Value, print};

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

fn refuse(value: &Value<'_>, to: &str) -> EvalError {
    EvalError::other(format!("type conversion error from '{}' to '{to}'", value.type_name()))
}

/// What a conversion says to values that it has nothing for.
fn unknown(function: &str, value: &Value<'_>) -> EvalError {
    EvalError::other(format!("no such overload: {function}({})", value.type_name()))
}

fn one<'v, 'a>(args: &'v [Value<'a>]) -> Result<&'v Value<'a>, EvalError> {
    match args {
        [value] => Ok(value),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `bool()`
pub(crate) fn bool<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match one(args)? {
        Value::Bool(value) => Ok(Value::Bool(*value)),
        value @ Value::String(text) => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(refuse(value, "bool")),
        },
        value => Err(unknown("bool", value)),
    }
}

/// `int()`
#[expect(clippy::cast_possible_truncation, reason = "the number is in range, its fraction is cut off")]
pub(crate) fn int<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    let overflow = || EvalError::other("integer overflow");
    match one(args)? {
        Value::Int(value) => Ok(Value::Int(*value)),
        Value::Uint(value) => i64::try_from(*value).map(Value::Int).map_err(|_too_large| overflow()),
        Value::Double(value) if *value > -TWO_63 && *value < TWO_63 => Ok(Value::Int(*value as i64)),
        Value::Double(_) => Err(overflow()),
        value @ Value::String(text) => {
            decimal(text).and_then(|digits| digits.parse().ok()).map(Value::Int).ok_or_else(|| refuse(value, "int"))
        }
        Value::Timestamp(time) => Ok(Value::Int(time.seconds())),
        Value::Duration(duration) => Ok(Value::Int(duration.nanoseconds())),
        value => Err(unknown("int", value)),
    }
}

/// `uint()`
#[expect(clippy::cast_possible_truncation, reason = "the number is in range, its fraction is cut off")]
#[expect(clippy::cast_sign_loss, reason = "the number is not negative")]
pub(crate) fn uint<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    let overflow = || EvalError::other("unsigned integer overflow");
    match one(args)? {
        Value::Uint(value) => Ok(Value::Uint(*value)),
        Value::Int(value) => u64::try_from(*value).map(Value::Uint).map_err(|_negative| overflow()),
        Value::Double(value) if *value >= 0.0 && *value < 2.0 * TWO_63 => Ok(Value::Uint(*value as u64)),
        Value::Double(_) => Err(overflow()),
        value @ Value::String(text) if text.starts_with(|first: char| first.is_ascii_digit()) => {
            text.parse().map(Value::Uint).map_err(|_not_a_number| refuse(value, "uint"))
        }
        value @ Value::String(_) => Err(refuse(value, "uint")),
        value => Err(unknown("uint", value)),
    }
}

/// A number as Go's `ParseInt` takes it, in Rust's spelling: both allow one sign.
fn decimal(text: &str) -> Option<&str> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    (!digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())).then_some(text)
}

/// `double()`
#[expect(clippy::cast_precision_loss, reason = "as the specification says")]
pub(crate) fn double<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match one(args)? {
        Value::Double(value) => Ok(Value::Double(*value)),
        Value::Int(value) => Ok(Value::Double(*value as f64)),
        Value::Uint(value) => Ok(Value::Double(*value as f64)),
        value @ Value::String(text) => parse_double(text).map(Value::Double).ok_or_else(|| refuse(value, "double")),
        value => Err(unknown("double", value)),
    }
}

/// A number as Go's `ParseFloat` takes it, but for hexadecimal ones; too large is an error.
fn parse_double(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let word = unsigned.eq_ignore_ascii_case("inf")
        || unsigned.eq_ignore_ascii_case("infinity")
        || text.eq_ignore_ascii_case("nan");
    if !word && unsigned.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    (word || value.is_finite()).then_some(value)
}

/// `string()`
pub(crate) fn string<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::string(match one(args)? {
        Value::String(text) => return Ok(Value::String(text.clone())),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => print::number(*value),
        Value::Bytes(bytes) => {
            meter.allocate(bytes.len())?;
            let text = std::str::from_utf8(bytes)
                .map_err(|_invalid| EvalError::other("invalid UTF-8 in bytes, cannot convert to string"))?;
            return Ok(Value::string(text));
        }
        Value::Timestamp(time) => time.to_string(),
        Value::Duration(duration) => duration.to_string(),
        Value::Opaque(Opaque::Ip(address)) => address.to_string(),
        Value::Opaque(Opaque::Cidr(cidr)) => cidr.to_string(),
        value => return Err(unknown("string", value)),
    }))
}

/// `bytes()`
pub(crate) fn bytes<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    match one(args)? {
        Value::Bytes(bytes) => Ok(Value::Bytes(Arc::clone(bytes))),
        Value::String(text) => {
            meter.allocate(text.len())?;
            Ok(Value::bytes(text.as_bytes()))
        }
        value => Err(unknown("bytes", value)),
    }
}

/// `timestamp()`
pub(crate) fn timestamp<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match one(args)? {
        Value::Timestamp(time) => Ok(Value::Timestamp(*time)),
        Value::Int(seconds) => Timestamp::from_seconds(*seconds)
            .map(Value::Timestamp)
            .ok_or_else(|| EvalError::other("timestamp overflow")),
        value @ Value::String(text) => Timestamp::parse_zoned(text)?
            .map(Value::Timestamp)
            .ok_or_else(|| refuse(value, "google.protobuf.Timestamp")),
        value => Err(unknown("timestamp", value)),
    }
}

/// `duration()`
pub(crate) fn duration<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match one(args)? {
        Value::Duration(duration) => Ok(Value::Duration(*duration)),
        value @ Value::String(text) => {
            Duration::parse(text).map(Value::Duration).ok_or_else(|| refuse(value, "google.protobuf.Duration"))
        }
        value @ Value::Int(_) => Err(refuse(value, "google.protobuf.Duration")),
        value => Err(unknown("duration", value)),
    }
}

/// `type()`
pub(crate) fn type_of<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    let value = one(args)?;
    Ok(Value::Type(Text::Shared(value.type_name().into())))
}

/// `dyn()`
pub(crate) fn dynamic<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    one(args).cloned()
}
