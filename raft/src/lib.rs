//! Raft groups of bytes: a log that survives crashes, snapshots, proposals by the batch, linearizable reads, members.
//!
//! Promise: what [`group::Group::propose`] acknowledges is durable on a majority and never lost or applied twice by this
//! room; [`group::Group::read_index`] never lets a reader see less than was acknowledged before. Damage on disk is
//! refused, with the place, instead of being served. This room knows bytes, groups and daemons: never Kubernetes, QUIC
//! or the tree. The consensus itself is openraft's.
//!
//! ```text
//! propose ─▶ propose::run ─▶ (frame::Forward ─▶ leader's serve) ─▶ openraft ─▶ storage ─▶ log ─▶ writer ─▶ disk
//!                                                                    │
//! read_index ─▶ read::run ─▶ (frame::ReadIndex) ─▶ openraft          ├─▶ network ─▶ Net ─▶ followers' serve
//!                                                                    └─▶ state ─▶ Machine ─▶ outcome, publish
//! ```
//!
//! Reading order: [`machine`] and [`config`] (what a user gives), [`group`] (what a user gets); then the way of a write:
//! `propose`, `replica`, `storage`, `log`, `fetch`, `writer`, `record`, `segment`; back after a crash: `recover`; then `state`,
//! `snapshots`, `snapshot_file`; and between daemons: `frame`, `network`, `serve`. `keep` and `disk_watch` are what happens by
//! itself; `membership` changes who belongs to the group, `measure` is what is counted.

pub mod config;
pub mod error;
pub mod group;
pub mod machine;
pub mod measure;
pub mod propose;
pub mod restore;
pub mod status;

mod codec;
mod consensus;
mod disk_watch;
mod fetch;
mod form;
mod frame;
mod keep;
mod log;
mod membership;
mod network;
mod read;
mod record;
mod recover;
mod replica;
mod segment;
mod serve;
mod snapshot_file;
mod snapshots;
mod state;
mod storage;
mod work;
mod writer;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;

#[cfg(test)]
mod frame_test;
#[cfg(test)]
mod group_test;
#[cfg(test)]
mod log_test;
#[cfg(test)]
mod replicas_test;
#[cfg(test)]
mod restore_test;
#[cfg(test)]
mod testing;
