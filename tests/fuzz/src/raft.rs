//! What replicas send each other, and what they find on their disks.

use std::path::Path;

use hanse_raft::fuzzing;

use crate::disk::MemoryDisk;
use crate::target::Target;

pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "raft-request",
        run: fuzzing::request,
        seeds: || fuzzing::requests().iter().map(|frame| frame.to_vec()).collect(),
    },
    Target {
        name: "raft-answer",
        run: fuzzing::answer,
        seeds: || fuzzing::answers().iter().map(|frame| frame.to_vec()).collect(),
    },
    Target { name: "raft-entry", run: fuzzing::entry, seeds: fuzzing::entries },
    Target { name: "raft-log", run: log, seeds: || vec![fuzzing::log_script()] },
    Target { name: "raft-log-file", run: log_file, seeds: log_files },
    Target { name: "raft-snapshot", run: fuzzing::snapshot, seeds: || vec![fuzzing::snapshot_script()] },
];

const DIRECTORY: &str = "/log";

/// A log whose checksums are good.
fn log(script: &[u8]) -> bool {
    let directory = Path::new(DIRECTORY);
    let files = fuzzing::log_files(script).into_iter().map(|(name, bytes)| (directory.join(name), bytes));
    fuzzing::log(&MemoryDisk::with(files), directory)
}

/// A log of one file, as it is.
fn log_file(bytes: &[u8]) -> bool {
    let directory = Path::new(DIRECTORY);
    let file = (directory.join("00000000000000000001.log"), bytes.to_vec());
    fuzzing::log(&MemoryDisk::with([file]), directory)
}

fn log_files() -> Vec<Vec<u8>> {
    fuzzing::log_files(&fuzzing::log_script()).into_iter().map(|(_, bytes)| bytes).collect()
}
