//! Each rule of watches is broken once, in streams of a simulated store; right ones pass.

use serde_json::{Value, json};

use super::{End, Event, Stream, check};
use crate::check::sample::History;
use crate::random::Random;
use crate::verdict::{Check, Status};

/// A store's log, and the history of its writers.
struct Store {
    history: History,
    log: Vec<Event>,
    time: u64,
}

impl Store {
    fn new(seed: u64, writes: u64) -> Self {
        let mut random = Random::new(seed);
        let mut store = Self { history: History::default(), log: Vec::new(), time: 0 };
        let mut objects: std::collections::BTreeMap<String, (Value, u64)> = std::collections::BTreeMap::new();
        let mut revision = 10;
        for number in 0..writes {
            store.time += 10;
            let (from, to) = (store.time, store.time + 5);
            revision += 1 + random.below(3);
            let key = format!("k{}", random.below(4));
            let value = json!(number);
            let before = objects.get(&key).cloned();
            let word = match (&before, random.below(4)) {
                (None, _) => "ADDED",
                (Some(_), 0) => "DELETED",
                _ => "MODIFIED",
            };
            let process = 1_000 + number;
            // Of some the answer never came.
            let answered = random.chance(0.8);
            match (word, before) {
                ("DELETED", Some((value, expect))) => {
                    store.history.begin(process, from, "delete", &key, Value::Null).revision = Some(expect);
                    if answered {
                        store.history.ok(process, to, Value::Null, None)
                    } else {
                        store.history.info(process, to, "late")
                    }
                    store.log.push(Event(word.to_owned(), key.clone(), value, revision));
                    objects.remove(&key);
                }
                _ => {
                    let f = if word == "ADDED" { "create" } else { "update" };
                    store.history.begin(process, from, f, &key, value.clone());
                    if answered {
                        store.history.ok(process, to, value.clone(), revision)
                    } else {
                        store.history.info(process, to, "late")
                    }
                    store.log.push(Event(word.to_owned(), key.clone(), value.clone(), revision));
                    objects.insert(key, (value, revision));
                }
            }
        }
        // The last word is acknowledged.
        store.time += 10;
        store.history.whole("create", "last", (store.time, store.time + 5), json!("last"), revision + 1);
        store.log.push(Event("ADDED".to_owned(), "last".to_owned(), json!("last"), revision + 1));
        store
    }

    /// A stream that goes on at a place of the log.
    fn resumed(&self, from: usize, to: usize) -> (Option<u64>, Stream) {
        let begin = if from == 0 { 10 } else { self.log[from - 1].3 };
        (Some(begin), Stream { events: self.log[from..to].to_vec(), ..Stream::default() })
    }

    /// A stream that begins with what there is at a place of the log.
    fn whole(&self, at: usize, to: usize) -> (Option<u64>, Stream) {
        let mut objects = std::collections::BTreeMap::new();
        for Event(word, key, value, revision) in &self.log[..at] {
            if word == "DELETED" {
                objects.remove(key);
            } else {
                objects.insert(key.clone(), (value.clone(), *revision));
            }
        }
        let initial =
            objects.into_iter().map(|(key, (value, revision))| Event("ADDED".to_owned(), key, value, revision));
        let mut events: Vec<Event> = initial.collect();
        let mark = (events.len(), self.log[at - 1].3);
        events.extend_from_slice(&self.log[at..to]);
        (None, Stream { events, mark: Some(mark), ..Stream::default() })
    }

    fn add(&mut self, (begin, stream): (Option<u64>, Stream), (from, to): (u64, u64)) {
        let process = 100_000 + self.history.ops.len() as u64;
        self.history.begin(process, from, "watch", "", Value::Null).revision = begin;
        self.history.ok(process, to, serde_json::to_value(stream).unwrap(), None);
    }

    fn check(self) -> Check {
        check(&self.history.sorted())
    }

    /// A time after everything.
    fn later(&self) -> (u64, u64) {
        (self.time + 100, self.time + 200)
    }
}

#[test]
fn right_streams_pass() {
    for seed in 0..60 {
        let mut store = Store::new(seed, 120);
        let mut random = Random::of(seed, "streams");
        let end = store.log.len();
        for _ in 0..8 {
            // A client that resumes now here, now there.
            let mut place = usize::try_from(random.below(40)).unwrap();
            while place < end {
                let next = (place + usize::try_from(random.below(40)).unwrap()).min(end);
                let mut stream = store.resumed(place, next);
                if next > place {
                    stream.1.bookmarks.push((next - place, store.log[next - 1].3));
                }
                store.add(stream, (0, store.time + 50));
                place = next.max(place + 1).min(end);
            }
        }
        let stream = store.whole(end - 1, end);
        store.add(stream, (0, store.time + 50));
        let stream = store.whole(end, end);
        let later = store.later();
        store.add(stream, later);
        let check = store.check();
        assert_eq!(check.status, Status::Ok, "seed {seed}: {}", check.summary);
    }
}

/// Another stream has seen everything, so what this one got wrong is known.
fn broken(rule: &str, change: impl Fn(&Store, &mut (Option<u64>, Stream))) {
    for seed in 0..25 {
        let mut store = Store::new(seed, 60);
        let end = store.log.len();
        let right = store.resumed(0, end);
        store.add(right, (0, store.time + 50));
        let mut wrong = store.resumed(20, end);
        change(&store, &mut wrong);
        let later = store.later();
        store.add(wrong, later);
        let check = store.check();
        assert_eq!(check.status, Status::Failed, "{rule}, seed {seed}: {}", check.summary);
        assert!(check.summary.contains(rule), "{rule}, seed {seed}: {}", check.summary);
        assert!((1..=6).contains(&check.evidence.len()));
        let longest = check.evidence.iter().filter_map(|op| op.value["events"].as_array()).map(Vec::len).max();
        assert!(longest.is_none_or(|longest| longest <= 7), "evidence is cut to what matters");
    }
}

#[test]
fn each_rule_can_be_broken() {
    broken("ordered: ", |_, (_, stream)| stream.events.swap(5, 6));
    broken("unique: ", |_, (_, stream)| stream.events.insert(6, stream.events[5].clone()));
    broken("reliable: ", |_, (_, stream)| drop(stream.events.remove(7)));
    broken("reliable: ", |_, (begin, _)| *begin = begin.map(|_| 10));
    broken("ordered: ", |store, (begin, _)| *begin = Some(store.log[30].3));
    broken("bookmarkable: ", |store, (_, stream)| stream.bookmarks.push((5, store.log[40].3)));
    broken("bookmarkable: ", |store, (_, stream)| stream.bookmarks.push((5, store.log[10].3)));
    broken("consistent: ", |_, (_, stream)| stream.events[5].2 = json!(1_000));
    broken("consistent: ", |_, (_, stream)| stream.events[5].1 = "other".to_owned());
    broken("consistent: ", |_, (_, stream)| {
        let word = &mut stream.events[5].0;
        *word = if word == "ADDED" { "MODIFIED".to_owned() } else { "ADDED".to_owned() };
    });
    broken("catching up: ", |_, (_, stream)| {
        stream.events.truncate(9);
        stream.end = End::Behind;
    });
}

#[test]
fn initial_events_are_a_picture_of_their_mark() {
    broken("consistent: ", |store, wrong| {
        // The mark is later than what is shown.
        *wrong = store.whole(20, 20);
        let end = store.log.len() - 1;
        wrong.1.mark = Some((wrong.1.events.len(), store.log[end].3));
    });
    broken("consistent: a stream begins at", |store, wrong| *wrong = store.whole(30, store.log.len()));
    broken("unique: ", |store, wrong| {
        *wrong = store.whole(store.log.len(), store.log.len());
        let (count, mark) = wrong.1.mark.unwrap();
        wrong.1.events.push(wrong.1.events[0].clone());
        wrong.1.mark = Some((count + 1, mark));
    });
    broken("ordered: ", |store, wrong| {
        *wrong = store.whole(store.log.len(), store.log.len());
        wrong.1.mark = wrong.1.mark.map(|(count, _)| (count, store.log[20].3));
    });
}

#[test]
fn what_was_left_out_by_all_is_known_from_the_writers() {
    for word in ["MODIFIED", "DELETED"] {
        let mut caught = 0;
        for seed in 0..40 {
            let mut store = Store::new(seed, 60);
            // The last one of its kind: nothing that comes later can give it away.
            let Some(place) = store.log.iter().rposition(|event| event.0 == word) else { continue };
            store.log.remove(place);
            let end = store.log.len();
            let stream = store.resumed(0, end);
            store.add(stream, (0, store.time + 50));
            let check = store.check();
            caught += u32::from(check.status == Status::Failed);
        }
        // Those whose writer never got an answer nobody can know of.
        assert!(caught > 20, "{word}: {caught} of 40");
    }
}

#[test]
fn no_events_prove_nothing() {
    let mut store = Store::new(1, 5);
    store.add((Some(10), Stream { end: End::Expired, ..Stream::default() }), (0, 10));
    assert_eq!(store.check().status, Status::Unproven);
}
