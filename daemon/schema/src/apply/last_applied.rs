//! From applying on the client's side to server-side apply and back: the annotation in which kubectl keeps what it applied.

use serde_json::{Map, Value};

use super::compare::compare;
use super::field_set::field_set;
use super::set::Set;
use super::shape::Shape;
use super::typed::{Duplicates, validate};
use super::value;

/// What kubectl has written by applying on its own side, and nobody has changed since: it may take that over. Nothing
/// when there is no annotation, or one that cannot be used.
pub(crate) fn owned(shape: Shape<'_>, api_version: &str, live: &Value) -> Option<Set> {
    let text = annotation(live)?;
    validate(shape, live, Duplicates::Refused).ok()?;
    let (applied, _) = crate::decode::parse(text.as_bytes()).ok()?;
    let is_text = |name: &str| applied.get(name).and_then(Value::as_str);
    if is_text("apiVersion") != Some(api_version) || is_text("kind").is_none_or(str::is_empty) {
        return None;
    }
    validate(shape, &applied, Duplicates::Refused).ok()?;
    let changed = compare(shape, &applied, live).ok()?;
    let owned = field_set(shape, &applied);
    Some(owned.difference(&changed.modified).difference(&changed.added).difference(&changed.removed))
}

/// Brings the annotation up to date, where there is one, so that kubectl can go back to applying on its own side.
pub(crate) fn renew(object: &mut Value, applied: &Value) {
    if annotation(object).is_none() {
        return;
    }
    let mut text = String::new();
    value::push_json(&mut text, &without_annotation(applied));
    text.push('\n');
    let annotations = object.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
    let Some(annotations) = annotations.and_then(Value::as_object_mut) else { return };
    annotations.insert(ANNOTATION.to_owned(), Value::String(text));
    if bytes(annotations) > ANNOTATIONS_BYTES_MAX {
        annotations.shift_remove(ANNOTATION);
    }
}

fn annotation(object: &Value) -> Option<&str> {
    let text = object.get("metadata")?.get("annotations")?.get(ANNOTATION)?.as_str()?;
    (!text.is_empty()).then_some(text)
}

fn without_annotation(applied: &Value) -> Value {
    let mut applied = applied.clone();
    let annotations = applied.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.shift_remove(ANNOTATION);
    }
    applied
}

fn bytes(annotations: &Map<String, Value>) -> usize {
    annotations.iter().map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum()
}

/// The name under which kubectl applies on the server's side.
pub(crate) const MANAGER: &str = "kubectl";

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How much all annotations of an object may hold; with more, the annotation is left out.
const ANNOTATIONS_BYTES_MAX: usize = 256 << 10;
