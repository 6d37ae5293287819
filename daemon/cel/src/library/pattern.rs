//! Regular expressions as Go's `regexp` reads them, in linear time.

use regex::{Regex, RegexBuilder};

/// Bytes that a compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 2 << 20;
/// How often a part may be repeated by number.
const REPEAT_MAX: u32 = 1000;
/// How deep groups may lie in each other.
const NESTING_MAX: u32 = 200;

/// Compiles a pattern.
///
/// # Errors
/// Why it is not one, as Go says it.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    let refuse = |why: String| format!("error parsing regexp: {why}");
    inspect(pattern).map_err(refuse)?;
    RegexBuilder::new(&translate(pattern))
        .size_limit(PATTERN_BYTES_MAX)
        .nest_limit(NESTING_MAX)
        .build()
        .map_err(|_error| refuse(format!("invalid or unsupported Perl syntax: `{pattern}`")))
}

/// Finds what Go refuses, and what both engines refuse where Go's message is known.
fn inspect(pattern: &str) -> Result<(), String> {
    let mut open = 0_u32;
    // Whether there is something to repeat, and where its repetition begins.
    let (mut repeatable, mut repetition) = (false, None);
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let mut length = first.len_utf8();
        let repeats = matches!(first, '*' | '+' | '?') || (first == '{' && repeat_length(rest).is_some());
        if repeats {
            length = repeat_length(rest).unwrap_or(1);
            if !repeatable {
                return Err(format!("missing argument to repetition operator: `{}`", &rest[..length]));
            }
            check_count(&rest[..length])?;
            if let Some(start) = repetition {
                let after = pattern.len() - rest.len() + length;
                return Err(format!("invalid nested repetition operator: `{}`", &pattern[start..after]));
            }
            repetition = Some(pattern.len() - rest.len());
            if rest[length..].starts_with('?') {
                length += 1;
            }
            rest = &rest[length..];
            continue;
        }
        repetition = None;
        repeatable = !matches!(first, '(' | '|');
        match first {
            '(' => {
                open += 1;
                if let Some(after) = rest.strip_prefix("(?") {
                    length = rest.len() - after.len() + flags_length(after)?;
                    if rest[..length].ends_with(')') {
                        open -= 1;
                    }
                }
            }
            ')' => open = open.checked_sub(1).ok_or_else(|| format!("unexpected ): `{pattern}`"))?,
            '[' => length = class_length(rest).ok_or_else(|| format!("missing closing ]: `{rest}`"))?,
            '\\' => {
                let escaped = rest[1..].chars().next();
                let escaped = escaped.ok_or_else(|| "trailing backslash at end of expression: ``".to_owned())?;
                length = 1 + escaped.len_utf8();
                if escaped == 'Q' {
                    length = rest.find(r"\E").map_or(rest.len(), |end| end + 2);
                } else if escaped.is_ascii_digit() && escaped != '0' {
                    return Err(format!("invalid escape sequence: `{}`", &rest[..length]));
                }
            }
            _ => {}
        }
        rest = &rest[length..];
    }
    if open > 0 { Err(format!("missing closing ): `{pattern}`")) } else { Ok(()) }
}

/// The length of `{2}`, `{2,}` or `{2,3}`; braces around anything else are text.
fn repeat_length(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('{')?;
    let inside = &inside[..inside.find('}')?];
    let (from, to) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    (!from.is_empty() && digits(from) && digits(to)).then_some(inside.len() + 2)
}

fn check_count(operator: &str) -> Result<(), String> {
    let Some(inside) = operator.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else { return Ok(()) };
    let (from, to) = inside.split_once(',').unwrap_or((inside, ""));
    let count = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
    let too_many = count(from) > REPEAT_MAX || (!to.is_empty() && (count(to) > REPEAT_MAX || count(to) < count(from)));
    if too_many { Err(format!("invalid repeat count: `{operator}`")) } else { Ok(()) }
}

/// The length of what follows `(?` up to the group's contents: a name or flags.
fn flags_length(text: &str) -> Result<usize, String> {
    let name = text.strip_prefix("P<").or_else(|| text.strip_prefix('<'));
    if let Some(name) = name {
        let end = name.find('>').filter(|end| *end > 0);
        return match end {
            Some(end) if name[..end].bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => {
                Ok(text.len() - name.len() + end + 1)
            }
            _ => Err(format!("invalid named capture: `(?{text}`")),
        };
    }
    let length = text.bytes().take_while(|byte| b"imsU-".contains(byte)).count();
    match text[length..].chars().next() {
        Some(':' | ')') => Ok(length + 1),
        Some(other) => {
            let end = length + other.len_utf8();
            Err(format!("invalid or unsupported Perl syntax: `(?{}`", &text[..end]))
        }
        None => Err("missing argument to repetition operator: `?`".into()),
    }
}

/// The length of a class; none when it does not end.
fn class_length(text: &str) -> Option<usize> {
    let mut at = if text.starts_with("[^") { 2 } else { 1 };
    if text[at..].starts_with(']') {
        at += 1;
    }
    loop {
        let rest = &text[at..];
        match rest.chars().next()? {
            ']' => return Some(at + 1),
            '\\' => at += 1 + rest[1..].chars().next()?.len_utf8(),
            '[' if rest.starts_with("[:") => at += rest.find(":]").map_or(1, |end| end + 2),
            other => at += other.len_utf8(),
        }
    }
}

/// What Go spells otherwise: classes like `\d` are ASCII only, and `\Q...\E` quotes.
fn translate(pattern: &str) -> String {
    let mut translated = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(first) = rest.chars().next() {
        let Some(escaped) = rest.strip_prefix('\\').and_then(|rest| rest.chars().next()) else {
            match first {
                '[' if in_class && !rest.starts_with("[:") => translated.push('\\'),
                '&' | '~' | '-' if in_class && rest[1..].starts_with(first) => translated.push('\\'),
                '[' if !in_class => {
                    in_class = true;
                    translated.push('[');
                    rest = &rest[1..];
                    // A bracket that closes cannot come first.
                    if let Some(after) = rest.strip_prefix('^') {
                        translated.push('^');
                        rest = after;
                    }
                    if let Some(after) = rest.strip_prefix(']') {
                        translated.push_str("\\]");
                        rest = after;
                    }
                    continue;
                }
                '[' => {
                    let end = rest.find(":]").map_or(1, |end| end + 2);
                    translated.push_str(&rest[..end]);
                    rest = &rest[end..];
                    continue;
                }
                ']' => in_class = false,
                _ => {}
            }
            translated.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        rest = &rest[1 + escaped.len_utf8()..];
        match (escaped, in_class) {
            ('d', false) => translated.push_str("[0-9]"),
            ('d', true) => translated.push_str("0-9"),
            ('D', _) => translated.push_str("[^0-9]"),
            ('w', false) => translated.push_str("[0-9A-Za-z_]"),
            ('w', true) => translated.push_str("0-9A-Za-z_"),
            ('W', _) => translated.push_str("[^0-9A-Za-z_]"),
            ('s', false) => translated.push_str(r"[\t\n\f\r ]"),
            ('s', true) => translated.push_str(r"\t\n\f\r "),
            ('S', _) => translated.push_str(r"[^\t\n\f\r ]"),
            ('b', false) => translated.push_str(r"(?-u:\b)"),
            ('B', false) => translated.push_str(r"\B"),
            ('Q', false) => {
                let end = rest.find(r"\E").unwrap_or(rest.len());
                translated.push_str(&regex::escape(&rest[..end]));
                rest = rest.get(end + 2..).unwrap_or("");
            }
            _ => {
                translated.push('\\');
                translated.push(escaped);
            }
        }
    }
    translated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_go_reads_them() {
        for (pattern, text, matches) in [
            (r"^\d+$", "123", true),
            (r"^\d+$", "١٢٣", false),
            (r"^[\d.]+$", "1.5", true),
            (r"^\w+$", "é", false),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^\Qa.b\E$", "axb", false),
            (r"^[]a]+$", "]a]", true),
            (r"^[[:alpha:]-]+$", "a-b", true),
            (r"^[a[]+$", "[a", true),
            (r"\bword\b", "a word.", true),
            (r"^[a&&b]+$", "a&b", true),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(text), matches, "{pattern} on {text}");
        }
        for (pattern, why) in [
            ("(", "missing closing ): `(`"),
            ("a)", "unexpected ): `a)`"),
            ("x[a", "missing closing ]: `[a`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("*", "missing argument to repetition operator: `*`"),
            (r"\8", r"invalid escape sequence: `\8`"),
            ("a\\", "trailing backslash at end of expression: ``"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
        ] {
            assert_eq!(compile(pattern).unwrap_err(), format!("error parsing regexp: {why}"), "{pattern}");
        }
    }
}
