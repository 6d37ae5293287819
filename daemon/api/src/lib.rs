//! HTTP to transactions, events to watch answers: the API server of a daemon.
//!
//! Promise: a request is authenticated, authorized and led to the home of its logical cluster; there it becomes one
//! transaction on the port [`hanse_store::home::Home`], or one read of a consistent state. The bytes that are stored are
//! the bytes that are answered. Every error is a `metav1.Status` in Kubernetes' words.
//!
//! It must not know Raft, QUIC, disks or peers: groups are reached through `Home`, other regions through
//! [`federation::Federation`], both of which the daemon implements and tests fake.
//!
//! ```text
//! socket ──► serve ──► api ──► request (grammar) ──► authenticate ──► authorize ──► route ──┬─► carried elsewhere
//!                                                                                         └─► verbs ──► Home
//! verbs: decode ──► manage (who owns what) ──► admission ──► validate ──► view (stored version) ──► encode ──► Txn
//! Home's hub ──► watch ──► view ──► socket                     every error ──► status ──► answer
//! admission, conversion ──► egress ──► webhooks            every request ──► measure, access (counted, one line)
//! ```
//!
//! Reading order: [`request`], [`api`], `route` with `definitions` (which kinds there are), `call`, `verbs` with `manage`,
//! `admission` and `view`, `watch`, [`workspace`], [`status`]; then `catalogue` with [`discovery`] and [`openapi`], [`egress`],
//! [`token`].

pub mod body;
pub mod limits;
pub mod query;
pub mod request;
pub mod status;

pub mod api;
pub mod authenticate;
pub mod authorize;
pub mod carried;
pub mod egress;
pub mod federation;
pub mod serve;
pub mod token;

mod access;
pub mod measure;
mod route;
mod socket;

mod admission;
mod admit;
mod cache;
mod call;
mod catalogue;
mod conversion;
mod definitions;
mod encode;
mod manage;
mod namespace;
mod selection;
mod turns;
mod view;

mod verbs;
mod watch;
pub mod workspace;

mod answer;
pub mod compress;
pub mod discovery;
pub mod document;
pub mod health;
pub mod negotiate;
pub mod openapi;
pub mod table;
pub mod yaml;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
