//! The operations on workspaces: each changes a row that this group owns, and the tree with it.

use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::{ClusterId, Epoch, is_segment};
use hanse_tree::row::{Placement, Row};

use crate::apply::{Steps, malformed};
use crate::reservation::Reservation;
use crate::state::{Cluster, ROOT};
use crate::txn::{NewWorkspace, Refusal};

impl Steps<'_> {
    pub(crate) fn create_workspace(&mut self, new: NewWorkspace) -> Result<(), Refusal> {
        let NewWorkspace { id, parent, name, reserved, content, objects } = new;
        let known = self.state.tree.get(&id).is_some() || self.state.clusters.contains_key(&id);
        if known || id.as_str() == ROOT {
            return Err(Refusal::Exists { what: id.to_string() });
        }
        self.expect_parent(&parent)?;
        self.expect_free(&parent, &name, &id)?;
        let placement = self.placement(&parent, &name, reserved);
        let row =
            Row { id: id.clone(), epoch: Epoch(1), version: 1, placements: vec![placement], deleted: false, content };
        self.state.clusters.insert(id.clone(), Cluster { epoch: row.epoch, deleting: false });
        self.put_first(&id, objects)?;
        self.write(row)
    }

    pub(crate) fn update_workspace(
        &mut self,
        id: &ClusterId,
        version: u64,
        content: Bytes,
        deleting: bool,
    ) -> Result<(), Refusal> {
        let row = self.own_row(id, Some(version))?;
        let cluster = self.state.clusters.get_mut(id).ok_or_else(|| Refusal::NotHome { cluster: id.clone() })?;
        if cluster.deleting && !deleting {
            return Err(malformed("a deletion that has begun does not end"));
        }
        cluster.deleting = deleting;
        if deleting {
            self.state.ending_clusters.insert(id.clone());
        }
        self.write(Row { version: row.version + 1, content, ..row })
    }

    pub(crate) fn move_workspace(
        &mut self,
        id: &ClusterId,
        version: u64,
        (parent, name): (ClusterId, String),
        reserved: bool,
    ) -> Result<(), Refusal> {
        let mut row = self.own_row(id, Some(version))?;
        self.expect_parent(&parent)?;
        if self.state.tree.would_cycle(id, &parent) {
            return Err(Refusal::Cycle { id: id.clone() });
        }
        self.expect_free(&parent, &name, id)?;
        row.place(self.placement(&parent, &name, reserved));
        row.version += 1;
        self.write(row)
    }

    pub(crate) fn finish_workspace(&mut self, id: &ClusterId) -> Result<(), Refusal> {
        let row = self.own_row(id, None)?;
        if !self.state.cluster(id).is_some_and(|cluster| cluster.deleting) {
            return Err(malformed("the deletion of the workspace has not begun"));
        }
        // Live children are among the objects: each has its Workspace object here.
        if let Some(resource) = self.state.content.cluster_resources(id).next() {
            return Err(Refusal::NotEmpty { what: format!("{id} ({resource})") });
        }
        self.state.clusters.remove(id);
        self.state.content.forget(id);
        self.state.ending_clusters.remove(id);
        self.write(Row { version: row.version + 1, deleted: true, content: Bytes::new(), ..row })
    }

    pub(crate) fn reserve_name(&mut self, parent: &ClusterId, name: &str, id: ClusterId) -> Result<(), Refusal> {
        if !self.state.clusters.contains_key(parent) {
            return Err(Refusal::NotHome { cluster: parent.clone() });
        }
        self.expect_parent(parent)?;
        if self.state.tree.child(parent, name) == Some(&id) {
            return Ok(());
        }
        self.expect_free(parent, name, &id)?;
        self.state.reservations.hold(parent, name, Reservation { id, made_ms: self.time_ms });
        Ok(())
    }

    /// A workspace may come to stand below the parent: it is `root`, or a workspace that is not on its way out.
    fn expect_parent(&self, parent: &ClusterId) -> Result<(), Refusal> {
        if parent.as_str() == ROOT {
            return Ok(());
        }
        match self.state.tree.get(parent) {
            Some(node) if !node.row.deleted => {}
            _ => return Err(Refusal::Missing { what: parent.to_string() }),
        }
        if self.state.is_ending(parent) { Err(Refusal::Deleting { what: parent.to_string() }) } else { Ok(()) }
    }

    /// No other workspace has the name below the parent, and it is held for no other.
    fn expect_free(&self, parent: &ClusterId, name: &str, id: &ClusterId) -> Result<(), Refusal> {
        if !is_segment(name) {
            return Err(malformed("a workspace's name is not a segment of a path"));
        }
        let holder = self.state.reservations.holder(parent, name, self.time_ms);
        let taken = self.state.tree.child(parent, name).is_some_and(|child| child != id);
        if taken || holder.is_some_and(|holder| holder != id) {
            return Err(Refusal::Exists { what: name.to_owned() });
        }
        Ok(())
    }

    /// A placement of this group's, now. The parent's home needs nobody's leave to give a name.
    fn placement(&self, parent: &ClusterId, name: &str, reserved: bool) -> Placement {
        Placement {
            lamport: self.state.tree.next_lamport(),
            group: self.state.group.clone(),
            parent: parent.clone(),
            name: Arc::from(name),
            reserved: reserved || self.state.clusters.contains_key(parent),
        }
    }

    /// The row of a workspace that is at home here, at the version that the writer saw.
    fn own_row(&self, id: &ClusterId, version: Option<u64>) -> Result<Row, Refusal> {
        let node = self.state.tree.get(id).filter(|node| node.owner == self.state.group && !node.row.deleted);
        let (Some(node), true) = (node, self.state.clusters.contains_key(id)) else {
            return Err(Refusal::NotHome { cluster: id.clone() });
        };
        if version.is_some_and(|version| version != node.row.version) {
            return Err(Refusal::Changed { current: node.row.version });
        }
        Ok(Row::clone(&node.row))
    }

    /// Writes a row of this group: into the tree now, into the documents when the transaction is through.
    pub(crate) fn write(&mut self, row: Row) -> Result<(), Refusal> {
        if let Err(error) = row.encode() {
            return Err(Refusal::Malformed { why: error.to_string() });
        }
        if let Some(placement) = row.placements.last() {
            self.state.reservations.fulfil(&placement.parent, &placement.name, &row.id);
        }
        let mut changed = self.state.tree.put(&self.state.group, row.clone());
        // What the group itself knows of the cluster counts too, and is no part of the tree.
        changed.nodes.insert(row.id.clone());
        self.state.project(changed);
        self.rows.push(row);
        Ok(())
    }
}
