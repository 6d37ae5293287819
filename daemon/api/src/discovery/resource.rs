//! A kind and its subresources, as discovery shows them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hanse_schema::kind::{Kind, Part, Shape, Verb};
use hanse_schema::openapi::part::{Face, face};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A kind and its subresources as `APIResource`s, with their names.
pub(super) fn resources(kind: &Kind) -> Vec<(String, Value)> {
    let mut resource = json!({
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": verbs(kind),
    });
    add_names(&mut resource, kind);
    if is_stored(kind) {
        resource["storageVersionHash"] = storage_version_hash(kind).into();
    }
    let subresources = subresources(kind).into_iter().map(|(segment, face)| {
        let name = format!("{}/{segment}", kind.plural);
        let mut value = json!({"name": name, "singularName": "", "namespaced": kind.namespaced});
        if let Some(other) = face.other {
            value["group"] = other.group.into();
            value["version"] = other.version.into();
        }
        value["kind"] = face.other.map_or(&*kind.kind, |other| other.descriptor.name).into();
        value["verbs"] = words(face.verbs).into();
        (name, value)
    });
    std::iter::once((kind.plural.to_string(), resource)).chain(subresources).collect()
}

/// A kind as `APIResourceDiscovery`.
pub(super) fn discovered(kind: &Kind) -> Value {
    let response_kind = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    let mut resource = json!({
        "resource": kind.plural,
        "responseKind": response_kind,
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.singular,
        "verbs": verbs(kind),
    });
    add_names(&mut resource, kind);
    let subresources: Vec<Value> = subresources(kind)
        .into_iter()
        .map(|(segment, face)| {
            let response_kind = match face.other {
                Some(other) => {
                    json!({"group": other.group, "version": other.version, "kind": other.descriptor.name})
                }
                None => response_kind.clone(),
            };
            json!({"subresource": segment, "responseKind": response_kind, "verbs": words(face.verbs)})
        })
        .collect();
    if !subresources.is_empty() {
        resource["subresources"] = subresources.into();
    }
    resource
}

fn add_names(resource: &mut Value, kind: &Kind) {
    for (field, names) in [("shortNames", &kind.short_names), ("categories", &kind.categories)] {
        if !names.is_empty() {
            resource[field] = names.iter().map(AsRef::as_ref).collect::<Vec<&str>>().into();
        }
    }
}

/// What can be done, in upstream's order: that of the alphabet, and another one for custom resources.
fn verbs(kind: &Kind) -> Vec<&'static str> {
    let mut words = words(kind.verbs);
    match kind.shape {
        Shape::Typed(_) => words.sort_unstable(),
        Shape::Structural(_) => words.sort_by_key(|word| CUSTOM_VERBS.iter().position(|verb| verb == word)),
    }
    words
}

const CUSTOM_VERBS: [&str; 8] = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

fn words(verbs: &[Verb]) -> Vec<&'static str> {
    verbs.iter().map(|verb| verb.as_str()).collect()
}

/// A kind's subresources, by name.
fn subresources(kind: &Kind) -> Vec<(&'static str, Face)> {
    let described = |part: &Part| Some((part.segment()?, face(*part)?));
    let mut subresources: Vec<_> = kind.subresources.iter().filter_map(described).collect();
    subresources.sort_unstable_by_key(|(segment, _)| *segment);
    subresources
}

/// Reviews are answered and not stored.
fn is_stored(kind: &Kind) -> bool {
    kind.verbs.contains(&Verb::Get)
}

/// Tells clients when the stored version of a kind changes: the first 8 bytes of SHA-256 over its name, in base64.
fn storage_version_hash(kind: &Kind) -> String {
    let stored = match &kind.shape {
        Shape::Typed(_) => kind.api_version(),
        Shape::Structural(custom) => custom.storage_version.to_string(),
    };
    // Upstream writes the core group with its slash.
    let slash = if stored.contains('/') { "" } else { "/" };
    let digest = Sha256::digest(format!("{slash}{stored}/{}", kind.kind));
    STANDARD.encode(&digest[..8])
}
