//! Types of `certificates.k8s.io/v1`.

use crate::field::{FieldKind, List, Presence, TypeDescriptor, field};
use crate::types::meta::OBJECT_META;

/// The certificate that is wanted, and who wants it.
pub static CERTIFICATE_SIGNING_REQUEST_SPEC: TypeDescriptor = TypeDescriptor {
    name: "CertificateSigningRequestSpec",
    package: "io.k8s.api.certificates.v1",
    go_package: "v1",
    doc: "the certificate that is wanted, and who wants it",
    atomic: false,
    fields: &[
        field(
            "request",
            FieldKind::Bytes,
            Presence::Always,
            "PKCS#10 request in a PEM block of type CERTIFICATE REQUEST",
        )
        .required()
        .wire(&[1]),
        field("signerName", FieldKind::String, Presence::Always, "who shall sign, as domain/name")
            .required()
            .wire(&[7]),
        field(
            "expirationSeconds",
            FieldKind::Int32,
            Presence::Optional,
            "seconds for which the certificate shall be good; at least 600, and the signer may shorten it",
        )
        .wire(&[8]),
        field(
            "usages",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "usages that the certificate shall have",
        )
        .go("[]v1.KeyUsage")
        .wire(&[5]),
        field("username", FieldKind::String, Presence::OmitEmpty, "who asks; set by the server").wire(&[2]),
        field("uid", FieldKind::String, Presence::OmitEmpty, "uid of who asks; set by the server").wire(&[3]),
        field(
            "groups",
            FieldKind::List(List::of(&FieldKind::String).atomic()),
            Presence::OmitEmpty,
            "groups of who asks; set by the server",
        )
        .wire(&[4]),
        field(
            "extra",
            FieldKind::Map(&FieldKind::List(List::of(&FieldKind::String))),
            Presence::OmitEmpty,
            "more about who asks; set by the server",
        )
        .go("map[string]v1.ExtraValue")
        .wire(&[6]),
    ],
};

/// A decision or an observation about a request.
pub static CERTIFICATE_SIGNING_REQUEST_CONDITION: TypeDescriptor = TypeDescriptor {
    name: "CertificateSigningRequestCondition",
    package: "io.k8s.api.certificates.v1",
    go_package: "v1",
    doc: "a decision or an observation about a request",
    atomic: false,
    fields: &[
        field("type", FieldKind::String, Presence::Always, "Approved, Denied or Failed")
            .required()
            .go("v1.RequestConditionType")
            .wire(&[1]),
        field("status", FieldKind::String, Presence::Always, "True for Approved, Denied and Failed")
            .required()
            .go("v1.ConditionStatus")
            .wire(&[6]),
        field("reason", FieldKind::String, Presence::OmitEmpty, "one word for the decision").wire(&[2]),
        field("message", FieldKind::String, Presence::OmitEmpty, "sentence about the decision").wire(&[3]),
        field("lastUpdateTime", FieldKind::Time, Presence::Always, "when the condition was last written").wire(&[4]),
        field("lastTransitionTime", FieldKind::Time, Presence::Always, "when the status last changed").wire(&[5]),
    ],
};

/// Decisions, and the certificate.
pub static CERTIFICATE_SIGNING_REQUEST_STATUS: TypeDescriptor = TypeDescriptor {
    name: "CertificateSigningRequestStatus",
    package: "io.k8s.api.certificates.v1",
    go_package: "v1",
    doc: "decisions, and the certificate",
    atomic: false,
    fields: &[
        field(
            "conditions",
            FieldKind::List(List::of(&FieldKind::Object(&CERTIFICATE_SIGNING_REQUEST_CONDITION)).map(&["type"])),
            Presence::OmitEmpty,
            "the decisions",
        )
        .wire(&[1]),
        field("certificate", FieldKind::Bytes, Presence::OmitEmpty, "the certificate chain in PEM, once it is issued")
            .wire(&[2]),
    ],
};

/// Asks a signer for a certificate.
pub static CERTIFICATE_SIGNING_REQUEST: TypeDescriptor = TypeDescriptor {
    name: "CertificateSigningRequest",
    package: "io.k8s.api.certificates.v1",
    go_package: "v1",
    doc: "asks a signer for a certificate",
    atomic: false,
    fields: &[
        field("kind", FieldKind::String, Presence::OmitEmpty, "kind of this object"),
        field("apiVersion", FieldKind::String, Presence::OmitEmpty, "group and version of this object"),
        field("metadata", FieldKind::Object(&OBJECT_META), Presence::Always, "standard metadata").wire(&[1]),
        field("spec", FieldKind::Object(&CERTIFICATE_SIGNING_REQUEST_SPEC), Presence::Always, "wanted state")
            .required()
            .wire(&[2]),
        field("status", FieldKind::Object(&CERTIFICATE_SIGNING_REQUEST_STATUS), Presence::Always, "observed state")
            .wire(&[3]),
    ],
};
