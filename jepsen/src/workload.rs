//! Workloads, by name.

use crate::port::Workload;

pub mod register;
pub mod set;
pub mod tree;
pub mod watch;

pub(crate) mod clusters;
pub(crate) mod coverage;
pub(crate) mod driver;
pub(crate) mod finals;
pub(crate) mod objects;
pub(crate) mod outcome;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod workload_test;

/// All workloads there are.
#[must_use]
pub fn all() -> Vec<Box<dyn Workload>> {
    vec![
        Box::<register::Register>::default(),
        Box::<set::Set>::default(),
        Box::<watch::Watch>::default(),
        Box::new(tree::Tree::of_names()),
        Box::new(tree::Tree::of_moves()),
    ]
}

/// The workload of a name.
#[must_use]
pub fn by_name(name: &str) -> Option<Box<dyn Workload>> {
    all().into_iter().find(|workload| workload.name() == name)
}
