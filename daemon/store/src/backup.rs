//! Workspaces as bytes: the body of a workspace's backup. (That of a region is a snapshot.)
//!
//! ```text
//! "hanse workspace" 1 | length record | length record | ...    lengths: four bytes, little endian; records: postcard
//! a cluster, its objects, the next cluster, ..., end: parents before their children
//! ```
//! Readers trust nothing in it: every length has a limit.

use std::io::{self, Read, Write};

use bytes::Bytes;
use hanse_base::id::ClusterId;

use crate::key::Key;
use crate::snapshot::SnapshotError;
use crate::state::State;
use crate::txn::TXN_BYTES_MAX;
use crate::workspace::WORKSPACES;

/// A logical cluster of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedCluster {
    /// Its id.
    pub id: ClusterId,
    /// The logical cluster that it stood below.
    pub parent: ClusterId,
    /// The name that it had there.
    pub name: String,
    /// Its row's content: the Workspace object as JSON, without what each region adds.
    pub content: Bytes,
}

/// What comes next in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// A logical cluster; its objects follow.
    Cluster(SavedCluster),
    /// An object of the last logical cluster.
    Object {
        /// Where it stood.
        key: Key,
        /// The object as JSON, with its revision.
        bytes: Bytes,
    },
}

mod v1 {
    use serde::{Deserialize, Serialize};

    pub(super) const VERSION: u8 = 1;

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) enum Record<'a> {
        Cluster {
            id: &'a str,
            parent: &'a str,
            name: &'a str,
            #[serde(with = "serde_bytes_slice", borrow)]
            content: &'a [u8],
        },
        Object {
            resource: &'a str,
            namespace: &'a str,
            name: &'a str,
            #[serde(with = "serde_bytes_slice", borrow)]
            bytes: &'a [u8],
        },
        End {
            clusters: u64,
            objects: u64,
        },
    }

    /// Bytes that are written as bytes, not as a list of numbers.
    mod serde_bytes_slice {
        use serde::{Deserialize, Deserializer, Serializer};

        pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(bytes)
        }

        pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'de [u8], D::Error> {
            <&[u8]>::deserialize(deserializer)
        }
    }
}

impl State {
    /// The logical cluster, and with `below` those at home here that stand below it, parents before their children. Those
    /// whose parent is at home elsewhere are not among them.
    #[must_use]
    pub fn clusters_from(&self, top: &ClusterId, below: bool) -> Vec<ClusterId> {
        let mut found: Vec<ClusterId> = self.clusters.contains_key(top).then(|| top.clone()).into_iter().collect();
        let mut next = 0;
        while below && next < found.len() {
            let children = self.tree.children(&found[next]).map(|(_, child)| child.clone());
            let here: Vec<ClusterId> = children.filter(|child| self.clusters.contains_key(child)).collect();
            found.extend(here);
            next += 1;
        }
        found
    }

    /// How many objects a backup of the logical cluster has: all but the Workspaces of its children, which are made of
    /// the tree.
    #[must_use]
    pub fn saved_objects(&self, cluster: &ClusterId) -> u64 {
        self.saved_keys(cluster).count() as u64
    }

    /// Writes the logical clusters, whose order must be that of [`State::clusters_from`].
    ///
    /// # Errors
    /// The output refuses, or one of them is not at home here, or is `root`, which is no workspace.
    pub fn write_clusters(&self, clusters: &[ClusterId], output: &mut dyn Write) -> io::Result<()> {
        output.write_all(MAGIC)?;
        output.write_all(&[v1::VERSION])?;
        let mut records = Records { output, buffer: Vec::new() };
        let mut objects = 0;
        for id in clusters {
            let node = self.tree.get(id).filter(|_| self.clusters.contains_key(id));
            let Some((node, parent)) = node.and_then(|node| Some((node, node.parent.as_ref()?))) else {
                return Err(io::Error::new(io::ErrorKind::NotFound, format!("{id} is not a workspace of this group")));
            };
            let (id, parent, name, content) = (id.as_str(), parent.as_str(), &*node.name, &*node.row.content);
            records.write(&v1::Record::Cluster { id, parent, name, content })?;
            for key in self.saved_keys(&node.row.id) {
                let Some(object) = self.objects.get(key) else { continue };
                let [resource, _, namespace, name] = key.parts();
                records.write(&v1::Record::Object { resource, namespace, name, bytes: &object.bytes() })?;
                objects += 1;
            }
        }
        records.write(&v1::Record::End { clusters: clusters.len() as u64, objects })
    }

    fn saved_keys<'a>(&'a self, cluster: &'a ClusterId) -> impl Iterator<Item = &'a Key> {
        self.cluster_content(cluster, None).filter(|key| key.resource() != WORKSPACES)
    }
}

struct Records<'a> {
    output: &'a mut dyn Write,
    buffer: Vec<u8>,
}

impl Records<'_> {
    fn write(&mut self, record: &v1::Record<'_>) -> io::Result<()> {
        self.buffer.clear();
        self.buffer = postcard::to_extend(record, std::mem::take(&mut self.buffer)).map_err(io::Error::other)?;
        let length = u32::try_from(self.buffer.len()).map_err(io::Error::other)?;
        self.output.write_all(&length.to_le_bytes())?;
        self.output.write_all(&self.buffer)
    }
}

/// Reads the logical clusters of a backup, one record at a time.
#[derive(Debug)]
pub struct ClusterReader<R> {
    input: R,
    buffer: Vec<u8>,
    cluster: Option<ClusterId>,
    clusters: u64,
    objects: u64,
    is_ended: bool,
}

impl<R: Read> ClusterReader<R> {
    /// Reads the beginning.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub fn new(mut input: R) -> Result<Self, SnapshotError> {
        let mut start = [0; MAGIC.len() + 1];
        input.read_exact(&mut start)?;
        let [magic @ .., version] = start;
        if magic != *MAGIC {
            return Err(SnapshotError::Foreign);
        }
        if version != v1::VERSION {
            return Err(SnapshotError::Version(version));
        }
        Ok(Self { input, buffer: Vec::new(), cluster: None, clusters: 0, objects: 0, is_ended: false })
    }

    /// The next cluster or object; `None` at the end.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub fn next_saved(&mut self) -> Result<Option<Saved>, SnapshotError> {
        if self.is_ended {
            return Ok(None);
        }
        self.fill()?;
        let (record, rest) = postcard::take_from_bytes::<v1::Record<'_>>(&self.buffer)
            .or(Err(SnapshotError::Damaged("a record cannot be decoded")))?;
        if !rest.is_empty() {
            return Err(SnapshotError::Damaged("a record cannot be decoded"));
        }
        match record {
            v1::Record::Cluster { id, parent, name, content } => {
                let cluster = |text: &str| {
                    ClusterId::new(text).or(Err(SnapshotError::Damaged("a logical cluster's id is not one")))
                };
                let (id, parent) = (cluster(id)?, cluster(parent)?);
                self.cluster = Some(id.clone());
                self.clusters += 1;
                let (name, content) = (name.to_owned(), Bytes::copy_from_slice(content));
                Ok(Some(Saved::Cluster(SavedCluster { id, parent, name, content })))
            }
            v1::Record::Object { resource, namespace, name, bytes } => {
                let Some(cluster) = &self.cluster else {
                    return Err(SnapshotError::Damaged("an object belongs to no logical cluster"));
                };
                let key = Key::new(resource, cluster, namespace, name);
                let key = key.or(Err(SnapshotError::Damaged("a key is not one")))?;
                self.objects += 1;
                Ok(Some(Saved::Object { key, bytes: Bytes::copy_from_slice(bytes) }))
            }
            v1::Record::End { clusters, objects } if (clusters, objects) == (self.clusters, self.objects) => {
                self.is_ended = true;
                Ok(None)
            }
            v1::Record::End { .. } => Err(SnapshotError::Damaged("records are missing")),
        }
    }

    /// Reads the next record into the buffer.
    fn fill(&mut self) -> Result<(), SnapshotError> {
        let mut length = [0; 4];
        self.input.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length);
        if length as usize > RECORD_BYTES_MAX {
            return Err(SnapshotError::Damaged("a record is too long"));
        }
        self.buffer.clear();
        // The memory grows with what is there, not with what the length promises.
        if (&mut self.input).take(u64::from(length)).read_to_end(&mut self.buffer)? != length as usize {
            return Err(SnapshotError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }
}

const MAGIC: &[u8; 15] = b"hanse workspace";
/// The longest record: an object has come in a transaction.
const RECORD_BYTES_MAX: usize = TXN_BYTES_MAX + 4096;
