//! From a listening socket to requests: TLS, HTTP/1.1 and HTTP/2, limits, and a stop that loses nothing.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::api::{Api, RequestBody};
use crate::authenticate::ClientCertificate;
use crate::limits::{
    ACCEPT_PAUSE, CONNECTIONS_MAX, HANDSHAKE_PATIENCE, HEADER_BYTES_MAX, HEADER_PATIENCE, PING_INTERVAL, PING_PATIENCE,
    PULSE_INTERVAL, SHUTDOWN_PATIENCE, STREAM_BUFFER_BYTES_MAX, STREAMS_PER_CONNECTION_MAX,
};
use crate::socket::Socket;

/// Certificates or keys that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate and the key do not fit, or are of a kind that is not supported.
    #[error("the server's certificate or key cannot be used: {0}")]
    Server(#[from] rustls::Error),
    /// The authorities that sign client certificates.
    #[error("the authority of client certificates cannot be used: {0}")]
    Clients(#[from] rustls::server::VerifierBuilderError),
}

/// Checks client certificates against these authorities. A client may come without one.
///
/// # Errors
/// None of the authorities can be used.
pub fn client_verifier(authorities: Vec<CertificateDer<'static>>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).allow_unauthenticated().build()?)
}

/// The TLS side of the listener: TLS 1.2 and 1.3, HTTP/2 preferred, client certificates where there is a verifier.
///
/// # Errors
/// The certificate and the key do not fit.
pub fn tls_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

impl Api {
    /// Serves the listener until `shutdown` turns true (or its sender is gone): then nothing more is accepted, watches end
    /// cleanly, requests in flight are finished, and what is not done after [`SHUTDOWN_PATIENCE`] is cut.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        tls: Arc<ServerConfig>,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let acceptor = TlsAcceptor::from(tls);
        let mut connections = JoinSet::new();
        loop {
            self.measures().connections_are(connections.len());
            self.pulse().beat();
            tokio::select! {
                // Within a block of its own, because the guard that it gives cannot be held over the wait below.
                () = async { drop(shutdown.wait_for(|stop| *stop).await) } => break,
                Some(ended) = connections.join_next() => log_panic(ended),
                () = tokio::time::sleep(PULSE_INTERVAL) => {}
                accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                    Ok((stream, _)) => {
                        self.measures().connections_accepted.count();
                        connections.spawn(connection(Arc::clone(&self), acceptor.clone(), stream));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        // Without the pause a lack of file descriptors would spin.
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        self.close();
        let drained = async {
            while let Some(ended) = connections.join_next().await {
                log_panic(ended);
            }
        };
        if tokio::time::timeout(SHUTDOWN_PATIENCE, drained).await.is_err() {
            tracing::warn!(connections = connections.len(), "connections are cut: their requests did not end in time");
            connections.shutdown().await;
        }
    }
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked");
    }
}

/// One connection from its handshake to its end.
async fn connection(api: Arc<Api>, acceptor: TlsAcceptor, stream: TcpStream) {
    // Answers are written whole: waiting for more would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY is not set");
    }
    let stream = match tokio::time::timeout(HANDSHAKE_PATIENCE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            api.measures().handshakes_failed.count();
            return tracing::debug!(%error, "a TLS handshake failed");
        }
        Err(_) => {
            api.measures().handshakes_failed.count();
            return tracing::debug!("a TLS handshake took too long");
        }
    };
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let chain: Vec<Vec<u8>> = chain.iter().map(|certificate| certificate.to_vec()).collect();
    let certificate = if chain.is_empty() { None } else { ClientCertificate::new(chain) };
    let mut closing = api.closing();
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let (api, certificate) = (Arc::clone(&api), certificate.clone());
        async move { Ok::<_, Infallible>(api.answer(request.map(RequestBody::Incoming), certificate.as_ref()).await) }
    });
    let builder = builder();
    let socket = Socket::new(stream);
    let served = builder.serve_connection(TokioIo::new(socket.clone()), service);
    tokio::pin!(served);
    let closed = async { drop(closing.wait_for(|closing| *closing).await) };
    let result = tokio::select! {
        result = socket.gathering(served.as_mut()) => result,
        () = closed => {
            served.as_mut().graceful_shutdown();
            socket.gathering(served.as_mut()).await
        }
    };
    if let Some(Err(error)) = result {
        tracing::debug!(%error, "a connection ended with an error");
    }
}

/// The limits of one connection.
fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(HEADER_BYTES_MAX as usize + 16 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .max_send_buf_size(STREAM_BUFFER_BYTES_MAX)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_PATIENCE);
    builder
}
