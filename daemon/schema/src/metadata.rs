//! Object metadata: reading it, and the rules for it.
//!
//! The rules and their words are those of apimachinery's `api/validation` and `apis/meta/v1/validation`.

use hanse_cel::name::masked;
use serde_json::{Map, Value};

use crate::apply::name::validate_entries;
use crate::cause::{Cause, quote};
use crate::format::{
    Complaint, dns_label, dns_subdomain, is_dns_label, label_value, path_segment, path_segment_prefix, qualified_name,
};
use crate::kind::{Kind, NameRule};
use crate::types::meta::OBJECT_META;

/// Annotations of one object may have this many bytes together, keys included.
pub const ANNOTATIONS_BYTES_MAX: usize = 256 * 1024;
/// The finalizer that makes dependents lose their owner.
pub const FINALIZER_ORPHAN: &str = "orphan";
/// The finalizer that makes an object wait for its dependents.
pub const FINALIZER_FOREGROUND: &str = "foregroundDeletion";

/// The metadata of an object.
#[must_use]
pub fn of(object: &Value) -> Option<&Map<String, Value>> {
    object.get("metadata").and_then(Value::as_object)
}

/// The metadata of an object, made when there is none. Nothing only when the value is no object.
pub fn of_mut(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let metadata = object.as_object_mut()?.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if !metadata.is_object() {
        *metadata = Value::Object(Map::new());
    }
    metadata.as_object_mut()
}

/// The text in this field of the metadata, empty when there is none.
#[must_use]
pub fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    of(object).and_then(|metadata| metadata.get(field)).and_then(Value::as_str).unwrap_or_default()
}

/// `metadata.name`, empty when there is none.
#[must_use]
pub fn name(object: &Value) -> &str {
    text(object, "name")
}

/// `metadata.namespace`, empty when there is none.
#[must_use]
pub fn namespace(object: &Value) -> &str {
    text(object, "namespace")
}

/// `metadata.generateName`, empty when there is none.
#[must_use]
pub fn generate_name(object: &Value) -> &str {
    text(object, "generateName")
}

/// `metadata.uid`, empty when there is none.
#[must_use]
pub fn uid(object: &Value) -> &str {
    text(object, "uid")
}

/// `metadata.resourceVersion`, empty when there is none.
#[must_use]
pub fn resource_version(object: &Value) -> &str {
    text(object, "resourceVersion")
}

/// `metadata.generation`, 0 when there is none.
#[must_use]
pub fn generation(object: &Value) -> i64 {
    of(object).and_then(|metadata| metadata.get("generation")).and_then(Value::as_i64).unwrap_or(0)
}

/// `metadata.labels`.
#[must_use]
pub fn labels(object: &Value) -> Option<&Map<String, Value>> {
    of(object)?.get("labels")?.as_object()
}

/// The value of a label.
#[must_use]
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    labels(object)?.get(key)?.as_str()
}

/// `metadata.annotations`.
#[must_use]
pub fn annotations(object: &Value) -> Option<&Map<String, Value>> {
    of(object)?.get("annotations")?.as_object()
}

/// The value of an annotation.
#[must_use]
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    annotations(object)?.get(key)?.as_str()
}

/// `metadata.finalizers`.
pub fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    texts(of(object).and_then(|metadata| metadata.get("finalizers")))
}

/// `metadata.ownerReferences`.
#[must_use]
pub fn owner_references(object: &Value) -> &[Value] {
    items(of(object).and_then(|metadata| metadata.get("ownerReferences")))
}

/// Whether deletion was asked for.
#[must_use]
pub fn is_deleting(object: &Value) -> bool {
    of(object).and_then(|metadata| metadata.get("deletionTimestamp")).is_some_and(Value::is_string)
}

/// Sets a field of metadata in its place, so that equal metadata have equal bytes: the order is that of [`OBJECT_META`].
pub fn set_field(metadata: &mut Map<String, Value>, field: &str, value: Value) {
    if let Some(old) = metadata.get_mut(field) {
        *old = value;
        return;
    }
    let fields = OBJECT_META.fields;
    let place = |name: &str| fields.iter().position(|known| known.name == name).unwrap_or(fields.len());
    let own = place(field);
    let index = metadata.keys().position(|name| place(name) > own).unwrap_or(metadata.len());
    metadata.shift_insert(index, field.to_owned(), value);
}

/// Takes away what only the server sets on a new object.
pub fn wipe_system_fields(metadata: &mut Map<String, Value>) {
    for field in ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
        metadata.shift_remove(field);
    }
}

/// Sets what says that the deletion of an object has begun, at a time as metadata hold it: finalizers keep the object. Nothing
/// changes when deletion was asked for before.
pub fn begin_deletion(object: &mut Value, now: &str) {
    if is_deleting(object) {
        return;
    }
    let generation = generation(object);
    let Some(metadata) = of_mut(object) else { return };
    set_field(metadata, "deletionTimestamp", Value::from(now));
    set_field(metadata, "deletionGracePeriodSeconds", Value::from(0));
    if generation > 0 {
        set_field(metadata, "generation", Value::from(generation.saturating_add(1)));
    }
}

/// What is wrong with the metadata of an object of this kind.
pub fn validate(kind: &Kind, object: &Value, causes: &mut Vec<Cause>) {
    let prefix = generate_name(object);
    if !prefix.is_empty() {
        let complaints = name_complaints(kind.name_rule, &masked(prefix), NameUse::Prefix);
        causes.extend(complaints.iter().map(|text| Cause::invalid("metadata.generateName", prefix, text)));
    }
    let name = name(object);
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else {
        let complaints = name_complaints(kind.name_rule, name, NameUse::Name);
        causes.extend(complaints.iter().map(|text| Cause::invalid("metadata.name", name, text)));
    }
    validate_namespace(kind, namespace(object), causes);
    if generation(object) < 0 {
        let bad = Value::from(generation(object));
        causes.push(Cause::invalid_value("metadata.generation", Some(&bad), "must be greater than or equal to 0"));
    }
    validate_common(object, causes);
    validate_finalizers(kind, object, causes);
    validate_entries(object, causes);
}

/// What is wrong with the metadata of an object inside of another one, whose kind is not known here. A name is not asked for.
pub(crate) fn validate_embedded(object: &Value, causes: &mut Vec<Cause>) {
    let named = [
        ("generateName", generate_name(object), path_segment_prefix(generate_name(object))),
        ("name", name(object), path_segment(name(object))),
        ("namespace", namespace(object), dns_label(namespace(object))),
    ];
    for (field, text, complaints) in named {
        let complaints = if text.is_empty() { Vec::new() } else { complaints };
        causes.extend(complaints.iter().map(|why| Cause::invalid(format!("metadata.{field}"), text, why)));
    }
    if generation(object) < 0 {
        let bad = Value::from(generation(object));
        causes.push(Cause::invalid_value("metadata.generation", Some(&bad), "must be greater than or equal to 0"));
    }
    validate_common(object, causes);
    validate_finalizer_names(object, causes);
    validate_entries(object, causes);
}

/// What is wrong with a change of metadata.
pub fn validate_update(object: &Value, old: &Value, causes: &mut Vec<Cause>) {
    if is_deleting(old) {
        let mut added: Vec<&str> =
            finalizers(object).filter(|added| !finalizers(old).any(|finalizer| finalizer == *added)).collect();
        added.sort_unstable();
        added.dedup();
        if !added.is_empty() {
            let list: Vec<String> = added.iter().map(|finalizer| quote(finalizer)).collect();
            causes.push(Cause::forbidden(
                "metadata.finalizers",
                format!(
                    "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                    list.join(", ")
                ),
            ));
        }
    }
    if resource_version(object).is_empty() {
        causes.push(Cause::invalid("metadata.resourceVersion", "", "must be specified for an update"));
    }
    if generation(object) < generation(old) {
        let bad = Value::from(generation(object));
        causes.push(Cause::invalid_value("metadata.generation", Some(&bad), "must not be decremented"));
    }
    for (field, is_text) in IMMUTABLE {
        let get = |object| of(object).and_then(|metadata| metadata.get(field)).filter(|value| !value.is_null());
        let (new_value, old_value) = (get(object), get(old));
        let empty = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().is_empty();
        if new_value == old_value || is_text && empty(new_value) && empty(old_value) {
            continue;
        }
        let field = format!("metadata.{field}");
        causes.push(match new_value {
            None if is_text => Cause::invalid(field, "", IS_IMMUTABLE),
            bad => Cause::invalid_value(field, bad, IS_IMMUTABLE),
        });
    }
    validate_common(object, causes);
    validate_entries(object, causes);
}

/// What is wrong with labels; `field` is their path.
pub(crate) fn validate_labels(labels: Option<&Map<String, Value>>, field: &str, causes: &mut Vec<Cause>) {
    for (key, value) in labels.into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        causes.extend(qualified_name(key).iter().map(|text| Cause::invalid(field, key, text)));
        causes.extend(label_value(value).iter().map(|text| Cause::invalid(field, value, text)));
    }
}

fn validate_namespace(kind: &Kind, namespace: &str, causes: &mut Vec<Cause>) {
    if !kind.namespaced {
        if !namespace.is_empty() {
            causes.push(Cause::forbidden("metadata.namespace", "not allowed on this type"));
        }
    } else if namespace.is_empty() {
        causes.push(Cause::required("metadata.namespace", ""));
    } else {
        let complaints = dns_label(namespace);
        causes.extend(complaints.iter().map(|text| Cause::invalid("metadata.namespace", namespace, text)));
    }
}

/// What holds for new and for changed metadata.
fn validate_common(object: &Value, causes: &mut Vec<Cause>) {
    validate_labels(labels(object), "metadata.labels", causes);
    let mut bytes = 0;
    for (key, value) in annotations(object).into_iter().flatten() {
        bytes += key.len() + value.as_str().unwrap_or_default().len();
        // Upper case is fine here even in the domain.
        let complaints = if key.bytes().any(|byte| byte.is_ascii_uppercase()) {
            qualified_name(&key.to_lowercase())
        } else {
            qualified_name(key)
        };
        causes.extend(complaints.iter().map(|text| Cause::invalid("metadata.annotations", key, text)));
    }
    if bytes > ANNOTATIONS_BYTES_MAX {
        causes.push(Cause::too_long("metadata.annotations", ANNOTATIONS_BYTES_MAX));
    }
    validate_owners(object, causes);
}

fn validate_owners(object: &Value, causes: &mut Vec<Cause>) {
    const FIELD: &str = "metadata.ownerReferences";
    let mut controller: Option<String> = None;
    for owner in owner_references(object) {
        let get = |field: &str| owner.get(field).and_then(Value::as_str).unwrap_or_default();
        let api_version = get("apiVersion");
        let version = api_version.split_once('/').map_or(api_version, |(_, version)| version);
        if version.is_empty() || api_version.matches('/').count() > 1 {
            causes.push(Cause::invalid(format!("{FIELD}.apiVersion"), api_version, "version must not be empty"));
        }
        for field in ["kind", "name", "uid"] {
            if get(field).is_empty() {
                causes.push(Cause::invalid(format!("{FIELD}.{field}"), "", "must not be empty"));
            }
        }
        if api_version == "v1" && get("kind") == "Event" {
            let detail = "/v1, Kind=Event is disallowed from being an owner";
            causes.push(Cause::invalid_value(FIELD, Some(owner), detail));
        }
        if owner.get("controller") == Some(&Value::Bool(true)) {
            let current = format!("{}/{}", get("kind"), get("name"));
            match &controller {
                None => controller = Some(current),
                Some(first) => {
                    let all = Value::Array(owner_references(object).to_vec());
                    let detail = format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {current}"
                    );
                    causes.push(Cause::invalid_value(FIELD, Some(&all), detail));
                }
            }
        }
    }
}

fn validate_finalizers(kind: &Kind, object: &Value, causes: &mut Vec<Cause>) {
    validate_finalizer_names(object, causes);
    if kind.standard_finalizers {
        for (index, finalizer) in finalizers(object).enumerate() {
            validate_standard_finalizer(finalizer, &format!("metadata.finalizers[{index}]"), causes);
        }
    }
}

fn validate_finalizer_names(object: &Value, causes: &mut Vec<Cause>) {
    const FIELD: &str = "metadata.finalizers";
    let (mut orphan, mut foreground) = (false, false);
    for finalizer in finalizers(object) {
        causes.extend(qualified_name(finalizer).iter().map(|text| Cause::invalid(FIELD, finalizer, text)));
        orphan |= finalizer == FINALIZER_ORPHAN;
        foreground |= finalizer == FINALIZER_FOREGROUND;
    }
    if orphan && foreground {
        let all = of(object).and_then(|metadata| metadata.get("finalizers"));
        let detail = format!("finalizer {FINALIZER_ORPHAN} and {FINALIZER_FOREGROUND} cannot be both set");
        causes.push(Cause::invalid_value(FIELD, all, detail));
    }
}

/// A finalizer without a domain must be one of Kubernetes' own.
pub(crate) fn validate_standard_finalizer(finalizer: &str, field: &str, causes: &mut Vec<Cause>) {
    if !finalizer.contains('/') && !["kubernetes", FINALIZER_ORPHAN, FINALIZER_FOREGROUND].contains(&finalizer) {
        let detail = "name is neither a standard finalizer name nor is it fully qualified";
        causes.push(Cause::invalid(field, finalizer, detail));
    }
}

/// What is wrong with a name under a rule.
fn name_complaints(rule: NameRule, name: &str, name_use: NameUse) -> Vec<Complaint> {
    match rule {
        NameRule::DnsSubdomain => dns_subdomain(name),
        NameRule::DnsLabel => dns_label(name),
        NameRule::PathSegment if name_use == NameUse::Prefix => path_segment_prefix(name),
        NameRule::PathSegment => path_segment(name),
        NameRule::Workspace => {
            let complaints = dns_subdomain(name);
            let segment = is_dns_label(name) && name.len() <= WORKSPACE_NAME_BYTES_MAX;
            if complaints.is_empty() && !segment && name_use == NameUse::Name {
                return vec!["metadata.name in body should match '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'".into()];
            }
            complaints
        }
        NameRule::LogicalCluster if name == LOGICAL_CLUSTER_NAME => Vec::new(),
        NameRule::LogicalCluster => vec!["must be cluster".into()],
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum NameUse {
    Name,
    Prefix,
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(crate) fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    items(value).iter().filter_map(Value::as_str)
}

pub(crate) const IS_IMMUTABLE: &str = "field is immutable";
/// Name of the only LogicalCluster in a logical cluster.
pub const LOGICAL_CLUSTER_NAME: &str = "cluster";
const WORKSPACE_NAME_BYTES_MAX: usize = 63;

/// What an update cannot change, and whether absence counts as empty text.
const IMMUTABLE: [(&str, bool); 6] = [
    ("name", true),
    ("namespace", true),
    ("uid", true),
    ("creationTimestamp", false),
    ("deletionTimestamp", false),
    ("deletionGracePeriodSeconds", false),
];

#[cfg(test)]
mod metadata_test;
