//! `x-kubernetes-validations`: rules in the Common Expression Language.

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
