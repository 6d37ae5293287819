//! Types of `coordination.k8s.io/v1`.

use crate::field::{FieldKind, Presence, TypeDescriptor, field};
use crate::types::meta::OBJECT_META;

/// Content of a lease.
pub static LEASE_SPEC: TypeDescriptor = TypeDescriptor {
    name: "LeaseSpec",
    package: "io.k8s.api.coordination.v1",
    go_package: "v1",
    doc: "content of a lease",
    atomic: false,
    fields: &[
        field("holderIdentity", FieldKind::String, Presence::Optional, "who holds the lease").wire(&[1]),
        field(
            "leaseDurationSeconds",
            FieldKind::Int32,
            Presence::Optional,
            "seconds for which others wait after the last renewal",
        )
        .wire(&[2]),
        field("acquireTime", FieldKind::MicroTime, Presence::Optional, "when the holder took the lease").wire(&[3]),
        field("renewTime", FieldKind::MicroTime, Presence::Optional, "when the holder last renewed it").wire(&[4]),
        field("leaseTransitions", FieldKind::Int32, Presence::Optional, "how often the lease changed hands").wire(&[5]),
        field(
            "strategy",
            FieldKind::String,
            Presence::Optional,
            "how the holder is chosen in coordinated leader election",
        )
        .go("v1.CoordinatedLeaseStrategy")
        .wire(&[6]),
        field("preferredHolder", FieldKind::String, Presence::Optional, "who should hold the lease next").wire(&[7]),
    ],
};

/// A claim that its holder renews, for leader election and heartbeats.
pub static LEASE: TypeDescriptor = TypeDescriptor {
    name: "Lease",
    package: "io.k8s.api.coordination.v1",
    go_package: "v1",
    doc: "a claim that its holder renews, for leader election and heartbeats",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&LEASE_SPEC), Presence::Always, "wanted state").wire(&[2]),
    ],
};
