//! What an answer says of an operation: done, not done, or unknown. `jepsen/OUTCOMES.md` has the reasons.

use serde_json::Value;

use crate::history::Outcome;
use crate::port::{Answer, NoAnswer};

/// Whether an operation changes anything. A read that was not answered has certainly had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    Write,
}

/// The answer where there is a good one, or how the operation ended.
///
/// 4xx says that nothing happened, and so does 503, by the server's own word: a write of which it says so and which is seen all
/// the same is a violation. Every other 5xx, and no answer at all, leave a write's outcome unknown.
pub(crate) fn judged(result: Result<Answer, NoAnswer>, effect: Effect) -> Result<Answer, Outcome> {
    let error = match &result {
        Ok(answer) => words(answer),
        Err(error) => error.to_string(),
    };
    match result {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(answer),
        Ok(Answer { status: 400..=499 | 503, .. }) | Err(NoAnswer::NotSent(_)) => Err(Outcome::Fail { error }),
        _ if effect == Effect::Read => Err(Outcome::Fail { error }),
        Ok(_) | Err(NoAnswer::Unknown(_)) => Err(Outcome::Info { error }),
    }
}

/// Code, reason and message: `409 Conflict: ...`.
pub(crate) fn words(answer: &Answer) -> String {
    let text = |field: &str| answer.body.get(field).and_then(Value::as_str).unwrap_or_default();
    let mut message = text("message").to_owned();
    if message.len() > MESSAGE_BYTES_MAX {
        let end = (0..=MESSAGE_BYTES_MAX).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
        message.truncate(end);
    }
    format!("{} {}: {message}", answer.status, text("reason"))
}

/// Whether a refusal says that the object itself is not there, and not its logical cluster or namespace.
pub(crate) fn is_missing(answer: &Answer, resource: &str, name: &str) -> bool {
    let detail = |field: &str| answer.body.pointer(&format!("/details/{field}")).and_then(Value::as_str);
    answer.status == 404 && detail("kind") == Some(resource) && detail("name") == Some(name)
}

/// The refusal in words; a 404 that is not about the object is none about its state.
pub(crate) fn judged_for(
    result: Result<Answer, NoAnswer>,
    effect: Effect,
    (resource, name): (&str, &str),
) -> Result<Answer, Outcome> {
    let elsewhere = matches!(&result, Ok(answer) if answer.status == 404 && !is_missing(answer, resource, name));
    judged(result, effect).map_err(|outcome| match outcome {
        Outcome::Fail { error } if elsewhere => Outcome::Fail { error: format!("not the object: {error}") },
        outcome => outcome,
    })
}

/// `metadata.resourceVersion`.
pub(crate) fn revision(object: &Value) -> Option<u64> {
    object.pointer("/metadata/resourceVersion")?.as_str()?.parse().ok()
}

/// What is kept of a message in the history.
const MESSAGE_BYTES_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Effect, judged, judged_for, revision};
    use crate::history::Outcome;
    use crate::port::{Answer, NoAnswer};

    fn answer(status: u16, reason: &str) -> Answer {
        let body = json!({"reason": reason, "message": "why", "details": {"kind": "configmaps", "name": "k"}});
        Answer { status, body }
    }

    #[test]
    fn every_answer_has_one_outcome() {
        let fail = |error: &str| Err(Outcome::Fail { error: error.to_owned() });
        let info = |error: &str| Err(Outcome::Info { error: error.to_owned() });
        let cases = [
            (Ok(answer(200, "")), Ok(answer(200, "")), Ok(answer(200, ""))),
            (Ok(answer(409, "Conflict")), fail("409 Conflict: why"), fail("409 Conflict: why")),
            (
                Ok(answer(503, "ServiceUnavailable")),
                fail("503 ServiceUnavailable: why"),
                fail("503 ServiceUnavailable: why"),
            ),
            (Ok(answer(504, "Timeout")), info("504 Timeout: why"), fail("504 Timeout: why")),
            (Ok(answer(500, "InternalError")), info("500 InternalError: why"), fail("500 InternalError: why")),
            (Err(NoAnswer::NotSent("refused".into())), fail("not sent: refused"), fail("not sent: refused")),
            (Err(NoAnswer::Unknown("late".into())), info("no answer: late"), fail("no answer: late")),
        ];
        for (result, write, read) in cases {
            assert_eq!(judged(result.clone(), Effect::Write), write);
            assert_eq!(judged(result, Effect::Read), read);
        }
    }

    #[test]
    fn a_404_of_the_logical_cluster_is_not_one_of_the_object() {
        let missing = |name: &str| {
            let outcome = judged_for(Ok(answer(404, "NotFound")), Effect::Write, ("configmaps", name));
            let Err(Outcome::Fail { error }) = outcome else { panic!("{outcome:?}") };
            error
        };
        assert_eq!(missing("k"), "404 NotFound: why");
        assert_eq!(missing("other"), "not the object: 404 NotFound: why");
    }

    #[test]
    fn a_revision_is_a_number_in_text() {
        assert_eq!(revision(&json!({"metadata": {"resourceVersion": "7"}})), Some(7));
        assert_eq!(revision(&json!({"metadata": {"resourceVersion": 7}})), None);
        assert_eq!(revision(&json!({})), None);
    }
}
