//! Rules of the questions that the server answers at once.

use serde_json::{Map, Value, json};

use super::selector::{Operators, field_requirement, label_requirement};
use super::{at, items, text};
use crate::cause::Cause;
use crate::metadata;

/// A SubjectAccessReview.
pub(crate) fn subject_access(object: &Value, causes: &mut Vec<Cause>) {
    request(object, causes);
    subject(object, causes);
    attributes(object, causes);
    empty_metadata(object, &[], "must be empty", causes);
}

/// A SelfSubjectAccessReview.
pub(crate) fn self_subject_access(object: &Value, causes: &mut Vec<Cause>) {
    request(object, causes);
    attributes(object, causes);
    empty_metadata(object, &[], "must be empty", causes);
}

/// A LocalSubjectAccessReview: it asks about its own namespace only.
pub(crate) fn local_subject_access(object: &Value, causes: &mut Vec<Cause>) {
    request(object, causes);
    subject(object, causes);
    attributes(object, causes);
    empty_metadata(object, &["namespace"], "must be empty except for namespace", causes);
    let namespace = text(object, &["spec", "resourceAttributes", "namespace"]);
    if at(object, &["spec", "resourceAttributes"]).is_some() && namespace != metadata::namespace(object) {
        causes.push(Cause::invalid("spec.resourceAttributes.namespace", namespace, "must match metadata.namespace"));
    }
    if let Some(path) = path_attributes(object) {
        causes.push(Cause::invalid_value(
            "spec.nonResourceAttributes",
            Some(&path),
            "disallowed on this kind of request",
        ));
    }
}

/// A TokenRequest, with its defaults set.
pub(crate) fn token_request(object: &Value, causes: &mut Vec<Cause>) {
    const FIELD: &str = "spec.expirationSeconds";
    let seconds = at(object, &["spec", "expirationSeconds"]);
    let number = seconds.and_then(Value::as_i64).unwrap_or(0);
    if number < TOKEN_SECONDS_MIN {
        causes.push(Cause::invalid_value(FIELD, seconds, "may not specify a duration less than 10 minutes"));
    }
    if number > TOKEN_SECONDS_MAX {
        causes.push(Cause::invalid_value(FIELD, seconds, "may not specify a duration larger than 2^32 seconds"));
    }
}

/// Either a resource or a path is asked about.
fn request(object: &Value, causes: &mut Vec<Cause>) {
    let path = path_attributes(object);
    match (at(object, &["spec", "resourceAttributes"]), &path) {
        (Some(_), Some(_)) => {
            let detail = "cannot be specified in combination with resourceAttributes";
            causes.push(Cause::invalid_value("spec.nonResourceAttributes", path.as_ref(), detail));
        }
        (None, None) => {
            let detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            causes.push(Cause::invalid_value("spec.resourceAttributes", None, detail));
        }
        _ => {}
    }
}

fn subject(object: &Value, causes: &mut Vec<Cause>) {
    if text(object, &["spec", "user"]).is_empty() && items(object, &["spec", "groups"]).is_empty() {
        causes.push(Cause::invalid("spec.user", "", "at least one of user or group must be specified"));
    }
}

/// As upstream's internal type shows it.
fn path_attributes(object: &Value) -> Option<Value> {
    let attributes = at(object, &["spec", "nonResourceAttributes"])?;
    Some(json!({"Path": text(attributes, &["path"]), "Verb": text(attributes, &["verb"])}))
}

fn attributes(object: &Value, causes: &mut Vec<Cause>) {
    for name in ["fieldSelector", "labelSelector"] {
        let Some(selector) = at(object, &["spec", "resourceAttributes", name]) else { continue };
        let field = format!("spec.resourceAttributes.{name}");
        let (raw, requirements) = (text(selector, &["rawSelector"]), items(selector, &["requirements"]));
        if !raw.is_empty() && !requirements.is_empty() {
            let detail = "may not specified at the same time as requirements";
            causes.push(Cause::invalid(format!("{field}.rawSelector"), raw, detail));
        }
        if raw.is_empty() && requirements.is_empty() {
            let detail = format!("when {field} is specified, requirements or rawSelector is required");
            causes.push(Cause::required(format!("{field}.requirements"), &detail));
        }
        for (index, requirement) in requirements.iter().enumerate() {
            let field = format!("{field}.requirements[{index}]");
            if name == "fieldSelector" {
                field_requirement(requirement, &field, causes);
            } else {
                label_requirement(requirement, &field, Operators::Any, causes);
            }
        }
    }
}

fn empty_metadata(object: &Value, but: &[&str], detail: &str, causes: &mut Vec<Cause>) {
    let metadata = metadata::of(object);
    let ignored = |key: &str| key == "managedFields" || but.contains(&key);
    if metadata.into_iter().flat_map(Map::keys).any(|key| !ignored(key)) {
        let bad = metadata.cloned().map(Value::Object);
        causes.push(Cause::invalid_value("metadata", bad.as_ref(), detail));
    }
}

const TOKEN_SECONDS_MIN: i64 = 600;
const TOKEN_SECONDS_MAX: i64 = 1 << 32;
