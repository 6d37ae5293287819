//! The verbs on objects of a logical cluster that is at home here; one file each.
//!
//! Reading order: [`get`], [`list`], [`create`], `change` (read, compute, propose, again when somebody came between) with
//! its users [`update`] and [`patch`], then [`delete`] and [`delete_collection`].

pub(crate) mod get;
pub(crate) mod list;

pub(crate) mod create;

pub(crate) mod apply;
pub(crate) mod change;
pub(crate) mod patch;
pub(crate) mod review;
pub(crate) mod scale;
pub(crate) mod token;
pub(crate) mod update;

pub(crate) mod delete;
pub(crate) mod delete_collection;
