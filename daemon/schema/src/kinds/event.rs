//! The two forms of events.

use super::{NO_RULES, column, core_kind, names, object_name, object_namespace, selectable, wide};
use crate::kind::{Cell, Column, Kind, NameRule, Rules, Selectable, SelectableField};
use crate::table::event_cells;
use crate::types::{core, events};
use crate::validate;

pub(super) fn core_event() -> Kind {
    Kind {
        plural: "events".into(),
        singular: "event".into(),
        short_names: names(&["ev"]),
        columns: event_columns(),
        selectable: Selectable::Listed(vec![
            object_name(),
            object_namespace(),
            selectable("involvedObject.kind", &["involvedObject", "kind"]),
            selectable("involvedObject.namespace", &["involvedObject", "namespace"]),
            selectable("involvedObject.name", &["involvedObject", "name"]),
            selectable("involvedObject.uid", &["involvedObject", "uid"]),
            selectable("involvedObject.apiVersion", &["involvedObject", "apiVersion"]),
            selectable("involvedObject.resourceVersion", &["involvedObject", "resourceVersion"]),
            selectable("involvedObject.fieldPath", &["involvedObject", "fieldPath"]),
            selectable("reason", &["reason"]),
            selectable("reportingComponent", &["reportingComponent"]),
            SelectableField {
                otherwise: names(&["reportingComponent"]),
                ..selectable("source", &["source", "component"])
            },
            selectable("type", &["type"]),
        ]),
        name_rule: NameRule::PathSegment,
        storage: ("".into(), "events".into()),
        standard_finalizers: false,
        create_on_update: true,
        rules: &Rules {
            validate: validate::event::core_event,
            validate_update: validate::event::core_event_update,
            ..NO_RULES
        },
        ..core_kind("Event", &core::EVENT)
    }
}

pub(super) fn events_event() -> Kind {
    Kind {
        group: "events.k8s.io".into(),
        plural: "events".into(),
        singular: "event".into(),
        short_names: names(&["ev"]),
        columns: event_columns(),
        selectable: Selectable::Listed(vec![
            object_name(),
            object_namespace(),
            selectable("regarding.kind", &["involvedObject", "kind"]),
            selectable("regarding.namespace", &["involvedObject", "namespace"]),
            selectable("regarding.name", &["involvedObject", "name"]),
            selectable("regarding.uid", &["involvedObject", "uid"]),
            selectable("regarding.apiVersion", &["involvedObject", "apiVersion"]),
            selectable("regarding.resourceVersion", &["involvedObject", "resourceVersion"]),
            selectable("regarding.fieldPath", &["involvedObject", "fieldPath"]),
            selectable("reason", &["reason"]),
            selectable("reportingController", &["reportingComponent"]),
            selectable("type", &["type"]),
        ]),
        storage: ("".into(), "events".into()),
        create_on_update: true,
        rules: &Rules {
            validate: validate::event::events_event,
            validate_update: validate::event::events_event_update,
            ..NO_RULES
        },
        ..core_kind("Event", &events::EVENT)
    }
}

fn event_columns() -> Vec<Column> {
    vec![
        column("Last Seen", "How long ago the event was last seen.", Cell::Made(event_cells::last_seen)),
        column("Type", "Normal or Warning.", Cell::Text(&["type"])),
        column("Reason", "One word that says why.", Cell::Text(&["reason"])),
        column("Object", "Object that the event is about.", Cell::Made(event_cells::object)),
        wide("Subobject", "Part of the object that is meant.", Cell::Text(&["involvedObject", "fieldPath"])),
        wide("Source", "Who reported the event.", Cell::Made(event_cells::source)),
        column("Message", "Sentence for people.", Cell::Made(event_cells::message)),
        wide("First Seen", "How long ago the event was first seen.", Cell::Made(event_cells::first_seen)),
        wide("Count", "How often the event was seen.", Cell::Made(event_cells::count)),
        Column { format: "name".into(), ..wide("Name", "Name of the event.", Cell::Text(&["metadata", "name"])) },
    ]
}
