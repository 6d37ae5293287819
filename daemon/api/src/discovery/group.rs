//! One group with its versions, and the documents that tell of it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use hanse_schema::kind::Kind;
use serde_json::{Map, Value, json};

use super::order::version_order;
use super::resource::{discovered, resources};
use crate::document::Document;

/// A group with its versions, the preferred one first, and each version's kinds by resource name.
#[derive(Debug)]
pub(super) struct Group {
    name: String,
    versions: Vec<Version>,
    document: OnceLock<Document>,
    discovered: OnceLock<String>,
}

#[derive(Debug)]
struct Version {
    name: String,
    kinds: Vec<Arc<Kind>>,
    resources: OnceLock<Document>,
}

impl Group {
    /// The group of this name, whose kinds these are.
    pub(super) fn new(name: &str, kinds: &[Arc<Kind>]) -> Self {
        let mut versions: BTreeMap<&str, BTreeMap<&str, &Arc<Kind>>> = BTreeMap::new();
        for kind in kinds {
            // The first kind of a resource stays.
            versions.entry(&kind.version).or_default().entry(&kind.plural).or_insert(kind);
        }
        let mut versions: Vec<Version> = versions
            .into_iter()
            .map(|(name, kinds)| Version {
                name: name.to_owned(),
                kinds: kinds.into_values().cloned().collect(),
                resources: OnceLock::new(),
            })
            .collect();
        versions.sort_by(|left, right| version_order(&left.name).cmp(&version_order(&right.name)));
        Self { name: name.to_owned(), versions, document: OnceLock::new(), discovered: OnceLock::new() }
    }

    /// The same group with further kinds.
    pub(super) fn with(&self, further: &[Arc<Kind>]) -> Self {
        let own = self.versions.iter().flat_map(|version| &version.kinds);
        let kinds: Vec<Arc<Kind>> = own.chain(further).cloned().collect();
        Self::new(&self.name, &kinds)
    }

    /// Its name, empty for the core group.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The names of its versions, the preferred one first.
    pub(super) fn versions(&self) -> impl Iterator<Item = &str> {
        self.versions.iter().map(|version| version.name.as_str())
    }

    /// The group in an `APIGroupList`.
    pub(super) fn to_json(&self) -> Value {
        let versions: Vec<Value> = self
            .versions()
            .map(|version| json!({"groupVersion": group_version(&self.name, version), "version": version}))
            .collect();
        let preferred = versions.first().cloned().unwrap_or_default();
        json!({"name": self.name, "versions": versions, "preferredVersion": preferred})
    }

    /// `APIGroup`
    pub(super) fn document(&self) -> &Document {
        self.document.get_or_init(|| {
            let mut object = Map::new();
            object.insert("kind".to_owned(), "APIGroup".into());
            object.insert("apiVersion".to_owned(), "v1".into());
            if let Value::Object(fields) = self.to_json() {
                object.extend(fields);
            }
            Document::json(&Value::Object(object))
        })
    }

    /// The `APIResourceList` of a version.
    pub(super) fn resources(&self, version: &str) -> Option<&Document> {
        let version = self.versions.iter().find(|own| own.name == version)?;
        Some(version.resources.get_or_init(|| {
            let mut found: Vec<(String, Value)> = version.kinds.iter().flat_map(|kind| resources(kind)).collect();
            found.sort_by(|(left, _), (right, _)| left.cmp(right));
            let mut list = Map::new();
            list.insert("kind".to_owned(), "APIResourceList".into());
            // Upstream's core group has none, for the sake of clients of release 1.1.
            if !self.name.is_empty() {
                list.insert("apiVersion".to_owned(), "v1".into());
            }
            list.insert("groupVersion".to_owned(), group_version(&self.name, &version.name).into());
            list.insert("resources".to_owned(), found.into_iter().map(|(_, resource)| resource).collect());
            Document::json(&Value::Object(list))
        }))
    }

    /// The group in an `APIGroupDiscoveryList`, as JSON.
    pub(super) fn discovered(&self) -> &str {
        self.discovered.get_or_init(|| {
            let metadata = if self.name.is_empty() { json!({}) } else { json!({"name": self.name}) };
            let versions: Vec<Value> = self
                .versions
                .iter()
                .map(|version| {
                    let resources: Vec<Value> = version.kinds.iter().map(|kind| discovered(kind)).collect();
                    json!({"version": version.name, "resources": resources, "freshness": "Current"})
                })
                .collect();
            json!({"metadata": metadata, "versions": versions}).to_string()
        })
    }
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}
