//! Writes documents.

use std::collections::BTreeSet;

use bytes::Bytes;
use hanse_schema::openapi::v2::Share;
use serde_json::{Map, Value, json};

use super::protobuf::{self, Form as Field, put_bytes};
use super::{Form, JSON, PROTOBUF_V2, PROTOBUF_V3};
use crate::document::Document;
use crate::health;

/// A document of v3, whose hash is that of its bytes where none is given.
pub(super) fn v3(document: &Value, hash: Option<&str>, form: Form) -> Document {
    let (content_type, bytes) = match (form, document) {
        (Form::Protobuf, Value::Object(document)) => (PROTOBUF_V3, protobuf::v3::DOCUMENT.written(document).into()),
        _ => (JSON, Bytes::from(document.to_string())),
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
    let mut parts = Parts::default();
    for share in shares.flatten() {
        let definitions = share.definitions.into_iter().filter(|(name, _)| names.insert(name.clone())).collect();
        match form {
            Form::Json => parts.add_json(share.paths, definitions),
            Form::Protobuf => parts.add_protobuf(share.paths, definitions),
        }
    }
    let (content_type, bytes) = match form {
        Form::Json => (JSON, parts.json(&info)),
        Form::Protobuf => (PROTOBUF_V2, parts.protobuf(&info)),
    };
    Document::named(content_type, hash.to_owned(), Bytes::from(bytes))
}

/// The two large parts of a document of v2 under way, as they are written.
#[derive(Default)]
struct Parts {
    paths: Vec<u8>,
    definitions: Vec<u8>,
}

impl Parts {
    fn add_json(&mut self, paths: Map<String, Value>, definitions: Map<String, Value>) {
        for (part, entries) in [(&mut self.paths, paths), (&mut self.definitions, definitions)] {
            for (key, value) in entries {
                let comma = if part.is_empty() { "" } else { "," };
                part.extend_from_slice(format!("{comma}{}:{value}", Value::from(key)).as_bytes());
            }
        }
    }

    fn add_protobuf(&mut self, paths: Map<String, Value>, definitions: Map<String, Value>) {
        for (path, item) in paths {
            protobuf::named(2, &path, Field::One(&protobuf::v2::PATH_ITEM), &item, &mut self.paths);
        }
        for (name, schema) in definitions {
            protobuf::named(1, &name, Field::One(&protobuf::v2::SCHEMA), &schema, &mut self.definitions);
        }
    }

    fn json(self, info: &Value) -> Vec<u8> {
        let start = format!(r#"{{"swagger":"2.0","info":{info},"paths":{{"#);
        [start.as_bytes(), &self.paths, br#"},"definitions":{"#, &self.definitions, b"}}"].concat()
    }

    fn protobuf(self, info: &Value) -> Vec<u8> {
        let mut document = Vec::with_capacity(self.paths.len() + self.definitions.len() + 64);
        put_bytes(1, b"2.0", &mut document);
        if let Value::Object(info) = info {
            put_bytes(2, &protobuf::v2::INFO.written(info), &mut document);
        }
        put_bytes(8, &self.paths, &mut document);
        put_bytes(9, &self.definitions, &mut document);
        document
    }
}
