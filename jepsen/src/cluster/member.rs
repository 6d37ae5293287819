//! One daemon: a process that is started, killed, paused, and loses its power.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::cluster::files::Place;
use crate::disk::image::Loss;
use crate::disk::mount::Disk;
use crate::ground::Ground;
use crate::random::Random;

/// One daemon.
pub struct Member {
    /// Where it is.
    pub place: Place,
    /// Its disk, where it is one of ours.
    pub disk: Option<Disk>,
    ground: Arc<Ground>,
    program: PathBuf,
    process: Mutex<Process>,
}

#[derive(Default)]
struct Process {
    child: Option<Child>,
    paused: bool,
    /// It was told to end: that it does is no surprise.
    stopping: bool,
}

impl Member {
    /// A daemon that is not running yet.
    #[must_use]
    pub fn new(place: Place, ground: Arc<Ground>, disk: Option<Disk>, program: PathBuf) -> Self {
        Self { place, disk, ground, program, process: Mutex::default() }
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts it, unless it runs.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start(&self) -> Result<()> {
        let mut process = self.process();
        if process.child.is_some() {
            return Ok(());
        }
        let log = OpenOptions::new().create(true).append(true).open(self.log_path())?;
        // It must not outlive the harness, even one that is killed.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(&self.program);
        command.arg("run").arg("--config").arg(self.place.directory.join("hansed.toml"));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // The child is where the thread is that makes it.
        let child = self.ground.run(move || command.spawn());
        process.child = Some(child.context("`setpriv` cannot be run: install util-linux")?);
        (process.paused, process.stopping) = (false, false);
        Ok(())
    }

    /// kill -9; returns when it is gone.
    ///
    /// # Errors
    /// It survives that.
    pub fn kill(&self) -> Result<()> {
        self.end(&mut self.process())
    }

    fn end(&self, process: &mut Process) -> Result<()> {
        process.paused = false;
        let Some(mut child) = process.child.take() else { return Ok(()) };
        child.kill()?;
        // A process that waits for a stalled disk ends when the disk goes on; nothing of it runs again.
        if let Some(disk) = &self.disk {
            disk.go_on();
        }
        child.wait()?;
        Ok(())
    }

    /// SIGTERM; returns when it has ended in order.
    ///
    /// # Errors
    /// It does not within the time.
    pub fn stop(&self, patience: Duration) -> Result<()> {
        {
            let mut process = self.process();
            let Some(child) = &process.child else { return Ok(()) };
            kill_process(Pid::from_child(child), Signal::TERM)?;
            process.stopping = true;
        }
        let begin = Instant::now();
        // Not under the lock: whoever asks after the daemon meanwhile would wait, clients that it lets finish among them.
        while !self.has_ended()? {
            ensure!(begin.elapsed() < patience, "{} does not end on SIGTERM", self.place.name);
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    fn has_ended(&self) -> Result<bool> {
        let mut process = self.process();
        let Some(child) = &mut process.child else { return Ok(true) };
        if child.try_wait()?.is_none() {
            return Ok(false);
        }
        (process.child, process.stopping) = (None, false);
        Ok(true)
    }

    /// SIGSTOP.
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self) -> Result<()> {
        let mut process = self.process();
        let child = process.child.as_ref().with_context(|| format!("{} does not run", self.place.name))?;
        kill_process(Pid::from_child(child), Signal::STOP)?;
        process.paused = true;
        Ok(())
    }

    /// SIGCONT, if it was paused.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn go_on(&self) -> Result<()> {
        let mut process = self.process();
        process.paused = false;
        if let Some(child) = &process.child {
            kill_process(Pid::from_child(child), Signal::CONT)?;
        }
        Ok(())
    }

    /// The power goes: the process dies at once, and its disk loses what was not synced. Returns how many changes were lost.
    ///
    /// # Errors
    /// It has no disk that can lose anything, or survives.
    pub fn lose_power(&self, loss: Loss, random: &mut Random) -> Result<usize> {
        let disk = self.disk.as_ref().with_context(|| format!("{} has a plain disk", self.place.name))?;
        // Under the lock, so that nobody starts it in between.
        let mut process = self.process();
        self.end(&mut process)?;
        Ok(disk.lose(loss, random))
    }

    /// Whether it runs and is not paused. One that has ended by itself does not.
    #[must_use]
    pub fn answers(&self) -> bool {
        let mut process = self.process();
        let runs = process.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
        runs && !process.paused && !process.stopping
    }

    /// Says so, if it has ended by itself since it was started.
    #[must_use]
    pub fn ended(&self) -> Option<String> {
        let mut process = self.process();
        if process.stopping {
            return None;
        }
        let status = process.child.as_mut().and_then(|child| child.try_wait().ok().flatten())?;
        Some(format!("{} ended by itself ({status})", self.place.name))
    }

    /// As [`Member::ended`]; it can be started again then.
    pub fn reap(&self) -> Option<String> {
        let ended = self.ended()?;
        self.process().child = None;
        Some(ended)
    }

    /// Its admin socket.
    #[must_use]
    pub fn admin_socket(&self) -> PathBuf {
        self.place.directory.join("admin.sock")
    }

    fn log_path(&self) -> PathBuf {
        self.place.directory.join("hansed.log")
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(disk) = &self.disk {
            disk.set(crate::disk::mount::Faults::default());
        }
        if let Err(error) = self.kill() {
            eprintln!("jepsen: {} cannot be killed: {error:#}", self.place.name);
        }
    }
}

const LOG_LINES: usize = 30;
