//! What operators work on: names, calls, literals, and everything in brackets.

use super::escape::unescape;
use super::recover::{Abort, Parser};
use super::token::{FIRST, Kind, Set};
use super::{Built, Rule};
use crate::ast::{Element, Entry, Expr, FieldValue, Literal, Node, Struct};

/// The bodies of a list, map or object: their parts and how deeply they nest. None after an error that ends the rule.
type Body<T> = Result<Option<(Vec<T>, u16)>, Abort>;

impl Parser<'_> {
    pub(crate) fn primary(&mut self) -> Rule {
        let at = self.here();
        if !self.sync(184, FIRST.without(Kind::Not))? {
            return Ok(self.broken(at));
        }
        match self.kind() {
            Kind::OpenParenthesis => {
                self.advance();
                let inner = self.within(Set::of(Kind::CloseParenthesis), Self::expr)?;
                self.expect(146, Kind::CloseParenthesis, Set::END)?;
                Ok(inner)
            }
            Kind::OpenBracket => self.list(),
            Kind::OpenBrace => self.map(),
            Kind::Dot | Kind::Identifier => self.named(),
            _ => self.within(Set::END, Self::literal),
        }
    }

    /// A name, a call of a function, or an object literal.
    fn named(&mut self) -> Rule {
        let dot = usize::from(self.kind() == Kind::Dot);
        if self.peek(dot) != Kind::Identifier {
            let at = self.here();
            self.no_viable(184)?;
            return Ok(self.broken(at));
        }
        if self.peek(dot + 1) == Kind::OpenParenthesis {
            return self.global_call(dot == 1);
        }
        let mut end = dot + 1;
        while self.peek(end) == Kind::Dot && self.peek(end + 1) == Kind::Identifier {
            end += 2;
        }
        if self.peek(end) == Kind::OpenBrace {
            return self.object(end);
        }
        let at = self.here();
        if dot == 1 {
            self.advance();
        }
        let token = self.advance();
        let name = self.text(token);
        if RESERVED.contains(&name) {
            return Ok(self.problem(at, format!("reserved identifier: {name}")));
        }
        let name = if dot == 1 { format!(".{name}").into() } else { name.into() };
        Ok(Built { expr: self.node(token.start, Node::Ident(name))?, depth: 0 })
    }

    fn global_call(&mut self, dot: bool) -> Rule {
        let at = self.here();
        if dot {
            self.advance();
        }
        let token = self.advance();
        let open = self.advance().start;
        let args = self.arguments((141, 143), Set::END)?;
        let name = self.text(token);
        if RESERVED.contains(&name) {
            return Ok(self.problem(at, format!("reserved identifier: {name}")));
        }
        let qualified;
        let function = if dot {
            qualified = format!(".{name}");
            &qualified
        } else {
            name
        };
        Ok(Built { expr: self.call_or_macro(open, function, None, args.list)?, depth: args.depth })
    }

    fn list(&mut self) -> Rule {
        let at = self.advance().start;
        let begin = FIRST.and(Kind::Question);
        let close = Set::of(Kind::CloseBracket);
        if !self.sync(150, begin.and(Kind::Comma).union(close))? {
            return Ok(self.broken(at));
        }
        let (mut elements, mut depth) = (Vec::new(), 0);
        if begin.has(self.kind()) {
            self.within(close.and(Kind::Comma), |p| {
                loop {
                    let (optional, value) = p.within(Set::of(Kind::Comma).or_end(), Self::optional_expr)?;
                    depth = depth.max(value.depth);
                    elements.push(Element { value: value.expr, optional });
                    if !(p.kind() == Kind::Comma && begin.has(p.peek(1))) {
                        return Ok(());
                    }
                    p.advance();
                }
            })?;
        }
        if !self.close((153, 155), Kind::CloseBracket)? {
            return Ok(self.broken(at));
        }
        Ok(Built { expr: self.node(at, Node::List(elements))?, depth })
    }

    fn map(&mut self) -> Rule {
        let at = self.advance().start;
        let begin = FIRST.and(Kind::Question);
        let close = Set::of(Kind::CloseBrace).and(Kind::Comma);
        if !self.sync(158, begin.union(close))? {
            return Ok(self.broken(at));
        }
        let body = if begin.has(self.kind()) { self.within(close, Self::entries)? } else { Some((Vec::new(), 0)) };
        if !self.close((161, 163), Kind::CloseBrace)? {
            return Ok(self.broken(at));
        }
        let Some((entries, depth)) = body else {
            return Ok(self.broken(at));
        };
        Ok(Built { expr: self.node(at, Node::Map(entries))?, depth })
    }

    fn entries(&mut self) -> Body<Entry> {
        let (mut entries, mut depth) = (Vec::new(), 0);
        loop {
            let (optional, key) = self.within(Set::of(Kind::Colon), Self::optional_expr)?;
            if !self.expect(COLON, Kind::Colon, FIRST)? {
                return Ok(None);
            }
            let value = self.within(Set::of(Kind::Comma).or_end(), Self::expr)?;
            depth = depth.max(key.depth).max(value.depth);
            entries.push(Entry { key: key.expr, value: value.expr, optional });
            if !(self.kind() == Kind::Comma && FIRST.and(Kind::Question).has(self.peek(1))) {
                return Ok(Some((entries, depth)));
            }
            self.advance();
        }
    }

    /// An object literal, whose brace comes after `name` tokens.
    fn object(&mut self, name: usize) -> Rule {
        let first = self.advance();
        let mut type_name = self.text(first).to_owned();
        for _ in 1..name {
            let part = self.advance();
            type_name.push_str(self.text(part));
        }
        let at = self.advance().start;
        let close = Set::of(Kind::CloseBrace).and(Kind::Comma);
        if !self.sync(177, FIELD.union(close))? {
            return Ok(self.broken(at));
        }
        let body = if FIELD.has(self.kind()) { self.within(close, Self::fields)? } else { Some((Vec::new(), 0)) };
        if !self.close((180, 182), Kind::CloseBrace)? {
            return Ok(self.broken(at));
        }
        let Some((fields, depth)) = body else {
            return Ok(self.broken(at));
        };
        let object = Struct { type_name: type_name.into(), fields };
        Ok(Built { expr: self.node(at, Node::Struct(Box::new(object)))?, depth })
    }

    fn fields(&mut self) -> Body<FieldValue> {
        let (mut fields, mut depth) = (Vec::new(), 0);
        loop {
            let (optional, name) = self.within(Set::of(Kind::Colon), Self::optional_field)?;
            let at = self.here();
            if !self.expect(FIELD_COLON, Kind::Colon, FIRST)? {
                return Ok(None);
            }
            let value = self.within(Set::of(Kind::Comma).or_end(), Self::expr)?;
            depth = depth.max(value.depth);
            // The entry has a number of its own, as any node.
            let id = self.node(at, Node::List(Vec::new()))?.id;
            fields.push(FieldValue { id, at, name: name.unwrap_or_default(), value: value.expr, optional });
            if !(self.kind() == Kind::Comma && FIELD.has(self.peek(1))) {
                return Ok(Some((fields, depth)));
            }
            self.advance();
        }
    }

    /// `','? close`
    fn close(&mut self, (comma, state): (u8, u8), close: Kind) -> Result<bool, Abort> {
        if !self.sync(comma, Set::of(Kind::Comma).and(close))? {
            return Ok(false);
        }
        if self.kind() == Kind::Comma {
            self.advance();
        }
        self.expect(state, close, Set::END)
    }

    /// `'?'? expr`
    fn optional_expr(&mut self) -> Result<(bool, Built), Abort> {
        let at = self.here();
        if !self.sync(OPTIONAL_EXPR, FIRST.and(Kind::Question))? {
            return Ok((false, self.broken(at)));
        }
        let optional = self.kind() == Kind::Question;
        if optional {
            self.advance();
        }
        Ok((optional, self.within(Set::END, Self::expr)?))
    }

    /// `'?'? escapeIdent`
    fn optional_field(&mut self) -> Result<(bool, Option<Box<str>>), Abort> {
        if !self.sync(OPTIONAL_FIELD, FIELD)? {
            return Ok((false, None));
        }
        let optional = self.kind() == Kind::Question;
        if optional {
            self.advance();
        }
        Ok((optional, self.within(Set::END, Self::field_name)?))
    }

    /// `IDENTIFIER | ESC_IDENTIFIER`. Kubernetes does not switch on the second, so it is refused as the API server does.
    pub(crate) fn field_name(&mut self) -> Result<Option<Box<str>>, Abort> {
        if !self.sync(FIELD_NAME, Set::of(Kind::Identifier).and(Kind::EscapedIdentifier))? {
            return Ok(None);
        }
        match self.kind() {
            Kind::Identifier => {
                let token = self.advance();
                Ok(Some(self.text(token).into()))
            }
            Kind::EscapedIdentifier => {
                let at = self.advance().start;
                self.problem(at, "unsupported syntax: '`'");
                Ok(Some(Box::default()))
            }
            _ => {
                self.no_viable(FIELD_NAME)?;
                Ok(None)
            }
        }
    }

    fn literal(&mut self) -> Rule {
        let at = self.here();
        let negative = self.kind() == Kind::Minus;
        if negative {
            if !matches!(self.peek(1), Kind::Int | Kind::Float) {
                self.no_viable(LITERAL)?;
                return Ok(self.broken(at));
            }
            self.advance();
        }
        let token = self.token(0);
        if !LITERALS.has(token.kind) {
            self.no_viable(LITERAL)?;
            return Ok(self.broken(at));
        }
        self.advance();
        let text = self.text(token);
        let value = match token.kind {
            Kind::Int => int(text, negative).map(Literal::Int).ok_or("invalid int literal"),
            Kind::Uint => uint(text).map(Literal::Uint).ok_or("invalid uint literal"),
            Kind::Float => {
                let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
                value
                    .map(|value| Literal::Double(if negative { -value } else { value }))
                    .ok_or("invalid double literal")
            }
            Kind::String => unescape(text, false)
                .and_then(|bytes| String::from_utf8(bytes).map_err(|_not_text| "invalid unicode code point"))
                .map(|value| Literal::String(value.into())),
            Kind::Bytes => unescape(&text[1..], true).map(|value| Literal::Bytes(value.into())),
            Kind::True => Ok(Literal::Bool(true)),
            Kind::False => Ok(Literal::Bool(false)),
            _ => Ok(Literal::Null),
        };
        match value {
            Ok(value) => Ok(Built { expr: self.node(at, Node::Literal(value))?, depth: 0 }),
            Err(message) => Ok(self.problem(at, message)),
        }
    }

    /// Deep copy of a tree under numbers of its own.
    pub(crate) fn copy(&mut self, expr: &Expr) -> Result<Expr, Abort> {
        let mut copy = expr.clone();
        self.renumber(&mut copy)?;
        Ok(copy)
    }
}

fn int(text: &str, negative: bool) -> Option<i64> {
    let (digits, base) = text.strip_prefix("0x").map_or((text, 10), |hex| (hex, 16));
    let value = i128::from(u64::from_str_radix(digits, base).ok()?);
    i64::try_from(if negative { -value } else { value }).ok()
}

fn uint(text: &str) -> Option<u64> {
    let text = &text[..text.len() - 1];
    let (digits, base) = text.strip_prefix("0x").map_or((text, 10), |hex| (hex, 16));
    u64::from_str_radix(digits, base).ok()
}

const FIELD: Set = Set::of(Kind::Question).and(Kind::Identifier).and(Kind::EscapedIdentifier);
const LITERALS: Set = Set::of(Kind::True)
    .and(Kind::False)
    .and(Kind::Null)
    .and(Kind::Float)
    .and(Kind::Int)
    .and(Kind::Uint)
    .and(Kind::String)
    .and(Kind::Bytes);

/// Numbers of places in the grammar.
const COLON: u8 = 201;
const FIELD_COLON: u8 = 202;
const OPTIONAL_EXPR: u8 = 203;
const OPTIONAL_FIELD: u8 = 204;
const FIELD_NAME: u8 = 205;
const LITERAL: u8 = 206;

/// Words that are no names of variables or functions, though of fields.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];
