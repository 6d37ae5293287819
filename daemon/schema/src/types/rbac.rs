//! Types of `rbac.authorization.k8s.io/v1`.

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};
use crate::types::meta::{LABEL_SELECTOR, OBJECT_META};

/// Grants verbs on resources or on paths.
pub static POLICY_RULE: TypeDescriptor = TypeDescriptor {
    name: "PolicyRule",
    package: "io.k8s.api.rbac.v1",
    go_package: "v1",
    doc: "grants verbs on resources or on paths",
    atomic: false,
    fields: &[
        field(
            "verbs",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::Always,
            "verbs that are granted; * means all",
        )
        .required()
        .wire(&[1]),
        field(
            "apiGroups",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "groups of the resources; empty text is the core group, * means all",
        )
        .wire(&[2]),
        field(
            "resources",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "resources, with /subresource where one is meant; * means all",
        )
        .wire(&[3]),
        field(
            "resourceNames",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "names to which the rule is restricted; none means every name",
        )
        .wire(&[4]),
        field(
            "nonResourceURLs",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "paths that are granted, in cluster roles only; * may stand at the end",
        )
        .wire(&[5]),
    ],
};

/// A set of grants in a namespace.
pub static ROLE: TypeDescriptor = TypeDescriptor {
    name: "Role",
    package: "io.k8s.api.rbac.v1",
    go_package: "v1",
    doc: "a set of grants in a namespace",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field(
            "rules",
            FieldKind::List(List::of(&FieldKind::Object(&POLICY_RULE)).atomic()),
            Presence::Always,
            "what is granted",
        )
        .wire(&[2]),
    ],
};

/// A user, a group or a service account.
pub static SUBJECT: TypeDescriptor = TypeDescriptor {
    name: "Subject",
    package: "io.k8s.api.rbac.v1",
    go_package: "v1",
    doc: "a user, a group or a service account",
    atomic: true,
    fields: &[
        field("kind", FieldKind::String, Presence::Always, "User, Group or ServiceAccount").required().wire(&[1]),
        field(
            "apiGroup",
            FieldKind::String,
            Presence::OmitEmpty,
            "group of the subject's kind; rbac.authorization.k8s.io for users and groups, empty for service accounts",
        )
        .wire(&[2]),
        field("name", FieldKind::String, Presence::Always, "name of the subject").required().wire(&[3]),
        field("namespace", FieldKind::String, Presence::OmitEmpty, "namespace of a service account").wire(&[4]),
    ],
};

/// Names the role that is bound.
pub static ROLE_REF: TypeDescriptor = TypeDescriptor {
    name: "RoleRef",
    package: "io.k8s.api.rbac.v1",
    go_package: "v1",
    doc: "names the role that is bound",
    atomic: true,
    fields: &[
        field("apiGroup", FieldKind::String, Presence::Always, "group of the role, rbac.authorization.k8s.io")
            .wire(&[1]),
        field("kind", FieldKind::String, Presence::Always, "Role or ClusterRole").required().wire(&[2]),
        field("name", FieldKind::String, Presence::Always, "name of the role").required().wire(&[3]),
    ],
};

/// Gives a role to subjects in a namespace.
pub static ROLE_BINDING: TypeDescriptor = TypeDescriptor {
    name: "RoleBinding",
    package: "io.k8s.api.rbac.v1",
    go_package: "v1",
    doc: "gives a role to subjects in a namespace",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field(
            "subjects",
            FieldKind::List(List::of(&FieldKind::Object(&SUBJECT)).atomic()),
            Presence::OmitEmpty,
            "who gets the role",
        )
        .wire(&[2]),
        field("roleRef", FieldKind::Object(&ROLE_REF), Presence::Always, "role that is given; cannot be changed")
            .required()
            .wire(&[3]),
    ],
};

/// Selects the cluster roles from which a cluster role is made.
pub static AGGREGATION_RULE: TypeDescriptor = TypeDescriptor {
    name: "AggregationRule",
    package: "io.k8s.api.rbac.v1",
    go_package: "v1",
    doc: "selects the cluster roles from which a cluster role is made",
    atomic: false,
    fields: &[field(
        "clusterRoleSelectors",
        FieldKind::List(List::of(&FieldKind::Object(&LABEL_SELECTOR)).atomic()),
        Presence::OmitEmpty,
        "selectors of cluster roles; the rules of all that match are taken over",
    )
    .wire(&[1])],
};

/// A set of grants in the whole logical cluster, or to be bound in namespaces.
pub static CLUSTER_ROLE: TypeDescriptor = TypeDescriptor {
    name: "ClusterRole",
    package: "io.k8s.api.rbac.v1",
    go_package: "v1",
    doc: "a set of grants in the whole logical cluster, or to be bound in namespaces",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field(
            "rules",
            FieldKind::List(List::of(&FieldKind::Object(&POLICY_RULE)).atomic()),
            Presence::Always,
            "what is granted",
        )
        .wire(&[2]),
        field(
            "aggregationRule",
            FieldKind::Object(&AGGREGATION_RULE),
            Presence::Optional,
            "makes the server fill the rules from other cluster roles",
        )
        .wire(&[3]),
    ],
};

/// Gives a cluster role to subjects in the whole logical cluster.
pub static CLUSTER_ROLE_BINDING: TypeDescriptor = TypeDescriptor {
    name: "ClusterRoleBinding",
    package: "io.k8s.api.rbac.v1",
    go_package: "v1",
    doc: "gives a cluster role to subjects in the whole logical cluster",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field(
            "subjects",
            FieldKind::List(List::of(&FieldKind::Object(&SUBJECT)).atomic()),
            Presence::OmitEmpty,
            "who gets the role",
        )
        .wire(&[2]),
        field("roleRef", FieldKind::Object(&ROLE_REF), Presence::Always, "role that is given; cannot be changed")
            .required()
            .wire(&[3]),
    ],
};
