//! One stored object: the bytes that every reader is given, and the few facts that the store itself needs of them.

use bytes::Bytes;
use hanse_base::id::Revision;
use serde::{Deserialize, Serialize};

/// Labels as pairs, sorted by key, so that a selector needs no look into the JSON.
pub type Labels = Box<[(Box<str>, Box<str>)]>;

/// An object as a transaction brings it: whole JSON, but for its revision, which only `apply` knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The JSON object, compact, with `"resourceVersion":""` in its metadata.
    pub bytes: Bytes,
    /// Where the revision's digits go: the position between the two quotes. Checked by `apply`.
    pub revision_at: u32,
    /// `metadata.labels`, sorted by key.
    pub labels: Labels,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
}

/// An object as it stands in the state. Its bytes are the answer's bytes: GET, LIST and all watchers share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub(crate) revision: Revision,
    pub(crate) bytes: Bytes,
    pub(crate) revision_at: u32,
    pub(crate) labels: Labels,
    pub(crate) deleting: bool,
}

impl Object {
    /// Puts the revision into the draft's bytes. `None` when the place is not an empty pair of quotes.
    #[must_use]
    pub fn new(draft: &Draft, revision: Revision) -> Option<Self> {
        let at = usize::try_from(draft.revision_at).ok()?;
        if at == 0 || draft.bytes.get(at - 1..=at) != Some(b"\"\"") {
            return None;
        }
        let digits = revision.to_string();
        let mut bytes = Vec::with_capacity(draft.bytes.len() + digits.len());
        bytes.extend_from_slice(&draft.bytes[..at]);
        bytes.extend_from_slice(digits.as_bytes());
        bytes.extend_from_slice(&draft.bytes[at..]);
        Some(Self {
            revision,
            bytes: Bytes::from(bytes),
            revision_at: draft.revision_at,
            labels: draft.labels.clone(),
            deleting: draft.deleting,
        })
    }

    /// The same object under another revision: what a watcher sees when it is deleted.
    #[must_use]
    pub fn with_revision(&self, revision: Revision) -> Self {
        let draft = self.draft();
        Self::new(&draft, revision).unwrap_or_else(|| self.clone())
    }

    /// The object without its revision, as a transaction would bring it.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let at = usize::try_from(self.revision_at).unwrap_or(usize::MAX);
        let digits = self.revision.to_string().len();
        let mut bytes = Vec::with_capacity(self.bytes.len());
        bytes.extend_from_slice(&self.bytes[..at]);
        bytes.extend_from_slice(&self.bytes[at + digits..]);
        Draft {
            bytes: Bytes::from(bytes),
            revision_at: self.revision_at,
            labels: self.labels.clone(),
            deleting: self.deleting,
        }
    }

    /// Revision of the last change: `metadata.resourceVersion`.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The JSON object, `resourceVersion` included.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// `metadata.labels`, sorted by key.
    #[must_use]
    pub fn labels(&self) -> &[(Box<str>, Box<str>)] {
        &self.labels
    }

    /// Whether `metadata.deletionTimestamp` is set.
    #[must_use]
    pub fn deleting(&self) -> bool {
        self.deleting
    }
}
