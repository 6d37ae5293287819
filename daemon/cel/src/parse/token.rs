//! The words of the language, and sets of them.

use std::fmt;

/// A token: its kind and its bytes in the source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// Kinds of tokens in the grammar's order, which is the order in which messages list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Eof,
    Equal,
    NotEqual,
    In,
    Less,
    LessEqual,
    GreaterEqual,
    Greater,
    And,
    Or,
    OpenBracket,
    CloseBracket,
    OpenBrace,
    CloseBrace,
    OpenParenthesis,
    CloseParenthesis,
    Dot,
    Comma,
    Minus,
    Not,
    Question,
    Colon,
    Plus,
    Star,
    Slash,
    Percent,
    True,
    False,
    Null,
    Float,
    Int,
    Uint,
    String,
    Bytes,
    Identifier,
    EscapedIdentifier,
}

impl Kind {
    const fn bit(self) -> u64 {
        1 << self as u64
    }

    /// The function of a comparison or membership.
    pub(crate) const fn relation(self) -> Option<&'static str> {
        match self {
            Self::Equal => Some("_==_"),
            Self::NotEqual => Some("_!=_"),
            Self::In => Some("@in"),
            Self::Less => Some("_<_"),
            Self::LessEqual => Some("_<=_"),
            Self::GreaterEqual => Some("_>=_"),
            Self::Greater => Some("_>_"),
            _ => None,
        }
    }

    /// The function of an arithmetic operator, and how tightly it binds.
    pub(crate) const fn calc(self) -> Option<(&'static str, u8)> {
        match self {
            Self::Star => Some(("_*_", 2)),
            Self::Slash => Some(("_/_", 2)),
            Self::Percent => Some(("_%_", 2)),
            Self::Plus => Some(("_+_", 1)),
            Self::Minus => Some(("_-_", 1)),
            _ => None,
        }
    }

    const fn display(self) -> &'static str {
        match self {
            Self::Eof => "<EOF>",
            Self::Equal => "'=='",
            Self::NotEqual => "'!='",
            Self::In => "'in'",
            Self::Less => "'<'",
            Self::LessEqual => "'<='",
            Self::GreaterEqual => "'>='",
            Self::Greater => "'>'",
            Self::And => "'&&'",
            Self::Or => "'||'",
            Self::OpenBracket => "'['",
            Self::CloseBracket => "']'",
            Self::OpenBrace => "'{'",
            Self::CloseBrace => "'}'",
            Self::OpenParenthesis => "'('",
            Self::CloseParenthesis => "')'",
            Self::Dot => "'.'",
            Self::Comma => "','",
            Self::Minus => "'-'",
            Self::Not => "'!'",
            Self::Question => "'?'",
            Self::Colon => "':'",
            Self::Plus => "'+'",
            Self::Star => "'*'",
            Self::Slash => "'/'",
            Self::Percent => "'%'",
            Self::True => "'true'",
            Self::False => "'false'",
            Self::Null => "'null'",
            Self::Float => "NUM_FLOAT",
            Self::Int => "NUM_INT",
            Self::Uint => "NUM_UINT",
            Self::String => "STRING",
            Self::Bytes => "BYTES",
            Self::Identifier => "IDENTIFIER",
            Self::EscapedIdentifier => "ESC_IDENTIFIER",
        }
    }

    const ALL: [Self; 36] = [
        Self::Eof,
        Self::Equal,
        Self::NotEqual,
        Self::In,
        Self::Less,
        Self::LessEqual,
        Self::GreaterEqual,
        Self::Greater,
        Self::And,
        Self::Or,
        Self::OpenBracket,
        Self::CloseBracket,
        Self::OpenBrace,
        Self::CloseBrace,
        Self::OpenParenthesis,
        Self::CloseParenthesis,
        Self::Dot,
        Self::Comma,
        Self::Minus,
        Self::Not,
        Self::Question,
        Self::Colon,
        Self::Plus,
        Self::Star,
        Self::Slash,
        Self::Percent,
        Self::True,
        Self::False,
        Self::Null,
        Self::Float,
        Self::Int,
        Self::Uint,
        Self::String,
        Self::Bytes,
        Self::Identifier,
        Self::EscapedIdentifier,
    ];
}

/// A set of kinds, which may also say that the rule can end here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Set(u64);

impl Set {
    /// The rule can end here.
    pub(crate) const END: Self = Self(1 << 63);
    pub(crate) const EMPTY: Self = Self(0);
    pub(crate) const RELATION: Self = Self::of(Kind::Equal)
        .and(Kind::NotEqual)
        .and(Kind::In)
        .and(Kind::Less)
        .and(Kind::LessEqual)
        .and(Kind::GreaterEqual)
        .and(Kind::Greater);
    pub(crate) const CALC: Self =
        Self::of(Kind::Star).and(Kind::Slash).and(Kind::Percent).and(Kind::Plus).and(Kind::Minus);
    pub(crate) const MEMBER: Self = Self::of(Kind::Dot).and(Kind::OpenBracket);

    pub(crate) const fn of(kind: Kind) -> Self {
        Self(kind.bit())
    }

    pub(crate) const fn and(self, kind: Kind) -> Self {
        Self(self.0 | kind.bit())
    }

    pub(crate) const fn without(self, kind: Kind) -> Self {
        Self(self.0 & !kind.bit())
    }

    pub(crate) const fn or_end(self) -> Self {
        Self(self.0 | Self::END.0)
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn has(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
    }

    pub(crate) const fn ends(self) -> bool {
        self.0 & Self::END.0 != 0
    }

    pub(crate) const fn inner(self) -> Self {
        Self(self.0 & !Self::END.0)
    }
}

/// As messages list what was expected.
impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<&str> = Kind::ALL.iter().filter(|kind| self.has(**kind)).map(|kind| kind.display()).collect();
        match kinds.as_slice() {
            [one] => f.write_str(one),
            many => write!(f, "{{{}}}", many.join(", ")),
        }
    }
}

/// What an expression begins with.
pub(crate) const FIRST: Set = Set::of(Kind::OpenBracket)
    .and(Kind::OpenBrace)
    .and(Kind::OpenParenthesis)
    .and(Kind::Dot)
    .and(Kind::Minus)
    .and(Kind::Not)
    .and(Kind::True)
    .and(Kind::False)
    .and(Kind::Null)
    .and(Kind::Float)
    .and(Kind::Int)
    .and(Kind::Uint)
    .and(Kind::String)
    .and(Kind::Bytes)
    .and(Kind::Identifier);
