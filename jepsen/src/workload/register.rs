//! `register`: a few ConfigMaps in a workspace of each region, created, read, replaced (mostly at the revision that was seen),
//! deleted and listed through any daemon.
//!
//! Keys are used up: after `KEY_WRITES_MAX` writes a new one takes the place of the old, so that no object's part of the
//! history is too long to be searched.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::coverage::{self, Floors};
use super::driver::Driver;
use super::{clusters, finals, objects};
use crate::check::linear::Budget;
use crate::check::{backwards, linearizable, order};
use crate::history::{Call, Op, Outcome};
use crate::port::{BoxFuture, Run, Workload};
use crate::random::Random;
use crate::verdict::Verdict;

/// The workload's name, and label of its objects.
const NAME: &str = "register";
/// Loops.
const LOOPS: u64 = 16;
/// Objects of a workspace that are in use at a time.
const KEYS: u64 = 5;
/// Writes of an object before another takes its place.
const KEY_WRITES_MAX: u64 = 120;
/// What a run must have done to have shown anything.
const FLOORS: Floors = Floors {
    ok_per_second: 5.0,
    of_each: &[("create", 5), ("read", 50), ("update", 50), ("delete", 5), ("list", 5)],
    refused_min: 5,
};

/// See the head of the file.
#[derive(Debug, Default)]
pub struct Register {
    /// Values given out, so that each is written once.
    values: AtomicU64,
    /// Writes in all.
    writes: AtomicU64,
}

impl Register {
    fn key(&self, random: &mut Random) -> String {
        let generation = self.writes.load(Ordering::Relaxed) / (KEY_WRITES_MAX * KEYS);
        format!("r{generation}-{}", random.below(KEYS))
    }

    fn value(&self) -> Value {
        Value::from(self.values.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// What one loop remembers.
struct Memory {
    clusters: Vec<String>,
    /// The revision under which it saw an object last.
    seen: HashMap<(String, String), u64>,
    /// The newest revision that it saw in a logical cluster.
    newest: HashMap<String, u64>,
}

impl Workload for Register {
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
            let mut memory = Memory { clusters, seen: HashMap::new(), newest: HashMap::new() };
            while driver.turn().await {
                self.one(&mut driver, &mut memory).await;
            }
        })
    }

    fn finish<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let mut driver = Driver::new(run, LOOPS, LOOPS + 1);
            for target in run.client.targets() {
                driver.go_to(&target);
                for cluster in clusters::paths(run, NAME) {
                    let call = Call { f: "list", cluster: Some(cluster.clone()), ..Call::default() };
                    let request = objects::list(NAME, &cluster, "");
                    finals::until_ok(&mut driver, &call, request, objects::listed).await?;
                }
            }
            Ok(())
        })
    }

    fn check(&self, history: &[Op]) -> Verdict {
        Verdict {
            checks: vec![
                linearizable::check(history, Budget::default()),
                order::check(history),
                backwards::check(history),
                coverage::check(history, &FLOORS),
            ],
        }
    }
}

impl Register {
    async fn one(&self, driver: &mut Driver<'_>, memory: &mut Memory) {
        let Some(cluster) = driver.random.pick(&memory.clusters).cloned() else { return };
        let key = self.key(&mut driver.random);
        let seen = memory.seen.get(&(cluster.clone(), key.clone())).copied();
        let newest = memory.newest.get(&cluster).copied().unwrap_or(0);
        let call = |f: &'static str, value: Value, revision: Option<u64>| Call {
            f,
            cluster: Some(cluster.clone()),
            key: Some(key.clone()),
            value,
            daemon: None,
            revision,
        };
        let about = (objects::RESOURCE, key.as_str());
        let choice = driver.random.below(100);
        if choice >= 50 {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        let outcome = match choice {
            0..=34 => {
                let request = objects::read(&cluster, &key, None);
                driver.operation(call("read", Value::Null, None), request, about, objects::seen).await
            }
            35..=39 => {
                let request = objects::read(&cluster, &key, Some(0));
                driver.operation(call("read-any", Value::Null, Some(0)), request, about, objects::seen).await
            }
            40..=42 => {
                let request = objects::read(&cluster, &key, Some(newest));
                driver.operation(call("read-any", Value::Null, Some(newest)), request, about, objects::seen).await
            }
            43..=49 => return self.list(driver, memory, &cluster, choice).await,
            50..=62 => {
                let value = self.value();
                let request = objects::create(NAME, &cluster, &key, &value);
                driver.operation(call("create", value, None), request, about, objects::seen).await
            }
            63..=68 => {
                let value = self.value();
                let request = objects::update(NAME, &cluster, (&key, &value), None);
                driver.operation(call("update", value, None), request, about, objects::seen).await
            }
            69..=91 => {
                let Some(expect) = seen else { return };
                let value = self.value();
                let request = objects::update(NAME, &cluster, (&key, &value), Some(expect));
                driver.operation(call("update", value, Some(expect)), request, about, objects::seen).await
            }
            _ => {
                let Some(expect) = seen else { return };
                let request = objects::delete(&cluster, &key, Some(expect));
                driver.operation(call("delete", Value::Null, Some(expect)), request, about, objects::deleted).await
            }
        };
        if let Outcome::Ok { revision, .. } = outcome {
            match revision {
                Some(revision) => {
                    memory.seen.insert((cluster.clone(), key), revision);
                    memory.newest.insert(cluster, revision.max(newest));
                }
                None => drop(memory.seen.remove(&(cluster, key))),
            }
        }
    }

    async fn list(&self, driver: &mut Driver<'_>, memory: &mut Memory, cluster: &str, choice: u64) {
        let newest = memory.newest.get(cluster).copied().unwrap_or(0);
        let (f, not_older, query) = match choice {
            43..=45 => ("list", None, String::new()),
            46 | 47 => ("list-any", Some(0), "&resourceVersion=0".to_owned()),
            _ => {
                let query = format!("&resourceVersion={newest}&resourceVersionMatch=NotOlderThan");
                ("list-any", Some(newest), query)
            }
        };
        let call = Call { f, cluster: Some(cluster.to_owned()), revision: not_older, ..Call::default() };
        let request = objects::list(NAME, cluster, &query);
        let outcome = driver.operation(call, request, (objects::RESOURCE, ""), objects::listed).await;
        let Outcome::Ok { value, revision: Some(newest) } = outcome else { return };
        memory.newest.insert(cluster.to_owned(), newest);
        for (key, item) in value.as_object().into_iter().flatten() {
            if let Some(revision) = item.get(1).and_then(Value::as_u64) {
                memory.seen.insert((cluster.to_owned(), key.clone()), revision);
            }
        }
    }
}
