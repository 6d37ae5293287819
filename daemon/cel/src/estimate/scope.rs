//! Paths from variables to values, and the variables of comprehensions.

use std::collections::HashMap;
use std::sync::Arc;

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
#[derive(Clone, Debug, Default)]
pub(crate) struct Path(Option<Arc<Link>>);

#[derive(Debug)]
struct Link {
    before: Path,
    step: Step,
    length: usize,
}

impl Path {
    pub(crate) fn root(name: &str) -> Self {
        Self::default().then(Step::Field(name.into()))
    }

    /// The way one step on. A way that is longer than any schema is deep leads nowhere.
    pub(crate) fn then(&self, step: Step) -> Self {
        let length = self.0.as_ref().map_or(0, |link| link.length) + 1;
        if length > LENGTH_MAX {
            return self.clone();
        }
        Self(Some(Arc::new(Link { before: self.clone(), step, length })))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn is_accumulator(&self) -> bool {
        matches!(self.steps().first(), Some(Step::Field(name)) if &**name == "@result" || &**name == "__result__")
    }

    pub(crate) fn steps(&self) -> Vec<&Step> {
        let mut steps = Vec::new();
        let mut link = self.0.as_deref();
        while let Some(Link { before, step, .. }) = link {
            steps.push(step);
            link = before.0.as_deref();
        }
        steps.reverse();
        steps
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
