//! A thin client of the API: HTTP/2 over TLS, one connection to each daemon, made from the place where its clients stand.
//! Nothing is tried again: what the workload sees is what happened.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::ground::Ground;
use crate::port::{Answer, BoxFuture, Client, Events, NoAnswer, Opened, Request, Target};

/// Clients of all daemons, as the administrator who may list across logical clusters (`/clusters/*`).
pub struct HttpClient {
    tls: TlsConnector,
    daemons: RwLock<BTreeMap<String, Arc<Daemon>>>,
}

struct Daemon {
    target: Target,
    address: SocketAddr,
    ground: Arc<Ground>,
    connection: Mutex<Option<Sender>>,
}

type Sender = http2::SendRequest<Full<Bytes>>;

impl HttpClient {
    /// A client without daemons, with the keys of a cluster.
    ///
    /// # Errors
    /// The files are not as `hansed up` makes them.
    pub fn new(directory: &Path) -> Result<Self> {
        let pem = std::fs::read(directory.join("pki/api-ca.crt"))?;
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            roots.add(certificate?)?;
        }
        let own =
            CertificateDer::pem_file_iter(directory.join("pki/shard-admin.crt"))?.collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_file(directory.join("pki/shard-admin.key"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(own, key)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), daemons: RwLock::default() })
    }

    /// Adds a daemon, or changes where it is.
    pub fn add(&self, target: Target, address: SocketAddr, ground: Arc<Ground>) {
        let daemon = Daemon { target: target.clone(), address, ground, connection: Mutex::default() };
        self.daemons.write().unwrap_or_else(PoisonError::into_inner).insert(target.name, Arc::new(daemon));
    }

    /// Removes a daemon: nobody asks it any more.
    pub fn remove(&self, name: &str) {
        self.daemons.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Whether a daemon says that it is ready.
    pub async fn is_ready(&self, name: &str) -> bool {
        let request = Request { timeout: READY_TIMEOUT, ..Request::new("GET", "/readyz", Value::Null) };
        self.request(name, request).await.is_ok_and(|answer| answer.status == 200)
    }

    fn daemon(&self, name: &str) -> Result<Arc<Daemon>, NoAnswer> {
        let daemons = self.daemons.read().unwrap_or_else(PoisonError::into_inner);
        daemons.get(name).map(Arc::clone).ok_or_else(|| NoAnswer::NotSent(format!("there is no daemon {name}")))
    }

    async fn dial(&self, daemon: &Daemon) -> Result<Sender> {
        // The socket is in the network of the thread that makes it.
        let socket = daemon.ground.run(TcpSocket::new_v4)?;
        let tcp = socket.connect(daemon.address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::from(daemon.address.ip());
        let tls = self.tls.connect(name, tcp).await?;
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(16 << 20)
            .handshake(TokioIo::new(tls))
            .await?;
        // The connection's task ends with its last sender.
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(connection);
        tasks.detach_all();
        Ok(sender)
    }

    /// A connection that can take a request; what fails here had no effect on the daemon.
    async fn connected(&self, daemon: &Daemon) -> Result<Sender> {
        let mut connection = daemon.connection.lock().await;
        if let Some(sender) = connection.as_mut().filter(|sender| !sender.is_closed()) {
            let mut sender = sender.clone();
            if sender.ready().await.is_ok() {
                return Ok(sender);
            }
        }
        *connection = None;
        let dialled = tokio::time::timeout(DIAL_TIMEOUT, self.dial(daemon)).await;
        let sender = dialled.context("no connection in time")??;
        Ok(connection.insert(sender).clone())
    }

    /// Forgets a connection on which nothing came: after a cut is healed, a new one works at once and the old one does not.
    async fn forget(daemon: &Daemon) {
        if let Ok(mut connection) = tokio::time::timeout(DIAL_TIMEOUT, daemon.connection.lock()).await {
            *connection = None;
        }
    }

    async fn send(
        &self,
        name: &str,
        request: &Request,
        deadline: Instant,
    ) -> Result<(Arc<Daemon>, http::Response<Incoming>), NoAnswer> {
        let daemon = self.daemon(name)?;
        let connected = timeout_at(deadline, self.connected(&daemon)).await;
        let mut sender = match connected {
            Ok(Ok(sender)) => sender,
            Ok(Err(error)) => return Err(NoAnswer::NotSent(format!("{error:#}"))),
            Err(_) => return Err(NoAnswer::NotSent("no connection in time".to_owned())),
        };
        let built = self.build(&daemon, request).map_err(|error| NoAnswer::NotSent(error.to_string()))?;
        match timeout_at(deadline, sender.send_request(built)).await {
            Ok(Ok(answer)) => Ok((daemon, answer)),
            Ok(Err(error)) => {
                Self::forget(&daemon).await;
                Err(NoAnswer::Unknown(error.to_string()))
            }
            Err(_) => {
                Self::forget(&daemon).await;
                Err(NoAnswer::Unknown("no answer in time".to_owned()))
            }
        }
    }

    fn build(&self, daemon: &Daemon, request: &Request) -> Result<http::Request<Full<Bytes>>> {
        let body = if request.body.is_null() { Vec::new() } else { serde_json::to_vec(&request.body)? };
        let kind = if request.method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        Ok(http::Request::builder()
            .method(request.method)
            .uri(format!("https://{}{}", daemon.address, request.path))
            .header("accept", "application/json")
            .header("content-type", kind)
            .body(Full::new(Bytes::from(body)))?)
    }
}

impl Client for HttpClient {
    fn targets(&self) -> Vec<Target> {
        let daemons = self.daemons.read().unwrap_or_else(PoisonError::into_inner);
        daemons.values().map(|daemon| daemon.target.clone()).collect()
    }

    fn request<'a>(&'a self, daemon: &'a str, request: Request) -> BoxFuture<'a, Result<Answer, NoAnswer>> {
        Box::pin(async move {
            let deadline = Instant::now() + request.timeout;
            let (daemon, answer) = self.send(daemon, &request, deadline).await?;
            let (head, body) = answer.into_parts();
            let whole = timeout_at(deadline, Limited::new(body, BODY_BYTES_MAX).collect()).await;
            match whole {
                Ok(Ok(body)) => Ok(Answer {
                    status: head.status.as_u16(),
                    body: serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null),
                }),
                Ok(Err(error)) => Err(NoAnswer::Unknown(error.to_string())),
                Err(_) => {
                    Self::forget(&daemon).await;
                    Err(NoAnswer::Unknown("the answer did not end in time".to_owned()))
                }
            }
        })
    }

    fn watch<'a>(&'a self, daemon: &'a str, path: &'a str) -> BoxFuture<'a, Result<Opened, NoAnswer>> {
        Box::pin(async move {
            let request = Request::new("GET", path, Value::Null);
            let deadline = Instant::now() + request.timeout;
            let (_, answer) = self.send(daemon, &request, deadline).await?;
            let status = answer.status().as_u16();
            if status == 200 {
                return Ok(Opened::Stream(Box::new(Stream { body: answer.into_body(), buffer: BytesMut::new() })));
            }
            let body = timeout_at(deadline, Limited::new(answer.into_body(), BODY_BYTES_MAX).collect()).await;
            let body = match body {
                Ok(Ok(body)) => serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null),
                Ok(Err(_)) | Err(_) => Value::Null,
            };
            Ok(Opened::Refused(Answer { status, body }))
        })
    }
}

struct Stream {
    body: Incoming,
    buffer: BytesMut,
}

impl Stream {
    async fn event(&mut self) -> Result<Option<Value>, NoAnswer> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                let event = serde_json::from_slice(&line);
                return event.map(Some).map_err(|error| NoAnswer::Unknown(format!("a line is no event: {error}")));
            }
            if self.buffer.len() > BODY_BYTES_MAX {
                return Err(NoAnswer::Unknown("an event is too large".to_owned()));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(NoAnswer::Unknown(error.to_string())),
            }
        }
    }
}

impl Events for Stream {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Value>, NoAnswer>> {
        Box::pin(self.event())
    }
}

/// How long a connection may take; shorter than a request, so that what was not sent is known not to have been.
const DIAL_TIMEOUT: Duration = Duration::from_secs(2);
const READY_TIMEOUT: Duration = Duration::from_secs(1);
const BODY_BYTES_MAX: usize = 64 << 20;
