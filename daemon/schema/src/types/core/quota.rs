//! Types of the core group, `v1`, that limit what a namespace may use.

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};
use crate::types::meta::OBJECT_META;

/// One condition on the scope of objects.
pub static SCOPED_RESOURCE_SELECTOR_REQUIREMENT: TypeDescriptor = TypeDescriptor {
    name: "ScopedResourceSelectorRequirement",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "one condition on the scope of objects",
    atomic: false,
    fields: &[
        field("scopeName", FieldKind::String, Presence::Always, "name of the scope")
            .required()
            .go("v1.ResourceQuotaScope")
            .wire(&[1]),
        field("operator", FieldKind::String, Presence::Always, "In, NotIn, Exists or DoesNotExist")
            .required()
            .go("v1.ScopeSelectorOperator")
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

/// Selects objects by scopes; all conditions must hold.
pub static SCOPE_SELECTOR: TypeDescriptor = TypeDescriptor {
    name: "ScopeSelector",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "selects objects by scopes; all conditions must hold",
    atomic: true,
    fields: &[field(
        "matchExpressions",
        FieldKind::List(List::of(&FieldKind::Object(&SCOPED_RESOURCE_SELECTOR_REQUIREMENT)).atomic()),
        Presence::OmitEmpty,
        "the conditions",
    )
    .wire(&[1])],
};

/// Limits of a quota, and what it counts.
pub static RESOURCE_QUOTA_SPEC: TypeDescriptor = TypeDescriptor {
    name: "ResourceQuotaSpec",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "limits of a quota, and what it counts",
    atomic: false,
    fields: &[
        field(
            "hard",
            FieldKind::Map(&FieldKind::Quantity),
            Presence::OmitEmpty,
            "largest amount of each resource, by name",
        )
        .go("v1.ResourceList")
        .wire(&[1]),
        field(
            "scopes",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "scopes that an object must have to be counted",
        )
        .go("[]v1.ResourceQuotaScope")
        .wire(&[2]),
        field(
            "scopeSelector",
            FieldKind::Object(&SCOPE_SELECTOR),
            Presence::Optional,
            "further conditions on the scopes of objects that are counted",
        )
        .wire(&[3]),
    ],
};

/// Limits in force, and what is used.
pub static RESOURCE_QUOTA_STATUS: TypeDescriptor = TypeDescriptor {
    name: "ResourceQuotaStatus",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "limits in force, and what is used",
    atomic: false,
    fields: &[
        field("hard", FieldKind::Map(&FieldKind::Quantity), Presence::OmitEmpty, "limits that are in force")
            .go("v1.ResourceList")
            .wire(&[1]),
        field("used", FieldKind::Map(&FieldKind::Quantity), Presence::OmitEmpty, "what is used in the namespace")
            .go("v1.ResourceList")
            .wire(&[2]),
    ],
};

/// Limits what may be in a namespace together.
pub static RESOURCE_QUOTA: TypeDescriptor = TypeDescriptor {
    name: "ResourceQuota",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "limits what may be in a namespace together",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&RESOURCE_QUOTA_SPEC), Presence::Always, "wanted state").wire(&[2]),
        field("status", FieldKind::Object(&RESOURCE_QUOTA_STATUS), Presence::Always, "observed state").wire(&[3]),
    ],
};

/// Limits and defaults for one type of thing.
pub static LIMIT_RANGE_ITEM: TypeDescriptor = TypeDescriptor {
    name: "LimitRangeItem",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "limits and defaults for one type of thing",
    atomic: false,
    fields: &[
        field("type", FieldKind::String, Presence::Always, "type of thing that is limited, Container for instance")
            .required()
            .go("v1.LimitType")
            .wire(&[1]),
        field("max", FieldKind::Map(&FieldKind::Quantity), Presence::OmitEmpty, "largest amount of each resource")
            .go("v1.ResourceList")
            .wire(&[2]),
        field("min", FieldKind::Map(&FieldKind::Quantity), Presence::OmitEmpty, "smallest amount of each resource")
            .go("v1.ResourceList")
            .wire(&[3]),
        field("default", FieldKind::Map(&FieldKind::Quantity), Presence::OmitEmpty, "limit where none is given")
            .go("v1.ResourceList")
            .wire(&[4]),
        field(
            "defaultRequest",
            FieldKind::Map(&FieldKind::Quantity),
            Presence::OmitEmpty,
            "request where none is given",
        )
        .go("v1.ResourceList")
        .wire(&[5]),
        field(
            "maxLimitRequestRatio",
            FieldKind::Map(&FieldKind::Quantity),
            Presence::OmitEmpty,
            "how many times larger a limit may be than the request",
        )
        .go("v1.ResourceList")
        .wire(&[6]),
    ],
};

/// Limits of a range.
pub static LIMIT_RANGE_SPEC: TypeDescriptor = TypeDescriptor {
    name: "LimitRangeSpec",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "limits of a range",
    atomic: false,
    fields: &[field(
        "limits",
        FieldKind::List(List::of(&FieldKind::Object(&LIMIT_RANGE_ITEM)).atomic()),
        Presence::Always,
        "limits by type",
    )
    .required()
    .wire(&[1])],
};

/// Limits what each thing in a namespace may ask for.
pub static LIMIT_RANGE: TypeDescriptor = TypeDescriptor {
    name: "LimitRange",
    package: "io.k8s.api.core.v1",
    go_package: "v1",
    doc: "limits what each thing in a namespace may ask for",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&LIMIT_RANGE_SPEC), Presence::Always, "wanted state").wire(&[2]),
    ],
};
