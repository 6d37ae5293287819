//! Workspaces whose deletion has begun: their logical cluster is emptied, then they end. And workspaces below such ones,
//! whose deletion begins.
//!
//! Each group does this for the logical clusters at home in it. A workspace with a child elsewhere waits until the
//! child's home, which sees the same tree, has deleted it. Wording is kcp's (pkg/reconciler/core/logicalclusterdeletion).

use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::ClusterId;
use hanse_schema::metadata;
use hanse_store::key::{Key, Scope};
use hanse_store::object::Object;
use hanse_store::state::State;
use hanse_store::txn::Operation;
use hanse_store::workspace::WORKSPACES;
use serde_json::{Map, Value};

use crate::batch::Batch;
use crate::namespace::{KUBERNETES, NAMESPACES, mark_terminating, spec_finalizers};
use crate::object::{Condition, begin_deletion, draft, fields_of, parse, set_condition};
use crate::remaining::Remaining;
use crate::task::{Now, Step, Task};

/// Group-resource of the object that a logical cluster describes itself with.
const LOGICAL_CLUSTERS: &str = "logicalclusters.core.kcp.io";
/// The finalizer of a LogicalCluster that stands for the cluster's content.
const LOGICAL_CLUSTER_DELETION: &str = "core.kcp.io/logicalcluster-deletion";
/// The finalizer of a Workspace that stands for its logical cluster.
const LOGICAL_CLUSTER: &str = "core.kcp.io/logicalcluster";
/// A row's content that is larger is not made larger still: the tree has a limit of 256 KiB for a row.
const CONTENT_BYTES_MAX: usize = 192 * 1024;

/// Begins the deletion of workspaces whose parent goes.
pub(crate) fn begin(state: &State, task: &Task, now: Now) -> Step {
    let mut batch = task.batch();
    let doomed = state.doomed().count();
    if doomed == 0 {
        return Step::Gone;
    }
    // One that is refused must not keep the others from their turn.
    for id in state.doomed().skip(task.refusals() % doomed) {
        if batch.is_full() {
            break;
        }
        if let Some((operation, bytes)) = update(state, id, now.wall_ms, |_| {}) {
            batch.push(operation, bytes);
        }
    }
    if batch.is_empty() { Step::Gone } else { Step::Submit(batch.into_txn(now.wall_ms)) }
}

/// The next step for a logical cluster.
pub(crate) fn step(state: &State, id: &ClusterId, task: &mut Task, now: Now) -> Step {
    let deleting = state.cluster(id).is_some_and(|cluster| cluster.deleting);
    if !deleting || state.tree().get(id).is_none() {
        return Step::Gone;
    }
    let mut batch = task.batch();
    if !task.sweep.ended() {
        let after = task.sweep.after();
        let content = state.cluster_content(id, after.as_ref());
        task.sweep.slice(state, content, &FRAME, (&mut batch, now.wall_ms));
    }
    let goes_on = !task.sweep.ended() || batch.is_full();
    if goes_on || !(batch.is_empty() || task.sweep.remaining().is_empty()) {
        return if batch.is_empty() { Step::Again } else { Step::Submit(batch.into_txn(now.wall_ms)) };
    }
    let frame = Frame::of(state, id);
    let remaining = frame.remaining(state, task.sweep.remaining());
    if remaining.is_empty() {
        frame.end(&mut batch);
    } else if batch.is_empty() {
        frame.report(state, &remaining, (&mut batch, now.wall_ms));
    }
    if batch.is_empty() { Step::Rest } else { Step::Submit(batch.into_txn(now.wall_ms)) }
}

/// What holds a logical cluster together, and goes last: users can look into it until the end.
const FRAME: [&str; 3] = [NAMESPACES, WORKSPACES, LOGICAL_CLUSTERS];

struct Frame<'a> {
    id: &'a ClusterId,
    namespaces: Vec<Part>,
    descriptions: Vec<Part>,
    children: u64,
}

/// One object of the frame.
struct Part {
    key: Key,
    object: Arc<Object>,
    value: Value,
}

impl<'a> Frame<'a> {
    fn of(state: &State, id: &'a ClusterId) -> Self {
        let scope =
            |resource: &str| Scope { resource: resource.to_owned(), cluster: Some(id.clone()), namespace: None };
        let parts = |resource: &str| -> Vec<Part> {
            let scope = scope(resource);
            let found = state.list(&scope, None).map(|(key, object)| Part {
                key: key.clone(),
                object: Arc::clone(object),
                value: parse(&object.bytes()),
            });
            found.collect()
        };
        // A child that waits for its place in the tree has no object yet.
        let waiting = u64::from(state.tree().children(id).next().is_some());
        let children = state.count(&scope(WORKSPACES)).max(waiting);
        Self { id, namespaces: parts(NAMESPACES), descriptions: parts(LOGICAL_CLUSTERS), children }
    }

    /// What keeps the workspace: content that stays, children, and finalizers that are not this controller's own.
    fn remaining(&self, state: &State, content: &Remaining) -> Remaining {
        let mut remaining = content.clone();
        if self.children > 0 {
            remaining.add_many(WORKSPACES, self.children);
        }
        for namespace in &self.namespaces {
            let mut foreign = spec_finalizers(&namespace.value);
            foreign.retain(|finalizer| finalizer != KUBERNETES);
            foreign.extend(metadata::finalizers(&namespace.value).map(str::to_owned));
            if !foreign.is_empty() {
                remaining.add(NAMESPACES, &foreign);
            }
        }
        for description in &self.descriptions {
            let foreign = foreign_finalizers(&description.value, LOGICAL_CLUSTER_DELETION);
            if !foreign.is_empty() {
                remaining.add(LOGICAL_CLUSTERS, &foreign);
            }
        }
        if let Some(node) = state.tree().get(self.id) {
            remaining.add_finalizers(&foreign_finalizers(&parse(&node.row.content), LOGICAL_CLUSTER));
        }
        remaining
    }

    /// Removes the frame and ends the workspace, as far as the batch reaches.
    fn end(&self, batch: &mut Batch) {
        for part in self.namespaces.iter().chain(&self.descriptions) {
            if batch.is_full() {
                return;
            }
            batch.delete(&part.key, &part.object);
        }
        if !batch.is_full() {
            batch.push(Operation::FinishWorkspace { id: self.id.clone() }, 0);
        }
    }

    /// Lets the namespaces go by themselves, and says on the workspace what remains.
    fn report(&self, state: &State, remaining: &Remaining, (batch, wall_ms): (&mut Batch, u64)) {
        for namespace in self.namespaces.iter().filter(|namespace| !namespace.object.deleting()) {
            if batch.is_full() {
                return;
            }
            let mut value = namespace.value.clone();
            begin_deletion(&mut value, wall_ms);
            mark_terminating(&mut value);
            batch.replace(&namespace.key, &namespace.object, draft(&value));
        }
        let condition = condition(remaining);
        for description in &self.descriptions {
            let mut value = description.value.clone();
            begin_deletion(&mut value, wall_ms);
            mark_deleting(&mut value);
            set_condition(&mut value, &condition, wall_ms);
            if value != description.value {
                batch.replace(&description.key, &description.object, draft(&value));
            }
        }
        let reported = update(state, self.id, wall_ms, |content| {
            set_condition(content, &condition, wall_ms);
        });
        if let Some((operation, bytes)) = reported {
            batch.push(operation, bytes);
        }
    }
}

fn foreign_finalizers(value: &Value, own: &str) -> Vec<String> {
    metadata::finalizers(value).filter(|finalizer| *finalizer != own).map(str::to_owned).collect()
}

fn condition(remaining: &Remaining) -> Condition {
    let resources = remaining.resources().map(|list| format!("Some resources are remaining: {list}"));
    let finalizers = remaining
        .finalizers()
        .map(|list| format!("Some content in the logical cluster has finalizers remaining: {list}"));
    let reason = if resources.is_some() { "SomeResourcesRemain" } else { "SomeFinalizersRemain" };
    let message = resources.into_iter().chain(finalizers).collect::<Vec<_>>().join("; ");
    Condition { kind: "WorkspaceContentDeleted", status: "False", severity: Some("Info"), reason, message }
}

fn mark_deleting(value: &mut Value) {
    fields_of(value, "status").insert("phase".to_owned(), "Deleting".into());
}

/// The operation that changes what a workspace's row says, and its size; `None` when that is the same as before and the
/// deletion has begun.
fn update(state: &State, id: &ClusterId, wall_ms: u64, change: impl FnOnce(&mut Value)) -> Option<(Operation, usize)> {
    let node = state.tree().get(id)?;
    let old = parse(&node.row.content);
    // Near the limit of a row only what must be said is left, so that the row can say it.
    let mut new = if node.row.content.len() > CONTENT_BYTES_MAX { shortened(&old) } else { old.clone() };
    begin_deletion(&mut new, wall_ms);
    change(&mut new);
    mark_deleting(&mut new);
    let begun = state.cluster(id).is_some_and(|cluster| cluster.deleting);
    if begun && new == old {
        return None;
    }
    let content = Bytes::from(new.to_string());
    let bytes = content.len();
    Some((Operation::UpdateWorkspace { id: id.clone(), version: node.row.version, content, deleting: true }, bytes))
}

/// A Workspace with what its deletion needs.
fn shortened(content: &Value) -> Value {
    let mut short = Value::Object(Map::new());
    let fields = fields_of(&mut short, "metadata");
    for field in ["uid", "creationTimestamp", "deletionTimestamp", "finalizers"] {
        if let Some(value) = content["metadata"].get(field) {
            fields.insert(field.to_owned(), value.clone());
        }
    }
    short
}
