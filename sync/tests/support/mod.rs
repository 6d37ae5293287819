//! A federation of meshes in one process: keys, sockets, and a cable that can be cut.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hanse_base::id::{DaemonId, RegionName};
use hanse_sync::identity::Identity;
use hanse_sync::lane::Lane;
use hanse_sync::limit::Limits;
use hanse_sync::mesh::{Incoming, LinkState, Mesh, MeshConfig};
use hanse_sync::peer::Peer;
use hanse_sync::stream::Stream;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The root of a federation, and the authorities of its regions.
#[derive(Clone)]
pub struct Authority {
    root: Arc<CertifiedIssuer<'static, KeyPair>>,
    regions: Arc<Mutex<BTreeMap<String, Arc<CertifiedIssuer<'static, KeyPair>>>>>,
}

fn issuer(name: Option<&str>, below: u8) -> CertificateParams {
    let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    parameters.distinguished_name.push(DnType::CommonName, name.unwrap_or("root"));
    parameters.subject_alt_names = name.into_iter().map(uri).collect();
    parameters
}

fn uri(name: &str) -> SanType {
    SanType::URI(name.try_into().expect("ascii"))
}

impl Authority {
    pub fn new() -> Self {
        let root = CertifiedIssuer::self_signed(issuer(None, 1), KeyPair::generate().expect("key"));
        Self { root: Arc::new(root.expect("certificate")), regions: Arc::default() }
    }

    pub fn root(&self) -> Vec<u8> {
        self.root.der().to_vec()
    }

    fn of(&self, region: &str) -> Arc<CertifiedIssuer<'static, KeyPair>> {
        let mut regions = self.regions.lock().expect("no panic");
        let made = regions.entry(region.to_owned()).or_insert_with(|| {
            let parameters = issuer(Some(&format!("spiffe://hansa/region/{region}")), 0);
            let key = KeyPair::generate().expect("key");
            Arc::new(CertifiedIssuer::signed_by(parameters, key, &self.root).expect("certificate"))
        });
        Arc::clone(made)
    }

    /// What a daemon of this name proves itself with.
    pub fn identity(&self, daemon: u64, region: &str) -> Identity {
        self.identity_for(daemon, region, Duration::from_secs(3600))
    }

    /// The same, for so long from now.
    pub fn identity_for(&self, daemon: u64, region: &str, life: Duration) -> Identity {
        let authority = self.of(region);
        self.signed(&daemon_parameters(daemon, region, life), &authority, &[&authority])
    }

    /// What the authority of another region says of a daemon.
    pub fn identity_by(&self, authority: &str, daemon: u64, region: &str) -> Identity {
        let authority = self.of(authority);
        self.signed(&daemon_parameters(daemon, region, Duration::from_secs(3600)), &authority, &[&authority])
    }

    /// What the root itself says of a daemon, with the authority of its region beside it or without.
    pub fn identity_by_root(&self, daemon: u64, region: &str, beside: bool) -> Identity {
        let authority = self.of(region);
        let chain = if beside { &[&authority][..] } else { &[] };
        self.signed(
            &daemon_parameters(daemon, region, Duration::from_secs(3600)),
            &self.root,
            &chain.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
        )
    }

    fn signed(
        &self,
        parameters: &CertificateParams,
        by: &CertifiedIssuer<'static, KeyPair>,
        beside: &[&CertifiedIssuer<'static, KeyPair>],
    ) -> Identity {
        let key = KeyPair::generate().expect("key");
        let certificate = parameters.signed_by(&key, by).expect("certificate");
        let mut certificates = vec![certificate.der().to_vec()];
        certificates.extend(beside.iter().map(|authority| authority.der().to_vec()));
        Identity { certificates, key: key.serialize_der(), roots: vec![self.root()] }
    }
}

fn daemon_parameters(daemon: u64, region: &str, life: Duration) -> CertificateParams {
    let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
    parameters.subject_alt_names = vec![uri(&format!("spiffe://hansa/region/{region}/daemon/{daemon}"))];
    parameters.not_before = (SystemTime::now() - Duration::from_secs(60)).into();
    parameters.not_after = (SystemTime::now() + life).into();
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    parameters
}

/// A socket on a free port.
pub fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("address");
    (socket, address)
}

pub fn peer(daemon: u64, region: &str, address: SocketAddr) -> Peer {
    Peer { daemon: DaemonId(daemon), region: RegionName::new(region).expect("region"), address }
}

/// A mesh and what peers open on it.
pub struct Member {
    pub mesh: Mesh,
    pub incoming: mpsc::Receiver<Incoming>,
}

pub fn start(socket: UdpSocket, me: Peer, peers: Vec<Peer>, identity: Identity, limits: Limits) -> Member {
    let listen = socket.local_addr().expect("address");
    let config = MeshConfig { federation: "hansa".to_owned(), me, peers, identity, listen, limits };
    let (mesh, incoming) = Mesh::start_on(config, socket).expect("the mesh starts");
    Member { mesh, incoming }
}

/// Members 1, 2, ... each in a region of its own (`r1`, `r2`, ...), all knowing each other.
pub fn federation(count: u64, limits: &Limits) -> Vec<Member> {
    let authority = Authority::new();
    let places: Vec<_> = (1..=count).map(|daemon| (daemon, socket())).collect();
    let peers: Vec<Peer> =
        places.iter().map(|(daemon, (_, address))| peer(*daemon, &format!("r{daemon}"), *address)).collect();
    let member = |(daemon, (socket, _)): (u64, (UdpSocket, SocketAddr))| {
        let me = peers.iter().find(|peer| peer.daemon.0 == daemon).expect("it is there").clone();
        let others = peers.iter().filter(|peer| peer.daemon.0 != daemon).cloned().collect();
        let identity = authority.identity(daemon, me.region.as_str());
        start(socket, me, others, identity, limits.clone())
    };
    places.into_iter().map(member).collect()
}

/// The same, once all of them are linked: on a busy machine a dial can take longer than an opener waits for it.
pub async fn linked(count: u64, limits: &Limits) -> Vec<Member> {
    let members = federation(count, limits);
    let up = |state: &LinkState| matches!(state, LinkState::Connected { .. });
    let linked = |member: &Member| member.mesh.links().iter().all(|link| up(&link.state) && up(&link.bulk));
    until(async || members.iter().all(linked)).await;
    members
}

/// Answers each stream with the frame that it began with.
pub fn echo(mut incoming: mpsc::Receiver<Incoming>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut streams = JoinSet::new();
        while let Some(mut incoming) = incoming.recv().await {
            streams.spawn(async move {
                if let Ok(Some(frame)) = incoming.stream.read_frame(usize::MAX).await {
                    drop(incoming.stream.answer(frame).await);
                }
            });
            while streams.try_join_next().is_some() {}
        }
    });
    tasks
}

/// Asks again and again until the condition holds; the test's own limit ends it otherwise.
pub async fn until(mut holds: impl AsyncFnMut() -> bool) {
    while !holds().await {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A stream, as soon as there is a link for it. That a call works says nothing of it: carried streams have a link of their
/// own, which on a busy machine comes later.
pub async fn opened(mesh: &Mesh, to: DaemonId, lane: Lane) -> Stream {
    loop {
        match mesh.open(to, lane).await {
            Ok(stream) => return stream,
            Err(_not_yet) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// A QUIC client that is no mesh: it has a certificate, believes everyone, and speaks any protocol.
pub async fn stranger(identity: &Identity, protocol: &[u8], to: SocketAddr) -> Result<quinn::Connection, String> {
    dial(Some(identity), protocol, to).await
}

/// The same without a certificate.
pub async fn stranger_without_certificate(protocol: &[u8], to: SocketAddr) -> Result<quinn::Connection, String> {
    dial(None, protocol, to).await
}

async fn dial(identity: Option<&Identity>, protocol: &[u8], to: SocketAddr) -> Result<quinn::Connection, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(BelievesAll(provider)));
    let mut config = match identity {
        Some(identity) => {
            let certificates = identity.certificates.iter().map(|der| der.clone().into()).collect();
            let key = identity.key.clone().try_into().expect("a key");
            config.with_client_auth_cert(certificates, key).expect("an identity")
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(config).expect("a suite");
    let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().expect("address")).expect("a free port");
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
    let connecting = endpoint.connect(to, "daemon.test").map_err(|error| error.to_string())?;
    connecting.await.map_err(|error| error.to_string())
}

#[derive(Debug)]
struct BelievesAll(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for BelievesAll {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A cable from a near end to a far socket that carries datagrams both ways until it is cut.
pub struct Cable {
    pub near: SocketAddr,
    cut: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl Cable {
    pub fn lay(far: SocketAddr) -> Self {
        let (near_socket, near) = socket();
        let (far_socket, _) = socket();
        let cut = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        tasks.spawn(carry(tokio_socket(near_socket), tokio_socket(far_socket), far, Arc::clone(&cut)));
        Self { near, cut, _tasks: tasks }
    }

    pub fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    pub fn heal(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }
}

fn tokio_socket(socket: UdpSocket) -> tokio::net::UdpSocket {
    socket.set_nonblocking(true).expect("non-blocking");
    tokio::net::UdpSocket::from_std(socket).expect("a socket of the runtime")
}

async fn carry(near: tokio::net::UdpSocket, far: tokio::net::UdpSocket, to: SocketAddr, cut: Arc<AtomicBool>) {
    let (mut there, mut back) = (vec![0; 65_536], vec![0; 65_536]);
    let mut client = None;
    loop {
        tokio::select! {
            Ok((count, from)) = near.recv_from(&mut there) => {
                client = Some(from);
                if !cut.load(Ordering::SeqCst) {
                    drop(far.send_to(&there[..count], to).await);
                }
            }
            Ok((count, _)) = far.recv_from(&mut back) => {
                if let (Some(client), false) = (client, cut.load(Ordering::SeqCst)) {
                    drop(near.send_to(&back[..count], client).await);
                }
            }
        }
    }
}
