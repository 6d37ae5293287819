//! A group that was restored from a backup: how it comes to stand above everything that its clients have seen, and what
//! it learns from others of the workspaces that were made after the backup.
//!
//! Other regions hold copies of the group's documents that are newer than the backup. A restored group that went on with
//! its documents would write other changes under sequences that are taken. So it begins each document anew under a higher
//! generation; a copy that sees this replaces the document as a whole. That would lose rows of workspaces that only the
//! copies know: therefore a group gets no documents of a restored one before its copy was looked at. What the backup knows
//! is as the backup has it; a row that it does not know is kept, and shown as what it is: a workspace whose content is lost.

use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::{Epoch, GroupId, Revision};
use hanse_tree::batch::{Cursor, DOCUMENTS_MAX};
use hanse_tree::documents::Documents;
use hanse_tree::row::{Placement, Row};
use imbl::OrdSet;
use serde::{Deserialize, Serialize};

use crate::apply::{GROUPS_MAX, Steps, malformed};
use crate::history::History;
use crate::reservation::Reservations;
use crate::roster::Member;
use crate::state::{Cluster, ROOT, State};
use crate::txn::Refusal;
use crate::workspace::{is_deleting, lost};

/// That a group was restored, and how far it is with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The backup's revision. Everything up to it is here; everything between it and [`Restored::begun`] is lost.
    pub backup: Revision,
    /// The revision that the group began again with.
    pub begun: Revision,
    /// Workspaces that only others knew of.
    pub lost: u64,
    /// The groups whose copies of the own documents were looked at.
    pub(crate) learned: OrdSet<GroupId>,
}

impl Restored {
    /// The groups whose copies of the own documents were looked at, in order.
    pub fn learned(&self) -> impl Iterator<Item = &GroupId> {
        self.learned.iter()
    }
}

/// What another group's copy of the own documents holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// Whose copy it is.
    pub group: GroupId,
    /// Rows in the form of [`Row::encode`]. Those that are known here change nothing.
    #[serde(deserialize_with = "crate::txn::bounded")]
    pub rows: Vec<Bytes>,
    /// How far the copy is: ordinal, generation and next sequence of each document.
    #[serde(deserialize_with = "crate::txn::bounded")]
    pub seen: Vec<(u32, u32, u64)>,
    /// Whether these are the last rows.
    pub whole: bool,
}

impl Learned {
    /// What is to be learned of a copy that was pulled from a group, each part small enough for a transaction.
    #[must_use]
    pub fn parts(group: &GroupId, copy: &Documents) -> Vec<Self> {
        let part = |rows| Self { group: group.clone(), rows, seen: Vec::new(), whole: false };
        let (mut parts, mut rows, mut bytes) = (Vec::new(), Vec::new(), 0);
        for row in copy.rows() {
            // A row of a document was decoded, and is within its limits.
            let Ok(row) = row.encode() else { continue };
            bytes += row.len();
            rows.push(Bytes::from(row));
            if bytes >= PART_BYTES || rows.len() == PART_ROWS {
                parts.push(part(std::mem::take(&mut rows)));
                bytes = 0;
            }
        }
        let seen = copy.cursor().positions().collect();
        parts.push(Self { rows, seen, whole: true, group: group.clone() });
        parts
    }
}

/// Rows and their bytes in one part.
const PART_ROWS: usize = 1_000;
const PART_BYTES: usize = 1 << 20;
/// How far a restored group's revision lies above its backup's, at least.
const REVISION_MARGIN: u64 = 1 << 32;
/// The revision that a group restored at a moment begins with: seconds since 1970, with room for a million revisions in
/// each of them. So of two groups restored from one backup, the later one is above all that the first has given out.
const REVISIONS_PER_SECOND: u64 = 1 << 20;
/// A copy that has more documents than these beyond the own ones is not one that this group has ever written: they would
/// hold millions of workspaces that were made since the backup.
const DOCUMENTS_AHEAD_MAX: usize = 1_024;
/// A copy under a higher generation is not one that this group has ever written: a generation takes at least 64 KiB of
/// changes.
const GENERATION_MAX: u32 = 1 << 30;

impl State {
    /// Makes the state of a backup that of a group which begins anew: the revision lies above `above`, and above
    /// everything that the group may have given out since the backup was taken, provided that the clock is right within
    /// years; who watches or pages from before is told to list again.
    ///
    /// The objects keep their revisions. The daemon is the region's only member.
    pub fn revive(&mut self, at_ms: u64, above: Revision, own: Member) {
        let backup = self.revision();
        let by_clock = (at_ms / 1000).saturating_mul(REVISIONS_PER_SECOND);
        let begun = backup.0.max(above.0).saturating_add(REVISION_MARGIN).max(by_clock);
        let begun = Revision(begun);
        self.history = History::new(begun, self.history.limits());
        self.reservations = Reservations::default();
        self.staged.clear();
        self.membership = Arc::new(self.membership.revived(own, at_ms));
        self.restored = Some(Restored { at_ms, backup, begun, lost: 0, learned: OrdSet::new() });
        self.own.restart_above(&[]);
    }

    /// That the group was restored from a backup; `None` for one that never was.
    #[must_use]
    pub fn restored(&self) -> Option<&Restored> {
        self.restored.as_ref()
    }

    /// Whether another group's copy of the own documents has to be looked at before it may follow them.
    #[must_use]
    pub fn must_learn_from(&self, group: &GroupId) -> bool {
        self.restored.as_ref().is_some_and(|restored| !restored.learned.contains(group))
    }

    /// The state's relations with its restoration.
    pub(crate) fn check_restored(&self) {
        let Some(restored) = &self.restored else { return };
        assert!(restored.backup < restored.begun && restored.begun <= self.revision(), "a restored group stands above");
        assert!(!restored.learned.contains(&self.group) && restored.learned.len() <= GROUPS_MAX);
    }

    /// Takes in what another group's copy of the own documents holds. All or nothing.
    pub(crate) fn learn(&mut self, learned: &Learned, time_ms: u64) -> Result<(), Refusal> {
        let Some(restored) = self.restored.clone() else {
            return Err(malformed("this group was not restored from a backup"));
        };
        if learned.group == self.group || restored.learned.len() >= GROUPS_MAX {
            return Err(malformed("the copy is not another group's, or there are too many groups"));
        }
        if restored.learned.contains(&learned.group) {
            return Ok(());
        }
        let documents = self.own.documents().count() + DOCUMENTS_AHEAD_MAX;
        let sane = |(ordinal, generation, _): &(u32, u32, u64)| {
            (*ordinal as usize) < documents.min(DOCUMENTS_MAX) && *generation <= GENERATION_MAX
        };
        if !learned.seen.iter().all(sane) {
            return Err(malformed("the copy has documents that this group has never written"));
        }
        let rows = learned.rows.iter().map(|row| Row::decode(row)).collect::<Result<Vec<_>, _>>();
        let rows = rows.map_err(|error| Refusal::Malformed { why: error.to_string() })?;
        let lost = self.keep(rows, (restored.at_ms, time_ms))?;
        if learned.whole {
            self.step_above(&Cursor::new(learned.seen.iter().copied()));
        }
        if let Some(restored) = &mut self.restored {
            restored.lost += lost;
            if learned.whole {
                restored.learned.insert(learned.group.clone());
            }
        }
        Ok(())
    }

    /// Keeps the rows that are not known here. How many live ones there were.
    fn keep(&mut self, rows: Vec<Row>, (restored_ms, time_ms): (u64, u64)) -> Result<u64, Refusal> {
        let mut count = 0;
        let mut steps = Steps { state: self, time_ms, rows: Vec::new() };
        for row in rows {
            let known = steps.state.tree.get(&row.id).is_some() || steps.state.clusters.contains_key(&row.id);
            let Some(last) = row.placements.last().filter(|_| !known && row.id.as_str() != ROOT) else { continue };
            if row.deleted {
                steps.write(row)?;
                continue;
            }
            // Its name is claimed now, after all others: who has taken it since keeps it.
            let placement = Placement {
                lamport: steps.state.tree.next_lamport(),
                group: steps.state.group.clone(),
                parent: last.parent.clone(),
                name: last.name.clone(),
                reserved: false,
            };
            let row = lost_row(&row, placement, restored_ms);
            steps.state.clusters.insert(row.id.clone(), cluster_of(&row));
            if is_deleting(&row.content) {
                steps.state.ending_clusters.insert(row.id.clone());
            }
            steps.write(row)?;
            count += 1;
        }
        let rows = std::mem::take(&mut steps.rows);
        for row in rows {
            self.own.put(&row).expect("the row's limits were checked when it was made");
        }
        Ok(count)
    }

    /// Begins the own documents anew, if a copy holds changes of these generations or of later ones.
    fn step_above(&mut self, seen: &Cursor) {
        let own = self.own.cursor();
        let taken = seen
            .positions()
            .any(|(ordinal, generation, _)| own.get(ordinal).is_none_or(|(held, _)| held <= generation));
        if taken {
            self.own.restart_above(std::slice::from_ref(seen));
            self.restarted = true;
        }
    }
}

/// The row of a workspace whose content is lost.
fn lost_row(row: &Row, placement: Placement, restored_ms: u64) -> Row {
    let with = |content: Bytes| Row {
        id: row.id.clone(),
        epoch: row.epoch,
        version: row.version.saturating_add(1),
        placements: vec![placement.clone()],
        deleted: false,
        content,
    };
    let marked = with(lost(&row.content, restored_ms));
    // What no longer fits is given up for the mark.
    if marked.encode().is_ok() { marked } else { with(lost(b"{}", restored_ms)) }
}

fn cluster_of(row: &Row) -> Cluster {
    Cluster { epoch: row.epoch.max(Epoch(1)), deleting: is_deleting(&row.content) }
}
