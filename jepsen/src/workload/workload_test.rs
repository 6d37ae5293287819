//! Every workload on a store that is right, and on stores that are not.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::by_name;
use super::fake::{Fake, Flaw};
use crate::history::Recorder;
use crate::port::{Run, Workload};
use crate::verdict::{Status, Verdict};

/// A run of so many seconds, which take no time.
fn run(name: &str, seed: u64, flaw: Option<Flaw>) -> Verdict {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let workload: Arc<dyn Workload> = Arc::from(by_name(name).expect("there is such a workload"));
        let (stop, stopped) = watch::channel(false);
        let run = Arc::new(Run {
            client: Arc::new(Fake::new(seed, flaw)),
            recorder: Arc::new(Recorder::new(workload.concurrency())),
            seed,
            rate: 100.0,
            stop: stopped,
        });
        workload.setup(&run).await.unwrap();
        let mut loops = JoinSet::new();
        for place in 0..workload.concurrency() {
            let (workload, run) = (Arc::clone(&workload), Arc::clone(&run));
            loops.spawn(async move { workload.operate(&run, place).await });
        }
        tokio::time::sleep(Duration::from_secs(25)).await;
        stop.send_replace(true);
        while loops.join_next().await.transpose().unwrap().is_some() {}
        workload.finish(&run).await.unwrap();
        workload.check(&run.recorder.history())
    })
}

#[test]
fn a_right_store_passes_every_workload() {
    for name in ["register", "set", "watch", "names", "tree"] {
        for seed in 0..3 {
            let verdict = run(name, seed, None);
            assert_eq!(verdict.status(), Status::Ok, "{name}, seed {seed}: {:#?}", verdict.checks);
        }
    }
}

#[test]
fn what_is_wrong_fails_the_workload_that_is_for_it() {
    let cases = [
        ("register", Flaw::LosesWrites),
        ("register", Flaw::IsStale),
        ("set", Flaw::LosesWrites),
        ("watch", Flaw::LosesEvents),
        ("watch", Flaw::LosesWrites),
        ("names", Flaw::SharesNames),
    ];
    for (name, flaw) in cases {
        for seed in 0..3 {
            let verdict = run(name, seed, Some(flaw));
            assert_eq!(verdict.status(), Status::Failed, "{name} {flaw:?}, seed {seed}: {:#?}", verdict.checks);
            let failed = verdict.checks.iter().filter(|check| check.status == Status::Failed);
            assert!(failed.into_iter().any(|check| !check.evidence.is_empty()), "{name} {flaw:?}");
        }
    }
}
