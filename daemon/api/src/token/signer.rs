//! The key that signs tokens, and the compact form of RFC 7515 that it signs: ES256 and nothing else.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no ECDSA key of the curve P-256 in PKCS#8")]
pub struct KeyRefused;

/// A key pair with its id.
pub(super) struct Signer {
    key: EcdsaKeyPair,
    id: String,
}

impl Signer {
    /// Reads a PKCS#8 key (DER).
    ///
    /// # Errors
    /// It is of another form or of another curve.
    pub(super) fn new(pkcs8: &[u8]) -> Result<Self, KeyRefused> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &SystemRandom::new())
            .or(Err(KeyRefused))?;
        // As upstream, the hash of the public key as SubjectPublicKeyInfo, so that the same key has the same id everywhere.
        let mut hash = Sha256::new();
        hash.update(PUBLIC_KEY_HEAD);
        hash.update(key.public_key().as_ref());
        let id = URL_SAFE_NO_PAD.encode(hash.finalize());
        Ok(Self { key, id })
    }

    /// The payload with head and signature, in the compact form. `None` when the system has no randomness, which a signature
    /// needs: it is not the seam's, for two signatures with one random number would give the key away.
    pub(super) fn sign(&self, payload: &[u8]) -> Option<String> {
        let head = json!({"alg": ALGORITHM, "kid": self.id}).to_string();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Whether this key has signed it. What the head says of the algorithm is compared, never followed.
    pub(super) fn has_signed(&self, token: &Compact<'_>) -> bool {
        let Some(head) = decoded(token.head) else { return false };
        let Ok(head) = serde_json::from_slice::<Head>(&head) else { return false };
        if head.algorithm != ALGORITHM || head.critical.is_some() || head.key.is_some_and(|key| key != self.id) {
            return false;
        }
        let Some(signature) = decoded(token.signature) else { return false };
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref());
        key.verify(token.signed.as_bytes(), &signature).is_ok()
    }

    /// The public key as a JSON Web Key (RFC 7517).
    pub(super) fn public_key(&self) -> Value {
        // An uncompressed point: 4, then both coordinates.
        let point = self.key.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = point.split_at(point.len() / 2);
        json!({
            "use": "sig",
            "kty": "EC",
            "kid": self.id,
            "crv": "P-256",
            "alg": ALGORITHM,
            "x": URL_SAFE_NO_PAD.encode(x),
            "y": URL_SAFE_NO_PAD.encode(y),
        })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.id)
    }
}

/// A text of three parts; nothing about it is known to be true.
pub(super) struct Compact<'t> {
    head: &'t str,
    payload: &'t str,
    signature: &'t str,
    /// What the signature is about: head and payload with the dot between them.
    signed: &'t str,
}

impl<'t> Compact<'t> {
    /// Divides a text; `None` for one that is no token in the compact form, or longer than any that is signed here.
    pub(super) fn new(token: &'t str) -> Option<Self> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (head, payload) = signed.split_once('.')?;
        (!payload.contains('.')).then_some(Self { head, payload, signature, signed })
    }

    /// The payload's bytes.
    pub(super) fn payload(&self) -> Option<Vec<u8>> {
        decoded(self.payload)
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "alg")]
    algorithm: String,
    #[serde(rename = "kid", default)]
    key: Option<String>,
    /// Extensions that a reader must know: there is none that this one knows.
    #[serde(rename = "crit", default)]
    critical: Option<Value>,
}

fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

/// The one algorithm: ECDSA on P-256 with SHA-256.
pub(super) const ALGORITHM: &str = "ES256";
/// Longest token: it has to fit into a header, beside others.
pub(crate) const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// What stands before the point in the SubjectPublicKeyInfo (RFC 5480) of a key on P-256.
const PUBLIC_KEY_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
