//! The way to one peer for one class of lanes: a supervisor that keeps a link alive.
//!
//! At most one link dialed by each side stands; a newer one of the same side, or of a newer incarnation of the peer,
//! replaces the older. Both sides of a pair may dial at once: both links are kept, and each side opens its streams on
//! the one that came last.
//!
//! ```text
//!   Dialing ──link──▶ Up ──last link lost──▶ Dialing        openers wait in Dialing only,
//!      └──failed──▶ Down ──link (dialed again, or accepted)──▶ Up      and fail at once in Down
//! ```

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hanse_base::random::{Random, SystemRandom};
use quinn::Endpoint;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep_until, timeout};

use crate::greeting::Greeting;
use crate::lane::Class;
use crate::link::{CLOSE_REPLACED, CLOSE_SHUT_DOWN, Link, Shared, why_lost};
use crate::peer::Peer;
use crate::tls::SERVER_NAME;

/// What openers see.
#[derive(Debug, Clone)]
pub(crate) enum View {
    /// There is a link; the newest first.
    Up { newest: Arc<Link>, other: Option<Arc<Link>> },
    /// There was none yet, or it was just lost: the first dial since is under way.
    Dialing,
    /// The last dial failed; another will follow by itself.
    Down { why: Arc<str>, since: Instant },
}

/// A link that ends sooner was of no use.
const SHORT_LIFE: Duration = Duration::from_secs(5);

type Dial = Pin<Box<dyn Future<Output = Result<Link, String>> + Send>>;

/// What the supervisor is made of.
pub(crate) struct Way {
    pub(crate) peer: Peer,
    pub(crate) class: Class,
    /// Ours, told in the greeting.
    pub(crate) incarnation: u64,
    pub(crate) endpoint: Endpoint,
    pub(crate) dial_config: quinn::ClientConfig,
    /// How long to wait before a dial that follows the loss of a link; zero on the side that should dial.
    pub(crate) courtesy: Duration,
    pub(crate) shared: Arc<Shared>,
}

enum Input {
    Stop,
    Accepted(Link),
    Dialed(Result<Link, String>),
    Ended(String),
    Redial,
}

impl Way {
    /// Keeps a link alive until `stop` changes.
    pub(crate) async fn run(
        self,
        mut accepted: mpsc::Receiver<Link>,
        view: watch::Sender<View>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut state = State {
            links: Vec::new(),
            tasks: JoinSet::new(),
            failures: 0,
            short_lives: 0,
            why: Arc::from("no dial yet"),
            down_since: Instant::now(),
            view,
        };
        let mut dial: Option<Dial> = None;
        let mut redial_at = Instant::now() + self.courtesy;
        loop {
            let input = tokio::select! {
                _ = stop.changed() => Input::Stop,
                Some(link) = accepted.recv() => Input::Accepted(link),
                Some(ended) = state.tasks.join_next() => Input::Ended(ended.unwrap_or_else(|error| error.to_string())),
                outcome = async { dial.as_mut().expect("there is a dial").await }, if dial.is_some() => Input::Dialed(outcome),
                () = sleep_until(redial_at.into()), if dial.is_none() && state.links.is_empty() => Input::Redial,
            };
            match input {
                Input::Stop => return state.stop().await,
                Input::Accepted(link) => self.admit(&mut state, link),
                Input::Dialed(outcome) => {
                    dial = None;
                    match outcome {
                        Ok(link) => self.admit(&mut state, link),
                        Err(why) => redial_at = Instant::now() + self.dial_failed(&mut state, &why),
                    }
                }
                Input::Ended(why) => {
                    if let Some(pause) = self.ended(&mut state, &why) {
                        redial_at = Instant::now() + pause;
                    }
                }
                Input::Redial => dial = Some(self.dial()),
            }
        }
    }

    fn dial(&self) -> Dial {
        let connecting = self.endpoint.connect_with(self.dial_config.clone(), self.peer.address, SERVER_NAME);
        let greeting = Greeting { class: self.class, incarnation: self.incarnation };
        let dial_timeout = self.shared.limits.dial_timeout;
        Box::pin(async move {
            let connecting = connecting.map_err(|error| error.to_string())?;
            let attempt = async {
                let connection = connecting.await.map_err(|error| why_lost(&error))?;
                greeting.send(&connection).await?;
                let answer = Greeting::receive(&connection).await?;
                Ok(Link { connection, dialed: true, incarnation: answer.incarnation, since: Instant::now() })
            };
            let late = |_elapsed| Err(format!("no answer to a dial within {} ms", dial_timeout.as_millis()));
            timeout(dial_timeout, attempt).await.unwrap_or_else(late)
        })
    }

    fn admit(&self, state: &mut State, link: Link) {
        // A connection that was just made is to the peer's living process: another incarnation is a dead one.
        let replaced = |old: &Link| old.incarnation != link.incarnation || old.dialed == link.dialed;
        let replaced: Vec<Entry> = state.links.extract_if(.., |entry| replaced(&entry.link)).collect();
        let link = Arc::new(link);
        tracing::info!(
            peer = %self.peer.daemon, region = %self.peer.region, class = ?self.class, dialed = link.dialed,
            address = %link.connection.remote_address(), "link up"
        );
        let task = state.tasks.spawn(Arc::clone(&link).serve(self.peer.id(), Arc::clone(&self.shared)));
        state.links.insert(0, Entry { link, task });
        state.failures = 0;
        state.publish();
        // Only now, so that openers never find nothing but a closed link.
        for entry in replaced {
            entry.link.close(CLOSE_REPLACED, "replaced by a newer link");
        }
    }

    /// Takes ended links out; if that was the last one, says how long to wait before the next dial.
    fn ended(&self, state: &mut State, why: &str) -> Option<Duration> {
        let mut lived = None;
        for entry in state.links.extract_if(.., |entry| entry.task.is_finished()) {
            lived = Some(entry.link.since.elapsed());
            // Left open only by a task that panicked. Closing one that has ended would hide the reason from its streams.
            if entry.link.connection.close_reason().is_none() {
                entry.link.close(CLOSE_REPLACED, "no longer served");
            }
        }
        // None when a link ended that was replaced before.
        let lived = lived?;
        if !state.links.is_empty() {
            return None;
        }
        tracing::info!(peer = %self.peer.daemon, region = %self.peer.region, class = ?self.class, why, "link lost");
        state.failures = 0;
        state.publish();
        // Links that end again and again as soon as they stand (two processes with one identity replace each other's)
        // must not be dialed as fast as the network allows.
        state.short_lives = if lived < SHORT_LIFE { state.short_lives.saturating_add(1) } else { 0 };
        let limits = &self.shared.limits;
        Some(match state.short_lives {
            0 | 1 => self.courtesy,
            again => pause(again, limits.redial_min, limits.redial_max, SystemRandom.number()),
        })
    }

    /// Takes note of a failed dial; says how long to wait before the next.
    fn dial_failed(&self, state: &mut State, why: &str) -> Duration {
        if !state.links.is_empty() {
            // The peer has dialed us meanwhile.
            return Duration::ZERO;
        }
        if state.failures == 0 {
            state.down_since = Instant::now();
            tracing::warn!(
                peer = %self.peer.daemon, region = %self.peer.region, class = ?self.class, address = %self.peer.address,
                why, "peer out of reach; dialing goes on"
            );
        }
        state.failures = state.failures.saturating_add(1);
        state.why = Arc::from(why);
        state.publish();
        let limits = &self.shared.limits;
        pause(state.failures, limits.redial_min, limits.redial_max, SystemRandom.number())
    }
}

/// The pause after so many failed dials, between a half of it and the whole.
fn pause(failures: u32, redial_min: Duration, redial_max: Duration, chance: u64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let whole = redial_min.saturating_mul(1 << doublings).min(redial_max);
    let half = whole / 2;
    let part = u32::try_from(chance % 1024).unwrap_or(0);
    half + half * part / 1024
}

struct Entry {
    link: Arc<Link>,
    task: AbortHandle,
}

struct State {
    /// Newest first; at most one dialed by each side.
    links: Vec<Entry>,
    tasks: JoinSet<String>,
    /// Failed dials since the last link.
    failures: u32,
    /// Links, one after the other, that ended soon.
    short_lives: u32,
    why: Arc<str>,
    down_since: Instant,
    view: watch::Sender<View>,
}

impl State {
    fn publish(&self) {
        debug_assert!(self.links.len() <= 2, "{} links stand", self.links.len());
        let view = match &self.links[..] {
            [newest, rest @ ..] => {
                View::Up { newest: Arc::clone(&newest.link), other: rest.first().map(|entry| Arc::clone(&entry.link)) }
            }
            [] if self.failures == 0 => View::Dialing,
            [] => View::Down { why: Arc::clone(&self.why), since: self.down_since },
        };
        self.view.send_replace(view);
    }

    async fn stop(mut self) {
        for entry in &self.links {
            entry.link.close(CLOSE_SHUT_DOWN, "shutting down");
        }
        self.tasks.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::proptest;

    use super::pause;

    const MIN: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_up_to_the_limit() {
        let longest = |failures| pause(failures, MIN, MAX, 1023).as_millis();
        assert_eq!([1, 2, 3, 4, 5, 99].map(longest), [99, 199, 399, 799, 999, 999]);
    }

    proptest! {
        #[test]
        fn a_pause_is_never_shorter_than_half_and_never_longer_than_whole(failures: u32, chance: u64) {
            let pause = pause(failures, MIN, MAX, chance);
            assert!(MIN / 2 <= pause && pause <= MAX);
        }
    }
}
