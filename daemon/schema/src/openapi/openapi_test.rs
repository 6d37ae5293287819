//! Holds the tables to the published OpenAPI of Kubernetes, and the documents to what clients look for.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use super::{document, group_versions, path};
use crate::field::{TypeDescriptor, used_types};
use crate::kind::by_kind;
use crate::kinds::KINDS;
use crate::types::{core, meta};
use serde_json::Value;

/// The groups and versions of Kubernetes that are served.
const PUBLISHED: [(&str, &str); 9] = [
    ("", "v1"),
    ("events.k8s.io", "v1"),
    ("authentication.k8s.io", "v1"),
    ("authorization.k8s.io", "v1"),
    ("certificates.k8s.io", "v1"),
    ("rbac.authorization.k8s.io", "v1"),
    ("admissionregistration.k8s.io", "v1"),
    ("apiextensions.k8s.io", "v1"),
    ("coordination.k8s.io", "v1"),
];

/// The published document of a group and version; nothing, with a line that says so, where the data is absent.
fn published(group: &str, version: &str) -> Option<Value> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/openapi-v3");
    let file = root.join(format!("{}_openapi.json", path(group, version).replace('/', "__")));
    let Ok(bytes) = std::fs::read(&file) else {
        // Written to the handle itself: what a passing test prints is not shown.
        writeln!(std::io::stderr(), "skipped: {} is absent", file.file_name().unwrap().to_string_lossy()).unwrap();
        return None;
    };
    Some(serde_json::from_slice(&bytes).unwrap())
}

/// What of a property is a fact, without words and defaults.
fn facts(property: &Value) -> String {
    let mut facts = Vec::new();
    for key in [
        "type",
        "format",
        "$ref",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-patch-strategy",
        "x-kubernetes-patch-merge-key",
        "x-kubernetes-map-type",
    ] {
        if let Some(value) = property.get(key) {
            facts.push(format!("{key}={value}"));
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(value) = property.get(key) {
            facts.push(format!("{key}=({})", self::facts(value)));
        }
    }
    for value in property.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        facts.push(self::facts(value));
    }
    facts.join(" ")
}

#[test]
fn the_tables_agree_with_the_published_openapi() {
    for (group, version) in PUBLISHED {
        let Some(published) = published(group, version) else { continue };
        let ours = document(&KINDS, group, version).unwrap();
        let schemas = |document: &Value| document["components"]["schemas"].as_object().unwrap().clone();
        let theirs = schemas(&published);
        for (name, schema) in schemas(&ours) {
            let wanted = theirs.get(&name).unwrap_or_else(|| panic!("{name} is not published"));
            let properties =
                |schema: &Value| schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
            let names = |schema: &Value| properties(schema).keys().cloned().collect::<BTreeSet<_>>();
            assert_eq!(names(&schema), names(wanted), "fields of {name}");
            for (field, property) in properties(&schema) {
                assert_eq!(facts(&property), facts(&wanted["properties"][&field]), "{name}.{field}");
            }
            let required = |schema: &Value| {
                let list = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
                list.iter().map(ToString::to_string).collect::<BTreeSet<_>>()
            };
            assert_eq!(required(&schema), required(wanted), "required fields of {name}");
            assert_eq!(facts(&schema), facts(wanted), "{name}");
            if let (Some(ours), Some(theirs)) =
                (schema.get("x-kubernetes-group-version-kind"), wanted.get("x-kubernetes-group-version-kind"))
                && !name.ends_with("DeleteOptions")
            {
                assert_eq!(ours, theirs, "{name}");
            }
        }
    }
}

#[test]
fn the_operations_agree_with_the_published_openapi() {
    for (group, version) in PUBLISHED {
        let Some(published) = published(group, version) else { continue };
        let ours = document(&KINDS, group, version).unwrap();
        for (path, item) in ours["paths"].as_object().unwrap() {
            let wanted = &published["paths"][path];
            for method in ["get", "put", "post", "patch", "delete"] {
                assert_eq!(item.get(method).is_some(), wanted.get(method).is_some(), "{method} {path}");
                for key in ["operationId", "x-kubernetes-action", "x-kubernetes-group-version-kind", "tags"] {
                    assert_eq!(item[method].get(key), wanted[method].get(key), "{key} of {method} {path}");
                }
            }
        }
    }
}

#[test]
fn clients_find_what_they_look_for() {
    assert_eq!(group_versions(KINDS.iter()).len(), PUBLISHED.len() + 2);
    assert!(document(&KINDS, "apps", "v1").is_none());
    for kind in KINDS.iter().filter(|kind| !kind.is_review()) {
        let document = document(&KINDS, &kind.group, &kind.version).unwrap();
        let base = format!("/{}", path(&kind.group, &kind.version));
        let scope = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
        let patch = &document["paths"][format!("{base}{scope}/{}/{{name}}", kind.plural)]["patch"];
        // kubectl validates on the server when it finds this parameter.
        let parameters = patch["parameters"].as_array().unwrap();
        assert!(parameters.iter().any(|parameter| parameter["name"] == "fieldValidation"), "{}", kind.kind);
        assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], *kind.kind);
        // kubectl sends strategic merge patches where they are listed.
        let strategic = patch["requestBody"]["content"].get("application/strategic-merge-patch+json");
        assert_eq!(strategic.is_some(), kind.strategic_patch, "{}", kind.kind);
        // Every reference leads somewhere.
        let text = document.to_string();
        for part in text.split("\"#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some_and(Value::is_object), "{name}");
        }
    }
}

#[test]
fn the_table_of_kinds_holds_together() {
    for kind in KINDS.iter() {
        assert!(!kind.plural.is_empty() && !kind.singular.is_empty() && !kind.columns.is_empty(), "{}", kind.kind);
        assert_eq!(by_kind(&kind.group, &kind.version, &kind.kind).unwrap().plural, kind.plural);
        assert_eq!((&kind.stored().group, &kind.stored().plural), (&kind.storage.0, &kind.storage.1), "{}", kind.kind);
        for (part, fields) in kind.keeps {
            assert!(part.segment().is_none() || kind.subresources.contains(part));
            assert!(fields.iter().all(|field| kind.descriptor().unwrap().field(field).is_some()), "{}", kind.kind);
        }
        check_type(kind.descriptor().unwrap());
    }
    for descriptor in [&meta::STATUS, &meta::DELETE_OPTIONS, &meta::LABEL_SELECTOR, &core::OBJECT_REFERENCE] {
        check_type(descriptor);
    }
}

/// The decoder counts on at most 64 fields and on names that differ.
fn check_type(descriptor: &'static TypeDescriptor) {
    for descriptor in used_types(descriptor) {
        assert!(descriptor.fields.len() <= 64, "{}", descriptor.name);
        let names: BTreeSet<&str> = descriptor.fields.iter().map(|field| field.name).collect();
        assert_eq!(names.len(), descriptor.fields.len(), "{}", descriptor.name);
        for field in descriptor.fields {
            assert!(!field.doc.is_empty(), "{}.{}", descriptor.name, field.name);
        }
    }
}
