//! One machine of the federation: its disk, its clocks, and the process on it, in a runtime of its own.
//!
//! Ending the process is dropping the runtime: nothing of it goes on. A machine that is paused is not given time; when it
//! goes on, its clock jumps and all that was due is due at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hanse_base::id::{DaemonId, GroupId};
use hanse_raft::status::Leadership;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::clock::Skew;
use crate::dice::Dice;
use crate::disk::SimDisk;
use crate::wire::{Arrived, End, Wire};

/// What a machine is, whatever runs on it.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its place on the network.
    pub end: End,
    /// Its region, by number.
    pub region: usize,
    /// The daemon's id.
    pub daemon: DaemonId,
    /// The daemon's group.
    pub group: GroupId,
}

/// What a process tells the outside.
#[derive(Debug, Default)]
pub struct Outlook {
    /// Who leads, as the process sees it.
    pub leadership: Leadership,
    /// Why the process has ended by itself, if it has.
    pub ended: Option<Ended>,
}

/// Why a process has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It refused to start: what is on disk is damaged, as it says.
    Damaged(String),
    /// It could not start for another reason.
    NotStarted(String),
    /// Its group has stopped.
    Failed(String),
}

/// An [`Outlook`] that both sides hold.
pub type Window = Arc<Mutex<Outlook>>;

/// A machine.
pub struct Machine {
    /// What it is.
    pub spec: Spec,
    /// Its disk.
    pub disk: SimDisk,
    /// How wrong its wall clock is.
    pub skew: Skew,
    /// By how many millionths its clock runs fast.
    pub drift_ppm: i64,
    process: Option<Process>,
    /// Which process it was, counted from 1.
    life: u64,
    is_paused: bool,
    dice: Dice,
}

struct Process {
    runtime: Runtime,
    inbox: mpsc::Sender<Arrived>,
    window: Window,
    start: Instant,
    /// How far the process's clock should be.
    local: Duration,
    /// Time that has passed while the machine was paused.
    owed: Duration,
}

/// What a process is begun with.
pub struct Birth {
    /// The machine.
    pub spec: Spec,
    /// Its disk, as this process sees it.
    pub disk: SimDisk,
    /// The wall clock's error.
    pub skew: Skew,
    /// When it was started.
    pub started: Duration,
    /// The network.
    pub wire: Wire,
    /// What arrives.
    pub inbox: mpsc::Receiver<Arrived>,
    /// Where it tells how it is.
    pub window: Window,
    /// Its randomness.
    pub dice: Dice,
}

impl Machine {
    /// A machine on which nothing runs.
    #[must_use]
    pub fn new(spec: Spec, disk: SimDisk, drift_ppm: i64, dice: Dice) -> Self {
        Self { spec, disk, skew: Skew::default(), drift_ppm, process: None, life: 0, is_paused: false, dice }
    }

    /// Starts a process.
    ///
    /// # Errors
    /// The system gives no runtime.
    pub fn start<F>(&mut self, wire: &Wire, run: impl FnOnce(Birth) -> F) -> anyhow::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.life += 1;
        let mut dice = self.dice.fork("life");
        let runtime = runtime(dice.number())?;
        let (sender, inbox) = mpsc::channel(INBOX_MAX);
        let window = Window::default();
        let start = runtime.block_on(async { Instant::now() });
        let birth = Birth {
            spec: self.spec.clone(),
            disk: self.disk.next_life(),
            skew: self.skew.clone(),
            started: wire.now(),
            wire: wire.clone(),
            inbox,
            window: Arc::clone(&window),
            dice,
        };
        wire.begin(self.spec.end, self.life);
        runtime.spawn(run(birth));
        let (local, owed) = (Duration::ZERO, Duration::ZERO);
        self.process = Some(Process { runtime, inbox: sender, window, start, local, owed });
        self.is_paused = false;
        Ok(())
    }

    /// Whether a process runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Whether it is paused.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Pauses the process, or lets it go on.
    pub fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }

    /// Ends the process, without a word.
    pub fn kill(&mut self, wire: &Wire) {
        // The disk and the network first: what the process's remains do while they are cleared away has no effect.
        self.disk.kill();
        self.clear(wire);
    }

    /// Ends the process and loses what its disk had not made durable.
    pub fn lose_power(&mut self, wire: &Wire) {
        self.disk.lose_power();
        self.clear(wire);
    }

    fn clear(&mut self, wire: &Wire) {
        wire.end(self.spec.end);
        self.is_paused = false;
        self.process = None;
    }

    /// Hands over what has arrived. False when the process takes no more.
    pub fn deliver(&self, arrived: Arrived) -> bool {
        self.process.as_ref().is_some_and(|process| process.inbox.try_send(arrived).is_ok())
    }

    /// Lets the process run for a while.
    pub fn run(&mut self, span: Duration) {
        let (is_paused, drift) = (self.is_paused, self.drift_ppm);
        let Some(process) = &mut self.process else { return };
        let nanos = i128::try_from(span.as_nanos()).unwrap_or(0);
        let nanos = nanos + nanos * i128::from(drift) / 1_000_000;
        let span = Duration::from_nanos(u64::try_from(nanos).unwrap_or(0));
        if is_paused {
            process.owed += span;
            return;
        }
        let owed = std::mem::take(&mut process.owed);
        process.local += span + owed;
        let until = process.start + process.local;
        process.runtime.block_on(async {
            if !owed.is_zero() {
                tokio::time::advance(owed).await;
            }
            tokio::time::sleep_until(until).await;
        });
    }

    /// How the process is.
    #[must_use]
    pub fn look(&self) -> Option<(Leadership, Option<Ended>)> {
        let process = self.process.as_ref()?;
        let window = process.window.lock().unwrap_or_else(PoisonError::into_inner);
        Some((window.leadership, window.ended.clone()))
    }
}

/// A runtime in virtual time, whose own choices the seed decides.
///
/// # Errors
/// The system gives none.
pub fn runtime(seed: u64) -> anyhow::Result<Runtime> {
    let seed = tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes());
    Ok(tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).rng_seed(seed).build()?)
}

/// Calls that wait for a process; more are lost.
const INBOX_MAX: usize = 1 << 16;
