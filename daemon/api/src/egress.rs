//! What leaves this process over HTTPS because a tenant asks for it: calls of admission webhooks and of conversion webhooks.
//!
//! Promise: one way out, with one set of rules. A name is resolved once, and the address that is connected to is one that
//! the operator's [`AddressRules`] allow; certificates are verified against the tenant's bundle or the system's roots;
//! redirects are not followed and no proxy is asked; an answer has at most [`EGRESS_ANSWER_BYTES_MAX`] bytes; a call ends
//! when its patience does; one logical cluster, one host and all together have a limit of calls at once. An error never
//! shows the body of an answer, so that the way out is no way to read what others serve.
//!
//! Must not know: what is asked and answered.
//!
//! ```text
//! Post ──► slots (cluster, host, all) ──► pool ──► connect (resolve, rules, TCP, TLS) ──► HTTP/1.1 or HTTP/2 ──► Bytes
//! ```

pub mod address;
mod connect;
pub mod endpoint;
pub mod measure;
mod pool;
mod slots;
mod trust;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hanse_base::id::ClusterId;
use hanse_base::net::BoxFuture;
use hanse_metrics::exposition::Exposition;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use rustls::ClientConfig;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::egress::address::AddressRules;
use crate::egress::connect::Sender;
use crate::egress::endpoint::{Endpoint, Trust};
use crate::egress::measure::Measures;
use crate::egress::pool::Pool;
use crate::egress::slots::{Permit, Slots};

/// One call of a webhook: a POST of a JSON document.
#[derive(Debug, Clone)]
pub struct Post {
    /// Where to.
    pub endpoint: Arc<Endpoint>,
    /// The logical cluster that asks for it.
    pub cluster: ClusterId,
    /// The document.
    pub body: Bytes,
    /// How long it may take, from the call to the answer's last byte. Longer than [`EGRESS_PATIENCE_MAX`] counts as that.
    pub patience: Duration,
}

/// The way out.
pub trait Egress: Send + Sync + 'static {
    /// Sends the document and returns the body of a 2xx answer.
    ///
    /// # Errors
    /// See [`EgressError`]. What the other side has done is unknown then.
    fn post(&self, call: Post) -> BoxFuture<'_, Result<Bytes, EgressError>>;
}

/// A call that has no answer to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressError {
    /// Where the call went, with its parameters.
    pub url: String,
    /// What went wrong.
    pub fault: Fault,
}

/// What went wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Patience has ended. The caller may try again.
    #[error("context deadline exceeded")]
    TimedOut,
    /// Too many calls are at work, of the logical cluster, to the host or of all, and none has ended in time.
    #[error("too many calls are under way, please try again later")]
    Busy,
    /// The host's name leads nowhere.
    #[error("dial tcp: lookup {0}: {1}")]
    Unresolved(String, String),
    /// The operator's rules forbid the address.
    #[error("dial tcp {0}: the address is not one that may be called from here")]
    ForbiddenAddress(IpAddr),
    /// No connection.
    #[error("dial tcp {0}: connect: {1}")]
    Unreachable(String, String),
    /// The other side could not prove who it is, or speaks no TLS that is safe.
    #[error("{0}")]
    Untrusted(String),
    /// The connection broke off, or what came is not HTTP.
    #[error("{0}")]
    Broken(String),
    /// The answer is larger than is read.
    #[error("the answer has more than {EGRESS_ANSWER_BYTES_MAX} bytes")]
    TooLarge,
    /// An answer that is not 2xx. Its body is not shown.
    #[error("{}", status_text(*.0))]
    Status(u16),
}

/// As client-go words it: what the transport says stands behind method and URL, a status alone.
impl fmt::Display for EgressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Fault::Status(_) => write!(f, "{}", self.fault),
            fault => write!(f, "Post {}: {fault}", hanse_schema::cause::quote(&self.url)),
        }
    }
}

impl std::error::Error for EgressError {}

/// The words of apimachinery's `NewGenericServerResponse` for an answer without a usable body.
fn status_text(code: u16) -> String {
    match code {
        300..=399 => format!("the server responded with a redirect (status code {code}), which is not followed"),
        400 => "the server rejected our request for an unknown reason".to_owned(),
        401 => "the server has asked for the client to provide credentials".to_owned(),
        404 => "the server could not find the requested resource".to_owned(),
        405 => "the server does not allow this method on the requested resource".to_owned(),
        406 => "the server was unable to respond with a content type that the client supports".to_owned(),
        409 => "the server reported a conflict".to_owned(),
        422 => "the server rejected our request due to an error in our request".to_owned(),
        429 => "the server has received too many requests and has asked us to try again later".to_owned(),
        403 | 415 => "unknown".to_owned(),
        503 => "the server is currently unable to handle the request".to_owned(),
        504 => {
            "the server was unable to return a response in the time allotted, but may still be processing the request"
                .to_owned()
        }
        500.. => "an error on the server (\"unknown\") has prevented the request from succeeding".to_owned(),
        _ => format!("the server responded with the status code {code} but did not return more information"),
    }
}

/// The way out over real sockets.
pub struct HttpsEgress {
    rules: AddressRules,
    pool: Pool,
    clusters: Slots,
    hosts: Slots,
    calls: Arc<Semaphore>,
    /// Resolving a name takes a thread, which cannot be called back.
    resolutions: Arc<Semaphore>,
    /// How certificates are verified where a configuration has no bundle; read from the system at first use.
    system: OnceCell<Arc<ClientConfig>>,
    /// What drives the open connections; they end with this value.
    connections: Mutex<JoinSet<()>>,
    measures: Measures,
}

impl HttpsEgress {
    /// A way out under these rules.
    #[must_use]
    pub fn new(rules: AddressRules) -> Self {
        Self {
            rules,
            pool: Pool::default(),
            clusters: Slots::new(EGRESS_CALLS_PER_CLUSTER_MAX),
            hosts: Slots::new(EGRESS_CALLS_PER_HOST_MAX),
            calls: Arc::new(Semaphore::new(EGRESS_CALLS_MAX)),
            resolutions: Arc::new(Semaphore::new(EGRESS_RESOLUTIONS_MAX)),
            system: OnceCell::new(),
            connections: Mutex::default(),
            measures: Measures::new(),
        }
    }

    /// Writes what is counted of calls.
    pub fn write_metrics(&self, out: &mut Exposition) {
        self.measures.write(out, EGRESS_CALLS_MAX - self.calls.available_permits());
    }

    async fn call(&self, call: &Post, seconds: u64, deadline: Instant) -> Result<Bytes, Fault> {
        let slots = timeout_at(deadline, self.slots(call)).await;
        let Ok(_slots) = slots else { return Err(Fault::Busy) };
        let answer = timeout_at(deadline, self.attempt(call, seconds)).await;
        answer.unwrap_or(Err(Fault::TimedOut))
    }

    /// Waits for a place. Always in this order, so that nobody holds a place that another who waits for it needs first.
    async fn slots(&self, call: &Post) -> (Permit<'_>, Permit<'_>, Option<tokio::sync::OwnedSemaphorePermit>) {
        let cluster = self.clusters.take(call.cluster.as_str()).await;
        let host = self.hosts.take(call.endpoint.authority()).await;
        (cluster, host, Arc::clone(&self.calls).acquire_owned().await.ok())
    }

    async fn attempt(&self, call: &Post, seconds: u64) -> Result<Bytes, Fault> {
        let endpoint = &*call.endpoint;
        let destination = endpoint.destination();
        let mut unsent = request(call, seconds)?;
        // A connection that was kept may have been closed by the other side meanwhile; then nothing was sent on it.
        while let Some(mut sender) = self.pool.take(&destination) {
            match sender.send(unsent).await {
                Ok(answer) => return self.finish(sender, answer, call).await,
                Err((_, Some(request))) => unsent = request,
                Err((fault, None)) => return Err(fault),
            }
        }
        let tls = self.tls(endpoint.trust()).await?;
        let mut sender = connect::connect(endpoint, tls, &self.rules, self).await?;
        self.pool.share(&destination, &sender);
        let answer = sender.send(unsent).await.map_err(|(fault, _)| fault)?;
        self.finish(sender, answer, call).await
    }

    /// Reads the answer, and keeps the connection when all of it was read.
    async fn finish(&self, sender: Sender, answer: http::Response<Incoming>, call: &Post) -> Result<Bytes, Fault> {
        let status = answer.status();
        let body = Limited::new(answer.into_body(), EGRESS_ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => Fault::TooLarge,
            false => Fault::Broken(format!("the answer broke off: {error}")),
        })?;
        self.pool.give_back(call.endpoint.destination(), sender);
        if status.is_success() { Ok(body.to_bytes()) } else { Err(Fault::Status(status.as_u16())) }
    }

    async fn tls(&self, trust: &Trust) -> Result<Arc<ClientConfig>, Fault> {
        match trust {
            Trust::Bundle(config, _) => Ok(Arc::clone(config)),
            Trust::System => {
                let config = self.system.get_or_try_init(|| async {
                    let loaded = tokio::task::spawn_blocking(trust::system).await;
                    loaded.unwrap_or_else(|_| Err("the system's roots could not be read".to_owned()))
                });
                config.await.map(Arc::clone).map_err(Fault::Untrusted)
            }
        }
    }

    /// Drives a connection until it ends.
    fn drive(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        while connections.try_join_next().is_some() {}
        connections.spawn(connection);
    }
}

impl Egress for HttpsEgress {
    fn post(&self, call: Post) -> BoxFuture<'_, Result<Bytes, EgressError>> {
        Box::pin(async move {
            let patience = call.patience.min(EGRESS_PATIENCE_MAX);
            // As upstream, the other side is told in whole seconds, rounded up.
            let seconds = patience.as_millis().div_ceil(1000);
            let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
            let begun = Instant::now();
            let answer = self.call(&call, seconds, begun + patience).await;
            self.measures.ended(begun.elapsed(), answer.as_ref().err());
            answer.map_err(|fault| EgressError { url: format!("{}?timeout={seconds}s", call.endpoint.url()), fault })
        })
    }
}

impl fmt::Debug for HttpsEgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsEgress").field("rules", &self.rules).finish_non_exhaustive()
    }
}

fn request(call: &Post, seconds: u64) -> Result<http::Request<Full<Bytes>>, Fault> {
    let endpoint = &*call.endpoint;
    let request = http::Request::post(format!("{}?timeout={seconds}s", endpoint.url()))
        .header(HOST, endpoint.authority())
        .header(ACCEPT, "application/json, */*")
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_LENGTH, call.body.len())
        .header(USER_AGENT, concat!("hansed/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(call.body.clone()));
    request.map_err(|error| Fault::Broken(format!("the request cannot be written: {error}")))
}

/// The body of an answer, as upstream reads of a webhook. Above it the call has failed.
pub const EGRESS_ANSWER_BYTES_MAX: usize = 3 * 1024 * 1024;
/// The longest patience that a caller can have: that of conversion, and the most that a webhook's `timeoutSeconds` can be.
pub const EGRESS_PATIENCE_MAX: Duration = Duration::from_secs(30);
/// Calls at work at once. Above it a call waits as long as its patience lasts; so with the next two.
pub const EGRESS_CALLS_MAX: usize = 512;
/// Calls at work at once for one logical cluster.
pub const EGRESS_CALLS_PER_CLUSTER_MAX: usize = 64;
/// Calls at work at once to one host and port.
pub const EGRESS_CALLS_PER_HOST_MAX: usize = 128;
/// Names that are resolved at once.
pub const EGRESS_RESOLUTIONS_MAX: usize = 32;
/// Connections that are kept for the next call. Above it the longest unused is closed.
pub const EGRESS_IDLE_CONNECTIONS_MAX: usize = 128;
