//! The inputs that are kept: one file each, in a folder for each target.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::target::Target;

/// The folder of all targets' inputs.
#[must_use]
pub fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus"))
}

/// The kept inputs of a target, by the names of their files.
///
/// # Errors
/// The folder is there and cannot be read.
pub fn of(target: &Target) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let entries = match fs::read_dir(folder().join(target.name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    paths.into_iter().map(|path| fs::read(&path).map(|bytes| (path, bytes))).collect()
}
