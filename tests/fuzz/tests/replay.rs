//! Every target, without libFuzzer: what is kept, and what comes of it by chance.
//!
//! The same mutations in every run, so that a commit is judged by what it changes: new ones are what `tests/fuzz/run` is for, or
//! `HANSE_FUZZ_SEED=<number>` with any number. A failure prints the seed and the input.

use hanse_fuzz::corpus;
use hanse_fuzz::mutate::{Dice, INPUT_BYTES_MAX, mutated};
use hanse_fuzz::target::{Target, all};

/// Mutations for each target.
const ROUNDS: u32 = 500;
/// Where none is given.
const SEED: u64 = 20_261_201;
/// All that is kept, together.
const CORPUS_BYTES_MAX: usize = 1 << 20;

/// Says what was being tried, if that panics.
struct Trial<'a> {
    target: &'a Target,
    input: &'a [u8],
    why: String,
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Trial { target, input, why } = self;
            eprintln!("target {} broke on {why}: b\"{}\"", target.name, input.escape_ascii());
        }
    }
}

fn attempt(target: &Target, input: &[u8], why: String) -> bool {
    let _trial = Trial { target, input, why };
    (target.run)(input)
}

fn kept(target: &Target) -> Vec<Vec<u8>> {
    let files = corpus::of(target).expect("the corpus can be read");
    files.into_iter().map(|(_, bytes)| bytes).chain((target.seeds)()).collect()
}

#[test]
fn every_target_understands_one_of_its_seeds() {
    for target in all() {
        let seeds = (target.seeds)();
        assert!(seeds.iter().all(|seed| seed.len() <= INPUT_BYTES_MAX), "{}", target.name);
        let understood = seeds.iter().filter(|seed| attempt(target, seed, "a seed".to_owned())).count();
        assert!(understood > 0, "{} understands none of its {} seeds", target.name, seeds.len());
    }
}

#[test]
fn what_has_once_broken_a_decoder_breaks_it_no_more() {
    let mut bytes = 0;
    for target in all() {
        for (path, input) in corpus::of(target).unwrap() {
            bytes += input.len();
            attempt(target, &input, path.display().to_string());
        }
    }
    assert!(bytes <= CORPUS_BYTES_MAX, "the corpus has {bytes} bytes: keep smaller inputs");
}

#[test]
fn what_is_kept_belongs_to_a_target() {
    for folder in std::fs::read_dir(corpus::folder()).unwrap() {
        let name = folder.unwrap().file_name();
        assert!(all().any(|target| name == target.name), "corpus/{} is of no target", name.display());
    }
}

#[test]
fn what_comes_of_kept_inputs_by_chance_breaks_nothing() {
    let given = std::env::var("HANSE_FUZZ_SEED").ok().map(|seed| seed.parse().expect("a seed is a number"));
    let seed = given.unwrap_or(SEED);
    for target in all() {
        let (inputs, mut dice) = (kept(target), Dice::new(seed));
        for round in 0..ROUNDS {
            let input = mutated(&inputs, &mut dice);
            attempt(target, &input, format!("round {round} of HANSE_FUZZ_SEED={seed}"));
        }
    }
}
