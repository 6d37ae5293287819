//! Holds the documents of custom resources to what upstream publishes of the same definitions. The cases are those of
//! k8s.io/apiextensions-apiserver/pkg/controller/openapi, in our own data.

use std::sync::Arc;

use serde_json::{Value, json};

use super::document;
use super::v2::share;
use crate::kind::{Custom, Kind, NameRule, Part, SchemaText, Selectable, SelectableField, Shape, Verb};
use crate::kinds::KINDS;
use crate::structural::schema::Schema;

/// `foos.bar.k8s.io/v1` with this schema in its definition.
fn kind(document: Value, selectable: &[&'static str]) -> Arc<Kind> {
    let custom = Custom {
        schema: Arc::new(Schema::default()),
        document: SchemaText::of(&document),
        storage_version: "bar.k8s.io/v1".into(),
        conversion: None,
    };
    let field =
        |label: &&'static str| SelectableField { label: (*label).into(), path: Vec::new(), otherwise: Vec::new() };
    Arc::new(Kind {
        group: "bar.k8s.io".into(),
        version: "v1".into(),
        kind: "Foo".into(),
        list_kind: "FooBunch".into(),
        plural: "foos".into(),
        singular: "foo".into(),
        short_names: Vec::new(),
        categories: Vec::new(),
        namespaced: true,
        subresources: vec![Part::Status, Part::Scale],
        verbs: &[
            Verb::Create,
            Verb::Delete,
            Verb::DeleteCollection,
            Verb::Get,
            Verb::List,
            Verb::Patch,
            Verb::Update,
            Verb::Watch,
        ],
        shape: Shape::Structural(Arc::new(custom)),
        name_rule: NameRule::DnsSubdomain,
        columns: Vec::new(),
        selectable: Selectable::Listed(["metadata.name"].iter().chain(selectable).map(field).collect()),
        storage: ("bar.k8s.io".into(), "foos".into()),
        keeps: &[],
        standard_finalizers: true,
        generation: true,
        strategic_patch: false,
        create_on_update: false,
        unconditional_update: false,
        scale: None,
        deprecation: None,
        rules: KINDS[0].rules,
    })
}

const NAME: &str = "io.k8s.bar.v1.Foo";
const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// The schema with the words for people taken out of the fields of every object.
fn bare(mut schema: Value) -> Value {
    fn walk(value: &mut Value) {
        let Value::Object(map) = value else { return };
        for (name, value) in map.iter_mut() {
            if ["apiVersion", "kind", "metadata"].contains(&name.as_str()) && value.is_object() {
                value.as_object_mut().unwrap().shift_remove("description");
            }
            walk(value);
        }
    }
    walk(&mut schema);
    schema
}

/// A schema with these fields beside those of every object.
fn with(fields: Value, v2: bool) -> Value {
    let reference = if v2 { "#/definitions/" } else { "#/components/schemas/" };
    let reference = json!({"$ref": format!("{reference}{META}")});
    let metadata = if v2 { reference } else { json!({"allOf": [reference]}) };
    let mut properties = json!({"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": metadata});
    for (name, field) in fields.as_object().unwrap() {
        properties[name] = field.clone();
    }
    json!({"type": "object", "properties": properties})
}

#[test]
fn v3_says_what_the_definition_says() {
    let either = json!([{"type": "integer"}, {"type": "string"}]);
    let embedded = with(json!({}), false)["properties"].clone();
    let table = [
        (Value::Null, json!({"type": "object"})),
        (
            json!({"type": "object", "properties": {"spec": {"type": "object", "nullable": true, "default": {}}}}),
            with(json!({"spec": {"type": "object", "nullable": true, "default": {}}}), false),
        ),
        (
            json!({"type": "object", "properties": {"p": {"x-kubernetes-int-or-string": true, "default": 1}}}),
            with(json!({"p": {"x-kubernetes-int-or-string": true, "default": 1, "anyOf": either}}), false),
        ),
        (
            json!({"type": "object", "properties": {"p": {"x-kubernetes-int-or-string": true, "anyOf": [{"minimum": 1}], "allOf": [{"maximum": 3}]}}}),
            with(
                json!({"p": {"x-kubernetes-int-or-string": true, "anyOf": [{"minimum": 1}], "allOf": [{"anyOf": either}, {"maximum": 3}]}}),
                false,
            ),
        ),
        (
            json!({"type": "object", "properties": {"p": {"x-kubernetes-int-or-string": true, "anyOf": either}}}),
            with(json!({"p": {"x-kubernetes-int-or-string": true, "anyOf": either}}), false),
        ),
        (
            json!({"type": "object", "properties": {"t": {"type": "object", "x-kubernetes-embedded-resource": true, "required": ["kind"]}}}),
            with(
                json!({"t": {"type": "object", "x-kubernetes-embedded-resource": true, "required": ["kind", "apiVersion"], "properties": embedded}}),
                false,
            ),
        ),
        (
            json!({"type": "object", "properties": {"l": {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"], "x-kubernetes-validations": [{"rule": "true"}]}}}),
            with(
                json!({"l": {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"], "x-kubernetes-validations": [{"rule": "true"}]}}),
                false,
            ),
        ),
    ];
    for (definition, expected) in table {
        let mut expected = expected;
        expected["x-kubernetes-group-version-kind"] = json!([{"group": "bar.k8s.io", "kind": "Foo", "version": "v1"}]);
        let document = document(&[kind(definition.clone(), &[])], "bar.k8s.io", "v1").unwrap();
        assert_eq!(bare(document["components"]["schemas"][NAME].clone()), expected, "{definition}");
    }
}

/// What a definition says, and what is left of it in v2.
fn reduced() -> Vec<(Value, Value)> {
    let fields = |fields: Value| json!({"type": "object", "properties": fields});
    vec![
        (Value::Null, json!({"type": "object"})),
        (
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"a": {"type": "string"}}}),
            json!({"type": "object"}),
        ),
        (
            fields(
                json!({"foo": {"type": "string", "default": "d", "oneOf": [{"pattern": "a"}, {"pattern": "b"}], "not": {"pattern": "c"}}}),
            ),
            with(json!({"foo": {"type": "string"}}), true),
        ),
        // A field may have any name.
        (
            fields(json!({"default": {"type": "string"}, "oneOf": {"type": "string"}})),
            with(json!({"default": {"type": "string"}, "oneOf": {"type": "string"}}), true),
        ),
        (
            fields(
                json!({"a": {"type": "object", "nullable": true, "description": "d", "properties": {"b": {"type": "string"}}}}),
            ),
            with(json!({"a": {"description": "d"}}), true),
        ),
        (
            fields(
                json!({"a": {"type": "object", "required": ["b", "c"], "properties": {"b": {"type": "string", "nullable": true}, "c": {"type": "string"}}}}),
            ),
            with(
                json!({"a": {"type": "object", "required": ["c"], "properties": {"b": {}, "c": {"type": "string"}}}}),
                true,
            ),
        ),
        (
            fields(
                json!({"a": {"type": "object", "required": ["b"], "additionalProperties": {"type": "string", "nullable": true}}}),
            ),
            with(json!({"a": {"type": "object", "additionalProperties": {}}}), true),
        ),
        (
            fields(
                json!({"a": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"b": {"type": "string"}}}}),
            ),
            with(json!({"a": {"x-kubernetes-preserve-unknown-fields": true}}), true),
        ),
        (
            fields(
                json!({"a": {"type": "array", "items": {"type": "array", "nullable": true, "items": {"type": "string"}}}}),
            ),
            with(json!({"a": {"type": "array", "items": {}}}), true),
        ),
        (
            fields(
                json!({"a": {"type": "array", "x-kubernetes-preserve-unknown-fields": true, "items": {"type": "string"}}}),
            ),
            with(json!({"a": {"x-kubernetes-preserve-unknown-fields": true}}), true),
        ),
        (
            fields(json!({"p": {"x-kubernetes-int-or-string": true}})),
            with(json!({"p": {"x-kubernetes-int-or-string": true}}), true),
        ),
        (
            fields(
                json!({"t": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true}}),
            ),
            with(
                json!({"t": {"x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true}}),
                true,
            ),
        ),
    ]
}

#[test]
fn v2_leaves_out_what_its_readers_cannot_read() {
    for (definition, expected) in reduced() {
        let mut expected = expected;
        expected["x-kubernetes-group-version-kind"] = json!([{"group": "bar.k8s.io", "kind": "Foo", "version": "v1"}]);
        let share = share(&[kind(definition.clone(), &[])], "bar.k8s.io", "v1").unwrap();
        assert_eq!(bare(share.definitions[NAME].clone()), expected, "{definition}");
        let text = Value::Object(share.definitions.clone()).to_string() + &Value::Object(share.paths).to_string();
        assert!(!text.contains("#/components/"), "every reference is one of v2");
        for part in text.split("\"#/definitions/").skip(1) {
            assert!(share.definitions.contains_key(part.split('"').next().unwrap()), "{part}");
        }
    }
}

#[test]
fn fields_for_selectors_are_told() {
    let kinds = [kind(json!({"type": "object"}), &["spec.color", "spec.size"])];
    let expected = json!([{"fieldPath": "spec.color"}, {"fieldPath": "spec.size"}]);
    let schemas = &document(&kinds, "bar.k8s.io", "v1").unwrap()["components"]["schemas"];
    for name in [NAME, "io.k8s.bar.v1.FooBunch"] {
        assert_eq!(schemas[name]["x-kubernetes-selectable-fields"], expected, "{name}");
    }
    let none = document(&[kind(json!({"type": "object"}), &[])], "bar.k8s.io", "v1").unwrap();
    assert!(!none.to_string().contains("x-kubernetes-selectable-fields"));
}

#[test]
fn operations_are_those_of_upstream() {
    let document = document(&[kind(json!({"type": "object"}), &[])], "bar.k8s.io", "v1").unwrap();
    let base = "/apis/bar.k8s.io/v1/namespaces/{namespace}/foos";
    let table = [
        ("/apis/bar.k8s.io/v1/foos".to_owned(), "get", "list", "listBarV1FooForAllNamespaces"),
        (base.to_owned(), "get", "list", "listBarV1NamespacedFoo"),
        (base.to_owned(), "post", "post", "createBarV1NamespacedFoo"),
        (base.to_owned(), "delete", "deletecollection", "deleteBarV1CollectionNamespacedFoo"),
        (format!("{base}/{{name}}"), "get", "get", "readBarV1NamespacedFoo"),
        (format!("{base}/{{name}}"), "put", "put", "replaceBarV1NamespacedFoo"),
        (format!("{base}/{{name}}"), "delete", "delete", "deleteBarV1NamespacedFoo"),
        (format!("{base}/{{name}}"), "patch", "patch", "patchBarV1NamespacedFoo"),
        (format!("{base}/{{name}}/status"), "get", "get", "readBarV1NamespacedFooStatus"),
        (format!("{base}/{{name}}/status"), "put", "put", "replaceBarV1NamespacedFooStatus"),
        (format!("{base}/{{name}}/status"), "patch", "patch", "patchBarV1NamespacedFooStatus"),
        (format!("{base}/{{name}}/scale"), "get", "get", "readBarV1NamespacedFooScale"),
        (format!("{base}/{{name}}/scale"), "put", "put", "replaceBarV1NamespacedFooScale"),
        (format!("{base}/{{name}}/scale"), "patch", "patch", "patchBarV1NamespacedFooScale"),
    ];
    let paths = document["paths"].as_object().unwrap();
    let count: usize = paths.values().map(|item| item.as_object().unwrap().len() - 1).sum();
    assert_eq!(count, table.len());
    for (path, method, action, id) in table {
        let operation = &paths[&path][method];
        assert_eq!(operation["operationId"], id);
        assert_eq!(operation["x-kubernetes-action"], action, "{id}");
        let kind = json!({"group": "bar.k8s.io", "kind": "Foo", "version": "v1"});
        assert_eq!(operation["x-kubernetes-group-version-kind"], kind, "{id}");
        let taken = |body: &Value| body["content"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let ok = taken(&operation["responses"]["200"]);
        assert_eq!(ok, ["application/json", "application/yaml"], "{id}");
        match method {
            "patch" => assert_eq!(
                taken(&operation["requestBody"]),
                ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"]
            ),
            "get" => assert!(operation.get("requestBody").is_none()),
            _ => assert_eq!(taken(&operation["requestBody"]), ["application/json", "application/yaml"], "{id}"),
        }
        if path.ends_with("/scale") {
            let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/io.k8s.api.autoscaling.v1.Scale");
        }
    }
    assert!(document["components"]["schemas"]["io.k8s.api.autoscaling.v1.ScaleStatus"].is_object());
}
