//! What holds for any set of fields, and for any stored form that anybody may send.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{fields, path::PathElement, set::Set};

fn element() -> impl Strategy<Value = PathElement> {
    let scalar = prop_oneof![
        (-2_i64..3).prop_map(Value::from),
        Just(json!(0.5)),
        "[ab\"<é]{0,2}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    prop_oneof![
        "[a-c]{1,2}".prop_map(|name| PathElement::field(&name)),
        scalar.clone().prop_map(PathElement::value),
        (0_i64..4).prop_map(PathElement::Index),
        proptest::collection::btree_map("[a-c]", scalar, 1..3).prop_map(|fields| {
            PathElement::key(fields.into_iter().map(|(name, value)| (name.into_boxed_str(), value)).collect())
        }),
    ]
}

fn path() -> impl Strategy<Value = Vec<PathElement>> {
    proptest::collection::vec(element(), 1..4)
}

fn set() -> impl Strategy<Value = Set> {
    proptest::collection::vec(path(), 0..12).prop_map(|paths| {
        let mut set = Set::new();
        paths.iter().for_each(|path| set.insert(path));
        set
    })
}

fn members(set: &Set) -> Vec<Vec<PathElement>> {
    let mut members = Vec::new();
    set.for_each(&mut |path| members.push(path.iter().map(|element| (*element).clone()).collect()));
    members
}

/// JSON that looks like a set here and there.
fn hostile() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        "[fkviz.]:?[a-c{}\"0-9:\\[\\]]{0,6}",
        "k:\\{\"[ab]\":[0-9]{1,25}\\}",
        Just(".".to_owned()),
        "\\PC{0,3}"
    ];
    let leaf = prop_oneof![Just(json!({})), Just(Value::Null), Just(json!(1)), Just(json!([]))];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        proptest::collection::vec((key.clone(), inner), 0..4)
            .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn sets_keep_the_laws_of_sets(a in set(), b in set(), c in set()) {
        for set in [a.union(&b), a.intersection(&b), a.difference(&b), a.recursive_difference(&b), a.leaves()] {
            prop_assert!(set.check());
        }
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.intersection(&b), b.intersection(&a));
        prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
        prop_assert_eq!(Set::union_all([&a, &b, &c]), a.union(&b).union(&c));
        prop_assert_eq!(a.intersection(&b), a.difference(&a.difference(&b)));
        prop_assert_eq!(&a.difference(&b).union(&a.intersection(&b)), &a);
        prop_assert!(a.difference(&a).is_empty() && a.recursive_difference(&a).is_empty());
        prop_assert_eq!(a.len(), members(&a).len());
    }

    #[test]
    fn members_are_what_was_put_in(a in set(), b in set(), probe in path()) {
        prop_assert_eq!(a.union(&b).has(&probe), a.has(&probe) || b.has(&probe));
        prop_assert_eq!(a.intersection(&b).has(&probe), a.has(&probe) && b.has(&probe));
        prop_assert_eq!(a.difference(&b).has(&probe), a.has(&probe) && !b.has(&probe));
        let covered = (1..=probe.len()).any(|length| b.has(&probe[..length]));
        prop_assert_eq!(a.recursive_difference(&b).has(&probe), a.has(&probe) && !covered);
        for member in members(&a) {
            prop_assert!(a.has(&member));
        }
    }

    #[test]
    fn the_stored_form_is_read_back_and_written_the_same(a in set()) {
        let stored = fields::encode(&a);
        let again = fields::decode(&stored).unwrap();
        prop_assert_eq!(&again, &a);
        prop_assert_eq!(fields::encode(&again).to_string(), stored.to_string());
    }

    #[test]
    fn any_stored_form_is_read_or_refused(stored in hostile()) {
        if let Ok(set) = fields::decode(&stored) {
            prop_assert!(set.check());
            prop_assert_eq!(fields::decode(&fields::encode(&set)).unwrap(), set);
        }
    }

    #[test]
    fn any_text_is_a_path_element_or_refused(text in "[fkvi]:\\PC{0,40}|\\PC{0,10}") {
        drop(PathElement::parse(&text));
    }
}

#[test]
fn a_set_that_is_too_deep_is_refused() {
    let mut stored = json!({});
    for _ in 0..fields::DEPTH_MAX {
        stored = json!({ "f:a": stored });
    }
    assert_eq!(fields::decode(&stored).unwrap_err(), "the set of fields is too deep");
    let depth = "[".repeat(100_000);
    assert!(PathElement::parse(&format!("v:{depth}")).is_err());
}

#[test]
fn numbers_in_keys_are_read_to_the_last_digit() {
    for key in
        ["v:5.634152615541296e+23", "v:0.30000000000000004", "v:9007199254740991", "v:1e-7", "v:-0.000001", "v:1e+21"]
    {
        let stored = json!({ key: {} });
        assert_eq!(fields::encode(&fields::decode(&stored).unwrap()), stored);
    }
}

#[test]
fn entries_are_in_the_order_of_upstream() {
    let order = [
        "f:a",
        "f:b",
        r#"k:{"a":-1}"#,
        r#"k:{"a":1}"#,
        r#"k:{"a":1,"b":"x"}"#,
        r#"k:{"a":"1"}"#,
        r#"k:{"b":0}"#,
        "v:-0.5",
        "v:1",
        "v:1.5",
        r#"v:"""#,
        r#"v:"a\u003cb""#,
        r#"v:"b""#,
        "v:false",
        "v:true",
        "v:[1,2]",
        "v:[1,2,3]",
        "v:{\"a\":1}",
        "v:null",
        "i:0",
        "i:10",
    ];
    let shuffled: Map<String, Value> = order.iter().rev().map(|key| ((*key).to_owned(), json!({}))).collect();
    let set = fields::decode(&Value::Object(shuffled)).unwrap();
    let Value::Object(stored) = fields::encode(&set) else { panic!("a set is an object") };
    assert_eq!(stored.keys().map(String::as_str).collect::<Vec<_>>(), order);
}

#[test]
fn path_elements_are_shown_as_upstream_shows_them() {
    for (stored, shown) in [
        ("f:a.b", ".a.b"),
        ("f:", "."),
        (r#"k:{"port":80,"name":"a\"b"}"#, r#"[name="a\"b",port=80]"#),
        (r#"k:{"port":2000000}"#, "[port=2e+06]"),
        (r#"v:"a""#, r#"[="a"]"#),
        ("v:0.00001", "[=1e-05]"),
        ("v:true", "[=true]"),
        ("v:[1,null]", "[=[1,null]]"),
        ("i:3", "[3]"),
    ] {
        assert_eq!(PathElement::parse(stored).unwrap().to_string(), shown, "{stored}");
    }
}
