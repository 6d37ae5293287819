//! Objects that wait for their workspace: a workspace that is restored from a backup comes to be in one commit, however
//! many transactions its objects take to get here. Nobody sees them before; what is never finished goes by itself.

use std::collections::BTreeSet;

use hanse_base::id::ClusterId;
use imbl::{OrdMap, Vector};
use serde::{Deserialize, Serialize};

use crate::apply::{Steps, malformed};
use crate::key::Key;
use crate::object::Draft;
use crate::state::State;
use crate::txn::{NewWorkspace, Refusal};
use crate::workspace::WORKSPACES;

/// How long objects wait for more of them, in milliseconds of the proposers' clocks.
pub const STAGE_MS: u64 = 3_600_000;
/// Workspaces that a group restores at a time, at most.
pub const STAGES_MAX: usize = 8;
/// Bytes of the objects of all of them, at most.
pub const STAGED_BYTES_MAX: u64 = 1 << 30;

/// Objects on their way into a workspace that is not there yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The logical cluster that they wait for; with it, those that come to be below it.
    pub id: ClusterId,
    /// How many have come before. What has come already, as a repeat brings it, changes nothing.
    pub position: u64,
    /// The objects.
    #[serde(deserialize_with = "crate::txn::bounded")]
    pub objects: Vec<(Key, Draft)>,
}

/// What waits for one workspace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Staged {
    /// Time of the last transaction that brought some.
    pub(crate) touched_ms: u64,
    /// Bytes of the objects.
    pub(crate) bytes: u64,
    pub(crate) objects: Vector<(Key, Draft)>,
}

impl Staged {
    pub(crate) fn push(&mut self, key: Key, draft: Draft) {
        self.bytes += draft.bytes.len() as u64;
        self.objects.push_back((key, draft));
    }
}

impl State {
    /// How many objects wait for a workspace that is being restored.
    #[must_use]
    pub fn staged(&self, id: &ClusterId) -> u64 {
        self.staged.get(id).map_or(0, |staged| staged.objects.len() as u64)
    }

    /// The relations of what waits.
    pub(crate) fn check_staged(&self) {
        assert!(self.staged.len() <= STAGES_MAX && staged_bytes(&self.staged) <= STAGED_BYTES_MAX);
        for staged in self.staged.values() {
            let bytes: usize = staged.objects.iter().map(|(_, draft)| draft.bytes.len()).sum();
            assert_eq!(bytes as u64, staged.bytes, "bytes of what waits");
            assert!(staged.objects.iter().all(|(_, draft)| draft.place().is_some()));
        }
    }
}

impl Steps<'_> {
    pub(crate) fn stage(&mut self, stage: Stage) -> Result<(), Refusal> {
        let Stage { id, position, objects } = stage;
        let now = self.time_ms;
        let over = |staged: &Staged| staged.touched_ms.saturating_add(STAGE_MS) <= now;
        let staged = &mut self.state.staged;
        let ended: Vec<ClusterId> =
            staged.iter().filter(|(other, staged)| **other != id && over(staged)).map(|(id, _)| id.clone()).collect();
        ended.iter().for_each(|id| drop(staged.remove(id)));
        if !self.state.staged.contains_key(&id) && self.state.staged.len() >= STAGES_MAX {
            return Err(malformed("too many workspaces are being restored: try again when one of them is done"));
        }
        let mut staged = self.state.staged.get(&id).cloned().unwrap_or_default();
        staged.touched_ms = staged.touched_ms.max(now);
        let held = staged.objects.len() as u64;
        if position > held {
            return Err(Refusal::Missing { what: format!("the objects from {held} on") });
        }
        let known = usize::try_from(held - position).unwrap_or(usize::MAX);
        for (key, draft) in objects.into_iter().skip(known) {
            if draft.place().is_none() || key.resource() == WORKSPACES {
                return Err(malformed("an object that is restored has no place for its revision, or is a Workspace"));
            }
            staged.push(key, draft);
        }
        self.state.staged.insert(id, staged);
        if staged_bytes(&self.state.staged) > STAGED_BYTES_MAX {
            return Err(malformed("the workspaces that are being restored are too large together"));
        }
        Ok(())
    }

    /// Makes the workspaces with all objects that have waited for them, the first one's and those below it.
    pub(crate) fn create_staged(&mut self, workspaces: Vec<NewWorkspace>) -> Result<(), Refusal> {
        let first = workspaces.first().map(|workspace| workspace.id.clone());
        let ids: BTreeSet<ClusterId> = workspaces.iter().map(|workspace| workspace.id.clone()).collect();
        let id = first.ok_or_else(|| malformed("there is no workspace to make"))?;
        let staged = self.state.staged.remove(&id).unwrap_or_default();
        for workspace in workspaces {
            self.create_workspace(workspace)?;
        }
        for (key, draft) in staged.objects {
            if !ids.contains(key.cluster_str()) {
                return Err(malformed("an object that is restored belongs to another logical cluster"));
            }
            if self.state.get(&key).is_some() {
                return Err(malformed("an object is restored twice"));
            }
            self.state.put_object(key, draft)?;
        }
        Ok(())
    }
}

pub(crate) fn staged_bytes(staged: &OrdMap<ClusterId, Staged>) -> u64 {
    staged.values().map(|staged| staged.bytes).sum()
}
