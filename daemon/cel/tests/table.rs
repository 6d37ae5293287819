//! Expressions with the values, errors and costs that cel-go with Kubernetes' libraries (version 1.36) gives them.
//!
//! In `cases/*.txt`, each case is the expression; `= value`, `! error`, or `? error` for one that is found before any
//! evaluation; and `$ cost`. The variables have the values in `cases/data.json` and the types of [`subject`].

#![allow(clippy::unwrap_used, reason = "a test ends with what it does not expect")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use hanse_cel::budget::{Budget, EvalError};
use hanse_cel::environment::Environment;
use hanse_cel::library::authorizer::{self, Authorizer, Decision, Question, ResourceTarget, Target};
use hanse_cel::program::{CompileError, Program};
use hanse_cel::ty::{FieldType, ObjectType, Type};
use hanse_cel::value::Value;
use hanse_cel::value::map::Map;
use hanse_cel::value::opaque::Opaque;
use hanse_cel::value::print;
use hanse_cel::value::shape::{ListFlavour, Shape};
use serde_json::Value as Json;

/// A field: its name in expressions, its key in JSON, its type and its shape.
type Field = (&'static str, &'static str, Type, Shape);

fn field(name: &'static str, ty: Type) -> Field {
    let shape = Shape::of(&ty);
    (name, name, ty, shape)
}

fn object(name: &str, fields: Vec<Field>) -> (Type, Shape) {
    let shape =
        Shape::object(fields.iter().map(|(name, key, _, shape)| ((*name).into(), (*key).into(), shape.clone())));
    let fields: BTreeMap<_, _> =
        fields.into_iter().map(|(name, _, ty, _)| (Box::from(name), FieldType::unbounded(ty))).collect();
    (Type::Object(Arc::new(ObjectType { name: name.into(), fields, open: false })), shape)
}

fn list(element: Type) -> Type {
    Type::List(Arc::new(element))
}

fn map(value: Type) -> Type {
    Type::Map(Arc::new(Type::String), Arc::new(value))
}

/// The type and the shape of the variables `self` and `old`.
fn subject() -> (Type, Shape) {
    let (deep, deep_shape) = object("selfType.nested.deep", vec![field("v", Type::Int)]);
    let (nested, nested_shape) = object(
        "selfType.nested",
        vec![
            field("a", Type::String),
            ("__namespace__", "namespace", Type::String, Shape::String),
            ("x__dash__dash", "x-dash", Type::Int, Shape::Int),
            ("deep", "deep", deep, deep_shape),
        ],
    );
    let (port, port_shape) = object("selfType.ports.@idx", vec![field("name", Type::String), field("port", Type::Int)]);
    let keyed = ListFlavour::Map(Box::new(["name".into()]));
    object(
        "selfType",
        vec![
            field("name", Type::String),
            field("count", Type::Int),
            field("ratio", Type::Double),
            field("on", Type::Bool),
            field("when", Type::Timestamp),
            ("day", "day", Type::Timestamp, Shape::Date),
            field("span", Type::Duration),
            field("blob", Type::Bytes),
            ("tags", "tags", list(Type::String), Shape::list(Shape::String, ListFlavour::Set)),
            ("ports", "ports", list(port), Shape::list(port_shape, keyed)),
            field("items", list(Type::Int)),
            field("words", list(Type::String)),
            field("floats", list(Type::Double)),
            field("labels", map(Type::String)),
            field("limits", map(Type::Dyn)),
            field("either", Type::Dyn),
            ("nested", "nested", nested, nested_shape),
            field("missing", Type::String),
            field("nothing", Type::String),
            field("matrix", list(list(Type::Int))),
        ],
    )
}

/// Allows to get, fails to fail, and tells what it was asked.
struct Oracle;

impl Authorizer for Oracle {
    fn authorize(&self, question: &Question) -> Decision {
        let user = question
            .service_account
            .as_ref()
            .map_or_else(|| "alice".into(), |(namespace, name)| format!("system:serviceaccount:{namespace}:{name}"));
        let verb = &*question.verb;
        let asked = match &question.target {
            Target::Path(path) => format!("||||||{path}"),
            Target::Resource(target) => format!(
                "|{}|{}|{}|{}|{}|",
                target.group, target.resource, target.subresource, target.namespace, target.name
            ),
        };
        let error = (verb == "fail").then(|| "broken".into());
        Decision { allowed: verb == "get", reason: format!("{user}|{verb}{asked}").into(), error }
    }
}

fn environment() -> Environment {
    let (ty, _) = subject();
    let variable = FieldType::unbounded;
    Environment::new()
        .variable("self", variable(ty.clone()))
        .variable("old", variable(ty))
        .variable("object", variable(Type::Dyn))
        .variable("authorizer", variable(Type::Opaque("kubernetes.authorization.Authorizer")))
        .variable("authorizer.requestResource", variable(Type::Opaque("kubernetes.authorization.ResourceCheck")))
        .mutation()
}

/// A value as the tables write it.
fn show(value: &Value<'_>) -> String {
    match value {
        Value::Double(number) => {
            let text = print::number(*number);
            if text.contains(['.', 'e', 'I', 'N']) { text } else { format!("{text}.0") }
        }
        Value::Uint(number) => format!("{number}u"),
        Value::String(text) => serde_json::to_string(&**text).unwrap(),
        Value::Bytes(bytes) => bytes.iter().fold(String::from("b"), |text, byte| format!("{text}{byte:02x}")),
        Value::Timestamp(time) => format!("timestamp {time}"),
        Value::Duration(duration) => format!("duration {}", duration.nanoseconds()),
        Value::List(list) => {
            let elements: Vec<_> = list.iter().map(|element| show(&element.unwrap())).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Map(map) => show_map(map),
        Value::Optional(None) => "optional.none".into(),
        Value::Optional(Some(value)) => format!("optional({})", show(value)),
        Value::Type(name) => format!("type {}", &**name),
        Value::Opaque(Opaque::Url(url)) => format!("url {url}"),
        Value::Opaque(Opaque::Quantity(amount)) => format!("quantity {amount}"),
        Value::Opaque(Opaque::Ip(address)) => format!("ip {address}"),
        Value::Opaque(Opaque::Cidr(range)) => format!("cidr {range}"),
        Value::Opaque(Opaque::Semver(version)) => {
            format!("semver {}.{}.{}", version.major, version.minor, version.patch)
        }
        Value::Opaque(Opaque::Format(format)) => format!("format {}", format.name),
        other => print::brief(other),
    }
}

fn show_map(map: &Map<'_>) -> String {
    let mut entries: Vec<String> = match map {
        Map::Owned(entries) => {
            entries.iter().map(|(key, value)| format!("{}: {}", show(&key.clone().into()), show(value))).collect()
        }
        Map::Json(object, _) => object
            .keys()
            .map(|key| format!("{}: {}", show(&Value::str(key)), show(&map.field(key).unwrap().unwrap())))
            .collect(),
        Map::Object(_, shape) => shape
            .fields
            .keys()
            .filter_map(|name| Some(format!("{}: {}", show(&Value::str(name)), show(&map.field(name).unwrap()?))))
            .collect(),
        Map::Struct(object) => {
            object.fields.iter().map(|(name, value)| format!("{}: {}", show(&Value::str(name)), show(value))).collect()
        }
    };
    entries.sort();
    format!("{{{}}}", entries.join(", "))
}

struct Case<'t> {
    expression: &'t str,
    outcome: &'t str,
    cost: Option<u64>,
}

fn cases(text: &str) -> Vec<Case<'_>> {
    text.split("\n\n")
        .filter(|case| !case.trim().is_empty())
        .map(|case| {
            let mut lines = case.trim_matches('\n').lines();
            Case {
                expression: lines.next().unwrap(),
                outcome: lines.next().unwrap(),
                cost: lines.next().map(|line| line.strip_prefix("$ ").unwrap().parse().unwrap()),
            }
        })
        .collect()
}

fn variable<'a>(name: &str, data: &'a Json, shape: &'a Shape) -> Option<Value<'a>> {
    match name {
        "self" | "old" => Value::from_json(&data[name], shape).ok(),
        "object" => Some(Value::from_dyn(&data[name])),
        "authorizer" => Some(authorizer::variable(Arc::new(Oracle))),
        "authorizer.requestResource" => {
            let target = ResourceTarget {
                group: "apps".into(),
                resource: "deployments".into(),
                subresource: "scale".into(),
                namespace: "prod".into(),
                name: "web".into(),
                ..ResourceTarget::default()
            };
            Some(authorizer::request_resource(Arc::new(Oracle), target))
        }
        _ => None,
    }
}

/// What an expression gives, and at what cost.
fn run(environment: &Environment, expression: &str, data: &Json, shape: &Shape) -> (String, Option<u64>) {
    let program = match Program::compile(environment, expression, &[]) {
        Ok(program) => program,
        Err(CompileError::Constant(error)) => return (format!("? {error}"), None),
        Err(error) => return (format!("does not compile: {error}"), None),
    };
    const LIMIT: u64 = 1_000_000;
    let mut budget = Budget::new(LIMIT);
    let outcome = program.evaluate(&|name: &str| variable(name, data, shape), &mut budget);
    let text = match outcome {
        Ok(value) => format!("= {}", show(&value)),
        Err(error) => format!("! {error}"),
    };
    (text, Some(LIMIT - budget.left()))
}

/// Whether an expression is cut off with one unit less than it costs.
fn is_cut_off(environment: &Environment, expression: &str, data: &Json, shape: &Shape, cost: u64) -> bool {
    let program = Program::compile(environment, expression, &[]).unwrap();
    let mut budget = Budget::new(cost - 1);
    let outcome = program.evaluate(&|name: &str| variable(name, data, shape), &mut budget);
    matches!(outcome, Err(EvalError::Cost)) && budget.left() == 0
}

fn check(file: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let data: Json = serde_json::from_str(&fs::read_to_string(directory.join("data.json")).unwrap()).unwrap();
    let text = fs::read_to_string(directory.join(file)).unwrap();
    let (environment, (_, shape)) = (environment(), subject());
    let mut wrong = Vec::new();
    let cases = cases(&text);
    for Case { expression, outcome, cost } in &cases {
        let (found, spent) = run(&environment, expression, &data, &shape);
        let cost_differs = cost.is_some_and(|cost| spent != Some(cost.min(1_000_000)));
        if found != *outcome || cost_differs {
            wrong.push(format!("{expression}\n  want {outcome} at {cost:?}\n  got  {found} at {spent:?}"));
        } else if let Some(cost) = cost.filter(|cost| (1..=1_000_000).contains(cost)) {
            assert!(
                is_cut_off(&environment, expression, &data, &shape, cost),
                "{expression} is not cut off below {cost}"
            );
        }
    }
    assert!(wrong.is_empty(), "{} of {} in {file}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn operators_conversions_and_times_are_those_of_cel_go() {
    check("standard.txt");
}

#[test]
fn paths_and_optional_values_are_those_of_cel_go() {
    check("paths.txt");
}

#[test]
fn macros_are_those_of_cel_go() {
    check("macros.txt");
}

#[test]
fn strings_are_those_of_cel_go() {
    check("strings.txt");
}

#[test]
fn lists_and_sets_are_those_of_kubernetes() {
    check("lists.txt");
}

#[test]
fn libraries_are_those_of_kubernetes() {
    check("kubernetes.txt");
}

#[test]
fn corners_are_those_of_cel_go() {
    check("corners.txt");
}

#[test]
fn expressions_that_combine_everything_are_those_of_cel_go() {
    check("combined.txt");
}

#[test]
fn texts_are_read_as_go_reads_them() {
    check("texts.txt");
}
