//! A few seeds, quickly: no promise is broken, and a seed gives the same run each time.

use std::time::Duration;

use hanse_sim::plan::Shape;
use hanse_sim::run::run;

fn shape() -> Shape {
    Shape { chaos: Duration::from_secs(6), ..Shape::default() }
}

#[test]
fn no_seed_breaks_a_promise() {
    for seed in 1..=12 {
        let report = run(seed, &shape(), 0).unwrap();
        assert_eq!(
            report.broken, None,
            "seed {seed}; again: cargo run --release -p hanse-sim -- run --seed {seed} --chaos 6"
        );
        assert!(report.acknowledged > 0, "seed {seed} shows something");
    }
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    for seed in 1..=4 {
        let runs: Vec<_> = (0..2).map(|_| run(seed, &shape(), 0).unwrap()).collect();
        assert_eq!((runs[0].trace, runs[0].events), (runs[1].trace, runs[1].events), "seed {seed}");
    }
}

/// With the deliberate bugs compiled in, each is found.
#[cfg(feature = "mutants")]
#[test]
fn each_deliberate_bug_is_found() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hanse-sim"));
    let status = command.args(["mutants", "--seeds", "200", "--chaos", "15"]).status().unwrap();
    assert!(status.success());
}
