//! The status of resource quotas: what they allow, and how much of it is used.
//!
//! Whether an object fits is decided where it is created, by the store's own numbers; the status only tells. The numbers
//! are those that the store counts with, so that nothing is listed. What belongs to pods, and is not a number of objects,
//! is never used: there are no pods.

use hanse_base::id::ClusterId;
use hanse_schema::kind::Part;
use hanse_schema::quantity::Quantity;
use hanse_store::history::{Event, EventKind};
use hanse_store::key::{Key, Scope};
use hanse_store::state::State;
use serde_json::{Map, Value};

use crate::managed::{CONTROLLER_MANAGER, Write};
use crate::object::{draft, fields_of, parse};
use crate::task::{Item, Now, Step, Task};

/// Group-resource of quotas.
pub(crate) const RESOURCE_QUOTAS: &str = "resourcequotas";
/// What begins the name of a number of objects: `count/deployments.apps`.
const COUNT: &str = "count/";
/// Resources that can be named without `count/` (k8s.io/kubernetes/pkg/quota/v1/evaluator/core).
const PLAIN: [&str; 7] =
    ["configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", RESOURCE_QUOTAS, "secrets", "services"];
/// What upstream always says a number of, and what nothing uses here.
const UNUSED: [&str; 11] = [
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "services.loadbalancers",
    "services.nodeports",
];

/// The namespace whose quotas an event may have changed the use of.
pub(crate) fn noticed(state: &State, event: &Event) -> Option<Item> {
    let key = &event.key;
    let counts = event.kind != EventKind::Modified || key.resource() == RESOURCE_QUOTAS;
    if !counts || key.namespace().is_empty() || state.count(&quotas(None)) == 0 {
        return None;
    }
    let place = (key.cluster(), key.namespace());
    (state.count(&quotas(Some(&place))) > 0).then(|| Item::Quotas(place.0, place.1.to_owned()))
}

/// The next step for the quotas of a namespace.
pub(crate) fn step(state: &State, place: (&ClusterId, &str), task: &Task, now: Now) -> Step {
    let place = (place.0.clone(), place.1);
    let scope = quotas(Some(&place));
    let (mut batch, mut any) = (task.batch(), false);
    for (key, object) in state.list(&scope, None) {
        any = true;
        if batch.is_full() {
            break;
        }
        let mut value = parse(&object.bytes());
        let status = status(state, &place, &value);
        if value["status"]["hard"] != status["hard"] || value["status"]["used"] != status["used"] {
            let live = value.clone();
            fields_of(&mut value, "status").extend(status);
            let resource = ("", RESOURCE_QUOTAS);
            let write = Write { resource, part: Part::Status, manager: CONTROLLER_MANAGER, wall_ms: now.wall_ms };
            write.update(Some(&live), &mut value);
            batch.replace(key, object, draft(&value));
        }
    }
    match (batch.is_empty(), any) {
        (false, _) => Step::Submit(batch.into_txn(now.wall_ms)),
        (true, true) => Step::Rest,
        (true, false) => Step::Gone,
    }
}

/// What a quota's status says.
fn status(state: &State, place: &(ClusterId, &str), quota: &Value) -> Map<String, Value> {
    let hard = quota["spec"]["hard"].as_object().cloned().unwrap_or_default();
    let list = |path: &str| quota.pointer(path).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    // Scopes choose among pods: nothing else is in one.
    let scoped = list("/spec/scopes") || list("/spec/scopeSelector/matchExpressions");
    let mut used = Map::new();
    for item in hard.keys() {
        let number = match resource_of(item) {
            Some(_) if scoped => 0,
            Some(resource) => {
                let (cluster, namespace) = (Some(place.0.clone()), Some(place.1.to_owned()));
                state.count(&Scope { resource: resource.to_owned(), cluster, namespace })
            }
            None if UNUSED.contains(&item.as_str()) || item.contains("requests.storage") => 0,
            None => continue,
        };
        let number = Quantity::whole(i64::try_from(number).unwrap_or(i64::MAX));
        used.insert(item.clone(), number.to_string().into());
    }
    let mut status = Map::new();
    status.insert("hard".to_owned(), hard.into());
    status.insert("used".to_owned(), used.into());
    status
}

/// The group-resource that an entry of a quota counts the objects of.
fn resource_of(item: &str) -> Option<&str> {
    match item.strip_prefix(COUNT) {
        // Both names are those of the same objects.
        Some("events.events.k8s.io") => Some("events"),
        Some(resource) => Some(resource),
        None => PLAIN.contains(&item).then_some(item),
    }
}

fn quotas(place: Option<&(ClusterId, &str)>) -> Scope {
    let (cluster, namespace) = place.map(|(cluster, namespace)| (cluster.clone(), (*namespace).to_owned())).unzip();
    Scope { resource: RESOURCE_QUOTAS.to_owned(), cluster, namespace }
}

/// The namespace of a quota.
pub(crate) fn item(key: &Key) -> Item {
    Item::Quotas(key.cluster(), key.namespace().to_owned())
}

#[cfg(test)]
mod quota_test;
