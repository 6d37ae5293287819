//! The encoding of an object, once: from its JSON value to the bytes that are stored and answered.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::object::{Draft, Labels, Owners};

impl Draft {
    /// The object with room for its revision, which stands behind the first fields of metadata, wherever the value has
    /// one. `None` when the value has no metadata.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        let mut writer = Writer(Vec::with_capacity(1024));
        let mut revision_at = None;
        writer.map(object.as_object(), |writer, key, value| match (key, value.as_object()) {
            ("metadata", Some(metadata)) => revision_at = Some(writer.metadata(metadata)),
            _ => writer.value(value),
        });
        let metadata = &object["metadata"];
        Some(Self {
            bytes: Bytes::from(writer.0),
            revision_at: u32::try_from(revision_at?).ok()?,
            labels: labels(&metadata["labels"]),
            deleting: metadata["deletionTimestamp"].is_string(),
            owners: owners(&metadata["ownerReferences"]),
            held: texts(&metadata["finalizers"]).any(|finalizer| COLLECTOR_FINALIZERS.contains(&finalizer)),
        })
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn owners(references: &Value) -> Owners {
    let uids = references.as_array().into_iter().flatten().filter_map(|reference| reference["uid"].as_str());
    let mut owners: Vec<Box<str>> = uids.map(|uid| Box::from(cut(uid))).collect();
    owners.sort();
    owners.dedup();
    owners.into_boxed_slice()
}

fn labels(map: &Value) -> Labels {
    let texts = map.as_object().into_iter().flatten();
    let texts = texts.filter_map(|(key, value)| Some((Box::from(key.as_str()), Box::from(value.as_str()?))));
    let mut labels: Vec<_> = texts.collect();
    labels.sort();
    labels.into_boxed_slice()
}

fn cut(uid: &str) -> &str {
    (0..=UID_BYTES_MAX.min(uid.len())).rev().find_map(|end| uid.get(..end)).unwrap_or_default()
}

/// JSON into a buffer; writing there cannot fail.
struct Writer(Vec<u8>);

impl Writer {
    fn map(&mut self, map: Option<&Map<String, Value>>, mut field: impl FnMut(&mut Self, &str, &Value)) {
        self.0.push(b'{');
        for (position, (key, value)) in map.into_iter().flatten().enumerate() {
            if position > 0 {
                self.0.push(b',');
            }
            self.text(key);
            self.0.push(b':');
            field(self, key, value);
        }
        self.0.push(b'}');
    }

    /// Writes metadata with an empty revision in place of any; returns where its digits go.
    fn metadata(&mut self, metadata: &Map<String, Value>) -> usize {
        let mut at = None;
        self.0.push(b'{');
        for (key, value) in metadata.iter().filter(|(key, _)| *key != "resourceVersion") {
            if at.is_none() && !BEFORE_REVISION.contains(&key.as_str()) {
                at = Some(self.revision());
            }
            self.comma();
            self.text(key);
            self.0.push(b':');
            self.value(value);
        }
        let at = at.unwrap_or_else(|| self.revision());
        self.0.push(b'}');
        at
    }

    fn revision(&mut self) -> usize {
        self.comma();
        self.0.extend_from_slice(br#""resourceVersion":""#);
        let at = self.0.len();
        self.0.push(b'"');
        at
    }

    fn comma(&mut self) {
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
    }

    fn text(&mut self, text: &str) {
        serde_json::to_writer(&mut self.0, text).expect("writing text to memory cannot fail");
    }

    fn value(&mut self, value: &Value) {
        serde_json::to_writer(&mut self.0, value).expect("writing a value to memory cannot fail");
    }
}

/// The finalizers that the garbage collector answers for (k8s.io/apimachinery/pkg/apis/meta/v1).
const COLLECTOR_FINALIZERS: [&str; 2] = ["foregroundDeletion", "orphan"];
/// An owner's uid is kept up to here. No object's own uid is as long, so that what is cut is nobody's uid either way, and
/// a reference cannot make the index large.
const UID_BYTES_MAX: usize = 128;

/// The fields of metadata that stand before the revision. (Where it stands is no part of the contract; it is fixed, so
/// that equal objects have equal bytes.)
const BEFORE_REVISION: [&str; 5] = ["name", "generateName", "namespace", "selfLink", "uid"];
