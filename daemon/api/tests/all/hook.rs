//! A webhook on a real socket: TLS with a certificate of its own, HTTP/1.1 or HTTP/2, and answers that a test decides.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hanse_base::net::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What a webhook answers: the status and the body.
pub(crate) type Replied = (u16, Vec<(&'static str, String)>, Bytes);
pub(crate) type Answering = Arc<dyn Fn(Value) -> BoxFuture<'static, Replied> + Send + Sync>;

pub(crate) struct Hook {
    pub(crate) url: String,
    /// Certificates in PEM, in base64.
    pub(crate) bundle: String,
    /// Targets and bodies of what came.
    pub(crate) calls: Arc<Mutex<Vec<(String, Value)>>>,
    /// How many connections were opened.
    pub(crate) connections: Arc<Mutex<usize>>,
    _tasks: JoinSet<()>,
}

/// How the certificate is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// Self-signed, of a server.
    Server,
    /// Self-signed, and marked as an authority, as `openssl req -x509` makes them.
    Authority,
    /// For another name.
    Elsewhere,
}

impl Hook {
    /// A webhook that answers every review with what `answer` makes of the request.
    pub(crate) async fn reviewing(answer: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Self {
        Self::start(
            Certificate::Server,
            true,
            Arc::new(move |review: Value| {
                let mut response = answer(&review["request"]);
                if response.get("uid").is_none() {
                    response["uid"] = review["request"]["uid"].clone();
                }
                let review = json!({
                    "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response,
                });
                let reply: Replied = (200, Vec::new(), Bytes::from(review.to_string()));
                Box::pin(std::future::ready(reply))
            }),
        )
        .await
    }

    /// A webhook that allows everything.
    pub(crate) async fn allowing() -> Self {
        Self::reviewing(|_| json!({"allowed": true})).await
    }

    pub(crate) async fn start(certificate: Certificate, h2: bool, answer: Answering) -> Self {
        let (chain, key, pem) = made(certificate);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        config.alpn_protocols = if h2 { vec![b"h2".to_vec()] } else { vec![b"http/1.1".to_vec()] };
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/hook", listener.local_addr().unwrap().port());
        let (calls, connections) = (Arc::default(), Arc::<Mutex<usize>>::default());
        let (seen, opened) = (Arc::clone(&calls), Arc::clone(&connections));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut serving = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                *opened.lock().unwrap() += 1;
                let (acceptor, answer, seen) = (acceptor.clone(), Arc::clone(&answer), Arc::clone(&seen));
                serving.spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                        let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                        async move { Ok::<_, std::convert::Infallible>(serve(request, &answer, &seen).await) }
                    });
                    let io = TokioIo::new(stream);
                    if h2 {
                        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        drop(builder.serve_connection(io, service).await);
                    } else {
                        drop(hyper::server::conn::http1::Builder::new().serve_connection(io, service).await);
                    }
                });
            }
        });
        Self { url, bundle: STANDARD.encode(pem), calls, connections, _tasks: tasks }
    }

    /// A `clientConfig` that leads here.
    pub(crate) fn client_config(&self) -> Value {
        json!({"url": self.url, "caBundle": self.bundle})
    }

    /// The requests of the reviews that came.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.calls.lock().unwrap().iter().map(|(_, body)| body["request"].clone()).collect()
    }
}

async fn serve(
    request: http::Request<hyper::body::Incoming>,
    answer: &Answering,
    seen: &Mutex<Vec<(String, Value)>>,
) -> http::Response<Full<Bytes>> {
    let target = request.uri().path_and_query().unwrap().to_string();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    seen.lock().unwrap().push((target, body.clone()));
    let (status, headers, bytes) = answer(body).await;
    let mut response = http::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Full::new(bytes)).unwrap()
}

fn made(certificate: Certificate) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, String) {
    let name = if certificate == Certificate::Elsewhere { "elsewhere.example" } else { "localhost" };
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    if certificate == Certificate::Authority {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    }
    let pair = rcgen::KeyPair::generate().unwrap();
    let signed = params.self_signed(&pair).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
    (vec![signed.der().clone()], key, signed.pem())
}
