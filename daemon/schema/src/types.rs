//! The tables of types, one file per package of upstream.

pub mod coordination;
pub mod core;
pub mod events;
pub mod kcp;
pub mod meta;
