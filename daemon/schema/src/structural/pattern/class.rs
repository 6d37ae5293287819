//! Character classes and escapes.

use super::Wrong;

/// A class in brackets at the beginning of the text: its translation, how many bytes it takes, and its weight.
pub(super) fn bracket(text: &str) -> Result<(String, usize, usize), Wrong> {
    let unclosed = || Wrong::new("missing closing ]", text);
    let mut out = String::from("[");
    let mut at = 1;
    let mut weight = 1;
    if text.get(at..).is_some_and(|rest| rest.starts_with('^')) {
        out.push('^');
        at += 1;
        weight = WIDE_WEIGHT;
    }
    let first = at;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let c = rest.chars().next().ok_or_else(unclosed)?;
        if c == ']' && at > first {
            out.push(']');
            return Ok((out, at + 1, weight));
        }
        if let Some(length) = named(rest)? {
            out.push_str(rest.get(..length).unwrap_or_default());
            at += length;
            continue;
        }
        if c == '\\'
            && let Some((members, length, heavy)) = escaped(rest)?
        {
            out.push_str(&members);
            (at, weight) = (at + length, weight.max(heavy));
            continue;
        }
        let (low, length) = member(rest).map_err(|wrong| wrong.unwrap_or_else(unclosed))?;
        at += length;
        let behind = text.get(at..).unwrap_or_default();
        let high = match behind.strip_prefix('-').filter(|next| !next.is_empty() && !next.starts_with(']')) {
            None => low,
            Some(next) => {
                let (high, more) = member(next).map_err(|wrong| wrong.unwrap_or_else(unclosed))?;
                if high < low {
                    let range = rest.get(..length + 1 + more).unwrap_or(rest);
                    return Err(Wrong::new("invalid character class range", range));
                }
                at += 1 + more;
                high
            }
        };
        if !high.is_ascii() {
            weight = weight.max(WIDE_WEIGHT);
        }
        out.push_str(&format!("\\x{{{:x}}}-\\x{{{:x}}}", u32::from(low), u32::from(high)));
    }
}

/// The length of `[:name:]`, if that is what comes.
fn named(rest: &str) -> Result<Option<usize>, Wrong> {
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
        "word", "xdigit",
    ];
    let Some(inside) = rest.strip_prefix("[:") else { return Ok(None) };
    let Some(end) = inside.find(":]") else { return Ok(None) };
    let name = inside.get(..end).unwrap_or_default();
    if NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
        return Ok(Some(end + 4));
    }
    Err(Wrong::new("invalid character class range", rest.get(..end + 4).unwrap_or(rest)))
}

/// One character of a class; an error without words where the text ends.
fn member(rest: &str) -> Result<(char, usize), Option<Wrong>> {
    match rest.chars().next() {
        None => Err(None),
        Some('\\') => character(rest).map_err(Some),
        Some(c) => Ok((c, c.len_utf8())),
    }
}

/// An escape that stands for several characters (`\d`, `\pL`): what stands for it in a class, its length and its weight.
/// Nothing for other escapes.
pub(super) fn escaped(rest: &str) -> Result<Option<(String, usize, usize)>, Wrong> {
    let members = match rest.chars().nth(1) {
        Some('d') => "0-9",
        Some('D') => "[^0-9]",
        Some('s') => "\\t\\n\\x0c\\r ",
        Some('S') => "[^\\t\\n\\x0c\\r ]",
        Some('w') => "0-9A-Za-z_",
        Some('W') => "[^0-9A-Za-z_]",
        Some('p' | 'P') => return property(rest).map(Some),
        _ => return Ok(None),
    };
    Ok(Some((members.to_owned(), 2, if members.starts_with('[') { WIDE_WEIGHT } else { 1 })))
}

/// `\pL`, `\p{Greek}`, `\P{^Lu}`
fn property(rest: &str) -> Result<(String, usize, usize), Wrong> {
    let mut negated = rest.starts_with("\\P");
    let behind = rest.get(2..).unwrap_or_default();
    let (name, length) = match behind.strip_prefix('{') {
        None => {
            let c = behind.chars().next().ok_or_else(|| Wrong::new("invalid character class range", rest))?;
            (behind.get(..c.len_utf8()).unwrap_or_default(), 2 + c.len_utf8())
        }
        Some(inside) => {
            let end = inside.find('}').ok_or_else(|| Wrong::new("invalid character class range", rest))?;
            (inside.get(..end).unwrap_or_default(), end + 4)
        }
    };
    let plain = name.strip_prefix('^').unwrap_or(name);
    negated ^= plain.len() != name.len();
    if plain.is_empty() || !plain.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Wrong::new("invalid character class range", rest.get(..length).unwrap_or(rest)));
    }
    Ok((format!("\\{}{{{plain}}}", if negated { 'P' } else { 'p' }), length, PROPERTY_WEIGHT))
}

/// An escape that stands for one character, and its length.
pub(super) fn character(rest: &str) -> Result<(char, usize), Wrong> {
    let mut chars = rest.chars().skip(1);
    let Some(c) = chars.next() else { return Err(Wrong::new("trailing backslash at end of expression", "")) };
    let after = rest.get(1 + c.len_utf8()..).unwrap_or_default();
    let wrong = |length: usize| Wrong::new("invalid escape sequence", rest.get(..length).unwrap_or(rest));
    Ok(match c {
        'a' => ('\x07', 2),
        'f' => ('\x0c', 2),
        'n' => ('\n', 2),
        'r' => ('\r', 2),
        't' => ('\t', 2),
        'v' => ('\x0b', 2),
        'x' => return hexadecimal(rest, after),
        '0'..='7' => {
            let digits = after.bytes().take(2).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
            if c != '0' && digits == 0 {
                return Err(wrong(2));
            }
            let text = rest.get(1..2 + digits).unwrap_or_default();
            let code = u32::from_str_radix(text, 8).unwrap_or_default();
            (char::from_u32(code).ok_or_else(|| wrong(2))?, 2 + digits)
        }
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => (c, 2),
        c => return Err(wrong(1 + c.len_utf8())),
    })
}

/// `\x7F` or `\x{10FFFF}`
fn hexadecimal(rest: &str, after: &str) -> Result<(char, usize), Wrong> {
    let wrong = |length: usize| Wrong::new("invalid escape sequence", rest.get(..length).unwrap_or(rest));
    let (digits, length) = match after.strip_prefix('{') {
        None => (after.get(..2).ok_or_else(|| wrong(rest.len()))?, 4),
        Some(inside) => {
            let end = inside.find('}').ok_or_else(|| wrong(rest.len()))?;
            (inside.get(..end).unwrap_or_default(), end + 4)
        }
    };
    let good = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let code = if good { u32::from_str_radix(digits, 16).ok() } else { None };
    code.and_then(char::from_u32).map(|c| (c, length)).ok_or_else(|| wrong(length))
}

const WIDE_WEIGHT: usize = 16;
const PROPERTY_WEIGHT: usize = 300;
