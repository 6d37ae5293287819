//! How values look in messages and where `string()` writes them, as Go prints them.

use std::fmt::Write;

use super::Value;

/// A number as Go's `%g` writes it: the shortest digits that give the number back, with an exponent when it is small
/// or large.
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) { format!("{value}") } else { with_exponent(mantissa, exponent) }
}

/// Go writes at least two digits of the exponent, and its sign.
pub(crate) fn with_exponent(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// A key or an index in a message.
pub fn brief(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => number(*value),
        Value::String(text) | Value::Type(text) => text.to_string(),
        Value::Timestamp(time) => time.to_string(),
        Value::Duration(duration) => duration.to_string(),
        Value::Bytes(bytes) => {
            let mut text = String::from("[");
            for (place, byte) in bytes.iter().take(64).enumerate() {
                let separator = if place == 0 { "" } else { " " };
                // Writing to a string does not fail.
                let _written = write!(text, "{separator}{byte}");
            }
            text.push(']');
            text
        }
        Value::List(_) | Value::Map(_) | Value::Optional(_) | Value::Opaque(_) | Value::Scope(_) => {
            value.type_name().to_owned()
        }
    }
}
