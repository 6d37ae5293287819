//! Macros: calls that become other expressions before types are checked.
//!
//! The expansions are cel-go's, node for node, because costs are counted on them: parser/macro.go, cel/library.go
//! (`optMap`, `optFlatMap`), ext/comprehensions.go (two variables) and ext/lists.go (`sortBy`).

use super::recover::{Abort, Parser};
use crate::ast::{Comprehension, Element, Expr, Literal, Node, Select};

/// A macro with its name and number of arguments, as it is looked up.
enum Macro {
    Has,
    Quantifier(Quantifier),
    Map,
    Filter,
    TransformMap { entry: bool },
    OptionalMap { flat: bool },
    SortBy,
}

/// The macros that ask whether elements meet a condition.
#[derive(Clone, Copy)]
enum Quantifier {
    All,
    Exists,
    ExistsOne,
}

/// What is wrong with the arguments, and where.
struct Refused {
    at: u32,
    message: String,
}

/// Why there is no expansion.
enum Stop {
    Refused(Refused),
    Abort(Abort),
}

impl From<Abort> for Stop {
    fn from(abort: Abort) -> Self {
        Self::Abort(abort)
    }
}

type Expanded = Result<Expr, Stop>;

/// The call of `function`, or what it becomes if it is a macro. `at` is where its parenthesis opens: messages about the
/// expansion point there.
pub(crate) fn expand(
    parser: &mut Parser<'_>,
    at: u32,
    function: &str,
    target: Option<Expr>,
    mut args: Vec<Expr>,
) -> Result<Expr, Abort> {
    let Some((kind, two)) = find(function, args.len(), target.is_some()) else {
        return parser.call(at, function, target, args);
    };
    let mut maker = Maker { parser, at };
    let expanded = match (kind, target) {
        (Macro::Has, _) => maker.has(args.swap_remove(0)),
        (_, None) => return maker.parser.call(at, function, None, args),
        (Macro::OptionalMap { flat }, Some(target)) => maker.optional_map(target, args, flat),
        (Macro::SortBy, Some(target)) => maker.sort_by(target, args),
        (kind, Some(target)) => maker.fold(&kind, two, target, args),
    };
    match expanded {
        Ok(expr) => Ok(expr),
        Err(Stop::Abort(abort)) => Err(abort),
        Err(Stop::Refused(refused)) => Ok(parser.problem(refused.at, refused.message).expr),
    }
}

/// The macro of a name and number of arguments, and whether it has two variables.
fn find(function: &str, count: usize, member: bool) -> Option<(Macro, bool)> {
    if !member {
        return (function == "has" && count == 1).then_some((Macro::Has, false));
    }
    let one = |kind| Some((kind, false));
    let two = |kind| Some((kind, true));
    match (function, count) {
        ("all", 2) => one(Macro::Quantifier(Quantifier::All)),
        ("all", 3) => two(Macro::Quantifier(Quantifier::All)),
        ("exists", 2) => one(Macro::Quantifier(Quantifier::Exists)),
        ("exists", 3) => two(Macro::Quantifier(Quantifier::Exists)),
        ("exists_one", 2) => one(Macro::Quantifier(Quantifier::ExistsOne)),
        ("exists_one" | "existsOne", 3) => two(Macro::Quantifier(Quantifier::ExistsOne)),
        ("map", 2 | 3) => one(Macro::Map),
        ("transformList", 3 | 4) => two(Macro::Map),
        ("filter", 2) => one(Macro::Filter),
        ("transformMap", 3 | 4) => two(Macro::TransformMap { entry: false }),
        ("transformMapEntry", 3 | 4) => two(Macro::TransformMap { entry: true }),
        ("optMap", 2) => one(Macro::OptionalMap { flat: false }),
        ("optFlatMap", 2) => one(Macro::OptionalMap { flat: true }),
        ("sortBy", 2) => one(Macro::SortBy),
        _ => None,
    }
}

/// The variables of a comprehension.
struct Variables {
    first: Box<str>,
    second: Option<Box<str>>,
}

/// Makes nodes of an expansion.
struct Maker<'a, 'b> {
    parser: &'a mut Parser<'b>,
    at: u32,
}

impl Maker<'_, '_> {
    fn has(&mut self, arg: Expr) -> Expanded {
        let at = arg.at;
        match arg.node {
            Node::Select(select) if !select.optional => {
                let select = Select { test_only: true, ..*select };
                self.node(Node::Select(Box::new(select)))
            }
            _ => refuse(at, "invalid argument to has() macro"),
        }
    }

    /// The macros that are one comprehension over `target`.
    fn fold(&mut self, kind: &Macro, two: bool, target: Expr, args: Vec<Expr>) -> Expanded {
        let mut args = args.into_iter();
        let variables = if two { two_variables(&mut args)? } else { one_variable(&mut args, kind)? };
        let mut rest: Vec<Expr> = args.collect();
        let Some(last) = rest.pop() else {
            return refuse(self.at, "missing argument");
        };
        let filter = rest.pop();
        match kind {
            Macro::Quantifier(quantifier) => self.quantifier(*quantifier, target, variables, last),
            Macro::Filter => {
                let element = self.node(Node::Ident(variables.first.clone()))?;
                let step = self.append(element)?;
                self.collect(target, variables, step, Some(last))
            }
            Macro::TransformMap { entry } => {
                let mut inserted = vec![self.accumulator()?];
                if !entry {
                    inserted.push(self.node(Node::Ident(variables.first.clone()))?);
                }
                inserted.push(last);
                let step = self.call("cel.@mapInsert", inserted)?;
                let init = self.node(Node::Map(Vec::new()))?;
                self.collect_into(target, variables, init, (step, filter))
            }
            _ => {
                let step = self.append(last)?;
                self.collect(target, variables, step, filter)
            }
        }
    }

    fn quantifier(&mut self, quantifier: Quantifier, target: Expr, variables: Variables, predicate: Expr) -> Expanded {
        let (init, condition, step, result) = match quantifier {
            Quantifier::All => {
                let init = self.literal(Literal::Bool(true))?;
                let so_far = self.accumulator()?;
                let condition = self.call("@not_strictly_false", vec![so_far])?;
                let so_far = self.accumulator()?;
                let step = self.call("_&&_", vec![so_far, predicate])?;
                (init, condition, step, self.accumulator()?)
            }
            Quantifier::Exists => {
                let init = self.literal(Literal::Bool(false))?;
                let so_far = self.accumulator()?;
                let not = self.call("!_", vec![so_far])?;
                let condition = self.call("@not_strictly_false", vec![not])?;
                let so_far = self.accumulator()?;
                let step = self.call("_||_", vec![so_far, predicate])?;
                (init, condition, step, self.accumulator()?)
            }
            Quantifier::ExistsOne => {
                let init = self.literal(Literal::Int(0))?;
                let condition = self.literal(Literal::Bool(true))?;
                let (so_far, one) = (self.accumulator()?, self.literal(Literal::Int(1))?);
                let more = self.call("_+_", vec![so_far, one])?;
                let same = self.accumulator()?;
                let step = self.call("_?_:_", vec![predicate, more, same])?;
                let (count, one) = (self.accumulator()?, self.literal(Literal::Int(1))?);
                (init, condition, step, self.call("_==_", vec![count, one])?)
            }
        };
        self.comprehension(Comprehension {
            range: target,
            variable: variables.first,
            second: variables.second,
            accumulator: ACCUMULATOR.into(),
            init,
            condition,
            step,
            result,
        })
    }

    /// A comprehension that collects a list.
    fn collect(&mut self, target: Expr, variables: Variables, step: Expr, filter: Option<Expr>) -> Expanded {
        let init = self.node(Node::List(Vec::new()))?;
        self.collect_into(target, variables, init, (step, filter))
    }

    fn collect_into(
        &mut self,
        target: Expr,
        variables: Variables,
        init: Expr,
        (step, filter): (Expr, Option<Expr>),
    ) -> Expanded {
        let condition = self.literal(Literal::Bool(true))?;
        let step = match filter {
            Some(filter) => {
                let same = self.accumulator()?;
                self.call("_?_:_", vec![filter, step, same])?
            }
            None => step,
        };
        let result = self.accumulator()?;
        self.comprehension(Comprehension {
            range: target,
            variable: variables.first,
            second: variables.second,
            accumulator: ACCUMULATOR.into(),
            init,
            condition,
            step,
            result,
        })
    }

    /// The result so far, and one more element.
    fn append(&mut self, element: Expr) -> Expanded {
        let list = self.node(Node::List(vec![Element { value: element, optional: false }]))?;
        let so_far = self.accumulator()?;
        self.call("_+_", vec![so_far, list])
    }

    fn optional_map(&mut self, target: Expr, args: Vec<Expr>, flat: bool) -> Expanded {
        let mut args = args.into_iter();
        let (Some(variable), Some(body)) = (args.next(), args.next()) else {
            return refuse(self.at, "missing argument");
        };
        let Node::Ident(name) = variable.node else {
            let function = if flat { "optFlatMap" } else { "optMap" };
            return refuse(variable.at, format!("{function}() variable name must be a simple identifier"));
        };
        let copy = self.parser.copy(&target)?;
        let value = self.method("value", copy, Vec::new())?;
        let mut mapped = self.bind(&name, value, body)?;
        if !flat {
            mapped = self.call("optional.of", vec![mapped])?;
        }
        let there = self.method("hasValue", target, Vec::new())?;
        let none = self.call("optional.none", Vec::new())?;
        self.call("_?_:_", vec![there, mapped, none])
    }

    fn sort_by(&mut self, target: Expr, args: Vec<Expr>) -> Expanded {
        if matches!(target.node, Node::Literal(_) | Node::Map(_) | Node::Struct(_)) {
            let message = "sortBy can only be applied to a list, identifier, comprehension, call or select expression";
            return refuse(target.at, message);
        }
        let input = self.node(Node::Ident(SORT_INPUT.into()))?;
        let keys = self.fold(&Macro::Map, false, input, args)?;
        let input = self.node(Node::Ident(SORT_INPUT.into()))?;
        let sorted = self.method("@sortByAssociatedKeys", input, vec![keys])?;
        self.bind(SORT_INPUT, target, sorted)
    }

    /// `name` stands for `value` in `body`: a comprehension over nothing.
    fn bind(&mut self, name: &str, value: Expr, body: Expr) -> Expanded {
        let range = self.node(Node::List(Vec::new()))?;
        let condition = self.literal(Literal::Bool(false))?;
        let step = self.node(Node::Ident(name.into()))?;
        self.comprehension(Comprehension {
            range,
            variable: UNUSED.into(),
            second: None,
            accumulator: name.into(),
            init: value,
            condition,
            step,
            result: body,
        })
    }

    fn comprehension(&mut self, comprehension: Comprehension) -> Expanded {
        self.node(Node::Comprehension(Box::new(comprehension)))
    }

    fn accumulator(&mut self) -> Expanded {
        self.node(Node::Ident(ACCUMULATOR.into()))
    }

    fn literal(&mut self, value: Literal) -> Expanded {
        self.node(Node::Literal(value))
    }

    fn call(&mut self, function: &str, args: Vec<Expr>) -> Expanded {
        Ok(self.parser.call(self.at, function, None, args)?)
    }

    fn method(&mut self, function: &str, target: Expr, args: Vec<Expr>) -> Expanded {
        Ok(self.parser.call(self.at, function, Some(target), args)?)
    }

    fn node(&mut self, node: Node) -> Expanded {
        Ok(self.parser.node(self.at, node)?)
    }
}

fn refuse<T>(at: u32, message: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Refused(Refused { at, message: message.into() }))
}

fn one_variable(args: &mut impl Iterator<Item = Expr>, kind: &Macro) -> Result<Variables, Stop> {
    let message = match kind {
        Macro::Quantifier(_) => "argument must be a simple name",
        _ => "argument is not an identifier",
    };
    let (first, at) = name(args.next(), message)?;
    if is_accumulator(&first) {
        return refuse(at, OVERWRITES);
    }
    Ok(Variables { first, second: None })
}

fn two_variables(args: &mut impl Iterator<Item = Expr>) -> Result<Variables, Stop> {
    let message = "argument must be a simple name";
    let (first, first_at) = name(args.next(), message)?;
    let (second, second_at) = name(args.next(), message)?;
    if first == second {
        return refuse(second_at, format!("duplicate variable name: {first}"));
    }
    if is_accumulator(&first) {
        return refuse(first_at, OVERWRITES);
    }
    if is_accumulator(&second) {
        return refuse(second_at, OVERWRITES);
    }
    Ok(Variables { first, second: Some(second) })
}

fn name(arg: Option<Expr>, message: &str) -> Result<(Box<str>, u32), Stop> {
    match arg {
        Some(Expr { node: Node::Ident(name), at, .. }) => Ok((name, at)),
        other => refuse(other.map_or(0, |expr| expr.at), message),
    }
}

fn is_accumulator(name: &str) -> bool {
    name == ACCUMULATOR || name == "__result__"
}

/// The variable that holds the result so far.
pub(crate) const ACCUMULATOR: &str = "@result";
/// The variable of a comprehension over nothing.
pub(crate) const UNUSED: &str = "#unused";
/// The variable that holds the list to sort.
const SORT_INPUT: &str = "@__sortBy_input__";
const OVERWRITES: &str = "iteration variable overwrites accumulator variable";
