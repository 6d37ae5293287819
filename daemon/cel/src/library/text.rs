//! Functions of strings: those of the standard, and cel-go's strings extension, version 2.

use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::value::{Text, Value};

fn out_of_range(index: i64) -> EvalError {
    EvalError::other(format!("index out of range: {index}"))
}

/// The byte at which a character begins; the end of the text for the one after the last.
fn byte_of(text: &str, index: i64) -> Option<usize> {
    let index = usize::try_from(index).ok()?;
    text.char_indices().map(|(place, _)| place).chain([text.len()]).nth(index)
}

fn count(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}

/// `contains`
pub(crate) fn contains<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::String(text), Value::String(part)] => Ok(Value::Bool(text.contains(&**part))),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `startsWith`
pub(crate) fn starts_with<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::String(text), Value::String(part)] => Ok(Value::Bool(text.starts_with(&**part))),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `endsWith`
pub(crate) fn ends_with<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::String(text), Value::String(part)] => Ok(Value::Bool(text.ends_with(&**part))),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `charAt`
pub(crate) fn char_at<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::String(text), Value::Int(index)] = args else { return Err(EvalError::no_such_overload()) };
    let place = byte_of(text, *index).ok_or_else(|| out_of_range(*index))?;
    Ok(Value::string(text[place..].chars().next().map(String::from).unwrap_or_default()))
}

/// `indexOf` of a string
pub(super) fn index_of<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let (text, part, from) = match args {
        [Value::String(text), Value::String(part)] => (text, part, 0),
        [Value::String(text), Value::String(part), Value::Int(from)] => (text, part, *from),
        _ => return Err(EvalError::no_such_overload()),
    };
    if part.is_empty() {
        return Ok(Value::Int(from));
    }
    if from < 0 {
        return Err(out_of_range(from));
    }
    meter.work(text.len() / 64)?;
    let found = byte_of(text, from)
        .and_then(|start| text[start..].find(&**part))
        .map(|place| place + byte_of(text, from).unwrap_or(0));
    Ok(Value::Int(found.map_or(-1, |place| count(&text[..place]))))
}

/// `lastIndexOf` of a string
pub(super) fn last_index_of<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let (text, part, from) = match args {
        [Value::String(text), Value::String(part)] => (text, part, None),
        [Value::String(text), Value::String(part), Value::Int(from)] => (text, part, Some(*from)),
        _ => return Err(EvalError::no_such_overload()),
    };
    if part.is_empty() {
        return Ok(Value::Int(from.unwrap_or_else(|| count(text))));
    }
    meter.work(text.len() / 64)?;
    let length = count(text);
    let from = match from {
        Some(from) if from < 0 => return Err(out_of_range(from)),
        Some(from) if from >= length => return Ok(Value::Int(-1)),
        Some(from) => from,
        None => length,
    };
    // The part may begin at `from` at the latest.
    let end = byte_of(text, from.saturating_add(count(part)).min(length)).unwrap_or(text.len());
    Ok(Value::Int(text[..end].rfind(&**part).map_or(-1, |place| count(&text[..place]))))
}

/// `lowerAscii`
pub(crate) fn lower<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::String(text)] = args else { return Err(EvalError::no_such_overload()) };
    meter.allocate(text.len())?;
    Ok(Value::string(text.to_ascii_lowercase()))
}

/// `upperAscii`
pub(crate) fn upper<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::String(text)] = args else { return Err(EvalError::no_such_overload()) };
    meter.allocate(text.len())?;
    Ok(Value::string(text.to_ascii_uppercase()))
}

/// `trim`
pub(crate) fn trim<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::String(text)] = args else { return Err(EvalError::no_such_overload()) };
    match text {
        Text::Borrowed(text) => Ok(Value::str(text.trim())),
        Text::Shared(text) => {
            meter.allocate(text.len())?;
            Ok(Value::string(text.trim()))
        }
    }
}

/// `replace`
pub(crate) fn replace<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let (text, old, new, times) = match args {
        [Value::String(text), Value::String(old), Value::String(new)] => (text, old, new, usize::MAX),
        [Value::String(text), Value::String(old), Value::String(new), Value::Int(times)] => {
            (text, old, new, usize::try_from(*times).unwrap_or(usize::MAX))
        }
        _ => return Err(EvalError::no_such_overload()),
    };
    let found = text.matches(&**old).take(times).count();
    let length = text.len().saturating_add(found.saturating_mul(new.len()));
    meter.allocate(length)?;
    Ok(Value::string(text.replacen(&**old, new, times)))
}

/// `split`
pub(crate) fn split<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let (text, separator, parts) = match args {
        [Value::String(text), Value::String(separator)] => (text, separator, usize::MAX),
        [Value::String(text), Value::String(separator), Value::Int(parts)] => {
            (text, separator, usize::try_from(*parts).unwrap_or(usize::MAX))
        }
        _ => return Err(EvalError::no_such_overload()),
    };
    let mut list = Vec::new();
    let mut rest = &**text;
    while parts > 0 && !rest.is_empty() && list.len() + 1 < parts {
        let end = if separator.is_empty() {
            rest.chars().next().map(char::len_utf8).filter(|length| *length < rest.len())
        } else {
            rest.find(&**separator)
        };
        let Some(end) = end else { break };
        push(&mut list, &rest[..end], meter)?;
        rest = &rest[end + separator.len()..];
        if rest.is_empty() && !separator.is_empty() {
            break;
        }
    }
    // Without a separator, an empty text has no characters.
    if parts > 0 && !(separator.is_empty() && text.is_empty()) {
        push(&mut list, rest, meter)?;
    }
    Ok(Value::list(list))
}

fn push<'a>(list: &mut Vec<Value<'a>>, text: &str, meter: &mut Meter<'_>) -> Result<(), EvalError> {
    meter.allocate_values(1)?;
    meter.allocate(text.len())?;
    list.push(Value::string(text));
    Ok(())
}

/// `substring`
pub(crate) fn substring<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let (text, start, end) = match args {
        [Value::String(text), Value::Int(start)] => (text, *start, None),
        [Value::String(text), Value::Int(start), Value::Int(end)] => (text, *start, Some(*end)),
        _ => return Err(EvalError::no_such_overload()),
    };
    if let Some(end) = end.filter(|end| start > *end) {
        return Err(EvalError::other(format!("invalid substring range. start: {start}, end: {end}")));
    }
    let first = byte_of(text, start).ok_or_else(|| out_of_range(start))?;
    let last = match end {
        Some(end) => byte_of(text, end).ok_or_else(|| out_of_range(end))?,
        None => text.len(),
    };
    meter.allocate(last - first)?;
    Ok(match text {
        Text::Borrowed(text) => Value::str(&text[first..last]),
        Text::Shared(text) => Value::string(&text[first..last]),
    })
}

/// `join`
pub(crate) fn join<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let (list, separator) = match args {
        [Value::List(list)] => (list, ""),
        [Value::List(list), Value::String(separator)] => (list, &**separator),
        _ => return Err(EvalError::no_such_overload()),
    };
    let mut joined = String::new();
    for (place, element) in list.iter().enumerate() {
        let element = element?;
        let Value::String(text) = &element else {
            return Err(EvalError::other(format!("join: invalid input: {}", crate::value::print::brief(&element))));
        };
        let separator = if place == 0 { "" } else { separator };
        meter.allocate(separator.len() + text.len())?;
        meter.work(1)?;
        joined.push_str(separator);
        joined.push_str(text);
    }
    Ok(Value::string(joined))
}

/// `strings.quote`
pub(crate) fn quote<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::String(text)] = args else { return Err(EvalError::no_such_overload()) };
    meter.allocate(2 * text.len() + 2)?;
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    Ok(Value::string(quoted))
}

/// `jsonpatch.escapeKey`: a key as a part of a JSON pointer.
pub(crate) fn escape_key<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::String(key)] = args else { return Err(EvalError::no_such_overload()) };
    meter.allocate(2 * key.len())?;
    Ok(Value::string(key.replace('~', "~0").replace('/', "~1")))
}
