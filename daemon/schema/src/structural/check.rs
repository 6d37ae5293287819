//! Whether a schema is structural: every field is specified outside of value validations, and what it says of the metadata of
//! objects is no more than the API server permits.

pub(crate) mod defaults;

use serde_json::Value;

use super::build::PATTERNS_WEIGHT_MAX;
use super::path::Path;
use super::pattern::Pattern;
use super::props::{Props, SchemaOrBool};
use super::words::Findings;
use crate::cause::Cause;

/// Finds what makes a schema not structural, in alphabetical order. To be asked for a schema that [`super::build::supported`]
/// has let pass.
pub(crate) fn structural(raw: &Value, path: &Path<'_>, findings: &mut Findings) {
    let start = findings.len();
    let root = Props::of(raw);
    let mut check = Check { findings, weight_left: PATTERNS_WEIGHT_MAX };
    check.node(root, Level::Root, path);
    check.completeness(root, Some(root), path, path);
    findings.sort_from(start);
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

struct Check<'f> {
    findings: &'f mut Findings,
    weight_left: usize,
}

impl Check<'_> {
    fn node(&mut self, props: Props<'_>, level: Level, path: &Path<'_>) {
        let kind = props.text("type");
        if kind == "array" && props.items().is_none() {
            self.findings.add(|| Cause::required(path.child("items").render(), "must be specified"));
        }
        if let Some(items) = props.item() {
            self.node(items, Level::Item, &path.child("items"));
        }
        let properties = path.child("properties");
        for (name, property) in props.named("properties") {
            self.node(property, Level::Field, &properties.key(name));
        }
        let embedded = props.flag(EMBEDDED);
        if let Some(additional) = props.additional() {
            let place = path.child("additionalProperties");
            if level == Level::Root {
                self.forbid(&place, "must not be used at the root");
            }
            if let SchemaOrBool::Schema(next) = additional {
                self.node(next, Level::Field, &place);
            }
            if embedded {
                self.forbid(&place, "must not be used if x-kubernetes-embedded-resource is set");
            }
        }
        self.extensions(props, path);
        self.validations(props, is_int_or_string(props, "anyOf"), starts_int_or_string(props), path);
        self.kind(props, level, path);
        self.resource(props, level, path);
    }

    fn kind(&mut self, props: Props<'_>, level: Level, path: &Path<'_>) {
        let kind = props.text("type");
        let place = path.child("type");
        if props.flag(EMBEDDED) && kind != "object" {
            let detail = "must be object if x-kubernetes-embedded-resource is true";
            if kind.is_empty() {
                self.findings.add(|| Cause::required(place.render(), detail));
            } else {
                self.findings.add(|| Cause::invalid(place.render(), kind, detail));
            }
        } else if kind.is_empty() && !props.flag(INT_OR_STRING) && !props.flag(PRESERVE) {
            let detail = match level {
                Level::Root => "must not be empty at the root",
                Level::Item => "must not be empty for specified array items",
                Level::Field => "must not be empty for specified object fields",
            };
            self.findings.add(|| Cause::required(place.render(), detail));
        }
        if level == Level::Root && !kind.is_empty() && kind != "object" {
            self.findings.add(|| Cause::invalid(place.render(), kind, "must be object at the root"));
        }
    }

    fn extensions(&mut self, props: Props<'_>, path: &Path<'_>) {
        for other in [PRESERVE, EMBEDDED] {
            if props.flag(INT_OR_STRING) && props.flag(other) {
                let detail = "must be false if x-kubernetes-int-or-string is true";
                self.findings
                    .add(|| Cause::invalid_value(path.child(other).render(), Some(&Value::Bool(true)), detail));
            }
        }
    }

    /// What is said of the fields of every object of the API.
    fn resource(&mut self, props: Props<'_>, level: Level, path: &Path<'_>) {
        let is_resource = level == Level::Root || props.flag(EMBEDDED);
        let properties = path.child("properties");
        for name in ["kind", "apiVersion"] {
            let Some(property) = props.property(name).filter(|_| is_resource) else { continue };
            if property.text("type") != "string" {
                let place = properties.key(name);
                self.findings
                    .add(|| Cause::invalid(place.child("type").render(), property.text("type"), "must be string"));
            }
        }
        if let Some(metadata) = props.property("metadata") {
            let place = properties.key("metadata");
            let kind = metadata.text("type");
            if is_resource && kind != "object" {
                self.findings.add(|| Cause::invalid(place.child("type").render(), kind, "must be object"));
            }
            if level == Level::Root && !is_plain_metadata(metadata) {
                let detail =
                    "must not specify anything other than name and generateName, but metadata is implicitly specified";
                self.forbid(&place, detail);
            }
        }
        if props.flag(EMBEDDED) && !props.flag(PRESERVE) && props.named("properties").is_empty() {
            let detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
            self.findings.add(|| Cause::required(properties.render(), detail));
        }
    }

    /// The value validations of a node. Of int-or-string, one `anyOf` of types is permitted.
    fn validations(&mut self, props: Props<'_>, skip_any_of: bool, skip_first: bool, path: &Path<'_>) {
        for name in ["anyOf", "allOf", "oneOf"] {
            let list = path.child(name);
            for (position, next) in props.list(name).enumerate() {
                if name != "anyOf" || !skip_any_of {
                    let skip = name == "allOf" && position == 0 && skip_first;
                    self.nested(next, skip, &list.index(position));
                }
            }
        }
        if let Some(not) = props.not() {
            self.nested(not, false, &path.child("not"));
        }
        self.pattern(props.text("pattern"), path);
    }

    fn pattern(&mut self, source: &str, path: &Path<'_>) {
        if source.is_empty() || self.weight_left == 0 {
            return;
        }
        match Pattern::compile(source) {
            Ok(pattern) => {
                self.weight_left = self.weight_left.saturating_sub(pattern.weight());
                if self.weight_left == 0 {
                    self.forbid(&path.child("pattern"), "the patterns of the schema are too large together");
                }
            }
            Err(why) => {
                // What is refused has cost time, too.
                self.weight_left = self.weight_left.saturating_sub(source.len());
                let detail = format!("must be a valid regular expression, but isn't: {why}");
                self.findings.add(|| Cause::invalid(path.child("pattern").render(), source, detail));
            }
        }
    }

    /// A schema inside of a value validation.
    fn nested(&mut self, props: Props<'_>, skip_any_of: bool, path: &Path<'_>) {
        self.validations(props, skip_any_of, false, path);
        if let Some(items) = props.item() {
            self.nested(items, false, &path.child("items"));
        }
        let properties = path.child("properties");
        for (name, property) in props.named("properties") {
            self.nested(property, false, &properties.key(name));
        }
        if let Some(SchemaOrBool::Schema(_) | SchemaOrBool::Bool(true)) = props.additional() {
            self.forbid(&path.child("additionalProperties"), "must be undefined to be structural");
        }
        for (name, is_given, must) in [
            ("type", !props.text("type").is_empty(), "empty"),
            ("default", props.value("default").is_some(), "undefined"),
            ("title", !props.text("title").is_empty(), "empty"),
            ("description", !props.text("description").is_empty(), "empty"),
            ("nullable", props.flag("nullable"), "false"),
            (PRESERVE, props.flag(PRESERVE), "false"),
            (EMBEDDED, props.flag(EMBEDDED), "false"),
            (INT_OR_STRING, props.flag(INT_OR_STRING), "false"),
            ("x-kubernetes-list-map-keys", !props.values("x-kubernetes-list-map-keys").is_empty(), "empty"),
            ("x-kubernetes-list-type", props.optional_text("x-kubernetes-list-type").is_some(), "undefined"),
            ("x-kubernetes-map-type", props.optional_text("x-kubernetes-map-type").is_some(), "undefined"),
            ("x-kubernetes-validations", !props.values("x-kubernetes-validations").is_empty(), "empty"),
        ] {
            if is_given {
                self.forbid(&path.child(name), &format!("must be {must} to be structural"));
            }
        }
        if props.property("metadata").is_some() {
            self.forbid(&properties.key("metadata"), "must not be specified in a nested context");
        }
    }

    fn forbid(&mut self, path: &Path<'_>, detail: &str) {
        self.findings.add(|| Cause::forbidden(path.render(), detail));
    }

    /// What value validations of the root name must be specified outside of them, too.
    fn completeness(&mut self, props: Props<'_>, spine: Option<Props<'_>>, place: &Path<'_>, path: &Path<'_>) {
        let Some(spine) = spine else {
            self.findings.add(|| Cause::required(place.render(), &defined_in(path)));
            return;
        };
        if let Some(not) = props.not() {
            self.nested_completeness(not, Some(spine), place, &path.child("not"));
        }
        for name in ["allOf", "anyOf", "oneOf"] {
            let list = path.child(name);
            for (position, next) in props.list(name).enumerate() {
                self.nested_completeness(next, Some(spine), place, &list.index(position));
            }
        }
    }

    fn nested_completeness(&mut self, props: Props<'_>, spine: Option<Props<'_>>, place: &Path<'_>, path: &Path<'_>) {
        self.completeness(props, spine, place, path);
        let Some(spine) = spine else { return };
        if let Some(items) = props.item() {
            self.nested_completeness(items, spine.item(), &place.child("items"), &path.child("items"));
        }
        let (properties, nested) = (place.child("properties"), path.child("properties"));
        for (name, property) in props.named("properties") {
            let (place, path) = (properties.key(name), nested.key(name));
            match spine.property(name) {
                Some(specified) => self.nested_completeness(property, Some(specified), &place, &path),
                None => self.findings.add(|| Cause::required(place.render(), &defined_in(&path))),
            }
        }
    }
}

fn defined_in(path: &Path<'_>) -> String {
    format!("because it is defined in {}", path.render())
}

/// Whether a list of schemas is integer or string.
fn is_int_or_string(props: Props<'_>, name: &str) -> bool {
    let mut list = props.list(name);
    let mut next_is = |kind: &str| list.next().is_some_and(|next| is_only_type(next, kind));
    next_is("integer") && next_is("string") && list.next().is_none()
}

/// Whether the first schema of `allOf` has an `anyOf` of integer or string.
fn starts_int_or_string(props: Props<'_>) -> bool {
    props.list("allOf").next().is_some_and(|first| is_int_or_string(first, "anyOf"))
}

fn is_only_type(props: Props<'_>, kind: &str) -> bool {
    props.text("type") == kind && props.map().iter().all(|(name, value)| name == "type" || is_zero(value))
}

/// Whether the root's metadata says nothing but what name and generateName are.
fn is_plain_metadata(props: Props<'_>) -> bool {
    let properties = props.named("properties");
    properties.iter().all(|(name, _)| ["name", "generateName"].contains(name))
        && props
            .map()
            .iter()
            .all(|(name, value)| ["type", "default", "properties"].contains(&name.as_str()) || is_zero(value))
}

/// Whether a field might as well be absent.
pub(crate) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const INT_OR_STRING: &str = "x-kubernetes-int-or-string";
