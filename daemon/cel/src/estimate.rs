//! What an expression costs at least and at most, before it runs: the rules of cel-go's checker/cost.go.
//!
//! The numbers decide which rules a custom resource definition may have, so they are upstream's in every detail, also where
//! they surprise.

mod function;
mod kubernetes;
mod scope;
pub(crate) mod size;

use std::collections::HashMap;

use crate::ast::{Call, Comprehension, Element, Entry, Expr, Literal, Node, Select};
use crate::check::Checked;
use crate::environment::Environment;
use crate::ty::{Size, Type};

use scope::{Container, EntrySize, Local, Path, Scopes, Step};
use size::{CostEstimate, SizeEstimate};

/// Estimates the cost of an expression. Sizes are those of the environment's variables.
pub(crate) fn estimate(checked: &Checked, environment: &Environment) -> CostEstimate {
    Estimator {
        checked,
        environment,
        paths: HashMap::new(),
        scopes: Scopes::default(),
        sizes: HashMap::new(),
        entries: HashMap::new(),
    }
    .cost(&checked.root)
}

/// An estimate under way.
pub(crate) struct Estimator<'a> {
    checked: &'a Checked,
    environment: &'a Environment,
    /// The path from a variable to the value of a node, where there is one.
    paths: HashMap<u32, Path>,
    scopes: Scopes,
    sizes: HashMap<u32, SizeEstimate>,
    entries: HashMap<u32, EntrySize>,
}

/// What is known of an argument when a call is estimated.
pub(crate) struct Argument<'a> {
    pub(crate) expr: &'a Expr,
    pub(crate) ty: &'a Type,
    pub(crate) path: Path,
    pub(crate) size: Option<SizeEstimate>,
}

impl<'a> Estimator<'a> {
    fn cost(&mut self, expr: &'a Expr) -> CostEstimate {
        match &expr.node {
            Node::Literal(_) => CostEstimate::fixed(0),
            Node::Ident(name) => {
                let path = match self.scopes.find(name) {
                    Some(local) => local.path.clone(),
                    None => Path::root(name),
                };
                self.paths.insert(expr.id, path);
                CostEstimate::fixed(1)
            }
            Node::Select(select) => self.select(expr, select),
            Node::Call(call) => self.call(expr, call),
            Node::List(elements) => self.list(expr, elements),
            Node::Map(entries) => self.map(expr, entries),
            Node::Struct(object) => {
                let mut sum = CostEstimate::fixed(STRUCT_COST);
                for field in &object.fields {
                    sum = sum.plus(self.cost(&field.value));
                }
                sum
            }
            Node::Comprehension(fold) if is_bind(fold) => self.bind(expr, fold),
            Node::Comprehension(fold) => self.comprehension(expr, fold),
        }
    }

    fn select(&mut self, expr: &'a Expr, select: &'a Select) -> CostEstimate {
        let operand = self.cost(&select.operand);
        if select.test_only {
            return operand;
        }
        if select.optional {
            // A call with the field's name as an argument, in cel-go.
            self.remember_size(expr);
            return operand.plus(CostEstimate::fixed(1));
        }
        let path = self.path(&select.operand).then(Step::Field(select.field.clone()));
        self.paths.insert(expr.id, path);
        match self.ty(&select.operand) {
            Type::Map(..) | Type::Object(_) => operand.plus(CostEstimate::fixed(1)),
            Type::Opaque(name) if name.starts_with("kubernetes.") => operand.plus(CostEstimate::fixed(1)),
            _ => operand,
        }
    }

    fn remember_size(&mut self, expr: &'a Expr) {
        if let Some(size) = self.size(expr) {
            self.sizes.insert(expr.id, size);
        }
    }

    fn call(&mut self, expr: &'a Expr, call: &'a Call) -> CostEstimate {
        if &*call.function == "dyn"
            && let [arg] = call.args.as_slice()
        {
            let cost = self.cost(arg);
            self.copy_sizes(expr, arg);
            return cost.plus(CostEstimate::fixed(1));
        }
        let mut costs = Vec::with_capacity(call.args.len());
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            costs.push(self.cost(arg));
            args.push(self.argument(arg));
        }
        let Some(overloads) = self.checked.overloads.get(&expr.id).filter(|overloads| !overloads.is_empty()) else {
            return CostEstimate::default();
        };
        let mut sum = CostEstimate::default();
        let mut target = None;
        if let Some(receiver) = &call.target {
            sum = self.cost(receiver);
            target = Some(self.argument(receiver));
        }
        let mut cost = CostEstimate { min: u64::MAX, max: 0 };
        let mut result = None;
        for overload in overloads {
            let called =
                function::Called { expr, function: &call.function, overload, target: target.as_ref(), args: &args };
            let (call_cost, size) = self.function(&called, &costs);
            cost = cost.union(call_cost);
            result = match (result, size) {
                (Some(former), Some(size)) => Some(SizeEstimate::union(former, size)),
                (former, size) => former.or(size),
            };
            if let Some(step) = match *overload {
                "index_list" => Some(Step::Items),
                "index_map" => Some(Step::Values),
                _ => None,
            } && let [container, ..] = call.args.as_slice()
            {
                result = self.entry_size(container).map(|entry| entry.value);
                let path = self.path(container).then(step);
                self.paths.insert(expr.id, path);
            }
            if result.is_none() {
                result = self.size(expr);
            }
        }
        if let Some(size) = result {
            self.sizes.insert(expr.id, size);
        }
        sum.plus(cost)
    }

    fn list(&mut self, expr: &'a Expr, elements: &'a [Element]) -> CostEstimate {
        let mut sum = CostEstimate::fixed(LIST_COST);
        let mut value = SizeEstimate { min: if elements.is_empty() { 0 } else { u64::MAX }, max: 0 };
        for element in elements {
            sum = sum.plus(self.cost(&element.value));
            value = value.union(self.size_or_unknown(&element.value));
        }
        let entry = EntrySize { container: Container::List, key: SizeEstimate::fixed(1), value };
        self.entries.insert(expr.id, entry);
        sum
    }

    fn map(&mut self, expr: &'a Expr, entries: &'a [Entry]) -> CostEstimate {
        let mut sum = CostEstimate::fixed(MAP_COST);
        let none = SizeEstimate { min: if entries.is_empty() { 0 } else { u64::MAX }, max: 0 };
        let (mut key, mut value) = (none, none);
        for entry in entries {
            sum = sum.plus(self.cost(&entry.key)).plus(self.cost(&entry.value));
            key = key.union(self.size_or_unknown(&entry.key));
            value = value.union(self.size_or_unknown(&entry.value));
        }
        self.entries.insert(expr.id, EntrySize { container: Container::Map, key, value });
        sum
    }

    fn comprehension(&mut self, expr: &'a Expr, fold: &'a Comprehension) -> CostEstimate {
        let before = self.cost(&fold.range).plus(self.cost(&fold.init));
        self.enter(&fold.accumulator, &fold.init);
        let entry = self.entry_size(&fold.range);
        let container = entry.map_or_else(|| Container::of(self.ty(&fold.range)), |entry| entry.container);
        let path = self.path(&fold.range);
        let key = |step| Local { path: path.then(step), size: entry.map(|entry| entry.key), entry: None };
        let value = |step| Local { path: path.then(step), size: entry.map(|entry| entry.value), entry: None };
        match &fold.second {
            Some(second) => {
                self.scopes
                    .enter(&fold.variable, key(if container == Container::List { Step::Indices } else { Step::Keys }));
                self.scopes.enter(second, value(if container == Container::List { Step::Items } else { Step::Values }));
            }
            None if container == Container::List => self.scopes.enter(&fold.variable, value(Step::Items)),
            None => self.scopes.enter(&fold.variable, key(Step::Keys)),
        }
        let each = self.cost(&fold.condition);
        let each = self.cost(&fold.step).plus(each);
        if let Some(second) = &fold.second {
            self.scopes.leave(second);
        }
        self.scopes.leave(&fold.variable);
        let after = self.cost(&fold.result);
        self.scopes.leave(&fold.accumulator);
        let count = self.size_or_unknown(&fold.range);
        match &fold.init.node {
            Node::Literal(_) => {
                if let Some(size) = self.size(&fold.init) {
                    self.sizes.insert(expr.id, size);
                }
            }
            Node::List(_) | Node::Map(_) => {
                self.sizes.insert(expr.id, count);
                if let Some(entry) = self.entry_size(&fold.step) {
                    self.entries.insert(expr.id, entry);
                }
            }
            _ => {}
        }
        before.plus(after).plus(count.times_cost(each))
    }

    /// A comprehension over nothing: a name for a value.
    fn bind(&mut self, expr: &'a Expr, fold: &'a Comprehension) -> CostEstimate {
        let sum = self.cost(&fold.range).plus(self.cost(&fold.init));
        self.enter(&fold.accumulator, &fold.init);
        let sum = sum.plus(self.cost(&fold.result));
        self.scopes.leave(&fold.accumulator);
        self.copy_sizes(expr, &fold.result);
        sum
    }

    fn enter(&mut self, name: &str, value: &'a Expr) {
        let local = Local { path: self.path(value), size: self.size(value), entry: self.entry_size(value) };
        self.scopes.enter(name, local);
    }

    fn copy_sizes(&mut self, to: &'a Expr, from: &'a Expr) {
        if let Some(size) = self.size(from) {
            self.sizes.insert(to.id, size);
        }
        if let Some(entry) = self.entry_size(from) {
            self.entries.insert(to.id, entry);
        }
    }

    fn argument(&mut self, expr: &'a Expr) -> Argument<'a> {
        let mut path = self.path(expr);
        if path.is_accumulator() {
            path = Path::default();
        }
        Argument { expr, ty: self.ty(expr), path, size: self.size(expr) }
    }

    fn ty(&self, expr: &Expr) -> &'a Type {
        &self.checked.types[expr.id as usize]
    }

    fn path(&self, expr: &Expr) -> Path {
        if let Node::Ident(name) = &expr.node
            && let Some(local) = self.scopes.find(name)
        {
            return local.path.clone();
        }
        self.paths.get(&expr.id).cloned().unwrap_or_default()
    }

    pub(crate) fn size_or_unknown(&mut self, expr: &'a Expr) -> SizeEstimate {
        self.size(expr).unwrap_or(SizeEstimate::UNKNOWN)
    }

    /// The size of a node's value, where anything tells it.
    fn size(&mut self, expr: &'a Expr) -> Option<SizeEstimate> {
        if let Some(size) = self.sizes.get(&expr.id) {
            return Some(*size);
        }
        if let Some(size) = written_size(expr) {
            return Some(size);
        }
        if let Some(size) = self.declared_size(&self.path(expr)) {
            self.sizes.insert(expr.id, size);
            return Some(size);
        }
        if is_scalar(self.ty(expr)) {
            return Some(SizeEstimate::fixed(1));
        }
        match &expr.node {
            Node::Ident(name) => self.scopes.find(name).and_then(|local| local.size),
            _ => None,
        }
    }

    pub(crate) fn entry_size(&self, expr: &Expr) -> Option<EntrySize> {
        if let Some(entry) = self.entries.get(&expr.id) {
            return Some(*entry);
        }
        match &expr.node {
            Node::Ident(name) => self.scopes.find(name).and_then(|local| local.entry),
            _ => None,
        }
    }

    /// The size that the schema of a variable gives for what lies at `path`. Kubernetes takes the first step for `self`,
    /// whatever it is.
    pub(crate) fn declared_size(&self, path: &Path) -> Option<SizeEstimate> {
        let steps = path.steps();
        let root = match steps.first()? {
            Step::Field(name) => self.environment.find(name).or_else(|| self.environment.find("self"))?,
            _ => self.environment.find("self")?,
        };
        let (mut ty, mut size): (&Type, &Size) = (&root.ty, &root.size);
        if let Type::Optional(inner) = ty {
            ty = inner;
        }
        for step in &steps[1..] {
            let inside = size.inside.as_ref();
            (ty, size) = match (step, ty) {
                (Step::Items | Step::Values, Type::List(element) | Type::Map(_, element)) => {
                    (&**element, &inside?.value)
                }
                (Step::Keys, Type::Map(key, _)) => (&**key, &inside?.key),
                (Step::Field(name), Type::Object(object)) => {
                    let field = object.fields.get(name)?;
                    (&field.ty, &field.size)
                }
                _ => return None,
            };
        }
        size.max.map(|max| SizeEstimate { min: 0, max })
    }
}

/// Whether a comprehension goes over nothing, to give a value a name.
fn is_bind(fold: &Comprehension) -> bool {
    matches!(&fold.range.node, Node::List(elements) if elements.is_empty())
        && matches!(fold.condition.node, Node::Literal(Literal::Bool(false)))
        && &*fold.accumulator != "__result__"
}

/// The size of what is written out.
fn written_size(expr: &Expr) -> Option<SizeEstimate> {
    let size = match &expr.node {
        Node::Literal(Literal::String(text)) => text.chars().count(),
        Node::Literal(Literal::Bytes(bytes)) => bytes.len(),
        Node::Literal(_) => 1,
        Node::List(elements) => elements.len(),
        Node::Map(entries) => entries.len(),
        _ => return None,
    };
    Some(SizeEstimate::fixed(size as u64))
}

fn is_scalar(ty: &Type) -> bool {
    match ty {
        Type::Bool | Type::Double | Type::Duration | Type::Int | Type::Timestamp | Type::Uint => true,
        Type::Optional(inner) => is_scalar(inner),
        _ => false,
    }
}

const LIST_COST: u64 = 10;
const MAP_COST: u64 = 30;
const STRUCT_COST: u64 = 40;

#[cfg(test)]
mod costs_test;
#[cfg(test)]
mod estimate_test;
