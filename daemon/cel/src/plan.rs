//! An expression made ready for evaluation: names resolved, constants calculated, patterns compiled, and the rule by which
//! each step costs.
//!
//! What costs how much is decided here as cel-go's planner and its cost tracker do it together (`interpreter/planner.go`,
//! `attributes.go`, `decorators.go`, `runtimecost.go`): a path `a.b[c]` is one step whose parts cost 1 each, the branches
//! of `?:` that are variables cost nothing, constants and what is calculated from constants cost nothing.

mod attribute;
mod build;
mod constants;
mod types;

use std::sync::Arc;

use regex::Regex;

pub(crate) use self::attribute::{Attribute, Head, Index, Qualifier};
pub(crate) use self::constants::Constants;
use crate::ast::Expr;
use crate::budget::EvalError;
use crate::library::Function;
use crate::library::cost::Rule;
use crate::ty::Type;
use crate::value::Value;

/// How deep a plan may be nested. The interpreter recurses as deep.
const DEPTH_MAX: usize = 250;

/// An expression that is ready to be evaluated, any number of times, by any number of threads.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) root: Step,
    /// How many local variables are alive at once.
    pub(crate) slots: usize,
    /// Names of the variables that come from outside.
    pub(crate) globals: Vec<Box<str>>,
}

/// A step of an evaluation.
#[derive(Debug)]
pub(crate) enum Step {
    Constant(Value<'static>),
    Attribute(Box<Attribute>),
    /// `has(operand.field)`: the last qualifier is only looked for.
    Has(Box<Attribute>),
    And(Vec<Self>),
    Or(Vec<Self>),
    Equal(Box<(Self, Self)>, Equality),
    Call(Box<Call>),
    /// `accumulator + element`, where the accumulator is held by nobody else.
    Append(Box<Append>),
    Match(Box<Match>),
    /// `@not_strictly_false`, which macros ask before they take a step: false for `false` only, even after errors.
    NotFalse(Box<Self>),
    /// `element in [constants]`
    InConstants(Box<(Self, Constants)>),
    /// `optional.or(other)` and `optional.orValue(other)`
    OptionalOr(Box<(Self, Self)>, Fallback),
    List(Vec<(Self, bool)>),
    Map(Vec<(Self, Self, bool)>),
    Struct(Box<Struct>),
    Fold(Box<Fold>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Equality {
    Equal,
    NotEqual,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fallback {
    Optional,
    Value,
}

/// A call of a function that takes values.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) function: Function,
    pub(crate) args: Vec<Step>,
    pub(crate) rule: Rule,
}

/// `slot = slot + [element]` or `slot[key] = value`
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) slot: usize,
    pub(crate) what: Appended,
}

#[derive(Debug)]
pub(crate) enum Appended {
    /// `_+_`
    Sum(Step),
    /// `cel.@mapInsert` of an entry.
    Entry(Step, Step),
    /// `cel.@mapInsert` of a map's entries.
    Entries(Step),
}

/// A call with a constant pattern.
#[derive(Debug)]
pub(crate) struct Match {
    pub(crate) kind: Matcher,
    pub(crate) regex: Regex,
    pub(crate) args: Vec<Step>,
    pub(crate) rule: Rule,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Matcher {
    Matches,
    Find,
    FindAll,
}

#[derive(Debug)]
pub(crate) struct Struct {
    pub(crate) type_name: Box<str>,
    pub(crate) fields: Vec<(Box<str>, Step, bool)>,
}

/// A fold. Its accumulator is in `slot`, its variables in the two slots after it.
#[derive(Debug)]
pub(crate) struct Fold {
    pub(crate) slot: usize,
    pub(crate) two: bool,
    pub(crate) range: Step,
    pub(crate) init: Arc<Step>,
    pub(crate) condition: Step,
    pub(crate) step: Step,
    pub(crate) result: Step,
}

impl Plan {
    /// Makes a checked expression ready. `types` gives the type that the checker found for a node; where it gives none,
    /// costs go by the values.
    ///
    /// # Errors
    /// When a constant part of the expression has no value (`int('x')`, a pattern that is not one), or when the
    /// expression is nested too deeply.
    pub(crate) fn new(expr: &Expr, types: &dyn Fn(u32) -> Option<Type>) -> Result<Self, EvalError> {
        build::plan(expr, types, DEPTH_MAX)
    }
}
