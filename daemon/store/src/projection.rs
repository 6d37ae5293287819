//! Keeps the Workspace objects equal to what the tree says: one object for each node that has a parent, below that
//! parent, under the name that the node has there. They are ordinary objects with this group's own revisions.

use hanse_base::id::{ClusterId, GroupId};
use hanse_tree::tree::{Changed, Node};

use crate::key::Key;
use crate::object::Draft;
use crate::state::State;
use crate::workspace::{Facts, WORKSPACES, is_deleting, render};

impl State {
    /// Brings the Workspace objects of these nodes up to the tree. An object whose bytes stay the same has no event.
    pub(crate) fn project(&mut self, mut changed: Changed) {
        changed.nodes.append(&mut changed.paths);
        let before = changed.nodes.into_iter().map(|id| (self.shows_deletion(&id), id));
        let before: Vec<(bool, ClusterId)> = before.collect();
        let wanted: Vec<Option<(Key, Draft)>> = before.iter().map(|(_, id)| self.render(id)).collect();
        // Names may change hands: all places are left before any is taken.
        for ((_, id), wanted) in before.iter().zip(&wanted) {
            let key = wanted.as_ref().map(|(key, _)| key);
            if self.shown.get(id).is_some_and(|shown| Some(shown) != key)
                && let Some(old) = self.shown.remove(id)
            {
                self.remove_object(&old);
            }
        }
        for ((_, id), wanted) in before.iter().zip(wanted) {
            if let Some((key, draft)) = wanted {
                self.show(id, key, draft);
            }
        }
        for (was_ending, id) in before {
            self.judge(&id);
            if self.is_ending(&id) != was_ending {
                let children: Vec<_> = self.tree.children(&id).map(|(_, child)| child.clone()).collect();
                children.iter().for_each(|child| self.judge(child));
            }
        }
    }

    /// As [`State::project`], for all nodes: what is added to all objects has changed.
    pub(crate) fn project_all(&mut self) {
        let nodes = self.shown.keys().cloned().collect();
        self.project(Changed { nodes, ..Changed::default() });
    }

    /// Whether the deletion of a workspace has begun, as far as is known here, or is over.
    pub(crate) fn is_ending(&self, id: &ClusterId) -> bool {
        if let Some(cluster) = self.clusters.get(id) {
            return cluster.deleting;
        }
        let Some(node) = self.tree.get(id) else { return false };
        match self.shown.get(id) {
            Some(_) => self.shows_deletion(id),
            None => node.row.deleted || is_deleting(&node.row.content),
        }
    }

    fn shows_deletion(&self, id: &ClusterId) -> bool {
        self.shown.get(id).and_then(|key| self.objects.get(key)).is_some_and(|object| object.deleting())
    }

    /// Decides whether a logical cluster has to go because what is above it goes.
    pub(crate) fn judge(&mut self, id: &ClusterId) {
        let lives = self.clusters.get(id).is_some_and(|cluster| !cluster.deleting);
        let parent = self.tree.get(id).and_then(|node| node.parent.as_ref());
        if lives && parent.is_some_and(|parent| self.is_ending(parent)) {
            self.doomed.insert(id.clone());
        } else {
            self.doomed.remove(id);
        }
    }

    fn show(&mut self, id: &ClusterId, key: Key, draft: Draft) {
        if self.shown.get(id) != Some(&key) {
            self.shown.insert(id.clone(), key.clone());
        }
        if !self.objects.get(&key).is_some_and(|object| object.is_of(&draft)) {
            self.put_object(key, draft).expect("a rendered object has a place for its revision");
        }
    }

    /// Where a node's Workspace object stands; nowhere for one without a parent, and for a tombstone.
    pub(crate) fn place(&self, node: &Node) -> Option<Key> {
        let parent = node.parent.as_ref().filter(|_| !node.row.deleted)?;
        Some(Key::new(WORKSPACES, parent, "", &node.name).expect("a node's name is one segment of a path"))
    }

    /// The node's Workspace object, and where it stands.
    fn render(&self, id: &ClusterId) -> Option<(Key, Draft)> {
        let node = self.tree.get(id)?;
        let (key, parent) = (self.place(node)?, node.parent.as_ref()?);
        let base = self.region.as_ref().map_or("", |region| &region.url);
        let path = self.tree.path(id).unwrap_or_else(|| id.to_string());
        let facts = Facts {
            id,
            parent,
            name: &node.name,
            owner: node.owner.as_str(),
            region: self.region_of(&node.owner),
            url: format!("{base}/clusters/{path}"),
            conflict: node.conflict.then(|| (&*node.claimed_name, self.tree.child(parent, &node.claimed_name))),
        };
        Some((key, render(&facts, &node.row.content)))
    }

    /// The region of a group. A region's one group has the region's name.
    fn region_of<'a>(&'a self, group: &'a GroupId) -> &'a str {
        match &self.region {
            Some(region) if *group == self.group => region.name.as_str(),
            _ => group.as_str(),
        }
    }
}
