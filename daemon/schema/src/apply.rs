//! Server-side apply (KEP-555): who owns which fields, and what an applied object makes of a stored one.
//!
//! Every write goes through here, since every object says in `metadata.managedFields` who has set what. The semantics are
//! those of structured-merge-diff, version 6, and of apimachinery's `util/managedfields`, which a differential test compares.
//!
//! ```text
//! live ─┐                        ┌─▶ compare ──▶ who loses what ─┐
//!       ├─▶ Writer::update ──────┤                               ├─▶ managedFields of new
//! new  ─┘                        └─▶ what the writer owns ───────┘
//! live ─┐
//!       ├─▶ Writer::apply ─▶ merge ─▶ prune ─▶ compare ─▶ conflicts, or the new object
//! applied
//! ```
//!
//! Reading order: [`path`] and [`set`] (fields), [`fields`] (their stored form), [`shape`] (what must be known of types),
//! `typed`, `field_set`, `compare`, `merge`, `remove` (one walk over values each), [`update`], then [`managed`].
//!
//! Deliberately absent: defaults, admission, validation by the kind's own rules, conversion between versions: the caller's. Also
//! the extraction of what a manager owns, which clients do for themselves.
//! Bounds: all walks are as deep as the value or set they are given. Values are bounded by whoever decodes them, sets by
//! [`fields::DEPTH_MAX`].

pub mod fields;
pub mod path;
pub mod set;
mod value;

mod problem;
pub mod shape;

mod compare;
mod field_set;
mod merge;
mod named;
mod remove;
mod typed;

mod cap;
pub mod configuration;
mod conflict;
mod entry;
mod ignored;
mod last_applied;
pub mod managed;
mod manager;
pub mod name;
mod scale;
pub mod update;

pub use compare::{Comparison, compare};
pub use conflict::{ApplyError, ConflictCause, FIELD_MANAGER_CONFLICT};
pub use entry::{decode as decode_entries, encode as encode_entries};
pub use field_set::field_set;
pub use ignored::ignored;
pub use managed::{Writer, keep_times};
pub use manager::{Identity, Manager, Operation};
pub use merge::merge;
pub use problem::Problems;
pub use remove::remove;
pub use scale::Scaled;
pub use set::Set;
pub use shape::Shape;
pub use typed::{Duplicates, validate};
pub use update::{Force, OneVersion, Versions};

#[cfg(test)]
mod apply_test;
#[cfg(test)]
mod laws_test;
#[cfg(test)]
mod schema_json;
#[cfg(test)]
mod small_test;
