//! Regular expressions as Go's `regexp` reads them, in linear time.

use regex::{Regex, RegexBuilder};

/// Bytes that a compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 2 << 20;
/// How deep groups may lie in each other.
const NESTING_MAX: u32 = 200;

/// Compiles a pattern.
///
/// # Errors
/// Why it is not one.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(&translate(pattern))
        .size_limit(PATTERN_BYTES_MAX)
        .nest_limit(NESTING_MAX)
        .build()
        .map_err(|_error| format!("error parsing regexp: invalid or unsupported expression: `{pattern}`"))
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
        for pattern in ["(", "[a", "a**", r"\8", "(?=a)"] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
