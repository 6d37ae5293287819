//! One version: its deprecation, columns, subresources and selectable fields.

use std::collections::BTreeSet;

use serde_json::Value;

use super::view::{VersionView, View};
use super::{Leave, schema};
use crate::cause::{Cause, CauseReason, is_printable};
use crate::structural::field_path::{Brackets, follow};
use crate::structural::path::Path;
use crate::structural::props::Props;
use crate::structural::words::{Findings, json, too_many};

/// Finds what is wrong with a version.
pub(super) fn validate(
    view: &View<'_>,
    version: &VersionView<'_>,
    leave: &Leave,
    path: &Path<'_>,
    findings: &mut Findings,
) {
    let name = version.props.text("name");
    deprecation(version.props, path, findings);
    if let Some(validation) = version.schema {
        let unchanged = leave.unchanged.contains(name);
        schema::validate(validation, view.has_status(version), unchanged, &path.child("schema"), findings);
    }
    subresources(version.subresources, &path.child("subresources"), findings);
    columns(version.columns, &path.child("additionalPrinterColumns"), findings);
    if version.selectable.is_empty() {
        return;
    }
    let place = path.child("selectableFields");
    match version.schema.and_then(|validation| validation.value("openAPIV3Schema")) {
        None => {
            let detail = "may only be set when `version.schema.openAPIV3Schema` is not included";
            findings.add(|| Cause::invalid(place.render(), "", detail));
        }
        Some(raw) => {
            let many = leave.many_selectable.contains(name);
            selectable(version.selectable, Props::of(raw), many, &place, findings);
        }
    }
}

fn deprecation(version: Props<'_>, path: &Path<'_>, findings: &mut Findings) {
    let Some(warning) = version.optional_text("deprecationWarning") else { return };
    let place = path.child("deprecationWarning");
    // What upstream shows is a pointer, which it writes as JSON.
    let shown = json(&Value::from(warning));
    let mut refuse = |detail: &str| {
        findings.add(|| Cause {
            reason: CauseReason::Invalid,
            field: place.render(),
            message: format!("Invalid value: {shown}: {detail}"),
        });
    };
    if !version.flag("deprecated") {
        refuse("can only be set for deprecated versions");
        return;
    }
    if warning.len() > WARNING_BYTES_MAX {
        refuse("must be <= 256 characters long");
    }
    if warning.is_empty() {
        refuse("must not be an empty string");
    }
    if let Some((position, _)) = warning.char_indices().find(|(_, c)| !is_printable(*c)) {
        refuse(&format!(
            "must only contain printable UTF-8 characters; non-printable character found at index {position}"
        ));
    }
}

/// Finds what is wrong with printer columns.
pub(super) fn columns(columns: &[Value], path: &Path<'_>, findings: &mut Findings) {
    for (position, column) in columns.iter().enumerate() {
        let (column, place) = (Props::of(column), path.index(position));
        if column.text("name").is_empty() {
            findings.add(|| Cause::required(place.child("name").render(), ""));
        }
        let kind = column.text("type");
        let types = || format!("must be one of {}", TYPES.join(","));
        if kind.is_empty() {
            findings.add(|| Cause::required(place.child("type").render(), &types()));
        } else if !TYPES.contains(&kind) {
            findings.add(|| Cause::invalid(place.child("type").render(), kind, types()));
        }
        let format = column.text("format");
        if !format.is_empty() && !FORMATS.contains(&format) {
            let detail = format!("must be one of {}", FORMATS.join(","));
            findings.add(|| Cause::invalid(place.child("format").render(), format, detail));
        }
        simple_path(column.text("jsonPath"), &place.child("JSONPath"), findings);
    }
}

/// A path that begins with a dot. Returns whether it is one.
fn simple_path(path: &str, place: &Path<'_>, findings: &mut Findings) -> bool {
    if path.is_empty() {
        findings.add(|| Cause::required(place.render(), ""));
    } else if !path.starts_with('.') {
        findings.add(|| Cause::invalid(place.render(), path, "must be a simple json path starting with ."));
    }
    path.starts_with('.')
}

/// Finds what is wrong with subresources.
pub(super) fn subresources(subresources: Option<Props<'_>>, path: &Path<'_>, findings: &mut Findings) {
    let Some(scale) = subresources.and_then(|subresources| subresources.value("scale")).map(Props::of) else { return };
    let mut check = |name: &str, beginnings: &[&str], detail: &str| {
        let (text, field) = (scale.text(name), format!("scale.{name}"));
        let place = path.child(&field);
        if simple_path(text, &place, findings) && !beginnings.iter().any(|beginning| text.starts_with(beginning)) {
            findings.add(|| Cause::invalid(place.render(), text, detail));
        }
    };
    check("specReplicasPath", &[".spec."], "should be a json path under .spec");
    check("statusReplicasPath", &[".status."], "should be a json path under .status");
    if !scale.text("labelSelectorPath").is_empty() {
        let detail = "should be a json path under either .spec or .status";
        check("labelSelectorPath", &[".spec.", ".status."], detail);
    }
}

/// Finds what is wrong with selectable fields. `many` permits more than the limit.
pub(super) fn selectable(fields: &[Value], schema: Props<'_>, many: bool, path: &Path<'_>, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (position, field) in fields.iter().enumerate() {
        let place = path.index(position);
        let place = place.child("jsonPath");
        let text = Props::of(field).text("jsonPath");
        if text.is_empty() {
            findings.add(|| Cause::required(place.render(), ""));
            continue;
        }
        let found = match follow(text, schema, Brackets::Refused) {
            Ok(found) => found,
            Err(why) => {
                findings.add(|| Cause::invalid(place.render(), text, format!("is an invalid path: {why}")));
                continue;
            }
        };
        if found.root == "metadata" {
            findings.add(|| Cause::invalid(place.render(), text, "must not point to fields in metadata"));
        }
        let kind = found.schema.map_or("", |schema| schema.text("type"));
        if !["string", "boolean", "integer"].contains(&kind) {
            let detail = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
            findings.add(|| Cause::invalid(place.render(), text, detail));
        }
        if !seen.insert(found.text) {
            findings.add(|| Cause::duplicate(place.render(), text));
        }
    }
    if seen.len() > SELECTABLE_MAX && !many {
        let max = i64::try_from(SELECTABLE_MAX).unwrap_or(i64::MAX);
        findings.add(|| too_many(path.render(), seen.len(), max));
    }
}

/// Selectable fields of a version.
pub(super) const SELECTABLE_MAX: usize = 8;
const WARNING_BYTES_MAX: usize = 256;
const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const FORMATS: [&str; 8] = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
