//! Types of `events.k8s.io/v1`: the second form of the one stored event.

use crate::field::{FieldKind, Presence, TypeDescriptor, field};
use crate::types::core::{EVENT_SOURCE, OBJECT_REFERENCE};
use crate::types::meta::OBJECT_META;

/// Repeated occurrences of one event.
pub static EVENT_SERIES: TypeDescriptor = TypeDescriptor {
    name: "EventSeries",
    package: "io.k8s.api.events.v1",
    go_package: "v1",
    doc: "repeated occurrences of one event",
    atomic: false,
    fields: &[
        field("count", FieldKind::Int32, Presence::Always, "occurrences so far").required().wire(&[1]),
        field("lastObservedTime", FieldKind::MicroTime, Presence::Always, "when it was last seen")
            .required()
            .wire(&[2]),
    ],
};

/// A report that something happened; kept for a while only.
pub static EVENT: TypeDescriptor = TypeDescriptor {
    name: "Event",
    package: "io.k8s.api.events.v1",
    go_package: "v1",
    doc: "a report that something happened; kept for a while only",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("eventTime", FieldKind::MicroTime, Presence::Always, "when it happened").required().wire(&[2]),
        field(
            "series",
            FieldKind::Object(&EVENT_SERIES),
            Presence::Optional,
            "the series that this event stands for, if any",
        )
        .wire(&[3]),
        field("reportingController", FieldKind::String, Presence::OmitEmpty, "controller that reported it").wire(&[4]),
        field(
            "reportingInstance",
            FieldKind::String,
            Presence::OmitEmpty,
            "instance of the controller that reported it",
        )
        .wire(&[5]),
        field("action", FieldKind::String, Presence::OmitEmpty, "what was done or failed").wire(&[6]),
        field("reason", FieldKind::String, Presence::OmitEmpty, "one word that says why").wire(&[7]),
        field("regarding", FieldKind::Object(&OBJECT_REFERENCE), Presence::Always, "object that the event is about")
            .wire(&[8]),
        field("related", FieldKind::Object(&OBJECT_REFERENCE), Presence::Optional, "a second object that takes part")
            .wire(&[9]),
        field("note", FieldKind::String, Presence::OmitEmpty, "sentence for people").wire(&[10]),
        field("type", FieldKind::String, Presence::OmitEmpty, "Normal or Warning").wire(&[11]),
        field(
            "deprecatedSource",
            FieldKind::Object(&EVENT_SOURCE),
            Presence::Always,
            "who reported it, in the older form",
        )
        .wire(&[12]),
        field(
            "deprecatedFirstTimestamp",
            FieldKind::Time,
            Presence::Always,
            "when it was first seen, in the older form",
        )
        .wire(&[13]),
        field("deprecatedLastTimestamp", FieldKind::Time, Presence::Always, "when it was last seen, in the older form")
            .wire(&[14]),
        field("deprecatedCount", FieldKind::Int32, Presence::OmitEmpty, "how often it was seen, in the older form")
            .wire(&[15]),
    ],
};
