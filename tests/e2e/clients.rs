//! The libraries that controllers are written with: client-go's typed, dynamic and metadata clients, its informers, and
//! controller-runtime with a leader, a reconciler and webhooks, all under load, with the daemon killed and started again.
//!
//! `tests/go` holds the program; here it is built, run, and its wishes for a restart are granted. It runs under load for
//! `HANSE_CLIENTS_SECONDS` in each scenario that has one, 9 by default.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hanse_tests::binary::project;
use hanse_tests::federation::Federation;

use crate::runtime;

const SCENARIOS: [&str; 6] = ["typed", "dynamic", "informers", "conflict", "webhook", "manager"];
const DAEMON: &str = "eu-1";

/// The program, or why there is none on this machine. A program that does not compile is an error.
fn built() -> Result<Result<PathBuf, String>> {
    let sources = project().join("tests/go");
    let go = |arguments: &[&str]| Command::new("go").current_dir(&sources).args(arguments).output();
    match go(&["version"]) {
        Ok(version) if version.status.success() => {}
        _ => return Ok(Err("no Go on this machine".to_owned())),
    }
    // Brings the modules here, and nothing but them.
    let modules = go(&["list", "-deps", "."])?;
    if !modules.status.success() {
        return Ok(Err(format!("Go's modules cannot be had: {}", String::from_utf8_lossy(&modules.stderr))));
    }
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-clients");
    let output = Command::new("go").current_dir(&sources).arg("build").arg("-o").arg(&program).arg(".").output()?;
    ensure!(output.status.success(), "tests/go: {}", String::from_utf8_lossy(&output.stderr));
    Ok(Ok(program))
}

/// The running program; it ends with this value.
struct Clients(Child);

impl Drop for Clients {
    fn drop(&mut self) {
        // It may have ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Clients {
    fn start(program: &Path, federation: &Federation, seconds: u64) -> Result<(Self, Receiver<String>)> {
        let mut child = Command::new(program)
            .arg("-kubeconfig")
            .arg(federation.path().join("kubeconfig"))
            .arg("-duration")
            .arg(format!("{seconds}s"))
            // client-go's own check: after each streamed list a classic one must say the same.
            .env("KUBE_WATCHLIST_INCONSISTENCY_DETECTOR", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().context("the output is piped")?;
        let (line_out, lines) = sync_channel(64);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if line_out.send(line).is_err() {
                    break;
                }
            }
        });
        Ok((Self(child), lines))
    }

    fn go_on(&mut self) -> Result<()> {
        let input = self.0.stdin.as_mut().context("the input is piped")?;
        writeln!(input, "restarted")?;
        Ok(input.flush()?)
    }
}

fn restart(federation: &mut Federation) -> Result<()> {
    federation.kill(DAEMON)?;
    federation.start(DAEMON)?;
    runtime()?.block_on(federation.ready(DAEMON))
}

#[test]
fn clients_of_go_lose_nothing_under_a_restart() -> Result<()> {
    let program = match built()? {
        Ok(program) => program,
        Err(why) => {
            println!("skipped: {why}");
            return Ok(());
        }
    };
    let seconds = match std::env::var("HANSE_CLIENTS_SECONDS") {
        Ok(text) => text.parse().context("HANSE_CLIENTS_SECONDS is a number of seconds")?,
        Err(_) => 9,
    };
    let mut federation = Federation::up("eu", 1)?;
    let (mut clients, lines) = Clients::start(&program, &federation, seconds)?;
    let end = Instant::now() + Duration::from_secs(240 + 4 * seconds);
    let (mut passed, mut failed, mut restarts) = (Vec::new(), Vec::new(), 0);
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) if line == "restart" => {
                restart(&mut federation)?;
                restarts += 1;
                clients.go_on()?;
            }
            Ok(line) => {
                println!("{line}");
                match line.strip_prefix("ok ").and_then(|rest| rest.split(' ').next()) {
                    Some(scenario) => passed.push(scenario.to_owned()),
                    None => failed.push(line),
                }
            }
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => bail!("no end in sight after {passed:?}"),
        }
    }
    ensure!(failed.is_empty(), "{failed:?}\n{}", federation.log(DAEMON));
    ensure!(passed == SCENARIOS && restarts == 2, "{passed:?} with {restarts} restarts");
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}
