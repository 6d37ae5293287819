//! Cells of bindings of roles.

use serde_json::Value;

use super::text;
use crate::validate::at;

pub(crate) fn role(object: &Value, _: i64) -> Value {
    Value::from(format!("{}/{}", text(object, &["roleRef", "kind"]), text(object, &["roleRef", "name"])))
}

pub(crate) fn users(object: &Value, _: i64) -> Value {
    subjects(object, "User", |subject| text(subject, &["name"]).to_owned())
}

pub(crate) fn groups(object: &Value, _: i64) -> Value {
    subjects(object, "Group", |subject| text(subject, &["name"]).to_owned())
}

pub(crate) fn service_accounts(object: &Value, _: i64) -> Value {
    subjects(object, "ServiceAccount", |subject| {
        format!("{}/{}", text(subject, &["namespace"]), text(subject, &["name"]))
    })
}

fn subjects(object: &Value, kind: &str, shown: fn(&Value) -> String) -> Value {
    let subjects = at(object, &["subjects"]).and_then(Value::as_array).into_iter().flatten();
    let of_kind: Vec<String> = subjects.filter(|subject| text(subject, &["kind"]) == kind).map(shown).collect();
    Value::from(of_kind.join(", "))
}
