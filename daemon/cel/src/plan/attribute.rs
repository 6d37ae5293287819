//! Paths: a variable or a value, and what is selected from it.

use super::Step;
use crate::value::Value;

/// A path. cel-go calls it an attribute.
#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) head: Head,
    pub(crate) qualifiers: Vec<Qualifier>,
}

/// Where a path begins.
#[derive(Debug)]
pub(crate) enum Head {
    /// A variable of a fold.
    Local(usize),
    /// A variable from outside.
    Global(usize),
    /// A value that was calculated.
    Value(Step),
    /// `condition ? attribute : attribute`. The branches cost only what their parts cost.
    Conditional(Step, Box<Attribute>, Box<Attribute>),
}

/// What is selected.
#[derive(Debug)]
pub(crate) struct Qualifier {
    pub(crate) index: Index,
    /// `.?field`, `[?index]`
    pub(crate) optional: bool,
}

/// By what it is selected.
#[derive(Debug)]
pub(crate) enum Index {
    /// A field, or a constant index.
    Constant(Value<'static>),
    /// Another path, whose head costs nothing.
    Attribute(Attribute),
    /// A calculated value.
    Value(Step),
}

impl Attribute {
    pub(crate) const fn new(head: Head) -> Self {
        Self { head, qualifiers: Vec::new() }
    }

    /// What the path costs besides its parts.
    pub(crate) const fn cost(&self) -> u64 {
        if matches!(self.head, Head::Conditional(..)) { 0 } else { 1 }
    }
}
