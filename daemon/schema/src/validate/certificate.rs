//! Rules of CertificateSigningRequest.
//!
//! Whether the request's signature is that of its key is for the signer to find out, who reads the request anyway.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::pem::{self, Pem};
use super::{at, items, repeats, repeats_of, text};
use crate::cause::{Cause, quote};
use crate::format::{dns_label, dns_subdomain};
use crate::kind::Part;

/// What is asked for, and of whom.
pub(crate) fn signing_request(object: &Value, causes: &mut Vec<Cause>) {
    let request = text(object, &["spec", "request"]);
    if let Err(why) = check_request(request) {
        causes.push(Cause::invalid("spec.request", request, why));
    }
    let usages = items(object, &["spec", "usages"]);
    if usages.is_empty() {
        causes.push(Cause::required("spec.usages", ""));
    }
    let usages: Vec<&str> = usages.iter().filter_map(Value::as_str).collect();
    for (index, usage) in usages.iter().enumerate().filter(|(_, usage)| !USAGES.contains(usage)) {
        causes.push(Cause::not_supported(format!("spec.usages[{index}]"), usage, &USAGES));
    }
    for ((index, usage), is_repeated) in usages.iter().enumerate().zip(repeats(usages.iter().copied())) {
        if is_repeated {
            causes.push(Cause::duplicate(format!("spec.usages[{index}]"), usage));
        }
    }
    let signer = text(object, &["spec", "signerName"]);
    if signer == LEGACY_SIGNER {
        let detail = "the legacy signerName is not allowed via this API version";
        causes.push(Cause::invalid("spec.signerName", signer, detail));
    } else {
        check_signer(signer, causes);
    }
    if let Some(seconds) = at(object, &["spec", "expirationSeconds"]).filter(|value| value.as_i64() < Some(SECONDS_MIN))
    {
        let detail = "may not specify a duration less than 600 seconds (10 minutes)";
        causes.push(Cause::invalid_value("spec.expirationSeconds", Some(seconds), detail));
    }
    check_conditions(object, causes);
    if let Err(why) = check_certificate(text(object, &["status", "certificate"])) {
        causes.push(Cause::invalid("status.certificate", "<certificate data>", why));
    }
}

/// Decisions are only added, by way of `approval`, and a certificate is only set once, by way of `status`.
pub(crate) fn signing_request_update(object: &Value, old: &Value, part: Part, causes: &mut Vec<Cause>) {
    const CONDITIONS: &str = "status.conditions";
    if part != Part::Object {
        signing_request(object, causes);
    }
    let of = |object, kind| -> Vec<&Value> {
        items(object, &["status", "conditions"]).iter().filter(|condition| text(condition, &["type"]) == kind).collect()
    };
    for kind in [APPROVED, DENIED, FAILED] {
        if of(object, kind).len() < of(old, kind).len() {
            let detail = format!("updates may not remove a condition of type {}", quote(kind));
            causes.push(Cause::forbidden(CONDITIONS, detail));
        }
    }
    if part != Part::Approval {
        for kind in [APPROVED, DENIED] {
            let (new, old) = (of(object, kind), of(old, kind));
            let done = if new.len() > old.len() { "add" } else { "modify" };
            if new.len() >= old.len() && new != old {
                let detail = format!("updates may not {done} a condition of type {}", quote(kind));
                causes.push(Cause::forbidden(CONDITIONS, detail));
            }
        }
    }
    let certificate = |object| text(object, &["status", "certificate"]).to_owned();
    if certificate(object) != certificate(old) {
        if part != Part::Status {
            causes.push(Cause::forbidden("status.certificate", "updates may not set certificate content"));
        } else if !certificate(old).is_empty() {
            causes.push(Cause::forbidden("status.certificate", "updates may not modify existing certificate content"));
        }
    }
}

/// The DER of the request in this base64 of PEM.
fn check_request(request: &str) -> Result<(), &'static str> {
    let text = STANDARD.decode(request).unwrap_or_default();
    let block = pem::first(&text).filter(|block| block.label == "CERTIFICATE REQUEST");
    let block = block.ok_or("PEM block type must be CERTIFICATE REQUEST")?;
    if pem::is_signed_structure(&block.der) { Ok(()) } else { Err("asn1: structure error: no certificate request") }
}

/// Every PEM block must hold certificates, and there must be one.
fn check_certificate(certificate: &str) -> Result<(), String> {
    if certificate.is_empty() {
        return Ok(());
    }
    let text = STANDARD.decode(certificate).unwrap_or_default();
    let (mut rest, mut blocks) = (text.as_slice(), 0);
    while let Some(Pem { label, has_headers, der, rest: behind }) = pem::first(rest) {
        if label != "CERTIFICATE" {
            return Err(format!("only CERTIFICATE PEM blocks are allowed, found {}", quote(&label)));
        }
        if has_headers {
            return Err("no PEM block headers are permitted".to_owned());
        }
        if der.is_empty() {
            return Err("found CERTIFICATE PEM block containing 0 certificates".to_owned());
        }
        if !pem::is_signed_structure(&der) {
            return Err("x509: malformed certificate".to_owned());
        }
        blocks += 1;
        rest = behind;
    }
    if blocks == 0 { Err("must contain at least one CERTIFICATE PEM block".to_owned()) } else { Ok(()) }
}

fn check_conditions(object: &Value, causes: &mut Vec<Cause>) {
    const FIELD: &str = "status.conditions";
    let conditions = items(object, &["status", "conditions"]);
    let first = |kind: &str| conditions.iter().position(|condition| text(condition, &["type"]) == kind);
    let (approved, denied) = (first(APPROVED), first(DENIED));
    for ((index, condition), is_repeated) in conditions.iter().enumerate().zip(repeats_of(conditions, "type")) {
        let field = format!("{FIELD}[{index}]");
        let (kind, status) = (text(condition, &["type"]), text(condition, &["status"]));
        let before = |other: Option<usize>| other.is_some_and(|other| other < index);
        if kind.is_empty() {
            causes.push(Cause::required(format!("{field}.type"), ""));
        }
        let statuses: &[&str] =
            if [APPROVED, DENIED, FAILED].contains(&kind) { &["True"] } else { &["False", "True", "Unknown"] };
        if status.is_empty() {
            causes.push(Cause::required(format!("{field}.status"), ""));
        } else if !statuses.contains(&status) {
            causes.push(Cause::not_supported(format!("{field}.status"), status, statuses));
        }
        if kind == APPROVED && before(denied) || kind == DENIED && before(approved) {
            causes.push(Cause::invalid(FIELD, kind, "Approved and Denied conditions are mutually exclusive"));
        }
        if is_repeated {
            causes.push(Cause::duplicate(format!("{field}.type"), kind));
        }
    }
}

/// `domain/path`
fn check_signer(signer: &str, causes: &mut Vec<Cause>) {
    const FIELD: &str = "spec.signerName";
    if signer.is_empty() {
        causes.push(Cause::required(FIELD, ""));
        return;
    }
    let Some((domain, path)) = signer.split_once('/').filter(|(_, path)| !path.contains('/')) else {
        let detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        causes.push(Cause::invalid(FIELD, signer, detail));
        return;
    };
    if domain.len() > DOMAIN_BYTES_MAX {
        causes.push(Cause::too_long(FIELD, DOMAIN_BYTES_MAX));
    }
    // Of several bad labels the first is shown.
    let bad_label = |whole: &str, check: fn(&str) -> Vec<crate::format::Complaint>| -> Vec<Cause> {
        let mut labels = whole.split('.').map(|label| (label, check(label)));
        let bad = labels.find(|(_, complaints)| !complaints.is_empty());
        bad.into_iter()
            .flat_map(|(label, complaints)| complaints.into_iter().map(move |text| (label, text)))
            .map(|(label, text)| Cause::invalid(FIELD, whole, format!("validating label {}: {text}", quote(label))))
            .collect()
    };
    causes.extend(bad_label(domain, dns_label));
    if !domain.contains('.') {
        causes.push(Cause::invalid(FIELD, domain, "should be a domain with at least two segments separated by dots"));
    }
    causes.extend(bad_label(path, dns_subdomain));
    if signer.len() > SIGNER_BYTES_MAX {
        causes.push(Cause::too_long(FIELD, SIGNER_BYTES_MAX));
    }
}

const APPROVED: &str = "Approved";
const DENIED: &str = "Denied";
const FAILED: &str = "Failed";
const LEGACY_SIGNER: &str = "kubernetes.io/legacy-unknown";
const SECONDS_MIN: i64 = 600;
const DOMAIN_BYTES_MAX: usize = 253;
/// A domain, and a path of a name and a label.
const SIGNER_BYTES_MAX: usize = DOMAIN_BYTES_MAX + 1 + 253 + 63 + 1;

/// The usages that there are, sorted as messages list them.
const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];
