//! Functions of lists: Kubernetes' own, and cel-go's lists extension, version 3.

use std::cmp::Ordering;

use super::{Function, operators, text};
use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::ty::Type;
use crate::value::list::List;
use crate::value::time::Duration;
use crate::value::{Value, compare};

/// `isSorted`
pub(crate) fn is_sorted<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list)] = args else { return Err(EvalError::no_such_overload()) };
    let mut previous = None;
    for element in list.iter() {
        meter.work(1)?;
        let element = element?;
        if let Some(previous) = &previous
            && compare::order(previous, &element).is_ok_and(Ordering::is_gt)
        {
            return Ok(Value::Bool(false));
        }
        previous = Some(element);
    }
    Ok(Value::Bool(true))
}

/// `sum` of what is no number with another zero.
pub(crate) fn sum<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    sum_from(Value::Int(0), args, meter)
}

/// `sum` of a list whose elements have a type; only the checker knows that of an empty list.
pub(crate) fn sum_of(element: &Type) -> Function {
    match element {
        Type::Uint => |args, meter| sum_from(Value::Uint(0), args, meter),
        Type::Double => |args, meter| sum_from(Value::Double(0.0), args, meter),
        Type::Duration => |args, meter| sum_from(Value::Duration(Duration::from_nanoseconds(0)), args, meter),
        _ => sum,
    }
}

fn sum_from<'a>(zero: Value<'a>, args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list)] = args else { return Err(EvalError::no_such_overload()) };
    let mut total = None;
    for element in list.iter() {
        meter.work(1)?;
        let element = element?;
        total = Some(match total {
            None => element,
            Some(total) => operators::add(&[total, element], meter)?,
        });
    }
    Ok(total.unwrap_or(zero))
}

/// `min`
pub(crate) fn min<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    extreme(args, meter, Ordering::Greater, "min")
}

/// `max`
pub(crate) fn max<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    extreme(args, meter, Ordering::Less, "max")
}

fn extreme<'a>(args: &[Value<'a>], meter: &mut Meter<'_>, replaced: Ordering, name: &str) -> Outcome<'a> {
    let [Value::List(list)] = args else { return Err(EvalError::no_such_overload()) };
    let mut best: Option<Value<'a>> = None;
    for element in list.iter() {
        meter.work(1)?;
        let element = element?;
        let better = match &best {
            None => true,
            Some(best) => compare::order(best, &element).is_ok_and(|order| order == replaced),
        };
        if better {
            best = Some(element);
        }
    }
    best.ok_or_else(|| EvalError::other(format!("{name} called on empty list")))
}

/// `indexOf`, of strings and lists
pub(crate) fn index_of<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list), element] = args else { return text::index_of(args, meter) };
    for (place, other) in list.iter().enumerate() {
        if compare::equal(&other?, element, meter)? {
            return Ok(Value::Int(i64::try_from(place).unwrap_or(i64::MAX)));
        }
    }
    Ok(Value::Int(-1))
}

/// `lastIndexOf`, of strings and lists
pub(crate) fn last_index_of<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list), element] = args else { return text::last_index_of(args, meter) };
    let mut found = -1;
    for (place, other) in list.iter().enumerate() {
        if compare::equal(&other?, element, meter)? {
            found = i64::try_from(place).unwrap_or(i64::MAX);
        }
    }
    Ok(Value::Int(found))
}

/// `slice`
pub(crate) fn slice<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list), Value::Int(start), Value::Int(end)] = args else {
        return Err(EvalError::no_such_overload());
    };
    let refuse = |why: String| EvalError::other(format!("cannot slice({start}, {end}), {why}"));
    let (Ok(first), Ok(last)) = (usize::try_from(*start), usize::try_from(*end)) else {
        return Err(refuse("negative indexes not supported".into()));
    };
    if first > last {
        return Err(refuse("start index must be less than or equal to end index".into()));
    }
    if last > list.len() {
        return Err(refuse(format!("list is length {}", list.len())));
    }
    meter.afford((last - first) as u64)?;
    meter.allocate_values(last - first)?;
    (first..last).filter_map(|place| list.get(place)).collect::<Result<Vec<_>, _>>().map(Value::list)
}

/// `flatten`
pub(crate) fn flatten<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let (list, depth) = match args {
        [Value::List(list)] => (list, 1),
        [Value::List(list), Value::Int(depth)] => {
            let depth = u64::try_from(*depth).map_err(|_negative| EvalError::other("level must be non-negative"))?;
            (list, depth)
        }
        _ => return Err(EvalError::no_such_overload()),
    };
    let mut flat = Vec::new();
    // Lists of which a part is done: what is left, and how much deeper lists may be opened.
    let mut open = vec![(list.clone(), 0, depth)];
    while let Some((list, place, depth)) = open.pop() {
        let Some(element) = list.get(place) else { continue };
        meter.work(1)?;
        open.push((list, place + 1, depth));
        match (element?, depth.checked_sub(1)) {
            (Value::List(inner), Some(depth)) => {
                meter.allocate_values(1)?;
                open.push((inner, 0, depth));
            }
            (element, _) => {
                meter.allocate_values(1)?;
                flat.push(element);
            }
        }
    }
    Ok(Value::list(flat))
}

/// `sort`
pub(crate) fn sort<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list)] = args else { return Err(EvalError::no_such_overload()) };
    sorted(list, list, meter)
}

/// `@sortByAssociatedKeys`, which `sortBy` becomes
pub(crate) fn sort_by_keys<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list), Value::List(keys)] = args else { return Err(EvalError::no_such_overload()) };
    sorted(list, keys, meter)
}

fn sorted<'a>(list: &List<'a>, keys: &List<'a>, meter: &mut Meter<'_>) -> Outcome<'a> {
    if list.len() != keys.len() {
        return Err(EvalError::other(format!(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got {} and {} \
             elements respectively",
            list.len(),
            keys.len()
        )));
    }
    let keys = keys.to_vec(meter)?;
    let Some(first) = keys.first() else { return Ok(Value::List(list.clone())) };
    if compare::order(first, first).is_err() && !matches!(first, Value::Double(_)) {
        return Err(EvalError::other("list elements must be comparable"));
    }
    if keys.iter().any(|key| key.type_name() != first.type_name()) {
        return Err(EvalError::other("list elements must have the same type"));
    }
    let elements = list.to_vec(meter)?;
    meter.work(elements.len().saturating_mul(20))?;
    let mut pairs: Vec<_> = keys.into_iter().zip(elements).collect();
    pairs.sort_by(|(left, _), (right, _)| compare::order(left, right).unwrap_or(Ordering::Equal));
    Ok(Value::list(pairs.into_iter().map(|(_, element)| element).collect()))
}

/// `lists.range`
pub(crate) fn range<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::Int(end)] = args else { return Err(EvalError::no_such_overload()) };
    let length = u64::try_from(*end).unwrap_or(0);
    meter.afford(length)?;
    meter.allocate_values(usize::try_from(length).unwrap_or(usize::MAX))?;
    Ok(Value::list((0..*end).map(Value::Int).collect()))
}

/// `reverse`
pub(crate) fn reverse<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list)] = args else { return Err(EvalError::no_such_overload()) };
    meter.afford(list.len() as u64)?;
    let mut elements = list.to_vec(meter)?;
    elements.reverse();
    Ok(Value::list(elements))
}

/// `distinct`
pub(crate) fn distinct<'a>(args: &[Value<'a>], meter: &mut Meter<'_>) -> Outcome<'a> {
    let [Value::List(list)] = args else { return Err(EvalError::no_such_overload()) };
    meter.allocate_values(list.len())?;
    let mut unique: Vec<Value<'a>> = Vec::new();
    'elements: for element in list.iter() {
        let element = element?;
        for known in &unique {
            if compare::equal(&element, known, meter)? {
                continue 'elements;
            }
        }
        unique.push(element);
    }
    Ok(Value::list(unique))
}
