//! Numbers and JSON values of no known type, as upstream's Go programs write them again.

use serde_json::{Number, Value};

/// A number as Go writes it: without a fraction when it is whole. Nothing when it is infinite.
pub(crate) fn canonical_number(number: f64) -> Option<Number> {
    // Zero with a sign keeps it.
    if number.fract() == 0.0 && number.abs() < WHOLE_MAX && !(number == 0.0 && number.is_sign_negative()) {
        return format!("{number:.0}").parse::<i64>().ok().map(Number::from);
    }
    Number::from_f64(number)
}

/// Sorts the keys of a value and writes its numbers as [`canonical_number`] does. Returns how many values it holds.
pub(crate) fn canonical_json(value: &mut Value) -> usize {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().filter(|_| number.is_f64());
            if let Some(whole) = float.and_then(canonical_number) {
                *number = whole;
            }
            1
        }
        Value::Array(items) => items.iter_mut().map(canonical_json).sum::<usize>() + 1,
        Value::Object(map) => {
            map.sort_keys();
            map.values_mut().map(canonical_json).sum::<usize>() + 1
        }
        Value::Null | Value::Bool(_) | Value::String(_) => 1,
    }
}

/// Beyond this a number does not fit into 64 bits.
const WHOLE_MAX: f64 = 9_223_372_036_854_775_808.0;
