//! Types of `admissionregistration.k8s.io/v1` for policies that change objects.

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};
use crate::types::admission::policy::{MATCH_RESOURCES, PARAM_KIND, PARAM_REF, VARIABLE};
use crate::types::admission::webhook::MATCH_CONDITION;
use crate::types::meta::OBJECT_META;

/// A CEL expression whose object is merged into the request's object.
pub static APPLY_CONFIGURATION: TypeDescriptor = TypeDescriptor {
    name: "ApplyConfiguration",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "a CEL expression whose object is merged into the request's object",
    atomic: false,
    fields: &[field(
        "expression",
        FieldKind::String,
        Presence::OmitEmpty,
        "CEL expression that makes an apply configuration",
    )
    .wire(&[1])],
};

/// A CEL expression that makes a JSON patch of the request's object.
pub static JSON_PATCH: TypeDescriptor = TypeDescriptor {
    name: "JSONPatch",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "a CEL expression that makes a JSON patch of the request's object",
    atomic: false,
    fields: &[field(
        "expression",
        FieldKind::String,
        Presence::OmitEmpty,
        "CEL expression that makes a list of JSON patch operations",
    )
    .wire(&[1])],
};

/// One change of the request's object.
pub static MUTATION: TypeDescriptor = TypeDescriptor {
    name: "Mutation",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "one change of the request's object",
    atomic: false,
    fields: &[
        field("patchType", FieldKind::String, Presence::Always, "ApplyConfiguration or JSONPatch")
            .required()
            .go("v1.PatchType")
            .wire(&[2]),
        field(
            "applyConfiguration",
            FieldKind::Object(&APPLY_CONFIGURATION),
            Presence::Optional,
            "for patchType ApplyConfiguration",
        )
        .wire(&[3]),
        field("jsonPatch", FieldKind::Object(&JSON_PATCH), Presence::Optional, "for patchType JSONPatch").wire(&[4]),
    ],
};

/// Which requests the policy changes, and how.
pub static MUTATING_ADMISSION_POLICY_SPEC: TypeDescriptor = TypeDescriptor {
    name: "MutatingAdmissionPolicySpec",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "which requests the policy changes, and how",
    atomic: false,
    fields: &[
        field(
            "paramKind",
            FieldKind::Object(&PARAM_KIND),
            Presence::Optional,
            "kind of the parameters; none when the policy takes none",
        )
        .wire(&[1]),
        field(
            "matchConstraints",
            FieldKind::Object(&MATCH_RESOURCES),
            Presence::Optional,
            "requests that the policy looks at",
        )
        .wire(&[2]),
        field(
            "variables",
            FieldKind::List(List::of(&FieldKind::Object(&VARIABLE)).atomic()),
            Presence::OmitEmpty,
            "named expressions, which may use those before them",
        )
        .wire(&[3]),
        field(
            "mutations",
            FieldKind::List(List::of(&FieldKind::Object(&MUTATION)).atomic()),
            Presence::OmitEmpty,
            "the changes, in their order",
        )
        .wire(&[4]),
        field(
            "failurePolicy",
            FieldKind::String,
            Presence::Optional,
            "Fail or Ignore: what happens when it cannot be evaluated",
        )
        .go("v1.FailurePolicyType")
        .wire(&[5]),
        field(
            "matchConditions",
            FieldKind::List(List::of(&FieldKind::Object(&MATCH_CONDITION)).map(&["name"]).merge_by("name")),
            Presence::OmitEmpty,
            "further conditions in CEL; all must be true",
        )
        .wire(&[6]),
        field(
            "reinvocationPolicy",
            FieldKind::String,
            Presence::OmitEmpty,
            "Never, or IfNeeded to be called again when others changed the object later",
        )
        .go("v1.ReinvocationPolicyType")
        .wire(&[7]),
    ],
};

/// Changes the objects of requests by CEL expressions.
pub static MUTATING_ADMISSION_POLICY: TypeDescriptor = TypeDescriptor {
    name: "MutatingAdmissionPolicy",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "changes the objects of requests by CEL expressions",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&MUTATING_ADMISSION_POLICY_SPEC), Presence::Always, "wanted state").wire(&[2]),
    ],
};

/// Which policy is bound, and to what.
pub static MUTATING_ADMISSION_POLICY_BINDING_SPEC: TypeDescriptor = TypeDescriptor {
    name: "MutatingAdmissionPolicyBindingSpec",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "which policy is bound, and to what",
    atomic: false,
    fields: &[
        field("policyName", FieldKind::String, Presence::OmitEmpty, "name of the policy").wire(&[1]),
        field("paramRef", FieldKind::Object(&PARAM_REF), Presence::Optional, "objects that give the parameters")
            .wire(&[2]),
        field(
            "matchResources",
            FieldKind::Object(&MATCH_RESOURCES),
            Presence::Optional,
            "requests to which the binding is restricted",
        )
        .wire(&[3]),
    ],
};

/// Puts a mutating policy into force.
pub static MUTATING_ADMISSION_POLICY_BINDING: TypeDescriptor = TypeDescriptor {
    name: "MutatingAdmissionPolicyBinding",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "puts a mutating policy into force",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&MUTATING_ADMISSION_POLICY_BINDING_SPEC), Presence::Always, "wanted state")
            .wire(&[2]),
    ],
};
