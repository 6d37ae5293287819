//! Reads the part of an OpenAPI schema that says how objects are merged.

use serde_json::Value;

use crate::structural::format::Format;
use crate::structural::schema::{Additional, JsonType, ListType, Schema};
use crate::structural::validation::Validation;

pub(super) fn schema(json: &Value) -> Schema {
    let flag = |name: &str| json[name] == true;
    let kind = json["type"].as_str().and_then(JsonType::parse);
    let keys = json["x-kubernetes-list-map-keys"].as_array().into_iter().flatten();
    let format = json["format"].as_str().and_then(|format| Format::known(format, kind));
    Schema {
        kind,
        default: json.get("default").cloned(),
        properties: json["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, json)| (name.as_str().into(), schema(json)))
            .collect(),
        additional: match json.get("additionalProperties") {
            None => Additional::Absent,
            Some(Value::Bool(true)) => Additional::Anything,
            Some(Value::Bool(false)) => Additional::Nothing,
            Some(json) => Additional::Schema(Box::new(schema(json))),
        },
        items: json.get("items").map(|items| Box::new(schema(items))),
        preserve_unknown_fields: flag("x-kubernetes-preserve-unknown-fields"),
        embedded_resource: flag("x-kubernetes-embedded-resource"),
        int_or_string: flag("x-kubernetes-int-or-string"),
        list_type: match json["x-kubernetes-list-type"].as_str() {
            Some("set") => ListType::Set,
            Some("map") => ListType::Map(keys.map(|key| key.as_str().unwrap().into()).collect()),
            _ => ListType::Atomic,
        },
        atomic_map: json["x-kubernetes-map-type"] == "atomic",
        validation: Some(Box::new(Validation { format, ..Validation::default() })),
        ..Schema::default()
    }
}
