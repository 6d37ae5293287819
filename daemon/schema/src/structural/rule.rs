//! `x-kubernetes-validations`: rules in the Common Expression Language.

use serde_json::Value;

use super::ratchet::Correlated;
use super::schema::Schema;
use super::words::Findings;

/// One rule of a node.
#[derive(Debug)]
pub struct Rule {
    /// The expression, as the schema gives it.
    pub rule: Box<str>,
    /// What is told when the rule is broken; empty where the rule itself is shown.
    pub message: Box<str>,
    /// Whether `oldSelf` is an optional value, so that the rule also runs when there is none.
    pub optional_old_self: bool,
}

/// Whether a schema has rules anywhere.
pub(crate) fn has_rules(schema: &Schema) -> bool {
    !schema.rules.is_empty()
        || schema.items.as_deref().is_some_and(has_rules)
        || schema.additional.schema().is_some_and(has_rules)
        || schema.properties.values().any(has_rules)
}

/// Asks the rules.
pub(crate) fn judge(_: &Schema, _: &Value, _: Option<&Correlated<'_>>, _: &mut Findings) {}
