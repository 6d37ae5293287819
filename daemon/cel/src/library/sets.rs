//! Lists as sets: cel-go's sets extension.

use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::value::list::List;
use crate::value::{Value, compare};

/// `sets.contains`: whether the first list has all elements of the second.
pub(crate) fn contains<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list), Value::List(others)] = args else { return Err(EvalError::no_such_overload()) };
    covers(list, others, meter).map(Value::Bool)
}

/// `sets.equivalent`: whether each list has all elements of the other.
pub(crate) fn equivalent<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list), Value::List(others)] = args else { return Err(EvalError::no_such_overload()) };
    Ok(Value::Bool(covers(list, others, meter)? && covers(others, list, meter)?))
}

/// `sets.intersects`: whether the lists have an element in common.
pub(crate) fn intersects<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list), Value::List(others)] = args else { return Err(EvalError::no_such_overload()) };
    for element in list.iter() {
        if has(others, &element?, meter)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn covers(list: &List<'_>, others: &List<'_>, meter: &mut Meter<'_>) -> Result<bool, EvalError> {
    for other in others.iter() {
        if !has(list, &other?, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn has(list: &List<'_>, element: &Value<'_>, meter: &mut Meter<'_>) -> Result<bool, EvalError> {
    for other in list.iter() {
        if compare::equal(element, &other?, meter)? {
            return Ok(true);
        }
    }
    Ok(false)
}
