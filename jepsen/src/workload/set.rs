//! `set`: unique names are created in a workspace of each region, through any daemon, and listed now and then; at the end every
//! daemon lists everything, in pages.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tokio::time::Instant;

use super::clusters::{PATIENCE, PAUSE};
use super::coverage::{self, Floors};
use super::driver::Driver;
use super::outcome::{Effect, judged, revision};
use super::{clusters, objects};
use crate::check::set;
use crate::history::{Call, Op, Outcome};
use crate::port::{BoxFuture, Run, Workload};
use crate::verdict::Verdict;

/// The workload's name, and label of its objects.
const NAME: &str = "set";
/// Loops.
const LOOPS: u64 = 16;
/// Of a thousand operations, how many are lists.
const LIST_PERMILLE: u64 = 15;
/// Names on a page of a list.
const PAGE: u64 = 500;
/// What a run must have done to have shown anything.
const FLOORS: Floors = Floors { ok_per_second: 5.0, of_each: &[("create", 100), ("list", 5)], refused_min: 0 };

/// See the head of the file.
#[derive(Debug, Default)]
pub struct Set {
    names: AtomicU64,
}

impl Workload for Set {
    fn name(&self) -> &'static str {
        NAME
    }

    fn concurrency(&self) -> u64 {
        // One more for the final reads.
        LOOPS + 1
    }

    fn setup<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(clusters::make(run, NAME))
    }

    fn operate<'a>(&'a self, run: &'a Run, place: u64) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if place >= LOOPS {
                return;
            }
            let mut driver = Driver::new(run, place, LOOPS);
            let clusters = clusters::paths(run, NAME);
            while driver.turn().await {
                let Some(cluster) = driver.random.pick(&clusters).cloned() else { return };
                if driver.random.below(1_000) < LIST_PERMILLE {
                    list(&mut driver, &cluster).await;
                    continue;
                }
                let name = format!("s{:06}", self.names.fetch_add(1, Ordering::Relaxed));
                let request = objects::create(NAME, &cluster, &name, &Value::Null);
                let call = Call { f: "create", cluster: Some(cluster), key: Some(name.clone()), ..Call::default() };
                driver.operation(call, request, (objects::RESOURCE, &name), objects::seen).await;
            }
        })
    }

    fn finish<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let mut driver = Driver::new(run, LOOPS, LOOPS + 1);
            for target in run.client.targets() {
                driver.go_to(&target);
                for cluster in clusters::paths(run, NAME) {
                    let end = Instant::now() + PATIENCE;
                    while !list(&mut driver, &cluster).await {
                        anyhow::ensure!(
                            Instant::now() < end,
                            "{} does not list {cluster} {} s after everything was healed",
                            target.name,
                            PATIENCE.as_secs()
                        );
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
            Ok(())
        })
    }

    fn check(&self, history: &[Op]) -> Verdict {
        Verdict { checks: vec![set::check(history), coverage::check(history, &FLOORS)] }
    }
}

/// One list, page by page: one operation. Whether it was answered.
async fn list(driver: &mut Driver<'_>, cluster: &str) -> bool {
    let mut call = Call { f: "list", cluster: Some(cluster.to_owned()), ..Call::default() };
    driver.begin(&mut call);
    let outcome = pages(driver, cluster).await;
    let answered = matches!(outcome, Outcome::Ok { .. });
    driver.end(&call, outcome);
    answered
}

async fn pages(driver: &Driver<'_>, cluster: &str) -> Outcome {
    let mut names: Vec<Value> = Vec::new();
    let mut token = String::new();
    loop {
        let page = if token.is_empty() { String::new() } else { format!("&continue={token}") };
        let request = objects::list(NAME, cluster, &format!("&limit={PAGE}{page}"));
        let answer = match judged(driver.send(request).await, Effect::Read) {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        let Some(items) = answer.body["items"].as_array() else { return objects::no_list() };
        names.extend(items.iter().map(|item| Value::from(objects::name(item))));
        match answer.body.pointer("/metadata/continue").and_then(Value::as_str).filter(|next| !next.is_empty()) {
            Some(next) => next.clone_into(&mut token),
            None => return Outcome::Ok { value: Value::Array(names), revision: revision(&answer.body) },
        }
    }
}
