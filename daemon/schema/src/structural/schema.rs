//! A structural schema: what a CustomResourceDefinition says of a version's objects, compiled.
//!
//! Source: the API conventions of CustomResourceDefinitions ("Specifying a structural schema") and KEP-1693. Descriptions are not
//! kept here: documents are made from the definition itself.

use std::collections::BTreeMap;

use serde_json::Value;

/// One node of a structural schema. The schemas inside `allOf`, `anyOf`, `oneOf` and `not` are nodes too, which have nothing
/// of their own but value validations, properties and items.
#[derive(Debug, Default)]
pub struct Schema {
    /// `type`; nothing for int-or-string and for nodes whose unknown fields are kept.
    pub kind: Option<JsonType>,
    /// Whether null is a value (`nullable`).
    pub nullable: bool,
    /// `default`, without unknown fields. Defaults of nodes below it are not filled in: defaulting descends into what it
    /// has set.
    pub default: Option<Value>,
    /// `properties`
    pub properties: BTreeMap<Box<str>, Self>,
    /// `additionalProperties`
    pub additional: Additional,
    /// `items`
    pub items: Option<Box<Self>>,
    /// `x-kubernetes-preserve-unknown-fields`
    pub preserve_unknown_fields: bool,
    /// `x-kubernetes-embedded-resource`
    pub embedded_resource: bool,
    /// `x-kubernetes-int-or-string`
    pub int_or_string: bool,
    /// `x-kubernetes-list-type`; atomic where nothing is given.
    pub list_type: ListType,
    /// `x-kubernetes-map-type: atomic`
    pub atomic_map: bool,
    /// `format`, `maximum`, `allOf` and so on.
    pub validation: Option<Box<super::validation::Validation>>,
    /// `x-kubernetes-validations`, compiled.
    pub rules: Vec<super::rule::Rule>,
    /// Whether this node or one below it has rules.
    pub rules_inside: bool,
}

impl Schema {
    /// The schema of a field or of a key of a map.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Self> {
        self.properties.get(name).or_else(|| self.additional.schema())
    }
}

/// `type` of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonType {
    /// `object`
    Object,
    /// `array`
    Array,
    /// `string`
    String,
    /// `integer`
    Integer,
    /// `number`
    Number,
    /// `boolean`
    Boolean,
}

impl JsonType {
    /// The type with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            _ => return None,
        })
    }

    /// The name in schemas and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// `additionalProperties`
#[derive(Debug, Default)]
pub enum Additional {
    /// Not given: keys that no property names are unknown.
    #[default]
    Absent,
    /// `false`: no key is permitted beside the properties.
    Nothing,
    /// `true`: any key; of values that are objects nothing is known, so that their fields are pruned.
    Anything,
    /// A schema for the values under all keys.
    Schema(Box<Schema>),
}

impl Additional {
    /// The schema for the values under all keys.
    #[must_use]
    pub fn schema(&self) -> Option<&Schema> {
        match self {
            Self::Schema(schema) => Some(schema),
            _ => None,
        }
    }

    /// Whether anything is given.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

/// `x-kubernetes-list-type`, with `x-kubernetes-list-map-keys`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ListType {
    /// One piece.
    #[default]
    Atomic,
    /// Scalars (or atomic objects), each once.
    Set,
    /// Objects told apart by these fields.
    Map(Vec<Box<str>>),
}
