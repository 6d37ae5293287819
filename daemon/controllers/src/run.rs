//! The one task of a group: waits until this daemon leads, then submits what the desk decides, until it leads no more.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{join_all, select};
use hanse_base::clock::Clock;
use hanse_base::net::BoxFuture;
use hanse_store::home::{Home, HomeError};

use crate::desk::{Answer, Desk};
use crate::settings::Settings;
use crate::tally::Tally;
use crate::task::Now;

/// What the controllers ask of the daemon around them.
pub trait Duty: Send + Sync + 'static {
    /// Whether this daemon leads the group.
    fn leads(&self) -> bool;
    /// Waits until [`Duty::leads`] is another answer than the given one; at once when it is already.
    fn turned(&self, leads: bool) -> BoxFuture<'_, ()>;
    /// Waits. In a simulation, in its time.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
}

/// Runs the controllers of one group, until `shutdown` is over. Can be dropped at any moment: what is half done is taken
/// up by the next one who runs them, here or on another daemon.
pub async fn run(
    home: Arc<dyn Home>,
    clock: Arc<dyn Clock>,
    duty: Arc<dyn Duty>,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) {
    let terms = async {
        loop {
            duty.turned(false).await;
            tracing::info!(group = %home.group(), "controllers begin");
            select(pin!(lead(&*home, &*clock, &*duty, &settings)), duty.turned(true)).await;
            settings.tally.wait(0);
            tracing::info!(group = %home.group(), "controllers end: this daemon does not lead any more");
        }
    };
    select(pin!(terms), pin!(shutdown)).await;
}

/// One term as leader. Never returns. What the desk remembers belongs to the term: another leader may have acted since.
async fn lead(home: &dyn Home, clock: &dyn Clock, duty: &dyn Duty, settings: &Settings) {
    let mut desk = Desk::new(settings.clone());
    let tally = &*settings.tally;
    let mut pause = PAUSE_MIN;
    loop {
        // The replica of a new leader may be behind what the last one did: the first look is a linearizable one.
        let failure = match home.read().await {
            Ok(_) => {
                let (failure, acted) = act((home, clock, duty), &mut desk, tally).await;
                if acted {
                    pause = PAUSE_MIN;
                }
                failure
            }
            Err(error) => error,
        };
        tracing::warn!(group = %home.group(), error = %failure, "controllers wait for their group");
        duty.sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Submits and waits, until the group gives no answer. Whether anything was answered before.
async fn act(
    (home, clock, duty): (&dyn Home, &dyn Clock, &dyn Duty),
    desk: &mut Desk,
    tally: &Tally,
) -> (HomeError, bool) {
    let mut acted = false;
    loop {
        let view = home.view();
        let now = Now { wall_ms: clock.wall_ms(), monotonic: clock.monotonic() };
        desk.observe(&view, now);
        let work = desk.plan(&view, now);
        tally.wait(desk.waiting());
        if !work.is_empty() {
            // At once, so that the group makes them durable together.
            let (items, txns): (Vec<_>, Vec<_>) = work.into_iter().map(|work| (work.item, work.txn)).unzip();
            let outcomes = join_all(txns.into_iter().map(|txn| home.submit(txn))).await;
            let mut failure = None;
            for (item, outcome) in items.into_iter().zip(outcomes) {
                tally.answered(outcome.is_ok());
                let answer = match outcome {
                    Ok(outcome) => {
                        acted = true;
                        Answer::Outcome(outcome)
                    }
                    Err(HomeError::TooLarge { .. }) => Answer::TooLarge,
                    Err(error) => {
                        failure = Some(error);
                        Answer::None
                    }
                };
                desk.answered(item, &answer, now);
            }
            if let Some(failure) = failure {
                return (failure, acted);
            }
            continue;
        }
        match desk.due() {
            Some(due) if due <= now.monotonic => give_way().await,
            Some(due) => {
                let changed = home.hub().reached(view.revision().next());
                select(pin!(changed), duty.sleep(due - now.monotonic)).await;
            }
            None => home.hub().reached(view.revision().next()).await,
        }
    }
}

/// Lets others run once.
async fn give_way() {
    let mut gave = false;
    poll_fn(|context| {
        if std::mem::replace(&mut gave, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// After a group that gives no answer: the first wait, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// As above.
const PAUSE_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use hanse_base::clock::SystemClock;
    use hanse_base::id::{ClusterId, GroupId, RegionName};
    use hanse_base::net::BoxFuture;
    use hanse_store::home::Home;
    use hanse_store::key::Key;
    use hanse_store::memory::MemoryHome;
    use hanse_store::txn::{Operation, Region, Txn};
    use serde_json::json;
    use tokio::sync::watch;

    use super::{Duty, run};
    use crate::object::{begin_deletion, draft};
    use crate::settings::Settings;

    /// Leads when it is told to. Time stands still.
    struct Told(watch::Receiver<bool>);

    impl Duty for Told {
        fn leads(&self) -> bool {
            *self.0.borrow()
        }

        fn turned(&self, leads: bool) -> BoxFuture<'_, ()> {
            let mut told = self.0.clone();
            Box::pin(async move {
                if told.wait_for(|now| *now != leads).await.is_err() {
                    std::future::pending::<()>().await;
                }
            })
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
            Box::pin(std::future::pending())
        }
    }

    fn namespace(name: &str, deleting: bool) -> Operation {
        let mut value =
            json!({"metadata": {"name": name, "resourceVersion": ""}, "spec": {"finalizers": ["kubernetes"]}});
        if deleting {
            begin_deletion(&mut value, 0);
        }
        let root = ClusterId::new("root").unwrap();
        Operation::Put(Key::new("namespaces", &root, "", name).unwrap(), draft(&value))
    }

    async fn applied(home: &MemoryHome, operations: Vec<Operation>) {
        home.submit(Txn { time_ms: 0, preconditions: Vec::new(), operations }).await.unwrap();
    }

    /// Lets the task under test come as far as it can: nothing here waits for time or for threads.
    async fn others_run() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn work_is_done_while_this_daemon_leads_and_only_then() {
        let group = GroupId::new("eu").unwrap();
        let home = MemoryHome::new(group.clone());
        let region = Region { name: RegionName::new("eu").unwrap(), url: "https://x".into(), founder: group };
        applied(&home, vec![Operation::Describe(region), Operation::FoundRoot(Vec::new())]).await;
        let (tell, told) = watch::channel(false);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = run(
            Arc::clone(&home) as Arc<dyn Home>,
            Arc::new(SystemClock::default()),
            Arc::new(Told(told)),
            Settings::default(),
            async {
                stopped.await.ok();
            },
        );
        let story = async {
            let count = || home.view().ending_namespaces().count();
            applied(&home, vec![namespace("a", true)]).await;
            others_run().await;
            assert_eq!(count(), 1, "a follower leaves it to the leader");
            tell.send(true).unwrap();
            while count() > 0 {
                tokio::task::yield_now().await;
            }
            // The leader sleeps now, and is woken by the next change.
            applied(&home, vec![namespace("b", false)]).await;
            applied(&home, vec![namespace("b", true)]).await;
            while count() > 0 {
                tokio::task::yield_now().await;
            }
            tell.send(false).unwrap();
            others_run().await;
            applied(&home, vec![namespace("c", true)]).await;
            others_run().await;
            assert_eq!(count(), 1, "whoever leads no more leaves it");
            stop.send(()).unwrap();
        };
        tokio::join!(running, story);
    }
}
