//! Writes documents.

use std::collections::BTreeSet;

use bytes::Bytes;
use hanse_schema::openapi::v2::Share;
use serde_json::{Map, Value, json};

use super::{Form, JSON};
use crate::document::Document;
use crate::health;

/// A document of v3, whose hash is that of its bytes where none is given.
pub(super) fn v3(document: &Value, hash: Option<&str>, form: Form) -> Document {
    let (content_type, bytes) = match form {
        Form::Json => (JSON, Bytes::from(document.to_string())),
    };
    match hash {
        Some(hash) => Document::named(content_type, hash.to_owned(), bytes),
        None => Document::new(content_type, bytes),
    }
}

/// The document of v2: what all groups and versions add to it, one after the other. Of schemas with one name the first stays.
pub(super) fn v2(shares: impl Iterator<Item = Option<Share>>, hash: &str, form: Form) -> Document {
    let version = format!("v{}.{}.0", health::KUBERNETES_MAJOR, health::KUBERNETES_MINOR);
    let info = json!({"title": "Kubernetes", "version": version});
    let mut names = BTreeSet::new();
    let (mut paths, mut definitions) = (String::new(), String::new());
    for share in shares.flatten() {
        append(&mut paths, share.paths);
        let new: Map<String, Value> =
            share.definitions.into_iter().filter(|(name, _)| names.insert(name.clone())).collect();
        append(&mut definitions, new);
    }
    let (content_type, text) = match form {
        Form::Json => {
            (JSON, format!(r#"{{"swagger":"2.0","info":{info},"paths":{{{paths}}},"definitions":{{{definitions}}}}}"#))
        }
    };
    Document::named(content_type, hash.to_owned(), Bytes::from(text))
}

/// Appends the entries of a map to those of a JSON object under way.
fn append(text: &mut String, entries: Map<String, Value>) {
    for (key, value) in entries {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&format!("{}:{value}", Value::from(key)));
    }
}
