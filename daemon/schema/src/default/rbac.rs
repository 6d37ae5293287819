//! Defaults of bindings of roles.

use serde_json::Value;

use super::reorder;
use crate::field::TypeDescriptor;
use crate::types::rbac::{ROLE_REF, SUBJECT};

/// A role, a user and a group are RBAC's own where nothing else is said.
pub(crate) fn binding(object: &mut Value) {
    if let Some(role) = object.get_mut("roleRef") {
        fill_group(role, &ROLE_REF);
    }
    for subject in object.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
        if ["User", "Group"].iter().any(|kind| subject.get("kind").is_some_and(|own| own == kind)) {
            fill_group(subject, &SUBJECT);
        }
    }
}

fn fill_group(reference: &mut Value, descriptor: &TypeDescriptor) {
    let Some(map) = reference.as_object_mut() else { return };
    if map.get("apiGroup").and_then(Value::as_str).unwrap_or_default().is_empty() {
        map.insert("apiGroup".to_owned(), Value::from("rbac.authorization.k8s.io"));
        reorder(map, descriptor);
    }
}
