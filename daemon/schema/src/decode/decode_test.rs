use super::{DecodeError, FieldValidation, decode, decode_type, redecode};
use crate::json::DEPTH_MAX;
use crate::kind::{Kind, by_kind};
use crate::kinds::KINDS;
use crate::types::meta;
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use serde_json::{Value, json};

fn kind(group: &str, name: &str) -> &'static Kind {
    by_kind(group, if group.ends_with("kcp.io") { "v1alpha1" } else { "v1" }, name).unwrap()
}

/// What Go's decoder and encoder make of these, but for null times behind a pointer, which are left out here.
#[test]
fn objects_come_out_in_canonical_form() {
    for &(group, name, body, want) in CANONICAL {
        let decoded = decode(kind(group, name), body.as_bytes(), FieldValidation::Strict).unwrap();
        assert_eq!(decoded.value.to_string(), want, "{body}");
        let again = redecode(kind(group, name), &decoded.value, FieldValidation::Strict).unwrap();
        assert_eq!(again.value.to_string(), want, "{body} again");
    }
}

#[test]
fn bad_bodies_are_refused_in_the_words_of_kubernetes() {
    for &(group, name, body, want) in REFUSED {
        let error = decode(kind(group, name), body.as_bytes(), FieldValidation::Strict).unwrap_err();
        assert_eq!(error.to_string(), want, "{body}");
    }
}

#[test]
fn unknown_and_duplicate_fields_are_ignored_told_or_refused() {
    let body = br#"{"spec":{"foo":1},"data":{"a":"1","a":"2"},"metadata":{"name":"n"}}"#;
    let config_map = kind("", "ConfigMap");
    let ignored = decode(config_map, body, FieldValidation::Ignore).unwrap();
    assert_eq!(ignored.warnings, Vec::<String>::new());
    let told = decode(config_map, body, FieldValidation::Warn).unwrap();
    assert_eq!(told.warnings, [r#"unknown field "spec""#, r#"duplicate field "data.a""#]);
    assert_eq!(told.value, ignored.value);
    let refused = decode(config_map, body, FieldValidation::Strict).unwrap_err();
    assert!(matches!(refused, DecodeError::Strict(_)));
    let many: String = (0..300).map(|n| format!(r#""f{n}":1,"#)).collect();
    let told = decode(config_map, format!(r#"{{{many}"data":{{}}}}"#).as_bytes(), FieldValidation::Warn).unwrap();
    assert_eq!(told.warnings.len(), 100);
}

#[test]
fn keys_are_sorted_and_duplicates_found_among_unsorted_ones() {
    let body = br#"{"data":{"c":"1","a":"2","b":"3","c":"4"}}"#;
    let decoded = decode(kind("", "ConfigMap"), body, FieldValidation::Warn).unwrap();
    assert_eq!(decoded.value["data"].to_string(), r#"{"a":"2","b":"3","c":"4"}"#);
    assert_eq!(decoded.warnings, [r#"duplicate field "data.c""#]);
}

#[test]
fn nesting_has_a_limit() {
    for open in [r#"{"x":"#, "["] {
        let body = format!(r#"{{"x":{}"#, open.repeat(DEPTH_MAX * 1000));
        let error = decode(kind("", "ConfigMap"), body.as_bytes(), FieldValidation::Warn).unwrap_err();
        assert!(error.to_string().contains("exceeded max depth"), "{error}");
    }
}

#[test]
fn what_is_not_utf_8_is_replaced() {
    let decoded = decode(kind("", "ConfigMap"), b"{\"data\":{\"a\":\"\xff\"}}", FieldValidation::Strict).unwrap();
    assert_eq!(decoded.value["data"]["a"], "\u{fffd}");
}

#[test]
fn kcp_objects_keep_empty_values() {
    let body = r#"{"spec":{"type":{"name":"universal","path":""}},"status":{"conditions":[]}}"#;
    let decoded = decode(kind("tenancy.kcp.io", "Workspace"), body.as_bytes(), FieldValidation::Strict).unwrap();
    assert_eq!(
        decoded.value.to_string(),
        r#"{"apiVersion":"tenancy.kcp.io/v1alpha1","kind":"Workspace","spec":{"type":{"name":"universal","path":""}},"status":{"conditions":[]}}"#
    );
}

#[test]
fn options_may_be_empty() {
    assert_eq!(decode_type(&meta::DELETE_OPTIONS, b" ").unwrap(), json!({}));
    let body =
        br#"{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Orphan","preconditions":{"uid":"u"},"x":1}"#;
    let options = decode_type(&meta::DELETE_OPTIONS, body).unwrap();
    assert_eq!(options["preconditions"]["uid"], "u");
    assert!(options.get("x").is_none());
    let error = decode_type(&meta::DELETE_OPTIONS, br#"{"gracePeriodSeconds":"x"}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"DeleteOptions in version "v1" cannot be handled as a DeleteOptions: json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64"#
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        "[a-z]{0,4}",
        prop::sample::select(vec![
            "metadata",
            "data",
            "binaryData",
            "labels",
            "spec",
            "ownerReferences",
            "name",
            "kind",
            "status",
            "type"
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        proptest::strategy::Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|half| Value::from(f64::from(half) / 2.0)),
        "\\PC{0,8}".prop_map(Value::from),
        "[A-Za-z0-9+/=]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_json_is_read_or_refused_and_what_is_read_is_canonical(value in any_json(), index in 0..KINDS.len()) {
        let text = value.to_string();
        if let Ok(decoded) = decode(&KINDS[index], text.as_bytes(), FieldValidation::Warn) {
            let again = redecode(&KINDS[index], &decoded.value, FieldValidation::Strict).unwrap();
            prop_assert_eq!(again.value.to_string(), decoded.value.to_string());
        }
    }

    #[test]
    fn the_reader_agrees_with_serde_json(value in any_json(), cut in 0..200_usize, put in any::<u8>(), change in any::<bool>()) {
        let mut bytes = value.to_string().into_bytes();
        if change && !bytes.is_empty() {
            let at = cut % bytes.len();
            bytes[at] = put;
        }
        let ours = super::parse(&bytes).map(|(value, _)| value);
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(theirs) => {
                // Integers above i64 are floats here, as in Kubernetes; a mutated digit can make one.
                if let Ok(ours) = &ours {
                    prop_assert!(ours == &theirs || change, "{ours} {theirs}");
                } else {
                    prop_assert!(false, "refused {}", String::from_utf8_lossy(&bytes));
                }
            }
            // Kubernetes takes what is not UTF-8 and halves of pairs, which serde_json refuses.
            Err(_) if std::str::from_utf8(&bytes).is_ok() && !bytes.contains(&b'\\') => prop_assert!(ours.is_err()),
            Err(_) => {}
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        for kind in KINDS.iter() {
            drop(decode(kind, &bytes, FieldValidation::Strict));
        }
    }

    #[test]
    fn json_like_text_is_read_or_refused_without_panic(text in r#"[{}\[\]:,"\\ a0-9.eEutfn+-]{0,40}"#) {
        let ours = super::parse(text.as_bytes());
        let theirs = serde_json::from_str::<Value>(&text);
        if theirs.is_ok() || !text.contains('\\') && !text.contains('e') && !text.contains('E') {
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}", text);
        }
        if let Err(message) = ours {
            prop_assert!(message != "unexpected end of JSON input" || theirs.unwrap_err().is_eof(), "{}", message);
        }
    }
}

/// Group, kind, body, and what comes of it.
const CANONICAL: &[(&str, &str, &str, &str)] = &[
    (
        "",
        "ResourceQuota",
        r#"{"kind":"ResourceQuota","apiVersion":"v1","spec":{"hard":{"cpu":1,"memory":"1.5Gi","a":"100000","b":null,"c":0.1,"d":" 5 "}}}"#,
        r#"{"kind":"ResourceQuota","apiVersion":"v1","metadata":{},"spec":{"hard":{"a":"100k","b":"0","c":"100m","cpu":"1","d":"5","memory":"1536Mi"}},"status":{}}"#,
    ),
    (
        "",
        "ResourceQuota",
        r#"{"kind":"ResourceQuota","apiVersion":"v1","spec":{"hard":null}}"#,
        r#"{"kind":"ResourceQuota","apiVersion":"v1","metadata":{},"spec":{},"status":{}}"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"maximum":1.0,"minimum":1e3,"multipleOf":0.1,"maxLength":5}}}]}}"#,
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{},"spec":{"group":"","names":{"plural":"","kind":""},"scope":"","versions":[{"name":"","served":false,"storage":false,"schema":{"openAPIV3Schema":{"maximum":1,"minimum":1000,"maxLength":5,"multipleOf":0.1}}}]},"status":{"conditions":null,"acceptedNames":{"plural":"","kind":""},"storedVersions":null}}"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"additionalProperties":true,"additionalItems":false}}}]}}"#,
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{},"spec":{"group":"","names":{"plural":"","kind":""},"scope":"","versions":[{"name":"","served":false,"storage":false,"schema":{"openAPIV3Schema":{"additionalProperties":true,"additionalItems":false}}}]},"status":{"conditions":null,"acceptedNames":{"plural":"","kind":""},"storedVersions":null}}"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"additionalProperties":{}}}}]}}"#,
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{},"spec":{"group":"","names":{"plural":"","kind":""},"scope":"","versions":[{"name":"","served":false,"storage":false,"schema":{"openAPIV3Schema":{"additionalProperties":{}}}}]},"status":{"conditions":null,"acceptedNames":{"plural":"","kind":""},"storedVersions":null}}"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"additionalProperties":null}}}]}}"#,
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{},"spec":{"group":"","names":{"plural":"","kind":""},"scope":"","versions":[{"name":"","served":false,"storage":false,"schema":{"openAPIV3Schema":{}}}]},"status":{"conditions":null,"acceptedNames":{"plural":"","kind":""},"storedVersions":null}}"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"items":{}}}}]}}"#,
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{},"spec":{"group":"","names":{"plural":"","kind":""},"scope":"","versions":[{"name":"","served":false,"storage":false,"schema":{"openAPIV3Schema":{"items":{}}}}]},"status":{"conditions":null,"acceptedNames":{"plural":"","kind":""},"storedVersions":null}}"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"items":[{},{"type":"a"}]}}}]}}"#,
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{},"spec":{"group":"","names":{"plural":"","kind":""},"scope":"","versions":[{"name":"","served":false,"storage":false,"schema":{"openAPIV3Schema":{"items":[{},{"type":"a"}]}}}]},"status":{"conditions":null,"acceptedNames":{"plural":"","kind":""},"storedVersions":null}}"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"dependencies":{"b":["x"],"c":{},"a":{"type":"z"}}}}}]}}"#,
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{},"spec":{"group":"","names":{"plural":"","kind":""},"scope":"","versions":[{"name":"","served":false,"storage":false,"schema":{"openAPIV3Schema":{"dependencies":{"a":{"type":"z"},"b":["x"],"c":{}}}}}]},"status":{"conditions":null,"acceptedNames":{"plural":"","kind":""},"storedVersions":null}}"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"default":{"b":1.0,"a":[1e2,{"z":1,"y":2},1.50,123456789012]},"enum":[1,"a",{"b":1,"a":2}],"example":"x"}}}]}}"#,
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{},"spec":{"group":"","names":{"plural":"","kind":""},"scope":"","versions":[{"name":"","served":false,"storage":false,"schema":{"openAPIV3Schema":{"default":{"a":[100,{"y":2,"z":1},1.5,123456789012],"b":1},"enum":[1,"a",{"a":2,"b":1}],"example":"x"}}}]},"status":{"conditions":null,"acceptedNames":{"plural":"","kind":""},"storedVersions":null}}"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"default":null}}}]}}"#,
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{},"spec":{"group":"","names":{"plural":"","kind":""},"scope":"","versions":[{"name":"","served":false,"storage":false,"schema":{"openAPIV3Schema":{}}}]},"status":{"conditions":null,"acceptedNames":{"plural":"","kind":""},"storedVersions":null}}"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"default":false,"example":0}}}]}}"#,
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{},"spec":{"group":"","names":{"plural":"","kind":""},"scope":"","versions":[{"name":"","served":false,"storage":false,"schema":{"openAPIV3Schema":{"default":false,"example":0}}}]},"status":{"conditions":null,"acceptedNames":{"plural":"","kind":""},"storedVersions":null}}"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"items":{"foo":1,"not":{"bar":1}}}}}]}}"#,
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{},"spec":{"group":"","names":{"plural":"","kind":""},"scope":"","versions":[{"name":"","served":false,"storage":false,"schema":{"openAPIV3Schema":{"items":{"not":{}}}}}]},"status":{"conditions":null,"acceptedNames":{"plural":"","kind":""},"storedVersions":null}}"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"creationTimestamp":null}}"#,
        r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{}}"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"binaryData":{"a":"YWJj\nZA=="}}"#,
        r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{},"binaryData":{"a":"YWJjZA=="}}"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"binaryData":{"a":"ab=="}}"#,
        r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{},"binaryData":{"a":"aQ=="}}"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"binaryData":{"a":"abd="}}"#,
        r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{},"binaryData":{"a":"abc="}}"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"binaryData":{"a":null},"data":{"b":null}}"#,
        r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{},"data":{"b":""},"binaryData":{"a":""}}"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"immutable":false,"data":{}}"#,
        r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{},"immutable":false}"#,
    ),
    ("", "ConfigMap", r#"null"#, r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{}}"#),
    (
        "",
        "ConfigMap",
        r#"{"data":{"a":"\ud800","b":"\ud83d\ude00","c":"\ud800\u0041"}}"#,
        r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{},"data":{"a":"�","b":"😀","c":"�A"}}"#,
    ),
    ("", "Namespace", r#"{}"#, r#"{"kind":"Namespace","apiVersion":"v1","metadata":{},"spec":{},"status":{}}"#),
    (
        "",
        "ServiceAccount",
        r#"{"secrets":[{}],"imagePullSecrets":[{}], "automountServiceAccountToken":false}"#,
        r#"{"kind":"ServiceAccount","apiVersion":"v1","metadata":{},"secrets":[{}],"imagePullSecrets":[{}],"automountServiceAccountToken":false}"#,
    ),
    (
        "",
        "Event",
        r#"{}"#,
        r#"{"kind":"Event","apiVersion":"v1","metadata":{},"involvedObject":{},"source":{},"firstTimestamp":null,"lastTimestamp":null,"eventTime":null,"reportingComponent":"","reportingInstance":""}"#,
    ),
    (
        "events.k8s.io",
        "Event",
        r#"{"series":{}}"#,
        r#"{"kind":"Event","apiVersion":"events.k8s.io/v1","metadata":{},"eventTime":null,"series":{"count":0,"lastObservedTime":null},"regarding":{},"deprecatedSource":{},"deprecatedFirstTimestamp":null,"deprecatedLastTimestamp":null}"#,
    ),
    (
        "coordination.k8s.io",
        "Lease",
        r#"{"spec":{"renewTime":"2026-07-23T07:07:48.123456+01:00","holderIdentity":"","leaseTransitions":0,"acquireTime":"0001-01-01T00:00:00.000000Z"}}"#,
        r#"{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{},"spec":{"holderIdentity":"","renewTime":"2026-07-23T06:07:48.123456Z","leaseTransitions":0}}"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"managedFields":[{"manager":"a","time":"2026-07-23T07:07:48Z","fieldsV1":{"f:a":{}, "b":[1, 2.5]}}]}}"#,
        r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"managedFields":[{"manager":"a","time":"2026-07-23T07:07:48Z","fieldsV1":{"f:a":{},"b":[1,2.5]}}]}}"#,
    ),
];

/// Group, kind, body, and what comes of it.
const REFUSED: &[(&str, &str, &str, &str)] = &[
    (
        "",
        "ResourceQuota",
        r#"{"kind":"ResourceQuota","apiVersion":"v1","spec":{"hard":{"cpu":true}}}"#,
        r#"ResourceQuota in version "v1" cannot be handled as a ResourceQuota: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"#,
    ),
    (
        "",
        "ResourceQuota",
        r#"{"kind":"ResourceQuota","apiVersion":"v1","spec":{"hard":{"cpu":{}}}}"#,
        r#"ResourceQuota in version "v1" cannot be handled as a ResourceQuota: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"#,
    ),
    (
        "",
        "ResourceQuota",
        r#"{"kind":"ResourceQuota","apiVersion":"v1","spec":{"hard":{"cpu":"1x"}}}"#,
        r#"ResourceQuota in version "v1" cannot be handled as a ResourceQuota: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"#,
    ),
    (
        "",
        "ResourceQuota",
        r#"{"kind":"ResourceQuota","apiVersion":"v1","spec":{"hard":[]}}"#,
        r#"ResourceQuota in version "v1" cannot be handled as a ResourceQuota: json: cannot unmarshal array into Go struct field ResourceQuotaSpec.spec.hard of type v1.ResourceList"#,
    ),
    (
        "",
        "ResourceQuota",
        r#"{"kind":"ResourceQuota","apiVersion":"v1","spec":{"hard":{"cpu":[1]}}}"#,
        r#"ResourceQuota in version "v1" cannot be handled as a ResourceQuota: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"#,
    ),
    (
        "",
        "ResourceQuota",
        r#"{"kind":"ResourceQuota","apiVersion":"v1","spec":{"hard":{"cpu":"1K"}}}"#,
        r#"ResourceQuota in version "v1" cannot be handled as a ResourceQuota: unable to parse quantity's suffix"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"maxLength":1.5}}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal number 1.5 into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.maxLength of type int64"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"maximum":"x"}}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal string into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.maximum of type float64"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"maximum":1e999}}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal number 1e999 into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.maximum of type float64"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"additionalProperties":3}}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: boolean or JSON schema expected"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"additionalProperties":[]}}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: boolean or JSON schema expected"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"items":{"maxLength":"x"}}}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal string into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.items.maxLength of type int64"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"properties":{"a":{"foo":1,"items":{"x":1}}}}}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: strict decoding error: unknown field "spec.versions[0].schema.openAPIV3Schema.properties.a.foo""#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"items":{"properties":{"a":{"type":3}}}}}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal number into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.items.properties.type of type string"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"not":{"type":3}}}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal number into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.not.type of type string"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"items":{"items":{"type":3}}}}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal number into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.items.items.type of type string"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":[]}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal array into Go struct field CustomResourceValidation.spec.versions.schema.openAPIV3Schema of type v1.JSONSchemaProps"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"required":"x"}}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal string into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.required of type []string"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"x-kubernetes-preserve-unknown-fields":"x"}}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal string into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.x-kubernetes-preserve-unknown-fields of type bool"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"allOf":[{"type":1}]}}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal number into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.allOf.type of type string"#,
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"versions":[{"schema":{"openAPIV3Schema":{"properties":{"a":{"maxItems":"x"}}}}}]}}"#,
        r#"CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal string into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.properties.maxItems of type int64"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"data":{"a":1}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"data":"x"}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"data":[]}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"labels":{"a":true}}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"labels":"a"}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal string into Go struct field ObjectMeta.metadata.labels of type map[string]string"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"uid":1}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.uid of type types.UID"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":"x"}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal string into Go struct field ConfigMap.metadata of type v1.ObjectMeta"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"ownerReferences":[{"name":1}]}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field OwnerReference.metadata.ownerReferences.name of type string"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"ownerReferences":{"name":1}}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal object into Go struct field ObjectMeta.metadata.ownerReferences of type []v1.OwnerReference"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"ownerReferences":[1]}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.ownerReferences of type v1.OwnerReference"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"finalizers":["a",2]}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.finalizers of type string"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"generation":1.5}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number 1.5 into Go struct field ObjectMeta.metadata.generation of type int64"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"generation":"1"}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal string into Go struct field ObjectMeta.metadata.generation of type int64"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"creationTimestamp":1}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"creationTimestamp":{}}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal object into Go struct field ObjectMeta.metadata.creationTimestamp of type string"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"creationTimestamp":"x"}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006""#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"metadata":{"deletionGracePeriodSeconds":"x"}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal string into Go struct field ObjectMeta.metadata.deletionGracePeriodSeconds of type int64"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"binaryData":{"a":"!"}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: illegal base64 data at input byte 0"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"binaryData":{"a":"abcde"}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: illegal base64 data at input byte 4"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"binaryData":{"a":"abc"}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: illegal base64 data at input byte 0"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"binaryData":{"a":"ab=c"}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: illegal base64 data at input byte 2"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"binaryData":{"a":"ab="}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: illegal base64 data at input byte 3"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"binaryData":{"a":"ab==c"}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: illegal base64 data at input byte 4"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"binaryData":{"a":"abcd="}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: illegal base64 data at input byte 4"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"binaryData":{"a":5}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.binaryData of type []uint8"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"immutable":"x"}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal string into Go struct field ConfigMap.immutable of type bool"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"spec":{"foo":1},"data":{"a":"1","a":"2"},"metadata":{"foo":1,"labels":{"x":"1","x":"2"},"ownerReferences":[{"name":"a","bar":1}],"name":"a","name":"b"}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "spec", duplicate field "data.a", unknown field "metadata.foo", duplicate field "metadata.labels.x", unknown field "metadata.ownerReferences[0].bar", duplicate field "metadata.name""#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"kind":1}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":1})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"Data":{"a":"x"}}"#,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "Data""#,
    ),
    (
        "",
        "ConfigMap",
        r#"[]"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" } (5b5d)"#,
    ),
    (
        "",
        "ConfigMap",
        r#""x""#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" } (227822)"#,
    ),
    (
        "",
        "ConfigMap",
        r#""#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input ({)"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a":}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character '}' looking for beginning of value ({"a":})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a" 1}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character '1' after object key ({"a" 1})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a":1,}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character '}' looking for beginning of object key string ({"a":1,})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a":1 "b"}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character '"' after object key:value pair ({"a":1 "b"})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a":[1,]}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character ']' looking for beginning of value ({"a":[1,]})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a":[1 2]}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character '2' after array element ({"a":[1 2]})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a":tru}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character '}' in literal true (expecting 'e') ({"a":tru})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a":nulx}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'x' in literal null (expecting 'l') ({"a":nulx})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a":-x}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'x' in numeric literal ({"a":-x})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a":1.x}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'x' after decimal point in numeric literal ({"a":1.x})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a":1ex}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'x' in exponent of numeric literal ({"a":1ex})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a":01}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character '1' after object key:value pair ({"a":01})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a":"\x"}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'x' in string escape code ({"a":"\x"})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a":"\u12x4"}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'x' in \u hexadecimal character escape ({"a":"\u12x4"})"#,
    ),
    (
        "",
        "ConfigMap",
        "{\"a\":\"\n\"}",
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character '\\n' in string literal ({\"a\":\"\n\"})",
    ),
    (
        "",
        "ConfigMap",
        r#"{} x"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'x' after top-level value ({} x)"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{'a':1}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character '\'' looking for beginning of object key string ({'a':1})"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"a":é}"#,
        r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'Ã' looking for beginning of value ({"a":é})"#,
    ),
    (
        "",
        "Secret",
        r#"{"type":1}"#,
        r#"Secret in version "v1" cannot be handled as a Secret: json: cannot unmarshal number into Go struct field Secret.type of type v1.SecretType"#,
    ),
    (
        "",
        "Namespace",
        r#"{"spec":{"finalizers":[1]}}"#,
        r#"Namespace in version "v1" cannot be handled as a Namespace: json: cannot unmarshal number into Go struct field NamespaceSpec.spec.finalizers of type v1.FinalizerName"#,
    ),
    (
        "",
        "Namespace",
        r#"{"spec":{"finalizers":{}}}"#,
        r#"Namespace in version "v1" cannot be handled as a Namespace: json: cannot unmarshal object into Go struct field NamespaceSpec.spec.finalizers of type []v1.FinalizerName"#,
    ),
    (
        "coordination.k8s.io",
        "Lease",
        r#"{"spec":{"leaseDurationSeconds":3000000000}}"#,
        r#"Lease in version "v1" cannot be handled as a Lease: json: cannot unmarshal number 3000000000 into Go struct field LeaseSpec.spec.leaseDurationSeconds of type int32"#,
    ),
    (
        "coordination.k8s.io",
        "Lease",
        r#"{"spec":{"leaseDurationSeconds":1e2}}"#,
        r#"Lease in version "v1" cannot be handled as a Lease: json: cannot unmarshal number 1e2 into Go struct field LeaseSpec.spec.leaseDurationSeconds of type int32"#,
    ),
    (
        "coordination.k8s.io",
        "Lease",
        r#"{"spec":{"renewTime":"2026-07-23T07:07:48Z"}}"#,
        r#"Lease in version "v1" cannot be handled as a Lease: parsing time "2026-07-23T07:07:48Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000""#,
    ),
    (
        "coordination.k8s.io",
        "Lease",
        r#"{"spec":{"strategy":1}}"#,
        r#"Lease in version "v1" cannot be handled as a Lease: json: cannot unmarshal number into Go struct field LeaseSpec.spec.strategy of type v1.CoordinatedLeaseStrategy"#,
    ),
    (
        "",
        "ConfigMap",
        r#"{"kind":"ConfigMap","apiVersion":"v2"}"#,
        "the API version in the data (v2) does not match the expected API version (v1)",
    ),
    (
        "",
        "ConfigMap",
        r#"{"kind":"Secret","apiVersion":"v1"}"#,
        r#"Secret in version "v1" cannot be handled as a ConfigMap: the kind in the data (Secret) does not match the expected kind (ConfigMap)"#,
    ),
    (
        "tenancy.kcp.io",
        "Workspace",
        r#"{"spec":{"type":"universal"}}"#,
        r#"Workspace in version "v1alpha1" cannot be handled as a Workspace: json: cannot unmarshal string into Go struct field WorkspaceSpec.spec.type of type v1alpha1.WorkspaceTypeReference"#,
    ),
];
