//! Apply configurations of mutating admission policies: laid over an object without regard to who owns what
//! (k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch/smd.go).

use serde_json::Value;

use super::merge::merge;
use super::shape::{Form, Shape};
use super::typed::{Duplicates, validate};

/// Lays a configuration over an object.
///
/// # Errors
/// The configuration does not fit the shape; it has a part that is one piece, and would take away what it does not name; the
/// object does not fit.
pub fn lay(shape: Shape<'_>, object: &Value, configuration: &Value) -> Result<Value, String> {
    validate(shape, configuration, Duplicates::Refused)
        .map_err(|why| format!("failed to convert patch object to typed object: {why}"))?;
    let mut pieces = Vec::new();
    find_pieces(shape, configuration, "", &mut pieces);
    if !pieces.is_empty() {
        return Err(format!(
            "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {}",
            pieces.join(", ")
        ));
    }
    validate(shape, object, Duplicates::Allowed)
        .map_err(|why| format!("failed to convert original object to typed object: {why}"))?;
    merge(shape, object, configuration).map_err(|why| format!("failed to merge patch: {why}"))
}

/// The paths of all lists, maps and objects that are one piece. As upstream, what stands under keys that are data is not
/// looked into.
fn find_pieces(shape: Shape<'_>, value: &Value, path: &str, found: &mut Vec<String>) {
    match (shape.atom().deduce(Some(value)).form(), value) {
        (Form::Map(map), Value::Object(entries)) => {
            if map.atomic {
                found.push(path.to_owned());
            }
            for (name, entry) in entries {
                if let Some(field) = map.field(name) {
                    find_pieces(field, entry, &format!("{path}.{name}"), found);
                }
            }
        }
        (Form::List(list), Value::Array(items)) => {
            if list.is_atomic() {
                found.push(path.to_owned());
            }
            for (index, item) in items.iter().enumerate() {
                find_pieces(list.items, item, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::lay;
    use crate::apply::shape::Shape;
    use crate::types::core;

    #[test]
    fn a_configuration_adds_and_replaces_and_takes_nothing_away() {
        let object =
            json!({"metadata": {"name": "a", "labels": {"a": "1"}, "finalizers": ["x/y"]}, "data": {"k": "v"}});
        let configuration = json!({"metadata": {"labels": {"b": "2"}, "finalizers": ["z/z"]}, "data": {"k": "w"}});
        let laid = lay(Shape::Type(&core::CONFIG_MAP), &object, &configuration).unwrap();
        assert_eq!(laid["metadata"]["labels"], json!({"a": "1", "b": "2"}));
        assert_eq!(laid["metadata"]["finalizers"], json!(["x/y", "z/z"]));
        assert_eq!(laid["data"], json!({"k": "w"}));
    }

    #[test]
    fn a_configuration_with_a_piece_is_refused() {
        let object = json!({"metadata": {"name": "a"}});
        let table = [
            (
                json!({"nothing": 1}),
                "failed to convert patch object to typed object: .nothing: field not declared in schema",
            ),
            (
                json!({"imagePullSecrets": [], "involvedObject": {"name": "x"}}),
                "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .involvedObject",
            ),
        ];
        let expected = table[0].1;
        assert_eq!(lay(Shape::Type(&core::CONFIG_MAP), &object, &table[0].0).unwrap_err(), expected);
        let event = json!({"involvedObject": {"name": "x"}});
        assert_eq!(lay(Shape::Type(&core::EVENT), &object, &event).unwrap_err(), table[1].1);
    }
}
