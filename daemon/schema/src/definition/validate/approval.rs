//! Groups that belong to Kubernetes: definitions in them say where they were approved.

use serde_json::Value;

use crate::cause::{Cause, quote};
use crate::metadata;
use crate::structural::format::net;
use crate::structural::words::Findings;

/// What the annotation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Approval {
    /// Neither an address nor a reason.
    Invalid,
    /// The address of the approval.
    Approved,
    /// A reason why there is no approval.
    Bypassed,
    /// Nothing.
    Missing,
}

/// Whether definitions in this group need the annotation.
pub(crate) fn is_protected(group: &str) -> bool {
    ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|domain| group.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

impl Approval {
    /// Reads the annotation of a definition; the text says more.
    pub(crate) fn of(definition: &Value) -> (Self, String) {
        let text = metadata::annotation(definition, ANNOTATION).unwrap_or_default();
        let must = format!("protected groups must have approval annotation {}", quote(ANNOTATION));
        if text.is_empty() {
            (Self::Missing, format!("{must}, see {SEE}"))
        } else if text.starts_with("unapproved") {
            (Self::Bypassed, format!("not approved: {}", quote(text)))
        } else if net::is_request_uri(text) && has_host(text) {
            (Self::Approved, format!("approved in {text}"))
        } else {
            (Self::Invalid, format!("{must} with either a URL or a reason starting with \"unapproved\", see {SEE}"))
        }
    }
}

/// Whether an address that is one has a scheme and a host.
fn has_host(text: &str) -> bool {
    let authority =
        text.split_once("://").map(|(scheme, rest)| (scheme, rest.split(['/', '?']).next().unwrap_or_default()));
    authority.is_some_and(|(scheme, authority)| {
        !scheme.is_empty()
            && !scheme.contains(['/', '?'])
            && !authority.rsplit('@').next().unwrap_or_default().is_empty()
    })
}

/// What has not changed is not refused.
pub(super) fn validate(definition: &Value, old: Option<&Value>, findings: &mut Findings) {
    let group = definition.get("spec").and_then(|spec| spec.get("group")).and_then(Value::as_str).unwrap_or_default();
    if !is_protected(group) {
        return;
    }
    let (state, reason) = Approval::of(definition);
    if old.is_some_and(|old| Approval::of(old).0 == state) {
        return;
    }
    let field = || format!("metadata.annotations[{ANNOTATION}]");
    match state {
        Approval::Approved | Approval::Bypassed => {}
        Approval::Missing => findings.add(|| Cause::required(field(), &reason)),
        Approval::Invalid => {
            let given = metadata::annotation(definition, ANNOTATION).unwrap_or_default();
            findings.add(|| Cause::invalid(field(), given, &reason));
        }
    }
}

const ANNOTATION: &str = "api-approved.kubernetes.io";
const SEE: &str = "https://github.com/kubernetes/enhancements/pull/1111";
