//! Clients that list once and then follow every change, from any daemon, until they are told to list again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::client::Seat;
use crate::client::objects::{json_of, maps, object_of, revision_of, shown};
use crate::history::Did;

/// One client.
pub struct Client {
    /// Who and where it is.
    pub seat: Seat,
    /// The logical cluster's path.
    pub cluster: String,
    /// What it was shown.
    pub seen: Arc<Mutex<Vec<Stretch>>>,
}

/// What one client was shown between two lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stretch {
    /// The list's revision.
    pub from: u64,
    /// Up to where everything was shown.
    pub upto: u64,
    /// Revision, object and value (`None` when it was deleted), as they came.
    pub events: Vec<(u64, u64, Option<u64>)>,
}

/// How a watch ended.
enum End {
    /// It can go on from where it was.
    Resume,
    /// The past is gone.
    ListAgain,
}

impl Client {
    /// Works until it shall stop.
    pub async fn run(mut self) {
        while !self.seat.is_over() {
            self.seat.think().await;
            let Some(from) = self.list().await else { continue };
            let mut stretch = Stretch { from, upto: from, events: Vec::new() };
            while !self.seat.is_over() {
                if matches!(self.follow(&mut stretch).await, End::ListAgain) {
                    break;
                }
            }
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(stretch);
        }
    }

    async fn list(&mut self) -> Option<u64> {
        match self.seat.ask("GET", maps(&self.cluster), &Value::Null).await {
            Ok((200, body)) => match shown(&body, 0, &mut BTreeMap::new())? {
                Did::Read { revision, .. } => Some(revision),
                _ => None,
            },
            _ => None,
        }
    }

    async fn follow(&mut self, stretch: &mut Stretch) -> End {
        let seconds = self.seat.dice.between(1, 4);
        let target = format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}&resourceVersion={}",
            maps(&self.cluster),
            stretch.upto
        );
        match self.seat.ask("GET", target, &Value::Null).await {
            Ok((200, body)) => self.take_in(&body, stretch),
            Ok((410, _)) => End::ListAgain,
            _ => {
                self.seat.think().await;
                End::Resume
            }
        }
    }

    fn take_in(&self, body: &[u8], stretch: &mut Stretch) -> End {
        for line in body.split_inclusive(|byte| *byte == b'\n') {
            let event = json_of(line);
            let object = &event["object"];
            match event["type"].as_str() {
                Some("ADDED" | "MODIFIED") => {
                    if let Some((number, revision, value)) = object_of(object) {
                        stretch.events.push((revision, number, Some(value)));
                        stretch.upto = revision;
                    }
                }
                Some("DELETED") => {
                    if let Some((number, revision, _)) = object_of(object) {
                        stretch.events.push((revision, number, None));
                        stretch.upto = revision;
                    }
                }
                Some("BOOKMARK") => stretch.upto = stretch.upto.max(revision_of(object).unwrap_or(0)),
                Some("ERROR") if object["code"] == 410 => return End::ListAgain,
                // Half a line at the end of what broke off, or an error that another daemon may not have.
                _ => return End::Resume,
            }
        }
        self.seat.wire.note(stretch.upto, || format!("watch of {} is at {}", self.cluster, stretch.upto));
        End::Resume
    }
}
