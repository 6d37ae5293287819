//! Answers as YAML: JSON in block style, for people who ask for `application/yaml`.
//!
//! Whatever is not certainly a plain word is written as a double-quoted string, whose escapes are those of JSON. So
//! every YAML reader gives back the JSON that went in.

use bytes::Bytes;
use serde_json::Value;

use crate::status::Failure;

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
        text.push_str(&Value::from(string).to_string());
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
}
