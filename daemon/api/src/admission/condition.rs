//! `matchConditions`: expressions that must all be true before a webhook or a policy is asked.

use hanse_cel::ty::Type;
use hanse_cel::value::Value as Cel;
use hanse_schema::cause::Cause;
use serde_json::Value;

use crate::admission::environment::{Given, Typed, environment};
use crate::admission::expression::{CONDITIONS_COST_MAX, Expression};
use crate::admission::scene::Scene;

/// The conditions of one webhook or policy.
#[derive(Debug)]
pub(crate) struct Conditions {
    expressions: Vec<Expression>,
    fails_open: bool,
}

impl Conditions {
    /// Compiles `matchConditions`.
    pub(crate) fn compile(list: Option<&Value>, params: bool, fails_open: bool) -> Self {
        let list = list.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let given = Given { params, authorizer: true, mutation: false };
        // Most have none, and the environment is not free.
        let environment = (!list.is_empty()).then(|| environment(given, &Typed::default(), None));
        let expressions = environment.iter().flat_map(|environment| {
            let texts = list.iter().map(|condition| condition.get("expression").and_then(Value::as_str));
            texts.map(move |text| Expression::compile(environment, text.unwrap_or_default(), &[Type::Bool]))
        });
        Self { expressions: expressions.collect(), fails_open }
    }

    /// Whether there is nothing to be asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.expressions.is_empty()
    }

    /// What is wrong with the expressions.
    pub(crate) fn causes(&self, field: &str, causes: &mut Vec<Cause>) {
        for (index, expression) in self.expressions.iter().enumerate() {
            if let Some(fault) = expression.fault().filter(|_| !expression.source().trim().is_empty()) {
                causes.push(Cause::invalid(format!("{field}[{index}].expression"), expression.source(), fault));
            }
        }
    }

    /// Whether all are true. One that is false decides, whatever is wrong with others.
    ///
    /// # Errors
    /// It cannot be told, and that refuses the request.
    pub(crate) fn met(&self, scene: &Scene<'_>) -> Result<bool, String> {
        let mut budget = CONDITIONS_COST_MAX;
        let mut errors: Vec<String> = Vec::new();
        for expression in &self.expressions {
            match expression.evaluate(scene, &mut budget) {
                Ok(Ok(Cel::Bool(false))) => return Ok(false),
                Ok(Ok(_)) => {}
                Ok(Err(why)) if errors.contains(&why) => {}
                Ok(Err(why)) => errors.push(why),
                Err(over) if self.fails_open => {
                    tracing::debug!(%over, "conditions are not met");
                    return Ok(false);
                }
                Err(over) => return Err(over.to_string()),
            }
        }
        match errors.as_slice() {
            [] => Ok(true),
            _ if self.fails_open => Ok(false),
            [one] => Err(one.clone()),
            several => Err(format!("[{}]", several.join(", "))),
        }
    }
}
