//! Where readers of a replica find its newest state, and where watchers wait for the next event.
//!
//! The one who applies stores the state, lays the new events into a small ring for each topic that somebody waits at,
//! and wakes those. It waits for nobody, and keeps nothing for anybody: a watcher that comes too late for the ring reads
//! the state's window, and is told when the window has moved past it, too.
//!
//! ```text
//! Machine::publish ──► state ─────────────────────► view()            (all readers)
//!        └─ events ──► topic (resource, cluster) ─► Subscription ──► (each watcher, at its own pace)
//!                 └──► topic (resource, *) ───────► Subscription
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use hanse_base::id::Revision;
use hanse_base::mutant::Mutant;

use crate::history::{Compacted, Event};
use crate::key::Scope;
use crate::roster::Membership;
use crate::state::State;

/// Events that a topic keeps for its subscribers. One who is further behind reads the state's window instead.
pub const RING_EVENTS_MAX: usize = 64;
/// Events of the window that a late subscriber looks at before it lets others run.
pub const SCAN_EVENTS_MAX: usize = 1024;

/// The newest state of a replica. Cheap to clone: all clones see the same.
#[derive(Debug, Clone)]
pub struct Published(Arc<ArcSwap<State>>);

impl Published {
    pub(crate) fn new(state: State) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(state)))
    }

    /// The newest state. Never older than one that was returned before.
    #[must_use]
    pub fn view(&self) -> Arc<State> {
        self.0.load_full()
    }
}

/// The waiting room of one replica.
#[derive(Debug)]
pub struct Hub {
    published: Published,
    topics: Mutex<Topics>,
    /// All events up to here are in the rings, and in the published state.
    tip: AtomicU64,
    tip_changed: event_listener::Event,
    /// How often the group's own documents have grown.
    documents: AtomicU64,
    documents_changed: event_listener::Event,
    membership_changed: event_listener::Event,
}

/// The topics that somebody waits at, by the prefix that their objects' keys begin with.
#[derive(Debug, Default)]
struct Topics {
    by_prefix: BTreeMap<Box<[u8]>, Visited>,
}

/// A topic and the number of its subscriptions, which is never zero.
#[derive(Debug)]
struct Visited {
    topic: Arc<Topic>,
    subscriptions: usize,
}

/// The objects of one resource, in one logical cluster or in all. Lives as long as its subscriptions.
#[derive(Debug)]
struct Topic {
    prefix: Box<[u8]>,
    ring: Mutex<Ring>,
    arrived: event_listener::Event,
}

/// The topic's events behind `base`, all of them, in order.
#[derive(Debug)]
struct Ring {
    base: Revision,
    events: VecDeque<Arc<Event>>,
    /// Whether the topic is among those to be woken at the end of the publication that is under way.
    touched: bool,
}

impl Hub {
    pub(crate) fn new(published: Published) -> Arc<Self> {
        let tip = AtomicU64::new(published.view().revision().0);
        Arc::new(Self {
            published,
            topics: Mutex::default(),
            tip,
            tip_changed: event_listener::Event::new(),
            documents: AtomicU64::new(0),
            documents_changed: event_listener::Event::new(),
            membership_changed: event_listener::Event::new(),
        })
    }

    /// The newest state.
    #[must_use]
    pub fn view(&self) -> Arc<State> {
        self.published.view()
    }

    /// The revision that has been published: [`Hub::view`] is not older.
    #[must_use]
    pub fn tip(&self) -> Revision {
        Revision(self.tip.load(Ordering::Acquire))
    }

    /// Waits until the published state has reached the revision.
    pub async fn reached(&self, revision: Revision) {
        while self.tip() < revision {
            let listener = self.tip_changed.listen();
            if self.tip() < revision {
                listener.await;
            }
        }
    }

    /// Topics that somebody waits at, and all subscriptions to them.
    #[must_use]
    pub fn visited(&self) -> (usize, usize) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        (topics.by_prefix.len(), topics.by_prefix.values().map(|visited| visited.subscriptions).sum())
    }

    /// How often the group's own documents have grown since the daemon started.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.documents.load(Ordering::Acquire)
    }

    /// Waits until [`Hub::documents`] is another number than the caller has seen, and returns it.
    pub async fn documents_changed(&self, seen: u64) -> u64 {
        loop {
            let listener = self.documents_changed.listen();
            let documents = self.documents();
            if documents != seen {
                return documents;
            }
            listener.await;
        }
    }

    /// Waits until the published state has another membership than the caller has seen, and returns it.
    pub async fn membership_changed(&self, seen: &Arc<Membership>) -> Arc<Membership> {
        loop {
            let listener = self.membership_changed.listen();
            let membership = Arc::clone(self.view().membership());
            if !Arc::ptr_eq(&membership, seen) {
                return membership;
            }
            listener.await;
        }
    }

    /// A place to wait for the events of a scope behind a revision, which the caller has from a list or from an earlier
    /// watch. It may lie in the future.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>, scope: Scope, after: Revision) -> Subscription {
        let prefix = scope.topic().into_boxed_slice();
        let mut topics = locked(&self.topics);
        // The tip moves only under the lock of the topics: whatever comes later is laid into the new ring.
        let base = self.tip();
        let visited = topics.by_prefix.entry(prefix.clone()).or_insert_with(|| {
            let ring = Mutex::new(Ring { base, events: VecDeque::new(), touched: false });
            let topic = Arc::new(Topic { prefix, ring, arrived: event_listener::Event::new() });
            Visited { topic, subscriptions: 0 }
        });
        visited.subscriptions += 1;
        Subscription { hub: Arc::clone(self), topic: Arc::clone(&visited.topic), scope, position: after }
    }

    /// Shows a state to readers, and the events since the state before it to those who wait. `None`: the events between
    /// are not known (a snapshot was installed), so that late watchers find out from the window.
    pub(crate) fn publish(&self, state: Arc<State>, events: Option<Vec<Arc<Event>>>) {
        let tip = state.revision();
        let membership = Arc::clone(state.membership());
        let before = self.published.0.swap(state);
        if !Arc::ptr_eq(before.membership(), &membership) {
            self.membership_changed.notify(usize::MAX);
        }
        let mut topics = locked(&self.topics);
        let touched = match events {
            Some(events) => topics.hand_out(&events),
            None => topics.reset(tip),
        };
        let advanced = self.tip.swap(tip.0, Ordering::AcqRel) != tip.0;
        drop(topics);
        for topic in touched {
            topic.arrived.notify(usize::MAX);
        }
        if advanced {
            self.tip_changed.notify(usize::MAX);
        }
    }

    /// Wakes those who wait for the group's own documents. The state that holds them is published before.
    pub(crate) fn documents_grew(&self) {
        self.documents.fetch_add(1, Ordering::AcqRel);
        self.documents_changed.notify(usize::MAX);
    }
}

impl Topics {
    /// Lays each event into the rings of its two topics, where there are any. Returns the topics to wake.
    fn hand_out(&mut self, events: &[Arc<Event>]) -> Vec<Arc<Topic>> {
        let mut touched = Vec::new();
        if self.by_prefix.is_empty() {
            return touched;
        }
        for event in events {
            if Mutant::WatchSkips.lives() && event.revision.0.is_multiple_of(16) {
                continue;
            }
            for prefix in [event.key.cluster_prefix(), event.key.resource_prefix()] {
                let Some(Visited { topic, .. }) = self.by_prefix.get(prefix) else { continue };
                let mut ring = locked(&topic.ring);
                ring.events.push_back(Arc::clone(event));
                if ring.events.len() > RING_EVENTS_MAX
                    && let Some(oldest) = ring.events.pop_front()
                {
                    ring.base = oldest.revision;
                }
                if !ring.touched {
                    ring.touched = true;
                    touched.push(Arc::clone(topic));
                }
            }
        }
        for topic in &touched {
            locked(&topic.ring).touched = false;
        }
        touched
    }

    fn reset(&mut self, base: Revision) -> Vec<Arc<Topic>> {
        let topics: Vec<_> = self.by_prefix.values().map(|visited| Arc::clone(&visited.topic)).collect();
        for topic in &topics {
            *locked(&topic.ring) = Ring { base, events: VecDeque::new(), touched: false };
        }
        topics
    }
}

/// Events that a subscription was handed.
#[derive(Debug, Clone)]
pub struct Batch {
    /// In order. Empty when a late subscription has looked at [`SCAN_EVENTS_MAX`] events and found none of its own.
    pub events: Vec<Arc<Event>>,
    /// The subscription has been handed every event of its scope up to this revision.
    pub up_to: Revision,
}

/// One watcher's place: each event of its scope behind its position is handed to it once, in order.
#[derive(Debug)]
pub struct Subscription {
    hub: Arc<Hub>,
    topic: Arc<Topic>,
    scope: Scope,
    position: Revision,
}

impl Subscription {
    /// Waits for events. Can be dropped and called again at any moment: nothing is lost by it.
    ///
    /// # Errors
    /// The subscription is so late that the window has moved past it, or the replica has jumped over what lay between.
    pub async fn next(&mut self) -> Result<Batch, Compacted> {
        loop {
            if let Some(batch) = self.take()? {
                return Ok(batch);
            }
            let listener = self.topic.arrived.listen();
            if let Some(batch) = self.take()? {
                return Ok(batch);
            }
            listener.await;
        }
    }

    /// What is there already; `None` when there is nothing to hand over yet.
    ///
    /// # Errors
    /// As [`Subscription::next`].
    pub fn take(&mut self) -> Result<Option<Batch>, Compacted> {
        // Read before the ring: everything up to the tip is then in the ring, or has fallen out of it.
        let tip = self.hub.tip();
        let ring = locked(&self.topic.ring);
        if self.position < ring.base {
            drop(ring);
            return self.scan();
        }
        let behind = ring.events.partition_point(|event| event.revision <= self.position);
        let events: Vec<_> =
            ring.events.iter().skip(behind).filter(|event| self.scope.contains(&event.key)).cloned().collect();
        let last = ring.events.back().map_or(tip, |event| event.revision.max(tip));
        drop(ring);
        self.position = self.position.max(last);
        Ok((!events.is_empty()).then_some(Batch { events, up_to: self.position }))
    }

    /// Reads the window instead of the ring.
    fn scan(&mut self) -> Result<Option<Batch>, Compacted> {
        let view = self.hub.view();
        let mut events = Vec::new();
        for event in view.events_after(self.position)?.take(SCAN_EVENTS_MAX) {
            self.position = event.revision;
            if self.scope.contains(&event.key) {
                events.push(Arc::clone(event));
            }
        }
        Ok(Some(Batch { events, up_to: self.position }))
    }

    /// The revision up to which the subscription has been handed everything: what a bookmark says. Where nothing of the
    /// scope has happened, it goes along with the published state.
    pub fn position(&mut self) -> Revision {
        let tip = self.hub.tip();
        let ring = locked(&self.topic.ring);
        let unseen = |event: &Arc<Event>| event.revision > self.position && self.scope.contains(&event.key);
        if self.position >= ring.base && !ring.events.iter().any(unseen) {
            self.position = self.position.max(tip);
        }
        self.position
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut topics = locked(&self.hub.topics);
        if let Some(visited) = topics.by_prefix.get_mut(&self.topic.prefix) {
            visited.subscriptions -= 1;
            if visited.subscriptions == 0 {
                topics.by_prefix.remove(&self.topic.prefix);
            }
        }
    }
}

/// What a lock guards here is whole at every step, so a panic elsewhere does not spoil it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{RING_EVENTS_MAX, locked};
    use crate::key::{Key, Scope};
    use crate::machine::Machine;
    use crate::object::Draft;
    use crate::txn::{Operation, Txn};
    use bytes::Bytes;
    use hanse_base::id::{ClusterId, GroupId};
    use std::sync::Arc;

    fn write(machine: &mut Machine, times: usize) {
        let key = Key::new("configmaps", &ClusterId::new("system:a").unwrap(), "n", "o").unwrap();
        let bytes = Bytes::from_static(br#"{"metadata":{"resourceVersion":""}}"#);
        let draft = Draft { bytes, revision_at: 32, ..Draft::default() };
        let txn = Txn { time_ms: 0, preconditions: vec![], operations: vec![Operation::Put(key, draft)] };
        machine.apply_batch(&vec![txn.encode(); times]);
        machine.publish();
    }

    #[test]
    fn a_topic_keeps_few_events_and_goes_with_its_last_subscription() {
        let mut machine = Machine::new(GroupId::new("eu").unwrap());
        let hub = Arc::clone(machine.hub());
        write(&mut machine, 10);
        assert!(locked(&hub.topics).by_prefix.is_empty(), "nothing is kept for nobody");
        let scope = Scope { resource: "configmaps".into(), cluster: None, namespace: None };
        let (first, second) = (hub.subscribe(scope.clone(), hub.tip()), hub.subscribe(scope, hub.tip()));
        write(&mut machine, 1_000);
        assert_eq!(locked(&hub.topics).by_prefix.len(), 1);
        assert_eq!(locked(&first.topic.ring).events.len(), RING_EVENTS_MAX);
        drop(first);
        assert_eq!(locked(&hub.topics).by_prefix.len(), 1);
        drop(second);
        assert!(locked(&hub.topics).by_prefix.is_empty());
    }
}
