//! Which kinds a logical cluster has beside the built-in ones: those of its CustomResourceDefinitions.
//!
//! A definition is a stored object like any other; there is no list of definitions beside the state. What is made of one (its
//! compiled schemas) is kept by content, so that a thousand logical clusters with the same definition share it, and is found by
//! the object's key and revision.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hanse_base::id::{ClusterId, Revision};
use hanse_schema::definition::compile::Definition;
use hanse_schema::definition::status;
use hanse_schema::kind::Kind;
use hanse_schema::kinds::KINDS;
use hanse_schema::metadata;
use hanse_store::key::{Key, Scope};
use hanse_store::object::Object;
use hanse_store::state::State;
use hanse_store::txn::Precondition;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cache::Cache;
use crate::call::Call;
use crate::catalogue::{Catalogue, Defined};
use crate::limits::{CATALOGUES_CACHED, DEFINITIONS_CACHED};
use crate::status::Failure;
use crate::turns::{Turn, Turns};
use crate::view::parsed;

/// Where CustomResourceDefinitions are stored.
pub(crate) const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// A kind that a logical cluster serves, and since when.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) kind: Arc<Kind>,
    /// Revision of its definition; 0 for built-in kinds.
    pub(crate) since: Revision,
}

/// What is known of one definition.
#[derive(Clone)]
struct Known {
    /// Its group and the names that it was granted, in the form of a definition.
    holder: Arc<Value>,
    /// What it serves; nothing when it is not established.
    compiled: Option<Arc<Compiled>>,
}

/// What a definition serves, by content.
struct Compiled {
    digest: Digested,
    kinds: Vec<Arc<Kind>>,
    /// See [`Known::holder`]: group and names are part of the content.
    holder: Arc<Value>,
}

impl Compiled {
    fn defined(&self) -> impl Iterator<Item = Defined> {
        self.kinds.iter().map(|kind| Defined { kind: Arc::clone(kind), digest: self.digest })
    }
}

type Digested = [u8; 32];

/// What is known of the definitions of all logical clusters.
pub(crate) struct Definitions {
    /// By the definition's key and revision.
    known: Cache<(Key, Revision), Known>,
    by_content: Mutex<HashMap<Digested, Weak<Compiled>>>,
    catalogues: Cache<Digested, Arc<Catalogue>>,
    /// The catalogue of a logical cluster, and the last change of its definitions when it was made.
    latest: Cache<ClusterId, (Revision, Arc<Catalogue>)>,
    built_in: Arc<Catalogue>,
    /// Those who write definitions of one logical cluster.
    writers: Turns,
}

impl Definitions {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            known: Cache::new(DEFINITIONS_CACHED),
            by_content: Mutex::new(HashMap::new()),
            catalogues: Cache::new(CATALOGUES_CACHED),
            latest: Cache::new(CATALOGUES_CACHED),
            built_in: Catalogue::built_in(),
            writers: Turns::default(),
        }
    }

    /// The kind of a custom resource in a logical cluster.
    pub(crate) fn find(
        &self,
        state: &State,
        cluster: &ClusterId,
        (group, version, plural): (&str, &str, &str),
    ) -> Option<Found> {
        let key = definition_of(cluster, group, plural)?;
        let object = state.get(&key)?;
        let compiled = self.known(&key, object).compiled?;
        let kind = compiled.kinds.iter().find(|kind| kind.version == version)?;
        Some(Found { kind: Arc::clone(kind), since: object.revision() })
    }

    /// The kind that is served under a name in a logical cluster, built-in ones included, in any served version of the group
    /// or in the one given.
    pub(crate) fn by_kind(
        &self,
        state: &State,
        cluster: &ClusterId,
        (group, version, name): (&str, &str, &str),
    ) -> Option<Found> {
        if let Some(kind) = hanse_schema::kind::by_kind(group, version, name) {
            return Some(Found { kind: Arc::clone(kind), since: Revision::default() });
        }
        self.all(state, cluster).find_map(|(compiled, since)| {
            let named = |kind: &&Arc<Kind>| kind.group == group && kind.version == version && kind.kind == name;
            compiled.kinds.iter().find(named).map(|kind| Found { kind: Arc::clone(kind), since })
        })
    }

    /// The served versions of a custom resource in a logical cluster.
    pub(crate) fn versions(&self, state: &State, cluster: &ClusterId, group: &str, plural: &str) -> Vec<Arc<Kind>> {
        let Some(key) = definition_of(cluster, group, plural) else { return Vec::new() };
        let compiled = state.get(&key).and_then(|object| self.known(&key, object).compiled);
        compiled.map(|compiled| compiled.kinds.clone()).unwrap_or_default()
    }

    /// The documents that tell what a logical cluster serves.
    pub(crate) fn catalogue(&self, state: &State, cluster: Option<&ClusterId>) -> Arc<Catalogue> {
        let Some(cluster) = cluster else { return Arc::clone(&self.built_in) };
        let changed = state.last_change(cluster, DEFINITIONS);
        if let Some((at, catalogue)) = self.latest.get(cluster)
            && at == changed
        {
            return catalogue;
        }
        let all: Vec<Arc<Compiled>> = self.all(state, cluster).map(|(compiled, _)| compiled).collect();
        let catalogue = if all.is_empty() { Arc::clone(&self.built_in) } else { self.catalogue_of(&all) };
        self.latest.put(cluster.clone(), (changed, Arc::clone(&catalogue)));
        catalogue
    }

    fn catalogue_of(&self, all: &[Arc<Compiled>]) -> Arc<Catalogue> {
        let digest: Digested =
            all.iter().fold(Sha256::new(), |hash, compiled| hash.chain_update(compiled.digest)).finalize().into();
        if let Some(catalogue) = self.catalogues.get(&digest) {
            return catalogue;
        }
        let kinds: Vec<Defined> = all.iter().flat_map(|compiled| compiled.defined()).collect();
        let catalogue = Arc::new(Catalogue::new(&kinds));
        self.catalogues.put(digest, Arc::clone(&catalogue));
        catalogue
    }

    /// What the definitions of a logical cluster serve, by the definitions' names.
    fn all(&self, state: &State, cluster: &ClusterId) -> impl Iterator<Item = (Arc<Compiled>, Revision)> {
        let scope = definitions_of(cluster);
        let compiled = state
            .list(&scope, None)
            .filter_map(|(key, object)| Some((self.known(key, object).compiled?, object.revision())));
        compiled.collect::<Vec<_>>().into_iter()
    }

    fn known(&self, key: &Key, object: &Object) -> Known {
        let place = (key.clone(), object.revision());
        if let Some(known) = self.known.get(&place) {
            return known;
        }
        let definition = parsed(&object.bytes()).unwrap_or_default();
        let compiled = self.compile(key, &definition);
        let holder = compiled.as_ref().map_or_else(|| holder_of(&definition), |compiled| Arc::clone(&compiled.holder));
        let known = Known { holder, compiled };
        self.known.put(place, known.clone());
        known
    }

    /// Who holds names of a group in a logical cluster, beside the definition with this name: the other definitions, and the
    /// built-in kinds.
    fn holders(&self, state: &State, cluster: &ClusterId, (group, but): (&str, &str)) -> Vec<Arc<Value>> {
        let scope = definitions_of(cluster);
        // A definition is named after its resource and its group.
        let is_other = |name: &str| name != but && name.split_once('.').is_some_and(|(_, of)| of == group);
        let others = state.list(&scope, None).filter(|(key, _)| is_other(key.name()));
        let mut holders: Vec<Arc<Value>> = others.map(|(key, object)| self.known(key, object).holder).collect();
        holders.extend(KINDS.iter().filter(|kind| kind.group == group).map(|kind| {
            let names = json!({
                "plural": kind.plural, "singular": kind.singular, "shortNames": kind.short_names,
                "kind": kind.kind, "listKind": kind.list_kind,
            });
            Arc::new(json!({"spec": {"group": kind.group}, "status": {"acceptedNames": names}}))
        }));
        holders
    }

    fn compile(&self, key: &Key, definition: &Value) -> Option<Arc<Compiled>> {
        let spec = served_spec(definition)?;
        let digest: Digested = Sha256::digest(spec.to_string()).into();
        let mut by_content = self.by_content.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = by_content.get(&digest).and_then(Weak::upgrade) {
            return Some(compiled);
        }
        drop(by_content);
        let kinds = match Definition::compile(&spec) {
            Ok(definition) => definition.kinds(),
            Err(error) => {
                tracing::error!(definition = key.name(), %error, "a stored definition cannot be compiled");
                return None;
            }
        };
        let compiled = Arc::new(Compiled { digest, kinds, holder: holder_of(definition) });
        by_content = self.by_content.lock().unwrap_or_else(PoisonError::into_inner);
        if by_content.len() >= 2 * DEFINITIONS_CACHED {
            by_content.retain(|_, compiled| compiled.strong_count() > 0);
        }
        by_content.insert(digest, Arc::downgrade(&compiled));
        Some(compiled)
    }
}

/// A definition's group and the names that it was granted, in the form of a definition.
fn holder_of(definition: &Value) -> Arc<Value> {
    Arc::new(json!({
        "spec": {"group": definition["spec"]["group"]},
        "status": {"acceptedNames": definition["status"]["acceptedNames"]},
    }))
}

/// Where the definition of a custom resource is; nothing for names that no definition can have.
pub(crate) fn definition_of(cluster: &ClusterId, group: &str, plural: &str) -> Option<Key> {
    Key::new(DEFINITIONS, cluster, "", &format!("{plural}.{group}")).ok()
}

/// Where the definitions of a logical cluster are.
fn definitions_of(cluster: &ClusterId) -> Scope {
    Scope { resource: DEFINITIONS.to_owned(), cluster: Some(cluster.clone()), namespace: None }
}

/// Whether the kind is CustomResourceDefinition.
pub(crate) fn is_definition(kind: &Kind) -> bool {
    kind.group == "apiextensions.k8s.io" && kind.plural == "customresourcedefinitions"
}

/// What a definition needs to be stored with the status that it was given.
#[derive(Default)]
pub(crate) struct Settled {
    /// Nobody else has taken names meanwhile.
    pub(crate) conditions: Vec<Precondition>,
    /// To be held until the definition is stored, so that others who write definitions here see it.
    pub(crate) turn: Option<Turn>,
}

/// Sets the status of a definition that is about to be stored, so that it is established, and served, by the commit that makes
/// it; without effect on other kinds.
///
/// # Errors
/// 503: the other definitions cannot be known.
pub(crate) async fn settle(call: &Call<'_>, definition: &mut Value) -> Result<Settled, Failure> {
    let Some(cluster) = call.cluster.filter(|_| is_definition(call.kind)) else { return Ok(Settled::default()) };
    let turn = call.api.definitions().writers.take(cluster).await;
    let state = call.home.read().await?;
    let own = metadata::name(definition).to_owned();
    let group = definition["spec"]["group"].as_str().unwrap_or_default().to_owned();
    let holders = call.api.definitions().holders(&state, cluster, (&group, &own));
    status::update(definition, holders.iter().map(|holder| &**holder), &call.now_text());
    let (cluster, resource, since) = (cluster.clone(), DEFINITIONS.to_owned(), state.revision());
    let conditions = vec![Precondition::ResourceUnchanged { cluster, resource, since }];
    Ok(Settled { conditions, turn: Some(turn) })
}

/// The spec of an established definition, with the names that were accepted; nothing when it is not established.
fn served_spec(definition: &Value) -> Option<Value> {
    if !status::is_true(definition, status::ESTABLISHED) {
        return None;
    }
    let mut spec = definition["spec"].clone();
    if let Some(names) = definition["status"]["acceptedNames"].as_object() {
        spec["names"] = Value::Object(names.clone());
    }
    Some(spec)
}
