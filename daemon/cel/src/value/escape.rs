//! Names of fields as expressions spell them: CEL's identifiers cannot hold `-`, `.` or `/`, nor be its keywords.
//! (`k8s.io/apiserver/pkg/cel/escaping.go` has the same rules.)

/// Words that the grammar of CEL keeps for itself.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// The identifier by which expressions reach the property `name`; none when there is no way to spell it.
pub fn escape(name: &str) -> Option<String> {
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if let Some(escaped) = reserved(name) {
        return Some(escaped);
    }
    let mut escaped = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let (text, length) = match first {
            '_' if rest.starts_with("__") => ("__underscores__", 2),
            '.' => ("__dot__", 1),
            '-' => ("__dash__", 1),
            '/' => ("__slash__", 1),
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => (&rest[..1], 1),
            _ => return None,
        };
        escaped.push_str(text);
        rest = &rest[length..];
    }
    Some(escaped)
}

/// How a word that the grammar keeps for itself is escaped.
pub(crate) fn reserved(name: &str) -> Option<String> {
    RESERVED.contains(&name).then(|| format!("__{name}__"))
}

/// The property that the identifier `escaped` stands for; none when it holds an escape sequence that no name gives.
pub fn unescape(escaped: &str) -> Option<String> {
    let mut name = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(at) = rest.find("__") {
        let inside = &rest[at + 2..];
        let length = inside.find('_').unwrap_or(inside.len());
        if length == 0 {
            // A third underscore: the sequence, if there is one, begins later.
            name.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            continue;
        }
        if !inside[length..].starts_with("__") {
            // Not closed by two underscores, so not a sequence.
            name.push_str(&rest[..at + 2]);
            rest = inside;
            continue;
        }
        let word = &inside[..length];
        name.push_str(&rest[..at]);
        match word {
            "underscores" => name.push_str("__"),
            "dot" => name.push('.'),
            "dash" => name.push('-'),
            "slash" => name.push('/'),
            _ if RESERVED.contains(&word) && length + 4 == escaped.len() => name.push_str(word),
            _ => return None,
        }
        rest = &inside[length + 2..];
    }
    name.push_str(rest);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_from_their_escaped_form() {
        for (name, escaped) in [
            ("plain", "plain"),
            ("snake_case", "snake_case"),
            ("a__b", "a__underscores__b"),
            ("a___b", "a__underscores___b"),
            ("x.y", "x__dot__y"),
            ("with-dash", "with__dash__dash"),
            ("a/b", "a__slash__b"),
            ("namespace", "__namespace__"),
            ("in", "__in__"),
            ("_", "_"),
            ("a_", "a_"),
        ] {
            assert_eq!(escape(name).as_deref(), Some(escaped), "{name}");
            assert_eq!(unescape(escaped).as_deref(), Some(name), "{escaped}");
        }
    }

    #[test]
    fn names_without_a_spelling_are_refused() {
        for name in ["", "1st", "a b", "$x", "é", "a+b"] {
            assert_eq!(escape(name), None, "{name}");
        }
        for escaped in ["__nothing__", "a__if__", "__for__b"] {
            assert_eq!(unescape(escaped), None, "{escaped}");
        }
    }
}
