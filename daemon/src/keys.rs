//! Reads the keys, certificates and tokens that the configuration names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hanse_api::authenticate::{Authenticator, TokenTable};
use hanse_api::token::Issuer;
use hanse_sync::identity::Identity;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use sha2::{Digest, Sha256};

use crate::config::Config;

/// A file that cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// It cannot be read.
    #[error("{path} cannot be read: {source}: correct the path in the configuration, or the permissions", path = path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the disk says.
        source: io::Error,
    },
    /// It does not hold what it should.
    #[error("{path} cannot be used: {why}: replace it", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// Who this daemon is towards other daemons.
///
/// # Errors
/// See [`KeyError`].
pub(crate) fn peer_identity(config: &Config) -> Result<Identity, KeyError> {
    let der = |certificates: Vec<CertificateDer<'static>>| certificates.iter().map(|der| der.to_vec()).collect();
    Ok(Identity {
        certificates: der(certificates(&config.peers.certificate)?),
        key: key(&config.peers.key)?.secret_der().to_vec(),
        roots: der(certificates(&config.peers.ca)?),
    })
}

/// SHA-256 of the federation's root, by which a token pins it.
///
/// # Errors
/// See [`KeyError`].
pub(crate) fn root_sha256(config: &Config) -> Result<[u8; 32], KeyError> {
    let path = &config.peers.ca;
    let roots = certificates(path)?;
    let root = roots.first().ok_or_else(|| KeyError::Content { path: path.clone(), why: "it is empty".to_owned() })?;
    Ok(Sha256::digest(root).into())
}

/// What clients verify the API with, PEM; nothing when the configuration does not name it. It is published in every namespace,
/// so a file that holds anything but certificates is refused.
///
/// # Errors
/// See [`KeyError`].
pub(crate) fn root_ca(config: &Config) -> Result<String, KeyError> {
    let Some(path) = &config.api.ca else { return Ok(String::new()) };
    certificates(path)?;
    let text = read(path)?;
    if text.contains("PRIVATE KEY") {
        return Err(KeyError::Content { path: path.clone(), why: "it holds a private key".to_owned() });
    }
    Ok(text)
}

/// Who clients of the API are.
///
/// # Errors
/// See [`KeyError`].
pub(crate) fn authenticator(config: &Config, clients: Arc<dyn ClientCertVerifier>) -> Result<Authenticator, KeyError> {
    let path = &config.api.tokens;
    let tokens = TokenTable::parse(&read(path)?)
        .map_err(|error| KeyError::Content { path: path.clone(), why: error.to_string() })?;
    let authenticator = Authenticator::new(tokens, Some(clients));
    let Some(path) = &config.api.service_account_key else { return Ok(authenticator) };
    let issuer = Issuer::new(&config.api.service_account_issuer, key(path)?.secret_der())
        .map_err(|error| KeyError::Content { path: path.clone(), why: error.to_string() })?;
    Ok(authenticator.with_issuer(Arc::new(issuer)))
}

/// Checks certificates of the API's clients; a client may have none.
///
/// # Errors
/// See [`KeyError`].
pub(crate) fn client_verifier(config: &Config) -> Result<Arc<dyn ClientCertVerifier>, KeyError> {
    let path = &config.api.client_ca;
    hanse_api::serve::client_verifier(certificates(path)?)
        .map_err(|error| KeyError::Content { path: path.clone(), why: error.to_string() })
}

/// How the API's listener speaks TLS.
///
/// # Errors
/// See [`KeyError`].
pub(crate) fn api_tls(config: &Config, clients: Arc<dyn ClientCertVerifier>) -> Result<Arc<ServerConfig>, KeyError> {
    let chain = certificates(&config.api.certificate)?;
    hanse_api::serve::tls_config(chain, key(&config.api.key)?, Some(clients))
        .map_err(|error| KeyError::Content { path: config.api.certificate.clone(), why: error.to_string() })
}

/// When the certificate that a file begins with begins and ends, in milliseconds since 1970. Nothing, when it cannot be read.
pub(crate) fn validity(path: &Path) -> Option<(u64, u64)> {
    let chain = certificates(path).ok()?;
    let (_, certificate) = x509_parser::parse_x509_certificate(chain.first()?).ok()?;
    let ms = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).ok()?.checked_mul(1000);
    Some((ms(certificate.validity().not_before)?, ms(certificate.validity().not_after)?))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, KeyError> {
    let content = |why: String| KeyError::Content { path: path.to_owned(), why };
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let found = found.map_err(|error| content(error.to_string()))?;
    if found.is_empty() { Err(content("it holds no certificate".to_owned())) } else { Ok(found) }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, KeyError> {
    PrivateKeyDer::from_pem_slice(read(path)?.as_bytes())
        .map_err(|error| KeyError::Content { path: path.to_owned(), why: format!("it holds no private key: {error}") })
}

fn read(path: &Path) -> Result<String, KeyError> {
    fs::read_to_string(path).map_err(|source| KeyError::Disk { path: path.to_owned(), source })
}
