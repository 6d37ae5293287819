//! `watch`: writers change a few ConfigMaps in a workspace of each region; watchers follow them, at one daemon after the other,
//! and go on where they were, after a list, or with what there is. At the end every watcher must come to the last write.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::clusters::{PATIENCE, PAUSE};
use super::coverage::{self, Floors};
use super::driver::Driver;
use super::outcome::{revision, words};
use super::{clusters, objects};
use crate::check::watch::{self, End, Event, Stream};
use crate::check::{backwards, linearizable};
use crate::history::{Call, Op, Outcome};
use crate::port::{BoxFuture, NoAnswer, Opened, Run, Workload};
use crate::verdict::Verdict;

/// The workload's name, and label of its objects.
const NAME: &str = "watch";
/// Loops that write.
const WRITERS: u64 = 6;
/// Loops that watch.
const WATCHERS: u64 = 12;
/// Objects of a workspace that are in use at a time.
const KEYS: u64 = 6;
/// Writes after which other objects are used.
const GENERATION: u64 = 1_500;
/// A stream is left after at most so long.
const STREAM_MS_MAX: u64 = 8_000;
/// What a run must have done to have shown anything.
const FLOORS: Floors = Floors {
    ok_per_second: 5.0,
    of_each: &[("create", 10), ("update", 50), ("delete", 5), ("watch", 50)],
    refused_min: 0,
};

/// See the head of the file.
#[derive(Debug, Default)]
pub struct Watch {
    values: AtomicU64,
    /// Where each watcher is: its logical cluster and the revision that it saw last.
    positions: Mutex<BTreeMap<u64, (String, u64)>>,
}

impl Workload for Watch {
    fn name(&self) -> &'static str {
        NAME
    }

    fn concurrency(&self) -> u64 {
        // One more for the last writes.
        WRITERS + WATCHERS + 1
    }

    fn setup<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(clusters::make(run, NAME))
    }

    fn operate<'a>(&'a self, run: &'a Run, place: u64) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if place < WRITERS {
                self.write(run, place).await;
            } else if place < WRITERS + WATCHERS {
                self.follow(run, place).await;
            }
        })
    }

    fn finish<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let mut driver = Driver::new(run, WRITERS + WATCHERS, WRITERS + WATCHERS + 1);
            let mut lasts = BTreeMap::new();
            for cluster in clusters::paths(run, NAME) {
                let last = self.last_word(&mut driver, &cluster).await?;
                lasts.insert(cluster, last);
            }
            let positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for (cluster, position) in positions.into_values() {
                driver.hop();
                if let Some(last) = lasts.get(&cluster) {
                    self.catch_up(&mut driver, &cluster, Some(position), *last).await;
                }
            }
            for target in run.client.targets() {
                driver.go_to(&target);
                for (cluster, last) in &lasts {
                    self.catch_up(&mut driver, cluster, None, *last).await;
                }
            }
            Ok(())
        })
    }

    fn check(&self, history: &[Op]) -> Verdict {
        Verdict {
            checks: vec![
                watch::check(history),
                linearizable::check(history, crate::check::linear::Budget::default()),
                backwards::check(history),
                coverage::check(history, &FLOORS),
            ],
        }
    }
}

impl Watch {
    async fn write(&self, run: &Run, place: u64) {
        let mut driver = Driver::new(run, place, WRITERS);
        let clusters = clusters::paths(run, NAME);
        let mut seen: BTreeMap<(String, String), u64> = BTreeMap::new();
        while driver.turn().await {
            let Some(cluster) = driver.random.pick(&clusters).cloned() else { return };
            let value = self.values.fetch_add(1, Ordering::Relaxed);
            let key = format!("w{}-{}", value / GENERATION, driver.random.below(KEYS));
            let object = (cluster.clone(), key.clone());
            let expect = seen.get(&object).copied();
            let value = Value::from(value);
            let call = |f: &'static str, value: Value, revision: Option<u64>| Call {
                f,
                cluster: Some(cluster.clone()),
                key: Some(key.clone()),
                value,
                daemon: None,
                revision,
            };
            let about = (objects::RESOURCE, key.as_str());
            let outcome = match (expect, driver.random.below(20)) {
                (None, 0..=9) => {
                    let request = objects::create(NAME, &cluster, &key, &value);
                    driver.operation(call("create", value, None), request, about, objects::seen).await
                }
                (Some(expect), 0 | 1) => {
                    let request = objects::delete(&cluster, &key, Some(expect));
                    let call = call("delete", Value::Null, Some(expect));
                    driver.operation(call, request, about, objects::deleted).await
                }
                _ => {
                    let request = objects::update(NAME, &cluster, (&key, &value), None);
                    driver.operation(call("update", value, None), request, about, objects::seen).await
                }
            };
            match outcome {
                Outcome::Ok { revision: Some(revision), .. } => drop(seen.insert(object, revision)),
                _ => drop(seen.remove(&object)),
            }
        }
    }

    async fn follow(&self, run: &Run, place: u64) {
        let mut driver = Driver::new(run, place, WATCHERS);
        let clusters = clusters::paths(run, NAME);
        let Some(cluster) = usize::try_from(place).ok().and_then(|place| clusters.get(place % clusters.len().max(1)))
        else {
            return;
        };
        let mut position = None;
        while run.goes_on() {
            driver.hop();
            if position.is_none() || driver.random.chance(0.15) {
                // Begin anew: half of the time with a list, as old clients do.
                position = if driver.random.chance(0.5) { list(&mut driver, cluster).await } else { None };
            }
            let length = Duration::from_millis(200 + driver.random.below(STREAM_MS_MAX));
            let reached = self.stream(&mut driver, cluster, (position, None), Instant::now() + length).await;
            if let Some(reached) = reached {
                let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
                positions.insert(place, (cluster.clone(), reached));
            }
            if reached.is_none() || reached == position {
                let pause = Duration::from_millis(20 + driver.random.below(200));
                run.pause(pause).await;
            }
            position = reached;
        }
    }

    /// One recorded stream until a time, or until it has come to a revision. Where the client is afterwards: `None` when it must
    /// begin anew.
    async fn stream(
        &self,
        driver: &mut Driver<'_>,
        cluster: &str,
        (position, until): (Option<u64>, Option<u64>),
        end: Instant,
    ) -> Option<u64> {
        let mut call = Call { f: "watch", cluster: Some(cluster.to_owned()), revision: position, ..Call::default() };
        driver.begin(&mut call);
        let outcome = Reading::open(driver, cluster, position).await;
        let mut reading = match outcome {
            Ok(reading) => reading,
            Err(outcome) => {
                driver.end(&call, outcome);
                return position;
            }
        };
        let must_arrive = until.is_some();
        while reading.stream.end == End::Left
            && until.is_none_or(|until| reading.position.is_none_or(|own| own < until))
        {
            // Looks up now and then whether the run is over.
            let pause = end.min(Instant::now() + PAUSE);
            match timeout_at(pause, reading.next()).await {
                Ok(()) => {}
                Err(_) if Instant::now() >= end => {
                    if must_arrive {
                        reading.stream.end = End::Behind;
                    }
                    break;
                }
                Err(_) if !must_arrive && !driver.run.goes_on() => break,
                Err(_) => {}
            }
        }
        let reached = reading.position;
        let expired = reading.stream.end == End::Expired;
        driver.end(&call, reading.outcome());
        reached.filter(|_| !expired)
    }

    /// A last write that everybody must come to see. Its revision.
    async fn last_word(&self, driver: &mut Driver<'_>, cluster: &str) -> anyhow::Result<u64> {
        let end = Instant::now() + PATIENCE;
        loop {
            let number = self.values.fetch_add(1, Ordering::Relaxed);
            let (key, value) = (format!("last-{number}"), Value::from(number));
            let request = objects::create(NAME, cluster, &key, &value);
            let call = Call {
                f: "create",
                cluster: Some(cluster.to_owned()),
                key: Some(key.clone()),
                value,
                ..Call::default()
            };
            let outcome = driver.operation(call, request, (objects::RESOURCE, &key), objects::seen).await;
            match outcome {
                Outcome::Ok { revision: Some(revision), .. } => return Ok(revision),
                _ => anyhow::ensure!(
                    Instant::now() < end,
                    "nothing can be written to {cluster} {} s after everything was healed: {outcome:?}",
                    PATIENCE.as_secs()
                ),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Streams until the last write is seen. One that is answered and does not come there is `behind`.
    async fn catch_up(&self, driver: &mut Driver<'_>, cluster: &str, position: Option<u64>, last: u64) {
        let end = Instant::now() + PATIENCE;
        let mut position = position;
        while position.is_none_or(|position| position < last) && Instant::now() < end {
            let patience = Instant::now() + CATCH_UP_PATIENCE;
            position = self.stream(driver, cluster, (position, Some(last)), patience).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// How long a stream may take to come to the last write when everything is well.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(15);

/// A list to go on from: its revision.
async fn list(driver: &mut Driver<'_>, cluster: &str) -> Option<u64> {
    let call = Call { f: "list", cluster: Some(cluster.to_owned()), ..Call::default() };
    let request = objects::list(NAME, cluster, "");
    match driver.operation(call, request, (objects::RESOURCE, ""), objects::listed).await {
        Outcome::Ok { revision, .. } => revision,
        Outcome::Fail { .. } | Outcome::Info { .. } => None,
    }
}

/// A stream while it is read.
struct Reading {
    events: Option<Box<dyn crate::port::Events>>,
    stream: Stream,
    /// Initial events are still coming.
    beginning: bool,
    position: Option<u64>,
}

impl Reading {
    async fn open(driver: &Driver<'_>, cluster: &str, position: Option<u64>) -> Result<Self, Outcome> {
        let query = match position {
            Some(position) => format!("&watch=true&allowWatchBookmarks=true&resourceVersion={position}"),
            None => "&watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                .to_owned(),
        };
        let path = objects::list_path(NAME, cluster, &query);
        let opening = driver.run.client.watch(&driver.daemon().name, &path);
        let opened = tokio::time::timeout(OPEN_PATIENCE, opening).await;
        let mut stream = Stream::default();
        let events = match opened {
            Ok(Ok(Opened::Stream(events))) => Some(events),
            Ok(Ok(Opened::Refused(answer))) if answer.status == 410 => {
                stream.end = End::Expired;
                None
            }
            Ok(Ok(Opened::Refused(answer))) => return Err(Outcome::Fail { error: words(&answer) }),
            Ok(Err(error)) => return Err(Outcome::Fail { error: error.to_string() }),
            Err(_) => return Err(Outcome::Fail { error: "the watch was not answered".to_owned() }),
        };
        Ok(Self { events, stream, beginning: position.is_none(), position })
    }

    /// The next event, or the end.
    async fn next(&mut self) {
        let Some(events) = &mut self.events else { return };
        match events.next().await {
            Ok(Some(event)) => self.take(&event),
            Ok(None) => self.stream.end = End::Closed,
            Err(NoAnswer::NotSent(_) | NoAnswer::Unknown(_)) => self.stream.end = End::Broken,
        }
    }

    fn take(&mut self, event: &Value) {
        let (word, object) = (event["type"].as_str().unwrap_or_default(), &event["object"]);
        let count = self.stream.events.len();
        match (word, revision(object)) {
            ("ADDED" | "MODIFIED" | "DELETED", Some(own)) => {
                let shown = Event(word.to_owned(), objects::name(object).to_owned(), objects::value(object), own);
                self.stream.events.push(shown);
                if !self.beginning {
                    self.position = Some(own);
                }
            }
            ("BOOKMARK", Some(own)) if self.beginning => {
                self.beginning = false;
                self.stream.mark = Some((count, own));
                self.position = Some(own);
            }
            ("BOOKMARK", Some(own)) => {
                self.stream.bookmarks.push((count, own));
                self.position = Some(own);
            }
            ("ERROR", _) if object["code"] == 410 => self.stream.end = End::Expired,
            ("ERROR", _) => self.stream.end = End::Broken,
            // What is neither an event nor a known end is shown as an event that nobody has written.
            _ => {
                self.stream.events.push(Event(word.to_owned(), String::new(), event.clone(), 0));
                self.stream.end = End::Closed;
            }
        }
    }

    fn outcome(mut self) -> Outcome {
        if self.beginning {
            // Where it was is not known before the mark: nothing can be said of these.
            self.stream.events.clear();
        }
        let value = serde_json::to_value(&self.stream).unwrap_or_else(|error| json!(error.to_string()));
        Outcome::Ok { value, revision: self.position }
    }
}

/// How long a watch may take to be answered.
const OPEN_PATIENCE: Duration = Duration::from_secs(5);
