//! The numbers of fields on the wire: facts of the published `generated.proto` files of Kubernetes v1.36.

use crate::field::TypeDescriptor;
use crate::types::{coordination, core, events, meta};

/// A type that has a protobuf form.
pub(super) struct Message {
    of: &'static TypeDescriptor,
    /// Names of fields in the order of their numbers, from 1 on; empty where a number is not used.
    names: &'static [&'static str],
}

impl Message {
    /// The place in the descriptor of the field with this number.
    pub(super) fn index(&self, number: u32) -> Option<usize> {
        let name = self.names.get(usize::try_from(number).ok()?.checked_sub(1)?)?;
        self.of.fields.iter().position(|field| field.name == *name)
    }
}

/// The numbers of a type's fields; nothing for a type without a protobuf form.
pub(super) fn of(descriptor: &'static TypeDescriptor) -> Option<&'static Message> {
    MESSAGES.iter().find(|message| std::ptr::eq(message.of, descriptor))
}

static MESSAGES: &[Message] = &[
    Message {
        of: &meta::OBJECT_META,
        names: &[
            "name",
            "generateName",
            "namespace",
            "selfLink",
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "labels",
            "annotations",
            "ownerReferences",
            "finalizers",
            "",
            "",
            "managedFields",
        ],
    },
    Message {
        of: &meta::OWNER_REFERENCE,
        names: &["kind", "", "name", "uid", "apiVersion", "controller", "blockOwnerDeletion"],
    },
    Message {
        of: &meta::MANAGED_FIELDS_ENTRY,
        names: &["manager", "operation", "apiVersion", "time", "", "fieldsType", "fieldsV1", "subresource"],
    },
    Message {
        of: &meta::DELETE_OPTIONS,
        names: &[
            "gracePeriodSeconds",
            "preconditions",
            "orphanDependents",
            "propagationPolicy",
            "dryRun",
            "ignoreStoreReadErrorWithClusterBreakingPotential",
        ],
    },
    Message { of: &meta::PRECONDITIONS, names: &["uid", "resourceVersion"] },
    Message { of: &core::CONFIG_MAP, names: &["metadata", "data", "binaryData", "immutable"] },
    Message { of: &core::SECRET, names: &["metadata", "data", "type", "stringData", "immutable"] },
    Message { of: &core::NAMESPACE, names: &["metadata", "spec", "status"] },
    Message { of: &core::NAMESPACE_SPEC, names: &["finalizers"] },
    Message { of: &core::NAMESPACE_STATUS, names: &["phase", "conditions"] },
    Message {
        of: &core::NAMESPACE_CONDITION,
        names: &["type", "status", "", "lastTransitionTime", "reason", "message"],
    },
    Message {
        of: &core::SERVICE_ACCOUNT,
        names: &["metadata", "secrets", "imagePullSecrets", "automountServiceAccountToken"],
    },
    Message {
        of: &core::OBJECT_REFERENCE,
        names: &["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"],
    },
    Message { of: &core::LOCAL_OBJECT_REFERENCE, names: &["name"] },
    Message {
        of: &core::EVENT,
        names: &[
            "metadata",
            "involvedObject",
            "reason",
            "message",
            "source",
            "firstTimestamp",
            "lastTimestamp",
            "count",
            "type",
            "eventTime",
            "series",
            "action",
            "related",
            "reportingComponent",
            "reportingInstance",
        ],
    },
    Message { of: &core::EVENT_SOURCE, names: &["component", "host"] },
    Message { of: &core::EVENT_SERIES, names: &["count", "lastObservedTime"] },
    Message {
        of: &events::EVENT,
        names: &[
            "metadata",
            "eventTime",
            "series",
            "reportingController",
            "reportingInstance",
            "action",
            "reason",
            "regarding",
            "related",
            "note",
            "type",
            "deprecatedSource",
            "deprecatedFirstTimestamp",
            "deprecatedLastTimestamp",
            "deprecatedCount",
        ],
    },
    Message { of: &events::EVENT_SERIES, names: &["count", "lastObservedTime"] },
    Message { of: &coordination::LEASE, names: &["metadata", "spec"] },
    Message {
        of: &coordination::LEASE_SPEC,
        names: &[
            "holderIdentity",
            "leaseDurationSeconds",
            "acquireTime",
            "renewTime",
            "leaseTransitions",
            "strategy",
            "preferredHolder",
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::{MESSAGES, of};
    use crate::field::{FieldKind, TypeDescriptor};
    use crate::kinds::KINDS;
    use crate::types::meta;

    /// The objects inside a value of this kind.
    fn inside(kind: &FieldKind) -> Option<&'static TypeDescriptor> {
        match kind {
            FieldKind::Object(descriptor) => Some(descriptor),
            FieldKind::List(list) => inside(list.of),
            FieldKind::Map(of) => inside(of),
            _ => None,
        }
    }

    #[test]
    fn every_field_of_a_type_has_one_number_and_every_number_a_field() {
        for message in MESSAGES {
            let mut numbered: Vec<_> = message.names.iter().copied().filter(|name| !name.is_empty()).collect();
            let mut fields: Vec<_> = message.of.fields.iter().map(|field| field.name).collect();
            // The type of the outermost object stands in the envelope, so its message does not repeat it.
            let enveloped = KINDS.iter().map(|kind| kind.descriptor().unwrap()).chain([&meta::DELETE_OPTIONS]);
            if enveloped.into_iter().any(|object| std::ptr::eq(object, message.of)) {
                fields.retain(|name| !["kind", "apiVersion"].contains(name));
            }
            numbered.sort_unstable();
            fields.sort_unstable();
            assert_eq!(numbered, fields, "{}", message.of.schema_name());
        }
    }

    #[test]
    fn all_that_a_message_can_hold_has_numbers() {
        for message in MESSAGES {
            for descriptor in message.of.fields.iter().filter_map(|field| inside(&field.kind)) {
                assert!(of(descriptor).is_some(), "{}", descriptor.schema_name());
            }
        }
        for kind in KINDS.iter() {
            assert_eq!(of(kind.descriptor().unwrap()).is_some(), !kind.group.ends_with("kcp.io"), "{}", kind.kind);
        }
    }
}
