//! What many kinds say about their state and ask of fields (apimachinery's `meta/v1`).

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};

/// One observation about an object.
pub static CONDITION: TypeDescriptor = TypeDescriptor {
    name: "Condition",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "one observation about an object",
    atomic: false,
    fields: &[
        field("type", FieldKind::String, Presence::Always, "what is observed").required().wire(&[1]),
        field("status", FieldKind::String, Presence::Always, "True, False or Unknown")
            .required()
            .go("v1.ConditionStatus")
            .wire(&[2]),
        field(
            "observedGeneration",
            FieldKind::Int64,
            Presence::OmitEmpty,
            "generation of the object that was looked at",
        )
        .wire(&[3]),
        field("lastTransitionTime", FieldKind::Time, Presence::Always, "when the status last changed")
            .required()
            .wire(&[4]),
        field("reason", FieldKind::String, Presence::Always, "one word for the last change").required().wire(&[5]),
        field("message", FieldKind::String, Presence::Always, "sentence about the last change").required().wire(&[6]),
    ],
};

/// One condition on a field.
pub static FIELD_SELECTOR_REQUIREMENT: TypeDescriptor = TypeDescriptor {
    name: "FieldSelectorRequirement",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "one condition on a field",
    atomic: false,
    fields: &[
        field("key", FieldKind::String, Presence::Always, "name of the field").required().wire(&[1]),
        field("operator", FieldKind::String, Presence::Always, "In, NotIn, Exists or DoesNotExist")
            .required()
            .go("v1.FieldSelectorOperator")
            .wire(&[2]),
        field(
            "values",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "values for In and NotIn",
        )
        .wire(&[3]),
    ],
};
