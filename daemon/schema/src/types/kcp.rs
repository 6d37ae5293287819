//! Types of `tenancy.kcp.io/v1alpha1` and `core.kcp.io/v1alpha1` (kcp contract §4).
//!
//! kcp defines them as CustomResourceDefinitions, so values that are given are kept even when they are zero.

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};
use crate::types::meta::{LABEL_SELECTOR, OBJECT_META};

/// An observation about a kcp object. Unlike Kubernetes' own it has a severity.
pub static CONDITION: TypeDescriptor = TypeDescriptor {
    name: "Condition",
    package: "io.kcp.conditions.v1alpha1",
    go_package: "v1alpha1",
    doc: "one observation about the object",
    atomic: false,
    fields: &[
        field("type", FieldKind::String, Presence::Optional, "what is observed").required(),
        field("status", FieldKind::String, Presence::Optional, "True, False or Unknown").required(),
        field("severity", FieldKind::String, Presence::Optional, "Error, Warning or Info; only when status is False"),
        field("lastTransitionTime", FieldKind::Time, Presence::Optional, "when the status last changed").required(),
        field("reason", FieldKind::String, Presence::Optional, "one word for the last change"),
        field("message", FieldKind::String, Presence::Optional, "sentence about the last change"),
    ],
};

/// Names a WorkspaceType.
pub static WORKSPACE_TYPE_REFERENCE: TypeDescriptor = TypeDescriptor {
    name: "WorkspaceTypeReference",
    package: "io.kcp.tenancy.v1alpha1",
    go_package: "v1alpha1",
    doc: "names a workspace type",
    atomic: false,
    fields: &[
        field("name", FieldKind::String, Presence::Optional, "name of the type").required(),
        field("path", FieldKind::String, Presence::Optional, "path of the workspace that holds the type"),
    ],
};

/// Where a workspace wants to live.
pub static WORKSPACE_LOCATION: TypeDescriptor = TypeDescriptor {
    name: "WorkspaceLocation",
    package: "io.kcp.tenancy.v1alpha1",
    go_package: "v1alpha1",
    doc: "where the workspace wants to live",
    atomic: false,
    fields: &[field(
        "selector",
        FieldKind::Object(&LABEL_SELECTOR),
        Presence::Optional,
        "selects the groups (shown as shards) that may be its home",
    )],
};

/// The object that stands behind a mounted workspace.
pub static MOUNT_REFERENCE: TypeDescriptor = TypeDescriptor {
    name: "ObjectReference",
    package: "io.kcp.tenancy.v1alpha1",
    go_package: "v1alpha1",
    doc: "points to the object that stands behind a mounted workspace",
    atomic: false,
    fields: &[
        field("apiVersion", FieldKind::String, Presence::Optional, "group and version of the object").required(),
        field("kind", FieldKind::String, Presence::Optional, "kind of the object").required(),
        field("name", FieldKind::String, Presence::Optional, "name of the object").required(),
        field("namespace", FieldKind::String, Presence::Optional, "namespace of the object"),
    ],
};

/// What a workspace shows instead of content of its own.
pub static MOUNT: TypeDescriptor = TypeDescriptor {
    name: "Mount",
    package: "io.kcp.tenancy.v1alpha1",
    go_package: "v1alpha1",
    doc: "what the workspace shows instead of content of its own",
    atomic: false,
    fields: &[
        field("ref", FieldKind::Object(&MOUNT_REFERENCE), Presence::Optional, "object that is mounted").required()
    ],
};

/// Wanted state of a workspace.
pub static WORKSPACE_SPEC: TypeDescriptor = TypeDescriptor {
    name: "WorkspaceSpec",
    package: "io.kcp.tenancy.v1alpha1",
    go_package: "v1alpha1",
    doc: "wanted state of a workspace",
    atomic: false,
    fields: &[
        field(
            "type",
            FieldKind::Object(&WORKSPACE_TYPE_REFERENCE),
            Presence::Optional,
            "type of the workspace; cannot be changed",
        ),
        field("location", FieldKind::Object(&WORKSPACE_LOCATION), Presence::Optional, "where it wants to live"),
        field("cluster", FieldKind::String, Presence::Optional, "id of its logical cluster; set by the system"),
        field("URL", FieldKind::String, Presence::Optional, "address of its API; set by the system"),
        field("mount", FieldKind::Object(&MOUNT), Presence::Optional, "what it shows instead of content of its own"),
    ],
};

/// Observed state of a workspace.
pub static WORKSPACE_STATUS: TypeDescriptor = TypeDescriptor {
    name: "WorkspaceStatus",
    package: "io.kcp.tenancy.v1alpha1",
    go_package: "v1alpha1",
    doc: "observed state of a workspace",
    atomic: false,
    fields: &[
        field("phase", FieldKind::String, Presence::Optional, "how far its life has come, Ready when it can be used"),
        field(
            "conditions",
            FieldKind::List(List::of(&FieldKind::Object(&CONDITION))),
            Presence::Optional,
            "latest observations",
        ),
        field(
            "initializers",
            FieldKind::List(List::of(&FieldKind::String)),
            Presence::Optional,
            "what must be done before it is ready",
        ),
        field(
            "terminators",
            FieldKind::List(List::of(&FieldKind::String)),
            Presence::Optional,
            "what must be done before it goes",
        ),
    ],
};

/// A named place in the tree.
pub static WORKSPACE: TypeDescriptor = TypeDescriptor {
    name: "Workspace",
    package: "io.kcp.tenancy.v1alpha1",
    go_package: "v1alpha1",
    doc: "a named place in the tree of workspaces, which leads to a logical cluster",
    atomic: false,
    fields: &[
        field("apiVersion", FieldKind::String, Presence::Optional, "group and version of this object"),
        field("kind", FieldKind::String, Presence::Optional, "kind of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Optional, "standard metadata"),
        field("spec", FieldKind::Object(&WORKSPACE_SPEC), Presence::Optional, "wanted state"),
        field("status", FieldKind::Object(&WORKSPACE_STATUS), Presence::Optional, "observed state"),
    ],
};

/// The object for which a logical cluster was made.
pub static LOGICAL_CLUSTER_OWNER: TypeDescriptor = TypeDescriptor {
    name: "LogicalClusterOwner",
    package: "io.kcp.core.v1alpha1",
    go_package: "v1alpha1",
    doc: "the object for which the logical cluster was made",
    atomic: false,
    fields: &[
        field("apiVersion", FieldKind::String, Presence::Optional, "group and version of the owner").required(),
        field("resource", FieldKind::String, Presence::Optional, "resource of the owner").required(),
        field("name", FieldKind::String, Presence::Optional, "name of the owner").required(),
        field("namespace", FieldKind::String, Presence::Optional, "namespace of the owner"),
        field("cluster", FieldKind::String, Presence::Optional, "logical cluster in which the owner lives").required(),
        field("uid", FieldKind::String, Presence::Optional, "uid of the owner").required(),
    ],
};

/// Who asked for a logical cluster.
pub static USER_INFO: TypeDescriptor = TypeDescriptor {
    name: "UserInfo",
    package: "io.kcp.core.v1alpha1",
    go_package: "v1alpha1",
    doc: "who asked for the logical cluster",
    atomic: false,
    fields: &[
        field("username", FieldKind::String, Presence::Optional, "name of the user"),
        field("uid", FieldKind::String, Presence::Optional, "id of the user"),
        field("groups", FieldKind::List(List::of(&FieldKind::String)), Presence::Optional, "groups of the user"),
        field(
            "extra",
            FieldKind::Map(&FieldKind::List(List::of(&FieldKind::String))),
            Presence::Optional,
            "what else the authenticator said",
        ),
    ],
};

/// Wanted state of a logical cluster.
pub static LOGICAL_CLUSTER_SPEC: TypeDescriptor = TypeDescriptor {
    name: "LogicalClusterSpec",
    package: "io.kcp.core.v1alpha1",
    go_package: "v1alpha1",
    doc: "wanted state of a logical cluster",
    atomic: false,
    fields: &[
        field(
            "directlyDeletable",
            FieldKind::Bool,
            Presence::Optional,
            "whether users may delete it without its owner",
        ),
        field("owner", FieldKind::Object(&LOGICAL_CLUSTER_OWNER), Presence::Optional, "for what it was made"),
        field("createdBy", FieldKind::Object(&USER_INFO), Presence::Optional, "who asked for it; cannot be changed"),
        field(
            "initializers",
            FieldKind::List(List::of(&FieldKind::String)),
            Presence::Optional,
            "what must be done before it is ready; cannot be changed",
        ),
        field(
            "terminators",
            FieldKind::List(List::of(&FieldKind::String)),
            Presence::Optional,
            "what must be done before it goes",
        ),
    ],
};

/// Observed state of a logical cluster.
pub static LOGICAL_CLUSTER_STATUS: TypeDescriptor = TypeDescriptor {
    name: "LogicalClusterStatus",
    package: "io.kcp.core.v1alpha1",
    go_package: "v1alpha1",
    doc: "observed state of a logical cluster",
    atomic: false,
    fields: &[
        field("URL", FieldKind::String, Presence::Optional, "address of its API"),
        field("phase", FieldKind::String, Presence::Optional, "how far its life has come, Ready when it can be used"),
        field(
            "conditions",
            FieldKind::List(List::of(&FieldKind::Object(&CONDITION))),
            Presence::Optional,
            "latest observations",
        ),
        field(
            "initializers",
            FieldKind::List(List::of(&FieldKind::String)),
            Presence::Optional,
            "initializers that are still to be done",
        ),
        field(
            "terminators",
            FieldKind::List(List::of(&FieldKind::String)),
            Presence::Optional,
            "terminators that are still to be done",
        ),
    ],
};

/// What a tenant sees of its own logical cluster; there is exactly one in each, with the name `cluster`.
pub static LOGICAL_CLUSTER: TypeDescriptor = TypeDescriptor {
    name: "LogicalCluster",
    package: "io.kcp.core.v1alpha1",
    go_package: "v1alpha1",
    doc: "the logical cluster itself; its only object of this kind has the name cluster",
    atomic: false,
    fields: &[
        field("apiVersion", FieldKind::String, Presence::Optional, "group and version of this object"),
        field("kind", FieldKind::String, Presence::Optional, "kind of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Optional, "standard metadata"),
        field("spec", FieldKind::Object(&LOGICAL_CLUSTER_SPEC), Presence::Optional, "wanted state"),
        field("status", FieldKind::Object(&LOGICAL_CLUSTER_STATUS), Presence::Optional, "observed state"),
    ],
};
