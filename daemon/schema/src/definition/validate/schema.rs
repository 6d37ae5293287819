//! The schema of a version.

mod node;

use super::view::View;
use crate::cause::{Cause, CauseReason};
use crate::definition::internal;
use crate::structural::build::{build_unpruned, supported};
use crate::structural::check::defaults;
use crate::structural::format::Format;
use crate::structural::path::Path;
use crate::structural::props::Props;
use crate::structural::schema::JsonType;
use crate::structural::words::Findings;
use crate::structural::{check, rule};

/// Finds what is wrong with the schema of a version, or of all. With a status of its own, a version's schema says little at its
/// root. `unchanged` says that the stored definition has the same schema.
pub(super) fn validate(
    validation: Props<'_>,
    has_status: bool,
    unchanged: bool,
    path: &Path<'_>,
    findings: &mut Findings,
) {
    let Some(raw) = validation.value("openAPIV3Schema") else { return };
    let (props, start) = (Props::of(raw), findings.len());
    let place = path.child("openAPIV3Schema");
    if has_status {
        root(props, path, findings);
    }
    if props.flag("nullable") {
        findings.add(|| Cause::forbidden(place.child("nullable").render(), "nullable cannot be true at the root"));
    }
    let mut refused = None;
    let mut schema = None;
    match supported(raw) {
        Err(error) => refused = Some(error.to_string()),
        Ok(()) => {
            let before = findings.len();
            check::structural(raw, &place, findings);
            if findings.len() == before {
                match build_unpruned(raw) {
                    Err(error) => refused = Some(error.to_string()),
                    Ok(mut built) => {
                        rule::attach(&mut built, raw);
                        defaults::validate(&built, &place, findings);
                        schema = Some(built).filter(|_| findings.len() == before);
                    }
                }
            }
        }
    }
    let before = findings.len();
    let is_supported = if refused.is_some() { node::Supported::No } else { node::Supported::Yes };
    node::validate(props, is_supported, &place, findings);
    if let Some(schema) = schema {
        let limits = if unchanged { rule::Limits::OfAll } else { rule::Limits::OfEach };
        let wrong = findings.causes().get(before..).unwrap_or_default();
        let wrong = wrong.iter().map(|cause| cause.field.clone()).collect();
        rule::Check::new(limits, wrong, findings).run(&schema, raw, &place);
    }
    if let Some(why) = refused.filter(|_| findings.len() == start) {
        findings.add(|| Cause::invalid(place.render(), "", why));
    }
}

/// Only some fields are permitted where the status is validated apart from the rest.
fn root(props: Props<'_>, path: &Path<'_>, findings: &mut Findings) {
    for field in internal::given_fields(props) {
        if field == "Type" {
            let kind = props.text("type");
            if kind != "object" {
                let detail = "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
                findings.add(|| Cause::invalid(path.child("openAPIV3Schema.type").render(), kind, detail));
                return;
            }
        } else if !AT_ROOT.contains(&field) {
            let detail = format!(
                "only [{}] fields are allowed at the root of the schema if the status subresource is enabled",
                AT_ROOT.join(" ")
            );
            findings.add(|| Cause {
                reason: CauseReason::Invalid,
                field: path.child("openAPIV3Schema").render(),
                message: format!("Invalid value: {}: {detail}", internal::schema(props)),
            });
            return;
        }
    }
}

/// The formats of schemas that are not checked.
pub(super) fn unknown_formats(view: &View<'_>) -> Vec<String> {
    let found = std::cell::RefCell::new(Vec::new());
    view.any_schema(&|props| {
        let format = props.text("format");
        if !format.is_empty() {
            let kind = props.text("type");
            let known = matches!(kind, "" | "string" | "integer" | "number")
                && Format::known(format, JsonType::parse(kind)).is_some();
            let mut found = found.borrow_mut();
            if !known && found.len() < FORMATS_MAX && !found.iter().any(|other| other == format) {
                found.push(format.to_owned());
            }
        }
        false
    });
    found.into_inner()
}

const FORMATS_MAX: usize = 1000;
/// The fields that a root may have, by their names in Go.
const AT_ROOT: [&str; 22] = [
    "Description",
    "Type",
    "Format",
    "Title",
    "Maximum",
    "ExclusiveMaximum",
    "Minimum",
    "ExclusiveMinimum",
    "MaxLength",
    "MinLength",
    "Pattern",
    "MaxItems",
    "MinItems",
    "UniqueItems",
    "MultipleOf",
    "Required",
    "Items",
    "Properties",
    "ExternalDocs",
    "Example",
    "XPreserveUnknownFields",
    "XValidations",
];
