//! Compiled expressions.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use crate::ast::Expr;
use crate::budget::EvalError;
use crate::check;
use crate::environment::Environment;
use crate::estimate;
use crate::parse;
use crate::plan::Plan;
use crate::problem::Problems;
use crate::ty::Type;

pub use crate::estimate::size::CostEstimate;

/// An expression whose types are right and whose cost is known within bounds. Cheap to clone, and shared between threads.
#[derive(Clone, Debug)]
pub struct Program {
    compiled: Arc<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    root: Expr,
    ty: Type,
    cost: CostEstimate,
    names: BTreeSet<Box<str>>,
    plan: Plan,
}

/// Why there is no program.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompileError {
    /// The text is no expression, or its types are wrong. The display is what cel-go's `Issues.String()` gives, which the API
    /// server puts after `compilation failed: `.
    #[error("{0}")]
    Problems(Problems),
    /// The result is of a type that is not asked for.
    #[error("{0}")]
    Result(ResultMismatch),
    /// A constant part of the expression has no value: `int('x')`.
    #[error("program instantiation failed: {0}")]
    Constant(EvalError),
}

/// The type of a result, and those that were asked for. The display is what validating admission policies say.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultMismatch {
    /// The types that were asked for.
    pub wanted: Vec<Type>,
    /// The type of the expression.
    pub found: Type,
}

impl fmt::Display for ResultMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [one] = self.wanted.as_slice() {
            return write!(f, "must evaluate to {one} but got {}", self.found);
        }
        let wanted: Vec<String> = self.wanted.iter().map(ToString::to_string).collect();
        write!(f, "must evaluate to one of [{}] but got {}", wanted.join(" "), self.found)
    }
}

impl Program {
    /// Compiles `source`. Its result must be of one of the types in `result`, exactly; if they are none, any will do.
    ///
    /// Bounded: at most 100,000 code points, nested 250 deep, with 200,000 nodes after macro expansion.
    ///
    /// # Errors
    ///
    /// The author's mistakes, as the API server words them.
    ///
    /// # Panics
    ///
    /// If the system starts no thread: long expressions are compiled on a stack of their own.
    pub fn compile(environment: &Environment, source: &str, result: &[Type]) -> Result<Self, CompileError> {
        if source.len() <= SHORT_BYTES_MAX {
            return Self::compile_here(environment, source, result);
        }
        thread::scope(|scope| {
            let thread = thread::Builder::new().name("cel".into()).stack_size(STACK_BYTES);
            let compiler = thread.spawn_scoped(scope, || Self::compile_here(environment, source, result));
            compiler.expect("the system starts a thread").join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    fn compile_here(environment: &Environment, source: &str, result: &[Type]) -> Result<Self, CompileError> {
        let told = |problems| CompileError::Problems(Problems::new(source, problems));
        let parsed = parse::parse(source).map_err(told)?;
        let checked = check::check(parsed, environment).map_err(told)?;
        let ty = checked.types[checked.root.id as usize].clone();
        if !result.is_empty() && !result.contains(&ty) {
            return Err(CompileError::Result(ResultMismatch { wanted: result.to_vec(), found: ty }));
        }
        let cost = estimate::estimate(&checked, environment);
        let types = checked.types;
        let plan = Plan::new(&checked.root, &|id| types.get(id as usize).cloned()).map_err(CompileError::Constant)?;
        Ok(Self { compiled: Arc::new(Compiled { root: checked.root, ty, cost, names: checked.names, plan }) })
    }

    /// The type of the result; [`Type::Dyn`] if it is not known before evaluation.
    #[must_use]
    pub fn ty(&self) -> &Type {
        &self.compiled.ty
    }

    /// What an evaluation costs at least and at most, as the API server estimates it for the rules of custom resources.
    #[must_use]
    pub fn cost(&self) -> CostEstimate {
        self.compiled.cost
    }

    /// Whether the name of a variable or type occurs, e.g. `oldSelf`.
    #[must_use]
    pub fn uses(&self, name: &str) -> bool {
        self.compiled.names.contains(name)
    }

    /// What is evaluated.
    pub(crate) fn plan(&self) -> &Plan {
        &self.compiled.plan
    }

    /// The tree: macros expanded, names qualified.
    #[must_use]
    pub fn expression(&self) -> &Expr {
        &self.compiled.root
    }
}

/// How long an expression is at most that is compiled on the caller's stack: it cannot nest deeply.
const SHORT_BYTES_MAX: usize = 100;
/// Enough for what nests as deeply as the limits let it, also in builds without optimization. Memory is taken as it is used.
const STACK_BYTES: usize = 64 << 20;
