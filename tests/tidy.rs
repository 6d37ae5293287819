//! The house stays as its plan says: arrows between rooms, sizes of files, paths that documents name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use hanse_tests::binary::project;

/// Which rooms of ours a room may use. A new arrow is a design change.
const ARROWS: &[(&str, &[&str])] = &[
    ("hanse-base", &[]),
    ("hanse-metrics", &[]),
    ("hanse-backup", &[]),
    ("hanse-tree", &["hanse-base"]),
    ("hanse-cel", &[]),
    ("hanse-schema", &["hanse-cel"]),
    ("hanse-store", &["hanse-base", "hanse-tree"]),
    ("base2histogram", &[]),
    ("hanse-raft", &["hanse-base", "hanse-metrics"]),
    ("hanse-sync", &["hanse-base"]),
    ("hanse-api", &["hanse-base", "hanse-metrics", "hanse-store", "hanse-schema", "hanse-cel"]),
    ("hanse-controllers", &["hanse-base", "hanse-store", "hanse-schema"]),
    (
        "hansed",
        &[
            "hanse-base",
            "hanse-metrics",
            "hanse-backup",
            "hanse-store",
            "hanse-schema",
            "hanse-api",
            "hanse-controllers",
            "hanse-raft",
            "hanse-sync",
            "hanse-tree",
        ],
    ),
    ("hanse", &["hanse-backup"]),
    ("hanse-tests", &["hanse-base"]),
    ("hanse-sim", &["hanse-api", "hanse-base", "hanse-store", "hanse-raft", "hanse-sync", "hansed"]),
    (
        "hanse-fuzz",
        &[
            "hanse-api",
            "hanse-backup",
            "hanse-base",
            "hanse-cel",
            "hanse-raft",
            "hanse-schema",
            "hanse-store",
            "hanse-sync",
            "hanse-tree",
            "hansed",
        ],
    ),
    ("jepsen", &[]),
];
/// Lines of code in a file, tests not counted.
const FILE_LINES_MAX: usize = 600;
const BASE_LINES_MAX: usize = 600;

fn sources(directory: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "hanse-data" {
            sources(&path, found)?;
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// Lines up to the first test module.
fn lines_of_code(text: &str) -> usize {
    text.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

#[test]
fn arrows_between_rooms_are_those_of_the_plan() -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(project())
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let plan: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.iter().map(|(room, uses)| (*room, uses.iter().copied().collect())).collect();
    for package in metadata["packages"].as_array().context("cargo lists packages")? {
        let name = package["name"].as_str().context("a package has a name")?;
        let allowed = plan.get(name).with_context(|| format!("{name} is not in the plan"))?;
        for dependency in package["dependencies"].as_array().context("a package has dependencies")? {
            let used = dependency["name"].as_str().context("a dependency has a name")?;
            ensure!(!plan.contains_key(used) || allowed.contains(used), "{name} must not use {used}");
        }
    }
    Ok(())
}

#[test]
fn files_are_small_enough_to_be_read() -> Result<()> {
    let mut found = Vec::new();
    sources(&project(), &mut found)?;
    let mut base = 0;
    for path in found {
        let text = fs::read_to_string(&path)?;
        let lines = lines_of_code(&text);
        let test =
            path.components().any(|part| part.as_os_str() == "tests") || path.to_string_lossy().ends_with("_test.rs");
        ensure!(test || lines <= FILE_LINES_MAX, "{} has {lines} lines of code: split it", path.display());
        if path.starts_with(project().join("daemon/base")) {
            base += lines;
        }
    }
    ensure!(base <= BASE_LINES_MAX, "daemon/base has {base} lines of code: it is small ground");
    Ok(())
}

#[test]
fn paths_that_documents_name_exist() -> Result<()> {
    for document in ["README.md", "ARCHITECTURE.md"] {
        let text = fs::read_to_string(project().join(document))?;
        for word in text.split('`').skip(1).step_by(2) {
            let looks_like_path = word.contains('/')
                && !word.contains([' ', '<', '*', ':', '$', '{', '='])
                && !word.starts_with(['/', '.', '-']);
            let first = word.split('/').next().unwrap_or_default();
            let ours = ["daemon", "raft", "sync", "cli", "tests", "jepsen", "systemd", "docs"].contains(&first);
            ensure!(
                !(looks_like_path && ours) || project().join(word).exists(),
                "{document} names `{word}`, which is not there"
            );
        }
    }
    Ok(())
}

#[test]
fn no_test_is_switched_off_and_nothing_is_left_for_later() -> Result<()> {
    let mut found = Vec::new();
    sources(&project(), &mut found)?;
    let banned = [concat!("#[ig", "nore"), concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimplement", "ed!")];
    for path in found {
        let text = fs::read_to_string(&path)?;
        for word in banned {
            ensure!(!text.contains(word), "{} holds {word}", path.display());
        }
    }
    Ok(())
}
