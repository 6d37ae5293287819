//! One loop of operations: when the next is due, which daemon it asks, and how it is recorded.

use std::time::Duration;

use tokio::time::Instant;

use super::outcome::{self, Effect};
use crate::history::{Call, Outcome, Session};
use crate::port::{Answer, Request, Run, Target};
use crate::random::Random;

/// A client that is asked in turns: it keeps to the rate, and hops from daemon to daemon.
pub(crate) struct Driver<'a> {
    pub(crate) run: &'a Run,
    pub(crate) random: Random,
    session: Session,
    daemon: Target,
    /// Operations until it hops.
    stays: u64,
    due: Instant,
    interval: Duration,
}

/// Most operations that a client sends to one daemon before it hops.
const STAYS_MAX: u64 = 20;

impl<'a> Driver<'a> {
    /// The loop at a place; `concurrency` loops share the rate.
    pub(crate) fn new(run: &'a Run, place: u64, concurrency: u64) -> Self {
        let mut random = Random::of(run.seed, &format!("loop {place}"));
        let per_loop = run.rate / f64::from(u32::try_from(concurrency.max(1)).unwrap_or(u32::MAX));
        let interval =
            Duration::try_from_secs_f64(per_loop.recip()).unwrap_or(Duration::ZERO).min(Duration::from_secs(5));
        // Loops begin spread over the first interval.
        let due = Instant::now() + interval.mul_f64(unit(&mut random));
        let daemon = Target { name: String::new(), region: String::new() };
        let mut driver = Self { run, random, session: run.recorder.session(place), daemon, stays: 0, due, interval };
        driver.hop();
        driver
    }

    /// Waits until the next operation is due. False when the run is over.
    pub(crate) async fn turn(&mut self) -> bool {
        let now = Instant::now();
        self.run.pause(self.due.saturating_duration_since(now)).await;
        // Between half and one and a half of the interval; a loop that is late does not catch up.
        self.due = self.due.max(now) + self.interval.mul_f64(0.5 + unit(&mut self.random));
        if self.stays == 0 {
            self.hop();
        }
        self.stays -= 1;
        self.run.goes_on()
    }

    /// Goes to another daemon.
    pub(crate) fn hop(&mut self) {
        let targets = self.run.client.targets();
        if let Some(target) = self.random.pick(&targets) {
            self.daemon = target.clone();
        }
        self.stays = self.random.range(1, STAYS_MAX + 1);
    }

    /// Goes to this daemon, and stays there.
    pub(crate) fn go_to(&mut self, target: &Target) {
        self.daemon = target.clone();
        self.stays = u64::MAX;
    }

    /// The daemon that is asked.
    pub(crate) fn daemon(&self) -> &Target {
        &self.daemon
    }

    /// Records that an operation begins, at the daemon that is asked.
    pub(crate) fn begin(&self, call: &mut Call) {
        call.daemon = Some(self.daemon.name.clone());
        self.run.recorder.begin(&self.session, call);
    }

    /// Records how it ended. A client whose answer did not come goes to another daemon, as people do.
    pub(crate) fn end(&mut self, call: &Call, outcome: Outcome) {
        if !matches!(outcome, Outcome::Ok { .. }) && self.stays != u64::MAX && self.random.chance(0.5) {
            self.stays = 0;
        }
        self.run.recorder.end(&mut self.session, call, outcome);
        if self.stays == 0 {
            self.hop();
        }
    }

    /// Sends a request to the daemon that is asked, unrecorded.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, crate::port::NoAnswer> {
        self.run.client.request(&self.daemon.name, request).await
    }

    /// One recorded operation of one request. `about` is the object that a 404 must be about; `seen` reads the answer.
    pub(crate) async fn operation(
        &mut self,
        mut call: Call,
        request: Request,
        about: (&str, &str),
        seen: impl FnOnce(&Answer) -> Outcome,
    ) -> Outcome {
        let effect = if request.method == "GET" { Effect::Read } else { Effect::Write };
        self.begin(&mut call);
        let result = self.send(request).await;
        let outcome = match result {
            // That it is not there is what a read saw, not a failure.
            Ok(answer) if effect == Effect::Read && outcome::is_missing(&answer, about.0, about.1) => {
                Outcome::Ok { value: serde_json::Value::Null, revision: None }
            }
            result => match outcome::judged_for(result, effect, about) {
                Ok(answer) => seen(&answer),
                Err(outcome) => outcome,
            },
        };
        self.end(&call, outcome.clone());
        outcome
    }
}

/// A number from 0 to 1.
pub(crate) fn unit(random: &mut Random) -> f64 {
    f64::from(u32::try_from(random.next() >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}
