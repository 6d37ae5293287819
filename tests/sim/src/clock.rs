//! The clocks of one process: the runtime's virtual time, and a wall clock that can be wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hanse_base::clock::Clock;
use tokio::time::Instant;

/// What the wall clock shows when a simulation begins.
pub const WALL_START_MS: u64 = 1_790_000_000_000;

/// By how many milliseconds a machine's wall clock is wrong. Outlives its processes.
#[derive(Debug, Clone, Default)]
pub struct Skew(Arc<AtomicI64>);

impl Skew {
    /// Sets the wall clock ahead, or back.
    pub fn set(&self, ms: i64) {
        self.0.store(ms, Ordering::Relaxed);
    }
}

/// The seam to time of one process. To be asked within its runtime.
pub struct SimClock {
    start: Instant,
    /// Milliseconds of the simulation when the process started.
    started_ms: u64,
    skew: Skew,
}

impl SimClock {
    /// The clocks of a process that starts now. To be made within its runtime.
    #[must_use]
    pub fn new(started: Duration, skew: Skew) -> Self {
        let started_ms = u64::try_from(started.as_millis()).unwrap_or(u64::MAX);
        Self { start: Instant::now(), started_ms, skew }
    }
}

impl Clock for SimClock {
    fn wall_ms(&self) -> u64 {
        let elapsed = u64::try_from(self.monotonic().as_millis()).unwrap_or(u64::MAX);
        (WALL_START_MS + self.started_ms + elapsed).saturating_add_signed(self.skew.0.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}
