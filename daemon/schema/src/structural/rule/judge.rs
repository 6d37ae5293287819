//! Asks rules about values.

use hanse_cel::budget::{Budget, EvalError};
use hanse_cel::interpret::Variables;
use hanse_cel::value::Value as Cel;
use serde_json::Value;

use super::declare::NOT_DECLARED;
use super::{CALL_COST_MAX, OBJECT_COST_MAX, Reason, Rule};
use crate::cause::{Cause, CauseReason};
use crate::structural::path::Path;
use crate::structural::ratchet::{Correlated, Keyed};
use crate::structural::schema::{JsonType, Schema};
use crate::structural::words::{Findings, about};

/// One pass over an object.
pub(crate) struct Judge<'f> {
    findings: &'f mut Findings,
    /// What further rules may cost; nothing when no further rules are asked.
    left: Option<u64>,
}

/// A value, and the one whose place it takes.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'v> {
    pub(crate) value: &'v Value,
    pub(crate) old: Option<&'v Value>,
}

/// What an update leaves as it was, for the value at hand.
#[derive(Clone, Copy)]
pub(crate) struct Ratchet<'r, 'a> {
    /// The value and its old one, where they can be correlated.
    current: Option<&'r Correlated<'a>>,
    /// The nearest value around that can be.
    around: Option<&'r Correlated<'a>>,
}

impl<'r, 'a> Ratchet<'r, 'a> {
    /// For the whole object.
    pub(crate) const fn new(correlated: Option<&'r Correlated<'a>>) -> Self {
        Self { current: correlated, around: None }
    }

    fn is_unchanged(self) -> bool {
        self.current.or(self.around).is_some_and(Correlated::is_equal)
    }
}

impl<'f> Judge<'f> {
    /// With the budget of a whole object.
    pub(crate) const fn new(findings: &'f mut Findings) -> Self {
        Self::with_budget(findings, OBJECT_COST_MAX)
    }

    /// With what is left of a budget.
    pub(crate) const fn with_budget(findings: &'f mut Findings, left: u64) -> Self {
        Self { findings, left: Some(left) }
    }

    /// What is left of the budget.
    pub(crate) fn left(&self) -> u64 {
        self.left.unwrap_or(0)
    }

    /// Asks the rules of a node and of those below it.
    pub(crate) fn node(&mut self, schema: &Schema, subject: Subject<'_>, ratchet: Ratchet<'_, '_>, path: &Path<'_>) {
        let Subject { value, old } = subject;
        if !schema.rules_inside || value.is_null() || self.left.is_none() {
            return;
        }
        let old = old.filter(|old| !old.is_null());
        self.rules(schema, Subject { value, old }, ratchet, path);
        match value {
            Value::Array(items) => {
                let Some(next) = schema.items.as_deref() else { return };
                let nothing = Value::Null;
                let keyed = Keyed::new(schema, old.unwrap_or(&nothing));
                for (position, item) in items.iter().enumerate() {
                    let inner = ratchet.current.and_then(|current| current.index(position));
                    let below = Ratchet { current: inner.as_ref(), around: ratchet.current.or(ratchet.around) };
                    self.node(next, Subject { value: item, old: keyed.get(item) }, below, &path.index(position));
                }
            }
            Value::Object(map) => {
                for (key, inner) in map {
                    let old = old.and_then(|old| old.get(key));
                    let at_root = ratchet.around.is_none() && matches!(key.as_str(), "kind" | "apiVersion");
                    let correlated = ratchet.current.filter(|_| !at_root).and_then(|current| current.key(key));
                    let around = if at_root { None } else { ratchet.current.or(ratchet.around) };
                    let below = Ratchet { current: correlated.as_ref(), around };
                    if let Some(next) = schema.additional.schema() {
                        self.node(next, Subject { value: inner, old }, below, &path.key(key));
                    }
                    if let Some(property) = schema.properties.get(key.as_str()) {
                        self.node(property, Subject { value: inner, old }, below, &path.child(key));
                    }
                }
            }
            _ => {}
        }
    }

    fn rules(&mut self, schema: &Schema, subject: Subject<'_>, ratchet: Ratchet<'_, '_>, path: &Path<'_>) {
        let Subject { value, old } = subject;
        let kind = schema.kind.map_or("", JsonType::as_str);
        if self.left == Some(0) && !schema.rules.is_empty() {
            self.stop(kind, path, OUT_OF_BUDGET);
        }
        for rule in &schema.rules {
            if self.left.is_none() {
                return;
            }
            match &rule.program {
                // Of a value without a type nothing is asked.
                Err(why) if why == NOT_DECLARED => {}
                Err(why) => self.invalid(kind, path, &format!("rule compile error: {why}")),
                Ok(None) => {}
                Ok(Some(_)) if rule.uses_old_self && old.is_none() && !rule.optional_old_self => {}
                Ok(Some(_)) => {
                    let seen = Seen { rule, value, old };
                    if let Some(broken) = self.ask(&seen, kind, path)
                        && (rule.uses_old_self || !ratchet.is_unchanged())
                    {
                        self.findings.add(|| broken);
                    }
                }
            }
        }
    }

    /// Asks one rule. What comes back is the complaint of a rule that is broken.
    fn ask(&mut self, seen: &Seen<'_>, kind: &str, path: &Path<'_>) -> Option<Cause> {
        let Ok(Some(program)) = &seen.rule.program else { return None };
        let mut budget = Budget::new(CALL_COST_MAX);
        let result = program.evaluate(seen, &mut budget);
        if !self.pay(&budget, &result) {
            self.stop(kind, path, OUT_OF_BUDGET);
            return None;
        }
        let shown = seen.rule.shown();
        match result {
            Ok(Cel::Bool(true)) => None,
            Ok(_) => self.broken(seen, kind, path),
            Err(EvalError::Cost) => {
                let detail = format!(
                    "'{}': no further validation rules will be run due to call cost exceeds limit for rule: {shown}",
                    EvalError::Cost
                );
                self.stop(kind, path, &detail);
                None
            }
            Err(error) => {
                let error = error.to_string();
                let detail = if error.starts_with("no such overload") {
                    format!(
                        "'{error}': call arguments did not match a supported operator, function or macro signature for rule: {shown}"
                    )
                } else {
                    format!("{error} evaluating rule: {shown}")
                };
                self.invalid(kind, path, &detail);
                None
            }
        }
    }

    fn broken(&mut self, seen: &Seen<'_>, kind: &str, path: &Path<'_>) -> Option<Cause> {
        let rule = seen.rule;
        let below = path.child(&rule.field_path);
        let place = if rule.field_path.is_empty() { path } else { &below };
        let detail = match self.message(seen) {
            Ok(message) => message.unwrap_or_else(|| {
                if rule.message.is_empty() { format!("failed rule: {}", rule.shown()) } else { rule.shown().to_owned() }
            }),
            Err(why) => {
                self.left = None;
                return Some(about(CauseReason::Invalid, place.render(), &Value::from(kind), &why));
            }
        };
        let is_large = matches!(kind, "object" | "array");
        Some(match rule.reason {
            Reason::Forbidden => Cause::forbidden(place.render(), detail),
            Reason::Required => Cause::required(place.render(), &detail),
            Reason::Duplicate if is_large => {
                Cause { reason: CauseReason::Duplicate, field: place.render(), message: "Duplicate value".to_owned() }
            }
            Reason::Duplicate => about(CauseReason::Duplicate, place.render(), seen.value, ""),
            Reason::Invalid if is_large => Cause {
                reason: CauseReason::Invalid,
                field: place.render(),
                message: format!("Invalid value: {detail}"),
            },
            Reason::Invalid => about(CauseReason::Invalid, place.render(), seen.value, &detail),
        })
    }

    /// The message that an expression makes; nothing where it makes none that can be shown. An error ends everything.
    fn message(&mut self, seen: &Seen<'_>) -> Result<Option<String>, String> {
        let Ok(Some(program)) = &seen.rule.message_program else { return Ok(None) };
        let mut budget = Budget::new(CALL_COST_MAX);
        let result = program.evaluate(seen, &mut budget);
        if !self.pay(&budget, &result) {
            return Err(MESSAGE_OUT_OF_BUDGET.to_owned());
        }
        match result {
            Err(EvalError::Cost) => Err(format!(
                "no further validation rules will be run due to call cost exceeds limit for messageExpression: {}",
                crate::cause::quote(&seen.rule.message_expression)
            )),
            Ok(Cel::String(text)) => {
                let text = text.trim();
                let good = !text.is_empty() && text.len() <= MESSAGE_BYTES_MAX && !text.contains('\n');
                Ok(good.then(|| text.to_owned()))
            }
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// Takes the cost of an evaluation from the budget. Returns whether there was enough.
    fn pay(&mut self, budget: &Budget, result: &Result<Cel<'_>, EvalError>) -> bool {
        let cut = u64::from(matches!(result, Err(EvalError::Cost)));
        let cost = CALL_COST_MAX - budget.left().min(CALL_COST_MAX) + cut;
        match self.left().checked_sub(cost) {
            Some(left) => {
                self.left = Some(left);
                true
            }
            None => false,
        }
    }

    fn invalid(&mut self, kind: &str, path: &Path<'_>, detail: &str) {
        self.findings.add(|| about(CauseReason::Invalid, path.render(), &Value::from(kind), detail));
    }

    /// Complains, and asks no further rules.
    fn stop(&mut self, kind: &str, path: &Path<'_>, detail: &str) {
        self.invalid(kind, path, detail);
        self.left = None;
    }
}

/// What a rule sees.
struct Seen<'a> {
    rule: &'a Rule,
    value: &'a Value,
    old: Option<&'a Value>,
}

impl<'a> Variables<'a> for Seen<'a> {
    fn get(&self, name: &str) -> Result<Option<Cel<'a>>, EvalError> {
        let read = |value: &'a Value| Cel::from_json(value, &self.rule.shape);
        match (name, self.old) {
            ("self", _) => read(self.value).map(Some),
            ("oldSelf", None) if self.rule.optional_old_self => Ok(Some(Cel::Optional(None))),
            ("oldSelf", Some(old)) if self.rule.optional_old_self => read(old).map(Cel::some).map(Some),
            ("oldSelf", Some(old)) => read(old).map(Some),
            _ => Ok(None),
        }
    }
}

const OUT_OF_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";
const MESSAGE_OUT_OF_BUDGET: &str =
    "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run";
const MESSAGE_BYTES_MAX: usize = 5 * 1024;
