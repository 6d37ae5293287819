//! The kind of leader election.

use super::{NO_RULES, age, column, core_kind, name};
use crate::kind::{Cell, Kind, Rules};
use crate::table::lease_holder;
use crate::types::coordination;
use crate::validate;

pub(super) fn lease() -> Kind {
    Kind {
        group: "coordination.k8s.io".into(),
        plural: "leases".into(),
        singular: "lease".into(),
        columns: vec![name(), column("Holder", "Who holds the lease.", Cell::Made(lease_holder)), age()],
        storage: ("coordination.k8s.io".into(), "leases".into()),
        standard_finalizers: false,
        create_on_update: true,
        unconditional_update: false,
        rules: &Rules { validate: validate::lease::lease, ..NO_RULES },
        ..core_kind("Lease", &coordination::LEASE)
    }
}
