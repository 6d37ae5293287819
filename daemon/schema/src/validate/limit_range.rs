//! Rules of LimitRange.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::resource::{check_container_name, check_name, may_overcommit};
use super::{at, items, repeats_of, text};
use crate::cause::Cause;
use crate::format::qualified_name;
use crate::quantity::Quantity;

/// Names, and amounts that fit together.
pub(crate) fn limit_range(object: &Value, causes: &mut Vec<Cause>) {
    let limits = items(object, &["spec", "limits"]);
    for ((index, limit), is_repeated) in limits.iter().enumerate().zip(repeats_of(limits, "type")) {
        let field = format!("spec.limits[{index}]");
        let kind = text(limit, &["type"]);
        check_type(kind, &format!("{field}.type"), causes);
        if is_repeated {
            causes.push(Cause::duplicate(format!("{field}.type"), kind));
        }
        check_names(limit, kind, &field, causes);
        let names: BTreeSet<&String> = considered(kind)
            .flat_map(|part| at(limit, &[part]).and_then(Value::as_object))
            .flat_map(Map::keys)
            .collect();
        for name in names {
            Amounts::of(limit, kind, name).check(name, &field, causes);
        }
    }
}

fn check_type(kind: &str, field: &str, causes: &mut Vec<Cause>) {
    let complaints = qualified_name(kind);
    if complaints.is_empty() && !kind.contains('/') && !["Pod", "Container", "PersistentVolumeClaim"].contains(&kind) {
        causes.push(Cause::invalid(field, kind, "must be a standard limit type or fully qualified"));
    }
    causes.extend(complaints.iter().map(|text| Cause::invalid(field, kind, text)));
}

/// The fields that count for a type; what has no defaults is refused apart from that.
fn considered(kind: &str) -> impl Iterator<Item = &'static str> {
    let is_pod = kind == "Pod";
    PARTS.into_iter().filter(move |part| !(is_pod && part.starts_with("default")))
}

fn check_names(limit: &Value, kind: &str, field: &str, causes: &mut Vec<Cause>) {
    for part in PARTS {
        let names = at(limit, &[part]).and_then(Value::as_object);
        if kind == "Pod" && part.starts_with("default") {
            if names.is_some_and(|names| !names.is_empty()) {
                let detail = "may not be specified when `type` is 'Pod'";
                causes.push(Cause::forbidden(format!("{field}.{part}"), detail));
            }
            continue;
        }
        if part == "maxLimitRequestRatio" && kind == "PersistentVolumeClaim" {
            let is_limited = ["min", "max"].iter().any(|part| at(limit, &[part, "storage"]).is_some());
            if !is_limited {
                let detail = "either minimum or maximum storage value is required, but neither was provided";
                causes.push(Cause::required(format!("{field}.limits"), detail));
            }
        }
        for name in names.into_iter().flat_map(Map::keys) {
            let field = format!("{field}.{part}[{name}]");
            if ["Pod", "Container"].contains(&kind) {
                check_container_name(name, &field, causes);
            } else {
                check_name(name, &field, causes);
            }
        }
    }
}

/// What a limit says of one resource.
struct Amounts {
    max: Option<Amount>,
    min: Option<Amount>,
    default: Option<Amount>,
    request: Option<Amount>,
    ratio: Option<Amount>,
}

/// An amount, and how it is written.
#[derive(Clone)]
struct Amount {
    amount: Quantity,
    text: String,
}

impl Amounts {
    fn of(limit: &Value, kind: &str, name: &str) -> Self {
        let get = |part: &str| {
            let text = at(limit, &[part, name])?.as_str()?.to_owned();
            Some(Amount { amount: Quantity::parse(&text).ok()?, text })
        };
        let default = |part: &str| if kind == "Pod" { None } else { get(part) };
        Self {
            max: get("max"),
            min: get("min"),
            default: default("default"),
            request: default("defaultRequest"),
            ratio: get("maxLimitRequestRatio"),
        }
    }

    fn check(&self, name: &str, field: &str, causes: &mut Vec<Cause>) {
        let mut order = |part: &str, [low, high]: [(&Option<Amount>, &str); 2], bad: &Option<Amount>| {
            if let ((Some(lower), low), (Some(higher), high), Some(bad)) = (low, high, bad)
                && lower.amount > higher.amount
            {
                let detail = format!("{low} value {} is greater than {high} value {}", lower.text, higher.text);
                causes.push(Cause::invalid(format!("{field}.{part}[{name}]"), &bad.text, detail));
            }
        };
        let (min, max) = ((&self.min, "min"), (&self.max, "max"));
        order("min", [min, max], &self.min);
        order("defaultRequest", [min, (&self.request, "default request")], &self.request);
        order("defaultRequest", [(&self.request, "default request"), max], &self.request);
        let limit = (&self.default, "default limit");
        order("defaultRequest", [(&self.request, "default request"), limit], &self.request);
        order("default", [min, (&self.default, "default")], &self.min);
        order("default", [(&self.default, "default"), max], &self.max);
        self.check_ratio(&format!("{field}.maxLimitRequestRatio[{name}]"), causes);
        if let (Some(default), Some(request)) = (&self.default, &self.request)
            && !may_overcommit(name)
            && default.amount != request.amount
        {
            let detail =
                format!("default value {} must equal to defaultRequest value {} in {name}", default.text, request.text);
            causes.push(Cause::invalid(format!("{field}.defaultRequest[{name}]"), &request.text, detail));
        }
    }

    fn check_ratio(&self, field: &str, causes: &mut Vec<Cause>) {
        let Some(ratio) = &self.ratio else { return };
        if ratio.amount < Quantity::whole(1) {
            causes.push(Cause::invalid(field, &ratio.text, format!("ratio {} is less than 1", ratio.text)));
        }
        if let (Some(min), Some(max)) = (&self.min, &self.max)
            && ratio.amount.as_f64() > max.amount.as_f64() / min.amount.as_f64()
        {
            let largest = max.amount.as_f64() / min.amount.as_f64();
            let detail = format!("ratio {} is greater than max/min = {largest:.6}", ratio.text);
            causes.push(Cause::invalid(field, &ratio.text, detail));
        }
    }
}

const PARTS: [&str; 5] = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"];
