//! Kinds of kcp.

use super::{NO_RULES, column, core_kind, date, name, names, object_name, object_namespace};
use crate::field::TypeDescriptor;
use crate::kind::{Cell, Kind, NameRule, Part, Rules, Selectable};
use crate::types::kcp;
use crate::{default, validate};

pub(super) fn logical_cluster() -> Kind {
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

pub(super) fn workspace() -> Kind {
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
