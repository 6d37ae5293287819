//! Holds the reader to upstream's, and the writer to the reader.

use std::fmt::Write as _;

use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};
use serde_json::{Map, Value, json};

use super::{from_json, to_json};

/// What `sigs.k8s.io/yaml` v1.6 gives for each text: the value and what its strict form complains about, or the error.
#[test]
fn documents_mean_what_they_mean_to_upstream() {
    let cases: Vec<Vec<Value>> = serde_json::from_str(include_str!("cases.json")).unwrap();
    assert!(cases.len() > 100);
    for case in cases {
        let text = case[0].as_str().unwrap();
        let found = match to_json(text.as_bytes()) {
            Ok(read) => vec![case[0].clone(), read.value.clone(), json!(read.complaint())],
            Err(problem) => vec![case[0].clone(), json!(problem.to_string())],
        };
        assert_eq!(found, case);
    }
}

/// Where we read what upstream refuses: what YAML 1.2 or JSON allows.
#[test]
fn more_is_read_than_upstream_reads() {
    let table = [
        ("a: \"\\/\"\n", json!({"a": "/"})),
        (r#"{"a": "\ud83d\ude00"}"#, json!({"a": "\u{1f600}"})),
        ("a:\n- {\n}\n- [1,\n2\n]\n", json!({"a": [{}, [1, 2]]})),
    ];
    for (text, expected) in table {
        assert_eq!(to_json(text.as_bytes()).unwrap().value, expected, "{text}");
    }
}

/// In each case a short text would become a large value, a deep one, or much work.
#[test]
fn a_small_document_stays_small() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(laughs, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 1000].join(", "));
    let mut chain = "a0: &a0 [x]\n".to_owned();
    for level in 1..1000 {
        writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    let mut merges = "a0: &a0 {x: 1}\n".to_owned();
    for level in 1..40 {
        writeln!(merges, "a{level}: &a{level} {{<<: [*a{0}, *a{0}]}}", level - 1).unwrap();
    }
    let wide = "- x\n".repeat(700_000);
    for (what, text) in [
        ("excessive aliasing", laughs),
        ("excessive aliasing", long),
        ("excessive aliasing", chain),
        ("excessive aliasing", merges),
        ("more than 250000 values", wide),
        ("exceeded max depth", "[".repeat(1_000_000)),
        ("exceeded max depth", "- ".repeat(1_000_000)),
        ("exceeded max depth", "{a: ".repeat(1_000_000)),
        ("exceeded max depth", "? ".repeat(1_000_000)),
        ("invalid indentation", format!("a: [{}", "\n{\n}\n,".repeat(300_000))),
    ] {
        let problem = to_json(text.as_bytes()).unwrap_err().to_string();
        assert!(problem.contains(what), "{problem}");
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "[a-z0-9~:#{}\\[\\],&*!|>'\"%@`. \n\t\\\\é-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z0-9:# -]{0,6}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(value in values()) {
        let yaml = from_json(value.to_string().as_bytes()).unwrap();
        prop_assert_eq!(to_json(&yaml).unwrap().value, value);
    }

    #[test]
    fn no_text_stops_the_server(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in "([a-c*&!|>?:,'\"%@`#\\-\\[\\]{} \n\t.~0-9<]|<<|: |- |\n  ){0,120}",
    ) {
        to_json(&bytes).ok();
        to_json(text.as_bytes()).ok();
    }
}
