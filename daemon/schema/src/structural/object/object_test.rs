use super::content;
use crate::structural::build::build;
use crate::structural::object_meta::{Malformed, coerce};
use crate::structural::prune::{Root, Unknown, prune_telling};
use crate::structural::words::Findings;
use crate::structural::{default, format::Check, format::Format, jsonpath::JsonPath, rule};
use serde_json::{Value, json};

/// What upstream's packages answer for our schemas and objects, one schema a line.
const CASES: &str = include_str!("../cases/cases.jsonl");

fn groups(kind: &str) -> impl Iterator<Item = Value> {
    let lines = CASES.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(move |group| group["kind"] == kind)
}

fn tries(group: &Value) -> impl Iterator<Item = &Value> {
    group["tries"].as_array().unwrap().iter()
}

fn texts(findings: Findings) -> Vec<String> {
    let mut texts: Vec<String> =
        findings.into_causes().iter().map(|cause| format!("{}|{cause}", cause.reason.as_str())).collect();
    texts.sort();
    texts
}

fn wanted(one: &Value) -> Vec<String> {
    let mut texts: Vec<String> =
        one["want"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    texts.sort();
    texts
}

#[test]
fn objects_are_refused_in_the_words_of_upstream() {
    let (mut count, mut wrong) = (0, Vec::new());
    for group in groups("object") {
        let mut schema = build(&group["schema"]).unwrap();
        rule::attach(&mut schema, &group["schema"]);
        for one in tries(&group) {
            let mut findings = Findings::default();
            content(&schema, None, &one["object"], one.get("old"), &mut findings);
            let (got, want) = (texts(findings), wanted(one));
            count += 1;
            if got != want {
                wrong.push(format!(
                    "{}\n  {}\n  {}\n  got  {got:#?}\n  want {want:#?}",
                    group["name"], group["schema"], one["object"]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 300, "{count}");
}

#[test]
fn objects_are_pruned_and_defaulted_as_upstream_does() {
    for group in groups("decode") {
        let schema = build(&group["schema"]).unwrap();
        for one in tries(&group) {
            let mut value = one["object"].clone();
            crate::decode::canonical_json(&mut value);
            let mut pruned = Unknown::wanted();
            prune_telling(&mut value, &schema, Root::Resource, &mut pruned);
            default::prune_nulls(&mut value, &schema);
            let mut embedded = Unknown::wanted();
            if let Err(cause) = coerce(&mut value, &schema, Root::Value, Malformed::Refuse, &mut embedded) {
                assert_eq!(json!(cause.to_string()), one["want"], "{}", one["object"]);
                continue;
            }
            default::apply(&mut value, &schema).unwrap();
            assert_eq!(value.to_string(), one["want"].to_string(), "{}", one["object"]);
            let mut unknown = pruned.into_sorted();
            unknown.extend(embedded.into_sorted());
            assert_eq!(json!(unknown), one.get("unknown").cloned().unwrap_or(json!([])), "{}", one["object"]);
        }
    }
}

#[test]
fn formats_are_those_of_upstream() {
    let mut wrong = Vec::new();
    for group in groups("format") {
        let name = group["type"].as_str().unwrap();
        let Check::Text(check) = Format::known(name, None).unwrap().check else { panic!("{name}") };
        for one in tries(&group) {
            let text = one["text"].as_str().unwrap();
            if json!(check(text)) != one["want"] {
                wrong.push(format!("{name} {text:?} {}", one["want"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cells_are_those_of_upstream() {
    let mut wrong = Vec::new();
    for group in groups("cell") {
        for one in tries(&group) {
            let path = one["text"].as_str().unwrap();
            let got = match JsonPath::parse(path) {
                Err(_) => json!({"error": format!("unrecognized column definition {}", crate::cause::quote(path))}),
                Ok(parsed) => parsed.cell(one["type"].as_str().unwrap(), &group["object"], 0),
            };
            if got != one["want"] {
                wrong.push(format!("{path} as {}: got {got}, want {}", one["type"], one["want"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
