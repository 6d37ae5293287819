//! `spec`: group, scope, names, and what concerns all versions.

use serde_json::Value;

use super::view::View;
use super::{Leave, conversion, schema, version};
use crate::cause::{Cause, CauseReason};
use crate::definition::internal;
use crate::format::{dns_1035_label, dns_subdomain};
use crate::structural::path::Path;
use crate::structural::props::Props;
use crate::structural::words::{Findings, about};

/// Finds what is wrong with a spec.
pub(super) fn validate(view: &View<'_>, leave: &Leave, findings: &mut Findings) {
    let root = Path::at("spec");
    group(view.spec.text("group"), findings);
    match view.spec.text("scope") {
        "" => findings.add(|| Cause::required("spec.scope", "")),
        "Cluster" | "Namespaced" => {}
        other => findings.add(|| Cause::not_supported("spec.scope", other, &["Cluster", "Namespaced"])),
    }
    schemas(view, &root, findings);
    if view.spec.flag("preserveUnknownFields") && view.any_schema(&|props| props.value("default").is_some()) {
        let detail = "must be false in order to use defaults in the schema";
        let field = "spec.preserveUnknownFields".to_owned();
        findings.add(|| about(CauseReason::Invalid, field, &Value::Bool(true), detail));
    }
    let versions = root.child("versions");
    for (position, one) in view.versions.iter().enumerate() {
        let place = versions.index(position);
        label(one.props.text("name"), &place.child("name"), findings);
        version::validate(view, one, leave, &place, findings);
    }
    all_versions(view, findings);
    let names_at = root.child("names");
    let given = Props::of(view.spec.value("names").unwrap_or(&Value::Null));
    for name in ["plural", "singular", "kind", "listKind"] {
        if given.text(name).is_empty() {
            findings.add(|| Cause::required(names_at.child(name).render(), ""));
        }
    }
    names(given, &names_at, findings);
    common(view, leave, &root, findings);
    let strategy = view.spec.value("conversion").map(|conversion| Props::of(conversion).text("strategy"));
    if view.spec.flag("preserveUnknownFields")
        && let Some(strategy) = strategy.filter(|strategy| *strategy != "None")
    {
        let detail = "must be None if spec.preserveUnknownFields is true";
        findings.add(|| Cause::invalid("spec.conversion.strategy", strategy, detail));
    }
    conversion::validate(view.spec, leave, findings);
}

fn group(group: &str, findings: &mut Findings) {
    const FIELD: &str = "spec.group";
    let complaints = dns_subdomain(group);
    if group.is_empty() {
        findings.add(|| Cause::required(FIELD, ""));
    } else if !complaints.is_empty() {
        findings.add(|| Cause::invalid(FIELD, group, complaints.join(",")));
    } else if !group.contains('.') {
        findings.add(|| Cause::invalid(FIELD, group, "should be a domain with at least one dot"));
    }
}

/// Every version has a schema.
fn schemas(view: &View<'_>, root: &Path<'_>, findings: &mut Findings) {
    let has = |validation: Option<Props<'_>>| validation.is_some_and(|props| props.value("openAPIV3Schema").is_some());
    if has(view.common.schema) {
        return;
    }
    let versions = root.child("versions");
    for (position, one) in view.versions.iter().enumerate() {
        if !has(one.schema) {
            let place = versions.index(position);
            findings.add(|| Cause::required(place.child("schema").child("openAPIV3Schema").render(), ""));
        }
    }
}

fn all_versions(view: &View<'_>, findings: &mut Findings) {
    let mut names: Vec<&str> = view.versions.iter().map(|one| one.props.text("name")).collect();
    let first = names.first().copied().unwrap_or_default();
    names.sort_unstable();
    let repeated = names.windows(2).any(|pair| matches!(pair, [one, other] if one == other));
    let stored = view.versions.iter().filter(|one| one.props.flag("storage")).count();
    let mut refuse = |detail: &str| {
        findings.add(|| Cause {
            reason: CauseReason::Invalid,
            field: "spec.versions".to_owned(),
            message: format!("Invalid value: {}: {detail}", internal::versions(view)),
        });
    };
    if repeated {
        refuse("must contain unique version names");
    }
    if stored != 1 {
        refuse("must have exactly one version marked as storage version");
    }
    if !first.is_empty() {
        label(first, &Path::at("spec.version"), findings);
    }
}

/// What all versions have in common.
fn common(view: &View<'_>, leave: &Leave, root: &Path<'_>, findings: &mut Findings) {
    let first = view.versions.first().map_or("", |one| one.props.text("name"));
    if let Some(validation) = view.common.schema {
        let place = root.child("validation");
        schema::validate(validation, view.has_any_status(), leave.unchanged.contains(first), &place, findings);
    }
    version::subresources(view.common.subresources, &root.child("subresources"), findings);
    version::columns(view.common.columns, &root.child("additionalPrinterColumns"), findings);
    if view.common.selectable.is_empty() {
        return;
    }
    let place = root.child("selectableFields");
    match view.common.schema.and_then(|validation| validation.value("openAPIV3Schema")) {
        None => {
            let detail = "may only be set when validations.schema is included";
            findings.add(|| Cause::invalid(place.render(), "", detail));
        }
        Some(raw) => {
            let many = leave.many_selectable.contains("");
            version::selectable(view.common.selectable, Props::of(raw), many, &place, findings);
        }
    }
}

/// Finds what is wrong with names, of the spec or of the status.
pub(super) fn names(names: Props<'_>, path: &Path<'_>, findings: &mut Findings) {
    for name in ["plural", "singular"] {
        let text = names.text(name);
        if !text.is_empty() {
            label(text, &path.child(name), findings);
        }
    }
    for name in ["kind", "listKind"] {
        let text = names.text(name);
        let complaints = dns_1035_label(&text.to_lowercase());
        if !text.is_empty() && !complaints.is_empty() {
            let detail = format!("may have mixed case, but should otherwise match: {}", complaints.join(","));
            findings.add(|| Cause::invalid(path.child(name).render(), text, detail));
        }
    }
    let short = path.child("shortNames");
    for (position, text) in names.texts("shortNames").enumerate() {
        label(text, &short.index(position), findings);
    }
    let (kind, list_kind) = (names.text("kind"), names.text("listKind"));
    if !kind.is_empty() && kind == list_kind {
        let detail = "kind and listKind may not be the same";
        findings.add(|| Cause::invalid(path.child("listKind").render(), list_kind, detail));
    }
    let categories = path.child("categories");
    for (position, text) in names.texts("categories").enumerate() {
        label(text, &categories.index(position), findings);
    }
}

fn label(text: &str, path: &Path<'_>, findings: &mut Findings) {
    let complaints = dns_1035_label(text);
    if !complaints.is_empty() {
        findings.add(|| Cause::invalid(path.render(), text, complaints.join(",")));
    }
}
