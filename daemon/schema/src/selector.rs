//! Selectors: which objects a list or a watch wants.

pub mod field;
pub mod label;
