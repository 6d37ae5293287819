//! `hansed`: the daemon of Hanse, and `hansed up`, which runs a whole federation of them on one machine.
//!
//! Promise: this is the only room that knows both Raft and the Kubernetes API. It lays Raft's frames on sync's links,
//! implements `store::Home` on Raft and `api::Federation` on links, and owns what a process needs: configuration, keys,
//! signals, the admin socket. It must not know what a Kubernetes object means.
//!
//! ```text
//! up ── prepare (keys, configuration) ── supervise (processes)
//!                                             │ hansed run
//! run ─┬─ homes ───── raft::Group ── store::Machine
//!      ├─ carriage ── sync::Mesh     (Raft, carried requests, names, status)
//!      ├─ federation                 (the tree, from region to region)
//!      ├─ members                    (who belongs to the group; directory: whom everybody else asks and dials)
//!      ├─ api, controllers           (on homes and carriage)
//!      ├─ admin                      (the socket that `hanse` speaks to)
//!      ├─ metrics, process           (what is counted)
//!      └─ watchdog, space            (a thread beside the runtime; room on the disk)
//! ```
//!
//! Reading order: `config`, `run`, `homes`, `carriage`, `federation`, `directory`, `members`, `admin`, `backup`, `restore`; then
//! `up`, `prepare`, `authority`, `pki`, `supervise`.

mod config;
mod keys;
mod lock;

mod run;

pub mod homes;
mod space;

mod bootstrap;
mod duty;
mod founding;

mod carriage;
mod lanes;
mod names;
mod port;
mod reservation;

mod federation;

mod directory;
mod members;
mod standing;

pub mod embed;

mod admin;
mod debug;
mod findings;
mod forest;
pub mod metrics;
mod overview;
mod process;
mod status;

mod join;

mod backup;
mod files;
mod frames;
mod restore;
mod restore_workspace;

mod notify;
mod watchdog;

mod authority;
mod kubeconfig;
mod pki;
mod prepare;
mod probe;
mod renewal;
mod supervise;
mod up;

pub mod command;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;

#[cfg(test)]
mod testing;
