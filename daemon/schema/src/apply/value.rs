//! JSON values as structured merge sees them: equality, a total order, and the texts in which messages and keys show them.
//!
//! Source: the `value` package of structured-merge-diff, version 6. Numbers are equal when their magnitudes are, whether
//! written as integers or not. What does not fit into a signed 64-bit integer is a floating point number.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use crate::cause::quote;

/// A number, read as upstream's decoders read it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Numeral {
    /// A whole number of 64 bits.
    Int(i64),
    /// Any other.
    Float(f64),
}

impl Numeral {
    pub(crate) fn of(number: &Number) -> Self {
        match number.as_i64() {
            Some(whole) => Self::Int(whole),
            None => Self::Float(number.as_f64().unwrap_or(0.0)),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "upstream compares mixed numbers as floating point numbers")]
    fn as_float(self) -> f64 {
        match self {
            Self::Int(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }

    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(&b),
            (a, b) => a.as_float().partial_cmp(&b.as_float()).unwrap_or(Ordering::Equal),
        }
    }
}

/// Whether two values are the same for server-side apply.
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Numeral::of(a).compare(Numeral::of(b)) == Ordering::Equal,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

/// The order of values inside path elements: numbers, texts, truth values, lists, maps, null.
pub(crate) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Numeral::of(a).compare(Numeral::of(b)),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => compare_lists(a, b),
        (Value::Object(a), Value::Object(b)) => compare_maps(a, b),
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

fn compare_lists(a: &[Value], b: &[Value]) -> Ordering {
    let differing = a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne());
    differing.unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// Walks the keys of both maps in order. At the first key that only one map has, that map is the smaller one unless the
/// other is used up.
fn compare_maps(a: &Map<String, Value>, b: &Map<String, Value>) -> Ordering {
    let mut keys: Vec<&str> = a.keys().chain(b.keys()).map(String::as_str).collect();
    keys.sort_unstable();
    keys.dedup();
    for (index, key) in keys.into_iter().enumerate() {
        let order = match (a.get(key), b.get(key)) {
            _ if index == a.len() => Ordering::Less,
            _ if index == b.len() => Ordering::Greater,
            (None, _) => Ordering::Greater,
            (_, None) => Ordering::Less,
            (Some(a), Some(b)) => compare(a, b),
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// How paths show a value: texts in double quotes, lists in brackets.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => show_number(number),
        Value::String(text) => quote(text),
        Value::Array(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(",")),
        Value::Object(map) => map.iter().map(|(key, value)| format!("{key}={}", show(value))).collect(),
    }
}

/// A number as Go's `%v` writes it.
pub(crate) fn show_number(number: &Number) -> String {
    match Numeral::of(number) {
        Numeral::Int(whole) => whole.to_string(),
        Numeral::Float(float) => show_float(float),
    }
}

/// The shortest text that reads back as the number, with an exponent below 0.0001 and from a million.
fn show_float(float: f64) -> String {
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return float.to_string();
    }
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// A value as Go's `%#v` writes it inside upstream's wrapper, for messages on texts.
pub(crate) fn debug(value: &Value) -> String {
    let mut out = String::from("&value.valueUnstructured{Value:");
    push_debug(&mut out, value);
    out.push('}');
    out
}

fn push_debug(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("interface {}(nil)"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&as_decoded(number)),
        Value::String(text) => out.push_str(&quote(text)),
        Value::Array(items) => {
            out.push_str("[]interface {}{");
            for (index, item) in items.iter().enumerate() {
                separate(out, index, ", ");
                push_debug(out, item);
            }
            out.push('}');
        }
        Value::Object(map) => {
            out.push_str("map[string]interface {}{");
            for (index, (key, value)) in sorted(map).into_iter().enumerate() {
                separate(out, index, ", ");
                out.push_str(&quote(key));
                out.push(':');
                push_debug(out, value);
            }
            out.push('}');
        }
    }
}

/// A value as Go's `%v` writes it inside upstream's wrapper, for messages on lists, maps and truth values.
pub(crate) fn plain(value: &Value) -> String {
    let mut out = String::from("&{");
    push_plain(&mut out, value);
    out.push('}');
    out
}

fn push_plain(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("<nil>"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&as_decoded(number)),
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, index, " ");
                push_plain(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push_str("map[");
            for (index, (key, value)) in sorted(map).into_iter().enumerate() {
                separate(out, index, " ");
                out.push_str(key);
                out.push(':');
                push_plain(out, value);
            }
            out.push(']');
        }
    }
}

/// The decoder of apply bodies makes a floating point number of every number.
fn as_decoded(number: &Number) -> String {
    show_float(Numeral::of(number).as_float())
}

/// The name of the Go type that holds such a value, for messages on numbers.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// Writes JSON as Go's encoder does: keys in order, `<`, `>` and `&` escaped, whole numbers without a point.
pub(crate) fn push_json(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => push_number(out, number),
        Value::String(text) => push_text(out, text, Html::Escaped),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, index, ",");
                push_json(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, value)) in sorted(map).into_iter().enumerate() {
                separate(out, index, ",");
                push_text(out, key, Html::Escaped);
                out.push(':');
                push_json(out, value);
            }
            out.push('}');
        }
    }
}

/// Whether `<`, `>`, `&` and the two line separators of Unicode are escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Html {
    Escaped,
    Plain,
}

/// Writes a text in JSON. Controls but line feed, carriage return and tab have the long escape.
pub(crate) fn push_text(out: &mut String, text: &str, html: Html) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| must_escape(c, html)) {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        let mut tail = tail.chars();
        if let Some(c) = tail.next() {
            push_escape(out, c);
        }
        rest = tail.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn must_escape(c: char, html: Html) -> bool {
    c < ' ' || c == '"' || c == '\\' || html == Html::Escaped && matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}')
}

fn push_escape(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
    }
}

fn push_number(out: &mut String, number: &Number) {
    match Numeral::of(number) {
        Numeral::Int(whole) => out.push_str(&whole.to_string()),
        Numeral::Float(float) => {
            let magnitude = float.abs();
            if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
                let text = format!("{float:e}");
                out.push_str(&if magnitude < 1.0 { text } else { text.replace('e', "e+") });
            } else {
                out.push_str(&float.to_string());
            }
        }
    }
}

fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries
}

fn separate(out: &mut String, index: usize, separator: &str) {
    if index > 0 {
        out.push_str(separator);
    }
}
