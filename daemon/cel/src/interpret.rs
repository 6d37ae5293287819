//! Evaluates plans.
//!
//! Costs are counted where cel-go's tracker counts them, but before the work is done wherever they can be known, so that a
//! budget bounds time and memory too. Errors are values until nobody absorbs them: `&&`, `||` and folds go on after
//! errors, as the specification says; being out of budget ends everything at once.

mod fold;
mod path;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::budget::{EvalError, Meter};
use crate::library::{cost, regex};
use crate::plan::{Append, Appended, Call, Equality, Fallback, Match, Matcher, Plan, Step, Struct};
use crate::value::list::List;
use crate::value::map::{self, Key, Map};
use crate::value::{Value, compare};

/// What a value is, or why there is none.
pub(crate) type Outcome<'a> = Result<Value<'a>, EvalError>;

/// Where the variables of an expression come from.
pub trait Variables<'a> {
    /// The value of a variable, by its name; of a field of a [`Value::Scope`], by the scope's name, a dot, and the
    /// field's. None if there is no such variable. Asked at most once for each name in an evaluation, and only for what
    /// is used.
    ///
    /// # Errors
    /// Why the variable has no value.
    fn get(&self, name: &str) -> Result<Option<Value<'a>>, EvalError>;
}

impl<'a, F: Fn(&str) -> Option<Value<'a>>> Variables<'a> for F {
    fn get(&self, name: &str) -> Result<Option<Value<'a>>, EvalError> {
        Ok(self(name))
    }
}

/// Evaluates a plan.
pub(crate) fn run<'a>(plan: &Plan, variables: &dyn Variables<'a>, meter: &mut Meter<'_>) -> Outcome<'a> {
    let mut locals = Vec::new();
    locals.resize_with(plan.slots, || Local::Unset);
    let globals = vec![None; plan.globals.len()];
    let mut run = Run { plan, variables, meter, locals, globals, scoped: BTreeMap::new() };
    run.step(&plan.root)
}

struct Run<'r, 'b, 'a> {
    plan: &'r Plan,
    variables: &'r dyn Variables<'a>,
    meter: &'r mut Meter<'b>,
    locals: Vec<Local<'r, 'a>>,
    globals: Vec<Option<Outcome<'a>>>,
    /// Variables below scopes that were asked for.
    scoped: BTreeMap<String, Option<Outcome<'a>>>,
}

/// A variable of a fold.
enum Local<'r, 'a> {
    Unset,
    /// An accumulator before its first use.
    Initial(&'r Step),
    Set(Outcome<'a>),
}

impl<'r, 'a> Run<'r, '_, 'a> {
    fn step(&mut self, step: &'r Step) -> Outcome<'a> {
        match step {
            Step::Constant(value) => Ok(value.clone()),
            Step::Attribute(attribute) => {
                let found = self.path(attribute);
                self.meter.charge(attribute.cost())?;
                found
            }
            Step::Has(attribute) => self.has(attribute),
            Step::And(terms) => self.connect(terms, false),
            Step::Or(terms) => self.connect(terms, true),
            Step::Equal(operands, equality) => self.equal(&operands.0, &operands.1, *equality),
            Step::Call(call) => self.call(call),
            Step::Append(append) => self.append(append),
            Step::Match(call) => self.matches(call),
            Step::NotFalse(value) => {
                let value = self.attempt(value)?;
                self.meter.charge(1)?;
                Ok(Value::Bool(!matches!(value, Ok(Value::Bool(false)))))
            }
            Step::InConstants(search) => {
                let element = self.step(&search.0)?;
                Ok(Value::Bool(search.1.contains(&element)))
            }
            Step::OptionalOr(operands, fallback) => self.optional_or(&operands.0, &operands.1, *fallback),
            Step::List(elements) => self.list(elements),
            Step::Map(entries) => self.map(entries),
            Step::Struct(literal) => self.object(literal),
            Step::Fold(fold) => self.fold(fold),
        }
    }

    /// A step whose error may be absorbed. Being out of budget may not.
    fn attempt(&mut self, step: &'r Step) -> Result<Outcome<'a>, EvalError> {
        match self.step(step) {
            Err(EvalError::Cost) => Err(EvalError::Cost),
            outcome => Ok(outcome),
        }
    }

    /// `&&` and `||`: the first term that decides wins, even after errors.
    fn connect(&mut self, terms: &'r [Step], decisive: bool) -> Outcome<'a> {
        let mut error = None;
        for term in terms {
            match self.attempt(term)? {
                Ok(Value::Bool(value)) if value == decisive => return Ok(Value::Bool(decisive)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => error = error.or_else(|| Some(EvalError::no_such_overload())),
                Err(failed) => error = error.or(Some(failed)),
            }
        }
        error.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn equal(&mut self, left: &'r Step, right: &'r Step, equality: Equality) -> Outcome<'a> {
        let (left, right) = (self.attempt(left)?, self.attempt(right)?);
        let opaque = matches!((equality, &left), (Equality::Equal, Ok(Value::Opaque(_))));
        let cost = if opaque { 1 } else { cost::traverse(cost::size(&left).min(cost::size(&right)), 1) };
        self.meter.charge(cost)?;
        let equal = compare::equal(&left?, &right?, self.meter);
        match (equality, equal) {
            (_, Err(EvalError::Cost)) => Err(EvalError::Cost),
            (Equality::Equal, equal) => equal.map(Value::Bool),
            (Equality::NotEqual, equal) => Ok(Value::Bool(!equal.unwrap_or(false))),
        }
    }

    /// The arguments of a call that takes its arguments one by one: an error ends it, and then it costs nothing, unless
    /// it is in the last argument.
    fn args_in_turn(&mut self, steps: &'r [Step]) -> Result<Vec<Outcome<'a>>, EvalError> {
        let mut args = Vec::with_capacity(steps.len());
        for (place, step) in steps.iter().enumerate() {
            let arg = self.attempt(step)?;
            match arg {
                Err(error) if place + 1 < steps.len() => return Err(error),
                arg => args.push(arg),
            }
        }
        Ok(args)
    }

    /// The arguments of a call. Of one or two, all are calculated before the error of one is looked at.
    fn args(&mut self, steps: &'r [Step]) -> Result<Vec<Outcome<'a>>, EvalError> {
        if steps.len() > 2 {
            return self.args_in_turn(steps);
        }
        let mut args = Vec::with_capacity(steps.len());
        for step in steps {
            args.push(self.attempt(step)?);
        }
        Ok(args)
    }

    fn call(&mut self, call: &'r Call) -> Outcome<'a> {
        let outcomes = self.args(&call.args)?;
        let known = call.rule.before(&outcomes, self.meter)?;
        if let Some(cost) = known {
            self.meter.charge(cost)?;
        }
        let args = outcomes.into_iter().collect::<Result<Vec<_>, _>>();
        let result = match args {
            Ok(args) => (call.function)(&args, self.meter),
            Err(error) => Err(error),
        };
        if known.is_none() && !matches!(result, Err(EvalError::Cost)) {
            self.meter.charge(call.rule.after(&result))?;
        }
        result
    }

    fn matches(&mut self, call: &'r Match) -> Outcome<'a> {
        let outcomes = self.args_in_turn(&call.args)?;
        let cost = call.rule.before(&outcomes, self.meter)?;
        self.meter.charge(cost.unwrap_or(1))?;
        let args = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
        match call.kind {
            Matcher::Matches => regex::matches_with(&call.regex, &args),
            Matcher::Find => regex::find_with(&call.regex, &args, self.meter),
            Matcher::FindAll => regex::find_all_with(&call.regex, &args, self.meter),
        }
    }

    /// Adds to an accumulator in place: nobody else holds it while the step runs. The accumulator costs as a variable does.
    fn append(&mut self, append: &'r Append) -> Outcome<'a> {
        match &append.what {
            Appended::Sum(added) | Appended::Entries(added) => {
                let added = self.attempt(added)?;
                let current = self.take(append.slot)?;
                let cost = match &current {
                    Ok(Value::String(_) | Value::Bytes(_)) => {
                        cost::traverse(cost::size(&current).saturating_add(cost::size(&added)), 1)
                    }
                    _ => 1,
                };
                self.meter.charge(cost)?;
                match (current?, added?) {
                    (Value::List(list), Value::List(other)) => self.extend(list, other).map(Value::List),
                    (Value::Map(map), Value::Map(entries)) => self.insert_all(map, &entries).map(Value::Map),
                    (left, right) => crate::library::operators::add(&[left, right], self.meter),
                }
            }
            Appended::Entry(key, value) => {
                if let Err(error) = self.local(append.slot) {
                    self.meter.charge(1)?;
                    return Err(error);
                }
                let key = self.step(key);
                if key.is_err() {
                    self.meter.charge(1)?;
                }
                let key = key?;
                let value = self.attempt(value)?;
                let current = self.take(append.slot)?;
                self.meter.charge(1)?;
                match (current?, Key::of(&key), value?) {
                    (Value::Map(map), Some(key), value) => self.insert(map, key, value).map(Value::Map),
                    _ => Err(EvalError::no_such_overload()),
                }
            }
        }
    }

    /// The accumulator, away from its slot, which gets the result of the step.
    fn take(&mut self, slot: usize) -> Result<Outcome<'a>, EvalError> {
        let current = match self.local(slot) {
            Err(EvalError::Cost) => return Err(EvalError::Cost),
            current => current,
        };
        self.meter.charge(1)?;
        self.locals[slot] = Local::Unset;
        Ok(current)
    }

    fn insert_all(&mut self, mut map: Map<'a>, entries: &Map<'a>) -> Result<Map<'a>, EvalError> {
        for key in entries.keys(self.meter)? {
            let value = entries.find(&key)?.ok_or_else(EvalError::no_such_overload)?;
            map = self.insert(map, Key::of(&key).ok_or_else(EvalError::no_such_overload)?, value)?;
        }
        Ok(map)
    }

    fn extend(&mut self, list: List<'a>, other: List<'a>) -> Result<List<'a>, EvalError> {
        match (list, other.len()) {
            (list @ List::Owned(_), 1) => match other.get(0) {
                Some(element) => list.push(element?, self.meter),
                None => Ok(list),
            },
            (list, _) => compare::join(list, other, self.meter),
        }
    }

    fn insert(&mut self, map: Map<'a>, key: Key<'a>, value: Value<'a>) -> Result<Map<'a>, EvalError> {
        let name = Value::from(key.clone());
        if map.find(&name)?.is_some() {
            let key = crate::value::print::brief(&name);
            return Err(EvalError::other(format!("insert failed: key {key} already exists")));
        }
        map.insert(key, value, self.meter)
    }

    fn optional_or(&mut self, optional: &'r Step, other: &'r Step, fallback: Fallback) -> Outcome<'a> {
        match (self.step(optional)?, fallback) {
            (Value::Optional(None), _) => self.step(other),
            (Value::Optional(Some(value)), Fallback::Value) => Ok((*value).clone()),
            (value, _) => Ok(value),
        }
    }

    fn list(&mut self, elements: &'r [(Step, bool)]) -> Outcome<'a> {
        self.meter.charge(cost::LIST)?;
        self.meter.allocate_values(elements.len())?;
        let mut list = Vec::with_capacity(elements.len());
        for (step, optional) in elements {
            match (self.step(step)?, optional) {
                (value, false) => list.push(value),
                (Value::Optional(None), true) => {}
                (Value::Optional(Some(value)), true) => list.push((*value).clone()),
                (value, true) => {
                    let value = crate::value::print::brief(&value);
                    let message = "cannot initialize optional list element from non-optional value";
                    return Err(EvalError::other(format!("{message} {value}")));
                }
            }
        }
        Ok(Value::list(list))
    }

    fn map(&mut self, entries: &'r [(Step, Step, bool)]) -> Outcome<'a> {
        self.meter.charge(cost::MAP)?;
        self.meter.allocate_values(2 * entries.len())?;
        let mut map = BTreeMap::new();
        for (key, value, optional) in entries {
            let name = self.step(key)?;
            let value = self.step(value)?;
            let key = Key::of(&name).ok_or_else(|| EvalError::other("unsupported key type"))?;
            if let Some(value) = present(&name, value, *optional)? {
                map.insert(key, value);
            }
        }
        Ok(Value::Map(Map::Owned(Arc::new(map))))
    }

    fn object(&mut self, literal: &'r Struct) -> Outcome<'a> {
        self.meter.charge(cost::STRUCT)?;
        self.meter.allocate_values(2 * literal.fields.len())?;
        let mut fields = BTreeMap::new();
        for (name, value, optional) in &literal.fields {
            let value = self.step(value)?;
            if let Some(value) = present(&Value::string(&**name), value, *optional)? {
                fields.insert(name.clone(), value);
            }
        }
        Ok(Value::Map(Map::Struct(Arc::new(map::Struct { type_name: literal.type_name.clone(), fields }))))
    }
}

/// What an entry of a literal is set to: nothing when an optional entry has no value.
fn present<'a>(name: &Value<'_>, value: Value<'a>, optional: bool) -> Result<Option<Value<'a>>, EvalError> {
    match (value, optional) {
        (value, false) => Ok(Some(value)),
        (Value::Optional(inner), true) => Ok(inner.map(|value| (*value).clone())),
        (value, true) => {
            let (name, value) = (crate::value::print::brief(name), crate::value::print::brief(&value));
            Err(EvalError::other(format!("cannot initialize optional entry '{name}' from non-optional value {value}")))
        }
    }
}
