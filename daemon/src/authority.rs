//! The federation's root, and the authority of a region: who signs whom between daemons.
//!
//! ```text
//!   root (offline)  ──►  authority of a region  ──►  daemons of the region
//!                        spiffe://F/region/R         spiffe://F/region/R/daemon/N
//! ```
//!
//! The root's key is needed when a region is founded and when a region's authority is renewed, and by no daemon. An
//! authority's key is with the daemons of its region, which sign newcomers and renew themselves. What is signed says
//! what the authority decides, not what the request asks for: of a request only the key is taken, and the proof that
//! the other side has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hanse_base::id::{DaemonId, RegionName};
use hanse_sync::identity::{end_of, peer_of_chain};
use hanse_sync::peer::{PeerId, authority_uri};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer};
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::pki::{PUBLIC, PkiError, SECRET, exists, load_issuer, make, read_file, write_file};

/// The root of a federation, with its key.
pub(crate) struct Root {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What signs the daemons of a region.
pub(crate) struct RegionAuthority {
    federation: String,
    region: RegionName,
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Root {
    /// Reads `<directory>/root.crt` and `root.key`, or makes them when neither is there.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub(crate) fn load_or_make(directory: &Path) -> Result<Self, PkiError> {
        let (certificate, key) = (directory.join(ROOT_CERTIFICATE), directory.join(ROOT_KEY));
        // The certificate is written last: a key without one is the remains of an interrupted first start.
        if !exists(&certificate)? {
            let pair = KeyPair::generate().map_err(|source| make(ROOT_NAME, source))?;
            let made = authority_params(ROOT_NAME, AUTHORITIES_BELOW_ROOT, ROOT_LIFE).self_signed(&pair);
            let made = made.map_err(|source| make(ROOT_NAME, source))?;
            write_file(&key, pair.serialize_pem().as_bytes(), SECRET)?;
            write_file(&certificate, made.pem().as_bytes(), PUBLIC)?;
        }
        let (certificate_pem, issuer) = load_issuer(&certificate, &key)?;
        Ok(Self { certificate_pem, issuer })
    }

    /// A new authority for a region: its certificate and its key, PEM.
    ///
    /// # Errors
    /// [`PkiError::Make`].
    pub(crate) fn found(&self, federation: &str, region: &RegionName) -> Result<(String, String), PkiError> {
        let name = format!("hanse authority of region {region}");
        let made = || {
            let pair = KeyPair::generate()?;
            let mut params = authority_params(&name, 0, AUTHORITY_LIFE);
            params.use_authority_key_identifier_extension = true;
            params.subject_alt_names = vec![SanType::URI(authority_uri(federation, region).try_into()?)];
            Ok((params.signed_by(&pair, &self.issuer)?.pem(), pair.serialize_pem()))
        };
        made().map_err(|source| make(&name, source))
    }
}

impl RegionAuthority {
    /// Where a region's authority lies in a directory: its certificate and its key.
    pub(crate) fn paths(directory: &Path, region: &RegionName) -> (PathBuf, PathBuf) {
        (directory.join(format!("region-{region}.crt")), directory.join(format!("region-{region}.key")))
    }

    /// Reads the authority of a region from where it lies in the directory. It is made when it is not there, and anew when
    /// another root has signed it or it ends soon.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub(crate) fn load_or_make(
        root: &Root,
        directory: &Path,
        federation: &str,
        region: &RegionName,
    ) -> Result<Self, PkiError> {
        let (certificate, key) = Self::paths(directory, region);
        if exists(&certificate)? && exists(&key)? {
            let kept = Self::load(&certificate, &key, federation, region)?;
            if kept.is_signed_by(root) && time_left(&kept.certificate_pem) > AUTHORITY_RENEW_BEFORE {
                return Ok(kept);
            }
        }
        let (certificate_pem, key_pem) = root.found(federation, region)?;
        write_file(&key, key_pem.as_bytes(), SECRET)?;
        write_file(&certificate, certificate_pem.as_bytes(), PUBLIC)?;
        Self::load(&certificate, &key, federation, region)
    }

    /// Reads an authority, which must be that of the region.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub(crate) fn load(
        certificate: &Path,
        key: &Path,
        federation: &str,
        region: &RegionName,
    ) -> Result<Self, PkiError> {
        let (certificate_pem, issuer) = load_issuer(certificate, key)?;
        let uri = authority_uri(federation, region);
        if !names(&certificate_pem, &uri) {
            let why = format!("it is not the authority {uri}");
            return Err(PkiError::Damaged { path: certificate.to_owned(), why });
        }
        Ok(Self { federation: federation.to_owned(), region: region.clone(), certificate_pem, issuer })
    }

    /// A chain for a daemon of the region that has asked for it with a signing request, DER. The request proves that its
    /// sender has the key; what else it says is not looked at.
    ///
    /// # Errors
    /// The request cannot be read, or its signature is not by its key.
    pub(crate) fn sign_request(&self, request: &[u8], daemon: DaemonId, life: Duration) -> Result<String, PkiError> {
        let what = format!("daemon {daemon}");
        let request = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(request));
        let request = request.map_err(|source| make(&what, source))?;
        self.sign(&request.public_key, daemon, life)
    }

    /// A chain for a daemon of the region that has this key, PEM: its own certificate, then the authority's. It ends after
    /// `life`, and with the authority's at the latest.
    ///
    /// # Errors
    /// [`PkiError::Make`].
    pub(crate) fn sign_key(&self, key_pem: &str, daemon: DaemonId, life: Duration) -> Result<String, PkiError> {
        let pair = KeyPair::from_pem(key_pem).map_err(|source| make(&format!("daemon {daemon}"), source))?;
        self.sign(&pair, daemon, life)
    }

    fn sign(&self, key: &impl PublicKeyData, daemon: DaemonId, life: Duration) -> Result<String, PkiError> {
        let name = format!("daemon {daemon}");
        let made = || {
            let peer = PeerId { daemon, region: self.region.clone() };
            let mut params = params(&name, life.min(time_left(&self.certificate_pem)));
            params.use_authority_key_identifier_extension = true;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
            params.subject_alt_names = vec![SanType::URI(peer.uri(&self.federation).try_into()?)];
            Ok(params.signed_by(key, &self.issuer)?.pem())
        };
        let certificate = made().map_err(|source| make(&name, source))?;
        Ok(format!("{certificate}{}", self.certificate_pem))
    }

    /// Sees to a daemon's key and certificate at the two paths: they stay when this authority signed them and a third of
    /// `life` is left. The key is made once, and kept.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub(crate) fn provide(
        &self,
        certificate: &Path,
        key: &Path,
        daemon: DaemonId,
        life: Duration,
    ) -> Result<(), PkiError> {
        if !exists(key)? || KeyPair::from_pem(&read_file(key)?).is_err() {
            let pair = KeyPair::generate().map_err(|source| make(&format!("daemon {daemon}"), source))?;
            write_file(key, pair.serialize_pem().as_bytes(), SECRET)?;
        }
        let key_pem = read_file(key)?;
        if exists(certificate)? && self.is_good(&read_file(certificate)?, &key_pem, daemon, life / 3) {
            return Ok(());
        }
        let chain = self.sign_key(&key_pem, daemon, life)?;
        write_file(certificate, chain.as_bytes(), PUBLIC)
    }

    /// Whether a chain is of the daemon and its key, by this authority, and good for so long.
    fn is_good(&self, chain_pem: &str, key_pem: &str, daemon: DaemonId, left: Duration) -> bool {
        let (chain, own) = (ders(chain_pem), ders(&self.certificate_pem));
        let Ok(key) = KeyPair::from_pem(key_pem) else { return false };
        let of_key = chain.first().is_some_and(|der| {
            parse_x509_certificate(der)
                .is_ok_and(|(_, parsed)| *parsed.public_key().subject_public_key.data == *key.public_key_raw())
        });
        let peer = PeerId { daemon, region: self.region.clone() };
        of_key
            && chain.get(1) == own.first()
            && peer_of_chain(&chain, &self.federation).is_ok_and(|named| named == peer)
            && time_left(chain_pem) > left
    }

    fn is_signed_by(&self, root: &Root) -> bool {
        let (own, above) = (ders(&self.certificate_pem), ders(&root.certificate_pem));
        let ([own], [above]) = (&own[..], &above[..]) else { return false };
        let (Ok((_, own)), Ok((_, above))) = (parse_x509_certificate(own), parse_x509_certificate(above)) else {
            return false;
        };
        own.verify_signature(Some(above.public_key())).is_ok()
    }
}

/// How long the first of these certificates, PEM, is still valid.
pub(crate) fn time_left(pem: &str) -> Duration {
    let end = end_of(ders(pem).iter().map(AsRef::as_ref));
    end.ok().and_then(|end| end.duration_since(SystemTime::now()).ok()).unwrap_or_default()
}

/// Removes what an earlier version made, when every daemon of one authority could be anyone.
pub(crate) fn forget_flat_authority(directory: &Path) -> Result<(), PkiError> {
    for name in ["peer-ca.key", "peer-ca.crt"] {
        let path = directory.join(name);
        if exists(&path)? {
            fs::remove_file(&path).map_err(|source| PkiError::Disk { path, source })?;
        }
    }
    Ok(())
}

fn ders(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok).collect()
}

/// Whether the first certificate has this one URI.
fn names(pem: &str, uri: &str) -> bool {
    let ders = ders(pem);
    let Some(Ok((_, parsed))) = ders.first().map(|der| parse_x509_certificate(der)) else { return false };
    let Ok(Some(found)) = parsed.subject_alternative_name() else { return false };
    matches!(&found.value.general_names[..], [GeneralName::URI(found)] if *found == uri) && parsed.is_ca()
}

fn authority_params(common_name: &str, below: u8, life: Duration) -> CertificateParams {
    let mut params = params(common_name, life);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn params(common_name: &str, life: Duration) -> CertificateParams {
    let now = SystemTime::now();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = (now - CLOCK_ALLOWANCE).into();
    params.not_after = (now + life).into();
    params
}

const ROOT_CERTIFICATE: &str = "root.crt";
const ROOT_KEY: &str = "root.key";
const ROOT_NAME: &str = "hanse federation root";
/// Regions' authorities sign daemons, and no further authorities.
const AUTHORITIES_BELOW_ROOT: u8 = 1;
const DAY: Duration = Duration::from_secs(24 * 3600);
const ROOT_LIFE: Duration = Duration::from_secs(3650 * DAY.as_secs());
const AUTHORITY_LIFE: Duration = Duration::from_secs(5 * 365 * DAY.as_secs());
const AUTHORITY_RENEW_BEFORE: Duration = Duration::from_secs(365 * DAY.as_secs());
/// For machines whose clocks are behind.
const CLOCK_ALLOWANCE: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use hanse_base::id::{DaemonId, RegionName};
    use hanse_sync::identity::peer_of_chain;
    use rcgen::{CertificateParams, KeyPair};

    use super::{DAY, RegionAuthority, Root, ders, time_left};

    const SEVEN: DaemonId = DaemonId(7);

    fn region(name: &str) -> RegionName {
        RegionName::new(name).unwrap()
    }

    #[test]
    fn an_authority_signs_daemons_of_its_region_by_key_or_request() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::load_or_make(directory.path()).unwrap();
        let eu = RegionAuthority::load_or_make(&root, directory.path(), "fed", &region("eu")).unwrap();
        let key = KeyPair::generate().unwrap();
        // A request may ask for anything: it gets its own name only.
        let greedy = CertificateParams::new(vec!["example.com".to_owned()]).unwrap();
        let request = greedy.serialize_request(&key).unwrap();
        for chain in [
            eu.sign_key(&key.serialize_pem(), SEVEN, DAY).unwrap(),
            eu.sign_request(request.der(), SEVEN, DAY).unwrap(),
        ] {
            let ders = ders(&chain);
            let peer = peer_of_chain(&ders, "fed").unwrap();
            assert_eq!((peer.daemon, peer.region.as_str()), (SEVEN, "eu"));
            assert!(!chain.contains("example.com"));
            assert!(time_left(&chain) <= DAY && time_left(&chain) > DAY / 2);
            assert!(eu.is_good(&chain, &key.serialize_pem(), SEVEN, DAY / 3));
            assert!(!eu.is_good(&chain, &key.serialize_pem(), DaemonId(8), DAY / 3));
            assert!(!eu.is_good(&chain, &key.serialize_pem(), SEVEN, DAY * 2));
            assert!(!eu.is_good(&chain, &KeyPair::generate().unwrap().serialize_pem(), SEVEN, DAY / 3));
        }
        let mut damaged = request.der().to_vec();
        *damaged.last_mut().unwrap() ^= 1;
        assert!(eu.sign_request(&damaged, SEVEN, DAY).is_err(), "the request must be signed by its key");
        assert!(eu.sign_request(b"junk", SEVEN, DAY).is_err());
    }

    #[test]
    fn authorities_are_kept_and_belong_to_one_region_and_root() {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let made = |root: &Root| RegionAuthority::load_or_make(root, at, "fed", &region("eu")).unwrap().certificate_pem;
        let root = Root::load_or_make(at).unwrap();
        let first = made(&root);
        assert_eq!(made(&Root::load_or_make(at).unwrap()), first);
        let (certificate, key) = RegionAuthority::paths(at, &region("eu"));
        for (federation, name) in [("fed", "us"), ("other", "eu")] {
            let error = RegionAuthority::load(&certificate, &key, federation, &region(name)).err().unwrap();
            assert!(error.to_string().contains("it is not the authority spiffe://"), "{error}");
        }
        // The root is no authority of a region.
        assert!(RegionAuthority::load(&at.join("root.crt"), &at.join("root.key"), "fed", &region("eu")).is_err());
        fs::remove_file(at.join("root.crt")).unwrap();
        assert_ne!(made(&Root::load_or_make(at).unwrap()), first, "another root needs another authority");
    }

    #[test]
    fn a_daemon_keeps_its_key_and_gets_a_new_certificate_in_time() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::load_or_make(directory.path()).unwrap();
        let eu = RegionAuthority::load_or_make(&root, directory.path(), "fed", &region("eu")).unwrap();
        let (certificate, key) = (directory.path().join("peer.crt"), directory.path().join("peer.key"));
        let provided = |life: Duration| {
            eu.provide(&certificate, &key, SEVEN, life).unwrap();
            (fs::read_to_string(&certificate).unwrap(), fs::read_to_string(&key).unwrap())
        };
        let first = provided(DAY);
        assert_eq!(provided(DAY), first);
        let longer = provided(DAY * 4);
        assert!(longer.0 != first.0 && longer.1 == first.1, "less than a third of four days is left");
        fs::write(&key, "damaged").unwrap();
        assert_ne!(provided(DAY * 4).1, first.1);
    }
}
