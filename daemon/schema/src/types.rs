//! The tables of types, one file per package of upstream.

pub mod admission;
pub mod authentication;
pub mod authorization;
pub mod autoscaling;
pub mod certificates;
pub mod coordination;
pub mod core;
pub mod definition;
pub mod events;
pub mod kcp;
pub mod meta;
pub mod rbac;
