//! Types of `admissionregistration.k8s.io/v1` for webhooks.

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};
use crate::types::meta::{LABEL_SELECTOR, OBJECT_META};

/// Names a service.
pub static SERVICE_REFERENCE: TypeDescriptor = TypeDescriptor {
    name: "ServiceReference",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "names a service",
    atomic: false,
    fields: &[
        field("namespace", FieldKind::String, Presence::Always, "namespace of the service").required().wire(&[1]),
        field("name", FieldKind::String, Presence::Always, "name of the service").required().wire(&[2]),
        field("path", FieldKind::String, Presence::Optional, "path in the URL of requests").wire(&[3]),
        field("port", FieldKind::Int32, Presence::Optional, "port of the service, 443 by default").wire(&[4]),
    ],
};

/// Where a webhook is, and how to trust it.
pub static WEBHOOK_CLIENT_CONFIG: TypeDescriptor = TypeDescriptor {
    name: "WebhookClientConfig",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "where a webhook is, and how to trust it",
    atomic: false,
    fields: &[
        field(
            "url",
            FieldKind::String,
            Presence::Optional,
            "address, https://host:port/path; service must then be absent",
        )
        .wire(&[3]),
        field(
            "service",
            FieldKind::Object(&SERVICE_REFERENCE),
            Presence::Optional,
            "service that answers; url must then be absent",
        )
        .wire(&[1]),
        field(
            "caBundle",
            FieldKind::Bytes,
            Presence::OmitEmpty,
            "PEM certificates that vouch for the webhook; the system's by default",
        )
        .wire(&[2]),
    ],
};

/// Operations on resources that match.
pub static RULE_WITH_OPERATIONS: TypeDescriptor = TypeDescriptor {
    name: "RuleWithOperations",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "operations on resources that match",
    atomic: false,
    fields: &[
        field(
            "operations",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "CREATE, UPDATE, DELETE, CONNECT or * for all",
        )
        .go("[]v1.OperationType")
        .wire(&[1]),
        field(
            "apiGroups",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "groups of the resources; * means all",
        )
        .wire(&[2, 1]),
        field(
            "apiVersions",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "versions of the resources; * means all",
        )
        .wire(&[2, 2]),
        field(
            "resources",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "resources, with /subresource where one is meant; * means all",
        )
        .wire(&[2, 3]),
        field("scope", FieldKind::String, Presence::Optional, "Cluster, Namespaced or * for both")
            .go("v1.ScopeType")
            .wire(&[2, 4]),
    ],
};

/// A CEL expression that must be true for a request to match.
pub static MATCH_CONDITION: TypeDescriptor = TypeDescriptor {
    name: "MatchCondition",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "a CEL expression that must be true for a request to match",
    atomic: false,
    fields: &[
        field("name", FieldKind::String, Presence::Always, "name for messages, unique in its list")
            .required()
            .wire(&[1]),
        field(
            "expression",
            FieldKind::String,
            Presence::Always,
            "CEL expression on object, oldObject, request and authorizer",
        )
        .required()
        .wire(&[2]),
    ],
};

/// A webhook that accepts or refuses requests.
pub static VALIDATING_WEBHOOK: TypeDescriptor = TypeDescriptor {
    name: "ValidatingWebhook",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "a webhook that accepts or refuses requests",
    atomic: false,
    fields: &[
        field(
            "name",
            FieldKind::String,
            Presence::Always,
            "name with at least two dots, imagepolicy.example.com for instance",
        )
        .required()
        .wire(&[1]),
        field("clientConfig", FieldKind::Object(&WEBHOOK_CLIENT_CONFIG), Presence::Always, "where the webhook is")
            .required()
            .wire(&[2]),
        field(
            "rules",
            FieldKind::List(List::of(&FieldKind::Object(&RULE_WITH_OPERATIONS)).atomic()),
            Presence::OmitEmpty,
            "requests of which the webhook is told",
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
            "matchPolicy",
            FieldKind::String,
            Presence::Optional,
            "Exact, or Equivalent to match other versions of the same resource, too",
        )
        .go("v1.MatchPolicyType")
        .wire(&[9]),
        field(
            "namespaceSelector",
            FieldKind::Object(&LABEL_SELECTOR),
            Presence::Optional,
            "labels that the object's namespace must have",
        )
        .wire(&[5]),
        field(
            "objectSelector",
            FieldKind::Object(&LABEL_SELECTOR),
            Presence::Optional,
            "labels that the object must have, before or after the change",
        )
        .wire(&[10]),
        field("sideEffects", FieldKind::String, Presence::Nullable, "None or NoneOnDryRun")
            .required()
            .go("v1.SideEffectClass")
            .wire(&[6]),
        field("timeoutSeconds", FieldKind::Int32, Presence::Optional, "seconds to wait for an answer, 1 to 30")
            .wire(&[7]),
        field(
            "admissionReviewVersions",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::Always,
            "versions of AdmissionReview that the webhook understands, best first",
        )
        .required()
        .wire(&[8]),
        field(
            "matchConditions",
            FieldKind::List(List::of(&FieldKind::Object(&MATCH_CONDITION)).map(&["name"]).merge_by("name")),
            Presence::OmitEmpty,
            "further conditions in CEL; all must be true",
        )
        .wire(&[11]),
    ],
};

/// Webhooks that accept or refuse requests without changing them.
pub static VALIDATING_WEBHOOK_CONFIGURATION: TypeDescriptor = TypeDescriptor {
    name: "ValidatingWebhookConfiguration",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "webhooks that accept or refuse requests without changing them",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field(
            "webhooks",
            FieldKind::List(List::of(&FieldKind::Object(&VALIDATING_WEBHOOK)).map(&["name"]).merge_by("name")),
            Presence::OmitEmpty,
            "the webhooks",
        )
        .wire(&[2]),
    ],
};

/// A webhook that may change the objects of requests.
pub static MUTATING_WEBHOOK: TypeDescriptor = TypeDescriptor {
    name: "MutatingWebhook",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "a webhook that may change the objects of requests",
    atomic: false,
    fields: &[
        field(
            "name",
            FieldKind::String,
            Presence::Always,
            "name with at least two dots, imagepolicy.example.com for instance",
        )
        .required()
        .wire(&[1]),
        field("clientConfig", FieldKind::Object(&WEBHOOK_CLIENT_CONFIG), Presence::Always, "where the webhook is")
            .required()
            .wire(&[2]),
        field(
            "rules",
            FieldKind::List(List::of(&FieldKind::Object(&RULE_WITH_OPERATIONS)).atomic()),
            Presence::OmitEmpty,
            "requests of which the webhook is told",
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
            "matchPolicy",
            FieldKind::String,
            Presence::Optional,
            "Exact, or Equivalent to match other versions of the same resource, too",
        )
        .go("v1.MatchPolicyType")
        .wire(&[9]),
        field(
            "namespaceSelector",
            FieldKind::Object(&LABEL_SELECTOR),
            Presence::Optional,
            "labels that the object's namespace must have",
        )
        .wire(&[5]),
        field(
            "objectSelector",
            FieldKind::Object(&LABEL_SELECTOR),
            Presence::Optional,
            "labels that the object must have, before or after the change",
        )
        .wire(&[11]),
        field("sideEffects", FieldKind::String, Presence::Nullable, "None or NoneOnDryRun")
            .required()
            .go("v1.SideEffectClass")
            .wire(&[6]),
        field("timeoutSeconds", FieldKind::Int32, Presence::Optional, "seconds to wait for an answer, 1 to 30")
            .wire(&[7]),
        field(
            "admissionReviewVersions",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::Always,
            "versions of AdmissionReview that the webhook understands, best first",
        )
        .required()
        .wire(&[8]),
        field(
            "reinvocationPolicy",
            FieldKind::String,
            Presence::Optional,
            "Never, or IfNeeded to be called again when others changed the object later",
        )
        .go("v1.ReinvocationPolicyType")
        .wire(&[10]),
        field(
            "matchConditions",
            FieldKind::List(List::of(&FieldKind::Object(&MATCH_CONDITION)).map(&["name"]).merge_by("name")),
            Presence::OmitEmpty,
            "further conditions in CEL; all must be true",
        )
        .wire(&[12]),
    ],
};

/// Webhooks that may change the objects of requests.
pub static MUTATING_WEBHOOK_CONFIGURATION: TypeDescriptor = TypeDescriptor {
    name: "MutatingWebhookConfiguration",
    package: "io.k8s.api.admissionregistration.v1",
    go_package: "v1",
    doc: "webhooks that may change the objects of requests",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field(
            "webhooks",
            FieldKind::List(List::of(&FieldKind::Object(&MUTATING_WEBHOOK)).map(&["name"]).merge_by("name")),
            Presence::OmitEmpty,
            "the webhooks",
        )
        .wire(&[2]),
    ],
};
