//! The seam to randomness, and the ids that are drawn from it.

/// Where a room gets random bytes from.
pub trait Random: Send + Sync + 'static {
    /// Fills the buffer with bytes that nobody can predict (or, in a simulation, that the seed decides).
    fn fill(&self, buffer: &mut [u8]);

    /// A random number.
    fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// `count` characters, each drawn evenly from `alphabet`, which holds 1 to 256 bytes of ASCII.
    fn text(&self, alphabet: &[u8], count: usize) -> String {
        let fair = 256 - 256 % alphabet.len();
        let mut text = String::with_capacity(count);
        while text.len() < count {
            let mut bytes = [0; 32];
            self.fill(&mut bytes);
            let kept = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
            text.extend(kept.take(count - text.len()).map(|byte| char::from(alphabet[byte % alphabet.len()])));
        }
        text
    }
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// # Panics
    /// When the operating system has no randomness, which leaves nothing safe to do.
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives randomness");
    }
}
