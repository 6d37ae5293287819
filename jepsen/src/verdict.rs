//! What a checker says of a history.

use serde::{Deserialize, Serialize};

use crate::history::Op;

/// How sure, and of what. Ordered from good to bad: the verdict of a run is the worst of its checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The rules hold, and the run exercised them.
    Ok,
    /// Nothing is wrong, but the run did not do what would have shown it (too few operations, no fault, a checker that ran out
    /// of time or memory).
    Unproven,
    /// A rule is broken; the evidence says where.
    Failed,
}

/// The result of one rule or a set of rules checked together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The checker: `linearizable`, `set`, `watch`, ...
    pub name: String,
    /// The result.
    pub status: Status,
    /// One sentence with numbers: what was checked, or what is wrong.
    pub summary: String,
    /// The smallest part of the history that shows it; empty where nothing is wrong.
    pub evidence: Vec<Op>,
}

/// What all checks of a run say together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// One for each checker.
    pub checks: Vec<Check>,
}

impl Verdict {
    /// The worst of all; a run without checks has shown nothing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.checks.iter().map(|check| check.status).max().unwrap_or(Status::Unproven)
    }
}

impl Check {
    /// A check without evidence.
    #[must_use]
    pub fn new(name: &str, status: Status, summary: String) -> Self {
        Self { name: name.to_owned(), status, summary, evidence: Vec::new() }
    }
}
