//! One expression of a policy or of a webhook's conditions: compiled once, evaluated for each request.
//!
//! Evaluation is work for the processor: what one expression costs is bounded at about a tenth of a second, what all of a policy
//! cost at about a second, as upstream bounds it.

use std::sync::Arc;

use hanse_cel::ast::{Expr, Node};
use hanse_cel::budget::Budget;
use hanse_cel::environment::Environment;
use hanse_cel::program::{CompileError, Program};
use hanse_cel::ty::Type;
use hanse_cel::value::Value;

use crate::admission::scene::Scene;

/// What one evaluation may cost; upstream's `PerCallLimit`.
pub(crate) const CALL_COST_MAX: u64 = 1_000_000;
/// What all validations, or the mutation, of one policy with one binding and parameter may cost; `RuntimeCELCostBudget`.
pub(crate) const POLICY_COST_MAX: u64 = 10_000_000;
/// What the conditions of a webhook or policy may cost; `RuntimeCELCostBudgetMatchConditions`.
pub(crate) const CONDITIONS_COST_MAX: u64 = 2_500_000;

/// An expression, or why it is none.
#[derive(Debug)]
pub(crate) struct Expression {
    source: String,
    program: Result<Program, String>,
    /// How deep it is nested.
    depth: usize,
}

/// The budget is used up: nothing further is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("validation failed due to running out of cost budget, no further validation rules will be run")]
pub(crate) struct OutOfBudget;

impl Expression {
    /// Compiles a text whose result is to be of one of the types.
    pub(crate) fn compile(environment: &Environment, source: &str, result: &[Type]) -> Self {
        let program = Program::compile(environment, source, result).map_err(|error| match error {
            CompileError::Problems(problems) => format!("compilation failed: {problems}"),
            other => other.to_string(),
        });
        let depth = program.as_ref().map_or(0, |program| depth(program.expression()));
        Self { source: source.to_owned(), program, depth }
    }

    /// The text.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Why it cannot be evaluated.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.program.as_ref().err().map(String::as_str)
    }

    /// The type of its result, where it is known.
    pub(crate) fn ty(&self) -> Type {
        self.program.as_ref().map_or(Type::Dyn, |program| program.ty().clone())
    }

    /// The program.
    pub(crate) fn program(&self) -> Result<&Program, &String> {
        self.program.as_ref()
    }

    /// How deep it is nested.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The value, or why there is none, in upstream's words. Takes the cost, that of the variables it has used included.
    ///
    /// # Errors
    /// The budget was smaller.
    pub(crate) fn evaluate<'a>(
        &self,
        scene: &Scene<'a>,
        budget: &mut u64,
    ) -> Result<Result<Value<'a>, String>, OutOfBudget> {
        let program = match &self.program {
            Ok(program) => program,
            Err(why) => return Ok(Err(format!("compilation error: {why}"))),
        };
        let mut call = Budget::new(CALL_COST_MAX);
        let value = program.evaluate(scene, &mut call);
        let cost = (CALL_COST_MAX - call.left()).saturating_add(scene.take_cost());
        match budget.checked_sub(cost) {
            Some(left) => *budget = left,
            None => {
                *budget = 0;
                return Err(OutOfBudget);
            }
        }
        Ok(value.map_err(|error| format!("expression '{}' resulted in error: {error}", self.source)))
    }
}

/// The parser bounds how deep an expression is.
fn depth(expression: &Expr) -> usize {
    let below = match &expression.node {
        Node::Literal(_) | Node::Ident(_) => 0,
        Node::Select(select) => depth(&select.operand),
        Node::Call(call) => call.target.iter().chain(&call.args).map(depth).max().unwrap_or(0),
        Node::List(elements) => elements.iter().map(|element| depth(&element.value)).max().unwrap_or(0),
        Node::Map(entries) => entries.iter().map(|entry| depth(&entry.key).max(depth(&entry.value))).max().unwrap_or(0),
        Node::Struct(literal) => literal.fields.iter().map(|field| depth(&field.value)).max().unwrap_or(0),
        Node::Comprehension(fold) => {
            let parts = [&fold.range, &fold.init, &fold.condition, &fold.step, &fold.result];
            parts.into_iter().map(depth).max().unwrap_or(0)
        }
    };
    below + 1
}

/// A named expression that others refer to.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: Box<str>,
    pub(crate) expression: Arc<Expression>,
}
