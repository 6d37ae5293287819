//! The harness itself: it breaks a small cluster for a few seconds, and leaves nothing behind, whatever happens to it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

fn jepsen(arguments: &[&str], out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jepsen"));
    command.args(arguments).arg("--out").arg(out).stdin(Stdio::null());
    command
}

/// Where runs go: short, as the path of a socket is.
fn out() -> Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("hj").tempdir()?)
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Whether this machine lets the harness have disks of its own; says so where it does not.
fn has_disks(test: &str) -> Result<bool> {
    let output = Command::new(env!("CARGO_BIN_EXE_jepsen")).arg("doctor").output()?;
    let text = printed(&output);
    let has = text.contains("--net switch --disk fuse");
    if !has {
        eprintln!("SKIPPED {test}: it takes root, /dev/net/tun and /dev/fuse\n{text}");
    }
    Ok(has)
}

#[test]
fn the_power_of_a_region_goes_and_nothing_acknowledged_is_lost() -> Result<()> {
    if !has_disks("the loss of power")? {
        return Ok(());
    }
    let out = out()?;
    let output = jepsen(&["power", "--rounds", "2", "--seed", "7"], out.path()).output()?;
    let text = printed(&output);
    ensure!(output.status.success(), "{text}");
    ensure!(text.contains("2 losses of power of all 3 daemons") && text.contains(" 0 lost or invented"), "{text}");
    ensure!(!text.contains("; 0 unsynced changes lost"), "no round lost anything: {text}");
    left_behind(out.path())
}

#[test]
fn a_leader_is_killed_on_a_machine_that_allows_nothing_else() -> Result<()> {
    let out = out()?;
    let arguments = ["gap", "--fault", "kill", "--tries", "1", "--net", "loopback", "--disk", "dir", "--seed", "7"];
    let output = jepsen(&arguments, out.path()).output()?;
    let text = printed(&output);
    ensure!(output.status.success() && text.contains("Kill of the leader, 1 tries"), "{text}");
    left_behind(out.path())
}

#[test]
fn a_harness_that_is_killed_leaves_no_daemon_no_mount_and_no_namespace() -> Result<()> {
    if !has_disks("the killed harness")? {
        return Ok(());
    }
    let out = out()?;
    let mut child = jepsen(&["power", "--rounds", "1000", "--seed", "7"], out.path()).stdout(Stdio::piped()).spawn()?;
    let result = kill_in_the_middle(&mut child, out.path());
    child.kill().ok();
    child.wait()?;
    result?;
    left_behind(out.path())
}

fn kill_in_the_middle(child: &mut Child, out: &Path) -> Result<()> {
    let lines = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
    let mut rounds = lines.map_while(Result::ok).filter(|line| line.starts_with("round"));
    rounds.next().context("it ended before the first round")?;
    ensure!(!daemons(out)?.is_empty(), "no daemon of {} is found while it runs", out.display());
    child.kill()?;
    Ok(())
}

/// Waits a moment for the last processes to go.
fn left_behind(out: &Path) -> Result<()> {
    let begin = Instant::now();
    loop {
        let daemons = daemons(out)?;
        let mounts = std::fs::read_to_string("/proc/self/mounts")?;
        let mounted = mounts.contains(&*out.to_string_lossy());
        if daemons.is_empty() && !mounted {
            return Ok(());
        }
        ensure!(begin.elapsed() < Duration::from_secs(10), "left behind: {daemons:?}, mounted: {mounted}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Processes whose command line names the directory.
fn daemons(out: &Path) -> Result<Vec<PathBuf>> {
    let wanted = out.join("power");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path();
        let line = std::fs::read(path.join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        if line.contains("hansed") && line.contains(&*wanted.to_string_lossy()) {
            found.push(path);
        }
    }
    Ok(found)
}
