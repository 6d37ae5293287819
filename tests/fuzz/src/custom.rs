//! Definitions of custom resources and what stands in them: schemas, paths, patterns, expressions; and objects of theirs.

use std::sync::{Arc, LazyLock};

use hanse_cel::budget::Budget;
use hanse_cel::environment::Environment;
use hanse_cel::program::Program;
use hanse_cel::ty::{FieldType, Size, Type};
use hanse_cel::value::Value as CelValue;
use hanse_schema::decode::{FieldValidation, decode, redecode};
use hanse_schema::default::{defaults, for_create, for_update};
use hanse_schema::definition::compile::Definition;
use hanse_schema::kind::{Kind, Part};
use hanse_schema::structural::build::build;
use hanse_schema::structural::jsonpath::JsonPath;
use hanse_schema::structural::pattern::Pattern;
use hanse_schema::structural::prune::{Root, prune};
use hanse_schema::{openapi, table, validate};
use serde_json::{Value, json};

use crate::input;
use crate::schema::definition_kind;
use crate::target::Target;

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "definition", run: definition, seeds: definitions },
    Target { name: "structural-schema", run: schema, seeds: schemas },
    Target { name: "custom-object", run: custom_object, seeds: custom_objects },
    Target { name: "jsonpath", run: jsonpath, seeds: jsonpaths },
    Target { name: "pattern", run: pattern, seeds: patterns },
    Target { name: "cel", run: cel, seeds: expressions },
];

fn boat_schema() -> Value {
    json!({"type": "object", "properties": {
        "spec": {"type": "object", "required": ["berths"], "properties": {
            "berths": {"type": "integer", "minimum": 1, "maximum": 99, "description": "how many can sleep on board"},
            "crew": {"type": "integer", "default": 2},
            "name": {"type": "string", "maxLength": 20, "pattern": "^[a-z]+$"},
            "tags": {"type": "array", "maxItems": 5, "x-kubernetes-list-type": "set", "items": {"type": "string", "maxLength": 9}},
            "ports": {"type": "array", "maxItems": 5, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port"],
                "items": {"type": "object", "required": ["port"], "properties": {"port": {"type": "integer"}, "at": {"type": "string", "format": "date-time"}}}},
            "any": {"x-kubernetes-preserve-unknown-fields": true},
            "size": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]}},
            "x-kubernetes-validations": [{"rule": "self.crew <= self.berths", "message": "everybody on board needs a berth"}]},
        "status": {"type": "object", "properties": {"at": {"type": "string", "nullable": true}}}}})
}

fn boats() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "boats.harbour.example.com"},
        "spec": {"group": "harbour.example.com", "scope": "Namespaced",
            "names": {"plural": "boats", "singular": "boat", "kind": "Boat", "listKind": "BoatList", "shortNames": ["bt"]},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": boat_schema()},
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.crew", "statusReplicasPath": ".status.crew"}},
                "additionalPrinterColumns": [{"name": "Berths", "type": "integer", "jsonPath": ".spec.berths"}],
                "selectableFields": [{"jsonPath": ".spec.name"}]}]}})
}

fn boat() -> Value {
    json!({"apiVersion": "harbour.example.com/v1", "kind": "Boat", "metadata": {"name": "cog", "namespace": "n"},
        "spec": {"berths": 12, "crew": 9, "name": "cog", "tags": ["a", "b"], "ports": [{"port": 1, "at": "2026-01-02T03:04:05Z"}],
            "any": {"a": [1, 2.5]}, "size": "10%"}})
}

/// A definition and an object, with a zero byte between them: what validation lets through is compiled, and serves.
fn definition(bytes: &[u8]) -> bool {
    let [definition, object] = input::parts(bytes);
    let kind = definition_kind();
    let Ok(decoded) = decode(kind, definition, FieldValidation::Warn) else { return false };
    let mut definition = decoded.value;
    defaults(kind, &mut definition);
    for_create(kind, &mut definition);
    let valid = validate::create(kind, &definition).is_empty();
    let compiled = Definition::compile(&definition["spec"]);
    assert!(compiled.is_ok() || !valid, "what is valid is compiled: {compiled:?}");
    let Ok(compiled) = compiled else { return false };
    if !valid {
        return false;
    }
    let kinds = compiled.kinds();
    for kind in &kinds {
        let _document = openapi::document(&kinds, &kind.group, &kind.version);
        serve(kind, object);
    }
    true
}

fn definitions() -> Vec<Vec<u8>> {
    vec![input::joined([&boats().to_string(), &boat().to_string()])]
}

/// A body for a kind that is defined: what is read is read once more as the same.
fn serve(kind: &Kind, body: &[u8]) -> bool {
    let Ok(decoded) = decode(kind, body, FieldValidation::Warn) else { return false };
    let mut object = decoded.value;
    assert_eq!(redecode(kind, &object, FieldValidation::Ignore).map(|again| again.value).as_ref(), Ok(&object));
    defaults(kind, &mut object);
    let sent = object.clone();
    for_create(kind, &mut object);
    let causes = validate::create(kind, &object);
    let _cells = table::cells(kind, &object, 0);
    let mut changed = sent;
    for_update(kind, Part::Object, &mut changed, &object);
    let _causes = validate::update(kind, Part::Object, &changed, &object);
    causes.is_empty()
}

static BOAT: LazyLock<Arc<Kind>> = LazyLock::new(|| {
    let compiled = Definition::compile(&boats()["spec"]).expect("the seed is valid");
    compiled.kinds().into_iter().next().expect("it has a version")
});

fn custom_object(bytes: &[u8]) -> bool {
    serve(&BOAT, bytes)
}

fn custom_objects() -> Vec<Vec<u8>> {
    vec![boat().to_string().into_bytes()]
}

/// A schema and a value, with a zero byte between them: what was pruned has nothing more to prune.
fn schema(bytes: &[u8]) -> bool {
    let [schema, value] = input::parts(bytes);
    let Ok(raw) = serde_json::from_slice::<Value>(schema) else { return false };
    let Ok(schema) = build(&raw) else { return false };
    if let Ok(mut value) = serde_json::from_slice::<Value>(value) {
        prune(&mut value, &schema, Root::Resource);
        let once = value.clone();
        prune(&mut value, &schema, Root::Resource);
        assert_eq!(value, once);
    }
    true
}

fn schemas() -> Vec<Vec<u8>> {
    vec![input::joined([&boat_schema().to_string(), &boat().to_string()])]
}

/// A path and a value, with a zero byte between them.
fn jsonpath(bytes: &[u8]) -> bool {
    let [path, value] = input::parts(bytes);
    let Ok(path) = JsonPath::parse(&String::from_utf8_lossy(path)) else { return false };
    let value = serde_json::from_slice(value).unwrap_or_else(|_| boat());
    for kind in ["string", "integer", "number", "boolean", "date"] {
        let _cell = path.cell(kind, &value, 0);
    }
    path.find(&value).is_ok()
}

fn jsonpaths() -> Vec<Vec<u8>> {
    let paths = [
        ".spec.ports[?(@.port==1)].at",
        ".spec.tags[0:2:1]",
        "..port",
        ".spec['name','crew']",
        ".spec.tags[-1]",
        ".metadata.*",
    ];
    paths.iter().map(|path| path.as_bytes().to_vec()).collect()
}

/// A pattern and a text, with a zero byte between them.
fn pattern(bytes: &[u8]) -> bool {
    let [source, text] = input::parts(bytes);
    let Ok(pattern) = Pattern::compile(&String::from_utf8_lossy(source)) else { return false };
    let _matches = pattern.matches(&String::from_utf8_lossy(text));
    true
}

fn patterns() -> Vec<Vec<u8>> {
    let patterns = [r"^[a-z]([-a-z0-9]*[a-z0-9])?$", r"(a|b){2,3}\d+?", r"[^\x00-\x{10FFFF}\pL]|\bfoo\z", "(?i:x)$"];
    patterns.iter().map(|pattern| input::joined([pattern, "abc-9"])).collect()
}

/// Variables of some types, and one of any.
static VARIABLES: LazyLock<Environment> = LazyLock::new(|| {
    let field = |ty, size| FieldType { ty, size };
    Environment::new()
        .variable("x", FieldType::unbounded(Type::Dyn))
        .variable("s", field(Type::String, Size::of(20)))
        .variable("i", FieldType::unbounded(Type::Int))
        .variable("l", field(Type::List(Arc::new(Type::Int)), Size::list(5, Size::default())))
        .variable(
            "m",
            field(Type::Map(Arc::new(Type::String), Arc::new(Type::Dyn)), Size::map(5, Size::of(9), Size::default())),
        )
        .mutation()
});
/// What one expression may cost.
const COST_MAX: u64 = 200_000;

/// An expression and the value of `x`, with a zero byte between them: what is evaluated twice is the same twice, at the same
/// cost, and a budget bounds it.
fn cel(bytes: &[u8]) -> bool {
    let [source, x] = input::parts(bytes);
    let Ok(program) = Program::compile(&VARIABLES, &String::from_utf8_lossy(source), &[]) else { return false };
    assert!(program.cost().min <= program.cost().max);
    let x = serde_json::from_slice(x).unwrap_or_else(|_| boat());
    let (list, map) = (json!([1, 2, 3]), json!({"a": 1, "b": "c"}));
    let variables = |name: &str| match name {
        "x" => Some(CelValue::from_dyn(&x)),
        "s" => Some(CelValue::str("a text")),
        "i" => Some(CelValue::Int(7)),
        "l" => Some(CelValue::from_dyn(&list)),
        "m" => Some(CelValue::from_dyn(&map)),
        _ => None,
    };
    let run = || {
        let mut budget = Budget::new(COST_MAX);
        let value = program.evaluate(&variables, &mut budget);
        (value.map(|value| format!("{value:?}")), budget.left())
    };
    let (value, left) = run();
    assert_eq!((&value, left), (&run().0, run().1));
    let mut budget = Budget::new(COST_MAX);
    if let Ok(value) = program.evaluate(&variables, &mut budget) {
        let _json = value.to_json();
    }
    true
}

fn expressions() -> Vec<Vec<u8>> {
    let sources = [
        "x.spec.crew <= x.spec.berths && has(x.spec.name)",
        "l.all(e, e > 0) && l.map(e, e * 2).exists_one(e, e == 4)",
        "s.matches('^a') ? s.split(' ').join('-') : string(i) + 'x'",
        "m.filter(k, k == 'a').size() == 1 || 'a' in m",
        "timestamp('2026-01-02T03:04:05Z') + duration('1h') > timestamp('2026-01-01T00:00:00Z')",
        "quantity('1.5Gi').isGreaterThan(quantity('1G')) && url('https://a:1/b').getPort() == '1'",
        "ip('10.0.0.1').family() == 4 && cidr('10.0.0.0/8').containsIP('10.1.1.1')",
        "cel.bind(v, i + 1, [v, v].sum() > 3) && x.?spec.?nothing.orValue(1) == 1",
        "Object{spec: Object.spec{crew: 1}}",
        "b'abc'.size() == 3 && type(1u) == uint && 0x1F % 7 / 2 - -1 >= int(1.5)",
        "[JSONPatch{op: 'add', path: '/a/' + jsonpatch.escapeKey('b/c'), value: {'k': null}}]",
        "'%s %d %.3f %x'.format(['a', 1, 1.5, 255]).lowerAscii().replace('a', 'b', 1).indexOf('b') == 0",
    ];
    sources.iter().map(|source| source.as_bytes().to_vec()).collect()
}
