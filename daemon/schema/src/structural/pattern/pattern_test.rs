use super::Pattern;
use proptest::prelude::{ProptestConfig, proptest};

#[test]
fn patterns_mean_what_they_mean_in_go() {
    for (pattern, text, want) in [
        (r"^\d+$", "12", true),
        (r"^\d+$", "\u{661}", false),
        (r"^\w$", "é", false),
        (r"^\W$", "é", true),
        (r"^\s$", "\u{a0}", false),
        (r"^\s$", "\u{b}", false),
        (r"^[a&&b]$", "&", true),
        (r"^[[a]$", "[", true),
        (r"^[]a]+$", "]a", true),
        (r"^[a\]b-]+$", "-]", true),
        (r"^[\w.-]+$", "a-b.c", true),
        (r"^[a-c~~-]$", "~", true),
        (r"^a{,2}$", "a{,2}", true),
        (r"^a{2}$", "aa", true),
        (r"^{$", "{", true),
        (r"^\Qa.b\E$", "a.b", true),
        (r"^\Qa.b\E$", "axb", false),
        (r"^\Qa.b", "a.b", true),
        (r"^\<\>\_\-\/$", "<>_-/", true),
        (r"(?i)^abc$", "ABC", true),
        (r"^(?i:a)b$", "Ab", true),
        (r"^(?i:a)b$", "AB", false),
        (r"^(?P<n>a)(?<m>b)$", "ab", true),
        (r"^\x41\x{42}\101$", "ABA", true),
        (r"^\pL\p{Lu}\P{L}\p{^L}$", "aA11", true),
        (r"^[\pN\PL]$", "1", true),
        (r"^[^\d]$", "a", true),
        (r"^[^\D]$", "a", false),
        (r"^[[:alpha:]_]+$", "a_", true),
        (r"^[[:^alpha:]]$", "1", true),
        (r"\bfoo\b", "a foo b", true),
        (r"a.c", "a\nc", false),
        (r"(?s)a.c", "a\nc", true),
        (r"^a$", "a\n", false),
        (r"(?m)^a$", "b\na\n", true),
        (r"^(|a|ab)$", "ab", true),
        (r"^#? x$", "# x", true),
        (r"", "anything", true),
    ] {
        assert_eq!(Pattern::compile(pattern).unwrap().matches(text), want, "{pattern} on {text:?}");
    }
}

#[test]
fn patterns_are_refused_in_the_words_of_go() {
    for (pattern, want) in [
        ("a(b", "missing closing ): `a(b`"),
        ("a)b", "unexpected ): `a)b`"),
        ("[a", "missing closing ]: `[a`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        (r"\q", r"invalid escape sequence: `\q`"),
        (r"\1", r"invalid escape sequence: `\1`"),
        ("a\\", "trailing backslash at end of expression: ``"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a|*", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
        ("(?<!a)", "invalid named capture: `(?<!a)`"),
    ] {
        assert_eq!(Pattern::compile(pattern).unwrap_err(), format!("error parsing regexp: {want}"), "{pattern}");
    }
}

#[test]
fn what_would_take_much_memory_is_refused() {
    for pattern in ["((a{100}){100}){100}", "(x{1000}){1000}", &"\\pL".repeat(1000), &"(".repeat(1000)] {
        assert!(Pattern::compile(pattern).is_err(), "{}", pattern.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn any_text_is_compiled_or_refused_without_panic(source in r"[\[\]()\\{}^$|?*+:a-dpPxQE0-9,<>&~-]{0,24}|\PC{0,12}", text in "[a-d0-9]{0,8}") {
        if let Ok(pattern) = Pattern::compile(&source) {
            let _matched = pattern.matches(&text);
        }
    }
}
