//! Admission policies: expressions of a logical cluster about what is written to it. A policy says what, its bindings say where
//! and with which parameters.

pub(crate) mod check;
mod mutating;
mod params;
pub(crate) mod status;
mod types;
mod validating;

use std::collections::BTreeMap;
use std::sync::Arc;

use hanse_base::id::ClusterId;
use hanse_cel::ty::Type;
use hanse_store::key::Key;
use hanse_store::object::Object;
use hanse_store::state::State;
use serde_json::Value;

use crate::admission::attributes::{Attributes, Operation};
use crate::admission::compiled::Compiled;
use crate::admission::condition::Conditions;
use crate::admission::environment::{Given, Typed, environment};
use crate::admission::expression::{Expression, Variable};
use crate::admission::matching::Criteria;
use crate::admission::policy::mutating::Mutation;
use crate::admission::policy::params::{ParamKind, ParamRef};
use crate::admission::policy::validating::{Annotation, Validation};

/// Where ValidatingAdmissionPolicies are stored.
pub(crate) const VALIDATING: &str = "validatingadmissionpolicies.admissionregistration.k8s.io";
/// Where their bindings are stored.
pub(crate) const VALIDATING_BINDINGS: &str = "validatingadmissionpolicybindings.admissionregistration.k8s.io";
/// Where MutatingAdmissionPolicies are stored.
pub(crate) const MUTATING: &str = "mutatingadmissionpolicies.admissionregistration.k8s.io";
/// Where their bindings are stored.
pub(crate) const MUTATING_BINDINGS: &str = "mutatingadmissionpolicybindings.admissionregistration.k8s.io";

/// The policies of all logical clusters, as far as they were used.
pub(crate) struct Policies {
    policies: Compiled<Policy>,
    bindings: Compiled<Binding>,
}

/// A policy.
pub(crate) struct Policy {
    name: String,
    fails_open: bool,
    criteria: Criteria,
    param_kind: Option<ParamKind>,
    conditions: Conditions,
    variables: Vec<Variable>,
    validations: Vec<Validation>,
    annotations: Vec<Annotation>,
    mutations: Vec<Mutation>,
    /// Whether its mutations are made again when the object changes after them.
    reinvoked: bool,
}

/// Where a policy holds.
pub(crate) struct Binding {
    name: String,
    policy: String,
    /// What of the policy's matches it takes; all without it.
    criteria: Option<Criteria>,
    param_ref: Option<ParamRef>,
    actions: Vec<String>,
}

impl Policies {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self { policies: Compiled::new(), bindings: Compiled::new() }
    }

    /// The policies that have bindings, with these, in order of their names.
    fn bound(
        &self,
        state: &State,
        cluster: &ClusterId,
        (policies, bindings): (&str, &str),
    ) -> Vec<(Arc<Policy>, Vec<Arc<Binding>>)> {
        let mut by_policy: BTreeMap<String, Vec<Arc<Binding>>> = BTreeMap::new();
        for binding in self.bindings.all(state, cluster, bindings, compile_binding) {
            by_policy.entry(binding.policy.clone()).or_default().push(binding);
        }
        let found = by_policy.into_iter().filter_map(|(name, bindings)| {
            let key = Key::new(policies, cluster, "", &name).ok()?;
            Some((self.policies.get(&key, state.get(&key)?, compile_policy), bindings))
        });
        found.collect()
    }
}

impl Policy {
    /// Compiles the `spec` of a policy of either kind.
    pub(crate) fn compile(name: &str, spec: &Value) -> Self {
        let text = |field: &str| spec.get(field).and_then(Value::as_str).unwrap_or_default();
        let list = |field: &str| spec.get(field).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let param_kind = ParamKind::of(spec.get("paramKind"));
        let fails_open = text("failurePolicy") == "Ignore";
        let given = Given { params: param_kind.is_some(), authorizer: true, mutation: false };
        let variables = compile_variables(list("variables"), given, &Typed::default());
        let plain = environment(given, &Typed::default(), Some(&variables));
        let told = environment(Given { authorizer: false, ..given }, &Typed::default(), Some(&variables));
        let mutations = list("mutations");
        let mutation = (!mutations.is_empty())
            .then(|| environment(Given { mutation: true, ..given }, &Typed::default(), Some(&variables)));
        let mutations = mutation.iter().flat_map(|environment| {
            mutations.iter().filter_map(move |mutation| Mutation::compile(mutation, environment))
        });
        Self {
            criteria: Criteria::of_policy(spec.get("matchConstraints").unwrap_or(&Value::Null)),
            conditions: Conditions::compile(spec.get("matchConditions"), given.params, fails_open),
            validations: list("validations").iter().map(|one| Validation::compile(one, &plain, &told)).collect(),
            annotations: list("auditAnnotations").iter().map(|one| Annotation::compile(one, &plain)).collect(),
            mutations: mutations.collect(),
            reinvoked: text("reinvocationPolicy") == "IfNeeded",
            name: name.to_owned(),
            fails_open,
            param_kind,
            variables,
        }
    }
}

/// Compiles the variables of a policy, each of which may refer to those before it.
fn compile_variables(list: &[Value], given: Given, typed: &Typed) -> Vec<Variable> {
    let mut variables: Vec<Variable> = Vec::with_capacity(list.len());
    for variable in list.iter().take(VARIABLES_MAX) {
        let text = |field: &str| variable.get(field).and_then(Value::as_str).unwrap_or_default();
        let environment = environment(given, typed, Some(&variables));
        let expression = Expression::compile(&environment, text("expression"), &[]);
        variables.push(Variable { name: text("name").into(), expression: Arc::new(expression) });
    }
    variables
}

fn compile_policy(key: &Key, object: &Object) -> Policy {
    let value: Value = serde_json::from_slice(&object.bytes()).unwrap_or_default();
    Policy::compile(key.name(), &value["spec"])
}

fn compile_binding(key: &Key, object: &Object) -> Binding {
    let value: Value = serde_json::from_slice(&object.bytes()).unwrap_or_default();
    let spec = &value["spec"];
    let actions = spec["validationActions"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Binding {
        name: key.name().to_owned(),
        policy: spec["policyName"].as_str().unwrap_or_default().to_owned(),
        criteria: spec.get("matchResources").filter(|resources| resources.is_object()).map(Criteria::of_policy),
        param_ref: ParamRef::of(spec.get("paramRef")),
        actions: actions.map(str::to_owned).collect(),
    }
}

/// Whether a binding takes an operation that its policy has matched.
///
/// # Errors
/// It cannot be told.
fn binds(binding: &Binding, attributes: &Attributes<'_>, operation: &Operation) -> Result<bool, String> {
    let Some(criteria) = &binding.criteria else { return Ok(true) };
    let matched = criteria.matches(attributes, operation).map_err(|failure| failure.message())?;
    Ok(matched.is_some())
}

/// The namespace of an operation as expressions see it; null for what is in none, a namespace itself among it.
fn namespace_of(attributes: &Attributes<'_>) -> Value {
    let object = attributes.namespace_object.as_ref().filter(|_| !attributes.is_namespace());
    object.and_then(|object| serde_json::from_slice(&object.bytes()).ok()).unwrap_or_default()
}

/// The types that an expression of conditions or validations must have.
const BOOL: &[Type] = &[Type::Bool];
/// Variables of one policy. Each is compiled with those before it, so that more would take too long; upstream has no such limit.
const VARIABLES_MAX: usize = 1_000;
