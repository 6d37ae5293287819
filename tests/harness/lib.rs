//! What the end-to-end tests and the benchmark share: real federations as processes, a client of the API without
//! retries of its own, and links that can be cut.
//!
//! It knows only what a user knows: the executables, the files of `hansed up`, HTTP. Reading order: [`binary`],
//! [`federation`], [`client`], [`link`].

pub mod binary;
pub mod client;
pub mod federation;
pub mod link;
