//! OpenAPI v2 out of v3: the same definitions and operations in the older words.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::document::Document;
use crate::health;

/// Joins v3 documents to one of v2. A document that is no object, which no maker of documents gives, adds nothing.
pub(super) fn from_v3<'a>(documents: impl Iterator<Item = &'a Bytes>) -> Document {
    let mut paths = Map::new();
    let mut definitions = Map::new();
    for bytes in documents {
        let Ok(Value::Object(mut document)) = serde_json::from_slice(bytes) else { continue };
        if let Some(Value::Object(schemas)) = document.get_mut("components").and_then(|parts| parts.get_mut("schemas"))
        {
            definitions.extend(std::mem::take(schemas).into_iter().map(|(name, schema)| (name, definition(schema))));
        }
        if let Some(Value::Object(found)) = document.remove("paths") {
            paths.extend(found.into_iter().map(|(path, item)| (path, path_item(item))));
        }
    }
    let version = format!("v{}.{}.0", health::KUBERNETES_MAJOR, health::KUBERNETES_MINOR);
    Document::json(&json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": version},
        "paths": paths,
        "definitions": definitions,
    }))
}

/// A schema in the words of v2: other references, nothing about null, no alternatives. A reference that v3 wraps, to
/// give it a default, stands alone.
fn definition(schema: Value) -> Value {
    match schema {
        Value::Object(mut map) => {
            if let Some(Value::Array(mut all)) = map.remove("allOf")
                && all.len() == 1
                && let Some(Value::Object(only)) = all.pop()
            {
                map.extend(only);
            }
            for absent in ["nullable", "oneOf", "anyOf", "not"] {
                map.shift_remove(absent);
            }
            if let Some(Value::String(reference)) = map.get_mut("$ref") {
                *reference = reference.replace("#/components/schemas/", "#/definitions/");
                // Beside a reference v2 allows nothing that means anything.
                map.shift_remove("default");
            }
            let inner = map.into_iter().map(|(key, value)| match (key.as_str(), value) {
                // Names of fields, which may be any word, and not words of the schema.
                ("properties", Value::Object(fields)) => (
                    key,
                    fields.into_iter().map(|(name, field)| (name, definition(field))).collect::<Map<_, _>>().into(),
                ),
                (_, value) => (key, definition(value)),
            });
            Value::Object(inner.collect())
        }
        Value::Array(list) => list.into_iter().map(definition).collect(),
        other => other,
    }
}

fn path_item(item: Value) -> Value {
    let Value::Object(item) = item else { return json!({}) };
    let parts = item.into_iter().map(|(key, value)| match key.as_str() {
        "parameters" => (key, parameters(value)),
        "get" | "put" | "post" | "patch" | "delete" | "head" | "options" => (key, operation(value)),
        _ => (key, value),
    });
    Value::Object(parts.collect())
}

fn operation(operation: Value) -> Value {
    let Value::Object(mut operation) = operation else { return json!({}) };
    let given = operation.shift_remove("parameters").unwrap_or_else(|| json!([]));
    let Value::Array(mut parameters) = parameters(given) else { return json!({}) };
    if let Some(mut body) = operation.shift_remove("requestBody") {
        let content = body["content"].take();
        operation.insert("consumes".to_owned(), media_types(&content));
        let schema = definition(first_schema(content));
        parameters.push(json!({"name": "body", "in": "body", "required": body["required"] == true, "schema": schema}));
    }
    if !parameters.is_empty() {
        operation.insert("parameters".to_owned(), parameters.into());
    }
    if let Some(Value::Object(responses)) = operation.get_mut("responses") {
        let mut produces = json!([]);
        for response in responses.values_mut() {
            let content = response["content"].take();
            let mut old = json!({"description": response["description"].take()});
            if content.is_object() {
                produces = media_types(&content);
                old["schema"] = definition(first_schema(content));
            }
            *response = old;
        }
        operation.insert("produces".to_owned(), produces);
    }
    Value::Object(operation)
}

/// v2 writes a parameter's type beside its name.
fn parameters(parameters: Value) -> Value {
    let Value::Array(parameters) = parameters else { return json!([]) };
    let flat = parameters.into_iter().map(|mut parameter| {
        let schema = parameter["schema"].take();
        let Value::Object(mut map) = parameter else { return parameter };
        map.shift_remove("schema");
        if let Value::Object(schema) = schema {
            map.extend(schema);
        }
        Value::Object(map)
    });
    flat.collect()
}

fn media_types(content: &Value) -> Value {
    content.as_object().into_iter().flat_map(|map| map.keys()).map(String::as_str).collect()
}

fn first_schema(content: Value) -> Value {
    match content {
        Value::Object(map) => map.into_iter().next().map(|(_, mut media)| media["schema"].take()).unwrap_or_default(),
        _ => Value::Null,
    }
}
