//! What a definition may leave out.

use serde_json::{Map, Value};

use super::validate::view::versions;
use crate::structural::props::Props;

/// Fills in names, the conversion and its port, and the stored version where there is none. The definition is in canonical
/// form.
pub fn apply(definition: &mut Value) {
    apply_spec(definition);
    let stored = definition.get("status").and_then(|status| status.get("storedVersions")).and_then(Value::as_array);
    if stored.is_none_or(Vec::is_empty) {
        stored_versions(definition);
    }
}

fn apply_spec(definition: &mut Value) {
    if let Some(spec) = definition.get_mut("spec").and_then(Value::as_object_mut) {
        names(spec);
        if spec.get("conversion").is_none_or(Value::is_null) {
            spec.insert("conversion".to_owned(), serde_json::json!({"strategy": "None"}));
        }
        let service = spec
            .get_mut("conversion")
            .and_then(|conversion| conversion.get_mut("webhook")?.get_mut("clientConfig")?.get_mut("service"));
        if let Some(service) = service.and_then(Value::as_object_mut)
            && service.get("port").is_none_or(Value::is_null)
        {
            service.insert("port".to_owned(), WEBHOOK_PORT.into());
        }
    }
}

fn names(spec: &mut Map<String, Value>) {
    let Some(names) = spec.get_mut("names").and_then(Value::as_object_mut) else { return };
    let is_empty =
        |names: &Map<String, Value>, name: &str| names.get(name).and_then(Value::as_str).unwrap_or_default().is_empty();
    let kind = names.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    if kind.is_empty() {
        return;
    }
    if is_empty(names, "singular") {
        names.insert("singular".to_owned(), kind.to_lowercase().into());
    }
    if is_empty(names, "listKind") {
        names.insert("listKind".to_owned(), format!("{kind}List").into());
    }
}

/// The version in which objects are stored is a stored version. Earlier ones stay until somebody takes them away.
pub fn stored_versions(definition: &mut Value) {
    let storage =
        versions(definition).find(|version| version.flag("storage")).map(|version| version.text("name").to_owned());
    let Some(storage) = storage else { return };
    let Some(status) =
        definition.as_object_mut().map(|map| map.entry("status").or_insert_with(|| Value::Object(Map::new())))
    else {
        return;
    };
    if !status.is_object() {
        *status = Value::Object(Map::new());
    }
    if Props::of(status).texts("storedVersions").any(|version| version == storage) {
        return;
    }
    let mut stored = Props::of(status).values("storedVersions").to_vec();
    stored.push(storage.into());
    if let Some(status) = status.as_object_mut() {
        status.insert("storedVersions".to_owned(), Value::Array(stored));
    }
}

const WEBHOOK_PORT: i64 = 443;
