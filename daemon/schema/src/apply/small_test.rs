//! Rules beside the histories of writes: times, names, the cap of the annotation, scales.

use serde_json::{Map, Value, json};

use super::{Force, OneVersion, Scaled, Set, Shape, Writer, fields, ignored, keep_times, last_applied, name};
use crate::cause::Cause;
use crate::decode::{FieldValidation, redecode};
use crate::kind::{Part, by_kind};

#[test]
fn a_write_that_changes_only_times_changes_nothing() {
    let entry = |manager: &str, time: &str| {
        json!({"manager": manager, "operation": "Update", "apiVersion": "v1", "time": time, "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:k": {}}}})
    };
    let object = |entries: Value, value: &str| json!({"metadata": {"name": "n", "managedFields": entries}, "data": {"k": value}});
    let old = object(json!([entry("a", "1"), entry("b", "2")]), "v");
    for (new, kept) in [
        (object(json!([entry("a", "1"), entry("b", "2")]), "v"), true),
        (object(json!([entry("a", "1"), entry("b", "3")]), "v"), true),
        (object(json!([entry("a", "1"), entry("b", "3")]), "w"), false),
        (object(json!([entry("a", "1"), entry("c", "3")]), "v"), false),
        (object(json!([entry("a", "1")]), "v"), false),
        (object(json!([entry("b", "2"), entry("a", "3")]), "v"), false),
    ] {
        let mut got = new.clone();
        keep_times(&old, &mut got);
        assert_eq!(got == old, kept, "{new}");
        assert!(kept || got == new);
    }
    let mut bare = json!({"metadata": {}});
    keep_times(&bare.clone(), &mut bare);
    assert_eq!(bare, json!({"metadata": {}}));
}

#[test]
fn a_manager_without_a_name_is_called_as_its_client() {
    let long = "é".repeat(100);
    for (parameter, user_agent, want) in [
        ("given", "kubectl/v1.36", "given"),
        ("", "kubectl/v1.36.0 (linux/amd64)", "kubectl"),
        ("", "", ""),
        ("", "/x", ""),
        ("", "a\u{7}b\tc é/1", "abc é"),
        ("", &format!("x{long}/1"), &format!("x{}", "é".repeat(63))),
    ] {
        assert_eq!(name::manager(parameter, user_agent), want, "{user_agent}");
    }
}

#[test]
fn names_of_managers_are_short_and_printable() {
    let check = |manager: &str| {
        let mut causes = Vec::new();
        name::validate(manager, "fieldManager", &mut causes);
        causes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(check("kubectl-é 1"), [""; 0]);
    assert_eq!(check(&"x".repeat(129)), ["fieldManager: Too long: may not be more than 128 bytes"]);
    assert_eq!(
        check("a\tb\u{200b}"),
        [
            "fieldManager: Invalid value: \"a\\tb\\u200b\": invalid character U+0009 (at position 1)",
            "fieldManager: Invalid value: \"a\\tb\\u200b\": invalid character U+200B (at position 3)",
        ]
    );
    assert_eq!(check(&"\u{1}".repeat(128)).len(), 100);
}

#[test]
fn entries_are_held_to_the_rules_of_metadata() {
    let entries = json!([
        {"manager": "m", "operation": "Apply"},
        {"manager": "a\n", "operation": "Nope", "fieldsType": "V2", "subresource": "x".repeat(257)},
    ]);
    let mut causes = Vec::new();
    name::validate_entries(&json!({"metadata": {"managedFields": entries}}), &mut causes);
    let texts: Vec<_> = causes.iter().map(Cause::to_string).collect();
    assert_eq!(
        texts,
        [
            "metadata.managedFields[1].operation: Invalid value: \"Nope\": must be `Apply` or `Update`",
            "metadata.managedFields[1].fieldsType: Invalid value: \"V2\": must be `FieldsV1`",
            "metadata.managedFields[1].manager: Invalid value: \"a\\n\": invalid character U+000A (at position 1)",
            "metadata.managedFields[1].subresource: Too long: may not be more than 256 bytes",
        ]
    );
}

#[test]
fn a_client_can_ask_to_forget_all_managers() {
    let kind = by_kind("", "v1", "ConfigMap").unwrap();
    let shape = Shape::from(&kind.shape);
    let none = Set::new();
    let writer = Writer {
        shape,
        api_version: "v1",
        kind: "ConfigMap",
        manager: "m",
        subresource: "",
        now: "2020-01-01T00:00:00Z",
        ignored: &none,
        versions: &OneVersion { api_version: "v1", shape },
    };
    let mut live = json!({"metadata": {"name": "n"}, "data": {"k": "v"}});
    writer.update(None, &mut live).unwrap();
    live["metadata"]["uid"] = json!("u");
    for (given, forgotten) in [(json!([]), true), (json!([{}]), true), (json!(null), false)] {
        let mut body = live.clone();
        body["metadata"]["managedFields"] = given;
        let mut new = redecode(kind, &body, FieldValidation::Strict).unwrap().value;
        writer.update(Some(&live), &mut new).unwrap();
        assert_eq!(new["metadata"].get("managedFields").is_none(), forgotten, "{body}");
    }
}

#[test]
fn a_part_of_an_object_does_not_own_the_others() {
    for (group, version, name, part, want) in [
        ("", "v1", "ConfigMap", Part::Object, json!({})),
        ("", "v1", "Namespace", Part::Object, json!({"f:status": {}})),
        ("", "v1", "Namespace", Part::Status, json!({"f:spec": {}})),
        ("", "v1", "Namespace", Part::Finalize, json!({"f:status": {}})),
        ("certificates.k8s.io", "v1", "CertificateSigningRequest", Part::Object, json!({"f:spec": {}, "f:status": {}})),
        (
            "certificates.k8s.io",
            "v1",
            "CertificateSigningRequest",
            Part::Approval,
            json!({"f:spec": {}, "f:status": {"f:certificate": {}}}),
        ),
        (
            "admissionregistration.k8s.io",
            "v1",
            "ValidatingAdmissionPolicy",
            Part::Status,
            json!({"f:metadata": {}, "f:spec": {}}),
        ),
    ] {
        let kind = by_kind(group, version, name).unwrap();
        assert_eq!(fields::encode(&ignored(kind, part)), want, "{name} {part:?}");
    }
}

#[test]
fn the_annotation_goes_when_it_is_too_large() {
    let key = "kubectl.kubernetes.io/last-applied-configuration";
    let mut object = json!({"metadata": {"annotations": {key: "{}", "other": "x"}}});
    last_applied::renew(&mut object, &json!({"metadata": {"annotations": {key: "old"}}, "data": {"k": 1.0}}));
    let text = "{\"data\":{\"k\":1},\"metadata\":{\"annotations\":{}}}\n";
    assert_eq!(object["metadata"]["annotations"], json!({key: text, "other": "x"}));
    last_applied::renew(&mut object, &json!({"data": "x".repeat(256 << 10)}));
    assert_eq!(object["metadata"]["annotations"], json!({"other": "x"}));
}

#[test]
fn owners_of_a_count_own_it_in_the_scale_as_upstream_says() {
    for line in include_str!("scale.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let scaled = Scaled {
            entries: Some(&case["entries"]),
            api_version: case["at"].as_str().unwrap(),
            paths: &[("apps/v1", &["spec", "replicas"]), ("apps/v2", &["spec", "selector"]), ("none/v1", &[])],
        };
        assert_eq!(scaled.to_scale().unwrap().unwrap_or_default(), case["scale"], "{line}");
        assert_eq!(scaled.to_object(Some(&case["written"])).unwrap().unwrap_or_default(), case["object"], "{line}");
    }
}

#[test]
fn a_hostile_amount_of_managers_is_worked_off() {
    let kind = by_kind("", "v1", "ConfigMap").unwrap();
    let shape = Shape::from(&kind.shape);
    let none = Set::new();
    let writer = Writer {
        shape,
        api_version: "v1",
        kind: "ConfigMap",
        manager: "m",
        subresource: "",
        now: "2020-01-01T00:00:00Z",
        ignored: &none,
        versions: &OneVersion { api_version: "v1", shape },
    };
    let data = |value: &str| (0..5000).rev().map(|key| (key.to_string(), json!(value))).collect::<Map<_, _>>();
    let entry = |operation: &str, number: usize| {
        json!({"manager": format!("m{number}"), "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {format!("f:{number}"): {}, format!("f:x{number}"): {}}}})
    };
    let entries = |operation| (0..5000).map(|number| entry(operation, number)).collect::<Vec<_>>();
    let live = json!({"metadata": {"name": "n", "uid": "u", "managedFields": entries("Apply")}, "data": data("a")});
    let mut new = json!({"metadata": {"name": "n", "uid": "u"}, "data": data("b")});
    writer.update(Some(&live), &mut new).unwrap();
    assert_eq!(new["metadata"]["managedFields"].as_array().unwrap().len(), 5001);
    new["metadata"]["managedFields"] = json!(entries("Update"));
    writer.update(Some(&live), &mut new).unwrap();
    assert_eq!(new["metadata"]["managedFields"].as_array().unwrap().len(), 10);
    let applied = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "n"}, "data": data("c")});
    assert!(writer.apply(Some(&live), &applied, Force::No).is_err());
    let made = writer.apply(Some(&live), &applied, Force::Yes).unwrap();
    let applied = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "n"}});
    writer.apply(Some(&made), &applied, Force::No).unwrap();
}
