//! What is wrong with an object, in upstream's words: the metadata and the rules of its kind.
//!
//! Objects are in canonical, stored form (see [`crate::decode`] and [`crate::convert`]).

mod admission;
pub(crate) mod certificate;
mod condition;
pub(crate) mod config;
pub(crate) mod event;
pub(crate) mod lease;
pub(crate) mod limit_range;
pub(crate) mod logical_cluster;
pub(crate) mod namespace;
pub(crate) mod pem;
pub(crate) mod policy;
pub(crate) mod quota;
pub(crate) mod rbac;
mod resource;
pub(crate) mod review;
pub(crate) mod secret;
mod selector;
pub(crate) mod url;
pub(crate) mod webhook;
pub mod workspace;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cause::Cause;
use crate::kind::{Kind, Part};
use crate::metadata;
use crate::structural;

/// What is wrong with a new object; nothing means that it can be stored.
#[must_use]
pub fn create(kind: &Kind, object: &Value) -> Vec<Cause> {
    if let Some(schema) = kind.schema() {
        return structural::object::create(kind, schema, object);
    }
    let mut causes = Vec::new();
    metadata::validate(kind, object, &mut causes);
    (kind.rules.validate)(object, &mut causes);
    causes
}

/// What is wrong with a changed object, after [`crate::default::for_update`].
#[must_use]
pub fn update(kind: &Kind, part: Part, object: &Value, old: &Value) -> Vec<Cause> {
    if let Some(schema) = kind.schema() {
        return match part {
            Part::Status => structural::object::update_status(kind, schema, object, old),
            _ => structural::object::update(kind, schema, object, old),
        };
    }
    let mut causes = Vec::new();
    metadata::validate_update(object, old, &mut causes);
    (kind.rules.validate_update)(object, old, part, &mut causes);
    // What is wrong with a changed definition is not what is wrong with a new one: some of it may stay.
    if part == Part::Object && kind.kind != "CustomResourceDefinition" {
        let mut again = Vec::new();
        metadata::validate(kind, object, &mut again);
        (kind.rules.validate)(object, &mut again);
        for cause in again {
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
    }
    causes
}

/// Texts for `Warning` headers about an object that is fine but should not be as it is.
#[must_use]
pub fn warnings(kind: &Kind, object: &Value, old: Option<&Value>) -> Vec<String> {
    if kind.schema().is_some() {
        return structural::object::warnings(object, old);
    }
    (kind.rules.warn)(object, old)
}

/// An annotation of service accounts that upstream has deprecated.
pub(crate) fn service_account_warnings(object: &Value, old: Option<&Value>) -> Vec<String> {
    const KEY: &str = "kubernetes.io/enforce-mountable-secrets";
    if metadata::annotation(object, KEY).is_none() || old.is_some_and(|old| metadata::annotation(old, KEY).is_some()) {
        return Vec::new();
    }
    vec![format!(
        "metadata.annotations[{KEY}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
    )]
}

/// The text at this path, empty when there is none.
fn text<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

/// The items of the list at this path, none when there is no list.
fn items<'a>(object: &'a Value, path: &[&str]) -> &'a [Value] {
    at(object, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// For each text whether it stood there before.
fn repeats<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<bool> {
    let mut seen = BTreeSet::new();
    texts.into_iter().map(|text| !seen.insert(text)).collect()
}

/// For each item whether another before it has the same text under this name.
fn repeats_of(items: &[Value], name: &str) -> Vec<bool> {
    repeats(items.iter().map(|item| text(item, &[name])))
}

/// The value at this path; null counts as absent.
pub(crate) fn at<'a, T: AsRef<str>>(object: &'a Value, path: &[T]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, key| value.get(key.as_ref())).filter(|value| !value.is_null())
}

/// A field that cannot be changed.
fn immutable(object: &Value, old: &Value, field: &str, path: &[&str], causes: &mut Vec<Cause>) {
    let (new, old) = (at(object, path), at(old, path));
    if new != old {
        let absent_text = new.is_none() && old.is_some_and(Value::is_string);
        causes.push(if absent_text {
            Cause::invalid(field, "", metadata::IS_IMMUTABLE)
        } else {
            Cause::invalid_value(field, new, metadata::IS_IMMUTABLE)
        });
    }
}

#[cfg(test)]
mod builtin_test;
#[cfg(test)]
mod validate_test;
