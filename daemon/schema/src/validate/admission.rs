//! Rules that webhooks and policies of admission share.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{at, items, repeats_of, text};
use crate::cause::Cause;
use crate::format::qualified_name;
use crate::metadata;

pub(super) const FAILURE_POLICIES: [&str; 2] = ["Fail", "Ignore"];
pub(super) const MATCH_POLICIES: [&str; 2] = ["Equivalent", "Exact"];
pub(super) const REINVOCATION_POLICIES: [&str; 2] = ["IfNeeded", "Never"];
const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const SCOPES: [&str; 3] = ["*", "Cluster", "Namespaced"];
const MATCH_CONDITIONS_MAX: usize = 64;

/// The text must be one of these.
pub(super) fn one_of(value: &str, field: &str, known: &[&str], causes: &mut Vec<Cause>) {
    if !known.contains(&value) {
        causes.push(Cause::not_supported(field, value, known));
    }
}

/// The text under this name, if there is one, must be one of these.
pub(super) fn optional_one_of(object: &Value, name: &str, field: &str, known: &[&str], causes: &mut Vec<Cause>) {
    if let Some(value) = at(object, &[name]).and_then(Value::as_str) {
        one_of(value, &format!("{field}.{name}"), known, causes);
    }
}

/// The text under this name must be there and be one of these.
pub(super) fn required_one_of(object: &Value, name: &str, field: &str, known: &[&str], causes: &mut Vec<Cause>) {
    match at(object, &[name]).and_then(Value::as_str) {
        Some(value) => one_of(value, &format!("{field}.{name}"), known, causes),
        None => causes.push(Cause::required(format!("{field}.{name}"), "")),
    }
}

/// Operations on resources.
pub(super) fn check_rule(rule: &Value, field: &str, causes: &mut Vec<Cause>) {
    let operations = filled(rule, "operations", field, "operations", causes);
    for (index, operation) in operations.iter().enumerate() {
        one_of(operation, &format!("{field}.operations[{index}]"), &OPERATIONS, causes);
    }
    filled(rule, "apiGroups", field, "API groups", causes);
    let versions = filled(rule, "apiVersions", field, "API versions", causes);
    for (index, _) in versions.iter().enumerate().filter(|(_, version)| version.is_empty()) {
        causes.push(Cause::required(format!("{field}.apiVersions[{index}]"), ""));
    }
    check_resources(rule, &format!("{field}.resources"), causes);
    optional_one_of(rule, "scope", field, &SCOPES, causes);
}

/// Further conditions of the object at this path: their names, and that they say something.
pub(super) fn check_match_conditions(object: &Value, path: &[&str], field: &str, causes: &mut Vec<Cause>) {
    let conditions = at(object, path).map_or(&[][..], |object| items(object, &["matchConditions"]));
    let field = format!("{field}.matchConditions");
    if conditions.len() > MATCH_CONDITIONS_MAX {
        causes.push(Cause::too_many(&field, conditions.len(), MATCH_CONDITIONS_MAX));
    }
    for ((index, condition), is_repeated) in conditions.iter().enumerate().zip(repeats_of(conditions, "name")) {
        let field = format!("{field}[{index}]");
        if text(condition, &["expression"]).trim().is_empty() {
            causes.push(Cause::required(format!("{field}.expression"), ""));
        }
        let name = text(condition, &["name"]);
        let field = format!("{field}.name");
        if name.is_empty() {
            causes.push(Cause::required(field, ""));
            continue;
        }
        causes.extend(qualified_name(name).iter().map(|text| Cause::invalid(&field, name, text)));
        if is_repeated {
            causes.push(Cause::duplicate(field, name));
        }
    }
}

/// The texts of a list that must not be empty, and in which a star stands alone.
fn filled<'a>(rule: &'a Value, name: &str, field: &str, what: &str, causes: &mut Vec<Cause>) -> Vec<&'a str> {
    let list: Vec<&str> = metadata::texts(at(rule, &[name])).collect();
    let field = format!("{field}.{name}");
    if list.is_empty() {
        causes.push(Cause::required(field, ""));
    } else if list.len() > 1 && list.contains(&"*") {
        let detail = format!("if '*' is present, must not specify other {what}");
        causes.push(Cause::invalid_value(field, at(rule, &[name]), detail));
    }
    list
}

fn check_resources(rule: &Value, field: &str, causes: &mut Vec<Cause>) {
    let list: Vec<&str> = metadata::texts(at(rule, &["resources"])).collect();
    let bad = at(rule, &["resources"]);
    if list.is_empty() {
        causes.push(Cause::required(field, ""));
    }
    let (mut plain_last, mut before) = (false, BTreeSet::new());
    for (index, entry) in list.iter().enumerate() {
        let field = format!("{field}[{index}]");
        if entry.is_empty() {
            causes.push(Cause::required(field, ""));
            continue;
        }
        let Some((resource, part)) = entry.split_once('/') else {
            plain_last = *entry != "*";
            continue;
        };
        for stars in [format!("{resource}/*"), format!("*/{part}")] {
            if before.contains(stars.as_str()) {
                let detail = format!("if '{stars}' is present, must not specify {entry}");
                causes.push(Cause::invalid(&field, entry, detail));
            }
        }
        before.insert(*entry);
    }
    if list.len() > 1 && list.contains(&"*/*") {
        causes.push(Cause::invalid_value(field, bad, "if '*/*' is present, must not specify other resources"));
    }
    if list.contains(&"*") && plain_last {
        let detail = "if '*' is present, must not specify other resources without subresources";
        causes.push(Cause::invalid_value(field, bad, detail));
    }
}
