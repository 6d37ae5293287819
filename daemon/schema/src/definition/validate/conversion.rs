//! How objects are converted between versions.

use serde_json::Value;

use super::Leave;
use crate::cause::{Cause, CauseReason};
use crate::definition::bundle::bundle_complaint;
use crate::format::dns_1035_label;
use crate::structural::path::Path;
use crate::structural::props::Props;
use crate::structural::words::{Findings, about};
use crate::validate::{url::check_url, webhook::check_service};

/// Finds what is wrong with `spec.conversion`.
pub(super) fn validate(spec: Props<'_>, leave: &Leave, findings: &mut Findings) {
    let Some(conversion) = spec.value("conversion").map(Props::of) else { return };
    let root = Path::at("spec.conversion");
    let place = |name: &str| root.child(name).render();
    let strategy = conversion.text("strategy");
    match strategy {
        "" => findings.add(|| Cause::required(place("strategy"), "")),
        "None" | "Webhook" => {}
        other => findings.add(|| Cause::not_supported(place("strategy"), other, &["None", "Webhook"])),
    }
    let client = client(spec);
    let review = review_versions(spec);
    if strategy != "Webhook" {
        let detail = "should not be set when strategy is not set to Webhook";
        if client.is_some() {
            findings.add(|| Cause::forbidden(place("webhookClientConfig"), detail));
        }
        if review.is_some_and(|review| !review.is_empty()) {
            findings.add(|| Cause::forbidden(place("conversionReviewVersions"), detail));
        }
        return;
    }
    let config = place("webhookClientConfig");
    match client {
        None => findings.add(|| Cause::required(config, "required when strategy is set to Webhook")),
        Some(client) => validate_client(client, &config, leave, findings),
    }
    validate_review(&review.unwrap_or_default(), &place("conversionReviewVersions"), leave, findings);
}

fn validate_client(client: Props<'_>, field: &str, leave: &Leave, findings: &mut Findings) {
    let mut causes = Vec::new();
    match (client.optional_text("url"), client.value("service")) {
        (Some(url), None) => check_url(url, &format!("{field}.url"), &mut causes),
        (None, Some(service)) => check_service(service, &format!("{field}.service"), &mut causes),
        _ => causes.push(Cause::required(field, "exactly one of url or service is required")),
    }
    let bundle = client.text("caBundle");
    if !leave.bad_bundle
        && let Some(why) = bundle_complaint(bundle)
    {
        causes.push(Cause::invalid(format!("{field}.caBundle"), bundle, why));
    }
    findings.extend(causes);
}

fn validate_review(versions: &[&str], field: &str, leave: &Leave, findings: &mut Findings) {
    if versions.is_empty() {
        findings.add(|| Cause::required(field, ""));
        return;
    }
    for (position, version) in versions.iter().enumerate() {
        let place = format!("{field}[{position}]");
        if versions.iter().take(position).any(|earlier| earlier == version) {
            findings.add(|| Cause::invalid(place, version, "duplicate version"));
            continue;
        }
        for why in dns_1035_label(version) {
            findings.add(|| Cause::invalid(&place, version, why));
        }
    }
    if leave.recognized_review && !versions.iter().any(|version| is_recognized(version)) {
        let all = Value::from(versions.to_vec());
        let detail = "must include at least one of v1, v1beta1";
        findings.add(|| about(CauseReason::Invalid, field.to_owned(), &all, detail));
    }
}

/// Whether a version of conversion reviews is known.
pub(super) fn is_recognized(version: &str) -> bool {
    matches!(version, "v1" | "v1beta1")
}

/// `conversionReviewVersions`; nothing where there is no webhook.
pub(super) fn review_versions(spec: Props<'_>) -> Option<Vec<&str>> {
    Some(webhook(spec)?.texts("conversionReviewVersions").collect())
}

/// Whether the webhook has a bundle of certificates that is none.
pub(super) fn has_bad_bundle(spec: Props<'_>) -> bool {
    client(spec).is_some_and(|client| bundle_complaint(client.text("caBundle")).is_some())
}

fn client(spec: Props<'_>) -> Option<Props<'_>> {
    webhook(spec)?.value("clientConfig").map(Props::of)
}

fn webhook(spec: Props<'_>) -> Option<Props<'_>> {
    Props::of(spec.value("conversion")?).value("webhook").map(Props::of)
}
