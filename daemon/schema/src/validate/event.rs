//! Rules of events. A request through `v1` is held to the old rules only, one through `events.k8s.io/v1` to both.
//! Objects are in the stored form, and so are the names of fields in messages, but for one.

use serde_json::Value;

use super::{at, immutable, text};
use crate::cause::Cause;
use crate::format::{dns_subdomain, qualified_name};
use crate::kind::Part;
use crate::metadata;

/// An event that comes through `v1`.
pub(crate) fn core_event(object: &Value, causes: &mut Vec<Cause>) {
    old_rules(object, "reportingComponent", causes);
}

/// A change that comes through `v1`.
pub(crate) fn core_event_update(_: &Value, _: &Value, _: Part, _: &mut Vec<Cause>) {}

/// An event that comes through `events.k8s.io/v1`. The rules for new events are in [`new_rules`], since upstream does not
/// hold a changed event to them.
pub(crate) fn events_event(object: &Value, causes: &mut Vec<Cause>) {
    old_rules(object, "reportingController", causes);
    if metadata::resource_version(object).is_empty() {
        new_rules(object, causes);
    }
}

/// A change that comes through `events.k8s.io/v1`: only the series can change.
pub(crate) fn events_event_update(object: &Value, old: &Value, _: Part, causes: &mut Vec<Cause>) {
    if object.get("series") != old.get("series") {
        check_series(object, causes);
    }
    for field in [
        "involvedObject",
        "reason",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "type",
        "eventTime",
        "action",
        "related",
    ] {
        immutable(object, old, field, &[field], causes);
    }
    immutable(object, old, "reportingController", &["reportingComponent"], causes);
    immutable(object, old, "reportingInstance", &["reportingInstance"], causes);
}

fn new_rules(object: &Value, causes: &mut Vec<Cause>) {
    check_series(object, causes);
    if at(object, &["eventTime"]).is_none() {
        causes.push(Cause::required("eventTime", ""));
    }
    let event_type = text(object, &["type"]);
    if !["Normal", "Warning"].contains(&event_type) {
        causes.push(Cause::invalid("type", "", format!("has invalid value: {event_type}")));
    }
    let source_is_set = ["component", "host"].iter().any(|field| !text(object, &["source", field]).is_empty());
    for (field, is_set) in [
        ("firstTimestamp", at(object, &["firstTimestamp"]).is_some()),
        ("lastTimestamp", at(object, &["lastTimestamp"]).is_some()),
        ("count", at(object, &["count"]).and_then(Value::as_i64).unwrap_or(0) != 0),
        ("source", source_is_set),
    ] {
        if is_set {
            causes.push(Cause::invalid(field, "", "needs to be unset"));
        }
    }
}

fn check_series(object: &Value, causes: &mut Vec<Cause>) {
    let Some(series) = at(object, &["series"]) else { return };
    if series.get("count").and_then(Value::as_i64).unwrap_or(0) < 2 {
        causes.push(Cause::invalid("series.count", "", "should be at least 2"));
    }
    if at(series, &["lastObservedTime"]).is_none() {
        causes.push(Cause::required("series.lastObservedTime", ""));
    }
}

/// What every event is held to. An event with a time is a new one and says who reported it.
fn old_rules(object: &Value, controller_field: &str, causes: &mut Vec<Cause>) {
    let namespace = metadata::namespace(object);
    let about = text(object, &["involvedObject", "namespace"]);
    let matches = if at(object, &["eventTime"]).is_some() {
        reporter_rules(object, controller_field, causes);
        !about.is_empty() || ["default", "kube-system"].contains(&namespace)
    } else if about.is_empty() {
        ["", "default"].contains(&namespace)
    } else {
        about == namespace
    };
    if !matches {
        let cause = Cause::invalid("involvedObject.namespace", about, "does not match event.namespace");
        causes.insert(0, cause);
    }
    causes.extend(dns_subdomain(namespace).iter().map(|text| Cause::invalid("namespace", namespace, text)));
}

fn reporter_rules(object: &Value, controller_field: &str, causes: &mut Vec<Cause>) {
    let controller = text(object, &["reportingComponent"]);
    if controller.is_empty() {
        causes.push(Cause::required(controller_field, ""));
    }
    causes.extend(qualified_name(controller).iter().map(|text| Cause::invalid(controller_field, controller, text)));
    for (field, is_required, bytes_max) in
        [("reportingInstance", true, 128), ("action", true, 128), ("reason", true, 128), ("message", false, 1024)]
    {
        let value = text(object, &[field]);
        if is_required && value.is_empty() {
            causes.push(Cause::required(field, ""));
        }
        if value.len() > bytes_max {
            causes.push(Cause::invalid(field, "", format!("can have at most {bytes_max} characters")));
        }
    }
}
