//! Keys and certificates that `hansed up` makes for the Kubernetes API: two authorities, a server certificate for each
//! daemon, a client certificate and a token for the administrator. (Between daemons: [`crate::authority`].)
//!
//! Authorities and tokens are made once and kept. Certificates are kept too, until they are about to expire or their
//! authority has changed. Every file with a secret has mode 0600 and is whole or absent: it is written beside its place
//! and renamed. `hansed run` makes no key.

use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hanse_base::random::{Random, SystemRandom};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use time::{Duration, OffsetDateTime};
use x509_parser::parse_x509_certificate;
use x509_parser::pem::parse_x509_pem;

/// Why keys or certificates cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PkiError {
    /// A file cannot be read or written.
    #[error("{path}: {source}: free some space or correct the permissions", path = path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the disk says.
        source: io::Error,
    },
    /// A file does not hold what its name says.
    #[error("{path} is damaged: {why}: restore it from a backup, or remove the whole directory to begin anew", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The library refuses to make a certificate.
    #[error("a certificate for {what} cannot be made: {source}")]
    Make {
        /// Whose certificate.
        what: String,
        /// What the library says.
        source: rcgen::Error,
    },
}

/// A certificate authority with its key.
pub(crate) struct Authority {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, both PEM.
pub(crate) struct Identity {
    /// The certificate.
    pub(crate) certificate_pem: String,
    /// The key.
    pub(crate) key_pem: String,
}

/// The administrator's bearer tokens.
pub(crate) struct Tokens {
    /// Of `kcp-admin`, in group `system:kcp:admin`.
    pub(crate) kcp_admin: String,
}

/// What a certificate says of its holder.
pub(crate) enum Subject<'a> {
    /// A daemon, towards clients of the Kubernetes API.
    Server {
        /// The daemon's name.
        name: &'a str,
        /// The address that it listens on.
        address: IpAddr,
    },
    /// A user of the Kubernetes API.
    Client {
        /// User name.
        user: &'a str,
        /// Group.
        group: &'a str,
    },
}

impl Authority {
    /// Reads `<directory>/<name>.crt` and `.key`, or makes them when neither is there.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub(crate) fn load_or_make(directory: &Path, name: &str, common_name: &str) -> Result<Self, PkiError> {
        let certificate_path = directory.join(format!("{name}.crt"));
        let key_path = directory.join(format!("{name}.key"));
        // The certificate is written last: a key without one is the remains of an interrupted first start.
        if !exists(&certificate_path)? {
            let key = KeyPair::generate().map_err(|source| make(common_name, source))?;
            let mut params = params(common_name, AUTHORITY_DAYS);
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages =
                vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
            let certificate = params.self_signed(&key).map_err(|source| make(common_name, source))?;
            write_file(&key_path, key.serialize_pem().as_bytes(), SECRET)?;
            write_file(&certificate_path, certificate.pem().as_bytes(), PUBLIC)?;
        }
        let (certificate_pem, issuer) = load_issuer(&certificate_path, &key_path)?;
        Ok(Self { certificate_pem, issuer })
    }

    /// The authority's certificate, PEM.
    pub(crate) fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Reads the certificate and key at the two paths, or makes them when they are missing, were signed by another
    /// authority, or expire within [`RENEW_DAYS`].
    ///
    /// # Errors
    /// See [`PkiError`].
    pub(crate) fn load_or_issue(
        &self,
        certificate: &Path,
        key: &Path,
        subject: &Subject<'_>,
    ) -> Result<Identity, PkiError> {
        if exists(certificate)? && exists(key)? {
            let kept = Identity { certificate_pem: read_file(certificate)?, key_pem: read_file(key)? };
            if self.is_good(&kept) {
                return Ok(kept);
            }
        }
        let issued = self.issue(subject)?;
        write_file(key, issued.key_pem.as_bytes(), SECRET)?;
        write_file(certificate, issued.certificate_pem.as_bytes(), PUBLIC)?;
        Ok(issued)
    }

    /// Signs a new certificate for a new key.
    ///
    /// # Errors
    /// [`PkiError::Make`].
    pub(crate) fn issue(&self, subject: &Subject<'_>) -> Result<Identity, PkiError> {
        let name = subject.name();
        let key = KeyPair::generate().map_err(|source| make(&name, source))?;
        let params = subject.params().map_err(|source| make(&name, source))?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|source| make(&name, source))?;
        Ok(Identity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }

    /// Whether the certificate was signed by this authority, belongs to its key, and is good for a while.
    fn is_good(&self, identity: &Identity) -> bool {
        let Ok(key) = KeyPair::from_pem(&identity.key_pem) else { return false };
        let (Ok((_, own)), Ok((_, pem))) =
            (parse_x509_pem(self.certificate_pem.as_bytes()), parse_x509_pem(identity.certificate_pem.as_bytes()))
        else {
            return false;
        };
        let (Ok((_, own)), Ok((_, certificate))) =
            (parse_x509_certificate(&own.contents), parse_x509_certificate(&pem.contents))
        else {
            return false;
        };
        let renew_from = OffsetDateTime::now_utc() + Duration::days(RENEW_DAYS);
        *certificate.public_key().subject_public_key.data == *key.public_key_raw()
            && certificate.validity().not_after.timestamp() > renew_from.unix_timestamp()
            && certificate.verify_signature(Some(own.public_key())).is_ok()
    }
}

impl Tokens {
    /// Reads a token file that this program wrote, or makes one.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub(crate) fn load_or_make(path: &Path) -> Result<Self, PkiError> {
        if !exists(path)? {
            let token = SystemRandom.text(b"abcdefghijklmnopqrstuvwxyz0123456789", TOKEN_CHARACTERS);
            let line = format!("{token},{ADMIN_USER},{ADMIN_USER},\"{ADMIN_GROUP}\"\n");
            write_file(path, line.as_bytes(), SECRET)?;
        }
        let text = read_file(path)?;
        let kcp_admin = text.lines().find_map(|line| {
            let mut fields = line.split(',');
            let token = fields.next()?.trim();
            (fields.next()?.trim() == ADMIN_USER && !token.is_empty()).then(|| token.to_owned())
        });
        let why = || format!("it has no line `TOKEN,{ADMIN_USER},UID,\"{ADMIN_GROUP}\"`");
        kcp_admin
            .map(|kcp_admin| Self { kcp_admin })
            .ok_or_else(|| PkiError::Damaged { path: path.to_owned(), why: why() })
    }
}

impl Subject<'_> {
    fn name(&self) -> String {
        match self {
            Self::Server { name, .. } => (*name).to_owned(),
            Self::Client { user, .. } => (*user).to_owned(),
        }
    }

    fn params(&self) -> Result<CertificateParams, rcgen::Error> {
        let mut params = params(&self.name(), CERTIFICATE_DAYS);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        match self {
            Self::Server { address, .. } => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
                params.subject_alt_names =
                    vec![SanType::IpAddress(*address), SanType::DnsName("localhost".try_into()?)];
                for loopback in [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])] {
                    if loopback != *address {
                        params.subject_alt_names.push(SanType::IpAddress(loopback));
                    }
                }
            }
            Self::Client { group, .. } => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
                params.distinguished_name.push(DnType::OrganizationName, *group);
            }
        }
        Ok(params)
    }
}

/// Reads an authority's certificate, PEM, and what signs in its name.
///
/// # Errors
/// See [`PkiError`].
pub(crate) fn load_issuer(certificate: &Path, key: &Path) -> Result<(String, Issuer<'static, KeyPair>), PkiError> {
    let certificate_pem = read_file(certificate)?;
    let pair = KeyPair::from_pem(&read_file(key)?)
        .map_err(|error| PkiError::Damaged { path: key.to_owned(), why: error.to_string() })?;
    let damaged = |why: String| PkiError::Damaged { path: certificate.to_owned(), why };
    let (_, pem) = parse_x509_pem(certificate_pem.as_bytes()).map_err(|error| damaged(error.to_string()))?;
    let parsed = pem.parse_x509().map_err(|error| damaged(error.to_string()))?;
    if *parsed.public_key().subject_public_key.data != *pair.public_key_raw() {
        return Err(damaged(format!("it does not belong to the key in {}", key.display())));
    }
    let issuer = Issuer::from_ca_cert_pem(&certificate_pem, pair).map_err(|error| damaged(error.to_string()))?;
    Ok((certificate_pem, issuer))
}

/// Makes the key that signs service accounts' tokens, where there is none.
///
/// # Errors
/// See [`PkiError`].
pub(crate) fn make_signing_key(path: &Path) -> Result<(), PkiError> {
    if exists(path)? {
        return Ok(());
    }
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|source| make("service accounts", source))?;
    write_file(path, key.serialize_pem().as_bytes(), SECRET)
}

/// PEM as one line of base64, as a kubeconfig holds it.
pub(crate) fn inline(pem: &str) -> String {
    STANDARD.encode(pem)
}

/// Writes a file that is whole or absent, durably, with the mode.
///
/// # Errors
/// [`PkiError::Disk`].
pub(crate) fn write_file(path: &Path, bytes: &[u8], mode: u32) -> Result<(), PkiError> {
    let beside = path.with_extension("new");
    let written = (|| {
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    })();
    written.map_err(|source| PkiError::Disk { path: path.to_owned(), source })
}

/// Reads a file of text.
///
/// # Errors
/// [`PkiError::Disk`].
pub(crate) fn read_file(path: &Path) -> Result<String, PkiError> {
    fs::read_to_string(path).map_err(|source| PkiError::Disk { path: path.to_owned(), source })
}

/// Whether there is such a file.
///
/// # Errors
/// [`PkiError::Disk`].
pub(crate) fn exists(path: &Path) -> Result<bool, PkiError> {
    path.try_exists().map_err(|source| PkiError::Disk { path: path.to_owned(), source })
}

/// The library's refusal.
pub(crate) fn make(what: &str, source: rcgen::Error) -> PkiError {
    PkiError::Make { what: what.to_owned(), source }
}

fn params(common_name: &str, days: i64) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    // A day back, for machines whose clocks are behind.
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(days);
    params
}

/// User of the administrator's token.
pub(crate) const ADMIN_USER: &str = "kcp-admin";
/// Group of the administrator's token.
pub(crate) const ADMIN_GROUP: &str = "system:kcp:admin";
/// User of the administrator's client certificate.
pub(crate) const SHARD_ADMIN_USER: &str = "shard-admin";
/// Group of the administrator's client certificate.
pub(crate) const SHARD_ADMIN_GROUP: &str = "system:masters";
/// Mode of a file with a secret.
pub(crate) const SECRET: u32 = 0o600;
/// Mode of a certificate.
pub(crate) const PUBLIC: u32 = 0o644;
const AUTHORITY_DAYS: i64 = 3650;
const CERTIFICATE_DAYS: i64 = 365;
/// A certificate that has fewer days left is made anew at the next `hansed up`.
const RENEW_DAYS: i64 = 30;
/// 40 of 36 characters are more than 200 bits.
const TOKEN_CHARACTERS: usize = 40;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::{fs, net::IpAddr};

    use x509_parser::pem::parse_x509_pem;

    use super::{Authority, Subject, Tokens, make_signing_key};

    const SERVER: Subject<'_> = Subject::Server { name: "eu-1", address: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST) };

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn server_and_client_certificates_say_what_they_are_for() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::load_or_make(directory.path(), "ca", "authority").unwrap();
        let other = Authority::load_or_make(directory.path(), "other-ca", "others").unwrap();
        let server = authority.issue(&SERVER).unwrap();
        assert!(authority.is_good(&server) && !other.is_good(&server));
        let client = authority.issue(&Subject::Client { user: "shard-admin", group: "system:masters" }).unwrap();
        let (_, pem) = parse_x509_pem(server.certificate_pem.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        assert!(certificate.extended_key_usage().unwrap().unwrap().value.server_auth);
        assert_eq!(certificate.subject_alternative_name().unwrap().unwrap().value.general_names.len(), 3);
        let (_, pem) = parse_x509_pem(client.certificate_pem.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        assert!(certificate.extended_key_usage().unwrap().unwrap().value.client_auth);
        let organization = certificate.subject().iter_organization().next().unwrap().as_str().unwrap();
        let name = certificate.subject().iter_common_name().next().unwrap().as_str().unwrap();
        assert_eq!((name, organization), ("shard-admin", "system:masters"));
    }

    #[test]
    fn keys_are_made_once_and_kept_readable_by_their_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let made = || {
            let authority = Authority::load_or_make(directory.path(), "api-ca", "api").unwrap();
            let identity = authority.load_or_issue(&at("api.crt"), &at("api.key"), &SERVER).unwrap();
            let tokens = Tokens::load_or_make(&at("tokens.csv")).unwrap();
            make_signing_key(&at("service-account.key")).unwrap();
            let signing = fs::read_to_string(at("service-account.key")).unwrap();
            (authority.certificate_pem, identity.certificate_pem, identity.key_pem, tokens.kcp_admin, signing)
        };
        let first = made();
        assert!(made() == first && first.3.len() == 40);
        for secret in ["api-ca.key", "api.key", "tokens.csv", "service-account.key"] {
            assert_eq!(mode(&at(secret)), 0o600, "{secret}");
        }
    }

    #[test]
    fn a_certificate_is_made_anew_when_its_authority_changed_or_its_key_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let first = Authority::load_or_make(directory.path(), "first", "first").unwrap();
        let second = Authority::load_or_make(directory.path(), "second", "second").unwrap();
        let issued = |authority: &Authority| {
            authority.load_or_issue(&at("api.crt"), &at("api.key"), &SERVER).unwrap().certificate_pem
        };
        let before = issued(&first);
        let after = issued(&second);
        assert_ne!(before, after);
        fs::remove_file(at("api.key")).unwrap();
        assert_ne!(issued(&second), after);
    }

    #[test]
    fn a_damaged_authority_is_refused_and_named() {
        let directory = tempfile::tempdir().unwrap();
        Authority::load_or_make(directory.path(), "a", "a").unwrap();
        Authority::load_or_make(directory.path(), "b", "b").unwrap();
        fs::copy(directory.path().join("a.key"), directory.path().join("b.key")).unwrap();
        let error = Authority::load_or_make(directory.path(), "b", "b").err().unwrap().to_string();
        assert!(error.contains("b.crt is damaged") && error.contains("does not belong to the key"), "{error}");
    }
}
