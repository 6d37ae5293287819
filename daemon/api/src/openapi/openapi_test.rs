//! Holds the documents to what clients look for in them.

use hanse_schema::kinds::KINDS;
use hanse_schema::openapi::{group_versions, path};
use serde_json::Value;

use super::{OpenApi, Place};

fn json(answer: crate::body::Answer) -> Value {
    serde_json::from_slice(&answer.into_body().into_bytes().unwrap()).unwrap()
}

#[test]
fn the_index_leads_to_documents_that_never_change() {
    let open_api = OpenApi::built_in();
    let index = json(open_api.answer(Place::Index, "", None, None).unwrap());
    let paths: Vec<&String> = index["paths"].as_object().unwrap().keys().collect();
    let mut expected: Vec<String> =
        group_versions(KINDS.iter()).into_iter().map(|(group, version)| path(group, version)).collect();
    expected.sort();
    assert_eq!(paths, expected.iter().collect::<Vec<_>>());
    let url = index["paths"]["api/v1"]["serverRelativeURL"].as_str().unwrap();
    let hash = url.strip_prefix("/openapi/v3/api/v1?hash=").unwrap();
    let answer = open_api.answer(Place::Document("api/v1", Some(hash)), "", None, None).unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    let etag = answer.headers()["etag"].clone();
    assert_eq!(etag.to_str().unwrap().trim_matches('"'), hash);
    let again = open_api.answer(Place::Document("api/v1", Some(hash)), "", None, Some(etag.as_bytes())).unwrap();
    assert_eq!(again.status(), 304);
    let plain = open_api.answer(Place::Document("api/v1", None), "", None, None).unwrap();
    assert!(!plain.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    let old = open_api.answer(Place::Document("api/v1", Some("old")), "", None, None).unwrap();
    assert_eq!(
        (old.status().as_u16(), old.headers()["location"].to_str().unwrap()),
        (301, format!("v1?hash={hash}").as_str())
    );
}

#[test]
fn the_index_leads_below_the_logical_cluster() {
    let open_api = OpenApi::built_in();
    let index = |prefix: &str| open_api.answer(Place::Index, prefix, None, None).unwrap();
    let url = |prefix: &str| json(index(prefix))["paths"]["api/v1"]["serverRelativeURL"].as_str().unwrap().to_owned();
    assert_eq!(url("/clusters/root:a"), format!("/clusters/root:a{}", url("")));
    let etag = index("/clusters/root:a").headers()["etag"].clone();
    let again = |prefix: &str| open_api.answer(Place::Index, prefix, None, Some(etag.as_bytes())).unwrap().status();
    assert_eq!((again("/clusters/root:a").as_u16(), again("").as_u16()), (304, 200));
}

#[test]
fn what_is_not_served_is_told() {
    let open_api = OpenApi::built_in();
    let code = |place, accept: &[u8]| open_api.answer(place, "", Some(accept), None).unwrap_err().code();
    assert_eq!(code(Place::Document("apis/apps/v1", None), b"*/*"), 404);
    assert_eq!(code(Place::V2, b"application/vnd.kubernetes.protobuf"), 406);
    assert_eq!(code(Place::Document("api/v1", None), b"image/png"), 406);
    // As upstream: the index has one form.
    assert_eq!(open_api.answer(Place::Index, "", Some(b"image/png"), None).unwrap().status(), 200);
}

/// What kubectl looks for before it sends a write: k8s.io/cli-runtime/pkg/resource/query_param_verifier_v3.go and
/// k8s.io/kubectl/pkg/cmd/apply/patcher.go.
#[test]
fn kubectl_finds_what_it_needs_to_validate_and_to_patch() {
    let open_api = OpenApi::built_in();
    for (path, group, version, kind, strategic) in [
        ("api/v1", "", "v1", "ConfigMap", true),
        ("api/v1", "", "v1", "Namespace", true),
        ("apis/coordination.k8s.io/v1", "coordination.k8s.io", "v1", "Lease", true),
        ("apis/tenancy.kcp.io/v1alpha1", "tenancy.kcp.io", "v1alpha1", "Workspace", false),
    ] {
        let document = json(open_api.answer(Place::Document(path, None), "", None, None).unwrap());
        let gvk = serde_json::json!({"group": group, "kind": kind, "version": version});
        let paths = document["paths"].as_object().unwrap();
        let patches: Vec<&Value> = paths
            .values()
            .map(|path| &path["patch"])
            .filter(|patch| patch["x-kubernetes-group-version-kind"] == gvk)
            .collect();
        assert!(!patches.is_empty(), "{kind}");
        for patch in patches {
            let named = |parameter: &&Value| parameter["name"] == "fieldValidation" && parameter["in"] == "query";
            assert!(patch["parameters"].as_array().unwrap().iter().any(|parameter| named(&parameter)), "{kind}");
            let content = patch["requestBody"]["content"].as_object().unwrap();
            assert_eq!(content.contains_key("application/strategic-merge-patch+json"), strategic, "{kind}");
        }
    }
}

#[test]
fn v2_holds_the_same_types() {
    let open_api = OpenApi::built_in();
    let v2 = json(open_api.answer(Place::V2, "", Some(b"application/json"), None).unwrap());
    assert_eq!(v2["swagger"], "2.0");
    let text = v2.to_string();
    assert!(!text.contains("#/components/schemas/"), "every reference is one of v2");
    let definitions = v2["definitions"].as_object().unwrap();
    for kind in KINDS.iter() {
        let defined = definitions.values().any(|definition| {
            definition["x-kubernetes-group-version-kind"].as_array().is_some_and(|list| {
                list.iter().any(|gvk| {
                    gvk["group"] == *kind.group && gvk["version"] == *kind.version && gvk["kind"] == *kind.kind
                })
            })
        });
        assert!(defined, "{} {}", kind.group, kind.kind);
    }
    // Every reference leads somewhere.
    for reference in text.split("\"$ref\":\"#/definitions/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(definitions.contains_key(name), "{name}");
    }
}

/// The numbers are those of gnostic's `OpenAPIv2.proto`; that its readers find the same document as in JSON was tried with them.
#[test]
fn protobuf_is_served_under_both_its_names() {
    let open_api = OpenApi::built_in();
    for (place, version, start) in
        [(Place::V2, "v2", &b"\x0a\x032.0\x12"[..]), (Place::Document("api/v1", None), "v3", &b"\x0a\x053.0.0\x12"[..])]
    {
        let served = format!("application/com.github.proto-openapi.spec.{version}.v1.0+protobuf");
        let named = format!("application/com.github.proto-openapi.spec.{version}@v1.0+protobuf");
        for asked in [&served, &named] {
            let answer = open_api.answer(place, "", Some(asked.as_bytes()), None).unwrap();
            assert_eq!(answer.headers()["content-type"], served.as_str());
            let json = open_api.answer(place, "", None, None).unwrap();
            assert_eq!(answer.headers()["etag"], json.headers()["etag"], "one document in two forms");
            assert!(answer.into_body().into_bytes().unwrap().starts_with(start));
        }
        let both = format!("{named},application/json;q=0.9");
        let answer = open_api.answer(place, "", Some(both.as_bytes()), None).unwrap();
        assert_eq!(answer.headers()["content-type"], served.as_str());
    }
}
