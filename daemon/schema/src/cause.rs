//! Causes: what is wrong with a field, in the words of Kubernetes.
//!
//! The wording is that of apimachinery's `util/validation/field`; clients match on it, and kubectl prints it.

use std::fmt;

use serde_json::Value;

/// One thing that is wrong with an object: an entry of `status.details.causes` of an `Invalid` answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Machine readable reason.
    pub reason: CauseReason,
    /// Path of the field, `metadata.labels`; empty when the whole object is meant.
    pub field: String,
    /// Sentence without the field, `Invalid value: "A": must be …`.
    pub message: String,
}

/// Machine readable reason of a [`Cause`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CauseReason {
    /// The value breaks a rule.
    Invalid,
    /// A value is missing.
    Required,
    /// A value that must be unique is there twice.
    Duplicate,
    /// The value is fine by itself and not permitted here.
    Forbidden,
    /// The value is not one of those that are known.
    NotSupported,
    /// The value is too long.
    TooLong,
    /// The value has too many items.
    TooMany,
    /// The value has the wrong type.
    TypeInvalid,
    /// Nothing that the user did.
    Internal,
}

impl CauseReason {
    /// The word in `causes[].reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "FieldValueInvalid",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
            Self::NotSupported => "FieldValueNotSupported",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::Internal => "InternalError",
        }
    }
}

impl Cause {
    /// A text breaks a rule.
    #[must_use]
    pub fn invalid(field: impl Into<String>, bad: &str, detail: impl AsRef<str>) -> Self {
        Self::with_bad(CauseReason::Invalid, "Invalid value", field.into(), &quote(bad), detail.as_ref())
    }

    /// A value that is not a text breaks a rule. Absent values show as null.
    #[must_use]
    pub fn invalid_value(field: impl Into<String>, bad: Option<&Value>, detail: impl AsRef<str>) -> Self {
        let bad = match bad {
            None => "null".to_owned(),
            Some(Value::String(text)) => quote(text),
            Some(other) => go_json(other),
        };
        Self::with_bad(CauseReason::Invalid, "Invalid value", field.into(), &bad, detail.as_ref())
    }

    /// A value is missing; the detail may be empty.
    #[must_use]
    pub fn required(field: impl Into<String>, detail: &str) -> Self {
        Self::plain(CauseReason::Required, "Required value", field.into(), detail)
    }

    /// A value is not permitted here.
    #[must_use]
    pub fn forbidden(field: impl Into<String>, detail: impl AsRef<str>) -> Self {
        Self::plain(CauseReason::Forbidden, "Forbidden", field.into(), detail.as_ref())
    }

    /// A value that must be unique is there twice.
    #[must_use]
    pub fn duplicate(field: impl Into<String>, bad: &str) -> Self {
        Self::with_bad(CauseReason::Duplicate, "Duplicate value", field.into(), &quote(bad), "")
    }

    /// A text is not one of those that are known.
    #[must_use]
    pub fn not_supported(field: impl Into<String>, bad: &str, supported: &[&str]) -> Self {
        let mut detail = String::from("supported values: ");
        for (index, value) in supported.iter().enumerate() {
            if index > 0 {
                detail.push_str(", ");
            }
            detail.push_str(&quote(value));
        }
        Self::with_bad(CauseReason::NotSupported, "Unsupported value", field.into(), &quote(bad), &detail)
    }

    /// A value has more than `bytes_max` bytes; it is not repeated.
    #[must_use]
    pub fn too_long(field: impl Into<String>, bytes_max: usize) -> Self {
        let detail = format!("may not be more than {bytes_max} byte{}", if bytes_max == 1 { "" } else { "s" });
        Self::plain(CauseReason::TooLong, "Too long", field.into(), &detail)
    }

    /// A list has more than `items_max` items; it is not repeated.
    #[must_use]
    pub fn too_many(field: impl Into<String>, items: usize, items_max: usize) -> Self {
        let detail = format!("must have at most {items_max} item{}", if items_max == 1 { "" } else { "s" });
        Self::with_bad(CauseReason::TooMany, "Too many", field.into(), &items.to_string(), &detail)
    }

    fn plain(reason: CauseReason, word: &str, field: String, detail: &str) -> Self {
        let message = if detail.is_empty() { word.to_owned() } else { format!("{word}: {detail}") };
        Self { reason, field, message }
    }

    fn with_bad(reason: CauseReason, word: &str, field: String, bad: &str, detail: &str) -> Self {
        let message = if detail.is_empty() { format!("{word}: {bad}") } else { format!("{word}: {bad}: {detail}") };
        Self { reason, field, message }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// All causes in one text, each once: the end of `ConfigMap "x" is invalid: …`. Several stand in brackets.
#[must_use]
pub fn aggregate(causes: &[Cause]) -> String {
    let mut texts: Vec<String> = Vec::with_capacity(causes.len());
    for cause in causes {
        let text = cause.to_string();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    if texts.len() == 1 { texts.remove(0) } else { format!("[{}]", texts.join(", ")) }
}

/// A text in double quotes with the escapes of Go's `%q`, as messages of Kubernetes show values.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            ' '..='~' => out.push(c),
            c => push_non_ascii(&mut out, c),
        }
    }
    out.push('"');
    out
}

/// A value as Go's `encoding/json` writes it: like any JSON, with `<`, `>` and `&` escaped.
fn go_json(value: &Value) -> String {
    let plain = value.to_string();
    if !plain.contains(['<', '>', '&']) {
        return plain;
    }
    plain.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn push_non_ascii(out: &mut String, c: char) {
    let code = u32::from(c);
    if is_printable(c) {
        out.push(c);
    } else if code < 0x80 {
        out.push_str(&format!("\\x{code:02x}"));
    } else if code < 0x1_0000 {
        out.push_str(&format!("\\u{code:04x}"));
    } else {
        out.push_str(&format!("\\U{code:08x}"));
    }
}

/// Whether a character shows as itself. Close to Go's `unicode.IsPrint`; both leave out controls, separators and unassigned.
pub(crate) fn is_printable(c: char) -> bool {
    let mut escaped = c.escape_debug();
    c == '\'' || c == '"' || c == '\\' || escaped.len() == 1 && escaped.next() == Some(c)
}
