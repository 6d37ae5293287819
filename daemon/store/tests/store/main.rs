//! What the state machine promises, through its public face.

mod act;
mod determinism;
mod golden;
mod operations;
mod past;
mod rig;
mod snapshot;
mod tree;
mod waiting;
