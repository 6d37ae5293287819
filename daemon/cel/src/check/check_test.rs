//! Which expressions have a type, and what is said of those that have none.

use std::sync::Arc;

use super::types_test::TYPES;
use crate::environment::Environment;
use crate::program::Program;
use crate::sample_test::environment;
use crate::ty::{FieldType, Type};

fn compiled(environment: &Environment, source: &str) -> Result<String, String> {
    let program = Program::compile(environment, source, &[]);
    program.map(|program| program.ty().to_string()).map_err(|error| error.to_string())
}

#[test]
fn expressions_have_the_types_and_errors_of_the_api_server() {
    let environment = environment();
    for (source, expected) in TYPES {
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(compiled(&environment, source), expected, "{source}");
    }
}

#[test]
fn the_result_must_be_of_a_type_that_was_asked_for() {
    let environment = environment();
    let compile = |source: &str, wanted: &[Type]| {
        Program::compile(&environment, source, wanted).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(compile("self.b", &[Type::Bool]), Ok(()));
    assert_eq!(compile("self.s", &[Type::Bool]), Err("must evaluate to bool but got string".into()));
    assert_eq!(compile("x", &[Type::Bool]), Err("must evaluate to bool but got dyn".into()));
    let wanted = [Type::String, Type::List(Arc::new(Type::String))];
    assert_eq!(compile("self.ls", &wanted), Ok(()));
    assert_eq!(compile("1", &wanted), Err("must evaluate to one of [string list(string)] but got int".into()));
}

#[test]
fn the_names_that_occur_are_known() {
    let environment = environment();
    let uses = |source: &str| Program::compile(&environment, source, &[]).expect(source).uses("oldSelf");
    assert!(uses("self.i > oldSelf.i"));
    assert!(uses("self.ls.all(x, x in oldSelf.ls)"));
    assert!(!uses("self.s == 'oldSelf'"));
    assert!(!uses("self.m.oldSelf == ''"));
}

#[test]
fn mutating_policies_write_objects_and_patches() {
    let environment = Environment::new().variable("object", FieldType::unbounded(Type::Dyn)).mutation();
    let table = [
        ("Object{spec: Object.spec{replicas: object.spec.replicas + 1}}", Ok("Object")),
        (
            "Object{metadata: Object.metadata{labels: Object.metadata.labels{a: 'b', ?c: optional.none()}}}",
            Ok("Object"),
        ),
        ("[JSONPatch{op: 'add', path: '/a/' + jsonpatch.escapeKey('b/c'), value: 1}]", Ok("list(JSONPatch)")),
        (
            "JSONPatch{op: 1}",
            Err(
                "ERROR: <input>:1:13: expected type of field 'op' is 'string' but provided type is 'int'\n | JSONPatch{op: 1}\n | ............^",
            ),
        ),
        (
            "JSONPatch{what: 1}",
            Err("ERROR: <input>:1:15: undefined field 'what'\n | JSONPatch{what: 1}\n | ..............^"),
        ),
        (
            "Other{}",
            Err("ERROR: <input>:1:6: undeclared reference to 'Other' (in container '')\n | Other{}\n | .....^"),
        ),
    ];
    for (source, expected) in table {
        let expected: Result<&str, &str> = expected;
        assert_eq!(compiled(&environment, source), expected.map(str::to_owned).map_err(str::to_owned), "{source}");
    }
}

#[test]
fn types_that_grow_at_each_step_are_refused() {
    let environment = environment();
    for source in
        [format!("[1]{}", ".map(a, {a: a})".repeat(100)), format!("self.li{}", ".map(a, a, {a: a})".repeat(60))]
    {
        let error = compiled(&environment, &source).expect_err("the type has 2^60 parts");
        assert!(error.contains("the types of the expression are too complex"), "{error}");
    }
}

#[test]
fn every_function_of_the_tables_can_be_looked_up() {
    for name in
        ["_+_", "@in", "ip.isCanonical", "format.dns1123Label", "optional.of", "sets.contains", "lists.range", "sort"]
    {
        assert!(crate::declare::function(name).is_some_and(|(_, overloads)| !overloads.is_empty()), "{name}");
    }
}
