//! Clients of a group's store: they propose transactions and read states, through any daemon of their region.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hanse_base::id::{ClusterId, Revision};
use hanse_store::home::HomeError;
use hanse_store::key::Key;
use hanse_store::object::Draft;
use hanse_store::txn::{Operation as Step, Outcome, Precondition, Txn};

use crate::client::{PATIENCE, Seat};
use crate::history::{Did, Guard, History, Operation};
use crate::message::{Answer, Call};
use crate::wire::Lost;

/// One client.
pub struct Client {
    /// Who and where it is.
    pub seat: Seat,
    /// How many objects there are.
    pub objects: u64,
    /// What it does and is told.
    pub history: History,
    /// Commands that it sent, and whether it was told that they happened.
    pub sent: Arc<Mutex<Vec<Sent>>>,
}

/// A command, and what its sender was told.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its bytes.
    pub command: Bytes,
    /// What was told.
    pub told: Told,
}

/// What the sender of a command was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It happened.
    Done,
    /// The state machine refused it.
    Refused,
    /// It did not happen and will not.
    NotDone,
    /// Nothing is known.
    Unknown,
}

impl Client {
    /// Works until it shall stop.
    pub async fn run(mut self) {
        let mut known = BTreeMap::new();
        while !self.seat.is_over() {
            self.seat.think().await;
            if self.seat.dice.happens(400_000) {
                self.read(&mut known).await;
            } else {
                self.write(&mut known).await;
            }
        }
    }

    async fn read(&mut self, known: &mut BTreeMap<u64, u64>) {
        let objects: Vec<u64> = (0..self.seat.dice.between(1, 3)).map(|_| self.seat.dice.below(self.objects)).collect();
        let keys = objects.iter().map(|object| key(*object)).collect();
        let (begun, daemon) = (self.seat.wire.moment(), self.seat.daemon());
        let answer = self.seat.wire.call(self.seat.end, daemon, Call::Read(keys), PATIENCE).await;
        let did = match answer {
            Ok(Answer::Shown(Ok((revision, shown)))) => {
                let found = shown.iter().map(|found| found.as_ref().map(|(at, bytes)| (at.0, value_of(bytes))));
                let objects: Vec<_> = objects.into_iter().zip(found).collect();
                for (object, found) in &objects {
                    match found {
                        Some((at, _)) => known.insert(*object, *at),
                        None => known.remove(object),
                    };
                }
                Did::Read { revision: revision.0, objects }
            }
            _ => Did::Nothing,
        };
        self.remember(begun, did);
    }

    async fn write(&mut self, known: &mut BTreeMap<u64, u64>) {
        let object = self.seat.dice.below(self.objects);
        let guard = match known.get(&object) {
            Some(at) if self.seat.dice.happens(700_000) => Guard::At(*at),
            None if self.seat.dice.happens(500_000) => Guard::Absent,
            _ => Guard::None,
        };
        // What may not be there is not deleted: that would be no event, and have no revision.
        let is_deletion = matches!(guard, Guard::At(_)) && self.seat.dice.happens(150_000);
        // No two writes have the same value.
        let value = (!is_deletion).then(|| self.seat.wire.moment());
        let begun = self.seat.wire.moment();
        let txn = txn(object, value, guard, begun);
        let command = txn.encode();
        let daemon = self.seat.daemon();
        let answer = self.seat.wire.call(self.seat.end, daemon, Call::Submit(Box::new(txn)), PATIENCE).await;
        let (told, did) = match answer {
            Ok(Answer::Submitted(Ok(Outcome::Done { first, last }))) => {
                known.insert(object, last.0);
                let did = Did::Wrote { object, value, revision: first.0, guard };
                (Told::Done, did)
            }
            Ok(Answer::Submitted(Ok(Outcome::Refused(_)))) => {
                known.remove(&object);
                (Told::Refused, Did::Nothing)
            }
            Ok(Answer::Submitted(Err(HomeError::Unavailable { .. }))) | Err(Lost::Unreachable(_)) => {
                (Told::NotDone, Did::Nothing)
            }
            _ => {
                known.remove(&object);
                (Told::Unknown, Did::Perhaps { object, value, guard })
            }
        };
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(Sent { command, told });
        self.remember(begun, did);
    }

    fn remember(&self, begun: u64, did: Did) {
        let operation = Operation { client: self.seat.number, begun, ended: self.seat.wire.moment(), did };
        self.seat.wire.note(begun, || format!("client {operation:?}"));
        self.history.add(operation);
    }
}

/// The key of an object.
///
/// # Panics
/// Never: its parts follow the grammar.
#[must_use]
pub fn key(object: u64) -> Key {
    let cluster = ClusterId::new("system:sim").expect("the id follows the grammar");
    Key::new("configmaps", &cluster, "default", &format!("o{object}")).expect("the parts follow the grammar")
}

fn txn(object: u64, value: Option<u64>, guard: Guard, time_ms: u64) -> Txn {
    let key = key(object);
    let preconditions = match guard {
        Guard::None => Vec::new(),
        Guard::Absent => vec![Precondition::Absent(key.clone())],
        Guard::At(revision) => vec![Precondition::At(key.clone(), Revision(revision))],
    };
    let step = match value {
        Some(value) => {
            let head = r#"{"metadata":{"resourceVersion":""#;
            let bytes = format!(r#"{head}"}},"data":{{"v":"{value}"}}}}"#);
            let revision_at = u32::try_from(head.len()).unwrap_or(0);
            Step::Put(key, Draft { bytes: bytes.into(), revision_at, ..Draft::default() })
        }
        None => Step::Delete(key),
    };
    Txn { time_ms, preconditions, operations: vec![step] }
}

/// The value in an object's bytes; 0 when there is none, which nobody writes.
fn value_of(bytes: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(bytes);
    let value = text.split_once(r#""v":""#).and_then(|(_, rest)| rest.split_once('"'));
    value.and_then(|(value, _)| value.parse().ok()).unwrap_or(0)
}
