//! What the expressions of a policy see of one request: the values of their variables.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use hanse_cel::budget::{Budget, EvalError};
use hanse_cel::interpret::Variables;
use hanse_cel::library::authorizer::{Authorizer, Decision, Question, ResourceTarget, request_resource, variable};
use hanse_cel::value::Value;
use serde_json::Value as Json;

use crate::admission::attributes::Attributes;
use crate::admission::environment::NAMESPACE_SHAPE;
use crate::admission::expression::{CALL_COST_MAX, POLICY_COST_MAX, Variable};
use crate::authenticate::{KCP_ADMIN, MASTERS, User};

/// The values for one evaluation of one policy. Variables of the policy are evaluated when they are first asked for.
pub(crate) struct Scene<'a> {
    props: &'a Props<'a>,
    /// The variables that can be asked for.
    variables: &'a [Variable],
    known: RefCell<BTreeMap<Box<str>, Result<Value<'a>, EvalError>>>,
    /// What variables have cost since somebody asked.
    cost: Cell<u64>,
    /// How deep expressions may still be nested, those of variables within those that ask for them.
    depth_left: Cell<usize>,
}

/// What is on the scene.
pub(crate) struct Props<'a> {
    pub(crate) object: &'a Json,
    pub(crate) old: &'a Json,
    pub(crate) request: &'a Json,
    pub(crate) params: &'a Json,
    /// The namespace, null for what has none.
    pub(crate) namespace: &'a Json,
    pub(crate) authorizer: Arc<dyn Authorizer>,
    pub(crate) resource: ResourceTarget,
}

impl<'a> Scene<'a> {
    /// A scene for expressions that may ask for the variables, none of which is evaluated yet.
    pub(crate) fn new(props: &'a Props<'a>, variables: &'a [Variable]) -> Self {
        let depth_left = Cell::new(DEPTH_MAX);
        Self { props, variables, known: RefCell::default(), cost: Cell::new(0), depth_left }
    }

    /// What variables have cost since the last question.
    pub(crate) fn take_cost(&self) -> u64 {
        self.cost.take()
    }

    fn variable(&self, name: &str) -> Result<Option<Value<'a>>, EvalError> {
        if let Some(known) = self.known.borrow().get(name) {
            return known.clone().map(Some);
        }
        // Of two variables with one name the later counts.
        let Some(variable) = self.variables.iter().rev().find(|variable| *variable.name == *name) else {
            return Ok(None);
        };
        let value = self.evaluate(variable);
        if !matches!(value, Err(EvalError::Cost)) {
            self.known.borrow_mut().insert(name.into(), value.clone());
        }
        value.map(Some)
    }

    fn evaluate(&self, variable: &Variable) -> Result<Value<'a>, EvalError> {
        let name = hanse_schema::cause::quote(&variable.name);
        let program = variable
            .expression
            .program()
            .map_err(|why| EvalError::other(format!("composited variable {name} fails to compile: {why}")))?;
        if self.cost.get() > POLICY_COST_MAX {
            return Err(EvalError::Cost);
        }
        let depth = self.depth_left.get();
        let Some(left) = depth.checked_sub(variable.expression.depth()) else {
            return Err(EvalError::other(format!("composited variable {name} is nested too deep")));
        };
        let mut budget = Budget::new(CALL_COST_MAX);
        self.depth_left.set(left);
        let value = program.evaluate(self, &mut budget);
        self.depth_left.set(depth);
        self.cost.set(self.cost.get().saturating_add(CALL_COST_MAX - budget.left()));
        value.map_err(|error| EvalError::other(format!("composited variable {name} fails to evaluate: {error}")))
    }
}

impl<'a> Variables<'a> for Scene<'a> {
    fn get(&self, name: &str) -> Result<Option<Value<'a>>, EvalError> {
        let props = self.props;
        Ok(Some(match name {
            "object" => Value::from_dyn(props.object),
            "oldObject" => Value::from_dyn(props.old),
            "request" => Value::from_dyn(props.request),
            "params" => Value::from_dyn(props.params),
            "namespaceObject" => Value::from_json(props.namespace, &NAMESPACE_SHAPE)?,
            "authorizer" => variable(Arc::clone(&props.authorizer)),
            "authorizer.requestResource" => request_resource(Arc::clone(&props.authorizer), props.resource.clone()),
            "variables" => Value::Scope("variables"),
            _ => match name.strip_prefix("variables.") {
                Some(name) => return self.variable(name),
                None => return Ok(None),
            },
        }))
    }
}

/// The resource of a request, as a question to the authorizer begins with it.
pub(crate) fn resource_target(attributes: &Attributes<'_>) -> ResourceTarget {
    let kind = attributes.call.kind;
    ResourceTarget {
        group: (*kind.group).into(),
        resource: (*kind.plural).into(),
        subresource: attributes.subresource().into(),
        namespace: attributes.namespace.as_str().into(),
        name: attributes.name.as_str().into(),
        ..ResourceTarget::default()
    }
}

/// Answers expressions as [`crate::authorize`] answers requests: administrators may do everything, others nothing.
pub(crate) struct Asked(User);

impl Asked {
    /// About what the user may do.
    pub(crate) fn about(user: &User) -> Arc<dyn Authorizer> {
        Arc::new(Self(user.clone()))
    }
}

impl Authorizer for Asked {
    fn authorize(&self, question: &Question) -> Decision {
        let administrator = self.0.is_in(MASTERS) || self.0.is_in(KCP_ADMIN);
        let allowed = administrator && question.service_account.is_none();
        Decision { allowed, reason: Box::default(), error: None }
    }
}

/// Expressions are evaluated by recursion, on the stack of the request's task. One alone may be nested 250 deep.
const DEPTH_MAX: usize = 250;
