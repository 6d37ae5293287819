//! What a backup says of itself, before its body.

use serde::{Deserialize, Serialize};

/// The head of a backup file. A field that this version does not know is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// What it is a backup of.
    #[serde(flatten)]
    pub subject: Subject,
    /// Id of the federation.
    pub federation: String,
    /// Name of the region.
    pub region: String,
    /// Id of the group.
    pub group: String,
    /// The group's revision at the point that the backup shows.
    pub revision: u64,
    /// When that was, in milliseconds since 1970.
    pub time_ms: u64,
    /// Version of the daemon that wrote it.
    pub daemon_version: String,
    /// Raft's term then: a restored group begins in a later one.
    #[serde(default)]
    pub term: u64,
    /// Index of the last entry of Raft's log that may be part of it.
    #[serde(default)]
    pub index: u64,
    /// Logical clusters in the body.
    pub workspaces: u64,
    /// Objects in the body.
    pub objects: u64,
}

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Subject {
    /// Everything that a region's group holds.
    Region,
    /// One logical cluster, or one and those below it.
    Workspace {
        /// Path of the workspace when the backup was taken.
        path: String,
        /// Id of its logical cluster.
        cluster: String,
        /// Whether the workspaces below it that are at home in the same group are part of it.
        recursive: bool,
    },
}

/// What is known of a body that was read or written to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Bytes of the body.
    pub body_bytes: u64,
    /// SHA-256 of the file up to the checksum.
    pub sha256: [u8; 32],
}

impl Whole {
    /// The checksum in hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
