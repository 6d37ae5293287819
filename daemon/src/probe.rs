//! Asks a daemon over HTTPS whether it is ready: one small request, no client library, never longer than a second or two.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Asks daemons whose server certificates one authority has signed.
#[derive(Clone)]
pub(crate) struct Probe {
    tls: Arc<ClientConfig>,
}

impl Probe {
    /// Trusts the authority.
    ///
    /// # Errors
    /// The text holds no certificate.
    pub(crate) fn new(authority_pem: &[u8]) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authority_pem) {
            roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls) })
    }

    /// The status of a GET, and the first line of its body. Blocks, for at most two [`STEP`]s without progress.
    ///
    /// # Errors
    /// Nothing listens, or what listens does not speak HTTP over TLS with a certificate of the authority.
    pub(crate) fn get(&self, address: SocketAddr, path: &str, token: Option<&str>) -> io::Result<(u16, String)> {
        let socket = TcpStream::connect_timeout(&address, STEP)?;
        socket.set_read_timeout(Some(STEP))?;
        socket.set_write_timeout(Some(STEP))?;
        let name = ServerName::IpAddress(address.ip().into());
        let session = ClientConnection::new(Arc::clone(&self.tls), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, socket);
        let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{authorization}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        match stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer) {
            // A server may close without saying so at the level of TLS; what came before is then judged by itself.
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
            _ => {}
        }
        parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
    }
}

pub(crate) fn parse(answer: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(answer);
    let status = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Some((status, body.lines().next().unwrap_or_default().to_owned()))
}

/// The longest time without progress.
const STEP: Duration = Duration::from_secs(1);
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_gives_its_status_and_first_line() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\na: b\r\n\r\nok\nmore"), Some((200, "ok".into())));
        assert_eq!(parse(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"), Some((503, String::new())));
        for junk in [&b""[..], b"HTTP/1.1", b"HTTP/1.1 abc", b"SSH-2.0", b"\xff\xfe"] {
            assert_eq!(parse(junk), None);
        }
    }
}
