//! Bad input gets a clear error and costs nothing.

use std::io::Write;
use std::net::UdpSocket;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use hanse_tests::federation::Federation;
use http::Method;

use crate::{CONFIGMAPS, configmap, names, runtime};

#[test]
fn malformed_input_is_refused_clearly_and_harms_nobody() -> Result<()> {
    let mut federation = Federation::up("eu,us", 1)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let client = federation.client("eu-1")?;
        client.post(CONFIGMAPS, &configmap("kept", "1")).await?.ok()?;
        let long = "x".repeat(10 << 20);
        let deep = "[".repeat(100_000);
        let wrong_kind = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}"#;
        let wrong_type = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"a":1}}}"#;
        let bad_name = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"Not_Valid"}}"#;
        let json = "application/json";
        let cases: &[(Method, &str, &str, &str, u16, &str)] = &[
            (Method::POST, CONFIGMAPS, json, "{", 400, "BadRequest"),
            (Method::POST, CONFIGMAPS, json, "", 400, "BadRequest"),
            (Method::POST, CONFIGMAPS, json, &deep, 400, "BadRequest"),
            (Method::POST, CONFIGMAPS, json, wrong_kind, 400, "BadRequest"),
            (Method::POST, CONFIGMAPS, json, wrong_type, 400, "BadRequest"),
            (Method::POST, CONFIGMAPS, json, bad_name, 422, "Invalid"),
            (Method::POST, CONFIGMAPS, json, &long, 413, "RequestEntityTooLarge"),
            (Method::POST, CONFIGMAPS, "text/plain", "a", 415, "UnsupportedMediaType"),
            (Method::PATCH, &format!("{CONFIGMAPS}/kept"), "application/json-patch+json", "{", 400, "BadRequest"),
            (Method::PATCH, &format!("{CONFIGMAPS}/kept"), "application/json-patch+json", "[{}]", 422, "Invalid"),
            (Method::GET, "/clusters/root/api/v1/unknown", "", "", 404, "NotFound"),
            (Method::GET, "/clusters/root/apis/none/v1/things", "", "", 404, "NotFound"),
            (Method::GET, "/clusters/root/clusters/root/api", "", "", 404, "NotFound"),
            (Method::GET, "/clusters/root:nowhere/api/v1/configmaps", "", "", 404, "NotFound"),
            (Method::GET, "/clusters/%00/api/v1/configmaps", "", "", 400, "BadRequest"),
            (Method::GET, &format!("{CONFIGMAPS}?labelSelector=a%20b%20c"), "", "", 400, "BadRequest"),
            (Method::GET, &format!("{CONFIGMAPS}?fieldSelector=nonsense%3D1"), "", "", 400, "BadRequest"),
            (Method::GET, &format!("{CONFIGMAPS}?limit=many"), "", "", 400, "BadRequest"),
            (Method::GET, &format!("{CONFIGMAPS}?resourceVersion=abc"), "", "", 400, "BadRequest"),
            (Method::GET, &format!("{CONFIGMAPS}?limit=1&continue=junk"), "", "", 400, "BadRequest"),
            (Method::PUT, CONFIGMAPS, json, "{}", 405, "MethodNotAllowed"),
        ];
        for (method, path, content_type, body, status, reason) in cases {
            let answer = client.request(method.clone(), path, content_type, Bytes::from((*body).to_owned())).await;
            let answer = answer.with_context(|| format!("{method} {path}"))?;
            let shown = String::from_utf8_lossy(&answer.body[..answer.body.len().min(400)]).into_owned();
            ensure!(answer.status == *status, "{method} {path}: {} instead of {status}: {shown}", answer.status);
            let value = answer.json();
            ensure!(value["kind"] == "Status" && value["reason"] == *reason, "{method} {path}: {shown}");
            ensure!(value["message"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}: {shown}");
        }
        // Junk on both ports of every daemon.
        for member in federation.members()? {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            for length in 1..1200_usize {
                let junk: Vec<u8> =
                    (0..length).map(|at| u8::try_from((at * 31 + length * 7) % 256).unwrap_or(0)).collect();
                socket.send_to(&junk, member.peers)?;
            }
            let mut tcp = std::net::TcpStream::connect(&member.api)?;
            tcp.write_all(&[0x16, 3, 1, 255, 255, 0, 1, 2, 3])?;
            let mut plain = std::net::TcpStream::connect(&member.api)?;
            plain.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
        }
        let list = federation.client("us-1")?.get(CONFIGMAPS).await?.ok()?;
        ensure!(names(&list).contains(&"kept".to_owned()), "{list}");
        anyhow::Ok(())
    })?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}
