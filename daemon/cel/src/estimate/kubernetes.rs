//! What calls of Kubernetes' libraries cost: k8s.io/apiserver/pkg/cel/library/cost.go.

use super::function::{CallEstimate, Called, TRAVERSAL, matched, size};
use super::scope::Step;
use super::size::{CostEstimate, SizeEstimate, ratio};
use super::{Argument, Estimator};
use crate::ast::{Literal, Node};
use crate::ty::Type;

impl<'a> Estimator<'a> {
    pub(super) fn kubernetes(&self, called: &Called<'_, 'a>) -> Option<CallEstimate> {
        let one = Some((CostEstimate::fixed(1), None));
        match called.function {
            "check" => Some((CostEstimate::fixed(AUTHORIZATION_COST), None)),
            "serviceAccount"
            | "path"
            | "group"
            | "resource"
            | "subresource"
            | "namespace"
            | "name"
            | "allowed"
            | "reason"
            | "error"
            | "errored"
            | "masked"
            | "prefixLength"
            | "family"
            | "isUnspecified"
            | "isLoopback"
            | "isLinkLocalMulticast"
            | "isLinkLocalUnicast"
            | "isGlobalUnicast"
            | "format.named"
            | "sign"
            | "asInteger"
            | "isInteger"
            | "asApproximateFloat"
            | "isGreaterThan"
            | "isLessThan"
            | "compareTo"
            | "add"
            | "sub"
            | "major"
            | "minor"
            | "patch"
            | "getScheme"
            | "getHostname"
            | "getHost"
            | "getPort"
            | "getEscapedPath"
            | "getQuery" => one,
            "ip" if called.overload == "cidr_ip" => one,
            "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => self.traversed(called),
            "lowerAscii" | "upperAscii" | "substring" | "trim" => {
                let size = size(called.target?);
                Some((size.cost(TRAVERSAL), Some(size)))
            }
            "replace" => replaced(called),
            "split" => split(called),
            "join" => self.joined(called),
            "find" | "findAll" => {
                let (target, [pattern, ..]) = (called.target?, called.args) else { return None };
                Some((matched(target, pattern), Some(SizeEstimate { min: 0, max: size(target).max })))
            }
            "_==_" => equal(called),
            _ => parsed(called),
        }
    }

    /// Functions that look at each element of a list, or each character of a text.
    fn traversed(&self, called: &Called<'_, 'a>) -> Option<CallEstimate> {
        let target = called.target?;
        let Some((element, element_size)) = self.element(target) else {
            return Some((size(target).cost(TRAVERSAL), None));
        };
        let mut cost = CostEstimate::fixed(1);
        if matches!(element, Type::String | Type::Bytes) {
            cost = cost.plus(element_size.cost(TRAVERSAL));
        }
        Some((size(target).times_cost(cost), None))
    }

    fn joined(&self, called: &Called<'_, 'a>) -> Option<CallEstimate> {
        let target = called.target?;
        let list = size(target);
        let mut all = SizeEstimate::fixed(0);
        if let Some((_, element_size)) = self.element(target) {
            all = list.times(element_size);
        }
        if let [separator, ..] = called.args {
            let count = SizeEstimate { min: list.min.saturating_sub(1), max: list.max.saturating_sub(1) };
            all = all.plus(size(separator).times(count));
        }
        Some((all.cost(TRAVERSAL), Some(all)))
    }

    /// The type of the elements of a list and their size.
    fn element<'t>(&self, list: &Argument<'t>) -> Option<(&'t Type, SizeEstimate)> {
        let element = match list.ty {
            Type::List(element) | Type::Map(element, _) | Type::Optional(element) | Type::Type(element) => &**element,
            _ => return None,
        };
        let declared = if list.path.is_empty() { None } else { self.declared_size(&list.path.then(Step::Items)) };
        Some((element, declared.unwrap_or(SizeEstimate::UNKNOWN)))
    }
}

/// Functions whose cost is that of reading their argument.
fn parsed(called: &Called<'_, '_>) -> Option<CallEstimate> {
    let [first, ..] = called.args else { return None };
    let read = size(first);
    let once = read.cost(TRAVERSAL);
    let address = SizeEstimate { min: 4, max: 16 };
    let compared = address.plus(address).cost(TRAVERSAL);
    let estimate = match called.function {
        "url" | "jsonpatch.escapeKey" => (once, Some(read)),
        "cidr" | "isIP" | "isCIDR" | "ip" | "quantity" | "isQuantity" | "semver" | "isSemver" => (once, None),
        "ip.isCanonical" => (read.cost(2.0 * TRAVERSAL), None),
        "fieldSelector" | "labelSelector" => {
            // Each requirement of a selector is an object and a list, and two characters long at least.
            let requirements = read.cost(0.5).scaled(50.0);
            (CostEstimate::fixed(10).plus(once).plus(requirements), None)
        }
        "containsIP" if called.overload == "cidr_contains_ip_string" => (compared.plus(once), None),
        "containsIP" => (compared, None),
        "containsCIDR" => {
            let masked = compared.plus(address.cost(TRAVERSAL)).plus(CostEstimate::fixed(1));
            let text = called.overload == "cidr_contains_cidr_string";
            (if text { masked.plus(once) } else { masked }, None)
        }
        "validate" => (once.scaled(f64::from(FORMAT_PATTERN_SIZE) * 0.25), None),
        _ => return None,
    };
    Some(estimate)
}

fn replaced(called: &Called<'_, '_>) -> Option<CallEstimate> {
    let (target, [from, to, ..]) = (called.target?, called.args) else { return None };
    let (text, from, to) = (size(target), size(from), size(to));
    let none = SizeEstimate::fixed(0);
    let (mut count, mut kept) = (none, none);
    // The longest result: where the text to replace can be empty, the other goes around each character.
    if from.min == 0 {
        count.max = text.max.saturating_add(1);
        kept.max = text.max;
    } else if to.max <= from.min {
        kept.max = text.max;
    } else {
        count.max = ratio(text.max, from.min);
    }
    // The shortest result.
    if from.max == 0 {
        count.min = text.min.saturating_add(1);
        kept.min = text.min;
    } else if from.max <= to.min {
        kept.min = text.min;
    } else {
        count.min = ratio(text.min, from.max);
    }
    Some((text.cost(2.0 * TRAVERSAL), Some(count.times(to).plus(kept))))
}

fn split(called: &Called<'_, '_>) -> Option<CallEstimate> {
    let text = size(called.target?);
    let mut max = text.max;
    if let [_, limit, ..] = called.args
        && let Node::Literal(Literal::Int(limit)) = &limit.expr.node
    {
        max = limit.cast_unsigned();
    }
    Some((text.cost(2.0 * TRAVERSAL), Some(SizeEstimate { min: 0, max })))
}

/// Equality of Kubernetes' own types.
fn equal(called: &Called<'_, '_>) -> Option<CallEstimate> {
    let [left, right] = called.args else { return None };
    let (Type::Opaque(name), Type::Opaque(other)) = (left.ty, right.ty) else { return None };
    if name != other {
        return None;
    }
    let range = match *name {
        "kubernetes.NamedFormat" => SizeEstimate { min: 1, max: FORMAT_SIZE_MAX }.cost(TRAVERSAL),
        "kubernetes.URL" => {
            let max = right.size.map_or(1, |size| size.max);
            SizeEstimate { min: 1, max }.cost(TRAVERSAL)
        }
        _ => CostEstimate::fixed(1),
    };
    Some((range, None))
}

/// What asking the authorizer costs: two questions fit in an expression.
const AUTHORIZATION_COST: u64 = 350_000;
/// The length that a named format's pattern is taken to have.
const FORMAT_PATTERN_SIZE: u32 = 128;
/// The longest name of a format.
const FORMAT_SIZE_MAX: u64 = 64;
