//! Events are kept for an hour after they were last written, as upstream keeps them (there, each write renews the lease of
//! the event's key). When that was, the times in the object say.
//!
//! Not every event is parsed each time. An object's revision tells whether it has changed since the last look, so that a
//! look compares one number for each event, and parses only the new ones; when each is to go stands in a list in order
//! of time. A look comes at most once a minute, and not before the next event is due.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hanse_base::id::Revision;
use hanse_schema::time::{Moment, Precision};
use hanse_store::key::{Key, Scope};
use hanse_store::object::Object;
use hanse_store::state::State;
use serde_json::Value;

use crate::object::parse;
use crate::task::{Now, Step, Task};

/// How long an event is kept after it was last written.
pub(crate) const EVENT_KEPT_MS: u64 = 3_600_000;
/// Between two looks, at least.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_secs(60);
/// Between two looks, at most, while there are events: an event may come with an old time.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(600);
/// Events that are compared before others have their turn.
const SLICE_EVENTS_MAX: usize = 10_000;

/// Group-resource of events; those of `events.k8s.io` are the same objects.
const EVENTS: &str = "events";

/// When which event is to go.
///
/// Holds: `deadlines` has exactly the entries of `by_key`, in another order.
#[derive(Debug, Default)]
pub(crate) struct Expiry {
    by_key: BTreeMap<Key, u64>,
    deadlines: BTreeSet<(u64, Key)>,
    /// Every event up to this revision has been parsed.
    parsed: Revision,
    look: Option<Look>,
}

/// A look under way.
#[derive(Debug)]
struct Look {
    after: Option<Key>,
    /// The revision when it began: what changes meanwhile is for the next look.
    up_to: Revision,
    ended: bool,
}

impl Expiry {
    /// Whether there is anything to look at.
    pub(crate) fn is_needed(state: &State) -> bool {
        state.count(&events()) > 0
    }

    /// The next step.
    pub(crate) fn step(&mut self, state: &State, task: &Task, now: Now) -> Step {
        let look = self.look.get_or_insert_with(|| Look { after: None, up_to: state.revision(), ended: false });
        if !look.ended {
            let scope = events();
            let mut seen = 0;
            let mut changed = Vec::new();
            for (key, object) in state.list(&scope, look.after.as_ref()).take(SLICE_EVENTS_MAX) {
                seen += 1;
                look.after = Some(key.clone());
                if object.revision() > self.parsed {
                    changed.push((key.clone(), deadline(object, now.wall_ms)));
                }
            }
            look.ended = seen < SLICE_EVENTS_MAX;
            if look.ended {
                self.parsed = look.up_to;
            }
            changed.into_iter().for_each(|(key, deadline)| self.set(key, deadline));
            return Step::Again;
        }
        self.reap(state, task, now)
    }

    /// Deletes what is due. An entry stays until its event is seen to be gone, so that nothing is lost by a refusal.
    fn reap(&mut self, state: &State, task: &Task, now: Now) -> Step {
        let mut batch = task.batch();
        let mut gone = Vec::new();
        for (deadline, key) in &self.deadlines {
            if *deadline > now.wall_ms || batch.is_full() {
                break;
            }
            match state.get(key) {
                // Changed since it was parsed: the next look sees to it.
                Some(event) if event.revision() > self.parsed => {}
                Some(event) => batch.delete(key, event),
                None => gone.push(key.clone()),
            }
        }
        for key in gone {
            if let Some(deadline) = self.by_key.remove(&key) {
                self.deadlines.remove(&(deadline, key));
            }
        }
        if !batch.is_empty() {
            return Step::Submit(batch.into_txn(now.wall_ms));
        }
        self.look = None;
        match self.deadlines.first() {
            None => Step::Gone,
            Some((deadline, _)) => {
                let wait = Duration::from_millis(deadline.saturating_sub(now.wall_ms));
                Step::Later(wait.clamp(LOOK_INTERVAL, LOOK_INTERVAL_MAX))
            }
        }
    }

    fn set(&mut self, key: Key, deadline: u64) {
        if let Some(old) = self.by_key.insert(key.clone(), deadline) {
            self.deadlines.remove(&(old, key.clone()));
        }
        self.deadlines.insert((deadline, key));
    }
}

fn events() -> Scope {
    Scope { resource: EVENTS.to_owned(), cluster: None, namespace: None }
}

/// When an event goes: an hour after the last of its times, those of its writers among them. A time in the future counts as now, and so does none.
fn deadline(event: &Object, now_ms: u64) -> u64 {
    let event = parse(&event.bytes());
    let times = [
        (&event["lastTimestamp"], Precision::Seconds),
        (&event["series"]["lastObservedTime"], Precision::Micros),
        (&event["eventTime"], Precision::Micros),
        (&event["metadata"]["creationTimestamp"], Precision::Seconds),
    ];
    let writes = event["metadata"]["managedFields"].as_array().into_iter().flatten();
    let writes = writes.map(|entry| (&entry["time"], Precision::Seconds));
    let last = times.into_iter().chain(writes).filter_map(|(value, precision)| read_time(value, precision)).max();
    last.unwrap_or(now_ms).min(now_ms).saturating_add(EVENT_KEPT_MS)
}

fn read_time(value: &Value, precision: Precision) -> Option<u64> {
    let moment = Moment::parse(value.as_str()?, precision).ok().filter(|moment| !moment.is_zero())?;
    u64::try_from(moment.unix_ms()).ok()
}
