//! The replicated state machine of a group.
//!
//! Promise: [`machine::Machine`] is deterministic. The same commands in the same order give the same bytes on every
//! replica: no clock, no randomness, no I/O, no iteration over hashed maps. Readers hold [`state::State`], an immutable
//! picture that shares its parts with the next one.
//!
//! It must not know HTTP, Raft, tokio, disks or peers.
//!
//! ```text
//! Txn bytes ──► machine ──► apply ──► State (objects, counts, owners, history, tree, clusters) ──► Hub wakes watchers
//!                              └─────► Outcome bytes
//! ```
//!
//! Reading order: [`key`], [`object`], [`txn`], [`state`] with [`owned`], `apply`, [`machine`], [`hub`], [`home`].

mod encode;
pub mod key;
pub mod object;
mod piece;
pub mod txn;

mod content;
pub mod history;
pub mod owned;
mod past;
mod reservation;
pub mod roster;
pub mod state;
pub mod token;

mod apply;
pub mod backup;
pub mod growth;
mod projection;
pub mod restored;
pub mod staged;
mod tenancy;
pub mod workspace;

pub mod machine;
pub mod snapshot;

pub mod home;
pub mod hub;
pub mod memory;
