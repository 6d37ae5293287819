//! How the tree follows its rows: first the structure, then the names, then what is derived from both.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use hanse_base::id::{ClusterId, GroupId};

use crate::name::{Bid, RUNGS, rung_name};
use crate::row::Row;
use crate::structure::{self, Effect};
use crate::tree::{Changed, Entry, HIGHEST, Node, Tree, lamport, mentioned, troubles};

/// What one call has changed so far.
#[derive(Default)]
pub(super) struct Work {
    /// Entries as they were before, of all nodes that were touched.
    before: BTreeMap<ClusterId, Option<Arc<Entry>>>,
    /// The effects of placements have to be computed anew.
    replay: bool,
    /// The highest lamport may be gone.
    lamport: bool,
}

impl Tree {
    /// Puts a group's row into its entry, or takes it out, and brings all up to date that does not depend on names.
    pub(super) fn stage(&mut self, group: &GroupId, id: &ClusterId, row: Option<Row>, work: &mut Work) {
        let before = self.nodes.get(id).cloned();
        let mut rows = before.as_ref().map_or_else(Vec::new, |entry| entry.rows());
        let held = rows.iter().position(|(owner, _)| owner == group).map(|index| rows.swap_remove(index).1);
        if held.as_deref() == row.as_ref() {
            return;
        }
        let [lamport_before, lamport_after] = [held.as_deref(), row.as_ref()].map(|row| row.map_or(0, lamport));
        work.lamport |= lamport_before == self.lamport && lamport_after < lamport_before;
        if let Some(row) = row {
            self.lamport = self.lamport.max(lamport_after);
            rows.push((group.clone(), Arc::new(self.intern(row))));
        }
        rows.sort_by(|(left_group, left), (right_group, right)| {
            right.epoch.cmp(&left.epoch).then_with(|| left_group.cmp(right_group))
        });
        work.before.entry(id.clone()).or_insert_with(|| before.clone());
        let mut rows = rows.into_iter();
        let after = rows.next().map(|(owner, row)| {
            let mut entry = before.as_deref().cloned().unwrap_or_else(|| Entry::new(&row, &owner));
            (entry.node.row, entry.node.owner, entry.others) = (row, owner, rows.collect());
            entry
        });
        self.place(id, before.as_deref(), after, work);
    }

    /// Stores an entry after its row has changed, and finds the effect of its placements.
    fn place(&mut self, id: &ClusterId, before: Option<&Entry>, after: Option<Entry>, work: &mut Work) {
        let unchanged = before
            .zip(after.as_ref())
            .is_some_and(|(before, after)| before.node.row.placements == after.node.row.placements);
        if let Some(before) = before.filter(|_| !unchanged) {
            for parent in mentioned(&before.node.row) {
                self.mentions.remove(&(parent.clone(), id.clone()));
            }
            for key in troubles(&before.node.row, before.effect) {
                self.moves.remove(&key);
            }
        }
        let Some(mut after) = after else {
            self.nodes.remove(id);
            work.replay |= self.placed_or_named_below(id);
            return;
        };
        if !unchanged {
            for parent in mentioned(&after.node.row) {
                self.mentions.insert((parent.clone(), id.clone()));
            }
            match if work.replay { None } else { self.effect(before, &after.node.row) } {
                Some(effect) => after.effect = effect,
                None => {
                    work.replay = true;
                    after.effect = Effect::default();
                }
            }
            after.node.parent = after.placement().map(|placement| placement.parent.clone());
            self.moves.extend(troubles(&after.node.row, after.effect));
        }
        self.nodes.insert(after.node.row.id.clone(), Arc::new(after));
    }

    /// The effect of a node's new placements, if it can be shown that no other node's placements have another effect
    /// because of them.
    ///
    /// - Nobody ever was below the node: then no placement of others depends on where it is, and none of its own can
    ///   close a cycle.
    /// - One placement `x` comes last of the node's own, everything after `x` in the order is a creation with an
    ///   effect, and the tree as it is now, with `x`, has no cycle: then at every moment after `x` the edges are some of
    ///   these, so none of the creations closes a cycle either.
    fn effect(&self, before: Option<&Entry>, row: &Row) -> Option<Effect> {
        let order = structure::order(row);
        if !self.placed_or_named_below(&row.id) {
            return Some(Effect { counts: order.last().copied(), idle: 0 });
        }
        let held = before.map_or(&[][..], |before| &before.node.row.placements);
        if order.is_empty() && before.is_none_or(|before| before.effect == Effect::default()) {
            return Some(Effect::default());
        }
        let (last, rest) = order.split_last()?;
        let appended = rest.iter().all(|index| usize::from(*index) < held.len())
            && held.len() + 1 == row.placements.len()
            && *held == row.placements[..held.len()]
            && usize::from(*last) == held.len();
        let later = self.moves.get_next(&structure::key(row, *last)).is_some();
        let parent = &row.placements[usize::from(*last)].parent;
        if !appended || later || self.would_cycle(&row.id, parent) {
            return None;
        }
        Some(Effect { counts: Some(*last), idle: before.map_or(0, |before| before.effect.idle) })
    }

    /// Brings everything up to date that depends on others, and tells what has changed.
    pub(super) fn settle(&mut self, mut work: Work) -> Changed {
        if work.replay {
            self.replay(&mut work);
        }
        if work.lamport {
            self.lamport = self.highest_lamport();
        }
        self.rebid(&mut work);
        let mut changed = Changed::default();
        for (id, before) in &work.before {
            let after = self.nodes.get(id).cloned();
            let [before, after] = [before, &after].map(|entry| entry.as_ref().map(|entry| &entry.node));
            if before == after {
                continue;
            }
            changed.nodes.insert(id.clone());
            self.strand(id, before);
            if before.map(Node::step) != after.map(Node::step) {
                for child in self.placed_below(id).cloned().collect::<Vec<_>>() {
                    self.strand(&child, self.get(&child).cloned().as_ref());
                }
                self.descend(id, &mut changed.paths);
            }
        }
        let Changed { nodes, paths } = &mut changed;
        paths.retain(|id| !nodes.contains(id) && self.is_live(id));
        changed
    }

    /// Adds all nodes below one, but not below those that are found already.
    fn descend(&self, id: &ClusterId, found: &mut BTreeSet<ClusterId>) {
        let mut waiting = vec![id.clone()];
        while let Some(parent) = waiting.pop() {
            for child in self.placed_below(&parent) {
                if found.insert(child.clone()) {
                    waiting.push(child.clone());
                }
            }
        }
    }

    /// Computes the effects of all placements that can depend on each other.
    fn replay(&mut self, work: &mut Work) {
        let mut ids: BTreeSet<ClusterId> = work.before.keys().cloned().collect();
        ids.extend(self.moves.iter().map(|key| key.id.clone()));
        let mut mention = self.mentions.get_min();
        while let Some((parent, _)) = mention {
            ids.insert(parent.clone());
            let rest = (Bound::Excluded((parent.clone(), HIGHEST.clone())), Bound::Unbounded);
            mention = self.mentions.range(rest).next();
        }
        let entries: Vec<Arc<Entry>> = ids.iter().filter_map(|id| self.nodes.get(id).cloned()).collect();
        let rows: Vec<&Row> = entries.iter().map(|entry| &*entry.node.row).collect();
        let effects = structure::replay(&rows);
        for (entry, effect) in entries.iter().zip(effects) {
            if entry.effect == effect {
                continue;
            }
            let row = &entry.node.row;
            work.before.entry(row.id.clone()).or_insert_with(|| Some(entry.clone()));
            for key in troubles(row, entry.effect) {
                self.moves.remove(&key);
            }
            self.moves.extend(troubles(row, effect));
            let mut after = Entry::clone(entry);
            after.effect = effect;
            after.node.parent = after.placement().map(|placement| placement.parent.clone());
            self.nodes.insert(row.id.clone(), Arc::new(after));
        }
    }

    /// Gives names to all touched nodes, and to those that win or lose a name by it.
    fn rebid(&mut self, work: &mut Work) {
        let mut waiting: Vec<ClusterId> = Vec::new();
        let touched: Vec<(ClusterId, Option<Arc<Entry>>)> =
            work.before.iter().map(|(id, entry)| (id.clone(), entry.clone())).collect();
        let mut bidders = Vec::new();
        for (id, before) in touched {
            let after = self.nodes.get(&id).cloned();
            if before.as_deref().map(Entry::bidding) == after.as_deref().map(Entry::bidding) {
                continue;
            }
            if let Some((before, placement)) = before.as_deref().and_then(|before| Some((before, before.claim()?))) {
                let bids = (0..before.rungs).map(|rung| Bid::new(&id, placement, rung));
                waiting.extend(bids.filter_map(|bid| self.bids.remove(&bid)));
            }
            bidders.extend(after);
        }
        for entry in bidders {
            let id = &entry.node.row.id;
            let mut after = Entry::clone(&entry);
            after.rungs = 0;
            after.node.conflict = false;
            after.node.claimed_name =
                after.placement().map_or_else(|| id.as_str().into(), |placed| placed.name.clone());
            after.node.name = after.node.claimed_name.clone();
            if let Some(placement) = after.claim() {
                waiting.extend(self.bids.insert(Bid::new(id, placement, 0)));
                after.rungs = 1;
                waiting.push(id.clone());
            }
            self.nodes.insert(id.clone(), Arc::new(after));
        }
        while let Some(id) = waiting.pop() {
            self.climb(&id, work, &mut waiting);
        }
    }

    /// Finds the first rung on which a node holds the name, and takes back its bids on the rungs below.
    fn climb(&mut self, id: &ClusterId, work: &mut Work, waiting: &mut Vec<ClusterId>) {
        let Some(entry) = self.nodes.get(id).filter(|entry| entry.rungs > 0).cloned() else { return };
        let placement = entry.claim().expect("who bids has a place");
        let (mut rung, mut name) = (0, entry.node.claimed_name.clone());
        loop {
            if rung >= entry.rungs {
                waiting.extend(self.bids.insert(Bid::new(id, placement, rung)));
            }
            if rung + 1 == RUNGS || self.bids.holder(&placement.parent, &name).is_some_and(|holder| holder.id == *id) {
                break;
            }
            rung += 1;
            name = rung_name(id, &placement.name, rung);
        }
        for below in rung + 1..entry.rungs {
            waiting.extend(self.bids.remove(&Bid::new(id, placement, below)));
        }
        if (entry.rungs, &entry.node.name) != (rung + 1, &name) {
            work.before.entry(id.clone()).or_insert_with(|| Some(entry.clone()));
            let mut after = Entry::clone(&entry);
            after.rungs = rung + 1;
            after.node.conflict = rung > 0;
            after.node.name = name;
            self.nodes.insert(id.clone(), Arc::new(after));
        }
    }

    /// Brings the set of stranded nodes up to date for one node.
    fn strand(&mut self, id: &ClusterId, before: Option<&Node>) {
        if let Some(before) = before {
            self.stranded.remove(&(before.owner.clone(), id.clone()));
        }
        if self.is_stranded(id) {
            let owner = self.get(id).expect("a stranded node is known").owner.clone();
            self.stranded.insert((owner, id.clone()));
        }
    }

    /// Uses the texts of ids that are held already, to save memory.
    fn intern(&self, mut row: Row) -> Row {
        if let Some((id, _)) = self.nodes.get_key_value(&row.id) {
            row.id = id.clone();
        }
        row.placements.shrink_to_fit();
        for placement in &mut row.placements {
            if let Some((parent, entry)) = self.nodes.get_key_value(&placement.parent) {
                placement.parent = parent.clone();
                if let Some(held) = entry.node.row.placements.first().filter(|held| held.group == placement.group) {
                    placement.group = held.group.clone();
                }
            }
        }
        row
    }
}
