//! Whether defaults are what their own schema asks for.

use serde_json::{Map, Value};

use crate::cause::CauseReason;
use crate::structural::object_meta::{self, Malformed, coerce_at};
use crate::structural::path::Path;
use crate::structural::prune::{META, Root, Unknown, prune};
use crate::structural::rule::{Judge, OBJECT_COST_MAX, Ratchet, Subject};
use crate::structural::schema::Schema;
use crate::structural::validate;
use crate::structural::words::{Findings, about};

/// Finds defaults that objects could not have, in a schema whose defaults are not pruned and whose rules are compiled.
pub(crate) fn validate(schema: &Schema, path: &Path<'_>, findings: &mut Findings) {
    let mut walk = Walk { findings, cost_left: OBJECT_COST_MAX };
    walk.node(schema, Resource { schema, steps: None }, Root::Resource, path);
}

struct Walk<'w> {
    findings: &'w mut Findings,
    /// What rules may still cost for all defaults together.
    cost_left: u64,
}

/// The resource around a node, and the way to the node when it is inside of the resource's metadata, kind or version.
#[derive(Clone, Copy)]
struct Resource<'a> {
    schema: &'a Schema,
    steps: Option<&'a Steps<'a>>,
}

/// The way from a resource to a value, the last step first.
struct Steps<'a> {
    before: Option<&'a Self>,
    /// The name of a field; nothing for an item of a list.
    name: Option<&'a str>,
}

impl Walk<'_> {
    fn node(&mut self, schema: &Schema, resource: Resource<'_>, root: Root, path: &Path<'_>) {
        let is_resource = root == Root::Resource || schema.embedded_resource;
        let resource = if is_resource { Resource { schema, steps: None } } else { resource };
        if let Some(default) = &schema.default {
            let place = path.child("default");
            match resource.steps {
                Some(steps) => self.inside_metadata(schema, resource.schema, steps, &place),
                None => self.default(schema, default, is_resource, &place),
            }
        }
        // Defaults are forbidden inside of additionalProperties where it matters.
        if let Some(items) = schema.items.as_deref() {
            let steps = Steps { before: resource.steps, name: None };
            let inner = Resource { steps: resource.steps.map(|_| &steps), ..resource };
            self.node(items, inner, Root::Value, &path.child("items"));
        }
        let properties = path.child("properties");
        for (name, property) in &schema.properties {
            let enters = is_resource && META.contains(&name.as_ref());
            let steps = Steps { before: resource.steps, name: Some(name) };
            let inside = enters || resource.steps.is_some();
            let inner = Resource { steps: inside.then_some(&steps), ..resource };
            self.node(property, inner, Root::Value, &properties.key(name));
        }
    }

    fn default(&mut self, schema: &Schema, default: &Value, is_resource: bool, path: &Path<'_>) {
        let root = if is_resource { Root::Resource } else { Root::Value };
        let mut pruned = default.clone();
        prune(&mut pruned, schema, root);
        if pruned != *default {
            self.findings.add(|| about(CauseReason::Invalid, path.render(), default, "must not have unknown fields"));
        }
        let mut coerced = default.clone();
        if let Err(cause) = coerce_at(&mut coerced, schema, root, path) {
            self.findings.add(|| cause);
            return;
        }
        let before = self.findings.len();
        object_meta::validate(&coerced, schema, root, path, self.findings);
        if self.findings.len() == before {
            validate::default_value(schema, &coerced, path, self.findings);
        }
        if self.findings.len() == before {
            self.judge(schema, &coerced, path);
        }
    }

    fn inside_metadata(&mut self, schema: &Schema, around: &Schema, steps: &Steps<'_>, path: &Path<'_>) {
        let Some(default) = &schema.default else { return };
        let mut object = surround(default.clone(), steps);
        let refuse = |why: String| {
            about(CauseReason::Invalid, path.render(), default, &format!("must result in valid metadata: {why}"))
        };
        let coerced =
            object_meta::coerce(&mut object, around, Root::Resource, Malformed::Refuse, &mut Unknown::unwanted());
        if let Err(cause) = coerced {
            self.findings.add(|| refuse(cause.to_string()));
            return;
        }
        let mut wrong = Findings::default();
        object_meta::validate(&object, around, Root::Resource, &Path::ROOT, &mut wrong);
        if !wrong.is_empty() {
            self.findings.add(|| refuse(crate::cause::aggregate(wrong.causes())));
            return;
        }
        let before = self.findings.len();
        validate::default_value(schema, default, path, self.findings);
        if self.findings.len() == before {
            self.judge(schema, default, path);
        }
    }
}

impl Walk<'_> {
    /// Asks rules twice: as if the default took the place of itself, and as if it were new.
    fn judge(&mut self, schema: &Schema, default: &Value, path: &Path<'_>) {
        let before = self.findings.len();
        let mut left = self.cost_left;
        for old in [Some(default), None] {
            if self.findings.len() > before {
                break;
            }
            let mut judge = Judge::with_budget(self.findings, self.cost_left);
            judge.node(schema, Subject { value: default, old }, Ratchet::new(None), path);
            left = left.min(judge.left());
        }
        self.cost_left = left;
    }
}

/// A resource that has nothing but this value.
fn surround(value: Value, steps: &Steps<'_>) -> Value {
    let mut value = value;
    let mut next = Some(steps);
    while let Some(step) = next {
        value = match step.name {
            None => Value::Array(vec![value]),
            Some(name) => {
                let mut map = Map::new();
                map.insert(name.to_owned(), value);
                Value::Object(map)
            }
        };
        next = step.before;
    }
    if let Some(map) = value.as_object_mut() {
        map.entry("apiVersion").or_insert_with(|| "validation/v1".into());
        map.entry("kind").or_insert_with(|| "Validation".into());
    }
    value
}
