//! Whether types agree, and what unknown types must be for them to agree: the rules of cel-go's checker/types.go.
//!
//! Types can grow with every step of an expression, twofold at each, so the work on types has a budget. When it is used up,
//! everything agrees, and the checker refuses the expression.

use std::sync::Arc;

use crate::ty::Type;

/// What is known of the types that are not known.
#[derive(Debug, Default)]
pub(crate) struct Unifier {
    bindings: Vec<Option<Type>>,
    /// Former bindings, to go back to when types turn out not to agree.
    trail: Vec<(u32, Option<Type>)>,
    work: u32,
    depth: u32,
}

impl Unifier {
    /// A type to be found.
    pub(crate) fn fresh(&mut self) -> Type {
        let number = u32::try_from(self.bindings.len()).unwrap_or(u32::MAX);
        self.bindings.push(None);
        Type::Variable(number)
    }

    /// Whether the types were more than can be looked at.
    pub(crate) fn exhausted(&self) -> bool {
        self.work > WORK_MAX
    }

    /// Counts the parts of a type. A type that nests too deeply uses up the budget.
    pub(crate) fn measure(&mut self, ty: &Type) {
        self.deeper((), |this| parts(ty).into_iter().flatten().for_each(|part| this.measure(part)));
    }

    /// Goes one part deeper, unless the budget is used up.
    fn deeper<T>(&mut self, otherwise: T, look: impl FnOnce(&mut Self) -> T) -> T {
        self.work = self.work.saturating_add(if self.depth >= DEPTH_MAX { WORK_MAX } else { 1 });
        if self.exhausted() {
            return otherwise;
        }
        self.depth += 1;
        let result = look(self);
        self.depth -= 1;
        result
    }

    /// Whether a value of `from` can be where `to` is asked for, both ways round as cel-go has it. If so, unknown types are
    /// bound.
    pub(crate) fn assignable(&mut self, to: &Type, from: &Type) -> bool {
        let mark = self.trail.len();
        let agree = self.agree(to, from);
        self.finish(mark, agree)
    }

    /// The same for each pair of two lists.
    pub(crate) fn all_assignable(&mut self, to: &[Type], from: &[Type]) -> bool {
        let mark = self.trail.len();
        let agree = to.len() == from.len() && to.iter().zip(from).all(|(to, from)| self.agree(to, from));
        self.finish(mark, agree)
    }

    fn finish(&mut self, mark: usize, agree: bool) -> bool {
        if !agree {
            while self.trail.len() > mark {
                if let Some((number, former)) = self.trail.pop() {
                    self.bindings[number as usize] = former;
                }
            }
        }
        self.trail.clear();
        agree
    }

    fn bind(&mut self, number: u32, ty: Type) {
        let former = self.bindings[number as usize].replace(ty);
        self.trail.push((number, former));
    }

    fn agree(&mut self, one: &Type, other: &Type) -> bool {
        self.deeper(true, |this| this.agree_parts(one, other))
    }

    fn agree_parts(&mut self, one: &Type, other: &Type) -> bool {
        if let Type::Variable(number) = other {
            let (valid, bound) = self.substitutes(one, *number);
            if valid || bound {
                return valid;
            }
        }
        if let Type::Variable(number) = one {
            return self.substitutes(other, *number).0;
        }
        match (one, other) {
            (Type::Dyn | Type::Error, _) | (_, Type::Dyn | Type::Error) => true,
            (Type::Null, ty) | (ty, Type::Null) => matches!(
                ty,
                Type::Null | Type::Optional(_) | Type::Object(_) | Type::Opaque(_) | Type::Duration | Type::Timestamp
            ),
            (Type::Type(_), Type::Type(_)) => true,
            (Type::List(one), Type::List(other)) | (Type::Optional(one), Type::Optional(other)) => {
                self.agree(one, other)
            }
            (Type::Map(key, value), Type::Map(other_key, other_value)) => {
                self.agree(key, other_key) && self.agree(value, other_value)
            }
            _ => one == other,
        }
    }

    /// Whether `ty` can be what the unknown type stands for, and whether that had been bound before.
    fn substitutes(&mut self, ty: &Type, number: u32) -> (bool, bool) {
        if matches!(ty, Type::Variable(same) if *same == number) {
            return (true, true);
        }
        if let Some(bound) = self.bindings[number as usize].clone() {
            if self.exact(ty, &bound) {
                return (true, true);
            }
            if self.agree(ty, &bound) {
                let general = self.most_general(ty, &bound);
                if !self.occurs(number, &general) {
                    self.bind(number, general);
                }
                return (true, true);
            }
            return (false, true);
        }
        if self.occurs(number, ty) {
            return (false, false);
        }
        self.bind(number, ty.clone());
        (true, false)
    }

    /// Whether the types are the same.
    pub(crate) fn exact(&mut self, one: &Type, other: &Type) -> bool {
        self.deeper(true, |this| this.exact_parts(one, other))
    }

    fn exact_parts(&mut self, one: &Type, other: &Type) -> bool {
        match (one, other) {
            (Type::List(one), Type::List(other))
            | (Type::Optional(one), Type::Optional(other))
            | (Type::Type(one), Type::Type(other)) => self.exact(one, other),
            (Type::Map(key, value), Type::Map(other_key, other_value)) => {
                self.exact(key, other_key) && self.exact(value, other_value)
            }
            (Type::List(_) | Type::Optional(_) | Type::Type(_) | Type::Map(..), _) => false,
            _ => one == other,
        }
    }

    /// The one of two types that agree that says less.
    pub(crate) fn most_general(&mut self, one: &Type, other: &Type) -> Type {
        if self.less_specific(one, other) { one.clone() } else { other.clone() }
    }

    fn less_specific(&mut self, one: &Type, other: &Type) -> bool {
        self.deeper(true, |this| this.less_specific_parts(one, other))
    }

    fn less_specific_parts(&mut self, one: &Type, other: &Type) -> bool {
        match (one, other) {
            (Type::Dyn | Type::Variable(_), _) => true,
            (_, Type::Dyn | Type::Variable(_)) => false,
            (Type::Type(_), Type::Type(_)) => true,
            (Type::List(one), Type::List(other)) | (Type::Optional(one), Type::Optional(other)) => {
                self.less_specific(one, other)
            }
            (Type::Map(key, value), Type::Map(other_key, other_value)) => {
                self.less_specific(key, other_key) && self.less_specific(value, other_value)
            }
            _ => self.exact(one, other),
        }
    }

    /// Whether an unknown type occurs in `ty`, or is it.
    fn occurs(&mut self, number: u32, ty: &Type) -> bool {
        self.deeper(false, |this| this.occurs_parts(number, ty))
    }

    fn occurs_parts(&mut self, number: u32, ty: &Type) -> bool {
        if let Type::Variable(inner) = ty {
            if *inner == number {
                return true;
            }
            let bound = self.bindings[*inner as usize].clone();
            return bound.is_some_and(|bound| self.occurs(number, &bound));
        }
        parts(ty).into_iter().flatten().any(|part| self.occurs(number, part))
    }

    /// `ty` with what is known put in, and with `dyn` for what is not if `finally`.
    pub(crate) fn substitute(&mut self, ty: &Type, finally: bool) -> Type {
        self.deeper(Type::Dyn, |this| this.substitute_parts(ty, finally))
    }

    fn substitute_parts(&mut self, ty: &Type, finally: bool) -> Type {
        match ty {
            Type::Variable(number) => match self.bindings[*number as usize].clone() {
                Some(bound) => self.substitute(&bound, finally),
                None if finally => Type::Dyn,
                None => ty.clone(),
            },
            Type::Parameter(_) if finally => Type::Dyn,
            Type::List(inner) => Type::List(Arc::new(self.substitute(inner, finally))),
            Type::Optional(inner) => Type::Optional(Arc::new(self.substitute(inner, finally))),
            Type::Type(inner) => Type::Type(Arc::new(self.substitute(inner, finally))),
            Type::Map(key, value) => {
                Type::Map(Arc::new(self.substitute(key, finally)), Arc::new(self.substitute(value, finally)))
            }
            _ => ty.clone(),
        }
    }

    /// `ty` of a declaration with `fresh` types for its `parameters`.
    pub(crate) fn instantiate(ty: &Type, parameters: &[&str], fresh: &[Type]) -> Type {
        let inner = |ty: &Type| Arc::new(Self::instantiate(ty, parameters, fresh));
        match ty {
            Type::Parameter(name) => {
                let known = parameters.iter().position(|parameter| parameter == name);
                known.and_then(|at| fresh.get(at)).cloned().unwrap_or(Type::Dyn)
            }
            Type::List(element) => Type::List(inner(element)),
            Type::Optional(element) => Type::Optional(inner(element)),
            Type::Type(element) => Type::Type(inner(element)),
            Type::Map(key, value) => Type::Map(inner(key), inner(value)),
            _ => ty.clone(),
        }
    }
}

fn parts(ty: &Type) -> [Option<&Type>; 2] {
    match ty {
        Type::List(inner) | Type::Optional(inner) | Type::Type(inner) => [Some(inner), None],
        Type::Map(key, value) => [Some(key), Some(value)],
        _ => [None, None],
    }
}

/// How many parts of types are looked at in one expression: a hundred times what long expressions need.
const WORK_MAX: u32 = 1_000_000;
/// How deeply types nest at most.
const DEPTH_MAX: u32 = 400;
