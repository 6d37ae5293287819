//! Causes about values, with the values written as Go writes them, and a list of causes that does not grow without end.

use serde_json::{Map, Number, Value};

use crate::cause::{Cause, CauseReason, quote};

/// Collects causes. When they have become many or long the rest is dropped: the object is refused anyway, and an answer lists
/// a hundred at most.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    causes: Vec<Cause>,
    bytes: usize,
    dropped: bool,
}

impl Findings {
    /// Adds a cause, which is not even made when there are too many.
    pub(crate) fn add(&mut self, cause: impl FnOnce() -> Cause) {
        if self.is_full() {
            self.dropped = true;
            return;
        }
        let cause = cause();
        self.bytes += cause.field.len() + cause.message.len();
        self.causes.push(cause);
    }

    /// Adds causes that are made already.
    pub(crate) fn extend(&mut self, causes: impl IntoIterator<Item = Cause>) {
        for cause in causes {
            self.add(|| cause);
        }
    }

    /// Whether further causes are dropped.
    pub(crate) const fn is_full(&self) -> bool {
        self.causes.len() >= CAUSES_MAX || self.bytes >= CAUSES_BYTES_MAX
    }

    /// Whether nothing is wrong.
    pub(crate) const fn is_empty(&self) -> bool {
        self.causes.is_empty() && !self.dropped
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.causes.len()
    }

    /// The causes in alphabetical order of their texts, from this position on.
    pub(crate) fn sort_from(&mut self, start: usize) {
        if let Some(tail) = self.causes.get_mut(start..) {
            tail.sort_by_cached_key(Cause::to_string);
        }
    }

    /// What was found so far.
    pub(crate) fn causes(&self) -> &[Cause] {
        &self.causes
    }

    /// What was found.
    pub(crate) fn into_causes(self) -> Vec<Cause> {
        self.causes
    }
}

/// A cause about a value; the detail may be empty.
pub(crate) fn about(reason: CauseReason, field: String, bad: &Value, detail: &str) -> Cause {
    let word = match reason {
        CauseReason::NotSupported => "Unsupported value",
        CauseReason::Duplicate => "Duplicate value",
        CauseReason::TooMany => "Too many",
        _ => "Invalid value",
    };
    let bad = shown(bad);
    let message = if detail.is_empty() { format!("{word}: {bad}") } else { format!("{word}: {bad}: {detail}") };
    Cause { reason, field, message }
}

/// More items or properties than allowed.
pub(crate) fn too_many(field: String, count: usize, max: i64) -> Cause {
    let items = if max == 1 { "item" } else { "items" };
    let detail = if max >= 0 { format!("must have at most {max} {items}") } else { "has too many items".to_owned() };
    Cause { reason: CauseReason::TooMany, field, message: format!("Too many: {count}: {detail}") }
}

/// A value in a message: text in quotes, numbers as Go's `%v` writes them, all else as JSON.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Number(number) => number_text(number),
        other => json(other),
    }
}

/// A number as Go's `%v` writes it.
pub(crate) fn number_text(number: &Number) -> String {
    match (number.as_i64(), number.as_f64()) {
        (Some(integer), _) => integer.to_string(),
        (None, Some(float)) => float_text(float),
        (None, None) => number.to_string(),
    }
}

/// A float as Go's `%v` writes it: the fewest digits, with an exponent for what is large or small.
pub(crate) fn float_text(float: f64) -> String {
    if !float.is_finite() {
        return if float.is_nan() {
            "NaN"
        } else if float > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        }
        .to_owned();
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..LARGE_EXPONENT).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.unsigned_abs());
    }
    format!("{float}")
}

/// A value as Go's `%v` writes it.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number_text(number),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries = entries.iter().map(|(key, value)| format!("{key}:{}", plain(value)));
            format!("map[{}]", entries.collect::<Vec<_>>().join(" "))
        }
    }
}

/// The name of a value's type in Go, `%T`.
pub(crate) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A value as Go's `encoding/json` writes it: keys sorted, `<`, `>` and `&` escaped.
pub(crate) fn json(value: &Value) -> String {
    let mut out = String::new();
    write_json(value, &mut out);
    out
}

/// Appends a value as Go's `encoding/json` writes it.
pub(crate) fn write_json(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_json(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => write_map(map, out),
    }
}

fn write_map(map: &Map<String, Value>, out: &mut String) {
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    out.push('{');
    for (position, (key, value)) in entries.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_text(key, out);
        out.push(':');
        write_json(value, out);
    }
    out.push('}');
}

fn write_number(number: &Number, out: &mut String) {
    match (number.as_i64(), number.as_f64()) {
        (Some(integer), _) => out.push_str(&format!("{integer}")),
        (None, Some(float)) if float != 0.0 && !(1e-6..1e21).contains(&float.abs()) => {
            let scientific = format!("{float:e}");
            match scientific.split_once("e-") {
                Some(_) => out.push_str(&scientific),
                None => out.push_str(&scientific.replacen('e', "e+", 1)),
            }
        }
        (None, Some(float)) => out.push_str(&format!("{float}")),
        (None, None) => out.push_str(&number.to_string()),
    }
}

/// Appends a text as a JSON string of Go.
pub(crate) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Causes beyond this many are dropped.
const CAUSES_MAX: usize = 1000;
/// Causes are dropped when those before have this many bytes together.
const CAUSES_BYTES_MAX: usize = 1 << 20;
/// From this exponent on Go's `%v` shows it.
const LARGE_EXPONENT: i32 = 6;
