//! Folds.

use super::{Local, Outcome, Run};
use crate::budget::EvalError;
use crate::plan::Fold;
use crate::value::Value;

impl<'r, 'a> Run<'r, '_, 'a> {
    pub(super) fn fold(&mut self, fold: &'r Fold) -> Outcome<'a> {
        let range = self.step(&fold.range)?;
        self.locals[fold.slot] = Local::Initial(&fold.init);
        match &range {
            Value::List(list) => {
                for (index, element) in list.iter().enumerate() {
                    let element = element.map_or_else(Local::failed, Local::value);
                    if fold.two {
                        let index = i64::try_from(index).unwrap_or(i64::MAX);
                        self.locals[fold.slot + 1] = Local::value(Value::Int(index));
                        self.locals[fold.slot + 2] = element;
                    } else {
                        self.locals[fold.slot + 1] = element;
                    }
                    if !self.turn(fold)? {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for key in map.keys(self.meter)? {
                    if fold.two {
                        let value = match map.find(&key) {
                            Ok(Some(value)) => Local::value(value),
                            Ok(None) => Local::value(Value::Null),
                            Err(error) => Local::failed(error),
                        };
                        self.locals[fold.slot + 2] = value;
                    }
                    self.locals[fold.slot + 1] = Local::value(key);
                    if !self.turn(fold)? {
                        break;
                    }
                }
            }
            _ => {
                let name = go_name(&range);
                return Err(EvalError::other(format!("got '{name}', expected iterable type")));
            }
        }
        let result = self.step(&fold.result);
        for slot in fold.slot..fold.slot + 3 {
            self.locals[slot] = Local::Unset;
        }
        result
    }

    /// One step of a fold; whether there may be another. A condition that is an error does not end it.
    fn turn(&mut self, fold: &'r Fold) -> Result<bool, EvalError> {
        self.meter.work(1)?;
        if matches!(self.attempt(&fold.condition)?, Ok(Value::Bool(false))) {
            return Ok(false);
        }
        let next = self.attempt(&fold.step)?;
        self.locals[fold.slot] = Local::Set(next);
        Ok(true)
    }

    /// The value of a fold's variable.
    pub(super) fn local(&mut self, slot: usize) -> Outcome<'a> {
        if let Local::Initial(init) = self.locals[slot] {
            let value = self.attempt(init)?;
            self.locals[slot] = Local::Set(value);
        }
        match &self.locals[slot] {
            Local::Set(outcome) => outcome.clone(),
            Local::Unset | Local::Initial(_) => Err(EvalError::other("the accumulator is in use")),
        }
    }
}

impl<'a> Local<'_, 'a> {
    pub(super) const fn value(value: Value<'a>) -> Self {
        Self::Set(Ok(value))
    }

    pub(super) const fn failed(error: EvalError) -> Self {
        Self::Set(Err(error))
    }
}

/// The name that messages of cel-go have for what is not a list or a map.
fn go_name(value: &Value<'_>) -> String {
    match value {
        Value::Null => "types.Null".into(),
        Value::Bool(_) => "types.Bool".into(),
        Value::Int(_) => "types.Int".into(),
        Value::Uint(_) => "types.Uint".into(),
        Value::Double(_) => "types.Double".into(),
        Value::String(_) => "types.String".into(),
        Value::Bytes(_) => "types.Bytes".into(),
        Value::Timestamp(_) => "types.Timestamp".into(),
        Value::Duration(_) => "types.Duration".into(),
        Value::Optional(_) => "*types.Optional".into(),
        Value::Type(_) => "*types.Type".into(),
        Value::List(_) | Value::Map(_) | Value::Opaque(_) | Value::Scope(_) => value.type_name().to_owned(),
    }
}
