//! Structural schemas: what a CustomResourceDefinition says of its objects, and everything that follows from it.
//!
//! ```text
//! body ──decode (prune, coerce, default)──▶ object ──validate (values, lists, rules)──▶ stored ──decode::restore──▶ object
//! ```
//!
//! Reading order: [`schema`] and [`validation`] (the compiled form), [`format`] and [`pattern`] (checks of strings), [`rule`],
//! [`decode`] with [`prune`](mod@prune), [`default`] and `object_meta`.

pub mod schema;
pub mod validation;

pub mod format;
pub mod pattern;
pub mod rule;

pub mod decode;
pub mod default;
pub(crate) mod object_meta;
pub mod prune;

pub(crate) mod name;
pub(crate) mod path;
pub(crate) mod words;
