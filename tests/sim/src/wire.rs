//! The network: calls from one end to another, each on its own way, under a table of cuts.
//!
//! As on the QUIC links of the product, a lost packet is sent again and costs time, calls overtake each other, and a call
//! is carried out at most once. A link on which nothing gets through in one direction is dead in both after a while; until
//! then what is sent into it is not heard of again.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::dice::{Dice, mix};
use crate::message::{Answer, Call};
use crate::trace::Trace;
use crate::wire::pipes::{HELD_UP, Pipe, PipeId};

pub mod pipes;

/// A place that sends and receives: a machine, or the clients of a region.
pub type End = usize;

/// How the network is.
#[derive(Debug, Clone)]
pub struct Weather {
    /// One way within a region, in milliseconds.
    pub near_ms: (u64, u64),
    /// One way between regions.
    pub far_ms: (u64, u64),
    /// How many packets of a million are lost, and sent again.
    pub loss_per_million: u64,
    /// What that costs.
    pub again_ms: u64,
    /// How many calls of a million are held up on the way.
    pub late_per_million: u64,
    /// For how long at most.
    pub late_ms_max: u64,
    /// After how long a dead link is known to be dead.
    pub silence_ms: u64,
    /// Whether the end of a process is noticed at once.
    pub deaths_are_noticed: bool,
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// Nothing was sent.
    Unreachable(&'static str),
    /// It may have arrived.
    Unanswered(&'static str),
}

/// What arrives at a machine.
#[derive(Debug)]
pub struct Arrived {
    /// Who sent it.
    pub from: End,
    /// By which it is answered.
    pub id: u64,
    /// What is asked.
    pub call: Call,
}

/// What is due at an end.
pub enum Due {
    /// A call for a machine.
    Call(End, Arrived),
    /// Answers and losses have been handed out.
    Nothing,
}

/// The network. Clones are the same.
#[derive(Clone)]
pub struct Wire(Arc<Mutex<State>>);

struct State {
    now: Duration,
    weather: Weather,
    dice: Dice,
    regions: Vec<usize>,
    /// Which process runs at an end, if any.
    lives: Vec<Option<u64>>,
    /// Since when nothing gets from one end to another.
    cuts: BTreeMap<(End, End), Duration>,
    queue: BinaryHeap<Reverse<Flight>>,
    waiting: BTreeMap<u64, Waiting>,
    pipes: BTreeMap<PipeId, Pipe>,
    next: u64,
    trace: Trace,
}

struct Waiting {
    caller: End,
    answer: oneshot::Sender<Result<Answer, Lost>>,
}

struct Flight {
    at: Duration,
    number: u64,
    from: End,
    to: End,
    /// The process that it was sent to.
    life: Option<u64>,
    id: u64,
    packet: Packet,
}

enum Packet {
    Call(Call),
    Answer(Answer),
    /// The process at the other end has ended.
    Reset,
    /// The next piece of a pipe is due.
    Piece(PipeId, usize),
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Flight {}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Flight {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl Wire {
    /// A network between ends of these regions, none of which runs.
    #[must_use]
    pub fn new(regions: Vec<usize>, weather: Weather, dice: Dice, trace: Trace) -> Self {
        let lives = vec![None; regions.len()];
        Self(Arc::new(Mutex::new(State {
            now: Duration::ZERO,
            weather,
            dice,
            regions,
            lives,
            cuts: BTreeMap::new(),
            queue: BinaryHeap::new(),
            waiting: BTreeMap::new(),
            pipes: BTreeMap::new(),
            next: 1,
            trace,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time of the simulation.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.state().now
    }

    /// A number that is higher each time.
    #[must_use]
    pub fn moment(&self) -> u64 {
        self.state().take_number()
    }

    /// Lets time go on.
    pub fn set_now(&self, now: Duration) {
        self.state().now = now;
    }

    /// Asks something and waits for the answer. Called within the caller's runtime.
    ///
    /// # Errors
    /// See [`Lost`].
    pub async fn call(&self, from: End, to: End, call: Call, wait: Duration) -> Result<Answer, Lost> {
        let (id, answered) = {
            let mut state = self.state();
            if state.lives[from].is_none() {
                return Err(Lost::Unreachable("the caller has ended"));
            }
            if let Some(why) = state.known_dead(from, to) {
                return Err(Lost::Unreachable(why));
            }
            let (answer, answered) = oneshot::channel();
            let id = state.take_number();
            state.waiting.insert(id, Waiting { caller: from, answer });
            state.send(from, to, id, Packet::Call(call));
            (id, answered)
        };
        match tokio::time::timeout(wait, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_gone)) => Err(Lost::Unanswered("the caller has ended")),
            Err(_elapsed) => {
                self.state().waiting.remove(&id);
                Err(Lost::Unanswered("nothing came in time"))
            }
        }
    }

    /// Answers a call.
    pub fn answer(&self, from: End, to: End, id: u64, answer: Answer) {
        let mut state = self.state();
        if state.lives[from].is_some() {
            state.send(from, to, id, Packet::Answer(answer));
        }
    }

    /// A process runs at the end from now on.
    pub fn begin(&self, end: End, life: u64) {
        self.state().lives[end] = Some(life);
    }

    /// The process at the end has ended: nothing that was sent to it arrives any more.
    pub fn end(&self, end: End) {
        let mut state = self.state();
        state.lives[end] = None;
        state.waiting.retain(|_, waiting| waiting.caller != end);
        state.end_pipes(end);
    }

    /// Nothing gets from one end to the other.
    pub fn cut(&self, from: End, to: End) {
        let mut state = self.state();
        let now = state.now;
        state.cuts.entry((from, to)).or_insert(now);
    }

    /// Whether nothing gets from one end to another.
    #[must_use]
    pub fn is_cut(&self, from: End, to: End) -> bool {
        self.state().cuts.contains_key(&(from, to))
    }

    /// The way is open again.
    pub fn mend(&self, from: End, to: End) {
        self.state().cuts.remove(&(from, to));
    }

    /// All ways are open.
    pub fn mend_all(&self) {
        self.state().cuts.clear();
    }

    /// Changes how the network is.
    pub fn set_weather(&self, change: impl FnOnce(&mut Weather)) {
        change(&mut self.state().weather);
    }

    /// Whether a call from one end to the other could arrive now.
    #[must_use]
    pub fn is_open(&self, from: End, to: End) -> bool {
        self.state().known_dead(from, to).is_none()
    }

    /// Notes something in the trace.
    pub fn note(&self, number: u64, words: impl FnOnce() -> String) {
        let mut state = self.state();
        let now = state.now;
        state.trace.note(number);
        state.trace.line(now, words);
    }

    /// The trace so far.
    #[must_use]
    pub fn traced(&self) -> (u64, u64, Vec<String>) {
        let state = self.state();
        (state.trace.sum(), state.trace.count(), state.trace.lines().map(str::to_owned).collect())
    }

    /// Takes the next of what has arrived until now; none when there is nothing.
    #[must_use]
    pub fn next_due(&self) -> Option<Due> {
        let mut state = self.state();
        let now = state.now;
        if state.queue.peek().is_none_or(|Reverse(flight)| flight.at > now) {
            return None;
        }
        let Reverse(flight) = state.queue.pop()?;
        Some(state.arrive(flight))
    }
}

impl State {
    fn take_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Why nothing can be sent, as far as the sender knows.
    fn known_dead(&self, from: End, to: End) -> Option<&'static str> {
        let silence = Duration::from_millis(self.weather.silence_ms);
        let is_dead = |way| self.cuts.get(&way).is_some_and(|since| self.now.saturating_sub(*since) >= silence);
        if is_dead((from, to)) || is_dead((to, from)) {
            return Some("the link is dead");
        }
        (self.lives[to].is_none() && self.weather.deaths_are_noticed).then_some("no process is there")
    }

    fn send(&mut self, from: End, to: End, id: u64, packet: Packet) {
        let at = self.now + self.delay(from, to);
        let number = self.take_number();
        self.queue.push(Reverse(Flight { at, number, from, to, life: self.lives[to], id, packet }));
    }

    /// How long a packet is on its way.
    fn delay(&mut self, from: End, to: End) -> Duration {
        let ways = if self.regions[from] == self.regions[to] { self.weather.near_ms } else { self.weather.far_ms };
        let mut ms = self.dice.between(ways.0, ways.1);
        let mut lost = 0;
        while lost < 5 && self.dice.happens(self.weather.loss_per_million) {
            lost += 1;
            ms += (self.weather.again_ms + 2 * ways.1) << (lost - 1);
        }
        if self.dice.happens(self.weather.late_per_million) {
            ms += self.dice.below(self.weather.late_ms_max + 1);
        }
        Duration::from_millis(ms.max(1))
    }

    fn arrive(&mut self, flight: Flight) -> Due {
        let Flight { from, to, life, id, packet, .. } = flight;
        if let Packet::Piece(pipe, side) = packet {
            self.piece(pipe, side);
            return Due::Nothing;
        }
        if self.cuts.contains_key(&(from, to)) {
            if matches!(packet, Packet::Call(Call::Open(_))) {
                // The beginning of a stream is sent again, as its pieces are.
                let (at, number) = (self.now + HELD_UP, self.take_number());
                self.queue.push(Reverse(Flight { at, number, from, to, life, id, packet }));
            }
            return Due::Nothing;
        }
        if life.is_none() || self.lives[to] != life {
            self.lose_pipe(id, "the process at the other end has ended");
            // The machine says that nobody knows the connection.
            if let (Packet::Call(_), true) = (&packet, self.lives[to].is_some() || self.weather.deaths_are_noticed) {
                self.send(to, from, id, Packet::Reset);
            }
            return Due::Nothing;
        }
        let what = match &packet {
            Packet::Call(call) => call.digest(),
            Packet::Answer(answer) => answer.digest(),
            Packet::Reset | Packet::Piece(..) => 1,
        };
        self.trace.note(mix(what ^ ((from as u64) << 32) ^ ((to as u64) << 48)) ^ id);
        let now = self.now;
        match packet {
            Packet::Call(call) => {
                self.trace.line(now, || format!("{from} -> {to}  {call}"));
                Due::Call(to, Arrived { from, id, call })
            }
            Packet::Answer(answer) => {
                self.trace.line(now, || format!("{from} -> {to}  answer {answer}"));
                self.complete(id, Ok(answer));
                Due::Nothing
            }
            Packet::Reset => {
                self.complete(id, Err(Lost::Unanswered("the process at the other end has ended")));
                Due::Nothing
            }
            Packet::Piece(..) => Due::Nothing,
        }
    }

    fn complete(&mut self, id: u64, answer: Result<Answer, Lost>) {
        if let Some(waiting) = self.waiting.remove(&id) {
            // A caller that went away needs no answer.
            drop(waiting.answer.send(answer));
        }
    }
}
