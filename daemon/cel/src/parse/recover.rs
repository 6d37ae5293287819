//! The state of a parse, and what the parser does after an error.
//!
//! The strategy is ANTLR's default one, as the grammar's generated parser has it: one token too many is dropped, one that is
//! missing is imagined, and else tokens are skipped until one can follow. It decides which errors are told and how, so it is
//! kept to the letter. `state` is the number of a place in the grammar.

use super::lexer::{self, Lexed};
use super::token::{Kind, Set, Token};
use super::{Built, DEPTH_MAX};
use crate::problem::Problem;

/// Why parsing ends before the end of the text.
#[derive(Debug)]
pub(crate) enum Abort {
    /// Rules nest too deeply.
    Rules,
    /// Operators nest too deeply.
    Depth,
    /// The tree has too many nodes.
    Nodes,
    /// Too many tokens were skipped.
    Lookahead,
    /// Told already.
    Told,
}

impl Abort {
    /// What is told about it.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::Rules => Some(format!("expression recursion limit exceeded: {DEPTH_MAX}")),
            Self::Depth => Some("max recursion depth exceeded".into()),
            Self::Nodes => Some("expression has too many nodes after macro expansion".into()),
            Self::Lookahead => Some(format!("error recovery token lookahead limit exceeded: {SKIPPED_MAX}")),
            Self::Told => None,
        }
    }
}

/// Rules whose nesting is limited; all others nest no deeper.
#[derive(Clone, Copy)]
pub(crate) enum Nesting {
    Expr,
    Calc,
}

/// A parse under way.
pub(crate) struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    holes: Vec<(u32, u32)>,
    next: usize,
    /// Errors of the grammar.
    pub(crate) syntax: Vec<Problem>,
    /// Errors in what fits the grammar: literals, reserved words, macros.
    pub(crate) meaning: Vec<Problem>,
    /// The number of the next node.
    pub(crate) nodes: u32,
    /// For each rule under way, what can follow it where it was called.
    follow: Vec<Set>,
    nesting: [u16; 2],
    recovering: bool,
    recoveries: u32,
    failed_at: Option<usize>,
    failed_states: [u128; 2],
}

impl<'a> Parser<'a> {
    pub(crate) fn new(source: &'a str) -> Self {
        let Lexed { tokens, problems, holes } = lexer::lex(source);
        Self {
            source,
            tokens,
            holes,
            next: 0,
            syntax: problems,
            meaning: Vec::new(),
            nodes: 1,
            follow: Vec::new(),
            nesting: [0; 2],
            recovering: false,
            recoveries: 0,
            failed_at: None,
            failed_states: [0; 2],
        }
    }

    /// All that was told. After a hundred errors of the grammar cel-go tells that there are more, and no others.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.syntax;
        if problems.len() > SYNTAX_MAX {
            problems.truncate(SYNTAX_MAX + 1);
        } else {
            problems.extend(self.meaning);
        }
        problems
    }

    /// Drops what is wrong with text that was not reached: cel-go splits the text as it parses.
    pub(crate) fn forget_ahead(&mut self) {
        let here = self.here();
        self.syntax.retain(|problem| problem.at.is_none_or(|at| at <= here));
    }

    pub(crate) fn enter(&mut self, rule: Nesting) -> Result<(), Abort> {
        let depth = &mut self.nesting[rule as usize];
        *depth += 1;
        if *depth > DEPTH_MAX { Err(Abort::Rules) } else { Ok(()) }
    }

    pub(crate) fn leave(&mut self, rule: Nesting) {
        self.nesting[rule as usize] -= 1;
    }

    /// Runs a rule that `follow` can follow.
    pub(crate) fn within<T>(
        &mut self,
        follow: Set,
        rule: impl FnOnce(&mut Self) -> Result<T, Abort>,
    ) -> Result<T, Abort> {
        self.follow.push(follow);
        let result = rule(self);
        self.follow.pop();
        result
    }

    /// The kind of the next token.
    pub(crate) fn kind(&self) -> Kind {
        self.peek(0)
    }

    /// The kind of the token `ahead` tokens after the next.
    pub(crate) fn peek(&self, ahead: usize) -> Kind {
        self.token(ahead).kind
    }

    /// Where the next token begins.
    pub(crate) fn here(&self) -> u32 {
        self.token(0).start
    }

    pub(crate) fn token(&self, ahead: usize) -> Token {
        let end = self.tokens.len() - 1;
        self.tokens[(self.next + ahead).min(end)]
    }

    pub(crate) fn text(&self, token: Token) -> &'a str {
        &self.source[token.start as usize..token.end as usize]
    }

    pub(crate) fn problem(&mut self, at: u32, message: impl Into<String>) -> Built {
        self.meaning.push(Problem::at(at, message));
        self.broken(at)
    }

    /// Takes the next token, which is known to fit.
    pub(crate) fn advance(&mut self) -> Token {
        self.recovered();
        self.consume()
    }

    fn consume(&mut self) -> Token {
        let token = self.token(0);
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        token
    }

    /// Takes a token of `kind`, after which `next` can stand. False after an error that ends the rule.
    pub(crate) fn expect(&mut self, state: u8, kind: Kind, next: Set) -> Result<bool, Abort> {
        if self.kind() == kind {
            self.advance();
            return Ok(true);
        }
        self.count_recovery()?;
        let expected = Set::of(kind);
        if expected.has(self.peek(1)) {
            self.unwanted(expected);
            self.consume();
            self.advance();
            return Ok(true);
        }
        if self.resolve(next).has(self.kind()) {
            if !self.recovering {
                self.recovering = true;
                let message = format!("missing {expected} at {}", self.quoted());
                self.tell(message);
            }
            return Ok(true);
        }
        self.mismatched(state, expected)?;
        Ok(false)
    }

    /// Looks whether the next token is one of `set`, at the beginning of a part of a rule. False after an error that ends the
    /// rule.
    pub(crate) fn sync(&mut self, state: u8, set: Set) -> Result<bool, Abort> {
        if self.recovering || set.ends() || set.has(self.kind()) {
            return Ok(true);
        }
        if set.has(self.peek(1)) {
            self.unwanted(set);
            self.consume();
            self.recovered();
            return Ok(true);
        }
        self.mismatched(state, set)?;
        Ok(false)
    }

    /// The same in a loop, which goes on after an error.
    pub(crate) fn sync_loop(&mut self, set: Set) -> Result<(), Abort> {
        if self.recovering || set.has(self.kind()) {
            return Ok(());
        }
        self.unwanted(set);
        let stop = self.recovery().union(set);
        while self.kind() != Kind::Eof && !stop.has(self.kind()) {
            self.consume();
        }
        Ok(())
    }

    /// No alternative of the rule begins with the next two tokens.
    pub(crate) fn no_viable(&mut self, state: u8) -> Result<(), Abort> {
        if !self.recovering {
            self.recovering = true;
            let (first, last) = (self.token(0), self.token(1));
            let input = self.between(first.start, last.end);
            // Reserved words after a dot are told as they were before the grammar was generated.
            let message = match input.strip_prefix('.') {
                Some(word @ ("true" | "false" | "null")) => format!("mismatched input '{word}' expecting IDENTIFIER"),
                _ => format!("no viable alternative at input {}", quote(&input)),
            };
            self.syntax.push(Problem::at(last.start, format!("Syntax error: {message}")));
        }
        self.recover(state)
    }

    fn mismatched(&mut self, state: u8, set: Set) -> Result<(), Abort> {
        if !self.recovering {
            self.recovering = true;
            let message = format!("mismatched input {} expecting {}", self.quoted(), self.resolve(set));
            self.tell(message);
        }
        self.recover(state)
    }

    fn unwanted(&mut self, set: Set) {
        if !self.recovering {
            self.recovering = true;
            let message = format!("extraneous input {} expecting {}", self.quoted(), self.resolve(set));
            self.tell(message);
        }
    }

    /// Skips to a token that can follow one of the rules under way.
    fn recover(&mut self, state: u8) -> Result<(), Abort> {
        self.count_recovery()?;
        let mut skipped = 0;
        let (word, bit) = (usize::from(state / 128), 1_u128 << (state % 128));
        if self.failed_at == Some(self.next) && self.failed_states[word] & bit != 0 {
            self.consume();
            skipped += 1;
        }
        self.failed_at = Some(self.next);
        self.failed_states[word] |= bit;
        let stop = self.recovery();
        while self.kind() != Kind::Eof && !stop.has(self.kind()) {
            if skipped >= SKIPPED_MAX {
                return Err(Abort::Lookahead);
            }
            self.consume();
            skipped += 1;
        }
        Ok(())
    }

    fn recovered(&mut self) {
        self.recovering = false;
        self.failed_at = None;
        self.failed_states = [0; 2];
    }

    fn count_recovery(&mut self) -> Result<(), Abort> {
        if self.recoveries == RECOVERIES_MAX {
            self.tell(format!("error recovery attempt limit exceeded: {RECOVERIES_MAX}"));
            return Err(Abort::Told);
        }
        self.recoveries += 1;
        Ok(())
    }

    /// All that can follow the rules under way.
    fn recovery(&self) -> Set {
        self.follow.iter().fold(Set::EMPTY, |all, set| all.union(set.inner()))
    }

    /// `set`, and where the rule can end there, what can follow it.
    fn resolve(&self, set: Set) -> Set {
        let mut all = set;
        for follow in self.follow.iter().rev() {
            if !all.ends() {
                break;
            }
            all = all.inner().union(*follow);
        }
        if all.ends() { all.inner().and(Kind::Eof) } else { all }
    }

    fn tell(&mut self, message: String) {
        self.syntax.push(Problem::at(self.here(), format!("Syntax error: {message}")));
    }

    fn quoted(&self) -> String {
        let token = self.token(0);
        if token.kind == Kind::Eof { "'<EOF>'".into() } else { quote(self.text(token)) }
    }

    /// The source between two offsets, without what is in no token.
    fn between(&self, start: u32, end: u32) -> String {
        let mut text = String::new();
        let mut at = start;
        for (from, to) in self.holes.iter().filter(|(from, _)| (start..end).contains(from)) {
            text.push_str(&self.source[at as usize..*from as usize]);
            at = *to;
        }
        text.push_str(&self.source[at as usize..end as usize]);
        text
    }
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r"))
}

/// How many errors of the grammar are told.
const SYNTAX_MAX: usize = 100;
/// How many tokens are skipped after one error at most.
const SKIPPED_MAX: u32 = 256;
/// How often the parser tries to go on after an error.
const RECOVERIES_MAX: u32 = 30;
