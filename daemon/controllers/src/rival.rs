//! A CustomResourceDefinition that was refused a name because another one holds it: it is given the name when that goes, or
//! wants another.
//!
//! What is granted to whom is decided by [`hanse_schema::definition::status`], as in the transaction that wrote it.

use hanse_schema::definition::status;
use hanse_schema::time::{Moment, Precision};
use hanse_store::key::{Key, Scope};
use hanse_store::object::Object;
use hanse_store::state::State;
use hanse_store::txn::Precondition;
use serde_json::Value;

use crate::object::{contains, draft, parse};
use crate::reference::CUSTOM_RESOURCE_DEFINITIONS;
use crate::task::{Now, Step, Task};

/// Whether a definition seems to wait for a name; most do not, which is seen without parsing.
pub(crate) fn seems_refused(definition: &Object) -> bool {
    contains(&definition.bytes(), br#"Conflict","message":""#)
}

/// The next step for a definition that waits for a name.
pub(crate) fn step(state: &State, key: &Key, task: &Task, now: Now) -> Step {
    let Some(object) = state.get(key).filter(|object| !object.deleting()) else { return Step::Gone };
    let mut definition = parse(&object.bytes());
    if status::is_true(&definition, status::NAMES_ACCEPTED) {
        return Step::Gone;
    }
    let before = definition.clone();
    let group = key.name().split_once('.').map_or("", |(_, group)| group);
    let scope =
        Scope { resource: CUSTOM_RESOURCE_DEFINITIONS.to_owned(), cluster: Some(key.cluster()), namespace: None };
    let of_group = |other: &Key| other != key && other.name().split_once('.').is_some_and(|(_, own)| own == group);
    let others = state.list(&scope, None).filter(|(other, _)| of_group(other));
    let others: Vec<Value> = others.map(|(_, other)| parse(&other.bytes())).collect();
    let time = Moment::from_unix_ms(now.wall_ms).format(Precision::Seconds);
    status::update(&mut definition, &others, &time);
    if definition == before {
        return Step::Gone;
    }
    let mut batch = task.batch();
    batch.require(Precondition::ResourceUnchanged {
        cluster: key.cluster(),
        resource: CUSTOM_RESOURCE_DEFINITIONS.to_owned(),
        since: state.revision(),
    });
    batch.replace(key, object, draft(&definition));
    Step::Submit(batch.into_txn(now.wall_ms))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use hanse_schema::definition::status;
    use hanse_store::key::Key;

    use crate::object::parse;
    use crate::reference::CUSTOM_RESOURCE_DEFINITIONS;
    use crate::rig_test::{Group, cluster};

    fn definition(plural: &str, kind: &str, others: &[Value]) -> Value {
        let mut value = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.example.com"), "resourceVersion": ""},
            "spec": {
                "group": "example.com", "scope": "Namespaced",
                "names": {"plural": plural, "singular": plural, "kind": kind, "listKind": format!("{kind}List")},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
            },
        });
        status::update(&mut value, others, "2026-01-01T00:00:00Z");
        value
    }

    #[test]
    fn a_name_that_is_given_up_goes_to_who_waits_for_it() {
        let mut group = Group::new();
        let key = |plural: &str| {
            Key::new(CUSTOM_RESOURCE_DEFINITIONS, &cluster("root"), "", &format!("{plural}.example.com")).unwrap()
        };
        let first = definition("ones", "Thing", &[]);
        let second = definition("twos", "Thing", std::slice::from_ref(&first));
        assert!(!status::is_true(&second, status::ESTABLISHED), "the kind is taken");
        group.put(&key("ones"), &first);
        group.put(&key("twos"), &second);
        group.settle();
        let established = |group: &Group| {
            let object = group.state().get(&key("twos")).unwrap().bytes();
            status::is_true(&parse(&object), status::ESTABLISHED)
        };
        assert!(!established(&group));
        group.delete(&key("ones"));
        group.settle();
        assert!(established(&group));
    }
}
