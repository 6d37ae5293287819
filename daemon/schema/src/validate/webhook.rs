//! Rules of webhooks' configurations. The expressions of `matchConditions` are checked where CEL is known.

use serde_json::Value;

use super::admission::{self, one_of, optional_one_of};
use super::selector::label_selector;
use super::url::check_url;
use super::{at, items, repeats, repeats_of, text};
use crate::cause::Cause;
use crate::format::{dns_1035_label, dns_subdomain};
use crate::metadata;

/// A ValidatingWebhookConfiguration.
pub(crate) fn validating(object: &Value, causes: &mut Vec<Cause>) {
    configuration(object, causes);
}

/// A MutatingWebhookConfiguration.
pub(crate) fn mutating(object: &Value, causes: &mut Vec<Cause>) {
    configuration(object, causes);
}

/// Names that upstream keeps for itself.
pub(crate) fn name_warnings(object: &Value, _: Option<&Value>) -> Vec<String> {
    if !metadata::name(object).ends_with(".static.k8s.io") {
        return Vec::new();
    }
    vec![
        "metadata.name: names ending with \".static.k8s.io\" are reserved for static manifest-based configurations and cannot be managed via the API".to_owned(),
    ]
}

/// The two kinds differ in one field, which the other does not have.
fn configuration(object: &Value, causes: &mut Vec<Cause>) {
    let webhooks = items(object, &["webhooks"]);
    for ((index, webhook), is_repeated) in webhooks.iter().enumerate().zip(repeats_of(webhooks, "name")) {
        let field = format!("webhooks[{index}]");
        check_webhook(webhook, &field, causes);
        check_review_versions(webhook, &format!("{field}.admissionReviewVersions"), causes);
        let name = text(webhook, &["name"]);
        if !name.is_empty() && is_repeated {
            causes.push(Cause::duplicate(format!("{field}.name"), name));
        }
    }
}

fn check_webhook(webhook: &Value, field: &str, causes: &mut Vec<Cause>) {
    check_name(text(webhook, &["name"]), &format!("{field}.name"), causes);
    for (index, rule) in items(webhook, &["rules"]).iter().enumerate() {
        admission::check_rule(rule, &format!("{field}.rules[{index}]"), causes);
    }
    optional_one_of(webhook, "failurePolicy", field, &admission::FAILURE_POLICIES, causes);
    optional_one_of(webhook, "matchPolicy", field, &admission::MATCH_POLICIES, causes);
    match at(webhook, &["sideEffects"]).and_then(Value::as_str) {
        Some(effects) => one_of(effects, &format!("{field}.sideEffects"), &SIDE_EFFECTS, causes),
        None => {
            let detail = format!("must specify one of {}", SIDE_EFFECTS.join(", "));
            causes.push(Cause::required(format!("{field}.sideEffects"), &detail));
        }
    }
    if let Some(seconds) = at(webhook, &["timeoutSeconds"])
        && !seconds.as_i64().is_some_and(|seconds| (1..=30).contains(&seconds))
    {
        let detail = "the timeout value must be between 1 and 30 seconds";
        causes.push(Cause::invalid_value(format!("{field}.timeoutSeconds"), Some(seconds), detail));
    }
    for name in ["namespaceSelector", "objectSelector"] {
        if let Some(selector) = at(webhook, &[name]) {
            label_selector(selector, &format!("{field}.{name}"), causes);
        }
    }
    optional_one_of(webhook, "reinvocationPolicy", field, &admission::REINVOCATION_POLICIES, causes);
    check_client(webhook, &format!("{field}.clientConfig"), causes);
    admission::check_match_conditions(webhook, &[], field, causes);
}

/// A domain with three parts.
fn check_name(name: &str, field: &str, causes: &mut Vec<Cause>) {
    if name.is_empty() {
        causes.push(Cause::required(field, ""));
        return;
    }
    let complaints = dns_subdomain(name);
    if !complaints.is_empty() {
        causes.push(Cause::invalid(field, name, complaints.join(",")));
    } else if name.split('.').count() < 3 {
        let detail = "should be a domain with at least three segments separated by dots";
        causes.push(Cause::invalid(field, name, detail));
    }
}

/// Where a webhook is: at an address, or behind a service.
fn check_client(webhook: &Value, field: &str, causes: &mut Vec<Cause>) {
    let config = |name| at(webhook, &["clientConfig", name]);
    match (config("url").and_then(Value::as_str), config("service")) {
        (Some(url), None) => check_url(url, &format!("{field}.url"), causes),
        (None, Some(service)) => check_service(service, &format!("{field}.service"), causes),
        _ => causes.push(Cause::required(field, "exactly one of url or service is required")),
    }
}

pub(crate) fn check_service(service: &Value, field: &str, causes: &mut Vec<Cause>) {
    for name in ["namespace", "name"] {
        if text(service, &[name]).is_empty() {
            // Upstream takes the one for the other.
            let other = if name == "name" { "namespace" } else { "name" };
            causes.push(Cause::required(format!("{field}.{other}"), ""));
        }
    }
    let port = at(service, &["port"]);
    if !port.and_then(Value::as_i64).is_some_and(|port| (1..=65535).contains(&port)) {
        let detail = "port is not valid: must be between 1 and 65535, inclusive";
        causes.push(Cause::invalid_value(format!("{field}.port"), port, detail));
    }
    let path = text(service, &["path"]);
    let field = format!("{field}.path");
    match path {
        "" | "/" => return,
        "//" => {
            causes.push(Cause::invalid(field, path, "segment[0] may not be empty"));
            return;
        }
        _ => {}
    }
    if !path.starts_with('/') {
        causes.push(Cause::invalid(&field, path, "must start with a '/'"));
    }
    let mut letters = path.chars();
    letters.next();
    let rest = letters.as_str();
    for (index, step) in rest.strip_suffix('/').unwrap_or(rest).split('/').enumerate() {
        if step.is_empty() {
            causes.push(Cause::invalid(&field, path, format!("segment[{index}] may not be empty")));
            continue;
        }
        let complaints = dns_subdomain(step);
        causes.extend(complaints.iter().map(|text| Cause::invalid(&field, path, format!("segment[{index}]: {text}"))));
    }
}

fn check_review_versions(webhook: &Value, field: &str, causes: &mut Vec<Cause>) {
    let versions: Vec<&str> = metadata::texts(at(webhook, &["admissionReviewVersions"])).collect();
    if versions.is_empty() {
        causes.push(Cause::required(field, "must specify one of v1, v1beta1"));
        return;
    }
    for ((index, version), is_repeated) in versions.iter().enumerate().zip(repeats(versions.iter().copied())) {
        let field = format!("{field}[{index}]");
        if is_repeated {
            causes.push(Cause::invalid(field, version, "duplicate version"));
            continue;
        }
        causes.extend(dns_1035_label(version).iter().map(|text| Cause::invalid(&field, version, text)));
    }
    if !versions.iter().any(|version| ["v1", "v1beta1"].contains(version)) {
        let bad = at(webhook, &["admissionReviewVersions"]);
        causes.push(Cause::invalid_value(field, bad, "must include at least one of v1, v1beta1"));
    }
}

const SIDE_EFFECTS: [&str; 2] = ["None", "NoneOnDryRun"];
