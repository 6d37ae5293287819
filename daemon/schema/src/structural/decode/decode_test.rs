use super::{Target, read, restore};
use crate::decode::{DecodeError, FieldValidation};
use crate::structural::build::build;
use serde_json::json;

fn schema() -> crate::structural::schema::Schema {
    build(&json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "a": {"type": "string", "default": "x"},
            "list": {"type": "array", "items": {"type": "object", "properties": {"k": {"type": "string"}}}},
            "embedded": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true},
        }},
    }}))
    .unwrap()
}

fn target() -> Target<'static> {
    Target { group: "example.com", kind: "Thing", api_version: "example.com/v1".to_owned() }
}

#[test]
fn keys_are_sorted_and_metadata_is_typed() {
    let body = br#"{"spec":{"list":[{"k":"1"}]},"kind":"Thing","metadata":{"labels":{"b":"1","a":"2"},"name":"n","creationTimestamp":null},"apiVersion":"example.com/v1"}"#;
    let decoded = read(&target(), &schema(), body, FieldValidation::Strict).unwrap();
    assert_eq!(
        decoded.value.to_string(),
        r#"{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"n","labels":{"a":"2","b":"1"}},"spec":{"a":"x","list":[{"k":"1"}]}}"#
    );
}

#[test]
fn unknown_and_duplicate_fields_are_ignored_told_or_refused() {
    let body = br#"{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"n","foo":1},"spec":{"z":1,"list":[{"k":"1","k":"2","q":1}],"embedded":{"apiVersion":"v1","kind":"Pod","metadata":{"bar":1}}},"top":1}"#;
    let ignored = read(&target(), &schema(), body, FieldValidation::Ignore).unwrap();
    assert_eq!(ignored.warnings, Vec::<String>::new());
    let told = read(&target(), &schema(), body, FieldValidation::Warn).unwrap();
    let warnings = [
        r#"duplicate field "spec.list[0].k""#,
        r#"unknown field "metadata.foo""#,
        r#"unknown field "spec.list[0].q""#,
        r#"unknown field "spec.z""#,
        r#"unknown field "top""#,
        r#"unknown field "spec.embedded.metadata.bar""#,
    ];
    assert_eq!(told.warnings, warnings);
    assert_eq!(told.value, ignored.value);
    assert_eq!(told.value["spec"]["list"][0], json!({"k": "2"}));
    let refused = read(&target(), &schema(), body, FieldValidation::Strict).unwrap_err();
    let want = format!(
        r#"Thing in version "v1" cannot be handled as a Thing: strict decoding error: {}"#,
        warnings.join(", ")
    );
    assert_eq!(refused, DecodeError::Strict(want));
}

#[test]
fn bad_bodies_are_refused_in_the_words_of_kubernetes() {
    for (body, want) in [
        (
            r#"{"apiVersion":"example.com/v1"}"#,
            r#"the object provided is unrecognized (must be of type Thing): Object 'Kind' is missing in '{"apiVersion":"example.com/v1"}' ({"apiVersion":"example.com/v1" ...)"#,
        ),
        (
            r#"{"kind":"Thing"}"#,
            "the API version in the data () does not match the expected API version (example.com/v1)",
        ),
        (
            r#"{"kind":"Thing","apiVersion":"example.com/v2"}"#,
            "the API version in the data (example.com/v2) does not match the expected API version (example.com/v1)",
        ),
        (
            r#"{"kind":1}"#,
            r#"the object provided is unrecognized (must be of type Thing): couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":1})"#,
        ),
        (
            r#"{"kind":"Thing","apiVersion":"example.com/v1","metadata":{"labels":{"a":1}}}"#,
            r#"Thing in version "v1" cannot be handled as a Thing: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string"#,
        ),
        (
            r#"{"kind":"Thing","apiVersion":"example.com/v1","spec":{"embedded":{"apiVersion":1}}}"#,
            r#"Thing in version "v1" cannot be handled as a Thing: spec.embedded.apiVersion: Invalid value: 1: must be a string"#,
        ),
    ] {
        let error = read(&target(), &schema(), body.as_bytes(), FieldValidation::Warn).unwrap_err();
        assert_eq!(error.to_string(), want, "{body}");
    }
}

#[test]
fn an_object_of_another_kind_is_left_to_validation() {
    let body = br#"{"kind":"Other","apiVersion":"example.com/v1","spec":{"z":1}}"#;
    assert_eq!(read(&target(), &schema(), body, FieldValidation::Strict).unwrap().value["spec"]["z"], 1);
}

#[test]
fn limits_are_those_of_built_in_kinds() {
    let many = format!(r#"{{"kind":"Thing","apiVersion":"example.com/v1","spec":[{}1]}}"#, "1,".repeat(100_000));
    let error = read(&target(), &schema(), many.as_bytes(), FieldValidation::Warn).unwrap_err();
    assert!(error.to_string().contains("exceeded max number of values"), "{error}");
    let deep = format!(r#"{{"kind":"Thing","apiVersion":"example.com/v1","spec":{}"#, "[".repeat(100_000));
    let error = read(&target(), &schema(), deep.as_bytes(), FieldValidation::Warn).unwrap_err();
    assert!(error.to_string().contains("exceeded max depth"), "{error}");
}

#[test]
fn what_is_stored_is_shown_by_the_schema_of_the_day() {
    let mut value = json!({"metadata": {"name": "n", "labels": 1}, "spec": {"gone": 1, "a": null}});
    restore(&mut value, &schema());
    assert_eq!(value, json!({"metadata": {"name": "n"}, "spec": {"a": "x"}}));
}
