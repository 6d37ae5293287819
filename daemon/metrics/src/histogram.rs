//! Observations, counted by size.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts observations by size. Durations are observed in microseconds and shown in seconds.
#[derive(Debug)]
pub struct Histogram {
    scale: Scale,
    /// One for each bound, and one for what is larger.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// The sizes that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// Upper bounds, ascending, in the unit of observations.
    pub bounds: &'static [u64],
    /// How many units of observation make one of those shown.
    pub units_per_shown: u64,
}

/// From a tenth of a millisecond to 20 seconds: requests, and what the disk does.
pub const DURATIONS: Scale = Scale {
    bounds: &[
        100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        5_000_000, 20_000_000,
    ],
    units_per_shown: 1_000_000,
};
/// From a quarter of a KiB to 16 MiB.
pub const SIZES: Scale = Scale {
    bounds: &[256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20],
    units_per_shown: 1,
};

/// What a histogram holds at one moment. Observations that come meanwhile may be in one part and not yet in another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The sizes that are told apart.
    pub scale: Scale,
    /// Observations in each bucket alone, the last without a bound.
    pub buckets: Vec<u64>,
    /// All observations added up.
    pub sum: u64,
}

impl Histogram {
    /// An empty one.
    #[must_use]
    pub fn new(scale: Scale) -> Self {
        let buckets = (0..=scale.bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { scale, buckets, sum: AtomicU64::new(0) }
    }

    /// An empty one for durations.
    #[must_use]
    pub fn of_durations() -> Self {
        Self::new(DURATIONS)
    }

    /// Counts an observation.
    pub fn observe(&self, value: u64) {
        let at = self.scale.bounds.partition_point(|bound| *bound < value);
        self.buckets[at].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Counts a duration.
    pub fn observe_duration(&self, duration: Duration) {
        self.observe(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    /// What was observed so far.
    #[must_use]
    pub fn observed(&self) -> Observed {
        let buckets = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        Observed { scale: self.scale, buckets, sum: self.sum.load(Ordering::Relaxed) }
    }
}

impl Observed {
    /// How many observations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{DURATIONS, Histogram, SIZES};

    #[test]
    fn a_bound_belongs_to_its_own_bucket() {
        let sizes = Histogram::new(SIZES);
        for value in [0, 256, 257, 1 << 30] {
            sizes.observe(value);
        }
        let observed = sizes.observed();
        assert_eq!((observed.buckets[0], observed.buckets[1], *observed.buckets.last().unwrap()), (2, 1, 1));
        assert_eq!((observed.count(), observed.sum), (4, 513 + (1 << 30)));
    }

    #[test]
    fn durations_are_told_apart_from_a_tenth_of_a_millisecond() {
        let histogram = Histogram::of_durations();
        histogram.observe_duration(Duration::from_micros(100));
        histogram.observe_duration(Duration::from_secs(60));
        let observed = histogram.observed();
        assert_eq!((observed.buckets[0], observed.buckets[DURATIONS.bounds.len()]), (1, 1));
    }
}
