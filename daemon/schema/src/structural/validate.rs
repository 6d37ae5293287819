//! Value validation: whether a value is what its schema says, in the words of kube-openapi's validator as the API server shows
//! them.
//!
//! The order of complaints, which alternative of an `anyOf` is complained about, and what repeats are left out follow upstream.
//! The work is bounded: a schema with many alternatives and an object with many values are refused when the product is too
//! large.

mod scalar;

use serde_json::{Map, Value};

use super::path::Path;
use super::ratchet::Correlated;
use super::schema::{Additional, JsonType, Schema};
use super::validation::Validation;
use super::words::{Findings, about, plain, too_many};
use crate::cause::{Cause, CauseReason, quote};

/// Finds what is wrong with a value. `path` is its place in messages. Where the value takes the place of an old one, what has
/// not changed is not complained about.
pub(crate) fn values(
    schema: &Schema,
    value: &Value,
    correlated: Option<&Correlated<'_>>,
    path: &Path<'_>,
    findings: &mut Findings,
) {
    Validator::new(path).run(schema, value, correlated, findings);
}

/// Finds what is wrong with a default. As upstream, what is int-or-string may be anything there.
pub(crate) fn default_value(schema: &Schema, value: &Value, path: &Path<'_>, findings: &mut Findings) {
    let mut validator = Validator::new(path);
    validator.is_default = true;
    validator.run(schema, value, None, findings);
}

struct Validator<'p> {
    /// The place of the whole value.
    prefix: &'p Path<'p>,
    /// Visits of values that may still come.
    steps_left: usize,
    /// Bytes of messages that may still be made.
    bytes_left: usize,
    /// Whether the value is a default.
    is_default: bool,
}

/// A value's place, in the new object and in the old one.
#[derive(Clone, Copy)]
struct Place<'s, 'a> {
    path: &'s Path<'s>,
    correlated: Option<&'s Correlated<'a>>,
}

/// What came out for one value.
#[derive(Default)]
struct Outcome {
    failures: Vec<Failure>,
    /// Whether anything is wrong; failures may be missing when there are too many.
    failed: bool,
    /// How many checks went well: of alternatives that all fail, the one with the most is told.
    matches: usize,
}

/// One complaint. The validator's own sentence tells complaints apart; the API server shows another text for some.
struct Failure {
    sentence: String,
    cause: Cause,
}

impl Outcome {
    fn merge(&mut self, other: Self) {
        self.matches += other.matches;
        self.failed |= other.failed;
        for failure in other.failures {
            self.push(failure);
        }
    }

    fn push(&mut self, failure: Failure) {
        self.failed = true;
        let room = self.failures.len() < FAILURES_MAX;
        if room && !self.failures.iter().any(|known| known.sentence == failure.sentence) {
            self.failures.push(failure);
        }
    }
}

impl<'p> Validator<'p> {
    const fn new(prefix: &'p Path<'p>) -> Self {
        Self { prefix, steps_left: STEPS_MAX, bytes_left: MESSAGES_BYTES_MAX, is_default: false }
    }

    fn run(mut self, schema: &Schema, value: &Value, correlated: Option<&Correlated<'_>>, findings: &mut Findings) {
        let outcome = self.value(schema, value, Place { path: &Path::ROOT, correlated });
        let refuse = |why: &str| about(CauseReason::Invalid, self.prefix.render(), &Value::from(""), why);
        if self.steps_left == 0 {
            findings.add(|| refuse(TOO_COSTLY));
        } else if outcome.failed && outcome.failures.is_empty() {
            findings.add(|| refuse("too many errors"));
        }
        findings.extend(outcome.failures.into_iter().map(|failure| failure.cause));
    }

    /// The types that a schema permits.
    fn types<'s>(&self, schema: &'s Schema) -> &'s [JsonType] {
        match schema.int_or_string {
            true if self.is_default => &[],
            true => &[JsonType::Integer, JsonType::String],
            false => schema.kind.as_slice(),
        }
    }

    /// A value in its own place: what has not changed is not complained about.
    fn value(&mut self, schema: &Schema, value: &Value, place: Place<'_, '_>) -> Outcome {
        let mut outcome = self.node(schema, value, place);
        if outcome.failed && place.correlated.is_some_and(Correlated::is_equal) {
            outcome.failures.clear();
            outcome.failed = false;
        }
        outcome
    }

    /// A value against one schema: that of its place, or an alternative of it.
    fn node(&mut self, schema: &Schema, value: &Value, place: Place<'_, '_>) -> Outcome {
        let path = place.path;
        let mut outcome = Outcome::default();
        if self.steps_left == 0 {
            outcome.failed = true;
            return outcome;
        }
        self.steps_left -= 1;
        let validation = schema.validation.as_deref();
        if value.is_null() {
            let _applied = self.check_type(schema, value, path, &mut outcome);
            self.check_enum(validation, value, path, &mut outcome);
            return outcome;
        }
        if self.check_type(schema, value, path, &mut outcome) {
            outcome.matches += 1;
        }
        if let Some(validation) = validation {
            self.check_alternatives(validation, value, path, &mut outcome);
        }
        // The count of the step for alternatives, and that of the step itself.
        outcome.matches += 2;
        match value {
            Value::String(text) => {
                outcome.matches += 1;
                if let Some(validation) = validation {
                    self.check_string(validation, text, path, &mut outcome);
                }
            }
            Value::Number(number) => {
                outcome.matches += 2;
                self.check_number(schema, number, path, &mut outcome);
            }
            Value::Array(items) => {
                self.check_items(schema, items, place, &mut outcome);
                outcome.matches += 2;
            }
            _ => {}
        }
        self.check_enum(validation, value, path, &mut outcome);
        outcome.matches += 1;
        if let Value::Object(map) = value {
            self.check_fields(schema, map, place, &mut outcome);
            outcome.matches += 1;
        }
        outcome.matches += 1;
        outcome
    }

    /// What has not changed is complained about all the same inside of alternatives.
    fn check_alternatives(&mut self, validation: &Validation, value: &Value, path: &Path<'_>, outcome: &mut Outcome) {
        if !validation.any_of.is_empty() {
            self.check_any_of(&validation.any_of, value, path, outcome);
        }
        if !validation.one_of.is_empty() {
            self.check_one_of(&validation.one_of, value, path, outcome);
        }
        let mut good = 0;
        for schema in &validation.all_of {
            let result = self.node(schema, value, Place { path, correlated: None });
            good += usize::from(!result.failed);
            outcome.merge(result);
        }
        if good != validation.all_of.len() {
            let none = if good == 0 { ". None validated" } else { "" };
            self.compose(path, outcome, |name| format!("{name} must validate all the schemas (allOf){none}"));
        }
        if let Some(not) = &validation.not
            && !self.node(not, value, Place { path, correlated: None }).failed
        {
            self.compose(path, outcome, |name| format!("{name} must not validate the schema (not)"));
        }
    }

    fn check_any_of(&mut self, schemas: &[Schema], value: &Value, path: &Path<'_>, outcome: &mut Outcome) {
        let mut best: Option<Outcome> = None;
        for schema in schemas {
            let result = self.node(schema, value, Place { path, correlated: None });
            if !result.failed {
                outcome.merge(result);
                return;
            }
            if best.as_ref().is_none_or(|best| result.matches > best.matches) {
                best = Some(result);
            }
        }
        self.compose(path, outcome, |name| format!("{name} must validate at least one schema (anyOf)"));
        outcome.merge(best.unwrap_or_default());
    }

    fn check_one_of(&mut self, schemas: &[Schema], value: &Value, path: &Path<'_>, outcome: &mut Outcome) {
        let (mut best, mut first): (Option<Outcome>, Option<Outcome>) = (None, None);
        let mut good = 0;
        for schema in schemas {
            let result = self.node(schema, value, Place { path, correlated: None });
            if !result.failed {
                good += 1;
                best = None;
                first.get_or_insert(result);
            } else if good == 0 && best.as_ref().is_none_or(|best| result.matches > best.matches) {
                best = Some(result);
            }
        }
        if good == 1 {
            outcome.merge(first.unwrap_or_default());
            return;
        }
        let found = if good == 0 { "Found none valid".to_owned() } else { format!("Found {good} valid alternatives") };
        self.compose(path, outcome, |name| format!("{name} must validate one and only one schema (oneOf). {found}"));
        outcome.merge(best.unwrap_or_default());
    }

    fn check_items(&mut self, schema: &Schema, items: &[Value], place: Place<'_, '_>, outcome: &mut Outcome) {
        let path = place.path;
        if let Some(next) = schema.items.as_deref() {
            for (position, item) in items.iter().enumerate() {
                let inner = place.correlated.and_then(|correlated| correlated.index(position));
                let below = Place { path: &path.index(position), correlated: inner.as_ref() };
                outcome.merge(self.value(next, item, below));
            }
        }
        let Some(validation) = schema.validation.as_deref() else { return };
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        if let Some(min) = validation.items_min.filter(|min| count < *min) {
            self.invalid(path, &count.into(), outcome, |name| {
                format!("{name} in body should have at least {min} items")
            });
        }
        if let Some(max) = validation.items_max.filter(|max| count > *max) {
            let sentence = |name: &str| format!("{name} in body should have at most {max} items");
            self.fail(path, outcome, sentence, |field, _| too_many(field, items.len(), max));
        }
    }

    fn check_fields(&mut self, schema: &Schema, map: &Map<String, Value>, place: Place<'_, '_>, outcome: &mut Outcome) {
        let path = place.path;
        let validation = schema.validation.as_deref();
        let count = i64::try_from(map.len()).unwrap_or(i64::MAX);
        if let Some(min) = validation.and_then(|validation| validation.properties_min).filter(|min| count < *min) {
            self.invalid(path, &count.into(), outcome, |name| {
                format!("{name} in body should have at least {min} properties")
            });
        }
        if let Some(max) = validation.and_then(|validation| validation.properties_max).filter(|max| count > *max) {
            let sentence = |name: &str| format!("{name} in body should have at most {max} properties");
            self.fail(path, outcome, sentence, |field, _| too_many(field, map.len(), max));
        }
        for (key, value) in map {
            if schema.properties.contains_key(key.as_str()) {
                continue;
            }
            match &schema.additional {
                Additional::Nothing => {
                    let bad = Value::from(key.as_str());
                    self.invalid(path, &bad, outcome, |name| format!("{name}.{key} in body is a forbidden property"));
                }
                Additional::Schema(next) => {
                    let inner = self.correlated_field(place, key);
                    let below = Place { path: &path.key(key), correlated: inner.as_ref() };
                    outcome.merge(self.value(next, value, below));
                }
                Additional::Absent | Additional::Anything => {}
            }
        }
        for (key, value) in map {
            if let Some(property) = schema.properties.get(key.as_str()) {
                let inner = self.correlated_field(place, key);
                let below = Place { path: &path.child(key), correlated: inner.as_ref() };
                outcome.merge(self.value(property, value, below));
            }
        }
        for name in validation.into_iter().flat_map(|validation| &validation.required) {
            if !map.contains_key(name.as_ref()) {
                let sentence = |name: &str| format!("{name} in body is required");
                self.fail(&path.child(name), outcome, sentence, |field, _| Cause::required(field, ""));
            }
        }
    }

    /// The kind and version of the object itself cannot be taken for unchanged: the old object is shown in the new version.
    fn correlated_field<'a>(&self, place: Place<'_, 'a>, key: &str) -> Option<Correlated<'a>> {
        if place.path.is_root() && self.prefix.is_root() && matches!(key, "kind" | "apiVersion") {
            return None;
        }
        place.correlated.and_then(|correlated| correlated.key(key))
    }

    fn check_enum(&mut self, validation: Option<&Validation>, value: &Value, path: &Path<'_>, outcome: &mut Outcome) {
        let Some(validation) = validation.filter(|validation| !validation.values.is_empty()) else { return };
        if validation.values.iter().any(|known| scalar::is_enum_value(value, known)) {
            return;
        }
        let all = || validation.values.iter().map(plain).collect::<Vec<_>>().join(" ");
        let sentence = |name: &str| format!("{name} in body should be one of [{}]", all());
        self.fail(path, outcome, sentence, |field, _| {
            let known: Vec<String> = validation
                .values
                .iter()
                .map(|known| match known {
                    Value::String(text) => quote(text),
                    other => quote(&super::words::json(other)),
                })
                .collect();
            let detail = format!("supported values: {}", known.join(", "));
            about(CauseReason::NotSupported, field, value, &detail)
        });
    }

    /// A complaint about a combination of schemas: it has no place but in its words.
    fn compose(&mut self, path: &Path<'_>, outcome: &mut Outcome, sentence: impl Fn(&str) -> String) {
        let prefix = self.prefix.render();
        self.fail(
            path,
            outcome,
            |name| sentence(&quote(name)),
            |_, sentence| about(CauseReason::Invalid, prefix, &Value::from(""), sentence),
        );
    }

    fn invalid(&mut self, path: &Path<'_>, bad: &Value, outcome: &mut Outcome, sentence: impl Fn(&str) -> String) {
        self.fail(path, outcome, sentence, |field, sentence| about(CauseReason::Invalid, field, bad, sentence));
    }

    /// Adds a complaint: its sentence from the value's name, its cause from the field's path and the sentence.
    fn fail(
        &mut self,
        path: &Path<'_>,
        outcome: &mut Outcome,
        sentence: impl Fn(&str) -> String,
        cause: impl FnOnce(String, &str) -> Cause,
    ) {
        outcome.failed = true;
        if self.bytes_left == 0 {
            return;
        }
        let name = path.dotted();
        let sentence = sentence(&name);
        let below = name.strip_prefix('.').unwrap_or(&name);
        let field = match (below, self.prefix.is_root()) {
            ("", _) => self.prefix.render(),
            (below, true) => below.to_owned(),
            (below, false) => format!("{}.{below}", self.prefix.render()),
        };
        let cause = cause(field, &sentence);
        self.bytes_left = self.bytes_left.saturating_sub(sentence.len() + cause.field.len() + cause.message.len());
        outcome.push(Failure { sentence, cause });
    }
}

const TOO_COSTLY: &str = "the object and its schema are too large together to be validated";
/// Complaints about one value beyond this many are not listed.
const FAILURES_MAX: usize = 500;
/// Bytes of all messages that are made, of alternatives that are not told too.
const MESSAGES_BYTES_MAX: usize = 8 << 20;
const STEPS_MAX: usize = 20_000_000;
