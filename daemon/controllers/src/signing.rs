//! Certificate signing requests that nobody needs any more: answered ones go after an hour, others after a day.
//!
//! Ages and rules are upstream's (k8s.io/kubernetes/pkg/controller/certificates/cleaner): as there, all requests are looked
//! at once an hour, and nothing is while there are none.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hanse_schema::time::{Moment, Precision};
use hanse_store::key::{Key, Scope};
use hanse_store::state::State;
use serde_json::Value;
use x509_parser::pem::parse_x509_pem;

use crate::object::parse;
use crate::task::{Now, Step, Task};

const SIGNING_REQUESTS: &str = "certificatesigningrequests.certificates.k8s.io";
/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(3_600);
/// How long an answered request is kept after its answer.
const ANSWERED_KEPT_MS: u64 = 3_600_000;
/// How long a request waits for its answer, or an approved one for its certificate.
const PENDING_KEPT_MS: u64 = 24 * 3_600_000;
/// Requests that a step looks at, at most, before others have their turn.
const SLICE_REQUESTS_MAX: usize = 500;

/// Where a look stands.
#[derive(Debug, Default)]
pub(crate) struct Signing {
    after: Option<Key>,
}

impl Signing {
    /// Whether there is anything to look at.
    pub(crate) fn is_needed(state: &State) -> bool {
        state.count(&requests()) > 0
    }

    /// The next step.
    pub(crate) fn step(&mut self, state: &State, task: &Task, now: Now) -> Step {
        let mut batch = task.batch();
        let mut ended = true;
        let after = self.after.clone();
        for (number, (key, object)) in state.list(&requests(), after.as_ref()).enumerate() {
            if number == SLICE_REQUESTS_MAX || batch.is_full() {
                ended = false;
                break;
            }
            if is_over(&parse(&object.bytes()), now.wall_ms) {
                batch.delete(key, object);
            }
            self.after = Some(key.clone());
        }
        if ended {
            self.after = None;
        }
        match (batch.is_empty(), ended) {
            (false, _) => Step::Submit(batch.into_txn(now.wall_ms)),
            (true, false) => Step::Again,
            (true, true) if Self::is_needed(state) => Step::Later(LOOK_INTERVAL),
            (true, true) => Step::Gone,
        }
    }
}

/// Whether a request has been kept for as long as it should be.
fn is_over(request: &Value, now_ms: u64) -> bool {
    let conditions = request["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let certificate = request["status"]["certificate"].as_str().filter(|text| !text.is_empty());
    let older = |time: &Value, kept_ms: u64| {
        let moment = time.as_str().and_then(|text| Moment::parse(text, Precision::Seconds).ok());
        let moment = moment.filter(|moment| !moment.is_zero());
        moment
            .is_some_and(|moment| u64::try_from(moment.unix_ms()).unwrap_or_default().saturating_add(kept_ms) < now_ms)
    };
    // A request without an answer has no condition.
    if conditions.is_empty() {
        return older(&request["metadata"]["creationTimestamp"], PENDING_KEPT_MS);
    }
    conditions.iter().any(|condition| {
        let time = &condition["lastUpdateTime"];
        match (condition["type"].as_str().unwrap_or_default(), certificate) {
            ("Denied" | "Failed", _) => older(time, ANSWERED_KEPT_MS),
            ("Approved", None) => older(time, PENDING_KEPT_MS),
            ("Approved", Some(text)) => older(time, ANSWERED_KEPT_MS) || is_expired(text, now_ms),
            _ => false,
        }
    })
}

/// Whether the first certificate of a PEM in base64 has ended. What cannot be read has not.
fn is_expired(text: &str, now_ms: u64) -> bool {
    let Ok(bytes) = STANDARD.decode(text) else { return false };
    let Ok((_, pem)) = parse_x509_pem(&bytes) else { return false };
    let Ok(certificate) = pem.parse_x509() else { return false };
    let end = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or_default();
    end.saturating_mul(1_000) < now_ms
}

fn requests() -> Scope {
    Scope { resource: SIGNING_REQUESTS.to_owned(), cluster: None, namespace: None }
}

#[cfg(test)]
mod signing_test;
