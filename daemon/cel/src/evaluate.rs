//! Evaluates compiled expressions.

use crate::budget::{Budget, EvalError, Meter};
use crate::interpret::{self, Variables};
use crate::program::Program;
use crate::value::Value;

impl Program {
    /// The value of the expression. Takes its cost from the budget, also when it fails.
    ///
    /// # Errors
    /// [`EvalError::Cost`] when the budget does not suffice: nothing is left of it then. [`EvalError::Other`] when the
    /// expression has no value for these variables.
    pub fn evaluate<'a>(&self, variables: &dyn Variables<'a>, budget: &mut Budget) -> Result<Value<'a>, EvalError> {
        interpret::run(self.plan(), variables, &mut Meter::new(budget))
    }
}
