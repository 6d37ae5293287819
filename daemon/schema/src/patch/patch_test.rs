use super::{PatchError, PatchType, apply, json_patch, merge_patch, parse_body, strategic};
use crate::decode::FieldValidation;
use crate::kind::by_kind;
use crate::types::core::{NAMESPACE, SERVICE_ACCOUNT};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use serde_json::{Value, json};

#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn strategic_patches_merge_as_upstreams_do() {
    for (object, patch, want) in [
        // Scalars of lists with a merge strategy, those of the patch first where nothing tells their order.
        (
            json!({"metadata": {"finalizers": ["a", "b"]}}),
            json!({"metadata": {"finalizers": ["c"]}}),
            json!({"metadata": {"finalizers": ["c", "a", "b"]}}),
        ),
        (
            json!({"metadata": {"finalizers": ["a", "b", "c"]}}),
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["b"]}}),
            json!({"metadata": {"finalizers": ["a", "c"]}}),
        ),
        (
            json!({"metadata": {"finalizers": ["a", "b"]}}),
            json!({"metadata": {"$setElementOrder/finalizers": ["b", "a", "c"], "finalizers": ["c"]}}),
            json!({"metadata": {"finalizers": ["b", "a", "c"]}}),
        ),
        (
            json!({"metadata": {"finalizers": ["x", "a", "b"]}}),
            json!({"metadata": {"$setElementOrder/finalizers": ["b", "a"]}}),
            json!({"metadata": {"finalizers": ["x", "b", "a"]}}),
        ),
        // Objects by merge key.
        (
            json!({"secrets": [{"name": "a", "kind": "k"}, {"name": "b"}]}),
            json!({"secrets": [{"name": "b", "kind": "z"}, {"name": "c"}]}),
            json!({"secrets": [{"name": "a", "kind": "k"}, {"name": "b", "kind": "z"}, {"name": "c"}]}),
        ),
        (
            json!({"secrets": [{"name": "a"}, {"name": "b"}]}),
            json!({"secrets": [{"name": "a", "$patch": "delete"}]}),
            json!({"secrets": [{"name": "b"}]}),
        ),
        (
            json!({"secrets": [{"name": "a"}, {"name": "b"}]}),
            json!({"secrets": [{"name": "c"}, {"$patch": "replace"}]}),
            json!({"secrets": [{"name": "c"}]}),
        ),
        (
            json!({"secrets": [{"name": "a"}, {"name": "b"}]}),
            json!({"secrets": [{"name": "c"}], "$setElementOrder/secrets": [{"name": "c"}, {"name": "b"}]}),
            json!({"secrets": [{"name": "c"}, {"name": "a"}, {"name": "b"}]}),
        ),
        (
            json!({"secrets": [{"name": "a", "kind": "k"}]}),
            json!({"secrets": [{"name": "a", "kind": null}]}),
            json!({"secrets": [{"name": "a"}]}),
        ),
        // A list without a strategy is replaced.
        (
            json!({"imagePullSecrets": [{"name": "a"}]}),
            json!({"imagePullSecrets": [{"name": "b"}]}),
            json!({"imagePullSecrets": [{"name": "b"}]}),
        ),
        // Maps.
        (
            json!({"metadata": {"labels": {"a": "1", "b": "2"}}}),
            json!({"metadata": {"labels": {"a": null, "c": "3", "d": null}}}),
            json!({"metadata": {"labels": {"b": "2", "c": "3"}}}),
        ),
        (
            json!({"metadata": {"labels": {"a": "1"}}}),
            json!({"metadata": {"labels": {"$patch": "replace", "b": "2"}}}),
            json!({"metadata": {"labels": {"b": "2"}}}),
        ),
        (
            json!({"metadata": {"labels": {"a": "1"}}}),
            json!({"metadata": {"labels": {"$patch": "delete"}}}),
            json!({"metadata": {"labels": {}}}),
        ),
        (
            json!({"metadata": {"labels": {"a": "1", "b": "2"}}}),
            json!({"metadata": {"labels": {"$retainKeys": ["b", "c"], "c": "3"}}}),
            json!({"metadata": {"labels": {"b": "2", "c": "3"}}}),
        ),
        // What is new comes without nulls and directives.
        (
            json!({}),
            json!({"metadata": {"labels": {"a": null, "b": "1"}}, "secrets": [{"name": "a", "kind": null}, {"name": "b", "$patch": "delete"}]}),
            json!({"metadata": {"labels": {"b": "1"}}, "secrets": [{"name": "a"}]}),
        ),
        (json!({"secrets": []}), json!({"$setElementOrder/secrets": [], "secrets": []}), json!({"secrets": []})),
    ] {
        let got = strategic::apply(&SERVICE_ACCOUNT, &object, &patch).unwrap();
        assert_eq!(got, want, "{object} {patch}");
    }
    let conditions = json!({"status": {"conditions": [{"type": "A", "status": "True"}]}});
    let patch = json!({"status": {"conditions": [{"type": "A", "status": "False"}, {"type": "B"}]}});
    assert_eq!(
        strategic::apply(&NAMESPACE, &conditions, &patch).unwrap(),
        json!({"status": {"conditions": [{"type": "A", "status": "False"}, {"type": "B"}]}})
    );
}

#[test]
fn bad_strategic_patches_are_refused_in_upstreams_words() {
    let object = json!({"metadata": {"finalizers": ["a"], "labels": {"a": "1"}}, "secrets": [{"name": "a"}], "x": {}});
    for (patch, want) in [
        (json!([]), "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        (
            json!({"$patch": "x", "a": [1, {"b": null}]}),
            "unknown patch type: x in map: map[$patch:x a:[1 map[b:<nil>]]]",
        ),
        (json!({"secrets": [{"kind": "k"}]}), "map: map[kind:k] does not contain declared merge key: name"),
        (
            json!({"secrets": [{"$patch": "delete"}]}),
            "map: map[$patch:delete] does not contain declared merge key: name",
        ),
        (json!({"secrets": [{"$patch": "merge"}]}), "merging lists cannot yet be specified in the patch"),
        (json!({"secrets": ["a"]}), "list element types are not identical: [[map[name:a]] [a]]"),
        (json!({"metadata": {"labels": {"$retainKeys": ["a"], "b": "1"}}}), "invalid patch format of retainKeys"),
        (json!({"$setElementOrder": []}), "invalid patch format of setElementOrder list"),
        (json!({"$deleteFromPrimitiveList": []}), "invalid patch format of primitive list"),
        (json!({"$setElementOrder/secrets": "x"}), "expected a []interface {}, but received a string"),
        (
            json!({"metadata": {"$setElementOrder/finalizers": ["b", "c"], "finalizers": ["c", "b"]}}),
            "The order in patch list:\n[c b]\n doesn't match $setElementOrder list:\n[b c]\n",
        ),
        (json!({"x": {"y": 1}}), "unable to find api field in struct ServiceAccount for the json field \"x\""),
    ] {
        let got = strategic::apply(&SERVICE_ACCOUNT, &object, &patch).unwrap_err();
        assert_eq!(got.to_string(), want, "{patch}");
    }
}

#[test]
fn json_patches_run_as_upstreams_do() {
    let object = json!({"a": {"b": [1, 2, 3]}, "c": "d", "x/y": {"~": 1}});
    for (patch, want) in [
        (
            json!([{"op": "add", "path": "/a/b/1", "value": 9}]),
            Ok(json!({"a": {"b": [1, 9, 2, 3]}, "c": "d", "x/y": {"~": 1}})),
        ),
        (
            json!([{"op": "add", "path": "/a/b/-", "value": 9}]),
            Ok(json!({"a": {"b": [1, 2, 3, 9]}, "c": "d", "x/y": {"~": 1}})),
        ),
        (json!([{"op": "remove", "path": "/x~1y/~0"}]), Ok(json!({"a": {"b": [1, 2, 3]}, "c": "d", "x/y": {}}))),
        (json!([{"op": "remove", "path": "/a/b/-1"}]), Ok(json!({"a": {"b": [1, 2]}, "c": "d", "x/y": {"~": 1}}))),
        (
            json!([{"op": "move", "from": "/a", "path": "/z"}]),
            Ok(json!({"c": "d", "x/y": {"~": 1}, "z": {"b": [1, 2, 3]}})),
        ),
        (
            json!([{"op": "copy", "from": "/a/b/0", "path": "/c"}]),
            Ok(json!({"a": {"b": [1, 2, 3]}, "c": 1, "x/y": {"~": 1}})),
        ),
        (
            json!([{"op": "test", "path": "/a", "value": {"b": [1, 2, 3]}}, {"op": "test", "path": "/q", "value": null}]),
            Ok(object.clone()),
        ),
        // Upstream's departures from the RFC.
        (
            json!([{"op": "replace", "path": "/new", "value": 1}]),
            Ok(json!({"a": {"b": [1, 2, 3]}, "c": "d", "x/y": {"~": 1}, "new": 1})),
        ),
        (json!([{"op": "test", "path": "/c", "value": "e"}]), Err("testing value /c failed: test failed")),
        (
            json!([{"op": "remove", "path": "/z"}]),
            Err("error in remove for path: '/z': Unable to remove nonexistent key: z: missing value"),
        ),
        (
            json!([{"op": "remove", "path": "/z/y"}]),
            Err("remove operation does not apply: doc is missing path: \"/z/y\": missing value"),
        ),
        (
            json!([{"op": "add", "path": "/z/y", "value": 1}]),
            Err("add operation does not apply: doc is missing path: \"/z/y\": missing value"),
        ),
        (
            json!([{"op": "add", "path": "/a/b/9", "value": 1}]),
            Err("error in add for path: '/a/b/9': Unable to access invalid index: 9: invalid index referenced"),
        ),
        (
            json!([{"op": "add", "path": "/a/b/x", "value": 1}]),
            Err(
                "error in add for path: '/a/b/x': value was not a proper array index: 'x': strconv.Atoi: parsing \"x\": invalid syntax",
            ),
        ),
        (
            json!([{"op": "replace", "path": "/a/b/7", "value": 1}]),
            Err("replace operation does not apply: doc is missing key: /a/b/7: missing value"),
        ),
        (json!([{"op": "jump", "path": "/a"}]), Err("Unexpected kind: jump")),
        (json!([{"path": "/a"}]), Err("Unexpected kind: unknown")),
        (json!([{"op": "add"}]), Err("add operation failed to decode path: missing value")),
        (
            json!([{"op": "move", "path": "/a"}]),
            Err("move operation failed to decode from: operation, missing from field: missing value"),
        ),
        (json!({}), Err("json: cannot unmarshal object into Go value of type jsonpatch.Patch")),
        (json!([1]), Err("json: cannot unmarshal number into Go value of type jsonpatch.Operation")),
    ] {
        let got = json_patch::apply(&object, &patch).map_err(|error| error.to_string());
        assert_eq!(got, want.map_err(str::to_owned), "{patch}");
    }
}

#[test]
fn json_patches_have_limits() {
    let one = json!({"op": "test", "path": "/a", "value": 1});
    let patch = Value::Array(vec![one; json_patch::OPERATIONS_MAX + 1]);
    let error = json_patch::apply(&json!({"a": 1}), &patch).unwrap_err();
    assert!(matches!(error, PatchError::TooLarge(_)));
    assert!(error.to_string().ends_with("The allowed maximum operations in a JSON patch is 10000, got 10001"));
    // Each copy doubles the document.
    let bomb: Vec<Value> = (0..64).map(|n| json!({"op": "copy", "from": "/a", "path": format!("/a/{n}")})).collect();
    let error = json_patch::apply(&json!({"a": {"x": "y".repeat(1000)}}), &Value::Array(bomb)).unwrap_err();
    assert!(
        error.to_string().starts_with("Unable to complete the copy, the accumulated size increase of copy is "),
        "{error}"
    );
}

#[test]
fn long_lists_are_not_worked_on_for_long() {
    let long: Vec<String> = (0..strategic::MERGED_ITEMS_MAX).map(|n| n.to_string()).collect();
    let object = json!({"metadata": {"finalizers": long}});
    for patch in [
        json!({"metadata": {"finalizers": ["x"]}}),
        json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"]}}),
        json!({"metadata": {"$setElementOrder/finalizers": ["x"]}}),
    ] {
        let error = strategic::apply(&SERVICE_ACCOUNT, &object, &patch).unwrap_err();
        assert!(matches!(error, PatchError::TooLarge(_)), "{patch}");
    }
    let object = json!({"a": vec![0; json_patch::MOVES_MAX / 100]});
    let patch = Value::Array(vec![json!({"op": "add", "path": "/a/0", "value": 1}); 100]);
    assert!(matches!(json_patch::apply(&object, &patch), Err(PatchError::TooLarge(_))));
}

#[test]
fn bodies_are_read_with_the_messages_of_their_type() {
    for (patch_type, body, want) in [
        (PatchType::Merge, "{", "error decoding patch: unexpected end of JSON input"),
        (PatchType::Json, "{", "unexpected end of JSON input"),
        (PatchType::Strategic, "{x", "invalid character 'x' looking for beginning of object key string"),
        (PatchType::Strategic, r#"{"a":{"b":1,"b":2}}"#, "strict decoding error: duplicate field \"a.b\""),
        (
            PatchType::Json,
            r#"[{"op":"add","op":"add"}]"#,
            "strict decoding error: json patch duplicate field \"[0].op\"",
        ),
    ] {
        let error = parse_body(patch_type, body.as_bytes(), FieldValidation::Strict).unwrap_err();
        assert_eq!(error.to_string(), want);
    }
    let parsed = parse_body(PatchType::Merge, br#"{"data":{"a":"1","a":null}}"#, FieldValidation::Warn).unwrap();
    assert_eq!(parsed.warnings, ["duplicate field \"data.a\""]);
    let config_map = by_kind("", "v1", "ConfigMap").unwrap();
    assert_eq!(
        apply(config_map, &json!({"data": {"a": "1", "b": "2"}}), &parsed).unwrap(),
        json!({"data": {"b": "2"}})
    );
    let parsed = parse_body(PatchType::Merge, b"[]", FieldValidation::Warn).unwrap();
    assert_eq!(
        apply(config_map, &json!({}), &parsed).unwrap_err().to_string(),
        "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let keys = || {
        prop::sample::select(vec![
            "metadata",
            "finalizers",
            "secrets",
            "name",
            "labels",
            "ownerReferences",
            "uid",
            "a",
            "b",
            "0",
            "$patch",
            "$retainKeys",
            "$setElementOrder/finalizers",
            "$setElementOrder/secrets",
            "$deleteFromPrimitiveList/finalizers",
            "op",
            "path",
            "from",
            "value",
        ])
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4_i64).prop_map(Value::from),
        prop::sample::select(vec![
            "a",
            "b",
            "c",
            "replace",
            "delete",
            "merge",
            "add",
            "remove",
            "copy",
            "move",
            "test",
            "/a",
            "/a/b",
            "/a/0",
            "/metadata/finalizers/-"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((keys().prop_map(str::to_owned), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn merge_patch_is_that_of_the_rfc(object in any_json(), patch in any_json()) {
        let mut want = object.clone();
        ::json_patch::merge(&mut want, &patch);
        match merge_patch::apply(&object, &patch) {
            Ok(merged) => {
                prop_assert_eq!(&merged, &want);
                // The same patch again changes nothing.
                prop_assert_eq!(merge_patch::apply(&merged, &patch).unwrap(), merged);
            }
            Err(_) => prop_assert!(!patch.is_object()),
        }
    }

    #[test]
    fn any_patch_is_applied_or_refused_without_panic(object in any_json(), patch in any_json()) {
        drop(strategic::apply(&SERVICE_ACCOUNT, &object, &patch));
        drop(json_patch::apply(&object, &patch));
        drop(json_patch::apply(&object, &Value::Array(vec![patch])));
    }

    #[test]
    fn json_patch_is_that_of_the_rfc_where_upstream_keeps_to_it(object in any_json(), patch in any_json()) {
        let Value::Object(operation) = &patch else { return Ok(()) };
        let text = Value::Array(vec![Value::Object(operation.clone())]);
        let Ok(theirs) = serde_json::from_value::<::json_patch::Patch>(text.clone()) else { return Ok(()) };
        let mut want = object.clone();
        if ::json_patch::patch(&mut want, &theirs).is_ok() && operation.get("path") != Some(&Value::from("")) {
            prop_assert_eq!(json_patch::apply(&object, &text).unwrap(), want);
        }
    }

    #[test]
    fn a_strategic_patch_of_plain_maps_is_a_merge_patch(labels in prop::collection::btree_map("[a-c]", "[x-z]", 0..4), change in prop::collection::btree_map("[a-d]", prop::option::of("[x-z]"), 0..4)) {
        let object = json!({"metadata": {"labels": labels}});
        let patch = json!({"metadata": {"labels": change}});
        prop_assert_eq!(strategic::apply(&SERVICE_ACCOUNT, &object, &patch), merge_patch::apply(&object, &patch));
    }
}
