//! Holds the rules of built-in kinds to those of Kubernetes v1.36: objects, what its defaults make of them, and what its
//! validation says.

use super::{create, update};
use crate::cause::Cause;
use crate::decode::{FieldValidation, decode};
use crate::default::certificate::{Requester, set_requester, stamp_conditions};
use crate::default::{defaults, for_create, for_update};
use crate::kind::{Part, by_kind};
use crate::kinds::TOKEN_REQUEST;
use serde_json::{Value, json};

#[test]
fn defaults_and_complaints_are_those_of_upstream() {
    for line in include_str!("builtin_cases.tsv").lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let [group, name, sent, defaulted, complaints] = columns[..] else { panic!("{line}") };
        let kind = by_kind(group, "v1", name).unwrap();
        let read = |text: &str| decode(kind, text.as_bytes(), FieldValidation::Strict).unwrap().value;
        let mut object = read(sent);
        defaults(kind, &mut object);
        assert_eq!(object.to_string(), read(defaulted).to_string(), "defaults of {sent}");
        let causes = if kind.is_review() {
            let mut causes = Vec::new();
            (kind.rules.validate)(&object, &mut causes);
            causes
        } else {
            create(kind, &object)
        };
        let mut got: Vec<String> = causes.iter().map(Cause::to_string).collect();
        let mut want: Vec<String> = serde_json::from_str(complaints).unwrap();
        // The order of maps differs from run to run there.
        got.sort_unstable();
        want.sort_unstable();
        // Upstream repeats itself for each scope of a quota; an answer has each complaint once.
        want.dedup();
        assert_eq!(got, want, "{sent}");
    }
}

/// What is said about a change of an object of the table's first group, or of the group in front of the kind.
fn check_update(group: &str, name: &str, part: Part, (old, new): (Value, Value), want: &[&str]) {
    let kind = by_kind(group, "v1", name).unwrap();
    let read = |mut body: Value| {
        body["metadata"] = json!({"name": "x", "resourceVersion": "1"});
        if kind.namespaced {
            body["metadata"]["namespace"] = json!("n");
        }
        let mut object = decode(kind, body.to_string().as_bytes(), FieldValidation::Strict).unwrap().value;
        defaults(kind, &mut object);
        object
    };
    let (old, mut object) = (read(old), read(new));
    for_update(kind, part, &mut object, &old);
    let got: Vec<String> = update(kind, part, &object, &old).iter().map(Cause::to_string).collect();
    assert_eq!(got, want, "{object}");
    // What is stored is in canonical form.
    assert_eq!(decode(kind, object.to_string().as_bytes(), FieldValidation::Strict).unwrap().value, object);
}

#[test]
fn the_role_of_a_binding_stays() {
    let binding = |name: &str| json!({"roleRef": {"kind": "ClusterRole", "name": name}});
    for kind in ["RoleBinding", "ClusterRoleBinding"] {
        let group = "rbac.authorization.k8s.io";
        check_update(group, kind, Part::Object, (binding("a"), binding("a")), &[]);
        let complaint = r#"roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"b"}: cannot change roleRef"#;
        check_update(group, kind, Part::Object, (binding("a"), binding("b")), &[complaint]);
    }
}

#[test]
fn quotas_keep_their_scopes_and_their_status_has_rules() {
    let quota = |scopes: Value| json!({"spec": {"hard": {"pods": "1"}, "scopes": scopes}});
    let (two, turned) = (json!(["BestEffort", "PriorityClass"]), json!(["PriorityClass", "BestEffort"]));
    check_update("", "ResourceQuota", Part::Object, (quota(two.clone()), quota(turned)), &[]);
    let complaint = r#"spec.scopes: Invalid value: ["BestEffort"]: field is immutable"#;
    check_update("", "ResourceQuota", Part::Object, (quota(two), quota(json!(["BestEffort"]))), &[complaint]);
    let status = json!({"status": {"used": {"pods": "1500m"}}});
    let complaint = r#"status.used[pods]: Invalid value: "1500m": must be an integer"#;
    check_update("", "ResourceQuota", Part::Status, (quota(Value::Null), status), &[complaint]);
}

#[test]
fn requests_for_certificates_are_decided_and_signed_apart() {
    let group = "certificates.k8s.io";
    let request = include_str!("builtin_cases.tsv")
        .lines()
        .find_map(|line| {
            serde_json::from_str::<Value>(line.split('\t').nth(2)?)
                .ok()
                .filter(|o| o["kind"] == "CertificateSigningRequest")
        })
        .unwrap();
    let with = |status: Value| json!({"spec": request["spec"], "status": status});
    let condition = |kind: &str, reason: &str| json!({"type": kind, "status": "True", "reason": reason});
    let decided = |kind: &str| with(json!({"conditions": [condition(kind, "R")]}));
    let none = || with(json!({}));
    let check =
        |part, old, new, want: &[&str]| check_update(group, "CertificateSigningRequest", part, (old, new), want);
    check(Part::Approval, none(), decided("Approved"), &[]);
    let both = with(json!({"conditions": [condition("Approved", "R"), condition("Denied", "R")]}));
    let exclusive =
        r#"status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive"#;
    check(Part::Approval, decided("Approved"), both, &[exclusive]);
    let gone = r#"status.conditions: Forbidden: updates may not remove a condition of type "Approved""#;
    check(Part::Approval, decided("Approved"), none(), &[gone]);
    check(Part::Status, decided("Approved"), none(), &[gone]);
    let added = r#"status.conditions: Forbidden: updates may not add a condition of type "Approved""#;
    check(Part::Status, none(), decided("Approved"), &[added]);
    // A decision that is sent back changed stays as it was.
    let changed = with(json!({"conditions": [condition("Approved", "other")]}));
    check(Part::Status, decided("Approved"), changed, &[]);
    let cut =
        r#"status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block"#;
    check(Part::Status, none(), with(json!({"certificate": "eA=="})), &[cut]);
    // A write of the object changes neither spec nor status, and one of the approval no certificate.
    check(Part::Object, none(), with(json!({"certificate": "eA==", "conditions": [condition("Denied", "R")]})), &[]);
    check(Part::Approval, none(), with(json!({"certificate": "eA=="})), &[]);
}

#[test]
fn the_status_of_a_policy_is_held_to_rules() {
    let policy = |status: Value| json!({"spec": {"matchConstraints": {}}, "status": status});
    let bad = json!({
        "typeChecking": {"expressionWarnings": [{"fieldRef": " ", "warning": ""}]},
        "conditions": [
            {"type": "A", "status": "Maybe", "lastTransitionTime": null, "reason": "", "message": "", "observedGeneration": -1},
            {"type": "A", "status": "True", "lastTransitionTime": "2026-07-23T06:07:48Z", "reason": "R!", "message": ""},
        ],
    });
    let reason = "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";
    check_update(
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicy",
        Part::Status,
        (policy(json!({})), policy(bad)),
        &[
            "status.typeChecking.expressionWarnings[0].warning: Required value",
            "status.typeChecking.expressionWarnings[0].fieldRef: Required value",
            r#"status.conditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown""#,
            "status.conditions[0].observedGeneration: Invalid value: -1: must be greater than or equal to zero",
            "status.conditions[0].lastTransitionTime: Required value: must be set",
            "status.conditions[0].reason: Required value: must be set",
            r#"status.conditions[1].type: Duplicate value: "A""#,
            &format!("status.conditions[1].reason: Invalid value: \"R!\": {reason}"),
        ],
    );
}

#[test]
fn requests_for_tokens_last_an_hour_and_have_bounds() {
    let check = |seconds: Value, want: &[&str]| {
        let body = json!({"spec": {"expirationSeconds": seconds}});
        let mut request = decode(&TOKEN_REQUEST, body.to_string().as_bytes(), FieldValidation::Strict).unwrap().value;
        defaults(&TOKEN_REQUEST, &mut request);
        let mut causes = Vec::new();
        (TOKEN_REQUEST.rules.validate)(&request, &mut causes);
        assert_eq!(causes.iter().map(Cause::to_string).collect::<Vec<_>>(), want);
        request
    };
    assert_eq!(
        check(Value::Null, &[]).to_string(),
        r#"{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","metadata":{},"spec":{"audiences":null,"expirationSeconds":3600,"boundObjectRef":null},"status":{"token":"","expirationTimestamp":null}}"#
    );
    let field = "spec.expirationSeconds: Invalid value";
    check(json!(599), &[&format!("{field}: 599: may not specify a duration less than 10 minutes")]);
    check(
        json!(4_294_967_297_i64),
        &[&format!("{field}: 4294967297: may not specify a duration larger than 2^32 seconds")],
    );
}

#[test]
fn the_server_says_who_asks_and_when_it_was_decided() {
    let kind = by_kind("certificates.k8s.io", "v1", "CertificateSigningRequest").unwrap();
    let mut object = json!({"spec": {"request": "", "signerName": "a.b/c", "username": "liar", "groups": ["g"]}});
    object["metadata"] = json!({"name": "x"});
    let mut object = decode(kind, object.to_string().as_bytes(), FieldValidation::Strict).unwrap().value;
    for_create(kind, &mut object);
    let groups = ["a".to_owned()];
    set_requester(&mut object, Requester { username: "u", uid: "", groups: &groups, extra: None });
    assert_eq!(object["spec"].to_string(), r#"{"request":"","signerName":"a.b/c","username":"u","groups":["a"]}"#);
    let then = "2026-07-23T06:07:48Z";
    let old = json!({"status": {"conditions": [{"type": "A", "status": "True", "lastTransitionTime": then}]}});
    let mut new = json!({"status": {"conditions": [{"type": "A", "status": "True"}, {"type": "B", "status": "True"}]}});
    stamp_conditions(&mut new, &old, "2027-01-01T00:00:00Z");
    assert_eq!(
        new["status"]["conditions"],
        json!([
            {"type": "A", "status": "True", "lastUpdateTime": "2027-01-01T00:00:00Z", "lastTransitionTime": then},
            {"type": "B", "status": "True", "lastUpdateTime": "2027-01-01T00:00:00Z", "lastTransitionTime": "2027-01-01T00:00:00Z"},
        ])
    );
}
