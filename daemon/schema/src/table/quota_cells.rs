//! Cells of resource quotas.

use serde_json::{Map, Value};

use super::text;
use crate::validate::at;

pub(crate) fn requests(object: &Value, _: i64) -> Value {
    amounts(object, |name| !name.starts_with("limits."))
}

pub(crate) fn limits(object: &Value, _: i64) -> Value {
    amounts(object, |name| name.starts_with("limits."))
}

/// `name: used/hard`, sorted by name.
fn amounts(object: &Value, is_shown: fn(&str) -> bool) -> Value {
    let hard = at(object, &["status", "hard"]).and_then(Value::as_object);
    let mut names: Vec<&String> = hard.into_iter().flat_map(Map::keys).filter(|name| is_shown(name)).collect();
    names.sort_unstable();
    let shown = |name: &&String| {
        let amount = |list| match text(object, &["status", list, name]) {
            "" => "0".to_owned(),
            amount => amount.to_owned(),
        };
        format!("{name}: {}/{}", amount("used"), amount("hard"))
    };
    Value::from(names.iter().map(shown).collect::<Vec<_>>().join(", "))
}
