//! What objects mean: the kinds that the API serves, their fields, and everything that follows from them.
//!
//! Promise: pure functions on JSON values. Nothing here reads a clock, a file or a key, and nothing knows revisions: times are
//! arguments, and stored objects are given by the caller.
//!
//! Must not know: HTTP, the store, workspaces' paths, users.
//!
//! ```text
//! body ──decode──▶ object ──defaults──▶ ──for_create / for_update──▶ ──validate──▶ stored
//!                    ▲                                                  │
//!        patch ──────┘ redecode                                         └─▶ table, selector
//! ```
//!
//! Reading order: [`field`] (descriptors) and `types` (their tables), [`kind`] and [`kinds`] (what is served), [`decode`] and
//! [`protobuf`], [`default`], [`validate`] with [`metadata`] and [`cause`], [`patch`], [`selector`], [`table`], [`openapi`].
//!
//! Deliberately absent: code by kind where a table does; the `json` reader and `format` rules are private.

pub use hanse_cel::quantity;

pub mod field;
pub mod types;

pub mod structural;

pub mod definition;

pub mod kind;
pub mod kinds;

pub mod apply;
pub mod convert;
pub mod decode;
mod json;
pub mod protobuf;

pub mod cause;
pub mod default;
mod format;
pub mod metadata;
pub mod validate;

pub mod openapi;
pub mod patch;
pub mod selector;
pub mod table;
pub mod time;
