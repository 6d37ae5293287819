//! Rules of LogicalCluster (kcp contract §4 and §5).

use serde_json::Value;

use super::{at, text};
use crate::cause::Cause;
use crate::kind::Part;
use crate::metadata::texts;

/// An owner is named in full.
pub(crate) fn logical_cluster(object: &Value, causes: &mut Vec<Cause>) {
    if at(object, &["spec", "owner"]).is_some() {
        for field in ["apiVersion", "resource", "name", "cluster", "uid"] {
            if text(object, &["spec", "owner", field]).is_empty() {
                causes.push(Cause::required(format!("spec.owner.{field}"), ""));
            }
        }
    }
}

/// What was decided at creation stays; initializers and terminators are only taken away; the phase does not go back.
pub(crate) fn logical_cluster_update(object: &Value, old: &Value, _: Part, causes: &mut Vec<Cause>) {
    for field in ["createdBy", "initializers"] {
        let path = ["spec", field];
        if at(object, &path) != at(old, &path) {
            let bad = at(object, &path);
            causes.push(Cause::invalid_value(format!("spec.{field}"), bad, crate::metadata::IS_IMMUTABLE));
        }
    }
    let (phase, old_phase) = (text(object, &["status", "phase"]), text(old, &["status", "phase"]));
    if let (Some(new), Some(stored)) = (rank(phase), rank(old_phase))
        && new < stored
    {
        let detail = format!("cannot transition from \"{old_phase}\" to \"{phase}\"");
        causes.push(Cause::invalid("status.phase", phase, detail));
    }
    // Initializing begins with the list of the spec; from then on it only gets shorter.
    if rank(old_phase) < rank("Initializing") {
        return;
    }
    let path = ["status", "initializers"];
    if texts(at(object, &path)).any(|added| !texts(at(old, &path)).any(|stored| stored == added)) {
        causes.push(Cause::invalid_value("status.initializers", at(object, &path), "must not be added"));
    }
}

/// The order of the phases of a life. Unavailable and Inactive may come and go.
fn rank(phase: &str) -> Option<usize> {
    ["Scheduling", "Initializing", "Ready", "Terminating", "Deleting"].iter().position(|known| *known == phase)
}
