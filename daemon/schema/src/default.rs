//! What the server sets: defaults for what a client leaves out, and what belongs to the server alone.
//!
//! The functions by kind are upstream's `SetDefaults_*` and strategies; they stand in the table of kinds. [`for_create`] and
//! [`for_update`] are the common steps of upstream's `rest.BeforeCreate` and `rest.BeforeUpdate`.

pub(crate) mod admission;
pub mod certificate;
pub(crate) mod limit_range;
pub(crate) mod rbac;

use serde_json::{Map, Value};

use crate::decode::written_field;
use crate::kind::{Kind, Part};
use crate::metadata::{self, set_field};

/// Label that every namespace carries with its own name.
pub const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Fills what a client may leave out. To be run on every object that a client sends or a patch makes, after decoding.
pub fn defaults(kind: &Kind, object: &mut Value) {
    (kind.rules.default)(object);
}

/// Readies a new object for storing: removes what a client cannot set and sets what the server sets, except what needs a
/// clock or randomness (`uid`, `creationTimestamp`, a generated name), which the caller sets.
pub fn for_create(kind: &Kind, object: &mut Value) {
    if let Some(metadata) = metadata::of_mut(object) {
        metadata::wipe_system_fields(metadata);
        if kind.generation {
            set_field(metadata, "generation", Value::from(1));
        }
    }
    let dropped = kind.keeps.iter().find(|(part, _)| *part == Part::Object).map_or(&[][..], |(_, fields)| *fields);
    if kind.subresources.contains(&Part::Status) && dropped.contains(&"status") {
        reset(kind, object, "status", None);
    }
    (kind.rules.create)(object);
}

/// Readies a changed object for storing: takes back what a write to this part cannot change, and counts the generation. An
/// absent `uid` is taken from the stored object; a wrong one is left for validation.
pub fn for_update(kind: &Kind, part: Part, object: &mut Value, old: &Value) {
    let kept = kind.keeps.iter().find(|(of, _)| *of == part).map_or(&[][..], |(_, fields)| *fields);
    if part == Part::Status && kind.schema().is_some() {
        keep_all_but_status(object, old);
    }
    for field in kept {
        if *field == "metadata" {
            keep_metadata(object, old);
        } else {
            reset(kind, object, field, old.get(field));
        }
    }
    keep_system_fields(object, old);
    (kind.rules.update)(object, old, part);
    if kind.generation {
        let step = i64::from(part != Part::Status && wanted_differs(kind, object, old));
        let generation = metadata::generation(old) + step;
        if let (Some(metadata), true) = (metadata::of_mut(object), generation > 0) {
            set_field(metadata, "generation", Value::from(generation));
        }
    }
}

/// A namespace carries its name as a label.
pub(crate) fn namespace(object: &mut Value) {
    let name = metadata::name(object).to_owned();
    if !name.is_empty()
        && let Some(metadata) = metadata::of_mut(object)
        && let Some(labels) = child(metadata, "labels")
    {
        set_sorted(labels, NAMESPACE_NAME_LABEL, Value::String(name));
    }
    if let Some(status) = object.as_object_mut().and_then(|object| child(object, "status")) {
        status.entry("phase").or_insert_with(|| Value::from("Active"));
    }
}

/// A new namespace is active and waits for its content to go before it goes.
pub(crate) fn namespace_create(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    map.insert("status".to_owned(), serde_json::json!({"phase": "Active"}));
    if let Some(Value::Array(finalizers)) =
        child(map, "spec").map(|spec| spec.entry("finalizers").or_insert_with(|| Value::Array(Vec::new())))
        && !finalizers.iter().any(|finalizer| finalizer == "kubernetes")
    {
        finalizers.push(Value::from("kubernetes"));
    }
    namespace(object);
}

/// An update cannot take the label away.
pub(crate) fn namespace_update(object: &mut Value, _: &Value, _: Part) {
    namespace(object);
}

/// `stringData` goes into `data`, and a secret without a type is opaque.
pub(crate) fn secret(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    if let Some(Value::Object(texts)) = map.shift_remove("stringData")
        && !texts.is_empty()
    {
        let data = map.entry("data").or_insert_with(|| Value::Object(Map::new()));
        if let Some(data) = data.as_object_mut() {
            for (key, text) in texts {
                let bytes = text.as_str().unwrap_or_default().as_bytes();
                data.insert(key, Value::String(base64::Engine::encode(&BASE64, bytes)));
            }
            data.sort_keys();
        }
    }
    let secret_type = map.entry("type").or_insert_with(|| Value::String(String::new()));
    if secret_type.as_str().unwrap_or_default().is_empty() {
        *secret_type = Value::from("Opaque");
    }
    reorder(map, &crate::types::core::SECRET);
}

/// A service account names its secrets by name only.
pub(crate) fn service_account_create(object: &mut Value) {
    let Some(secrets) = object.get_mut("secrets").and_then(Value::as_array_mut) else { return };
    for secret in secrets {
        let name = secret.get("name").cloned();
        *secret = Value::Object(name.map(|name| ("name".to_owned(), name)).into_iter().collect());
    }
}

/// As at creation.
pub(crate) fn service_account_update(object: &mut Value, _: &Value, _: Part) {
    service_account_create(object);
}

/// A workspace always has `spec` and `status`. Its phase begins with Scheduling; a type's name is looked up by the API, which
/// knows the parent.
pub(crate) fn workspace(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    child(map, "spec");
    if let Some(status) = child(map, "status") {
        status.entry("phase").or_insert_with(|| Value::from("Scheduling"));
    }
    reorder(map, &crate::types::kcp::WORKSPACE);
}

/// A logical cluster always has `spec` and `status`, and says whether users may delete it.
pub(crate) fn logical_cluster(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    if let Some(spec) = child(map, "spec") {
        spec.entry("directlyDeletable").or_insert(Value::Bool(false));
    }
    if let Some(status) = child(map, "status") {
        status.entry("phase").or_insert_with(|| Value::from("Scheduling"));
    }
    reorder(map, &crate::types::kcp::LOGICAL_CLUSTER);
}

/// The object under this key, made when there is none.
fn child<'a>(map: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    let value = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

/// Puts an entry into a map whose keys are sorted.
fn set_sorted(map: &mut Map<String, Value>, key: &str, value: Value) {
    let known = map.contains_key(key);
    map.insert(key.to_owned(), value);
    if !known {
        map.sort_keys();
    }
}

/// Brings the fields of an object into the order of its table.
pub(crate) fn reorder(map: &mut Map<String, Value>, descriptor: &crate::field::TypeDescriptor) {
    let place = |name: &str| descriptor.fields.iter().position(|field| field.name == name);
    let places: Vec<_> = map.keys().map(|name| place(name)).collect();
    if places.is_sorted() {
        return;
    }
    let mut taken = std::mem::take(map);
    for field in descriptor.fields {
        if let Some(value) = taken.shift_remove(field.name) {
            map.insert(field.name.to_owned(), value);
        }
    }
}

/// Puts the stored value of a top-level field back; without one, what is written for a field that nobody gives.
fn reset(kind: &Kind, object: &mut Value, field: &str, stored: Option<&Value>) {
    let Some(map) = object.as_object_mut() else { return };
    let known = kind.descriptor().and_then(|descriptor| descriptor.field(field));
    match stored.cloned().or_else(|| written_field(known?, None)) {
        Some(value) => {
            map.insert(field.to_owned(), value);
            match kind.descriptor() {
                Some(descriptor) => reorder(map, descriptor),
                None => map.sort_keys(),
            }
        }
        None => {
            map.shift_remove(field);
        }
    }
}

/// A custom resource has whatever fields its schema gives it: its status alone is written.
fn keep_all_but_status(object: &mut Value, old: &Value) {
    let (Some(new), Some(old)) = (object.as_object_mut(), old.as_object()) else { return };
    new.retain(|key, _| matches!(key.as_str(), "metadata" | "status") || old.contains_key(key));
    for (key, value) in old.iter().filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status")) {
        new.insert(key.clone(), value.clone());
    }
    new.sort_keys();
}

/// All metadata is the stored one's, but what tells versions and managers apart.
fn keep_metadata(object: &mut Value, old: &Value) {
    let mut kept = metadata::of(old).cloned().unwrap_or_default();
    for field in ["resourceVersion", "managedFields"] {
        match metadata::of(object).and_then(|metadata| metadata.get(field)) {
            Some(value) => set_field(&mut kept, field, value.clone()),
            None => {
                kept.shift_remove(field);
            }
        }
    }
    if let Some(metadata) = metadata::of_mut(object) {
        *metadata = kept;
    }
}

fn keep_system_fields(object: &mut Value, old: &Value) {
    let Some(metadata) = metadata::of_mut(object) else { return };
    let stored = |field: &str| metadata::of(old).and_then(|old| old.get(field)).cloned();
    metadata.shift_remove("selfLink");
    for field in ["generation", "creationTimestamp"] {
        match stored(field) {
            Some(value) => set_field(metadata, field, value),
            None => {
                metadata.shift_remove(field);
            }
        }
    }
    // Once asked for, deletion cannot be called off.
    if let Some(value) = stored("deletionTimestamp") {
        set_field(metadata, "deletionTimestamp", value);
    }
    for field in ["uid", "deletionGracePeriodSeconds"] {
        if let (None, Some(value)) = (metadata.get(field), stored(field)) {
            set_field(metadata, field, value);
        }
    }
}

/// Whether anything differs but metadata, and the status where it is written apart.
fn wanted_differs(kind: &Kind, object: &Value, old: &Value) -> bool {
    let (Some(new_map), Some(old_map)) = (object.as_object(), old.as_object()) else { return true };
    let apart = kind.subresources.contains(&Part::Status);
    // A custom resource that is written in another version has not changed for that.
    let counts = |key: &str| !(key == "metadata" || key == "apiVersion" || (apart && key == "status"));
    let wanted = |map: &'_ Map<String, Value>| map.keys().filter(|key| counts(key)).count();
    wanted(new_map) != wanted(old_map)
        || new_map.iter().any(|(key, value)| counts(key) && old_map.get(key) != Some(value))
}

const BASE64: base64::engine::GeneralPurpose = base64::engine::general_purpose::STANDARD;

#[cfg(test)]
mod default_test;
