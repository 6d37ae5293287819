//! Cluster roles that are made of others: `aggregationRule` selects cluster roles by their labels, whose rules become the
//! role's own.
//!
//! The rules and their order are upstream's (k8s.io/kubernetes/pkg/controller/clusterroleaggregation).

use std::collections::BTreeSet;

use hanse_base::id::ClusterId;
use hanse_schema::kind::Part;
use hanse_schema::metadata;
use hanse_schema::selector::label::Selector;
use hanse_store::key::{Key, Scope};
use hanse_store::object::Object;
use hanse_store::state::State;
use serde_json::{Map, Value, json};

use crate::managed::Write;
use crate::object::{contains, draft, parse};
use crate::task::{Item, Now, Step, Task};

/// Group-resource of cluster roles.
pub(crate) const CLUSTER_ROLES: &str = "clusterroles.rbac.authorization.k8s.io";
/// Upstream's name for who aggregates.
const MANAGER: &str = "clusterrole-aggregation-controller";
/// Fields of a rule, in the order in which they are written. Only the first is written when it is empty.
const RULE_FIELDS: [&str; 5] = ["verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"];
/// Bytes of the rules of one role, at most: a role that would become larger stays as it is.
const RULES_BYTES_MAX: usize = 1 << 20;

/// Whether a role is made of others; most are not, which is seen without parsing.
pub(crate) fn aggregates(role: &Object) -> bool {
    contains(&role.bytes(), b"\"aggregationRule\"")
}

/// The item of the logical cluster that a role is in.
pub(crate) fn item(key: &Key) -> Item {
    Item::Roles(key.cluster())
}

/// The next step for the roles of a logical cluster.
pub(crate) fn step(state: &State, cluster: &ClusterId, task: &Task, now: Now) -> Step {
    let scope = Scope { resource: CLUSTER_ROLES.to_owned(), cluster: Some(cluster.clone()), namespace: None };
    if !state.list(&scope, None).any(|(_, role)| aggregates(role)) {
        return Step::Gone;
    }
    let mut roles: Vec<_> =
        state.list(&scope, None).map(|(key, object)| (key, object, parse(&object.bytes()))).collect();
    let mut batch = task.batch();
    for number in 0..roles.len() {
        let (key, object, role) = &roles[number];
        if batch.is_full() {
            break;
        }
        if !aggregates(object) {
            continue;
        }
        let others = roles.iter().filter(|(other, ..)| other != key).map(|(_, object, role)| (&***object, role));
        let Some(rules) = rules(role, others) else { continue };
        let changed = with_rules(role, rules, now.wall_ms);
        batch.replace(key, object, draft(&changed));
        // One after the other, or two that are made of each other would change places for ever.
        roles[number].2 = changed;
    }
    if batch.is_empty() { Step::Gone } else { Step::Submit(batch.into_txn(now.wall_ms)) }
}

/// The rules that a role is to have; nothing for one that is not made of others, or has them already.
fn rules<'a>(role: &Value, others: impl Iterator<Item = (&'a Object, &'a Value)> + Clone) -> Option<Vec<Value>> {
    let selectors = role["aggregationRule"]["clusterRoleSelectors"].as_array();
    role["aggregationRule"].as_object()?;
    let (mut rules, mut known, mut bytes) = (Vec::new(), BTreeSet::new(), 0);
    for selector in selectors.into_iter().flatten() {
        let selector = Selector::from_object(selector, "").ok()?;
        for (object, other) in others.clone() {
            let label = |wanted: &str| {
                let labels = object.labels();
                let found = labels.binary_search_by(|(key, _)| (**key).cmp(wanted)).ok()?;
                labels.get(found).map(|(_, value)| &**value)
            };
            if !selector.matches_with(label) {
                continue;
            }
            for rule in other["rules"].as_array().into_iter().flatten() {
                let rule = written(rule);
                let text = rule.to_string();
                if known.contains(&text) {
                    continue;
                }
                bytes += text.len();
                if bytes > RULES_BYTES_MAX {
                    tracing::warn!(role = metadata::name(role), "the rules of an aggregated role are too large");
                    return None;
                }
                known.insert(text);
                rules.push(rule);
            }
        }
    }
    let has: Vec<Value> = role["rules"].as_array().into_iter().flatten().map(written).collect();
    (has != rules).then_some(rules)
}

/// The role with other rules, applied as upstream's controller applies them.
fn with_rules(role: &Value, rules: Vec<Value>, wall_ms: u64) -> Value {
    let mut applied = Map::new();
    for field in ["kind", "apiVersion"] {
        applied.insert(field.to_owned(), role[field].clone());
    }
    applied.insert("metadata".to_owned(), json!({"name": metadata::name(role)}));
    if !rules.is_empty() {
        applied.insert("rules".to_owned(), rules.clone().into());
    }
    let resource = ("rbac.authorization.k8s.io", "clusterroles");
    let write = Write { resource, part: Part::Object, manager: MANAGER, wall_ms };
    let mut changed = write.apply(role, &applied.into()).unwrap_or_else(|| role.clone());
    let has: Vec<Value> = changed["rules"].as_array().into_iter().flatten().map(written).collect();
    if let Some(fields) = changed.as_object_mut().filter(|fields| has != rules || !fields.contains_key("rules")) {
        fields.insert("rules".to_owned(), rules.into());
    }
    changed
}

/// A rule with its fields in one order, without those that are empty.
fn written(rule: &Value) -> Value {
    let mut fields = Map::new();
    for field in RULE_FIELDS {
        let list = rule[field].as_array().cloned().unwrap_or_default();
        if field == "verbs" || !list.is_empty() {
            fields.insert(field.to_owned(), list.into());
        }
    }
    fields.into()
}

#[cfg(test)]
mod role_test;
