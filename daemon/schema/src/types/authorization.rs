//! Types of `authorization.k8s.io/v1`: questions about access.

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};
use crate::types::meta::condition::FIELD_SELECTOR_REQUIREMENT;
use crate::types::meta::{LABEL_SELECTOR_REQUIREMENT, OBJECT_META};

/// Field selector of the request in question.
pub static FIELD_SELECTOR_ATTRIBUTES: TypeDescriptor = TypeDescriptor {
    name: "FieldSelectorAttributes",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "field selector of the request in question",
    atomic: false,
    fields: &[
        field(
            "rawSelector",
            FieldKind::String,
            Presence::OmitEmpty,
            "the selector as text; requirements must then be absent",
        )
        .wire(&[1]),
        field(
            "requirements",
            FieldKind::List(List::of(&FieldKind::Object(&FIELD_SELECTOR_REQUIREMENT)).atomic()),
            Presence::OmitEmpty,
            "the selector, parsed; rawSelector must then be absent",
        )
        .wire(&[2]),
    ],
};

/// Label selector of the request in question.
pub static LABEL_SELECTOR_ATTRIBUTES: TypeDescriptor = TypeDescriptor {
    name: "LabelSelectorAttributes",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "label selector of the request in question",
    atomic: false,
    fields: &[
        field(
            "rawSelector",
            FieldKind::String,
            Presence::OmitEmpty,
            "the selector as text; requirements must then be absent",
        )
        .wire(&[1]),
        field(
            "requirements",
            FieldKind::List(List::of(&FieldKind::Object(&LABEL_SELECTOR_REQUIREMENT)).atomic()),
            Presence::OmitEmpty,
            "the selector, parsed; rawSelector must then be absent",
        )
        .wire(&[2]),
    ],
};

/// A request for a resource.
pub static RESOURCE_ATTRIBUTES: TypeDescriptor = TypeDescriptor {
    name: "ResourceAttributes",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "a request for a resource",
    atomic: false,
    fields: &[
        field(
            "namespace",
            FieldKind::String,
            Presence::OmitEmpty,
            "namespace of the request; empty for none, and for all in a list",
        )
        .wire(&[1]),
        field("verb", FieldKind::String, Presence::OmitEmpty, "verb, get for instance; * means all").wire(&[2]),
        field("group", FieldKind::String, Presence::OmitEmpty, "group of the resource; * means all").wire(&[3]),
        field("version", FieldKind::String, Presence::OmitEmpty, "version of the resource; * means all").wire(&[4]),
        field("resource", FieldKind::String, Presence::OmitEmpty, "plural name of the resource; * means all")
            .wire(&[5]),
        field("subresource", FieldKind::String, Presence::OmitEmpty, "subresource; empty for none").wire(&[6]),
        field("name", FieldKind::String, Presence::OmitEmpty, "name of the object; empty for all").wire(&[7]),
        field(
            "fieldSelector",
            FieldKind::Object(&FIELD_SELECTOR_ATTRIBUTES),
            Presence::Optional,
            "fields to which the request is restricted",
        )
        .wire(&[8]),
        field(
            "labelSelector",
            FieldKind::Object(&LABEL_SELECTOR_ATTRIBUTES),
            Presence::Optional,
            "labels to which the request is restricted",
        )
        .wire(&[9]),
    ],
};

/// A request for a path.
pub static NON_RESOURCE_ATTRIBUTES: TypeDescriptor = TypeDescriptor {
    name: "NonResourceAttributes",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "a request for a path",
    atomic: false,
    fields: &[
        field("path", FieldKind::String, Presence::OmitEmpty, "path of the request").wire(&[1]),
        field("verb", FieldKind::String, Presence::OmitEmpty, "HTTP method in lower case").wire(&[2]),
    ],
};

/// The request and the user in question.
pub static SUBJECT_ACCESS_REVIEW_SPEC: TypeDescriptor = TypeDescriptor {
    name: "SubjectAccessReviewSpec",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "the request and the user in question",
    atomic: false,
    fields: &[
        field(
            "resourceAttributes",
            FieldKind::Object(&RESOURCE_ATTRIBUTES),
            Presence::Optional,
            "set when the request is for a resource",
        )
        .wire(&[1]),
        field(
            "nonResourceAttributes",
            FieldKind::Object(&NON_RESOURCE_ATTRIBUTES),
            Presence::Optional,
            "set when the request is for a path",
        )
        .wire(&[2]),
        field("user", FieldKind::String, Presence::OmitEmpty, "name of the user").wire(&[3]),
        field(
            "groups",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "groups of the user",
        )
        .wire(&[4]),
        field(
            "extra",
            FieldKind::Map(&FieldKind::List(List::of(&FieldKind::String))),
            Presence::OmitEmpty,
            "more about the user, by key",
        )
        .go("map[string]v1.ExtraValue")
        .wire(&[5]),
        field("uid", FieldKind::String, Presence::OmitEmpty, "uid of the user").wire(&[6]),
    ],
};

/// Whether the request would be allowed.
pub static SUBJECT_ACCESS_REVIEW_STATUS: TypeDescriptor = TypeDescriptor {
    name: "SubjectAccessReviewStatus",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "whether the request would be allowed",
    atomic: false,
    fields: &[
        field("allowed", FieldKind::Bool, Presence::Always, "whether it is allowed").required().wire(&[1]),
        field(
            "denied",
            FieldKind::Bool,
            Presence::OmitEmpty,
            "whether it is forbidden, whatever other authorizers say",
        )
        .wire(&[4]),
        field("reason", FieldKind::String, Presence::OmitEmpty, "why").wire(&[2]),
        field("evaluationError", FieldKind::String, Presence::OmitEmpty, "what went wrong on the way to the answer")
            .wire(&[3]),
    ],
};

/// Asks whether a user may do something.
pub static SUBJECT_ACCESS_REVIEW: TypeDescriptor = TypeDescriptor {
    name: "SubjectAccessReview",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "asks whether a user may do something",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&SUBJECT_ACCESS_REVIEW_SPEC), Presence::Always, "the question")
            .required()
            .wire(&[2]),
        field("status", FieldKind::Object(&SUBJECT_ACCESS_REVIEW_STATUS), Presence::Always, "the answer").wire(&[3]),
    ],
};

/// Asks whether a user may do something in one namespace.
pub static LOCAL_SUBJECT_ACCESS_REVIEW: TypeDescriptor = TypeDescriptor {
    name: "LocalSubjectAccessReview",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "asks whether a user may do something in one namespace",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field(
            "spec",
            FieldKind::Object(&SUBJECT_ACCESS_REVIEW_SPEC),
            Presence::Always,
            "the question; its namespace must be the object's",
        )
        .required()
        .wire(&[2]),
        field("status", FieldKind::Object(&SUBJECT_ACCESS_REVIEW_STATUS), Presence::Always, "the answer").wire(&[3]),
    ],
};

/// The request in question.
pub static SELF_SUBJECT_ACCESS_REVIEW_SPEC: TypeDescriptor = TypeDescriptor {
    name: "SelfSubjectAccessReviewSpec",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "the request in question",
    atomic: false,
    fields: &[
        field(
            "resourceAttributes",
            FieldKind::Object(&RESOURCE_ATTRIBUTES),
            Presence::Optional,
            "set when the request is for a resource",
        )
        .wire(&[1]),
        field(
            "nonResourceAttributes",
            FieldKind::Object(&NON_RESOURCE_ATTRIBUTES),
            Presence::Optional,
            "set when the request is for a path",
        )
        .wire(&[2]),
    ],
};

/// Asks whether the asking user may do something.
pub static SELF_SUBJECT_ACCESS_REVIEW: TypeDescriptor = TypeDescriptor {
    name: "SelfSubjectAccessReview",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "asks whether the asking user may do something",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&SELF_SUBJECT_ACCESS_REVIEW_SPEC), Presence::Always, "the question")
            .required()
            .wire(&[2]),
        field("status", FieldKind::Object(&SUBJECT_ACCESS_REVIEW_STATUS), Presence::Always, "the answer").wire(&[3]),
    ],
};

/// Where to look.
pub static SELF_SUBJECT_RULES_REVIEW_SPEC: TypeDescriptor = TypeDescriptor {
    name: "SelfSubjectRulesReviewSpec",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "where to look",
    atomic: false,
    fields: &[field("namespace", FieldKind::String, Presence::OmitEmpty, "namespace to look at").wire(&[1])],
};

/// Verbs that are allowed on resources.
pub static RESOURCE_RULE: TypeDescriptor = TypeDescriptor {
    name: "ResourceRule",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "verbs that are allowed on resources",
    atomic: false,
    fields: &[
        field(
            "verbs",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::Always,
            "the verbs; * means all",
        )
        .required()
        .wire(&[1]),
        field(
            "apiGroups",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "groups of the resources; * means all",
        )
        .wire(&[2]),
        field(
            "resources",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "the resources; * means all",
        )
        .wire(&[3]),
        field(
            "resourceNames",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "names to which it is restricted; none means every name",
        )
        .wire(&[4]),
    ],
};

/// Verbs that are allowed on paths.
pub static NON_RESOURCE_RULE: TypeDescriptor = TypeDescriptor {
    name: "NonResourceRule",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "verbs that are allowed on paths",
    atomic: false,
    fields: &[
        field(
            "verbs",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::Always,
            "the verbs; * means all",
        )
        .required()
        .wire(&[1]),
        field(
            "nonResourceURLs",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "the paths; * may stand at the end",
        )
        .wire(&[2]),
    ],
};

/// What is allowed.
pub static SUBJECT_RULES_REVIEW_STATUS: TypeDescriptor = TypeDescriptor {
    name: "SubjectRulesReviewStatus",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "what is allowed",
    atomic: false,
    fields: &[
        field(
            "resourceRules",
            FieldKind::List(List::of(&FieldKind::Object(&RESOURCE_RULE)).atomic()),
            Presence::Always,
            "what is allowed on resources",
        )
        .required()
        .wire(&[1]),
        field(
            "nonResourceRules",
            FieldKind::List(List::of(&FieldKind::Object(&NON_RESOURCE_RULE)).atomic()),
            Presence::Always,
            "what is allowed on paths",
        )
        .required()
        .wire(&[2]),
        field("incomplete", FieldKind::Bool, Presence::Always, "whether there may be more than is listed")
            .required()
            .wire(&[3]),
        field("evaluationError", FieldKind::String, Presence::OmitEmpty, "what went wrong on the way to the answer")
            .wire(&[4]),
    ],
};

/// Asks what the asking user may do in a namespace.
pub static SELF_SUBJECT_RULES_REVIEW: TypeDescriptor = TypeDescriptor {
    name: "SelfSubjectRulesReview",
    package: "io.k8s.api.authorization.v1",
    go_package: "v1",
    doc: "asks what the asking user may do in a namespace",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&SELF_SUBJECT_RULES_REVIEW_SPEC), Presence::Always, "the question")
            .required()
            .wire(&[2]),
        field("status", FieldKind::Object(&SUBJECT_RULES_REVIEW_STATUS), Presence::Always, "the answer").wire(&[3]),
    ],
};
