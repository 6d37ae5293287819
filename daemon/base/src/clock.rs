//! The seam to time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where a room gets the time from.
pub trait Clock: Send + Sync + 'static {
    /// Wall clock in milliseconds since 1970. May jump; never decides about safety.
    fn wall_ms(&self) -> u64;
    /// Time since some fixed moment of this process; never goes back.
    fn monotonic(&self) -> Duration;
}

/// The operating system's clocks.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall_ms(&self) -> u64 {
        // A clock before 1970 is shown as 1970; a clock after the year 500 million as that year.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}
