//! What happened, as one number: two runs of one seed must have the same.

use std::collections::VecDeque;
use std::time::Duration;

use crate::dice::mix;

/// The sum of everything that was noted, and the last lines in words.
#[derive(Debug, Default)]
pub struct Trace {
    sum: u64,
    count: u64,
    /// The last of the lines; none unless they are wanted.
    lines: VecDeque<String>,
    lines_max: usize,
}

impl Trace {
    /// A trace that keeps so many lines.
    #[must_use]
    pub fn keeping(lines_max: usize) -> Self {
        Self { lines_max, ..Self::default() }
    }

    /// Notes that something happened.
    pub fn note(&mut self, number: u64) {
        self.sum = mix(self.sum ^ number).wrapping_add(self.sum);
        self.count += 1;
    }

    /// Keeps a line in words, where lines are wanted.
    pub fn line(&mut self, now: Duration, words: impl FnOnce() -> String) {
        if self.lines_max == 0 {
            return;
        }
        if self.lines.len() == self.lines_max {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{:>9.3}  {}", now.as_secs_f64(), words()));
    }

    /// The sum so far.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// How much was noted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The lines that were kept.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}
