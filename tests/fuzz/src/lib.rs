//! Hostile bytes for every decoder that faces network or disk.
//!
//! Promise: no bytes make one of them panic, take long, or take more memory than their length explains; and what was
//! understood is what is written back. A [`target::Target`] is one decoder with what must hold of what it reads.
//!
//! ```text
//! cargo test --workspace           kept inputs, then mutations of these by chance (tests/replay.rs)
//! tests/fuzz/run <target>|all 30   libFuzzer, guided by coverage (libfuzzer/); finds go to corpus/<target>
//! ```
//!
//! `corpus` keeps every input that has once broken something, as small as it can be. Decoders that are private in their
//! rooms are shown by the feature `fuzzing`, which no program of the product has.
//!
//! Reading order: [`target`], [`corpus`], [`mutate`]; then the targets by room.

pub mod target;

pub mod corpus;
pub mod mutate;

mod disk;
mod input;
mod names;

mod api;
mod custom;
mod daemon;
mod raft;
mod schema;
mod store;
mod sync;
mod tree;
