//! What is refused before it reaches an object: who, what, how large, in which form.

use serde_json::json;

use crate::fixture::{MAPS, region};

#[tokio::test]
async fn who_is_not_known_or_not_allowed_is_told_so() {
    let region = region();
    let table = [
        ("GET //healthz", "", 200),
        ("GET //livez", "", 200),
        ("GET //readyz", "", 200),
        ("GET //version", "", 200),
        ("GET //api", "", 403),
        ("GET /api/v1/namespaces", "", 403),
        ("GET /api/v1/namespaces", "Bearer user", 403),
        ("GET /api/v1/namespaces", "Bearer admin", 200),
        ("GET /api/v1/namespaces", "Bearer nobody", 401),
        ("GET //healthz", "Bearer nobody", 401),
        ("GET /api/v1/namespaces", "Basic YTpi", 403),
    ];
    for (line, authorization, status) in table {
        let reply = region.send(line, &[("authorization", authorization)], "").await;
        assert_eq!(reply.status, status, "{line} {authorization}");
    }
    let refused = region.send("GET /api/v1/namespaces", &[("authorization", "Bearer nobody")], "").await;
    assert_eq!((refused.header("www-authenticate"), refused.failure(401).as_str()), ("Bearer", "Unauthorized"));
    let denied = region.send("GET /api/v1/namespaces", &[("authorization", "Bearer user")], "").await.failure(403);
    assert_eq!(
        denied,
        r#"namespaces is forbidden: User "joe" cannot list resource "namespaces" in API group "" at the cluster scope: access denied"#
    );
    let impersonated = region.send("GET /api/v1/namespaces", &[("impersonate-user", "root")], "").await;
    assert!(impersonated.failure(403).contains("cannot impersonate"), "impersonation is not passed over");
}

#[tokio::test]
async fn every_wrong_path_and_method_has_its_code() {
    let region = region();
    let table = [
        ("GET /api/v1/pods", 404),
        ("GET /apis/apps/v1/deployments", 404),
        ("GET /api/v2/configmaps", 404),
        ("GET //api/v1/namespaces", 404),
        ("GET /clusters/root:none/api/v1/namespaces", 404),
        ("GET /clusters/none/api/v1/namespaces", 403),
        ("GET /clusters/root:none/api", 404),
        ("GET /clusters/Root/api/v1/namespaces", 400),
        ("GET /clusters/root/clusters/root/api", 404),
        ("GET /api/v1/namespaces/n/namespaces/m", 404),
        ("GET /api/v1/configmaps/a", 405),
        ("POST /api/v1/configmaps", 405),
        ("DELETE /api/v1/configmaps", 405),
        ("PUT /api/v1/namespaces/default/configmaps", 405),
        ("POST /api/v1/namespaces/default/configmaps/a", 405),
        ("GET /api/v1/namespaces/default/configmaps/a/status", 404),
        ("DELETE /api/v1/namespaces/default/status", 405),
        ("POST /api", 405),
        ("GET /metrics", 501),
        ("GET //nothing", 404),
    ];
    for (line, status) in table {
        let reply = region.send(line, &[], "").await;
        let json = reply.expect(status);
        assert_eq!((&json["kind"], &json["code"]), (&json!("Status"), &json!(status)), "{line}");
    }
    let unknown = region.get("/clusters/root:none/api/v1/namespaces").await.failure(404);
    assert_eq!(unknown, r#"workspaces.tenancy.kcp.io "root:none" not found"#);
    let masters = region.send("GET /clusters/none/api/v1/namespaces", &[("authorization", "Bearer master")], "").await;
    assert_eq!(masters.status, 404);
}

#[tokio::test]
async fn bodies_have_limits_and_forms() {
    let region = region();
    let line = format!("POST {MAPS}");
    type Case<'a> = (&'a [(&'a str, &'a str)], Vec<u8>, u16);
    let protobuf = [("content-type", "application/vnd.kubernetes.protobuf")];
    let table: [Case<'_>; 12] = [
        (&[], vec![b'x'; 3 * 1024 * 1024 + 1], 413),
        (&[], json!({"metadata": {"name": "a"}, "data": {"k": "v".repeat(1_600_000)}}).to_string().into_bytes(), 422),
        (&[], Vec::new(), 400),
        (&[], b"{".to_vec(), 400),
        (&[], b"null".to_vec(), 422),
        (&[], b"\xff\xfe{}".to_vec(), 400),
        (&[], vec![b'['; 100_000], 400),
        (&[], br#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a"}}"#.to_vec(), 400),
        (&[("content-type", "application/x-protobuf")], b"{}".to_vec(), 415),
        (&protobuf, b"k8s\0\xff".to_vec(), 400),
        (&protobuf, PROTOBUF_MAP.to_vec(), 201),
        (&[("content-type", "application/json; charset=utf-8")], br#"{"metadata":{"name":"a"}}"#.to_vec(), 201),
    ];
    for (headers, body, status) in table {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let reply = region.send(&line, headers, body).await;
        assert_eq!(reply.status, status, "{shown}: {:?}", reply.bytes);
        assert!(reply.json()["kind"].is_string());
    }
    let workspaces = "POST /clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces";
    let refused = region.send(workspaces, &protobuf, PROTOBUF_MAP.to_vec()).await;
    assert!(
        refused.failure(415).ends_with("accepted media types include: application/json, application/yaml"),
        "{refused:?}"
    );
    let lease = json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "x".repeat(1_600_000)}});
    let large = region.post("/apis/coordination.k8s.io/v1/namespaces/default/leases", &lease).await;
    assert!(large.failure(413).starts_with("Request entity too large: the object has 16"), "{large:?}");
    let long = format!("GET {MAPS}?labelSelector={}", "x".repeat(17 * 1024));
    assert_eq!(region.send(&long, &[], "").await.status, 414);
}

#[tokio::test]
async fn an_audit_id_is_echoed_or_made() {
    let region = region();
    let given = region.send("GET /api/v1/namespaces", &[("audit-id", "abc")], "").await;
    assert_eq!(given.header("audit-id"), "abc");
    let made = [region.get("//version").await, region.get("//version").await];
    assert_ne!(made[0].header("audit-id"), made[1].header("audit-id"));
    let failed = region.get("//nothing").await;
    assert_eq!(failed.header("audit-id").len(), 36);
}

#[tokio::test]
async fn pages_are_answered_below_clusters_and_at_the_host() {
    let region = region();
    for prefix in ["//", "/"] {
        let version = region.get(&format!("{prefix}version")).await.expect(200);
        assert_eq!((&version["major"], &version["minor"]), (&json!("1"), &json!("36")));
        assert_eq!(region.get(&format!("{prefix}api")).await.expect(200)["kind"], "APIVersions");
        assert_eq!(region.get(&format!("{prefix}apis")).await.expect(200)["kind"], "APIGroupList");
        assert_eq!(region.get(&format!("{prefix}api/v1")).await.expect(200)["kind"], "APIResourceList");
        assert_eq!(
            region.get(&format!("{prefix}apis/tenancy.kcp.io/v1alpha1")).await.expect(200)["kind"],
            "APIResourceList"
        );
        assert_eq!(region.get(&format!("{prefix}apis/none")).await.status, 404);
        assert!(region.get(&format!("{prefix}openapi/v3")).await.expect(200)["paths"].is_object());
        assert!(region.get(&format!("{prefix}openapi/v3/api/v1")).await.expect(200)["openapi"].is_string());
        assert!(region.get(&format!("{prefix}openapi/v2")).await.expect(200)["swagger"].is_string());
    }
    let paths = region.get("//").await.expect(200);
    assert!(paths["paths"].as_array().unwrap().contains(&json!("/apis")));
    let verbose = region.get("//readyz?verbose").await;
    assert_eq!(verbose.bytes, "[+]ping ok\n[+]shutdown ok\nreadyz check passed\n");
    let tag = region.get("/api").await.header("etag").to_owned();
    assert_eq!(region.send("GET /api", &[("if-none-match", &tag)], "").await.status, 304);
}

/// A ConfigMap with the name `p`, which leaves its kind to the endpoint: `Unknown {raw: {metadata: {name: p}}}`.
const PROTOBUF_MAP: &[u8] = b"k8s\0\x12\x05\x0a\x03\x0a\x01p";
