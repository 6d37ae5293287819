//! What is an expression, and what is said of a text that is none.

use proptest::prelude::{Strategy, any, prop, proptest};

use super::errors_test::ERRORS;
use crate::ast::{Expr, Literal, Node};
use crate::environment::Environment;
use crate::problem::Problems;
use crate::program::Program;
use crate::sample_test::environment;

fn parsed(source: &str) -> Result<Expr, String> {
    super::parse(source).map(|parsed| parsed.root).map_err(|problems| Problems::new(source, problems).to_string())
}

/// The tree in the notation of functions.
fn shown(expr: &Expr) -> String {
    let list = |args: &[Expr]| args.iter().map(shown).collect::<Vec<_>>().join(", ");
    match &expr.node {
        Node::Literal(literal) => format!("{literal:?}"),
        Node::Ident(name) => name.to_string(),
        Node::Select(select) if select.test_only => format!("has({}.{})", shown(&select.operand), select.field),
        Node::Select(select) if select.optional => format!("{}.?{}", shown(&select.operand), select.field),
        Node::Select(select) => format!("{}.{}", shown(&select.operand), select.field),
        Node::Call(call) => match &call.target {
            Some(target) => format!("{}.{}({})", shown(target), call.function, list(&call.args)),
            None => format!("{}({})", call.function, list(&call.args)),
        },
        Node::List(elements) => {
            let mark = |optional: bool| if optional { "?" } else { "" };
            let parts: Vec<_> = elements.iter().map(|e| format!("{}{}", mark(e.optional), shown(&e.value))).collect();
            format!("[{}]", parts.join(", "))
        }
        Node::Map(entries) => {
            let mark = |optional: bool| if optional { "?" } else { "" };
            let parts = entries.iter().map(|e| format!("{}{}: {}", mark(e.optional), shown(&e.key), shown(&e.value)));
            format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
        }
        Node::Struct(object) => {
            let mark = |optional: bool| if optional { "?" } else { "" };
            let parts = object.fields.iter().map(|f| format!("{}{}: {}", mark(f.optional), f.name, shown(&f.value)));
            format!("{}{{{}}}", object.type_name, parts.collect::<Vec<_>>().join(", "))
        }
        Node::Comprehension(fold) => {
            let second = fold.second.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
            format!(
                "fold({} as {}{second}; {} = {}; {}; {}; {})",
                shown(&fold.range),
                fold.variable,
                fold.accumulator,
                shown(&fold.init),
                shown(&fold.condition),
                shown(&fold.step),
                shown(&fold.result)
            )
        }
    }
}

#[test]
fn texts_become_the_trees_of_cel_go() {
    let table = [
        ("a + b * c - d", "_-_(_+_(a, _*_(b, c)), d)"),
        ("a == b == c", "_==_(_==_(a, b), c)"),
        ("a ? b : c ? d : e", "_?_:_(a, b, _?_:_(c, d, e))"),
        ("a && b && c && d", "_&&_(_&&_(a, b), _&&_(c, d))"),
        ("a || b && c", "_||_(a, _&&_(b, c))"),
        ("!!a", "a"),
        ("!!!a", "!_(a)"),
        ("-a", "-_(a)"),
        ("--1", "Int(1)"),
        ("-1.size()", "Int(-1).size()"),
        ("1 - -1", "_-_(Int(1), Int(-1))"),
        ("a.b.c(d)[0].?e[?1]", "_[?_](_[_](a.b.c(d), Int(0)).?e, Int(1))"),
        ("a in [1, ?b,]", "@in(a, [Int(1), ?b])"),
        ("{a: 1, ?b: 2,}", "{a: Int(1), ?b: Int(2)}"),
        ("a.b.C{d: 1, ?e: 2,}", "a.b.C{d: Int(1), ?e: Int(2)}"),
        (".a.b", ".a.b"),
        ("has(a.b.c)", "has(a.b.c)"),
        ("// comment\n a // more", "a"),
        (
            "[1].all(x, x > 0)",
            "fold([Int(1)] as x; @result = Bool(true); @not_strictly_false(@result); _&&_(@result, _>_(x, Int(0))); @result)",
        ),
        (
            "[1].exists(i, x, x > i)",
            "fold([Int(1)] as i, x; @result = Bool(false); @not_strictly_false(!_(@result)); _||_(@result, _>_(x, i)); @result)",
        ),
        (
            "[1].exists_one(x, x)",
            "fold([Int(1)] as x; @result = Int(0); Bool(true); _?_:_(x, _+_(@result, Int(1)), @result); _==_(@result, Int(1)))",
        ),
        (
            "[1].map(x, x > 0, -x)",
            "fold([Int(1)] as x; @result = []; Bool(true); _?_:_(_>_(x, Int(0)), _+_(@result, [-_(x)]), @result); @result)",
        ),
        (
            "[1].filter(x, x)",
            "fold([Int(1)] as x; @result = []; Bool(true); _?_:_(x, _+_(@result, [x]), @result); @result)",
        ),
        ("m.transformList(k, v, v)", "fold(m as k, v; @result = []; Bool(true); _+_(@result, [v]); @result)"),
        (
            "m.transformMap(k, v, p, v)",
            "fold(m as k, v; @result = {}; Bool(true); _?_:_(p, cel.@mapInsert(@result, k, v), @result); @result)",
        ),
        (
            "m.transformMapEntry(k, v, {v: k})",
            "fold(m as k, v; @result = {}; Bool(true); cel.@mapInsert(@result, {v: k}); @result)",
        ),
        (
            "o.optMap(v, v)",
            "_?_:_(o.hasValue(), optional.of(fold([] as #unused; v = o.value(); Bool(false); v; v)), optional.none())",
        ),
        (
            "o.optFlatMap(v, v)",
            "_?_:_(o.hasValue(), fold([] as #unused; v = o.value(); Bool(false); v; v), optional.none())",
        ),
        (
            "l.sortBy(e, e.f)",
            "fold([] as #unused; @__sortBy_input__ = l; Bool(false); @__sortBy_input__; @__sortBy_input__.@sortByAssociatedKeys(fold(@__sortBy_input__ as e; @result = []; Bool(true); _+_(@result, [e.f]); @result)))",
        ),
    ];
    for (source, tree) in table {
        assert_eq!(parsed(source).as_ref().map(shown), Ok(tree.to_owned()), "{source}");
    }
}

#[test]
fn literals_mean_what_the_specification_says() {
    let text = |text: &str| Literal::String(text.into());
    let bytes = |bytes: &[u8]| Literal::Bytes(bytes.into());
    let table = [
        ("0x7fffffffffffffff", Literal::Int(i64::MAX)),
        ("-9223372036854775808", Literal::Int(i64::MIN)),
        ("-0x10", Literal::Int(-16)),
        ("18446744073709551615u", Literal::Uint(u64::MAX)),
        ("0xFFU", Literal::Uint(255)),
        (".5", Literal::Double(0.5)),
        ("-1.5e-3", Literal::Double(-0.0015)),
        ("1e3", Literal::Double(1000.0)),
        ("null", Literal::Null),
        ("true", Literal::Bool(true)),
        (r#""a\"b""#, text("a\"b")),
        (r"'\x41\u00e9\U0001F431\101\n\\\`\?'", text("A\u{e9}\u{1f431}A\n\\`?")),
        ("r'a\\n'", text("a\\n")),
        ("R\"\"\"a\n\"b\"\\\"\"\"", text("a\n\"b\"\\")),
        ("'''a'b''c\r\nd'''", text("a'b''c\nd")),
        ("''", text("")),
        ("''''''", text("")),
        (r"b'\xff\377a'", bytes(&[0xff, 0xff, b'a'])),
        ("b'\u{e9}'", bytes("\u{e9}".as_bytes())),
        ("bR'\\x'", bytes(b"\\x")),
    ];
    for (source, literal) in table {
        assert_eq!(parsed(source).map(|expr| expr.node), Ok(Node::Literal(literal)), "{source}");
    }
}

#[test]
fn a_text_that_is_no_expression_is_told_in_the_words_of_the_api_server() {
    for (source, error) in ERRORS {
        let found = Program::compile(&environment(), source, &[]).map(|_| ()).map_err(|e| e.to_string());
        assert_eq!(found, Err((*error).to_owned()), "{source}");
    }
}

#[test]
fn deep_nesting_is_refused_where_cel_go_refuses_it() {
    let limit = "ERROR: <input>:-1:0: expression recursion limit exceeded: 250";
    let depth = "ERROR: <input>:-1:0: max recursion depth exceeded";
    let repeated = |before: &str, middle: &str, after: &str, count: usize| {
        format!("{}{middle}{}", before.repeat(count), after.repeat(count))
    };
    let table = [
        (repeated("(", "1", ")", 249), None),
        (repeated("(", "1", ")", 250), Some(limit)),
        (repeated("[", "1", "]", 250), Some(limit)),
        (repeated("type(", "1", ")", 250), Some(limit)),
        (repeated("", "1", "+1", 250), None),
        (repeated("", "1", "+1", 251), Some(depth)),
        (repeated("", "x", ".a", 250), None),
        (repeated("", "x", ".a", 251), Some(depth)),
        (repeated("", "x", "[0]", 251), Some(depth)),
        (repeated("", "x", " && x", 5000), None),
        (repeated("!", "x", "", 5000), None),
        (repeated("-", "x", "", 5000), None),
        (repeated("(", "", "", 90_000), Some(limit)),
        (repeated("true ? 1 : ", "1", "", 250), Some(limit)),
    ];
    for (source, error) in table {
        let found = in_room(move || parsed(&source).map(|_| ()));
        assert_eq!(found.err().as_deref(), error);
    }
}

#[test]
fn long_expressions_and_those_that_macros_make_long_are_refused() {
    let long = parsed(&"a".repeat(100_001)).map(|_| ());
    let message = "ERROR: <input>:-1:0: expression code point size exceeds limit: size: 100001, limit 100000";
    assert_eq!(long, Err(message.to_owned()));
    assert!(parsed(&format!("'{}'", "\u{e9}".repeat(99_998))).is_ok(), "code points count, not bytes");

    let doubled = parsed(&format!("optional.of(1){}", ".optMap(v, v)".repeat(40))).map(|_| ());
    let message = "ERROR: <input>:-1:0: expression has too many nodes after macro expansion";
    assert_eq!(doubled, Err(message.to_owned()));
}

/// Builds without optimization need more than a test's stack for 250 levels; programs are compiled on a stack of their own.
fn in_room<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(64 << 20).spawn(work).expect("a thread").join().expect("no panic")
}

/// Texts of words that expressions are made of.
fn word_soup() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ".",
        ".?",
        "?",
        ":",
        ",",
        "+",
        "-",
        "*",
        "!",
        "&&",
        "||",
        "==",
        "<",
        "in",
        "self",
        "x",
        "1",
        "1u",
        "2.5",
        "'a'",
        "b'a'",
        "true",
        "null",
        "has(",
        ".all(v, ",
        ".map(v, ",
        ".optMap(v, ",
        ".sortBy(v, ",
        "type(",
        "@",
        "\n",
        "//",
        "`a`",
        "Self{",
        ".s",
        ".items",
        ".li",
        ".format([",
        "'%d'",
        "duration('",
        "size",
        "\u{e9}",
        "\\",
        "\"",
        "'''",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_text_stops_the_compiler(source in any::<String>()) {
        drop(Program::compile(&Environment::new(), &source, &[]));
    }

    #[test]
    fn no_order_of_words_stops_the_compiler(source in word_soup()) {
        drop(Program::compile(&environment(), &source, &[]));
    }
}
