//! A simulated store with clients and delays: histories that are right, for the tests of checkers, and with one bug histories
//! that are wrong.

#![expect(clippy::cast_possible_truncation, reason = "numbers of clients are small")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use serde_json::{Map, Value, json};

use super::sample::History;
use crate::history::Op;
use crate::random::Random;

/// What is wrong with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A write is acknowledged and never happens.
    LostWrite,
    /// A read shows what was there a while ago.
    StaleRead,
    /// A list shows one object as it was a while ago.
    TornList,
    /// A replacement looks at no precondition.
    BlindUpdate,
    /// A create replaces what is there.
    BlindCreate,
    /// A deletion is acknowledged, and the object comes back.
    Resurrection,
    /// A write that was refused as unavailable happens all the same.
    RefusedAndDone,
    /// A write gets a revision that was given before.
    RevisionAgain,
}

/// How a history is made.
#[derive(Debug, Clone)]
pub(crate) struct Simulation {
    pub(crate) seed: u64,
    pub(crate) clients: u64,
    pub(crate) keys: u64,
    pub(crate) operations: u64,
    /// How many of a thousand outcomes are unknown.
    pub(crate) unknown_permille: u64,
    /// The bug, with the chance of a thousand that an operation shows it.
    pub(crate) bug: Option<(Bug, u64)>,
}

#[derive(Debug, Clone)]
struct Plan {
    f: &'static str,
    key: String,
    value: Value,
    expect: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Invoke(u64),
    Effect(u64),
    Return(u64),
}

/// Value and revision, or why not.
type Answered = Result<(Value, Option<u64>), &'static str>;

struct World {
    random: Random,
    history: History,
    objects: BTreeMap<String, (Value, u64)>,
    /// What each key was before its last change.
    past: BTreeMap<String, Option<(Value, u64)>>,
    revision: u64,
    /// By client: its process number, its plan, the answer.
    processes: Vec<u64>,
    plans: Vec<Plan>,
    answers: Vec<Option<Answered>>,
    seen: BTreeMap<(u64, String), u64>,
    values: u64,
    /// How often the bug has shown itself.
    shown: u64,
}

impl Simulation {
    pub(crate) fn small(seed: u64) -> Self {
        Self { seed, clients: 3, keys: 1, operations: 9, unknown_permille: 150, bug: None }
    }

    pub(crate) fn large(seed: u64) -> Self {
        Self { seed, clients: 8, keys: 6, operations: 1_500, unknown_permille: 30, bug: None }
    }

    pub(crate) fn with(self, bug: Bug, permille: u64) -> Self {
        Self { bug: Some((bug, permille)), ..self }
    }

    /// The history.
    pub(crate) fn history(&self) -> Vec<Op> {
        self.run().0
    }

    /// The history, and how often the bug has shown itself.
    pub(crate) fn run(&self) -> (Vec<Op>, u64) {
        let mut world = World {
            random: Random::new(self.seed),
            history: History::default(),
            objects: BTreeMap::new(),
            past: BTreeMap::new(),
            revision: 10,
            processes: (0..self.clients).collect(),
            plans: vec![
                Plan { f: "read", key: String::new(), value: Value::Null, expect: None };
                self.clients as usize
            ],
            answers: vec![None; self.clients as usize],
            seen: BTreeMap::new(),
            values: 0,
            shown: 0,
        };
        let mut events = BinaryHeap::new();
        let mut late = Vec::new();
        for client in 0..self.clients {
            events.push(Reverse((world.random.below(50), Event::Invoke(client))));
        }
        let mut left = self.operations;
        while let Some(Reverse((now, event))) = events.pop() {
            match event {
                Event::Invoke(client) if left > 0 => {
                    left -= 1;
                    world.invoke(self, client, now);
                    let unknown = world.random.below(1000) < self.unknown_permille;
                    let effect = now + 1 + world.random.below(40);
                    if unknown {
                        world.unknown(client, effect);
                        let next = self.clients + late.len() as u64;
                        match world.random.below(3) {
                            0 => {}
                            which => {
                                // The effect comes in time, or long after the client has gone.
                                late.push(world.plans[client as usize].clone());
                                let wait = if which == 1 { effect } else { now + 1 + world.random.below(2_000) };
                                events.push(Reverse((wait, Event::Effect(next))));
                            }
                        }
                        events.push(Reverse((effect + world.random.below(20), Event::Invoke(client))));
                    } else {
                        events.push(Reverse((effect, Event::Effect(client))));
                    }
                }
                Event::Invoke(_) => {}
                Event::Effect(client) if client >= self.clients => {
                    let plan = late[(client - self.clients) as usize].clone();
                    drop(world.effect(&plan));
                }
                Event::Effect(client) => {
                    let plan = world.plans[client as usize].clone();
                    let answer = world.faulty(self.bug, &plan);
                    world.answers[client as usize] = Some(answer);
                    events.push(Reverse((now + 1 + world.random.below(40), Event::Return(client))));
                }
                Event::Return(client) => {
                    world.answer(client, now);
                    events.push(Reverse((now + world.random.below(60), Event::Invoke(client))));
                }
            }
        }
        (world.history.sorted(), world.shown)
    }
}

impl World {
    fn invoke(&mut self, simulation: &Simulation, client: u64, now: u64) {
        let key = format!("k{}", self.random.below(simulation.keys));
        self.values += 1;
        let value = json!(self.values);
        let seen = self.seen.get(&(client, key.clone())).copied();
        let plan = match self.random.below(10) {
            0..=3 => Plan { f: "read", key, value: Value::Null, expect: None },
            4 => Plan { f: "list", key: String::new(), value: Value::Null, expect: None },
            5 => Plan { f: "create", key, value, expect: None },
            6 => Plan { f: "update", key, value, expect: None },
            7 | 8 => Plan { f: "update", key, value, expect: seen.or(Some(1)) },
            _ => Plan { f: "delete", key, value: Value::Null, expect: seen.or(Some(1)) },
        };
        let process = self.processes[client as usize];
        self.history.begin(process, now, plan.f, &plan.key, plan.value.clone()).revision = plan.expect;
        self.plans[client as usize] = plan;
    }

    fn unknown(&mut self, client: u64, now: u64) {
        let process = self.processes[client as usize];
        self.history.info(process, now, "no answer");
        self.processes[client as usize] = process + 1_000;
    }

    fn answer(&mut self, client: u64, now: u64) {
        let process = self.processes[client as usize];
        let answer = self.answers[client as usize].take().expect("an effect comes before its return");
        let plan = self.plans[client as usize].clone();
        match answer {
            Ok((value, revision)) => {
                if let Some(revision) = revision.filter(|_| plan.f != "list") {
                    self.seen.insert((client, plan.key), revision);
                }
                self.history.ok(process, now, value, revision);
            }
            Err(error) => self.history.fail(process, now, error),
        }
    }

    fn change(&mut self, key: &str, object: Option<Value>) -> u64 {
        self.revision += 1 + self.random.below(3);
        let before = match object {
            Some(value) => self.objects.insert(key.to_owned(), (value, self.revision)),
            None => self.objects.remove(key),
        };
        self.past.insert(key.to_owned(), before);
        self.revision
    }

    /// What the plan does, and its answer.
    fn effect(&mut self, plan: &Plan) -> Answered {
        let own = self.objects.get(&plan.key).cloned();
        let conflicts =
            plan.expect.is_some() && own.as_ref().is_some_and(|(_, revision)| Some(*revision) != plan.expect);
        match (plan.f, own) {
            ("read", own) => Ok(own.map_or((Value::Null, None), |(value, revision)| (value, Some(revision)))),
            ("list", _) => {
                let items = self.objects.iter().map(|(key, (value, revision))| (key.clone(), json!([value, revision])));
                Ok((Value::Object(items.collect::<Map<_, _>>()), Some(self.revision)))
            }
            ("create", Some(_)) => Err("409 AlreadyExists"),
            ("create", None) => Ok((plan.value.clone(), Some(self.change(&plan.key, Some(plan.value.clone()))))),
            (_, None) => Err("404 NotFound"),
            (_, Some(_)) if conflicts => Err("409 Conflict"),
            ("update", _) => Ok((plan.value.clone(), Some(self.change(&plan.key, Some(plan.value.clone()))))),
            _ => {
                self.change(&plan.key, None);
                Ok((Value::Null, None))
            }
        }
    }

    /// The same, perhaps with the bug.
    fn faulty(&mut self, bug: Option<(Bug, u64)>, plan: &Plan) -> Answered {
        let Some((bug, permille)) = bug else { return self.effect(plan) };
        if self.random.below(1000) >= permille {
            return self.effect(plan);
        }
        let own = self.objects.get(&plan.key).cloned();
        let past = self.past.get(&plan.key).cloned();
        let wrong = match (bug, plan.f) {
            (Bug::LostWrite, "update") if own.is_some() && plan.expect.is_none() => {
                self.revision += 1;
                Ok((plan.value.clone(), Some(self.revision)))
            }
            (Bug::StaleRead, "read") if past.is_some() => {
                Ok(past.flatten().map_or((Value::Null, None), |(value, revision)| (value, Some(revision))))
            }
            (Bug::TornList, "list") if !self.past.is_empty() => {
                let (key, past) = self.past.iter().next().map(|(key, past)| (key.clone(), past.clone())).expect("one");
                let mut list = self.effect(plan)?;
                if let Some(items) = list.0.as_object_mut() {
                    match past {
                        Some((value, revision)) => items.insert(key, json!([value, revision])),
                        None => items.shift_remove(&key),
                    };
                }
                Ok(list)
            }
            (Bug::BlindUpdate, "update")
                if own.as_ref().is_some_and(|(_, revision)| Some(*revision) != plan.expect) =>
            {
                self.effect(&Plan { expect: None, ..plan.clone() })
            }
            (Bug::BlindCreate, "create") if own.is_some() => {
                Ok((plan.value.clone(), Some(self.change(&plan.key, Some(plan.value.clone())))))
            }
            (Bug::Resurrection, "delete") if own.is_some() => Ok((Value::Null, None)),
            (Bug::RefusedAndDone, "update") if own.is_some() && plan.expect.is_none() => {
                drop(self.effect(plan));
                Err("503 ServiceUnavailable")
            }
            (Bug::RevisionAgain, "update") if own.is_some() && plan.expect.is_none() => {
                let revision = own.map_or(1, |(_, revision)| revision);
                self.objects.insert(plan.key.clone(), (plan.value.clone(), revision));
                Ok((plan.value.clone(), Some(revision)))
            }
            _ => return self.effect(plan),
        };
        self.shown += 1;
        wrong
    }
}
