//! Requests on ConfigMaps, and what their answers show.

use serde_json::{Map, Value, json};

use super::outcome::revision;
use crate::history::Outcome;
use crate::port::{Answer, Request};

/// The resource, as a `Status` names it.
pub(crate) const RESOURCE: &str = "configmaps";
const LABEL: &str = "jepsen";

/// Where the objects of a logical cluster are.
pub(crate) fn path(cluster: &str) -> String {
    format!("/clusters/{cluster}/api/v1/namespaces/default/configmaps")
}

fn object(workload: &str, key: &str, value: &Value, expect: Option<u64>) -> Value {
    let mut object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": key, "labels": {LABEL: workload}},
        "data": {"value": value.to_string()},
    });
    if let Some(expect) = expect {
        object["metadata"]["resourceVersion"] = Value::from(expect.to_string());
    }
    object
}

pub(crate) fn create(workload: &str, cluster: &str, key: &str, value: &Value) -> Request {
    Request::new("POST", path(cluster), object(workload, key, value, None))
}

pub(crate) fn update(workload: &str, cluster: &str, (key, value): (&str, &Value), expect: Option<u64>) -> Request {
    Request::new("PUT", format!("{}/{key}", path(cluster)), object(workload, key, value, expect))
}

pub(crate) fn delete(cluster: &str, key: &str, expect: Option<u64>) -> Request {
    let body = expect.map_or(Value::Null, |expect| {
        json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"resourceVersion": expect.to_string()}})
    });
    Request::new("DELETE", format!("{}/{key}", path(cluster)), body)
}

/// A read; at a revision or later where one is given, with 0 for "whatever is at hand".
pub(crate) fn read(cluster: &str, key: &str, not_older: Option<u64>) -> Request {
    let query = not_older.map_or(String::new(), |revision| format!("?resourceVersion={revision}"));
    Request::new("GET", format!("{}/{key}{query}", path(cluster)), Value::Null)
}

/// A list of the workload's objects; `query` begins with `&`.
pub(crate) fn list(workload: &str, cluster: &str, query: &str) -> Request {
    Request::new("GET", list_path(workload, cluster, query), Value::Null)
}

/// The path of a list, which is a watch's, too.
pub(crate) fn list_path(workload: &str, cluster: &str, query: &str) -> String {
    format!("{}?labelSelector={LABEL}%3D{workload}{query}", path(cluster))
}

/// The value of an object, as it was written.
pub(crate) fn value(object: &Value) -> Value {
    let text = object.pointer("/data/value").and_then(Value::as_str).unwrap_or_default();
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// The name of an object.
pub(crate) fn name(object: &Value) -> &str {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

/// The outcome of a read or a write that is answered with the object.
pub(crate) fn seen(answer: &Answer) -> Outcome {
    Outcome::Ok { value: value(&answer.body), revision: revision(&answer.body) }
}

/// The outcome of a deletion: its answer tells no revision.
pub(crate) fn deleted(_: &Answer) -> Outcome {
    Outcome::Ok { value: Value::Null, revision: None }
}

/// The outcome of a list: `{key: [value, revision]}`.
pub(crate) fn listed(answer: &Answer) -> Outcome {
    let Some(objects) = answer.body["items"].as_array() else { return no_list() };
    let mut items = Map::new();
    for object in objects {
        let item = json!([value(object), revision(object)]);
        if items.insert(name(object).to_owned(), item).is_some() {
            // One name twice cannot be shown in a map: it is shown as a key that nobody wrote.
            items.insert(format!("{} twice", name(object)), Value::Null);
        }
    }
    Outcome::Ok { value: Value::Object(items), revision: revision(&answer.body) }
}

/// A good answer that is no list says nothing of what there is.
pub(crate) fn no_list() -> Outcome {
    Outcome::Fail { error: "the answer is no list".to_owned() }
}
