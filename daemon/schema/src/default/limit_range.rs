//! Defaults of limit ranges.

use serde_json::{Map, Value};

use super::reorder;
use crate::quantity::Quantity;
use crate::types::core::quota::LIMIT_RANGE_ITEM;

/// What a container gets where only its bounds are given. Amounts are rounded up to thousandths.
pub(crate) fn limit_range(object: &mut Value) {
    let limits = object.pointer_mut("/spec/limits").and_then(Value::as_array_mut);
    for limit in limits.into_iter().flatten().filter_map(Value::as_object_mut) {
        if limit.get("type").is_some_and(|kind| kind == "Container") {
            // A default limit is the largest one; a default request is the default limit, or else the smallest request.
            for (from, into) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
                fill(limit, from, into);
            }
            reorder(limit, &LIMIT_RANGE_ITEM);
        }
        for part in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
            let amounts = limit.get_mut(part).and_then(Value::as_object_mut);
            amounts.into_iter().flat_map(Map::values_mut).for_each(round);
        }
    }
}

/// Amounts of quotas are rounded up to thousandths.
pub(crate) fn resource_quota(object: &mut Value) {
    for path in ["/spec/hard", "/status/hard", "/status/used"] {
        let amounts = object.pointer_mut(path).and_then(Value::as_object_mut);
        amounts.into_iter().flat_map(Map::values_mut).for_each(round);
    }
}

fn fill(limit: &mut Map<String, Value>, from: &str, into: &str) {
    let Some(Value::Object(amounts)) = limit.get(from).cloned() else { return };
    let target = limit.entry(into).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(target) = target {
        for (name, amount) in amounts {
            target.entry(name).or_insert(amount);
        }
        target.sort_keys();
    }
}

fn round(amount: &mut Value) {
    let Some(quantity) = amount.as_str().and_then(|text| Quantity::parse(text).ok()) else { return };
    let rounded = quantity.rounded_to_millis();
    if rounded != quantity {
        *amount = Value::from(rounded.to_string());
    }
}
