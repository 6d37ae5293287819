//! A new connection: from a name to an HTTP conversation.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::egress::address::AddressRules;
use crate::egress::endpoint::Endpoint;
use crate::egress::{Fault, HttpsEgress, trust};

/// What sends requests on an open connection.
pub(crate) enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

type Request = http::Request<Full<Bytes>>;

impl Sender {
    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// With the request, when nothing of it was sent.
    pub(crate) async fn send(
        &mut self,
        request: Request,
    ) -> Result<http::Response<Incoming>, (Fault, Option<Request>)> {
        let ready = match self {
            Self::Http1(sender) => sender.ready().await,
            Self::Http2(sender) => sender.ready().await,
        };
        if let Err(error) = ready {
            return Err((broken(&error), Some(request)));
        }
        let answer = match self {
            Self::Http1(sender) => sender.try_send_request(request).await,
            Self::Http2(sender) => sender.try_send_request(request).await,
        };
        answer.map_err(|mut error| {
            let request = error.take_message();
            (broken(error.error()), request)
        })
    }

    /// Whether no request can be sent any more.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_closed(),
            Self::Http2(sender) => sender.is_closed(),
        }
    }

    /// Another sender on the same connection, where the protocol has room for several conversations.
    pub(crate) fn shared(&self) -> Option<Self> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(sender) => Some(Self::Http2(sender.clone())),
        }
    }
}

fn broken(error: &hyper::Error) -> Fault {
    if error.is_closed() || error.is_incomplete_message() || error.is_canceled() {
        return Fault::Broken("EOF".to_owned());
    }
    Fault::Broken(format!("the server does not answer in HTTP: {error}"))
}

/// Opens a connection.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    tls: Arc<ClientConfig>,
    rules: &AddressRules,
    egress: &HttpsEgress,
) -> Result<Sender, Fault> {
    let addresses = resolve(endpoint, &egress.resolutions).await?;
    let stream = tls_stream(endpoint, tls, tcp(&addresses, rules).await?).await?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let io = TokioIo::new(stream);
    if http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.max_header_list_size(HEADER_BYTES_MAX).initial_stream_window_size(WINDOW_BYTES);
        builder.initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        // A shared connection whose other side has vanished must not swallow one call after the other.
        builder.timer(TokioTimer::new()).keep_alive_interval(PING_INTERVAL).keep_alive_timeout(PING_PATIENCE);
        let (sender, connection) = builder.handshake(io).await.map_err(|error| broken(&error))?;
        egress.drive(async move { drop(connection.await) });
        return Ok(Sender::Http2(sender));
    }
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEADER_BYTES_MAX as usize);
    let (sender, connection) = builder.handshake(io).await.map_err(|error| broken(&error))?;
    egress.drive(async move { drop(connection.await) });
    Ok(Sender::Http1(sender))
}

/// The addresses of the host. A thread that waits for a name server that is silent holds its place until it is done.
async fn resolve(endpoint: &Endpoint, places: &Arc<Semaphore>) -> Result<Vec<SocketAddr>, Fault> {
    let (host, port) = (endpoint.host().to_owned(), endpoint.port());
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let place = Arc::clone(places).acquire_owned().await;
    let name = host.clone();
    let found = tokio::task::spawn_blocking(move || {
        let _place = place;
        (name.as_str(), port).to_socket_addrs().map(|found| found.take(ADDRESSES_MAX).collect::<Vec<_>>())
    });
    let unresolved = |why: &str| Fault::Unresolved(host.clone(), why.to_owned());
    match found.await {
        Ok(Ok(found)) if !found.is_empty() => Ok(found),
        // What the resolver says beyond this is about this machine.
        _ => Err(unresolved("no such host")),
    }
}

/// The first of the addresses that may be called and that answers.
async fn tcp(addresses: &[SocketAddr], rules: &AddressRules) -> Result<TcpStream, Fault> {
    let mut last = None;
    for address in addresses {
        if !rules.allow(address.ip()) {
            last = last.or(Some(Fault::ForbiddenAddress(address.ip())));
            continue;
        }
        let unreachable = |why: String| Some(Fault::Unreachable(address.to_string(), why));
        match tokio::time::timeout(CONNECT_PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(|error| Fault::Broken(error.to_string()))?;
                return Ok(stream);
            }
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                last = unreachable("connection refused".to_owned());
            }
            Ok(Err(error)) => last = unreachable(error.to_string()),
            Err(_) => last = unreachable("i/o timeout".to_owned()),
        }
    }
    Err(last.unwrap_or_else(|| Fault::Broken("the host has no address".to_owned())))
}

async fn tls_stream(
    endpoint: &Endpoint,
    config: Arc<ClientConfig>,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Fault> {
    let handshake = TlsConnector::from(config).connect(endpoint.server_name(), stream);
    let stream = handshake.await.map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset => Fault::Broken("EOF".to_owned()),
        _ => Fault::Untrusted(trust::complaint(&error)),
    })?;
    Ok(stream)
}

/// One address that does not answer must not take all the time that a call has.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// Between two pings while calls are under way, and the wait for an answer to one.
const PING_INTERVAL: Duration = Duration::from_secs(4);
const PING_PATIENCE: Duration = Duration::from_secs(4);
/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 8;
/// All headers of an answer.
const HEADER_BYTES_MAX: u32 = 64 * 1024;
/// What the other side may send on one stream, or on a connection, before it was read.
const WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
