//! Peers: the mesh of QUIC links between the daemons of a federation, and the sessions that run on it.
//!
//! Promise: a [`mesh::Mesh`] carries frames and streams of bytes between daemons that have proved who they are, with
//! back pressure, and answers within a bounded time: a peer out of reach is an error that says whether anything can
//! have arrived ([`error::LinkError`]), never a hang. Every queue, window and wait has a named limit
//! ([`limit::Limits`]). All tasks belong to the mesh and have ended when [`mesh::Mesh::shutdown`] returns.
//!
//! Must not know: Kubernetes, Raft, automerge, or what the bytes mean.
//!
//! ```text
//!            open, call                                   Incoming { peer, lane, stream }
//!                │                                                      ▲
//!   mesh.rs ─────┤                                                      │ bounded channel
//!                ▼                                                      │
//!   way.rs   one supervisor for each peer and class ──── dials, replaces, closes links
//!                │                                                      ▲
//!   link.rs  one QUIC connection: serves its streams, notices silence   │
//!                                                                       │
//!   door.rs  accepts connections, bounded ──── tls.rs: who is it? ──────┤
//!                                                                       │
//!   directory.rs   the peers of the moment: whom may we talk to? ───────┘
//! ```
//!
//! Reading order: [`peer`], [`identity`], [`lane`], [`limit`], [`error`], [`stream`], [`mesh`], [`transport`], [`pipe`], then
//! what it is made of (`directory`, `tls`, `greeting`, `door`, `link`, `way`), then what runs on it: [`net`], [`cursor`],
//! [`message`], [`session`]; and beside it [`join`], by which a daemon without a certificate asks for one.

pub mod peer;

pub mod identity;
pub mod lane;
pub mod limit;

pub mod error;
pub mod stream;

pub mod mesh;
pub mod transport;

pub mod pipe;

pub mod join;

mod directory;
mod door;
mod greeting;
mod link;
mod log_limit;
mod tls;
mod way;

pub mod net;

pub mod cursor;
pub mod message;
pub mod session;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
