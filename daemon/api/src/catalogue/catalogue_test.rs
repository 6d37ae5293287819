//! Holds what is told of custom kinds.

use std::sync::Arc;

use hanse_schema::kind::{Custom, Kind, NameRule, Part, SchemaText, Selectable, Shape, Verb};
use hanse_schema::kinds::KINDS;
use hanse_schema::structural::schema::Schema;
use serde_json::{Value, json};

use super::{Catalogue, Defined};
use crate::body::Answer;
use crate::{discovery, openapi};

const ALL: &[Verb] = &[
    Verb::Create,
    Verb::Delete,
    Verb::DeleteCollection,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Update,
    Verb::Watch,
];

/// A kind of `<plural>.<group>`, stored as `v1`, whose content the number stands for.
fn defined(group: &'static str, version: &'static str, plural: &str, content: u8) -> Defined {
    let custom = Custom {
        schema: Arc::new(Schema::default()),
        document: SchemaText::of(&json!({"type": "object", "properties": {
            "spec": {"type": "object", "description": content.to_string()},
            "all": everything(),
        }})),
        storage_version: format!("{group}/v1").into(),
        conversion: None,
    };
    let kind = Kind {
        group: group.into(),
        version: version.into(),
        kind: format!("K{plural}").into(),
        list_kind: format!("K{plural}List").into(),
        plural: plural.to_owned().into(),
        singular: format!("one-{plural}").into(),
        short_names: vec!["sh".into()],
        categories: vec!["all".into()],
        namespaced: true,
        subresources: vec![Part::Status, Part::Scale],
        verbs: ALL,
        shape: Shape::Structural(Arc::new(custom)),
        name_rule: NameRule::DnsSubdomain,
        columns: Vec::new(),
        selectable: Selectable::Metadata,
        storage: (group.into(), plural.to_owned().into()),
        keeps: &[],
        standard_finalizers: true,
        generation: true,
        strategic_patch: false,
        create_on_update: false,
        unconditional_update: false,
        scale: None,
        deprecation: None,
        rules: KINDS[0].rules,
    };
    Defined { kind: Arc::new(kind), digest: [content; 32] }
}

/// A schema with every word that a definition can use.
fn everything() -> Value {
    json!({
        "type": "object", "title": "t", "nullable": true, "default": {"text": "x"}, "example": {"a": [1, "b"]},
        "externalDocs": {"description": "d", "url": "https://example.com"},
        "minProperties": 1, "maxProperties": 20, "required": ["text"],
        "x-kubernetes-map-type": "granular", "x-kubernetes-validations": [{"rule": "self.text != ''", "message": "m"}],
        "oneOf": [{"required": ["number"]}, {"required": ["list"]}], "not": {"required": ["never"]},
        "properties": {
            "text": {"type": "string", "format": "date", "pattern": "^[a-z]+$", "minLength": 1, "maxLength": 9,
                "enum": ["a", "b", null], "default": "a"},
            "number": {"type": "number", "minimum": 0.5, "maximum": 10, "exclusiveMinimum": true, "exclusiveMaximum": true,
                "multipleOf": 0.25, "default": 1.5, "enum": [1, 2.5]},
            "whole": {"type": "integer", "format": "int64", "default": 7},
            "flag": {"type": "boolean", "default": false},
            "list": {"type": "array", "minItems": 1, "maxItems": 3, "uniqueItems": false, "default": ["x"],
                "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
            "keyed": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
                "items": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}}}},
            "map": {"type": "object", "additionalProperties": {"type": "integer", "format": "int32"}},
            "open": {"type": "object", "additionalProperties": true},
            "any": {"x-kubernetes-preserve-unknown-fields": true},
            "either": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
            "object": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true},
            "x-field": {"type": "string"}, "default": {"type": "string"}, "$ref": {"type": "string"},
        },
    })
}

fn json(answer: Answer) -> Value {
    serde_json::from_slice(&answer.into_body().into_bytes().unwrap()).unwrap()
}

fn discovered(catalogue: &Catalogue, place: discovery::Place<'_>) -> Value {
    json(catalogue.discovery(place, None, None).unwrap())
}

fn opened(catalogue: &Catalogue, place: openapi::Place<'_>) -> Value {
    json(catalogue.openapi(place, "", None, None).unwrap())
}

fn hash(catalogue: &Catalogue, path: &str) -> String {
    let index = opened(catalogue, openapi::Place::Index);
    index["paths"][path]["serverRelativeURL"].as_str().unwrap().split_once("hash=").unwrap().1.to_owned()
}

#[test]
fn custom_kinds_stand_behind_the_built_in_ones() {
    let catalogue = Catalogue::new(&[
        defined("zoo.example.com", "v1beta1", "cats", 1),
        defined("zoo.example.com", "v1", "cats", 1),
        defined("zoo.example.com", "v1", "ants", 2),
        defined("art.example.com", "v1", "cats", 3),
    ]);
    let groups = discovered(&catalogue, discovery::Place::Groups);
    let names: Vec<&str> = groups["groups"].as_array().unwrap().iter().map(|g| g["name"].as_str().unwrap()).collect();
    assert_eq!(names[0], "events.k8s.io");
    let place = |name: &str| names.iter().position(|own| *own == name).unwrap();
    assert!(place("coordination.k8s.io") < place("art.example.com"));
    assert_eq!(place("zoo.example.com"), names.len() - 1);
    let group = discovered(&catalogue, discovery::Place::Group("zoo.example.com"));
    assert_eq!(group["preferredVersion"], json!({"groupVersion": "zoo.example.com/v1", "version": "v1"}));
    assert_eq!(group["versions"][1]["version"], "v1beta1");
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let all = catalogue.discovery(discovery::Place::Groups, Some(accept.as_bytes()), None).unwrap();
    let all = json(all);
    let zoo = all["items"].as_array().unwrap().last().unwrap();
    let resources = zoo["versions"][0]["resources"].as_array().unwrap();
    assert_eq!((&resources[0]["resource"], &resources[1]["resource"]), (&json!("ants"), &json!("cats")));
    let kind = json!({"group": "zoo.example.com", "version": "v1", "kind": "Kcats"});
    let expected = json!({
        "resource": "cats", "responseKind": kind, "scope": "Namespaced", "singularResource": "one-cats",
        "verbs": ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
        "shortNames": ["sh"], "categories": ["all"],
        "subresources": [
            {"subresource": "scale", "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
             "verbs": ["get", "patch", "update"]},
            {"subresource": "status", "responseKind": kind, "verbs": ["get", "patch", "update"]},
        ],
    });
    assert_eq!(resources[1], expected);
}

#[test]
fn each_version_lists_its_resources_and_their_subresources() {
    let catalogue = Catalogue::new(&[
        defined("a.io", "v1", "cats", 1),
        defined("a.io", "v2", "cats", 1),
        defined("a.io", "v2", "ants", 1),
    ]);
    let list = discovered(&catalogue, discovery::Place::Version("a.io", "v2"));
    let names: Vec<&Value> = list["resources"].as_array().unwrap().iter().map(|resource| &resource["name"]).collect();
    assert_eq!(names, ["ants", "ants/scale", "ants/status", "cats", "cats/scale", "cats/status"]);
    let scale = json!({"name": "cats/scale", "singularName": "", "namespaced": true, "group": "autoscaling",
        "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"]});
    assert_eq!(list["resources"][4], scale);
    // The stored version is the same whichever version is looked at.
    let older = discovered(&catalogue, discovery::Place::Version("a.io", "v1"));
    assert_eq!(older["resources"][0]["storageVersionHash"], list["resources"][3]["storageVersionHash"]);
    assert_eq!(catalogue.discovery(discovery::Place::Version("a.io", "v3"), None, None).unwrap_err().code(), 404);
}

#[test]
fn a_hash_changes_with_the_kinds_of_its_version_only() {
    let before = Catalogue::new(&[defined("a.io", "v1", "cats", 1), defined("b.io", "v1", "cats", 1)]);
    let same = Catalogue::new(&[defined("b.io", "v1", "cats", 1), defined("a.io", "v1", "cats", 1)]);
    let after = Catalogue::new(&[defined("a.io", "v1", "cats", 2), defined("b.io", "v1", "cats", 1)]);
    let more = Catalogue::new(&[
        defined("a.io", "v1", "cats", 1),
        defined("a.io", "v1", "ants", 1),
        defined("b.io", "v1", "cats", 1),
    ]);
    let hashes = |catalogue: &Catalogue| [hash(catalogue, "apis/a.io/v1"), hash(catalogue, "apis/b.io/v1")];
    assert_eq!(hashes(&before), hashes(&same));
    assert_ne!(hashes(&before)[0], hashes(&after)[0]);
    assert_ne!(hashes(&before)[0], hashes(&more)[0]);
    for other in [&after, &more] {
        assert_eq!(hashes(&before)[1], hashes(other)[1]);
        assert_eq!(hash(&before, "api/v1"), hash(other, "api/v1"));
    }
    let document = opened(&after, openapi::Place::Document("apis/a.io/v1", Some(&hashes(&after)[0])));
    assert_eq!(document["components"]["schemas"]["io.a.v1.Kcats"]["properties"]["spec"]["description"], "2");
}

/// A client that kept the hash of one content is never given another under it.
#[test]
fn what_a_definition_serves_is_part_of_the_hash() {
    let kind = defined("a.io", "v1", "cats", 1);
    let mut less = Arc::try_unwrap(defined("a.io", "v1", "cats", 1).kind).unwrap();
    less.verbs = &[Verb::Delete, Verb::Get, Verb::List, Verb::Watch];
    let less = Defined { kind: Arc::new(less), digest: kind.digest };
    let path = "apis/a.io/v1";
    assert_ne!(hash(&Catalogue::new(&[kind]), path), hash(&Catalogue::new(&[less]), path));
}

#[test]
fn a_kind_may_join_a_group_of_the_system_but_not_take_a_place_there() {
    let catalogue = Catalogue::new(&[defined("", "v1", "pods", 1), defined("", "v1", "configmaps", 1)]);
    let list = discovered(&catalogue, discovery::Place::Version("", "v1"));
    let kinds: Vec<&Value> = list["resources"].as_array().unwrap().iter().map(|resource| &resource["kind"]).collect();
    assert!(kinds.contains(&&json!("Kpods")) && kinds.contains(&&json!("ConfigMap")));
    assert!(!kinds.contains(&&json!("Kconfigmaps")));
    let document = opened(&catalogue, openapi::Place::Document("api/v1", None));
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/api/v1/namespaces/{namespace}/pods/{name}/scale"));
    assert_eq!(paths["/api/v1/configmaps"]["get"]["x-kubernetes-group-version-kind"]["kind"], "ConfigMap");
}

#[test]
fn v2_holds_built_in_and_custom_kinds() {
    let catalogue = Catalogue::new(&[defined("a.io", "v1", "cats", 1), defined("b.io", "v1", "cats", 1)]);
    let document = opened(&catalogue, openapi::Place::V2);
    for name in ["io.k8s.api.core.v1.ConfigMap", "io.a.v1.Kcats", "io.b.v1.KcatsList"] {
        assert!(document["definitions"][name].is_object(), "{name}");
    }
    for path in ["/api/v1/configmaps", "/apis/a.io/v1/cats", "/apis/b.io/v1/namespaces/{namespace}/cats/{name}/scale"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    // A second one with the same kinds has the same tag.
    let tag = |kinds: &[Defined]| {
        let answer = Catalogue::new(kinds).openapi(openapi::Place::V2, "", None, None).unwrap();
        answer.headers()["etag"].clone()
    };
    let (cats, dogs) = (defined("a.io", "v1", "cats", 1), defined("a.io", "v1", "dogs", 1));
    assert_eq!(tag(&[cats.clone(), dogs.clone()]), tag(&[dogs, cats.clone()]));
    assert_ne!(tag(&[cats]), tag(&[]));
}
