//! Clients of the API that write and list the config maps of a logical cluster, wherever its home is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::client::Seat;
use crate::history::{Did, Guard, History, Operation};
use crate::wire::Lost;

/// One client.
pub struct Client {
    /// Who and where it is.
    pub seat: Seat,
    /// The logical cluster's path.
    pub cluster: String,
    /// How many objects there are.
    pub objects: u64,
    /// What it does and is told.
    pub history: History,
}

/// What a client knows of an object.
type Known = BTreeMap<u64, u64>;

impl Client {
    /// Works until it shall stop.
    pub async fn run(mut self) {
        let mut known = Known::new();
        while !self.seat.is_over() {
            self.seat.think().await;
            if self.seat.dice.happens(400_000) {
                self.list(&mut known).await;
            } else {
                self.write(&mut known).await;
            }
        }
    }

    fn maps(&self) -> String {
        maps(&self.cluster)
    }

    async fn list(&mut self, known: &mut Known) {
        let begun = self.seat.wire.moment();
        let target = self.maps();
        let did = match self.seat.ask("GET", target, &Value::Null).await {
            Ok((200, body)) => shown(&body, self.objects, known).unwrap_or(Did::Nothing),
            _ => Did::Nothing,
        };
        self.remember(begun, did);
    }

    async fn write(&mut self, known: &mut Known) {
        let object = self.seat.dice.below(self.objects);
        let at = known.get(&object).copied();
        let begun = self.seat.wire.moment();
        let value = self.seat.wire.moment();
        let mut map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("o{object}")}, "data": {"v": value.to_string()},
        });
        let one = format!("{}/o{object}", self.maps());
        let (guard, value, answer) = match at {
            None => (Guard::Absent, Some(value), self.seat.ask("POST", self.maps(), &map).await),
            Some(at) if self.seat.dice.happens(200_000) => {
                let options = json!({"preconditions": {"resourceVersion": at.to_string()}});
                (Guard::At(at), None, self.seat.ask("DELETE", one, &options).await)
            }
            Some(at) if self.seat.dice.happens(800_000) => {
                map["metadata"]["resourceVersion"] = json!(at.to_string());
                (Guard::At(at), Some(value), self.seat.ask("PUT", one, &map).await)
            }
            Some(_) => (Guard::None, Some(value), self.seat.ask("PUT", one, &map).await),
        };
        known.remove(&object);
        let did = outcome(&answer, (object, value), guard);
        if let Did::Wrote { revision, .. } = did {
            known.insert(object, revision);
        }
        self.remember(begun, did);
    }

    fn remember(&self, begun: u64, did: Did) {
        let operation = Operation { client: self.seat.number, begun, ended: self.seat.wire.moment(), did };
        self.seat.wire.note(begun, || format!("client of {} {operation:?}", self.cluster));
        self.history.add(operation);
    }
}

/// The config maps of a logical cluster.
#[must_use]
pub fn maps(cluster: &str) -> String {
    format!("/clusters/{cluster}/api/v1/namespaces/default/configmaps")
}

fn outcome(answer: &Result<(u16, Vec<u8>), Lost>, (object, value): (u64, Option<u64>), guard: Guard) -> Did {
    match (answer, value, guard) {
        (Ok((200 | 201, body)), Some(_), _) => match revision_of(&json_of(body)) {
            Some(revision) => Did::Wrote { object, value, revision, guard },
            None => Did::Perhaps { object, value, guard },
        },
        (Ok((200, _)), None, Guard::At(at)) => Did::Deleted { object, at },
        // Refused: nothing happened.
        (Ok((400..=499, _)) | Err(Lost::Unreachable(_)), ..) => Did::Nothing,
        _ => Did::Perhaps { object, value, guard },
    }
}

/// A list as a read of all objects.
pub(super) fn shown(body: &[u8], objects: u64, known: &mut BTreeMap<u64, u64>) -> Option<Did> {
    let list = json_of(body);
    let revision = revision_of(&list)?;
    known.clear();
    let mut values = BTreeMap::new();
    for item in list["items"].as_array()? {
        let Some((object, at, value)) = object_of(item) else { continue };
        known.insert(object, at);
        values.insert(object, (at, value));
    }
    let objects = (0..objects).map(|object| (object, values.get(&object).copied())).collect();
    Some(Did::Read { revision, objects })
}

/// Number, revision and value of one of the clients' objects.
pub(super) fn object_of(item: &Value) -> Option<(u64, u64, u64)> {
    let object = item["metadata"]["name"].as_str()?.strip_prefix('o')?.parse().ok()?;
    let value = item["data"]["v"].as_str()?.parse().ok()?;
    Some((object, revision_of(item)?, value))
}

pub(super) fn revision_of(object: &Value) -> Option<u64> {
    object["metadata"]["resourceVersion"].as_str()?.parse().ok()
}

pub(super) fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or(Value::Null)
}
