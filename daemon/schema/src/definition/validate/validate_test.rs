use super::{create, update};
use crate::definition::default;
use crate::kind::Part;
use serde_json::{Value, json};

/// What upstream's validation answers for changes of one definition, a case a line.
const CASES: &str = include_str!("../cases/cases.jsonl");

fn base() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com", "names": {"plural": "things", "kind": "Thing"}, "scope": "Namespaced",
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"a": {"type": "string"}}},
                    "status": {"type": "object"},
                }}},
            }],
        },
    })
}

fn edit(definition: &mut Value, edits: Option<&Value>) {
    for one in edits.and_then(Value::as_array).into_iter().flatten() {
        let (path, value) = (one[0].as_array().unwrap(), &one[1]);
        let (last, above) = path.split_last().unwrap();
        let mut place = &mut *definition;
        for step in above {
            place = match step.as_u64() {
                Some(index) => &mut place[usize::try_from(index).unwrap()],
                None => &mut place[step.as_str().unwrap()],
            };
        }
        let key = last.as_str().unwrap();
        if value.is_null() {
            place.as_object_mut().unwrap().shift_remove(key);
        } else {
            place[key] = value.clone();
        }
    }
}

fn texts(causes: &[crate::cause::Cause]) -> Vec<String> {
    let mut texts: Vec<String> = causes.iter().map(|cause| format!("{}|{cause}", cause.reason.as_str())).collect();
    texts.sort();
    texts.dedup();
    texts
}

#[test]
fn definitions_are_refused_in_the_words_of_upstream() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let mut old = base();
        edit(&mut old, case.get("base"));
        let mut definition = old.clone();
        edit(&mut definition, case.get("edits"));
        default::apply(&mut old);
        default::apply(&mut definition);
        let mut causes = Vec::new();
        if case.get("update").is_some() {
            update(&definition, &old, Part::Object, &mut causes);
        } else {
            create(&definition, &mut causes);
        }
        let mut want: Vec<&str> = case["want"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        want.sort_unstable();
        want.dedup();
        count += 1;
        if texts(&causes) != want {
            wrong.push(format!("{} {}\n got  {:#?}\n want {want:#?}", case["name"], case["edits"], texts(&causes)));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
