//! A namespace whose deletion has begun: its content goes first, then the finalizer that stands for it, then itself.
//!
//! Order, conditions and wording are upstream's (k8s.io/kubernetes/pkg/controller/namespace/deletion).

use std::sync::Arc;

use hanse_schema::metadata;
use hanse_store::key::Key;
use hanse_store::object::Object;
use hanse_store::state::State;
use hanse_store::txn::Precondition;
use serde_json::Value;

use crate::batch::Batch;
use crate::object::{Condition, draft, fields_of, parse, set_condition};
use crate::remaining::Remaining;
use crate::task::{Now, Step, Task};

/// Group-resource of namespaces.
pub(crate) const NAMESPACES: &str = "namespaces";
/// The finalizer in a namespace's spec that stands for its content.
pub(crate) const KUBERNETES: &str = "kubernetes";

/// The next step for a namespace.
pub(crate) fn step(state: &State, key: &Key, task: &mut Task, now: Now) -> Step {
    let Some(namespace) = state.get(key).filter(|namespace| namespace.deleting()) else { return Step::Gone };
    let mut batch = task.batch();
    if !task.sweep.ended() {
        let (cluster, after) = (key.cluster(), task.sweep.after());
        let content = state.namespace_content(&cluster, key.name(), after.as_ref());
        task.sweep.slice(state, content, &[], (&mut batch, now.wall_ms));
        if !batch.is_empty() {
            return Step::Submit(batch.into_txn(now.wall_ms));
        }
        if !task.sweep.ended() {
            return Step::Again;
        }
    }
    let changed = if task.sweep.remaining().is_empty() {
        finalize(key, namespace, (&mut batch, now.wall_ms))
    } else {
        report(key, namespace, task.sweep.remaining(), (&mut batch, now.wall_ms))
    };
    if changed { Step::Submit(batch.into_txn(now.wall_ms)) } else { Step::Rest }
}

/// Takes the finalizer out of an empty namespace, and with the last finalizer the namespace.
fn finalize(key: &Key, namespace: &Arc<Object>, (batch, wall_ms): (&mut Batch, u64)) -> bool {
    let mut value = parse(&namespace.bytes());
    let mut others = spec_finalizers(&value);
    let listed = others.len();
    others.retain(|finalizer| finalizer != KUBERNETES);
    let kept = metadata::finalizers(&value).next().is_some();
    batch.require(Precondition::NamespaceEmpty(key.cluster(), key.name().to_owned()));
    if others.is_empty() && !kept {
        batch.delete(key, namespace);
        return true;
    }
    let finalized = others.len() != listed;
    set_spec_finalizers(&mut value, others);
    let changed = set_conditions(&mut value, &Remaining::default(), wall_ms) | mark_terminating(&mut value) | finalized;
    if changed {
        batch.replace(key, namespace, draft(&value));
    }
    changed
}

/// Says in the status what remains.
fn report(key: &Key, namespace: &Arc<Object>, remaining: &Remaining, (batch, wall_ms): (&mut Batch, u64)) -> bool {
    let mut value = parse(&namespace.bytes());
    let changed = set_conditions(&mut value, remaining, wall_ms) | mark_terminating(&mut value);
    if changed {
        batch.replace(key, namespace, draft(&value));
    }
    changed
}

/// Sets the phase; whether it was another.
pub(crate) fn mark_terminating(value: &mut Value) -> bool {
    let old = fields_of(value, "status").insert("phase".to_owned(), "Terminating".into());
    old.as_ref().and_then(Value::as_str) != Some("Terminating")
}

/// The finalizers in a namespace's spec.
pub(crate) fn spec_finalizers(value: &Value) -> Vec<String> {
    let list = value["spec"]["finalizers"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn set_spec_finalizers(value: &mut Value, finalizers: Vec<String>) {
    let spec = fields_of(value, "spec");
    if finalizers.is_empty() {
        spec.shift_remove("finalizers");
    } else {
        spec.insert("finalizers".to_owned(), finalizers.into());
    }
}

/// Sets all five conditions; whether any changed.
fn set_conditions(value: &mut Value, remaining: &Remaining, wall_ms: u64) -> bool {
    let condition = |kind, failed: Option<(&'static str, String)>, reason, message: &str| match failed {
        Some((reason, message)) => Condition { kind, status: "True", severity: None, reason, message },
        None => Condition { kind, status: "False", severity: None, reason, message: message.to_owned() },
    };
    let resources =
        remaining.resources().map(|list| ("SomeResourcesRemain", format!("Some resources are remaining: {list}")));
    let finalizers = remaining.finalizers().map(|list| {
        ("SomeFinalizersRemain", format!("Some content in the namespace has finalizers remaining: {list}"))
    });
    // The first three cannot fail here: all resources are known, and a deletion is a transaction.
    let conditions = [
        condition(
            "NamespaceDeletionDiscoveryFailure",
            None,
            "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        condition(
            "NamespaceDeletionGroupVersionParsingFailure",
            None,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        condition(
            "NamespaceDeletionContentFailure",
            None,
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        condition("NamespaceContentRemaining", resources, "ContentRemoved", "All content successfully removed"),
        condition(
            "NamespaceFinalizersRemaining",
            finalizers,
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished",
        ),
    ];
    // Not `any`, which would stop at the first that changes.
    conditions.iter().fold(false, |changed, condition| set_condition(value, condition, wall_ms) | changed)
}
