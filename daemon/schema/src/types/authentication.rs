//! Types of `authentication.k8s.io/v1`: questions about users, and tokens.

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};
use crate::types::meta::OBJECT_META;

/// The token to be looked at.
pub static TOKEN_REVIEW_SPEC: TypeDescriptor = TypeDescriptor {
    name: "TokenReviewSpec",
    package: "io.k8s.api.authentication.v1",
    go_package: "v1",
    doc: "the token to be looked at",
    atomic: false,
    fields: &[
        field("token", FieldKind::String, Presence::OmitEmpty, "the bearer token").required().wire(&[1]),
        field(
            "audiences",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "for whom the token must have been made; the API server itself by default",
        )
        .wire(&[2]),
    ],
};

/// Who a user is.
pub static USER_INFO: TypeDescriptor = TypeDescriptor {
    name: "UserInfo",
    package: "io.k8s.api.authentication.v1",
    go_package: "v1",
    doc: "who a user is",
    atomic: false,
    fields: &[
        field("username", FieldKind::String, Presence::OmitEmpty, "name of the user").wire(&[1]),
        field("uid", FieldKind::String, Presence::OmitEmpty, "identity of the user over time").wire(&[2]),
        field(
            "groups",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "groups of the user",
        )
        .wire(&[3]),
        field(
            "extra",
            FieldKind::Map(&FieldKind::List(List::of(&FieldKind::String))),
            Presence::OmitEmpty,
            "more about the user, by key",
        )
        .go("map[string]v1.ExtraValue")
        .wire(&[4]),
    ],
};

/// What the token says.
pub static TOKEN_REVIEW_STATUS: TypeDescriptor = TypeDescriptor {
    name: "TokenReviewStatus",
    package: "io.k8s.api.authentication.v1",
    go_package: "v1",
    doc: "what the token says",
    atomic: false,
    fields: &[
        field("authenticated", FieldKind::Bool, Presence::OmitEmpty, "whether the token is good").wire(&[1]),
        field("user", FieldKind::Object(&USER_INFO), Presence::Always, "for whom the token stands").wire(&[2]),
        field(
            "audiences",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "those of the asked audiences for which the token is good",
        )
        .wire(&[4]),
        field("error", FieldKind::String, Presence::OmitEmpty, "why the token could not be checked").wire(&[3]),
    ],
};

/// Asks whom a bearer token stands for.
pub static TOKEN_REVIEW: TypeDescriptor = TypeDescriptor {
    name: "TokenReview",
    package: "io.k8s.api.authentication.v1",
    go_package: "v1",
    doc: "asks whom a bearer token stands for",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&TOKEN_REVIEW_SPEC), Presence::Always, "the question").required().wire(&[2]),
        field("status", FieldKind::Object(&TOKEN_REVIEW_STATUS), Presence::Always, "the answer").wire(&[3]),
    ],
};

/// Who the asking user is.
pub static SELF_SUBJECT_REVIEW_STATUS: TypeDescriptor = TypeDescriptor {
    name: "SelfSubjectReviewStatus",
    package: "io.k8s.api.authentication.v1",
    go_package: "v1",
    doc: "who the asking user is",
    atomic: false,
    fields: &[field("userInfo", FieldKind::Object(&USER_INFO), Presence::Always, "the user, as the server knows it")
        .wire(&[1])],
};

/// Asks the server who the asking user is.
pub static SELF_SUBJECT_REVIEW: TypeDescriptor = TypeDescriptor {
    name: "SelfSubjectReview",
    package: "io.k8s.api.authentication.v1",
    go_package: "v1",
    doc: "asks the server who the asking user is",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("status", FieldKind::Object(&SELF_SUBJECT_REVIEW_STATUS), Presence::Always, "the answer").wire(&[2]),
    ],
};

/// The object without which a token is void.
pub static BOUND_OBJECT_REFERENCE: TypeDescriptor = TypeDescriptor {
    name: "BoundObjectReference",
    package: "io.k8s.api.authentication.v1",
    go_package: "v1",
    doc: "the object without which a token is void",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "Pod, Secret or Node").wire(&[1]),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of the object").wire(&[2]),
        field("name", FieldKind::String, Presence::OmitEmpty, "name of the object").wire(&[3]),
        field("uid", FieldKind::String, Presence::OmitEmpty, "uid of the object").go("types.UID").wire(&[4]),
    ],
};

/// Wishes for a token.
pub static TOKEN_REQUEST_SPEC: TypeDescriptor = TypeDescriptor {
    name: "TokenRequestSpec",
    package: "io.k8s.api.authentication.v1",
    go_package: "v1",
    doc: "wishes for a token",
    atomic: false,
    fields: &[
        field(
            "audiences",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::Always,
            "for whom the token is",
        )
        .wire(&[1]),
        field(
            "expirationSeconds",
            FieldKind::Int64,
            Presence::Nullable,
            "seconds for which the token shall be good; the answer may be shorter",
        )
        .wire(&[4]),
        field(
            "boundObjectRef",
            FieldKind::Object(&BOUND_OBJECT_REFERENCE),
            Presence::Nullable,
            "the token is void when this object is gone",
        )
        .wire(&[3]),
    ],
};

/// The token.
pub static TOKEN_REQUEST_STATUS: TypeDescriptor = TypeDescriptor {
    name: "TokenRequestStatus",
    package: "io.k8s.api.authentication.v1",
    go_package: "v1",
    doc: "the token",
    atomic: false,
    fields: &[
        field("token", FieldKind::String, Presence::Always, "the token").wire(&[1]),
        field("expirationTimestamp", FieldKind::Time, Presence::Always, "when the token ends").wire(&[2]),
    ],
};

/// Asks for a token of a service account.
pub static TOKEN_REQUEST: TypeDescriptor = TypeDescriptor {
    name: "TokenRequest",
    package: "io.k8s.api.authentication.v1",
    go_package: "v1",
    doc: "asks for a token of a service account",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&TOKEN_REQUEST_SPEC), Presence::Always, "the wishes").wire(&[2]),
        field("status", FieldKind::Object(&TOKEN_REQUEST_STATUS), Presence::Always, "the answer").wire(&[3]),
    ],
};
