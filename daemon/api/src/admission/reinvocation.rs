//! Which mutating steps are asked a second time, because a later one has changed the object
//! (`reinvocationPolicy: IfNeeded`). Webhooks and policies have the same rules, each for themselves.

use std::collections::BTreeSet;

use hanse_store::state::State;
use serde_json::Value;

use crate::admission::notes::Notes;

/// What one of the two has to remember between the rounds.
#[derive(Debug, Default)]
pub(crate) struct Reinvocation {
    /// The object when the last round was over.
    last: Value,
    /// Steps that may be asked again when the object changes after them.
    invoked: BTreeSet<String>,
    /// Steps that are to be asked again.
    again: BTreeSet<String>,
}

/// One of the two rounds of mutating steps.
pub(crate) struct Round<'a> {
    pub(crate) state: &'a State,
    /// Whether it is the second.
    pub(crate) again: bool,
    pub(crate) steps: &'a mut Reinvocation,
    pub(crate) notes: &'a mut Notes,
}

impl Reinvocation {
    /// Before the second round: what others have changed since the first concerns every step.
    pub(crate) fn begin(&mut self, object: &Value) {
        if self.last != *object {
            self.changed();
        }
    }

    /// After a round.
    pub(crate) fn end(&mut self, object: &Value) {
        self.last = object.clone();
    }

    /// A step has changed the object.
    pub(crate) fn changed(&mut self) {
        self.again.append(&mut self.invoked);
    }

    /// A step that may be asked again has been asked.
    pub(crate) fn invoked(&mut self, step: String) {
        self.invoked.insert(step);
    }

    /// Whether the second round asks a step. None is asked there for the first time.
    pub(crate) fn asks(&self, step: &str) -> bool {
        self.again.contains(step)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Reinvocation;

    #[test]
    fn a_step_is_asked_again_when_a_later_one_changes_the_object() {
        let mut steps = Reinvocation::default();
        steps.invoked("first".into());
        steps.changed();
        steps.invoked("second".into());
        steps.end(&json!({"a": 1}));
        steps.begin(&json!({"a": 1}));
        assert!(steps.asks("first") && !steps.asks("second") && !steps.asks("third"));
        steps.begin(&json!({"a": 2}));
        assert!(steps.asks("first") && steps.asks("second"), "somebody else has changed it");
    }
}
