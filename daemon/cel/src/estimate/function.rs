//! What calls cost: cel-go's own functions and its extensions for lists and sets.

use super::scope::EntrySize;
use super::size::{CostEstimate, SizeEstimate};
use super::{Argument, Estimator, LIST_COST};
use crate::ast::{Expr, Literal, Node};

/// A call of one overload.
pub(super) struct Called<'c, 'a> {
    pub(super) expr: &'a Expr,
    pub(super) function: &'c str,
    pub(super) overload: &'static str,
    pub(super) target: Option<&'c Argument<'a>>,
    pub(super) args: &'c [Argument<'a>],
}

/// What a call costs without its arguments, and the size of its result where that is known.
pub(super) type CallEstimate = (CostEstimate, Option<SizeEstimate>);

impl<'a> Estimator<'a> {
    /// What a call costs with its arguments, and the size of its result where that is known.
    pub(super) fn function(&mut self, called: &Called<'_, 'a>, costs: &[CostEstimate]) -> CallEstimate {
        let args = costs.iter().fold(CostEstimate::default(), |sum, cost| sum.plus(*cost));
        let own = match extension(called) {
            Some(estimate) => Some(estimate),
            None => self.kubernetes(called),
        };
        if let Some((cost, size)) = own.or_else(|| self.text(called)).or_else(|| compared(called)) {
            return (cost.plus(args), size);
        }
        match (called.overload, costs, called.args) {
            ("logical_or" | "logical_and", [left, right], _) => {
                (CostEstimate { min: left.min, max: left.plus(*right).max }, None)
            }
            ("conditional", [condition, yes, no], [_, first, second]) => {
                let size = size(first).union(size(second));
                if let (Some(one), Some(other)) = (self.entry_size(first.expr), self.entry_size(second.expr)) {
                    self.remember_entry(called.expr, one.union(other));
                }
                (condition.plus(yes.union(*no)), Some(size))
            }
            // cel-go takes the time of all other functions for one unit, give or take half.
            _ => (CostEstimate::fixed(1).plus(args), None),
        }
    }

    /// Functions that go through texts or lists.
    fn text(&mut self, called: &Called<'_, 'a>) -> Option<CallEstimate> {
        let once = |argument| size(argument).cost(TRAVERSAL);
        let estimate = match (called.overload, called.target, called.args) {
            ("string_format", Some(target), _) => (once(target), None),
            ("string_to_bytes", _, [arg]) => {
                let SizeEstimate { min, max } = size(arg);
                (once(arg), Some(SizeEstimate { min, max: max.wrapping_mul(4) }))
            }
            ("bytes_to_string", _, [arg]) => {
                let SizeEstimate { min, max } = size(arg);
                (once(arg), Some(SizeEstimate { min: min / 4, max }))
            }
            ("strings_quote", _, [arg]) => {
                let SizeEstimate { min, max } = size(arg);
                let quoted = SizeEstimate { min: min.wrapping_add(2), max: max.wrapping_mul(2).wrapping_add(2) };
                (once(arg), Some(quoted))
            }
            ("starts_with_string" | "ends_with_string", _, [arg]) => (once(arg), None),
            ("in_list", _, [_, list]) => (size(list).cost(1.0), None),
            ("matches_string", Some(target), [pattern]) => (matched(target, pattern), None),
            ("contains_string", Some(target), [part]) => (once(target).times(once(part)), None),
            ("add_string" | "add_bytes" | "add_list", _, [left, right]) => {
                let sum = size(left).plus(size(right));
                if let (Some(one), Some(other)) = (self.entry_size(left.expr), self.entry_size(right.expr)) {
                    self.remember_entry(called.expr, one.union(other));
                }
                let cost = if called.overload == "add_list" { CostEstimate::fixed(1) } else { sum.cost(TRAVERSAL) };
                (cost, Some(sum))
            }
            _ => return None,
        };
        Some(estimate)
    }

    fn remember_entry(&mut self, expr: &Expr, entry: EntrySize) {
        self.entries.insert(expr.id, entry);
    }
}

/// The size of an argument.
pub(super) fn size(argument: &Argument<'_>) -> SizeEstimate {
    argument.size.unwrap_or(SizeEstimate::UNKNOWN)
}

/// A pattern is taken to have a state for each four characters, and an empty text to have one.
pub(super) fn matched(text: &Argument<'_>, pattern: &Argument<'_>) -> CostEstimate {
    let text = size(text).plus(SizeEstimate::fixed(1)).cost(TRAVERSAL);
    text.times(size(pattern).cost(PATTERN))
}

/// Comparisons, which end where the shorter side ends.
fn compared(called: &Called<'_, '_>) -> Option<CallEstimate> {
    let compares = matches!(
        called.overload,
        "less_string"
            | "greater_string"
            | "less_equals_string"
            | "greater_equals_string"
            | "less_bytes"
            | "greater_bytes"
            | "less_equals_bytes"
            | "greater_equals_bytes"
            | "equals"
            | "not_equals"
    );
    let [left, right] = called.args else { return None };
    let max = size(left).max.min(size(right).max);
    let range = SizeEstimate { min: u64::from(max > 0), max };
    compares.then(|| (range.cost(TRAVERSAL), None))
}

/// The extensions for lists (version 3) and sets.
fn extension(called: &Called<'_, '_>) -> Option<CallEstimate> {
    let overload = called.overload;
    match (overload, called.target, called.args) {
        ("list_sets_contains_list" | "list_sets_intersects_list" | "list_sets_equivalent_list", _, [one, other]) => {
            let factor = if overload == "list_sets_equivalent_list" { 2.0 } else { 1.0 };
            let cost = size(one).times(size(other)).cost(factor);
            Some((cost.plus(CostEstimate::fixed(1)), None))
        }
        ("list_slice", Some(target), [start, end]) => {
            let end = whole_number(end, size(target).max);
            Some(allocating(1.0, SizeEstimate::fixed(end.wrapping_sub(whole_number(start, 0)))))
        }
        ("lists_range", None, [count]) => Some(allocating(1.0, SizeEstimate::fixed(whole_number(count, u64::MAX)))),
        ("list_reverse", Some(target), []) => Some(allocating(1.0, size(target))),
        ("list_flatten", Some(target), []) => Some(allocating(1.0, size(target))),
        ("list_flatten_int", Some(target), [depth]) => {
            Some(allocating(factor(whole_number(depth, u64::MAX)), size(target)))
        }
        ("list_distinct", Some(target), []) => Some(allocating(2.0, size(target).times(size(target)))),
        (_, Some(list), []) if overload.starts_with("list_") && overload.ends_with("_sort") => {
            Some(sorted(overload, list))
        }
        (_, Some(_), [keys]) if overload.ends_with("_sortByAssociatedKeys") => Some(sorted(overload, keys)),
        _ => None,
    }
}

fn sorted(overload: &str, keys: &Argument<'_>) -> CallEstimate {
    let text = overload.starts_with("list_string_") || overload.starts_with("list_bytes_");
    allocating(if text { 2.0 + TRAVERSAL } else { 2.0 }, size(keys).times(size(keys)))
}

fn allocating(factor: f64, list: SizeEstimate) -> CallEstimate {
    (list.cost(factor).plus(CostEstimate::fixed(1 + LIST_COST)), Some(list))
}

/// The number that an argument is, if it is written out.
fn whole_number(argument: &Argument<'_>, otherwise: u64) -> u64 {
    match &argument.expr.node {
        Node::Literal(Literal::Int(number)) => u64::try_from(*number).unwrap_or(0),
        _ => otherwise,
    }
}

#[expect(clippy::cast_precision_loss, reason = "costs are counted in floating point, as cel-go counts them")]
fn factor(number: u64) -> f64 {
    number as f64
}

/// What going through a text costs for each of its characters.
pub(super) const TRAVERSAL: f64 = 0.1;
/// What a character of a pattern adds to the cost of each character of a text.
const PATTERN: f64 = 0.25;
