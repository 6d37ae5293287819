//! From a schema as a definition has it to its compiled form.

use serde_json::Value;

use super::format::Format;
use super::object_meta::{Malformed, coerce};
use super::pattern::Pattern;
use super::props::{Items, Props, SchemaOrBool};
use super::prune::{Root, Unknown, prune};
use super::schema::{Additional, JsonType, ListType, Schema};
use super::validation::{Bound, Validation};
use crate::decode::canonical_json;

/// Why a schema cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// It uses something that structural schemas cannot have.
    #[error("OpenAPIV3Schema '{0}' is not supported")]
    Unsupported(&'static str),
    /// It has a list of schemas for the items of a list.
    #[error("OpenAPIV3Schema 'items' must be a schema, but is an array")]
    ItemsList,
    /// It switches pruning on, which is on anyway.
    #[error("internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined")]
    PreserveFalse,
    /// A pattern is no regular expression, in Go's words.
    #[error("{0}")]
    Pattern(String),
    /// Its patterns would take too much memory together.
    #[error("the patterns are too large")]
    PatternsTooLarge,
    /// It is nested too deep.
    #[error("the schema is nested too deeply")]
    TooDeep,
}

/// Compiles a schema, but for its rules, which [`super::rule`] adds. Defaults come out without unknown fields.
///
/// # Errors
/// See [`BuildError`].
pub fn build(raw: &Value) -> Result<Schema, BuildError> {
    let mut schema = build_unpruned(raw)?;
    prune_defaults(&mut schema);
    Ok(schema)
}

/// [`build`] with defaults as they are given.
pub(crate) fn build_unpruned(raw: &Value) -> Result<Schema, BuildError> {
    Builder { weight_left: PATTERNS_WEIGHT_MAX }.node(Props::of(raw), 0)
}

/// Whether a schema uses only what structural schemas can have; patterns are not looked at.
///
/// # Errors
/// See [`BuildError`].
pub(crate) fn supported(raw: &Value) -> Result<(), BuildError> {
    supported_node(Props::of(raw), 0)
}

fn supported_node(props: Props<'_>, depth: usize) -> Result<(), BuildError> {
    if depth > DEPTH_MAX {
        return Err(BuildError::TooDeep);
    }
    unsupported(props)?;
    if props.optional_flag(PRESERVE) == Some(false) {
        return Err(BuildError::PreserveFalse);
    }
    match props.items() {
        Some(Items::Many) => return Err(BuildError::ItemsList),
        Some(Items::One(items)) => supported_node(items, depth + 1)?,
        None => {}
    }
    if let Some(SchemaOrBool::Schema(schema)) = props.additional() {
        supported_node(schema, depth + 1)?;
    }
    for (_, property) in props.named("properties") {
        supported_node(property, depth + 1)?;
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        for next in props.list(name) {
            supported_node(next, depth + 1)?;
        }
    }
    props.not().map_or(Ok(()), |not| supported_node(not, depth + 1))
}

struct Builder {
    weight_left: usize,
}

impl Builder {
    fn node(&mut self, props: Props<'_>, depth: usize) -> Result<Schema, BuildError> {
        if depth > DEPTH_MAX {
            return Err(BuildError::TooDeep);
        }
        unsupported(props)?;
        if props.optional_flag(PRESERVE) == Some(false) {
            return Err(BuildError::PreserveFalse);
        }
        let items = match props.items() {
            Some(Items::Many) => return Err(BuildError::ItemsList),
            Some(Items::One(items)) => Some(Box::new(self.node(items, depth + 1)?)),
            None => None,
        };
        let additional = match props.additional() {
            None => Additional::Absent,
            Some(SchemaOrBool::Bool(true)) => Additional::Anything,
            Some(SchemaOrBool::Bool(false)) => Additional::Nothing,
            Some(SchemaOrBool::Schema(schema)) => Additional::Schema(Box::new(self.node(schema, depth + 1)?)),
        };
        let mut schema = Schema {
            kind: JsonType::parse(props.text("type")),
            nullable: props.flag("nullable"),
            default: props.value("default").cloned().map(|mut default| {
                canonical_json(&mut default);
                default
            }),
            items,
            additional,
            preserve_unknown_fields: props.flag(PRESERVE),
            embedded_resource: props.flag("x-kubernetes-embedded-resource"),
            int_or_string: props.flag("x-kubernetes-int-or-string"),
            list_type: list_type(props),
            atomic_map: props.text("x-kubernetes-map-type") == "atomic",
            ..Schema::default()
        };
        for (name, property) in props.named("properties") {
            schema.properties.insert(name.into(), self.node(property, depth + 1)?);
        }
        schema.validation = self.validation(props, depth)?.map(Box::new);
        Ok(schema)
    }

    fn validation(&mut self, props: Props<'_>, depth: usize) -> Result<Option<Validation>, BuildError> {
        if !props.map().keys().any(|key| VALIDATIONS.contains(&key.as_str())) {
            return Ok(None);
        }
        let int_or_string = props.flag("x-kubernetes-int-or-string");
        let kind = JsonType::parse(props.text("type")).filter(|_| !int_or_string);
        let bound = |limit: &str, exclusive: &str| {
            props.number(limit).map(|limit| Bound { limit, exclusive: props.flag(exclusive) })
        };
        Ok(Some(Validation {
            format: Format::known(props.text("format"), kind),
            maximum: bound("maximum", "exclusiveMaximum"),
            minimum: bound("minimum", "exclusiveMinimum"),
            multiple_of: props.number("multipleOf"),
            length_max: props.integer("maxLength"),
            length_min: props.integer("minLength"),
            pattern: self.pattern(props.text("pattern"))?,
            items_max: props.integer("maxItems"),
            items_min: props.integer("minItems"),
            properties_max: props.integer("maxProperties"),
            properties_min: props.integer("minProperties"),
            values: props.values("enum").to_vec(),
            required: props.texts("required").map(Into::into).collect(),
            all_of: self.list(props, "allOf", depth)?,
            any_of: self.list(props, "anyOf", depth)?,
            one_of: self.list(props, "oneOf", depth)?,
            not: props.not().map(|not| self.node(not, depth + 1).map(Box::new)).transpose()?,
        }))
    }

    fn list(&mut self, props: Props<'_>, name: &str, depth: usize) -> Result<Vec<Schema>, BuildError> {
        props.list(name).map(|next| self.node(next, depth + 1)).collect()
    }

    fn pattern(&mut self, source: &str) -> Result<Option<Pattern>, BuildError> {
        if source.is_empty() {
            return Ok(None);
        }
        let pattern = Pattern::compile(source).map_err(BuildError::Pattern)?;
        self.weight_left = self.weight_left.checked_sub(pattern.weight()).ok_or(BuildError::PatternsTooLarge)?;
        Ok(Some(pattern))
    }
}

fn list_type(props: Props<'_>) -> ListType {
    match props.text("x-kubernetes-list-type") {
        "set" => ListType::Set,
        "map" => ListType::Map(props.texts("x-kubernetes-list-map-keys").map(Into::into).collect()),
        _ => ListType::Atomic,
    }
}

fn unsupported(props: Props<'_>) -> Result<(), BuildError> {
    for name in ["id", "$schema", "$ref"] {
        if !props.text(name).is_empty() {
            return Err(BuildError::Unsupported(if name == "$schema" { "schema" } else { name }));
        }
    }
    for name in ["patternProperties", "dependencies", "additionalItems", "definitions"] {
        let is_there = match props.value(name) {
            None => false,
            Some(Value::Object(map)) => name == "additionalItems" || !map.is_empty(),
            Some(_) => true,
        };
        if is_there {
            return Err(BuildError::Unsupported(name));
        }
    }
    Ok(())
}

/// Takes unknown fields away from defaults, as from objects.
fn prune_defaults(schema: &mut Schema) {
    if let Some(mut default) = schema.default.take() {
        let root = if schema.embedded_resource { Root::Resource } else { Root::Value };
        let _nothing_is_refused = coerce(&mut default, schema, root, Malformed::Drop, &mut Unknown::unwanted());
        prune(&mut default, schema, root);
        schema.default = Some(default);
    }
    schema.properties.values_mut().for_each(prune_defaults);
    schema.items.as_deref_mut().into_iter().for_each(prune_defaults);
    if let Additional::Schema(next) = &mut schema.additional {
        prune_defaults(next);
    }
}

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
/// The fields that make a node have value validations.
const VALIDATIONS: [&str; 20] = [
    "format",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "multipleOf",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxProperties",
    "minProperties",
    "enum",
    "required",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
];
/// Schemas come out of JSON that is not nested deeper either.
const DEPTH_MAX: usize = 64;
/// About 30 MiB when all patterns are as bad as can be.
pub(crate) const PATTERNS_WEIGHT_MAX: usize = 250_000;
