//! Who is on the other end: TLS 1.3 with certificates both ways, checked against the federation's roots before the first
//! byte of ours is sent to an accepted peer or believed from a dialed one. Whether a daemon that has proved its name may
//! talk to us is looked up behind the handshake, so that one that may not hears why.
//!
//! Who speaks [`crate::join`]'s protocol has no certificate. Until a connection has proved itself, whatever it speaks, it
//! may send no more than [`HALF_OPEN_BYTES_MAX`] and open one stream.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hanse_base::random::{Random, SystemRandom};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig, IdleTimeout, TransportConfig, VarInt};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::error::MeshError;
use crate::identity::{Identity, IdentityError, end_of, peer_of_chain};
use crate::join::{self, Target};
use crate::limit::Limits;
use crate::peer::PeerId;

/// The protocol and its version. A later version offers both during a rolling upgrade.
const PROTOCOL: &[u8] = b"hanse/1";
/// TLS wants a name; daemons are known by their certificate's URI, so the name is the same for all and not sent.
pub(crate) const SERVER_NAME: &str = "daemon.hanse.invalid";
/// What a round trip is taken for until one is measured. QUIC's 333 ms would make a lost first packet cost a second.
const INITIAL_ROUND_TRIP: Duration = Duration::from_millis(100);
/// What one connection may send before it is accepted, and once more before it has proved itself. (A request to join fits
/// in, and no more.)
const HALF_OPEN_BYTES_MAX: u32 = 80 << 10;
/// No link is older, whatever its certificates say.
const LINK_AGE_MAX: Duration = Duration::from_secs(400 * 24 * 3600);

/// Everything that dialing and accepting need to know about identities, for as long as ours stays the same.
pub(crate) struct Tls {
    federation: String,
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// When the first of our certificates ends.
    end: SystemTime,
    roots: Arc<RootCertStore>,
    root_certificates: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
    transport: Arc<TransportConfig>,
    accepting: Option<Arc<quinn::ServerConfig>>,
}

impl fmt::Debug for Tls {
    /// Leaves the key out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("federation", &self.federation).field("end", &self.end).finish_non_exhaustive()
    }
}

impl Tls {
    /// Checks that the identity can be used and says that we are `me`.
    pub(crate) fn new(federation: &str, me: &PeerId, identity: &Identity, limits: &Limits) -> Result<Self, MeshError> {
        let mut roots = RootCertStore::empty();
        for root in &identity.roots {
            roots.add(CertificateDer::from(root.clone())).map_err(tls_error)?;
        }
        let named = peer_of_chain(&identity.certificates, federation)?;
        if named != *me {
            return Err(IdentityError::mismatch(&named, me).into());
        }
        let end = end_of(identity.certificates.iter().map(Vec::as_slice))?;
        let key = PrivateKeyDer::try_from(identity.key.clone()).map_err(tls_error)?;
        let mut tls = Self {
            federation: federation.to_owned(),
            certificates: identity.certificates.iter().map(|der| CertificateDer::from(der.clone())).collect(),
            key,
            end,
            roots: Arc::new(roots),
            root_certificates: identity.roots.iter().map(|der| CertificateDer::from(der.clone())).collect(),
            provider: Arc::new(ring::default_provider()),
            transport: Arc::new(transport(limits)?),
            accepting: None,
        };
        tls.accepting = Some(Arc::new(tls.accept_config(limits)?));
        Ok(tls)
    }

    /// How to accept with this identity.
    ///
    /// # Panics
    /// Never: [`Tls::new`] made it.
    pub(crate) fn accepting(&self) -> Arc<quinn::ServerConfig> {
        Arc::clone(self.accepting.as_ref().expect("it was made with the rest"))
    }

    /// When the first of our certificates ends.
    pub(crate) const fn end(&self) -> SystemTime {
        self.end
    }

    /// When a link on this connection must end: with the first certificate, ours or the peer's, that does.
    pub(crate) fn end_of(&self, connection: &quinn::Connection) -> Instant {
        let chain = chain_of(connection);
        // An unreadable end is none: the handshake has checked that there is one.
        let theirs = end_of(chain.iter().map(|certificate| certificate.as_ref())).unwrap_or(SystemTime::UNIX_EPOCH);
        let left = self.end.min(theirs).duration_since(SystemTime::now()).unwrap_or_default();
        Instant::now() + left.min(LINK_AGE_MAX)
    }

    /// How to dial one peer: nobody else is believed.
    pub(crate) fn dial_config(&self, expected: PeerId) -> Result<quinn::ClientConfig, MeshError> {
        let judge = Judge::One { federation: self.federation.clone(), expected, roots: Arc::clone(&self.roots) };
        let verifier = Server { provider: Arc::clone(&self.provider), judge };
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(tls_error)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_auth_cert(self.certificates.clone(), self.key.clone_key())
            .map_err(tls_error)?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.enable_sni = false;
        // A resumed session would not look at certificates again, and early data can be replayed.
        config.resumption = Resumption::disabled();
        let mut config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).map_err(tls_error)?));
        config.transport_config(Arc::clone(&self.transport));
        Ok(config)
    }

    fn accept_config(&self, limits: &Limits) -> Result<quinn::ServerConfig, MeshError> {
        let chains = WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::clone(&self.provider));
        let chain = chains.build().map_err(tls_error)?;
        let verifier = Accepted { federation: self.federation.clone(), chain };
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(tls_error)?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(Arc::new(self.shown()?));
        config.alpn_protocols = vec![PROTOCOL.to_vec(), join::PROTOCOL.to_vec()];
        config.send_tls13_tickets = 0;
        let crypto = QuicServerConfig::try_from(config).map_err(tls_error)?;
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
        let mut transport = transport(limits)?;
        transport
            .max_concurrent_bidi_streams(VarInt::from_u32(1))
            .receive_window(VarInt::from_u32(HALF_OPEN_BYTES_MAX));
        config
            .transport_config(Arc::new(transport))
            .max_incoming(limits.half_open_max)
            .incoming_buffer_size(u64::from(HALF_OPEN_BYTES_MAX))
            .incoming_buffer_size_total(u64::from(HALF_OPEN_BYTES_MAX) * limits.half_open_max as u64);
        Ok(config)
    }

    /// What we show, by whom we show it to.
    fn shown(&self) -> Result<Shown, MeshError> {
        // Refuses a key that is not the certificate's.
        let to_peers = CertifiedKey::from_der(self.certificates.clone(), self.key.clone_key(), &self.provider);
        let to_peers = to_peers.map_err(tls_error)?;
        let with_roots = self.certificates.iter().chain(&self.root_certificates).cloned().collect();
        let to_joiners = CertifiedKey::new(with_roots, Arc::clone(&to_peers.key));
        Ok(Shown { to_peers: Arc::new(to_peers), to_joiners: Arc::new(to_joiners) })
    }

    /// The endpoint's own settings.
    ///
    /// Packets of a link that we do not know are answered by a QUIC stateless reset (RFC 9000 §10.3), made with a key
    /// that follows from our private key. So, when this process has crashed and is started again, a peer that still
    /// believes in a link to the crashed one learns better with its next packet.
    pub(crate) fn endpoint_config(&self) -> EndpointConfig {
        let root = ::ring::hmac::Key::new(::ring::hmac::HMAC_SHA256, self.key.secret_der());
        let derived = ::ring::hmac::sign(&root, b"hanse stateless reset v1");
        let key = ::ring::hmac::Key::new(::ring::hmac::HMAC_SHA256, derived.as_ref());
        let mut config = EndpointConfig::new(Arc::new(key));
        config.cid_generator(|| Box::new(RandomConnectionIds));
        config
    }

    /// The daemon behind a connection whose handshake is complete.
    pub(crate) fn peer_of(&self, connection: &quinn::Connection) -> Result<PeerId, IdentityError> {
        peer_of_chain(&chain_of(connection), &self.federation)
    }
}

/// Lets a peer that has proved itself send and open as much as the limits say.
pub(crate) fn open_up(connection: &quinn::Connection, limits: &Limits) {
    connection.set_receive_window(VarInt::from_u32(limits.link_window_bytes));
    connection.set_max_concurrent_bi_streams(VarInt::from_u32(limits.streams_max));
}

/// The certificates that the other side has shown.
pub(crate) fn chain_of(connection: &quinn::Connection) -> Vec<CertificateDer<'static>> {
    let identity = connection.peer_identity();
    identity.and_then(|identity| identity.downcast().ok()).map_or_else(Vec::new, |chain| *chain)
}

fn transport(limits: &Limits) -> Result<TransportConfig, MeshError> {
    let Ok(idle_timeout) = IdleTimeout::try_from(limits.idle_timeout) else {
        return Err(MeshError::Config("the idle timeout is too long"));
    };
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(limits.streams_max))
        // For greetings only.
        .max_concurrent_uni_streams(VarInt::from_u32(1))
        .stream_receive_window(VarInt::from_u32(limits.stream_window_bytes))
        .receive_window(VarInt::from_u32(limits.link_window_bytes))
        .send_window(u64::from(limits.send_window_bytes))
        .max_idle_timeout(Some(idle_timeout))
        .keep_alive_interval(Some(limits.keep_alive))
        .initial_rtt(INITIAL_ROUND_TRIP)
        .datagram_receive_buffer_size(None);
    Ok(transport)
}

fn tls_error(error: impl fmt::Display) -> MeshError {
    MeshError::Tls(error.to_string())
}

fn not_welcome(error: IdentityError) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(NotWelcome(error)))))
}

/// rustls shows the errors of verifiers in their debug form: this one is made to be read.
struct NotWelcome(IdentityError);

impl fmt::Debug for NotWelcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for NotWelcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for NotWelcome {}

/// Our certificates. A joiner knows the root by its fingerprint alone, so it is shown the root, too.
#[derive(Debug)]
struct Shown {
    to_peers: Arc<CertifiedKey>,
    to_joiners: Arc<CertifiedKey>,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let peers = hello.alpn().is_some_and(|mut protocols| protocols.any(|protocol| protocol == PROTOCOL));
        Some(Arc::clone(if peers { &self.to_peers } else { &self.to_joiners }))
    }
}

/// Judges whoever answers a dial.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) judge: Judge,
}

/// Whom to believe.
#[derive(Debug)]
pub(crate) enum Judge {
    /// One daemon only.
    One { federation: String, expected: PeerId, roots: Arc<RootCertStore> },
    /// Every daemon below a root that is known by its fingerprint, and shown with the rest.
    Below(Target),
}

impl Judge {
    fn judge(
        &self,
        shown: &[CertificateDer<'_>],
        check: impl Fn(&RootCertStore) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self {
            Self::One { federation, expected, roots } => {
                check(roots)?;
                let found = peer_of_chain(shown, federation).map_err(not_welcome)?;
                if found == *expected { Ok(()) } else { Err(not_welcome(IdentityError::mismatch(&found, expected))) }
            }
            Self::Below(target) => {
                let is_root = |certificate: &&CertificateDer<'_>| {
                    ::ring::digest::digest(&::ring::digest::SHA256, certificate).as_ref() == target.root_sha256
                };
                let Some(root) = shown.iter().find(is_root) else { return Err(not_welcome(IdentityError::Root)) };
                let mut roots = RootCertStore::empty();
                roots.add(root.clone().into_owned())?;
                check(&roots)?;
                // The chain is the first two; behind it are roots.
                let chain = shown.get(..2).ok_or_else(|| not_welcome(IdentityError::Chain(shown.len())))?;
                let found = peer_of_chain(chain, &target.federation).map_err(not_welcome)?;
                match &target.region {
                    Some(region) if *region != found.region => {
                        let expected = PeerId { daemon: found.daemon, region: region.clone() };
                        Err(not_welcome(IdentityError::mismatch(&found, &expected)))
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

impl ServerCertVerifier for Server {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let shown: Vec<CertificateDer<'_>> = std::iter::once(end_entity).chain(intermediates).cloned().collect();
        self.judge.judge(&shown, |roots| {
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)
        })?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Believes every daemon of the federation.
#[derive(Debug)]
struct Accepted {
    federation: String,
    chain: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for Accepted {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        let shown: Vec<&CertificateDer<'_>> = std::iter::once(end_entity).chain(intermediates).collect();
        peer_of_chain(&shown, &self.federation).map_err(not_welcome)?;
        Ok(verified)
    }

    /// Joiners have none. Whoever speaks the mesh's protocol without one is turned away at the door.
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// Connection ids that say nothing. (quinn's own carry a tag made with a key drawn at each start, and packets without
/// the right tag are dropped instead of answered with a stateless reset.)
struct RandomConnectionIds;

const CONNECTION_ID_BYTES: usize = 8;

impl ConnectionIdGenerator for RandomConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut bytes = [0; CONNECTION_ID_BYTES];
        SystemRandom.fill(&mut bytes);
        ConnectionId::new(&bytes)
    }

    fn cid_len(&self) -> usize {
        CONNECTION_ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}
