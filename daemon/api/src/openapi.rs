//! What the served kinds look like: OpenAPI v3, one document for each group and version, and one small OpenAPI v2.
//!
//! kubectl reads v3 to validate, to explain and to compute patches; v2 is there for clients that know nothing else, made
//! of the same descriptors. Everything is made when it is first asked for and shared as bytes ever after.

mod v2;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use hanse_schema::kinds::KINDS;
use hanse_schema::openapi::{document, group_versions, path};
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use crate::body::Answer;
use crate::document::Document;
use crate::negotiate::takes_json;
use crate::status::Failure;

/// A path of OpenAPI, below the logical cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// `/openapi/v3`: where the documents are.
    Index,
    /// `/openapi/v3/<api/v1 or apis/group/version>`, and the value of `?hash=`.
    Document(&'a str, Option<&'a str>),
    /// `/openapi/v2`
    V2,
}

/// Answers a GET of OpenAPI. Every logical cluster of this release serves the same kinds.
///
/// # Errors
/// [`Failure::NoSuchPath`] for a group or version that is not served, [`Failure::NotAcceptable`] for clients that take
/// protobuf only.
pub fn answer(place: Place<'_>, accept: Option<&[u8]>, if_none_match: Option<&[u8]>) -> Result<Answer, Failure> {
    static BUILT_IN: OnceLock<OpenApi> = OnceLock::new();
    BUILT_IN.get_or_init(OpenApi::built_in).answer(place, accept, if_none_match)
}

/// The documents of one set of kinds.
#[derive(Debug)]
pub struct OpenApi {
    index: Document,
    documents: BTreeMap<String, Document>,
    v2: OnceLock<Document>,
}

impl OpenApi {
    /// The documents of the kinds that every logical cluster serves.
    #[must_use]
    pub fn built_in() -> Self {
        let documents = group_versions(KINDS.iter())
            .into_iter()
            .filter_map(|(group, version)| Some((path(group, version), document(&KINDS, group, version)?)))
            .collect();
        Self::new(documents)
    }

    /// From v3 documents by their path, `api/v1` for instance.
    #[must_use]
    pub fn new(documents: BTreeMap<String, Value>) -> Self {
        let documents: BTreeMap<String, Document> =
            documents.into_iter().map(|(path, document)| (path, Document::json(&document))).collect();
        let paths: Map<String, Value> = documents
            .iter()
            .map(|(path, document)| (path.clone(), json!({"serverRelativeURL": url(path, document)})))
            .collect();
        Self { index: Document::json(&json!({"paths": paths})), documents, v2: OnceLock::new() }
    }

    /// Answers a GET of one of the documents.
    ///
    /// # Errors
    /// As [`answer`].
    pub fn answer(
        &self,
        place: Place<'_>,
        accept: Option<&[u8]>,
        if_none_match: Option<&[u8]>,
    ) -> Result<Answer, Failure> {
        let (document, hash) = match place {
            Place::Index => (&self.index, None),
            Place::Document(path, hash) => (self.documents.get(path).ok_or(Failure::NoSuchPath)?, Some((path, hash))),
            Place::V2 => (self.v2.get_or_init(|| v2::from_v3(self.documents.values().map(Document::bytes))), None),
        };
        if !takes_json(accept) {
            return Err(Failure::NotAcceptable(
                "only the following media types are accepted: application/json".to_owned(),
            ));
        }
        match hash {
            Some((path, Some(hash))) if !hash.is_empty() && hash != document.hash() => Ok(moved(path, document)),
            Some((_, Some(hash))) if !hash.is_empty() => {
                let mut answer = document.answer(if_none_match);
                answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(UNTIL_IT_CHANGES));
                Ok(answer)
            }
            _ => Ok(document.answer(if_none_match)),
        }
    }
}

/// With its hash in the URL, a document never changes: clients keep it for a year, the longest that caches are told.
const UNTIL_IT_CHANGES: &str = "public, immutable, max-age=31536000";

fn url(path: &str, document: &Document) -> String {
    format!("/openapi/v3/{path}?hash={}", document.hash())
}

/// Sends a client that knows an old hash to the newest. The target is relative, so that it stays in its logical cluster.
fn moved(path: &str, document: &Document) -> Answer {
    let last = path.rsplit('/').next().unwrap_or_default();
    let mut answer = Answer::new(crate::body::Body::empty());
    *answer.status_mut() = StatusCode::MOVED_PERMANENTLY;
    if let Ok(target) = HeaderValue::try_from(format!("{last}?hash={}", document.hash())) {
        answer.headers_mut().insert(LOCATION, target);
    }
    answer
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{OpenApi, Place};

    fn json(answer: crate::body::Answer) -> Value {
        serde_json::from_slice(&answer.into_body().into_bytes().unwrap()).unwrap()
    }

    #[test]
    fn the_index_leads_to_documents_that_never_change() {
        let open_api = OpenApi::built_in();
        let index = json(open_api.answer(Place::Index, None, None).unwrap());
        let paths: Vec<&String> = index["paths"].as_object().unwrap().keys().collect();
        assert_eq!(
            paths,
            [
                "api/v1",
                "apis/coordination.k8s.io/v1",
                "apis/core.kcp.io/v1alpha1",
                "apis/events.k8s.io/v1",
                "apis/tenancy.kcp.io/v1alpha1"
            ]
        );
        let url = index["paths"]["api/v1"]["serverRelativeURL"].as_str().unwrap();
        let hash = url.strip_prefix("/openapi/v3/api/v1?hash=").unwrap();
        let answer = open_api.answer(Place::Document("api/v1", Some(hash)), None, None).unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers()["cache-control"].to_str().unwrap().contains("immutable"));
        let etag = answer.headers()["etag"].clone();
        assert_eq!(etag.to_str().unwrap().trim_matches('"'), hash);
        let again = open_api.answer(Place::Document("api/v1", Some(hash)), None, Some(etag.as_bytes())).unwrap();
        assert_eq!(again.status(), 304);
        let plain = open_api.answer(Place::Document("api/v1", None), None, None).unwrap();
        assert!(!plain.headers()["cache-control"].to_str().unwrap().contains("immutable"));
        let old = open_api.answer(Place::Document("api/v1", Some("old")), None, None).unwrap();
        assert_eq!(
            (old.status().as_u16(), old.headers()["location"].to_str().unwrap()),
            (301, format!("v1?hash={hash}").as_str())
        );
    }

    #[test]
    fn what_is_not_served_is_told() {
        let open_api = OpenApi::built_in();
        let code = |place, accept: &[u8]| open_api.answer(place, Some(accept), None).unwrap_err().code();
        assert_eq!(code(Place::Document("apis/apps/v1", None), b"*/*"), 404);
        assert_eq!(code(Place::V2, b"application/com.github.proto-openapi.spec.v2@v1.0+protobuf"), 406);
        assert_eq!(code(Place::Index, b"image/png"), 406);
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
            let document = json(open_api.answer(Place::Document(path, None), None, None).unwrap());
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
        let v2 = json(open_api.answer(Place::V2, Some(b"application/json"), None).unwrap());
        assert_eq!(v2["swagger"], "2.0");
        let text = v2.to_string();
        assert!(!text.contains("#/components/schemas/"), "every reference is one of v2");
        let definitions = v2["definitions"].as_object().unwrap();
        for kind in hanse_schema::kinds::KINDS.iter() {
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
}
