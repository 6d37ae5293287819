//! `matches`, and Kubernetes' `find` and `findAll`.

use regex::Regex;

use super::pattern;
use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::value::Value;

/// `matches`
pub(crate) fn matches<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    matches_with(&compiled(args, "")?, args)
}

/// `find`
pub(crate) fn find<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    find_with(&compiled(args, "Illegal regex: ")?, args, meter)
}

/// `findAll`
pub(crate) fn find_all<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    find_all_with(&compiled(args, "Illegal regex: ")?, args, meter)
}

fn compiled(args: &[Value<'_>], prefix: &str) -> Result<Regex, EvalError> {
    let Some(Value::String(text)) = args.get(1) else { return Err(EvalError::no_such_overload()) };
    pattern::compile(text).map_err(|error| EvalError::other(format!("{prefix}{error}")))
}

/// `matches` with a pattern that is compiled.
pub(crate) fn matches_with<'a>(regex: &Regex, args: &[Value<'a>]) -> Outcome<'a> {
    match args {
        [Value::String(text), _] => Ok(Value::Bool(regex.is_match(text))),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `find` with a pattern that is compiled.
pub(crate) fn find_with<'a>(regex: &Regex, args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::String(text), _] = args else { return Err(EvalError::no_such_overload()) };
    let found = regex.find(text).map_or("", |found| found.as_str());
    meter.allocate(found.len())?;
    Ok(Value::string(found))
}

/// `findAll` with a pattern that is compiled.
pub(crate) fn find_all_with<'a>(regex: &Regex, args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let (text, limit) = match args {
        [Value::String(text), _] => (text, usize::MAX),
        [Value::String(text), _, Value::Int(limit)] => (text, usize::try_from(*limit).unwrap_or(usize::MAX)),
        _ => return Err(EvalError::no_such_overload()),
    };
    let mut list = Vec::new();
    for found in regex.find_iter(text).take(limit) {
        meter.allocate_values(1)?;
        meter.allocate(found.len())?;
        list.push(Value::string(found.as_str()));
    }
    Ok(Value::list(list))
}
