//! Schemas and objects that nobody means well with: no panic, and an end.

use proptest::prelude::{BoxedStrategy, Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Map, Value, json};

use super::build::{build, supported};
use super::object::content;
use super::path::Path;
use super::words::Findings;
use super::{check, decode, jsonpath::JsonPath, rule};
use crate::definition::{compile::Definition, default, status, validate};
use crate::kind::Part;

fn schemas() -> impl Strategy<Value = Value> {
    let leaf = || {
        prop_oneof![
            Just(json!({})),
            prop::sample::select(vec!["object", "array", "string", "integer", "number", "boolean", "null", "x"])
                .prop_map(|kind| json!({"type": kind})),
        ]
    };
    leaf().prop_recursive(4, 40, 4, move |inner| {
        let inner = inner.boxed();
        prop::collection::vec(keyword(inner), 0..6).prop_map(|entries| {
            let mut map = Map::new();
            for (key, value) in entries {
                map.insert(key.to_owned(), value);
            }
            Value::Object(map)
        })
    })
}

fn rules() -> impl Strategy<Value = Value> + Clone {
    let expression = prop::sample::select(vec![
        "self.a == oldSelf.a",
        "self > 1",
        "self.all(x, x.all(y, y == x))",
        "has(self.b)",
        "self == self",
        "1/0 == 1",
        "self.",
        "",
    ]);
    let rule = expression.prop_map(|rule| json!({"rule": rule, "messageExpression": "'x'"}));
    prop::collection::vec(rule, 0..2).prop_map(Value::Array)
}

fn keyword(inner: BoxedStrategy<Value>) -> BoxedStrategy<(&'static str, Value)> {
    let named = prop::collection::btree_map("[a-c]|metadata|kind|apiVersion|1x|a-b", inner.clone(), 0..3)
        .prop_map(|map| Value::Object(map.into_iter().collect()));
    let list = prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array);
    let flag = any::<bool>().prop_map(Value::from);
    let number =
        prop_oneof![(-5_i64..100).prop_map(Value::from), any::<i32>().prop_map(|n| Value::from(f64::from(n) / 4.0))];
    let text = prop_oneof![
        "[a-c(*\\[]{0,4}",
        Just("date".to_owned()),
        Just("set".to_owned()),
        Just("map".to_owned()),
        Just("atomic".to_owned())
    ]
    .prop_map(Value::from);
    let names = prop::collection::vec("[a-c]", 0..3).prop_map(|names| json!(names));
    prop_oneof![
        (prop::sample::select(vec!["properties", "patternProperties", "definitions"]), named),
        (prop::sample::select(vec!["items", "additionalProperties", "not"]), inner),
        (prop::sample::select(vec!["allOf", "anyOf", "oneOf", "items"]), list),
        (
            prop::sample::select(vec![
                "nullable",
                "x-kubernetes-preserve-unknown-fields",
                "x-kubernetes-embedded-resource",
                "x-kubernetes-int-or-string",
                "additionalProperties",
                "exclusiveMaximum",
                "uniqueItems",
            ]),
            flag
        ),
        (
            prop::sample::select(vec![
                "maximum",
                "minimum",
                "multipleOf",
                "maxLength",
                "minItems",
                "maxItems",
                "maxProperties",
                "default"
            ]),
            number
        ),
        (
            prop::sample::select(vec![
                "pattern",
                "format",
                "x-kubernetes-list-type",
                "x-kubernetes-map-type",
                "type",
                "default"
            ]),
            text
        ),
        (prop::sample::select(vec!["required", "enum", "x-kubernetes-list-map-keys"]), names),
        (Just("x-kubernetes-validations"), rules()),
    ]
    .boxed()
}

fn objects() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-5_i64..10).prop_map(Value::from),
        any::<i16>().prop_map(|n| Value::from(f64::from(n) / 2.0)),
        "[a-c]{0,4}|2020-01-02".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[a-c]|metadata|kind|apiVersion|a-b", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn no_schema_and_no_object_make_anything_panic(raw in schemas(), object in objects(), old in objects()) {
        let mut findings = Findings::default();
        if supported(&raw).is_ok() {
            check::structural(&raw, &Path::at("x"), &mut findings);
        }
        if let Ok(mut schema) = build(&raw) {
            rule::attach(&mut schema, &raw);
            let mut findings = Findings::default();
            content(&schema, None, &object, None, &mut findings);
            content(&schema, None, &object, Some(&old), &mut findings);
            let mut restored = object.clone();
            decode::restore(&mut restored, &schema);
            let again = restored.clone();
            decode::restore(&mut restored, &schema);
            proptest::prop_assert_eq!(again, restored);
        }
        let mut definition = json!({
            "metadata": {"name": "things.example.com"},
            "spec": {"group": "example.com", "names": {"plural": "things", "kind": "Thing"}, "scope": "Cluster", "versions": [
                {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": raw}, "subresources": old, "selectableFields": [{"jsonPath": ".a.b"}]},
            ]},
            "status": object,
        });
        default::apply(&mut definition);
        let mut causes = Vec::new();
        validate::create(&definition, &mut causes);
        let created = causes.len();
        validate::update(&definition, &definition, Part::Object, &mut causes);
        status::update(&mut definition, [&old], "2026-01-02T03:04:05Z");
        if created == 0 {
            proptest::prop_assert!(Definition::compile(&definition["spec"]).is_ok());
        }
    }

    #[test]
    fn no_path_makes_anything_panic(path in r#"[.\[\]'"@?()*:,<>=!a-c0-9{}$ \\-]{0,20}"#, object in objects()) {
        if let Ok(path) = JsonPath::parse(&path) {
            for kind in ["string", "integer", "number", "boolean", "date"] {
                let _cell = path.cell(kind, &object, 0);
            }
        }
    }

    #[test]
    fn no_body_of_a_custom_resource_makes_anything_panic(raw in schemas(), body in "\\PC{0,20}|[{}\\[\\]\":,a-c0-9 ]{0,40}", object in objects()) {
        if let Ok(schema) = build(&raw) {
            for body in [body, object.to_string()] {
                let target = decode::Target { group: "example.com", kind: "Thing", api_version: "example.com/v1".to_owned() };
                drop(decode::read(&target, &schema, body.as_bytes(), crate::decode::FieldValidation::Warn));
            }
        }
    }
}

/// The time of a test run is no measure; that these end at all within seconds is.
#[test]
fn schemas_and_objects_that_multiply_come_to_an_end() {
    let branches: Vec<Value> = (0..2000).map(|n| json!({"pattern": format!("^{n}$")})).collect();
    let schema = build(&json!({"type": "object", "properties": {"l": {"type": "array", "items": {"type": "string", "anyOf": branches}}}})).unwrap();
    let items: Vec<Value> = (0..50_000).map(|_| Value::from("x".repeat(50))).collect();
    let mut findings = Findings::default();
    content(&schema, None, &json!({"l": items}), None, &mut findings);
    assert!(!findings.is_empty());

    let schema = build(&json!({"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string", "default": "x".repeat(100_000)}}}})).unwrap();
    let mut value = Value::Array(vec![json!({}); 100_000]);
    assert!(super::default::apply(&mut value, &schema).is_err());

    let mut deep = json!({"type": "object"});
    for _ in 0..200 {
        deep = json!({"type": "object", "properties": {"a": deep}});
    }
    assert!(build(&deep).is_err() && supported(&deep).is_err());

    let patterns: Map<String, Value> =
        (0..5000).map(|n| (format!("p{n}"), json!({"type": "string", "pattern": "[^a]{1000}"}))).collect();
    let raw = json!({"type": "object", "properties": patterns});
    assert!(build(&raw).is_err());
    let mut findings = Findings::default();
    check::structural(&raw, &Path::at("x"), &mut findings);
    assert!(!findings.is_empty());

    let wrong: Vec<Value> = (0..90_000).map(Value::from).collect();
    let schema =
        build(&json!({"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"})).unwrap();
    let mut findings = Findings::default();
    content(&schema, None, &Value::Array(wrong), None, &mut findings);
    assert!(findings.len() <= 1000);
}
