//! Applies one transaction: checks what can refuse it, then does all of it or nothing.
//!
//! Deterministic: the state and the transaction decide, nothing else.

use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::{ClusterId, Epoch};
use hanse_base::mutant::Mutant;
use hanse_tree::document::{DocumentId, Merged};
use hanse_tree::documents::{Documents, ROWS_PER_DOCUMENT_MAX};
use hanse_tree::row::Row;
use hanse_tree::tree::Changed;

use crate::key::{Key, Scope};
use crate::object::Draft;
use crate::roster::MembershipChange;
use crate::state::{Cluster, ROOT, State};
use crate::txn::{Exceeded, Operation, Outcome, Precondition, Refusal, Region, Txn};
use crate::workspace::WORKSPACES;

/// Groups whose documents are held, at most: a hostile peer must not fill the memory with groups.
pub(crate) const GROUPS_MAX: usize = 1_024;

/// Applies a transaction. Rows of the own documents wait for [`State::commit`].
///
/// # Panics
/// When an invariant is broken: then the daemon has to stop, because its replica is not to be trusted any more.
pub(crate) fn apply(state: &mut State, txn: Txn) -> Outcome {
    let before = state.revision();
    match checked(state, txn) {
        Ok(()) => {
            let last = state.revision();
            let first = if last == before { before } else { before.next() };
            Outcome::Done { first, last }
        }
        Err(refusal) => {
            assert_eq!(state.revision(), before, "what is refused leaves no event");
            Outcome::Refused(refusal)
        }
    }
}

fn checked(state: &mut State, txn: Txn) -> Result<(), Refusal> {
    state.rehearse(&txn.preconditions)?;
    let plain = |operation: &Operation| matches!(operation, Operation::Put(..) | Operation::Delete(_));
    if txn.operations.iter().all(plain) {
        return state.change_objects(txn.operations);
    }
    if let [Operation::MergeChanges { document, sequence, changes }] = txn.operations.as_slice() {
        return state.merge_changes(document, *sequence, changes);
    }
    if let [Operation::Learn(learned)] = txn.operations.as_slice() {
        return state.learn(learned, txn.time_ms);
    }
    // Later steps build on earlier ones, so that not everything can be checked in advance: a copy takes all of them or
    // is dropped. It costs a copy of what the steps touch.
    let mut next = state.clone();
    let mut steps = Steps { state: &mut next, time_ms: txn.time_ms, rows: Vec::new() };
    for operation in txn.operations {
        steps.step(operation)?;
    }
    let rows = std::mem::take(&mut steps.rows);
    *state = next;
    for row in rows {
        state.own.put(&row).expect("the row's limits were checked when it was made");
    }
    Ok(())
}

/// The steps of a transaction under way.
pub(crate) struct Steps<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) time_ms: u64,
    /// Rows for the own documents, once nothing can be refused any more.
    pub(crate) rows: Vec<Row>,
}

impl Steps<'_> {
    fn step(&mut self, operation: Operation) -> Result<(), Refusal> {
        match operation {
            Operation::Put(key, draft) => {
                self.state.may_hold(&key)?;
                self.state.put_object(key, draft)
            }
            Operation::Delete(key) => {
                not_projected(&key)?;
                self.state.remove_object(&key);
                Ok(())
            }
            Operation::CreateWorkspace(new) => self.create_workspace(new),
            Operation::UpdateWorkspace { id, version, content, deleting } => {
                self.update_workspace(&id, version, content, deleting)
            }
            Operation::MoveWorkspace { id, version, parent, name, reserved } => {
                self.move_workspace(&id, version, (parent, name), reserved)
            }
            Operation::FinishWorkspace { id } => self.finish_workspace(&id),
            Operation::ReserveName { parent, name, id } => self.reserve_name(&parent, &name, id),
            Operation::MergeChanges { .. } => Err(malformed("changes of a document stand alone in their transaction")),
            Operation::Stage(stage) => self.stage(stage),
            Operation::Unstage { id } => {
                self.state.staged.remove(&id);
                Ok(())
            }
            Operation::CreateStaged(workspaces) => self.create_staged(workspaces),
            Operation::Learn(_) => Err(malformed("what is learned stands alone in its transaction")),
            Operation::Describe(region) => self.describe(region),
            Operation::FoundRoot(objects) => self.found_root(objects),
            Operation::Membership(change) => self.change_membership(change),
        }
    }

    fn describe(&mut self, region: Region) -> Result<(), Refusal> {
        if self.state.region().is_some_and(|known| known.name != region.name || known.founder != region.founder) {
            return Err(malformed("a region's name and its federation's founder never change"));
        }
        self.state.region = Some(Arc::new(region));
        self.state.project_all();
        Ok(())
    }

    fn found_root(&mut self, objects: Vec<(Key, Draft)>) -> Result<(), Refusal> {
        let root = ClusterId::new(ROOT).expect("a constant that follows the grammar");
        if self.state.clusters.contains_key(&root) {
            return Err(Refusal::Exists { what: ROOT.into() });
        }
        if self.state.region().is_none_or(|region| region.founder != self.state.group) {
            return Err(Refusal::NotHome { cluster: root });
        }
        self.state.clusters.insert(root.clone(), Cluster { epoch: Epoch(1), deleting: false });
        self.put_first(&root, objects)
    }

    fn change_membership(&mut self, change: MembershipChange) -> Result<(), Refusal> {
        let own = self.state.region().map(|region| region.name.clone());
        let own = own.ok_or_else(|| malformed("a group that has not been told its region has no members"))?;
        if let Some(next) = self.state.membership.changed(&own, change, self.time_ms)? {
            self.state.membership = Arc::new(next);
        }
        Ok(())
    }

    /// The objects that a new logical cluster begins with.
    pub(crate) fn put_first(&mut self, cluster: &ClusterId, objects: Vec<(Key, Draft)>) -> Result<(), Refusal> {
        for (key, draft) in objects {
            if key.cluster_str() != cluster.as_str() {
                return Err(malformed("a first object belongs to another logical cluster"));
            }
            self.state.may_hold(&key)?;
            self.state.put_object(key, draft)?;
        }
        Ok(())
    }
}

impl State {
    /// Makes the rows that were put since the last commit part of the own documents. Whether there were any. Called once
    /// for each entry of the log, on every replica alike.
    pub(crate) fn commit(&mut self) -> bool {
        let grown = !self.own.commit().is_empty();
        std::mem::take(&mut self.restarted) || grown
    }

    /// Looks whether the preconditions hold in this state: what a dry run does instead of a transaction.
    ///
    /// # Errors
    /// What a transaction with these preconditions would be refused with.
    pub fn rehearse(&self, preconditions: &[Precondition]) -> Result<(), Refusal> {
        preconditions.iter().try_for_each(|precondition| {
            self.expect(precondition).map_err(|refusal| self.with_whole_quota(refusal, preconditions))
        })
    }

    fn expect(&self, precondition: &Precondition) -> Result<(), Refusal> {
        match precondition {
            Precondition::Absent(key) => match self.get(key) {
                Some(_) if Mutant::AbsenceSkipped.lives() => Ok(()),
                Some(_) => Err(Refusal::Exists { what: format!("{key:?}") }),
                None => Ok(()),
            },
            Precondition::At(key, revision) => match self.get(key) {
                None => Err(Refusal::Missing { what: format!("{key:?}") }),
                Some(object) if object.revision() != *revision && !Mutant::PreconditionSkipped.lives() => {
                    Err(Refusal::Changed { current: object.revision().0 })
                }
                Some(_) => Ok(()),
            },
            Precondition::Live(key) => match self.get(key) {
                None => Err(Refusal::Missing { what: format!("{key:?}") }),
                Some(object) if object.deleting() => Err(Refusal::Deleting { what: format!("{key:?}") }),
                Some(_) => Ok(()),
            },
            Precondition::ClusterLive(id) => match self.cluster(id) {
                Some(cluster) if cluster.deleting => Err(Refusal::Deleting { what: id.to_string() }),
                _ => self.expect_home(id),
            },
            Precondition::ClusterHome(id) => self.expect_home(id),
            Precondition::NamespaceEmpty(cluster, namespace) => {
                match self.content.namespace_resources(cluster, namespace).next() {
                    Some(resource) => Err(Refusal::NotEmpty { what: format!("{namespace} ({resource})") }),
                    None => Ok(()),
                }
            }
            Precondition::CountBelow { quota, .. } => match self.exceeded(precondition) {
                Some(exceeded) => Err(Refusal::OverQuota { quota: quota.clone(), exceeded: vec![exceeded] }),
                None => Ok(()),
            },
            Precondition::ResourceUnchanged { cluster, resource, since } => {
                let current = self.last_change(cluster, resource);
                if current > *since { Err(Refusal::Changed { current: current.0 }) } else { Ok(()) }
            }
            Precondition::ResourceEmpty { cluster, resource } => {
                let scope = Scope { resource: resource.clone(), cluster: Some(cluster.clone()), namespace: None };
                match self.count(&scope) {
                    0 => Ok(()),
                    number => Err(Refusal::NotEmpty { what: format!("{resource} ({number})") }),
                }
            }
        }
    }

    /// What of a quota one more object would exceed; `None` for nothing, and for another precondition.
    fn exceeded(&self, precondition: &Precondition) -> Option<Exceeded> {
        let Precondition::CountBelow { cluster, namespace, resource, limit, item, .. } = precondition else {
            return None;
        };
        let (cluster, namespace) = (Some(cluster.clone()), Some(namespace.clone()));
        let used = self.count(&Scope { resource: resource.clone(), cluster, namespace });
        (used >= *limit).then(|| Exceeded { item: item.clone(), used, limit: *limit })
    }

    /// A refusal by a quota, with everything that is exceeded in the same quota.
    fn with_whole_quota(&self, refusal: Refusal, preconditions: &[Precondition]) -> Refusal {
        let Refusal::OverQuota { quota, .. } = refusal else { return refusal };
        let same = preconditions
            .iter()
            .filter(|other| matches!(other, Precondition::CountBelow { quota: name, .. } if *name == quota));
        let mut exceeded: Vec<Exceeded> = same.filter_map(|precondition| self.exceeded(precondition)).collect();
        exceeded.sort();
        exceeded.dedup();
        Refusal::OverQuota { quota, exceeded }
    }

    fn expect_home(&self, id: &ClusterId) -> Result<(), Refusal> {
        if self.is_home(id.as_str()) { Ok(()) } else { Err(Refusal::NotHome { cluster: id.clone() }) }
    }

    /// Whether an object may stand at the key: in a logical cluster that is at home here, and not in the place of a
    /// projected one.
    fn may_hold(&self, key: &Key) -> Result<(), Refusal> {
        not_projected(key)?;
        if self.is_home(key.cluster_str()) { Ok(()) } else { Err(Refusal::NotHome { cluster: key.cluster() }) }
    }

    /// The common transaction: everything that can refuse it is looked at first, so that no copy is needed.
    fn change_objects(&mut self, operations: Vec<Operation>) -> Result<(), Refusal> {
        for operation in &operations {
            match operation {
                Operation::Put(key, draft) => {
                    self.may_hold(key)?;
                    draft.place().ok_or_else(|| malformed("an object has no place for its revision"))?;
                }
                Operation::Delete(key) => not_projected(key)?,
                _ => return Err(malformed("the operation is not one on an object")),
            }
        }
        for operation in operations {
            match operation {
                Operation::Put(key, draft) => self.put_object(key, draft).expect("the draft was looked at before"),
                Operation::Delete(key) => self.remove_object(&key),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes in what another group says of its workspaces.
    fn merge_changes(&mut self, document: &DocumentId, first: u64, changes: &[Bytes]) -> Result<(), Refusal> {
        let group = &document.group;
        if *group == self.group {
            return Err(malformed("the document is this group's own"));
        }
        let held = self.others.get(group).cloned();
        if held.is_none() && self.others.len() >= GROUPS_MAX {
            return Err(malformed("there are too many groups"));
        }
        let mut documents = held.unwrap_or_else(|| Documents::new(group.clone(), ROWS_PER_DOCUMENT_MAX));
        let mut merged = Vec::new();
        for (sequence, change) in (first..).zip(changes) {
            match documents.merge(document, sequence, change) {
                Ok(step) => merged.push(step),
                Err(error) if sequence == first => return Err(Refusal::Malformed { why: error.to_string() }),
                Err(_) => break,
            }
        }
        self.others.insert(group.clone(), documents);
        let mut all = Changed::default();
        if Mutant::MergeSkips.lives() && merged.len() > 1 {
            merged.pop();
        }
        for Merged { rows, removed } in merged {
            for row in &rows {
                if let Some(placement) = row.placements.last() {
                    self.reservations.fulfil(&placement.parent, &placement.name, &row.id);
                }
            }
            let gone = removed.iter().map(|id| self.tree.remove(group, id)).collect::<Vec<_>>();
            let come = self.tree.put_all(rows.into_iter().map(|row| (group.clone(), row)));
            for changed in gone.into_iter().chain([come]) {
                all.nodes.extend(changed.nodes);
                all.paths.extend(changed.paths);
            }
        }
        self.project(all);
        Ok(())
    }
}

fn not_projected(key: &Key) -> Result<(), Refusal> {
    if key.resource() == WORKSPACES {
        return Err(malformed("a Workspace object is changed through its row"));
    }
    Ok(())
}

pub(crate) fn malformed(why: &str) -> Refusal {
    Refusal::Malformed { why: why.into() }
}
