//! What every namespace has: its service account `default`, and the config map with the API server's certificates. Both
//! come with the namespace; here they are brought back when somebody removes or alters them.
//!
//! Names and wording are upstream's (k8s.io/kubernetes/pkg/controller/serviceaccount and certificates/rootcacertpublisher).

use hanse_schema::kind::Part;
use hanse_schema::metadata;
use hanse_store::history::{Event, EventKind};
use hanse_store::key::Key;
use hanse_store::object::Object;
use hanse_store::state::State;
use hanse_store::txn::{Operation, Precondition};
use serde_json::{Map, Value, json};

use crate::batch::Batch;
use crate::managed::{CONTROLLER_MANAGER, Write};
use crate::misplaced::{hash, uid_of};
use crate::namespace::NAMESPACES;
use crate::object::{CLUSTER_ANNOTATION, draft, fields_of, parse, written_time};
use crate::settings::Settings;
use crate::task::{Item, Now, Step, Task};

const SERVICE_ACCOUNTS: &str = "serviceaccounts";
const SERVICE_ACCOUNT: &str = "default";
const CONFIG_MAPS: &str = "configmaps";
/// Name of the config map with the certificates.
const ROOT_CA: &str = "kube-root-ca.crt";
const ROOT_CA_KEY: &str = "ca.crt";
const DESCRIPTION_ANNOTATION: &str = "kubernetes.io/description";
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
    endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions \
    of Kubernetes clusters.";

/// The namespace that an event may have taken something from.
pub(crate) fn noticed(state: &State, event: &Event, settings: &Settings) -> Option<Item> {
    let key = &event.key;
    let namespace = match (key.resource(), key.name(), event.kind) {
        (NAMESPACES, _, EventKind::Added | EventKind::Modified) => key.clone(),
        (SERVICE_ACCOUNTS, SERVICE_ACCOUNT, EventKind::Deleted)
        | (CONFIG_MAPS, ROOT_CA, EventKind::Deleted | EventKind::Modified) => {
            Key::new(NAMESPACES, &key.cluster(), "", key.namespace()).ok()?
        }
        _ => return None,
    };
    misses(state, &namespace, settings).then_some(Item::Essentials(namespace))
}

/// Whether a namespace that stays misses something.
pub(crate) fn misses(state: &State, namespace: &Key, settings: &Settings) -> bool {
    let lives = state.get(namespace).is_some_and(|namespace| !namespace.deleting())
        && state.cluster(&namespace.cluster()).is_none_or(|cluster| !cluster.deleting);
    lives && (account(state, namespace, settings).is_some() || certificates(state, namespace, settings).is_some())
}

/// The next step for a namespace.
pub(crate) fn step(state: &State, namespace: &Key, settings: &Settings, (task, now): (&Task, Now)) -> Step {
    if !misses(state, namespace, settings) {
        return Step::Gone;
    }
    let mut batch = task.batch();
    batch.require(Precondition::Live(namespace.clone()));
    batch.require(Precondition::ClusterLive(namespace.cluster()));
    if let Some(key) = account(state, namespace, settings) {
        create(&mut batch, &key, (state, now), |_| {});
    }
    if let Some((key, old)) = certificates(state, namespace, settings) {
        match old {
            None => create(&mut batch, &key, (state, now), |value| certify(value, settings)),
            Some(object) => {
                let live = parse(&object.bytes());
                let mut value = live.clone();
                certify(&mut value, settings);
                write(&key, now).update(Some(&live), &mut value);
                batch.replace(&key, object, draft(&value));
            }
        }
    }
    Step::Submit(batch.into_txn(now.wall_ms))
}

/// Where the service account is missing.
fn account(state: &State, namespace: &Key, settings: &Settings) -> Option<Key> {
    if !settings.service_accounts {
        return None;
    }
    let key = Key::new(SERVICE_ACCOUNTS, &namespace.cluster(), namespace.name(), SERVICE_ACCOUNT).ok()?;
    state.get(&key).is_none().then_some(key)
}

/// Where the config map with the certificates is missing or not as it should be, and what stands there.
fn certificates<'a>(state: &'a State, namespace: &Key, settings: &Settings) -> Option<(Key, Option<&'a Object>)> {
    let wanted = settings.root_ca.as_deref()?;
    let key = Key::new(CONFIG_MAPS, &namespace.cluster(), namespace.name(), ROOT_CA).ok()?;
    let Some(object) = state.get(&key) else { return Some((key, None)) };
    let value = parse(&object.bytes());
    let described = metadata::annotation(&value, DESCRIPTION_ANNOTATION).is_some_and(|text| !text.is_empty());
    let data = value["data"].as_object();
    let same = data.is_some_and(|data| data.len() == 1 && data.get(ROOT_CA_KEY).is_some_and(|text| *text == *wanted));
    (!described || !same).then_some((key, Some(&**object)))
}

fn certify(value: &mut Value, settings: &Settings) {
    let mut data = Map::new();
    data.insert(ROOT_CA_KEY.to_owned(), settings.root_ca.as_deref().unwrap_or_default().into());
    *fields_of(value, "data") = data;
    let annotations = fields_of(value, "metadata").entry("annotations").or_insert_with(|| json!({}));
    if !annotations.is_object() {
        *annotations = json!({});
    }
    annotations[DESCRIPTION_ANNOTATION] = DESCRIPTION.into();
}

/// Creates an object of one of the two kinds.
fn create(batch: &mut Batch, key: &Key, (state, now): (&State, Now), finish: impl FnOnce(&mut Value)) {
    let kind = if key.resource() == CONFIG_MAPS { "ConfigMap" } else { "ServiceAccount" };
    let mut value = json!({
        "kind": kind,
        "apiVersion": "v1",
        "metadata": {
            "name": key.name(),
            "namespace": key.namespace(),
            "uid": fresh_uid(state, key, now),
            "creationTimestamp": written_time(now.wall_ms),
            "annotations": {CLUSTER_ANNOTATION: key.cluster_str()},
        },
    });
    finish(&mut value);
    write(key, now).update(None, &mut value);
    let draft = draft(&value);
    let bytes = draft.bytes.len();
    batch.require(Precondition::Absent(key.clone()));
    batch.push(Operation::Put(key.clone(), draft), bytes);
}

fn write(key: &Key, now: Now) -> Write<'_> {
    Write { resource: ("", key.resource()), part: Part::Object, manager: CONTROLLER_MANAGER, wall_ms: now.wall_ms }
}

/// A uid that no other object has: at one revision of a group, a key comes to stand once.
fn fresh_uid(state: &State, key: &Key, now: Now) -> String {
    let (revision, time) = (state.revision().to_string(), now.wall_ms.to_string());
    let parts = [key.resource(), key.cluster_str(), key.namespace(), key.name(), &revision, &time];
    let low: Vec<&str> = parts.iter().rev().copied().collect();
    uid_of(hash(&parts), hash(&low))
}

#[cfg(test)]
mod essentials_test;
