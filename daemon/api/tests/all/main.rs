//! The API in process: requests in, answers out, on groups in memory and a federation of function calls.

#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "these are tests")]

mod fixture;

mod delete;
mod gates;
mod homes;
mod junk;
mod lists;
mod namespaces;
mod objects;
mod patches;
mod regions;
mod serve;
mod watches;
mod workspaces;
