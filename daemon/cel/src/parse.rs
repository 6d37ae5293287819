//! Text to tree: the grammar of the CEL specification with optional syntax, and macros expanded as cel-go expands them.
//!
//! Errors are found, worded and located as cel-go's generated parser does, because the API server shows them to users and
//! people search for them. So the rules below mirror the grammar rule by rule, and [`recover`] mirrors the strategy that
//! the generated parser follows after an error.

mod escape;
mod lexer;
mod r#macro;
mod number;
mod primary;
mod recover;
mod token;

use crate::ast::{Call, Expr, Literal, Node, Select};
use crate::problem::Problem;

use recover::{Abort, Nesting, Parser};
use token::{FIRST, Kind, Set};

/// An expression and what is needed to speak about it.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// The tree.
    pub(crate) root: Expr,
    /// All node numbers are less.
    pub(crate) nodes: u32,
}

/// Parses `source`, of at most 100,000 code points.
///
/// # Errors
///
/// All that is wrong with the text, unordered.
pub(crate) fn parse(source: &str) -> Result<Parsed, Vec<Problem>> {
    let size = source.chars().count();
    if size > CODE_POINTS_MAX {
        return Err(vec![Problem::nowhere(format!(
            "expression code point size exceeds limit: size: {size}, limit {CODE_POINTS_MAX}"
        ))]);
    }
    let mut parser = Parser::new(source);
    let parsed = parser.start();
    match parsed {
        Ok(root) if parser.syntax.is_empty() && parser.meaning.is_empty() => Ok(Parsed { root, nodes: parser.nodes }),
        Ok(_) => Err(parser.into_problems()),
        Err(abort) => {
            parser.forget_ahead();
            if let Some(message) = abort.message() {
                parser.syntax.push(Problem::nowhere(message));
            }
            Err(parser.into_problems())
        }
    }
}

/// A tree under construction, and how many operators, selections and calls nest in it: what cel-go counts against its limit.
pub(crate) struct Built {
    pub(crate) expr: Expr,
    pub(crate) depth: u16,
}

/// The result of a rule: a tree, or the end of parsing.
type Rule = Result<Built, Abort>;

impl Parser<'_> {
    fn start(&mut self) -> Result<Expr, Abort> {
        let built = self.within(Set::of(Kind::Eof), Self::expr)?;
        self.expect(35, Kind::Eof, Set::END)?;
        Ok(built.expr)
    }

    /// `expr : conditionalOr ('?' conditionalOr ':' expr)?`
    pub(crate) fn expr(&mut self) -> Rule {
        self.enter(Nesting::Expr)?;
        let result = self.conditional();
        self.leave(Nesting::Expr);
        result
    }

    fn conditional(&mut self) -> Rule {
        let condition = self.within(Set::of(Kind::Question).or_end(), |p| p.logical(Logical::OR))?;
        if self.kind() != Kind::Question {
            return Ok(condition);
        }
        let at = self.advance().start;
        let yes = self.within(Set::of(Kind::Colon), |p| p.logical(Logical::OR))?;
        if !self.expect(40, Kind::Colon, FIRST)? {
            return Ok(self.broken(at));
        }
        let no = self.within(Set::END, Self::expr)?;
        let depth = condition.depth.max(yes.depth).max(no.depth);
        let args = vec![condition.expr, yes.expr, no.expr];
        let expr = self.call(at, "_?_:_", None, args)?;
        self.deeper(expr, depth)
    }

    /// `conditionalOr : conditionalAnd ('||' conditionalAnd)*` and `conditionalAnd : relation ('&&' relation)*`. A chain
    /// becomes a balanced tree.
    fn logical(&mut self, level: Logical) -> Rule {
        let follow = Set::of(level.operator).or_end();
        let first = self.within(follow, |p| p.logical_term(level))?;
        if self.kind() != level.operator {
            return Ok(first);
        }
        let mut depth = first.depth;
        let mut terms = vec![first.expr];
        let mut operators = Vec::new();
        while self.kind() == level.operator {
            operators.push(self.advance().start);
            let term = self.within(follow, |p| p.logical_term(level))?;
            depth = depth.max(term.depth);
            terms.push(term.expr);
        }
        let expr = self.balanced(level.function, terms, &operators)?;
        Ok(Built { expr, depth })
    }

    fn logical_term(&mut self, level: Logical) -> Rule {
        if level.operator == Kind::Or { self.logical(Logical::AND) } else { self.relation(0) }
    }

    fn balanced(&mut self, function: &str, mut terms: Vec<Expr>, operators: &[u32]) -> Result<Expr, Abort> {
        if operators.is_empty() {
            return Ok(terms.swap_remove(0));
        }
        let middle = operators.len() / 2;
        let right = terms.split_off(middle + 1);
        let left = self.balanced(function, terms, &operators[..middle])?;
        let right = self.balanced(function, right, &operators[middle + 1..])?;
        self.call(operators[middle], function, None, vec![left, right])
    }

    /// `relation : calc | relation op relation`, to the left.
    fn relation(&mut self, precedence: u8) -> Rule {
        let follow = Set::RELATION.or_end();
        let mut left = self.within(follow, |p| p.calc(0))?;
        while precedence <= 1
            && let Some(function) = self.kind().relation()
        {
            let at = self.advance().start;
            let right = self.within(follow, |p| p.relation(2))?;
            left = self.binary(at, function, left, right)?;
        }
        Ok(left)
    }

    /// `calc : unary | calc op=('*'|'/'|'%') calc | calc op=('+'|'-') calc`, to the left.
    fn calc(&mut self, precedence: u8) -> Rule {
        self.enter(Nesting::Calc)?;
        let result = self.calcs(precedence);
        self.leave(Nesting::Calc);
        result
    }

    fn calcs(&mut self, precedence: u8) -> Rule {
        let follow = Set::CALC.or_end();
        let mut left = self.within(follow, Self::unary)?;
        while let Some((function, level)) = self.kind().calc()
            && precedence <= level
        {
            let at = self.advance().start;
            let right = self.within(follow, |p| p.calc(level + 1))?;
            left = self.binary(at, function, left, right)?;
        }
        Ok(left)
    }

    fn binary(&mut self, at: u32, function: &str, left: Built, right: Built) -> Rule {
        let depth = left.depth.max(right.depth);
        let expr = self.call(at, function, None, vec![left.expr, right.expr])?;
        self.deeper(expr, depth)
    }

    /// `unary : member | '!'+ member | '-'+ member`
    fn unary(&mut self) -> Rule {
        let at = self.here();
        if !self.sync(99, FIRST)? {
            return Ok(self.broken(at));
        }
        match self.kind() {
            Kind::Not => self.prefixed(Kind::Not, "!_"),
            // `-1` is a literal, `-x` and `--1` are negations.
            Kind::Minus if !matches!(self.peek(1), Kind::Int | Kind::Float) => {
                if !FIRST.without(Kind::Not).has(self.peek(1)) {
                    self.no_viable(99)?;
                    return Ok(self.broken(at));
                }
                self.prefixed(Kind::Minus, "-_")
            }
            _ => self.within(Set::END, Self::member),
        }
    }

    fn prefixed(&mut self, operator: Kind, function: &str) -> Rule {
        let at = self.advance().start;
        let state = if operator == Kind::Not { 90 } else { 96 };
        let mut count = 1_u32;
        loop {
            let more = FIRST.without(Kind::Not).and(operator);
            self.sync_loop(more)?;
            if self.kind() != operator {
                break;
            }
            if operator == Kind::Minus && !FIRST.without(Kind::Not).has(self.peek(1)) {
                self.no_viable(state)?;
                return Ok(self.broken(at));
            }
            self.advance();
            count += 1;
        }
        let member = self.within(Set::END, Self::member)?;
        if count.is_multiple_of(2) {
            return Ok(member);
        }
        let expr = self.call(at, function, None, vec![member.expr])?;
        Ok(Built { expr, depth: member.depth })
    }

    /// `member : primary | member '.' ... | member '[' ... ']'`. After an error, what there is so far.
    fn member(&mut self) -> Rule {
        let mut left = self.within(Set::MEMBER.or_end(), Self::primary)?;
        loop {
            let step = match self.kind() {
                Kind::Dot => self.dotted(left)?,
                Kind::OpenBracket => self.indexed(left)?,
                _ => return Ok(left),
            };
            match step {
                Step::On(built) => left = built,
                Step::Failed(built) => return Ok(built),
            }
        }
    }

    fn dotted(&mut self, left: Built) -> Result<Step, Abort> {
        match (self.peek(1), self.peek(2)) {
            (Kind::Identifier, Kind::OpenParenthesis) => self.member_call(left),
            (Kind::Identifier | Kind::EscapedIdentifier | Kind::Question, _) => self.selected(left),
            _ => {
                self.no_viable(126)?;
                Ok(Step::Failed(left))
            }
        }
    }

    fn selected(&mut self, left: Built) -> Result<Step, Abort> {
        let at = self.advance().start;
        let optional = self.kind() == Kind::Question;
        if optional {
            self.advance();
        }
        let name_at = self.here();
        let Some(field) = self.within(Set::MEMBER.or_end(), Self::field_name)? else {
            return Ok(Step::On(self.problem(name_at, "unsupported ident kind")));
        };
        let select = Select { operand: left.expr, field, test_only: false, optional };
        let expr = self.node(at, Node::Select(Box::new(select)))?;
        Ok(Step::On(self.deeper(expr, left.depth)?))
    }

    fn member_call(&mut self, left: Built) -> Result<Step, Abort> {
        self.advance();
        let name = self.advance();
        let at = self.advance().start;
        let args = self.arguments((115, 117), Set::MEMBER.or_end())?;
        let depth = args.depth.max(left.depth);
        let expr = self.call_or_macro(at, self.text(name), Some(left.expr), args.list)?;
        let built = self.deeper(expr, depth)?;
        Ok(if args.closed { Step::On(built) } else { Step::Failed(built) })
    }

    fn indexed(&mut self, left: Built) -> Result<Step, Abort> {
        let at = self.advance().start;
        if !self.sync(121, FIRST.and(Kind::Question))? {
            return Ok(Step::Failed(left));
        }
        let function = if self.kind() == Kind::Question {
            self.advance();
            "_[?_]"
        } else {
            "_[_]"
        };
        let index = self.within(Set::of(Kind::CloseBracket), Self::expr)?;
        let closed = self.expect(124, Kind::CloseBracket, Set::MEMBER.or_end())?;
        let depth = left.depth.max(index.depth);
        let expr = self.call(at, function, None, vec![left.expr, index.expr])?;
        let built = self.deeper(expr, depth)?;
        Ok(if closed { Step::On(built) } else { Step::Failed(built) })
    }

    /// `exprList? ')'`
    pub(crate) fn arguments(&mut self, (first, last): (u8, u8), after: Set) -> Result<Arguments, Abort> {
        let mut args = Arguments { list: Vec::new(), depth: 0, closed: false };
        if !self.sync(first, FIRST.and(Kind::CloseParenthesis))? {
            return Ok(args);
        }
        if FIRST.has(self.kind()) {
            self.within(Set::of(Kind::CloseParenthesis), |p| {
                loop {
                    let arg = p.within(Set::of(Kind::Comma).or_end(), Self::expr)?;
                    args.depth = args.depth.max(arg.depth);
                    args.list.push(arg.expr);
                    if p.kind() != Kind::Comma {
                        return Ok(());
                    }
                    p.advance();
                }
            })?;
        }
        args.closed = self.expect(last, Kind::CloseParenthesis, after)?;
        Ok(args)
    }

    pub(crate) fn call_or_macro(
        &mut self,
        at: u32,
        function: &str,
        target: Option<Expr>,
        args: Vec<Expr>,
    ) -> Result<Expr, Abort> {
        r#macro::expand(self, at, function, target, args)
    }

    pub(crate) fn call(
        &mut self,
        at: u32,
        function: &str,
        target: Option<Expr>,
        args: Vec<Expr>,
    ) -> Result<Expr, Abort> {
        self.node(at, Node::Call(Box::new(Call { function: function.into(), target, args })))
    }

    /// Gives a node its number. Copies in macros multiply nodes, so their number has a limit of its own.
    pub(crate) fn node(&mut self, at: u32, node: Node) -> Result<Expr, Abort> {
        let id = self.nodes;
        if id >= NODES_MAX {
            return Err(Abort::Nodes);
        }
        self.nodes += 1;
        Ok(Expr { id, at, node })
    }

    /// Counts one more level of nesting.
    pub(crate) fn deeper(&mut self, expr: Expr, depth: u16) -> Rule {
        if depth >= DEPTH_MAX {
            return Err(Abort::Depth);
        }
        Ok(Built { expr, depth: depth + 1 })
    }

    /// What stands in the tree where the text is in error. Only texts with errors have it.
    pub(crate) fn broken(&self, at: u32) -> Built {
        Built { expr: Expr { id: 0, at, node: Node::Literal(Literal::Null) }, depth: 0 }
    }
}

/// What a step along `a.b[c].d()` led to.
enum Step {
    On(Built),
    /// After an error that ends the rule.
    Failed(Built),
}

/// The arguments of a call.
pub(crate) struct Arguments {
    pub(crate) list: Vec<Expr>,
    pub(crate) depth: u16,
    /// Their parenthesis was closed.
    pub(crate) closed: bool,
}

/// One of the two levels of logical operators.
#[derive(Clone, Copy)]
struct Logical {
    operator: Kind,
    function: &'static str,
}

impl Logical {
    const OR: Self = Self { operator: Kind::Or, function: "_||_" };
    const AND: Self = Self { operator: Kind::And, function: "_&&_" };
}

/// How many rules of one kind, or operators, nest at most.
pub(crate) const DEPTH_MAX: u16 = 250;
/// How long an expression is at most, in code points.
const CODE_POINTS_MAX: usize = 100_000;
/// How many nodes a tree has at most: more than any text of the greatest length has without `optMap`, which doubles its
/// target.
const NODES_MAX: u32 = 200_000;

#[cfg(test)]
mod errors_test;
#[cfg(test)]
mod parse_test;
