//! Counts of numbers by their size, for openraft's figures about itself.
//!
//! Promise: what openraft uses of the crate `base2histogram` is here under the same names, so that Cargo's `[patch]` can
//! put this in its place. A histogram takes half a KiB. The original fills, at the first use in a process, exact tables
//! for sixteen resolutions (15 MiB, half of an idle daemon), and openraft makes one histogram even when its figures are
//! switched off. The price is resolution: a percentile is right to within a factor of two.
//!
//! It must not know what is counted.

use std::fmt;
use std::marker::PhantomData;

/// How often numbers of each size were seen. Counts stop at their largest value instead of overflowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram<T = ()> {
    /// The place of a number is its count of significant bits.
    counts: [u64; SIZES],
    labels: PhantomData<T>,
}

impl<T> Default for Histogram<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Histogram<T> {
    /// Nothing was seen.
    #[must_use]
    pub fn new() -> Self {
        Self { counts: [0; SIZES], labels: PhantomData }
    }

    /// A number was seen.
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// A number was seen several times.
    pub fn record_n(&mut self, value: u64, count: u64) {
        let size = (u64::BITS - value.leading_zeros()) as usize;
        self.counts[size] = self.counts[size].saturating_add(count);
    }

    /// How many numbers were seen.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().fold(0, |total, count| total.saturating_add(*count))
    }

    /// The smallest number of the size that the given share of all numbers, in thousandths, does not exceed. Zero when
    /// nothing was seen.
    fn permille(&self, share: u64) -> u64 {
        let wanted = (u128::from(self.total()) * u128::from(share)).div_ceil(1000).max(1);
        let mut seen = 0_u128;
        for (size, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= wanted {
                return size.checked_sub(1).map_or(0, |bits| 1 << bits);
            }
        }
        0
    }

    /// The usual percentiles.
    #[must_use]
    pub fn percentile_stats(&self) -> PercentileStats {
        PercentileStats {
            samples: self.total(),
            p0_1: self.permille(1),
            p1: self.permille(10),
            p5: self.permille(50),
            p10: self.permille(100),
            p50: self.permille(500),
            p90: self.permille(900),
            p99: self.permille(990),
            p99_9: self.permille(999),
        }
    }
}

/// Percentiles of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PercentileStats {
    /// How many numbers were seen.
    pub samples: u64,
    /// What a thousandth does not exceed.
    pub p0_1: u64,
    /// What a hundredth does not exceed.
    pub p1: u64,
    /// What a twentieth does not exceed.
    pub p5: u64,
    /// What a tenth does not exceed.
    pub p10: u64,
    /// What half does not exceed.
    pub p50: u64,
    /// What nine tenths do not exceed.
    pub p90: u64,
    /// What all but a hundredth do not exceed.
    pub p99: u64,
    /// What all but a thousandth do not exceed.
    pub p99_9: u64,
}

impl fmt::Display for PercentileStats {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} seen, half up to {}, 99 % up to {}", self.samples, self.p50, self.p99)
    }
}

/// Several histograms under each other, as text.
#[derive(Debug, Clone, Default)]
pub struct AsciiChart(Vec<(String, PercentileStats)>);

impl AsciiChart {
    /// An empty chart.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more line.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "the signature is that of the crate which this stands in for")]
    pub fn add(mut self, name: &str, histogram: Histogram) -> Self {
        self.0.push((name.to_owned(), histogram.percentile_stats()));
        self
    }
}

impl fmt::Display for AsciiChart {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, percentiles)| writeln!(out, "{name}: {percentiles}"))
    }
}

/// A number has none to 64 significant bits.
const SIZES: usize = 65;

#[cfg(test)]
mod tests {
    use super::Histogram;

    #[test]
    fn percentiles_are_right_to_within_a_factor_of_two() {
        let mut histogram = Histogram::<()>::new();
        assert_eq!(histogram.percentile_stats().p50, 0);
        for value in 0..1000 {
            histogram.record(value);
        }
        let percentiles = histogram.percentile_stats();
        assert_eq!(percentiles.samples, 1000);
        for (exact, found) in [(500, percentiles.p50), (900, percentiles.p90), (990, percentiles.p99)] {
            assert!(found <= exact && exact < 2 * found, "{exact} is called {found}");
        }
    }

    #[test]
    fn the_largest_numbers_and_counts_have_a_place() {
        let mut histogram = Histogram::<()>::new();
        histogram.record_n(u64::MAX, u64::MAX);
        histogram.record(u64::MAX);
        histogram.record(0);
        assert_eq!(histogram.total(), u64::MAX);
        assert_eq!(histogram.percentile_stats().p50, 1 << 63);
    }
}
