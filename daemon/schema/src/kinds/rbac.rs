//! Kinds of `rbac.authorization.k8s.io/v1`.

use super::{NO_RULES, age, column, core_kind, created, name, wide};
use crate::field::TypeDescriptor;
use crate::kind::{Cell, Column, Kind, NameRule, Rules};
use crate::table::binding_cells;
use crate::types::rbac;
use crate::{default, validate};

pub(super) fn role() -> Kind {
    Kind {
        plural: "roles".into(),
        singular: "role".into(),
        columns: vec![name(), created()],
        storage: (GROUP.into(), "roles".into()),
        rules: &Rules { validate: validate::rbac::role, ..NO_RULES },
        ..rbac_kind("Role", &rbac::ROLE)
    }
}

pub(super) fn cluster_role() -> Kind {
    Kind {
        plural: "clusterroles".into(),
        singular: "clusterrole".into(),
        namespaced: false,
        columns: vec![name(), created()],
        storage: (GROUP.into(), "clusterroles".into()),
        rules: &Rules { validate: validate::rbac::cluster_role, ..NO_RULES },
        ..rbac_kind("ClusterRole", &rbac::CLUSTER_ROLE)
    }
}

pub(super) fn role_binding() -> Kind {
    Kind {
        plural: "rolebindings".into(),
        singular: "rolebinding".into(),
        columns: binding_columns(),
        storage: (GROUP.into(), "rolebindings".into()),
        rules: &Rules {
            default: default::rbac::binding,
            validate: validate::rbac::role_binding,
            validate_update: validate::rbac::binding_update,
            ..NO_RULES
        },
        ..rbac_kind("RoleBinding", &rbac::ROLE_BINDING)
    }
}

pub(super) fn cluster_role_binding() -> Kind {
    Kind {
        plural: "clusterrolebindings".into(),
        singular: "clusterrolebinding".into(),
        namespaced: false,
        columns: binding_columns(),
        storage: (GROUP.into(), "clusterrolebindings".into()),
        rules: &Rules {
            default: default::rbac::binding,
            validate: validate::rbac::cluster_role_binding,
            validate_update: validate::rbac::binding_update,
            ..NO_RULES
        },
        ..rbac_kind("ClusterRoleBinding", &rbac::CLUSTER_ROLE_BINDING)
    }
}

fn rbac_kind(kind: &'static str, object: &'static TypeDescriptor) -> Kind {
    Kind {
        group: GROUP.into(),
        // Names like `system:admin` are common.
        name_rule: NameRule::PathSegment,
        create_on_update: true,
        ..core_kind(kind, object)
    }
}

fn binding_columns() -> Vec<Column> {
    vec![
        name(),
        column("Role", "Role that is given.", Cell::Made(binding_cells::role)),
        age(),
        wide("Users", "Users that get it.", Cell::Made(binding_cells::users)),
        wide("Groups", "Groups that get it.", Cell::Made(binding_cells::groups)),
        wide("ServiceAccounts", "Service accounts that get it.", Cell::Made(binding_cells::service_accounts)),
    ]
}

const GROUP: &str = "rbac.authorization.k8s.io";
