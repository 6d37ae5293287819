//! The encoding of an object, once: from the value in canonical form to the bytes that are stored and answered.

use bytes::Bytes;
use hanse_base::id::ClusterId;
use hanse_base::random::Random;
use hanse_schema::metadata;
use hanse_store::object::Draft;
use serde_json::{Map, Value};

use crate::limits::OBJECT_BYTES_MAX;
use crate::status::Failure;

/// Annotation of every object: the logical cluster that it is in.
pub(crate) const CLUSTER_ANNOTATION: &str = "kcp.io/cluster";

/// Encodes an object with room for its revision.
///
/// # Errors
/// 413: it is larger than an object may be.
pub(crate) fn draft(object: &Value) -> Result<Draft, Failure> {
    let Some(draft) = Draft::of(object) else {
        return Err(Failure::Internal("an object without metadata cannot be stored".to_owned()));
    };
    if draft.bytes.len() > OBJECT_BYTES_MAX {
        return Err(Failure::TooLarge(format!(
            "the object has {} bytes, the limit is {OBJECT_BYTES_MAX}",
            draft.bytes.len()
        )));
    }
    Ok(draft)
}

/// A new object that is not stored, as a dry run shows it: without a revision, as it has none.
///
/// # Errors
/// Only when the draft is not JSON with metadata, which [`draft`] does not make.
pub(crate) fn unstored(draft: &Draft) -> Result<Bytes, Failure> {
    let mut object: Value = serde_json::from_slice(&draft.bytes)
        .map_err(|error| Failure::Internal(format!("a draft cannot be read: {error}")))?;
    if let Some(metadata) = metadata::of_mut(&mut object) {
        metadata.shift_remove("resourceVersion");
    }
    Ok(Bytes::from(object.to_string()))
}

/// Sets the annotation that tells which logical cluster an object is in. Annotations stay sorted by key.
pub(crate) fn annotate_cluster(object: &mut Value, cluster: &ClusterId) {
    set_annotation(object, CLUSTER_ANNOTATION, cluster.as_str());
}

/// Sets an annotation. Annotations stay sorted by key.
pub(crate) fn set_annotation(object: &mut Value, key: &str, text: &str) {
    set_in_map(object, "annotations", key, text);
}

/// Sets a label. Labels stay sorted by key.
pub(crate) fn set_label(object: &mut Value, key: &str, text: &str) {
    set_in_map(object, "labels", key, text);
}

fn set_in_map(object: &mut Value, field: &str, key: &str, text: &str) {
    let Some(metadata) = metadata::of_mut(object) else { return };
    if !metadata.get(field).is_some_and(Value::is_object) {
        metadata::set_field(metadata, field, Value::Object(Map::new()));
    }
    let Some(map) = metadata.get_mut(field).and_then(Value::as_object_mut) else { return };
    match map.get_mut(key) {
        Some(value) if value == text => {}
        Some(value) => *value = Value::from(text),
        None => {
            map.insert(key.to_owned(), Value::from(text));
            map.sort_keys();
        }
    }
}

/// Takes away what only the server sets on a new object; who admits it is not to be misled by what a client has sent.
pub(crate) fn wipe_system_fields(object: &mut Value) {
    if let Some(metadata) = metadata::of_mut(object) {
        metadata::wipe_system_fields(metadata);
    }
}

/// A random (version 4) UUID.
pub(crate) fn uuid(random: &dyn Random) -> String {
    let mut bytes = [0_u8; 16];
    random.fill(&mut bytes);
    uuid_of(bytes)
}

/// The UUID of version 4 that these bytes make.
pub(crate) fn uuid_of(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (position, byte) in bytes.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 0x0f] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use hanse_base::id::{ClusterId, Revision};
    use hanse_base::random::SystemRandom;
    use hanse_store::object::Object;
    use serde_json::{Value, json};

    use super::{annotate_cluster, draft, set_label, uuid};

    #[test]
    fn an_object_has_room_for_its_revision_wherever_the_client_put_one() {
        let table = [
            (json!({"kind":"K","metadata":{}}), r#"{"kind":"K","metadata":{"resourceVersion":"7"}}"#),
            (
                json!({"metadata":{"resourceVersion":"3","name":"a"},"data":{"metadata":{"x":1}}}),
                r#"{"metadata":{"name":"a","resourceVersion":"7"},"data":{"metadata":{"x":1}}}"#,
            ),
            (
                json!({"metadata":{"name":"a","uid":"u","labels":{"b":"1","a":"2"}}}),
                r#"{"metadata":{"name":"a","uid":"u","resourceVersion":"7","labels":{"b":"1","a":"2"}}}"#,
            ),
        ];
        for (object, expected) in table {
            let stored = Object::new(&draft(&object).unwrap(), Revision(7)).unwrap();
            assert_eq!(stored.bytes(), expected);
        }
    }

    #[test]
    fn labels_are_sorted_and_deletion_is_seen() {
        let object = json!({"metadata":{"labels":{"b":"1","a":"2"},"deletionTimestamp":"2026-01-01T00:00:00Z"}});
        let draft = draft(&object).unwrap();
        assert!(draft.deleting && draft.labels.is_sorted() && draft.labels.len() == 2);
    }

    #[test]
    fn an_object_without_metadata_or_over_the_limit_is_refused() {
        assert_eq!(draft(&json!({"kind":"K"})).unwrap_err().code(), 500);
        let large = json!({"metadata":{},"data":"x".repeat(1_572_864)});
        assert_eq!(draft(&large).unwrap_err().code(), 413);
    }

    #[test]
    fn fields_that_the_server_sets_stand_in_their_place() {
        let mut object = json!({"metadata":{"name":"a","annotations":{"z":"1"},"finalizers":["f"]}});
        annotate_cluster(&mut object, &ClusterId::new("root").unwrap());
        set_label(&mut object, "l", "v");
        let expected = r#"{"metadata":{"name":"a","labels":{"l":"v"},"annotations":{"kcp.io/cluster":"root","z":"1"},"finalizers":["f"]}}"#;
        assert_eq!(object.to_string(), expected);
        let mut bare = Value::Object(serde_json::Map::new());
        annotate_cluster(&mut bare, &ClusterId::new("root").unwrap());
        assert_eq!(bare.to_string(), r#"{"metadata":{"annotations":{"kcp.io/cluster":"root"}}}"#);
    }

    #[test]
    fn uids_are_version_4() {
        let uid = uuid(&SystemRandom);
        assert_eq!(uid.len(), 36);
        assert_eq!(uid.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&uid.as_bytes()[19]));
        assert_ne!(uid, uuid(&SystemRandom));
    }
}
