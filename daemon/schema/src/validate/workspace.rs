//! Rules of Workspace (kcp contract §4), with the messages of kcp's schema and admission.

use serde_json::Value;

use super::{at, text};
use crate::cause::Cause;
use crate::format::is_dns_label;
use crate::kind::Part;
use crate::selector::label::Selector;

/// The type's name and path, and the selector.
pub(crate) fn workspace(object: &Value, causes: &mut Vec<Cause>) {
    if at(object, &["spec", "type"]).is_some() {
        let (name, path) = (text(object, &["spec", "type", "name"]), text(object, &["spec", "type", "path"]));
        if at(object, &["spec", "type", "name"]).is_none() {
            causes.push(Cause::required("spec.type.name", ""));
        } else if !is_type_name(name) {
            let detail = "spec.type.name in body should match '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?'";
            causes.push(Cause::invalid("spec.type.name", name, detail));
        }
        if !path.is_empty() && !path.split(':').all(is_dns_label) {
            let detail = "spec.type.path in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(:[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'";
            causes.push(Cause::invalid("spec.type.path", path, detail));
        }
    }
    if let Some(selector) = at(object, &["spec", "location", "selector"])
        && let Err(wrong) = Selector::from_object(selector, "spec.location.selector")
    {
        causes.extend(wrong);
    }
    if at(object, &["spec", "mount"]).is_some() {
        for field in ["apiVersion", "kind", "name"] {
            if text(object, &["spec", "mount", "ref", field]).is_empty() {
                causes.push(Cause::required(format!("spec.mount.ref.{field}"), ""));
            }
        }
    }
}

/// What is set by the system stays set, and the logical cluster never changes.
pub(crate) fn workspace_update(object: &Value, old: &Value, _: Part, causes: &mut Vec<Cause>) {
    let get = |object, field| at(object, &["spec", field]);
    for field in ["URL", "cluster"] {
        if get(old, field).is_some() && get(object, field).is_none() {
            let detail = format!("Invalid value: {field} cannot be unset");
            causes.push(Cause {
                reason: crate::cause::CauseReason::Invalid,
                field: "spec".to_owned(),
                message: detail,
            });
        }
    }
    if let (Some(new), Some(stored)) = (get(object, "cluster"), get(old, "cluster"))
        && new != stored
    {
        causes.push(Cause::invalid_value("spec.cluster", Some(new), "cluster is immutable"));
    }
    if at(old, &["spec", "type"]).is_some() {
        for field in ["name", "path"] {
            let (new, stored) = (text(object, &["spec", "type", field]), text(old, &["spec", "type", field]));
            if new != stored {
                causes.push(Cause::invalid("spec.type", new, format!("{field} is immutable")));
            }
        }
    }
    if at(old, &["spec", "mount"]).is_some() {
        for field in ["kind", "name", "namespace", "apiVersion"] {
            let path = ["spec", "mount", "ref", field];
            if text(object, &path) != text(old, &path) {
                let detail = format!("{field} is immutable");
                causes.push(Cause::invalid(format!("spec.mount.ref.{field}"), text(object, &path), detail));
            }
        }
    }
}

/// What users cannot do, while the system can; the text is the end of a 403 answer. To be asked for a new object (no `old`)
/// and for a changed one, unless the user is privileged.
#[must_use]
pub fn forbidden_to_users(object: &Value, old: Option<&Value>) -> Option<&'static str> {
    let get = |object, field| text(object, &["spec", field]);
    let has_mount = at(object, &["spec", "mount"]).is_some();
    let Some(old) = old else {
        return if !get(object, "cluster").is_empty() {
            Some("spec.Cluster can only be set by system privileged users")
        } else if !get(object, "URL").is_empty() {
            Some("spec.URL can only be set by system privileged users")
        } else if has_mount && at(object, &["spec", "type"]).is_some() {
            Some("spec.type cannot be set for mounted workspaces")
        } else {
            None
        };
    };
    if get(object, "cluster") != get(old, "cluster") {
        Some("spec.cluster can only be changed by system privileged users")
    } else if get(object, "URL") != get(old, "URL") {
        Some("spec.URL can only be changed by system privileged users")
    } else if at(old, &["spec", "type"]) != at(object, &["spec", "type"]) {
        Some("spec.type is immutable")
    } else {
        None
    }
}

/// kcp's pattern has no end, so only the first letter counts.
fn is_type_name(name: &str) -> bool {
    name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
}
