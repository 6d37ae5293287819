//! Rules of `meta/v1` conditions (apimachinery's `meta/v1/validation`).

use serde_json::Value;

use super::{at, items, repeats_of, text};
use crate::cause::Cause;
use crate::format::{condition_reason, qualified_name};

/// The conditions in the list at this path of an object; `field` is its name in messages.
pub(crate) fn conditions(object: &Value, path: &[&str], field: &str, causes: &mut Vec<Cause>) {
    let conditions = items(object, path);
    for ((index, condition), is_repeated) in conditions.iter().enumerate().zip(repeats_of(conditions, "type")) {
        let field = format!("{field}[{index}]");
        if is_repeated {
            causes.push(Cause::duplicate(format!("{field}.type"), text(condition, &["type"])));
        }
        check(condition, &field, causes);
    }
}

fn check(condition: &Value, field: &str, causes: &mut Vec<Cause>) {
    let kind = text(condition, &["type"]);
    causes.extend(qualified_name(kind).iter().map(|text| Cause::invalid(format!("{field}.type"), kind, text)));
    let status = text(condition, &["status"]);
    if !STATUSES.contains(&status) {
        causes.push(Cause::not_supported(format!("{field}.status"), status, &STATUSES));
    }
    if let Some(generation) = at(condition, &["observedGeneration"]).filter(|number| number.as_i64() < Some(0)) {
        let detail = "must be greater than or equal to zero";
        causes.push(Cause::invalid_value(format!("{field}.observedGeneration"), Some(generation), detail));
    }
    if at(condition, &["lastTransitionTime"]).is_none() {
        causes.push(Cause::required(format!("{field}.lastTransitionTime"), "must be set"));
    }
    let reason = text(condition, &["reason"]);
    if reason.is_empty() {
        causes.push(Cause::required(format!("{field}.reason"), "must be set"));
    } else {
        causes.extend(
            condition_reason(reason).iter().map(|text| Cause::invalid(format!("{field}.reason"), reason, text)),
        );
        if reason.len() > REASON_BYTES_MAX {
            causes.push(Cause::too_long(format!("{field}.reason"), REASON_BYTES_MAX));
        }
    }
    if text(condition, &["message"]).len() > MESSAGE_BYTES_MAX {
        causes.push(Cause::too_long(format!("{field}.message"), MESSAGE_BYTES_MAX));
    }
}

const STATUSES: [&str; 3] = ["False", "True", "Unknown"];
const REASON_BYTES_MAX: usize = 1024;
const MESSAGE_BYTES_MAX: usize = 32 * 1024;
