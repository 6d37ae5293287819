//! Rules of roles and their bindings.

use serde_json::{Value, json};

use super::selector::label_selector;
use super::{at, items, text};
use crate::cause::Cause;
use crate::format::{dns_subdomain, path_segment};
use crate::kind::Part;

/// The rules of a Role.
pub(crate) fn role(object: &Value, causes: &mut Vec<Cause>) {
    rules(object, Scope::Namespace, causes);
}

/// The rules of a ClusterRole, and the selectors from which they are made.
pub(crate) fn cluster_role(object: &Value, causes: &mut Vec<Cause>) {
    rules(object, Scope::Cluster, causes);
    if at(object, &["aggregationRule"]).is_some() {
        const FIELD: &str = "aggregationRule.clusterRoleSelectors";
        let selectors = items(object, &["aggregationRule", "clusterRoleSelectors"]);
        if selectors.is_empty() {
            causes.push(Cause::required(
                FIELD,
                "at least one clusterRoleSelector required if aggregationRule is non-nil",
            ));
        }
        for (index, selector) in selectors.iter().enumerate() {
            let before = causes.len();
            label_selector(selector, &format!("{FIELD}[{index}]"), causes);
            if causes.len() > before {
                causes.push(Cause::invalid_value(format!("{FIELD}[{index}]"), None, "invalid label selector."));
            }
        }
    }
}

/// Role and subjects of a RoleBinding.
pub(crate) fn role_binding(object: &Value, causes: &mut Vec<Cause>) {
    binding(object, Scope::Namespace, causes);
}

/// Role and subjects of a ClusterRoleBinding.
pub(crate) fn cluster_role_binding(object: &Value, causes: &mut Vec<Cause>) {
    binding(object, Scope::Cluster, causes);
}

/// The role of a binding stays the same.
pub(crate) fn binding_update(object: &Value, old: &Value, _: Part, causes: &mut Vec<Cause>) {
    let part = |object, field| text(object, &["roleRef", field]).to_owned();
    let of = |object| ["apiGroup", "kind", "name"].map(|field| part(object, field));
    let [group, kind, name] = of(object);
    if of(old) != [group.clone(), kind.clone(), name.clone()] {
        // Upstream shows its internal type.
        let bad = json!({"APIGroup": group, "Kind": kind, "Name": name});
        causes.push(Cause::invalid_value("roleRef", Some(&bad), "cannot change roleRef"));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Namespace,
    Cluster,
}

fn rules(object: &Value, scope: Scope, causes: &mut Vec<Cause>) {
    for (index, rule) in items(object, &["rules"]).iter().enumerate() {
        check_rule(rule, &format!("rules[{index}]"), scope, causes);
    }
}

fn check_rule(rule: &Value, field: &str, scope: Scope, causes: &mut Vec<Cause>) {
    let has = |name: &str| !items(rule, &[name]).is_empty();
    if !has("verbs") {
        causes.push(Cause::required(format!("{field}.verbs"), "verbs must contain at least one value"));
    }
    if has("nonResourceURLs") {
        let field = format!("{field}.nonResourceURLs");
        let paths = rule.get("nonResourceURLs");
        if scope == Scope::Namespace {
            let detail = "namespaced rules cannot apply to non-resource URLs";
            causes.push(Cause::invalid_value(&field, paths, detail));
        }
        if has("apiGroups") || has("resources") || has("resourceNames") {
            let detail = "rules cannot apply to both regular resources and non-resource URLs";
            causes.push(Cause::invalid_value(&field, paths, detail));
        }
        return;
    }
    if !has("apiGroups") {
        causes.push(Cause::required(format!("{field}.apiGroups"), "resource rules must supply at least one api group"));
    }
    if !has("resources") {
        causes.push(Cause::required(format!("{field}.resources"), "resource rules must supply at least one resource"));
    }
}

fn binding(object: &Value, scope: Scope, causes: &mut Vec<Cause>) {
    let group = text(object, &["roleRef", "apiGroup"]);
    if group != GROUP {
        causes.push(Cause::not_supported("roleRef.apiGroup", group, &[GROUP]));
    }
    let kinds: &[&str] = if scope == Scope::Namespace { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    let kind = text(object, &["roleRef", "kind"]);
    if !kinds.contains(&kind) {
        causes.push(Cause::not_supported("roleRef.kind", kind, kinds));
    }
    let name = text(object, &["roleRef", "name"]);
    if name.is_empty() {
        causes.push(Cause::required("roleRef.name", ""));
    }
    causes.extend(path_segment(name).iter().map(|text| Cause::invalid("roleRef.name", name, text)));
    for (index, subject) in items(object, &["subjects"]).iter().enumerate() {
        check_subject(subject, &format!("subjects[{index}]"), scope, causes);
    }
}

fn check_subject(subject: &Value, field: &str, scope: Scope, causes: &mut Vec<Cause>) {
    let [kind, group, name] = ["kind", "apiGroup", "name"].map(|part| text(subject, &[part]));
    if name.is_empty() {
        causes.push(Cause::required(format!("{field}.name"), ""));
    }
    match kind {
        "ServiceAccount" => {
            if !name.is_empty() {
                let complaints = dns_subdomain(name);
                causes.extend(complaints.iter().map(|text| Cause::invalid(format!("{field}.name"), name, text)));
            }
            if !group.is_empty() {
                causes.push(Cause::not_supported(format!("{field}.apiGroup"), group, &[""]));
            }
            if scope == Scope::Cluster && text(subject, &["namespace"]).is_empty() {
                causes.push(Cause::required(format!("{field}.namespace"), ""));
            }
        }
        "User" | "Group" => {
            if group != GROUP {
                causes.push(Cause::not_supported(format!("{field}.apiGroup"), group, &[GROUP]));
            }
        }
        other => {
            let kinds = ["ServiceAccount", "User", "Group"];
            causes.push(Cause::not_supported(format!("{field}.kind"), other, &kinds));
        }
    }
}

const GROUP: &str = "rbac.authorization.k8s.io";
