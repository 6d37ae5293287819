//! Rules of ResourceQuota.

use serde_json::{Map, Value, json};

use super::resource::{check_name, is_extended, is_huge_page, is_quota_huge_page};
use super::{at, items, text};
use crate::cause::Cause;
use crate::kind::Part;
use crate::metadata::{self, IS_IMMUTABLE};
use crate::quantity::Quantity;

/// Names and amounts of `spec` and `status`, and the scopes.
pub(crate) fn resource_quota(object: &Value, causes: &mut Vec<Cause>) {
    amounts(object, &["spec", "hard"], "spec.hard", causes);
    scopes(object, causes);
    scope_selector(object, causes);
    amounts(object, &["status", "hard"], "status.hard", causes);
    amounts(object, &["status", "used"], "status.used", causes);
}

/// The scopes stay the same; a write of the status is held to its own rules.
pub(crate) fn resource_quota_update(object: &Value, old: &Value, part: Part, causes: &mut Vec<Cause>) {
    if part == Part::Status {
        if metadata::resource_version(object).is_empty() {
            causes.push(Cause::required("resourceVersion", ""));
        }
        amounts(object, &["status", "hard"], "status.hard", causes);
        amounts(object, &["status", "used"], "status.used", causes);
        return;
    }
    let of = |object| {
        let mut scopes: Vec<&str> = metadata::texts(at(object, &["spec", "scopes"])).collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    };
    if of(object) != of(old) {
        causes.push(Cause::invalid_value("spec.scopes", at(object, &["spec", "scopes"]), IS_IMMUTABLE));
    }
}

/// A request that is larger than its limit makes little sense.
pub(crate) fn resource_quota_warnings(object: &Value, old: Option<&Value>) -> Vec<String> {
    let Some(hard) = hard(object).filter(|_| old.is_none()) else { return Vec::new() };
    let amount = |name: &str| Quantity::parse(hard.get(name)?.as_str()?).ok();
    let mut warnings = Vec::new();
    for name in ["cpu", "memory", "storage", "ephemeral-storage"] {
        let (mut request_name, limit_name) = (format!("requests.{name}"), format!("limits.{name}"));
        let mut request = amount(&request_name);
        if request.is_none() && ["cpu", "memory"].contains(&name) {
            request = amount(name);
            request_name = name.to_owned();
        }
        if let (Some(request), Some(limit)) = (request, amount(&limit_name))
            && request > limit
        {
            let shown = |name: &str| hard.get(name).and_then(Value::as_str).unwrap_or_default();
            warnings.push(format!(
                "ResourceQuota {request_name} ({}) should be less than {limit_name} ({})",
                shown(&request_name),
                shown(&limit_name)
            ));
        }
    }
    warnings
}

fn amounts(object: &Value, path: &[&str], field: &str, causes: &mut Vec<Cause>) {
    for (name, amount) in at(object, path).and_then(Value::as_object).into_iter().flatten() {
        let field = format!("{field}[{name}]");
        check_name(name, &field, causes);
        if !name.contains('/') && !is_quota_resource(name) {
            causes.push(Cause::invalid(&field, name, "must be a standard resource for quota"));
        }
        let written = amount.as_str().unwrap_or_default();
        let Ok(quantity) = Quantity::parse(written) else { continue };
        if quantity.is_negative() {
            causes.push(Cause::invalid(&field, written, "must be greater than or equal to 0"));
        }
        if (INTEGERS.contains(&name.as_str()) || is_extended(name)) && !quantity.is_whole() {
            causes.push(Cause::invalid(&field, written, "must be an integer"));
        }
    }
}

fn scopes(object: &Value, causes: &mut Vec<Cause>) {
    const FIELD: &str = "spec.scopes";
    let bad = at(object, &["spec", "scopes"]);
    let all: Vec<&str> = metadata::texts(bad).collect();
    // Upstream repeats the whole list for each scope and resource; once is enough.
    if all.iter().any(|scope| !SCOPES.contains(scope)) {
        causes.push(Cause::invalid_value(FIELD, bad, "unsupported scope"));
    }
    if SCOPES.iter().any(|scope| all.contains(scope) && is_unfit(object, scope)) {
        causes.push(Cause::invalid_value(FIELD, bad, "unsupported scope applied to resource"));
    }
    conflicts(&all, FIELD, bad, causes);
}

fn scope_selector(object: &Value, causes: &mut Vec<Cause>) {
    const FIELD: &str = "spec.scopeSelector.matchExpressions";
    let requirements = items(object, &["spec", "scopeSelector", "matchExpressions"]);
    for requirement in requirements {
        let (scope, operator) = (text(requirement, &["scopeName"]), text(requirement, &["operator"]));
        if !SCOPES.contains(&scope) {
            causes.push(Cause::invalid(format!("{FIELD}.scopeName"), scope, "unsupported scope"));
        }
        if SCOPES_THAT_EXIST.contains(&scope) && operator != "Exists" {
            let detail = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
            causes.push(Cause::invalid(format!("{FIELD}.operator"), operator, detail));
        }
        let has_values = !items(requirement, &["values"]).is_empty();
        match operator {
            "In" | "NotIn" if !has_values => {
                let detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                causes.push(Cause::required(format!("{FIELD}.values"), detail));
            }
            "Exists" | "DoesNotExist" if has_values => {
                let detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                causes.push(Cause::invalid_value(format!("{FIELD}.values"), requirement.get("values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => causes.push(Cause::invalid(format!("{FIELD}.operator"), other, "not a valid selector operator")),
        }
    }
    let all: Vec<&str> = requirements.iter().map(|requirement| text(requirement, &["scopeName"])).collect();
    if SCOPES.iter().any(|scope| all.contains(scope) && is_unfit(object, scope)) {
        let bad = internal_selector(requirements);
        causes.push(Cause::invalid_value(FIELD, Some(&bad), "unsupported scope applied to resource"));
    }
    // Upstream shows the other list of scopes.
    conflicts(&all, FIELD, at(object, &["spec", "scopes"]), causes);
}

fn conflicts(all: &[&str], field: &str, bad: Option<&Value>, causes: &mut Vec<Cause>) {
    for pair in [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]] {
        if pair.iter().all(|scope| all.contains(scope)) {
            causes.push(Cause::invalid_value(field, bad, "conflicting scopes"));
        }
    }
}

/// Whether the quota has resources that this scope says nothing about.
fn is_unfit(object: &Value, scope: &str) -> bool {
    let mut names = hard(object).into_iter().flat_map(Map::keys);
    names.any(|name| is_quota_resource(name) && !fits(scope, name))
}

fn fits(scope: &str, name: &str) -> bool {
    match scope {
        "Terminating" | "NotTerminating" | "NotBestEffort" | "PriorityClass" | "CrossNamespacePodAffinity" => {
            name == "pods" || COMPUTE.contains(&name)
        }
        "BestEffort" => name == "pods",
        "VolumeAttributesClass" => ["persistentvolumeclaims", "requests.storage"].contains(&name),
        _ => true,
    }
}

fn hard(object: &Value) -> Option<&Map<String, Value>> {
    at(object, &["spec", "hard"])?.as_object()
}

fn is_quota_resource(name: &str) -> bool {
    COMPUTE.contains(&name) || QUOTA_RESOURCES.contains(&name) || is_huge_page(name) || is_quota_huge_page(name)
}

/// As upstream's internal type shows it.
fn internal_selector(requirements: &[Value]) -> Value {
    let internal = |requirement: &Value| {
        json!({
            "ScopeName": text(requirement, &["scopeName"]),
            "Operator": text(requirement, &["operator"]),
            "Values": at(requirement, &["values"]),
        })
    };
    json!({"MatchExpressions": requirements.iter().map(internal).collect::<Vec<_>>()})
}

const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "VolumeAttributesClass",
    "CrossNamespacePodAffinity",
];
const SCOPES_THAT_EXIST: [&str; 5] =
    ["BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity"];
const COMPUTE: [&str; 6] = ["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
const QUOTA_RESOURCES: [&str; 13] = [
    "ephemeral-storage",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
];
const INTEGERS: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];
