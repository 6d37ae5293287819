//! What is wrong with an object for server-side apply, in upstream's words.

use std::fmt;

use super::path::PathElement;

/// All that is wrong with one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Path as upstream shows it, `.spec.ports[port=80]`; empty for the whole object.
    path: String,
    message: String,
}

impl Problems {
    pub(crate) fn add(&mut self, at: &Trail<'_>, message: impl Into<String>) {
        self.0.push(Problem { path: at.to_string(), message: message.into() });
    }

    /// Nothing when nothing is wrong.
    pub(crate) fn done<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One line, or a line for each after `errors:`.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0.as_slice() {
            return only.fmt(f);
        }
        f.write_str("errors:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

/// The way from the root to the value that is looked at.
#[derive(Clone, Copy)]
pub(crate) enum Trail<'a> {
    Root,
    Field(&'a Self, &'a str),
    Element(&'a Self, &'a PathElement),
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Element(parent, element) => write!(f, "{parent}{element}"),
        }
    }
}
