//! YAML: bodies of requests read as JSON, and answers written for people who ask for `application/yaml`.
//!
//! Reading has the semantics of upstream's `sigs.k8s.io/yaml`, which is YAML 1.1: see `resolve.rs`. What a document can grow
//! to by its aliases, and how deep it is nested, are bounded.
//!
//! Writing is JSON in block style. Whatever is not certainly a plain word is written as a double-quoted string, whose escapes
//! are those of JSON, and those of all that YAML forbids. So every YAML reader gives back the JSON that went in.

mod build;
mod object;
mod plain;
mod problem;
mod resolve;
mod tree;

use bytes::Bytes;
use serde_json::Value;

use crate::status::Failure;
use build::Builder;
pub(crate) use object::{applied, applied_duplicates, as_json, object};
use problem::Problem;
use tree::Tree;

/// A YAML document as JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Read {
    /// The value; null for an empty text.
    pub(crate) value: Value,
    /// What a strict reader says about keys that are given twice: `line 3: key "a" already set in map`.
    pub(crate) duplicates: Vec<String>,
}

impl Read {
    /// The duplicates as upstream's strict reader words them.
    pub(crate) fn complaint(&self) -> Option<String> {
        let lines = self.duplicates.join("\n  ");
        (!self.duplicates.is_empty()).then(|| format!("yaml: unmarshal errors:\n  {lines}"))
    }
}

/// Reads the first document of a text. The last of several values of a key counts.
///
/// # Errors
/// It is no YAML, or holds what JSON cannot, or grows beyond its limits.
pub(crate) fn to_json(body: &[u8]) -> Result<Read, Problem> {
    // Nearly every body is JSON, which is YAML; what is not plain JSON takes the long way.
    if let Some(value) = plain::json(body) {
        return Ok(Read { value, duplicates: Vec::new() });
    }
    let text = readable(body)?;
    let Some((tree, root)) = Tree::read(text)? else { return Ok(Read { value: Value::Null, duplicates: Vec::new() }) };
    let mut builder = Builder::new(&tree);
    let value = builder.value(root)?;
    Ok(Read { value, duplicates: builder.duplicates() })
}

/// The text, when it has no characters that YAML forbids.
fn readable(body: &[u8]) -> Result<&str, Problem> {
    let text = std::str::from_utf8(body).or(Err(Problem::new("invalid leading UTF-8 octet")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.chars().all(is_allowed) { Ok(text) } else { Err(Problem::new("control characters are not allowed")) }
}

/// Whether a YAML document may hold the character as it stands (`c-printable`, without the mark of byte order).
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

/// Writes a JSON document as YAML.
///
/// # Errors
/// The bytes are not JSON, which no answer of this server is.
pub(crate) fn from_json(json: &[u8]) -> Result<Bytes, Failure> {
    let value: Value = serde_json::from_slice(json)
        .map_err(|error| Failure::Internal(format!("an answer is not JSON and cannot be shown as YAML: {error}")))?;
    let mut text = String::with_capacity(json.len() + json.len() / 4);
    block(&mut text, &value, 0);
    Ok(Bytes::from(text))
}

/// The value and a line feed, its lines indented by `depth` steps. A nested block begins on a line of its own; in a list
/// it begins behind the dash. The depth is bounded by that of the JSON reader.
fn block(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (position, (key, value)) in map.iter().enumerate() {
                if position > 0 {
                    indent(text, depth);
                }
                scalar(text, key);
                text.push(':');
                nested(text, value, depth);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for (position, value) in list.iter().enumerate() {
                if position > 0 {
                    indent(text, depth);
                }
                text.push_str("- ");
                block(text, value, depth + 1);
            }
        }
        Value::String(string) => {
            scalar(text, string);
            text.push('\n');
        }
        // Empty containers, numbers, booleans and null are written as in JSON.
        other => {
            text.push_str(&other.to_string());
            text.push('\n');
        }
    }
}

/// What follows a key: on the same line, or as a block on the next lines.
fn nested(text: &mut String, value: &Value, depth: usize) {
    let steps = match value {
        Value::Object(map) if !map.is_empty() => Some(depth + 1),
        // A list stands below its key, not behind it, as upstream's does.
        Value::Array(list) if !list.is_empty() => Some(depth),
        _ => None,
    };
    match steps {
        Some(steps) => {
            text.push('\n');
            indent(text, steps);
            block(text, value, steps);
        }
        None => {
            text.push(' ');
            block(text, value, depth);
        }
    }
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("  ", depth));
}

fn scalar(text: &mut String, string: &str) {
    if is_plain(string) {
        text.push_str(string);
    } else {
        for c in Value::from(string).to_string().chars() {
            // What JSON may hold as it stands, and YAML may not, or takes for the end of a line.
            if is_allowed(c) && !matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}') {
                text.push(c);
            } else {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
        }
    }
}

/// Letters, digits and a few marks, beginning with a letter, ending in no colon, and no word that means something else.
fn is_plain(string: &str) -> bool {
    const WORDS: [&str; 11] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"];
    let bytes = string.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(byte))
        && !WORDS.iter().any(|word| string.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod yaml_test;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::from_json;

    #[test]
    fn json_is_shown_in_block_style() {
        let value = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "data": {"a b": "two\nlines", "no": "true", "empty": "", "n": "1e3", "url": "https://x"},
            "list": [1, "a", {"b": [{"c": null}], "d": {}}, [], [["x"]]],
            "ok": true,
        });
        let expected = r#"apiVersion: v1
kind: ConfigMap
data:
  "a b": "two\nlines"
  "no": "true"
  empty: ""
  "n": "1e3"
  url: "https://x"
list:
- 1
- a
- b:
  - c: null
  d: {}
- []
- - - x
ok: true
"#;
        assert_eq!(from_json(value.to_string().as_bytes()).unwrap(), expected);
        assert!(from_json(b"{").is_err());
    }

    #[test]
    fn what_yaml_forbids_or_takes_for_the_end_of_a_line_is_escaped() {
        let value = json!(["\u{7f}\u{9e}\u{85}\u{2028}\u{feff}\u{ffff}", "\u{1}", "ü 船 \u{1f6a2}"]);
        let text = from_json(value.to_string().as_bytes()).unwrap();
        assert_eq!(text, "- \"\\u007f\\u009e\\u0085\\u2028\\ufeff\\uffff\"\n- \"\\u0001\"\n- \"ü 船 \u{1f6a2}\"\n");
        assert_eq!(super::to_json(&text).unwrap().value, value);
    }
}
