//! One stored object: the bytes that every reader is given, and the few facts that the store itself needs of them.

use bytes::Bytes;
use hanse_base::id::Revision;
use serde::{Deserialize, Serialize};

use crate::history::EventKind;
use crate::piece::{Body, Pool};

/// Labels as pairs, sorted by key, so that a selector needs no look into the JSON.
pub type Labels = Box<[(Box<str>, Box<str>)]>;

/// Uids of an object's owners, sorted, each once: what the index of dependents is made from.
pub type Owners = Box<[Box<str>]>;

/// An object as a transaction brings it: whole JSON, but for its revision, which only `apply` knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The JSON object, compact, with `"resourceVersion":""` in its metadata.
    pub bytes: Bytes,
    /// Where the revision's digits go: the position between the two quotes. Checked by `apply`.
    pub revision_at: u32,
    /// `metadata.labels`, sorted by key.
    pub labels: Labels,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// The uids in `metadata.ownerReferences`, sorted, each once.
    pub owners: Owners,
    /// Whether one of the garbage collector's finalizers, `foregroundDeletion` or `orphan`, is in `metadata.finalizers`.
    pub held: bool,
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
    pub(crate) body: Body,
    pub(crate) revision_at: u32,
    pub(crate) labels: Labels,
    pub(crate) deleting: bool,
    pub(crate) owners: Owners,
    pub(crate) held: bool,
}

impl Object {
    /// Puts the revision into the draft's bytes. `None` when the place is not an empty pair of quotes.
    #[must_use]
    pub fn new(draft: &Draft, revision: Revision) -> Option<Self> {
        let at = draft.place()?;
        let digits = revision.to_string();
        let bytes = Bytes::from([&draft.bytes[..at], digits.as_bytes(), &draft.bytes[at..]].concat());
        let Draft { revision_at, labels, deleting, owners, held, .. } = draft.clone();
        Some(Self { revision, body: Body::Whole(bytes), revision_at, labels, deleting, owners, held })
    }

    /// As [`Object::new`], and the line that watchers are sent. A small object's bytes are a part of the line's: there is
    /// one copy of them in memory, however many readers and watchers hold it. A large one's are shared with equal objects,
    /// and the line goes with the window.
    pub(crate) fn announced(draft: Draft, revision: Revision, kind: EventKind, pool: &Pool) -> Option<(Self, Bytes)> {
        let at = draft.place()?;
        let (line, bytes) = announce(kind, &draft.bytes[..at], revision, &draft.bytes[at..]);
        let Draft { revision_at, labels, deleting, owners, held, .. } = draft;
        let body = pool.body(bytes);
        Some((Self { revision, body, revision_at, labels, deleting, owners, held }, line))
    }

    /// The same object under another revision, and the line that watchers are sent when it is deleted.
    pub(crate) fn farewell(&self, revision: Revision) -> (Self, Bytes) {
        let old = self.bytes();
        let (before, after) = self.around_revision(&old);
        let (line, bytes) = announce(EventKind::Deleted, before, revision, after);
        (Self { revision, body: Body::Whole(bytes), ..self.clone() }, line)
    }

    /// The object without its revision, as a transaction would bring it.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let bytes = self.bytes();
        let (before, after) = self.around_revision(&bytes);
        let bytes = Bytes::from([before, after].concat());
        let Self { revision_at, labels, deleting, owners, held, .. } = self.clone();
        Draft { bytes, revision_at, labels, deleting, owners, held }
    }

    /// Whether the object is what the draft would make, but for the revision.
    pub(crate) fn is_of(&self, draft: &Draft) -> bool {
        let bytes = self.bytes();
        let (before, after) = self.around_revision(&bytes);
        self.revision_at == draft.revision_at
            && self.deleting == draft.deleting
            && draft.bytes.len() == before.len() + after.len()
            && draft.bytes.starts_with(before)
            && draft.bytes.ends_with(after)
            && self.labels == draft.labels
            && self.owners == draft.owners
            && self.held == draft.held
    }

    /// The bytes before and behind the revision's digits.
    fn around_revision<'a>(&self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let at = usize::try_from(self.revision_at).expect("the constructors found the place in the bytes");
        let digits = self.revision.0.checked_ilog10().map_or(1, |log| log as usize + 1);
        (&bytes[..at], &bytes[at + digits..])
    }

    /// Revision of the last change: `metadata.resourceVersion`.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The JSON object, `resourceVersion` included. Not copied, but for a large object, whose bytes are put together from
    /// what it shares with others: whoever needs them twice keeps them.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.body.joined()
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

    /// Uids of the owners that `metadata.ownerReferences` names, sorted, each once. One that is longer than any object's
    /// uid is cut.
    pub fn owners(&self) -> impl ExactSizeIterator<Item = &str> {
        self.owners.iter().map(|uid| &**uid)
    }

    /// Whether it waits for the garbage collector: its deletion has begun, and the finalizer `foregroundDeletion` or
    /// `orphan` holds it.
    #[must_use]
    pub fn awaits_collection(&self) -> bool {
        self.deleting && self.held
    }

    /// `metadata.uid`. Costs next to nothing where the uid stands directly before the revision, as it does in every
    /// object that the API server has encoded, and otherwise reading the whole object.
    #[must_use]
    pub fn uid(&self) -> Option<String> {
        let at = usize::try_from(self.revision_at).ok()?;
        let start = self.body.start(at);
        if let Some(head) = start.get(..at).and_then(|head| head.strip_suffix(BEHIND_UID))
            && let Some(quote) = head.iter().rposition(|byte| *byte == b'"')
            && head[..=quote].ends_with(BEFORE_UID)
            && !head[quote..].contains(&b'\\')
        {
            return std::str::from_utf8(&head[quote + 1..]).ok().map(str::to_owned);
        }
        let Identified { metadata } = serde_json::from_slice(&self.bytes()).ok()?;
        metadata.uid
    }
}

/// The part of an object that says which one it is.
#[derive(Deserialize)]
struct Identified {
    metadata: Identity,
}

/// As above.
#[derive(Deserialize)]
struct Identity {
    uid: Option<String>,
}

/// What stands around the uid where it is the last field before the revision.
const BEFORE_UID: &[u8] = b"\"uid\":\"";
/// As above.
const BEHIND_UID: &[u8] = b"\",\"resourceVersion\":\"";

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
    use crate::piece::Pool;
    use bytes::Bytes;
    use hanse_base::id::Revision;

    fn draft() -> Draft {
        let bytes = Bytes::from_static(br#"{"metadata":{"name":"a","resourceVersion":""}}"#);
        let revision_at = u32::try_from(bytes.len() - 3).unwrap();
        Draft { bytes, revision_at, labels: Box::new([("a".into(), "b".into())]), ..Draft::default() }
    }

    #[test]
    fn an_object_carries_its_revision_and_gives_back_its_draft() {
        for revision in [0, 9, 10, 12345, u64::MAX] {
            let object = Object::new(&draft(), Revision(revision)).unwrap();
            let text = format!(r#"{{"metadata":{{"name":"a","resourceVersion":"{revision}"}}}}"#);
            assert_eq!(object.bytes(), text);
            assert_eq!(object.draft(), draft());
            assert!(object.is_of(&draft()));
        }
    }

    #[test]
    fn the_uid_is_found_wherever_it_stands_and_nothing_else_is_taken_for_it() {
        let cases = [
            (r#"{"metadata":{"name":"a","uid":"u-1"},"uid":"x"}"#, Some("u-1")),
            (r#"{"metadata":{"labels":{"a":"b"},"uid":"u-2"}}"#, Some("u-2")),
            (r#"{"spec":{"uid":"x"},"metadata":{"name":"a"}}"#, None),
            (r#"{"metadata":{"name":"\"uid\":\"x"}}"#, None),
            (r#"{"metadata":{"uid":"a\nb"}}"#, Some("a\nb")),
            (r#"{"metadata":{"uid":"a\"uid\":\"b"}}"#, Some("a\"uid\":\"b")),
            (r#"{"metadata":{"uid":7}}"#, None),
        ];
        for (text, uid) in cases {
            let draft = Draft::of(&serde_json::from_str(text).unwrap()).unwrap();
            let object = Object::new(&draft, Revision(12)).unwrap();
            assert_eq!(object.uid().as_deref(), uid, "{text}");
        }
    }

    #[test]
    fn the_watch_line_and_the_object_share_their_bytes() {
        let (object, line) = Object::announced(draft(), Revision(7), EventKind::Added, &Pool::default()).unwrap();
        let bytes = object.bytes();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert_eq!(line, format!("{{\"type\":\"ADDED\",\"object\":{text}}}\n"));
        assert_eq!(Some(bytes.as_ptr()), line.get(25..).map(<[u8]>::as_ptr));
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
