//! What an applier is told when its object is not taken.

use std::fmt;

use super::manager::{Identity, Operation};
use super::path::{self, PathElement};
use super::update::Conflict;
use crate::cause::quote;

/// Why an applied object is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyError {
    /// 409, reason `Conflict`: others own what it wants to be different. `message` is the status' message.
    Conflict {
        /// `Apply failed with 1 conflict: …`
        message: String,
        /// One for each field.
        causes: Vec<ConflictCause>,
    },
    /// 400, reason `BadRequest`.
    BadRequest(String),
    /// 500, without a reason, as upstream answers for objects that do not fit their type.
    Internal(String),
}

/// An entry of `details.causes` with the reason `FieldManagerConflict`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictCause {
    /// `conflict with "name" using v1`
    pub message: String,
    /// Path of the field, `.data.key`.
    pub field: String,
}

/// The reason of causes of conflicts.
pub const FIELD_MANAGER_CONFLICT: &str = "FieldManagerConflict";

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { message, .. } | Self::BadRequest(message) | Self::Internal(message) => {
                f.write_str(message)
            }
        }
    }
}

impl std::error::Error for ApplyError {}

/// Refuses for these conflicts, which are in the order of managers.
pub(crate) fn refuse(conflicts: &[Conflict]) -> ApplyError {
    let causes = conflicts.iter().map(|conflict| ConflictCause {
        message: format!("conflict with {}", show_manager(&conflict.manager)),
        field: show_path(&conflict.path),
    });
    ApplyError::Conflict { message: message(conflicts), causes: causes.collect() }
}

fn message(conflicts: &[Conflict]) -> String {
    if let [only] = conflicts {
        let (manager, path) = (show_manager(&only.manager), show_path(&only.path));
        return format!("Apply failed with 1 conflict: conflict with {manager}: {path}");
    }
    let mut lines = Vec::new();
    for group in conflicts.chunk_by(|a, b| a.manager == b.manager) {
        lines.push(format!("conflicts with {}:", show_manager(&group[0].manager)));
        lines.extend(group.iter().map(|conflict| format!("- {}", show_path(&conflict.path))));
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}

fn show_manager(manager: &Identity) -> String {
    let mut text = quote(&manager.manager);
    if !manager.subresource.is_empty() {
        text.push_str(" with subresource ");
        text.push_str(&quote(&manager.subresource));
    }
    if manager.operation == Operation::Update {
        text.push_str(" using ");
        text.push_str(&manager.api_version);
    }
    text
}

fn show_path(path: &[PathElement]) -> String {
    path::show(path)
}
