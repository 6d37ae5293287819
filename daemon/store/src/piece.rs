//! The bytes of large objects, in pieces that equal objects share.
//!
//! A thousand logical clusters with the same definitions hold them once: an object's bytes are cut where their content says
//! (so that a different uid or time near the beginning moves no later cut), and a piece that is held already is not held
//! again. What an object is does not depend on it: the pieces of an object are its bytes, and nothing of the pool is written
//! to a snapshot or asked when a transaction is applied.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Objects of as many bytes are cut. Most are smaller, and cost what they did: one allocation, and no copy when they are
/// read.
pub(crate) const CUT_BYTES_MIN: usize = 8 * 1024;
/// Bytes of a piece, but for an object's last.
const PIECE_BYTES_MIN: usize = 256;
/// As above.
const PIECE_BYTES_MAX: usize = 8 * 1024;
/// A cut is where the hash of the last 64 bytes has zeros here: on average after 1 KiB more than the least.
const CUT_MASK: u64 = ((1 << 10) - 1) << 54;
/// Pieces that are known before those that nobody holds any more are looked for.
const SWEEP_PIECES_MIN: usize = 4_096;

/// Bytes, whole or in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// In one place.
    Whole(Bytes),
    /// In pieces that others may hold, too.
    Cut(Box<[Arc<Piece>]>),
}

/// A part of some objects' bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece(Box<[u8]>);

impl Body {
    /// The bytes. Without a copy when they are in one place.
    pub(crate) fn joined(&self) -> Bytes {
        match self {
            Self::Whole(bytes) => bytes.clone(),
            Self::Cut(pieces) => {
                let mut bytes = Vec::with_capacity(self.len());
                pieces.iter().for_each(|piece| bytes.extend_from_slice(&piece.0));
                bytes.into()
            }
        }
    }

    /// The first bytes, at least as many as asked for when there are as many.
    pub(crate) fn start(&self, length: usize) -> Bytes {
        match self {
            Self::Whole(bytes) => bytes.clone(),
            Self::Cut(pieces) => {
                let mut bytes = Vec::new();
                for piece in pieces {
                    if bytes.len() >= length {
                        break;
                    }
                    bytes.extend_from_slice(&piece.0);
                }
                bytes.into()
            }
        }
    }

    /// The number of bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Cut(pieces) => pieces.iter().map(|piece| piece.0.len()).sum(),
        }
    }
}

/// The pieces that a replica's objects are made of. Cheap to clone: all clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<Known>>);

/// By the hash of their bytes.
#[derive(Debug, Default)]
struct Known {
    pieces: BTreeMap<[u8; 32], Weak<Piece>>,
    /// The number of pieces at which those that are gone are forgotten.
    sweep_at: usize,
}

impl Pool {
    /// The body of an object: small bytes as they are, large ones in pieces.
    pub(crate) fn body(&self, bytes: Bytes) -> Body {
        if bytes.len() < CUT_BYTES_MIN {
            return Body::Whole(bytes);
        }
        let hashed: Vec<_> = Cuts(&bytes).map(|piece| (<[u8; 32]>::from(Sha256::digest(piece)), piece)).collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pieces = hashed.into_iter().map(|(hash, piece)| known.piece(hash, piece)).collect();
        known.sweep();
        Body::Cut(pieces)
    }

    /// How many different pieces are held.
    #[cfg(test)]
    fn held(&self) -> usize {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.pieces.values().filter(|piece| piece.strong_count() > 0).count()
    }
}

impl Known {
    fn piece(&mut self, hash: [u8; 32], bytes: &[u8]) -> Arc<Piece> {
        if let Some(piece) = self.pieces.get(&hash).and_then(Weak::upgrade) {
            return piece;
        }
        let piece = Arc::new(Piece(Box::from(bytes)));
        self.pieces.insert(hash, Arc::downgrade(&piece));
        piece
    }

    /// Forgets pieces that nobody holds, when there may be as many of them as others: a small cost for each new piece.
    fn sweep(&mut self) {
        if self.pieces.len() >= self.sweep_at.max(SWEEP_PIECES_MIN) {
            self.pieces.retain(|_, piece| piece.strong_count() > 0);
            self.sweep_at = self.pieces.len() * 2;
        }
    }
}

/// Cuts bytes where a rolling hash of them says ("gear", as in Xia and others, "FastCDC", USENIX ATC 2016).
struct Cuts<'a>(&'a [u8]);

impl<'a> Iterator for Cuts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let mut hash = 0_u64;
        let within = self.0.iter().take(PIECE_BYTES_MAX).enumerate();
        let cut = within.into_iter().find_map(|(position, byte)| {
            hash = (hash << 1).wrapping_add(GEAR[usize::from(*byte)]);
            (position + 1 >= PIECE_BYTES_MIN && hash & CUT_MASK == 0).then_some(position + 1)
        });
        let (piece, rest) = self.0.split_at(cut.unwrap_or(PIECE_BYTES_MAX).min(self.0.len()));
        self.0 = rest;
        Some(piece)
    }
}

/// A random number for each byte (splitmix64).
const GEAR: [u64; 256] = {
    let (mut table, mut state, mut position) = ([0; 256], 0x6861_6e73_6521_u64, 0);
    while position < 256 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        table[position] = mixed ^ (mixed >> 31);
        position += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::{Body, CUT_BYTES_MIN, Cuts, PIECE_BYTES_MAX, PIECE_BYTES_MIN, Pool, SWEEP_PIECES_MIN};
    use bytes::Bytes;
    use proptest::prelude::{any, proptest};

    /// Text that repeats itself as schemas do, but not exactly.
    fn text(seed: u64, bytes: usize) -> Vec<u8> {
        let mut text = Vec::new();
        let mut state = seed;
        while text.len() < bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.extend(format!(r#""field{}":{{"type":"string"}},"#, state >> 40).bytes());
        }
        text.truncate(bytes);
        text
    }

    #[test]
    fn small_bytes_are_not_touched_and_large_ones_come_back_as_they_were() {
        let pool = Pool::default();
        let small = Bytes::from(text(1, CUT_BYTES_MIN - 1));
        let body = pool.body(small.clone());
        assert_eq!(body.joined().as_ptr(), small.as_ptr());
        let large = Bytes::from(text(1, 300_000));
        let body = pool.body(large.clone());
        assert!(matches!(&body, Body::Cut(pieces) if pieces.len() > 50));
        assert_eq!((body.joined(), body.len()), (large.clone(), large.len()));
        assert!(large.starts_with(&body.start(5_000)) && body.start(5_000).len() >= 5_000);
        assert_eq!(body.start(1_000_000), large);
    }

    #[test]
    fn equal_content_is_held_once_and_forgotten_with_its_last_holder() {
        let pool = Pool::default();
        let tail = text(7, 200_000);
        let copy = |number: u64| {
            let head = format!(r#"{{"metadata":{{"name":"x","uid":"{number:036}","resourceVersion":"{number}"}},"#);
            pool.body(Bytes::from([head.as_bytes(), &tail].concat()))
        };
        let first = copy(0);
        let once = pool.held();
        let others: Vec<Body> = (1..100).map(copy).collect();
        assert!(pool.held() <= once + 200, "{} pieces for one, {} for a hundred", once, pool.held());
        drop((first, others));
        assert_eq!(pool.held(), 0);
        for number in 0..SWEEP_PIECES_MIN as u64 / 3 {
            drop(pool.body(Bytes::from(text(number, CUT_BYTES_MIN))));
        }
        assert!(pool.0.lock().unwrap().pieces.len() <= SWEEP_PIECES_MIN + 64);
    }

    proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: 32, ..Default::default() })]

        #[test]
        fn the_pieces_of_any_bytes_are_the_bytes(seed in any::<u64>(), length in 0..40_000_usize, zeros in any::<bool>()) {
            let bytes = if zeros { vec![0; length] } else { text(seed, length) };
            let pieces: Vec<&[u8]> = Cuts(&bytes).collect();
            assert_eq!(pieces.concat(), bytes);
            let (last, others) = pieces.split_last().map_or((&[][..], &[][..]), |(last, others)| (*last, others));
            assert!(last.len() <= PIECE_BYTES_MAX);
            assert!(others.iter().all(|piece| (PIECE_BYTES_MIN..=PIECE_BYTES_MAX).contains(&piece.len())));
        }
    }
}
