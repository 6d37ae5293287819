//! Linearizability of one object, by the search of Wing and Gong as Lowe refined it ("Testing for linearizability", 2017):
//! calls and returns stand in one list in the order of time; a call before the first return may take effect next; whoever
//! has come to a set of effects and a state that was seen before goes back at once.
//!
//! Calls whose outcome is unknown have no return: they may take effect at any time after they were made, or never. The
//! search is exhaustive, so it has a budget, and [`Search::Unknown`] says that it is spent.
//!
//! What was seen is kept as 128 bits of hash and not as sets, so that long histories fit into memory. Two different pairs
//! with one hash would hide a part of the search; with the largest memo the chance of that is below 2^-80.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};

/// What an object is.
pub trait Model {
    /// What is remembered between calls.
    type State: Clone + Eq + Hash;
    /// A call with the outcome that its client saw.
    type Action;

    /// The state before the first call.
    fn initial(&self) -> Self::State;

    /// The state after the action; `None` when no such object could have answered so.
    fn step(&self, state: &Self::State, action: &Self::Action) -> Option<Self::State>;
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call<A> {
    /// When it was made.
    pub invoked_ns: u64,
    /// When its answer came; `None` when its outcome is unknown.
    pub returned_ns: Option<u64>,
    /// What it did.
    pub action: A,
}

/// How long a search may take.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Steps of the model. Above it the search gives up.
    pub steps_max: u64,
    /// Pairs of effects and state that are remembered, 32 bytes each. Above it the search gives up.
    pub memo_entries_max: usize,
}

impl Default for Budget {
    /// About ten seconds and 256 MiB for one object.
    fn default() -> Self {
        Self { steps_max: 50_000_000, memo_entries_max: 8_000_000 }
    }
}

/// What a search has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// In this order the calls explain all answers. Positions in the slice that was searched.
    Linearizable(Vec<usize>),
    /// No order does.
    Violation {
        /// The longest order that was found before the search was stuck.
        longest: Vec<usize>,
        /// The call whose return could not be passed then.
        stuck: usize,
    },
    /// The budget was spent first.
    Unknown(&'static str),
}

/// Searches for an order of the calls' effects that explains all answers.
pub fn search<M: Model>(model: &M, calls: &[Call<M::Action>], budget: Budget) -> Search {
    Searcher::new(model, calls, budget).run()
}

/// One place in the list: a call, or the return of one.
#[derive(Debug, Clone, Copy)]
struct Entry {
    call: usize,
    is_return: bool,
    previous: usize,
    next: usize,
}

struct Searcher<'a, M: Model> {
    model: &'a M,
    calls: &'a [Call<M::Action>],
    budget: Budget,
    /// The first is the list's head, and its end points back to it.
    entries: Vec<Entry>,
    /// Where the return of a call stands.
    return_of: Vec<Option<usize>>,
    returns_left: usize,
    /// Entries of calls that took effect, with the state before each.
    stack: Vec<(usize, M::State)>,
    seen: HashSet<u128>,
    hashers: (RandomState, RandomState),
    /// Hash of the set of calls that took effect.
    effects: u128,
}

const HEAD: usize = 0;

impl<'a, M: Model> Searcher<'a, M> {
    fn new(model: &'a M, calls: &'a [Call<M::Action>], budget: Budget) -> Self {
        let mut events: Vec<(u64, bool, usize)> = Vec::with_capacity(2 * calls.len());
        for (call, Call { invoked_ns, returned_ns, .. }) in calls.iter().enumerate() {
            events.push((*invoked_ns, false, call));
            // A call and a return at one instant are taken to overlap: the call stands first.
            events.extend(returned_ns.map(|returned_ns| (returned_ns.max(*invoked_ns), true, call)));
        }
        events.sort_unstable();
        let mut entries = vec![Entry { call: usize::MAX, is_return: false, previous: HEAD, next: HEAD }];
        let mut return_of = vec![None; calls.len()];
        for (_, is_return, call) in events {
            let place = entries.len();
            let last = entries[HEAD].previous;
            entries.push(Entry { call, is_return, previous: last, next: HEAD });
            entries[last].next = place;
            entries[HEAD].previous = place;
            if is_return {
                return_of[call] = Some(place);
            }
        }
        let returns_left = return_of.iter().flatten().count();
        Self {
            model,
            calls,
            budget,
            entries,
            return_of,
            returns_left,
            stack: Vec::new(),
            seen: HashSet::new(),
            hashers: (RandomState::new(), RandomState::new()),
            effects: 0,
        }
    }

    fn run(mut self) -> Search {
        let mut state = self.model.initial();
        let mut longest = Vec::new();
        let mut stuck = 0;
        let mut steps = 0;
        let mut place = self.entries[HEAD].next;
        while self.returns_left > 0 {
            let entry = self.entries[place];
            if place != HEAD && !entry.is_return {
                steps += 1;
                if steps > self.budget.steps_max {
                    return Search::Unknown("the search took too many steps");
                }
                match self.taking_effect(&state, entry.call) {
                    Some(next) => {
                        if self.seen.len() > self.budget.memo_entries_max {
                            return Search::Unknown("the search needed too much memory");
                        }
                        self.stack.push((place, std::mem::replace(&mut state, next)));
                        self.lift(place);
                        place = self.entries[HEAD].next;
                    }
                    None => place = entry.next,
                }
                continue;
            }
            // A return, or the end: what was tried first did not lead on.
            if self.stack.len() >= longest.len() && place != HEAD {
                longest = self.order();
                stuck = entry.call;
            }
            let Some((last, before)) = self.stack.pop() else { return Search::Violation { longest, stuck } };
            state = before;
            self.unlift(last);
            place = self.entries[last].next;
        }
        Search::Linearizable(self.order())
    }

    /// The state after the call, when it can have its outcome here and this has not been tried before.
    fn taking_effect(&mut self, state: &M::State, call: usize) -> Option<M::State> {
        let next = self.model.step(state, &self.calls[call].action)?;
        let pair = self.effects ^ self.hash(&("call", call)) ^ self.hash(&next);
        self.seen.insert(pair).then_some(next)
    }

    fn hash<T: Hash>(&self, value: &T) -> u128 {
        u128::from(self.hashers.0.hash_one(value)) << 64 | u128::from(self.hashers.1.hash_one(value))
    }

    /// Takes a call and its return out of the list.
    fn lift(&mut self, place: usize) {
        let call = self.entries[place].call;
        self.effects ^= self.hash(&("call", call));
        self.unlink(place);
        if let Some(place) = self.return_of[call] {
            self.unlink(place);
            self.returns_left -= 1;
        }
    }

    /// Puts them back, in the reverse order.
    fn unlift(&mut self, place: usize) {
        let call = self.entries[place].call;
        if let Some(place) = self.return_of[call] {
            self.relink(place);
            self.returns_left += 1;
        }
        self.relink(place);
        self.effects ^= self.hash(&("call", call));
    }

    fn unlink(&mut self, place: usize) {
        let Entry { previous, next, .. } = self.entries[place];
        self.entries[previous].next = next;
        self.entries[next].previous = previous;
    }

    fn relink(&mut self, place: usize) {
        let Entry { previous, next, .. } = self.entries[place];
        self.entries[previous].next = place;
        self.entries[next].previous = place;
    }

    fn order(&self) -> Vec<usize> {
        self.stack.iter().map(|(place, _)| self.entries[*place].call).collect()
    }
}
