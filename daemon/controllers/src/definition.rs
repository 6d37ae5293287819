//! A CustomResourceDefinition whose deletion has begun: its instances go first, then the finalizer that stands for them.
//!
//! Conditions and wording are upstream's (k8s.io/apiextensions-apiserver/pkg/controller/finalizer).

use hanse_schema::definition::status::{self, CLEANUP};
use hanse_schema::{kind, metadata};
use hanse_store::key::{Key, Scope};
use hanse_store::state::State;
use hanse_store::txn::Precondition;

use crate::object::{draft, parse, set_condition};
use crate::removal::{release, terminating};
use crate::task::{Now, Step, Task};

/// Where the instances of a definition stand.
pub(crate) fn instances(key: &Key) -> Scope {
    Scope { resource: key.name().to_owned(), cluster: Some(key.cluster()), namespace: None }
}

/// The next step for a definition.
pub(crate) fn step(state: &State, key: &Key, task: &mut Task, now: Now) -> Step {
    let Some(object) = state.get(key).filter(|object| object.deleting()) else { return Step::Gone };
    let mut value = parse(&object.bytes());
    if !metadata::finalizers(&value).any(|finalizer| finalizer == CLEANUP) {
        return Step::Gone;
    }
    let (scope, mut batch) = (instances(key), task.batch());
    let overlaps = key.name().split_once('.').is_some_and(|(plural, group)| kind::by_storage(group, plural).is_some());
    if overlaps || state.count(&scope) == 0 {
        let condition = if overlaps {
            let message = "instances overlap with built-in resources in storage";
            terminating("False", "OverlappingBuiltInResource", message)
        } else if status::is_true(&value, status::ESTABLISHED) {
            terminating("False", "InstanceDeletionCompleted", "removed all instances")
        } else {
            terminating("False", "NeverEstablished", "resource was never established")
        };
        set_condition(&mut value, &condition, now.wall_ms);
        if !overlaps {
            batch.require(Precondition::ResourceEmpty { cluster: key.cluster(), resource: scope.resource });
        }
        let released = release((key, object), value, CLEANUP, &mut batch);
        return if released { Step::Submit(batch.into_txn(now.wall_ms)) } else { Step::Gone };
    }
    let condition = terminating("True", "InstanceDeletionInProgress", "CustomResource deletion is in progress");
    if set_condition(&mut value, &condition, now.wall_ms) {
        batch.replace(key, object, draft(&value));
    }
    if !task.sweep.ended() {
        let after = task.sweep.after();
        let keys = state.list(&scope, after.as_ref()).map(|(key, _)| key);
        task.sweep.slice(state, keys, &[], (&mut batch, now.wall_ms));
    }
    if !batch.is_empty() {
        return Step::Submit(batch.into_txn(now.wall_ms));
    }
    if task.sweep.ended() { Step::Rest } else { Step::Again }
}

#[cfg(test)]
mod definition_test;
