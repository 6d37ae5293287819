//! Patches: a stored object and a patch make a new object.
//!
//! Nothing here knows kinds but [`strategic`], which reads the descriptors. What comes out is not checked: the caller runs it
//! through [`crate::decode::redecode`].

pub mod json_patch;
pub mod merge_patch;
pub mod strategic;

use serde_json::Value;

use crate::cause::quote;
use crate::decode::{FieldValidation, parse};
use crate::kind::Kind;

/// Why a patch is refused; always the client's fault. The text is the whole message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// Not a patch of this type: 400 `BadRequest`.
    #[error("{0}")]
    Malformed(String),
    /// More operations than are allowed: 413 `RequestEntityTooLarge`.
    #[error("{0}")]
    TooLarge(String),
    /// The patch does not fit the object: 422 with an empty reason, as upstream.
    #[error("{0}")]
    Inapplicable(String),
}

/// The types of patches that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// `application/json-patch+json`
    Json,
    /// `application/merge-patch+json`
    Merge,
    /// `application/strategic-merge-patch+json`
    Strategic,
}

impl PatchType {
    /// The type with this content type, which has no parameters.
    #[must_use]
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        [Self::Json, Self::Merge, Self::Strategic].into_iter().find(|patch| patch.content_type() == content_type)
    }

    /// The content type of a request with such a patch.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json-patch+json",
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
        }
    }

    /// The types that a kind takes, in the order in which upstream lists them.
    #[must_use]
    pub const fn of(kind: &Kind) -> &'static [Self] {
        if kind.strategic_patch { &[Self::Json, Self::Merge, Self::Strategic] } else { &[Self::Json, Self::Merge] }
    }
}

/// A patch as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// Its type.
    pub patch_type: PatchType,
    /// The patch.
    pub patch: Value,
    /// Texts for `Warning` headers about keys that are given twice.
    pub warnings: Vec<String>,
}

/// Reads the body of a patch.
///
/// # Errors
/// Malformed text; keys that are given twice, in a strict request.
pub fn parse_body(patch_type: PatchType, body: &[u8], validation: FieldValidation) -> Result<Parsed, PatchError> {
    let (patch, duplicates) = parse(body).map_err(|message| {
        PatchError::Malformed(match patch_type {
            PatchType::Merge => format!("error decoding patch: {message}"),
            PatchType::Json | PatchType::Strategic => message,
        })
    })?;
    let prefix = if patch_type == PatchType::Json { "json patch " } else { "" };
    let warnings: Vec<String> = match validation {
        FieldValidation::Ignore => Vec::new(),
        FieldValidation::Warn | FieldValidation::Strict => {
            duplicates.iter().map(|path| format!("{prefix}duplicate field {}", quote(path))).collect()
        }
    };
    if validation == FieldValidation::Strict && !warnings.is_empty() {
        return Err(PatchError::Malformed(format!("strict decoding error: {}", warnings.join(", "))));
    }
    Ok(Parsed { patch_type, patch, warnings })
}

/// Applies a patch to an object of this kind, in the form in which the kind is served.
///
/// # Errors
/// See [`PatchError`].
pub fn apply(kind: &Kind, object: &Value, parsed: &Parsed) -> Result<Value, PatchError> {
    match parsed.patch_type {
        PatchType::Json => json_patch::apply(object, &parsed.patch),
        PatchType::Merge => merge_patch::apply(object, &parsed.patch),
        PatchType::Strategic => match kind.descriptor() {
            Some(descriptor) => strategic::apply(descriptor, object, &parsed.patch),
            None => Err(PatchError::Malformed(format!("{} has no strategic merge patch", kind.kind))),
        },
    }
}

/// What a patch that must be an object is instead.
fn not_an_object(patch: &Value) -> String {
    let found = match patch {
        Value::Null | Value::Object(_) => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
    };
    format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}")
}

#[cfg(test)]
mod patch_test;
