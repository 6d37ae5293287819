//! What a workload is, and what it is given: the port between the harness and the workloads.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::history::{Op, Recorder};
use crate::verdict::Verdict;

/// A future behind a pointer, so that traits with async methods can be objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A workload: what clients do, and the rules that must hold of what they saw.
///
/// The harness calls `setup` on a healthy cluster, then runs [`Workload::concurrency`] loops of `operate` while the nemesis
/// works, tells them to stop, heals everything, waits until every daemon is ready, calls `finish`, and checks.
pub trait Workload: Send + Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// How many loops run side by side.
    fn concurrency(&self) -> u64;

    /// Makes what the operations need: workspaces, first objects. What it does is not in the history, unless it records it.
    fn setup<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, anyhow::Result<()>>;

    /// One loop: operations, one after the other, each recorded, until [`Run::goes_on`] says no.
    fn operate<'a>(&'a self, run: &'a Run, place: u64) -> BoxFuture<'a, ()>;

    /// Final reads, after everything is healed: recorded operations, too. Trying again is allowed and wise.
    fn finish<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, anyhow::Result<()>>;

    /// Says whether the rules held and whether the history is rich enough to say so. A pure function of the history, so that a
    /// stored one can be checked again.
    fn check(&self, history: &[Op]) -> Verdict;
}

/// What the loops of one run share.
pub struct Run {
    /// The way to the daemons.
    pub client: Arc<dyn Client>,
    /// Where operations are recorded.
    pub recorder: Arc<Recorder>,
    /// Decides everything that is chosen; take `Random::of(seed, ..)`.
    pub seed: u64,
    /// Operations of all loops together in a second, at most; a loop that is ahead of it waits.
    pub rate: f64,
    /// True from the moment when loops should end.
    pub stop: watch::Receiver<bool>,
}

impl Run {
    /// Whether loops should go on.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        !*self.stop.borrow()
    }

    /// Waits, but not beyond the end of the run.
    pub async fn pause(&self, duration: Duration) {
        let mut stop = self.stop.clone();
        // Both ends of the race are fine: time is up, or the run is.
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// A daemon as a workload sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name, `eu-1`.
    pub name: String,
    /// Its region.
    pub region: String,
}

/// One request of the Kubernetes API.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE`.
    pub method: &'static str,
    /// Path and query, from `/clusters/...` on.
    pub path: String,
    /// The body; null is none. A `PATCH` is a JSON merge patch.
    pub body: Value,
    /// No answer for so long ends the request.
    pub timeout: Duration,
}

impl Request {
    /// A request with the usual timeout.
    #[must_use]
    pub fn new(method: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), body, timeout: Self::TIMEOUT }
    }

    /// Long enough for an election, short enough that a loop does not stand still behind a dead daemon.
    pub const TIMEOUT: Duration = Duration::from_secs(5);
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as JSON; null where it is none.
    pub body: Value,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// The request never left: no connection. It certainly had no effect.
    NotSent(String),
    /// It may have had an effect: timeout, broken connection.
    Unknown(String),
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotSent(why) => write!(f, "not sent: {why}"),
            Self::Unknown(why) => write!(f, "no answer: {why}"),
        }
    }
}

/// The way to the daemons. One request is sent once: nothing is tried again behind the workload's back.
pub trait Client: Send + Sync {
    /// All daemons. A nemesis may add and remove some.
    fn targets(&self) -> Vec<Target>;

    /// Sends one request to one daemon.
    fn request<'a>(&'a self, daemon: &'a str, request: Request) -> BoxFuture<'a, Result<Answer, NoAnswer>>;

    /// Opens a watch; an answer that is not 200 is given as [`Opened::Refused`].
    fn watch<'a>(&'a self, daemon: &'a str, path: &'a str) -> BoxFuture<'a, Result<Opened, NoAnswer>>;
}

/// What opening a watch gave.
pub enum Opened {
    /// Events will come.
    Stream(Box<dyn Events>),
    /// The server refused it.
    Refused(Answer),
}

/// The events of one watch.
pub trait Events: Send {
    /// The next event, `{"type": .., "object": ..}`; `Ok(None)` at the end of the stream.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Value>, NoAnswer>>;
}
