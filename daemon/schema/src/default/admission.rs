//! Defaults of webhooks and policies of admission.

use serde_json::{Map, Value, json};

use super::{child, reorder};
use crate::field::TypeDescriptor;
use crate::types::admission::{mutating, policy, validating, webhook};

/// A ValidatingWebhookConfiguration.
pub(crate) fn validating_webhooks(object: &mut Value) {
    webhooks(object, &webhook::VALIDATING_WEBHOOK, &[]);
}

/// A MutatingWebhookConfiguration.
pub(crate) fn mutating_webhooks(object: &mut Value) {
    webhooks(object, &webhook::MUTATING_WEBHOOK, &[("reinvocationPolicy", "Never")]);
}

/// A ValidatingAdmissionPolicy.
pub(crate) fn validating_policy(object: &mut Value) {
    policy(object, &validating::VALIDATING_ADMISSION_POLICY_SPEC);
}

/// A MutatingAdmissionPolicy.
pub(crate) fn mutating_policy(object: &mut Value) {
    policy(object, &mutating::MUTATING_ADMISSION_POLICY_SPEC);
}

/// A binding of a policy of either kind.
pub(crate) fn binding(object: &mut Value) {
    if let Some(Value::Object(resources)) = object.pointer_mut("/spec/matchResources") {
        matches(resources);
    }
}

fn webhooks(object: &mut Value, descriptor: &TypeDescriptor, texts: &[(&str, &str)]) {
    let webhooks = object.get_mut("webhooks").and_then(Value::as_array_mut);
    for webhook in webhooks.into_iter().flatten().filter_map(Value::as_object_mut) {
        for (name, text) in [("failurePolicy", "Fail"), ("matchPolicy", "Equivalent")].iter().chain(texts) {
            fill(webhook, name, || Value::from(*text));
        }
        selectors(webhook);
        fill(webhook, "timeoutSeconds", || Value::from(10));
        if let Some(Value::Object(service)) =
            webhook.get_mut("clientConfig").and_then(|config| config.get_mut("service"))
        {
            fill(service, "port", || Value::from(443));
            reorder(service, &webhook::SERVICE_REFERENCE);
        }
        rules(webhook, "rules", &webhook::RULE_WITH_OPERATIONS);
        reorder(webhook, descriptor);
    }
}

fn policy(object: &mut Value, descriptor: &TypeDescriptor) {
    let Some(spec) = object.as_object_mut().and_then(|object| child(object, "spec")) else { return };
    fill(spec, "failurePolicy", || Value::from("Fail"));
    if let Some(Value::Object(constraints)) = spec.get_mut("matchConstraints") {
        matches(constraints);
    }
    reorder(spec, descriptor);
}

fn matches(resources: &mut Map<String, Value>) {
    fill(resources, "matchPolicy", || Value::from("Equivalent"));
    selectors(resources);
    for name in ["resourceRules", "excludeResourceRules"] {
        rules(resources, name, &policy::NAMED_RULE_WITH_OPERATIONS);
    }
    reorder(resources, &policy::MATCH_RESOURCES);
}

/// An empty selector selects everything.
fn selectors(map: &mut Map<String, Value>) {
    for name in ["namespaceSelector", "objectSelector"] {
        fill(map, name, || json!({}));
    }
}

fn rules(map: &mut Map<String, Value>, name: &str, descriptor: &TypeDescriptor) {
    let rules = map.get_mut(name).and_then(Value::as_array_mut);
    for rule in rules.into_iter().flatten().filter_map(Value::as_object_mut) {
        fill(rule, "scope", || Value::from("*"));
        reorder(rule, descriptor);
    }
}

fn fill(map: &mut Map<String, Value>, name: &str, value: impl FnOnce() -> Value) {
    if map.get(name).is_none_or(Value::is_null) {
        map.insert(name.to_owned(), value());
    }
}
