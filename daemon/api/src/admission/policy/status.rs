//! What is doubtful about a validating policy: its expressions, checked against the kinds that it is about. It stands in the
//! policy's status from the moment the policy is written, and changes nothing of what the policy does
//! (k8s.io/apiserver, pkg/admission/plugin/policy/validating/typechecking.go).

use std::sync::Arc;

use hanse_base::id::ClusterId;
use hanse_cel::program::{CompileError, Program};
use hanse_cel::ty::Type;
use hanse_schema::kind::{Kind, Part, by_plural};
use hanse_schema::metadata;
use hanse_store::state::State;
use serde_json::{Map, Value, json};

use crate::admission::environment::{Given, Typed, environment};
use crate::admission::policy::params::ParamKind;
use crate::admission::policy::{compile_variables, types};
use crate::call::Call;

/// Sets the status of a ValidatingAdmissionPolicy whose wanted state has changed. Other objects stay as they are.
pub(crate) fn settle(call: &Call<'_>, object: &mut Value) {
    let is_policy = call.kind.group == "admissionregistration.k8s.io" && call.kind.kind == "ValidatingAdmissionPolicy";
    let Some(cluster) = call.cluster.filter(|_| is_policy && call.part == Part::Object) else { return };
    let generation = metadata::generation(object);
    if object.pointer("/status/observedGeneration").and_then(Value::as_i64) == Some(generation) {
        return;
    }
    let warnings = warnings(call, &call.home.view(), cluster, &object["spec"]);
    let mut checking = Map::new();
    if !warnings.is_empty() {
        checking.insert("expressionWarnings".to_owned(), Value::Array(warnings));
    }
    let mut status = Map::new();
    status.insert("observedGeneration".to_owned(), Value::from(generation));
    status.insert("typeChecking".to_owned(), Value::Object(checking));
    if let Some(conditions) = object.pointer("/status/conditions") {
        status.insert("conditions".to_owned(), conditions.clone());
    }
    object["status"] = Value::Object(status);
}

fn warnings(call: &Call<'_>, state: &State, cluster: &ClusterId, spec: &Value) -> Vec<Value> {
    let params = ParamKind::of(spec.get("paramKind"));
    let given = Given { params: params.is_some(), authorizer: true, mutation: false };
    let params = params.and_then(|ParamKind { group, version, kind }| {
        let found = call.api.definitions().by_kind(state, cluster, (&group, &version, &kind))?;
        types::of(&found.kind)
    });
    let params = params.unwrap_or(Type::Dyn);
    let variables = spec["variables"].as_array().map_or(&[][..], Vec::as_slice);
    let checked: Vec<_> = kinds(call, state, cluster, spec)
        .into_iter()
        .filter_map(|kind| {
            let typed = Typed { object: types::of(&kind)?, params: params.clone() };
            let variables = compile_variables(variables, given, &typed);
            Some((kind, environment(given, &typed, Some(&variables))))
        })
        .collect();
    let mut warnings = Vec::new();
    for (index, validation) in spec["validations"].as_array().into_iter().flatten().enumerate() {
        for field in ["expression", "messageExpression"] {
            let source = validation[field].as_str().unwrap_or_default();
            if source.is_empty() {
                continue;
            }
            let problems = checked.iter().filter_map(|(kind, environment)| {
                let Err(CompileError::Problems(problems)) = Program::compile(environment, source, &[]) else {
                    return None;
                };
                Some(format!("{}/{}, Kind={}: {problems}\n", kind.group, kind.version, kind.kind))
            });
            let problems: Vec<String> = problems.collect();
            if !problems.is_empty() {
                let field = format!("spec.validations[{index}].{field}");
                warnings.push(json!({"fieldRef": field, "warning": problems.join("\n")}));
            }
        }
    }
    warnings
}

/// The kinds that the policy names, without wildcards, in order; at most [`KINDS_MAX`].
fn kinds(call: &Call<'_>, state: &State, cluster: &ClusterId, spec: &Value) -> Vec<Arc<Kind>> {
    let mut kinds: Vec<Arc<Kind>> = Vec::new();
    for rule in spec.pointer("/matchConstraints/resourceRules").and_then(Value::as_array).into_iter().flatten() {
        let texts = |field: &str| {
            let mut texts: Vec<&str> = rule[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            texts.sort_unstable();
            texts
        };
        let (groups, versions) = (texts("apiGroups"), texts("apiVersions"));
        if groups.iter().chain(&versions).any(|text| text.contains('*')) {
            continue;
        }
        for (group, version, plural) in product(&groups, &versions, &texts("resources")) {
            let found = by_plural(group, version, plural).map(Arc::clone).or_else(|| {
                let found = call.api.definitions().find(state, cluster, (group, version, plural));
                found.map(|found| found.kind)
            });
            if kinds.len() == KINDS_MAX {
                break;
            }
            kinds.extend(found.filter(|kind| !kinds.iter().any(|known| Arc::ptr_eq(known, kind))));
        }
    }
    kinds.sort_by(|a, b| (&a.group, &a.version, &a.kind).cmp(&(&b.group, &b.version, &b.kind)));
    kinds
}

/// Every group with every version and every resource, subresources and wildcards left out; not without end.
fn product<'t>(
    groups: &'t [&'t str],
    versions: &'t [&'t str],
    resources: &'t [&'t str],
) -> impl Iterator<Item = (&'t str, &'t str, &'t str)> {
    let resources = resources.iter().filter(|resource| !resource.contains(['*', '/']));
    let all = groups.iter().flat_map(move |group| {
        let resources = resources.clone();
        versions.iter().flat_map(move |version| resources.clone().map(move |resource| (*group, *version, *resource)))
    });
    all.take(COMBINATIONS_MAX)
}

/// Upstream checks no more.
const KINDS_MAX: usize = 10;
/// Combinations of a rule's groups, versions and resources that are looked up.
const COMBINATIONS_MAX: usize = 10_000;
