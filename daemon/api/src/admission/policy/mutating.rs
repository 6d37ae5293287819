//! Mutating admission policies.

use std::sync::Arc;

use hanse_cel::environment::Environment;
use hanse_cel::ty::{ObjectType, Type};
use hanse_cel::value::Value as Cel;
use hanse_cel::value::list::List;
use hanse_cel::value::map::{Key as MapKey, Map};
use hanse_schema::apply::configuration::lay;
use hanse_schema::cause::quote;
use hanse_schema::kind::Kind;
use hanse_schema::metadata;
use hanse_schema::patch::PatchError;
use hanse_schema::patch::json_patch;
use hanse_store::state::State;
use serde_json::{Map as JsonMap, Value};

use crate::admission::attributes::{Attributes, Operation};
use crate::admission::expression::{Expression, POLICY_COST_MAX};
use crate::admission::policy::params;
use crate::admission::policy::validating::details;
use crate::admission::policy::{Binding, MUTATING, MUTATING_BINDINGS, Policies, Policy, binds, namespace_of};
use crate::admission::reinvocation::Round;
use crate::admission::scene::{Asked, Props, Scene, resource_target};
use crate::admission::version;
use crate::status::{Denial, Failure};

/// One change that a policy makes.
#[derive(Debug)]
pub(crate) struct Mutation {
    form: Form,
    expression: Expression,
}

/// What the expression of a mutation gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// An object that is laid over the one at hand.
    ApplyConfiguration,
    /// A list of operations.
    JsonPatch,
}

impl Mutation {
    /// Nothing for one that has no expression of its type.
    pub(crate) fn compile(mutation: &Value, environment: &Environment) -> Option<Self> {
        let source = |field: &str| mutation.get(field)?.get("expression")?.as_str();
        let object =
            |name: &str| Type::Object(Arc::new(ObjectType { name: name.into(), fields: [].into(), open: true }));
        let (form, source, ty) = match mutation.get("patchType")?.as_str()? {
            "JSONPatch" => (Form::JsonPatch, source("jsonPatch")?, Type::List(Arc::new(object("JSONPatch")))),
            "ApplyConfiguration" => (Form::ApplyConfiguration, source("applyConfiguration")?, object("Object")),
            _ => return None,
        };
        Some(Self { form, expression: Expression::compile(environment, source, &[ty]) })
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    pub(crate) fn expression(&self) -> &Expression {
        &self.expression
    }
}

/// A policy with one of its bindings and one parameter, for an operation that both match.
struct Invocation {
    policy: Arc<Policy>,
    binding: Arc<Binding>,
    param: Value,
    kind: Arc<Kind>,
}

/// A policy that could not do its work.
struct PolicyError {
    message: String,
    invalid: bool,
}

impl PolicyError {
    fn new(policy: &Policy, binding: Option<&Binding>, why: &str, invalid: bool) -> Option<Self> {
        let message = match binding {
            Some(binding) => {
                format!("policy '{}' with binding '{}' denied request: {why}", policy.name, binding.name)
            }
            None => format!("policy {} denied request: {why}", quote(&policy.name)),
        };
        (!policy.fails_open).then_some(Self { message, invalid })
    }
}

impl Policies {
    /// Lets the policies that match change the object, in order of their names. Returns whether one has.
    ///
    /// # Errors
    /// A policy cannot be evaluated, or makes no object of the kind, and its `failurePolicy` is `Fail`.
    pub(crate) async fn mutate(
        &self,
        attributes: &Attributes<'_>,
        operation: &mut Operation,
        round: Round<'_>,
    ) -> Result<bool, Failure> {
        let Round { state, again, steps, .. } = round;
        let Some(cluster) = attributes.call.cluster else { return Ok(false) };
        if again {
            steps.begin(&operation.object);
        }
        let mut errors = Vec::new();
        let mut invocations = Vec::new();
        for (policy, bindings) in self.bound(state, cluster, (MUTATING, MUTATING_BINDINGS)) {
            let found = invoked((attributes, operation, state), &policy, &bindings, &mut errors);
            invocations.extend(found.await);
        }
        let namespace = namespace_of(attributes);
        let mut any = false;
        for invocation in invocations {
            let id = invocation.id();
            let turn = Turn { namespace: &namespace, only_conditions: again && !steps.asks(&id) };
            let changed = invocation.run(attributes, operation, turn, &mut errors).await?;
            let Some(changed) = changed else { continue };
            if changed {
                steps.changed();
                any = true;
            }
            if invocation.policy.reinvoked {
                steps.invoked(id);
            }
        }
        steps.end(&operation.object);
        if errors.is_empty() { Ok(any) } else { Err(denied(attributes, operation, &errors)) }
    }
}

/// What is to be run of one policy.
async fn invoked(
    (attributes, operation, state): (&Attributes<'_>, &Operation, &State),
    policy: &Arc<Policy>,
    bindings: &[Arc<Binding>],
    errors: &mut Vec<PolicyError>,
) -> Vec<Invocation> {
    let mut misconfigured = |binding: Option<&Binding>, why: String| {
        let what = if binding.is_some() { "binding" } else { "policy" };
        errors.extend(PolicyError::new(policy, binding, &format!("failed to configure {what}: {why}"), false));
    };
    let matched = policy.criteria.matches(attributes, operation).map_err(|failure| failure.message());
    let kind = match matched {
        Ok(None) => return Vec::new(),
        Ok(Some(kind)) => params::find(attributes, state, policy.param_kind.as_ref()).map(|found| (kind, found)),
        Err(why) => Err(why),
    };
    let (kind, found) = match kind {
        Ok(both) => both,
        Err(why) => {
            misconfigured(None, why);
            return Vec::new();
        }
    };
    let mut invocations = Vec::new();
    for binding in bindings {
        let params = match binds(binding, attributes, operation) {
            Ok(false) => continue,
            Ok(true) => params::collect(attributes, state, found.as_ref(), binding.param_ref.as_ref()).await,
            Err(why) => Err(why),
        };
        match params {
            Ok(params) => invocations.extend(params.into_iter().map(|param| Invocation {
                policy: Arc::clone(policy),
                binding: Arc::clone(binding),
                param,
                kind: Arc::clone(&kind),
            })),
            Err(why) => misconfigured(Some(binding), why),
        }
    }
    invocations
}

/// What an invocation is told of its turn.
#[derive(Clone, Copy)]
struct Turn<'a> {
    /// The namespace of the operation, or null.
    namespace: &'a Value,
    /// Whether nobody asks for its changes: its conditions are looked at all the same, as upstream does.
    only_conditions: bool,
}

impl Invocation {
    /// Tells it from all others of a request.
    fn id(&self) -> String {
        let (namespace, name) = (metadata::namespace(&self.param), metadata::name(&self.param));
        format!("{}/{}/{namespace}/{name}", self.policy.name, self.binding.name)
    }

    /// Makes the changes. Nothing when it was not to: its conditions do not hold, or this is the second round and nobody asks
    /// for it.
    async fn run(
        &self,
        attributes: &Attributes<'_>,
        operation: &mut Operation,
        Turn { namespace, only_conditions }: Turn<'_>,
        errors: &mut Vec<PolicyError>,
    ) -> Result<Option<bool>, Failure> {
        let (policy, binding) = (&*self.policy, &*self.binding);
        let request = Value::Object(attributes.request(&self.kind));
        let mut shown = version::both(attributes, operation, &self.kind).await?;
        let null = Value::Null;
        let authorizer = Asked::about(attributes.call.user);
        let resource = resource_target(attributes);
        let mut any = false;
        for (index, mutation) in policy.mutations.iter().enumerate() {
            let made = {
                let props = Props {
                    object: shown.object.as_ref().unwrap_or(&null),
                    old: shown.old.as_ref().unwrap_or(&null),
                    request: &request,
                    params: &self.param,
                    namespace,
                    authorizer: Arc::clone(&authorizer),
                    resource: resource.clone(),
                };
                if index == 0 {
                    match policy.conditions.met(&Scene::new(&props, &policy.variables)) {
                        Ok(true) if only_conditions => return Ok(None),
                        Ok(true) => {}
                        Ok(false) => return Ok(None),
                        Err(why) => {
                            errors.extend(PolicyError::new(policy, Some(binding), &why, true));
                            return Ok(None);
                        }
                    }
                }
                let Some(object) = &shown.object else { continue };
                made(policy, mutation, &props, object, &self.kind)
            };
            tokio::task::yield_now().await;
            let (Some(object), made) = (&shown.object, made) else { continue };
            match made {
                Ok(None) => {}
                Ok(Some(made)) => {
                    let (changed, taken) =
                        version::taken(attributes.call, &self.kind, (&operation.object, object), &made).await?;
                    any |= changed;
                    operation.object = taken;
                    shown.object = Some(version::shown(attributes.call, &self.kind, &operation.object).await?);
                }
                Err(why) => errors.extend(PolicyError::new(policy, Some(binding), &why, true)),
            }
        }
        Ok(Some(any))
    }
}

/// What a mutation makes of an object; nothing when it makes no change of it.
fn made(
    policy: &Policy,
    mutation: &Mutation,
    props: &Props<'_>,
    object: &Value,
    kind: &Kind,
) -> Result<Option<Value>, String> {
    if let Some(fault) = mutation.expression.fault() {
        return Err(fault.to_owned());
    }
    let scene = Scene::new(props, &policy.variables);
    let value = mutation.expression.evaluate(&scene, &mut { POLICY_COST_MAX });
    let value = value.map_err(|over| over.to_string())??;
    match mutation.form {
        Form::ApplyConfiguration => configured(&value, object, kind).map(Some),
        Form::JsonPatch => patched(&value, object),
    }
}

/// Lays an apply configuration over the object.
fn configured(value: &Cel<'_>, object: &Value, kind: &Kind) -> Result<Value, String> {
    let mut wrong = Vec::new();
    check_names(value, "Object", &mut wrong);
    if !wrong.is_empty() {
        return Err(format!("type mismatch: {}", wrong.join("\n")));
    }
    let Ok(Value::Object(mut configuration)) = value.to_json() else {
        return Err("unsupported return type from ApplyConfiguration expression".to_owned());
    };
    for field in ["apiVersion", "kind"] {
        if let Some(own) = object.get(field) {
            configuration.insert(field.to_owned(), own.clone());
        }
    }
    let shape = (&kind.shape).into();
    lay(shape, object, &Value::Object(configuration)).map_err(|why| format!("error applying patch: {why}"))
}

/// Runs a patch that an expression has made. One whose `test` fails makes no change.
fn patched(value: &Cel<'_>, object: &Value) -> Result<Option<Value>, String> {
    let Cel::List(list) = value else {
        return Err("type mismatch: JSONPatchType.expression should evaluate to array".to_owned());
    };
    let mut operations = Vec::with_capacity(list.len());
    for entry in list.iter() {
        let entry = entry.map_err(|error| error.to_string())?;
        let Cel::Map(entry @ Map::Struct(_)) = &entry else {
            return Err("type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch".to_owned());
        };
        operations.push(operation(entry)?);
    }
    match json_patch::apply(object, &Value::Array(operations)) {
        Ok(made) => Ok(Some(made)),
        Err(PatchError::Inapplicable(why)) if why.starts_with("testing ") || why.starts_with("error in test ") => {
            Ok(None)
        }
        Err(error) => Err(format!("JSON Patch: {error}")),
    }
}

fn operation(entry: &Map<'_>) -> Result<Value, String> {
    let field = |name: &str| entry.field(name).map_err(|error| error.to_string());
    let mut operation = JsonMap::new();
    for name in ["op", "path", "from"] {
        let text = match field(name)? {
            Some(Cel::String(text)) => text.to_string(),
            _ => String::new(),
        };
        if !text.is_empty() || name != "from" {
            operation.insert(name.to_owned(), Value::from(text));
        }
    }
    if let Some(value) = field("value")? {
        if let Cel::Map(Map::Struct(made)) = &value {
            let mut wrong = Vec::new();
            check_names(&value, &made.type_name, &mut wrong);
            if !wrong.is_empty() {
                return Err(format!("type mismatch: {}", wrong.join("\n")));
            }
        }
        let json = value.to_json().map_err(|error| {
            format!("JSONPath valueExpression evaluated to a type that could not marshal to JSON: {error}")
        })?;
        operation.insert("value".to_owned(), json);
    }
    Ok(Value::Object(operation))
}

/// The types of objects within an object are named after the path of fields to them; the checker does not see to it.
fn check_names(value: &Cel<'_>, expected: &str, wrong: &mut Vec<String>) {
    match value {
        Cel::Map(Map::Struct(object)) => {
            if *object.type_name != *expected {
                wrong.push(format!(
                    "unexpected type name {}, expected {}, which matches field name path from root Object type",
                    quote(&object.type_name),
                    quote(expected)
                ));
            }
            for (name, field) in &object.fields {
                check_names(field, &format!("{expected}.{name}"), wrong);
            }
        }
        Cel::Map(Map::Owned(entries)) => {
            entries.iter().for_each(|(_, entry): (&MapKey<'_>, &Cel<'_>)| check_names(entry, expected, wrong));
        }
        Cel::List(list) => check_elements(list, expected, wrong),
        Cel::Optional(Some(value)) => check_names(value, expected, wrong),
        _ => {}
    }
}

fn check_elements(list: &List<'_>, expected: &str, wrong: &mut Vec<String>) {
    list.iter().filter_map(Result::ok).for_each(|element| check_names(&element, expected, wrong));
}

/// The refusal by policies that could not do their work. As upstream, the first is told, and its reason stands beside the code
/// of any refusal.
fn denied(attributes: &Attributes<'_>, operation: &Operation, errors: &[PolicyError]) -> Failure {
    let messages: Vec<String> = errors.iter().map(|error| error.message.clone()).collect();
    let invalid = errors.first().is_some_and(|error| error.invalid);
    Failure::Denied(Box::new(Denial {
        code: 403,
        reason: if invalid { "Invalid" } else { "Forbidden" }.to_owned(),
        message: messages.first().cloned().unwrap_or_default(),
        details: Some(details(&attributes.subject_of(&operation.object), &messages)),
    }))
}
