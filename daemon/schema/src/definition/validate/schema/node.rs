//! What is permitted at each node of a schema, beside being structural.

use serde_json::Value;

use crate::cause::{Cause, CauseReason};
use crate::structural::field_path::{Brackets, follow};
use crate::structural::path::Path;
use crate::structural::props::{Items, Props, SchemaOrBool};
use crate::structural::prune::META;
use crate::structural::words::{Findings, about};

/// Whether a schema uses only what structural schemas can have: only then paths can be followed through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supported {
    Yes,
    No,
}

/// Finds what is wrong below a root.
pub(super) fn validate(props: Props<'_>, supported: Supported, path: &Path<'_>, findings: &mut Findings) {
    Walk { findings, supported }.node(props, true, Context::default(), path);
}

/// What holds for a node because of what is above it.
#[derive(Clone, Copy, Default)]
struct Context<'c> {
    /// Inside of the metadata, kind or version of an object.
    in_meta: bool,
    /// Why defaults are forbidden, as the end of a sentence.
    no_defaults: Option<NoDefaults<'c>>,
}

#[derive(Clone, Copy)]
enum NoDefaults<'c> {
    TopLevel(&'c str),
    Additional,
}

struct Walk<'f> {
    findings: &'f mut Findings,
    supported: Supported,
}

impl Walk<'_> {
    fn forbid(&mut self, path: &Path<'_>, name: &str, detail: &str) {
        self.findings.add(|| Cause::forbidden(path.child(name).render(), detail));
    }

    fn node(&mut self, props: Props<'_>, is_root: bool, context: Context<'_>, path: &Path<'_>) {
        self.standard(props, context, path);
        if props.flag("uniqueItems") {
            let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            self.forbid(path, "uniqueItems", detail);
        }
        self.fields(props, is_root, context, path);
        let plain = Context { ..context };
        if let Some(not) = props.not() {
            self.node(not, false, plain, &path.child("not"));
        }
        for name in ["allOf", "oneOf", "anyOf"] {
            let list = path.child(name);
            for (position, next) in props.list(name).enumerate() {
                self.node(next, false, plain, &list.index(position));
            }
        }
        for name in ["definitions", "dependencies"] {
            let map = path.child(name);
            for (key, next) in props.named(name) {
                self.node(next, false, plain, &map.key(key));
            }
        }
        let items = path.child("items");
        match props.items() {
            None => {}
            Some(Items::One(next)) => self.node(next, false, plain, &items),
            Some(Items::Many) => {
                for (position, next) in props.list("items").enumerate() {
                    self.node(next, false, plain, &items.index(position));
                }
            }
        }
        if props.optional_flag(PRESERVE) == Some(false) {
            let place = path.child(PRESERVE);
            let bad = Value::Bool(false);
            self.findings.add(|| about(CauseReason::Invalid, place.render(), &bad, "must be true or undefined"));
        }
        self.map_type(props, path);
        self.list_type(props, path);
        self.list_map(props, path);
        self.keyed_items(props, path);
        self.rules(props, path);
    }

    /// What OpenAPI has and Kubernetes has not.
    fn standard(&mut self, props: Props<'_>, context: Context<'_>, path: &Path<'_>) {
        let kind = props.text("type");
        if !kind.is_empty() && !TYPES.contains(&kind) {
            self.findings.add(|| Cause::not_supported(path.child("type").render(), kind, &TYPES));
        }
        if let (Some(_), Some(why)) = (props.value("default"), context.no_defaults) {
            let detail = match why {
                NoDefaults::TopLevel(name) => format!("must not be set in top-level {name}"),
                NoDefaults::Additional => {
                    "must not be set inside additionalProperties applying to object metadata".to_owned()
                }
            };
            self.forbid(path, "default", &detail);
        }
        for (name, is_given) in [
            ("id", !props.text("id").is_empty()),
            ("additionalItems", props.value("additionalItems").is_some()),
            ("patternProperties", !props.named("patternProperties").is_empty()),
            ("definitions", !props.named("definitions").is_empty()),
            ("dependencies", props.value("dependencies").is_some()),
            ("$ref", props.optional_text("$ref").is_some()),
        ] {
            if is_given {
                self.forbid(path, name, &format!("{name} is not supported"));
            }
        }
        if kind == "null" {
            self.forbid(path, "type", "type cannot be set to null, use nullable as an alternative");
        }
        if matches!(props.items(), Some(Items::Many)) && !props.values("items").is_empty() {
            self.forbid(path, "items", "items must be a schema object and not an array");
        }
        if context.in_meta && props.flag(EMBEDDED) {
            self.forbid(path, EMBEDDED, "must not be used inside of resource meta");
        }
    }

    fn fields(&mut self, props: Props<'_>, is_root: bool, context: Context<'_>, path: &Path<'_>) {
        let properties = props.named("properties");
        let place = path.child("additionalProperties");
        match props.additional() {
            Some(SchemaOrBool::Bool(false) | SchemaOrBool::Schema(_)) if !properties.is_empty() => {
                let detail = "additionalProperties and properties are mutual exclusive";
                self.forbid(path, "additionalProperties", detail);
            }
            _ => {}
        }
        if let Some(SchemaOrBool::Schema(next)) = props.additional() {
            let mut inner = context;
            if context.in_meta {
                inner.no_defaults = Some(NoDefaults::Additional);
            }
            self.node(next, false, inner, &place);
        }
        let place = path.child("properties");
        for (name, property) in properties {
            let mut inner = context;
            if (is_root || props.flag(EMBEDDED)) && META.contains(&name) {
                inner.in_meta = true;
                if is_root {
                    inner.no_defaults = Some(NoDefaults::TopLevel(name));
                }
            }
            self.node(property, false, inner, &place.key(name));
        }
    }

    /// A list or map type needs the type.
    fn of_type(&mut self, props: Props<'_>, wanted: &str, extension: &str, path: &Path<'_>) -> bool {
        let kind = props.text("type");
        let detail = format!("must be {wanted} if {extension} is specified");
        let place = path.child("type");
        if kind.is_empty() {
            self.findings.add(|| Cause::required(place.render(), &detail));
        } else if kind != wanted {
            self.findings.add(|| Cause::invalid(place.render(), kind, detail));
        }
        kind == wanted
    }

    fn map_type(&mut self, props: Props<'_>, path: &Path<'_>) {
        let Some(map_type) = props.optional_text(MAP_TYPE) else { return };
        self.of_type(props, "object", MAP_TYPE, path);
        if !["atomic", "granular"].contains(&map_type) {
            self.findings
                .add(|| Cause::not_supported(path.child(MAP_TYPE).render(), map_type, &["atomic", "granular"]));
        }
    }

    fn list_type(&mut self, props: Props<'_>, path: &Path<'_>) {
        let Some(list_type) = props.optional_text(LIST_TYPE) else { return };
        if self.of_type(props, "array", LIST_TYPE, path)
            && list_type == "set"
            && let Some(item) = props.item()
        {
            self.set_items(item, &path.child("items"));
        }
        if !["atomic", "set", "map"].contains(&list_type) {
            self.findings
                .add(|| Cause::not_supported(path.child(LIST_TYPE).render(), list_type, &["atomic", "set", "map"]));
        }
    }

    /// The items of a set are atomic.
    fn set_items(&mut self, item: Props<'_>, path: &Path<'_>) {
        let list_type = item.optional_text(LIST_TYPE);
        let extension = match item.text("type") {
            "array" if list_type.is_some_and(|list_type| list_type != "atomic") => LIST_TYPE,
            "object" if item.optional_text(MAP_TYPE) != Some("atomic") => MAP_TYPE,
            _ => return,
        };
        // Upstream shows the list type for both.
        let bad = list_type.map_or(Value::Null, Value::from);
        let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
        self.findings.add(|| about(CauseReason::Invalid, path.child(extension).render(), &bad, detail));
    }

    fn list_map(&mut self, props: Props<'_>, path: &Path<'_>) {
        let keys = props.values(KEYS);
        let list_type = props.optional_text(LIST_TYPE);
        if !keys.is_empty() {
            let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
            let place = path.child(LIST_TYPE);
            match list_type {
                None => self.findings.add(|| Cause::required(place.render(), detail)),
                Some("map") => {}
                Some(other) => self.findings.add(|| Cause::invalid(place.render(), other, detail)),
            }
        }
        if list_type != Some("map") {
            return;
        }
        if keys.is_empty() {
            let detail = "must not be empty if x-kubernetes-list-type is map";
            self.findings.add(|| Cause::required(path.child(KEYS).render(), detail));
        }
        let place = path.child("items");
        let item = match props.items() {
            None => {
                let detail = "must have a schema if x-kubernetes-list-type is map";
                self.findings.add(|| Cause::required(place.render(), detail));
                return;
            }
            Some(Items::Many) => {
                let detail = "must only have a single schema if x-kubernetes-list-type is map";
                self.findings.add(|| Cause::forbidden(place.render(), detail));
                return;
            }
            Some(Items::One(item)) => item,
        };
        if item.text("type") != "object" {
            let detail = "must be object if parent array's x-kubernetes-list-type is map";
            self.findings.add(|| Cause::invalid(place.child("type").render(), item.text("type"), detail));
            return;
        }
        self.keys(props, item, path);
    }

    fn keys(&mut self, props: Props<'_>, item: Props<'_>, path: &Path<'_>) {
        let (items, all) = (path.child("items"), Value::Array(props.values(KEYS).to_vec()));
        let properties = items.child("properties");
        let mut seen = Vec::new();
        for key in props.texts(KEYS) {
            match item.property(key).map(|property| property.text("type")) {
                Some("array" | "object") => {
                    let detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                    let place = properties.key(key);
                    // Upstream shows the type of the item.
                    self.findings.add(|| Cause::invalid(place.child("type").render(), item.text("type"), detail));
                }
                Some(_) => {}
                None => {
                    let detail = "entries must all be names of item properties";
                    self.findings.add(|| about(CauseReason::Invalid, path.child(KEYS).render(), &all, detail));
                }
            }
            if seen.contains(&key) {
                let detail = "must not contain duplicate entries";
                self.findings.add(|| about(CauseReason::Invalid, path.child(KEYS).render(), &all, detail));
            } else if seen.len() < KEYS_MAX {
                seen.push(key);
            }
        }
    }

    /// Items of sets and maps are not null, and keys are always there.
    fn keyed_items(&mut self, props: Props<'_>, path: &Path<'_>) {
        let (Some(list_type @ ("set" | "map")), Some(item)) = (props.optional_text(LIST_TYPE), props.item()) else {
            return;
        };
        let items = path.child("items");
        if item.flag("nullable") {
            let detail = format!("cannot be nullable when x-kubernetes-list-type is {list_type}");
            self.forbid(&items, "nullable", &detail);
        }
        if list_type != "map" {
            return;
        }
        let properties = items.child("properties");
        for key in props.texts(KEYS) {
            let Some(property) = item.property(key) else { continue };
            let place = properties.key(key);
            if property.value("default").is_none() && !item.texts("required").any(|name| name == key) {
                let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                self.findings.add(|| Cause::required(place.child("default").render(), detail));
            }
            if property.flag("nullable") {
                let detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
                self.forbid(&place, "nullable", detail);
            }
        }
    }

    /// The form of rules; what they say is checked when all else is fine.
    fn rules(&mut self, props: Props<'_>, path: &Path<'_>) {
        let list = path.child("x-kubernetes-validations");
        for (position, rule) in props.list("x-kubernetes-validations").enumerate() {
            let place = list.index(position);
            self.rule(rule, &place);
            let field_path = rule.text("fieldPath");
            if field_path.is_empty() {
                continue;
            }
            let at = place.child("fieldPath");
            if field_path.trim().is_empty() {
                self.findings.add(|| Cause::invalid(at.render(), field_path, "must be non-empty if specified"));
            }
            if has_newlines(field_path) {
                self.findings.add(|| Cause::invalid(at.render(), field_path, "must not contain line breaks"));
            }
            if self.supported == Supported::Yes && follow(field_path, props, Brackets::Permitted).is_err() {
                self.findings.add(|| Cause::invalid(at.render(), field_path, "must be a valid path"));
            }
        }
    }

    fn rule(&mut self, rule: Props<'_>, path: &Path<'_>) {
        let (text, message, expression) = (rule.text("rule"), rule.text("message"), rule.text("messageExpression"));
        let mut required = |name: &str, detail: &str| {
            self.findings.add(|| Cause::required(path.child(name).render(), detail));
        };
        if text.trim().is_empty() {
            required("rule", "rule is not specified");
        } else if !message.is_empty() && message.trim().is_empty() {
            self.findings
                .add(|| Cause::invalid(path.child("message").render(), message, "must be non-empty if specified"));
        } else if has_newlines(message.trim()) {
            self.findings
                .add(|| Cause::invalid(path.child("message").render(), message, "must not contain line breaks"));
        } else if has_newlines(text.trim()) && message.trim().is_empty() {
            required("message", "message must be specified if rule contains line breaks");
        }
        if !expression.is_empty() && expression.trim().is_empty() {
            let place = path.child("messageExpression");
            self.findings.add(|| Cause::required(place.render(), "messageExpression must be non-empty if specified"));
        }
        if let Some(reason) = rule.optional_text("reason").filter(|reason| !REASONS.contains(reason)) {
            self.findings.add(|| Cause::not_supported(path.child("reason").render(), reason, &REASONS));
        }
    }
}

fn has_newlines(text: &str) -> bool {
    text.contains(['\n', '\r'])
}

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const LIST_TYPE: &str = "x-kubernetes-list-type";
const MAP_TYPE: &str = "x-kubernetes-map-type";
const KEYS: &str = "x-kubernetes-list-map-keys";
const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
const REASONS: [&str; 4] = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
/// Keys beyond this many are not looked at for duplicates.
const KEYS_MAX: usize = 100;
