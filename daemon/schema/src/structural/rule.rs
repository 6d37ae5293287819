//! `x-kubernetes-validations`: rules in the Common Expression Language, what they may cost, and what they say.
//!
//! A rule sees the value of its node as `self`, and as `oldSelf` the value that the update replaces, where the two can be
//! correlated. Source: KEP-2876, KEP-4008, and apiextensions-apiserver's `apiserver/schema/cel`.

mod check;
mod declare;
mod judge;

use hanse_cel::program::Program;
use hanse_cel::value::shape::Shape;
use serde_json::Value;

use super::path::Path;
use super::ratchet::Correlated;
use super::schema::Schema;
use super::words::Findings;

pub use declare::attach;

pub(crate) use check::{Check, Limits};
pub(crate) use judge::{Judge, Ratchet, Subject};

/// One rule of a node, compiled.
#[derive(Debug)]
pub struct Rule {
    /// The expression, as the schema gives it.
    pub rule: Box<str>,
    /// What is told when the rule is broken; empty where the rule itself is shown.
    pub message: Box<str>,
    /// The expression that makes the message; empty where there is none.
    pub message_expression: Box<str>,
    /// The reason that a refusal gives.
    pub reason: Reason,
    /// The field that is complained about, below the node; empty for the node itself.
    pub field_path: Box<str>,
    /// Whether `oldSelf` is an optional value, so that the rule also runs when there is none.
    pub optional_old_self: bool,
    /// Whether it compares with the old value.
    pub uses_old_self: bool,
    /// The expression compiled, or why it could not be; nothing for an empty one.
    pub(crate) program: Result<Option<Program>, String>,
    /// The message's expression.
    pub(crate) message_program: Result<Option<Program>, String>,
    /// How the value of the node is read.
    pub(crate) shape: Shape,
    /// How often values of the node can be in one object at most, where nothing but the size of a request bounds it.
    pub(crate) cardinality_max: u64,
}

/// The reason that a broken rule gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    /// `FieldValueInvalid`
    #[default]
    Invalid,
    /// `FieldValueForbidden`
    Forbidden,
    /// `FieldValueRequired`
    Required,
    /// `FieldValueDuplicate`
    Duplicate,
}

impl Rule {
    /// What names the rule in messages.
    fn shown(&self) -> &str {
        if self.message.is_empty() { self.rule.trim() } else { self.message.trim() }
    }
}

/// Asks all rules about an object. Where it takes the place of an old one, what has not changed is not complained about,
/// unless by rules that compare.
pub(crate) fn judge(schema: &Schema, object: &Value, correlated: Option<&Correlated<'_>>, findings: &mut Findings) {
    let mut judge = Judge::new(findings);
    let old = correlated.map(Correlated::old);
    judge.node(schema, Subject { value: object, old }, Ratchet::new(correlated), &Path::ROOT);
}

/// What all rules may cost for one object.
pub(crate) const OBJECT_COST_MAX: u64 = 10_000_000;
/// What one evaluation may cost.
const CALL_COST_MAX: u64 = 1_000_000;
