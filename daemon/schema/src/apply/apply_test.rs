//! The same writes through upstream's libraries and through ours: the table `cases.jsonl` holds what upstream makes of them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schema_json::schema;
use crate::apply::{ApplyError, Force, OneVersion, Set, Shape, Versions, Writer};
use crate::decode::{FieldValidation, redecode};
use crate::kind::by_kind;
use crate::structural::schema::Schema;

/// A custom resource with some versions. In each, fields of `spec` may have other names than in the first.
struct Kind {
    schemas: BTreeMap<String, Schema>,
    renames: Map<String, Value>,
    converted: RefCell<usize>,
}

impl Kind {
    fn read(schemas: &Value, renames: &Value) -> Self {
        let schemas = schemas.as_object().unwrap().iter().map(|(version, json)| (version.clone(), schema(json)));
        let renames = renames.as_object().cloned().unwrap_or_default();
        Self { schemas: schemas.collect(), renames, converted: RefCell::new(0) }
    }

    fn rename(&self, spec: Map<String, Value>, version: &str, from: usize) -> Map<String, Value> {
        let Some(names) = self.renames.get(version).and_then(Value::as_object) else { return spec };
        let pair = |(own, other): (&String, &Value)| [own.clone(), other.as_str().unwrap().to_owned()];
        let pairs: Vec<_> = names.iter().map(pair).collect();
        let renamed = spec.into_iter().map(|(name, value)| {
            let pair = pairs.iter().find(|pair| pair[from] == name);
            (pair.map_or(name, |pair| pair[1 - from].clone()), value)
        });
        renamed.collect()
    }
}

impl Versions for Kind {
    fn shape(&self, api_version: &str) -> Option<Shape<'_>> {
        self.schemas.get(api_version).map(Shape::custom)
    }

    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, String> {
        *self.converted.borrow_mut() += 1;
        let mut object = object.clone();
        let from = object["apiVersion"].as_str().unwrap_or_default().to_owned();
        if let Some(Value::Object(spec)) = object.get("spec").cloned() {
            let spec = self.rename(spec, &from, 1);
            object["spec"] = Value::Object(self.rename(spec, api_version, 0));
        }
        object["apiVersion"] = json!(api_version);
        Ok(object)
    }
}

fn run(case: &Value) {
    let name = case["name"].as_str().unwrap();
    let mut kind = Kind::read(&case["schemas"], &case["renames"]);
    let mut live: Option<Value> = None;
    for (index, step) in case["steps"].as_array().unwrap().iter().enumerate() {
        if step["do"] == "schemas" {
            kind = Kind::read(&step["schemas"], &case["renames"]);
            continue;
        }
        let context = format!("{name}, step {index}");
        let at = step["at"].as_str().unwrap();
        let stored =
            live.take().map(|live| if live["apiVersion"] == at { live } else { kind.convert(&live, at).unwrap() });
        let want = &step["want"];
        let made = write(&kind, case["kind"].as_str().unwrap(), stored.as_ref(), step);
        // Upstream gives what it applied in the version in which it stores.
        let stored_in = want["object"]["apiVersion"].as_str().unwrap_or(at);
        let got = made.map(|made| if stored_in == at { made } else { kind.convert(&made, stored_in).unwrap() });
        compare(&context, &got, want);
        live = match want.get("object") {
            Some(object) => Some(object.clone()),
            None => stored,
        };
    }
}

fn write(kind: &dyn Versions, name: &str, live: Option<&Value>, step: &Value) -> Result<Value, ApplyError> {
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let paths: Vec<Vec<&str>> = step["ignored"]
        .as_array()
        .map(|paths| {
            paths
                .iter()
                .map(|path| path.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect())
                .collect()
        })
        .unwrap_or_default();
    let ignored = Set::of_names(&paths.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let writer = Writer {
        shape: kind.shape(text("at")).unwrap(),
        api_version: text("at"),
        kind: name,
        manager: text("as"),
        subresource: text("sub"),
        now: text("now"),
        ignored: &ignored,
        versions: kind,
    };
    let mut made = if step["do"] == "apply" {
        let force = if step["force"] == true { Force::Yes } else { Force::No };
        let made = writer.apply(live, &step["object"], force)?;
        // The same once more changes nothing. (Upstream takes what is empty in the place of what had parts in two steps, and
        // gives everything to the first apply where there are no managers.)
        let text = step["object"].to_string();
        let is_plain = !["null", "[]", "{}"].iter().any(|empty| text.contains(empty));
        if is_plain && made["metadata"]["managedFields"].is_array() {
            let again = writer.apply(Some(&made), &step["object"], Force::No).unwrap();
            assert_eq!(again, made, "{step}");
        }
        made
    } else {
        let mut object = step["object"].clone();
        drop(writer.update(live, &mut object));
        object
    };
    let metadata = made["metadata"].as_object_mut().unwrap();
    metadata.entry("uid").or_insert_with(|| json!("u"));
    Ok(made)
}

fn compare(context: &str, got: &Result<Value, ApplyError>, want: &Value) {
    match got {
        Ok(got) => {
            let wanted = want.get("object").unwrap_or_else(|| panic!("{context}: wanted {want}, got {got}"));
            let entries = |object: &Value| object["metadata"]["managedFields"].to_string();
            assert_eq!(entries(got), entries(wanted), "{context}");
            assert!(super::value::equal(got, wanted), "{context}:\n got {got}\nwant {wanted}");
        }
        Err(error) => {
            let kind = match error {
                ApplyError::Conflict { .. } => "Conflict",
                ApplyError::BadRequest(_) => "BadRequest",
                ApplyError::Internal(_) => "Internal",
            };
            assert_eq!(want["error"], kind, "{context}: {error}, wanted {want}");
            if want["unstable"] != true {
                assert_eq!(error.to_string(), want["message"].as_str().unwrap(), "{context}");
            }
            if let ApplyError::Conflict { causes, .. } = error {
                let mut causes: Vec<_> = causes.iter().map(|cause| json!([cause.message, cause.field])).collect();
                causes.sort_by_key(ToString::to_string);
                let mut wanted = want["causes"].as_array().unwrap().clone();
                wanted.sort_by_key(ToString::to_string);
                assert_eq!(causes, wanted, "{context}");
            }
        }
    }
}

/// Objects are decoded before they are written, and after they are applied.
fn run_built_in(case: &Value) {
    let at = case["steps"][0]["at"].as_str().unwrap();
    let (group, version) = at.split_once('/').unwrap_or(("", at));
    let Some(kind) = by_kind(group, version, case["kind"].as_str().unwrap()) else { return };
    let decode = |object: &Value| redecode(kind, object, FieldValidation::Ignore).map(|decoded| decoded.value);
    let versions = OneVersion { api_version: at, shape: Shape::from(&kind.shape) };
    let mut live: Option<Value> = None;
    for (index, step) in case["steps"].as_array().unwrap().iter().enumerate() {
        let mut step = step.clone();
        if step["do"] == "update" {
            step["object"] = decode(&step["object"]).unwrap();
        }
        let made = write(&versions, &kind.kind, live.as_ref(), &step);
        let got = match made.map(|made| decode(&made)) {
            Ok(Ok(got)) => Ok(got),
            Ok(Err(error)) => Err(ApplyError::Internal(error.to_string())),
            Err(error) => Err(error),
        };
        let want = &step["want"];
        compare(&format!("{}, {}, step {index}", case["name"], kind.kind), &got, want);
        live = want.get("object").map(|object| decode(object).unwrap()).or(live);
    }
}

/// The first line of a file holds the schemas, which cases name.
fn run_all(lines: &str) {
    let mut lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let schemas = lines.next().unwrap()["schemas"].take();
    let named = |of: &mut Value| {
        for (_, schema) in of.as_object_mut().into_iter().flatten() {
            *schema = schemas[schema.as_str().unwrap()].clone();
        }
    };
    for mut case in lines {
        if case.get("schemas").is_none() {
            run_built_in(&case);
            continue;
        }
        named(&mut case["schemas"]);
        for step in case["steps"].as_array_mut().unwrap() {
            step.get_mut("schemas").map(named);
        }
        run(&case);
    }
}

#[test]
fn writes_have_the_owners_that_upstream_gives_them() {
    run_all(include_str!("cases.jsonl"));
}

/// Runs a file of further cases, which a generator beside upstream's libraries has made.
#[test]
fn generated_writes_have_the_owners_that_upstream_gives_them() {
    let Ok(path) = std::env::var("HANSE_APPLY_CASES") else { return };
    run_all(&std::fs::read_to_string(path).unwrap());
}
