//! Kinds of the core group, but events.

use super::{
    NO_RULES, age, column, core_kind, created, name, names, no_warnings, object_name, object_namespace, selectable,
};
use crate::kind::{Cell, Kind, NameRule, Part, Rules, Selectable, Verb};
use crate::table::quota_cells;
use crate::types::core::{self, quota};
use crate::{default, validate};

pub(super) fn config_map() -> Kind {
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

pub(super) fn namespace() -> Kind {
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

pub(super) fn secret() -> Kind {
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

pub(super) fn service_account() -> Kind {
    Kind {
        plural: "serviceaccounts".into(),
        singular: "serviceaccount".into(),
        short_names: names(&["sa"]),
        subresources: vec![Part::Token],
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

pub(super) fn resource_quota() -> Kind {
    Kind {
        plural: "resourcequotas".into(),
        singular: "resourcequota".into(),
        short_names: names(&["quota"]),
        subresources: vec![Part::Status],
        columns: vec![
            name(),
            column("Request", "Used and largest amounts of what is not a limit.", Cell::Made(quota_cells::requests)),
            column("Limit", "Used and largest amounts of limits.", Cell::Made(quota_cells::limits)),
            age(),
        ],
        storage: ("".into(), "resourcequotas".into()),
        keeps: &[(Part::Object, &["status"]), (Part::Status, &["spec"])],
        rules: &Rules {
            default: default::limit_range::resource_quota,
            validate: validate::quota::resource_quota,
            validate_update: validate::quota::resource_quota_update,
            warn: validate::quota::resource_quota_warnings,
            ..NO_RULES
        },
        ..core_kind("ResourceQuota", &quota::RESOURCE_QUOTA)
    }
}

pub(super) fn limit_range() -> Kind {
    Kind {
        plural: "limitranges".into(),
        singular: "limitrange".into(),
        short_names: names(&["limits"]),
        columns: vec![name(), created()],
        storage: ("".into(), "limitranges".into()),
        create_on_update: true,
        rules: &Rules {
            default: default::limit_range::limit_range,
            validate: validate::limit_range::limit_range,
            ..NO_RULES
        },
        ..core_kind("LimitRange", &quota::LIMIT_RANGE)
    }
}
