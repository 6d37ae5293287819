//! Paths from variables to values, and the variables of comprehensions.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::size::SizeEstimate;
use crate::ty::Type;

/// One step from a value to a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Field(Box<str>),
    Items,
    Keys,
    Values,
    Indices,
}

/// The way from a variable to a value. Its first step is the variable.
///
/// It is kept as Go keeps a slice, because cel-go appends to slices that share their memory: where there is room for one
/// more step, two ways on from the same value have the step in one place, and the later one is what both say. So the size of
/// `item.tags` is read off `item.name` when `item.name` was looked at in between. Which rules a custom resource definition may
/// have depends on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Path {
    memory: Rc<Memory>,
    length: usize,
}

#[derive(Debug, Default)]
struct Memory {
    steps: RefCell<Vec<Step>>,
    capacity: usize,
}

impl Path {
    pub(crate) fn root(name: &str) -> Self {
        Self::default().then(Step::Field(name.into()))
    }

    /// The way one step on. A way that is longer than any schema is deep ends.
    pub(crate) fn then(&self, step: Step) -> Self {
        if self.length >= LENGTH_MAX {
            return self.clone();
        }
        let length = self.length + 1;
        let mut steps = self.memory.steps.borrow_mut();
        if length <= self.memory.capacity {
            match steps.get_mut(self.length) {
                Some(place) => *place = step,
                None => steps.push(step),
            }
            drop(steps);
            return Self { memory: Rc::clone(&self.memory), length };
        }
        let mut copy = steps[..self.length].to_vec();
        copy.push(step);
        let memory = Memory { steps: RefCell::new(copy), capacity: (2 * self.memory.capacity).max(1) };
        Self { memory: Rc::new(memory), length }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(crate) fn is_accumulator(&self) -> bool {
        let steps = self.memory.steps.borrow();
        let first = steps.first().filter(|_| !self.is_empty());
        matches!(first, Some(Step::Field(name)) if &**name == "@result" || &**name == "__result__")
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        self.memory.steps.borrow()[..self.length].to_vec()
    }
}

/// What holds elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    List,
    Map,
    Other,
}

impl Container {
    pub(crate) fn of(ty: &Type) -> Self {
        match ty {
            Type::List(_) => Self::List,
            Type::Map(..) => Self::Map,
            _ => Self::Other,
        }
    }
}

/// Sizes of the keys and values of a list or map that an expression makes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntrySize {
    pub(crate) container: Container,
    pub(crate) key: SizeEstimate,
    pub(crate) value: SizeEstimate,
}

impl EntrySize {
    pub(crate) fn union(self, other: Self) -> Self {
        Self { container: self.container, key: self.key.union(other.key), value: self.value.union(other.value) }
    }
}

/// A variable of a comprehension.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) path: Path,
    pub(crate) size: Option<SizeEstimate>,
    pub(crate) entry: Option<EntrySize>,
}

/// The variables of the comprehensions around, innermost last.
#[derive(Debug, Default)]
pub(crate) struct Scopes(HashMap<Box<str>, Vec<Local>>);

impl Scopes {
    pub(crate) fn enter(&mut self, name: &str, local: Local) {
        self.0.entry(name.into()).or_default().push(local);
    }

    pub(crate) fn leave(&mut self, name: &str) {
        if let Some(locals) = self.0.get_mut(name) {
            locals.pop();
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Local> {
        self.0.get(name).and_then(|locals| locals.last())
    }
}

/// How many steps are kept.
const LENGTH_MAX: usize = 300;
