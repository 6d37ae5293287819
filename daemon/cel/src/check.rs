//! The types of an expression: every name is declared, every call has an overload, every field is there.
//!
//! The rules, the order in which they are tried and the messages are those of cel-go's checker/checker.go with homogeneous
//! literals and comparisons across numeric types, as Kubernetes switches them on.

mod call;
mod format;
mod literal;
pub(crate) mod unify;
pub(crate) mod validate;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::ast::{Comprehension, Expr, Literal, Node};
use crate::declare;
use crate::environment::Environment;
use crate::parse::Parsed;
use crate::problem::Problem;
use crate::ty::Type;

use unify::Unifier;

/// What is known of an expression after its types were checked.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The tree, with the qualified names of variables and functions put in.
    pub(crate) root: Expr,
    /// The type of each node by its number.
    pub(crate) types: Vec<Type>,
    /// The overloads that a call may come to, by the number of its node.
    pub(crate) overloads: HashMap<u32, Vec<&'static str>>,
    /// The names of variables that occur.
    pub(crate) names: BTreeSet<Box<str>>,
}

/// Checks the types of a parsed expression.
///
/// # Errors
///
/// All that is wrong with its types, unordered.
pub(crate) fn check(parsed: Parsed, environment: &Environment) -> Result<Checked, Vec<Problem>> {
    let mut checker = Checker {
        environment,
        unifier: Unifier::default(),
        types: vec![Type::Dyn; parsed.nodes as usize],
        overloads: HashMap::new(),
        names: BTreeSet::new(),
        scopes: HashMap::new(),
        problems: Vec::new(),
    };
    let mut root = parsed.root;
    checker.visit(&mut root);
    if checker.unifier.exhausted() {
        return Err(vec![Problem::at(root.at, "the types of the expression are too complex")]);
    }
    if !checker.problems.is_empty() {
        return Err(checker.problems);
    }
    let unifier = &mut checker.unifier;
    for ty in &mut checker.types {
        *ty = unifier.substitute(ty, true);
    }
    if unifier.exhausted() {
        return Err(vec![Problem::at(root.at, "the types of the expression are too complex")]);
    }
    let checked = Checked { root, types: checker.types, overloads: checker.overloads, names: checker.names };
    let problems = validate::validate(&checked);
    if problems.is_empty() { Ok(checked) } else { Err(problems) }
}

/// A check under way.
struct Checker<'a> {
    environment: &'a Environment,
    unifier: Unifier,
    types: Vec<Type>,
    overloads: HashMap<u32, Vec<&'static str>>,
    names: BTreeSet<Box<str>>,
    /// The variables of the comprehensions around, innermost last.
    scopes: HashMap<Box<str>, Vec<Type>>,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn visit(&mut self, expr: &mut Expr) {
        match &mut expr.node {
            Node::Literal(literal) => {
                let ty = literal_type(literal);
                self.set(expr.id, ty);
            }
            Node::Ident(_) => self.ident(expr),
            Node::Select(_) => self.select(expr),
            Node::Call(_) => self.call(expr),
            Node::List(_) => self.list(expr),
            Node::Map(_) => self.map(expr),
            Node::Struct(_) => self.object(expr),
            Node::Comprehension(_) => self.comprehension(expr),
        }
    }

    fn set(&mut self, id: u32, ty: Type) {
        self.unifier.measure(&ty);
        self.types[id as usize] = if self.unifier.exhausted() { Type::Dyn } else { ty };
    }

    fn get(&self, expr: &Expr) -> Type {
        self.types[expr.id as usize].clone()
    }

    fn problem(&mut self, at: u32, message: String) {
        self.problems.push(Problem::at(at, message));
    }

    fn undeclared(&mut self, expr: &Expr, name: &str) {
        self.set(expr.id, Type::Error);
        self.problem(expr.at, format!("undeclared reference to '{name}' (in container '')"));
    }

    /// The name without the dot that asks for the outermost container, and its type.
    fn find(&self, name: &str) -> Option<(Box<str>, Type)> {
        let name = name.strip_prefix('.').unwrap_or(name);
        let ty = match self.scopes.get(name).and_then(|types| types.last()) {
            Some(ty) => ty.clone(),
            None => match self.environment.find(name) {
                Some(variable) => variable.ty.clone(),
                None => Type::Type(Arc::new(match self.environment.find_type(name) {
                    Some(object) => Type::Object(object),
                    None => declare::named_type(name)?,
                })),
            },
        };
        Some((name.into(), ty))
    }

    fn ident(&mut self, expr: &mut Expr) {
        let Node::Ident(name) = &expr.node else { return };
        let name = name.clone();
        match self.find(&name) {
            Some((name, ty)) => self.resolved(expr, name, ty),
            None => self.undeclared(expr, &name),
        }
    }

    fn resolved(&mut self, expr: &mut Expr, name: Box<str>, ty: Type) {
        self.set(expr.id, ty);
        self.names.insert(name.clone());
        expr.node = Node::Ident(name);
    }

    fn select(&mut self, expr: &mut Expr) {
        if let Some(qualified) = qualified(expr)
            && let Some((name, ty)) = self.find(&qualified)
        {
            self.resolved(expr, name, ty);
            return;
        }
        let Node::Select(select) = &mut expr.node else { return };
        self.visit(&mut select.operand);
        let operand = self.get(&select.operand);
        let (field, optional, test_only) = (select.field.clone(), select.optional, select.test_only);
        let mut ty = self.field(expr.at, &operand, &field, optional);
        if test_only {
            ty = Type::Bool;
        }
        let ty = self.unifier.substitute(&ty, false);
        if optional {
            self.overloads.insert(expr.id, vec!["select_optional_field"]);
        }
        self.set(expr.id, ty);
    }

    /// The type of a field of a value of type `operand`.
    fn field(&mut self, at: u32, operand: &Type, field: &str, optional: bool) -> Type {
        let operand = self.unifier.substitute(operand, false);
        let (target, was_optional) = match &operand {
            Type::Optional(inner) => (&**inner, true),
            other => (other, false),
        };
        let ty = match target {
            Type::Map(_, value) => (**value).clone(),
            Type::Object(object) => match object.field(field) {
                Some(field) => field.ty.clone(),
                None if object.open => Type::Dyn,
                None => {
                    self.problem(at, format!("undefined field '{field}'"));
                    Type::Error
                }
            },
            Type::Opaque(name) if name.starts_with("kubernetes.") => {
                self.problem(at, format!("unexpected failed resolution of '{name}'"));
                Type::Error
            }
            Type::Variable(_) => {
                self.unifier.assignable(&Type::Dyn, target);
                Type::Dyn
            }
            Type::Dyn | Type::Error => Type::Dyn,
            other => {
                let other = self.shown(other);
                self.problem(at, format!("type '{other}' does not support field selection"));
                Type::Dyn
            }
        };
        if optional || was_optional { Type::Optional(Arc::new(ty)) } else { ty }
    }

    fn comprehension(&mut self, expr: &mut Expr) {
        let Node::Comprehension(fold) = &mut expr.node else { return };
        let fold = &mut **fold;
        self.visit(&mut fold.range);
        self.visit(&mut fold.init);
        let result = self.get(&fold.init);
        self.enter(&fold.accumulator, result.clone());
        let (first, second) = self.variables(fold);
        self.enter(&fold.variable, first);
        if let Some(name) = &fold.second {
            self.enter(name, second);
        }
        self.visit(&mut fold.condition);
        self.must_be(&fold.condition, &Type::Bool);
        self.visit(&mut fold.step);
        self.must_be(&fold.step, &result);
        if let Some(name) = &fold.second {
            self.leave(name);
        }
        self.leave(&fold.variable);
        self.visit(&mut fold.result);
        self.leave(&fold.accumulator);
        let ty = self.get(&fold.result);
        let ty = self.unifier.substitute(&ty, false);
        self.set(expr.id, ty);
    }

    /// The types of the two variables of a comprehension; the second means nothing where there is one.
    fn variables(&mut self, fold: &Comprehension) -> (Type, Type) {
        let range = self.get(&fold.range);
        let two = fold.second.is_some();
        match self.unifier.substitute(&range, false) {
            Type::List(element) if two => (Type::Int, (*element).clone()),
            Type::List(element) => ((*element).clone(), Type::Dyn),
            Type::Map(key, value) => ((*key).clone(), (*value).clone()),
            open @ (Type::Dyn | Type::Error | Type::Variable(_)) => {
                self.unifier.assignable(&Type::Dyn, &open);
                (Type::Dyn, Type::Dyn)
            }
            other => {
                let other = self.shown(&other);
                let message = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                self.problem(fold.range.at, message);
                (Type::Error, Type::Error)
            }
        }
    }

    fn must_be(&mut self, expr: &Expr, wanted: &Type) {
        let found = self.get(expr);
        if !self.unifier.assignable(wanted, &found) {
            self.mismatch(expr.at, wanted, &found);
        }
    }

    fn mismatch(&mut self, at: u32, wanted: &Type, found: &Type) {
        let (wanted, found) = (self.shown(wanted), self.shown(found));
        self.problem(at, format!("expected type '{wanted}' but found '{found}'"));
    }

    /// A type for a message. Types can be larger than the text, so what is shown counts as work.
    fn shown(&mut self, ty: &Type) -> String {
        self.unifier.measure(ty);
        if self.unifier.exhausted() { String::new() } else { ty.to_string() }
    }

    fn enter(&mut self, name: &str, ty: Type) {
        self.scopes.entry(name.into()).or_default().push(ty);
    }

    fn leave(&mut self, name: &str) {
        if let Some(types) = self.scopes.get_mut(name) {
            types.pop();
        }
    }
}

fn literal_type(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::Null,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) => Type::Int,
        Literal::Uint(_) => Type::Uint,
        Literal::Double(_) => Type::Double,
        Literal::String(_) => Type::String,
        Literal::Bytes(_) => Type::Bytes,
    }
}

/// `a.b.c` as one name, if it can be one.
fn qualified(expr: &Expr) -> Option<String> {
    match &expr.node {
        Node::Ident(name) => Some(name.to_string()),
        Node::Select(select) if !select.test_only && !select.optional => {
            let mut name = qualified(&select.operand)?;
            name.push('.');
            name.push_str(&select.field);
            Some(name)
        }
        _ => None,
    }
}

#[cfg(test)]
mod check_test;
#[cfg(test)]
mod types_test;
