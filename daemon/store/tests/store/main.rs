//! What the state machine promises, through its public face.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by it, in its helpers too")]

mod act;
mod determinism;
mod golden;
mod growth;
mod members;
mod operations;
mod past;
mod restored;
mod rig;
mod snapshot;
mod staged;
mod tree;
mod waiting;
