//! A number that only grows, and rows of such numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn count(&self) {
        self.add(1);
    }

    /// Adds a number.
    pub fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One counter for each value of an enum, or for each combination of several: addressed by number.
#[derive(Debug)]
pub struct Counters(Box<[Counter]>);

impl Counters {
    /// So many counters.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self((0..count).map(|_| Counter::default()).collect())
    }

    /// The counter of a number. Numbers beyond the last share the last, so that a mistake costs a series and no panic.
    #[must_use]
    pub fn at(&self, number: usize) -> &Counter {
        &self.0[number.min(self.0.len() - 1)]
    }

    /// All that have counted something, with their numbers.
    pub fn used(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.0.iter().map(Counter::value).enumerate().filter(|(_, value)| *value > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Counter, Counters};

    #[test]
    fn counters_count() {
        let counter = Counter::default();
        counter.count();
        counter.add(4);
        assert_eq!(counter.value(), 5);
        let counters = Counters::new(3);
        counters.at(1).count();
        counters.at(99).add(2);
        assert_eq!(counters.used().collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    }
}
