//! What is wrong with a definition, in upstream's words (`ValidateCustomResourceDefinition` of apiextensions-apiserver).
//!
//! Metadata are checked as those of any object; here is what is more.

mod approval;
mod conversion;
mod schema;
mod spec;
mod version;
pub(crate) mod view;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cause::{Cause, CauseReason};
use crate::kind::Part;
use crate::metadata::{self, IS_IMMUTABLE};
use crate::structural::path::Path;
use crate::structural::props::Props;
use crate::structural::words::{Findings, about, json};

pub(crate) use approval::{Approval, is_protected};
use view::View;

/// What an update may leave as it was although it would be refused in a new definition.
pub(crate) struct Leave {
    /// Whether one of the review versions must be known.
    recognized_review: bool,
    /// Whether a bad bundle of certificates is permitted.
    bad_bundle: bool,
    /// Versions whose schemas have not changed: single rules may be too costly.
    unchanged: BTreeSet<String>,
    /// Versions that have as many selectable fields as before; empty text for all.
    many_selectable: BTreeSet<String>,
}

/// Finds what is wrong with a new definition.
pub fn create(definition: &Value, causes: &mut Vec<Cause>) {
    let leave = Leave {
        recognized_review: true,
        bad_bundle: true,
        unchanged: BTreeSet::new(),
        many_selectable: BTreeSet::new(),
    };
    let mut findings = Findings::default();
    let view = View::of(definition);
    name(definition, &view, &mut findings);
    spec::validate(&view, &leave, &mut findings);
    status(definition, &mut findings);
    stored_versions(definition, &view, &mut findings);
    approval::validate(definition, None, &mut findings);
    preserve(&view, None, &mut findings);
    causes.extend(findings.into_causes());
}

/// Finds what is wrong with a change of a definition, or of its status.
pub fn update(definition: &Value, old: &Value, part: Part, causes: &mut Vec<Cause>) {
    let mut findings = Findings::default();
    if part == Part::Status {
        status(definition, &mut findings);
        causes.extend(findings.into_causes());
        return;
    }
    let (view, before) = (View::of(definition), View::of(old));
    let established = super::status::is_true(old, super::status::ESTABLISHED);
    spec::validate(&view, &Leave::of(&view, &before, established), &mut findings);
    if established {
        immutable(&view, &before, &["scope"], &mut findings);
        immutable(&view, &before, &["names", "kind"], &mut findings);
    }
    immutable(&view, &before, &["group"], &mut findings);
    immutable(&view, &before, &["names", "plural"], &mut findings);
    status(definition, &mut findings);
    stored_versions(definition, &view, &mut findings);
    approval::validate(definition, Some(old), &mut findings);
    preserve(&view, Some(&before), &mut findings);
    causes.extend(findings.into_causes());
}

/// Texts for `Warning` headers: formats that are not checked, when they are new.
#[must_use]
pub fn warnings(definition: &Value, old: Option<&Value>) -> Vec<String> {
    let before = old.map(|old| schema::unknown_formats(&View::of(old))).unwrap_or_default();
    let mut formats = schema::unknown_formats(&View::of(definition));
    formats.retain(|format| !before.contains(format));
    formats.truncate(WARNINGS_MAX);
    formats.iter().map(|format| format!("unrecognized format {}", crate::cause::quote(format))).collect()
}

impl Leave {
    fn of(view: &View<'_>, old: &View<'_>, established: bool) -> Self {
        let review = conversion::review_versions(old.spec);
        let mut leave = Self {
            recognized_review: review.is_none_or(|review| {
                review.is_empty() || review.iter().any(|version| conversion::is_recognized(version))
            }),
            bad_bundle: !established || conversion::has_bad_bundle(old.spec),
            unchanged: BTreeSet::new(),
            many_selectable: BTreeSet::new(),
        };
        let common = |view: &View<'_>| view.common.selectable.len();
        if common(old) > version::SELECTABLE_MAX && view.common.selectable == old.common.selectable {
            leave.many_selectable.insert(String::new());
        }
        for version in &view.versions {
            let name = version.props.text("name");
            let Some(before) = old.versions.iter().find(|before| before.props.text("name") == name) else { continue };
            if version.props.value("schema") == before.props.value("schema") {
                leave.unchanged.insert(name.to_owned());
            }
            if before.selectable.len() > version::SELECTABLE_MAX && version.selectable == before.selectable {
                leave.many_selectable.insert(name.to_owned());
            }
        }
        leave
    }
}

/// A definition is named after what it defines.
fn name(definition: &Value, view: &View<'_>, findings: &mut Findings) {
    let names = Props::of(view.spec.value("names").unwrap_or(&Value::Null));
    let wanted = format!("{}.{}", names.text("plural"), view.spec.text("group"));
    for (field, given) in
        [("metadata.generateName", metadata::generate_name(definition)), ("metadata.name", metadata::name(definition))]
    {
        if !given.is_empty() && given != wanted {
            findings.add(|| Cause::invalid(field, given, "must be spec.names.plural+\".\"+spec.group"));
        }
    }
}

fn immutable(view: &View<'_>, old: &View<'_>, path: &[&str], findings: &mut Findings) {
    let get = |view: &View<'_>| {
        let inner =
            path.iter().try_fold(Value::Object(view.spec.map().clone()), |value, name| value.get(*name).cloned());
        inner.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let (new, before) = (get(view), get(old));
    if new != before {
        findings.add(|| Cause::invalid(format!("spec.{}", path.join(".")), &new, IS_IMMUTABLE));
    }
}

fn status(definition: &Value, findings: &mut Findings) {
    let accepted = definition.get("status").and_then(|status| status.get("acceptedNames")).unwrap_or(&Value::Null);
    let root = Path::at("status");
    spec::names(Props::of(accepted), &root.child("acceptedNames"), findings);
}

/// A version that objects may be stored in cannot go.
fn stored_versions(definition: &Value, view: &View<'_>, findings: &mut Findings) {
    const FIELD: &str = "status.storedVersions";
    let status = Props::of(definition.get("status").unwrap_or(&Value::Null));
    let stored: Vec<&str> = status.texts("storedVersions").collect();
    if stored.is_empty() {
        let bad = if status.map().get("storedVersions").is_some_and(Value::is_array) { "[]" } else { "null" };
        findings.add(|| Cause {
            reason: CauseReason::Invalid,
            field: FIELD.to_owned(),
            message: format!("Invalid value: {bad}: must have at least one stored version"),
        });
        return;
    }
    for version in &view.versions {
        let name = version.props.text("name");
        if version.props.flag("storage") && !stored.contains(&name) {
            let all = Value::from(stored.clone());
            let detail = format!("must have the storage version {name}");
            findings.add(|| about(CauseReason::Invalid, FIELD.to_owned(), &all, &detail));
        }
    }
    for (position, name) in stored.iter().enumerate() {
        let again = stored.iter().skip(position + 1).any(|later| later == name);
        if !again && !view.versions.iter().any(|version| version.props.text("name") == *name) {
            let detail = format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
            );
            findings.add(|| Cause::invalid(format!("{FIELD}[{position}]"), name, detail));
        }
    }
}

/// Pruning cannot be switched off for a whole definition any more.
fn preserve(view: &View<'_>, old: Option<&View<'_>>, findings: &mut Findings) {
    let is_on = |view: &View<'_>| view.spec.flag("preserveUnknownFields");
    if is_on(view) && !old.is_some_and(is_on) {
        let detail =
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        let bad = json(&Value::Bool(true));
        findings.add(|| Cause {
            reason: CauseReason::Invalid,
            field: "spec.preserveUnknownFields".to_owned(),
            message: format!("Invalid value: {bad}: {detail}"),
        });
    }
}

const WARNINGS_MAX: usize = 100;

#[cfg(test)]
mod validate_test;
