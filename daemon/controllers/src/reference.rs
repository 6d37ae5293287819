//! Whom an object's `metadata.ownerReferences` name, and what is to be thought of them.
//!
//! A reference names its owner by API version, kind, name and uid. Which resource that is, the table of built-in kinds
//! says, or the definitions of custom resources in the same logical cluster.

use std::collections::BTreeMap;

use hanse_base::id::{ClusterId, Revision};
use hanse_schema::kind;
use hanse_schema::metadata::{self, FINALIZER_FOREGROUND};
use hanse_store::key::{Key, Scope};
use hanse_store::object::Object;
use hanse_store::state::State;
use serde::Deserialize;
use serde_json::Value;

use crate::object::{finalizers, parse, set_list};

/// Group-resource of definitions. The name of one is the group-resource of its instances.
pub(crate) const CUSTOM_RESOURCE_DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// One entry of `metadata.ownerReferences`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reference<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) uid: &'a str,
    /// Whether a foreground deletion of the owner waits for this object.
    pub(crate) blocks: bool,
}

/// The references of an object; entries without a uid are none.
pub(crate) fn references(object: &Value) -> Vec<Reference<'_>> {
    let entries = metadata::owner_references(object).iter().filter(|entry| entry["uid"].is_string());
    let read = |entry| Reference {
        api_version: text_of(entry, "apiVersion"),
        kind: text_of(entry, "kind"),
        name: text_of(entry, "name"),
        uid: text_of(entry, "uid"),
        blocks: entry["blockOwnerDeletion"] == true,
    };
    entries.map(read).collect()
}

fn text_of<'a>(entry: &'a Value, field: &str) -> &'a str {
    entry.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// What a reference's owner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It is there, and does not wait for its dependents to go.
    Solid,
    /// It is not there.
    Dangling,
    /// It is there, and its foreground deletion waits for its dependents.
    Waiting,
    /// Nobody knows its kind: maybe its definition is on its way.
    Unresolved,
    /// It lives in a namespace, and the object does not: such a reference means nothing.
    Misplaced,
}

/// Looks at a reference of an object in the namespace.
pub(crate) fn look(
    state: &State,
    (cluster, namespace): (&ClusterId, &str),
    reference: &Reference<'_>,
    definitions: &mut Definitions,
) -> Owner {
    let Some((resource, namespaced)) = definitions.resource(state, cluster, (reference.api_version, reference.kind))
    else {
        return Owner::Unresolved;
    };
    if namespaced && namespace.is_empty() {
        return Owner::Misplaced;
    }
    let namespace = if namespaced { namespace } else { "" };
    let key = Key::new(&resource, cluster, namespace, reference.name);
    let Some(owner) = key.ok().and_then(|key| state.get(&key)) else { return Owner::Dangling };
    if owner.uid().as_deref() != Some(reference.uid) {
        Owner::Dangling
    } else if waits_in_foreground(owner) {
        Owner::Waiting
    } else {
        Owner::Solid
    }
}

/// Whether an object's deletion waits for its dependents to go.
pub(crate) fn waits_in_foreground(object: &Object) -> bool {
    object.awaits_collection() && finalizers(object).iter().any(|finalizer| finalizer == FINALIZER_FOREGROUND)
}

/// Whether the owner that a reference names is in another namespace, where it cannot be found.
pub(crate) fn is_elsewhere(
    state: &State,
    (cluster, namespace): (&ClusterId, &str),
    reference: &Reference<'_>,
    definitions: &mut Definitions,
) -> bool {
    let Some((resource, true)) = definitions.resource(state, cluster, (reference.api_version, reference.kind)) else {
        return false;
    };
    let scope = Scope { resource: "namespaces".to_owned(), cluster: Some(cluster.clone()), namespace: None };
    let namespaces = state.list(&scope, None).map(|(key, _)| key.name()).filter(|name| *name != namespace);
    let key = |namespace: &str| Key::new(&resource, cluster, namespace, reference.name).ok();
    let owners = namespaces.take(NAMESPACES_LOOKED_AT_MAX).filter_map(key);
    owners.filter_map(|key| state.get(&key)).any(|owner| owner.uid().as_deref() == Some(reference.uid))
}

/// What is remembered of definitions, so that a large one is not parsed for each object that it defines.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    known: BTreeMap<Key, (Revision, Option<Definition>)>,
}

impl Definitions {
    /// The group-resource that objects of a kind are stored under, and whether they live in namespaces.
    fn resource(
        &mut self,
        state: &State,
        cluster: &ClusterId,
        (version, kind): (&str, &str),
    ) -> Option<(String, bool)> {
        let (group, version) = match version.split_once('/') {
            Some((group, version)) => (group, version),
            None => ("", version),
        };
        if let Some(kind) = kind::by_kind(group, version, kind) {
            let (group, plural) = &kind.storage;
            let resource = if group.is_empty() { plural.to_string() } else { format!("{plural}.{group}") };
            return Some((resource, kind.namespaced));
        }
        if group.is_empty() {
            return None;
        }
        let likely = format!("{}s.{group}", kind.to_lowercase());
        let likely = Key::new(CUSTOM_RESOURCE_DEFINITIONS, cluster, "", &likely).ok();
        if let Some(found) = likely.and_then(|key| self.of(state, &key, (version, kind))) {
            return Some(found);
        }
        let scope =
            Scope { resource: CUSTOM_RESOURCE_DEFINITIONS.to_owned(), cluster: Some(cluster.clone()), namespace: None };
        let of_group = |key: &&Key| key.name().split_once('.').is_some_and(|(_, end)| end == group);
        state
            .list(&scope, None)
            .map(|(key, _)| key)
            .filter(of_group)
            .find_map(|key| self.of(state, key, (version, kind)))
    }

    /// What a definition says, when it serves the kind.
    fn of(&mut self, state: &State, key: &Key, (version, kind): (&str, &str)) -> Option<(String, bool)> {
        let object = state.get(key)?;
        if self.known.get(key).is_none_or(|(revision, _)| *revision != object.revision()) {
            if self.known.len() >= DEFINITIONS_KNOWN_MAX {
                self.known.clear();
            }
            let read = serde_json::from_slice(&object.bytes()).ok();
            self.known.insert(key.clone(), (object.revision(), read));
        }
        let (_, definition) = self.known.get(key)?;
        let spec = &definition.as_ref()?.spec;
        let serves = spec.versions.iter().any(|other| other.served && other.name == version);
        (serves && spec.names.kind == kind).then(|| (key.name().to_owned(), spec.scope == "Namespaced"))
    }
}

/// The few fields of a CustomResourceDefinition that say which resource it defines.
#[derive(Debug, Deserialize)]
struct Definition {
    spec: Spec,
}

/// As above.
#[derive(Debug, Deserialize)]
struct Spec {
    names: Names,
    scope: String,
    #[serde(default)]
    versions: Vec<Version>,
}

/// As above.
#[derive(Debug, Deserialize)]
struct Names {
    kind: String,
}

/// As above.
#[derive(Debug, Deserialize)]
struct Version {
    name: String,
    #[serde(default)]
    served: bool,
}

/// The object without the references that `goes` takes.
pub(crate) fn without(object: &Object, mut goes: impl FnMut(&str) -> bool) -> Value {
    let mut value = parse(&object.bytes());
    let kept = metadata::owner_references(&value).iter().filter(|entry| !goes(text_of(entry, "uid"))).cloned();
    let kept: Vec<Value> = kept.collect();
    set_list(&mut value, "ownerReferences", kept);
    value
}

/// Definitions that are remembered, at most; then all are forgotten.
const DEFINITIONS_KNOWN_MAX: usize = 4_096;
/// Namespaces in which an owner is looked for that is not where it should be, at most. Only an event for the user comes
/// of it.
const NAMESPACES_LOOKED_AT_MAX: usize = 1_000;
