//! Workloads, by name.

use crate::port::Workload;

/// All workloads there are.
#[must_use]
pub fn all() -> Vec<Box<dyn Workload>> {
    Vec::new()
}

/// The workload of a name.
#[must_use]
pub fn by_name(name: &str) -> Option<Box<dyn Workload>> {
    all().into_iter().find(|workload| workload.name() == name)
}
