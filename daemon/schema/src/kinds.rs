//! The table of kinds.

use std::sync::{Arc, LazyLock};

use crate::field::TypeDescriptor;
use crate::kind::{Cell, Column, Kind, NameRule, Part, Rules, Selectable, SelectableField, Shape, Text, Verb};
use crate::table::{event_cells, lease_holder};
use crate::types::{coordination, core, events, kcp};
use crate::{default, validate};

/// Every kind that the API serves, in the order of discovery.
pub static KINDS: LazyLock<Vec<Arc<Kind>>> = LazyLock::new(|| {
    let kinds = [
        config_map(),
        event(),
        namespace(),
        secret(),
        service_account(),
        events_event(),
        lease(),
        logical_cluster(),
        workspace(),
    ];
    kinds.into_iter().map(Arc::new).collect()
});

fn config_map() -> Kind {
    Kind {
        plural: "configmaps".into(),
        singular: "configmap".into(),
        short_names: names(&["cm"]),
        columns: vec![name(), column("Data", "Number of keys.", Cell::Count(&[&["data"], &["binaryData"]])), age()],
        storage: ("".into(), "configmaps".into()),
        rules: &Rules {
            validate: validate::config::config_map,
            validate_update: validate::config::config_map_update,
            ..NO_RULES
        },
        ..core_kind("ConfigMap", &core::CONFIG_MAP)
    }
}

fn event() -> Kind {
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

fn events_event() -> Kind {
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

fn namespace() -> Kind {
    Kind {
        plural: "namespaces".into(),
        singular: "namespace".into(),
        short_names: names(&["ns"]),
        namespaced: false,
        subresources: vec![Part::Finalize, Part::Status],
        verbs: &[Verb::Create, Verb::Delete, Verb::Get, Verb::List, Verb::Patch, Verb::Update, Verb::Watch],
        name_rule: NameRule::DnsLabel,
        columns: vec![name(), column("Status", "Phase of the namespace.", Cell::Text(&["status", "phase"])), age()],
        selectable: Selectable::Listed(vec![object_name(), selectable("status.phase", &["status", "phase"])]),
        storage: ("".into(), "namespaces".into()),
        keeps: &[(Part::Object, &["spec", "status"]), (Part::Status, &["spec"]), (Part::Finalize, &["status"])],
        rules: &Rules {
            default: default::namespace,
            create: default::namespace_create,
            update: default::namespace_update,
            validate: validate::namespace::namespace,
            validate_update: validate::namespace::namespace_update,
            warn: no_warnings,
        },
        ..core_kind("Namespace", &core::NAMESPACE)
    }
}

fn secret() -> Kind {
    Kind {
        plural: "secrets".into(),
        singular: "secret".into(),
        columns: vec![
            name(),
            column("Type", "Type of the secret.", Cell::Text(&["type"])),
            column("Data", "Number of keys.", Cell::Count(&[&["data"]])),
            age(),
        ],
        selectable: Selectable::Listed(vec![object_name(), object_namespace(), selectable("type", &["type"])]),
        storage: ("".into(), "secrets".into()),
        rules: &Rules {
            default: default::secret,
            validate: validate::secret::secret,
            validate_update: validate::secret::secret_update,
            ..NO_RULES
        },
        ..core_kind("Secret", &core::SECRET)
    }
}

fn service_account() -> Kind {
    Kind {
        plural: "serviceaccounts".into(),
        singular: "serviceaccount".into(),
        short_names: names(&["sa"]),
        columns: vec![name(), age()],
        storage: ("".into(), "serviceaccounts".into()),
        rules: &Rules {
            create: default::service_account_create,
            update: default::service_account_update,
            warn: validate::service_account_warnings,
            ..NO_RULES
        },
        ..core_kind("ServiceAccount", &core::SERVICE_ACCOUNT)
    }
}

fn lease() -> Kind {
    Kind {
        group: "coordination.k8s.io".into(),
        plural: "leases".into(),
        singular: "lease".into(),
        columns: vec![name(), column("Holder", "Who holds the lease.", Cell::Made(lease_holder)), age()],
        storage: ("coordination.k8s.io".into(), "leases".into()),
        standard_finalizers: false,
        create_on_update: true,
        unconditional_update: false,
        rules: &Rules { validate: validate::lease::lease, ..NO_RULES },
        ..core_kind("Lease", &coordination::LEASE)
    }
}

fn logical_cluster() -> Kind {
    Kind {
        group: "core.kcp.io".into(),
        plural: "logicalclusters".into(),
        singular: "logicalcluster".into(),
        name_rule: NameRule::LogicalCluster,
        columns: vec![
            name(),
            column(
                "Phase",
                "How far the life of the logical cluster has come.",
                Cell::OptionalText(&["status", "phase"]),
            ),
            column("URL", "Address of its API.", Cell::OptionalText(&["status", "URL"])),
            date(),
        ],
        storage: ("core.kcp.io".into(), "logicalclusters".into()),
        rules: &Rules {
            default: default::logical_cluster,
            validate: validate::logical_cluster::logical_cluster,
            validate_update: validate::logical_cluster::logical_cluster_update,
            ..NO_RULES
        },
        ..kcp_kind("LogicalCluster", &kcp::LOGICAL_CLUSTER)
    }
}

fn workspace() -> Kind {
    Kind {
        group: "tenancy.kcp.io".into(),
        plural: "workspaces".into(),
        singular: "workspace".into(),
        short_names: names(&["ws"]),
        name_rule: NameRule::Workspace,
        columns: vec![
            name(),
            column("Type", "Type of the workspace.", Cell::OptionalText(&["spec", "type", "name"])),
            column("Region", "Region in which it lives.", Cell::OptionalText(&["metadata", "labels", "region"])),
            column("Phase", "How far its life has come.", Cell::OptionalText(&["status", "phase"])),
            column("URL", "Address of its API.", Cell::OptionalText(&["spec", "URL"])),
            date(),
        ],
        storage: ("tenancy.kcp.io".into(), "workspaces".into()),
        rules: &Rules {
            default: default::workspace,
            validate: validate::workspace::workspace,
            validate_update: validate::workspace::workspace_update,
            ..NO_RULES
        },
        ..kcp_kind("Workspace", &kcp::WORKSPACE)
    }
}

/// What most kinds of Kubernetes have in common. Names and storage are for the kind to give.
fn core_kind(kind: &'static str, object: &'static TypeDescriptor) -> Kind {
    Kind {
        group: "".into(),
        version: "v1".into(),
        kind: kind.into(),
        list_kind: format!("{kind}List").into(),
        plural: "".into(),
        singular: "".into(),
        short_names: Vec::new(),
        categories: Vec::new(),
        namespaced: true,
        subresources: Vec::new(),
        verbs: ALL_VERBS,
        shape: Shape::Typed(object),
        name_rule: NameRule::DnsSubdomain,
        columns: Vec::new(),
        selectable: Selectable::Metadata,
        storage: ("".into(), "".into()),
        keeps: &[],
        standard_finalizers: true,
        generation: false,
        strategic_patch: true,
        create_on_update: false,
        unconditional_update: true,
        scale: None,
        deprecation: None,
        rules: &NO_RULES,
    }
}

/// What the kinds of kcp have in common: cluster scoped, with a status that is written apart.
fn kcp_kind(kind: &'static str, object: &'static TypeDescriptor) -> Kind {
    Kind {
        version: "v1alpha1".into(),
        categories: names(&["kcp"]),
        namespaced: false,
        subresources: vec![Part::Status],
        selectable: Selectable::Listed(vec![object_name(), object_namespace()]),
        keeps: &[(Part::Object, &["status"]), (Part::Status, &["metadata", "spec"])],
        standard_finalizers: false,
        generation: true,
        strategic_patch: false,
        unconditional_update: false,
        ..core_kind(kind, object)
    }
}

fn column(name: &'static str, description: &'static str, cell: Cell) -> Column {
    Column {
        name: name.into(),
        cell_type: "string".into(),
        format: "".into(),
        description: description.into(),
        priority: 0,
        cell,
    }
}

fn wide(name: &'static str, description: &'static str, cell: Cell) -> Column {
    Column { priority: 1, ..column(name, description, cell) }
}

fn selectable(label: &'static str, path: &'static [&'static str]) -> SelectableField {
    SelectableField { label: label.into(), path: names(path), otherwise: Vec::new() }
}

fn names(names: &'static [&'static str]) -> Vec<Text> {
    names.iter().map(|name| Text::Borrowed(name)).collect()
}

const fn no_warnings(_: &serde_json::Value, _: Option<&serde_json::Value>) -> Vec<String> {
    Vec::new()
}

const NO_RULES: Rules = Rules {
    default: |_| {},
    create: |_| {},
    update: |_, _, _| {},
    validate: |_, _| {},
    validate_update: |_, _, _, _| {},
    warn: no_warnings,
};

const ALL_VERBS: &[Verb] = &[
    Verb::Create,
    Verb::Delete,
    Verb::DeleteCollection,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Update,
    Verb::Watch,
];

fn object_name() -> SelectableField {
    selectable("metadata.name", &["metadata", "name"])
}

fn object_namespace() -> SelectableField {
    selectable("metadata.namespace", &["metadata", "namespace"])
}

fn name() -> Column {
    Column { format: "name".into(), ..column("Name", "Name of the object.", Cell::Text(&["metadata", "name"])) }
}

fn age() -> Column {
    column("Age", "How long the object has been there.", Cell::Age(&["metadata", "creationTimestamp"]))
}

fn date() -> Column {
    Column { cell_type: "date".into(), ..age() }
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
