//! Everything that a group's log has made, at one revision. A picture: it never changes once readers hold it, and
//! shares its parts with the pictures before and behind it, so that a copy costs next to nothing.

use std::ops::Bound;
use std::sync::Arc;

use hanse_base::id::{ClusterId, Epoch, GroupId, Revision};
use hanse_base::mutant::Mutant;
use hanse_tree::batch::{ChangeLog, Cursor};
use hanse_tree::documents::{Documents, ROWS_PER_DOCUMENT_MAX};
use hanse_tree::tree::Tree;
use imbl::{OrdMap, OrdSet};
use sha2::{Digest, Sha256};

use crate::content::Content;
use crate::history::{Compacted, Event, History, HistoryLimits};
use crate::key::{Key, Scope};
use crate::object::{Draft, Object};
use crate::owned::{Dependent, Owned};
use crate::piece::Pool;
use crate::reservation::Reservations;
use crate::restored::Restored;
use crate::roster::Membership;
use crate::staged::Staged;
use crate::txn::{Refusal, Region};
use crate::workspace::WORKSPACES;

/// The revision of an empty group. Not 0: in the API, `resourceVersion` 0 means "any".
pub const FIRST_REVISION: Revision = Revision(1);
/// Id of the logical cluster at the top of the tree.
pub const ROOT: &str = "root";

/// The state of one group.
///
/// Relations:
/// - the revision is that of the window's newest event; no object has a higher one;
/// - `content` counts exactly the objects, and knows no earlier last change of any of them than their revisions;
/// - `owned` has exactly the owners of the objects, and the objects that wait for the garbage collector;
/// - every object's logical cluster is at home here or `system:`, but for Workspace objects: these are the projection of
///   the tree, one for each node that has a parent, and `shown` says at which key;
/// - the tree holds the rows of all documents, own and others';
/// - `ending_namespaces`, `ending_clusters` and `doomed` are what their names say of the objects, clusters and tree.
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) group: GroupId,
    pub(crate) region: Option<Arc<Region>>,
    pub(crate) objects: OrdMap<Key, Arc<Object>>,
    /// What large objects share. No part of what the state is.
    pub(crate) pool: Pool,
    pub(crate) content: Content,
    pub(crate) owned: Owned,
    pub(crate) history: History,
    /// Namespaces whose deletion has begun.
    pub(crate) ending_namespaces: OrdSet<Key>,
    /// Logical clusters at home here.
    pub(crate) clusters: OrdMap<ClusterId, Cluster>,
    /// Those whose deletion has begun.
    pub(crate) ending_clusters: OrdSet<ClusterId>,
    /// Those whose deletion has not begun, but their parent's has.
    pub(crate) doomed: OrdSet<ClusterId>,
    pub(crate) reservations: Reservations,
    /// Who belongs to the federation.
    pub(crate) membership: Arc<Membership>,
    /// Objects that wait for workspaces that are being restored.
    pub(crate) staged: OrdMap<ClusterId, Staged>,
    /// That the group was restored from a backup.
    pub(crate) restored: Option<Restored>,
    pub(crate) tree: Tree,
    /// Key of the Workspace object of each logical cluster that has one.
    pub(crate) shown: OrdMap<ClusterId, Key>,
    /// The documents that this group writes.
    pub(crate) own: Documents,
    /// Whether the own documents were begun anew since the last commit.
    pub(crate) restarted: bool,
    /// What is held of the documents of others.
    pub(crate) others: OrdMap<GroupId, Documents>,
}

/// A logical cluster that is at home in the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster {
    /// How often it has changed its owner; 1 where it was made.
    pub epoch: Epoch,
    /// Whether its deletion has begun: it takes no new objects.
    pub deleting: bool,
}

impl State {
    pub(crate) fn new(group: GroupId, limits: HistoryLimits) -> Self {
        Self {
            region: None,
            objects: OrdMap::new(),
            pool: Pool::default(),
            content: Content::default(),
            owned: Owned::default(),
            history: History::new(FIRST_REVISION, limits),
            ending_namespaces: OrdSet::new(),
            clusters: OrdMap::new(),
            ending_clusters: OrdSet::new(),
            doomed: OrdSet::new(),
            reservations: Reservations::default(),
            membership: Arc::default(),
            staged: OrdMap::new(),
            restored: None,
            tree: Tree::default(),
            shown: OrdMap::new(),
            own: Documents::new(group.clone(), ROWS_PER_DOCUMENT_MAX),
            restarted: false,
            others: OrdMap::new(),
            group,
        }
    }

    /// Creates or replaces the object at the key, under the next revision.
    pub(crate) fn put_object(&mut self, key: Key, draft: Draft) -> Result<(), Refusal> {
        let previous = self.objects.get(&key).cloned();
        let revision = self.revision().next();
        let Some(event) = Event::put(key, draft, previous, (revision, &self.pool)) else {
            return Err(Refusal::Malformed { why: "an object has no place for its revision".into() });
        };
        if event.previous.is_none() {
            self.content.add(&event.key, revision);
        } else {
            self.content.change(&event.key, revision);
        }
        self.owned.replace(&event.key, event.previous.as_deref(), Some(&event.object));
        self.objects.insert(event.key.clone(), Arc::clone(&event.object));
        if event.key.as_bytes().starts_with(NAMESPACES_PREFIX) {
            if event.object.deleting() {
                self.ending_namespaces.insert(event.key.clone());
            } else {
                self.ending_namespaces.remove(&event.key);
            }
        }
        self.history.push(Arc::new(event));
        Ok(())
    }

    /// Removes the object at the key, under the next revision; without effect when there is none.
    pub(crate) fn remove_object(&mut self, key: &Key) {
        if Mutant::DeletionForgotten.lives() {
            return;
        }
        let Some((key, previous)) = self.objects.remove_with_key(key) else { return };
        let revision = self.revision().next();
        self.content.remove(&key, revision);
        self.owned.replace(&key, Some(&previous), None);
        self.ending_namespaces.remove(&key);
        self.history.push(Arc::new(Event::deleted(key, previous, revision)));
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> &GroupId {
        &self.group
    }

    /// What the group knows of its region; `None` until it is founded.
    #[must_use]
    pub fn region(&self) -> Option<&Region> {
        self.region.as_deref()
    }

    /// Who belongs to the federation, and who may join it.
    #[must_use]
    pub fn membership(&self) -> &Arc<Membership> {
        &self.membership
    }

    /// Revision of the last event.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.history.newest()
    }

    /// The object at the key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Arc<Object>> {
        self.objects.get(key)
    }

    /// The objects of the scope behind `after`, in order of their keys.
    ///
    /// A namespace in all logical clusters costs a look at all objects of the resource; everything else costs what it
    /// returns.
    pub fn list<'a>(
        &'a self,
        scope: &'a Scope,
        after: Option<&Key>,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Object>)> + use<'a> {
        let (start, end) = scope.range();
        let start = match (after, &start) {
            (Some(after), Bound::Included(first)) if after >= first => Bound::Excluded(after.clone()),
            _ => start,
        };
        let namespace = if scope.cluster.is_none() { scope.namespace.as_deref() } else { None };
        let within = ordered(&start, &end).then(|| self.objects.range::<_, Key>((start, end)));
        within
            .into_iter()
            .flatten()
            .filter(move |(key, _)| namespace.is_none_or(|namespace| key.namespace() == namespace))
    }

    /// The number of all objects.
    #[must_use]
    pub fn objects(&self) -> u64 {
        self.objects.len() as u64
    }

    /// The number of objects in the scope. At once, but for a namespace in all logical clusters, which is listed.
    #[must_use]
    pub fn count(&self, scope: &Scope) -> u64 {
        self.content.count(scope).unwrap_or_else(|| self.list(scope, None).count() as u64)
    }

    /// A revision since which no object of the resource was created, changed or deleted in the logical cluster. Exact
    /// while there are objects of the resource; where there are none, it moves with each resource that the cluster loses
    /// the last object of. What is derived from all objects of a resource can be kept until it moves.
    #[must_use]
    pub fn last_change(&self, cluster: &ClusterId, resource: &str) -> Revision {
        self.content.last_change(cluster, resource)
    }

    /// The keys of the objects that name an owner by its uid, behind `after`, in order; take as many as you need.
    pub fn dependents<'a>(
        &'a self,
        cluster: &ClusterId,
        uid: &str,
        after: Option<&Key>,
    ) -> impl Iterator<Item = &'a Key> + use<'a> {
        self.owned.of(cluster, uid, after)
    }

    /// All objects that name owners, once for each owner, behind `after`, in an order of their own.
    pub fn owned(&self, after: Option<&Dependent>) -> impl Iterator<Item = &Dependent> {
        self.owned.all(after)
    }

    /// The objects that wait for the garbage collector: see [`Object::awaits_collection`].
    pub fn awaiting_collection(&self) -> impl Iterator<Item = &Key> {
        self.owned.waiting().iter()
    }

    /// The group-resources that there are objects of, in order.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.content.resources()
    }

    /// The keys of all objects in a logical cluster behind `after`, in order; take as many as you need. Workspace
    /// objects are among them: one for each child.
    pub fn cluster_content<'a>(
        &'a self,
        cluster: &'a ClusterId,
        after: Option<&'a Key>,
    ) -> impl Iterator<Item = &'a Key> {
        let resources = self.content.cluster_resources(cluster);
        self.content_of(resources, Some(cluster.clone()), None, after)
    }

    /// The keys of all objects in a namespace behind `after`, in order; take as many as you need.
    pub fn namespace_content<'a>(
        &'a self,
        cluster: &'a ClusterId,
        namespace: &'a str,
        after: Option<&'a Key>,
    ) -> impl Iterator<Item = &'a Key> {
        let resources = self.content.namespace_resources(cluster, namespace);
        self.content_of(resources, Some(cluster.clone()), Some(namespace.to_owned()), after)
    }

    fn content_of<'a>(
        &'a self,
        resources: impl Iterator<Item = &'a str>,
        cluster: Option<ClusterId>,
        namespace: Option<String>,
        after: Option<&'a Key>,
    ) -> impl Iterator<Item = &'a Key> {
        let first = after.map_or("", Key::resource);
        resources.skip_while(move |resource| *resource < first).flat_map(move |resource| {
            let (resource, cluster, namespace) = (resource.to_owned(), cluster.clone(), namespace.clone());
            let (start, end) = Scope { resource, cluster, namespace }.range();
            let start = match (after, &start) {
                (Some(after), Bound::Included(first)) if after >= first => Bound::Excluded(after.clone()),
                _ => start,
            };
            let within = ordered(&start, &end).then(|| self.objects.range::<_, Key>((start, end)));
            within.into_iter().flatten().map(|(key, _)| key)
        })
    }

    /// The events behind the revision, in order; none for a revision in the future.
    ///
    /// # Errors
    /// The revision is older than the window.
    pub fn events_after(&self, revision: Revision) -> Result<impl Iterator<Item = &Arc<Event>>, Compacted> {
        self.history.after(revision)
    }

    /// The oldest revision whose state and following events are still known.
    #[must_use]
    pub fn oldest(&self) -> Revision {
        self.history.oldest()
    }

    /// The window of the past.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// How many objects are kept here, of all logical clusters.
    #[must_use]
    pub fn object_count(&self) -> usize {
        self.objects.len()
    }

    /// How many logical clusters are at home here.
    #[must_use]
    pub fn cluster_count(&self) -> usize {
        self.clusters.len()
    }

    /// The tree of all workspaces of the federation.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// A logical cluster that is at home here.
    #[must_use]
    pub fn cluster(&self, id: &ClusterId) -> Option<&Cluster> {
        self.clusters.get(id)
    }

    /// The logical clusters that are at home here, in order.
    pub fn clusters(&self) -> impl Iterator<Item = (&ClusterId, &Cluster)> {
        self.clusters.iter()
    }

    /// The group that a logical cluster is at home in, as far as this group knows. `system:` clusters are every group's
    /// own. One that has been deleted has none: its row stays, but nobody answers for it.
    #[must_use]
    pub fn home_of(&self, id: &ClusterId) -> Option<&GroupId> {
        if self.is_home(id.as_str()) {
            return Some(&self.group);
        }
        if id.as_str() == ROOT {
            return self.region.as_ref().map(|region| &region.founder);
        }
        self.tree.get(id).filter(|node| !node.row.deleted).map(|node| &node.owner)
    }

    /// Whether objects of the logical cluster are kept here.
    pub(crate) fn is_home(&self, cluster: &str) -> bool {
        self.clusters.contains_key(cluster) || cluster.starts_with(SYSTEM_PREFIX)
    }

    /// The logical cluster that a path leads to: `root:org:team`, or one that begins with any logical cluster's id.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Option<ClusterId> {
        let system = || ClusterId::new(path).ok().filter(|id| id.as_str().starts_with(SYSTEM_PREFIX));
        self.tree.resolve(path).or_else(system)
    }

    /// A hash over all that the tree says, in hexadecimal digits. Groups that hold the same rows have the same.
    ///
    /// Costs a look at every workspace.
    ///
    /// # Panics
    /// Never: a row of the tree was decoded, or encoded before.
    #[must_use]
    pub fn tree_digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut text = |text: &[u8]| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        for (id, node) in self.tree.iter() {
            let parent = node.parent.as_ref().map_or("", ClusterId::as_str);
            let names = [id.as_str(), node.owner.as_str(), parent, &*node.name, &*node.claimed_name];
            names.iter().for_each(|name| text(name.as_bytes()));
            text(&node.row.encode().expect("a row of the tree was decoded, or encoded before"));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Namespaces whose deletion has begun.
    pub fn ending_namespaces(&self) -> impl Iterator<Item = &Key> {
        self.ending_namespaces.iter()
    }

    /// Logical clusters at home here whose deletion has begun.
    pub fn ending_clusters(&self) -> impl Iterator<Item = &ClusterId> {
        self.ending_clusters.iter()
    }

    /// Logical clusters at home here whose deletion has not begun, though that of the workspace above them has.
    pub fn doomed(&self) -> impl Iterator<Item = &ClusterId> {
        self.doomed.iter()
    }

    /// The row behind a Workspace object: its logical cluster, and the version that it has here.
    #[must_use]
    pub fn workspace_row(&self, key: &Key) -> Option<(ClusterId, u64)> {
        let [resource, parent, namespace, name] = key.parts();
        if resource != WORKSPACES || !namespace.is_empty() {
            return None;
        }
        let id = self.tree.child(&ClusterId::new(parent).ok()?, name)?;
        self.tree.get(id).map(|node| (id.clone(), node.row.version))
    }

    /// The key of a logical cluster's Workspace object.
    #[must_use]
    pub fn workspace_key(&self, id: &ClusterId) -> Option<&Key> {
        self.shown.get(id)
    }

    /// The logical cluster that has a name below a parent, or that the name is held for at this time.
    #[must_use]
    pub fn name_holder(&self, parent: &ClusterId, name: &str, now_ms: u64) -> Option<&ClusterId> {
        self.tree.child(parent, name).or_else(|| self.reservations.holder(parent, name, now_ms))
    }

    /// Whether this group has merged a version of a workspace's row, or a later one.
    #[must_use]
    pub fn workspace_merged(&self, id: &ClusterId, version: u64) -> bool {
        self.tree.get(id).is_some_and(|node| node.row.version >= version)
    }

    /// The changes of the own documents, for peers.
    #[must_use]
    pub fn changes(&self) -> ChangeLog {
        self.own.log()
    }

    /// The changes of the copy of another group's documents, for their owner, when it was restored.
    #[must_use]
    pub fn copy_of(&self, group: &GroupId) -> ChangeLog {
        let none = || Documents::new(group.clone(), ROWS_PER_DOCUMENT_MAX).log();
        self.others.get(group).map_or_else(none, Documents::log)
    }

    /// How far the copy of another group's documents is, or how far the own ones are.
    #[must_use]
    pub fn cursor(&self, group: &GroupId) -> Cursor {
        if *group == self.group {
            return self.own.cursor();
        }
        self.others.get(group).map(Documents::cursor).unwrap_or_default()
    }

    /// The groups whose documents are held, the own one not counted.
    pub fn others(&self) -> impl Iterator<Item = &GroupId> {
        self.others.keys()
    }

    /// The state's relations. For tests: costs as much as the state is large.
    ///
    /// # Panics
    /// When one is broken.
    pub fn check(&self) {
        self.history.check();
        self.reservations.check();
        assert_eq!(self.membership.sound(), Ok(()), "the rosters are sound");
        self.tree.check();
        self.own.check();
        self.others.values().for_each(Documents::check);
        let (mut content, mut owned) = (Content::default(), Owned::default());
        for (key, object) in &self.objects {
            assert!(object.revision() <= self.revision(), "{key:?} is from the future");
            assert_eq!(object.draft().place(), Some(object.draft().revision_at as usize), "{key:?}");
            let ending = key.resource() == "namespaces" && object.deleting();
            assert_eq!(self.ending_namespaces.contains(key), ending, "{key:?}");
            assert!(key.resource() == WORKSPACES || self.is_home(key.cluster_str()), "{key:?} is not at home here");
            content.add(key, object.revision());
            owned.replace(key, None, Some(object));
        }
        self.content.check(&content);
        assert_eq!(owned, self.owned, "each owner and each waiting object is known");
        self.check_workspaces();
        self.check_restored();
        self.check_staged();
    }

    fn check_workspaces(&self) {
        let mut tree = Tree::new();
        tree.put_all(self.own.rows().map(|row| (self.group.clone(), row)));
        for (group, documents) in &self.others {
            assert_ne!(*group, self.group);
            tree.put_all(documents.rows().map(|row| (group.clone(), row)));
        }
        assert_eq!(tree, self.tree, "the tree is that of the documents' rows");
        let placed: OrdMap<_, _> =
            self.tree.iter().filter_map(|(id, node)| Some((id.clone(), self.place(node)?))).collect();
        assert_eq!(placed, self.shown, "each node with a parent is shown");
        assert!(self.shown.values().all(|key| self.objects.contains_key(key)));
        let workspaces = Scope { resource: WORKSPACES.into(), cluster: None, namespace: None };
        assert_eq!(self.count(&workspaces), self.shown.len() as u64, "there is no other Workspace object");
        for (id, cluster) in &self.clusters {
            assert_eq!(self.ending_clusters.contains(id), cluster.deleting);
            let row = self.own.get(id);
            assert!(id.as_str() == ROOT || row.is_some_and(|row| !row.deleted), "{id} has a row");
            let parent = self.tree.get(id).and_then(|node| node.parent.as_ref());
            let doomed = !cluster.deleting && parent.is_some_and(|parent| self.is_ending(parent));
            assert_eq!(self.doomed.contains(id), doomed, "{id}");
        }
        assert!(self.ending_clusters.iter().chain(&self.doomed).all(|id| self.clusters.contains_key(id)));
    }
}

/// Whether a range is one that a map can be asked for.
fn ordered(start: &Bound<Key>, end: &Bound<Key>) -> bool {
    match (start, end) {
        (Bound::Included(start) | Bound::Excluded(start), Bound::Excluded(end)) => start < end,
        _ => true,
    }
}

const NAMESPACES_PREFIX: &[u8] = b"namespaces\0";
const SYSTEM_PREFIX: &str = "system:";
