//! Text to tokens: the longest match wins, and what matches nothing is told and skipped, as a generated lexer does.

use super::token::{Kind, Token};
use crate::problem::Problem;

/// The tokens of `source`, an [`Kind::Eof`] at their end, and what was not a token.
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    pub(crate) problems: Vec<Problem>,
    /// The bytes that were skipped because they are in no token.
    pub(crate) holes: Vec<(u32, u32)>,
}

/// Splits `source`, which has less than 4 GiB.
pub(crate) fn lex(source: &str) -> Lexed {
    let mut lexed = Lexed { tokens: Vec::new(), problems: Vec::new(), holes: Vec::new() };
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        let hidden = hidden(rest);
        if hidden > 0 {
            at += hidden;
            continue;
        }
        match token(rest) {
            Ok((kind, length)) => {
                lexed.tokens.push(Token { kind, start: offset(at), end: offset(at + length) });
                at += length;
            }
            Err(length) => {
                lexed.problems.push(Problem::at(
                    offset(at),
                    format!("Syntax error: token recognition error at: '{}'", &rest[..length]),
                ));
                lexed.holes.push((offset(at), offset(at + length)));
                at += length;
            }
        }
    }
    lexed.tokens.push(Token { kind: Kind::Eof, start: offset(at), end: offset(at) });
    lexed
}

/// The parser refuses longer texts before.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// How many bytes of white space or comment begin here.
fn hidden(rest: &str) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    rest.bytes().take_while(|b| matches!(b, b'\t' | b' ' | b'\r' | b'\n' | 0x0c)).count()
}

/// The token at the beginning of `rest`, or how many bytes are none.
fn token(rest: &str) -> Result<(Kind, usize), usize> {
    let bytes = rest.as_bytes();
    let second = bytes.get(1).copied();
    let one = |kind| Ok((kind, 1));
    let two = |kind| Ok((kind, 2));
    match bytes[0] {
        b'=' if second == Some(b'=') => two(Kind::Equal),
        b'!' if second == Some(b'=') => two(Kind::NotEqual),
        b'<' if second == Some(b'=') => two(Kind::LessEqual),
        b'>' if second == Some(b'=') => two(Kind::GreaterEqual),
        b'&' if second == Some(b'&') => two(Kind::And),
        b'|' if second == Some(b'|') => two(Kind::Or),
        b'=' | b'&' | b'|' => Err(through(rest, 1)),
        b'!' => one(Kind::Not),
        b'<' => one(Kind::Less),
        b'>' => one(Kind::Greater),
        b'[' => one(Kind::OpenBracket),
        b']' => one(Kind::CloseBracket),
        b'{' => one(Kind::OpenBrace),
        b'}' => one(Kind::CloseBrace),
        b'(' => one(Kind::OpenParenthesis),
        b')' => one(Kind::CloseParenthesis),
        b',' => one(Kind::Comma),
        b'-' => one(Kind::Minus),
        b'?' => one(Kind::Question),
        b':' => one(Kind::Colon),
        b'+' => one(Kind::Plus),
        b'*' => one(Kind::Star),
        b'/' => one(Kind::Slash),
        b'%' => one(Kind::Percent),
        b'.' if second.is_some_and(|b| b.is_ascii_digit()) => Ok(number(bytes)),
        b'.' => one(Kind::Dot),
        b'0'..=b'9' => Ok(number(bytes)),
        b'"' | b'\'' => string(rest, false).map(|length| (Kind::String, length)),
        b'`' => escaped_identifier(rest),
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => Ok(word(rest)),
        _ => Err(through(rest, 0)),
    }
}

/// The bytes up to and with the character at `failed`, the first that fits no token.
fn through(rest: &str, failed: usize) -> usize {
    rest[failed..].chars().next().map_or(rest.len(), |c| failed + c.len_utf8())
}

fn number(bytes: &[u8]) -> (Kind, usize) {
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let unsigned = |length: usize| {
        if matches!(bytes.get(length), Some(b'u' | b'U')) { (Kind::Uint, length + 1) } else { (Kind::Int, length) }
    };
    if bytes.starts_with(b"0x") {
        let hex = bytes[2..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        if hex > 0 {
            return unsigned(2 + hex);
        }
    }
    let whole = digits(0);
    let mut length = whole;
    if bytes.get(length) == Some(&b'.') {
        let fraction = digits(length + 1);
        if fraction > 0 {
            length += 1 + fraction;
        }
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let exponent = bytes.get(length + 1 + sign..).map_or(0, |_| digits(length + 1 + sign));
        if exponent > 0 {
            return (Kind::Float, length + 1 + sign + exponent);
        }
    }
    if length > whole { (Kind::Float, length) } else { unsigned(whole) }
}

/// An identifier or keyword, or a string with a prefix.
fn word(rest: &str) -> (Kind, usize) {
    let bytes = rest.as_bytes();
    let bytes_prefix = usize::from(matches!(bytes[0], b'b' | b'B'));
    let raw = matches!(bytes.get(bytes_prefix), Some(b'r' | b'R'));
    let prefix = bytes_prefix + usize::from(raw);
    if prefix > 0
        && matches!(bytes.get(prefix), Some(b'"' | b'\''))
        && let Ok(length) = string(&rest[prefix..], raw)
    {
        return (if bytes_prefix > 0 { Kind::Bytes } else { Kind::String }, prefix + length);
    }
    let length = bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let kind = match &rest[..length] {
        "in" => Kind::In,
        "true" => Kind::True,
        "false" => Kind::False,
        "null" => Kind::Null,
        _ => Kind::Identifier,
    };
    (kind, length)
}

/// The length of the string literal that begins with a quote, or of what is not one.
fn string(rest: &str, raw: bool) -> Result<usize, usize> {
    let bytes = rest.as_bytes();
    let quote = bytes[0];
    let empty = bytes.get(1) == Some(&quote);
    if empty && bytes.get(2) == Some(&quote) {
        // Three quotes open a long string, but where it does not end there is an empty one.
        return Ok(long_string(bytes, quote, raw).unwrap_or(2));
    }
    let mut at = 1;
    loop {
        match bytes.get(at) {
            None => return Err(rest.len()),
            Some(b) if *b == quote => return Ok(at + 1),
            Some(b'\n' | b'\r') => return Err(through(rest, at)),
            Some(b'\\') if !raw => at = escape(bytes, at).map_err(|failed| through(rest, failed))?,
            Some(_) => at += 1,
        }
    }
}

fn long_string(bytes: &[u8], quote: u8, raw: bool) -> Option<usize> {
    let mut at = 3;
    loop {
        match bytes.get(at)? {
            b if *b == quote && bytes[at..].starts_with(&[quote; 3]) => return Some(at + 3),
            b'\\' if !raw => at = escape(bytes, at).ok()?,
            _ => at += 1,
        }
    }
}

/// Where the escape sequence at `at` ends, or where it goes wrong.
fn escape(bytes: &[u8], at: usize) -> Result<usize, usize> {
    let digits = |count: usize, good: fn(&u8) -> bool| {
        let from = at + 2;
        let fit = bytes[from..].iter().take(count).take_while(|b| good(b)).count();
        if fit == count { Ok(from + count) } else { Err(from + fit) }
    };
    match bytes.get(at + 1) {
        Some(b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`') => Ok(at + 2),
        Some(b'x' | b'X') => digits(2, u8::is_ascii_hexdigit),
        Some(b'u') => digits(4, u8::is_ascii_hexdigit),
        Some(b'U') => digits(8, u8::is_ascii_hexdigit),
        Some(b'0'..=b'3') => digits(2, |b| matches!(b, b'0'..=b'7')),
        _ => Err(at + 1),
    }
}

fn escaped_identifier(rest: &str) -> Result<(Kind, usize), usize> {
    let inner = rest
        .bytes()
        .skip(1)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'/' | b' '))
        .count();
    if inner > 0 && rest.as_bytes().get(1 + inner) == Some(&b'`') {
        return Ok((Kind::EscapedIdentifier, inner + 2));
    }
    Err(through(rest, 1 + inner))
}
