//! What an evaluation may use, and how it ends when it may not go on.

/// Elementary steps (a comparison of two values, 64 bytes copied) that one unit of cost pays for. The cost of
/// Kubernetes counts neither what is nested below the operands of `==` nor what `replace` builds; this does.
const WORK_PER_COST: u64 = 4;
/// Steps that every evaluation has, however small its budget.
const WORK_MIN: u64 = 2_000_000;
/// Bytes that the values made by one evaluation may take together, whether or not they are still in use.
const MEMORY_BYTES_MAX: u64 = 64 << 20;

/// Why an evaluation has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The budget is used up. Nothing absorbs this error, not even `||`.
    #[error("operation cancelled: actual cost limit exceeded")]
    Cost,
    /// The expression has no value for these variables; the message is for the user.
    #[error("{0}")]
    Other(Box<str>),
}

impl EvalError {
    /// An error of the expression, with its message.
    pub fn other(message: impl Into<String>) -> Self {
        Self::Other(message.into().into_boxed_str())
    }

    /// What a function says to values that it does not take.
    pub(crate) fn no_such_overload() -> Self {
        Self::other("no such overload")
    }
}

/// How much cost evaluations may still have, in the units of Kubernetes' cost estimates. One budget can serve several
/// evaluations, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    left: u64,
}

impl Budget {
    /// A budget of `cost` units.
    pub const fn new(cost: u64) -> Self {
        Self { left: cost }
    }

    /// What is left; 0 after an evaluation was cut off.
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// Takes `cost` away, for work that was done elsewhere on behalf of an expression.
    ///
    /// # Errors
    /// [`EvalError::Cost`] when less was left; then nothing is left.
    pub const fn charge(&mut self, cost: u64) -> Result<(), EvalError> {
        match self.left.checked_sub(cost) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(EvalError::Cost)
            }
        }
    }
}

/// The meters of one evaluation: its cost, and the work and memory that the cost does not show.
pub(crate) struct Meter<'b> {
    budget: &'b mut Budget,
    work_left: u64,
    memory_left: u64,
}

impl<'b> Meter<'b> {
    pub(crate) const fn new(budget: &'b mut Budget) -> Self {
        let work_left = budget.left.saturating_mul(WORK_PER_COST).saturating_add(WORK_MIN);
        Self { budget, work_left, memory_left: MEMORY_BYTES_MAX }
    }

    /// Counts cost.
    pub(crate) const fn charge(&mut self, cost: u64) -> Result<(), EvalError> {
        self.budget.charge(cost)
    }

    /// Ends the evaluation if `cost` could not be paid, without paying it.
    pub(crate) const fn afford(&mut self, cost: u64) -> Result<(), EvalError> {
        if cost > self.budget.left { self.give_up() } else { Ok(()) }
    }

    /// Counts elementary steps.
    pub(crate) const fn work(&mut self, steps: usize) -> Result<(), EvalError> {
        match self.work_left.checked_sub(steps as u64) {
            Some(left) => {
                self.work_left = left;
                Ok(())
            }
            None => self.give_up(),
        }
    }

    /// Counts bytes that are about to be allocated, and the work to fill them.
    pub(crate) const fn allocate(&mut self, bytes: usize) -> Result<(), EvalError> {
        match self.memory_left.checked_sub(bytes as u64) {
            Some(left) => {
                self.memory_left = left;
                self.work(bytes / 64)
            }
            None => self.give_up(),
        }
    }

    const fn give_up(&mut self) -> Result<(), EvalError> {
        self.budget.left = 0;
        Err(EvalError::Cost)
    }

    /// Counts a list of `length` values that is about to be made.
    pub(crate) const fn allocate_values(&mut self, length: usize) -> Result<(), EvalError> {
        self.allocate(length.saturating_mul(size_of::<crate::value::Value<'static>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_cut_off_only_when_it_is_exceeded() {
        let mut budget = Budget::new(3);
        assert_eq!(budget.charge(3), Ok(()));
        assert_eq!(budget.left(), 0);
        assert_eq!(budget.charge(1), Err(EvalError::Cost));
        let mut budget = Budget::new(3);
        assert_eq!(budget.charge(4), Err(EvalError::Cost));
        assert_eq!(budget.left(), 0);
    }
}
