//! Options of requests (apimachinery's `meta/v1`).

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};

/// Options of a creation.
pub static CREATE_OPTIONS: TypeDescriptor = TypeDescriptor {
    name: "CreateOptions",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "options of a creation",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field(
            "dryRun",
            FieldKind::List(List::of(&FieldKind::String)),
            Presence::OmitEmpty,
            "All: go through every step but store nothing",
        )
        .wire(&[1]),
        field(
            "fieldManager",
            FieldKind::String,
            Presence::OmitEmpty,
            "name under which the changes are recorded, at most 128 bytes",
        )
        .wire(&[3]),
        field(
            "fieldValidation",
            FieldKind::String,
            Presence::OmitEmpty,
            "Ignore, Warn or Strict: what is done about unknown and duplicate fields",
        )
        .wire(&[4]),
    ],
};

/// Options of an update.
pub static UPDATE_OPTIONS: TypeDescriptor = TypeDescriptor {
    name: "UpdateOptions",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "options of an update",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field(
            "dryRun",
            FieldKind::List(List::of(&FieldKind::String)),
            Presence::OmitEmpty,
            "All: go through every step but store nothing",
        )
        .wire(&[1]),
        field(
            "fieldManager",
            FieldKind::String,
            Presence::OmitEmpty,
            "name under which the changes are recorded, at most 128 bytes",
        )
        .wire(&[2]),
        field(
            "fieldValidation",
            FieldKind::String,
            Presence::OmitEmpty,
            "Ignore, Warn or Strict: what is done about unknown and duplicate fields",
        )
        .wire(&[3]),
    ],
};

/// Options of a patch.
pub static PATCH_OPTIONS: TypeDescriptor = TypeDescriptor {
    name: "PatchOptions",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "options of a patch",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field(
            "dryRun",
            FieldKind::List(List::of(&FieldKind::String)),
            Presence::OmitEmpty,
            "All: go through every step but store nothing",
        )
        .wire(&[1]),
        field(
            "force",
            FieldKind::Bool,
            Presence::Optional,
            "take over fields that other managers own; for server-side apply only",
        )
        .wire(&[2]),
        field(
            "fieldManager",
            FieldKind::String,
            Presence::OmitEmpty,
            "name under which the changes are recorded, at most 128 bytes",
        )
        .wire(&[3]),
        field(
            "fieldValidation",
            FieldKind::String,
            Presence::OmitEmpty,
            "Ignore, Warn or Strict: what is done about unknown and duplicate fields",
        )
        .wire(&[4]),
    ],
};
