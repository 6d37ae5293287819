//! Puts a state together from its records.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::{ClusterId, Epoch, GroupId, Revision, is_segment};
use hanse_tree::document::DocumentId;
use hanse_tree::documents::{Documents, ROWS_PER_DOCUMENT_MAX, SavedDocument};

use super::SnapshotError;
use super::v3::{self, Record};
use crate::apply::GROUPS_MAX;
use crate::content::Changes;
use crate::history::{History, HistoryLimits};
use crate::key::{Key, Scope};
use crate::object::{Draft, Object};
use crate::reservation::{RESERVATIONS_MAX, Reservation};
use crate::restored::Restored;
use crate::staged::{STAGED_BYTES_MAX, STAGES_MAX, Staged, staged_bytes};
use crate::state::{Cluster, FIRST_REVISION, ROOT, State};
use crate::workspace::WORKSPACES;

/// Reads all records.
pub(super) fn load(
    input: &mut impl Read,
    version: u8,
    group: &GroupId,
    limits: HistoryLimits,
) -> Result<State, SnapshotError> {
    let mut buffer = Vec::new();
    let Record::Head { group: found, revision, region } = v3::read(input, &mut buffer)? else {
        return Err(SnapshotError::Damaged("the head is missing"));
    };
    if found != group.as_str() {
        let found = GroupId::new(found).or(Err(SnapshotError::Damaged("the group is not an id")))?;
        return Err(SnapshotError::Group { found, expected: group.clone() });
    }
    if Revision(revision) < FIRST_REVISION {
        return Err(SnapshotError::Damaged("the revision is too low"));
    }
    let mut state = State::new(group.clone(), limits);
    state.history = History::new(Revision(revision), limits);
    state.region = region.map(Arc::new);
    if version != v3::PREVIOUS {
        let Record::Membership(membership) = v3::read(input, &mut buffer)? else {
            return Err(SnapshotError::Damaged("the membership is missing"));
        };
        membership.sound().or(Err(SnapshotError::Damaged("the membership contradicts itself")))?;
        state.membership = Arc::from(membership);
    }
    let mut loading = Loading {
        state,
        stage: Stage::Restored,
        documents: 0,
        saved: Vec::new(),
        parts_left: 0,
        staging: None,
        staged_left: 0,
        changes: 0,
        last_changes: None,
    };
    while !loading.take(&v3::read(input, &mut buffer)?)? {}
    loading.finish()
}

/// A state that is being put together.
struct Loading {
    state: State,
    stage: Stage,
    documents: u64,
    /// The documents of one group, until the next group's begin.
    saved: Vec<SavedDocument>,
    /// Parts of the last document that have not come.
    parts_left: u32,
    /// The logical cluster that objects wait for, and how many of them have not come.
    staging: Option<ClusterId>,
    staged_left: u64,
    /// How many logical clusters' changes have come, and which was the last.
    changes: u64,
    last_changes: Option<ClusterId>,
}

/// How far the records are. They never go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Restored,
    Staged,
    Clusters,
    Reservations,
    Documents,
    Objects,
    Changes,
    End,
}

impl Loading {
    /// Takes the next record; whether it was the last.
    fn take(&mut self, record: &Record<'_>) -> Result<bool, SnapshotError> {
        let stage = match record {
            Record::Head { .. } | Record::Membership(_) => {
                return Err(SnapshotError::Damaged("there is a second head or membership"));
            }
            Record::Restored { .. } => Stage::Restored,
            Record::Staged { .. } | Record::StagedObject { .. } => Stage::Staged,
            Record::Cluster { .. } => Stage::Clusters,
            Record::Reservation { .. } => Stage::Reservations,
            Record::Document { .. } | Record::Part(_) => Stage::Documents,
            Record::Object { .. } => Stage::Objects,
            Record::Changes { .. } => Stage::Changes,
            Record::End { .. } => Stage::End,
        };
        if stage < self.stage {
            return Err(SnapshotError::Damaged("the records are out of order"));
        }
        if self.staged_left > 0 && !matches!(record, Record::StagedObject { .. }) {
            return Err(SnapshotError::Damaged("an object that waits is missing"));
        }
        if self.parts_left > 0 && !matches!(record, Record::Part(_)) {
            return Err(SnapshotError::Damaged("a part of a document is missing"));
        }
        if self.stage <= Stage::Documents && stage > Stage::Documents {
            self.load_documents()?;
        }
        self.stage = stage;
        match *record {
            Record::Head { .. } | Record::Membership(_) => {}
            Record::Restored { .. } => self.restored(record)?,
            Record::Staged { id, touched_ms, objects } => self.staged(id, touched_ms, objects)?,
            Record::StagedObject { .. } => self.staged_object(record)?,
            Record::Cluster { id, epoch, deleting } => self.cluster(id, Cluster { epoch: Epoch(epoch), deleting })?,
            Record::Reservation { parent, name, id, made_ms } => self.reservation(parent, name, id, made_ms)?,
            Record::Document { group, ordinal, generation, incoming, parts } => {
                let group = GroupId::new(group).or(Err(SnapshotError::Damaged("a document's group is not an id")))?;
                self.document(DocumentId { group, ordinal, generation }, incoming, parts)?;
            }
            Record::Part(part) => self.part(part.0)?,
            Record::Object { .. } => self.object(record)?,
            Record::Changes { cluster, emptied, ref resources } => {
                let resources = resources.iter().map(|(resource, changed)| (*resource, Revision(*changed))).collect();
                self.changes(&Changes { cluster, emptied: Revision(emptied), resources })?;
            }
            Record::End { clusters, reservations, documents, objects, changes } => {
                let held = &self.state;
                let counts = [held.clusters.len() as u64, held.reservations.iter().len() as u64, self.documents];
                if [clusters, reservations, documents] != counts || objects != held.objects.len() as u64 {
                    return Err(SnapshotError::Damaged("records are missing"));
                }
                if changes != self.changes || changes != held.content.changes().len() as u64 {
                    return Err(SnapshotError::Damaged("records are missing"));
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn restored(&mut self, record: &Record<'_>) -> Result<(), SnapshotError> {
        let Record::Restored { at_ms, backup, begun, lost, ref learned } = *record else { return Ok(()) };
        let groups = learned.iter().map(|group| GroupId::new(group)).collect::<Result<Vec<_>, _>>();
        let groups = groups.or(Err(SnapshotError::Damaged("a group is not an id")))?;
        let above = backup < begun && begun <= self.state.revision().0;
        let sound = groups.is_sorted_by(|one, next| one < next) && !groups.contains(&self.state.group);
        if !above || !sound || groups.len() > GROUPS_MAX || self.state.restored.is_some() {
            return Err(SnapshotError::Damaged("the restoration contradicts itself"));
        }
        let (backup, begun, learned) = (Revision(backup), Revision(begun), groups.into_iter().collect());
        self.state.restored = Some(Restored { at_ms, backup, begun, lost, learned });
        Ok(())
    }

    fn staged(&mut self, id: &str, touched_ms: u64, objects: u64) -> Result<(), SnapshotError> {
        let id = cluster_id(id)?;
        if self.state.staged.get_max().is_some_and(|(last, _)| *last >= id) || self.state.staged.len() >= STAGES_MAX {
            return Err(SnapshotError::Damaged("what waits is out of order"));
        }
        self.state.staged.insert(id.clone(), Staged { touched_ms, ..Staged::default() });
        (self.staging, self.staged_left) = (Some(id), objects);
        Ok(())
    }

    fn staged_object(&mut self, record: &Record<'_>) -> Result<(), SnapshotError> {
        let Record::StagedObject { key, revision_at, bytes, ref labels, deleting, ref owners, held } = *record else {
            return Ok(());
        };
        let key = Key::try_from(key.0).or(Err(SnapshotError::Damaged("a key is not one")))?;
        let draft = Draft {
            bytes: Bytes::copy_from_slice(bytes.0),
            revision_at,
            labels: labels.iter().map(|(key, value)| (Box::from(*key), Box::from(*value))).collect(),
            deleting,
            owners: owners.iter().map(|uid| Box::from(*uid)).collect(),
            held,
        };
        let staged = self.staging.as_ref().and_then(|id| self.state.staged.get_mut(id));
        let (Some(staged), Some(left), Some(_)) = (staged, self.staged_left.checked_sub(1), draft.place()) else {
            return Err(SnapshotError::Damaged("an object waits for nothing"));
        };
        staged.push(key, draft);
        self.staged_left = left;
        if staged_bytes(&self.state.staged) > STAGED_BYTES_MAX {
            return Err(SnapshotError::Damaged("what waits is too large"));
        }
        Ok(())
    }

    fn cluster(&mut self, id: &str, cluster: Cluster) -> Result<(), SnapshotError> {
        let id = cluster_id(id)?;
        if self.state.clusters.get_max().is_some_and(|(last, _)| *last >= id) {
            return Err(SnapshotError::Damaged("the logical clusters are out of order"));
        }
        if cluster.deleting {
            self.state.ending_clusters.insert(id.clone());
        }
        self.state.clusters.insert(id, cluster);
        Ok(())
    }

    fn reservation(&mut self, parent: &str, name: &str, id: &str, made_ms: u64) -> Result<(), SnapshotError> {
        let (parent, id) = (cluster_id(parent)?, cluster_id(id)?);
        let ascending = self.state.reservations.last().is_none_or(|last| last < (&parent, name));
        if !is_segment(name) || !ascending || self.state.reservations.iter().len() >= RESERVATIONS_MAX {
            return Err(SnapshotError::Damaged("the reservations are out of order"));
        }
        self.state.reservations.restore(&parent, name, Reservation { id, made_ms });
        Ok(())
    }

    fn document(&mut self, id: DocumentId, incoming: bool, parts: u32) -> Result<(), SnapshotError> {
        if self.saved.last().is_some_and(|last| last.id.group != id.group) {
            self.load_documents()?;
        }
        self.saved.push(SavedDocument { id, incoming, bytes: Vec::new() });
        self.parts_left = parts;
        self.documents += 1;
        Ok(())
    }

    fn part(&mut self, part: &[u8]) -> Result<(), SnapshotError> {
        let (Some(document), Some(left)) = (self.saved.last_mut(), self.parts_left.checked_sub(1)) else {
            return Err(SnapshotError::Damaged("a part belongs to no document"));
        };
        document.bytes.extend_from_slice(part);
        self.parts_left = left;
        Ok(())
    }

    /// Puts the documents of one group into the state, and their rows into the tree.
    fn load_documents(&mut self) -> Result<(), SnapshotError> {
        let saved = std::mem::take(&mut self.saved);
        let Some(group) = saved.first().map(|document| document.id.group.clone()) else { return Ok(()) };
        let documents = Documents::load(group.clone(), ROWS_PER_DOCUMENT_MAX, saved)
            .map_err(|error| SnapshotError::Document { document: group.to_string(), error })?;
        self.state.tree.put_all(documents.rows().map(|row| (group.clone(), row)));
        let others = &mut self.state.others;
        if group == self.state.group {
            // The own documents come first, and once.
            if !self.state.own.is_empty() || !others.is_empty() {
                return Err(SnapshotError::Damaged("the groups' documents are out of order"));
            }
            self.state.own = documents;
            return Ok(());
        }
        if others.get_max().is_some_and(|(last, _)| *last >= group) || others.len() >= GROUPS_MAX {
            return Err(SnapshotError::Damaged("the groups' documents are out of order"));
        }
        others.insert(group, documents);
        Ok(())
    }

    fn object(&mut self, record: &Record<'_>) -> Result<(), SnapshotError> {
        let Record::Object { key, revision, revision_at, bytes, ref labels, deleting, ref owners, held } = *record
        else {
            return Ok(());
        };
        let key = Key::try_from(key.0).or(Err(SnapshotError::Damaged("a key is not one")))?;
        let state = &mut self.state;
        if state.objects.get_max().is_some_and(|(last, _)| *last >= key) {
            return Err(SnapshotError::Damaged("the objects are out of order"));
        }
        if revision > state.revision().0 {
            return Err(SnapshotError::Damaged("an object is newer than the state"));
        }
        if key.resource() != WORKSPACES && !state.is_home(key.cluster_str()) {
            return Err(SnapshotError::Damaged("an object's logical cluster is not at home here"));
        }
        let digits = revision.to_string();
        let quoted = [b"\"", digits.as_bytes(), b"\""].concat();
        let before = usize::try_from(revision_at).ok().and_then(|at| at.checked_sub(1));
        if !before.and_then(|at| bytes.0.get(at..)).is_some_and(|from| from.starts_with(&quoted)) {
            return Err(SnapshotError::Damaged("an object does not carry its revision"));
        }
        let object = Object {
            revision: Revision(revision),
            body: state.pool.body(Bytes::copy_from_slice(bytes.0)),
            revision_at,
            labels: labels.iter().map(|(key, value)| (Box::from(*key), Box::from(*value))).collect(),
            deleting,
            owners: owners.iter().map(|uid| Box::from(*uid)).collect(),
            held,
        };
        state.content.add(&key, object.revision);
        state.owned.replace(&key, None, Some(&object));
        if deleting && key.resource() == "namespaces" {
            state.ending_namespaces.insert(key.clone());
        }
        state.objects.insert(key, Arc::new(object));
        Ok(())
    }

    fn changes(&mut self, changes: &Changes<'_>) -> Result<(), SnapshotError> {
        let cluster = cluster_id(changes.cluster)?;
        let ascending = self.last_changes.as_ref().is_none_or(|last| *last < cluster);
        let newest = self.state.revision();
        if !ascending || !self.state.content.restore(changes, newest) {
            return Err(SnapshotError::Damaged("the changes of a logical cluster are not those of its objects"));
        }
        self.last_changes = Some(cluster);
        self.changes += 1;
        Ok(())
    }

    /// Checks that the parts belong together, and makes what can be had from them.
    fn finish(self) -> Result<State, SnapshotError> {
        let mut state = self.state;
        let living = state.own.rows().filter(|row| !row.deleted).map(|row| row.id);
        let homes = state.clusters.keys().filter(|id| id.as_str() != ROOT);
        let mut living: Vec<_> = living.collect();
        living.sort();
        if !living.iter().eq(homes) {
            return Err(SnapshotError::Damaged("the logical clusters are not those of the group's rows"));
        }
        let places: Vec<_> =
            state.tree.iter().filter_map(|(id, node)| Some((id.clone(), state.place(node)?))).collect();
        for (id, key) in places {
            if !state.objects.contains_key(&key) {
                return Err(SnapshotError::Damaged("a workspace of the tree has no object"));
            }
            state.shown.insert(id, key);
        }
        let workspaces = Scope { resource: WORKSPACES.into(), cluster: None, namespace: None };
        if state.count(&workspaces) != state.shown.len() as u64 {
            return Err(SnapshotError::Damaged("a Workspace object has no workspace in the tree"));
        }
        for id in state.clusters.keys().cloned().collect::<Vec<_>>() {
            state.judge(&id);
        }
        Ok(state)
    }
}

fn cluster_id(text: &str) -> Result<ClusterId, SnapshotError> {
    ClusterId::new(text).or(Err(SnapshotError::Damaged("a logical cluster's id is not one")))
}
