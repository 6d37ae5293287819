//! What the server sets in requests for certificates and tokens.

use serde_json::{Map, Value};

use super::{child, reorder};
use crate::kind::Part;
use crate::types::authentication::TOKEN_REQUEST_SPEC;
use crate::types::certificates::{
    CERTIFICATE_SIGNING_REQUEST, CERTIFICATE_SIGNING_REQUEST_CONDITION, CERTIFICATE_SIGNING_REQUEST_SPEC,
    CERTIFICATE_SIGNING_REQUEST_STATUS,
};

/// Who asks for a certificate, as the request was authenticated.
#[derive(Clone, Copy, Debug)]
pub struct Requester<'a> {
    /// Name of the user.
    pub username: &'a str,
    /// Identity of the user over time, empty when there is none.
    pub uid: &'a str,
    /// Groups of the user.
    pub groups: &'a [String],
    /// More about the user: lists of texts by key.
    pub extra: Option<&'a Map<String, Value>>,
}

/// Says in a new CertificateSigningRequest who asks, whatever the client said.
pub fn set_requester(object: &mut Value, requester: Requester<'_>) {
    let Some(spec) = object.as_object_mut().and_then(|object| child(object, "spec")) else { return };
    forget_requester(spec);
    for (name, text) in [("username", requester.username), ("uid", requester.uid)] {
        if !text.is_empty() {
            spec.insert(name.to_owned(), Value::from(text));
        }
    }
    if !requester.groups.is_empty() {
        spec.insert("groups".to_owned(), Value::from(requester.groups));
    }
    if let Some(extra) = requester.extra.filter(|extra| !extra.is_empty()) {
        let mut extra = extra.clone();
        extra.sort_keys();
        spec.insert("extra".to_owned(), Value::Object(extra));
    }
    reorder(spec, &CERTIFICATE_SIGNING_REQUEST_SPEC);
}

/// Sets the times of conditions that come without: the last update is now, and the last change is that of the stored
/// condition of the same type and status, else now. `now` is a time as decoded objects have it. To be called for writes of
/// `status` and `approval`, after [`super::for_update`].
pub fn stamp_conditions(object: &mut Value, old: &Value, now: &str) {
    let Some(conditions) = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut) else { return };
    for condition in conditions.iter_mut().filter_map(Value::as_object_mut) {
        if is_absent(condition, "lastUpdateTime") {
            condition.insert("lastUpdateTime".to_owned(), Value::from(now));
        }
        if is_absent(condition, "lastTransitionTime") {
            let same = |other: &&Value| ["type", "status"].iter().all(|name| other.get(name) == condition.get(*name));
            let stored = stored_conditions(old).iter().find(same).and_then(|other| other.get("lastTransitionTime"));
            let time = stored.filter(|time| time.is_string()).cloned();
            condition.insert("lastTransitionTime".to_owned(), time.unwrap_or_else(|| Value::from(now)));
        }
        reorder(condition, &CERTIFICATE_SIGNING_REQUEST_CONDITION);
    }
}

/// A new request says nothing of who asks, which [`set_requester`] then sets, and has no decisions.
pub(crate) fn signing_request_create(object: &mut Value) {
    if let Some(spec) = object.as_object_mut().and_then(|object| child(object, "spec")) {
        forget_requester(spec);
    }
}

/// A write of the status leaves decisions as they are, and one of the approval leaves all else.
pub(crate) fn signing_request_update(object: &mut Value, old: &Value, part: Part) {
    match part {
        Part::Status => {
            for kind in ["Approved", "Denied"] {
                keep_conditions(object, old, kind);
            }
        }
        Part::Approval => {
            let conditions = object.pointer_mut("/status/conditions").map(Value::take);
            let mut status = old.get("status").and_then(Value::as_object).cloned().unwrap_or_default();
            match conditions.filter(|conditions| !conditions.is_null()) {
                Some(conditions) => status.insert("conditions".to_owned(), conditions),
                None => status.shift_remove("conditions"),
            };
            reorder(&mut status, &CERTIFICATE_SIGNING_REQUEST_STATUS);
            if let Some(map) = object.as_object_mut() {
                map.insert("status".to_owned(), Value::Object(status));
                reorder(map, &CERTIFICATE_SIGNING_REQUEST);
            }
        }
        _ => {}
    }
}

/// A token is asked for for an hour where nothing else is said.
pub(crate) fn token_request(object: &mut Value) {
    let Some(spec) = object.as_object_mut().and_then(|object| child(object, "spec")) else { return };
    if is_absent(spec, "expirationSeconds") {
        spec.insert("expirationSeconds".to_owned(), Value::from(3600));
    }
    for name in ["audiences", "boundObjectRef"] {
        spec.entry(name).or_insert(Value::Null);
    }
    reorder(spec, &TOKEN_REQUEST_SPEC);
}

/// Puts the stored conditions of a type back, if there are as many of them.
fn keep_conditions(object: &mut Value, old: &Value, kind: &str) {
    let is_kind = |condition: &&Value| condition.get("type").is_some_and(|own| own == kind);
    let stored: Vec<Value> = stored_conditions(old).iter().filter(is_kind).cloned().collect();
    let Some(conditions) = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut) else { return };
    if conditions.iter().filter(is_kind).count() != stored.len() {
        return;
    }
    let places = conditions.iter_mut().filter(|condition| is_kind(&&**condition));
    for (place, stored) in places.zip(stored) {
        *place = stored;
    }
}

fn stored_conditions(old: &Value) -> &[Value] {
    old.pointer("/status/conditions").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn forget_requester(spec: &mut Map<String, Value>) {
    for name in ["username", "uid", "groups", "extra"] {
        spec.shift_remove(name);
    }
}

fn is_absent(map: &Map<String, Value>, name: &str) -> bool {
    map.get(name).is_none_or(Value::is_null)
}
