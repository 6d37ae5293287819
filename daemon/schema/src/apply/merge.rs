//! Laying what is applied over what is stored. Nothing is taken away here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::path::PathElement;
use super::problem::{Problems, Trail};
use super::shape::{Atom, Form, ListShape, MapShape, Shape};
use super::typed::{check_scalar, item_element};

/// Lays `over` over `base`. Where both have a single value or a piece, that of `over` is taken. Items of lists stand in the
/// order of `over` where it has a say, those of `base` alone keep their neighbours.
///
/// # Errors
/// What does not fit the shape. `base` may have items twice, `over` may not.
pub fn merge(shape: Shape<'_>, base: &Value, over: &Value) -> Result<Value, Problems> {
    let mut walk = Walk { problems: Problems::default() };
    let merged = walk.node(shape, Pair { base: Some(base), over: Some(over) }, &Trail::Root);
    walk.problems.done(merged.unwrap_or(Value::Null))
}

/// Two values, of which at most one is absent.
#[derive(Clone, Copy)]
struct Pair<'a> {
    base: Option<&'a Value>,
    over: Option<&'a Value>,
}

impl Pair<'_> {
    fn keep(self) -> Option<Value> {
        self.over.or(self.base).cloned()
    }
}

struct Walk {
    problems: Problems,
}

impl Walk {
    fn node(&mut self, shape: Shape<'_>, pair: Pair<'_>, at: &Trail<'_>) -> Option<Value> {
        let atom = shape.atom();
        // Where the two have different forms, that of `over` counts; an absent one takes any form.
        let atom = if pair.over.is_none() { atom.deduce(pair.base) } else { atom.deduce(pair.over) };
        self.form(&atom, pair, at)
    }

    fn form(&mut self, atom: &Atom<'_>, pair: Pair<'_>, at: &Trail<'_>) -> Option<Value> {
        match atom.form() {
            Form::Map(map) => {
                let base = pair.base.and_then(Value::as_object).filter(|map| !map.is_empty());
                let over = pair.over.and_then(Value::as_object).filter(|map| !map.is_empty());
                // Empty and null are told apart as one piece.
                if map.atomic || base.is_none() && over.is_none() {
                    return pair.keep();
                }
                self.map(&map, base, over, at)
            }
            Form::List(list) => {
                let base = pair.base.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                let over = pair.over.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                if list.is_atomic() || base.is_empty() && over.is_empty() {
                    return pair.keep();
                }
                self.list(&list, base, over, at)
            }
            Form::Scalar(scalar) => {
                let check = |side: Option<&Value>| side.map_or(Ok(()), |value| check_scalar(scalar, value));
                if let (Err(base), Err(over)) = (check(pair.base), check(pair.over)) {
                    self.problems.add(at, format!("lhs: {base}"));
                    self.problems.add(at, format!("rhs: {over}"));
                    return None;
                }
                pair.keep()
            }
            Form::Nothing => {
                self.problems.add(at, "schema error: invalid atom: inlined");
                None
            }
        }
    }

    fn map(
        &mut self,
        shape: &MapShape<'_>,
        base: Option<&Map<String, Value>>,
        over: Option<&Map<String, Value>>,
        at: &Trail<'_>,
    ) -> Option<Value> {
        let mut merged = Map::new();
        let mut visit = |name: &str, pair: Pair<'_>| {
            let at = Trail::Field(at, name);
            let Some(child) = shape.child(name) else {
                return self.problems.add(&at, "schema error: invalid atom: inlined");
            };
            if let Some(value) = self.node(child, pair, &at) {
                merged.insert(name.to_owned(), value);
            }
        };
        for (name, value) in base.into_iter().flatten() {
            visit(name, Pair { base: Some(value), over: over.and_then(|over| over.get(name)) });
        }
        for (name, value) in over.into_iter().flatten() {
            if !base.is_some_and(|base| base.contains_key(name)) {
                visit(name, Pair { base: None, over: Some(value) });
            }
        }
        (!merged.is_empty()).then_some(Value::Object(merged))
    }

    fn list(&mut self, shape: &ListShape<'_>, base: &[Value], over: &[Value], at: &Trail<'_>) -> Option<Value> {
        let over = self.index(shape, over, at, Twice::Refused);
        let base = self.index(shape, base, at, Twice::Allowed);
        if !self.problems.is_empty() {
            return None;
        }
        let merged = self.weave(shape, &base, &over, at);
        (!merged.is_empty()).then_some(Value::Array(merged))
    }

    /// Walks both lists at once. `shared` runs over the items of both lists in the order of `over`: an item of `base` that
    /// is shared but not next is passed over and taken when `over` comes to it.
    fn weave(&mut self, shape: &ListShape<'_>, base: &Index<'_>, over: &Index<'_>, at: &Trail<'_>) -> Vec<Value> {
        let mut merged = Vec::with_capacity(base.order.len().max(over.order.len()));
        let mut shared =
            over.order.iter().map(|(element, _)| element).filter(|element| base.by_key.contains_key(element));
        let mut next_shared = shared.next();
        let mut taken: BTreeSet<&PathElement> = BTreeSet::new();
        let (mut b, mut o) = (0, 0);
        while b < base.order.len() || o < over.order.len() {
            let left = base.order.get(b);
            let right = over.order.get(o);
            if let (Some((left, _)), Some((right, _))) = (left, right) {
                if left == right {
                    taken.insert(right);
                    merged.extend(self.both(shape, right, (base, over), at));
                    (b, o) = (b + 1, o + 1);
                    next_shared = shared.next();
                    continue;
                }
                if over.by_key.contains_key(left) && next_shared.is_some_and(|next| next != left) {
                    b += 1;
                    continue;
                }
            }
            if let Some((element, value)) = left {
                if !over.by_key.contains_key(element) {
                    let pair = Pair { base: Some(value), over: None };
                    merged.extend(self.node(shape.items, pair, &Trail::Element(at, element)));
                    b += 1;
                    continue;
                }
                if taken.contains(element) {
                    b += 1;
                }
            }
            if let Some((element, _)) = right {
                taken.insert(element);
                merged.extend(self.both(shape, element, (base, over), at));
                o += 1;
                if next_shared == Some(element) {
                    next_shared = shared.next();
                }
            }
        }
        merged
    }

    fn both(
        &mut self,
        shape: &ListShape<'_>,
        element: &PathElement,
        (base, over): (&Index<'_>, &Index<'_>),
        at: &Trail<'_>,
    ) -> Option<Value> {
        let pair = Pair { base: base.by_key.get(element).copied(), over: over.by_key.get(element).copied() };
        self.node(shape.items, pair, &Trail::Element(at, element))
    }

    fn index<'v>(&mut self, shape: &ListShape<'_>, values: &'v [Value], at: &Trail<'_>, twice: Twice) -> Index<'v> {
        let mut index = Index { order: Vec::with_capacity(values.len()), by_key: BTreeMap::new() };
        for (at_index, value) in values.iter().enumerate() {
            let element = match item_element(shape, value) {
                Ok(element) => element,
                Err(message) => {
                    self.problems.add(at, format!("element {at_index}: {message}"));
                    continue;
                }
            };
            match (index.by_key.contains_key(&element), twice) {
                (true, Twice::Refused) => {
                    self.problems.add(at, format!("duplicate entries for key {element}"));
                    continue;
                }
                // What is there twice is not merged: what is applied takes the place of all.
                (true, Twice::Allowed) => index.by_key.insert(element.clone(), &NOTHING),
                (false, _) => index.by_key.insert(element.clone(), value),
            };
            index.order.push((element, value));
        }
        index
    }
}

#[derive(Clone, Copy)]
enum Twice {
    Allowed,
    Refused,
}

/// The items of a list, in order and by key.
struct Index<'v> {
    order: Vec<(PathElement, &'v Value)>,
    by_key: BTreeMap<PathElement, &'v Value>,
}

static NOTHING: Value = Value::Null;
