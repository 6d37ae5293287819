//! Types of `admissionregistration.k8s.io/v1`.

pub mod mutating;
pub mod policy;
pub mod validating;
pub mod webhook;
