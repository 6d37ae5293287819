//! Rules of label selectors and of the requirements in them (apimachinery's `meta/v1/validation`).

use serde_json::Value;

use super::{items, text};
use crate::cause::Cause;
use crate::format::{label_value, qualified_name};
use crate::metadata::validate_labels;

/// What may stand in for an operator.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operators {
    /// The known ones.
    Known,
    /// Any text: who asks about a request may speak a newer language.
    Any,
}

/// A label selector at this path.
pub(crate) fn label_selector(selector: &Value, field: &str, causes: &mut Vec<Cause>) {
    validate_labels(selector.get("matchLabels").and_then(Value::as_object), &format!("{field}.matchLabels"), causes);
    for (index, requirement) in items(selector, &["matchExpressions"]).iter().enumerate() {
        label_requirement(requirement, &format!("{field}.matchExpressions[{index}]"), Operators::Known, causes);
    }
}

/// One requirement on a label.
pub(crate) fn label_requirement(requirement: &Value, field: &str, operators: Operators, causes: &mut Vec<Cause>) {
    operator(requirement, field, operators, causes);
    let key = text(requirement, &["key"]);
    causes.extend(qualified_name(key).iter().map(|text| Cause::invalid(format!("{field}.key"), key, text)));
    for (index, value) in items(requirement, &["values"]).iter().filter_map(Value::as_str).enumerate() {
        let complaints = label_value(value);
        causes.extend(complaints.iter().map(|text| Cause::invalid(format!("{field}.values[{index}]"), value, text)));
    }
}

/// One requirement on a field.
pub(crate) fn field_requirement(requirement: &Value, field: &str, causes: &mut Vec<Cause>) {
    if text(requirement, &["key"]).is_empty() {
        causes.push(Cause::required(format!("{field}.key"), "must be specified"));
    }
    operator(requirement, field, Operators::Any, causes);
}

fn operator(requirement: &Value, field: &str, operators: Operators, causes: &mut Vec<Cause>) {
    let has_values = !items(requirement, &["values"]).is_empty();
    match text(requirement, &["operator"]) {
        "In" | "NotIn" if !has_values => {
            let detail = "must be specified when `operator` is 'In' or 'NotIn'";
            causes.push(Cause::required(format!("{field}.values"), detail));
        }
        "Exists" | "DoesNotExist" if has_values => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            causes.push(Cause::forbidden(format!("{field}.values"), detail));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other if operators == Operators::Known => {
            causes.push(Cause::invalid(format!("{field}.operator"), other, "not a valid selector operator"));
        }
        _ => {}
    }
}
