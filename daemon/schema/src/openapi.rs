//! OpenAPI documents, made from the descriptors and from the schemas of definitions: what `kubectl explain`, `kubectl apply`
//! and `kubectl edit` read. [`document`] is v3; [`v2`] says the same in the older words.

mod custom;
mod operation;
pub mod part;
mod schema;
pub mod v2;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::kind::{Kind, Verb};
use crate::types::meta;
use operation::{Operation, Target};
use part::face;

/// The groups and versions that are served, each once, in the order of discovery.
#[must_use]
pub fn group_versions<'a>(kinds: impl IntoIterator<Item = &'a Arc<Kind>>) -> Vec<(&'a str, &'a str)> {
    let mut all = Vec::new();
    for kind in kinds {
        let pair = (kind.group.as_ref(), kind.version.as_ref());
        if !all.contains(&pair) {
            all.push(pair);
        }
    }
    all
}

/// The path of a group and version in `/openapi/v3`, `api/v1` or `apis/<group>/<version>`.
#[must_use]
pub fn path(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// The document of a group and version; nothing when none of the kinds is of it. It depends on nothing but the kinds, so the
/// caller can make it once.
#[must_use]
pub fn document(kinds: &[Arc<Kind>], group: &str, version: &str) -> Option<Value> {
    let kinds: Vec<&Arc<Kind>> = kinds.iter().filter(|kind| kind.group == group && kind.version == version).collect();
    if kinds.is_empty() {
        return None;
    }
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for kind in &kinds {
        add_paths(kind, &mut paths);
        schema::add_kind(kind, &mut schemas);
    }
    // Questions are neither changed nor deleted.
    if kinds.iter().any(|kind| !kind.is_review()) {
        schema::add_type(&meta::STATUS, &mut schemas);
        schema::add_type(&meta::DELETE_OPTIONS, &mut schemas);
        schema::add_patch(&mut schemas);
    }
    paths.sort_keys();
    schemas.sort_keys();
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Hanse", "version": version},
        "paths": paths,
        "components": {"schemas": schemas},
    }))
}

fn add_paths(kind: &Kind, paths: &mut Map<String, Value>) {
    let base = format!("/{}", path(&kind.group, &kind.version));
    let scope = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
    let collection = format!("{base}{scope}/{}", kind.plural);
    let mut add = |path: String, target: Target, verbs: &[Verb]| {
        if let Some(item) = item(kind, target, verbs) {
            paths.insert(path, item);
        }
    };
    let of_kind = |wanted: &[Verb]| wanted.iter().copied().filter(|verb| kind.verbs.contains(verb)).collect::<Vec<_>>();
    add(collection.clone(), Target::Collection, &of_kind(&[Verb::List, Verb::Create, Verb::DeleteCollection]));
    if kind.namespaced {
        add(format!("{base}/{}", kind.plural), Target::AllNamespaces, &of_kind(&[Verb::List]));
    }
    let one = of_kind(&[Verb::Get, Verb::Update, Verb::Patch, Verb::Delete]);
    add(format!("{collection}/{{name}}"), Target::Object, &one);
    for part in &kind.subresources {
        if let (Some(segment), Some(face)) = (part.segment(), face(*part)) {
            add(format!("{collection}/{{name}}/{segment}"), Target::Part(segment, face.other), face.verbs);
        }
    }
}

/// What can be done at one path; nothing where nothing can be done.
fn item(kind: &Kind, target: Target, verbs: &[Verb]) -> Option<Value> {
    let mut item = Map::new();
    for verb in verbs {
        let operation = Operation { kind, target, verb: *verb };
        item.insert(operation.method().to_owned(), operation.describe());
    }
    if item.is_empty() {
        return None;
    }
    item.insert("parameters".to_owned(), operation::path_parameters(kind, target));
    Some(Value::Object(item))
}

#[cfg(test)]
mod custom_test;
#[cfg(test)]
mod openapi_test;
