//! What a daemon proves itself with, and what a certificate says about its holder.

use std::fmt;
use std::time::{Duration, SystemTime};

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::peer::{PeerId, PeerIdError};

/// Our certificate, its key, and the authorities that peers must chain to. All in DER.
#[derive(Clone)]
pub struct Identity {
    /// Our certificate first, then the intermediates up to, and without, a root.
    pub certificates: Vec<Vec<u8>>,
    /// The private key of the first certificate: PKCS#8, SEC1 or PKCS#1.
    pub key: Vec<u8>,
    /// The roots of the federation.
    pub roots: Vec<Vec<u8>>,
}

impl fmt::Debug for Identity {
    /// Leaves the key out, so that it never reaches a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { certificates, key: _, roots } = self;
        f.debug_struct("Identity")
            .field("certificates", &certificates.len())
            .field("roots", &roots.len())
            .finish_non_exhaustive()
    }
}

/// A certificate does not name a daemon of this federation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The bytes are not an X.509 certificate.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// The certificate has no URI among its alternative names, or more than one (SPIFFE's X.509-SVID rules).
    #[error("the certificate must have exactly one URI name, it has {0}")]
    Names(usize),
    /// The URI is not the name of a daemon of this federation.
    #[error(transparent)]
    Name(#[from] PeerIdError),
    /// The certificate names another daemon or region than the one expected.
    #[error("the certificate is of daemon {found_daemon} in region {found_region}, expected was {expected}")]
    Mismatch {
        /// The daemon that the certificate names.
        found_daemon: u64,
        /// The region that the certificate names.
        found_region: String,
        /// Whom the configuration expects.
        expected: String,
    },
}

impl IdentityError {
    pub(crate) fn mismatch(found: &PeerId, expected: &PeerId) -> Self {
        Self::Mismatch {
            found_daemon: found.daemon.0,
            found_region: found.region.to_string(),
            expected: format!("daemon {} in region {}", expected.daemon, expected.region),
        }
    }
}

/// The daemon that a certificate names. Says nothing about whether the certificate is to be trusted.
///
/// # Errors
/// The certificate names no daemon of this federation.
pub fn peer_of(certificate: &[u8], federation: &str) -> Result<PeerId, IdentityError> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return Err(IdentityError::Unreadable) };
    let Ok(names) = parsed.subject_alternative_name() else { return Err(IdentityError::Unreadable) };
    let general_names = names.as_ref().map_or(&[][..], |names| &names.value.general_names);
    let uris = general_names.iter().filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None });
    let uris: Vec<&str> = uris.collect();
    let [uri] = uris[..] else { return Err(IdentityError::Names(uris.len())) };
    Ok(PeerId::parse(uri, federation)?)
}

/// When the first of these certificates ends.
///
/// # Errors
/// One of them cannot be read, or there is none.
pub fn end_of<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Result<SystemTime, IdentityError> {
    let mut first: Option<SystemTime> = None;
    for certificate in certificates {
        let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return Err(IdentityError::Unreadable) };
        let seconds = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
        let end = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or(IdentityError::Unreadable)?;
        first = Some(first.map_or(end, |first| first.min(end)));
    }
    first.ok_or(IdentityError::Unreadable)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::{IdentityError, end_of, peer_of};

    fn certificate(uris: &[&str]) -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        parameters.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_names_exactly_one_daemon() {
        let name = "spiffe://hansa/region/eu/daemon/7";
        assert_eq!(peer_of(&certificate(&[name]), "hansa").unwrap().daemon.0, 7);
        assert_eq!(peer_of(&certificate(&[]), "hansa"), Err(IdentityError::Names(0)));
        assert_eq!(peer_of(&certificate(&[name, name]), "hansa"), Err(IdentityError::Names(2)));
        assert_eq!(peer_of(b"junk", "hansa"), Err(IdentityError::Unreadable));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..600), place: usize, byte: u8) {
            drop(peer_of(&bytes, "hansa"));
            let mut damaged = certificate(&["spiffe://hansa/region/eu/daemon/7"]);
            let place = place % damaged.len();
            damaged[place] = byte;
            drop(peer_of(&damaged, "hansa"));
            drop(end_of([&damaged[..]]));
        }
    }
}
