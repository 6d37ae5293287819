//! What objects mean: the kinds that the API serves, their fields, and everything that follows from them.
//!
//! Promise: pure functions on JSON values. Nothing here reads a clock, a file or a key, and nothing knows revisions: times are
//! arguments, and stored objects are given by the caller.
//!
//! Must not know: HTTP, the store, workspaces' paths, users.
//!
//! ```text
//! body ──decode──▶ object ──default──▶ ──for_create / for_update──▶ ──apply (who owns what)──▶ ──validate──▶ stored
//!                    ▲                                                                            │
//!        patch ──────┘ redecode                                 table, selector, protobuf, convert ◀──┘
//!
//! definition ──validate──▶ ──status──▶ stored ──compile──▶ structural schema ──▶ the kind, as if it were built in
//! ```
//!
//! Reading order: [`field`] (descriptors) and `types` (their tables), [`kind`] and [`kinds`] (what is served), [`decode`] and
//! [`protobuf`], [`mod@default`], [`validate`] with [`metadata`] and [`cause`], [`patch`], [`apply`] (server-side apply and managed
//! fields), [`selector`], [`table`], [`openapi`]. Of custom resources: [`definition`] (the objects that define kinds), then
//! [`structural`] (what these say of objects). Rules and amounts are [`hanse_cel`]'s.
//!
//! Deliberately absent: code by kind where a table does; the `json` reader and `format` rules are private; where definitions
//! are, which of them are compiled already, and who calls their webhooks: that is the API server's.

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
