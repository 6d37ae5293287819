//! Answers that are no objects of a kind of their own: watches, partial objects, discovery (apimachinery's `meta/v1`).

use crate::field::{FieldKind, JsonType, List, Presence, TypeDescriptor, field};
use crate::types::meta::{LIST_META, OBJECT_META};

/// One event of a watch.
pub static WATCH_EVENT: TypeDescriptor = TypeDescriptor {
    name: "WatchEvent",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "one event of a watch",
    atomic: false,
    fields: &[
        field("type", FieldKind::String, Presence::Always, "ADDED, MODIFIED, DELETED, BOOKMARK or ERROR")
            .required()
            .wire(&[1]),
        field(
            "object",
            FieldKind::Json(JsonType::Extension),
            Presence::Always,
            "the object after the change, before it when it was deleted, a Status for ERROR",
        )
        .required()
        .wire(&[2]),
    ],
};

/// An object of any kind, with its metadata only.
pub static PARTIAL_OBJECT_METADATA: TypeDescriptor = TypeDescriptor {
    name: "PartialObjectMetadata",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "an object of any kind, with its metadata only",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
    ],
};

/// A list of objects of any kind, with their metadata only.
pub static PARTIAL_OBJECT_METADATA_LIST: TypeDescriptor = TypeDescriptor {
    name: "PartialObjectMetadataList",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "a list of objects of any kind, with their metadata only",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&LIST_META), Presence::Always, "standard metadata").wire(&[1]),
        field(
            "items",
            FieldKind::List(List::of(&FieldKind::Object(&PARTIAL_OBJECT_METADATA))),
            Presence::Always,
            "the objects",
        )
        .wire(&[2]),
    ],
};

/// Address of the server for clients in a network.
pub static SERVER_ADDRESS_BY_CLIENT_CIDR: TypeDescriptor = TypeDescriptor {
    name: "ServerAddressByClientCIDR",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "address of the server for clients in a network",
    atomic: false,
    fields: &[
        field("clientCIDR", FieldKind::String, Presence::Always, "network of the clients").wire(&[1]),
        field("serverAddress", FieldKind::String, Presence::Always, "address for these clients").wire(&[2]),
    ],
};

/// Versions of the core group.
pub static API_VERSIONS: TypeDescriptor = TypeDescriptor {
    name: "APIVersions",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "versions of the core group",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("versions", FieldKind::List(List::of(&FieldKind::String)), Presence::Always, "the versions").wire(&[1]),
        field(
            "serverAddressByClientCIDRs",
            FieldKind::List(List::of(&FieldKind::Object(&SERVER_ADDRESS_BY_CLIENT_CIDR))),
            Presence::Always,
            "addresses of the server by the network of the client",
        )
        .wire(&[2]),
    ],
};

/// A version of a group.
pub static GROUP_VERSION_FOR_DISCOVERY: TypeDescriptor = TypeDescriptor {
    name: "GroupVersionForDiscovery",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "a version of a group",
    atomic: false,
    fields: &[
        field("groupVersion", FieldKind::String, Presence::Always, "group and version, as in apiVersion").wire(&[1]),
        field("version", FieldKind::String, Presence::Always, "the version alone").wire(&[2]),
    ],
};

/// A group and its versions.
pub static API_GROUP: TypeDescriptor = TypeDescriptor {
    name: "APIGroup",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "a group and its versions",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("name", FieldKind::String, Presence::Always, "name of the group").wire(&[1]),
        field(
            "versions",
            FieldKind::List(List::of(&FieldKind::Object(&GROUP_VERSION_FOR_DISCOVERY))),
            Presence::Always,
            "versions of the group",
        )
        .wire(&[2]),
        field(
            "preferredVersion",
            FieldKind::Object(&GROUP_VERSION_FOR_DISCOVERY),
            Presence::Always,
            "version to be used when there is no reason for another",
        )
        .wire(&[3]),
        field(
            "serverAddressByClientCIDRs",
            FieldKind::List(List::of(&FieldKind::Object(&SERVER_ADDRESS_BY_CLIENT_CIDR))),
            Presence::OmitEmpty,
            "addresses of the server by the network of the client",
        )
        .wire(&[4]),
    ],
};

/// The groups that are served.
pub static API_GROUP_LIST: TypeDescriptor = TypeDescriptor {
    name: "APIGroupList",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "the groups that are served",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("groups", FieldKind::List(List::of(&FieldKind::Object(&API_GROUP))), Presence::Always, "the groups")
            .wire(&[1]),
    ],
};

/// A resource that is served.
pub static API_RESOURCE: TypeDescriptor = TypeDescriptor {
    name: "APIResource",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "a resource that is served",
    atomic: false,
    fields: &[
        field("name", FieldKind::String, Presence::Always, "plural name, with the subresource if it is one")
            .required()
            .wire(&[1]),
        field("singularName", FieldKind::String, Presence::Always, "singular name").required().wire(&[6]),
        field("namespaced", FieldKind::Bool, Presence::Always, "whether objects live in namespaces")
            .required()
            .wire(&[2]),
        field(
            "group",
            FieldKind::String,
            Presence::OmitEmpty,
            "group of the kind, where it is another than the list's",
        )
        .wire(&[8]),
        field(
            "version",
            FieldKind::String,
            Presence::OmitEmpty,
            "version of the kind, where it is another than the list's",
        )
        .wire(&[9]),
        field("kind", FieldKind::String, Presence::Always, "kind of the objects").required().wire(&[3]),
        field("verbs", FieldKind::List(List::of(&FieldKind::String)), Presence::Always, "what can be done")
            .required()
            .go("v1.Verbs")
            .wire(&[4]),
        field(
            "shortNames",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "short names for kubectl",
        )
        .wire(&[5]),
        field(
            "categories",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "groups of resources, such as all",
        )
        .wire(&[7]),
        field("storageVersionHash", FieldKind::String, Presence::OmitEmpty, "changes when the stored version changes")
            .wire(&[10]),
    ],
};

/// The resources of a group and version.
pub static API_RESOURCE_LIST: TypeDescriptor = TypeDescriptor {
    name: "APIResourceList",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "the resources of a group and version",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("groupVersion", FieldKind::String, Presence::Always, "group and version, as in apiVersion")
            .required()
            .wire(&[1]),
        field(
            "resources",
            FieldKind::List(List::of(&FieldKind::Object(&API_RESOURCE)).atomic()),
            Presence::Always,
            "the resources",
        )
        .required()
        .wire(&[2]),
    ],
};
