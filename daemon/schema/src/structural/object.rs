//! What is wrong with a custom resource: its kind, metadata, values, numbers of replicas, embedded resources, lists and rules, in
//! the order in which the API server complains.

use serde_json::Value;

use super::path::Path;
use super::prune::Root;
use super::ratchet::Correlated;
use super::schema::Schema;
use super::words::{Findings, about, go_type, plain};
use super::{list, object_meta, rule, validate};
use crate::cause::{Cause, CauseReason, quote};
use crate::format::qualified_name;
use crate::kind::{Kind, Scale, Text};
use crate::metadata;

/// What is wrong with a new object in canonical form.
#[must_use]
pub fn create(kind: &Kind, schema: &Schema, object: &Value) -> Vec<Cause> {
    let mut findings = Findings::default();
    if !has_identity(kind, object, &mut findings) {
        return findings.into_causes();
    }
    let mut causes = Vec::new();
    metadata::validate(kind, object, &mut causes);
    findings.extend(causes);
    content(schema, kind.scale.as_ref(), object, None, &mut findings);
    findings.into_causes()
}

/// What is wrong with a changed object in canonical form.
#[must_use]
pub fn update(kind: &Kind, schema: &Schema, object: &Value, old: &Value) -> Vec<Cause> {
    let mut findings = Findings::default();
    if !has_identity(kind, object, &mut findings) {
        return findings.into_causes();
    }
    let mut causes = Vec::new();
    metadata::validate_update(object, old, &mut causes);
    findings.extend(causes);
    content(schema, kind.scale.as_ref(), object, Some(old), &mut findings);
    findings.into_causes()
}

/// What is wrong beside the metadata.
pub(super) fn content(
    schema: &Schema,
    scale: Option<&Scale>,
    object: &Value,
    old: Option<&Value>,
    findings: &mut Findings,
) {
    let correlated = old.map(|old| Correlated::new(object, old, schema));
    validate::values(schema, object, correlated.as_ref(), &Path::ROOT, findings);
    if let Some(scale) = scale {
        scale_spec(scale, object, findings);
        scale_status(scale, object, findings);
    }
    object_meta::validate(object, schema, Root::Value, &Path::ROOT, findings);
    match old {
        Some(old) => lists(schema, object, old, findings),
        None => list::validate(object, schema, &Path::ROOT, findings),
    }
    judge(schema, object, correlated.as_ref(), findings);
}

/// What is wrong with an object whose status has changed.
#[must_use]
pub fn update_status(kind: &Kind, schema: &Schema, object: &Value, old: &Value) -> Vec<Cause> {
    let mut findings = Findings::default();
    if !has_identity(kind, object, &mut findings) {
        return findings.into_causes();
    }
    let mut causes = Vec::new();
    metadata::validate_update(object, old, &mut causes);
    findings.extend(causes);
    let correlated = Correlated::new(object, old, schema);
    if let (Some(status), Some(below)) = (object.get("status"), schema.properties.get("status")) {
        let inner = correlated.key("status");
        validate::values(below, status, inner.as_ref(), &Path::at("status"), &mut findings);
    }
    if let Some(scale) = &kind.scale {
        scale_status(scale, object, &mut findings);
    }
    lists(schema, object, old, &mut findings);
    judge(schema, object, Some(&correlated), &mut findings);
    findings.into_causes()
}

/// What should not be as it is: the names of finalizers that were added.
#[must_use]
pub fn warnings(object: &Value, old: Option<&Value>) -> Vec<String> {
    const FIELD: &str = "metadata.finalizers";
    let is_old = |name: &str| old.is_some_and(|old| metadata::finalizers(old).any(|known| known == name));
    let mut added: Vec<&str> = metadata::finalizers(object).filter(|name| !is_old(name)).collect();
    added.sort_unstable();
    added.dedup();
    let mut warnings = Vec::new();
    for name in added {
        let shown = quote(name);
        warnings.extend(qualified_name(name).iter().map(|why| format!("{FIELD}: {shown}: {why}")));
        let standard = [metadata::FINALIZER_ORPHAN, metadata::FINALIZER_FOREGROUND, "kubernetes"];
        if !name.contains('/') && !standard.contains(&name) {
            let path = if name.contains('.') { " including a path (/)" } else { "" };
            warnings.push(format!(
                "{FIELD}: {shown}: prefer a domain-qualified finalizer name{path} to avoid accidental conflicts with other finalizer writers"
            ));
        }
    }
    warnings
}

fn has_identity(kind: &Kind, object: &Value, findings: &mut Findings) -> bool {
    for (field, wanted) in [("kind", kind.kind.to_string()), ("apiVersion", kind.api_version())] {
        let given = object.get(field).and_then(Value::as_str).unwrap_or_default();
        if given != wanted {
            findings.add(|| Cause::invalid(field, given, format!("must be {wanted}")));
        }
    }
    findings.is_empty()
}

/// Duplicates are told when the old object had none.
fn lists(schema: &Schema, object: &Value, old: &Value, findings: &mut Findings) {
    let mut before = Findings::default();
    list::validate(old, schema, &Path::ROOT, &mut before);
    if before.is_empty() {
        list::validate(object, schema, &Path::ROOT, findings);
    }
}

/// Rules are asked when the object is whole enough for them.
fn judge(schema: &Schema, object: &Value, correlated: Option<&Correlated<'_>>, findings: &mut Findings) {
    if !schema.rules_inside {
        return;
    }
    let blocking = |cause: &Cause| {
        matches!(
            cause.reason,
            CauseReason::NotSupported
                | CauseReason::Required
                | CauseReason::TooLong
                | CauseReason::TooMany
                | CauseReason::TypeInvalid
        )
    };
    if findings.causes().iter().any(blocking) {
        findings.add(|| about(CauseReason::Invalid, "<nil>".to_owned(), &Value::Null, NOT_CHECKED));
        return;
    }
    rule::judge(schema, object, correlated, findings);
}

fn scale_spec(scale: &Scale, object: &Value, findings: &mut Findings) {
    replicas(&scale.spec_replicas, object, findings);
}

fn scale_status(scale: &Scale, object: &Value, findings: &mut Findings) {
    replicas(&scale.status_replicas, object, findings);
    if scale.label_selector.is_empty() {
        return;
    }
    match nested(object, &scale.label_selector) {
        Err(why) => invalid(&scale.label_selector, &Value::from(""), &why, findings),
        Ok(Some(value)) if !value.is_string() => {
            let why = wrong_type(&scale.label_selector, value, "string");
            invalid(&scale.label_selector, &Value::from(""), &why, findings);
        }
        Ok(_) => {}
    }
}

fn replicas(path: &[Text], object: &Value, findings: &mut Findings) {
    match nested(object, path) {
        Err(why) => invalid(path, &Value::from(0), &why, findings),
        Ok(None) => {}
        Ok(Some(value)) => match value.as_i64() {
            None => invalid(path, &Value::from(0), &wrong_type(path, value, "int64"), findings),
            Some(count) if count < 0 => invalid(path, value, "should be a non-negative integer", findings),
            Some(count) if count > i64::from(i32::MAX) => {
                invalid(path, value, &format!("should be less than or equal to {}", i32::MAX), findings);
            }
            Some(_) => {}
        },
    }
}

/// The value at a path; an error where something on the way is no object.
fn nested<'v>(object: &'v Value, path: &[Text]) -> Result<Option<&'v Value>, String> {
    let mut value = object;
    for (depth, field) in path.iter().enumerate() {
        match value {
            Value::Null => return Ok(None),
            Value::Object(map) => match map.get(field.as_ref()) {
                Some(next) => value = next,
                None => return Ok(None),
            },
            other => {
                let passed = path.get(..=depth).unwrap_or(path);
                return Err(wrong_type(passed, other, "map[string]interface{}"));
            }
        }
    }
    Ok(Some(value))
}

fn wrong_type(path: &[Text], value: &Value, wanted: &str) -> String {
    format!("{} accessor error: {} is of the type {}, expected {wanted}", dotted(path), plain(value), go_type(value))
}

fn dotted(path: &[Text]) -> String {
    path.iter().map(|field| format!(".{field}")).collect()
}

fn invalid(path: &[Text], bad: &Value, why: &str, findings: &mut Findings) {
    findings.add(|| about(CauseReason::Invalid, dotted(path), bad, why));
}

const NOT_CHECKED: &str = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

#[cfg(test)]
mod object_test;
