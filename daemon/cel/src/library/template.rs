//! `format`: values in a text, as cel-go's strings extension writes them.

use std::fmt::Write;

use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::value::Value;
use crate::value::list::List;
use crate::value::map::Map;
use crate::value::print;

/// Digits after the point where none are asked for.
const PRECISION: usize = 6;
/// More digits than this are refused.
const PRECISION_MAX: usize = 1000;
/// How deep lists and maps may lie in each other.
const DEPTH_MAX: usize = 100;

/// `format`
pub(crate) fn format<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::String(template), Value::List(values)] = args else { return Err(EvalError::no_such_overload()) };
    let mut written = String::new();
    let mut rest = &**template;
    let mut next = 0;
    while let Some(at) = rest.find('%') {
        written.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            written.push('%');
            rest = after;
            continue;
        }
        let (verb, precision, after) = clause(rest)?;
        rest = after;
        let value = argument(values, next)?;
        next += 1;
        let length = written.len();
        write_clause(&mut written, verb, precision, &value, meter)?;
        meter.allocate(written.len() - length)?;
    }
    written.push_str(rest);
    meter.allocate(written.len())?;
    Ok(Value::string(written))
}

fn argument<'a>(values: &List<'a>, place: usize) -> Outcome<'a> {
    values.get(place).unwrap_or_else(|| Err(EvalError::other(format!("index {place} out of range"))))
}

/// A verb, its precision, and what follows.
fn clause(text: &str) -> Result<(char, Option<usize>, &str), EvalError> {
    let mut rest = text;
    let mut precision = None;
    if let Some(after) = rest.strip_prefix('.') {
        let length = after.bytes().take_while(u8::is_ascii_digit).count();
        let digits = &after[..length];
        if digits.is_empty() && after.is_empty() {
            return Err(wrong("error while parsing precision: could not find end of precision specifier"));
        }
        let number = digits.parse().map_err(|_not_a_number| {
            wrong(&format!(
                "error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing {digits:?}: invalid syntax"
            ))
        })?;
        if number > PRECISION_MAX {
            return Err(wrong("precision is too large"));
        }
        precision = Some(number);
        rest = &after[length..];
    }
    let Some(verb) = rest.chars().next() else { return Err(EvalError::other("unexpected end of string")) };
    if !"sdfebxXo".contains(verb) {
        return Err(wrong(&format!("unrecognized formatting clause \"{verb}\"")));
    }
    Ok((verb, precision, &rest[verb.len_utf8()..]))
}

fn wrong(why: &str) -> EvalError {
    EvalError::other(format!("could not parse formatting clause: {why}"))
}

fn write_clause(
    written: &mut String,
    verb: char,
    precision: Option<usize>,
    value: &Value<'_>,
    meter: &mut Meter<'_>,
) -> Result<(), EvalError> {
    let refuse = |what: &str| {
        let message = format!("error during formatting: {what}, was given {}", value.type_name());
        EvalError::other(message)
    };
    match verb {
        's' => return plain(written, value, DEPTH_MAX, meter),
        'd' => match value {
            Value::Int(number) => written.push_str(&number.to_string()),
            Value::Uint(number) => written.push_str(&number.to_string()),
            _ => return Err(refuse("decimal clause can only be used on integers")),
        },
        'f' => {
            let number = float(value).ok_or_else(|| refuse("fixed-point clause can only be used on doubles"))?;
            written.push_str(&fixed(number, precision.unwrap_or(PRECISION)));
        }
        'e' => {
            let number = float(value).ok_or_else(|| refuse("scientific clause can only be used on doubles"))?;
            written.push_str(&scientific(number, precision.unwrap_or(PRECISION)));
        }
        'b' => match value {
            Value::Int(number) => written.push_str(&signed(*number, |number| format!("{number:b}"))),
            Value::Uint(number) => written.push_str(&format!("{number:b}")),
            Value::Bool(value) => written.push(if *value { '1' } else { '0' }),
            _ => return Err(refuse("only integers and bools can be formatted as binary")),
        },
        'o' => match value {
            Value::Int(number) => written.push_str(&signed(*number, |number| format!("{number:o}"))),
            Value::Uint(number) => written.push_str(&format!("{number:o}")),
            _ => return Err(refuse("octal clause can only be used on integers")),
        },
        _ => {
            let text = match value {
                Value::Int(number) => signed(*number, |number| format!("{number:x}")),
                Value::Uint(number) => format!("{number:x}"),
                Value::String(text) => hex(text.as_bytes(), meter)?,
                Value::Bytes(bytes) => hex(bytes, meter)?,
                _ => return Err(refuse("only integers, byte buffers, and strings can be formatted as hex")),
            };
            written.push_str(&if verb == 'X' { text.to_uppercase() } else { text });
        }
    }
    Ok(())
}

fn signed(number: i64, digits: impl Fn(u64) -> String) -> String {
    let text = digits(number.unsigned_abs());
    if number < 0 { format!("-{text}") } else { text }
}

fn hex(bytes: &[u8], meter: &mut Meter<'_>) -> Result<String, EvalError> {
    meter.allocate(2 * bytes.len())?;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string does not fail.
        let _written = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// A double, or the name of one that has no digits.
fn float(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        Value::String(text) => match &**text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// As American English writes it.
fn fixed(number: f64, precision: usize) -> String {
    if let Some(name) = nameless(number) {
        return name.into();
    }
    let text = format!("{number:.precision$}");
    let (sign, digits) = text.strip_prefix('-').map_or(("", &*text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// As American English writes it: a product with a power of ten, always with six digits. What is asked for as precision
/// is the width, as in cel-go.
fn scientific(number: f64, width: usize) -> String {
    if let Some(name) = nameless(number) {
        return format!("{name:>width$}");
    }
    let text = format!("{number:.PRECISION$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = format!("{:02}", exponent.abs());
    let raised: String = digits
        .chars()
        .map(|digit| match digit {
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4' => '⁴',
            '5' => '⁵',
            '6' => '⁶',
            '7' => '⁷',
            '8' => '⁸',
            '9' => '⁹',
            _ => '⁰',
        })
        .collect();
    let sign = if exponent < 0 { "⁻" } else { "" };
    format!("{:>width$}", format!("{mantissa}×10{sign}{raised}"))
}

fn nameless(number: f64) -> Option<&'static str> {
    if number.is_nan() {
        Some("NaN")
    } else if number.is_infinite() {
        Some(if number > 0.0 { "∞" } else { "-∞" })
    } else {
        None
    }
}

/// A value as a text.
fn plain(written: &mut String, value: &Value<'_>, depth: usize, meter: &mut Meter<'_>) -> Result<(), EvalError> {
    meter.work(1)?;
    match value {
        Value::String(text) => {
            meter.allocate(text.len())?;
            written.push_str(text);
        }
        Value::Bytes(bytes) => {
            meter.allocate(bytes.len())?;
            match std::str::from_utf8(bytes) {
                Ok(text) => written.push_str(text),
                Err(_) => {
                    let why = "invalid UTF-8 in bytes, cannot convert to string";
                    return Err(EvalError::other(format!(
                        "error during formatting: could not convert argument {why:?} to string"
                    )));
                }
            }
        }
        Value::List(list) => write_list(written, list, depth, meter)?,
        Value::Map(map) => write_map(written, map, depth, meter)?,
        Value::Double(number) => written.push_str(&print::number(*number)),
        Value::Null
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Bool(_)
        | Value::Type(_)
        | Value::Timestamp(_)
        | Value::Duration(_) => written.push_str(&print::brief(value)),
        Value::Optional(_) | Value::Opaque(_) | Value::Scope(_) => {
            return Err(EvalError::other(format!(
                "error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, \
                 lists, types, durations, and timestamps, was given {}",
                value.type_name()
            )));
        }
    }
    Ok(())
}

/// A value inside of a list or map, as the expression that gives it.
fn nested(written: &mut String, value: &Value<'_>, depth: usize, meter: &mut Meter<'_>) -> Result<(), EvalError> {
    let depth = depth.checked_sub(1).ok_or(EvalError::Cost)?;
    match value {
        Value::String(text) => {
            meter.allocate(text.len())?;
            quote(written, text);
        }
        Value::Bytes(bytes) => {
            written.push('b');
            meter.allocate(bytes.len())?;
            quote(written, &String::from_utf8_lossy(bytes));
        }
        Value::Double(number) => match (number.is_nan(), number.is_infinite()) {
            (false, false) => written.push_str(&format!("{number:.PRECISION$}")),
            _ => quote(written, &print::number(*number)),
        },
        Value::Timestamp(time) => {
            let _written = write!(written, "timestamp(\"{time}\")");
        }
        Value::Duration(duration) => {
            let _written = write!(written, "duration(\"{duration}\")");
        }
        Value::Optional(_) | Value::Opaque(_) | Value::Scope(_) => {
            let name = value.type_name();
            return Err(EvalError::other(format!("error during formatting: no formatting function for {name}")));
        }
        _ => plain(written, value, depth, meter)?,
    }
    Ok(())
}

fn write_list(written: &mut String, list: &List<'_>, depth: usize, meter: &mut Meter<'_>) -> Result<(), EvalError> {
    written.push('[');
    for (place, element) in list.iter().enumerate() {
        if place > 0 {
            written.push_str(", ");
        }
        meter.allocate(4)?;
        nested(written, &element?, depth, meter)?;
    }
    written.push(']');
    Ok(())
}

fn write_map(written: &mut String, map: &Map<'_>, depth: usize, meter: &mut Meter<'_>) -> Result<(), EvalError> {
    let mut entries = Vec::new();
    for key in map.keys(meter)? {
        let mut name = String::new();
        nested(&mut name, &key, depth, meter)?;
        let Some(value) = field(map, &key)? else { continue };
        let mut text = String::new();
        nested(&mut text, &value, depth, meter)?;
        meter.allocate(name.len() + text.len())?;
        entries.push((name, text));
    }
    entries.sort();
    written.push('{');
    for (place, (name, text)) in entries.iter().enumerate() {
        let separator = if place > 0 { ", " } else { "" };
        let _written = write!(written, "{separator}{name}:{text}");
    }
    written.push('}');
    Ok(())
}

fn field<'a>(map: &Map<'a>, key: &Value<'a>) -> Result<Option<Value<'a>>, EvalError> {
    map.find(key)
}

/// As Go's `%q` quotes.
fn quote(written: &mut String, text: &str) {
    written.push('"');
    for character in text.chars() {
        match character {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\u{7}' => written.push_str("\\a"),
            '\u{8}' => written.push_str("\\b"),
            '\u{c}' => written.push_str("\\f"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            '\u{b}' => written.push_str("\\v"),
            control if control < ' ' || control == '\u{7f}' => {
                let _written = write!(written, "\\x{:02x}", u32::from(control));
            }
            other => written.push(other),
        }
    }
    written.push('"');
}
