//! The page about installing is run as it stands, into a directory in place of the machine's root, as far as that is possible
//! without systemd as process 1; the installed daemon is then started as the unit starts it, with the test as its manager.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hanse_tests::binary::{binary, project};
use rustix::process::{Pid, Signal, kill_process};

/// The lines of the page's shell blocks, continued ones joined.
fn commands(page: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let (mut inside, mut continued) = (false, false);
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            let text = line.strip_suffix('\\').unwrap_or(line);
            match commands.last_mut().filter(|_| continued) {
                Some(last) => last.push_str(text),
                None => commands.push(text.to_owned()),
            }
            continued = line.ends_with('\\');
        }
    }
    commands
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Needs a running service manager, or a build that the test has made already.
fn is_beyond_the_test(command: &str) -> bool {
    ["systemctl ", "journalctl ", "cargo ", "kubectl ", "hanse --socket", "systemd-analyze security hansed.service"]
        .iter()
        .any(|start| command.starts_with(start))
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().unwrap_or_default();
        drop(self.0.wait());
    }
}

/// Waits for a message of the daemon to its manager.
fn told(manager: &UnixDatagram, expected: &str) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(60);
    let mut seen = Vec::new();
    while Instant::now() < end {
        let mut buffer = [0; 512];
        if let Ok(count) = manager.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if text.lines().any(|line| line == expected) {
                return Ok(());
            }
            seen.push(text);
        }
    }
    bail!("the manager is not told {expected}; it was told {seen:?}")
}

#[test]
fn the_installation_works_line_by_line() -> Result<()> {
    if !has("systemd-sysusers") || !has("systemd-tmpfiles") || !rustix::process::geteuid().is_root() {
        println!(
            "skipped: this machine has no systemd-sysusers and systemd-tmpfiles, or the test does not run as root"
        );
        return Ok(());
    }
    let page = fs::read_to_string(project().join("docs/operate/install.md"))?;
    let programs = binary("hansed")?;
    let programs = programs.parent().context("an executable has a directory")?;
    let root = tempfile::tempdir()?;
    // What every machine has.
    fs::create_dir(root.path().join("etc"))?;
    let mut done = String::new();
    let (mut run, mut left_out) = (0, 0);
    let (install, rest) = page.split_once("## 5. Start").context("the page has a section about starting")?;
    for command in commands(install).into_iter().chain(commands(rest)) {
        // The end of the page takes away what the test still needs; it has its turn below.
        if is_beyond_the_test(&command) || command.starts_with("rm ") {
            left_out += 1;
            continue;
        }
        let command = command.replace("target/release", &programs.display().to_string());
        done = format!("{done}$ {command}\n");
        let output =
            Command::new("bash").args(["-euc", &command]).current_dir(project()).env("ROOT", root.path()).output()?;
        done.push_str(&String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "it fails:\n{done}");
        run += 1;
    }
    println!("{run} lines were run, {left_out} need systemd as process 1, a client or another build:\n{done}");
    ensure!(run >= 12, "only {run} lines were run");
    check_modes(root.path())?;
    check_the_unit_finds_everything(root.path())?;
    start_and_stop(root.path())
}

fn check_modes(root: &Path) -> Result<()> {
    for (path, mode) in [
        ("etc/hanse", 0o750),
        ("etc/hanse/credentials", 0o700),
        ("etc/hanse/credentials/peer.key", 0o600),
        ("etc/hanse/hansed.toml", 0o640),
    ] {
        let found = fs::metadata(root.join(path)).with_context(|| path.to_owned())?.permissions().mode() & 0o777;
        ensure!(found == mode, "{path} has mode {found:o}, not {mode:o}");
    }
    let passwd = fs::read_to_string(root.join("etc/passwd"))?;
    ensure!(passwd.contains("hanse:"), "there is no user hanse:\n{passwd}");
    Ok(())
}

/// Every credential of the unit is a file that the page has put there.
fn check_the_unit_finds_everything(root: &Path) -> Result<()> {
    let unit = fs::read_to_string(root.join("usr/lib/systemd/system/hansed.service"))?;
    let mut count = 0;
    for line in unit.lines().filter_map(|line| line.strip_prefix("LoadCredential=")) {
        let (_, path) = line.split_once(':').context("a credential has a path")?;
        ensure!(root.join(path.trim_start_matches('/')).is_file(), "{path} is not there");
        count += 1;
    }
    ensure!(count == 5, "the unit has {count} credentials");
    Ok(())
}

/// Starts the daemon as the unit does, but for the paths, and is its manager until it has stopped.
fn start_and_stop(root: &Path) -> Result<()> {
    let here = |path: &str| root.join(path).display().to_string();
    fs::create_dir_all(root.join("run/hanse"))?;
    fs::create_dir_all(root.join("var/lib/hanse"))?;
    let config = fs::read_to_string(root.join("etc/hanse/hansed.toml"))?;
    let config = config
        .replace("/run/credentials/hansed.service", &here("etc/hanse/credentials"))
        .replace("\"/etc/hanse/", &format!("\"{}/", here("etc/hanse")))
        .replace("\"/run/hanse/", &format!("\"{}/", here("run/hanse")))
        .replace("\"/var/lib/hanse/", &format!("\"{}/", here("var/lib/hanse")));
    let path = root.join("hansed.toml");
    fs::write(&path, config)?;
    let notify = root.join("notify");
    let manager = UnixDatagram::bind(&notify)?;
    manager.set_read_timeout(Some(Duration::from_secs(1)))?;
    let log = fs::File::create(root.join("log"))?;
    let child = Command::new(root.join("usr/bin/hansed"))
        .args(["run", "--config"])
        .arg(&path)
        .env("NOTIFY_SOCKET", &notify)
        .env("WATCHDOG_USEC", "3000000")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?;
    let mut child = Running(child);
    let pid = i32::try_from(child.0.id()).ok().and_then(Pid::from_raw).context("a process has an id")?;
    let with_log = |error: anyhow::Error| error.context(fs::read_to_string(root.join("log")).unwrap_or_default());
    told(&manager, "READY=1").map_err(with_log)?;
    told(&manager, "WATCHDOG=1").map_err(with_log)?;
    let status = Command::new(root.join("usr/bin/hanse"))
        .arg("--socket")
        .arg(root.join("run/hanse/admin.sock"))
        .arg("status")
        .output()?;
    ensure!(status.status.success(), "hanse status: {}", String::from_utf8_lossy(&status.stdout));
    kill_process(pid, Signal::TERM)?;
    told(&manager, "STOPPING=1").map_err(with_log)?;
    let ended = child.0.wait()?;
    ensure!(ended.success(), "it ends with {ended}");
    Ok(())
}

#[test]
fn the_unit_is_hardened() -> Result<()> {
    if !has("systemd-analyze") {
        println!("skipped: no systemd-analyze on this machine");
        return Ok(());
    }
    let unit = project().join("systemd/hansed.service");
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=15", "--no-pager"])
        .arg(&unit)
        .output()?;
    let shown = String::from_utf8_lossy(&output.stdout);
    println!("{}", shown.lines().last().unwrap_or_default());
    ensure!(output.status.success(), "more exposed than 1.5:\n{shown}");
    Ok(())
}
