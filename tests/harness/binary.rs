//! The executables under test, built as the test itself was built.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

/// The path of `hansed` or `hanse`, built in the profile of the running test so that no stale executable is tested.
///
/// # Errors
/// The build fails.
pub fn binary(name: &str) -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let directory = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    let directory = directory.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(directory.join(name))
}

/// The root of the project: of the one that the running test stands in, so that a target directory that was copied along
/// with its project tests the copy. Where targets are elsewhere, of the one that it was compiled in.
#[must_use]
pub fn project() -> PathBuf {
    let executable = std::env::current_exe().unwrap_or_default();
    let around = executable.ancestors().find(|directory| directory.join("daemon/Cargo.toml").is_file());
    let compiled = || Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(""));
    around.unwrap_or_else(compiled).to_owned()
}

fn build() -> Result<PathBuf> {
    let executable = std::env::current_exe().context("the path of the running test")?;
    // target/<profile>/deps/e2e-0123 or target/<profile>/hanse-bench
    let mut directory = executable.parent().context("an executable has a directory")?.to_path_buf();
    if directory.ends_with("deps") {
        directory.pop();
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(project()).args(["build", "--quiet", "--bin", "hansed", "--bin", "hanse"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    ensure!(cargo.status().context("cargo can be started")?.success(), "cargo build of hansed and hanse fails");
    Ok(directory)
}
