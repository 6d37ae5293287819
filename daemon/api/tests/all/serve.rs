//! The listener: TLS, HTTP/1.1 and HTTP/2 over real sockets on loopback, and a stop that loses nothing.

use std::sync::Arc;
use std::time::Duration;

use hanse_api::serve::{client_verifier, tls_config};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::fixture::{MAPS, Region, map, region};

struct Server {
    region: Region,
    address: std::net::SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    root: CertificateDer<'static>,
}

async fn serve() -> Server {
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let root = signed.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
    let clients = client_verifier(vec![root.clone()]).unwrap();
    let tls = tls_config(vec![root.clone()], key, Some(clients)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let region = region();
    let api = Arc::clone(&region.api);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(api.serve(listener, tls, stopped));
    #[expect(clippy::disallowed_methods, reason = "the test awaits it")]
    let task = tokio::spawn(async move { while tasks.join_next().await.is_some() {} });
    Server { region, address, stop, task, root }
}

type Sent = http::Response<hyper::body::Incoming>;

async fn connect(server: &Server, protocol: &[u8]) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(server.root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let tcp = TcpStream::connect(server.address).await.unwrap();
    connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap()
}

/// Sends one request on a connection of its own; the connection lives with the answer.
async fn send(server: &Server, h2: bool, line: &str, body: &str) -> (Sent, JoinHandle<()>) {
    let stream = connect(server, if h2 { b"h2" } else { b"http/1.1" }).await;
    let (method, path) = line.split_once(' ').unwrap();
    let request = http::Request::builder()
        .method(method)
        .uri(if h2 { format!("https://localhost{path}") } else { path.to_owned() })
        .header("host", "localhost")
        .header("authorization", "Bearer admin")
        .body(Full::new(bytes::Bytes::from(body.to_owned())))
        .unwrap();
    let io = TokioIo::new(stream);
    if h2 {
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        let task = spawned(async move { drop(connection.await) });
        (sender.send_request(request).await.unwrap(), task)
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        let task = spawned(async move { drop(connection.await) });
        (sender.send_request(request).await.unwrap(), task)
    }
}

#[expect(clippy::disallowed_methods, reason = "ends with the connection, which the test ends")]
fn spawned(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(work)
}

#[tokio::test]
async fn both_protocols_are_served_over_tls() {
    let server = serve().await;
    for h2 in [false, true] {
        let name = format!("a{h2}");
        let (made, _connection) =
            send(&server, h2, &format!("POST /clusters/root{MAPS}"), &map(&name, &json!({})).to_string()).await;
        assert_eq!(made.status(), 201);
        let bytes = made.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap()["metadata"]["name"], name);
        let (read, _connection) = send(&server, h2, &format!("GET /clusters/root{MAPS}/{name}"), "").await;
        assert_eq!(read.headers()["content-length"], bytes.len().to_string());
        assert_eq!(read.into_body().collect().await.unwrap().to_bytes(), bytes);
        let (large, _connection) = send(&server, h2, &format!("POST /clusters/root{MAPS}"), &"x".repeat(4 << 20)).await;
        assert_eq!(large.status(), 413);
    }
    server.stop.send_replace(true);
    server.task.await.unwrap();
}

/// Many clients write all of a request before they read any of the answer.
#[tokio::test]
async fn a_body_that_is_too_large_is_answered_to_who_writes_first_and_reads_then() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = serve().await;
    let mut stream = connect(&server, b"http/1.1").await;
    let length = 10 << 20;
    let head = format!(
        "POST /clusters/root{MAPS} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer admin\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; length]).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("RequestEntityTooLarge"), "{answer}");
    server.stop.send_replace(true);
    server.task.await.unwrap();
}

#[tokio::test]
async fn a_stop_ends_streams_and_refuses_new_connections() {
    let server = serve().await;
    let revision = server.region.home_revision();
    let mut streams = Vec::new();
    for h2 in [false, true] {
        let line = format!("GET /clusters/root{MAPS}?watch=true&resourceVersion={revision}");
        let (answer, connection) = send(&server, h2, &line, "").await;
        assert_eq!(answer.status(), 200);
        streams.push((answer.into_body(), connection));
    }
    server.region.map("a", &json!({})).await;
    for (body, _) in &mut streams {
        let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(frame.starts_with(br#"{"type":"ADDED""#), "{frame:?}");
    }
    server.stop.send_replace(true);
    for (mut body, connection) in streams {
        while let Some(frame) = body.frame().await {
            let frame = frame.expect("the stream ends, it does not break");
            assert!(frame.into_data().unwrap().is_empty(), "nothing more is sent");
        }
        connection.await.unwrap();
    }
    tokio::time::timeout(Duration::from_secs(30), server.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn junk_on_the_socket_harms_nobody() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = serve().await;
    for junk in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 2000], b"\x16\x03\x01\xff\xff", b""] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        drop(stream.write_all(junk).await);
        drop(stream.shutdown().await);
        let mut rest = Vec::new();
        drop(stream.read_to_end(&mut rest).await);
    }
    let (read, _connection) = send(&server, true, "GET /version", "").await;
    assert_eq!(read.status(), 200);
    server.stop.send_replace(true);
    server.task.await.unwrap();
}
