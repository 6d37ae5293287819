//! A structural schema: what a CustomResourceDefinition says of a version's objects, compiled.
//!
//! Source: the API conventions of CustomResourceDefinitions ("Specifying a structural schema") and KEP-1693. Descriptions are not
//! kept here: documents are made from the definition itself.

use std::collections::BTreeMap;

use serde_json::Value;

/// One node of a structural schema.
#[derive(Debug, Default)]
pub struct Schema {
    /// `type`; nothing for int-or-string and for nodes whose unknown fields are kept.
    pub kind: Option<JsonType>,
    /// Whether null is a value (`nullable`).
    pub nullable: bool,
    /// `default`, pruned and with the defaults below it filled in.
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

/// `additionalProperties`
#[derive(Debug, Default)]
pub enum Additional {
    /// Not given: keys that no property names are unknown.
    #[default]
    Absent,
    /// `true`: any value under any key.
    Anything,
    /// A schema for the values under all keys.
    Schema(Box<Schema>),
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
