//! What peers say to each other, and the certificates that they show.

use std::sync::LazyLock;

use bytes::Bytes;
use hanse_base::id::{DaemonId, RegionName};
use hanse_sync::cursor::{Changes, Cursor, Position};
use hanse_sync::fuzzing;
use hanse_sync::identity::{end_of, peer_of, peer_of_chain};
use hanse_sync::message::{Message, Notice, Refusal};
use hanse_sync::peer::PeerId;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};

use crate::input;
use crate::names;
use crate::target::Target;

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "sync-greeting", run: fuzzing::greeting, seeds: fuzzing::greetings },
    Target { name: "sync-message", run: message, seeds: messages },
    Target { name: "sync-certificate", run: certificate, seeds: certificates },
    Target { name: "sync-name", run: name, seeds: || vec![b"spiffe://f/region/eu/daemon/7".to_vec()] },
];

const FEDERATION: &str = "f";

/// A message of a session has one spelling.
fn message(frame: &[u8]) -> bool {
    let Ok(message) = Message::decode(Bytes::copy_from_slice(frame)) else { return false };
    assert_eq!(message.encode().as_deref(), Ok(frame), "{message:?}");
    if let Message::Changes(changes) = &message {
        let before =
            Position { next_sequence: changes.first_sequence, ..position(changes.document, changes.generation) };
        let mut cursor = Cursor::new([before]);
        let moved = cursor.advance(changes).is_ok();
        assert!(moved || changes.first_sequence.checked_add(changes.changes.len() as u64).is_none());
    }
    true
}

fn position(document: u32, generation: u32) -> Position {
    Position { document, generation, next_sequence: 5 }
}

fn messages() -> Vec<Vec<u8>> {
    let changes = vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")];
    let messages = [
        Message::Hello { group: names::group("eu"), cursor: Cursor::new([position(0, 0), position(1, 2)]), notice: 3 },
        Message::Changes(Changes { document: 1, generation: 2, first_sequence: 3, changes }),
        Message::CaughtUp { heads: vec![position(0, 0)] },
        Message::Notice(Notice { version: 4, bytes: Bytes::from_static(b"news") }),
        Message::Heartbeat,
        Message::Refused(Refusal::UnknownGroup),
    ];
    messages.iter().map(|message| message.encode().expect("seeds are short").to_vec()).collect()
}

/// A certificate alone, and a chain of two behind their lengths.
fn certificate(bytes: &[u8]) -> bool {
    let chain = input::frames(bytes);
    let named = peer_of_chain(&chain, FEDERATION);
    if let Ok(peer) = &named {
        assert_eq!(peer_of(chain[0], FEDERATION).as_ref(), Ok(peer));
        assert!(end_of(chain.iter().copied()).is_ok(), "it can be told when a chain ends");
    }
    named.is_ok() || peer_of(bytes, FEDERATION).is_ok()
}

/// A daemon's certificate and its authority's, in DER.
static CHAIN: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let keys = [(); 2].map(|()| KeyPair::generate().expect("a key is made"));
    let params = |uri: &str| {
        let mut params = CertificateParams::default();
        params.subject_alt_names.push(SanType::URI(uri.try_into().expect("it is ASCII")));
        params
    };
    let mut authority = params("spiffe://f/region/eu");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = authority.self_signed(&keys[0]).expect("it is signed").der().to_vec();
    let issuer = Issuer::new(authority, &keys[0]);
    let daemon = params("spiffe://f/region/eu/daemon/7").signed_by(&keys[1], &issuer).expect("it is signed");
    [daemon.der().to_vec(), own]
});

fn certificates() -> Vec<Vec<u8>> {
    vec![CHAIN[0].clone(), input::framed(CHAIN.iter())]
}

/// A daemon's name has one spelling.
fn name(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(region) = RegionName::new(&text) {
        let peer = PeerId { daemon: DaemonId(7), region };
        assert_eq!(PeerId::parse(&peer.uri(FEDERATION), FEDERATION), Ok(peer));
    }
    let Ok(peer) = PeerId::parse(&text, FEDERATION) else { return false };
    assert_eq!(peer.uri(FEDERATION), text);
    true
}
