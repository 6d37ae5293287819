//! Reading and changing stored objects: the few fields that deletion is about.

use hanse_schema::metadata;
use hanse_schema::time::{Moment, Precision};
use hanse_store::object::{Draft, Object};
use serde_json::{Map, Value};

/// Annotation of every object: the logical cluster that it is in.
pub(crate) const CLUSTER_ANNOTATION: &str = "kcp.io/cluster";

/// The object as JSON. A stored object is JSON with metadata; should it not be, it counts as one without finalizers, so
/// that nothing damaged keeps a namespace from going.
pub(crate) fn parse(bytes: &[u8]) -> Value {
    match serde_json::from_slice(bytes) {
        Ok(value @ Value::Object(_)) => value,
        _ => Value::Object(Map::new()),
    }
}

/// The object's finalizers. Most objects have none, which is seen without parsing.
pub(crate) fn finalizers(object: &Object) -> Vec<String> {
    if contains(&object.bytes(), b"\"finalizers\"") {
        metadata::finalizers(&parse(&object.bytes())).map(str::to_owned).collect()
    } else {
        Vec::new()
    }
}

pub(crate) fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// A time as metadata hold it.
pub(crate) fn written_time(wall_ms: u64) -> String {
    Moment::from_unix_ms(wall_ms).format(Precision::Seconds)
}

/// Sets what says that an object's deletion has begun, as upstream does when finalizers keep the object.
pub(crate) fn begin_deletion(object: &mut Value, wall_ms: u64) {
    metadata::begin_deletion(object, &written_time(wall_ms));
}

/// Sets a list of the metadata; an empty one is left out.
pub(crate) fn set_list(object: &mut Value, field: &str, list: Vec<Value>) {
    let fields = fields_of(object, "metadata");
    if list.is_empty() {
        fields.shift_remove(field);
    } else {
        metadata::set_field(fields, field, list.into());
    }
}

/// The fields of an object inside the object; makes it when it is not there.
pub(crate) fn fields_of<'a>(object: &'a mut Value, field: &str) -> &'a mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let inner = &mut object[field];
    if !inner.is_object() {
        *inner = Value::Object(Map::new());
    }
    inner.as_object_mut().expect("it was made an object above")
}

/// A condition in `status.conditions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) kind: &'static str,
    pub(crate) status: &'static str,
    /// Only kcp's conditions have one.
    pub(crate) severity: Option<&'static str>,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// Sets a condition; the time of its last transition changes only with its status. Whether anything changed.
pub(crate) fn set_condition(object: &mut Value, condition: &Condition, wall_ms: u64) -> bool {
    let status = fields_of(object, "status");
    let list = status.entry("conditions").or_insert_with(|| Value::Array(Vec::new()));
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    let Value::Array(list) = list else { return false };
    let place = list.iter().position(|old| old["type"] == condition.kind);
    let old = place.and_then(|place| list.get(place)).cloned().unwrap_or_default();
    let same_status = old["status"] == condition.status;
    if same_status && old["reason"] == condition.reason && old["message"] == condition.message.as_str() {
        return false;
    }
    let since = match &old["lastTransitionTime"] {
        Value::String(since) if same_status => since.clone(),
        _ => written_time(wall_ms),
    };
    let mut new = Map::new();
    new.insert("type".to_owned(), condition.kind.into());
    new.insert("status".to_owned(), condition.status.into());
    if let Some(severity) = condition.severity {
        new.insert("severity".to_owned(), severity.into());
    }
    new.insert("lastTransitionTime".to_owned(), since.into());
    new.insert("reason".to_owned(), condition.reason.into());
    new.insert("message".to_owned(), condition.message.as_str().into());
    match place.and_then(|place| list.get_mut(place)) {
        Some(old) => *old = new.into(),
        None => list.push(new.into()),
    }
    true
}

/// The object as a transaction brings it. One without metadata has no place for a revision, and `apply` refuses it.
pub(crate) fn draft(object: &Value) -> Draft {
    Draft::of(object).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use hanse_base::id::Revision;
    use hanse_store::object::Object;
    use serde_json::json;

    use super::{Condition, begin_deletion, draft, finalizers, parse, set_condition};

    #[test]
    fn an_object_is_written_back_as_it_was_read() {
        let text = r#"{"kind":"ConfigMap","metadata":{"name":"a","resourceVersion":"7","labels":{"b":"1"}},"data":{"metadata":"x"}}"#;
        let stored = Object::new(&draft(&parse(text.as_bytes())), Revision(7)).unwrap();
        assert_eq!(stored.bytes(), text);
        assert!(finalizers(&stored).is_empty());
        let mut object = parse(text.as_bytes());
        begin_deletion(&mut object, 0);
        begin_deletion(&mut object, 5_000);
        let stored = Object::new(&draft(&object), Revision(8)).unwrap();
        assert!(stored.deleting());
        assert_eq!(
            stored.bytes(),
            r#"{"kind":"ConfigMap","metadata":{"name":"a","resourceVersion":"8","deletionTimestamp":"1970-01-01T00:00:00Z","deletionGracePeriodSeconds":0,"labels":{"b":"1"}},"data":{"metadata":"x"}}"#
        );
    }

    #[test]
    fn a_condition_keeps_its_time_while_its_status_stays() {
        let condition = |status, message: &str| Condition {
            kind: "T",
            status,
            severity: None,
            reason: "R",
            message: message.to_owned(),
        };
        let mut object = json!({"status": {"conditions": "damaged"}});
        assert!(set_condition(&mut object, &condition("True", "a"), 0));
        assert!(!set_condition(&mut object, &condition("True", "a"), 1_000));
        assert!(set_condition(&mut object, &condition("True", "b"), 2_000));
        assert_eq!(object["status"]["conditions"][0]["lastTransitionTime"], "1970-01-01T00:00:00Z");
        assert!(set_condition(&mut object, &condition("False", "b"), 3_000));
        assert_eq!(object["status"]["conditions"][0]["lastTransitionTime"], "1970-01-01T00:00:03Z");
        assert_eq!(object["status"]["conditions"].as_array().unwrap().len(), 1);
    }
}
