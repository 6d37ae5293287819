//! Rules of admission policies and their bindings. The expressions themselves are checked where CEL is known.

use serde_json::{Value, json};

use super::admission::{
    FAILURE_POLICIES, MATCH_POLICIES, REINVOCATION_POLICIES, check_match_conditions, check_rule, one_of,
    required_one_of,
};
use super::condition::conditions;
use super::selector::label_selector;
use super::{at, items, repeats, repeats_of, text};
use crate::cause::Cause;
use crate::format::{dns_1035_label, dns_subdomain, is_cel_identifier, path_segment, qualified_name};
use crate::kind::Part;
use crate::metadata;

/// A ValidatingAdmissionPolicy.
pub(crate) fn validating(object: &Value, causes: &mut Vec<Cause>) {
    common(object, causes);
    let (validations, annotations) =
        (items(object, &["spec", "validations"]), items(object, &["spec", "auditAnnotations"]));
    if validations.is_empty() && annotations.is_empty() {
        let detail = "validations or auditAnnotations must contain at least one item";
        causes.push(Cause::required("spec.validations", detail));
        causes.push(Cause::required("spec.auditAnnotations", detail));
        return;
    }
    for (index, validation) in validations.iter().enumerate() {
        check_validation(validation, &format!("spec.validations[{index}]"), causes);
    }
    if annotations.len() > AUDIT_ANNOTATIONS_MAX {
        // As upstream's internal type shows it.
        let internal = |annotation: &Value| json!({"Key": text(annotation, &["key"]), "ValueExpression": text(annotation, &["valueExpression"])});
        let bad = Value::Array(annotations.iter().map(internal).collect());
        let detail = format!("must not have more than {AUDIT_ANNOTATIONS_MAX} auditAnnotations");
        causes.push(Cause::invalid_value("spec.auditAnnotations", Some(&bad), detail));
    }
    for ((index, annotation), is_repeated) in annotations.iter().enumerate().zip(repeats_of(annotations, "key")) {
        let field = format!("spec.auditAnnotations[{index}]");
        check_annotation(object, annotation, &field, causes);
        if is_repeated {
            causes.push(Cause::duplicate(format!("{field}.key"), text(annotation, &["key"])));
        }
    }
}

/// The status is held to rules when it is written.
pub(crate) fn validating_update(object: &Value, _: &Value, part: Part, causes: &mut Vec<Cause>) {
    if part != Part::Status {
        return;
    }
    let warnings = items(object, &["status", "typeChecking", "expressionWarnings"]);
    for (index, warning) in warnings.iter().enumerate() {
        let field = format!("status.typeChecking.expressionWarnings[{index}]");
        for name in ["warning", "fieldRef"] {
            if text(warning, &[name]).trim().is_empty() {
                causes.push(Cause::required(format!("{field}.{name}"), ""));
            }
        }
    }
    conditions(object, &["status", "conditions"], "status.conditions", causes);
}

/// A ValidatingAdmissionPolicyBinding.
pub(crate) fn validating_binding(object: &Value, causes: &mut Vec<Cause>) {
    const FIELD: &str = "spec.validationActions";
    binding(object, causes);
    let actions: Vec<&str> = metadata::texts(at(object, &["spec", "validationActions"])).collect();
    for ((index, action), is_repeated) in actions.iter().enumerate().zip(repeats(actions.iter().copied())) {
        one_of(action, &format!("{FIELD}[{index}]"), &["Audit", "Deny", "Warn"], causes);
        if is_repeated {
            causes.push(Cause::duplicate(format!("{FIELD}[{index}]"), action));
        }
    }
    if actions.contains(&"Deny") && actions.contains(&"Warn") {
        let detail = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
        causes.push(Cause::invalid_value(FIELD, at(object, &["spec", "validationActions"]), detail));
    }
    if actions.is_empty() {
        causes.push(Cause::required(FIELD, "at least one validation action is required"));
    }
}

/// A MutatingAdmissionPolicy.
pub(crate) fn mutating(object: &Value, causes: &mut Vec<Cause>) {
    common(object, causes);
    mutating_operations(object, "matchConstraints", causes);
    let mutations = items(object, &["spec", "mutations"]);
    if mutations.is_empty() {
        causes.push(Cause::required("spec.mutations", "mutations must contain at least one item"));
    }
    for (index, mutation) in mutations.iter().enumerate() {
        check_mutation(mutation, &format!("spec.mutations[{index}]"), causes);
    }
    match text(object, &["spec", "reinvocationPolicy"]) {
        "" => causes.push(Cause::required("spec.reinvocationPolicy", "")),
        policy => one_of(policy, "spec.reinvocationPolicy", &REINVOCATION_POLICIES, causes),
    }
}

/// A MutatingAdmissionPolicyBinding.
pub(crate) fn mutating_binding(object: &Value, causes: &mut Vec<Cause>) {
    binding(object, causes);
    mutating_operations(object, "matchResources", causes);
}

/// What both kinds of policies have.
fn common(object: &Value, causes: &mut Vec<Cause>) {
    let Some(spec) = at(object, &["spec"]) else { return };
    required_one_of(spec, "failurePolicy", "spec", &FAILURE_POLICIES, causes);
    if let Some(kind) = at(spec, &["paramKind"]) {
        check_param_kind(kind, causes);
    }
    match at(spec, &["matchConstraints"]) {
        None => causes.push(Cause::required("spec.matchConstraints", "")),
        Some(matches) => {
            check_matches(matches, "spec.matchConstraints", causes);
            if items(matches, &["resourceRules"]).is_empty() {
                causes.push(Cause::required("spec.matchConstraints.resourceRules", ""));
            }
        }
    }
    check_match_conditions(object, &["spec"], "spec", causes);
    for (index, variable) in items(spec, &["variables"]).iter().enumerate() {
        let field = format!("spec.variables[{index}]");
        let name = text(variable, &["name"]);
        if name.trim().is_empty() {
            causes.push(Cause::required(format!("{field}.name"), "name is not specified"));
        } else if !is_cel_identifier(name) {
            causes.push(Cause::invalid(format!("{field}.name"), name, "must be a valid CEL identifier"));
        }
        if text(variable, &["expression"]).trim().is_empty() {
            causes.push(Cause::required(format!("{field}.expression"), "expression is not specified"));
        }
    }
}

fn check_param_kind(param: &Value, causes: &mut Vec<Cause>) {
    const FIELD: &str = "spec.paramKind.apiVersion";
    let (api_version, kind) = (text(param, &["apiVersion"]), text(param, &["kind"]));
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    if api_version.is_empty() {
        causes.push(Cause::required(FIELD, ""));
    } else if version.contains('/') {
        causes.push(Cause::invalid(FIELD, api_version, format!("unexpected GroupVersion string: {api_version}")));
    } else {
        let complaints = if group.is_empty() { Vec::new() } else { dns_subdomain(group) };
        if !complaints.is_empty() {
            causes.push(Cause::invalid(FIELD, group, complaints.join(",")));
        }
        let complaints = dns_1035_label(version);
        if version.is_empty() {
            causes.push(Cause::invalid(FIELD, api_version, "version must be specified"));
        } else if !complaints.is_empty() {
            causes.push(Cause::invalid(FIELD, version, complaints.join(",")));
        }
    }
    let complaints = dns_1035_label(&kind.to_lowercase());
    if kind.is_empty() {
        causes.push(Cause::required("spec.paramKind.kind", ""));
    } else if !complaints.is_empty() {
        let detail = format!("may have mixed case, but should otherwise match: {}", complaints.join(","));
        causes.push(Cause::invalid("spec.paramKind.kind", kind, detail));
    }
}

fn check_matches(matches: &Value, field: &str, causes: &mut Vec<Cause>) {
    required_one_of(matches, "matchPolicy", field, &MATCH_POLICIES, causes);
    for name in ["namespaceSelector", "objectSelector"] {
        match at(matches, &[name]) {
            Some(selector) => label_selector(selector, &format!("{field}.{name}"), causes),
            None => causes.push(Cause::required(format!("{field}.{name}"), "")),
        }
    }
    for list in ["resourceRules", "excludeResourceRules"] {
        for (index, rule) in items(matches, &[list]).iter().enumerate() {
            let field = format!("{field}.{list}[{index}]");
            let names: Vec<&str> = metadata::texts(at(rule, &["resourceNames"])).collect();
            for ((index, name), is_repeated) in names.iter().enumerate().zip(repeats(names.iter().copied())) {
                let field = format!("{field}.resourceNames[{index}]");
                causes.extend(path_segment(name).iter().map(|text| Cause::invalid(&field, name, text)));
                if is_repeated {
                    causes.push(Cause::duplicate(field, name));
                }
            }
            check_rule(rule, &field, causes);
        }
    }
}

/// What is deleted cannot be changed.
fn mutating_operations(object: &Value, name: &str, causes: &mut Vec<Cause>) {
    for rule in items(object, &["spec", name, "resourceRules"]) {
        for operation in metadata::texts(at(rule, &["operations"])) {
            let field = format!("spec.{name}.resourceRules.operations");
            one_of(operation, &field, &["*", "CONNECT", "CREATE", "UPDATE"], causes);
        }
    }
}

fn check_validation(validation: &Value, field: &str, causes: &mut Vec<Cause>) {
    if text(validation, &["expression"]).trim().is_empty() {
        causes.push(Cause::required(format!("{field}.expression"), "expression is not specified"));
    }
    for name in ["messageExpression", "message"] {
        let value = text(validation, &[name]);
        if !value.is_empty() && value.trim().is_empty() {
            causes.push(Cause::invalid(format!("{field}.{name}"), value, "must be non-empty if specified"));
        } else if name == "message" && value.trim().contains(['\n', '\r']) {
            causes.push(Cause::invalid(format!("{field}.{name}"), value, "must not contain line breaks"));
        }
    }
    if let Some(reason) = at(validation, &["reason"]).and_then(Value::as_str) {
        one_of(reason, &format!("{field}.reason"), &["Forbidden", "Invalid", "RequestEntityTooLarge"], causes);
    }
}

fn check_annotation(object: &Value, annotation: &Value, field: &str, causes: &mut Vec<Cause>) {
    let (name, key) = (metadata::name(object), text(annotation, &["key"]));
    if name.is_empty() {
        causes.push(Cause::invalid(format!("{field}.key"), key, "requires metadata.name be non-empty"));
    } else {
        let whole = format!("{name}/{key}");
        causes.extend(qualified_name(&whole).iter().map(|text| Cause::invalid(format!("{field}.key"), &whole, text)));
    }
    let expression = text(annotation, &["valueExpression"]).trim();
    if expression.is_empty() {
        causes.push(Cause::required(format!("{field}.valueExpression"), "valueExpression is not specified"));
    } else if expression.len() > AUDIT_EXPRESSION_BYTES_MAX {
        let detail = format!("must not exceed {AUDIT_EXPRESSION_BYTES_MAX} bytes in length");
        causes.push(Cause::required(format!("{field}.valueExpression"), &detail));
    }
}

fn check_mutation(mutation: &Value, field: &str, causes: &mut Vec<Cause>) {
    let (wanted, other, patch_type) = match text(mutation, &["patchType"]) {
        "" => {
            causes.push(Cause::required(format!("{field}.patchType"), ""));
            return;
        }
        "JSONPatch" => ("jsonPatch", "applyConfiguration", "JSONPatch"),
        "ApplyConfiguration" => ("applyConfiguration", "jsonPatch", "ApplyConfiguration"),
        unknown => {
            let known = ["ApplyConfiguration", "JSONPatch"];
            causes.push(Cause::not_supported(format!("{field}.patchType"), unknown, &known));
            return;
        }
    };
    match at(mutation, &[wanted]) {
        None => {
            let detail = format!("must be specified when patchType is {patch_type}");
            causes.push(Cause::required(format!("{field}.{wanted}"), &detail));
        }
        Some(patch) if text(patch, &["expression"]).trim().is_empty() => {
            causes.push(Cause::required(format!("{field}.{wanted}.expression"), ""));
        }
        Some(_) => {}
    }
    if at(mutation, &[other]).is_some() {
        let detail = format!("must not be specified when patchType is {patch_type}");
        causes.push(Cause::invalid(format!("{field}.{other}"), &format!("{{{other}}}"), detail));
    }
}

/// What both kinds of bindings have.
fn binding(object: &Value, causes: &mut Vec<Cause>) {
    let Some(spec) = at(object, &["spec"]) else { return };
    let policy = text(spec, &["policyName"]);
    if policy.is_empty() {
        causes.push(Cause::required("spec.policyName", ""));
    } else {
        causes.extend(dns_subdomain(policy).iter().map(|text| Cause::invalid("spec.policyName", policy, text)));
    }
    if let Some(param) = at(spec, &["paramRef"]) {
        check_param(param, causes);
    }
    if let Some(matches) = at(spec, &["matchResources"]) {
        check_matches(matches, "spec.matchResources", causes);
    }
}

fn check_param(param: &Value, causes: &mut Vec<Cause>) {
    const BOTH: &str = "name and selector are mutually exclusive";
    let (name, selector) = (text(param, &["name"]), at(param, &["selector"]));
    causes.extend(path_segment(name).iter().map(|text| Cause::invalid("spec.paramRef.name", name, text)));
    if !name.is_empty() && selector.is_some() {
        causes.push(Cause::forbidden("spec.paramRef.name", BOTH));
    }
    if let Some(selector) = selector {
        label_selector(selector, "spec.paramRef.selector", causes);
        if !name.is_empty() {
            causes.push(Cause::forbidden("spec.paramRef.selector", BOTH));
        }
    } else if name.is_empty() {
        causes.push(Cause::required("spec.paramRef", "one of name or selector must be specified"));
    }
    match text(param, &["parameterNotFoundAction"]) {
        "" => causes.push(Cause::required("spec.paramRef.parameterNotFoundAction", "")),
        action => one_of(action, "spec.paramRef.parameterNotFoundAction", &["Deny", "Allow"], causes),
    }
}

const AUDIT_ANNOTATIONS_MAX: usize = 20;
const AUDIT_EXPRESSION_BYTES_MAX: usize = 5 * 1024;
