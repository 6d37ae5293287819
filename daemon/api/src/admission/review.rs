//! `AdmissionReview`: what a webhook is asked, and what it answers (`k8s.io/api/admission`, versions `v1` and `v1beta1`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hanse_schema::cause::quote;
use hanse_schema::kind::Kind;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::admission::attributes::Attributes;
use crate::status::{Denial, Failure};

/// The version of reviews that a webhook is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReviewVersion {
    V1,
    V1Beta1,
}

impl ReviewVersion {
    /// The first that both sides know.
    pub(crate) fn choose(versions: Option<&Value>) -> Option<Self> {
        let versions = versions.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        versions.into_iter().find_map(|version| match version {
            "v1" => Some(Self::V1),
            "v1beta1" => Some(Self::V1Beta1),
            _ => None,
        })
    }

    const fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "admission.k8s.io/v1",
            Self::V1Beta1 => "admission.k8s.io/v1beta1",
        }
    }
}

/// A question, written without copying the objects.
#[derive(Serialize)]
struct Review<'a> {
    kind: &'static str,
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    request: Request<'a>,
}

#[derive(Serialize)]
struct Request<'a> {
    uid: &'a str,
    #[serde(flatten)]
    attributes: Map<String, Value>,
    object: Option<&'a Value>,
    #[serde(rename = "oldObject")]
    old: Option<&'a Value>,
}

/// The objects of an operation, in the version that is shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) object: Option<Value>,
    pub(crate) old: Option<Value>,
}

/// The question.
pub(crate) fn question(
    version: ReviewVersion,
    uid: &str,
    attributes: &Attributes<'_>,
    matched: &Kind,
    shown: &Shown,
) -> Bytes {
    let request = Request {
        uid,
        attributes: attributes.request(matched),
        object: shown.object.as_ref(),
        old: shown.old.as_ref(),
    };
    let review = Review { kind: "AdmissionReview", api_version: version.api_version(), request };
    serde_json::to_vec(&review).map(Bytes::from).unwrap_or_default()
}

/// What a webhook has answered.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) allowed: bool,
    /// A JSON patch.
    pub(crate) patch: Option<Value>,
    /// `metav1.Status`, when it says why.
    pub(crate) status: Option<Value>,
    pub(crate) warnings: Vec<String>,
    pub(crate) audit_annotations: Vec<(String, String)>,
}

/// Why an answer cannot be used; the text follows "failed calling webhook".
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AnswerError {
    /// It is no review.
    #[error("failed to call webhook: {0}")]
    Unreadable(String),
    /// It is one that breaks a rule.
    #[error("received invalid webhook response: {0}")]
    Invalid(String),
    /// Its patch is none.
    #[error("received undecodable patch in webhook response: {0}")]
    Patch(String),
}

impl Verdict {
    /// Reads an answer to the question with the uid.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub(crate) fn read(version: ReviewVersion, uid: &str, mutating: bool, body: &[u8]) -> Result<Self, AnswerError> {
        let review: Value = serde_json::from_slice(body).map_err(|error| {
            AnswerError::Unreadable(format!("couldn't get version/kind; json parse error: {error}"))
        })?;
        let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind) = (text(&review, "apiVersion"), text(&review, "kind"));
        for (field, own) in [("Kind", &kind), ("apiVersion", &api_version)] {
            if own.is_empty() {
                return Err(AnswerError::Unreadable(format!("Object '{field}' is missing in the answer")));
            }
        }
        let invalid = |why: String| Err(AnswerError::Invalid(why));
        let Some(response) = review.get("response").filter(|response| response.is_object()) else {
            return invalid("webhook response was absent".to_owned());
        };
        if version == ReviewVersion::V1 {
            let got = text(response, "uid");
            if got != uid {
                return invalid(format!("expected response.uid={}, got {}", quote(uid), quote(&got)));
            }
            if (&*api_version, &*kind) != (version.api_version(), "AdmissionReview") {
                let got = group_version_kind(&api_version, &kind);
                return invalid(format!(
                    "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got {got}"
                ));
            }
        }
        let patch = patch(version, mutating, response)?;
        Ok(Self {
            allowed: boolean(response, "allowed")?,
            patch,
            status: response.get("status").filter(|status| status.is_object()).cloned(),
            warnings: strings(response, "warnings")?,
            audit_annotations: annotations(response)?,
        })
    }

    /// The refusal that a webhook's status makes, with upstream's corrections: it is always a failure.
    pub(crate) fn refusal(self, webhook: &str) -> Failure {
        let status = self.status.unwrap_or_default();
        let text = |field: &str| status.get(field).and_then(Value::as_str).unwrap_or_default();
        let code = status.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
        let denied = format!("admission webhook {} denied the request", quote(webhook));
        let message = match (text("message"), text("reason")) {
            ("", "") => format!("{denied} without explanation"),
            ("", reason) => format!("{denied}: {reason}"),
            (message, _) => format!("{denied}: {message}"),
        };
        Failure::Denied(Box::new(Denial {
            code: code.filter(|code| (400..600).contains(code)).unwrap_or(400),
            reason: text("reason").to_owned(),
            message,
            details: status.get("details").filter(|details| details.is_object()).cloned(),
        }))
    }
}

fn group_version_kind(api_version: &str, kind: &str) -> String {
    match api_version.split_once('/') {
        Some((group, version)) => format!("{group}/{version}, Kind={kind}"),
        None => format!("/{api_version}, Kind={kind}"),
    }
}

fn patch(version: ReviewVersion, mutating: bool, response: &Value) -> Result<Option<Value>, AnswerError> {
    let present = |field: &str| response.get(field).filter(|value| !value.is_null());
    let encoded = match present("patch") {
        None => "",
        Some(patch) => patch.as_str().ok_or_else(|| mistyped("patch", "a string in base64"))?,
    };
    let patch_type = match present("patchType") {
        None => None,
        Some(patch_type) => Some(patch_type.as_str().ok_or_else(|| mistyped("patchType", "a string"))?),
    };
    let invalid = |why: &str| Err(AnswerError::Invalid(why.to_owned()));
    match (version, mutating) {
        (ReviewVersion::V1Beta1, false) => return Ok(None),
        (ReviewVersion::V1, false) if !encoded.is_empty() => {
            return invalid("validating webhook may not return response.patch");
        }
        (ReviewVersion::V1, false) if patch_type.is_some() => {
            return invalid("validating webhook may not return response.patchType");
        }
        (ReviewVersion::V1, true) if !encoded.is_empty() && patch_type.is_none() => {
            return invalid("webhook returned response.patch but not response.patchType");
        }
        (ReviewVersion::V1, true) if encoded.is_empty() && patch_type.is_some() => {
            return invalid("webhook returned response.patchType but not response.patch");
        }
        (ReviewVersion::V1, true) if patch_type == Some("") => {
            return invalid("webhook returned invalid response.patchType of \"\"");
        }
        _ => {}
    }
    if encoded.is_empty() {
        return Ok(None);
    }
    let decoded = STANDARD.decode(encoded).map_err(|error| mistyped("patch", &format!("base64: {error}")))?;
    let patch: Value = serde_json::from_slice(&decoded).map_err(|error| AnswerError::Patch(error.to_string()))?;
    match (&patch, patch_type) {
        (_, Some(other)) if version == ReviewVersion::V1 && other != "JSONPatch" => {
            Err(AnswerError::Unreadable(format!("unsupported patch type {}", quote(other))))
        }
        (Value::Array(operations), _) if operations.is_empty() => Ok(None),
        (Value::Array(_), _) => Ok(Some(patch)),
        (Value::Null, _) => Ok(None),
        _ => Err(AnswerError::Patch("a JSON patch is a list of operations".to_owned())),
    }
}

fn mistyped(field: &str, expected: &str) -> AnswerError {
    AnswerError::Unreadable(format!("response.{field} must be {expected}"))
}

fn boolean(response: &Value, field: &str) -> Result<bool, AnswerError> {
    match response.get(field) {
        None | Some(Value::Null) => Ok(false),
        Some(value) => value.as_bool().ok_or_else(|| mistyped(field, "a boolean")),
    }
}

fn strings(response: &Value, field: &str) -> Result<Vec<String>, AnswerError> {
    let list = match response.get(field) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(value) => value.as_array().ok_or_else(|| mistyped(field, "a list of strings"))?,
    };
    let texts = list.iter().map(|text| text.as_str().map(str::to_owned));
    texts.collect::<Option<_>>().ok_or_else(|| mistyped(field, "a list of strings"))
}

fn annotations(response: &Value) -> Result<Vec<(String, String)>, AnswerError> {
    const FIELD: &str = "auditAnnotations";
    let map = match response.get(FIELD) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(value) => value.as_object().ok_or_else(|| mistyped(FIELD, "a map of strings"))?,
    };
    let pairs = map.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    pairs.collect::<Option<_>>().ok_or_else(|| mistyped(FIELD, "a map of strings"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ReviewVersion, Verdict};

    fn read(mutating: bool, response: Value) -> Result<Verdict, String> {
        let review = json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response});
        let body = review.to_string();
        Verdict::read(ReviewVersion::V1, "u", mutating, body.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_answer_that_breaks_a_rule_is_told_which() {
        let table = [
            (true, json!(null), "received invalid webhook response: webhook response was absent"),
            (
                true,
                json!({"uid": "x", "allowed": true}),
                r#"received invalid webhook response: expected response.uid="u", got "x""#,
            ),
            (
                true,
                json!({"uid": "u", "patch": "W10="}),
                "received invalid webhook response: webhook returned response.patch but not response.patchType",
            ),
            (
                true,
                json!({"uid": "u", "patchType": "JSONPatch"}),
                "received invalid webhook response: webhook returned response.patchType but not response.patch",
            ),
            (
                false,
                json!({"uid": "u", "patch": "W10=", "patchType": "JSONPatch"}),
                "received invalid webhook response: validating webhook may not return response.patch",
            ),
            (
                false,
                json!({"uid": "u", "patchType": "JSONPatch"}),
                "received invalid webhook response: validating webhook may not return response.patchType",
            ),
            (
                true,
                json!({"uid": "u", "patch": "W10=", "patchType": "Merge"}),
                r#"failed to call webhook: unsupported patch type "Merge""#,
            ),
            (
                true,
                json!({"uid": "u", "patch": "e30=", "patchType": "JSONPatch"}),
                "received undecodable patch in webhook response: a JSON patch is a list of operations",
            ),
            (true, json!({"uid": "u", "allowed": "yes"}), "failed to call webhook: response.allowed must be a boolean"),
            (
                true,
                json!({"uid": "u", "warnings": [1]}),
                "failed to call webhook: response.warnings must be a list of strings",
            ),
        ];
        for (mutating, response, expected) in table {
            assert_eq!(read(mutating, response.clone()).unwrap_err(), expected, "{response}");
        }
        let other = json!({"kind": "Review", "apiVersion": "v1", "response": {"uid": "u"}}).to_string();
        let error = Verdict::read(ReviewVersion::V1, "u", true, other.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, \
             got /v1, Kind=Review"
        );
        for body in ["", "{", "[]", "{}", r#"{"kind":"AdmissionReview"}"#] {
            assert!(Verdict::read(ReviewVersion::V1, "u", true, body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_refusal_is_always_a_failure_and_says_by_whom() {
        let table = [
            (json!(null), 400, "", r#"admission webhook "w.x" denied the request without explanation"#),
            (
                json!({"code": 403, "reason": "Forbidden", "message": "no"}),
                403,
                "Forbidden",
                r#"admission webhook "w.x" denied the request: no"#,
            ),
            (
                json!({"code": 200, "reason": "Gone"}),
                400,
                "Gone",
                r#"admission webhook "w.x" denied the request: Gone"#,
            ),
            (
                json!({"code": 99999, "status": "Success", "message": "m"}),
                400,
                "",
                r#"admission webhook "w.x" denied the request: m"#,
            ),
        ];
        for (status, code, reason, message) in table {
            let verdict = read(false, json!({"uid": "u", "allowed": false, "status": status})).unwrap();
            let failure = verdict.refusal("w.x");
            assert_eq!((failure.code(), failure.reason(), &*failure.message()), (code, reason, message));
            assert_eq!(failure.to_json()["status"], "Failure");
        }
    }

    #[test]
    fn the_first_version_that_both_know_is_spoken() {
        let choose = |versions: Value| ReviewVersion::choose(Some(&versions));
        assert_eq!(choose(json!(["v2", "v1beta1", "v1"])), Some(ReviewVersion::V1Beta1));
        assert_eq!(choose(json!(["v1", "v1beta1"])), Some(ReviewVersion::V1));
        assert_eq!(choose(json!(["v2"])), None);
        let body = br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1","response":{"allowed":true}}"#;
        assert!(Verdict::read(ReviewVersion::V1Beta1, "u", true, body).unwrap().allowed);
    }
}
