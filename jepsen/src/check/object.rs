//! One object as Kubernetes promises it: created once, read, replaced (perhaps only at a revision), deleted. A [`Model`] for
//! the search of linearizability.
//!
//! Each write makes a new `resourceVersion`, larger than all before. A write whose outcome is unknown and whose value nobody
//! has ever seen has no known revision; if it happened, nothing that names a revision can meet its state.

use super::linear::Model;
use super::pair::Refusal;

/// Number of a value that somebody wrote.
pub type ValueId = u32;

/// What stands in the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cell {
    /// There is no object.
    Absent,
    /// There is one. The revision is `None` where nobody ever saw it.
    Present(ValueId, Option<u64>),
    /// Not known: a part of a history begins here.
    Anything,
}

/// The object, and how far revisions have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    /// What stands in it.
    pub cell: Cell,
    /// The highest revision that a write is known to have had.
    pub floor: u64,
}

/// What a client does with the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// POST.
    Create(ValueId),
    /// PUT.
    Update(ValueId),
    /// DELETE.
    Delete,
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// It happened, at this revision where the answer tells it.
    Done(Option<u64>),
    /// It was refused for what the object was.
    Refused(Refusal),
    /// Nobody knows; the revision is the one under which its value was seen.
    Unknown(Option<u64>),
}

/// A call with the outcome that its client saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A read, and what it saw.
    Read(Option<(ValueId, u64)>),
    /// A write: what, at which revision only, and how it ended.
    Write(Verb, Option<u64>, Ending),
}

/// One object that begins absent, or in a state that is not known.
#[derive(Debug, Clone, Copy)]
pub struct Object {
    /// What stands in it at the beginning.
    pub begin: Cell,
}

impl Model for Object {
    type State = State;
    type Action = Action;

    fn initial(&self) -> State {
        State { cell: self.begin, floor: 0 }
    }

    fn step(&self, state: &State, action: &Action) -> Option<State> {
        match *action {
            Action::Read(seen) => read(*state, seen),
            Action::Write(verb, expect, ending) => match ending {
                Ending::Done(revision) | Ending::Unknown(revision) => write(*state, verb, expect, revision),
                Ending::Refused(refusal) => refused(state.cell, expect, refusal).then_some(*state),
            },
        }
    }
}

fn read(state: State, seen: Option<(ValueId, u64)>) -> Option<State> {
    let cell = seen.map_or(Cell::Absent, |(value, revision)| Cell::Present(value, Some(revision)));
    match state.cell {
        Cell::Anything => Some(State { cell, floor: state.floor.max(seen.map_or(0, |(_, revision)| revision)) }),
        known => (known == cell).then_some(state),
    }
}

fn write(state: State, verb: Verb, expect: Option<u64>, revision: Option<u64>) -> Option<State> {
    let fits = match (verb, state.cell) {
        (_, Cell::Anything) => true,
        (Verb::Create(_), cell) => cell == Cell::Absent,
        (Verb::Update(_) | Verb::Delete, Cell::Present(_, own)) => expect.is_none_or(|expect| own == Some(expect)),
        (Verb::Update(_) | Verb::Delete, Cell::Absent) => false,
    };
    let floor = state.floor.max(expect.unwrap_or(0));
    if !fits || revision.is_some_and(|revision| revision <= floor) {
        return None;
    }
    let cell = match verb {
        Verb::Create(value) | Verb::Update(value) => Cell::Present(value, revision),
        Verb::Delete => Cell::Absent,
    };
    Some(State { cell, floor: floor.max(revision.unwrap_or(0)) })
}

fn refused(cell: Cell, expect: Option<u64>, refusal: Refusal) -> bool {
    match (refusal, cell) {
        (_, Cell::Anything) => true,
        (Refusal::Missing, cell) => cell == Cell::Absent,
        (Refusal::Exists, cell) => cell != Cell::Absent,
        // Without a precondition a conflict says only that others came between, again and again.
        (Refusal::Conflict, Cell::Present(_, own)) => expect.is_none() || own != expect,
        (Refusal::Conflict, Cell::Absent) => false,
    }
}
