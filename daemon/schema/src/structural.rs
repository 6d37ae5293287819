//! Structural schemas: what a CustomResourceDefinition says of its objects, and everything that follows from it.
//!
//! ```text
//! definition ──check──▶ ──build──▶ Schema
//! body ──decode (prune, coerce, default)──▶ object ──object::create / update──▶ stored ──decode::restore──▶ object
//! ```
//!
//! Reading order: [`schema`] and [`validation`] (the compiled form), [`mod@format`] and [`pattern`] (checks of strings), [`rule`];
//! `props`, `check` and [`build`] (how a schema is made); [`decode`] with [`prune`](mod@prune), [`default`] and `object_meta`;
//! [`object`] with `validate`, `list` and `ratchet`; [`jsonpath`].

pub mod schema;
pub mod validation;

pub mod format;
pub mod pattern;
pub mod rule;

pub mod build;
pub(crate) mod check;
pub(crate) mod props;

pub mod decode;
pub mod default;
pub(crate) mod object_meta;
pub mod prune;

pub(crate) mod list;
pub mod object;
pub(crate) mod ratchet;
pub(crate) mod validate;

pub mod jsonpath;

pub(crate) mod field_path;
pub(crate) mod path;
pub(crate) mod words;

#[cfg(test)]
mod hostile_test;
