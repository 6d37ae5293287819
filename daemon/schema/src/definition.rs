//! CustomResourceDefinitions (`apiextensions.k8s.io/v1`): the objects that define kinds.
//!
//! ```text
//! decoded definition ──default──▶ ──validate──▶ ──status──▶ stored ──compile──▶ Definition
//! ```
//!
//! Upstream stores and checks definitions in an internal form, in which what all versions have in common stands beside them, and
//! its messages name fields of that form (`spec.validation.openAPIV3Schema`): so do these.

pub mod compile;
pub mod default;
mod kinds;
pub mod status;
pub mod validate;

pub(crate) mod bundle;
pub(crate) mod internal;
