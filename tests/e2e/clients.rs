//! The libraries that controllers are written with: client-go's typed, dynamic and metadata clients, its informers, and
//! controller-runtime with a leader, a reconciler and webhooks; kube-rs with a reflector and a controller. All under load, with
//! the daemon killed and started again.
//!
//! `tests/go` and `tests/kube` hold the programs; here they are built, run, and their wishes for a restart are granted. Those
//! of Go run under load for `HANSE_CLIENTS_SECONDS` in each scenario that has one, 9 by default.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hanse_tests::binary::project;
use hanse_tests::federation::Federation;

use crate::runtime;

const SCENARIOS: [&str; 6] = ["typed", "dynamic", "informers", "conflict", "webhook", "manager"];
const DAEMON: &str = "eu-1";
/// How long a program may take beside its time under load, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// A command's success, or what it complained of; none where there is no such command.
fn ran(command: &mut Command) -> Option<Result<(), String>> {
    let output = command.output().ok()?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { Ok(()) } else { Err(complaint) })
}

/// The program of Go, or why there is none on this machine. A program that does not compile is an error.
fn go_program() -> Result<Result<PathBuf, String>> {
    let go = |arguments: &[&str]| ran(Command::new("go").current_dir(project().join("tests/go")).args(arguments));
    if !matches!(go(&["version"]), Some(Ok(()))) {
        return Ok(Err("no Go on this machine".to_owned()));
    }
    // Brings the modules here, and nothing but them.
    if let Some(Err(complaint)) = go(&["list", "-deps", "."]) {
        return Ok(Err(format!("Go's modules cannot be had: {complaint}")));
    }
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-clients");
    let built = go(&["build", "-o", &program.to_string_lossy(), "."]);
    ensure!(built == Some(Ok(())), "tests/go: {built:?}");
    Ok(Ok(program))
}

/// The program with kube-rs, or why there is none: its crates are not among those of the project. One that does not compile
/// is an error.
fn kube_program() -> Result<Result<PathBuf, String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let sources = project().join("tests/kube");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kube");
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(&cargo);
        ran(command.current_dir(&sources).env("CARGO_TARGET_DIR", &target).args(arguments).arg("--locked"))
    };
    if let Some(Err(complaint)) = cargo(&["fetch", "--quiet"]) {
        return Ok(Err(format!("the crates of kube-rs cannot be had: {complaint}")));
    }
    let built = cargo(&["build", "--quiet"]);
    ensure!(built == Some(Ok(())), "tests/kube: {built:?}");
    Ok(Ok(target.join("debug/hanse-tests-kube")))
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
    fn start(command: &mut Command) -> Result<(Self, Receiver<String>)> {
        let mut child = command
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

/// Runs a program to its end, with a restart of the daemon whenever it asks for one. It must tell of these scenarios, in this
/// order, and ask for as many restarts.
fn run(command: &mut Command, federation: &mut Federation, scenarios: &[&str], restarts: usize) -> Result<()> {
    let (mut clients, lines) = Clients::start(command)?;
    let end = Instant::now() + PATIENCE + 4 * Duration::from_secs(seconds()?);
    let (mut passed, mut failed, mut granted) = (Vec::new(), Vec::new(), 0);
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) if line == "restart" => {
                restart(federation)?;
                granted += 1;
                clients.go_on()?;
            }
            Ok(line) => {
                println!("{line}");
                match line.strip_prefix("ok ").and_then(|rest| rest.split(' ').next()) {
                    Some(scenario) => passed.push(scenario.to_owned()),
                    None => failed.push(line),
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => bail!("no end in sight after {passed:?}"),
        }
    }
    ensure!(failed.is_empty(), "{failed:?}\n{}", federation.log(DAEMON));
    ensure!(passed == scenarios && granted == restarts, "{passed:?} with {granted} restarts");
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}

/// How long the programs of Go write in a scenario.
fn seconds() -> Result<u64> {
    match std::env::var("HANSE_CLIENTS_SECONDS") {
        Ok(text) => text.parse().context("HANSE_CLIENTS_SECONDS is a number of seconds"),
        Err(_) => Ok(9),
    }
}

#[test]
fn clients_of_go_lose_nothing_under_a_restart() -> Result<()> {
    let program = match go_program()? {
        Ok(program) => program,
        Err(why) => {
            println!("skipped: {why}");
            return Ok(());
        }
    };
    let mut federation = Federation::up("eu", 1)?;
    let mut command = Command::new(program);
    command.arg("-kubeconfig").arg(federation.path().join("kubeconfig"));
    command.arg("-duration").arg(format!("{}s", seconds()?));
    run(&mut command, &mut federation, &SCENARIOS, 2)
}

#[test]
fn controllers_of_kube_rs_lose_nothing_under_a_restart() -> Result<()> {
    let program = match kube_program()? {
        Ok(program) => program,
        Err(why) => {
            println!("skipped: {why}");
            return Ok(());
        }
    };
    let mut federation = Federation::up("eu", 1)?;
    let mut command = Command::new(program);
    command.arg(federation.path().join("kubeconfig"));
    run(&mut command, &mut federation, &["kube-rs"], 1)
}
