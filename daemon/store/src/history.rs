//! The recent past: every event of the group, consecutive in revision, as far back as the window reaches.

use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::Revision;
use imbl::Vector;

use crate::key::Key;
use crate::object::{Draft, Object};
use crate::piece::Pool;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// There was no object at the key.
    Added,
    /// There was an object at the key.
    Modified,
    /// There is no object at the key any more.
    Deleted,
}

impl EventKind {
    /// The `type` of a watch event: `ADDED`, `MODIFIED` or `DELETED`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// One change of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// To what.
    pub key: Key,
    /// The object as a watcher is shown it: for a deletion, the last object under the deletion's revision.
    pub object: Arc<Object>,
    /// The object before; `None` when there was none.
    pub previous: Option<Arc<Object>>,
    /// The group's revision since this event, and of no other event.
    pub revision: Revision,
    line: Bytes,
}

impl Event {
    /// The object of a draft comes to stand at the key. `None` when the draft has no place for the revision.
    pub(crate) fn put(
        key: Key,
        draft: Draft,
        previous: Option<Arc<Object>>,
        (revision, pool): (Revision, &Pool),
    ) -> Option<Self> {
        let kind = if previous.is_some() { EventKind::Modified } else { EventKind::Added };
        let (object, line) = Object::announced(draft, revision, kind, pool)?;
        Some(Self { kind, key, object: Arc::new(object), previous, revision, line })
    }

    /// The object at the key goes.
    pub(crate) fn deleted(key: Key, previous: Arc<Object>, revision: Revision) -> Self {
        let (object, line) = previous.farewell(revision);
        Self { kind: EventKind::Deleted, key, object: Arc::new(object), previous: Some(previous), revision, line }
    }

    /// The event as one line of a watch: `{"type":"ADDED","object":{..}}` and a line feed. All watchers share it.
    #[must_use]
    pub fn line(&self) -> &Bytes {
        &self.line
    }

    /// What the event counts for in the window's limit: its key and its line, once.
    fn bytes(&self) -> usize {
        self.key.as_bytes().len() + self.line.len()
    }
}

/// The revision that was asked for is older than the window: a client lists again (410 in the API).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the past before revision {oldest} is compacted")]
pub struct Compacted {
    /// The oldest revision that can still be asked for.
    pub oldest: Revision,
}

/// The window's limits. What is older falls out at the far end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryLimits {
    /// Number of events.
    pub history_events_max: usize,
    /// Their bytes, each counted once.
    pub history_bytes_max: usize,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self { history_events_max: 65_536, history_bytes_max: 64 << 20 }
    }
}

/// The window. Holds: the events' revisions are `oldest + 1 ..= newest`, without a gap.
#[derive(Debug, Clone)]
pub struct History {
    limits: HistoryLimits,
    oldest: Revision,
    events: Vector<Arc<Event>>,
    bytes: usize,
}

impl History {
    /// An empty window that begins at the revision.
    #[must_use]
    pub fn new(oldest: Revision, limits: HistoryLimits) -> Self {
        Self { limits, oldest, events: Vector::new(), bytes: 0 }
    }

    /// Adds the next event.
    ///
    /// # Panics
    /// When its revision is not the next one.
    pub(crate) fn push(&mut self, event: Arc<Event>) {
        assert_eq!(event.revision, self.newest().next(), "events are consecutive in revision");
        self.bytes += event.bytes();
        self.events.push_back(event);
        while self.events.len() > self.limits.history_events_max || self.bytes > self.limits.history_bytes_max {
            let Some(event) = self.events.pop_front() else { break };
            self.bytes -= event.bytes();
            self.oldest = event.revision;
        }
    }

    /// The oldest revision that can be asked for.
    #[must_use]
    pub fn oldest(&self) -> Revision {
        self.oldest
    }

    /// The last event's revision.
    #[must_use]
    pub fn newest(&self) -> Revision {
        Revision(self.oldest.0 + self.events.len() as u64)
    }

    /// Bytes of the events, each counted once.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The limits.
    pub(crate) fn limits(&self) -> HistoryLimits {
        self.limits
    }

    /// The events behind a revision, in order; none when the revision is the newest or lies in the future.
    ///
    /// # Errors
    /// The revision is older than the window.
    pub fn after(&self, revision: Revision) -> Result<impl Iterator<Item = &Arc<Event>>, Compacted> {
        let Some(skipped) = revision.0.checked_sub(self.oldest.0) else {
            return Err(Compacted { oldest: self.oldest });
        };
        let start = usize::try_from(skipped).unwrap_or(usize::MAX).min(self.events.len());
        Ok(self.events.focus().narrow(start..).into_iter())
    }

    /// The window's invariants.
    ///
    /// # Panics
    /// When one is broken.
    pub fn check(&self) {
        let mut revision = self.oldest;
        for event in &self.events {
            revision = revision.next();
            assert_eq!(event.revision, revision, "events are consecutive in revision");
            assert_eq!(event.object.revision(), revision, "an event's object has its revision");
            assert_eq!(event.kind == EventKind::Added, event.previous.is_none(), "what is added was not there");
        }
        assert_eq!(self.bytes, self.events.iter().map(|event| event.bytes()).sum::<usize>());
        assert!(self.events.len() <= self.limits.history_events_max && self.bytes <= self.limits.history_bytes_max);
    }
}

#[cfg(test)]
mod tests {
    use super::{Compacted, Event, History, HistoryLimits};
    use crate::key::Key;
    use crate::object::Draft;
    use crate::piece::Pool;
    use bytes::Bytes;
    use hanse_base::id::{ClusterId, Revision};
    use std::sync::Arc;

    fn event(revision: u64) -> Arc<Event> {
        let key = Key::new("configmaps", &ClusterId::new("root").unwrap(), "default", "a").unwrap();
        let bytes = Bytes::from_static(br#"{"metadata":{"resourceVersion":""}}"#);
        let draft = Draft { bytes, revision_at: 32, ..Draft::default() };
        Arc::new(Event::put(key, draft, None, (Revision(revision), &Pool::default())).unwrap())
    }

    fn revisions(history: &History, after: u64) -> Result<Vec<u64>, Compacted> {
        Ok(history.after(Revision(after))?.map(|event| event.revision.0).collect())
    }

    #[test]
    fn the_window_keeps_the_last_events_and_says_what_is_compacted() {
        let limits = HistoryLimits { history_events_max: 100, history_bytes_max: usize::MAX };
        let mut history = History::new(Revision(1), limits);
        assert_eq!(revisions(&history, 1), Ok(vec![]));
        assert_eq!(revisions(&history, 0), Err(Compacted { oldest: Revision(1) }));
        for revision in 2..=1000 {
            history.push(event(revision));
            history.check();
        }
        assert_eq!(revisions(&history, 899), Err(Compacted { oldest: Revision(900) }));
        assert_eq!(revisions(&history, 900), Ok((901..=1000).collect()));
        assert_eq!(revisions(&history, 999), Ok(vec![1000]));
        assert_eq!(revisions(&history, 1000), Ok(vec![]));
        assert_eq!(revisions(&history, u64::MAX), Ok(vec![]));
    }

    #[test]
    fn the_window_is_bounded_in_bytes_too() {
        let one = event(2).bytes();
        let limits = HistoryLimits { history_events_max: 100, history_bytes_max: one * 3 };
        let mut history = History::new(Revision(1), limits);
        for revision in 2..=9 {
            history.push(event(revision));
            history.check();
        }
        assert_eq!(revisions(&history, 6), Ok(vec![7, 8, 9]));
        assert!(revisions(&history, 5).is_err());
    }
}
