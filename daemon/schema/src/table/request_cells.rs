//! Cells of requests for certificates.

use serde_json::Value;

use super::text;
use crate::time::human_duration;
use crate::validate::at;

pub(crate) fn signer(object: &Value, _: i64) -> Value {
    let signer = text(object, &["spec", "signerName"]);
    Value::from(if signer.is_empty() { NONE } else { signer })
}

pub(crate) fn requested_duration(object: &Value, _: i64) -> Value {
    let seconds = at(object, &["spec", "expirationSeconds"]).and_then(Value::as_i64);
    Value::from(seconds.map_or_else(|| NONE.to_owned(), |seconds| human_duration(seconds.saturating_mul(1000))))
}

/// `Approved,Issued`: the decision, and what became of it.
pub(crate) fn condition(object: &Value, _: i64) -> Value {
    let conditions = at(object, &["status", "conditions"]).and_then(Value::as_array);
    let has = |kind: &str| conditions.into_iter().flatten().any(|condition| text(condition, &["type"]) == kind);
    let decision = if has("Denied") {
        "Denied"
    } else if has("Approved") {
        "Approved"
    } else {
        "Pending"
    };
    let failed = if has("Failed") { ",Failed" } else { "" };
    let issued = if text(object, &["status", "certificate"]).is_empty() { "" } else { ",Issued" };
    Value::from(format!("{decision}{failed}{issued}"))
}

const NONE: &str = "<none>";
