//! The status of a definition, as a function of the definition and of the names that others in the same logical cluster hold:
//! whoever writes a definition writes its status with it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::bundle::bundle_complaint;
use super::validate::{Approval, is_protected};
use crate::cause::quote;
use crate::metadata;
use crate::structural::props::Props;

/// Condition: all wanted names are accepted.
pub const NAMES_ACCEPTED: &str = "NamesAccepted";
/// Condition: the kind is served.
pub const ESTABLISHED: &str = "Established";
/// Condition: the definition is being deleted, and its instances with it.
pub const TERMINATING: &str = "Terminating";
/// Condition: the schema is not structural. No definition that this server accepts has it.
pub const NON_STRUCTURAL_SCHEMA: &str = "NonStructuralSchema";
/// Condition: definitions in Kubernetes' own groups say where they were approved.
pub const APPROVED: &str = "KubernetesAPIApprovalPolicyConformant";

/// A condition, without the time at which it came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What is observed, [`ESTABLISHED`] for instance.
    pub kind: &'static str,
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// One word for the last change.
    pub reason: &'static str,
    /// Sentence about the last change.
    pub message: String,
}

/// Whether a condition of a definition is true.
#[must_use]
pub fn is_true(definition: &Value, kind: &str) -> bool {
    let conditions = definition.get("status").and_then(|status| status.get("conditions")).and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| condition["type"] == kind && condition["status"] == "True")
}

/// Sets a condition in a definition's status. The time changes only when the condition's status does. `now` is a time in
/// RFC 3339.
pub fn set(definition: &mut Value, condition: &Condition, now: &str) {
    let Some(conditions) = conditions_mut(definition) else { return };
    let known = conditions.iter().position(|known| known["type"] == condition.kind);
    let before = known.and_then(|position| conditions.get(position));
    let unchanged = before.filter(|before| before["status"] == condition.status);
    let since = unchanged.and_then(|before| before["lastTransitionTime"].as_str()).unwrap_or(now);
    let mut map = Map::new();
    map.insert("type".to_owned(), condition.kind.into());
    map.insert("status".to_owned(), condition.status.into());
    map.insert("lastTransitionTime".to_owned(), since.into());
    map.insert("reason".to_owned(), condition.reason.into());
    map.insert("message".to_owned(), condition.message.as_str().into());
    match known.and_then(|position| conditions.get_mut(position)) {
        Some(slot) => *slot = Value::Object(map),
        None => conditions.push(Value::Object(map)),
    }
}

/// Begins the status of a new definition: nothing is kept of what the client sent.
pub fn begin(definition: &mut Value) {
    if let Some(map) = definition.as_object_mut() {
        map.insert(
            "status".to_owned(),
            serde_json::json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": null}),
        );
    }
    super::default::stored_versions(definition);
}

/// Brings the status of a definition up to date: stored versions, accepted names, and the conditions about names, approval and
/// service. `others` are the other definitions of the same logical cluster, with their status. `now` is a time in RFC 3339.
///
/// A definition that gives a name up, or is deleted, lets others have it: those of the same group want another look then.
pub fn update<'v>(definition: &mut Value, others: impl IntoIterator<Item = &'v Value>, now: &str) {
    super::default::stored_versions(definition);
    if let Some(condition) = approval(definition) {
        set(definition, &condition, now);
    }
    let names = names(definition, others);
    set_accepted(definition, names.accepted);
    let accepted = names.condition.status == "True";
    set(definition, &names.condition, now);
    if is_true(definition, ESTABLISHED) {
        return;
    }
    let condition = if !accepted {
        condition(ESTABLISHED, "False", "NotAccepted", "not all names are accepted")
    } else if has_bad_bundle(definition) {
        condition(ESTABLISHED, "False", "InvalidCABundle", "The conversion webhook CABundle is invalid")
    } else {
        condition(ESTABLISHED, "True", "InitialNamesAccepted", "the initial names have been accepted")
    };
    set(definition, &condition, now);
}

/// The finalizer by which a definition waits until its instances are gone.
pub const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Has a definition whose deletion begins wait for its instances. `now` is a time in RFC 3339.
pub fn begin_deletion(definition: &mut Value, now: &str) {
    let mut finalizers: Vec<&str> = metadata::finalizers(definition).collect();
    if !finalizers.contains(&CLEANUP) {
        finalizers.push(CLEANUP);
        let finalizers = Value::from(finalizers);
        if let Some(metadata) = metadata::of_mut(definition) {
            metadata::set_field(metadata, "finalizers", finalizers);
        }
    }
    let message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    set(definition, &condition(TERMINATING, "True", "InstanceDeletionPending", message), now);
}

fn condition(kind: &'static str, status: &'static str, reason: &'static str, message: &str) -> Condition {
    Condition { kind, status, reason, message: message.to_owned() }
}

fn approval(definition: &Value) -> Option<Condition> {
    let group = definition.get("spec")?.get("group")?.as_str()?;
    if !is_protected(group) {
        return None;
    }
    let (state, message) = Approval::of(definition);
    let (status, reason) = match state {
        Approval::Invalid => ("False", "InvalidAnnotation"),
        Approval::Missing => ("False", "MissingAnnotation"),
        Approval::Approved => ("True", "ApprovedAnnotation"),
        Approval::Bypassed => ("False", "UnapprovedAnnotation"),
    };
    Some(condition(APPROVED, status, reason, &message))
}

/// The names that are accepted, and whether all are that are wanted.
struct Names {
    accepted: Map<String, Value>,
    condition: Condition,
}

fn names<'v>(definition: &Value, others: impl IntoIterator<Item = &'v Value>) -> Names {
    let group = spec(definition).text("group");
    let (mut resources, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    let others: Vec<&Value> = others.into_iter().collect();
    // What it holds itself counts, too: a name cannot be taken for a second purpose.
    for holder in others.iter().copied().chain([definition]).filter(|holder| spec(holder).text("group") == group) {
        let held = accepted(holder);
        resources.extend([held.text("plural"), held.text("singular")]);
        resources.extend(held.texts("shortNames"));
        kinds.extend([held.text("kind"), held.text("listKind")]);
    }
    let wanted = Props::of(spec(definition).value("names").unwrap_or(&Value::Null));
    let held = accepted(definition);
    let mut granted = held.map().clone();
    let mut wrong: Option<(&'static str, String)> = None;
    for (name, used, reason) in [
        ("plural", &resources, "PluralConflict"),
        ("singular", &resources, "SingularConflict"),
        ("shortNames", &resources, "ShortNamesConflict"),
        ("kind", &kinds, "KindConflict"),
        ("listKind", &kinds, "ListKindConflict"),
    ] {
        let conflict = if name == "shortNames" {
            short_names(wanted, held, used)
        } else {
            let (wanted, held) = (wanted.text(name), held.text(name));
            (wanted != held && used.contains(wanted)).then(|| in_use(wanted))
        };
        match conflict {
            Some(message) => wrong = Some((reason, message)),
            None => grant(&mut granted, wanted, name),
        }
    }
    grant(&mut granted, wanted, "categories");
    let condition = match wrong {
        Some((reason, message)) => condition(NAMES_ACCEPTED, "False", reason, &message),
        None => condition(NAMES_ACCEPTED, "True", "NoConflicts", "no conflicts found"),
    };
    Names { accepted: in_order(granted), condition }
}

fn short_names(wanted: Props<'_>, held: Props<'_>, used: &BTreeSet<&str>) -> Option<String> {
    let is_taken = |name: &&str| !held.texts("shortNames").any(|own| own == *name) && used.contains(*name);
    let mut taken: Vec<String> = wanted.texts("shortNames").filter(is_taken).map(in_use).collect();
    taken.dedup();
    match taken.len() {
        0 => None,
        1 => taken.pop(),
        _ => Some(format!("[{}]", taken.join(", "))),
    }
}

fn in_use(name: &str) -> String {
    format!("{} is already in use", quote(name))
}

fn grant(granted: &mut Map<String, Value>, wanted: Props<'_>, name: &str) {
    match wanted.value(name) {
        Some(value) => {
            granted.insert(name.to_owned(), value.clone());
        }
        None => {
            granted.shift_remove(name);
        }
    }
}

/// The names in the order in which they are written.
fn in_order(mut names: Map<String, Value>) -> Map<String, Value> {
    let order = ["plural", "singular", "shortNames", "kind", "listKind", "categories"];
    order.into_iter().filter_map(|name| names.shift_remove(name).map(|value| (name.to_owned(), value))).collect()
}

fn set_accepted(definition: &mut Value, accepted: Map<String, Value>) {
    if let Some(status) = status_mut(definition) {
        status.insert("acceptedNames".to_owned(), Value::Object(accepted));
    }
}

fn conditions_mut(definition: &mut Value) -> Option<&mut Vec<Value>> {
    let conditions = status_mut(definition)?.entry("conditions").or_insert_with(|| Value::Array(Vec::new()));
    if !conditions.is_array() {
        *conditions = Value::Array(Vec::new());
    }
    conditions.as_array_mut()
}

fn status_mut(definition: &mut Value) -> Option<&mut Map<String, Value>> {
    let status = definition.as_object_mut()?.entry("status").or_insert_with(|| Value::Object(Map::new()));
    if !status.is_object() {
        *status = Value::Object(Map::new());
    }
    status.as_object_mut()
}

fn spec(definition: &Value) -> Props<'_> {
    Props::of(definition.get("spec").unwrap_or(&Value::Null))
}

fn accepted(definition: &Value) -> Props<'_> {
    let names = definition.get("status").and_then(|status| status.get("acceptedNames"));
    Props::of(names.unwrap_or(&Value::Null))
}

fn has_bad_bundle(definition: &Value) -> bool {
    let client = definition
        .get("spec")
        .and_then(|spec| spec.get("conversion")?.get("webhook")?.get("clientConfig")?.get("caBundle"))
        .and_then(Value::as_str);
    client.is_some_and(|bundle| bundle_complaint(bundle).is_some())
}

#[cfg(test)]
mod status_test;
