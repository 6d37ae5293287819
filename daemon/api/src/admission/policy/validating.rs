//! Validating admission policies.

use hanse_cel::environment::Environment;
use hanse_cel::ty::Type;
use hanse_cel::value::Value as Cel;
use hanse_schema::kind::Kind;
use hanse_store::state::State;
use serde_json::{Value, json};

use crate::admission::attributes::{Attributes, Operation};
use crate::admission::expression::{Expression, OutOfBudget, POLICY_COST_MAX};
use crate::admission::notes::Notes;
use crate::admission::policy::{
    BOOL, Binding, Policies, Policy, VALIDATING, VALIDATING_BINDINGS, binds, namespace_of, params,
};
use crate::admission::review::Shown;
use crate::admission::scene::{Asked, Props, Scene, resource_target};
use crate::admission::version;
use crate::status::{Denial, Failure, Subject};

/// One thing that must be true.
#[derive(Debug)]
pub(crate) struct Validation {
    expression: Expression,
    message: String,
    message_expression: Option<Expression>,
    reason: String,
}

/// Something that the audit log is told.
#[derive(Debug)]
pub(crate) struct Annotation {
    key: String,
    expression: Expression,
}

impl Validation {
    /// `told` is the environment of the expression for the message.
    pub(crate) fn compile(validation: &Value, environment: &Environment, told: &Environment) -> Self {
        let text = |field: &str| validation.get(field).and_then(Value::as_str).unwrap_or_default();
        let message_expression = Some(text("messageExpression")).filter(|source| !source.is_empty());
        Self {
            expression: Expression::compile(environment, text("expression"), BOOL),
            message: text("message").trim().to_owned(),
            message_expression: message_expression.map(|source| Expression::compile(told, source, &[Type::String])),
            reason: text("reason").to_owned(),
        }
    }

    pub(crate) fn expression(&self) -> &Expression {
        &self.expression
    }

    pub(crate) fn message_expression(&self) -> Option<&Expression> {
        self.message_expression.as_ref()
    }

    /// What a request that breaks it is told: the message that was made for it, else the fixed one, else the expression.
    fn told(&self, made: Option<&Cel<'_>>) -> String {
        if let Some(Cel::String(made)) = made {
            let made = made.trim();
            if !made.is_empty() && made.len() <= MESSAGE_BYTES_MAX && !made.contains('\n') {
                return made.to_owned();
            }
        }
        if self.message.is_empty() {
            return format!("failed expression: {}", self.expression.source().trim());
        }
        self.message.clone()
    }
}

impl Annotation {
    pub(crate) fn compile(annotation: &Value, environment: &Environment) -> Self {
        let text = |field: &str| annotation.get(field).and_then(Value::as_str).unwrap_or_default();
        let expression = Expression::compile(environment, text("valueExpression").trim(), &[Type::String, Type::Null]);
        Self { key: text("key").to_owned(), expression }
    }

    pub(crate) fn expression(&self) -> &Expression {
        &self.expression
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    message: String,
    reason: String,
}

impl Refusal {
    fn error(message: String) -> Self {
        Self { message, reason: String::new() }
    }
}

/// What a policy says with one parameter.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    /// What each validation that does not hold says, by its number.
    broken: Vec<(usize, Refusal)>,
    annotations: Vec<(String, String)>,
    /// Annotations that could not be made, where that refuses.
    failed: Vec<String>,
}

impl Policies {
    /// Asks the policies that match. Of several refusals the first is told.
    ///
    /// # Errors
    /// A policy refuses, or cannot be evaluated and its `failurePolicy` is `Fail`.
    pub(crate) async fn validate(
        &self,
        attributes: &Attributes<'_>,
        operation: &Operation,
        state: &State,
        notes: &mut Notes,
    ) -> Result<(), Failure> {
        let Some(cluster) = attributes.call.cluster else { return Ok(()) };
        let namespace = namespace_of(attributes);
        let mut refusals: Vec<String> = Vec::new();
        let mut first_reason = String::new();
        for (policy, bindings) in self.bound(state, cluster, (VALIDATING, VALIDATING_BINDINGS)) {
            let asked = Asking { policy: &policy, attributes, operation, namespace: &namespace, state };
            for (binding, refusal) in asked.all(&bindings, notes).await? {
                let name = &policy.name;
                let with = binding.map(|binding| format!(" with binding '{binding}'")).unwrap_or_default();
                if refusals.is_empty() {
                    first_reason = refusal.reason;
                }
                refusals.push(format!("ValidatingAdmissionPolicy '{name}'{with} denied request: {}", refusal.message));
            }
        }
        match refusals.into_iter().next() {
            None => Ok(()),
            Some(message) => Err(denied(&attributes.subject_of(&operation.object), message, first_reason)),
        }
    }
}

/// One policy and one operation.
struct Asking<'a> {
    policy: &'a Policy,
    attributes: &'a Attributes<'a>,
    operation: &'a Operation,
    namespace: &'a Value,
    state: &'a State,
}

/// A refusal, and by which binding's name.
type Refused = (Option<String>, Refusal);

/// What comes of a policy with all of its bindings.
#[derive(Default)]
struct Outcome {
    refused: Vec<Refused>,
    annotations: Vec<(String, Vec<String>)>,
}

impl Asking<'_> {
    /// What the policy says with all of its bindings.
    async fn all(&self, bindings: &[std::sync::Arc<Binding>], notes: &mut Notes) -> Result<Vec<Refused>, Failure> {
        let misconfigured = |binding: Option<&Binding>, why: String| {
            let what = if binding.is_some() { "binding" } else { "policy" };
            let refusal = Refusal::error(format!("failed to configure {what}: {why}"));
            (!self.policy.fails_open).then(|| (binding.map(|binding| binding.name.clone()), refusal))
        };
        let matched = match self.policy.criteria.matches(self.attributes, self.operation) {
            Ok(None) => return Ok(Vec::new()),
            Ok(Some(kind)) => kind,
            Err(failure) => return Ok(misconfigured(None, failure.message()).into_iter().collect()),
        };
        let kind = match params::find(self.attributes, self.state, self.policy.param_kind.as_ref()) {
            Ok(kind) => kind,
            Err(why) => return Ok(misconfigured(None, why).into_iter().collect()),
        };
        let mut outcome = Outcome::default();
        let mut shown = None;
        for binding in bindings {
            let params = match binds(binding, self.attributes, self.operation) {
                Ok(false) => continue,
                Ok(true) => {
                    params::collect(self.attributes, self.state, kind.as_ref(), binding.param_ref.as_ref()).await
                }
                Err(why) => Err(why),
            };
            let params = match params {
                Ok(params) => params,
                Err(why) => {
                    outcome.refused.extend(misconfigured(Some(binding), why));
                    continue;
                }
            };
            let shown = match &mut shown {
                Some(shown) => shown,
                none => match version::both(self.attributes, self.operation, &matched).await {
                    Ok(both) => none.insert(both),
                    Err(failure) => {
                        let why = format!("failed to convert object version: {}", failure.message());
                        outcome.refused.extend(misconfigured(Some(binding), why));
                        continue;
                    }
                },
            };
            for param in &params {
                let said = self.ask(&matched, shown, param);
                self.act(binding, said, &mut outcome, notes);
                // A policy may keep the processor busy; others are to have their turn.
                tokio::task::yield_now().await;
            }
        }
        for (key, values) in outcome.annotations {
            notes.audit(format!("{}/{key}", self.policy.name), values.join(", "));
        }
        Ok(outcome.refused)
    }

    /// Does what the binding says is to be done about what the policy says.
    fn act(&self, binding: &Binding, said: Said, outcome: &mut Outcome, notes: &mut Notes) {
        for (index, refusal) in said.broken {
            for action in &binding.actions {
                match action.as_str() {
                    "Deny" => outcome.refused.push((Some(binding.name.clone()), refusal.clone())),
                    "Warn" => notes.warn(format!(
                        "Validation failed for ValidatingAdmissionPolicy '{}' with binding '{}': {}",
                        self.policy.name, binding.name, refusal.message
                    )),
                    _ => {
                        let failure = json!([{
                            "message": refusal.message, "policy": self.policy.name, "binding": binding.name,
                            "expressionIndex": index, "validationActions": binding.actions,
                        }]);
                        let key = "validation.policy.admission.k8s.io/validation_failure";
                        notes.audit(key.to_owned(), failure.to_string());
                    }
                }
            }
        }
        for (key, value) in said.annotations {
            match outcome.annotations.iter_mut().find(|(known, _)| *known == key) {
                Some((_, values)) if values.contains(&value) => {}
                Some((_, values)) => values.push(value),
                None => outcome.annotations.push((key, vec![value])),
            }
        }
        let failed = said.failed.into_iter().map(Refusal::error);
        outcome.refused.extend(failed.map(|refusal| (Some(binding.name.clone()), refusal)));
    }

    /// Evaluates the policy with one parameter.
    fn ask(&self, matched: &Kind, shown: &Shown, param: &Value) -> Said {
        let null = Value::Null;
        let request = Value::Object(self.attributes.request(matched));
        let props = Props {
            object: shown.object.as_ref().unwrap_or(&null),
            old: shown.old.as_ref().unwrap_or(&null),
            request: &request,
            params: param,
            namespace: self.namespace,
            authorizer: Asked::about(self.attributes.call.user),
            resource: resource_target(self.attributes),
        };
        match self.policy.conditions.met(&Scene::new(&props, &self.policy.variables)) {
            Ok(true) => {}
            Ok(false) => return Said::default(),
            Err(why) => return self.failed(why),
        }
        match self.evaluate(&props) {
            Ok(said) => said,
            Err(over) => self.failed(over.to_string()),
        }
    }

    /// What is said when nothing can be.
    fn failed(&self, why: String) -> Said {
        if self.policy.fails_open {
            return Said::default();
        }
        Said { broken: vec![(0, Refusal::error(why))], ..Said::default() }
    }

    fn evaluate(&self, props: &Props<'_>) -> Result<Said, OutOfBudget> {
        let policy = self.policy;
        let mut said = Said::default();
        let mut budget = POLICY_COST_MAX;
        let scene = Scene::new(props, &policy.variables);
        let mut results = Vec::with_capacity(policy.validations.len());
        for validation in &policy.validations {
            results.push(validation.expression.evaluate(&scene, &mut budget)?);
        }
        let scene = Scene::new(props, &policy.variables);
        let made = |validation: &Validation, budget: &mut u64| match &validation.message_expression {
            None => Ok(None),
            Some(expression) => expression.evaluate(&scene, budget).map(Result::ok),
        };
        for (index, (validation, result)) in policy.validations.iter().zip(results).enumerate() {
            let refusal = match result {
                Ok(Cel::Bool(true)) => continue,
                Err(_) if policy.fails_open => continue,
                Err(why) => Refusal::error(why),
                Ok(_) => match made(validation, &mut budget) {
                    Ok(made) => Refusal { message: validation.told(made.as_ref()), reason: validation.reason.clone() },
                    Err(_) if policy.fails_open => continue,
                    Err(over) => Refusal::error(format!("failed messageExpression: {over}")),
                },
            };
            said.broken.push((index, refusal));
        }
        self.annotate(props, &mut said)?;
        Ok(said)
    }

    fn annotate(&self, props: &Props<'_>, said: &mut Said) -> Result<(), OutOfBudget> {
        let scene = Scene::new(props, &self.policy.variables);
        let mut budget = POLICY_COST_MAX;
        for annotation in &self.policy.annotations {
            match annotation.expression.evaluate(&scene, &mut budget)? {
                Ok(Cel::String(value)) if value.trim().is_empty() => {}
                Ok(Cel::String(value)) => {
                    said.annotations.push((annotation.key.clone(), cut(value.trim()).to_owned()));
                }
                Ok(_) => {}
                Err(_) if self.policy.fails_open => {}
                Err(why) => said.failed.push(why),
            }
        }
        Ok(())
    }
}

/// A text no longer than an annotation may be.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(ANNOTATION_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn denied(subject: &Subject, message: String, reason: String) -> Failure {
    let reason = if reason.is_empty() { "Invalid".to_owned() } else { reason };
    let code = match reason.as_str() {
        "Forbidden" => 403,
        "Unauthorized" => 401,
        "RequestEntityTooLarge" => 413,
        _ => 422,
    };
    let forbidden = Failure::forbidden(subject.clone(), message.clone());
    Failure::Denied(Box::new(Denial {
        code,
        reason,
        message: forbidden.message(),
        details: Some(details(subject, &[message])),
    }))
}

/// `details` of a refusal with these causes.
pub(crate) fn details(subject: &Subject, messages: &[String]) -> Value {
    let mut details = json!({"name": subject.name});
    if !subject.group.is_empty() {
        details["group"] = Value::from(subject.group.as_str());
    }
    details["kind"] = Value::from(subject.resource.as_str());
    details["causes"] = messages.iter().map(|message| json!({"message": message})).collect();
    details
}

/// A message that an expression makes may be this long; a longer one is not used.
const MESSAGE_BYTES_MAX: usize = 5 * 1024;
/// The value of an audit annotation is cut off here.
const ANNOTATION_BYTES_MAX: usize = 10 * 1024;
