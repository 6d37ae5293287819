//! Whoever waits is told everything once, in order, or told that it is too late.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use hanse_base::id::Revision;
use hanse_store::history::HistoryLimits;
use hanse_store::home::Home;
use hanse_store::hub::{RING_EVENTS_MAX, Subscription};
use hanse_store::key::Scope;
use hanse_store::memory::MemoryHome;
use hanse_store::txn::{Operation, Outcome};
use proptest::prelude::{Strategy, any, prop_oneof, proptest};

use crate::rig::{configmap, create, describe, done, group, key, machine_with, put, scope, snapshot, txn};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

fn is_waiting<F: Future>(future: F) -> bool {
    pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

/// Everything that is there for a subscription.
fn drain(subscription: &mut Subscription) -> Vec<u64> {
    let mut revisions = Vec::new();
    while let Some(batch) = subscription.take().unwrap() {
        revisions.extend(batch.events.iter().map(|event| event.revision.0));
    }
    revisions
}

#[derive(Debug, Clone)]
enum Step {
    /// So many changes, of these objects, shown at once.
    Publish(Vec<(u8, u8, u8)>),
    Subscribe {
        scope: u8,
        back: u8,
    },
    Take(u8),
    Bookmark(u8),
    Leave(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => proptest::collection::vec(any::<(u8, u8, u8)>(), 1..100).prop_map(Step::Publish),
        3 => any::<(u8, u8)>().prop_map(|(scope, back)| Step::Subscribe { scope, back }),
        4 => any::<u8>().prop_map(Step::Take),
        2 => any::<u8>().prop_map(Step::Bookmark),
        1 => any::<u8>().prop_map(Step::Leave),
    ]
}

fn some_scope(number: u8) -> Scope {
    let clusters = [None, Some("system:a"), Some("system:b")];
    let resource = ["configmaps", "secrets"][usize::from(number % 2)];
    let cluster = clusters[usize::from(number / 2 % 3)];
    scope(resource, cluster, (number / 6 % 2 == 1).then_some("n0"))
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 100, ..Default::default() })]

    #[test]
    fn every_subscriber_gets_every_event_of_its_scope_once_in_order(steps in proptest::collection::vec(step(), 1..40)) {
        let mut machine = machine_with("eu", HistoryLimits::default());
        let hub = Arc::clone(machine.hub());
        // Each with its scope, where it began, and what it has been given.
        let mut subscribers: Vec<(Subscription, Scope, Revision, Vec<u64>)> = Vec::new();
        for step in steps {
            match step {
                Step::Publish(changes) => {
                    for (resource, cluster, name) in changes {
                        let resource = ["configmaps", "secrets"][usize::from(resource % 2)];
                        let cluster = ["system:a", "system:b", "system:c"][usize::from(cluster % 3)];
                        let at = key(resource, cluster, &format!("n{}", name % 2), &format!("o{}", name / 2 % 4));
                        let operation = if name < 64 { Operation::Delete(at) } else { put(&at, "x") };
                        machine.apply_batch(&[txn(vec![operation]).encode()]);
                    }
                    machine.publish();
                }
                Step::Subscribe { scope, back } => {
                    let oldest = machine.state().oldest().0;
                    let after = Revision(hub.tip().0.saturating_sub(u64::from(back)).max(oldest));
                    subscribers.push((hub.subscribe(some_scope(scope), after), some_scope(scope), after, vec![]));
                }
                Step::Take(number) if !subscribers.is_empty() => {
                    let number = usize::from(number) % subscribers.len();
                    let (subscription, _, _, given) = &mut subscribers[number];
                    if let Some(batch) = subscription.take().unwrap() {
                        given.extend(batch.events.iter().map(|event| event.revision.0));
                        assert!(given.last().is_none_or(|last| *last <= batch.up_to.0));
                    }
                }
                Step::Bookmark(number) if !subscribers.is_empty() => {
                    let number = usize::from(number) % subscribers.len();
                    let (subscription, scope, after, given) = &mut subscribers[number];
                    let position = subscription.position();
                    let view = hub.view();
                    let passed = view.events_after(*after).unwrap().filter(|event| {
                        event.revision <= position && scope.contains(&event.key)
                    });
                    assert!(passed.map(|event| event.revision.0).eq(given.iter().copied()), "a bookmark passes nothing");
                }
                Step::Leave(number) if !subscribers.is_empty() => {
                    let number = usize::from(number) % subscribers.len();
                    subscribers.swap_remove(number);
                }
                _ => {}
            }
        }
        for (mut subscription, scope, after, mut given) in subscribers {
            given.extend(drain(&mut subscription));
            let view = hub.view();
            let all = view.events_after(after).unwrap().filter(|event| scope.contains(&event.key));
            assert_eq!(given, all.map(|event| event.revision.0).collect::<Vec<_>>());
            assert_eq!(subscription.position(), view.revision());
            assert!(is_waiting(subscription.next()));
        }
    }
}

#[test]
fn one_who_is_out_of_the_window_is_told_so() {
    let limits = HistoryLimits { history_events_max: 100, ..HistoryLimits::default() };
    let mut machine = machine_with("eu", limits);
    let all = scope("configmaps", None, None);
    let mut slow = machine.hub().subscribe(all, machine.state().revision());
    let mut idle = machine.hub().subscribe(scope("secrets", None, None), machine.state().revision());
    for number in 0..100 {
        done(&mut machine, txn(vec![put(&configmap("root", &number.to_string()), "x")]));
    }
    assert_eq!(drain(&mut slow).len(), 100, "behind the ring, but not out of the window");
    for number in 0..RING_EVENTS_MAX {
        done(&mut machine, txn(vec![put(&configmap("root", &number.to_string()), "x")]));
    }
    assert_eq!(drain(&mut slow).len(), RING_EVENTS_MAX);
    for number in 0..101 {
        done(&mut machine, txn(vec![put(&configmap("root", &number.to_string()), "x")]));
    }
    assert_eq!(slow.take().unwrap_err().oldest, machine.state().oldest());
    assert_eq!(block_on(slow.next()).unwrap_err().oldest, machine.state().oldest());
    assert!(idle.take().unwrap().is_none(), "one for whom nothing happened is not late");
    assert_eq!(idle.position(), machine.state().revision());
}

#[test]
fn one_who_has_seen_the_future_is_not_told_again() {
    let mut machine = machine_with("eu", HistoryLimits::default());
    let ahead = Revision(machine.state().revision().0 + 2);
    let mut watch = machine.hub().subscribe(scope("configmaps", None, None), ahead);
    for number in 0..3 {
        assert!(watch.take().unwrap().is_none());
        assert_eq!(watch.position(), ahead);
        done(&mut machine, txn(vec![put(&configmap("root", &number.to_string()), "x")]));
    }
    assert_eq!(drain(&mut watch), [ahead.0 + 1]);
}

#[test]
fn a_snapshot_that_jumps_ahead_ends_the_watches_that_it_passes() {
    let mut leader = machine_with("eu", HistoryLimits::default());
    let mut follower = machine_with("eu", HistoryLimits::default());
    for number in 0..10 {
        done(&mut leader, txn(vec![put(&configmap("root", &number.to_string()), "x")]));
    }
    let mut watch = follower.hub().subscribe(scope("configmaps", None, None), follower.state().revision());
    follower.restore(&mut snapshot(&leader).as_slice()).unwrap();
    assert!(is_waiting(watch.next()), "nothing is shown before it is published");
    follower.publish();
    assert_eq!(block_on(watch.next()).unwrap_err().oldest, leader.state().revision());
    assert_eq!(follower.published().view().revision(), leader.state().revision());
    let mut later = follower.hub().subscribe(scope("configmaps", None, None), follower.state().revision());
    done(&mut follower, txn(vec![put(&configmap("root", "a"), "x")]));
    assert_eq!(block_on(later.next()).unwrap().events.len(), 1);
}

#[test]
fn those_who_wait_are_woken_across_threads() {
    let home = MemoryHome::new(group("eu"));
    let key = |name: u64| key("configmaps", "system:a", "n", &format!("o{name}"));
    let start = home.view().revision();
    let readers: Vec<_> = (0..3)
        .map(|number| {
            let cluster = (number > 0).then_some("system:a");
            let mut subscription = home.hub().subscribe(scope("configmaps", cluster, None), start);
            thread::spawn(move || {
                let mut given = Vec::new();
                while given.len() < 500 {
                    given.extend(block_on(subscription.next()).unwrap().events.iter().map(|event| event.revision.0));
                }
                given
            })
        })
        .collect();
    let waiting = {
        let home = Arc::clone(&home);
        thread::spawn(move || block_on(home.hub().reached(Revision(start.0 + 500))))
    };
    for name in 0..500 {
        let outcome = block_on(home.submit(txn(vec![put(&key(name), "x")]))).unwrap();
        assert!(matches!(outcome, Outcome::Done { .. }));
    }
    for reader in readers {
        assert_eq!(reader.join().unwrap(), (start.0 + 1..=start.0 + 500).collect::<Vec<_>>());
    }
    waiting.join().unwrap();
    assert!(block_on(home.read_from(home.view().revision(), std::time::Duration::ZERO)).is_ok());
    let ahead = home.view().revision().next();
    assert!(block_on(home.read_from(ahead, std::time::Duration::ZERO)).is_err());
}

#[test]
fn sessions_are_woken_when_the_own_documents_grow() {
    let home = MemoryHome::new(group("eu"));
    let seen = home.hub().documents();
    home.apply(&[txn(vec![describe("eu", "eu")]), txn(vec![Operation::FoundRoot(vec![])])]);
    assert!(is_waiting(home.hub().documents_changed(seen)), "nothing was written to a document");
    home.apply(&[txn(vec![create("w1", "root", "a")]), txn(vec![create("w2", "root", "b")])]);
    assert_eq!(block_on(home.hub().documents_changed(seen)), seen + 1);
    let changes = home.view().changes().changes_after(&Default::default(), usize::MAX, usize::MAX);
    assert_eq!(changes.changes.len(), 1, "one entry of the log is one change");
}
