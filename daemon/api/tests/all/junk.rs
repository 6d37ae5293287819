//! Whatever is sent: an answer of the client's fault, never a fault of the server's.

use proptest::prelude::{Strategy, any, prop, proptest};
use proptest::test_runner::Config;

use crate::fixture::{MAPS, region, request};

fn send(line: &str, headers: &[(&str, &str)], body: Vec<u8>) -> u16 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let region = region();
        region.map("a", &serde_json::json!({})).await;
        region.api.answer(request(line, headers, body), None).await.status().as_u16()
    })
}

/// A good body with some bytes changed, or any bytes.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let good = br#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","labels":{"l":"1"},"finalizers":["a/b"],"ownerReferences":[]},"data":{"k":"v"},"binaryData":{"b":"AAA="}}"#;
    let changes = prop::collection::vec((0..good.len(), any::<u8>()), 0..4);
    let mutated = changes.prop_map(move |changes| {
        let mut body = good.to_vec();
        for (at, byte) in changes {
            body[at] = byte;
        }
        body
    });
    prop::strategy::Union::new([mutated.boxed(), prop::collection::vec(any::<u8>(), 0..80).boxed()])
}

proptest! {
    #![proptest_config(Config { cases: 96, ..Config::default() })]

    #[test]
    fn no_body_is_the_servers_fault(body in bodies(), method in 0_usize..6) {
        let (verb, media_type) = [
            ("POST", "application/json"),
            ("PUT", "application/json"),
            ("PATCH", "application/merge-patch+json"),
            ("PATCH", "application/json-patch+json"),
            ("PATCH", "application/strategic-merge-patch+json"),
            ("DELETE", "application/json"),
        ][method];
        let path = if verb == "POST" { MAPS.to_owned() } else { format!("{MAPS}/a") };
        let status = send(&format!("{verb} {path}"), &[("content-type", media_type)], body.clone());
        assert!(status < 500, "{verb} {media_type} {:?}: {status}", String::from_utf8_lossy(&body));
    }

    #[test]
    fn no_path_query_or_header_is_the_servers_fault(
        path in "(/(api|apis|v1|configmaps|namespaces|default|watch|status|[a-z~%.*:]{0,6})){0,7}",
        query in "((limit|continue|labelSelector|fieldSelector|resourceVersion|resourceVersionMatch|sendInitialEvents|pretty|dryRun)=[a-zA-Z0-9%,!=.-]{0,8}&){0,4}",
        accept in "[a-z/*;=, .0-9]{0,30}",
        verb in 0_usize..5,
    ) {
        let verb = ["GET", "POST", "PUT", "PATCH", "DELETE"][verb];
        let line = format!("{verb} /clusters/root{path}?{query}");
        if http::Uri::try_from(&line[verb.len() + 1..]).is_ok() {
            let status = send(&line, &[("accept", &accept)], Vec::new());
            assert!(status < 500 || status == 501 || status == 504, "{line} {accept}: {status}");
        }
    }
}
