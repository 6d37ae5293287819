//! The records of version 3, and of version 2, which had no membership. (Version 1 was never released.)

use std::io::{self, Read, Write};

use hanse_base::id::{ClusterId, GroupId};
use hanse_tree::documents::Documents;
use serde::{Deserialize, Serialize};

use super::SnapshotError;
use crate::content::Changes;
use crate::object::Object;
use crate::restored::Restored;
use crate::roster::Membership;
use crate::staged::Staged;
use crate::state::State;
use crate::txn::{Region, TXN_BYTES_MAX};

pub(super) const VERSION: u8 = 3;
/// What an older daemon has written.
pub(super) const PREVIOUS: u8 = 2;
/// The longest record: an object has come in a transaction.
pub(super) const RECORD_BYTES_MAX: usize = TXN_BYTES_MAX + 4096;
/// A document is cut into parts of this size.
const PART_BYTES_MAX: usize = 1 << 20;

/// One record. The kinds come in a snapshot in this order, but for the last, which comes second.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Record<'a> {
    Head {
        group: &'a str,
        revision: u64,
        region: Option<Region>,
    },
    Cluster {
        id: &'a str,
        epoch: u64,
        deleting: bool,
    },
    Reservation {
        parent: &'a str,
        name: &'a str,
        id: &'a str,
        made_ms: u64,
    },
    /// Its parts follow.
    Document {
        group: &'a str,
        ordinal: u32,
        generation: u32,
        incoming: bool,
        parts: u32,
    },
    Part(#[serde(borrow)] Blob<'a>),
    Object {
        #[serde(borrow)]
        key: Blob<'a>,
        revision: u64,
        revision_at: u32,
        #[serde(borrow)]
        bytes: Blob<'a>,
        #[serde(borrow)]
        labels: Vec<(&'a str, &'a str)>,
        deleting: bool,
        #[serde(borrow)]
        owners: Vec<&'a str>,
        held: bool,
    },
    /// When the resources of a logical cluster were last changed; one for each cluster that holds or has held objects.
    Changes {
        cluster: &'a str,
        emptied: u64,
        #[serde(borrow)]
        resources: Vec<(&'a str, u64)>,
    },
    /// What came before: so that a snapshot that lost records is not taken for a smaller one.
    End {
        clusters: u64,
        reservations: u64,
        documents: u64,
        objects: u64,
        changes: u64,
    },
    /// Who belongs to the federation; behind the head. Absent from version 2.
    Membership(Box<Membership>),
    /// That the group was restored from a backup; before the clusters, and absent if it never was.
    Restored {
        at_ms: u64,
        backup: u64,
        begun: u64,
        lost: u64,
        #[serde(borrow)]
        learned: Vec<&'a str>,
    },
    /// Objects that wait for a workspace that is being restored; behind the restoration. They follow.
    Staged {
        id: &'a str,
        touched_ms: u64,
        objects: u64,
    },
    StagedObject {
        #[serde(borrow)]
        key: Blob<'a>,
        revision_at: u32,
        #[serde(borrow)]
        bytes: Blob<'a>,
        #[serde(borrow)]
        labels: Vec<(&'a str, &'a str)>,
        deleting: bool,
        #[serde(borrow)]
        owners: Vec<&'a str>,
        held: bool,
    },
}

/// Bytes that are written as bytes, not as a list of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Blob<'a>(pub(super) &'a [u8]);

impl Serialize for Blob<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Blob<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(Blob)
    }
}

/// Writes all records of the state.
pub(super) fn write(state: &State, output: &mut impl Write) -> io::Result<()> {
    let mut records = Records { output, buffer: Vec::new() };
    records.write(&Record::Head {
        group: state.group.as_str(),
        revision: state.revision().0,
        region: state.region().cloned(),
    })?;
    records.write(&Record::Membership(Box::new((*state.membership).clone())))?;
    if let Some(Restored { at_ms, backup, begun, lost, learned }) = &state.restored {
        let learned = learned.iter().map(GroupId::as_str).collect();
        let (at_ms, backup, begun, lost) = (*at_ms, backup.0, begun.0, *lost);
        records.write(&Record::Restored { at_ms, backup, begun, lost, learned })?;
    }
    for (id, staged) in &state.staged {
        records.staged(id, staged)?;
    }
    for (id, cluster) in &state.clusters {
        let (epoch, deleting) = (cluster.epoch.0, cluster.deleting);
        records.write(&Record::Cluster { id: id.as_str(), epoch, deleting })?;
    }
    for (parent, name, reservation) in state.reservations.iter() {
        let (parent, id) = (parent.as_str(), reservation.id.as_str());
        records.write(&Record::Reservation { parent, name, id, made_ms: reservation.made_ms })?;
    }
    let mut documents = 0;
    for held in std::iter::once(&state.own).chain(state.others.values()) {
        documents += records.documents(held)?;
    }
    for (key, object) in &state.objects {
        records.object(key.as_bytes(), object)?;
    }
    let changes = state.content.changes();
    for Changes { cluster, emptied, resources } in &changes {
        let resources = resources.iter().map(|(resource, changed)| (*resource, changed.0)).collect();
        records.write(&Record::Changes { cluster, emptied: emptied.0, resources })?;
    }
    let (clusters, objects, changes) = (state.clusters.len() as u64, state.objects.len() as u64, changes.len() as u64);
    let reservations = state.reservations.iter().len() as u64;
    records.write(&Record::End { clusters, reservations, documents, objects, changes })
}

struct Records<'a, W> {
    output: &'a mut W,
    buffer: Vec<u8>,
}

impl<W: Write> Records<'_, W> {
    fn write(&mut self, record: &Record<'_>) -> io::Result<()> {
        self.buffer.clear();
        self.buffer = postcard::to_extend(record, std::mem::take(&mut self.buffer)).map_err(io::Error::other)?;
        let length = u32::try_from(self.buffer.len()).map_err(io::Error::other)?;
        self.output.write_all(&length.to_le_bytes())?;
        self.output.write_all(&self.buffer)
    }

    fn documents(&mut self, documents: &Documents) -> io::Result<u64> {
        let mut count = 0;
        for saved in documents.save() {
            let parts = saved.bytes.chunks(PART_BYTES_MAX);
            self.write(&Record::Document {
                group: saved.id.group.as_str(),
                ordinal: saved.id.ordinal,
                generation: saved.id.generation,
                incoming: saved.incoming,
                parts: u32::try_from(parts.len()).map_err(io::Error::other)?,
            })?;
            for part in parts {
                self.write(&Record::Part(Blob(part)))?;
            }
            count += 1;
        }
        Ok(count)
    }

    fn staged(&mut self, id: &ClusterId, staged: &Staged) -> io::Result<()> {
        let objects = staged.objects.len() as u64;
        self.write(&Record::Staged { id: id.as_str(), touched_ms: staged.touched_ms, objects })?;
        for (key, draft) in &staged.objects {
            self.write(&Record::StagedObject {
                key: Blob(key.as_bytes()),
                revision_at: draft.revision_at,
                bytes: Blob(&draft.bytes),
                labels: draft.labels.iter().map(|(key, value)| (&**key, &**value)).collect(),
                deleting: draft.deleting,
                owners: draft.owners.iter().map(|uid| &**uid).collect(),
                held: draft.held,
            })?;
        }
        Ok(())
    }

    fn object(&mut self, key: &[u8], object: &Object) -> io::Result<()> {
        self.write(&Record::Object {
            key: Blob(key),
            revision: object.revision.0,
            revision_at: object.revision_at,
            bytes: Blob(&object.bytes()),
            labels: object.labels.iter().map(|(key, value)| (&**key, &**value)).collect(),
            deleting: object.deleting,
            owners: object.owners().collect(),
            held: object.held,
        })
    }
}

/// Reads the next record into the buffer, which it then borrows from.
pub(super) fn read<'a>(input: &mut impl Read, buffer: &'a mut Vec<u8>) -> Result<Record<'a>, SnapshotError> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length as usize > RECORD_BYTES_MAX {
        return Err(SnapshotError::Damaged("a record is too long"));
    }
    buffer.clear();
    // The memory grows with what is there, not with what the length promises.
    if input.take(u64::from(length)).read_to_end(buffer)? != length as usize {
        return Err(SnapshotError::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    match postcard::take_from_bytes(buffer) {
        Ok((record, [])) => Ok(record),
        _ => Err(SnapshotError::Damaged("a record cannot be decoded")),
    }
}
