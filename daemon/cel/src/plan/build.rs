//! From the tree of an expression to its plan.

use std::collections::HashMap;
use std::sync::Arc;

use super::{
    Append, Appended, Attribute, Call, Constants, Equality, Fallback, Fold, Head, Index, Match, Matcher, Plan,
    Qualifier, Step, Struct, types,
};
use crate::ast::{self, Comprehension, Expr, Node, Select};
use crate::budget::{Budget, EvalError, Meter};
use crate::interpret;
use crate::library::cost::Rule;
use crate::library::{self, pattern};
use crate::ty::Type;
use crate::value::{Text, Value};

/// Variables whose names have a dot.
const QUALIFIED_VARIABLES: [&str; 1] = ["authorizer.requestResource"];

pub(super) fn plan(expr: &Expr, types: &dyn Fn(u32) -> Option<Type>, depth_max: usize) -> Result<Plan, EvalError> {
    let mut builder = Builder {
        types,
        depth_left: depth_max,
        scopes: Vec::new(),
        next_slot: 0,
        slots: 0,
        globals: Vec::new(),
        global_places: HashMap::new(),
    };
    let root = builder.step(expr)?;
    Ok(Plan { root, slots: builder.slots, globals: builder.globals })
}

struct Builder<'e> {
    types: &'e dyn Fn(u32) -> Option<Type>,
    depth_left: usize,
    /// Names that are visible, the innermost last.
    scopes: Vec<(&'e str, usize)>,
    next_slot: usize,
    slots: usize,
    globals: Vec<Box<str>>,
    global_places: HashMap<Box<str>, usize>,
}

impl<'e> Builder<'e> {
    fn step(&mut self, expr: &'e Expr) -> Result<Step, EvalError> {
        self.depth_left =
            self.depth_left.checked_sub(1).ok_or_else(|| EvalError::other("the expression is nested too deeply"))?;
        let step = match &expr.node {
            Node::Literal(literal) => Ok(Step::Constant(Value::literal(literal))),
            Node::Ident(name) => Ok(self.ident(expr, name)),
            Node::Select(select) => self.select(expr, select),
            Node::Call(call) => self.call(expr, call),
            Node::List(elements) => self.list(elements),
            Node::Map(entries) => self.map(entries),
            Node::Struct(literal) => self.object(literal),
            Node::Comprehension(fold) => self.fold(fold),
        };
        self.depth_left += 1;
        step
    }

    fn steps(&mut self, exprs: impl Iterator<Item = &'e Expr>) -> Result<Vec<Step>, EvalError> {
        exprs.map(|expr| self.step(expr)).collect()
    }

    fn local(&self, name: &str) -> Option<usize> {
        self.scopes.iter().rev().find(|(known, _)| *known == name).map(|(_, slot)| *slot)
    }

    fn ident(&mut self, expr: &Expr, name: &str) -> Step {
        let name = name.strip_prefix('.').unwrap_or(name);
        if let Some(slot) = self.local(name) {
            return Step::Attribute(Box::new(Attribute::new(Head::Local(slot))));
        }
        if let Some(type_name) = self.type_path(expr) {
            return Step::Constant(Value::Type(Text::Borrowed(type_name)));
        }
        let place = self.global(name);
        Step::Attribute(Box::new(Attribute::new(Head::Global(place))))
    }

    fn global(&mut self, name: &str) -> usize {
        if let Some(place) = self.global_places.get(name) {
            return *place;
        }
        let place = self.globals.len();
        self.globals.push(name.into());
        self.global_places.insert(name.into(), place);
        place
    }

    /// The type that a path of names stands for.
    fn type_path(&self, expr: &Expr) -> Option<&'static str> {
        types::named(self.path(expr)?.trim_start_matches('.'))
            .filter(|_| matches!((self.types)(expr.id), None | Some(Type::Type(_))))
    }

    /// A path of names that begins with none of a fold's variables.
    fn path(&self, expr: &Expr) -> Option<String> {
        let mut names = Vec::new();
        let mut at = expr;
        loop {
            match &at.node {
                Node::Select(select) if !select.test_only && !select.optional => {
                    names.push(&*select.field);
                    at = &select.operand;
                }
                Node::Ident(name) if self.local(name).is_none() => {
                    names.push(name);
                    break;
                }
                _ => return None,
            }
        }
        names.reverse();
        Some(names.join("."))
    }

    fn select(&mut self, expr: &'e Expr, select: &'e Select) -> Result<Step, EvalError> {
        if let Some(type_name) = self.type_path(expr) {
            return Ok(Step::Constant(Value::Type(Text::Borrowed(type_name))));
        }
        if let Some(name) = self.path(expr).filter(|name| QUALIFIED_VARIABLES.contains(&&**name)) {
            let place = self.global(&name);
            return Ok(Step::Attribute(Box::new(Attribute::new(Head::Global(place)))));
        }
        let mut attribute = self.attribute(&select.operand)?;
        let index = Index::Constant(Value::string(&*select.field));
        attribute.qualifiers.push(Qualifier { index, optional: select.optional });
        let attribute = Box::new(attribute);
        Ok(if select.test_only { Step::Has(attribute) } else { Step::Attribute(attribute) })
    }

    /// The path that an expression is, or that begins with its value.
    fn attribute(&mut self, expr: &'e Expr) -> Result<Attribute, EvalError> {
        Ok(match self.step(expr)? {
            Step::Attribute(attribute) => *attribute,
            other => Attribute::new(Head::Value(other)),
        })
    }

    fn call(&mut self, expr: &'e Expr, call: &'e ast::Call) -> Result<Step, EvalError> {
        match (&*call.function, call.args.as_slice()) {
            ("_&&_", [_, _]) => Ok(Step::And(self.chain(expr, "_&&_")?)),
            ("_||_", [_, _]) => Ok(Step::Or(self.chain(expr, "_||_")?)),
            ("_==_", [left, right]) => {
                Ok(Step::Equal(Box::new((self.step(left)?, self.step(right)?)), Equality::Equal))
            }
            ("_!=_", [left, right]) => {
                Ok(Step::Equal(Box::new((self.step(left)?, self.step(right)?)), Equality::NotEqual))
            }
            ("_?_:_", [condition, truthy, falsy]) => {
                let condition = self.step(condition)?;
                let (truthy, falsy) = (self.branch(truthy)?, self.branch(falsy)?);
                let head = Head::Conditional(condition, Box::new(truthy), Box::new(falsy));
                Ok(Step::Attribute(Box::new(Attribute::new(head))))
            }
            ("@not_strictly_false" | "__not_strictly_false__", [value]) => {
                Ok(Step::NotFalse(Box::new(self.step(value)?)))
            }
            ("_[_]", [operand, index]) => self.index(operand, index, false),
            ("_[?_]" | "_?._", [operand, index]) => self.index(operand, index, true),
            _ => self.function(expr, call),
        }
    }

    /// A branch of `?:`. A test for a field becomes a value that is calculated.
    fn branch(&mut self, expr: &'e Expr) -> Result<Attribute, EvalError> {
        self.attribute(expr)
    }

    /// `a && b && c`, however it is nested.
    fn chain(&mut self, expr: &'e Expr, operator: &str) -> Result<Vec<Step>, EvalError> {
        let mut terms = Vec::new();
        let mut waiting = vec![expr];
        while let Some(expr) = waiting.pop() {
            match &expr.node {
                Node::Call(call) if &*call.function == operator && call.args.len() == 2 => {
                    waiting.extend(call.args.iter().rev());
                }
                _ => terms.push(self.step(expr)?),
            }
        }
        Ok(terms)
    }

    fn index(&mut self, operand: &'e Expr, index: &'e Expr, optional: bool) -> Result<Step, EvalError> {
        let mut attribute = self.attribute(operand)?;
        let index = match self.step(index)? {
            Step::Constant(value) => Index::Constant(value),
            Step::Attribute(attribute) => Index::Attribute(*attribute),
            other => Index::Value(other),
        };
        attribute.qualifiers.push(Qualifier { index, optional });
        Ok(Step::Attribute(Box::new(attribute)))
    }

    fn function(&mut self, expr: &'e Expr, call: &'e ast::Call) -> Result<Step, EvalError> {
        let name = &*call.function;
        let args_of = || call.target.iter().chain(&call.args);
        if let Some(append) = self.append(call)? {
            return Ok(append);
        }
        let mut args = self.steps(args_of())?;
        if call.target.is_some() && args.len() == 2 && matches!(name, "or" | "orValue") {
            let fallback = if name == "or" { Fallback::Optional } else { Fallback::Value };
            if let (Some(other), Some(optional)) = (args.pop(), args.pop()) {
                return Ok(Step::OptionalOr(Box::new((optional, other)), fallback));
            }
        }
        let static_types: Vec<_> = args_of().map(|arg| (self.types)(arg.id)).collect();
        let rule = Rule::of(name, call.target.is_some(), &static_types);
        if name == "@in"
            && let [_, Step::Constant(Value::List(list))] = args.as_slice()
            && !matches!(static_types.get(1), Some(Some(Type::Dyn)))
        {
            if list.is_empty() {
                return Ok(Step::Constant(Value::Bool(false)));
            }
            if let Some(known) = Constants::of(list) {
                args.truncate(1);
                let Some(element) = args.pop() else { return Err(EvalError::no_such_overload()) };
                return Ok(Step::InConstants(Box::new((element, known))));
            }
        }
        if let Some(matcher) = matcher(name, &args) {
            return self.matcher(matcher, args, rule);
        }
        let summed = match (name, static_types.first()) {
            ("sum", Some(Some(Type::List(element)))) => Some(library::lists::sum_of(element)),
            _ => None,
        };
        let Some(function) = summed.or_else(|| library::find(name, call.target.is_some(), args.len())) else {
            return Err(EvalError::other(format!("no such overload: {name}")));
        };
        let converts = matches!(
            name,
            "bool" | "bytes" | "double" | "duration" | "dyn" | "int" | "string" | "timestamp" | "type" | "uint"
        );
        let constant = converts && matches!(args.as_slice(), [Step::Constant(_)]);
        let step = Step::Call(Box::new(Call { function, args, rule }));
        let _node = expr;
        if constant { calculate(step) } else { Ok(step) }
    }

    /// A step of a macro that adds to its accumulator.
    fn append(&mut self, call: &'e ast::Call) -> Result<Option<Step>, EvalError> {
        let Some(Node::Ident(name)) = call.args.first().map(|arg| &arg.node) else { return Ok(None) };
        if !name.starts_with('@') || call.target.is_some() {
            return Ok(None);
        }
        let Some(slot) = self.local(name) else { return Ok(None) };
        let what = match (&*call.function, &call.args[1..]) {
            ("_+_", [element]) => Appended::Sum(self.step(element)?),
            ("cel.@mapInsert", [key, value]) => Appended::Entry(self.step(key)?, self.step(value)?),
            ("cel.@mapInsert", [entries]) => Appended::Entries(self.step(entries)?),
            _ => return Ok(None),
        };
        Ok(Some(Step::Append(Box::new(Append { slot, what }))))
    }

    fn matcher(&mut self, kind: Matcher, args: Vec<Step>, rule: Rule) -> Result<Step, EvalError> {
        let Some(Step::Constant(Value::String(text))) = args.get(1) else {
            return Err(EvalError::no_such_overload());
        };
        let regex = pattern::compile(text).map_err(EvalError::other)?;
        Ok(Step::Match(Box::new(Match { kind, regex, args, rule })))
    }

    fn list(&mut self, elements: &'e [ast::Element]) -> Result<Step, EvalError> {
        let mut steps = Vec::with_capacity(elements.len());
        for element in elements {
            steps.push((self.step(&element.value)?, element.optional));
        }
        let constant = steps.iter().all(|(step, _)| matches!(step, Step::Constant(_)));
        let list = Step::List(steps);
        if constant { calculate(list) } else { Ok(list) }
    }

    fn map(&mut self, entries: &'e [ast::Entry]) -> Result<Step, EvalError> {
        let mut steps = Vec::with_capacity(entries.len());
        for entry in entries {
            steps.push((self.step(&entry.key)?, self.step(&entry.value)?, entry.optional));
        }
        let constant =
            steps.iter().all(|(key, value, _)| matches!((key, value), (Step::Constant(_), Step::Constant(_))));
        let map = Step::Map(steps);
        if constant { calculate(map) } else { Ok(map) }
    }

    fn object(&mut self, literal: &'e ast::Struct) -> Result<Step, EvalError> {
        let mut fields = Vec::with_capacity(literal.fields.len());
        for field in &literal.fields {
            fields.push((field.name.clone(), self.step(&field.value)?, field.optional));
        }
        Ok(Step::Struct(Box::new(Struct { type_name: literal.type_name.clone(), fields })))
    }

    fn fold(&mut self, fold: &'e Comprehension) -> Result<Step, EvalError> {
        let range = self.step(&fold.range)?;
        let slot = self.next_slot;
        self.next_slot += 3;
        self.slots = self.slots.max(self.next_slot);
        // The first result is calculated when it is first asked for, that is while the variables are in use: so its own
        // variables come after them. It does not see them.
        let init = self.step(&fold.init)?;
        let depth = self.scopes.len();
        // The accumulator hides variables of the same name.
        self.scopes.extend(fold.second.as_deref().map(|name| (name, slot + 2)));
        self.scopes.push((&fold.variable, slot + 1));
        self.scopes.push((&fold.accumulator, slot));
        let condition = self.step(&fold.condition)?;
        let step = self.step(&fold.step)?;
        self.scopes.truncate(depth);
        self.scopes.push((&fold.accumulator, slot));
        let result = self.step(&fold.result)?;
        self.scopes.truncate(depth);
        self.next_slot = slot;
        let two = fold.second.is_some();
        Ok(Step::Fold(Box::new(Fold { slot, two, range, init: Arc::new(init), condition, step, result })))
    }
}

/// The value of a step that needs no variables.
fn calculate(step: Step) -> Result<Step, EvalError> {
    let plan = Plan { root: step, slots: 0, globals: Vec::new() };
    let mut budget = Budget::new(u64::MAX);
    interpret::run(&plan, &|_: &str| None, &mut Meter::new(&mut budget)).map(Step::Constant)
}

fn matcher(name: &str, args: &[Step]) -> Option<Matcher> {
    let kind = match (name, args.len()) {
        ("matches", 2) => Matcher::Matches,
        ("find", 2) => Matcher::Find,
        ("findAll", 2 | 3) => Matcher::FindAll,
        _ => return None,
    };
    matches!(args.get(1), Some(Step::Constant(Value::String(_)))).then_some(kind)
}
