//! Equality and order. Both are metered: what lists and maps share is compared again wherever it occurs.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::Value;
use super::list::List;
use super::map::{Key, Map};
use super::shape::ListFlavour;
use crate::budget::{EvalError, Meter};

/// How deep values are compared.
const DEPTH_MAX: usize = 200;

/// Whether two values are equal. Numbers are compared by what they stand for, whatever their types; values of
/// different kinds are not equal.
pub(crate) fn equal(left: &Value<'_>, right: &Value<'_>, meter: &mut Meter<'_>) -> Result<bool, EvalError> {
    equal_at(left, right, DEPTH_MAX, meter)
}

fn equal_at(left: &Value<'_>, right: &Value<'_>, depth: usize, meter: &mut Meter<'_>) -> Result<bool, EvalError> {
    meter.work(1)?;
    let depth = depth.checked_sub(1).ok_or(EvalError::Cost)?;
    Ok(match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Int(_) | Value::Uint(_) | Value::Double(_), Value::Int(_) | Value::Uint(_) | Value::Double(_)) => {
            order_numbers(left, right) == Some(Ordering::Equal)
        }
        (Value::String(left), Value::String(right)) => {
            meter.work(left.len().min(right.len()) / 64)?;
            **left == **right
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            meter.work(left.len().min(right.len()) / 64)?;
            left == right
        }
        (Value::Timestamp(left), Value::Timestamp(right)) => left == right,
        (Value::Duration(left), Value::Duration(right)) => left == right,
        (Value::List(left), Value::List(right)) => equal_lists(left, right, depth, meter)?,
        (Value::Map(left), Value::Map(right)) => equal_maps(left, right, depth, meter)?,
        (Value::Optional(None), Value::Optional(None)) => true,
        (Value::Optional(Some(left)), Value::Optional(Some(right))) => equal_at(left, right, depth, meter)?,
        (Value::Type(left), Value::Type(right)) => **left == **right,
        (Value::Opaque(left), Value::Opaque(right)) => left.equal(right)?,
        (Value::Opaque(_), _) => return Err(EvalError::no_such_overload()),
        (Value::List(list), _) if list.has_schema() && !matches!(right, Value::Null) => {
            return Err(EvalError::no_such_overload());
        }
        (Value::Map(map), _) if map.has_schema() && !matches!(right, Value::Null) => {
            return Err(EvalError::no_such_overload());
        }
        _ => false,
    })
}

fn equal_lists(left: &List<'_>, right: &List<'_>, depth: usize, meter: &mut Meter<'_>) -> Result<bool, EvalError> {
    if left.len() != right.len() {
        return Ok(false);
    }
    match left.flavour() {
        ListFlavour::Atomic => {
            for (left, right) in left.iter().zip(right.iter()) {
                if !equal_at(&left?, &right?, depth, meter)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        ListFlavour::Set => {
            meter.work(2 * left.len())?;
            let known = set_of(left)?;
            for element in right.iter() {
                if !known.contains(&Key::of(&element?)) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        ListFlavour::Map(keys) => {
            meter.work(2 * left.len() * keys.len().max(1))?;
            let mut known = BTreeMap::new();
            for element in left.iter() {
                let element = element?;
                known.insert(entry_key(&element, keys)?, element);
            }
            for element in right.iter() {
                let element = element?;
                match known.get(&entry_key(&element, keys)?) {
                    Some(found) if equal_at(found, &element, depth, meter)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
    }
}

fn equal_maps(left: &Map<'_>, right: &Map<'_>, depth: usize, meter: &mut Meter<'_>) -> Result<bool, EvalError> {
    if left.size() != right.size() || left.type_name() != right.type_name() {
        return Ok(false);
    }
    let keys = left.keys(meter)?;
    if matches!((left, right), (Map::Struct(_), Map::Struct(_))) && keys.len() != right.keys(meter)?.len() {
        return Ok(false);
    }
    for key in keys {
        // Of objects of one type, fields that are declared and null count as missing.
        match (find(left, &key)?, find(right, &key)?) {
            (Some(left), Some(right)) if equal_at(&left, &right, depth, meter)? => {}
            (None, None) => {}
            _ => return Ok(false),
        }
    }
    if let (Map::Object(left, shape), Map::Object(right, _)) = (left, right) {
        // What has no declared field is compared as plain JSON.
        for (key, value) in *left {
            meter.work(1 + shape.fields.len())?;
            let declared = shape.fields.values().any(|field| *field.key == **key);
            if !declared
                && let Some(other) = right.get(key)
                && !equal_at(&Value::from_dyn(value), &Value::from_dyn(other), depth, meter)?
            {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// A look-up with the key of another map, of which it is not known how long it lives.
fn find<'v>(map: &'v Map<'v>, key: &'v Value<'v>) -> Result<Option<Value<'v>>, EvalError> {
    match map.find(key) {
        Err(EvalError::Other(_)) if !matches!(key, Value::String(_)) => Ok(None),
        found => found,
    }
}

fn set_of<'a>(list: &List<'a>) -> Result<BTreeSet<Option<Key<'a>>>, EvalError> {
    list.iter().map(|element| element.map(|element| Key::of(&element))).collect()
}

/// What makes an element of a map list the same as another.
fn entry_key<'a>(element: &Value<'a>, keys: &[Box<str>]) -> Result<Vec<Option<Key<'a>>>, EvalError> {
    let Value::Map(map) = element else {
        return Err(EvalError::other("unexpected data format for element of array with x-kubernetes-list-type=map"));
    };
    keys.iter()
        .map(|key| {
            let value = match map {
                Map::Json(object, _) | Map::Object(object, _) => object.get(&**key).map(Value::from_dyn),
                Map::Owned(_) | Map::Struct(_) => map.field(key)?,
            };
            Ok(value.and_then(|value| Key::of(&value)))
        })
        .collect()
}

/// `left + right`
pub(crate) fn join<'a>(left: List<'a>, right: List<'a>, meter: &mut Meter<'_>) -> Result<List<'a>, EvalError> {
    let flavour = left.flavour();
    match flavour {
        ListFlavour::Atomic => left.join(right, meter),
        ListFlavour::Set => {
            let mut known = set_of(&left)?;
            let mut elements = left.to_vec(meter)?;
            meter.allocate_values(right.len())?;
            for element in right.iter() {
                let element = element?;
                if known.insert(Key::of(&element)) {
                    elements.push(element);
                }
            }
            Ok(List::Flavoured(elements.into(), flavour))
        }
        ListFlavour::Map(keys) => {
            let mut elements = left.to_vec(meter)?;
            meter.allocate_values(right.len())?;
            let mut places = BTreeMap::new();
            for (place, element) in elements.iter().enumerate() {
                places.insert(entry_key(element, keys)?, place);
            }
            for element in right.iter() {
                let element = element?;
                match places.get(&entry_key(&element, keys)?) {
                    Some(place) => elements[*place] = element,
                    None => elements.push(element),
                }
            }
            Ok(List::Flavoured(elements.into(), flavour))
        }
    }
}

/// The order of two values of one kind; numbers are of one kind.
pub(crate) fn order(left: &Value<'_>, right: &Value<'_>) -> Result<Ordering, EvalError> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Ok(left.cmp(right)),
        (Value::Int(_) | Value::Uint(_) | Value::Double(_), Value::Int(_) | Value::Uint(_) | Value::Double(_)) => {
            order_numbers(left, right).ok_or_else(|| EvalError::other("NaN values cannot be ordered"))
        }
        (Value::String(left), Value::String(right)) => Ok((**left).cmp(&**right)),
        (Value::Bytes(left), Value::Bytes(right)) => Ok(left.cmp(right)),
        (Value::Timestamp(left), Value::Timestamp(right)) => Ok(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) => Ok(left.cmp(right)),
        _ => Err(EvalError::no_such_overload()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "cel-go compares int and double as doubles")]
fn order_numbers(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Uint(left), Value::Uint(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Uint(right)) => Some(i128::from(*left).cmp(&i128::from(*right))),
        (Value::Uint(left), Value::Int(right)) => Some(i128::from(*left).cmp(&i128::from(*right))),
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(right),
        (Value::Double(left), Value::Int(right)) => left.partial_cmp(&(*right as f64)),
        (Value::Double(left), Value::Uint(right)) => left.partial_cmp(&(*right as f64)),
        (Value::Int(left), Value::Double(right)) => (*left as f64).partial_cmp(right),
        (Value::Uint(left), Value::Double(right)) => (*left as f64).partial_cmp(right),
        _ => None,
    }
}
