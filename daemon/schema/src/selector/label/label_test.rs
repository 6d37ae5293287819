use super::{Operator, Selector};
use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};
use serde_json::json;

#[test]
fn selectors_select_as_upstreams_do() {
    let labels = json!({"a": "b", "n": "7", "e": "", "example.com/x": "y"});
    for (text, want) in [
        ("", true),
        ("a=b", true),
        ("a==b", true),
        ("a = b , n", true),
        ("a!=b", false),
        ("z!=b", true),
        ("a", true),
        ("!a", false),
        ("!z", true),
        ("a in (b,c)", true),
        ("a in (c)", false),
        ("a notin (b)", false),
        ("z notin (b)", true),
        ("z in (b)", false),
        ("e=", true),
        ("e in ()", true),
        ("a in (,b)", true),
        ("n>6", true),
        ("n<7", false),
        ("a>6", false),
        ("a in (in,notin,b)", true),
        ("example.com/x=y", true),
        ("a=b,example.com/x!=y", false),
    ] {
        let selector = Selector::parse(text).unwrap();
        assert_eq!(selector.matches(labels.as_object()), want, "{text}");
        let again = Selector::parse(&selector.to_string()).unwrap();
        assert_eq!(again, selector, "{text} is written as it is read");
    }
}

#[test]
fn bad_selectors_are_refused_in_upstreams_words() {
    const NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    for (text, want) in [
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt".to_owned()),
        ("a,", "found '', expected: identifier after ','".to_owned()),
        (",a", "found ',', expected: !, identifier, or 'end of string'".to_owned()),
        ("a in b", "unable to parse requirement: found 'b' expected: '('".to_owned()),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'".to_owned()),
        ("a=b c", "found 'c', expected: ',' or 'end of string'".to_owned()),
        ("!", "unable to parse requirement: found '', expected: identifier".to_owned()),
        ("!a=b", "found '=', expected: ',' or 'end of string'".to_owned()),
        ("-a=b", format!("unable to parse requirement: <nil>: Invalid value: \"-a\": name part {NAME}")),
        (
            "a>b",
            "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer".to_owned(),
        ),
        (
            "a=-",
            "unable to parse requirement: values[0][a]: Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')".to_owned(),
        ),
    ] {
        assert_eq!(Selector::parse(text).unwrap_err(), want, "{text}");
    }
}

#[test]
fn label_selector_objects_are_read() {
    let object = json!({
        "matchLabels": {"region": "eu"},
        "matchExpressions": [
            {"key": "zone", "operator": "In", "values": ["a", "b"]},
            {"key": "old", "operator": "DoesNotExist"},
        ],
    });
    let selector = Selector::from_object(&object, "s").unwrap();
    assert_eq!(selector.requirements().iter().map(|r| r.operator).collect::<Vec<_>>().len(), 3);
    assert_eq!(selector.requirements()[0].operator, Operator::DoesNotExist);
    assert!(selector.matches(json!({"region": "eu", "zone": "b"}).as_object()));
    assert!(!selector.matches(json!({"region": "us", "zone": "b"}).as_object()));
    assert!(!selector.matches(None));

    let wrong = json!({"matchExpressions": [
        {"key": "zone", "operator": "In"}, {"key": "zone", "operator": "Exists", "values": ["a"]}, {"key": "", "operator": "X"},
    ]});
    let causes = Selector::from_object(&wrong, "s").unwrap_err();
    let texts: Vec<String> = causes.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts[0],
        "s.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"
    );
    assert_eq!(
        texts[1],
        "s.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
    );
    assert_eq!(texts[2], "s.matchExpressions[2].operator: Invalid value: \"X\": not a valid selector operator");
    assert_eq!(texts[3], "s.matchExpressions[2].key: Invalid value: \"\": name part must be non-empty");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn any_text_is_read_or_refused_without_panic(text in "[a-c0-9=!,()<> intod./-]{0,40}|\\PC{0,30}") {
        if let Ok(selector) = Selector::parse(&text) {
            prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
        }
    }
}
