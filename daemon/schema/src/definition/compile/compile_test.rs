use std::path::{Path, PathBuf};

use super::{Conversion, Definition};
use crate::decode::{FieldValidation, decode};
use crate::definition::{default, status, validate};
use crate::kind::by_kind;
use crate::structural::decode::restore;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value, json};

/// Definitions that people apply, when they are there.
const DEFINITIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/crds");

/// Reads YAML documents as generated definitions use them: no anchors, no tags.
fn documents(text: &str) -> Vec<Value> {
    let mut parser = Parser::new_from_str(text);
    let mut documents = Vec::new();
    while let Some(Ok((event, _))) = parser.next() {
        if matches!(event, Event::DocumentStart(..)) {
            let (event, _) = parser.next().unwrap().unwrap();
            documents.push(node(event, &mut parser));
        }
    }
    documents
}

fn node<'i>(event: Event<'i>, parser: &mut Parser<'i, saphyr_parser::StrInput<'i>>) -> Value {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) => match text.as_ref() {
            "" | "null" | "~" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            text => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(integer), _) => Value::from(integer),
                (_, Ok(float)) if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => Value::from(float),
                _ => Value::from(text),
            },
        },
        Event::Scalar(text, ..) => Value::from(text.as_ref()),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                let (event, _) = parser.next().unwrap().unwrap();
                if event == Event::SequenceEnd {
                    return Value::Array(items);
                }
                items.push(node(event, parser));
            }
        }
        Event::MappingStart(..) => {
            let mut map = Map::new();
            loop {
                let (event, _) = parser.next().unwrap().unwrap();
                if event == Event::MappingEnd {
                    return Value::Object(map);
                }
                let key = node(event, parser);
                let (event, _) = parser.next().unwrap().unwrap();
                map.insert(key.as_str().map_or_else(|| key.to_string(), str::to_owned), node(event, parser));
            }
        }
        other => panic!("{other:?}"),
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn definitions_that_people_apply_are_accepted_and_compile() {
    let folder = Path::new(DEFINITIONS);
    if !folder.exists() {
        println!("skipped: no definitions at {}", folder.display());
        return;
    }
    let mut paths = Vec::new();
    files(folder, &mut paths);
    paths.sort();
    let kind = by_kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition").unwrap();
    let (mut count, mut rules) = (0, 0);
    for path in paths {
        for document in documents(&std::fs::read_to_string(&path).unwrap()) {
            if document["kind"] != "CustomResourceDefinition" {
                continue;
            }
            let name = path.display();
            let body = document.to_string();
            let mut definition = decode(kind, body.as_bytes(), FieldValidation::Warn)
                .unwrap_or_else(|error| panic!("{name}: {error}"))
                .value;
            default::apply(&mut definition);
            status::begin(&mut definition);
            let mut causes = Vec::new();
            validate::create(&definition, &mut causes);
            assert_eq!(causes, [], "{name}");
            status::update(&mut definition, &[], "2026-01-02T03:04:05Z");
            assert!(status::is_true(&definition, status::ESTABLISHED), "{name}");
            let compiled = Definition::compile(&definition["spec"]).unwrap();
            assert!(compiled.storage().is_some(), "{name}");
            for version in &compiled.versions {
                rules += usize::from(version.schema.rules_inside);
                let mut object = json!({"metadata": {"name": "x"}, "spec": {}, "unknown": 1});
                restore(&mut object, &version.schema);
                assert!(object.get("unknown").is_none() || version.schema.preserve_unknown_fields, "{name}");
            }
            count += 1;
        }
    }
    assert!(count > 40 && rules > 10, "{count} definitions, {rules} versions with rules");
}

#[test]
fn a_definition_is_compiled_with_all_that_serving_needs() {
    let compiled = Definition::compile(&json!({
        "group": "example.com", "scope": "Namespaced",
        "names": {"plural": "things", "singular": "thing", "shortNames": ["th"], "kind": "Thing", "listKind": "ThingList", "categories": ["all"]},
        "conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"url": "https://x"}, "conversionReviewVersions": ["v1"]}},
        "versions": [
            {
                "name": "v1beta1", "served": true, "storage": false, "deprecated": true,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            },
            {
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {"color": {"type": "string"}}}}}},
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
                "additionalPrinterColumns": [{"name": "Color", "type": "string", "jsonPath": ".spec.color", "priority": 1}],
                "selectableFields": [{"jsonPath": ".spec.color"}],
            },
            {"name": "v2", "served": false, "storage": false, "schema": {"openAPIV3Schema": {"type": "object"}}},
        ],
    }))
    .unwrap();
    let [old, new, _] = compiled.versions.as_slice() else { panic!() };
    assert_eq!(old.deprecation.as_deref(), Some("example.com/v1beta1 Thing is deprecated; use example.com/v1 Thing"));
    assert_eq!((old.columns.len(), old.columns[0].name.as_str()), (1, "Age"));
    assert!(new.has_status && new.deprecation.is_none() && compiled.namespaced);
    assert_eq!(new.scale.as_ref().unwrap().spec_replicas, ["spec", "replicas"]);
    assert_eq!(new.selectable[0].label, "spec.color");
    let object = json!({"spec": {"color": "blue"}});
    assert_eq!(new.columns[0].path.cell("string", &object, 0), "blue");
    assert_eq!(compiled.storage().unwrap().name, "v1");
    assert!(matches!(compiled.conversion, Conversion::Webhook { .. }));
}
