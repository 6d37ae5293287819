//! Whether the rules of a definition compile, and whether they may cost what they may cost.

use super::Rule;
use super::declare::NOT_DECLARED;
use crate::cause::{Cause, CauseReason};
use crate::definition::internal;
use crate::structural::path::Path;
use crate::structural::props::{Props, SchemaOrBool};
use crate::structural::schema::Schema;
use crate::structural::words::Findings;
use serde_json::Value;

/// Which limits of costs hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// Of each rule and of all together.
    OfEach,
    /// Of all together: the schema was accepted before.
    OfAll,
}

/// Finds what is wrong with the rules of a schema.
pub(crate) struct Check<'f> {
    limits: Limits,
    /// The fields in which the schema itself is wrong: rules of nodes around them are not looked at.
    wrong: Vec<String>,
    findings: &'f mut Findings,
    total: u64,
    /// The costs and fields of the most expensive rules, the most expensive first.
    expensive: Vec<(u64, String)>,
}

impl<'f> Check<'f> {
    /// With the limits that hold, and the fields in which the schema itself is wrong.
    pub(crate) const fn new(limits: Limits, wrong: Vec<String>, findings: &'f mut Findings) -> Self {
        Self { limits, wrong, findings, total: 0, expensive: Vec::new() }
    }

    /// Looks at the rules of a schema.
    pub(crate) fn run(mut self, schema: &Schema, raw: &Value, path: &Path<'_>) {
        self.node(schema, Props::of(raw), Place { path, cardinality: Some(1), uncorrelatable: None });
        if self.total <= ALL_COST_MAX {
            return;
        }
        for (_, field) in std::mem::take(&mut self.expensive) {
            let detail = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
            self.findings.add(|| Cause::forbidden(field, detail));
        }
        let what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
        self.findings.add(|| Cause::forbidden(path.render(), too_costly(what, self.total, ALL_COST_MAX)));
    }

    /// Whether the schema is wrong here or below.
    fn is_wrong(&self, path: &Path<'_>) -> bool {
        if self.wrong.is_empty() {
            return false;
        }
        let here = path.render();
        let is_below = |field: &String| {
            field.strip_prefix(&here).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.wrong.iter().any(is_below)
    }
}

#[derive(Clone, Copy)]
struct Place<'p> {
    path: &'p Path<'p>,
    /// How often values of the node can be in one object at most; nothing where nothing bounds it.
    cardinality: Option<u64>,
    /// The list around whose items cannot be told apart.
    uncorrelatable: Option<&'p Path<'p>>,
}

impl Check<'_> {
    fn node(&mut self, schema: &Schema, raw: Props<'_>, place: Place<'_>) {
        if !schema.rules_inside {
            return;
        }
        let cardinality = place.cardinality.zip(factor(raw)).map(|(outer, factor)| outer.saturating_mul(factor));
        let path = place.path;
        if let (Some(next), Some(SchemaOrBool::Schema(raw))) = (schema.additional.schema(), raw.additional()) {
            self.node(next, raw, Place { path: &path.child("additionalProperties"), cardinality, ..place });
        }
        let properties = path.child("properties");
        for (name, property) in &schema.properties {
            if let Some(raw) = raw.property(name) {
                self.node(property, raw, Place { path: &properties.key(name), cardinality, ..place });
            }
        }
        if let (Some(items), Some(item)) = (schema.items.as_deref(), raw.item()) {
            let told_apart = raw.text("x-kubernetes-list-type") == "map";
            let uncorrelatable = place.uncorrelatable.or(Some(path).filter(|_| !told_apart));
            self.node(items, item, Place { path: &path.child("items"), cardinality, uncorrelatable });
        }
        if schema.rules.is_empty() || self.is_wrong(path) {
            return;
        }
        let list = path.child(RULES);
        if schema.rules.iter().any(|rule| matches!(&rule.program, Err(why) if why == NOT_DECLARED)) {
            let message = format!(
                "Internal error: internal error: failed to construct type information for x-kubernetes-validations rules: {NOT_DECLARED}"
            );
            self.findings.add(|| Cause { reason: CauseReason::Internal, field: list.render(), message });
            return;
        }
        for (position, (rule, raw)) in schema.rules.iter().zip(raw.list(RULES)).enumerate() {
            self.rule(rule, raw, Place { path: &list.index(position), ..place });
        }
    }

    fn rule(&mut self, rule: &Rule, raw: Props<'_>, place: Place<'_>) {
        let path = place.path;
        let cardinality = place.cardinality.unwrap_or(rule.cardinality_max);
        let cost = match &rule.program {
            Ok(Some(program)) => program.cost().max.saturating_mul(cardinality),
            _ => 0,
        };
        self.cost("estimated rule cost", cost, &path.child("rule"));
        if let Err(why) = &rule.program {
            self.refuse(&path.child("rule"), &internal::rule(raw), why);
        }
        match &rule.message_program {
            Err(why) => self.refuse(&path.child("messageExpression"), &internal::rule(raw), why),
            Ok(None) => {}
            // Upstream does not multiply this one.
            Ok(Some(program)) => {
                self.cost("estimated messageExpression cost", program.cost().max, &path.child("messageExpression"));
            }
        }
        if rule.uses_old_self {
            if let Some(around) = place.uncorrelatable {
                let detail = format!(
                    "oldSelf cannot be used on the uncorrelatable portion of the schema within {}",
                    around.render()
                );
                self.findings.add(|| Cause::invalid(path.child("rule").render(), &rule.rule, detail));
            }
        } else if let Some(optional) = raw.optional_flag("optionalOldSelf") {
            let detail = "may not be set if oldSelf is not used in rule";
            self.refuse(&path.child("optionalOldSelf"), &optional.to_string(), detail);
        }
    }

    fn refuse(&mut self, path: &Path<'_>, shown: &str, detail: &str) {
        self.findings.add(|| Cause {
            reason: CauseReason::Invalid,
            field: path.render(),
            message: format!("Invalid value: {shown}: {detail}"),
        });
    }

    fn cost(&mut self, what: &str, cost: u64, path: &Path<'_>) {
        if self.limits == Limits::OfEach && cost > RULE_COST_MAX {
            self.findings.add(|| Cause::forbidden(path.render(), too_costly(what, cost, RULE_COST_MAX)));
        }
        self.total = self.total.saturating_add(cost);
        if cost >= ALL_COST_MAX / 100 {
            self.expensive.push((cost, path.render()));
            self.expensive.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
            self.expensive.truncate(EXPENSIVE_MAX);
        }
    }
}

/// How often values below a node are in one value of it at most; nothing where nothing bounds it.
fn factor(raw: Props<'_>) -> Option<u64> {
    let limit = |name: &str| raw.integer(name).map(|limit| u64::try_from(limit).unwrap_or(0));
    match raw.text("type") {
        "object" if raw.additional().is_some() => limit("maxProperties"),
        "array" => limit("maxItems"),
        _ => Some(1),
    }
}

fn too_costly(what: &str, cost: u64, limit: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a factor for people")]
    let factor = cost as f64 / limit as f64;
    let factor = if factor > 100.0 {
        "more than 100x".to_owned()
    } else if factor < 1.5 {
        format!("{factor:.6}x")
    } else {
        format!("{factor:.1}x")
    };
    format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
}

const RULES: &str = "x-kubernetes-validations";
/// What one rule may cost by its estimate.
const RULE_COST_MAX: u64 = 10_000_000;
/// What all rules of a definition may cost by their estimates.
const ALL_COST_MAX: u64 = 100_000_000;
const EXPENSIVE_MAX: usize = 4;
