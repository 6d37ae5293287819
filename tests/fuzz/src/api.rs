//! What clients send to the API, what daemons carry for them, and what webhooks answer.

use std::sync::LazyLock;

use bytes::Bytes;
use hanse_api::authenticate::TokenTable;
use hanse_api::body::Body;
use hanse_api::egress::address::Network;
use hanse_api::federation::{Carried, CarriedAnswer, Proof, Purpose, Secret};
use hanse_api::fuzzing;
use hanse_api::negotiate::{self, BodyType, PatchType, Spoken};
use hanse_api::query::{ListOptions, Query, WriteOptions};
use hanse_api::request::{ClusterText, Request};
use hanse_api::token::Issuer;
use hanse_base::id::ClusterId;
use http::Method;
use rcgen::KeyPair;
use serde_json::json;

use crate::input;
use crate::names;
use crate::target::Target;

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "request", run: request, seeds: requests },
    Target { name: "workspace-path", run: workspace_path, seeds: || vec![b"root:org:team".to_vec(), b"w1".to_vec()] },
    Target { name: "headers", run: headers, seeds: header_lines },
    Target { name: "yaml", run: fuzzing::yaml, seeds: yamls },
    Target { name: "delete-options", run: delete_options, seeds: deletions },
    Target {
        name: "page-token",
        run: |bytes| fuzzing::page_token(&String::from_utf8_lossy(bytes)),
        seeds: page_tokens,
    },
    Target { name: "bearer-token", run: |bytes| fuzzing::bearer_token(&ISSUER, bytes), seeds: bearer_tokens },
    Target { name: "token-file", run: token_file, seeds: token_files },
    Target { name: "carried-request", run: carried, seeds: heads },
    Target { name: "webhook-answer", run: fuzzing::webhook_answer, seeds: webhook_answers },
];

/// Method, path and query, with zero bytes between them.
fn request(bytes: &[u8]) -> bool {
    let [method, path, query] = input::parts(bytes);
    let [path, query] = [path, query].map(String::from_utf8_lossy);
    let Ok(method) = Method::from_bytes(method) else { return false };
    if let Ok(query) = Query::parse(&query) {
        let _lists = [true, false].map(|watch| ListOptions::parse(&query, watch));
        let _writes = [WriteOptions::parse(&query, "CreateOptions"), WriteOptions::parse_apply(&query)];
    }
    let Ok(request) = Request::parse(&method, &path, &query) else { return false };
    assert!(request.rest.starts_with('/') && request.raw_query == query);
    let below = Request::parse(&method, &request.rest, &request.raw_query);
    assert!(below.is_ok_and(|below| below.rest == request.rest) || request.target != hanse_api::request::Target::Host);
    true
}

fn requests() -> Vec<Vec<u8>> {
    let requests = [
        ["GET", "/clusters/root:org/api/v1/namespaces/default/configmaps/a", "pretty=1"],
        [
            "GET",
            "/clusters/*/apis/apps/v1/deployments",
            "watch=1&labelSelector=a%3Db&resourceVersion=7&timeoutSeconds=9",
        ],
        ["GET", "/api/v1/configmaps", "limit=5&continue=abc&resourceVersionMatch=Exact&resourceVersion=3"],
        [
            "PATCH",
            "/apis/g.io/v1/namespaces/n/things/a/status",
            "fieldManager=m&force=true&dryRun=All&fieldValidation=Strict",
        ],
        ["DELETE", "/clusters/w1/apis/g.io/v1/things", "propagationPolicy=Orphan"],
        ["GET", "/openapi/v3/apis/g.io/v1", ""],
        ["GET", "/readyz/log", "verbose"],
        ["POST", "/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces/a%20b/move/", ""],
    ];
    requests.map(input::joined).into()
}

/// What stands behind `/clusters/`.
fn workspace_path(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(id) = ClusterId::new(&text) {
        assert_eq!(id.as_str(), text);
    }
    let Ok(path) = ClusterText::new(&text) else { return false };
    assert_eq!(path.as_str(), text);
    assert!(path.id().is_none_or(|id| id.as_str() == text));
    true
}

/// Headers that are negotiated, and networks of the configuration.
fn headers(bytes: &[u8]) -> bool {
    let header = Some(bytes);
    for spoken in [Spoken::Text, Spoken::Everything] {
        let _answers = (negotiate::answer(header, spoken), negotiate::stream(header, spoken));
    }
    let _forms = (negotiate::status(header), negotiate::discovery(header), negotiate::takes_json(header));
    let _flags = (negotiate::takes_gzip(header), negotiate::is_apply(header));
    let all = [PatchType::Json, PatchType::Merge, PatchType::Strategic, PatchType::Apply];
    let network = String::from_utf8_lossy(bytes).parse::<Network>();
    if let Ok(network) = &network {
        assert_eq!(network.to_string().parse().as_ref(), Ok(network));
    }
    let body = negotiate::body(header, BodyType::ALL).is_ok() || negotiate::patch(header, &all).is_ok();
    body || network.is_ok() || negotiate::plain(header).is_ok()
}

fn header_lines() -> Vec<Vec<u8>> {
    let lines = [
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;q=0.5,*/*;q=0.1",
        "application/vnd.kubernetes.protobuf;stream=watch, application/yaml",
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        "application/apply-patch+yaml; charset=utf-8",
        "gzip;q=0, identity",
        "10.0.0.0/8",
        "fd00::/8",
    ];
    lines.iter().map(|line| line.as_bytes().to_vec()).collect()
}

fn yamls() -> Vec<Vec<u8>> {
    let documents = [
        "a: &x {b: [1, 0x1F, 1e3, .inf, ~, yes, '']}\nc: *x\n<<: *x\n? d\n: |-\n  two\n  lines\ne: >+\n  folded\n\n",
        "- 2026-01-02\n- !!str 5\n- !!binary aGk=\n- \"\\u00e9\\t\"\n- 0o17\n- 1_000\n- 190:20:30\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: \"v\" # comment\n",
        r#"{"a":[1,2.5,"x",null,true,{}]}"#,
        "%YAML 1.1\n---\na: 1\na: 2\n...\n",
    ];
    documents.iter().map(|document| document.as_bytes().to_vec()).collect()
}

/// A query, a media type and a body, with zero bytes between them.
fn delete_options(bytes: &[u8]) -> bool {
    let [query, media_type, body] = input::parts(bytes);
    fuzzing::delete_options(&String::from_utf8_lossy(query), media_type, body)
}

fn deletions() -> Vec<Vec<u8>> {
    let body = json!({"gracePeriodSeconds": 0, "propagationPolicy": "Foreground", "preconditions": {"uid": "u"}, "dryRun": ["All"]});
    vec![
        input::joined(["gracePeriodSeconds=0&propagationPolicy=Background&dryRun=All", "", ""]),
        input::joined(["", "application/json", &body.to_string()]),
        input::joined(["", "application/yaml", "orphanDependents: true\npreconditions:\n  resourceVersion: '7'\n"]),
    ]
}

fn page_tokens() -> Vec<Vec<u8>> {
    fuzzing::page_tokens().into_iter().map(String::into_bytes).collect()
}

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| {
    let key = KeyPair::generate().expect("a key is made");
    Issuer::new("https://hanse.test", &key.serialize_der()).expect("it is of the curve")
});

fn bearer_tokens() -> Vec<Vec<u8>> {
    let claims = json!({"iss": "https://hanse.test", "sub": "system:serviceaccount:n:b", "aud": ["https://hanse.test"],
        "exp": 1_780_000_600, "iat": 1_779_999_999, "nbf": 1_779_999_999, "jti": "t1",
        "kubernetes.io": {"clusterName": "abc", "namespace": "n", "serviceaccount": {"name": "b", "uid": "u"}}});
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2hhbnNlLnRlc3QifQ.AAAA";
    vec![claims.to_string().into_bytes(), token.as_bytes().to_vec()]
}

/// A file of bearer tokens: a refusal does not show them.
fn token_file(bytes: &[u8]) -> bool {
    TokenTable::parse(&String::from_utf8_lossy(bytes)).is_ok()
}

fn token_files() -> Vec<Vec<u8>> {
    vec![b"# administrators\nsecret,admin,1,\"system:masters, b\"\n\nother,user,\"2\"\n".to_vec()]
}

/// The head of a carried request and of its answer: what is read is written and read as the same.
fn carried(head: &[u8]) -> bool {
    if let Ok(answer) = CarriedAnswer::decode(head, Body::empty()) {
        let again = answer.encode_head().map(|head| CarriedAnswer::decode(&head, Body::empty()));
        let again = again.ok().and_then(Result::ok).expect("what was written is read");
        assert_eq!((again.status, again.headers), (answer.status, answer.headers));
    }
    let Ok(request) = Carried::decode(head, Bytes::new()) else { return false };
    let written = request.encode_head().expect("what was read keeps the limits");
    assert_eq!(Carried::decode(&written, Bytes::new()).ok(), Some(request));
    true
}

fn heads() -> Vec<Vec<u8>> {
    let id = names::id("w1");
    let carried = |proof, purpose| Carried {
        method: "PATCH".into(),
        target: "/clusters/root/api/v1/namespaces/default?dryRun=All".into(),
        headers: vec![("accept".into(), "application/json".into())],
        body: Bytes::new(),
        proof,
        purpose,
    };
    let requests = [
        carried(Proof::Anonymous, Purpose::Plain),
        carried(Proof::Token(Secret::new("secret")), Purpose::CreateWorkspace { id: id.clone() }),
        carried(Proof::Certificate(vec![vec![1, 2]]), Purpose::WriteWorkspace { id: Some(id), version: Some(1) }),
    ];
    let answer = CarriedAnswer { status: 200, headers: vec![("a".into(), "b".into())], body: Body::empty() };
    let heads = requests.iter().map(Carried::encode_head).chain([answer.encode_head()]);
    heads.map(|head| head.expect("seeds keep the limits").to_vec()).collect()
}

fn webhook_answers() -> Vec<Vec<u8>> {
    let admission = json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": {"uid": "u",
        "allowed": false, "patchType": "JSONPatch", "patch": "W3sib3AiOiJyZW1vdmUiLCJwYXRoIjoiL2EifV0=",
        "status": {"code": 422, "message": "no", "reason": "Invalid", "details": {"causes": []}},
        "warnings": ["w"], "auditAnnotations": {"a": "b"}}});
    let conversion = json!({"kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1", "response": {"uid": "u",
        "result": {"status": "Success"}, "convertedObjects": [{"kind": "Boat"}]}});
    vec![admission.to_string().into_bytes(), conversion.to_string().into_bytes()]
}
