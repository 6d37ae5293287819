//! Numbers of fields in Kubernetes' protobuf messages (v1.36), by the package and name of the type's descriptor. Facts of
//! the wire format; the descriptors tell the rest.

use hanse_schema::field::TypeDescriptor;

type Fields = &'static [(u32, &'static str)];

/// The fields of a message, by rising numbers. `None` for a type that has no protobuf form here.
pub(super) fn fields(descriptor: &TypeDescriptor) -> Option<Fields> {
    let message = MESSAGES.iter().find(|(package, name, _)| *package == descriptor.package && *name == descriptor.name);
    message.map(|(_, _, fields)| *fields)
}

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
const CORE: &str = "io.k8s.api.core.v1";
const EVENTS: &str = "io.k8s.api.events.v1";
const COORDINATION: &str = "io.k8s.api.coordination.v1";

const MESSAGES: &[(&str, &str, Fields)] = &[
    (
        META,
        "ObjectMeta",
        &[
            (1, "name"),
            (2, "generateName"),
            (3, "namespace"),
            (4, "selfLink"),
            (5, "uid"),
            (6, "resourceVersion"),
            (7, "generation"),
            (8, "creationTimestamp"),
            (9, "deletionTimestamp"),
            (10, "deletionGracePeriodSeconds"),
            (11, "labels"),
            (12, "annotations"),
            (13, "ownerReferences"),
            (14, "finalizers"),
            (17, "managedFields"),
        ],
    ),
    (
        META,
        "OwnerReference",
        &[(1, "kind"), (3, "name"), (4, "uid"), (5, "apiVersion"), (6, "controller"), (7, "blockOwnerDeletion")],
    ),
    (
        META,
        "ManagedFieldsEntry",
        &[
            (1, "manager"),
            (2, "operation"),
            (3, "apiVersion"),
            (4, "time"),
            (6, "fieldsType"),
            (7, "fieldsV1"),
            (8, "subresource"),
        ],
    ),
    (
        META,
        "DeleteOptions",
        &[
            (1, "gracePeriodSeconds"),
            (2, "preconditions"),
            (3, "orphanDependents"),
            (4, "propagationPolicy"),
            (5, "dryRun"),
            (6, "ignoreStoreReadErrorWithClusterBreakingPotential"),
        ],
    ),
    (META, "Preconditions", &[(1, "uid"), (2, "resourceVersion")]),
    (CORE, "ConfigMap", &[(1, "metadata"), (2, "data"), (3, "binaryData"), (4, "immutable")]),
    (CORE, "Secret", &[(1, "metadata"), (2, "data"), (3, "type"), (4, "stringData"), (5, "immutable")]),
    (CORE, "Namespace", &[(1, "metadata"), (2, "spec"), (3, "status")]),
    (CORE, "NamespaceSpec", &[(1, "finalizers")]),
    (CORE, "NamespaceStatus", &[(1, "phase"), (2, "conditions")]),
    (
        CORE,
        "NamespaceCondition",
        &[(1, "type"), (2, "status"), (4, "lastTransitionTime"), (5, "reason"), (6, "message")],
    ),
    (
        CORE,
        "ServiceAccount",
        &[(1, "metadata"), (2, "secrets"), (3, "imagePullSecrets"), (4, "automountServiceAccountToken")],
    ),
    (
        CORE,
        "ObjectReference",
        &[
            (1, "kind"),
            (2, "namespace"),
            (3, "name"),
            (4, "uid"),
            (5, "apiVersion"),
            (6, "resourceVersion"),
            (7, "fieldPath"),
        ],
    ),
    (CORE, "LocalObjectReference", &[(1, "name")]),
    (
        CORE,
        "Event",
        &[
            (1, "metadata"),
            (2, "involvedObject"),
            (3, "reason"),
            (4, "message"),
            (5, "source"),
            (6, "firstTimestamp"),
            (7, "lastTimestamp"),
            (8, "count"),
            (9, "type"),
            (10, "eventTime"),
            (11, "series"),
            (12, "action"),
            (13, "related"),
            (14, "reportingComponent"),
            (15, "reportingInstance"),
        ],
    ),
    (CORE, "EventSource", &[(1, "component"), (2, "host")]),
    (CORE, "EventSeries", &[(1, "count"), (2, "lastObservedTime")]),
    (
        EVENTS,
        "Event",
        &[
            (1, "metadata"),
            (2, "eventTime"),
            (3, "series"),
            (4, "reportingController"),
            (5, "reportingInstance"),
            (6, "action"),
            (7, "reason"),
            (8, "regarding"),
            (9, "related"),
            (10, "note"),
            (11, "type"),
            (12, "deprecatedSource"),
            (13, "deprecatedFirstTimestamp"),
            (14, "deprecatedLastTimestamp"),
            (15, "deprecatedCount"),
        ],
    ),
    (EVENTS, "EventSeries", &[(1, "count"), (2, "lastObservedTime")]),
    (COORDINATION, "Lease", &[(1, "metadata"), (2, "spec")]),
    (
        COORDINATION,
        "LeaseSpec",
        &[
            (1, "holderIdentity"),
            (2, "leaseDurationSeconds"),
            (3, "acquireTime"),
            (4, "renewTime"),
            (5, "leaseTransitions"),
            (6, "strategy"),
            (7, "preferredHolder"),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use hanse_schema::field::{FieldKind, TypeDescriptor};
    use hanse_schema::kinds::KINDS;
    use hanse_schema::types::meta::DELETE_OPTIONS;

    use super::fields;

    /// Every field of a type that has a protobuf form has a number, and so have the types of its fields.
    fn check(descriptor: &'static TypeDescriptor) {
        let numbers = fields(descriptor).unwrap_or_else(|| panic!("{} has no numbers", descriptor.schema_name()));
        assert!(numbers.is_sorted_by(|(a, _), (b, _)| a < b), "{}", descriptor.name);
        for field in descriptor.fields {
            let known = numbers.iter().any(|(_, name)| *name == field.name);
            assert!(known || matches!(field.name, "kind" | "apiVersion"), "{}.{}", descriptor.name, field.name);
            let mut kind = &field.kind;
            while let FieldKind::Map(of) | FieldKind::List(hanse_schema::field::List { of, .. }) = kind {
                kind = of;
            }
            if let FieldKind::Object(inner) = kind {
                check(inner);
            }
        }
    }

    #[test]
    fn every_field_of_every_kind_of_kubernetes_has_its_number() {
        for kind in KINDS.iter().filter(|kind| !kind.group.ends_with("kcp.io")) {
            check(kind.object);
        }
        check(&DELETE_OPTIONS);
    }
}
