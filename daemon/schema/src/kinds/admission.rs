//! Kinds of `admissionregistration.k8s.io/v1`.

use super::{NO_RULES, age, column, core_kind, name, names};
use crate::field::TypeDescriptor;
use crate::kind::{Cell, Column, Kind, Part, Rules};
use crate::table::policy_cells;
use crate::types::admission::{mutating, validating, webhook};
use crate::{default, validate};

pub(super) fn validating_webhooks() -> Kind {
    Kind {
        plural: "validatingwebhookconfigurations".into(),
        singular: "validatingwebhookconfiguration".into(),
        columns: webhook_columns(),
        storage: (GROUP.into(), "validatingwebhookconfigurations".into()),
        rules: &Rules {
            default: default::admission::validating_webhooks,
            validate: validate::webhook::validating,
            ..RULES
        },
        ..admission_kind("ValidatingWebhookConfiguration", &webhook::VALIDATING_WEBHOOK_CONFIGURATION)
    }
}

pub(super) fn mutating_webhooks() -> Kind {
    Kind {
        plural: "mutatingwebhookconfigurations".into(),
        singular: "mutatingwebhookconfiguration".into(),
        columns: webhook_columns(),
        storage: (GROUP.into(), "mutatingwebhookconfigurations".into()),
        rules: &Rules {
            default: default::admission::mutating_webhooks,
            validate: validate::webhook::mutating,
            ..RULES
        },
        ..admission_kind("MutatingWebhookConfiguration", &webhook::MUTATING_WEBHOOK_CONFIGURATION)
    }
}

pub(super) fn validating_policy() -> Kind {
    Kind {
        plural: "validatingadmissionpolicies".into(),
        singular: "validatingadmissionpolicy".into(),
        subresources: vec![Part::Status],
        columns: vec![
            name(),
            integer("Validations", "Number of validations.", Cell::Made(policy_cells::validations)),
            column("ParamKind", "Kind of the parameters.", Cell::Made(policy_cells::param_kind)),
            age(),
        ],
        storage: (GROUP.into(), "validatingadmissionpolicies".into()),
        keeps: &[(Part::Object, &["status"]), (Part::Status, &["metadata", "spec"])],
        rules: &Rules {
            default: default::admission::validating_policy,
            validate: validate::policy::validating,
            validate_update: validate::policy::validating_update,
            ..RULES
        },
        ..admission_kind("ValidatingAdmissionPolicy", &validating::VALIDATING_ADMISSION_POLICY)
    }
}

pub(super) fn validating_policy_binding() -> Kind {
    Kind {
        plural: "validatingadmissionpolicybindings".into(),
        singular: "validatingadmissionpolicybinding".into(),
        columns: binding_columns(),
        storage: (GROUP.into(), "validatingadmissionpolicybindings".into()),
        rules: &Rules { default: default::admission::binding, validate: validate::policy::validating_binding, ..RULES },
        ..admission_kind("ValidatingAdmissionPolicyBinding", &validating::VALIDATING_ADMISSION_POLICY_BINDING)
    }
}

pub(super) fn mutating_policy() -> Kind {
    Kind {
        plural: "mutatingadmissionpolicies".into(),
        singular: "mutatingadmissionpolicy".into(),
        columns: vec![
            name(),
            integer("Mutations", "Number of mutations.", Cell::Made(policy_cells::mutations)),
            column("ParamKind", "Kind of the parameters.", Cell::Made(policy_cells::param_kind)),
            age(),
        ],
        storage: (GROUP.into(), "mutatingadmissionpolicies".into()),
        rules: &Rules { default: default::admission::mutating_policy, validate: validate::policy::mutating, ..RULES },
        ..admission_kind("MutatingAdmissionPolicy", &mutating::MUTATING_ADMISSION_POLICY)
    }
}

pub(super) fn mutating_policy_binding() -> Kind {
    Kind {
        plural: "mutatingadmissionpolicybindings".into(),
        singular: "mutatingadmissionpolicybinding".into(),
        columns: binding_columns(),
        storage: (GROUP.into(), "mutatingadmissionpolicybindings".into()),
        rules: &Rules { default: default::admission::binding, validate: validate::policy::mutating_binding, ..RULES },
        ..admission_kind("MutatingAdmissionPolicyBinding", &mutating::MUTATING_ADMISSION_POLICY_BINDING)
    }
}

fn admission_kind(kind: &'static str, object: &'static TypeDescriptor) -> Kind {
    Kind {
        group: GROUP.into(),
        categories: names(&["api-extensions"]),
        namespaced: false,
        standard_finalizers: false,
        generation: true,
        unconditional_update: false,
        ..core_kind(kind, object)
    }
}

fn webhook_columns() -> Vec<Column> {
    vec![name(), integer("Webhooks", "Number of webhooks.", Cell::Made(policy_cells::webhooks)), age()]
}

fn binding_columns() -> Vec<Column> {
    vec![
        name(),
        column("PolicyName", "Policy that is bound.", Cell::Text(&["spec", "policyName"])),
        column("ParamRef", "Objects that give the parameters.", Cell::Made(policy_cells::param)),
        age(),
    ]
}

fn integer(name: &'static str, description: &'static str, cell: Cell) -> Column {
    Column { cell_type: "integer".into(), ..column(name, description, cell) }
}

const GROUP: &str = "admissionregistration.k8s.io";
const RULES: Rules = Rules { warn: validate::webhook::name_warnings, ..NO_RULES };
