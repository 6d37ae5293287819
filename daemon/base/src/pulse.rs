//! The seam to a watchdog: a loop that lives beats, and somebody outside the runtime counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The pulse of one loop. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// The loop is alive.
    pub fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it has beaten.
    #[must_use]
    pub fn beats(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
