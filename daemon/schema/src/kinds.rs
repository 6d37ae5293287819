//! The table of kinds.

mod admission;
mod certificate;
mod core;
mod definition;
mod event;
mod kcp;
mod lease;
mod rbac;
mod review;

use std::sync::{Arc, LazyLock};

use crate::field::TypeDescriptor;
use crate::kind::{Cell, Column, Kind, NameRule, Rules, Selectable, SelectableField, Shape, Text, Verb};

/// Every kind that the API serves, in the order of discovery.
pub static KINDS: LazyLock<Vec<Arc<Kind>>> = LazyLock::new(|| {
    let kinds = [
        core::config_map(),
        event::core_event(),
        core::limit_range(),
        core::namespace(),
        core::resource_quota(),
        core::secret(),
        core::service_account(),
        event::events_event(),
        review::self_subject_review(),
        review::token_review(),
        review::local_subject_access_review(),
        review::self_subject_access_review(),
        review::self_subject_rules_review(),
        review::subject_access_review(),
        certificate::signing_request(),
        rbac::cluster_role_binding(),
        rbac::cluster_role(),
        rbac::role_binding(),
        rbac::role(),
        admission::mutating_policy(),
        admission::mutating_policy_binding(),
        admission::mutating_webhooks(),
        admission::validating_policy(),
        admission::validating_policy_binding(),
        admission::validating_webhooks(),
        definition::custom_resource_definition(),
        lease::lease(),
        kcp::logical_cluster(),
        kcp::workspace(),
    ];
    kinds.into_iter().map(Arc::new).collect()
});

/// The kind that is sent to `…/token` of a service account, which is no resource of its own.
pub static TOKEN_REQUEST: LazyLock<Kind> = LazyLock::new(review::token_request);

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

pub(crate) const NO_RULES: Rules = Rules {
    default: |_| {},
    create: |_| {},
    update: |_, _, _| {},
    validate: |_, _| {},
    validate_update: |_, _, _, _| {},
    warn: no_warnings,
};

pub(crate) const ALL_VERBS: &[Verb] = &[
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

/// When the object was made, where upstream has no columns of its own.
fn created() -> Column {
    Column {
        cell_type: "date".into(),
        ..column("Created At", "When the object was made.", Cell::OptionalText(&["metadata", "creationTimestamp"]))
    }
}

fn date() -> Column {
    Column { cell_type: "date".into(), ..age() }
}
