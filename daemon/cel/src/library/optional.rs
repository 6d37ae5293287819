//! Optional values.

use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::value::Value;

/// `optional.of`
pub(crate) fn of<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [value] => Ok(Value::some(value.clone())),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `optional.ofNonZeroValue`
pub(crate) fn of_non_zero<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [value] if value.is_zero() => Ok(Value::Optional(None)),
        [value] => Ok(Value::some(value.clone())),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `optional.none`
pub(crate) fn none<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [] => Ok(Value::Optional(None)),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `value()`
pub(crate) fn value<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::Optional(Some(value))] => Ok((**value).clone()),
        [Value::Optional(None)] => Err(EvalError::other("optional.none() dereference")),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `hasValue()`
pub(crate) fn has_value<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::Optional(value)] => Ok(Value::Bool(value.is_some())),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `first()` of a list
pub(crate) fn first<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list)] = args else { return Err(EvalError::no_such_overload()) };
    Ok(list.get(0).transpose()?.map_or(Value::Optional(None), Value::some))
}

/// `last()` of a list
pub(crate) fn last<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list)] = args else { return Err(EvalError::no_such_overload()) };
    let last = list.len().checked_sub(1).and_then(|place| list.get(place));
    Ok(last.transpose()?.map_or(Value::Optional(None), Value::some))
}

/// `optional.unwrap` and `unwrapOpt()`
pub(crate) fn unwrap<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list)] = args else { return Err(EvalError::no_such_overload()) };
    meter.allocate_values(list.len())?;
    let mut values = Vec::new();
    for element in list.iter() {
        match element? {
            Value::Optional(Some(value)) => values.push((*value).clone()),
            Value::Optional(None) => {}
            other => {
                let other = crate::value::print::brief(&other);
                return Err(EvalError::other(format!("value {other} is not optional")));
            }
        }
    }
    Ok(Value::list(values))
}
