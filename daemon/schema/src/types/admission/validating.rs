//! Types of `admissionregistration.k8s.io/v1` for policies that accept or refuse requests.

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};
use crate::types::admission::policy::{MATCH_RESOURCES, PARAM_KIND, PARAM_REF, VARIABLE};
use crate::types::admission::webhook::MATCH_CONDITION;
use crate::types::meta::OBJECT_META;
use crate::types::meta::condition::CONDITION;

/// A CEL expression that must be true for a request to be accepted.
pub static VALIDATION: TypeDescriptor = TypeDescriptor {
    name: "Validation",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "a CEL expression that must be true for a request to be accepted",
    atomic: false,
    fields: &[
        field(
            "expression",
            FieldKind::String,
            Presence::Always,
            "CEL expression on object, oldObject, request, params, namespaceObject, variables and authorizer",
        )
        .required()
        .wire(&[1]),
        field("message", FieldKind::String, Presence::OmitEmpty, "sentence for the client when it is false").wire(&[2]),
        field("reason", FieldKind::String, Presence::Optional, "reason in the answer, Invalid by default")
            .go("v1.StatusReason")
            .wire(&[3]),
        field(
            "messageExpression",
            FieldKind::String,
            Presence::OmitEmpty,
            "CEL expression that makes the sentence; takes precedence over message",
        )
        .wire(&[4]),
    ],
};

/// An annotation for the audit log.
pub static AUDIT_ANNOTATION: TypeDescriptor = TypeDescriptor {
    name: "AuditAnnotation",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "an annotation for the audit log",
    atomic: false,
    fields: &[
        field("key", FieldKind::String, Presence::Always, "last part of the annotation's key").required().wire(&[1]),
        field(
            "valueExpression",
            FieldKind::String,
            Presence::Always,
            "CEL expression of the value; null leaves the annotation out",
        )
        .required()
        .wire(&[2]),
    ],
};

/// What the policy asks of requests.
pub static VALIDATING_ADMISSION_POLICY_SPEC: TypeDescriptor = TypeDescriptor {
    name: "ValidatingAdmissionPolicySpec",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "what the policy asks of requests",
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
            "validations",
            FieldKind::List(List::of(&FieldKind::Object(&VALIDATION)).atomic()),
            Presence::OmitEmpty,
            "expressions that must be true",
        )
        .wire(&[3]),
        field(
            "failurePolicy",
            FieldKind::String,
            Presence::Optional,
            "Fail or Ignore: what happens when it cannot be evaluated",
        )
        .go("v1.FailurePolicyType")
        .wire(&[4]),
        field(
            "auditAnnotations",
            FieldKind::List(List::of(&FieldKind::Object(&AUDIT_ANNOTATION)).atomic()),
            Presence::OmitEmpty,
            "annotations for the audit log",
        )
        .wire(&[5]),
        field(
            "matchConditions",
            FieldKind::List(List::of(&FieldKind::Object(&MATCH_CONDITION)).map(&["name"]).merge_by("name")),
            Presence::OmitEmpty,
            "further conditions in CEL; all must be true",
        )
        .wire(&[6]),
        field(
            "variables",
            FieldKind::List(List::of(&FieldKind::Object(&VARIABLE)).map(&["name"]).merge_by("name")),
            Presence::OmitEmpty,
            "named expressions, which may use those before them",
        )
        .wire(&[7]),
    ],
};

/// A complaint about an expression of the policy.
pub static EXPRESSION_WARNING: TypeDescriptor = TypeDescriptor {
    name: "ExpressionWarning",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "a complaint about an expression of the policy",
    atomic: false,
    fields: &[
        field("fieldRef", FieldKind::String, Presence::Always, "path of the expression").required().wire(&[2]),
        field("warning", FieldKind::String, Presence::Always, "what the type checker says").required().wire(&[3]),
    ],
};

/// What the type checker found.
pub static TYPE_CHECKING: TypeDescriptor = TypeDescriptor {
    name: "TypeChecking",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "what the type checker found",
    atomic: false,
    fields: &[field(
        "expressionWarnings",
        FieldKind::List(List::of(&FieldKind::Object(&EXPRESSION_WARNING)).atomic()),
        Presence::OmitEmpty,
        "complaints about single expressions",
    )
    .wire(&[1])],
};

/// Observed state of the policy.
pub static VALIDATING_ADMISSION_POLICY_STATUS: TypeDescriptor = TypeDescriptor {
    name: "ValidatingAdmissionPolicyStatus",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "observed state of the policy",
    atomic: false,
    fields: &[
        field("observedGeneration", FieldKind::Int64, Presence::OmitEmpty, "generation that was looked at").wire(&[1]),
        field("typeChecking", FieldKind::Object(&TYPE_CHECKING), Presence::Optional, "what the type checker found")
            .wire(&[2]),
        field(
            "conditions",
            FieldKind::List(List::of(&FieldKind::Object(&CONDITION)).map(&["type"])),
            Presence::OmitEmpty,
            "latest observations",
        )
        .wire(&[3]),
    ],
};

/// Accepts or refuses requests by CEL expressions.
pub static VALIDATING_ADMISSION_POLICY: TypeDescriptor = TypeDescriptor {
    name: "ValidatingAdmissionPolicy",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "accepts or refuses requests by CEL expressions",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&VALIDATING_ADMISSION_POLICY_SPEC), Presence::Always, "wanted state")
            .wire(&[2]),
        field("status", FieldKind::Object(&VALIDATING_ADMISSION_POLICY_STATUS), Presence::Always, "observed state")
            .wire(&[3]),
    ],
};

/// Which policy is bound, to what, and with what effect.
pub static VALIDATING_ADMISSION_POLICY_BINDING_SPEC: TypeDescriptor = TypeDescriptor {
    name: "ValidatingAdmissionPolicyBindingSpec",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "which policy is bound, to what, and with what effect",
    atomic: false,
    fields: &[
        field("policyName", FieldKind::String, Presence::OmitEmpty, "name of the policy").required().wire(&[1]),
        field("paramRef", FieldKind::Object(&PARAM_REF), Presence::Optional, "objects that give the parameters")
            .wire(&[2]),
        field(
            "matchResources",
            FieldKind::Object(&MATCH_RESOURCES),
            Presence::Optional,
            "requests to which the binding is restricted",
        )
        .wire(&[3]),
        field(
            "validationActions",
            FieldKind::List(List::of(&FieldKind::String).set()),
            Presence::OmitEmpty,
            "Deny, Warn, Audit: what happens when a validation fails",
        )
        .required()
        .go("[]v1.ValidationAction")
        .wire(&[4]),
    ],
};

/// Puts a validating policy into force.
pub static VALIDATING_ADMISSION_POLICY_BINDING: TypeDescriptor = TypeDescriptor {
    name: "ValidatingAdmissionPolicyBinding",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "puts a validating policy into force",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&VALIDATING_ADMISSION_POLICY_BINDING_SPEC), Presence::Always, "wanted state")
            .required()
            .wire(&[2]),
    ],
};
