//! The executables under test, built as the harness itself was built.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cluster::Programs;

/// Builds `hansed` and `hanse` in the profile of this program, so that no stale executable is tested.
///
/// # Errors
/// The build fails, or this program does not lie where cargo puts it.
pub fn build() -> Result<Programs> {
    let executable = std::env::current_exe().context("the path of this program")?;
    let mut directory = executable.parent().context("a program has a directory")?.to_path_buf();
    if directory.ends_with("deps") {
        directory.pop();
    }
    // The project is where the target directory is, wherever this program was compiled before it was copied there.
    let project = directory.ancestors().find(|path| path.join("Cargo.toml").exists() && path.join("daemon").exists());
    let project = project.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".."), PathBuf::from);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(project).args(["build", "--quiet", "--bin", "hansed", "--bin", "hanse"]);
    if directory.ends_with("release") {
        cargo.arg("--release");
    }
    ensure!(
        cargo.status().context("cargo can be started")?.success(),
        "cargo build of hansed and hanse fails; or give --hansed and --hanse"
    );
    Ok(Programs { hansed: directory.join("hansed"), hanse: directory.join("hanse") })
}
