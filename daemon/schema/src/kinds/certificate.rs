//! The kind of requests for certificates.

use super::{NO_RULES, age, column, core_kind, name, names, object_name, selectable};
use crate::kind::{Cell, Kind, NameRule, Part, Rules, Selectable};
use crate::table::request_cells;
use crate::types::certificates;
use crate::{default, validate};

pub(super) fn signing_request() -> Kind {
    Kind {
        group: GROUP.into(),
        plural: "certificatesigningrequests".into(),
        singular: "certificatesigningrequest".into(),
        short_names: names(&["csr"]),
        namespaced: false,
        subresources: vec![Part::Approval, Part::Status],
        name_rule: NameRule::PathSegment,
        columns: vec![
            name(),
            age(),
            column("SignerName", "Who shall sign.", Cell::Made(request_cells::signer)),
            column("Requestor", "Who asks.", Cell::Text(&["spec", "username"])),
            column(
                "RequestedDuration",
                "How long the certificate shall be good.",
                Cell::Made(request_cells::requested_duration),
            ),
            column("Condition", "What was decided, and what became of it.", Cell::Made(request_cells::condition)),
        ],
        selectable: Selectable::Listed(vec![object_name(), selectable("spec.signerName", &["spec", "signerName"])]),
        storage: (GROUP.into(), "certificatesigningrequests".into()),
        keeps: &[(Part::Object, &["spec", "status"]), (Part::Status, &["spec"]), (Part::Approval, &["spec"])],
        rules: &Rules {
            create: default::certificate::signing_request_create,
            update: default::certificate::signing_request_update,
            validate: validate::certificate::signing_request,
            validate_update: validate::certificate::signing_request_update,
            ..NO_RULES
        },
        ..core_kind("CertificateSigningRequest", &certificates::CERTIFICATE_SIGNING_REQUEST)
    }
}

const GROUP: &str = "certificates.k8s.io";
