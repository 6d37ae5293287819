//! Types of `autoscaling/v1`: what the scale subresource speaks.

use crate::field::{FieldKind, Presence, TypeDescriptor, field};
use crate::types::meta::OBJECT_META;

/// Wanted size.
pub static SCALE_SPEC: TypeDescriptor = TypeDescriptor {
    name: "ScaleSpec",
    package: "io.k8s.api.autoscaling.v1",
    go_package: "v1",
    doc: "wanted size",
    atomic: false,
    fields: &[field("replicas", FieldKind::Int32, Presence::OmitEmpty, "wanted number of replicas").wire(&[1])],
};

/// Observed size.
pub static SCALE_STATUS: TypeDescriptor = TypeDescriptor {
    name: "ScaleStatus",
    package: "io.k8s.api.autoscaling.v1",
    go_package: "v1",
    doc: "observed size",
    atomic: false,
    fields: &[
        field("replicas", FieldKind::Int32, Presence::Always, "observed number of replicas").required().wire(&[1]),
        field("selector", FieldKind::String, Presence::OmitEmpty, "label selector of the replicas, as text").wire(&[2]),
    ],
};

/// Size of an object that can be scaled.
pub static SCALE: TypeDescriptor = TypeDescriptor {
    name: "Scale",
    package: "io.k8s.api.autoscaling.v1",
    go_package: "v1",
    doc: "size of an object that can be scaled",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&SCALE_SPEC), Presence::Always, "wanted state").wire(&[2]),
        field("status", FieldKind::Object(&SCALE_STATUS), Presence::Always, "observed state").wire(&[3]),
    ],
};
