//! A thin client of the API: HTTP/2 over TLS, one connection, no retries, so that a test sees what the server said.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

/// Who speaks to which server.
#[derive(Clone)]
pub struct Access {
    /// Host and port.
    pub address: String,
    /// The authority that signs the server's certificate.
    pub ca: Vec<CertificateDer<'static>>,
    /// Bearer token; none is anonymous.
    pub token: Option<String>,
}

/// One client with at most one connection, dialled again after it broke.
pub struct Client {
    access: Access,
    tls: TlsConnector,
    connection: Mutex<Option<http2::SendRequest<Full<Bytes>>>>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: http::HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The JSON of a success.
    ///
    /// # Errors
    /// The status is not 2xx; the error shows the body.
    pub fn ok(&self) -> Result<Value> {
        if !self.status.is_success() {
            bail!("{}: {}", self.status, String::from_utf8_lossy(&self.body));
        }
        Ok(self.json())
    }
}

/// Reads the certificates of a PEM text.
///
/// # Errors
/// The text is not PEM.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().context("certificates in PEM")
}

impl Client {
    /// A client that has not dialled yet.
    ///
    /// # Errors
    /// The certificates are no trust anchors.
    pub fn new(access: Access) -> Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in &access.ca {
            roots.add(certificate.clone())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { access, tls: TlsConnector::from(Arc::new(config)), connection: Mutex::new(None) })
    }

    async fn dial(&self) -> Result<http2::SendRequest<Full<Bytes>>> {
        let tcp = TcpStream::connect(&self.access.address).await?;
        tcp.set_nodelay(true)?;
        let host = self.access.address.rsplit_once(':').map_or(self.access.address.as_str(), |(host, _)| host);
        let tls = self.tls.connect(ServerName::try_from(host.to_owned())?, tcp).await?;
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(16 << 20)
            .handshake(TokioIo::new(tls))
            .await?;
        // The connection's task ends with the last sender.
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(connection);
        tasks.detach_all();
        Ok(sender)
    }

    /// Sends one request and gives the answer with its body still to come.
    ///
    /// # Errors
    /// No connection, or it broke.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<http::Response<Incoming>> {
        let request = Request::builder().method(method).header("accept", "application/json");
        let request = if body.is_empty() { request } else { request.header("content-type", content_type) };
        self.dispatch(request, path, body).await
    }

    async fn dispatch(
        &self,
        request: http::request::Builder,
        path: &str,
        body: Bytes,
    ) -> Result<http::Response<Incoming>> {
        let mut sender = {
            let mut connection = self.connection.lock().await;
            match connection.as_ref().filter(|sender| !sender.is_closed()) {
                Some(sender) => sender.clone(),
                None => connection.insert(self.dial().await?).clone(),
            }
        };
        let mut request = request.uri(format!("https://{}{path}", self.access.address));
        if let Some(token) = &self.access.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        sender.ready().await?;
        Ok(sender.send_request(request.body(Full::new(body))?).await?)
    }

    /// Sends one request and reads the whole answer; gives up after 30 seconds.
    ///
    /// # Errors
    /// No connection, it broke, or no answer in time.
    pub async fn request(&self, method: Method, path: &str, content_type: &str, body: Bytes) -> Result<Answer> {
        let whole = async {
            let answer = self.send(method, path, content_type, body).await?;
            let (head, body) = answer.into_parts();
            Ok(Answer { status: head.status, headers: head.headers, body: body.collect().await?.to_bytes() })
        };
        tokio::time::timeout(Duration::from_secs(30), whole).await.context("no answer within 30 s")?
    }

    /// GET.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.request(Method::GET, path, "", Bytes::new()).await
    }

    /// GET of a representation.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn get_as(&self, accept: &str, path: &str) -> Result<Answer> {
        let whole = async {
            let answer = self.dispatch(Request::builder().header("accept", accept), path, Bytes::new()).await?;
            let (head, body) = answer.into_parts();
            Ok(Answer { status: head.status, headers: head.headers, body: body.collect().await?.to_bytes() })
        };
        tokio::time::timeout(Duration::from_secs(30), whole).await.context("no answer within 30 s")?
    }

    /// GET with one more header.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn get_with(&self, (name, value): (&str, &str), path: &str) -> Result<Answer> {
        let whole = async {
            let request = Request::builder().header("accept", "application/json").header(name, value);
            let answer = self.dispatch(request, path, Bytes::new()).await?;
            let (head, body) = answer.into_parts();
            Ok(Answer { status: head.status, headers: head.headers, body: body.collect().await?.to_bytes() })
        };
        tokio::time::timeout(Duration::from_secs(30), whole).await.context("no answer within 30 s")?
    }

    /// POST of a JSON value.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn post(&self, path: &str, value: &Value) -> Result<Answer> {
        self.request(Method::POST, path, "application/json", Bytes::from(serde_json::to_vec(value)?)).await
    }

    /// PUT of a JSON value.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn put(&self, path: &str, value: &Value) -> Result<Answer> {
        self.request(Method::PUT, path, "application/json", Bytes::from(serde_json::to_vec(value)?)).await
    }

    /// DELETE.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        self.request(Method::DELETE, path, "", Bytes::new()).await
    }

    /// Opens a watch.
    ///
    /// # Errors
    /// The answer is not 200.
    pub async fn watch(&self, path: &str) -> Result<Watch> {
        let answer = self.send(Method::GET, path, "", Bytes::new()).await?;
        if answer.status() != StatusCode::OK {
            let status = answer.status();
            let body = answer.into_body().collect().await?.to_bytes();
            bail!("{status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(Watch { body: answer.into_body(), buffer: Vec::new() })
    }
}

/// A watch's events as they come.
pub struct Watch {
    body: Incoming,
    buffer: Vec<u8>,
}

impl Watch {
    /// The next event; `None` at the end of the stream.
    ///
    /// # Errors
    /// The stream broke, or a line is not JSON.
    pub async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }

    /// The next event within the time.
    ///
    /// # Errors
    /// As [`Watch::next`], or none came in time.
    pub async fn next_within(&mut self, patience: Duration) -> Result<Option<Value>> {
        tokio::time::timeout(patience, self.next()).await.context("no event in time")?
    }
}
