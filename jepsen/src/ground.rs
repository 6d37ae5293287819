//! Where things happen: a thread with a network of its own, or with the machine's.
//!
//! A network namespace belongs to a thread here, not to a name: sockets and processes that the thread makes are in it, and it
//! is gone when the last of them is. So a harness that is killed leaves no namespace behind.

use std::process::Command;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, unshare};

/// A thread that carries out jobs where it stands, one after the other.
#[derive(Debug)]
pub struct Ground {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

type Job = Box<dyn FnOnce() + Send>;

impl Ground {
    /// A thread in a new network namespace, in which only `lo` is up.
    ///
    /// # Errors
    /// The system refuses (it takes root or `CAP_SYS_ADMIN`), or `ip` is missing.
    pub fn isolated(name: &str) -> Result<Self> {
        let ground = Self::shared(name)?;
        ground.run(|| {
            unshare(CloneFlags::CLONE_NEWNET).context("a network namespace cannot be made: run as root")?;
            ip(&["link", "set", "lo", "up"])
        })?;
        Ok(ground)
    }

    /// A thread in the machine's network.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn shared(name: &str) -> Result<Self> {
        let (jobs, work) = sync_channel::<Job>(JOBS_MAX);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            for job in work {
                job();
            }
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Carries a job out there, and waits for its result. Jobs are short: this blocks.
    ///
    /// # Panics
    /// The job panicked.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (answer, result) = sync_channel(1);
        let job: Job = Box::new(move || {
            // Nobody waits for the answer only if the asking thread is gone.
            answer.send(job()).ok();
        });
        let jobs = self.jobs.as_ref().expect("it is taken when the ground is dropped");
        jobs.send(job).expect("the thread ends when the ground is dropped");
        result.recv().expect("the job answers unless it panics")
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A job that panicked has been reported where it was waited for.
            thread.join().ok();
        }
    }
}

/// Runs `ip` in the calling thread's network.
///
/// # Errors
/// It is not there, or refuses.
pub fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(arguments).output().context("`ip` is missing: install iproute2")?;
    if !output.status.success() {
        bail!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

const JOBS_MAX: usize = 64;
