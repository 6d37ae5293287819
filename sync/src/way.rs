//! The way to one peer for one class of lanes: a supervisor that keeps a link alive.
//!
//! At most one link dialed by each side stands. A newer one of the same side takes the older one's place, and what is
//! open on the older goes on there for a while; links to an older incarnation of the peer end at once. Both sides of a
//! pair may dial at once: both links are kept, and each side opens its streams on the one that came last. A link is
//! dialed anew before a certificate under it ends, and when the peer's address changes, while the old one still carries.
//!
//! ```text
//!   Dialing ──link──▶ Up ──last link lost──▶ Dialing        openers wait in Dialing only,
//!      └──failed──▶ Down ──link (dialed again, or accepted)──▶ Up      and fail at once in Down
//! ```

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hanse_base::random::{Random, SystemRandom};
use quinn::{Endpoint, VarInt};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep_until, timeout};

use crate::directory::Course;
use crate::greeting::Greeting;
use crate::lane::Class;
use crate::link::{CLOSE_NOT_A_MEMBER, CLOSE_REPLACED, CLOSE_SHUT_DOWN, Link, Shared, Why};
use crate::peer::PeerId;
use crate::tls::{SERVER_NAME, Tls};

/// What openers see.
#[derive(Debug, Clone)]
pub(crate) enum View {
    /// There is a link; the newest first.
    Up { newest: Arc<Link>, other: Option<Arc<Link>> },
    /// There was none yet, or it was just lost: the first dial since is under way.
    Dialing,
    /// The last dial failed; another will follow by itself.
    Down { why: Why, since: Instant },
}

/// A link that ends sooner was of no use.
const SHORT_LIFE: Duration = Duration::from_secs(5);
/// Replaced links whose streams may go on. With one more, the oldest ends.
const DRAINING_LINKS_MAX: usize = 3;
const REPLACED: &str = "replaced by a newer link";

type Dial = Pin<Box<dyn Future<Output = Result<Link, Why>> + Send>>;

/// What the supervisor is made of.
pub(crate) struct Way {
    pub(crate) peer: PeerId,
    pub(crate) class: Class,
    /// Ours, told in the greeting.
    pub(crate) incarnation: u64,
    pub(crate) endpoint: Endpoint,
    /// How long to wait before a dial that follows the loss of a link; zero on the side that should dial.
    pub(crate) courtesy: Duration,
    pub(crate) shared: Arc<Shared>,
}

/// The supervisor's side of a [`crate::directory::Handle`], and who we are at the moment.
pub(crate) struct Inside {
    pub(crate) accepted: mpsc::Receiver<Link>,
    pub(crate) course: watch::Receiver<Course>,
    pub(crate) tls: watch::Receiver<Arc<Tls>>,
    pub(crate) view: watch::Sender<View>,
}

enum Input {
    Stop,
    Course(Course),
    Identity,
    Accepted(Link),
    Dialed(Result<Link, Why>),
    Ended(Why),
    Dial,
    Drained,
}

impl Way {
    /// Keeps a link alive until `stop` is set or the peer leaves.
    pub(crate) async fn run(self, inside: Inside, mut stop: watch::Receiver<bool>) {
        let Inside { mut accepted, mut course, mut tls, view } = inside;
        let mut state = State::new(view, self.courtesy);
        loop {
            let (dial_at, drained_at) = (state.dial_at(), state.drained_at());
            let input = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => Input::Stop,
                changed = course.changed() => match changed {
                    Ok(()) => Input::Course(*course.borrow_and_update()),
                    Err(_gone) => Input::Course(Course::Left),
                },
                Ok(()) = tls.changed() => Input::Identity,
                Some(link) = accepted.recv() => Input::Accepted(link),
                Some(ended) = state.tasks.join_next() => {
                    Input::Ended(ended.unwrap_or_else(|error| Why::new(error.to_string())))
                }
                outcome = async { state.dial.as_mut().expect("there is a dial").await }, if state.dial.is_some() => {
                    Input::Dialed(outcome)
                }
                () = sleep_until(dial_at.into()), if state.dial.is_none() => Input::Dial,
                () = sleep_until(drained_at.unwrap_or(dial_at).into()), if drained_at.is_some() => Input::Drained,
            };
            match input {
                Input::Stop => return state.stop(accepted, CLOSE_SHUT_DOWN, "shutting down").await,
                Input::Course(Course::Left) => {
                    tracing::info!(peer = %self.peer.daemon, region = %self.peer.region, class = ?self.class, "the peer has left");
                    let why =
                        format!("daemon {} of region {} is no longer a member", self.peer.daemon, self.peer.region);
                    return state.stop(accepted, CLOSE_NOT_A_MEMBER, &why).await;
                }
                Input::Course(Course::To(_)) => state.begin_anew(),
                Input::Identity => state.try_again(),
                Input::Accepted(link) => self.admit(&mut state, link),
                Input::Dialed(outcome) => {
                    state.dial = None;
                    match outcome {
                        Ok(link) => self.admit(&mut state, link),
                        Err(why) => self.dial_failed(&mut state, why),
                    }
                }
                Input::Ended(why) => self.ended(&mut state, &why),
                Input::Dial => {
                    let identity = Arc::clone(&tls.borrow_and_update());
                    if let Course::To(address) = *course.borrow_and_update() {
                        state.dial = Some(self.dial(&identity, address));
                    }
                }
                Input::Drained => state.end_drained(Instant::now()),
            }
        }
    }

    fn dial(&self, tls: &Arc<Tls>, address: SocketAddr) -> Dial {
        let tls = Arc::clone(tls);
        let connecting =
            tls.dial_config(self.peer.clone()).map_err(|error| Why::new(error.to_string())).and_then(|config| {
                let connecting = self.endpoint.connect_with(config, address, SERVER_NAME);
                connecting.map_err(|error| Why::new(error.to_string()))
            });
        let greeting = Greeting { class: self.class, incarnation: self.incarnation };
        let dial_timeout = self.shared.limits.dial_timeout;
        Box::pin(async move {
            let connecting = connecting?;
            let attempt = async {
                let connection = connecting.await.map_err(|error| Why::from(&error))?;
                greeting.send(&connection).await?;
                let answer = Greeting::receive(&connection).await?;
                let expires = tls.end_of(&connection);
                Ok(Link { connection, dialed: true, incarnation: answer.incarnation, since: Instant::now(), expires })
            };
            let late = |_elapsed| Err(Why::new(format!("no answer to a dial within {} ms", dial_timeout.as_millis())));
            timeout(dial_timeout, attempt).await.unwrap_or_else(late)
        })
    }

    fn admit(&self, state: &mut State, link: Link) {
        let link = Arc::new(link);
        tracing::info!(
            peer = %self.peer.daemon, region = %self.peer.region, class = ?self.class, dialed = link.dialed,
            address = %link.connection.remote_address(), "link up"
        );
        // A connection that was just made is to the peer's living process: another incarnation is a dead one.
        let dead = |entry: &mut Entry| entry.link.incarnation != link.incarnation;
        let mut ended: Vec<Entry> = state.links.extract_if(.., dead).collect();
        ended.extend(state.draining.extract_if(.., dead));
        let now = Instant::now();
        for mut replaced in state.links.extract_if(.., |entry| entry.link.dialed == link.dialed) {
            replaced.until = now + self.shared.limits.drain_max;
            state.draining.push(replaced);
        }
        let beyond = state.draining.len().saturating_sub(DRAINING_LINKS_MAX);
        ended.extend(state.draining.drain(..beyond));
        let task = state.tasks.spawn(Arc::clone(&link).serve(self.peer.clone(), Arc::clone(&self.shared)));
        state.moved &= !link.dialed;
        state.failures = 0;
        state.links.insert(0, Entry { link, task, until: now });
        state.publish();
        // Only now, so that openers never find nothing but a closed link.
        for entry in ended {
            entry.link.close(CLOSE_REPLACED, REPLACED);
        }
    }

    /// Takes ended links out; if the last one was among them, sees to the next dial.
    fn ended(&self, state: &mut State, why: &Why) {
        let mut lived = None;
        let finished = |entry: &mut Entry| entry.task.is_finished();
        for entry in state.draining.extract_if(.., finished) {
            entry.leave();
        }
        for entry in state.links.extract_if(.., finished) {
            lived = Some(entry.link.since.elapsed());
            entry.leave();
        }
        // None when a link ended that was replaced before.
        let Some(lived) = lived else { return };
        if !state.links.is_empty() {
            // Openers must not be shown the one that ended.
            return state.publish();
        }
        tracing::info!(peer = %self.peer.daemon, region = %self.peer.region, class = ?self.class, %why, "link lost");
        state.failures = 0;
        state.publish();
        // Links that end again and again as soon as they stand (two processes with one identity replace each other's)
        // must not be dialed as fast as the network allows.
        state.short_lives = if lived < SHORT_LIFE { state.short_lives.saturating_add(1) } else { 0 };
        let limits = &self.shared.limits;
        state.dial_from = Instant::now()
            + match state.short_lives {
                0 | 1 => self.courtesy,
                again => pause(again, limits.redial_min, limits.redial_max, SystemRandom.number()),
            };
    }

    /// Takes note of a failed dial, and sees to the next.
    fn dial_failed(&self, state: &mut State, why: Why) {
        let now = Instant::now();
        if !state.links.is_empty() && state.dial_at() > now {
            // The peer has dialed us meanwhile.
            return;
        }
        if state.failures == 0 {
            state.down_since = now;
            let stands = if state.links.is_empty() { "peer out of reach" } else { "a link cannot be renewed" };
            tracing::warn!(
                peer = %self.peer.daemon, region = %self.peer.region, class = ?self.class, %why, "{stands}; dialing goes on"
            );
        }
        state.failures = state.failures.saturating_add(1);
        state.why = why;
        state.publish();
        let limits = &self.shared.limits;
        state.dial_from = now + pause(state.failures, limits.redial_min, limits.redial_max, SystemRandom.number());
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
    /// When it ends although it stands, once it has been replaced.
    until: Instant,
}

impl Entry {
    fn leave(&self) {
        // Left open only by a task that panicked. Closing one that has ended would hide the reason from its streams.
        if self.link.connection.close_reason().is_none() {
            self.link.close(CLOSE_REPLACED, "no longer served");
        }
    }
}

struct State {
    /// Newest first; at most one dialed by each side.
    links: Vec<Entry>,
    /// Replaced ones, oldest first: no stream is opened on them any more.
    draining: Vec<Entry>,
    tasks: JoinSet<Why>,
    dial: Option<Dial>,
    /// No dial begins before.
    dial_from: Instant,
    /// Whether the peer has another address than the one that we dialed last.
    moved: bool,
    /// Failed dials since the last link.
    failures: u32,
    /// Links, one after the other, that ended soon.
    short_lives: u32,
    why: Why,
    down_since: Instant,
    view: watch::Sender<View>,
}

impl State {
    fn new(view: watch::Sender<View>, courtesy: Duration) -> Self {
        let now = Instant::now();
        Self {
            links: Vec::new(),
            draining: Vec::new(),
            tasks: JoinSet::new(),
            dial: None,
            dial_from: now + courtesy,
            moved: false,
            failures: 0,
            short_lives: 0,
            why: Why::new("no dial yet"),
            down_since: now,
            view,
        }
    }

    /// When to dial: at once without a link, and before the newest one ends.
    fn dial_at(&self) -> Instant {
        match self.links.first() {
            Some(newest) if !self.moved => newest.link.renew_at().max(self.dial_from),
            _ => self.dial_from,
        }
    }

    fn drained_at(&self) -> Option<Instant> {
        self.draining.iter().map(|entry| entry.until).min()
    }

    /// The peer is elsewhere: what is known of the old address counts no more.
    fn begin_anew(&mut self) {
        self.moved = true;
        self.dial = None;
        self.dial_from = Instant::now();
        self.failures = 0;
        self.publish();
    }

    /// Our identity has changed, which may help where a peer did not believe the old one.
    fn try_again(&mut self) {
        if self.links.is_empty() {
            self.dial = None;
            self.dial_from = Instant::now();
        }
    }

    fn end_drained(&mut self, now: Instant) {
        for entry in self.draining.extract_if(.., |entry| entry.until <= now) {
            entry.link.close(CLOSE_REPLACED, REPLACED);
        }
    }

    fn publish(&self) {
        debug_assert!(self.links.len() <= 2, "{} links stand", self.links.len());
        let view = match &self.links[..] {
            [newest, rest @ ..] => {
                View::Up { newest: Arc::clone(&newest.link), other: rest.first().map(|entry| Arc::clone(&entry.link)) }
            }
            [] if self.failures == 0 => View::Dialing,
            [] => View::Down { why: self.why.clone(), since: self.down_since },
        };
        self.view.send_replace(view);
    }

    async fn stop(mut self, mut accepted: mpsc::Receiver<Link>, code: VarInt, why: &str) {
        accepted.close();
        while let Ok(link) = accepted.try_recv() {
            link.close(code, why);
        }
        for entry in self.links.iter().chain(&self.draining) {
            entry.link.close(code, why);
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
