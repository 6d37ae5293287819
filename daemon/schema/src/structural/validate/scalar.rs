//! Checks of single values: types, strings, numbers.

use serde_json::{Number, Value};

use super::{Outcome, Validator};
use crate::cause::CauseReason;
use crate::structural::format::Check;
use crate::structural::path::Path;
use crate::structural::schema::{JsonType, Schema};
use crate::structural::validation::{Bound, Validation};
use crate::structural::words::{about, float_text};

impl Validator<'_> {
    /// Checks the type. Returns whether there was anything to check.
    pub(super) fn check_type(
        &mut self,
        schema: &Schema,
        value: &Value,
        path: &Path<'_>,
        outcome: &mut Outcome,
    ) -> bool {
        let types = self.types(schema);
        let format = schema.validation.as_deref().and_then(|validation| validation.format.as_ref());
        let wanted = || types.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(",");
        if value.is_null() {
            if types.is_empty() || schema.nullable {
                outcome.matches += 1;
            } else {
                self.mistyped(path, &wanted(), "null", outcome);
            }
            return true;
        }
        if types.is_empty() && format.is_none() {
            return false;
        }
        let (found, found_format) = match value {
            Value::Bool(_) => (JsonType::Boolean, ""),
            Value::Number(number) if number.is_i64() => (JsonType::Integer, "int64"),
            Value::Number(_) => (JsonType::Number, "float64"),
            Value::String(_) => (JsonType::String, ""),
            Value::Array(_) => (JsonType::Array, ""),
            Value::Null | Value::Object(_) => (JsonType::Object, ""),
        };
        let whole =
            found == JsonType::Number && types.contains(&JsonType::Integer) && value.as_f64().is_some_and(is_whole);
        let numeric = types.contains(&JsonType::Number) || types.contains(&JsonType::Integer);
        let good = types.contains(&found) || whole || found == JsonType::Integer && types.contains(&JsonType::Number);
        let texty = matches!(found, JsonType::String | JsonType::Array);
        match format {
            // The format alone says what is wanted.
            Some(format) if !texty && !good && found_format != &*format.name => {
                self.mistyped(path, &format.name, found_format, outcome);
            }
            Some(_) if texty && !numeric => outcome.matches += 1,
            _ if !good => self.mistyped(path, &wanted(), found.as_str(), outcome),
            _ => outcome.matches += 1,
        }
        true
    }

    fn mistyped(&mut self, path: &Path<'_>, wanted: &str, found: &str, outcome: &mut Outcome) {
        let found = Value::from(found);
        self.wrong_type(path, wanted, &found, outcome);
    }

    /// A value that is not of a type or format; `bad` is what the message shows.
    fn wrong_type(&mut self, path: &Path<'_>, wanted: &str, bad: &Value, outcome: &mut Outcome) {
        let shown = crate::structural::words::shown(bad);
        let sentence = |name: &str| format!("{name} in body must be of type {wanted}: {shown}");
        self.fail(path, outcome, sentence, |field, sentence| about(CauseReason::TypeInvalid, field, bad, sentence));
    }

    /// The first of length and pattern that is wrong, and the format.
    pub(super) fn check_string(&mut self, validation: &Validation, text: &str, path: &Path<'_>, outcome: &mut Outcome) {
        let bad = || Value::from(text);
        let length = || i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        if let Some(max) = validation.length_max.filter(|max| length() > *max) {
            let sentence = |name: &str| format!("{name} in body should be at most {max} chars long");
            self.fail(path, outcome, sentence, |field, _| {
                let bytes = if max == 1 { "byte" } else { "bytes" };
                let message = if max < 0 {
                    "Too long: value is too long".to_owned()
                } else {
                    format!("Too long: may not be more than {max} {bytes}")
                };
                crate::cause::Cause { reason: CauseReason::TooLong, field, message }
            });
        } else if let Some(min) = validation.length_min.filter(|min| length() < *min) {
            self.invalid(path, &bad(), outcome, |name| format!("{name} in body should be at least {min} chars long"));
        } else if let Some(pattern) = &validation.pattern {
            let cost = text.len().saturating_mul(pattern.weight()) / PATTERN_WORK_A_STEP;
            self.steps_left = self.steps_left.saturating_sub(cost);
            if self.steps_left > 0 && !pattern.matches(text) {
                let source = pattern.source();
                self.invalid(path, &bad(), outcome, |name| format!("{name} in body should match '{source}'"));
            }
        }
        if let Some(format) = &validation.format
            && let Check::Text(is_good) = format.check
        {
            outcome.matches += 1;
            if !is_good(text) {
                self.wrong_type(path, &format.name, &bad(), outcome);
            }
        }
    }

    /// Range, factor and the capacity of the type.
    pub(super) fn check_number(&mut self, schema: &Schema, number: &Number, path: &Path<'_>, outcome: &mut Outcome) {
        let validation = schema.validation.as_deref();
        let capacity = Capacity::of(self.types(schema), validation);
        let float = number.as_f64().unwrap_or_default();
        let fits = number.as_i64().map_or_else(|| capacity.holds(float), |integer| capacity.holds_integer(integer));
        if !fits {
            self.exceeds(&capacity, "Checked", path, outcome);
        }
        let Some(validation) = validation else { return };
        if let Some(factor) = validation.multiple_of {
            let fits = capacity.holds(factor);
            if !fits {
                self.exceeds(&capacity, "MultipleOf", path, outcome);
            }
            let measured = Measured { integer: number.as_i64().filter(|_| fits), float };
            self.check_factor(measured, factor, path, outcome);
        }
        for (bound, end) in [(validation.minimum, MINIMUM), (validation.maximum, MAXIMUM)] {
            let Some(bound) = bound else { continue };
            let fits = capacity.holds(bound.limit);
            if !fits {
                self.exceeds(&capacity, end.boundary, path, outcome);
            }
            let measured = Measured { integer: number.as_i64().filter(|_| fits), float };
            self.check_bound(measured, (bound, end), path, outcome);
        }
    }

    fn exceeds(&mut self, capacity: &Capacity<'_>, what: &str, path: &Path<'_>, outcome: &mut Outcome) {
        let (kind, format) = (capacity.kind.map_or("", JsonType::as_str), capacity.format);
        let of = if format.is_empty() { "(default format)".to_owned() } else { format!("with format {format}") };
        let prefix = self.prefix.render();
        let sentence = |name: &str| format!("{what} value must be of type {kind} {of} in {name}");
        self.fail(path, outcome, sentence, |_, sentence| {
            about(CauseReason::Invalid, prefix, &Value::from(""), sentence)
        });
    }

    fn check_factor(&mut self, measured: Measured, factor: f64, path: &Path<'_>, outcome: &mut Outcome) {
        let Measured { integer, float } = measured;
        // An integer is divided by the whole part of the factor.
        let whole = truncated(factor);
        let not_positive = if integer.is_some() { whole <= 0 } else { factor <= 0.0 };
        let shown = if integer.is_some() { whole.to_string() } else { float_text(factor) };
        if not_positive {
            let bad = if integer.is_some() { Value::from(whole) } else { Value::from(factor) };
            self.invalid(path, &bad, outcome, |name| {
                format!("factor MultipleOf declared for {name} must be positive: {shown}")
            });
            return;
        }
        let good = match integer {
            Some(integer) => integer % whole == 0,
            None if factor < 1.0 => is_whole(1.0 / factor * float),
            None => is_whole(float / factor),
        };
        if !good {
            let bad = integer.map_or_else(|| Value::from(float), Value::from);
            self.invalid(path, &bad, outcome, |name| format!("{name} in body should be a multiple of {shown}"));
        }
    }

    fn check_bound(&mut self, measured: Measured, (bound, end): (Bound, End), path: &Path<'_>, outcome: &mut Outcome) {
        let Measured { integer, float } = measured;
        let order = match integer {
            Some(integer) => Some(integer.cmp(&truncated(bound.limit))),
            None => float.partial_cmp(&bound.limit),
        };
        let good = order.is_none_or(|order| match order {
            std::cmp::Ordering::Equal => !bound.exclusive,
            order => order != end.wrong,
        });
        if good {
            return;
        }
        let limit = if integer.is_some() { truncated(bound.limit).to_string() } else { float_text(bound.limit) };
        let or_equal = if bound.exclusive { "" } else { "or equal to " };
        let bad = integer.map_or_else(|| Value::from(float), Value::from);
        self.invalid(path, &bad, outcome, |name| format!("{name} in body should be {} {or_equal}{limit}", end.word));
    }
}

/// A number that is compared with a limit.
#[derive(Clone, Copy)]
struct Measured {
    /// Its value, if it is an integer and the limit fits into its type.
    integer: Option<i64>,
    float: f64,
}

/// An end of a range.
#[derive(Clone, Copy)]
struct End {
    boundary: &'static str,
    word: &'static str,
    /// How a number that is outside compares to the bound.
    wrong: std::cmp::Ordering,
}

const MINIMUM: End = End { boundary: "Minimum boundary", word: "greater than", wrong: std::cmp::Ordering::Less };
const MAXIMUM: End = End { boundary: "Maximum boundary", word: "less than", wrong: std::cmp::Ordering::Greater };

/// What numbers a type and format can hold.
struct Capacity<'s> {
    kind: Option<JsonType>,
    format: &'s str,
    check: Option<Check>,
}

impl<'s> Capacity<'s> {
    fn of(types: &[JsonType], validation: Option<&'s Validation>) -> Self {
        let kind = match types {
            [kind @ (JsonType::Integer | JsonType::Number)] => Some(*kind),
            _ => None,
        };
        let format = validation.and_then(|validation| validation.format.as_ref()).filter(|_| kind.is_some());
        Self { kind, format: format.map_or("", |format| &format.name), check: format.map(|format| format.check) }
    }

    fn holds_integer(&self, integer: i64) -> bool {
        !matches!(self.check, Some(Check::Int32)) || i32::try_from(integer).is_ok()
    }

    fn holds(&self, float: f64) -> bool {
        match (self.kind, self.check) {
            (Some(JsonType::Integer), check) => {
                let whole =
                    float.fract() == 0.0 && (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&float);
                whole && (!matches!(check, Some(Check::Int32)) || i32::try_from(truncated(float)).is_ok())
            }
            (_, Some(Check::Float)) => float.abs() < FLOAT_END,
            _ => true,
        }
    }
}

/// Whether a value is one of an enum: numbers are compared in the type that the enum has.
pub(super) fn is_enum_value(value: &Value, known: &Value) -> bool {
    match (value, known) {
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Number(value), Value::Number(known)) => match (value.as_i64(), known.as_i64()) {
            (Some(value), Some(known)) => value == known,
            (None, Some(known)) => value.as_f64().is_some_and(|value| truncated(value) == known),
            _ => value.as_f64() == known.as_f64(),
        },
        (value, known) => value == known,
    }
}

/// Whether a float is an integer that JSON can hold exactly, or next to one.
fn is_whole(float: f64) -> bool {
    if !float.is_finite() || float.abs() > 9_007_199_254_740_991.0 {
        return false;
    }
    if float.fract() == 0.0 {
        return true;
    }
    let near = float.trunc();
    near > 0.0 && (float - near).abs() / (float.abs() + near.abs()) < 1e-9
}

/// The whole part, within 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "the whole part is what is asked for; what is too large saturates")]
const fn truncated(float: f64) -> i64 {
    float as i64
}

/// Half a unit beyond the largest float of 32 bits: from here on numbers round to infinity.
const FLOAT_END: f64 = 3.402_823_567_797_336_6e38;
/// Matching this many bytes, times the pattern's weight, counts as a visit of a value.
const PATTERN_WORK_A_STEP: usize = 64;
