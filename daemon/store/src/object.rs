//! One stored object: the bytes that every reader is given, and the few facts that the store itself needs of them.

use bytes::Bytes;
use hanse_base::id::Revision;
use serde::{Deserialize, Serialize};

use crate::history::EventKind;

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

impl Draft {
    /// Where the revision goes, when that is between two quotes.
    pub(crate) fn place(&self) -> Option<usize> {
        let at = usize::try_from(self.revision_at).ok()?;
        (at > 0 && self.bytes.get(at - 1..=at) == Some(b"\"\"")).then_some(at)
    }
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
        let at = draft.place()?;
        let digits = revision.to_string();
        let bytes = Bytes::from([&draft.bytes[..at], digits.as_bytes(), &draft.bytes[at..]].concat());
        let (revision_at, labels, deleting) = (draft.revision_at, draft.labels.clone(), draft.deleting);
        Some(Self { revision, bytes, revision_at, labels, deleting })
    }

    /// As [`Object::new`], and the line that watchers are sent. The object's bytes are a part of the line's: there is
    /// one copy of them in memory, however many readers and watchers hold it.
    pub(crate) fn announced(draft: Draft, revision: Revision, kind: EventKind) -> Option<(Self, Bytes)> {
        let at = draft.place()?;
        let (line, bytes) = announce(kind, &draft.bytes[..at], revision, &draft.bytes[at..]);
        let Draft { revision_at, labels, deleting, .. } = draft;
        Some((Self { revision, bytes, revision_at, labels, deleting }, line))
    }

    /// The same object under another revision, and the line that watchers are sent when it is deleted.
    pub(crate) fn farewell(&self, revision: Revision) -> (Self, Bytes) {
        let (before, after) = self.around_revision();
        let (line, bytes) = announce(EventKind::Deleted, before, revision, after);
        let (revision_at, labels, deleting) = (self.revision_at, self.labels.clone(), self.deleting);
        (Self { revision, bytes, revision_at, labels, deleting }, line)
    }

    /// The object without its revision, as a transaction would bring it.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let (before, after) = self.around_revision();
        let bytes = Bytes::from([before, after].concat());
        Draft { bytes, revision_at: self.revision_at, labels: self.labels.clone(), deleting: self.deleting }
    }

    /// Whether the object is what the draft would make, but for the revision.
    pub(crate) fn is_of(&self, draft: &Draft) -> bool {
        let (before, after) = self.around_revision();
        self.revision_at == draft.revision_at
            && self.deleting == draft.deleting
            && draft.bytes.len() == before.len() + after.len()
            && draft.bytes.starts_with(before)
            && draft.bytes.ends_with(after)
            && self.labels == draft.labels
    }

    /// The bytes before and behind the revision's digits.
    fn around_revision(&self) -> (&[u8], &[u8]) {
        let at = usize::try_from(self.revision_at).expect("the constructors found the place in the bytes");
        let digits = self.revision.0.checked_ilog10().map_or(1, |log| log as usize + 1);
        (&self.bytes[..at], &self.bytes[at + digits..])
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

/// Writes `{"type":"ADDED","object":<object>}` and a line feed; returns it and the part that is the object.
fn announce(kind: EventKind, before: &[u8], revision: Revision, after: &[u8]) -> (Bytes, Bytes) {
    let digits = revision.to_string();
    let start = LINE_START.len() + kind.as_str().len() + LINE_MIDDLE.len();
    let end = start + before.len() + digits.len() + after.len();
    let parts = [LINE_START, kind.as_str().as_bytes(), LINE_MIDDLE, before, digits.as_bytes(), after, LINE_END];
    let line = Bytes::from(parts.concat());
    let object = line.slice(start..end);
    (line, object)
}

const LINE_START: &[u8] = b"{\"type\":\"";
const LINE_MIDDLE: &[u8] = b"\",\"object\":";
const LINE_END: &[u8] = b"}\n";

#[cfg(test)]
mod tests {
    use super::{Draft, Object};
    use crate::history::EventKind;
    use bytes::Bytes;
    use hanse_base::id::Revision;

    fn draft() -> Draft {
        let bytes = Bytes::from_static(br#"{"metadata":{"name":"a","resourceVersion":""}}"#);
        let revision_at = u32::try_from(bytes.len() - 3).unwrap();
        Draft { bytes, revision_at, labels: Box::new([("a".into(), "b".into())]), deleting: false }
    }

    #[test]
    fn an_object_carries_its_revision_and_gives_back_its_draft() {
        for revision in [0, 9, 10, 12345, u64::MAX] {
            let object = Object::new(&draft(), Revision(revision)).unwrap();
            let text = format!(r#"{{"metadata":{{"name":"a","resourceVersion":"{revision}"}}}}"#);
            assert_eq!(object.bytes(), &text);
            assert_eq!(object.draft(), draft());
            assert!(object.is_of(&draft()));
        }
    }

    #[test]
    fn the_watch_line_and_the_object_share_their_bytes() {
        let (object, line) = Object::announced(draft(), Revision(7), EventKind::Added).unwrap();
        let text = std::str::from_utf8(object.bytes()).unwrap();
        assert_eq!(line, format!("{{\"type\":\"ADDED\",\"object\":{text}}}\n"));
        assert_eq!(Some(object.bytes().as_ptr()), line.get(25..).map(<[u8]>::as_ptr));
        let (gone, line) = object.farewell(Revision(12));
        assert_eq!(gone.revision(), Revision(12));
        assert!(line.starts_with(br#"{"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"12"}}}"#));
    }

    #[test]
    fn a_draft_without_a_place_for_the_revision_makes_no_object() {
        for at in [0, 1, 3, 1000, u32::MAX] {
            assert!(Object::new(&Draft { revision_at: at, ..draft() }, Revision(1)).is_none(), "{at}");
        }
    }
}
