//! Arithmetic, comparison, and the other operators.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::value::{Value, compare};

fn overflow() -> EvalError {
    EvalError::other("integer overflow")
}

fn unsigned_overflow() -> EvalError {
    EvalError::other("unsigned integer overflow")
}

/// What an operator says to values that it does not take. It names itself where values like the first never have it.
fn refuse(operator: &str, args: &[Value<'_>]) -> EvalError {
    let first = args.first();
    let number = matches!(first, Some(Value::Int(_) | Value::Uint(_) | Value::Double(_)));
    let time = matches!(first, Some(Value::Timestamp(_) | Value::Duration(_)));
    let text = matches!(first, Some(Value::String(_) | Value::Bytes(_)));
    let has = match operator {
        "_+_" => number || time || text || matches!(first, Some(Value::List(_))),
        "_-_" => number || time,
        "_*_" | "_/_" => number,
        "_%_" => matches!(first, Some(Value::Int(_) | Value::Uint(_))),
        "-_" => matches!(first, Some(Value::Int(_) | Value::Double(_) | Value::Duration(_))),
        _ => number || time || text || matches!(first, Some(Value::Bool(_))),
    };
    // What has methods is asked for one, and does not say which.
    let has = has || time || matches!(first, Some(Value::String(_)));
    if has { EvalError::no_such_overload() } else { EvalError::other(format!("no such overload: {operator}")) }
}

/// `_+_`
pub(crate) fn add<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    Ok(match args {
        [Value::Int(left), Value::Int(right)] => Value::Int(left.checked_add(*right).ok_or_else(overflow)?),
        [Value::Uint(left), Value::Uint(right)] => Value::Uint(left.checked_add(*right).ok_or_else(unsigned_overflow)?),
        [Value::Double(left), Value::Double(right)] => Value::Double(left + right),
        [Value::String(left), Value::String(right)] => {
            meter.allocate(left.len() + right.len())?;
            Value::string(format!("{}{}", &**left, &**right))
        }
        [Value::Bytes(left), Value::Bytes(right)] => {
            meter.allocate(left.len() + right.len())?;
            Value::Bytes(Arc::from([&**left, &**right].concat()))
        }
        [Value::List(left), Value::List(right)] => Value::List(compare::join(left.clone(), right.clone(), meter)?),
        [Value::Timestamp(time), Value::Duration(duration)] | [Value::Duration(duration), Value::Timestamp(time)] => {
            Value::Timestamp(time.after(*duration)?)
        }
        [Value::Duration(left), Value::Duration(right)] => Value::Duration(left.plus(*right)?),
        _ => return Err(refuse("_+_", args)),
    })
}

/// `_-_`
pub(crate) fn subtract<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(match args {
        [Value::Int(left), Value::Int(right)] => Value::Int(left.checked_sub(*right).ok_or_else(overflow)?),
        [Value::Uint(left), Value::Uint(right)] => Value::Uint(left.checked_sub(*right).ok_or_else(unsigned_overflow)?),
        [Value::Double(left), Value::Double(right)] => Value::Double(left - right),
        [Value::Timestamp(time), Value::Duration(duration)] => Value::Timestamp(time.before(*duration)?),
        [Value::Timestamp(later), Value::Timestamp(earlier)] => Value::Duration(later.since(earlier)?),
        [Value::Duration(left), Value::Duration(right)] => Value::Duration(left.minus(*right)?),
        _ => return Err(refuse("_-_", args)),
    })
}

/// `_*_`
pub(crate) fn multiply<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(match args {
        [Value::Int(left), Value::Int(right)] => Value::Int(left.checked_mul(*right).ok_or_else(overflow)?),
        [Value::Uint(left), Value::Uint(right)] => Value::Uint(left.checked_mul(*right).ok_or_else(unsigned_overflow)?),
        [Value::Double(left), Value::Double(right)] => Value::Double(left * right),
        _ => return Err(refuse("_*_", args)),
    })
}

/// `_/_`
pub(crate) fn divide<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(match args {
        [Value::Int(_), Value::Int(0)] | [Value::Uint(_), Value::Uint(0)] => {
            return Err(EvalError::other("division by zero"));
        }
        [Value::Int(left), Value::Int(right)] => Value::Int(left.checked_div(*right).ok_or_else(overflow)?),
        [Value::Uint(left), Value::Uint(right)] => Value::Uint(left / right),
        [Value::Double(left), Value::Double(right)] => Value::Double(left / right),
        _ => return Err(refuse("_/_", args)),
    })
}

/// `_%_`
pub(crate) fn remainder<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(match args {
        [Value::Int(_), Value::Int(0)] | [Value::Uint(_), Value::Uint(0)] => {
            return Err(EvalError::other("modulus by zero"));
        }
        [Value::Int(left), Value::Int(right)] => Value::Int(left.checked_rem(*right).ok_or_else(overflow)?),
        [Value::Uint(left), Value::Uint(right)] => Value::Uint(left % right),
        _ => return Err(refuse("_%_", args)),
    })
}

/// `-_`
pub(crate) fn negate<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(match args {
        [Value::Int(value)] => Value::Int(value.checked_neg().ok_or_else(overflow)?),
        [Value::Double(value)] => Value::Double(-value),
        [Value::Duration(value)] => Value::Duration(value.opposite()?),
        _ => return Err(refuse("-_", args)),
    })
}

/// `!_`
pub(crate) fn not<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::Bool(value)] => Ok(Value::Bool(!value)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn ordered<'a>(operator: &str, args: &[Value<'a>], holds: impl Fn(Ordering) -> bool) -> Outcome<'a> {
    let [left, right] = args else { return Err(EvalError::no_such_overload()) };
    match compare::order(left, right) {
        Ok(order) => Ok(Value::Bool(holds(order))),
        Err(error) if error == EvalError::no_such_overload() => Err(refuse(operator, args)),
        Err(error) => Err(error),
    }
}

/// `_<_`
pub(crate) fn less<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    ordered("_<_", args, Ordering::is_lt)
}

/// `_<=_`
pub(crate) fn less_or_equal<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    ordered("_<=_", args, Ordering::is_le)
}

/// `_>_`
pub(crate) fn greater<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    ordered("_>_", args, Ordering::is_gt)
}

/// `_>=_`
pub(crate) fn greater_or_equal<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    ordered("_>=_", args, Ordering::is_ge)
}

/// `@in`
pub(crate) fn within<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [element, Value::List(list)] => {
            for other in list.iter() {
                if compare::equal(element, &other?, meter)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        [key, Value::Map(map)] => Ok(Value::Bool(map.find(key)?.is_some())),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `size()`
pub(crate) fn size<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [value @ (Value::String(_) | Value::Bytes(_) | Value::List(_))] => {
            Ok(Value::Int(i64::try_from(value.size()).unwrap_or(i64::MAX)))
        }
        [Value::Map(map)] => match map.size() {
            Some(size) => Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX))),
            None => Err(EvalError::other("no such overload: size")),
        },
        _ => Err(EvalError::other("no such overload: size")),
    }
}
