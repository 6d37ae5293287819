//! No expression runs past its budget, takes memory without end, or panics.

#![allow(clippy::unwrap_used, reason = "a test ends with what it does not expect")]

use std::sync::Arc;

use hanse_cel::budget::{Budget, EvalError};
use hanse_cel::environment::Environment;
use hanse_cel::program::Program;
use hanse_cel::ty::{FieldType, ObjectType, Type};
use hanse_cel::value::Value;
use hanse_cel::value::shape::{ListFlavour, Shape};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const BUDGET: u64 = 1_000_000;

fn environment() -> Environment {
    Environment::new()
        .variable("object", FieldType::unbounded(Type::Dyn))
        .variable("self", FieldType::unbounded(subject()))
}

fn subject() -> Type {
    let list = |ty| Type::List(Arc::new(ty));
    let fields = [
        ("name", Type::String),
        ("count", Type::Int),
        ("ratio", Type::Double),
        ("on", Type::Bool),
        ("when", Type::Timestamp),
        ("span", Type::Duration),
        ("blob", Type::Bytes),
        ("items", list(Type::Int)),
        ("words", list(Type::String)),
        ("labels", Type::Map(Arc::new(Type::String), Arc::new(Type::String))),
        ("either", Type::Dyn),
    ];
    Type::Object(Arc::new(ObjectType {
        name: "Self".into(),
        fields: fields.into_iter().map(|(name, ty)| (name.into(), FieldType::unbounded(ty))).collect(),
        open: false,
    }))
}

/// Evaluates an expression, if it compiles, and tells what it gave and cost.
fn evaluate(expression: &str, data: &Json, budget: u64) -> Option<(Result<Json, EvalError>, u64)> {
    let program = Program::compile(&environment(), expression, &[]).ok()?;
    let shape = Shape::of(&subject());
    let mut left = Budget::new(budget);
    let outcome = program
        .evaluate(
            &|name: &str| match name {
                "self" => Value::from_json(data, &shape).ok(),
                "object" => Some(Value::from_dyn(data)),
                _ => None,
            },
            &mut left,
        )
        .and_then(|value| value.to_json());
    assert!(left.left() <= budget);
    Some((outcome, budget - left.left()))
}

#[test]
fn what_would_take_memory_without_end_is_cut_off() {
    let long = "a".repeat(200_000);
    let data = json!({
        "name": long,
        "items": (0..20_000).collect::<Vec<_>>(),
        "words": (0..1_000).map(|_| "x".repeat(1_000)).collect::<Vec<_>>(),
    });
    let doubled = |times: usize| {
        let steps: String = (0..times).map(|_| ".map(l, l + l)").collect();
        format!("[[1]]{steps}")
    };
    for expression in [
        // The result of a replacement is longer than what it costs.
        "self.name.replace('a', self.name).size()".to_owned(),
        "self.words.map(w, self.name.replace('a', w)).size()".to_owned(),
        "lists.range(9223372036854775807).size()".to_owned(),
        "lists.range(900000).map(x, self.name).join('')".to_owned(),
        // Lists that share what they hold, and would be endless if they were written out.
        format!("{}[0].all(x, x == 1)", doubled(60)),
        format!("{}[0].map(x, x).size()", doubled(60)),
        format!("2 in {}[0]", doubled(60)),
        format!("'%s'.format([{}]).size()", doubled(60)),
        format!("{}[0].sum()", doubled(60)),
        format!("{}[0].map(x, [''])[0].isSorted()", doubled(60)),
        format!("{}[0].isSorted()", doubled(60).replace("[[1]]", "[['']]")),
        format!("{}[0].reverse().size()", doubled(60)),
        format!("{}[0].distinct().size()", doubled(60)),
        format!("{}[0].sort().size()", doubled(60)),
        format!("{}.flatten().size()", doubled(60)),
        format!("{0} == {0}.map(x, x)", "[1]".to_owned() + &".map(x, [x, x])".repeat(60)),
        format!("{}.map(x, string(x[0]))", "[1]".to_owned() + &".map(x, [x, x])".repeat(2)),
        "self.items.all(x, self.items.all(y, self.items.all(z, true)))".to_owned(),
        "self.items.map(x, self.items.map(y, self.items))".to_owned(),
        "self.items.map(x, self.name + self.name)".to_owned(),
        "self.items.all(x, self.name.matches('(a+)+$'))".to_owned(),
    ] {
        let Some((outcome, _)) = evaluate(&expression, &data, 100_000) else { continue };
        assert!(outcome.is_err(), "{expression}");
    }
}

#[test]
fn the_deepest_expressions_that_compile_are_evaluated() {
    let nested = |open: &str, inner: &str, close: &str, depth: usize| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    let chained = |first: &str, link: &str, depth: usize| format!("{first}{}", link.repeat(depth));
    let mut deepest = 0;
    for depth in [10, 25, 50, 60, 80, 100, 120, 200, 240, 249, 1_000] {
        for expression in [
            nested("[", "1", "]", depth),
            nested("(", "1", " + 1)", depth),
            nested("size([", "1", "])", depth),
            nested("[1].map(x, ", "1", ")", depth),
            nested("[1].all(x, [x].exists(y, ", "true", "))", depth),
            nested("(true ? ", "1", " : 2)", depth),
            nested("{'a': ", "1", "}", depth),
            nested("optional.of(", "1", ")", depth),
            nested("!(", "true", ")", depth),
            chained("[1]", ".map(x, [x])", depth),
            chained("[1]", ".filter(x, true)", depth),
            chained("1", " + 1", depth),
            chained("true", " && true", depth),
            chained("object", ".name", depth),
            chained("'a'", ".lowerAscii()", depth),
        ] {
            if let Some((outcome, _)) = evaluate(&expression, &json!({}), BUDGET) {
                deepest = depth;
                assert!(outcome.is_ok() || matches!(outcome, Err(EvalError::Other(_))), "{expression}");
            }
        }
    }
    assert_eq!(deepest, 1_000, "conjunctions are not nested, however long they are");
}

#[test]
fn a_list_that_is_joined_often_is_neither_copied_nor_forgotten() {
    let data = json!({"items": (0..1_000).collect::<Vec<_>>()});
    let (outcome, cost) =
        evaluate("self.items.map(x, (self.items + self.items)[x + 500]).sum()", &data, BUDGET).unwrap();
    // The places 500 to 1499 of the numbers twice: all numbers once.
    assert_eq!(outcome, Ok(json!(499_500)));
    assert!(cost < 25_000, "{cost}");
}

#[test]
fn an_accumulated_list_is_built_in_place() {
    let (outcome, cost) = evaluate("lists.range(50000).map(x, x).size()", &json!({}), BUDGET).unwrap();
    assert_eq!(outcome, Ok(json!(50_000)));
    assert!(cost < BUDGET);
}

#[test]
fn nothing_absorbs_the_end_of_the_budget() {
    let data = json!({"items": (0..100).collect::<Vec<_>>()});
    for expression in [
        "self.items.all(x, x >= 0) || true",
        "true || self.items.all(x, x >= 0)",
        "self.items.exists(x, x > 1000) && false",
        "[1].exists(y, self.items.all(x, x >= 0)) || true",
        "optional.of(self.items.map(x, x)).hasValue()",
    ] {
        let (whole, cost) = evaluate(expression, &data, BUDGET).unwrap();
        assert!(whole.is_ok(), "{expression}");
        if cost > 0 {
            let (cut, spent) = evaluate(expression, &data, cost - 1).unwrap();
            assert_eq!(cut, Err(EvalError::Cost), "{expression}");
            assert_eq!(spent, cost - 1, "{expression}");
        }
    }
}

#[test]
fn lists_keep_their_flavour_while_they_are_added() {
    let keyed =
        Shape::object([("name".into(), "name".into(), Shape::String), ("port".into(), "port".into(), Shape::Int)]);
    let shape = Shape::object([
        ("set".into(), "set".into(), Shape::list(Shape::String, ListFlavour::Set)),
        ("map".into(), "map".into(), Shape::list(keyed, ListFlavour::Map(Box::new(["name".into()])))),
    ]);
    let left = json!({"set": ["a", "b"], "map": [{"name": "x", "port": 1}, {"name": "y", "port": 2}]});
    let right = json!({"set": ["c", "a"], "map": [{"name": "z", "port": 4}, {"name": "x", "port": 3}]});
    let environment = Environment::new()
        .variable("l", FieldType::unbounded(Type::Dyn))
        .variable("r", FieldType::unbounded(Type::Dyn));
    for (expression, wanted) in [
        ("l.set + r.set", json!(["a", "b", "c"])),
        ("l.set + r.set == ['c', 'b', 'a']", json!(true)),
        ("(l.set + r.set) + ['d', 'a']", json!(["a", "b", "c", "d"])),
        ("l.map + r.map", json!([{"name": "x", "port": 3}, {"name": "y", "port": 2}, {"name": "z", "port": 4}])),
        ("(l.map + r.map).size()", json!(3)),
        ("l.map + r.map == r.map + l.map", json!(false)),
        ("r.map + l.map == l.map + r.map.filter(e, e.name != 'x')", json!(true)),
    ] {
        let program = Program::compile(&environment, expression, &[]).unwrap();
        let value = program
            .evaluate(
                &|name: &str| Value::from_json(if name == "l" { &left } else { &right }, &shape).ok(),
                &mut Budget::new(BUDGET),
            )
            .unwrap();
        assert_eq!(value.to_json(), Ok(wanted), "{expression}");
    }
}

#[test]
fn objects_that_expressions_make_become_json() {
    let environment = Environment::new().variable("object", FieldType::unbounded(Type::Dyn)).mutation();
    let data = json!({"spec": {"replicas": 2}, "labels": {"app": "web"}});
    for (expression, wanted) in [
        ("Object{spec: Object.spec{replicas: object.spec.replicas + 1}}", json!({"spec": {"replicas": 3}})),
        ("Object{metadata: Object.metadata{labels: {'a': 'b'}}}", json!({"metadata": {"labels": {"a": "b"}}})),
        (
            "Object{spec: Object.spec{?paused: object.?nope, list: [dyn(1), dyn(2.5), dyn('x'), dyn(null)]}}",
            json!({"spec": {"list": [1, 2.5, "x", null]}}),
        ),
        (
            "Object{spec: Object.spec{x__dash__y: b'hi', t: duration('90s')}}",
            json!({"spec": {"x-y": "aGk=", "t": "90s"}}),
        ),
        (
            "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b~c'), value: object.labels}]",
            json!([{"op": "add", "path": "/metadata/labels/a~1b~0c", "value": {"app": "web"}}]),
        ),
        ("Object{spec: Object.spec{a: 1}} == Object{spec: Object.spec{a: 1}}", json!(true)),
        ("Object{spec: Object.spec{a: 1}} == Object{spec: Object.spec{a: 2}}", json!(false)),
        ("Object{spec: Object.spec{a: 1}} == Object{spec: Object.spec{a: 1, b: 2}}", json!(false)),
        ("has(Object{spec: Object.spec{a: 1}}.spec)", json!(true)),
        ("Object{spec: Object.spec{a: 1}}.spec.a", json!(1)),
    ] {
        let program = Program::compile(&environment, expression, &[]).unwrap();
        let value = program
            .evaluate(&|name: &str| (name == "object").then(|| Value::from_dyn(&data)), &mut Budget::new(BUDGET))
            .unwrap();
        assert_eq!(value.to_json(), Ok(wanted), "{expression}");
    }
}

#[test]
fn only_the_variables_of_a_scope_that_are_used_are_asked_for() {
    let environment = Environment::new().variable("variables", FieldType::unbounded(Type::Dyn));
    let program = Program::compile(&environment, "variables.a > 1 || variables.a + variables.b > 0", &[]).unwrap();
    let asked = std::cell::RefCell::new(Vec::new());
    let value = program.evaluate(
        &|name: &str| {
            asked.borrow_mut().push(name.to_owned());
            match name {
                "variables" => Some(Value::Scope("variables")),
                "variables.a" => Some(Value::Int(2)),
                _ => None,
            }
        },
        &mut Budget::new(BUDGET),
    );
    assert!(matches!(value, Ok(Value::Bool(true))));
    assert_eq!(*asked.borrow(), ["variables", "variables.a"]);
}

/// JSON of any form, with the fields of `self` now and then.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "[a-z0-9:.-]{0,12}".prop_map(Json::from),
        Just(json!("2024-01-01T00:00:00Z")),
        Just(json!("1h")),
        Just(json!("aGk=")),
    ];
    let key = prop_oneof![
        Just("name"),
        Just("count"),
        Just("ratio"),
        Just("on"),
        Just("when"),
        Just("span"),
        Just("blob"),
        Just("items"),
        Just("words"),
        Just("labels"),
        Just("either"),
        Just("other")
    ];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(key.clone().prop_map(String::from), inner, 0..6)
                .prop_map(|object| Json::Object(object.into_iter().collect())),
        ]
    })
}

const LEAVES: [&str; 39] = [
    "1",
    "0",
    "-1",
    "9223372036854775807",
    "2u",
    "1.5",
    "0.0",
    "true",
    "false",
    "null",
    "''",
    "'abc'",
    "'1h'",
    "b'x'",
    "[]",
    "[1, 2]",
    "['a']",
    "{}",
    "{'a': 1}",
    "self",
    "self.name",
    "self.count",
    "self.ratio",
    "self.on",
    "self.when",
    "self.span",
    "self.blob",
    "self.items",
    "self.words",
    "self.labels",
    "self.either",
    "object",
    "object.name",
    "object.items",
    "object.?other",
    "x",
    "optional.none()",
    "quantity('1')",
    "dyn(1)",
];
const OPERATORS: &str = "+ - * / % == != < >= && || in";
const METHODS: &str = "size contains startsWith matches find findAll split join replace substring indexOf format sum max sort \
                       distinct reverse flatten slice orValue or value first getHours add compareTo charAt lowerAscii \
                       isSorted";
const FUNCTIONS: &str = "int uint double string bytes bool timestamp duration type dyn size quantity ip cidr url semver \
                         optional.of lists.range sets.contains isURL strings.quote";
const FOLDS: &str = "all exists exists_one map filter sortBy optMap";

fn one_of(words: &'static str) -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(words.split(' ').collect::<Vec<_>>())
}

/// Expressions, not all of which compile.
fn any_expression() -> impl Strategy<Value = String> {
    prop::sample::select(LEAVES.to_vec()).prop_map(String::from).prop_recursive(4, 24, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            (two.clone(), one_of(OPERATORS))
                .prop_map(|((left, right), operator)| format!("({left} {operator} {right})")),
            (two.clone(), one_of(METHODS)).prop_map(|((target, arg), name)| format!("{target}.{name}({arg})")),
            (inner.clone(), one_of(METHODS)).prop_map(|(target, name)| format!("{target}.{name}()")),
            (inner.clone(), one_of(FUNCTIONS)).prop_map(|(arg, name)| format!("{name}({arg})")),
            (two.clone(), one_of(FOLDS)).prop_map(|((target, body), name)| format!("{target}.{name}(x, {body})")),
            two.clone().prop_map(|(target, body)| format!("{target}.transformMap(x, y, {body})")),
            two.clone().prop_map(|(target, index)| format!("{target}[{index}]")),
            two.clone().prop_map(|(target, index)| format!("{target}[?{index}]")),
            (two, inner.clone()).prop_map(|((test, yes), no)| format!("({test} ? {yes} : {no})")),
            inner.prop_map(|value| format!("dyn({value})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn any_expression_on_any_json_ends_within_its_budget(expression in any_expression(), data in any_json(), budget in 0_u64..2_000) {
        let whole = evaluate(&expression, &data, BUDGET);
        let cut = evaluate(&expression, &data, budget);
        if let (Some((outcome, cost)), Some((cut, spent))) = (whole, cut) {
            if cost > budget {
                prop_assert_eq!(cut, Err(EvalError::Cost));
            } else if outcome != Err(EvalError::Cost) {
                // The same again: evaluation has no memory.
                prop_assert_eq!(cut, outcome);
                prop_assert_eq!(spent, cost);
            }
        }
    }
}
