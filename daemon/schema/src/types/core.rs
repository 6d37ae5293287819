//! Types of the core group, `v1`.

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
    .go("[]v1.FinalizerName")],
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
            .go("v1.NamespaceConditionType"),
        field("status", FieldKind::String, Presence::Always, "True, False or Unknown")
            .required()
            .go("v1.ConditionStatus"),
        field("lastTransitionTime", FieldKind::Time, Presence::Always, "when the status last changed"),
        field("reason", FieldKind::String, Presence::OmitEmpty, "one word for the last change"),
        field("message", FieldKind::String, Presence::OmitEmpty, "sentence about the last change"),
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
            .go("v1.NamespacePhase"),
        field(
            "conditions",
            FieldKind::List(List::of(&FieldKind::Object(&NAMESPACE_CONDITION)).map(&["type"]).merge_by("type")),
            Presence::OmitEmpty,
            "latest observations",
        ),
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
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata"),
        field("spec", FieldKind::Object(&NAMESPACE_SPEC), Presence::Always, "wanted state"),
        field("status", FieldKind::Object(&NAMESPACE_STATUS), Presence::Always, "observed state"),
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
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata"),
        field("immutable", FieldKind::Bool, Presence::Optional, "true forbids every later change of the content"),
        field("data", FieldKind::Map(&FieldKind::String), Presence::OmitEmpty, "text by key"),
        field("binaryData", FieldKind::Map(&FieldKind::Bytes), Presence::OmitEmpty, "bytes by key, in base64"),
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
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata"),
        field("immutable", FieldKind::Bool, Presence::Optional, "true forbids every later change of the content"),
        field("data", FieldKind::Map(&FieldKind::Bytes), Presence::OmitEmpty, "bytes by key, in base64"),
        field(
            "stringData",
            FieldKind::Map(&FieldKind::String),
            Presence::OmitEmpty,
            "text by key, merged into data when written; never read back",
        ),
        field(
            "type",
            FieldKind::String,
            Presence::OmitEmpty,
            "says which keys the secret must hold; cannot be changed",
        )
        .go("v1.SecretType"),
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
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of the object"),
        field("namespace", FieldKind::String, Presence::OmitEmpty, "namespace of the object"),
        field("name", FieldKind::String, Presence::OmitEmpty, "name of the object"),
        field("uid", FieldKind::String, Presence::OmitEmpty, "uid of the object").go("types.UID"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of the object"),
        field("resourceVersion", FieldKind::String, Presence::OmitEmpty, "version of the object that is meant"),
        field("fieldPath", FieldKind::String, Presence::OmitEmpty, "part of the object that is meant"),
    ],
};

/// Points to an object in the same namespace by name.
pub static LOCAL_OBJECT_REFERENCE: TypeDescriptor = TypeDescriptor {
    name: "LocalObjectReference",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "points to an object in the same namespace by name",
    atomic: true,
    fields: &[field("name", FieldKind::String, Presence::OmitEmpty, "name of the object")],
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
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata"),
        field(
            "secrets",
            FieldKind::List(List::of(&FieldKind::Object(&OBJECT_REFERENCE)).map(&["name"]).merge_by("name")),
            Presence::OmitEmpty,
            "secrets that pods of this account may use",
        ),
        field(
            "imagePullSecrets",
            FieldKind::List(List::of(&FieldKind::Object(&LOCAL_OBJECT_REFERENCE)).atomic()),
            Presence::OmitEmpty,
            "secrets for pulling images",
        ),
        field(
            "automountServiceAccountToken",
            FieldKind::Bool,
            Presence::Optional,
            "whether pods of this account get its token by default",
        ),
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
        field("component", FieldKind::String, Presence::OmitEmpty, "component that reported it"),
        field("host", FieldKind::String, Presence::OmitEmpty, "machine on which it ran"),
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
        field("count", FieldKind::Int32, Presence::OmitEmpty, "occurrences so far"),
        field("lastObservedTime", FieldKind::MicroTime, Presence::Always, "when it was last seen"),
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
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").required(),
        field(
            "involvedObject",
            FieldKind::Object(&OBJECT_REFERENCE),
            Presence::Always,
            "object that the event is about",
        )
        .required(),
        field("reason", FieldKind::String, Presence::OmitEmpty, "one word that says why"),
        field("message", FieldKind::String, Presence::OmitEmpty, "sentence for people"),
        field("source", FieldKind::Object(&EVENT_SOURCE), Presence::Always, "who reported it"),
        field("firstTimestamp", FieldKind::Time, Presence::Always, "when it was first seen"),
        field("lastTimestamp", FieldKind::Time, Presence::Always, "when it was last seen"),
        field("count", FieldKind::Int32, Presence::OmitEmpty, "how often it was seen"),
        field("type", FieldKind::String, Presence::OmitEmpty, "Normal or Warning"),
        field("eventTime", FieldKind::MicroTime, Presence::Always, "when it happened"),
        field(
            "series",
            FieldKind::Object(&EVENT_SERIES),
            Presence::Optional,
            "the series that this event stands for, if any",
        ),
        field("action", FieldKind::String, Presence::OmitEmpty, "what was done or failed"),
        field("related", FieldKind::Object(&OBJECT_REFERENCE), Presence::Optional, "a second object that takes part"),
        field("reportingComponent", FieldKind::String, Presence::Always, "controller that reported it"),
        field("reportingInstance", FieldKind::String, Presence::Always, "instance of the controller that reported it"),
    ],
};
