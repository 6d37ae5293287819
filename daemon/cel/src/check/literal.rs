//! Lists, maps and objects written out.

use std::sync::Arc;

use super::Checker;
use crate::ast::{Expr, Node};
use crate::ty::{ObjectType, Type};

impl Checker<'_> {
    pub(super) fn list(&mut self, expr: &mut Expr) {
        let Node::List(elements) = &mut expr.node else { return };
        let mut joined = None;
        for element in elements {
            self.visit(&mut element.value);
            let ty = self.part(&element.value, element.optional);
            joined = Some(self.join(joined, ty));
        }
        let element = joined.unwrap_or_else(|| self.unifier.fresh());
        self.set(expr.id, Type::List(Arc::new(element)));
    }

    pub(super) fn map(&mut self, expr: &mut Expr) {
        let Node::Map(entries) = &mut expr.node else { return };
        let (mut keys, mut values) = (None, None);
        for entry in entries {
            self.visit(&mut entry.key);
            let key = self.get(&entry.key);
            keys = Some(self.join(keys, key));
            self.visit(&mut entry.value);
            let value = self.part(&entry.value, entry.optional);
            values = Some(self.join(values, value));
        }
        let key = keys.unwrap_or_else(|| self.unifier.fresh());
        let value = values.unwrap_or_else(|| self.unifier.fresh());
        self.set(expr.id, Type::Map(Arc::new(key), Arc::new(value)));
    }

    pub(super) fn object(&mut self, expr: &mut Expr) {
        let Node::Struct(object) = &expr.node else { return };
        let name = object.type_name.clone();
        let Some((name, ty)) = self.find(&name) else {
            self.undeclared(expr, &name);
            return;
        };
        let is_type = matches!(ty, Type::Type(_));
        let known = match ty {
            Type::Error => None,
            Type::Type(inner) => match &*inner {
                Type::Object(known) => Some(Arc::clone(known)),
                other => {
                    let other = self.shown(other);
                    self.problem(expr.at, format!("'{other}' is not a message type"));
                    None
                }
            },
            other => {
                let other = self.shown(&other);
                self.problem(expr.at, format!("'{other}' is not a type"));
                None
            }
        };
        self.set(expr.id, known.clone().map_or(Type::Error, Type::Object));
        self.names.insert(name.clone());
        let Node::Struct(object) = &mut expr.node else { return };
        object.type_name = name;
        for field in &mut object.fields {
            self.visit(&mut field.value);
            let wanted = match &known {
                Some(known) => self.declared(field.at, known, &field.name),
                None => {
                    let message = if is_type {
                        format!("undefined field '{}'", field.name)
                    } else {
                        format!("unexpected failed resolution of '{}'", object.type_name)
                    };
                    self.problem(field.at, message);
                    Type::Error
                }
            };
            let found = self.part(&field.value, field.optional);
            if !self.unifier.assignable(&wanted, &found) {
                let (wanted, found) = (self.shown(&wanted), self.shown(&found));
                let message =
                    format!("expected type of field '{}' is '{wanted}' but provided type is '{found}'", field.name);
                self.problem(field.at, message);
            }
        }
    }

    fn declared(&mut self, at: u32, object: &ObjectType, field: &str) -> Type {
        match object.field(field) {
            Some(field) => field.ty.clone(),
            None if object.open => Type::Dyn,
            None => {
                self.problem(at, format!("undefined field '{field}'"));
                Type::Error
            }
        }
    }

    /// The type of a part, or what it holds if it is optional.
    fn part(&mut self, expr: &Expr, optional: bool) -> Type {
        let ty = self.get(expr);
        if !optional {
            return ty;
        }
        match ty {
            Type::Optional(inner) => (*inner).clone(),
            Type::Dyn => Type::Dyn,
            other => {
                self.mismatch(expr.at, &Type::Optional(Arc::new(other.clone())), &other);
                other
            }
        }
    }

    /// The type of two parts: `dyn` if they do not agree, which is told later.
    fn join(&mut self, former: Option<Type>, ty: Type) -> Type {
        let Some(former) = former else { return ty };
        if self.unifier.assignable(&former, &ty) {
            return self.unifier.most_general(&former, &ty);
        }
        Type::Dyn
    }
}
