//! The table of kinds.

use crate::field::TypeDescriptor;
use crate::kind::{Cell, Column, Kind, NameRule, Part, Rules, Selectable, SelectableField, Verb};
use crate::table::{event_cells, lease_holder};
use crate::types::{coordination, core, events, kcp};
use crate::{default, validate};

/// Every kind that the API serves, in the order of discovery.
pub static KINDS: &[Kind] =
    &[CONFIG_MAP, EVENT, NAMESPACE, SECRET, SERVICE_ACCOUNT, EVENTS_EVENT, LEASE, LOGICAL_CLUSTER, WORKSPACE];

const CONFIG_MAP: Kind = Kind {
    plural: "configmaps",
    singular: "configmap",
    short_names: &["cm"],
    columns: &[NAME, column("Data", "Number of keys.", Cell::Count(&[&["data"], &["binaryData"]])), AGE],
    storage: ("", "configmaps"),
    rules: &Rules {
        validate: validate::config::config_map,
        validate_update: validate::config::config_map_update,
        ..NO_RULES
    },
    ..core_kind("ConfigMap", &core::CONFIG_MAP)
};

const EVENT: Kind = Kind {
    plural: "events",
    singular: "event",
    short_names: &["ev"],
    columns: EVENT_COLUMNS,
    selectable: Selectable::Listed(&[
        OBJECT_NAME,
        OBJECT_NAMESPACE,
        selectable("involvedObject.kind", &["involvedObject", "kind"]),
        selectable("involvedObject.namespace", &["involvedObject", "namespace"]),
        selectable("involvedObject.name", &["involvedObject", "name"]),
        selectable("involvedObject.uid", &["involvedObject", "uid"]),
        selectable("involvedObject.apiVersion", &["involvedObject", "apiVersion"]),
        selectable("involvedObject.resourceVersion", &["involvedObject", "resourceVersion"]),
        selectable("involvedObject.fieldPath", &["involvedObject", "fieldPath"]),
        selectable("reason", &["reason"]),
        selectable("reportingComponent", &["reportingComponent"]),
        SelectableField { label: "source", path: &["source", "component"], otherwise: &["reportingComponent"] },
        selectable("type", &["type"]),
    ]),
    name_rule: NameRule::PathSegment,
    storage: ("", "events"),
    standard_finalizers: false,
    create_on_update: true,
    rules: &Rules {
        validate: validate::event::core_event,
        validate_update: validate::event::core_event_update,
        ..NO_RULES
    },
    ..core_kind("Event", &core::EVENT)
};

const EVENTS_EVENT: Kind = Kind {
    group: "events.k8s.io",
    plural: "events",
    singular: "event",
    short_names: &["ev"],
    columns: EVENT_COLUMNS,
    selectable: Selectable::Listed(&[
        OBJECT_NAME,
        OBJECT_NAMESPACE,
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
    storage: ("", "events"),
    create_on_update: true,
    rules: &Rules {
        validate: validate::event::events_event,
        validate_update: validate::event::events_event_update,
        ..NO_RULES
    },
    ..core_kind("Event", &events::EVENT)
};

const NAMESPACE: Kind = Kind {
    plural: "namespaces",
    singular: "namespace",
    short_names: &["ns"],
    namespaced: false,
    subresources: &[Part::Finalize, Part::Status],
    verbs: &[Verb::Create, Verb::Delete, Verb::Get, Verb::List, Verb::Patch, Verb::Update, Verb::Watch],
    name_rule: NameRule::DnsLabel,
    columns: &[NAME, column("Status", "Phase of the namespace.", Cell::Text(&["status", "phase"])), AGE],
    selectable: Selectable::Listed(&[OBJECT_NAME, selectable("status.phase", &["status", "phase"])]),
    storage: ("", "namespaces"),
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
};

const SECRET: Kind = Kind {
    plural: "secrets",
    singular: "secret",
    columns: &[
        NAME,
        column("Type", "Type of the secret.", Cell::Text(&["type"])),
        column("Data", "Number of keys.", Cell::Count(&[&["data"]])),
        AGE,
    ],
    selectable: Selectable::Listed(&[OBJECT_NAME, OBJECT_NAMESPACE, selectable("type", &["type"])]),
    storage: ("", "secrets"),
    rules: &Rules {
        default: default::secret,
        validate: validate::secret::secret,
        validate_update: validate::secret::secret_update,
        ..NO_RULES
    },
    ..core_kind("Secret", &core::SECRET)
};

const SERVICE_ACCOUNT: Kind = Kind {
    plural: "serviceaccounts",
    singular: "serviceaccount",
    short_names: &["sa"],
    columns: &[NAME, AGE],
    storage: ("", "serviceaccounts"),
    rules: &Rules {
        create: default::service_account_create,
        update: default::service_account_update,
        warn: validate::service_account_warnings,
        ..NO_RULES
    },
    ..core_kind("ServiceAccount", &core::SERVICE_ACCOUNT)
};

const LEASE: Kind = Kind {
    group: "coordination.k8s.io",
    plural: "leases",
    singular: "lease",
    columns: &[NAME, column("Holder", "Who holds the lease.", Cell::Made(lease_holder)), AGE],
    storage: ("coordination.k8s.io", "leases"),
    standard_finalizers: false,
    create_on_update: true,
    unconditional_update: false,
    rules: &Rules { validate: validate::lease::lease, ..NO_RULES },
    ..core_kind("Lease", &coordination::LEASE)
};

const LOGICAL_CLUSTER: Kind = Kind {
    group: "core.kcp.io",
    plural: "logicalclusters",
    singular: "logicalcluster",
    name_rule: NameRule::LogicalCluster,
    columns: &[
        NAME,
        column("Phase", "How far the life of the logical cluster has come.", Cell::OptionalText(&["status", "phase"])),
        column("URL", "Address of its API.", Cell::OptionalText(&["status", "URL"])),
        DATE,
    ],
    storage: ("core.kcp.io", "logicalclusters"),
    rules: &Rules {
        default: default::logical_cluster,
        validate: validate::logical_cluster::logical_cluster,
        validate_update: validate::logical_cluster::logical_cluster_update,
        ..NO_RULES
    },
    ..kcp_kind("LogicalCluster", &kcp::LOGICAL_CLUSTER)
};

const WORKSPACE: Kind = Kind {
    group: "tenancy.kcp.io",
    plural: "workspaces",
    singular: "workspace",
    short_names: &["ws"],
    name_rule: NameRule::Workspace,
    columns: &[
        NAME,
        column("Type", "Type of the workspace.", Cell::OptionalText(&["spec", "type", "name"])),
        column("Region", "Region in which it lives.", Cell::OptionalText(&["metadata", "labels", "region"])),
        column("Phase", "How far its life has come.", Cell::OptionalText(&["status", "phase"])),
        column("URL", "Address of its API.", Cell::OptionalText(&["spec", "URL"])),
        DATE,
    ],
    storage: ("tenancy.kcp.io", "workspaces"),
    rules: &Rules {
        default: default::workspace,
        validate: validate::workspace::workspace,
        validate_update: validate::workspace::workspace_update,
        ..NO_RULES
    },
    ..kcp_kind("Workspace", &kcp::WORKSPACE)
};

/// What most kinds of Kubernetes have in common. Names and storage are for the kind to give.
const fn core_kind(kind: &'static str, object: &'static TypeDescriptor) -> Kind {
    Kind {
        group: "",
        version: "v1",
        kind,
        plural: "",
        singular: "",
        short_names: &[],
        categories: &[],
        namespaced: true,
        subresources: &[],
        verbs: ALL_VERBS,
        object,
        name_rule: NameRule::DnsSubdomain,
        columns: &[],
        selectable: Selectable::Metadata,
        storage: ("", ""),
        keeps: &[],
        standard_finalizers: true,
        generation: false,
        strategic_patch: true,
        create_on_update: false,
        unconditional_update: true,
        rules: &NO_RULES,
    }
}

/// What the kinds of kcp have in common: cluster scoped, with a status that is written apart.
const fn kcp_kind(kind: &'static str, object: &'static TypeDescriptor) -> Kind {
    Kind {
        version: "v1alpha1",
        categories: &["kcp"],
        namespaced: false,
        subresources: &[Part::Status],
        selectable: Selectable::Listed(&[OBJECT_NAME, OBJECT_NAMESPACE]),
        keeps: &[(Part::Object, &["status"]), (Part::Status, &["metadata", "spec"])],
        standard_finalizers: false,
        generation: true,
        strategic_patch: false,
        unconditional_update: false,
        ..core_kind(kind, object)
    }
}

const fn column(name: &'static str, description: &'static str, cell: Cell) -> Column {
    Column { name, cell_type: "string", format: "", description, priority: 0, cell }
}

const fn wide(name: &'static str, description: &'static str, cell: Cell) -> Column {
    Column { priority: 1, ..column(name, description, cell) }
}

const fn selectable(label: &'static str, path: &'static [&'static str]) -> SelectableField {
    SelectableField { label, path, otherwise: &[] }
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

const OBJECT_NAME: SelectableField = selectable("metadata.name", &["metadata", "name"]);
const OBJECT_NAMESPACE: SelectableField = selectable("metadata.namespace", &["metadata", "namespace"]);

const NAME: Column =
    Column { format: "name", ..column("Name", "Name of the object.", Cell::Text(&["metadata", "name"])) };
const AGE: Column = column("Age", "How long the object has been there.", Cell::Age(&["metadata", "creationTimestamp"]));
const DATE: Column = Column { cell_type: "date", ..AGE };

const EVENT_COLUMNS: &[Column] = &[
    column("Last Seen", "How long ago the event was last seen.", Cell::Made(event_cells::last_seen)),
    column("Type", "Normal or Warning.", Cell::Text(&["type"])),
    column("Reason", "One word that says why.", Cell::Text(&["reason"])),
    column("Object", "Object that the event is about.", Cell::Made(event_cells::object)),
    wide("Subobject", "Part of the object that is meant.", Cell::Text(&["involvedObject", "fieldPath"])),
    wide("Source", "Who reported the event.", Cell::Made(event_cells::source)),
    column("Message", "Sentence for people.", Cell::Made(event_cells::message)),
    wide("First Seen", "How long ago the event was first seen.", Cell::Made(event_cells::first_seen)),
    wide("Count", "How often the event was seen.", Cell::Made(event_cells::count)),
    Column { format: "name", ..wide("Name", "Name of the event.", Cell::Text(&["metadata", "name"])) },
];
