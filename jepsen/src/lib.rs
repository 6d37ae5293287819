//! `jepsen`: real daemons under real faults, and what their clients may conclude.
//!
//! It knows what a user knows: the executables, their configuration files, the HTTP API. No crate of the product is used
//! here, so that a mistake there cannot hide itself here.
//!
//! Reading order: [`history`] (what happened, as records), [`port`] (what a workload is and what it is given),
//! [`verdict`] (what a checker says), [`workload`] and [`check`].
//!
//! ```text
//!   workload ──requests──► client ──► daemons in namespaces ◄── nemesis
//!      │ invoke, ok, fail, info                                    │ install, heal
//!      └──────────────► recorder ◄─────────────────────────────────┘
//!                          └──► history ──► check ──► verdict ──► report
//! ```

pub mod history;
pub mod port;
pub mod verdict;

pub mod check;
pub mod workload;

pub mod recheck;
pub mod report;

pub mod random;

pub mod client;
pub mod cluster;
pub mod disk;
pub mod doctor;
pub mod ground;
pub mod net;
pub mod programs;

pub mod nemesis;

pub mod gap;
pub mod load;
pub mod power;
pub mod run;
pub mod silence;
pub mod suite;
pub mod table;

pub mod command;
