//! The way out: who may be called, what is verified, and that nothing takes longer or more than it may.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hanse_api::egress::address::AddressRules;
use hanse_api::egress::endpoint::Endpoint;
use hanse_api::egress::{EGRESS_ANSWER_BYTES_MAX, Egress, EgressError, Fault, HttpsEgress, Post};
use hanse_base::id::ClusterId;
use tokio::net::TcpListener;

use crate::hook::{Answering, Certificate, Hook, Replied};

fn local() -> HttpsEgress {
    HttpsEgress::new(AddressRules::default().with_loopback())
}

fn answering(answer: impl Fn() -> Replied + Send + Sync + 'static) -> Answering {
    Arc::new(move |_| Box::pin(std::future::ready(answer())))
}

async fn post(egress: &HttpsEgress, url: &str, bundle: Option<&str>) -> Result<Bytes, EgressError> {
    let endpoint = Arc::new(Endpoint::new(url, bundle).unwrap());
    let cluster = ClusterId::new("root").unwrap();
    egress.post(Post { endpoint, cluster, body: Bytes::from("{}"), patience: Duration::from_secs(10) }).await
}

#[tokio::test]
async fn a_webhook_is_called_on_a_kept_connection_in_either_protocol() {
    for h2 in [false, true] {
        let hook = Hook::start(Certificate::Server, h2, answering(|| (200, Vec::new(), Bytes::from("yes")))).await;
        let egress = local();
        for _ in 0..3 {
            assert_eq!(post(&egress, &hook.url, Some(&hook.bundle)).await.unwrap(), "yes");
        }
        assert_eq!(*hook.connections.lock().unwrap(), 1, "h2: {h2}");
        assert_eq!(hook.calls.lock().unwrap()[0].0, "/hook?timeout=10s");
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced_in_silence() {
    let close = || (200, vec![("connection", "close".to_owned())], Bytes::from("yes"));
    let hook = Hook::start(Certificate::Server, false, answering(close)).await;
    let egress = local();
    for _ in 0..3 {
        assert_eq!(post(&egress, &hook.url, Some(&hook.bundle)).await.unwrap(), "yes");
    }
    assert_eq!(*hook.connections.lock().unwrap(), 3);
}

#[tokio::test]
async fn a_certificate_is_verified_against_the_bundle() {
    let yes = || answering(|| (200, Vec::new(), Bytes::from("yes")));
    let server = Hook::start(Certificate::Server, true, yes()).await;
    let authority = Hook::start(Certificate::Authority, true, yes()).await;
    let elsewhere = Hook::start(Certificate::Elsewhere, true, yes()).await;
    let egress = local();
    assert!(post(&egress, &authority.url, Some(&authority.bundle)).await.is_ok(), "it stands in the bundle itself");
    let refused = [
        (&server, Some(&authority.bundle), "certificate signed by unknown authority"),
        (&server, None, "certificate signed by unknown authority"),
        (&elsewhere, Some(&elsewhere.bundle), "certificate is not valid for the host of the URL"),
    ];
    for (hook, bundle, why) in refused {
        let error = post(&egress, &hook.url, bundle.map(String::as_str)).await.unwrap_err();
        let expected = format!("Post \"{}?timeout=10s\": tls: failed to verify certificate: x509: {why}", hook.url);
        // A machine without any root certificates cannot verify anything.
        let rootless = bundle.is_none() && error.to_string().contains("this system has no root certificates");
        assert!(rootless || error.to_string() == expected, "{error}");
    }
    assert!(server.calls.lock().unwrap().is_empty() && elsewhere.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn addresses_that_the_operator_forbids_are_not_called_by_whatever_name() {
    let hook = Hook::allowing().await;
    let port = hook.url.rsplit(':').next().unwrap();
    let egress = HttpsEgress::new(AddressRules::default());
    for host in ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"] {
        let error = post(&egress, &format!("https://{host}:{port}"), Some(&hook.bundle)).await.unwrap_err();
        assert!(matches!(error.fault, Fault::ForbiddenAddress(_)), "{host}: {error}");
    }
    assert_eq!(*hook.connections.lock().unwrap(), 0);
}

#[tokio::test]
async fn what_a_webhook_answers_wrongly_is_said_without_its_words() {
    let secret = "the secret of another service";
    let table: [(Replied, &str); 5] = [
        (
            (302, vec![("location", "http://169.254.169.254/".to_owned())], Bytes::from(secret)),
            "the server responded with a redirect (status code 302), which is not followed",
        ),
        ((404, Vec::new(), Bytes::from(secret)), "the server could not find the requested resource"),
        (
            (500, Vec::new(), Bytes::from(secret)),
            "an error on the server (\"unknown\") has prevented the request from succeeding",
        ),
        ((503, Vec::new(), Bytes::from(secret)), "the server is currently unable to handle the request"),
        (
            (418, Vec::new(), Bytes::from(secret)),
            "the server responded with the status code 418 but did not return more information",
        ),
    ];
    let egress = local();
    for (reply, expected) in table {
        let hook = Hook::start(Certificate::Server, true, answering(move || reply.clone())).await;
        let error = post(&egress, &hook.url, Some(&hook.bundle)).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(hook.calls.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let hook = Hook::start(
        Certificate::Server,
        true,
        answering(|| (200, Vec::new(), Bytes::from(vec![b'x'; EGRESS_ANSWER_BYTES_MAX + 1]))),
    )
    .await;
    let error = post(&local(), &hook.url, Some(&hook.bundle)).await.unwrap_err();
    assert_eq!(error.fault, Fault::TooLarge);
}

#[tokio::test]
async fn nobody_there_and_no_tls_there_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let egress = local();
    let talk = async {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    };
    let url = format!("https://{address}");
    let (failed, _stream) = tokio::join!(post(&egress, &url, None), talk);
    let shown = failed.unwrap_err().to_string();
    assert!(shown.contains("does not look like a TLS handshake") || shown.contains("no root certificates"), "{shown}");
    drop(listener);
    let hook = Hook::allowing().await;
    let error = post(&egress, &url, Some(&hook.bundle)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("Post \"{url}?timeout=10s\": dial tcp {address}: connect: connection refused")
    );
}

#[tokio::test]
async fn patience_has_an_end() {
    let never: Answering = Arc::new(|_| Box::pin(std::future::pending()));
    let hook = Hook::start(Certificate::Server, true, never).await;
    let endpoint = Arc::new(Endpoint::new(&hook.url, Some(&hook.bundle)).unwrap());
    let cluster = ClusterId::new("root").unwrap();
    let call = Post { endpoint, cluster, body: Bytes::from("{}"), patience: Duration::from_millis(50) };
    let error = local().post(call).await.unwrap_err();
    assert_eq!(error.to_string(), format!("Post \"{}?timeout=1s\": context deadline exceeded", hook.url));
}
