//! Small ground: the names that more than one room speaks, and the seams to the world.
//!
//! Promise: everything here is plain data or a trait; nothing here knows Kubernetes, Raft, QUIC or automerge. The
//! real implementations of the seams ([`clock::SystemClock`], [`random::SystemRandom`], [`disk::RealDisk`]) are the
//! only places of the product, outside `main`, that ask the operating system for time, randomness and files on behalf
//! of `raft`, `store` and `sync`; a simulation gives its own.
//!
//! Reading order: [`id`], then the seams [`clock`], [`random`], [`disk`], [`net`], [`pulse`].

pub mod id;

pub mod clock;
pub mod disk;
pub mod mutant;
pub mod net;
pub mod pulse;
pub mod random;
