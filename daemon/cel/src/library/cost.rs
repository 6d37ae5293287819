//! What calls cost at run time: cel-go's `interpreter/runtimecost.go`, its extension libraries, and Kubernetes'
//! `apiserver/pkg/cel/library/cost.go` together.

use super::format::NamedFormat;
use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::ty::Type;
use crate::value::Value;
use crate::value::list::List;
use crate::value::map::Map;
use crate::value::opaque::Opaque;

/// A list literal.
pub(crate) const LIST: u64 = 10;
/// A map literal.
pub(crate) const MAP: u64 = 30;
/// An object literal.
pub(crate) const STRUCT: u64 = 40;
/// A call to the authorizer: two of them fit into an expression.
const AUTHORIZE: u64 = 350_000;

/// How the cost of a call follows from its arguments and its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The same for all.
    Fixed(u64),
    /// The first argument is read so many times.
    Read(u64),
    /// The first argument is read if it is bytes that become a string, or a string that becomes bytes.
    Convert(Converted),
    /// The result is written twice.
    WriteTwice,
    /// Both arguments are written.
    Sum,
    /// The shorter one is read; 1 for what has no length.
    Shorter,
    /// A pattern is matched.
    Match,
    /// A text is searched.
    Contains,
    /// A list is searched.
    In,
    /// All of the first argument is visited.
    Traverse,
    /// As long as the result.
    Output,
    /// As long as the first argument, times the second.
    Flatten,
    /// Every element of this argument is compared with every other.
    SelfCompare(usize),
    /// Every element of one with every element of the other, so many times.
    Product(u64),
    /// Of a CIDR, with an address or another CIDR that may have to be read.
    Cidr { other_is_cidr: bool, read: bool },
    /// A selector is read.
    Selector,
    /// A named format is checked.
    Validate,
}

/// What a conversion makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Converted {
    ToBytes,
    ToString,
}

impl Rule {
    /// The rule for a call, by the function's name and what the checker knows of its arguments (none where there was no
    /// checker). Where it knows too little to choose one overload, costs are those of no overload.
    pub(crate) fn of(name: &str, member: bool, args: &[Option<Type>]) -> Self {
        let arg = |place: usize| args.get(place).and_then(Option::as_ref);
        let is_dyn = |place: usize| matches!(arg(place), Some(Type::Dyn));
        let is_string = |place: usize| matches!(arg(place), None | Some(Type::String));
        match name {
            "check" => Self::Fixed(AUTHORIZE),
            "fieldSelector" | "labelSelector" => Self::Selector,
            "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => Self::Traverse,
            "url" | "lowerAscii" | "upperAscii" | "substring" | "trim" | "jsonpatch.escapeKey" => Self::Read(1),
            "cidr" | "isIP" | "isCIDR" | "quantity" | "isQuantity" | "semver" | "isSemver" => Self::Read(1),
            "replace" | "split" | "ip.isCanonical" => Self::Read(2),
            "join" => Self::WriteTwice,
            "find" | "findAll" => Self::Match,
            "matches" if member => Self::Match,
            "ip" if !member => Self::Read(1),
            "containsIP" => Self::Cidr { other_is_cidr: false, read: is_string(1) },
            "containsCIDR" => Self::Cidr { other_is_cidr: true, read: is_string(1) },
            "validate" => Self::Validate,
            "startsWith" | "endsWith" | "strings.quote" | "format" => Self::Read(1),
            "bytes" if !is_dyn(0) => Self::Convert(Converted::ToBytes),
            "string" if !is_dyn(0) => Self::Convert(Converted::ToString),
            "contains" => Self::Contains,
            "@in" if !is_dyn(1) => Self::In,
            "_<_" | "_<=_" | "_>_" | "_>=_" if !(is_dyn(0) && is_dyn(1)) => Self::Shorter,
            "_+_" if !(is_dyn(0) && is_dyn(1)) => Self::Sum,
            "slice" | "lists.range" => Self::Output,
            "reverse" => Self::Output,
            "flatten" => Self::Flatten,
            "distinct" => Self::SelfCompare(0),
            "sort" if known_elements(arg(0)) => Self::SelfCompare(0),
            "@sortByAssociatedKeys" if known_elements(arg(1)) => Self::SelfCompare(1),
            "sets.contains" | "sets.intersects" => Self::Product(1),
            "sets.equivalent" => Self::Product(2),
            _ => Self::Fixed(1),
        }
    }

    /// The cost, where the arguments alone decide it.
    ///
    /// # Errors
    /// When it is so high that it cannot be found out within the budget.
    pub(crate) fn before(self, args: &[Outcome<'_>], meter: &mut Meter<'_>) -> Result<Option<u64>, EvalError> {
        let arg = |place: usize| args.get(place).map_or(1, size);
        Ok(Some(match self {
            Self::WriteTwice | Self::Output => return Ok(None),
            Self::Fixed(cost) => cost,
            Self::Read(times) => traverse(arg(0), times),
            Self::Convert(to) => match (to, args.first()) {
                (Converted::ToString, Some(Ok(Value::Bytes(_)))) | (Converted::ToBytes, Some(Ok(Value::String(_)))) => {
                    traverse(arg(0), 1)
                }
                _ => 1,
            },
            Self::Sum => match (args.first(), args.get(1)) {
                (Some(Ok(Value::String(_) | Value::Bytes(_))), _)
                | (_, Some(Ok(Value::String(_) | Value::Bytes(_)))) => traverse(arg(0).saturating_add(arg(1)), 1),
                _ => 1,
            },
            Self::Shorter => match (args.first(), args.get(1)) {
                (Some(Ok(Value::String(_) | Value::Bytes(_))), _)
                | (_, Some(Ok(Value::String(_) | Value::Bytes(_)))) => traverse(arg(0).min(arg(1)), 1),
                _ => 1,
            },
            Self::Match => pattern(arg(0), arg(1)),
            Self::Contains => traverse(arg(0), 1).saturating_mul(traverse(arg(1), 1)),
            Self::In => match args.get(1) {
                Some(Ok(Value::List(list))) => list.len() as u64,
                _ => 1,
            },
            Self::Traverse => match args.first() {
                Some(Ok(value)) => traversal(value, meter)?,
                Some(Err(_)) => 1,
                None => 0,
            },
            Self::Flatten => {
                let depth = match args.get(1) {
                    Some(Ok(Value::Int(depth))) => u64::try_from(*depth).unwrap_or(0),
                    _ => 1,
                };
                arg(0).saturating_mul(depth).saturating_add(1 + LIST)
            }
            Self::SelfCompare(place) => args.get(place).map_or(1 + LIST, self_compare),
            Self::Product(times) => arg(0).saturating_mul(arg(1)).saturating_mul(times).saturating_add(1),
            Self::Cidr { other_is_cidr, read } => cidr(arg(0), arg(1), other_is_cidr, read),
            Self::Selector => selector(arg(1)),
            Self::Validate => match (args.first(), args.get(1)) {
                (Some(Ok(Value::Opaque(Opaque::Format(NamedFormat { pattern_size, .. })))), Some(text)) => {
                    pattern(size(text), *pattern_size)
                }
                _ => 1,
            },
        }))
    }

    /// The cost of a call whose result decides it.
    pub(crate) fn after(self, result: &Outcome<'_>) -> u64 {
        match self {
            Self::WriteTwice => traverse(size(result), 2),
            Self::Output => size(result).saturating_add(1 + LIST),
            _ => 1,
        }
    }
}

/// The size of an argument or a result; an error has the size 1.
pub(crate) fn size(outcome: &Outcome<'_>) -> u64 {
    match outcome {
        Ok(Value::Optional(Some(value))) => value.size(),
        Ok(value) => value.size(),
        Err(_) => 1,
    }
}

/// The cost to read so many characters so many times: a tenth each.
pub(crate) const fn traverse(size: u64, times: u64) -> u64 {
    size.saturating_mul(times).div_ceil(10)
}

/// Whether the checker found one type for the elements of a list, or there was no checker.
fn known_elements(ty: Option<&Type>) -> bool {
    match ty {
        Some(Type::List(element)) => !matches!(**element, Type::Dyn),
        Some(ty) => !matches!(ty, Type::Dyn),
        None => true,
    }
}

/// A tenth for each character of the text, a quarter for each of the pattern, and one more character of text so that
/// patterns cost on empty texts too.
fn pattern(text: u64, pattern: u64) -> u64 {
    traverse(text.saturating_add(1), 1).saturating_mul(pattern.div_ceil(4))
}

fn cidr(cidr: u64, other: u64, other_is_cidr: bool, read: bool) -> u64 {
    let compared = traverse(cidr, 2) + if other_is_cidr { traverse(cidr, 1) + 1 } else { 0 };
    compared + if read { traverse(other, 1) } else { 0 }
}

/// A list for the selector, reading it, and a list and an object for every two characters, which make a requirement.
const fn selector(size: u64) -> u64 {
    LIST.saturating_add(traverse(size, 1)).saturating_add(size.div_ceil(2).saturating_mul(LIST + STRUCT))
}

/// All elements of a list are compared with each other; reading them makes it dearer.
fn self_compare(outcome: &Outcome<'_>) -> u64 {
    let Ok(Value::List(list)) = outcome else { return 1 + LIST };
    let pairs = u128::from(list.len() as u64).pow(2);
    let tenths = match list.get(0) {
        Some(Ok(Value::String(_) | Value::Bytes(_))) => 21,
        _ => 20,
    };
    u64::try_from(pairs.saturating_mul(tenths) / 10).unwrap_or(u64::MAX).saturating_add(1 + LIST)
}

/// A tenth for each byte of text, 1 for all else, everywhere inside of a value.
fn traversal(value: &Value<'_>, meter: &mut Meter<'_>) -> Result<u64, EvalError> {
    let mut total = 0;
    visit(value, &mut total, meter)?;
    Ok(total)
}

fn visit(value: &Value<'_>, total: &mut u64, meter: &mut Meter<'_>) -> Result<(), EvalError> {
    meter.work(1)?;
    match value {
        Value::String(text) => *total += text.len() as u64 / 10,
        Value::Bytes(bytes) => *total += bytes.len() as u64 / 10,
        Value::List(list) => visit_list(list, total, meter)?,
        Value::Map(map) => visit_map(map, total, meter)?,
        _ => *total += 1,
    }
    meter.afford(*total)
}

fn visit_list(list: &List<'_>, total: &mut u64, meter: &mut Meter<'_>) -> Result<(), EvalError> {
    for element in list.iter() {
        // What is not of its shape is one thing to look at.
        match element {
            Ok(element) => visit(&element, total, meter)?,
            Err(_) => *total += 1,
        }
    }
    Ok(())
}

fn visit_map(map: &Map<'_>, total: &mut u64, meter: &mut Meter<'_>) -> Result<(), EvalError> {
    if map.size().is_none() {
        *total += 1;
        return Ok(());
    }
    for key in map.keys(meter)? {
        visit(&key, total, meter)?;
        match map.find(&key) {
            Ok(Some(value)) => visit(&value, total, meter)?,
            _ => *total += 1,
        }
    }
    Ok(())
}
