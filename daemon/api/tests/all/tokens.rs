//! Tokens of service accounts: who gets one, what it is good for, and when it is void.

use std::sync::atomic::Ordering;

use hanse_schema::kinds::TOKEN_REQUEST;
use hanse_schema::protobuf;
use serde_json::{Value, json};

use crate::fixture::{ISSUER, Region, Reply, region, region_without_keys, regions, synchronize};

const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const WHO: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const NAME: &str = "system:serviceaccount:default:builder";

impl Region {
    async fn account(&self, below: &str) -> String {
        let body = json!({"metadata": {"name": "builder"}});
        let made = self.post(&format!("{below}{ACCOUNTS}"), &body).await.expect(201);
        made["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, below: &str, spec: Value) -> Reply {
        self.post(&format!("{below}{ACCOUNTS}/builder/token"), &json!({ "spec": spec })).await
    }

    async fn token(&self, below: &str, spec: Value) -> String {
        let granted = self.ask(below, spec).await.expect(201);
        granted["status"]["token"].as_str().unwrap().to_owned()
    }

    async fn show(&self, token: &str, line: &str, body: &Value) -> Reply {
        self.send(line, &[("authorization", &format!("Bearer {token}"))], body.to_string()).await
    }

    /// Who the API says that the sender is: user name, or the code of the refusal.
    async fn who(&self, token: &str, below: &str) -> String {
        let answer = self.show(token, &format!("POST {below}{WHO}"), &json!({})).await;
        match answer.status {
            201 => answer.json()["status"]["userInfo"]["username"].as_str().unwrap().to_owned(),
            code => code.to_string(),
        }
    }

    async fn review(&self, token: &str, audiences: &[&str]) -> Value {
        let body = json!({"spec": {"token": token, "audiences": audiences}});
        self.post(REVIEWS, &body).await.expect(201)["status"].clone()
    }

    fn pass(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds * 1_000, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn an_account_gets_a_token_and_is_known_by_it() {
    let region = region();
    let uid = region.account("").await;
    let granted = region.ask("", json!({})).await.expect(201);
    assert_eq!(
        (&granted["kind"], &granted["apiVersion"]),
        (&json!("TokenRequest"), &json!("authentication.k8s.io/v1"))
    );
    assert_eq!(granted["metadata"]["name"], "builder");
    assert_eq!(granted["metadata"]["namespace"], "default");
    assert_eq!(granted["metadata"]["uid"], json!(uid));
    assert_eq!(granted["spec"], json!({"audiences": [ISSUER], "expirationSeconds": 3600, "boundObjectRef": null}));
    assert_eq!(granted["status"]["expirationTimestamp"], "2026-09-21T15:13:20Z");
    let token = granted["status"]["token"].as_str().unwrap();
    let info = region.show(token, &format!("POST {WHO}"), &json!({})).await.expect(201)["status"]["userInfo"].clone();
    assert_eq!((info["username"].as_str(), info["uid"].as_str()), (Some(NAME), Some(&*uid)));
    assert_eq!(
        info["groups"],
        json!(["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"])
    );
    assert_eq!(info["extra"]["authentication.kcp.io/cluster-name"], json!(["root"]));
    let refused = region.show(token, &format!("GET {ACCOUNTS}"), &json!({})).await.failure(403);
    assert!(refused.contains(&format!("User \"{NAME}\" cannot list resource \"serviceaccounts\"")), "{refused}");
    // As in kcp, a request at the host is meant for the token's own logical cluster.
    assert_eq!(region.who(token, "/").await, NAME);
    assert_eq!(region.show(token, "GET //healthz", &json!({})).await.status, 200);
    assert_eq!(region.show(token, &format!("GET /clusters/*{ACCOUNTS}"), &json!({})).await.status, 403);
}

#[tokio::test]
async fn typed_clients_ask_in_protobuf() {
    let region = region();
    region.account("").await;
    let asked = json!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "spec": {"audiences": ["a"], "expirationSeconds": 600, "boundObjectRef": null}, "status": {"token": "", "expirationTimestamp": null}});
    let body = protobuf::encode(&TOKEN_REQUEST, asked.to_string().as_bytes()).unwrap();
    let media = "application/vnd.kubernetes.protobuf";
    let headers = [("content-type", media), ("accept", "application/vnd.kubernetes.protobuf,application/json")];
    let answer = region.send(&format!("POST {ACCOUNTS}/builder/token"), &headers, body).await;
    assert_eq!((answer.status, answer.header("content-type")), (201, media));
    let granted = protobuf::decode(&TOKEN_REQUEST, &answer.bytes).unwrap();
    assert_eq!(granted["spec"]["audiences"], json!(["a"]));
    assert!(granted["status"]["token"].as_str().unwrap().matches('.').count() == 2);
}

#[tokio::test]
async fn a_request_that_does_not_fit_is_refused_in_upstreams_words() {
    let region = region();
    let uid = region.account("").await;
    let path = format!("{ACCOUNTS}/builder/token");
    let table = [
        (
            json!({"spec": {"expirationSeconds": 599}}),
            422,
            "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes",
        ),
        (
            json!({"spec": {"expirationSeconds": 4_294_967_297_u64}}),
            422,
            "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds",
        ),
        (
            json!({"metadata": {"name": "other"}}),
            422,
            "TokenRequest.authentication.k8s.io \"builder\" is invalid: metadata.name: Invalid value: \"other\": must match the service account name if specified",
        ),
        (
            json!({"metadata": {"namespace": "other"}}),
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            json!({"metadata": {"uid": "x"}}),
            409,
            &format!(
                "Operation cannot be fulfilled on TokenRequest.authentication.k8s.io \"builder\": the UID in the token request (x) does not match the UID of the service account ({uid})"
            ),
        ),
        (
            json!({"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p"}}}),
            400,
            "cannot bind token to object of type /v1, Kind=Pod",
        ),
        (
            json!({"spec": {"boundObjectRef": {"kind": "Secret", "apiVersion": "v1", "name": "s"}}}),
            404,
            "secrets \"s\" not found",
        ),
    ];
    for (body, code, message) in table {
        assert_eq!(region.post(&path, &body).await.failure(code), message, "{body}");
    }
    let nobody = format!("{ACCOUNTS}/nobody/token");
    assert_eq!(region.post(&nobody, &json!({})).await.failure(404), "serviceaccounts \"nobody\" not found");
    assert_eq!(region.get(&path).await.status, 405);
    assert_eq!(region.post("/api/v1/namespaces/default/configmaps/x/token", &json!({})).await.status, 404);
    let dry = region.post(&format!("{path}?dryRun=All"), &json!({})).await.expect(201);
    assert_ne!(dry["status"]["token"], "");
}

#[tokio::test]
async fn a_token_ends() {
    let region = region();
    region.account("").await;
    let token = region.token("", json!({"expirationSeconds": 600})).await;
    region.pass(660);
    assert_eq!(region.who(&token, "").await, NAME, "clocks may be a minute apart");
    region.pass(1);
    assert_eq!(region.who(&token, "").await, "401");
    let error = "[invalid bearer token, service account token has expired]";
    assert_eq!(region.review(&token, &[]).await, json!({"user": {}, "error": error}));
}

#[tokio::test]
async fn a_token_ends_with_its_account_and_is_not_that_of_the_next_one() {
    let region = region();
    let uid = region.account("").await;
    let token = region.token("", json!({})).await;
    region.delete(&format!("{ACCOUNTS}/builder")).await.expect(200);
    assert_eq!(region.who(&token, "").await, "401");
    assert_eq!(
        region.review(&token, &[]).await["error"],
        "[invalid bearer token, serviceaccounts \"builder\" not found]"
    );
    let next = region.account("").await;
    assert_eq!(region.who(&token, "").await, "401");
    let error = format!("[invalid bearer token, service account UID ({next}) does not match claim ({uid})]");
    assert_eq!(region.review(&token, &[]).await["error"], json!(error));
    assert_eq!(region.who(&region.token("", json!({})).await, "").await, NAME);
}

#[tokio::test]
async fn an_account_whose_deletion_is_held_up_is_gone_after_a_minute() {
    let region = region();
    region.account("").await;
    let path = format!("{ACCOUNTS}/builder");
    region.merge(&path, &json!({"metadata": {"finalizers": ["example.com/hold"]}})).await.expect(200);
    let token = region.token("", json!({})).await;
    region.delete(&path).await.expect(200);
    assert_eq!(region.who(&token, "").await, NAME);
    region.pass(61);
    assert_eq!(region.who(&token, "").await, "401");
}

#[tokio::test]
async fn a_bound_token_ends_with_its_secret() {
    let region = region();
    region.account("").await;
    let secret = json!({"metadata": {"name": "s"}});
    region.post(SECRETS, &secret).await.expect(201);
    let reference = json!({"kind": "Secret", "apiVersion": "v1", "name": "s"});
    let token = region.token("", json!({"boundObjectRef": reference})).await;
    assert_eq!(region.who(&token, "").await, NAME);
    let stale = json!({"boundObjectRef": {"kind": "Secret", "apiVersion": "v1", "name": "s", "uid": "x"}});
    assert_eq!(
        region.ask("", stale).await.failure(409),
        "Operation cannot be fulfilled on Secret \"s\": the UID in the bound object reference (x) does not match the UID in record. The object might have been deleted and then recreated"
    );
    region.delete(&format!("{SECRETS}/s")).await.expect(200);
    assert_eq!(region.who(&token, "").await, "401");
    assert_eq!(
        region.review(&token, &[]).await["error"],
        "[invalid bearer token, service account token has been invalidated]"
    );
    region.post(SECRETS, &secret).await.expect(201);
    assert_eq!(region.who(&token, "").await, "401", "the next Secret of that name is another");
}

#[tokio::test]
async fn a_token_is_for_whom_it_was_asked_for() {
    let region = region();
    region.account("").await;
    let token = region.token("", json!({"audiences": ["vault"]})).await;
    assert_eq!(region.who(&token, "").await, "401");
    assert_eq!(region.review(&token, &[]).await["authenticated"], Value::Null);
    let status = region.review(&token, &["other", "vault"]).await;
    assert_eq!((&status["authenticated"], &status["audiences"]), (&json!(true), &json!(["vault"])));
    assert_eq!(status["user"]["username"], NAME);
    // Tokens of the token file are for the API itself.
    assert_eq!(region.review("user", &["vault"]).await, json!({"user": {}, "error": "invalid bearer token"}));
    assert_eq!(region.review("user", &[]).await["audiences"], json!([ISSUER]));
    assert_eq!(region.review("nobody", &[]).await, json!({"user": {}, "error": "invalid bearer token"}));
}

#[tokio::test]
async fn an_altered_token_is_nobodys() {
    let region = region();
    region.account("").await;
    let token = region.token("", json!({})).await;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    for altered in [format!("{signed}."), format!("{signed}.{}", "A".repeat(signature.len())), signed.to_owned()] {
        assert_eq!(region.who(&altered, "").await, "401", "{altered}");
    }
}

#[tokio::test]
async fn a_token_is_good_in_its_own_logical_cluster_only() {
    let region = region();
    region.post("/apis/tenancy.kcp.io/v1alpha1/workspaces", &json!({"metadata": {"name": "org"}})).await.expect(201);
    region.account("").await;
    region.account("/clusters/root:org").await;
    let own = region.token("/clusters/root:org", json!({})).await;
    assert_eq!(region.who(&own, "/clusters/root:org").await, NAME);
    let refused = region.show(&own, &format!("POST {WHO}"), &json!({})).await.failure(403);
    assert!(refused.contains("User \"system:anonymous\""), "{refused}");
    assert_eq!(region.review(&own, &[]).await, json!({"user": {}, "error": "invalid bearer token"}));
    let nowhere = region.show(&own, &format!("POST /clusters/nowhere{WHO}"), &json!({})).await;
    assert_eq!(nowhere.status, 403);
}

#[tokio::test]
async fn a_carried_request_is_checked_at_the_home() {
    let regions = regions(&["eu", "us"]);
    let (eu, us) = (&regions[0], &regions[1]);
    let body =
        json!({"metadata": {"name": "org"}, "spec": {"location": {"selector": {"matchLabels": {"region": "us"}}}}});
    eu.post("/apis/tenancy.kcp.io/v1alpha1/workspaces", &body).await.expect(201);
    synchronize(&regions);
    let there = "/clusters/root:org";
    us.account(there).await;
    let token = eu.token(there, json!({})).await;
    for region in &regions {
        assert_eq!(region.who(&token, there).await, NAME);
        assert_eq!(region.who(&token, "/").await, NAME);
    }
    // Workspaces are read everywhere: whether the account is there is asked of its home all the same.
    let workspaces = format!("GET {there}/apis/tenancy.kcp.io/v1alpha1/workspaces");
    assert_eq!(eu.show(&token, &workspaces, &json!({})).await.status, 403);
    us.delete(&format!("{there}{ACCOUNTS}/builder")).await.expect(200);
    assert_eq!(eu.who(&token, there).await, "401");
    assert_eq!(eu.show(&token, &workspaces, &json!({})).await.status, 401);
    us.link.cut.store(true, Ordering::Relaxed);
    assert_eq!(eu.show(&token, &workspaces, &json!({})).await.status, 503);
}

#[tokio::test]
async fn those_who_check_tokens_find_the_keys() {
    let region = region();
    for below in ["/", "/clusters/root"] {
        let page = region.get(&format!("{below}/.well-known/openid-configuration")).await;
        assert_eq!(page.header("cache-control"), "public, max-age=3600");
        assert_eq!(
            page.expect(200),
            json!({
                "issuer": ISSUER,
                "jwks_uri": "https://eu.example:6443/openid/v1/jwks",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
            })
        );
        let keys = region.get(&format!("{below}/openid/v1/jwks")).await;
        assert_eq!(keys.header("content-type"), "application/jwk-set+json");
        let key = &keys.expect(200)["keys"][0];
        assert_eq!((&key["alg"], &key["crv"], &key["use"]), (&json!("ES256"), &json!("P-256"), &json!("sig")));
        for (field, length) in [("x", 43), ("y", 43), ("kid", 43)] {
            assert_eq!(key[field].as_str().unwrap().len(), length, "{field}");
        }
    }
    let paths = region.get("//").await.expect(200)["paths"].clone();
    assert!(paths.as_array().unwrap().contains(&json!("/openid/v1/jwks")));
    let anonymous = [("authorization", "")];
    assert_eq!(region.send("GET //openid/v1/jwks", &anonymous, "").await.status, 403);
    assert_eq!(region.send("POST //openid/v1/jwks", &[], "").await.status, 405);
}

#[tokio::test]
async fn without_a_key_there_are_no_tokens_and_the_answer_says_what_is_missing() {
    let region = region_without_keys();
    region.account("").await;
    let refused = region.ask("", json!({})).await.failure(501);
    assert!(refused.contains("service_account_key"), "{refused}");
    assert_eq!(region.get("//openid/v1/jwks").await.status, 404);
    assert!(!region.get("//").await.expect(200)["paths"].to_string().contains("openid/"));
    assert_eq!(region.review("user", &[]).await["audiences"], Value::Null);
}

#[tokio::test]
async fn policies_see_what_is_asked_for_and_can_change_it() {
    const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";
    let region = region();
    region.account("").await;
    let rules = json!({"resourceRules": [{
        "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["serviceaccounts/token"],
    }]});
    let shorter = "[JSONPatch{op: \"replace\", path: \"/spec/expirationSeconds\", value: 700}]";
    let mutations = json!([{"patchType": "JSONPatch", "jsonPatch": {"expression": shorter}}]);
    let allowed = json!([{"expression": "request.kind.kind == 'TokenRequest' && !('vault' in object.spec.audiences)", "message": "no"}]);
    let policies = [
        (
            "mutatingadmissionpolicies",
            json!({"matchConstraints": rules, "mutations": mutations, "reinvocationPolicy": "Never"}),
        ),
        ("mutatingadmissionpolicybindings", json!({"policyName": "p"})),
        ("validatingadmissionpolicies", json!({"matchConstraints": rules, "validations": allowed})),
        ("validatingadmissionpolicybindings", json!({"policyName": "p", "validationActions": ["Deny"]})),
    ];
    for (resource, spec) in policies {
        let body = json!({"metadata": {"name": "p"}, "spec": spec});
        region.post(&format!("{GROUP}/{resource}"), &body).await.expect(201);
    }
    let granted = region.ask("", json!({"audiences": ["other"]})).await.expect(201);
    assert_eq!(granted["spec"]["expirationSeconds"], 700);
    assert_eq!(granted["status"]["expirationTimestamp"], "2026-09-21T14:25:00Z");
    let refused = region.ask("", json!({"audiences": ["vault"]})).await;
    assert!(refused.failure(422).contains("denied request: no"), "{refused:?}");
}
