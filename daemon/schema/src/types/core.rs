//! Types of the core group, `v1`.

pub mod quota;

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};
use crate::types::meta::OBJECT_META;

/// Wanted state of a namespace.
pub static NAMESPACE_SPEC: TypeDescriptor = TypeDescriptor {
    name: "NamespaceSpec",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "wanted state of a namespace",
    atomic: false,
    fields: &[field(
        "finalizers",
        FieldKind::List(List::of(&FieldKind::String).atomic()),
        Presence::OmitEmpty,
        "names that must be taken away before the namespace is removed",
    )
    .go("[]v1.FinalizerName")
    .wire(&[1])],
};

/// One observation about a namespace.
pub static NAMESPACE_CONDITION: TypeDescriptor = TypeDescriptor {
    name: "NamespaceCondition",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "one observation about a namespace",
    atomic: false,
    fields: &[
        field("type", FieldKind::String, Presence::Always, "what is observed")
            .required()
            .go("v1.NamespaceConditionType")
            .wire(&[1]),
        field("status", FieldKind::String, Presence::Always, "True, False or Unknown")
            .required()
            .go("v1.ConditionStatus")
            .wire(&[2]),
        field("lastTransitionTime", FieldKind::Time, Presence::Always, "when the status last changed").wire(&[4]),
        field("reason", FieldKind::String, Presence::OmitEmpty, "one word for the last change").wire(&[5]),
        field("message", FieldKind::String, Presence::OmitEmpty, "sentence about the last change").wire(&[6]),
    ],
};

/// Observed state of a namespace.
pub static NAMESPACE_STATUS: TypeDescriptor = TypeDescriptor {
    name: "NamespaceStatus",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "observed state of a namespace",
    atomic: false,
    fields: &[
        field("phase", FieldKind::String, Presence::OmitEmpty, "Active, or Terminating while content is being removed")
            .go("v1.NamespacePhase")
            .wire(&[1]),
        field(
            "conditions",
            FieldKind::List(List::of(&FieldKind::Object(&NAMESPACE_CONDITION)).map(&["type"]).merge_by("type")),
            Presence::OmitEmpty,
            "latest observations",
        )
        .wire(&[2]),
    ],
};

/// A scope for names inside a logical cluster.
pub static NAMESPACE: TypeDescriptor = TypeDescriptor {
    name: "Namespace",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "a scope for names inside a logical cluster",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&NAMESPACE_SPEC), Presence::Always, "wanted state").wire(&[2]),
        field("status", FieldKind::Object(&NAMESPACE_STATUS), Presence::Always, "observed state").wire(&[3]),
    ],
};

/// Configuration as keys and values.
pub static CONFIG_MAP: TypeDescriptor = TypeDescriptor {
    name: "ConfigMap",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "configuration as keys and values",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("immutable", FieldKind::Bool, Presence::Optional, "true forbids every later change of the content")
            .wire(&[4]),
        field("data", FieldKind::Map(&FieldKind::String), Presence::OmitEmpty, "text by key").wire(&[2]),
        field("binaryData", FieldKind::Map(&FieldKind::Bytes), Presence::OmitEmpty, "bytes by key, in base64")
            .wire(&[3]),
    ],
};

/// Confidential values by key; at most 1 MiB in all.
pub static SECRET: TypeDescriptor = TypeDescriptor {
    name: "Secret",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "confidential values by key; at most 1 MiB in all",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("immutable", FieldKind::Bool, Presence::Optional, "true forbids every later change of the content")
            .wire(&[5]),
        field("data", FieldKind::Map(&FieldKind::Bytes), Presence::OmitEmpty, "bytes by key, in base64").wire(&[2]),
        field(
            "stringData",
            FieldKind::Map(&FieldKind::String),
            Presence::OmitEmpty,
            "text by key, merged into data when written; never read back",
        )
        .wire(&[4]),
        field(
            "type",
            FieldKind::String,
            Presence::OmitEmpty,
            "says which keys the secret must hold; cannot be changed",
        )
        .go("v1.SecretType")
        .wire(&[3]),
    ],
};

/// Points to another object.
pub static OBJECT_REFERENCE: TypeDescriptor = TypeDescriptor {
    name: "ObjectReference",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "points to another object",
    atomic: true,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of the object").wire(&[1]),
        field("namespace", FieldKind::String, Presence::OmitEmpty, "namespace of the object").wire(&[2]),
        field("name", FieldKind::String, Presence::OmitEmpty, "name of the object").wire(&[3]),
        field("uid", FieldKind::String, Presence::OmitEmpty, "uid of the object").go("types.UID").wire(&[4]),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of the object").wire(&[5]),
        field("resourceVersion", FieldKind::String, Presence::OmitEmpty, "version of the object that is meant")
            .wire(&[6]),
        field("fieldPath", FieldKind::String, Presence::OmitEmpty, "part of the object that is meant").wire(&[7]),
    ],
};

/// Points to an object in the same namespace by name.
pub static LOCAL_OBJECT_REFERENCE: TypeDescriptor = TypeDescriptor {
    name: "LocalObjectReference",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "points to an object in the same namespace by name",
    atomic: true,
    fields: &[field("name", FieldKind::String, Presence::OmitEmpty, "name of the object").wire(&[1])],
};

/// An identity for programs.
pub static SERVICE_ACCOUNT: TypeDescriptor = TypeDescriptor {
    name: "ServiceAccount",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "an identity for programs",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field(
            "secrets",
            FieldKind::List(List::of(&FieldKind::Object(&OBJECT_REFERENCE)).map(&["name"]).merge_by("name")),
            Presence::OmitEmpty,
            "secrets that pods of this account may use",
        )
        .wire(&[2]),
        field(
            "imagePullSecrets",
            FieldKind::List(List::of(&FieldKind::Object(&LOCAL_OBJECT_REFERENCE)).atomic()),
            Presence::OmitEmpty,
            "secrets for pulling images",
        )
        .wire(&[3]),
        field(
            "automountServiceAccountToken",
            FieldKind::Bool,
            Presence::Optional,
            "whether pods of this account get its token by default",
        )
        .wire(&[4]),
    ],
};

/// Who reported an event.
pub static EVENT_SOURCE: TypeDescriptor = TypeDescriptor {
    name: "EventSource",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "who reported an event",
    atomic: false,
    fields: &[
        field("component", FieldKind::String, Presence::OmitEmpty, "component that reported it").wire(&[1]),
        field("host", FieldKind::String, Presence::OmitEmpty, "machine on which it ran").wire(&[2]),
    ],
};

/// Repeated occurrences of one event.
pub static EVENT_SERIES: TypeDescriptor = TypeDescriptor {
    name: "EventSeries",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "repeated occurrences of one event",
    atomic: false,
    fields: &[
        field("count", FieldKind::Int32, Presence::OmitEmpty, "occurrences so far").wire(&[1]),
        field("lastObservedTime", FieldKind::MicroTime, Presence::Always, "when it was last seen").wire(&[2]),
    ],
};

/// A report that something happened; kept for a while only.
pub static EVENT: TypeDescriptor = TypeDescriptor {
    name: "Event",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "a report that something happened; kept for a while only",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").required().wire(&[1]),
        field(
            "involvedObject",
            FieldKind::Object(&OBJECT_REFERENCE),
            Presence::Always,
            "object that the event is about",
        )
        .required()
        .wire(&[2]),
        field("reason", FieldKind::String, Presence::OmitEmpty, "one word that says why").wire(&[3]),
        field("message", FieldKind::String, Presence::OmitEmpty, "sentence for people").wire(&[4]),
        field("source", FieldKind::Object(&EVENT_SOURCE), Presence::Always, "who reported it").wire(&[5]),
        field("firstTimestamp", FieldKind::Time, Presence::Always, "when it was first seen").wire(&[6]),
        field("lastTimestamp", FieldKind::Time, Presence::Always, "when it was last seen").wire(&[7]),
        field("count", FieldKind::Int32, Presence::OmitEmpty, "how often it was seen").wire(&[8]),
        field("type", FieldKind::String, Presence::OmitEmpty, "Normal or Warning").wire(&[9]),
        field("eventTime", FieldKind::MicroTime, Presence::Always, "when it happened").wire(&[10]),
        field(
            "series",
            FieldKind::Object(&EVENT_SERIES),
            Presence::Optional,
            "the series that this event stands for, if any",
        )
        .wire(&[11]),
        field("action", FieldKind::String, Presence::OmitEmpty, "what was done or failed").wire(&[12]),
        field("related", FieldKind::Object(&OBJECT_REFERENCE), Presence::Optional, "a second object that takes part")
            .wire(&[13]),
        field("reportingComponent", FieldKind::String, Presence::Always, "controller that reported it").wire(&[14]),
        field("reportingInstance", FieldKind::String, Presence::Always, "instance of the controller that reported it")
            .wire(&[15]),
    ],
};
