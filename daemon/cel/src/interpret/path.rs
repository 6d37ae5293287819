//! Paths: variables, and what is selected from values.

use std::sync::Arc;

use super::{Outcome, Run};
use crate::budget::EvalError;
use crate::plan::{Attribute, Head, Index, Qualifier};
use crate::value::print::brief;
use crate::value::{Value, map::Map};

/// What is at the end of a path so far.
struct Place<'a> {
    value: Value<'a>,
    /// Whether a part of the path was optional, so that the whole is.
    optional: bool,
}

impl<'r, 'a> Run<'r, '_, 'a> {
    /// The value of a path. Its parts are paid for; its head is not.
    pub(super) fn path(&mut self, attribute: &'r Attribute) -> Outcome<'a> {
        let head = self.head(&attribute.head)?;
        if attribute.qualifiers.is_empty() {
            return Ok(head);
        }
        let Some(place) = self.walk(head, &attribute.qualifiers)? else { return Ok(Value::Optional(None)) };
        Ok(if place.optional { Value::some(place.value) } else { place.value })
    }

    /// Whether the last part of a path is there.
    pub(super) fn has(&mut self, attribute: &'r Attribute) -> Outcome<'a> {
        let Some((last, before)) = attribute.qualifiers.split_last() else {
            return Err(EvalError::no_such_overload());
        };
        let head = self.head(&attribute.head)?;
        let Some(place) = self.walk(head, before)? else { return Ok(Value::Bool(false)) };
        let index = self.index(&last.index)?;
        let found = self.look(&place.value, &index);
        if !place.optional || matches!(found, Ok(Some(_))) {
            self.meter.charge(1)?;
        }
        Ok(Value::Bool(found?.is_some()))
    }

    fn head(&mut self, head: &'r Head) -> Outcome<'a> {
        match head {
            Head::Local(slot) => self.local(*slot),
            Head::Global(place) => self.global(*place),
            Head::Value(step) => self.step(step),
            Head::Conditional(condition, truthy, falsy) => match self.step(condition)? {
                Value::Bool(true) => self.path(truthy),
                Value::Bool(false) => self.path(falsy),
                _ => Err(EvalError::no_such_overload()),
            },
        }
    }

    fn global(&mut self, place: usize) -> Outcome<'a> {
        if let Some(known) = &self.globals[place] {
            return known.clone();
        }
        let name = &self.plan.globals[place];
        let found = match self.variables.get(name) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(EvalError::other(format!("no such attribute(s): {name}"))),
            Err(error) => Err(error),
        };
        self.globals[place] = Some(found.clone());
        found
    }

    /// Selects one part after the other. None when an optional part is missing.
    fn walk(&mut self, head: Value<'a>, qualifiers: &'r [Qualifier]) -> Result<Option<Place<'a>>, EvalError> {
        let mut place = match head {
            Value::Optional(None) => return Ok(None),
            Value::Optional(Some(value)) => Place { value: unshare(value), optional: true },
            value => Place { value, optional: false },
        };
        for qualifier in qualifiers {
            place.optional |= qualifier.optional;
            let index = self.index(&qualifier.index);
            let found = match &index {
                Ok(index) => self.look(&place.value, index),
                Err(error) => Err(error.clone()),
            };
            // Looking costs even where nothing is found, but for optional paths.
            if !place.optional || matches!(found, Ok(Some(_))) {
                self.meter.charge(1)?;
            }
            match found? {
                Some(value) => place.value = value,
                None if place.optional => return Ok(None),
                None => return Err(missing(&place.value, &index?)),
            }
        }
        Ok(Some(place))
    }

    fn index(&mut self, index: &'r Index) -> Outcome<'a> {
        match index {
            Index::Constant(value) => Ok(value.clone()),
            Index::Attribute(attribute) => self.path(attribute),
            Index::Value(step) => self.step(step),
        }
    }

    /// What `index` selects from a value, if it is there.
    fn look(&mut self, value: &Value<'a>, index: &Value<'a>) -> Result<Option<Value<'a>>, EvalError> {
        match value {
            Value::Map(map) => map.find(index),
            Value::List(list) => match position(index)? {
                Some(place) => list.get(place).transpose(),
                None => Ok(None),
            },
            Value::Scope(scope) => match index {
                Value::String(field) => self.scoped(scope, field),
                _ => Err(EvalError::no_such_overload()),
            },
            _ => Ok(None),
        }
    }

    /// A variable below a scope.
    fn scoped(&mut self, scope: &str, field: &str) -> Result<Option<Value<'a>>, EvalError> {
        let name = format!("{scope}.{field}");
        if let Some(known) = self.scoped.get(&name) {
            return known.clone().transpose();
        }
        let found = self.variables.get(&name).transpose();
        self.scoped.insert(name, found.clone());
        found.transpose()
    }
}

fn unshare(value: Arc<Value<'_>>) -> Value<'_> {
    Arc::try_unwrap(value).unwrap_or_else(|shared| (*shared).clone())
}

/// The place in a list that a number names, if there could be one.
fn position(index: &Value<'_>) -> Result<Option<usize>, EvalError> {
    match index {
        Value::Int(index) => Ok(usize::try_from(*index).ok()),
        Value::Uint(index) => Ok(usize::try_from(*index).ok()),
        Value::Double(number) => match crate::value::map::Key::of(index) {
            Some(crate::value::map::Key::Int(index)) => Ok(usize::try_from(index).ok()),
            Some(crate::value::map::Key::Uint(index)) => Ok(usize::try_from(index).ok()),
            _ => Err(EvalError::other(format!(
                "unsupported index value {} in list",
                crate::value::print::number(*number)
            ))),
        },
        other => Err(EvalError::other(format!("unsupported index type '{}' in list", other.type_name()))),
    }
}

fn missing(value: &Value<'_>, index: &Value<'_>) -> EvalError {
    let index = brief(index);
    match value {
        Value::List(_) => EvalError::other(format!("index out of bounds: {index}")),
        Value::Map(Map::Struct(_)) => EvalError::other(format!("no such field: {index}")),
        _ => EvalError::other(format!("no such key: {index}")),
    }
}
