//! Schemas of custom resources as upstream publishes them (k8s.io/apiextensions-apiserver/pkg/controller/openapi): what the
//! definition says, with the fields that every object has. For OpenAPI v2, without what its readers cannot read.

use serde_json::{Map, Value, json};

use super::schema::{GROUP_VERSION_KIND, group_version_kind, reference};
use crate::kind::{Custom, Kind, Selectable};
use crate::types::meta;

/// Which OpenAPI a schema is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Edition {
    /// The older one, in which kubectl reads what fields there are.
    V2,
    /// The newer one, which can say all that a definition says.
    V3,
}

/// The schema of a custom resource. In v2, references have the form of v3: whoever makes the document writes them anew.
pub(super) fn schema(kind: &Kind, custom: &Custom, edition: Edition) -> Value {
    let mut schema = match custom.document.value() {
        // With any property at all kubectl would take all others for unknown ones.
        Value::Object(node) if edition == Edition::V2 && is(&node, PRESERVE) => open(),
        Value::Object(node) => complete(node, edition),
        _ => open(),
    };
    schema.insert(GROUP_VERSION_KIND.to_owned(), json!([group_version_kind(kind, &kind.kind)]));
    if let Some(fields) = selectable_fields(kind) {
        schema.insert(SELECTABLE_FIELDS.to_owned(), fields);
    }
    Value::Object(schema)
}

/// `x-kubernetes-selectable-fields`: the fields of the definition, not those that can be selected in every kind.
pub(super) fn selectable_fields(kind: &Kind) -> Option<Value> {
    let Selectable::Listed(fields) = &kind.selectable else { return None };
    let own = fields.iter().map(|field| &*field.label).filter(|label| !label.starts_with("metadata."));
    let paths: Vec<Value> = own.map(|label| json!({"fieldPath": label})).collect();
    (!paths.is_empty()).then_some(Value::Array(paths))
}

fn open() -> Map<String, Value> {
    Map::from_iter([("type".to_owned(), json!("object"))])
}

fn complete(mut node: Map<String, Value>, edition: Edition) -> Map<String, Value> {
    unfold(&mut node);
    if edition == Edition::V2 {
        reduce(&mut node);
    }
    let properties = properties_of(&mut node);
    properties.insert("metadata".to_owned(), metadata());
    for (name, description) in TYPE_META {
        properties.insert(name.to_owned(), json!({"type": "string", "description": description}));
    }
    embed(&mut node, edition);
    node
}

fn metadata() -> Value {
    json!({"allOf": [reference(&meta::OBJECT_META.schema_name())], "description": "metadata of the object"})
}

fn properties_of(node: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let properties = node.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    if !properties.is_object() {
        *properties = Value::Object(Map::new());
    }
    match properties {
        Value::Object(properties) => properties,
        _ => unreachable!("it is made an object above"),
    }
}

/// Says in plain words of JSON schema what `x-kubernetes-int-or-string` means, unless the definition does.
fn unfold(node: &mut Map<String, Value>) {
    if is(node, INT_OR_STRING) {
        let either = json!([{"type": "integer"}, {"type": "string"}]);
        let first = node.get("allOf").and_then(|all| all.get(0)).and_then(|first| first.get("anyOf"));
        let said = node.get("anyOf") == Some(&either) || first == Some(&either);
        match node.get("anyOf") {
            _ if said => {}
            None => {
                node.insert("anyOf".to_owned(), either);
            }
            Some(_) => {
                let mut all = vec![json!({"anyOf": either})];
                if let Some(Value::Array(others)) = node.shift_remove("allOf") {
                    all.extend(others);
                }
                node.insert("allOf".to_owned(), Value::Array(all));
            }
        }
    }
    for child in children(node) {
        unfold(child);
    }
}

/// Leaves out what v2 cannot say, and what its readers stumble over.
fn reduce(node: &mut Map<String, Value>) {
    for absent in ["allOf", "oneOf", "anyOf", "not"] {
        node.shift_remove(absent);
    }
    let preserves = is(node, PRESERVE);
    if is(node, "nullable") {
        // Without a type readers take any value, null too, but only when no fields are given either.
        node.shift_remove("type");
    }
    if is(node, "nullable") || preserves {
        node.shift_remove("items");
        node.shift_remove("properties");
    }
    node.shift_remove("nullable");
    let of_type = |node: &Map<String, Value>, name: &str| node.get("type").is_some_and(|own| own == name);
    if (!node.contains_key("items") && of_type(node, "array")) || (preserves && of_type(node, "object")) {
        node.shift_remove("type");
    }
    let nullable = |schema: &Value| schema.get("nullable").is_some_and(|value| *value == true);
    let optional: Vec<String> = match node.get("properties") {
        Some(Value::Object(fields)) => {
            fields.iter().filter(|(_, field)| nullable(field)).map(|(name, _)| name.clone()).collect()
        }
        _ => Vec::new(),
    };
    if node.get("additionalProperties").is_some_and(nullable) {
        node.shift_remove("required");
    } else if !optional.is_empty()
        && let Some(Value::Array(required)) = node.get_mut("required")
    {
        required.retain(|name| !name.as_str().is_some_and(|name| optional.iter().any(|other| other == name)));
        if required.is_empty() {
            node.shift_remove("required");
        }
    }
    for child in children(node) {
        reduce(child);
    }
}

/// Adds the fields of every object to the objects inside the object.
fn embed(node: &mut Map<String, Value>, edition: Edition) {
    for child in children(node) {
        embed(child, edition);
    }
    // As at the top: v2 readers would take all other fields for unknown ones.
    if !is(node, EMBEDDED) || (edition == Edition::V2 && is(node, PRESERVE)) {
        return;
    }
    let properties = properties_of(node);
    properties.insert("metadata".to_owned(), metadata());
    for (name, description) in TYPE_META {
        properties.insert(name.to_owned(), json!({"type": "string", "description": description}));
    }
    let required = node.entry("required").or_insert_with(|| json!([]));
    if let Value::Array(required) = required {
        for name in ["kind", "apiVersion"] {
            if !required.iter().any(|own| own == name) {
                required.push(json!(name));
            }
        }
    }
}

/// The schemas of fields, items and values, but not those inside validations.
fn children(node: &mut Map<String, Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    node.iter_mut().flat_map(|(key, value)| -> Vec<&mut Map<String, Value>> {
        match (key.as_str(), value) {
            ("properties", Value::Object(fields)) => fields.values_mut().filter_map(Value::as_object_mut).collect(),
            ("items" | "additionalProperties", Value::Object(schema)) => vec![schema],
            _ => Vec::new(),
        }
    })
}

fn is(node: &Map<String, Value>, key: &str) -> bool {
    node.get(key).is_some_and(|value| *value == true)
}

const TYPE_META: [(&str, &str); 2] =
    [("apiVersion", "group and version of this object"), ("kind", "kind of this object")];
const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const INT_OR_STRING: &str = "x-kubernetes-int-or-string";
pub(super) const SELECTABLE_FIELDS: &str = "x-kubernetes-selectable-fields";
