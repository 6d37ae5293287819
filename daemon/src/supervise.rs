//! The daemons that `hansed up` has started: their processes, what became of them, and how they end.
//!
//! A daemon is a process of its own, in a process group of its own, so that Ctrl-C reaches only the parent, which ends
//! its children in order. Each child holds the reading end of a pipe whose writing end is held here: when the parent
//! ends for any reason, the pipe closes and the child stops by itself. A child that ends is reported, never restarted;
//! one that was started again by hand is noticed by its lock, and ended with the others.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use crate::config::Config;
use crate::lock::ProcessLock;
use crate::prepare::{LOG_FILE, PID_FILE};

/// All daemons of one directory.
pub(crate) struct Daemons {
    executable: PathBuf,
    daemons: Vec<Daemon>,
    /// One task for each child that runs; gives its position and how it ended.
    children: JoinSet<(usize, io::Result<ExitStatus>)>,
}

struct Daemon {
    config: Config,
    directory: PathBuf,
    state: State,
}

enum State {
    /// The child runs. Signals go through its task, which knows whether the process is still ours to signal.
    Child { signals: mpsc::Sender<Signal>, _alive: ChildStdin },
    /// The child has ended and nobody has started the daemon again.
    Ended,
    /// Somebody has started the daemon again by hand.
    ByHand(Pid),
}

/// How a child ended.
pub(crate) struct Ended {
    /// Which daemon.
    pub(crate) position: usize,
    /// `exit status: 1`, or `signal: 9 (SIGKILL)`.
    pub(crate) how: String,
}

impl Daemons {
    /// Starts one child for each configuration.
    ///
    /// # Errors
    /// A log file cannot be opened or a process cannot be started. Children that were started are killed when this is
    /// dropped.
    pub(crate) fn start(executable: &Path, configs: Vec<Config>) -> io::Result<Self> {
        let mut daemons = Vec::with_capacity(configs.len());
        let mut children = JoinSet::new();
        for (position, config) in configs.into_iter().enumerate() {
            let directory = config.path.parent().map(Path::to_owned).unwrap_or_default();
            let mut child = spawn(executable, &config, &directory)
                .map_err(|error| io::Error::new(error.kind(), format!("daemon {}: {error}", config.own().name)))?;
            let alive = child.stdin.take().ok_or_else(|| io::Error::other("the child has no pipe"))?;
            let (signals, orders) = mpsc::channel(SIGNALS_MAX);
            children.spawn(async move { (position, attend(child, orders).await) });
            daemons.push(Daemon { config, directory, state: State::Child { signals, _alive: alive } });
        }
        Ok(Self { executable: executable.to_owned(), daemons, children })
    }

    /// The configuration of a daemon.
    pub(crate) fn config(&self, position: usize) -> &Config {
        &self.daemons[position].config
    }

    /// How many daemons there are.
    pub(crate) fn count(&self) -> usize {
        self.daemons.len()
    }

    /// Waits until a child ends. For ever, when none runs.
    pub(crate) async fn ended(&mut self) -> Ended {
        loop {
            match self.children.join_next().await {
                Some(Ok((position, status))) => {
                    self.daemons[position].state = State::Ended;
                    let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                    return Ended { position, how };
                }
                // A task that attends a child neither panics nor is cancelled while this lives.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Looks for daemons that were started by hand, or ended again. Gives a line for each change.
    pub(crate) fn notice(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for daemon in &mut self.daemons {
            let name = &daemon.config.own().name;
            let holder = ProcessLock::holder(&daemon.directory.join(PID_FILE)).ok().flatten();
            match (&daemon.state, holder) {
                (State::Ended, Some(pid)) => {
                    lines.push(format!(
                        "{name} runs again as process {}, started by hand; it will be ended with the others",
                        pid.as_raw_pid()
                    ));
                    daemon.state = State::ByHand(pid);
                }
                (State::ByHand(_), None) => {
                    lines.push(format!("{name} has ended again"));
                    daemon.state = State::Ended;
                }
                (State::ByHand(old), Some(pid)) if *old != pid => daemon.state = State::ByHand(pid),
                _ => {}
            }
        }
        lines
    }

    /// What to tell of a daemon that ended: the last lines of its log, and how to start it again.
    pub(crate) fn obituary(&self, ended: &Ended) -> String {
        let daemon = &self.daemons[ended.position];
        let log = daemon.directory.join(LOG_FILE);
        let mut text = format!("{} has ended: {}\n", daemon.config.own().name, ended.how);
        let lines = last_lines(&log);
        if !lines.is_empty() {
            text.push_str(&format!("  last lines of {}:\n", log.display()));
            lines.iter().for_each(|line| text.push_str(&format!("    {line}\n")));
        }
        let (executable, config) = (self.executable.display(), daemon.config.path.display());
        text.push_str(&format!("  it is not restarted; start it again with:\n    {executable} run --config {config}"));
        text
    }

    /// The last line that a daemon has logged.
    pub(crate) fn last_line(&self, position: usize) -> Option<String> {
        last_lines(&self.daemons[position].directory.join(LOG_FILE)).pop()
    }

    /// Ends all daemons: SIGTERM, and SIGKILL to those that still run after `patience` or once `hurry` is done.
    pub(crate) async fn stop(&mut self, patience: Duration, hurry: impl Future<Output = ()>) {
        self.notice();
        self.signal(Signal::TERM);
        let deadline = Instant::now() + patience;
        tokio::select! {
            () = self.all_ended(deadline) => {}
            () = hurry => {}
        }
        self.signal(Signal::KILL);
        self.all_ended(Instant::now() + KILLED_WITHIN).await;
    }

    fn signal(&self, signal: Signal) {
        for daemon in &self.daemons {
            match &daemon.state {
                // A full queue holds the same signals already.
                State::Child { signals, .. } => drop(signals.try_send(signal)),
                // The process may have ended since it was noticed; then there is nothing to end.
                State::ByHand(pid) => kill_process(*pid, signal).unwrap_or_default(),
                State::Ended => {}
            }
        }
    }

    async fn all_ended(&mut self, deadline: Instant) {
        while !self.children.is_empty() {
            if timeout_at(deadline, self.ended()).await.is_err() {
                return;
            }
        }
        while self.daemons.iter().any(|daemon| matches!(daemon.state, State::ByHand(_))) && Instant::now() < deadline {
            self.notice();
            sleep(POLL).await;
        }
    }
}

fn spawn(executable: &Path, config: &Config, directory: &Path) -> io::Result<Child> {
    let log = directory.join(LOG_FILE);
    if fs::metadata(&log).is_ok_and(|log| log.len() > LOG_BYTES_MAX) {
        fs::rename(&log, directory.join(format!("{LOG_FILE}.1")))?;
    }
    let log = fs::OpenOptions::new().create(true).append(true).open(&log)?;
    Command::new(executable)
        .arg("run")
        .arg("--config")
        .arg(&config.path)
        .arg("--stop-with-stdin")
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// Waits for a child and passes signals on to it. Only here the process id is used, so it is never a recycled one.
async fn attend(mut child: Child, mut orders: mpsc::Receiver<Signal>) -> io::Result<ExitStatus> {
    loop {
        tokio::select! {
            status = child.wait() => return status,
            Some(signal) = orders.recv() => {
                let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
                if let Some(pid) = pid {
                    // It may have ended in this moment; the next turn sees it.
                    kill_process(pid, signal).unwrap_or_default();
                }
            }
        }
    }
}

/// The last lines of a file, without reading all of it. Nothing when it cannot be read.
fn last_lines(path: &Path) -> Vec<String> {
    let read = || -> io::Result<Vec<String>> {
        let mut file = File::open(path)?;
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].iter().map(|line| (*line).to_owned()).collect())
    };
    read().unwrap_or_default()
}

/// Between two looks at processes that are not children.
const POLL: Duration = Duration::from_millis(20);
/// How long a killed process may take to disappear; longer means that the kernel holds it, and nobody can help.
const KILLED_WITHIN: Duration = Duration::from_secs(2);
const SIGNALS_MAX: usize = 4;
const TAIL_LINES: usize = 5;
const TAIL_BYTES: u64 = 8 * 1024;
/// A longer log is set aside when its daemon is started, as `hansed.log.1`.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::{TAIL_LINES, last_lines};

    #[test]
    fn the_last_lines_of_a_long_log_are_found_without_reading_all_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hansed.log");
        assert!(last_lines(&path).is_empty());
        let log: String = (0..10_000).map(|number| format!("line {number}\n\n")).collect();
        std::fs::write(&path, log).unwrap();
        let lines = last_lines(&path);
        assert_eq!((lines.len(), lines.last().unwrap().as_str()), (TAIL_LINES, "line 9999"));
    }
}
