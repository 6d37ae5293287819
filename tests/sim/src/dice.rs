//! Randomness that the seed decides.

use std::sync::{Mutex, PoisonError};

use hanse_base::random::Random;

/// A sequence of numbers (splitmix64). What draws from a sequence of its own is not changed by what others draw.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A sequence of its own for something that has a name.
    #[must_use]
    pub fn fork(&mut self, name: &str) -> Self {
        let seed = self.number();
        Self(name.bytes().fold(seed, |seed, byte| mix(seed ^ u64::from(byte))))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`; 0 when there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.number() % end }
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// True so many times in a million.
    pub fn happens(&mut self, per_million: u64) -> bool {
        self.below(1_000_000) < per_million
    }

    /// One of the items.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        assert!(!items.is_empty(), "there is something to pick from");
        let place = usize::try_from(self.below(items.len() as u64)).unwrap_or(0);
        &items[place]
    }

    /// Brings the items into another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let other = usize::try_from(self.between(0, end as u64)).unwrap_or(0);
            items.swap(end, other);
        }
    }
}

/// A bijection of numbers that leaves no bit where it was.
#[must_use]
pub const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// A hash of bytes.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    let mut chunks = bytes.chunks_exact(8);
    let mut sum = mix(bytes.len() as u64);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        sum = mix(sum ^ u64::from_le_bytes(word)).wrapping_add(sum);
    }
    chunks.remainder().iter().fold(sum, |sum, byte| mix(sum ^ u64::from(*byte)).wrapping_add(sum))
}

/// The seam to randomness of one process.
pub struct SimRandom(Mutex<Dice>);

impl SimRandom {
    /// Draws from the sequence.
    #[must_use]
    pub fn new(dice: Dice) -> Self {
        Self(Mutex::new(dice))
    }
}

impl Random for SimRandom {
    fn fill(&self, buffer: &mut [u8]) {
        let mut dice = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&dice.number().to_le_bytes()[..chunk.len()]);
        }
    }
}
