//! Pruning: taking away the fields that a schema does not know.

use serde_json::Value;

use super::path::Path;
use super::schema::Schema;

/// Whether a value is a whole object of the API, with `apiVersion`, `kind` and `metadata` of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// It is: these three are no business of the schema.
    Resource,
    /// It is not.
    Value,
}

impl Root {
    /// Whether what a schema's node describes has the three fields of a resource.
    fn below(schema: Option<&Schema>) -> Self {
        if schema.is_some_and(|schema| schema.embedded_resource) { Self::Resource } else { Self::Value }
    }
}

/// Paths of unknown fields, when somebody wants to hear of them.
#[derive(Debug)]
pub(crate) struct Unknown {
    paths: Vec<String>,
    bytes: usize,
    wanted: bool,
}

impl Unknown {
    /// Collects paths.
    pub(crate) const fn wanted() -> Self {
        Self { paths: Vec::new(), bytes: 0, wanted: true }
    }

    /// Collects nothing.
    pub(crate) const fn unwanted() -> Self {
        Self { paths: Vec::new(), bytes: 0, wanted: false }
    }

    /// Whether paths are collected.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Adds a path.
    pub(crate) fn add(&mut self, path: impl FnOnce() -> String) {
        if self.wanted && self.paths.len() < PATHS_MAX && self.bytes < PATHS_BYTES_MAX {
            let path = path();
            self.bytes += path.len();
            self.paths.push(path);
        }
    }

    /// The paths in alphabetical order.
    pub(crate) fn into_sorted(mut self) -> Vec<String> {
        self.paths.sort();
        self.paths
    }
}

/// Takes away what the schema does not know.
pub fn prune(value: &mut Value, schema: &Schema, root: Root) {
    let root = if schema.embedded_resource { Root::Resource } else { root };
    walk(value, Some(schema), root, &Path::ROOT, &mut Unknown::unwanted());
}

/// Takes away what the schema does not know, and tells the paths of what went.
pub(crate) fn prune_telling(value: &mut Value, schema: &Schema, root: Root, unknown: &mut Unknown) {
    let root = if schema.embedded_resource { Root::Resource } else { root };
    walk(value, Some(schema), root, &Path::ROOT, unknown);
}

/// Prunes below a node. Where nothing is known of a value (no schema), all fields of objects go.
fn walk(value: &mut Value, schema: Option<&Schema>, root: Root, path: &Path<'_>, unknown: &mut Unknown) {
    if let Some(schema) = schema
        && schema.preserve_unknown_fields
    {
        return keep(value, schema, root, path, unknown);
    }
    match value {
        Value::Object(map) => map.retain(|key, inner| {
            let is_meta = META.contains(&key.as_str());
            if root == Root::Resource && is_meta {
                return true;
            }
            let place = path.child(key);
            match schema.and_then(|schema| below(schema, key)) {
                Some(next) => {
                    walk(inner, next, Root::below(next), &place, unknown);
                    true
                }
                None => {
                    if schema.is_none() || !is_meta || !path.is_root() {
                        unknown.add(|| place.dotted());
                    }
                    false
                }
            }
        }),
        Value::Array(items) => {
            let next = schema.and_then(|schema| schema.items.as_deref());
            for (position, item) in items.iter_mut().enumerate() {
                walk(item, next, Root::below(next), &path.index(position), unknown);
            }
        }
        _ => {}
    }
}

/// Prunes below a node whose unknown fields are kept: what it specifies all the same is pruned again.
fn keep(value: &mut Value, schema: &Schema, root: Root, path: &Path<'_>, unknown: &mut Unknown) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if root == Root::Resource && META.contains(&key.as_str()) {
                    continue;
                }
                if let Some(next) = below(schema, key) {
                    walk(inner, next, Root::below(next), &path.child(key), unknown);
                }
            }
        }
        Value::Array(items) => {
            let Some(next) = schema.items.as_deref() else { return };
            for (position, item) in items.iter_mut().enumerate() {
                keep(item, next, Root::below(Some(next)), &path.index(position), unknown);
            }
        }
        _ => {}
    }
}

/// Whether a key is known, and what is known of its value.
fn below<'s>(schema: &'s Schema, key: &str) -> Option<Option<&'s Schema>> {
    match schema.properties.get(key) {
        Some(property) => Some(Some(property)),
        None if schema.additional.is_given() => Some(schema.additional.schema()),
        None => None,
    }
}

/// The fields of every object of the API that schemas need not name.
pub(crate) const META: [&str; 3] = ["apiVersion", "kind", "metadata"];
const PATHS_MAX: usize = 1000;
const PATHS_BYTES_MAX: usize = 1 << 18;
