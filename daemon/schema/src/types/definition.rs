//! Types of `apiextensions.k8s.io/v1`.

pub mod resource;
pub mod schema;
