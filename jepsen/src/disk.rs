//! Disks that fail as real ones do: an [`image`] in memory that knows what was synced, served to a daemon by FUSE ([`mount`]).

pub mod image;
pub mod mount;
