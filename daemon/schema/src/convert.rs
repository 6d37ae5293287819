//! The two forms of the one stored event: `v1` and `events.k8s.io/v1`.
//!
//! Everything behind the decoder (defaults, validation, selectors, tables, storage) sees the stored form, which is `v1`.

use serde_json::{Map, Value};

use crate::decode::written_field;
use crate::field::TypeDescriptor;
use crate::kind::Kind;
use crate::types::{core, events};

/// From the form in which a kind is served to the form in which it is stored.
#[must_use]
pub fn to_stored(kind: &Kind, object: Value) -> Value {
    if is_events_form(kind) { translate(object, &events::EVENT, &core::EVENT, "v1") } else { object }
}

/// From the form in which a kind is stored to the form in which it is served.
#[must_use]
pub fn from_stored(kind: &Kind, object: Value) -> Value {
    if is_events_form(kind) { translate(object, &core::EVENT, &events::EVENT, "events.k8s.io/v1") } else { object }
}

/// What a manager applies, from the form in which a kind is served to the form in which it is stored: the fields that it
/// names and no others, as a field that it does not name is not its wish.
#[must_use]
pub fn applied_to_stored(kind: &Kind, applied: Value) -> Value {
    if !is_events_form(kind) {
        return applied;
    }
    let Value::Object(fields) = applied else { return applied };
    let renamed = fields.into_iter().map(|(name, value)| match NAMES.iter().find(|(_, events)| *events == name) {
        Some((core, _)) => ((*core).to_owned(), value),
        None if name == "apiVersion" => (name, Value::from("v1")),
        None => (name, value),
    });
    Value::Object(renamed.collect())
}

/// Whether the forms differ, so that stored bytes are not what is answered.
#[must_use]
pub fn is_converted(kind: &Kind) -> bool {
    is_events_form(kind)
}

fn is_events_form(kind: &Kind) -> bool {
    (&kind.group, &kind.plural) != (&kind.storage.0, &kind.storage.1)
}

fn translate(object: Value, from: &TypeDescriptor, to: &TypeDescriptor, api_version: &str) -> Value {
    let Value::Object(mut fields) = object else { return object };
    let mut out = Map::with_capacity(to.fields.len());
    for field in to.fields {
        let other = other_name(field.name, from);
        let value = match field.name {
            "apiVersion" => Some(Value::from(api_version)),
            _ => fields.shift_remove(other),
        };
        // What one form leaves out and the other writes, and the other way round.
        if let Some(value) = written_field(field, value) {
            out.insert(field.name.to_owned(), value);
        }
    }
    Value::Object(out)
}

/// The name of a field in the other form.
fn other_name(name: &'static str, other: &TypeDescriptor) -> &'static str {
    let pair = NAMES.iter().find(|(core, events)| *core == name || *events == name);
    match pair {
        Some((core, events)) => {
            if other.field(core).is_some() {
                core
            } else {
                events
            }
        }
        None => name,
    }
}

/// Names in `v1` and in `events.k8s.io/v1`.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

#[cfg(test)]
mod tests {
    use super::{applied_to_stored, from_stored, to_stored};
    use crate::decode::{FieldValidation, decode};
    use crate::kind::by_kind;
    use serde_json::json;

    #[test]
    fn an_event_reads_the_same_in_both_forms() {
        let core = by_kind("", "v1", "Event").unwrap();
        let events = by_kind("events.k8s.io", "v1", "Event").unwrap();
        let body = json!({
            "metadata": {"name": "e", "namespace": "n"},
            "eventTime": "2026-07-23T07:07:48.123456Z",
            "series": {"count": 3, "lastObservedTime": "2026-07-23T07:07:49.000000Z"},
            "reportingController": "example.com/c", "reportingInstance": "i", "action": "a", "reason": "r",
            "regarding": {"kind": "Workspace", "name": "w"}, "note": "hello", "type": "Normal", "deprecatedCount": 2,
        });
        let sent = decode(events, body.to_string().as_bytes(), FieldValidation::Strict).unwrap().value;
        let stored = to_stored(events, sent.clone());
        assert_eq!(
            stored.to_string(),
            r#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"e","namespace":"n"},"involvedObject":{"kind":"Workspace","name":"w"},"reason":"r","message":"hello","source":{},"firstTimestamp":null,"lastTimestamp":null,"count":2,"type":"Normal","eventTime":"2026-07-23T07:07:48.123456Z","series":{"count":3,"lastObservedTime":"2026-07-23T07:07:49.000000Z"},"action":"a","reportingComponent":"example.com/c","reportingInstance":"i"}"#
        );
        assert_eq!(decode(core, stored.to_string().as_bytes(), FieldValidation::Strict).unwrap().value, stored);
        assert_eq!(from_stored(events, stored).to_string(), sent.to_string());
    }

    #[test]
    fn who_applies_a_part_of_an_event_wishes_nothing_else() {
        let events = by_kind("events.k8s.io", "v1", "Event").unwrap();
        let applied =
            json!({"kind": "Event", "apiVersion": "events.k8s.io/v1", "metadata": {"name": "e"}, "note": "n"});
        let wanted = json!({"kind": "Event", "apiVersion": "v1", "metadata": {"name": "e"}, "message": "n"});
        assert_eq!(applied_to_stored(events, applied), wanted);
    }

    #[test]
    fn an_old_event_keeps_its_old_fields() {
        let core = by_kind("", "v1", "Event").unwrap();
        let events = by_kind("events.k8s.io", "v1", "Event").unwrap();
        let body = br#"{"metadata":{"name":"e","namespace":"n"},"involvedObject":{"name":"w"},"message":"m","count":4,"source":{"component":"c"},"firstTimestamp":"2026-07-23T07:07:48Z"}"#;
        let stored = decode(core, body, FieldValidation::Strict).unwrap().value;
        let served = from_stored(events, stored.clone());
        assert_eq!(
            served.to_string(),
            r#"{"kind":"Event","apiVersion":"events.k8s.io/v1","metadata":{"name":"e","namespace":"n"},"eventTime":null,"regarding":{"name":"w"},"note":"m","deprecatedSource":{"component":"c"},"deprecatedFirstTimestamp":"2026-07-23T07:07:48Z","deprecatedLastTimestamp":null,"deprecatedCount":4}"#
        );
        assert_eq!(to_stored(events, served), stored);
    }
}
