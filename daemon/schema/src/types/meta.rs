//! Types that all kinds share (apimachinery's `meta/v1`).

pub mod answer;
pub mod condition;
pub mod options;

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};

/// Names an object that this one depends on.
pub static OWNER_REFERENCE: TypeDescriptor = TypeDescriptor {
    name: "OwnerReference",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "names an object that this one depends on",
    atomic: true,
    fields: &[
        field("apiVersion", FieldKind::String, Presence::Always, "group and version of the owner")
            .required()
            .wire(&[5]),
        field("kind", FieldKind::String, Presence::Always, "kind of the owner").required().wire(&[1]),
        field("name", FieldKind::String, Presence::Always, "name of the owner").required().wire(&[3]),
        field("uid", FieldKind::String, Presence::Always, "uid of the owner").required().go("types.UID").wire(&[4]),
        field(
            "controller",
            FieldKind::Bool,
            Presence::Optional,
            "true when the owner is the one that manages this object",
        )
        .wire(&[6]),
        field(
            "blockOwnerDeletion",
            FieldKind::Bool,
            Presence::Optional,
            "true when a foreground deletion of the owner waits for this object",
        )
        .wire(&[7]),
    ],
};

/// Says which fields a manager has set, and how.
pub static MANAGED_FIELDS_ENTRY: TypeDescriptor = TypeDescriptor {
    name: "ManagedFieldsEntry",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "says which fields a manager has set, and how",
    atomic: false,
    fields: &[
        field("manager", FieldKind::String, Presence::OmitEmpty, "who set the fields").wire(&[1]),
        field("operation", FieldKind::String, Presence::OmitEmpty, "Apply or Update")
            .go("v1.ManagedFieldsOperationType")
            .wire(&[2]),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "version in which the fields are named").wire(&[3]),
        field("time", FieldKind::Time, Presence::Optional, "when the set of fields last changed").wire(&[4]),
        field("fieldsType", FieldKind::String, Presence::OmitEmpty, "format of the set of fields; always FieldsV1")
            .wire(&[6]),
        field("fieldsV1", FieldKind::Any, Presence::Optional, "the set of fields, as a trie in JSON").wire(&[7]),
        field(
            "subresource",
            FieldKind::String,
            Presence::OmitEmpty,
            "subresource through which the fields were set, if any",
        )
        .wire(&[8]),
    ],
};

/// What every stored object carries beside its own content.
pub static OBJECT_META: TypeDescriptor = TypeDescriptor {
    name: "ObjectMeta",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "what every stored object carries beside its own content",
    atomic: false,
    fields: &[
        field(
            "name",
            FieldKind::String,
            Presence::OmitEmpty,
            "name, unique among objects of its kind in its namespace; cannot be changed",
        )
        .wire(&[1]),
        field(
            "generateName",
            FieldKind::String,
            Presence::OmitEmpty,
            "prefix from which the server makes a unique name when no name is given",
        )
        .wire(&[2]),
        field(
            "namespace",
            FieldKind::String,
            Presence::OmitEmpty,
            "namespace in which the object lives; cannot be changed",
        )
        .wire(&[3]),
        field("selfLink", FieldKind::String, Presence::OmitEmpty, "no longer set by the server").wire(&[4]),
        field(
            "uid",
            FieldKind::String,
            Presence::OmitEmpty,
            "identity of the object over all time, given by the server",
        )
        .go("types.UID")
        .wire(&[5]),
        field(
            "resourceVersion",
            FieldKind::String,
            Presence::OmitEmpty,
            "version of the stored object, to be compared and sent back unchanged",
        )
        .wire(&[6]),
        field("generation", FieldKind::Int64, Presence::OmitEmpty, "counts changes of the wanted state").wire(&[7]),
        field("creationTimestamp", FieldKind::Time, Presence::OmitEmpty, "when the server stored the object first")
            .wire(&[8]),
        field(
            "deletionTimestamp",
            FieldKind::Time,
            Presence::Optional,
            "when deletion was asked for; set by the server",
        )
        .wire(&[9]),
        field(
            "deletionGracePeriodSeconds",
            FieldKind::Int64,
            Presence::Optional,
            "seconds granted before the object goes",
        )
        .wire(&[10]),
        field(
            "labels",
            FieldKind::Map(&FieldKind::String),
            Presence::OmitEmpty,
            "keys and values by which objects are selected",
        )
        .wire(&[11]),
        field(
            "annotations",
            FieldKind::Map(&FieldKind::String),
            Presence::OmitEmpty,
            "keys and values for tools, not for selection",
        )
        .wire(&[12]),
        field(
            "ownerReferences",
            FieldKind::List(List::of(&FieldKind::Object(&OWNER_REFERENCE)).map(&["uid"]).merge_by("uid")),
            Presence::OmitEmpty,
            "objects on which this one depends; it is removed when none is left",
        )
        .wire(&[13]),
        field(
            "finalizers",
            FieldKind::List(List::of(&FieldKind::String).set().merge()),
            Presence::OmitEmpty,
            "names that must be taken away before the object is removed",
        )
        .wire(&[14]),
        field(
            "managedFields",
            FieldKind::List(List::of(&FieldKind::Object(&MANAGED_FIELDS_ENTRY)).atomic()),
            // An empty list is kept: with it a client asks to forget all managers.
            Presence::Optional,
            "who manages which fields",
        )
        .wire(&[17]),
    ],
};

/// Says that a list covers a part of the objects only.
pub static SHARD_INFO: TypeDescriptor = TypeDescriptor {
    name: "ShardInfo",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "says that a list covers a part of the objects only",
    atomic: false,
    fields: &[field("selector", FieldKind::String, Presence::Always, "the selector that was applied")
        .required()
        .wire(&[1])],
};

/// What every list carries.
pub static LIST_META: TypeDescriptor = TypeDescriptor {
    name: "ListMeta",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "what every list carries",
    atomic: false,
    fields: &[
        field("selfLink", FieldKind::String, Presence::OmitEmpty, "no longer set by the server").wire(&[1]),
        field("resourceVersion", FieldKind::String, Presence::OmitEmpty, "version from which a watch can go on")
            .wire(&[2]),
        field("continue", FieldKind::String, Presence::OmitEmpty, "token for the next page, empty on the last")
            .wire(&[3]),
        field("remainingItemCount", FieldKind::Int64, Presence::Optional, "items after this page, when known")
            .wire(&[4]),
        field(
            "shardInfo",
            FieldKind::Object(&SHARD_INFO),
            Presence::Optional,
            "set when the list covers a part of the objects only",
        )
        .wire(&[5]),
    ],
};

/// One reason of a failure.
pub static STATUS_CAUSE: TypeDescriptor = TypeDescriptor {
    name: "StatusCause",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "one reason of a failure",
    atomic: false,
    fields: &[
        field("reason", FieldKind::String, Presence::OmitEmpty, "machine readable reason")
            .go("v1.CauseType")
            .wire(&[1]),
        field("message", FieldKind::String, Presence::OmitEmpty, "sentence for people").wire(&[2]),
        field("field", FieldKind::String, Presence::OmitEmpty, "field to blame").wire(&[3]),
    ],
};

/// More about a failure.
pub static STATUS_DETAILS: TypeDescriptor = TypeDescriptor {
    name: "StatusDetails",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "more about a failure",
    atomic: false,
    fields: &[
        field("name", FieldKind::String, Presence::OmitEmpty, "name of the object concerned").wire(&[1]),
        field("group", FieldKind::String, Presence::OmitEmpty, "group of the object concerned").wire(&[2]),
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind or resource concerned").wire(&[3]),
        field("uid", FieldKind::String, Presence::OmitEmpty, "uid of the object concerned").go("types.UID").wire(&[6]),
        field(
            "causes",
            FieldKind::List(List::of(&FieldKind::Object(&STATUS_CAUSE)).atomic()),
            Presence::OmitEmpty,
            "single causes",
        )
        .wire(&[4]),
        field("retryAfterSeconds", FieldKind::Int32, Presence::OmitEmpty, "wait this long before trying again")
            .wire(&[5]),
    ],
};

/// Answer of a call that returns no other object.
pub static STATUS: TypeDescriptor = TypeDescriptor {
    name: "Status",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "answer of a call that returns no other object",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&LIST_META), Presence::Always, "standard metadata").wire(&[1]),
        field("status", FieldKind::String, Presence::OmitEmpty, "Success or Failure").wire(&[2]),
        field("message", FieldKind::String, Presence::OmitEmpty, "sentence for people").wire(&[3]),
        field("reason", FieldKind::String, Presence::OmitEmpty, "machine readable reason")
            .go("v1.StatusReason")
            .wire(&[4]),
        field("details", FieldKind::Object(&STATUS_DETAILS), Presence::Optional, "more about the reason").wire(&[5]),
        field("code", FieldKind::Int32, Presence::OmitEmpty, "HTTP status").wire(&[6]),
    ],
};

/// What must hold before a deletion.
pub static PRECONDITIONS: TypeDescriptor = TypeDescriptor {
    name: "Preconditions",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "what must hold before a deletion",
    atomic: false,
    fields: &[
        field("uid", FieldKind::String, Presence::Optional, "uid that the object must have").go("types.UID").wire(&[1]),
        field("resourceVersion", FieldKind::String, Presence::Optional, "version that the object must have").wire(&[2]),
    ],
};

/// Options of a deletion.
pub static DELETE_OPTIONS: TypeDescriptor = TypeDescriptor {
    name: "DeleteOptions",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "options of a deletion",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field(
            "gracePeriodSeconds",
            FieldKind::Int64,
            Presence::Optional,
            "seconds before the object goes; 0 means at once",
        )
        .wire(&[1]),
        field(
            "preconditions",
            FieldKind::Object(&PRECONDITIONS),
            Presence::Optional,
            "what must hold, or the deletion is refused with a conflict",
        )
        .wire(&[2]),
        field("orphanDependents", FieldKind::Bool, Presence::Optional, "older form of propagationPolicy").wire(&[3]),
        field("propagationPolicy", FieldKind::String, Presence::Optional, "Orphan, Background or Foreground")
            .go("v1.DeletionPropagation")
            .wire(&[4]),
        field(
            "dryRun",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "All: go through every step but store nothing",
        )
        .wire(&[5]),
        field(
            "ignoreStoreReadErrorWithClusterBreakingPotential",
            FieldKind::Bool,
            Presence::Optional,
            "delete even what cannot be read back",
        )
        .wire(&[6]),
    ],
};

/// One condition on a label.
pub static LABEL_SELECTOR_REQUIREMENT: TypeDescriptor = TypeDescriptor {
    name: "LabelSelectorRequirement",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "one condition on a label",
    atomic: false,
    fields: &[
        field("key", FieldKind::String, Presence::Always, "label key").required().wire(&[1]),
        field("operator", FieldKind::String, Presence::Always, "In, NotIn, Exists or DoesNotExist")
            .required()
            .go("v1.LabelSelectorOperator")
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

/// Selects by labels; all conditions must hold.
pub static LABEL_SELECTOR: TypeDescriptor = TypeDescriptor {
    name: "LabelSelector",
    package: "io.k8s.apimachinery.pkg.apis.meta.v1",
    go_package: "v1",
    doc: "selects by labels; all conditions must hold",
    atomic: true,
    fields: &[
        field(
            "matchLabels",
            FieldKind::Map(&FieldKind::String),
            Presence::OmitEmpty,
            "labels that must have these values",
        )
        .wire(&[1]),
        field(
            "matchExpressions",
            FieldKind::List(List::of(&FieldKind::Object(&LABEL_SELECTOR_REQUIREMENT)).atomic()),
            Presence::OmitEmpty,
            "further conditions",
        )
        .wire(&[2]),
    ],
};
