//! Changes bytes by chance, and the same for the same seed.

/// A source of chance: splitmix64.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The source of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below the bound; 0 below 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % (bound.max(1) as u64)).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.roll().to_le_bytes()[0]
    }
}

/// One of the inputs with a few changes, some of them with parts of another input.
///
/// # Panics
/// There are no inputs.
pub fn mutated(inputs: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = inputs[dice.below(inputs.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        match dice.below(8) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, dice.byte()),
            2 => drop(bytes.splice(at..(at + dice.below(9)).min(bytes.len()), [])),
            3 => {
                let number = INTERESTING[dice.below(INTERESTING.len())].to_le_bytes();
                let length = [1, 2, 4, 8][dice.below(4)];
                bytes.splice(at..(at + length).min(bytes.len()), number[..length].iter().copied());
            }
            4 => {
                let other = &inputs[dice.below(inputs.len())];
                let from = dice.below(other.len() + 1);
                let to = (from + dice.below(33)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            5 => {
                let end = (at + dice.below(33)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            6 => bytes.get_mut(at).into_iter().for_each(|byte| *byte = dice.byte()),
            _ => bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << dice.below(8)),
        }
    }
    bytes.truncate(INPUT_BYTES_MAX);
    bytes
}

/// Numbers at the edge of something.
const INTERESTING: [u64; 8] =
    [0, 1, 0x7f, 0x80, 0xffff, 0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, 0xffff_ffff_ffff_ffff];
/// No input is longer.
pub const INPUT_BYTES_MAX: usize = 16 * 1024;
