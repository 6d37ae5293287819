//! Deleting an object as the API server does: at once, or by a time and finalizers that keep it until others are done.

use std::sync::Arc;

use hanse_schema::definition::status;
use hanse_schema::metadata::{self, FINALIZER_FOREGROUND, FINALIZER_ORPHAN};
use hanse_store::key::Key;
use hanse_store::object::Object;
use serde_json::Value;

use crate::batch::Batch;
use crate::namespace::{NAMESPACES, mark_terminating, spec_finalizers};
use crate::object::{Condition, begin_deletion, draft, set_list, written_time};
use crate::reference::CUSTOM_RESOURCE_DEFINITIONS;

/// What becomes of the dependents of an object that is deleted (`propagationPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// Deletes an object, if it is still as it was seen. `value` is the object, maybe with changes that are written along.
/// Whether it is gone with that; otherwise it waits for finalizers.
pub(crate) fn remove(
    (key, seen): (&Key, &Arc<Object>),
    mut value: Value,
    propagation: Propagation,
    (batch, wall_ms): (&mut Batch, u64),
) -> bool {
    let mut finalizers: Vec<String> = metadata::finalizers(&value).map(str::to_owned).collect();
    finalizers.retain(|finalizer| finalizer != FINALIZER_FOREGROUND && finalizer != FINALIZER_ORPHAN);
    match propagation {
        Propagation::Background => {}
        Propagation::Foreground => finalizers.push(FINALIZER_FOREGROUND.to_owned()),
        Propagation::Orphan => finalizers.push(FINALIZER_ORPHAN.to_owned()),
    }
    set_list(&mut value, "finalizers", finalizers.into_iter().map(Value::from).collect());
    if key.resource() == CUSTOM_RESOURCE_DEFINITIONS && !metadata::is_deleting(&value) {
        status::begin_deletion(&mut value, &written_time(wall_ms));
    }
    let keeps = key.resource() == NAMESPACES && !spec_finalizers(&value).is_empty();
    if metadata::finalizers(&value).next().is_none() && !keeps {
        batch.delete(key, seen);
        return true;
    }
    begin_deletion(&mut value, wall_ms);
    if key.resource() == NAMESPACES {
        mark_terminating(&mut value);
    }
    batch.replace(key, seen, draft(&value));
    false
}

/// Takes a finalizer away, and with the last finalizer the object, when its deletion has begun. Whether it had it.
pub(crate) fn release((key, seen): (&Key, &Arc<Object>), mut value: Value, finalizer: &str, batch: &mut Batch) -> bool {
    let mut finalizers: Vec<String> = metadata::finalizers(&value).map(str::to_owned).collect();
    let listed = finalizers.len();
    finalizers.retain(|other| other != finalizer);
    if finalizers.len() == listed {
        return false;
    }
    let keeps = key.resource() == NAMESPACES && !spec_finalizers(&value).is_empty();
    if finalizers.is_empty() && metadata::is_deleting(&value) && !keeps {
        batch.delete(key, seen);
    } else {
        set_list(&mut value, "finalizers", finalizers.into_iter().map(Value::from).collect());
        batch.replace(key, seen, draft(&value));
    }
    true
}

/// What a definition whose deletion has begun says of itself.
pub(crate) fn terminating(status: &'static str, reason: &'static str, message: &str) -> Condition {
    Condition { kind: "Terminating", status, severity: None, reason, message: message.to_owned() }
}
