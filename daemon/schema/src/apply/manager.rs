//! Managers: who owns which fields, in which version the fields are named, and since when.

use super::set::Set;
use super::value::{self, Html};

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

impl Operation {
    /// The word in `managedFields`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// What tells managers apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name given by the client.
    pub manager: String,
    /// How it writes.
    pub operation: Operation,
    /// Version in which it writes; empty for appliers, which are one over all versions.
    pub api_version: String,
    /// Subresource through which it writes; empty for the object itself.
    pub subresource: String,
}

impl Identity {
    /// The identity of a writer. A nameless one is called `unknown`.
    #[must_use]
    pub fn new(manager: &str, operation: Operation, api_version: &str, subresource: &str) -> Self {
        let manager = if manager.is_empty() { "unknown" } else { manager };
        Self {
            manager: manager.to_owned(),
            operation,
            api_version: if operation == Operation::Apply { String::new() } else { api_version.to_owned() },
            subresource: subresource.to_owned(),
        }
    }

    /// Upstream's text for the identity, by which it puts managers in order.
    pub(crate) fn sort_key(&self) -> String {
        let mut key = String::from("{");
        let fields = [
            ("manager", self.manager.as_str()),
            ("operation", self.operation.as_str()),
            ("apiVersion", &self.api_version),
            ("subresource", &self.subresource),
        ];
        for (name, text) in fields {
            if !text.is_empty() {
                if key.len() > 1 {
                    key.push(',');
                }
                value::push_text(&mut key, name, Html::Plain);
                key.push(':');
                value::push_text(&mut key, text, Html::Escaped);
            }
        }
        key.push('}');
        key
    }
}

/// An entry of `managedFields`.
#[derive(Clone, Debug)]
pub struct Manager {
    /// Who.
    pub identity: Identity,
    /// In which version the fields are named.
    pub api_version: String,
    /// What it owns.
    pub set: Set,
    /// When it last changed something, RFC 3339 in UTC with seconds.
    pub time: Option<String>,
}
