//! OpenAPI v2, the older words for the same definitions and operations: what clients read that know nothing else, and what
//! client-go asks for by `OpenAPISchema()`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::custom::{self, Edition};
use super::schema::schema_name;
use crate::kind::{Kind, Shape};

/// What a group and version add to the one document of v2.
#[derive(Debug)]
pub struct Share {
    /// Operations by path.
    pub paths: Map<String, Value>,
    /// Schemas by name; those that all groups use are there, too.
    pub definitions: Map<String, Value>,
}

/// What a group and version add to the document of v2; nothing when none of the kinds is of it.
#[must_use]
pub fn share(kinds: &[Arc<Kind>], group: &str, version: &str) -> Option<Share> {
    let mut document = super::document(kinds, group, version)?;
    let mut definitions = Map::new();
    if let Value::Object(schemas) = document["components"]["schemas"].take() {
        definitions.extend(schemas.into_iter().map(|(name, schema)| (name, definition(schema))));
    }
    for kind in kinds.iter().filter(|kind| kind.group == group && kind.version == version) {
        if let Shape::Structural(custom) = &kind.shape {
            // v3's words cannot be translated: what is left out depends on what stands around it.
            definitions.insert(schema_name(kind), definition(custom::schema(kind, custom, Edition::V2)));
        }
    }
    let paths = match document["paths"].take() {
        Value::Object(paths) => paths.into_iter().map(|(path, item)| (path, path_item(item))).collect(),
        _ => Map::new(),
    };
    Some(Share { paths, definitions })
}

/// A schema in the words of v2: other references, nothing about null, no alternatives, no defaults (as upstream, whose
/// clients would send them).
fn definition(schema: Value) -> Value {
    let Value::Object(mut map) = schema else { return schema };
    if let Some(Value::Array(mut all)) = map.shift_remove("allOf")
        && all.len() == 1
        && let Some(Value::Object(only)) = all.pop()
    {
        // A reference that v3 wraps, to stand beside a description.
        map.extend(only);
    }
    if let Some(Value::Array(one_of)) = map.get("oneOf")
        && let Some(first) = one_of.first().and_then(|first| first.get("type")).cloned()
    {
        // Amounts may be texts or numbers. v2 knows one type only, and text is what is stored.
        map.insert("type".to_owned(), first);
    }
    for absent in ["nullable", "oneOf", "anyOf", "not", "default"] {
        map.shift_remove(absent);
    }
    if let Some(Value::String(reference)) = map.get_mut("$ref") {
        *reference = reference.replace("#/components/schemas/", "#/definitions/");
    }
    let inner = map.into_iter().map(|(key, value)| match (key.as_str(), value) {
        // Names of fields, which may be any word, and not words of the schema.
        ("properties", Value::Object(fields)) => {
            let fields = fields.into_iter().map(|(name, field)| (name, definition(field)));
            (key, Value::Object(fields.collect()))
        }
        ("items" | "additionalProperties", value) => (key, definition(value)),
        (_, value) => (key, value),
    });
    Value::Object(inner.collect())
}

fn path_item(item: Value) -> Value {
    let Value::Object(item) = item else { return json!({}) };
    let parts = item.into_iter().map(|(key, value)| match key.as_str() {
        "parameters" => (key, Value::Array(parameters(value))),
        "get" | "put" | "post" | "patch" | "delete" => (key, operation(value)),
        _ => (key, value),
    });
    Value::Object(parts.collect())
}

fn operation(operation: Value) -> Value {
    let Value::Object(mut operation) = operation else { return json!({}) };
    let mut given = parameters(operation.shift_remove("parameters").unwrap_or_default());
    if let Some(mut body) = operation.shift_remove("requestBody") {
        let content = body["content"].take();
        operation.insert("consumes".to_owned(), media_types(&content));
        let schema = definition(first_schema(content));
        let mut parameter = json!({"name": "body", "in": "body", "schema": schema});
        if body["required"] == true {
            parameter["required"] = json!(true);
        }
        given.push(parameter);
    }
    if !given.is_empty() {
        operation.insert("parameters".to_owned(), given.into());
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
fn parameters(parameters: Value) -> Vec<Value> {
    let Value::Array(parameters) = parameters else { return Vec::new() };
    let flat = parameters.into_iter().map(|parameter| {
        let Value::Object(mut map) = parameter else { return parameter };
        if let Some(Value::Object(schema)) = map.shift_remove("schema") {
            map.extend(schema);
        }
        Value::Object(map)
    });
    flat.collect()
}

fn media_types(content: &Value) -> Value {
    content.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect()
}

fn first_schema(content: Value) -> Value {
    match content {
        Value::Object(map) => map.into_iter().next().map(|(_, mut media)| media["schema"].take()).unwrap_or_default(),
        _ => Value::Null,
    }
}
