//! Cells of webhooks and policies of admission.

use serde_json::Value;

use super::text;
use crate::validate::at;

pub(crate) fn webhooks(object: &Value, _: i64) -> Value {
    count(object, &["webhooks"])
}

pub(crate) fn validations(object: &Value, _: i64) -> Value {
    count(object, &["spec", "validations"])
}

pub(crate) fn mutations(object: &Value, _: i64) -> Value {
    count(object, &["spec", "mutations"])
}

pub(crate) fn param_kind(object: &Value, _: i64) -> Value {
    Value::from(match at(object, &["spec", "paramKind"]) {
        Some(kind) => format!("{}/{}", text(kind, &["apiVersion"]), text(kind, &["kind"])),
        None => UNSET.to_owned(),
    })
}

pub(crate) fn param(object: &Value, _: i64) -> Value {
    let Some(param) = at(object, &["spec", "paramRef"]) else { return Value::from(UNSET) };
    let (namespace, name) = (text(param, &["namespace"]), text(param, &["name"]));
    Value::from(match (name, at(param, &["selector"])) {
        ("", Some(selector)) => shown(selector),
        ("", None) => UNSET.to_owned(),
        (name, _) if namespace.is_empty() => format!("*/{name}"),
        (name, _) => format!("{namespace}/{name}"),
    })
}

/// A label selector as upstream's generated code shows it.
fn shown(selector: &Value) -> String {
    let mut labels: Vec<String> = at(selector, &["matchLabels"])
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}: {},", value.as_str().unwrap_or_default()))
        .collect();
    labels.sort_unstable();
    let requirements = at(selector, &["matchExpressions"]).and_then(Value::as_array).into_iter().flatten();
    let requirement = |requirement: &Value| {
        let values = at(requirement, &["values"]).and_then(Value::as_array).into_iter().flatten();
        let values: Vec<&str> = values.filter_map(Value::as_str).collect();
        let (key, operator) = (text(requirement, &["key"]), text(requirement, &["operator"]));
        format!("LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{}],}},", values.join(" "))
    };
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{}}},MatchExpressions:[]LabelSelectorRequirement{{{}}},}}",
        labels.concat(),
        requirements.map(requirement).collect::<String>()
    )
}

fn count(object: &Value, path: &[&str]) -> Value {
    Value::from(at(object, path).and_then(Value::as_array).map_or(0, Vec::len))
}

const UNSET: &str = "<unset>";
