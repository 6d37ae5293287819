//! Bundles of certificates, by which webhooks are trusted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::validate::pem;

/// What is wrong with a bundle in base64; an empty one is fine.
pub(crate) fn bundle_complaint(bundle: &str) -> Option<&'static str> {
    if bundle.is_empty() {
        return None;
    }
    let text = STANDARD.decode(bundle).unwrap_or_default();
    let mut rest = text.as_slice();
    let mut complaint = "unable to load root certificates: unable to parse bytes as PEM block";
    for _ in 0..CERTIFICATES_MAX {
        let Some(block) = pem::first(rest) else { break };
        if block.label == "CERTIFICATE" && !block.has_headers {
            if pem::is_signed_structure(&block.der) {
                return None;
            }
            complaint = "unable to load root certificates: failed to parse certificate: x509: malformed certificate";
        }
        rest = block.rest;
    }
    Some(complaint)
}

/// Blocks beyond this many are not looked at.
const CERTIFICATES_MAX: usize = 1000;
