//! What a daemon proves itself with, and what certificates say about their holder.
//!
//! The federation's root signs one authority for each region, and an authority signs the daemons of its region. So a
//! region that falls into wrong hands can pretend to be its own daemons only: see [`peer_of_chain`].

use std::fmt;
use std::time::{Duration, SystemTime};

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::peer::{PeerId, PeerIdError, parse_authority_uri};

/// Our certificate, its key, and the authorities that peers must chain to. All in DER.
#[derive(Clone)]
pub struct Identity {
    /// Our certificate, then that of our region's authority.
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
    /// The certificates are not those of a daemon and of its region's authority.
    #[error("a daemon shows its own certificate and that of its region's authority, this one shows {0} certificates")]
    Chain(usize),
    /// The authority is of another region than the daemon.
    #[error("the certificate of a daemon in region {region} was signed by the authority of region {authority}")]
    Authority {
        /// The region that the daemon's certificate names.
        region: String,
        /// The region that the authority's certificate names.
        authority: String,
    },
    /// The root is not the one that we know.
    #[error("the root that it was signed under is not the root of the federation")]
    Root,
    /// A certificate is there where none belongs, or the other way round.
    #[error("a peer proves itself with a certificate, and who wants to join has none")]
    Misplaced,
    /// The authority did not sign the daemon's certificate.
    #[error("the certificate was not signed by the authority that it comes with")]
    Signature,
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
    Ok(PeerId::parse(&uri_of(&read(certificate)?)?, federation)?)
}

/// The daemon that a chain of certificates names: its own, then that of its region's authority, which must have signed
/// it. Whether the root has signed the authority, and whether all of them are valid at the moment, is not looked at
/// here; nor can anything else be signed by an authority that the root has signed, without a path through it.
///
/// # Errors
/// The chain has another form, names no daemon of this federation, or the authority is of another region.
pub fn peer_of_chain<C: AsRef<[u8]>>(chain: &[C], federation: &str) -> Result<PeerId, IdentityError> {
    let [certificate, authority] = chain else { return Err(IdentityError::Chain(chain.len())) };
    let (certificate, authority) = (read(certificate.as_ref())?, read(authority.as_ref())?);
    let peer = PeerId::parse(&uri_of(&certificate)?, federation)?;
    let region = parse_authority_uri(&uri_of(&authority)?, federation)?;
    if region != peer.region {
        return Err(IdentityError::Authority { region: peer.region.to_string(), authority: region.to_string() });
    }
    // A daemon that the root has signed itself comes with an authority that it does not need.
    let signed = certificate.verify_signature(Some(authority.public_key()));
    signed.map_err(|_other| IdentityError::Signature)?;
    Ok(peer)
}

fn read(certificate: &[u8]) -> Result<X509Certificate<'_>, IdentityError> {
    match X509Certificate::from_der(certificate) {
        Ok(([], parsed)) => Ok(parsed),
        _ => Err(IdentityError::Unreadable),
    }
}

fn uri_of(certificate: &X509Certificate<'_>) -> Result<String, IdentityError> {
    let Ok(names) = certificate.subject_alternative_name() else { return Err(IdentityError::Unreadable) };
    let general_names = names.as_ref().map_or(&[][..], |names| &names.value.general_names);
    let uris = general_names.iter().filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None });
    let uris: Vec<&str> = uris.collect();
    let [uri] = uris[..] else { return Err(IdentityError::Names(uris.len())) };
    Ok(uri.to_owned())
}

/// When the first of these certificates ends.
///
/// # Errors
/// One of them cannot be read, or there is none.
pub fn end_of<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Result<SystemTime, IdentityError> {
    let mut first: Option<SystemTime> = None;
    for certificate in certificates {
        let seconds = u64::try_from(read(certificate)?.validity().not_after.timestamp()).unwrap_or(0);
        let end = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or(IdentityError::Unreadable)?;
        first = Some(first.map_or(end, |first| first.min(end)));
    }
    first.ok_or(IdentityError::Unreadable)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};

    use super::{IdentityError, end_of, peer_of, peer_of_chain};

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

    fn named(uri: &str) -> CertificateParams {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        parameters
    }

    fn authority(region: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut parameters = named(&format!("spiffe://hansa/region/{region}"));
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
    }

    #[test]
    fn a_daemon_is_believed_with_the_authority_of_its_region_only() {
        let [eu, us, other_eu] = ["eu", "us", "eu"].map(authority);
        let daemon = |region: &str, by: &CertifiedIssuer<'_, KeyPair>| {
            let parameters = named(&format!("spiffe://hansa/region/{region}/daemon/7"));
            parameters.signed_by(&KeyPair::generate().unwrap(), by).unwrap().der().to_vec()
        };
        let authority = |of: &CertifiedIssuer<'_, KeyPair>| of.der().to_vec();
        let seven = daemon("eu", &eu);
        assert_eq!(peer_of_chain(&[seven.clone(), authority(&eu)], "hansa").unwrap().daemon.0, 7);
        let refused = |chain: &[Vec<u8>]| peer_of_chain(chain, "hansa").unwrap_err();
        assert_eq!(refused(std::slice::from_ref(&seven)), IdentityError::Chain(1));
        assert_eq!(refused(&[seven.clone(), authority(&eu), authority(&us)]), IdentityError::Chain(3));
        let foreign = IdentityError::Authority { region: "eu".into(), authority: "us".into() };
        assert_eq!(refused(&[daemon("eu", &us), authority(&us)]), foreign);
        // The region is right, and the key is not.
        assert_eq!(refused(&[seven.clone(), authority(&other_eu)]), IdentityError::Signature);
        assert_eq!(refused(&[daemon("eu", &us), authority(&eu)]), IdentityError::Signature);
        // A daemon is no authority, nor the other way round.
        assert!(matches!(refused(&[seven.clone(), seven.clone()]), IdentityError::Name(_)));
        assert!(matches!(refused(&[authority(&eu), authority(&eu)]), IdentityError::Name(_)));
        assert!(matches!(peer_of_chain(&[seven, authority(&eu)], "other"), Err(IdentityError::Name(_))));
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
            drop(peer_of_chain(&[&damaged[..], &bytes[..]], "hansa"));
            drop(peer_of_chain(&[&damaged[..], &damaged[..]], "hansa"));
        }
    }
}
