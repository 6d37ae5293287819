//! Rules of Lease.

use serde_json::Value;

use super::{at, text};
use crate::cause::Cause;
use crate::format::qualified_name;

/// Durations and counts are sensible, and a strategy is a known one or has a domain.
pub(crate) fn lease(object: &Value, causes: &mut Vec<Cause>) {
    let number = |field: &str| at(object, &["spec", field]);
    if let Some(duration) = number("leaseDurationSeconds").filter(|value| value.as_i64() <= Some(0)) {
        causes.push(Cause::invalid_value("spec.leaseDurationSeconds", Some(duration), "must be greater than 0"));
    }
    if let Some(transitions) = number("leaseTransitions").filter(|value| value.as_i64() < Some(0)) {
        let detail = "must be greater than or equal to 0";
        causes.push(Cause::invalid_value("spec.leaseTransitions", Some(transitions), detail));
    }
    let strategy = at(object, &["spec", "strategy"]).and_then(Value::as_str);
    if let Some(strategy) = strategy {
        // Upstream names the field twice.
        const FIELD: &str = "spec.strategy.strategy";
        if strategy.contains('/') {
            causes.extend(qualified_name(strategy).iter().map(|text| Cause::invalid(FIELD, strategy, text)));
        } else if strategy != OLDEST_EMULATION_VERSION {
            causes.push(Cause::not_supported(FIELD, strategy, &[OLDEST_EMULATION_VERSION]));
        }
    }
    if !text(object, &["spec", "preferredHolder"]).is_empty() && strategy.unwrap_or_default().is_empty() {
        causes.push(Cause::forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"));
    }
}

const OLDEST_EMULATION_VERSION: &str = "OldestEmulationVersion";
