//! Calls: which overloads of a function fit its arguments.

use super::{Checker, qualified};
use crate::ast::{Expr, Node};
use crate::declare::{self, Overload};
use crate::ty::Type;

use super::unify::Unifier;

impl Checker<'_> {
    pub(super) fn call(&mut self, expr: &mut Expr) {
        let Node::Call(call) = &mut expr.node else { return };
        for arg in &mut call.args {
            self.visit(arg);
        }
        let name = call.function.clone();
        let Some(target) = &mut call.target else {
            match self.function(&name) {
                Some((name, overloads)) => {
                    call.function = name.into();
                    self.resolve(expr, name, overloads);
                }
                None => self.undeclared(expr, &name),
            }
            return;
        };
        // `a.b.c()` calls a function of that name, or the method `c` of `a.b`.
        if let Some(prefix) = qualified(target)
            && let Some((name, overloads)) = self.function(&format!("{prefix}.{name}"))
        {
            call.function = name.into();
            call.target = None;
            self.resolve(expr, name, overloads);
            return;
        }
        self.visit(target);
        match self.function(&name) {
            Some((name, overloads)) => self.resolve(expr, name, overloads),
            None => self.undeclared(expr, &name),
        }
    }

    fn function(&self, name: &str) -> Option<(&'static str, &'static [Overload])> {
        let name = name.strip_prefix('.').unwrap_or(name);
        if !self.environment.has_function(name) {
            return None;
        }
        declare::function(name)
    }

    fn resolve(&mut self, expr: &Expr, name: &str, overloads: &'static [Overload]) {
        let Node::Call(call) = &expr.node else { return };
        let method = call.target.is_some();
        let args: Vec<Type> = call.target.iter().chain(&call.args).map(|arg| self.get(arg)).collect();
        let fitting = overloads.iter().filter(|overload| overload.method == method);
        if matches!(name, "_&&_" | "_||_") {
            self.logical(expr, &args, fitting.map(|overload| overload.id).collect());
            return;
        }
        let mut result: Option<Type> = None;
        let mut chosen = Vec::new();
        for overload in fitting {
            let fresh: Vec<Type> = overload.parameters.iter().map(|_| self.unifier.fresh()).collect();
            let wanted: Vec<Type> =
                overload.args.iter().map(|ty| Unifier::instantiate(ty, &overload.parameters, &fresh)).collect();
            if !self.unifier.all_assignable(&args, &wanted) {
                continue;
            }
            chosen.push(overload.id);
            let ty = Unifier::instantiate(&overload.result, &overload.parameters, &fresh);
            let ty = self.unifier.substitute(&ty, false);
            result = Some(match result {
                None => ty,
                Some(Type::Dyn) => Type::Dyn,
                Some(first) if self.unifier.exact(&ty, &first) => first,
                Some(_) => Type::Dyn,
            });
        }
        match result {
            Some(ty) => {
                self.overloads.insert(expr.id, chosen);
                self.set(expr.id, ty);
            }
            None => self.no_overload(expr, name, &args, method),
        }
    }

    fn logical(&mut self, expr: &Expr, args: &[Type], overloads: Vec<&'static str>) {
        let Node::Call(call) = &expr.node else { return };
        let mut ty = Type::Bool;
        for (arg, found) in call.args.iter().zip(args) {
            if !self.unifier.assignable(found, &Type::Bool) {
                self.mismatch(arg.at, &Type::Bool, found);
                ty = Type::Error;
            }
        }
        self.overloads.insert(expr.id, overloads);
        self.set(expr.id, ty);
    }

    fn no_overload(&mut self, expr: &Expr, name: &str, args: &[Type], method: bool) {
        self.set(expr.id, Type::Error);
        let mut shown = Vec::with_capacity(args.len());
        for arg in args {
            let ty = self.unifier.substitute(arg, true);
            shown.push(self.shown(&ty));
        }
        let receiver = if method { format!("{}.", shown.remove(0)) } else { String::new() };
        let signature = format!("{receiver}({})", shown.join(", "));
        self.problem(expr.at, format!("found no matching overload for '{name}' applied to '{signature}'"));
    }
}
