//! Amounts with units: Kubernetes' `quantity` library; and comparison, which versions have too.

use std::cmp::Ordering;

use super::semver;
use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::quantity::Quantity;
use crate::value::Value;
use crate::value::opaque::Opaque;

/// `quantity`
pub(crate) fn quantity<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::String(text)] => {
            Quantity::parse(text).map(|amount| Value::Opaque(Opaque::Quantity(amount))).map_err(EvalError::other)
        }
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `isQuantity`
pub(crate) fn is_quantity<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::String(text)] => Ok(Value::Bool(Quantity::parse(text).is_ok())),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn amount(args: &[Value<'_>]) -> Result<Quantity, EvalError> {
    match args {
        [Value::Opaque(Opaque::Quantity(amount))] => Ok(*amount),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `sign`
pub(crate) fn sign<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Int(amount(args)?.sign()))
}

/// `isInteger`
pub(crate) fn is_integer<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Bool(amount(args)?.as_integer().is_some()))
}

/// `asInteger`
pub(crate) fn as_integer<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    amount(args)?.as_integer().map(Value::Int).ok_or_else(|| EvalError::other("cannot convert value to integer"))
}

/// `asApproximateFloat`
pub(crate) fn as_float<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Double(amount(args)?.approximate()))
}

fn combine<'a>(args: &[Value<'a>], with: impl Fn(Quantity, Quantity) -> Option<Quantity>) -> Outcome<'a> {
    let (left, right) = match args {
        [Value::Opaque(Opaque::Quantity(left)), Value::Opaque(Opaque::Quantity(right))] => (*left, *right),
        [Value::Opaque(Opaque::Quantity(left)), Value::Int(right)] => (*left, Quantity::whole(*right)),
        _ => return Err(EvalError::no_such_overload()),
    };
    with(left, right)
        .map(|amount| Value::Opaque(Opaque::Quantity(amount)))
        .ok_or_else(|| EvalError::other("quantity overflow"))
}

/// `add`
pub(crate) fn add<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    combine(args, Quantity::plus)
}

/// `sub`
pub(crate) fn sub<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    combine(args, Quantity::minus)
}

fn order(args: &[Value<'_>]) -> Result<Ordering, EvalError> {
    match args {
        [Value::Opaque(Opaque::Quantity(left)), Value::Opaque(Opaque::Quantity(right))] => Ok(left.cmp(right)),
        [Value::Opaque(Opaque::Semver(left)), Value::Opaque(Opaque::Semver(right))] => {
            Ok(semver::Semver::cmp(left, right))
        }
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `isGreaterThan`
pub(crate) fn is_greater<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Bool(order(args)?.is_gt()))
}

/// `isLessThan`
pub(crate) fn is_less<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Bool(order(args)?.is_lt()))
}

/// `compareTo`
pub(crate) fn compare<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Int(match order(args)? {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }))
}
