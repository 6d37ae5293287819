//! The API in process: requests in, answers out, on groups in memory and a federation of function calls.

#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "these are tests")]

mod fixture;
mod hook;

mod content;
mod delete;
mod egress;
mod gates;
mod homes;
mod junk;
mod lists;
mod namespaces;
mod objects;
mod patches;
mod policies;
mod quotas;
mod regions;
mod serve;
mod tokens;
mod watches;
mod webhooks;
mod workspaces;
