//! Value validations of a schema's node: what a value of the right type must hold beside.

use serde_json::Value;

use super::format::Format;
use super::pattern::Pattern;
use super::schema::Schema;

/// The value validations of one node. A limit that is absent does not bind.
#[derive(Debug, Default)]
pub struct Validation {
    /// `format`, if it is one that Kubernetes checks for values of the node's type.
    pub format: Option<Format>,
    /// `maximum` and `exclusiveMaximum`
    pub maximum: Option<Bound>,
    /// `minimum` and `exclusiveMinimum`
    pub minimum: Option<Bound>,
    /// `multipleOf`
    pub multiple_of: Option<f64>,
    /// `maxLength`, in characters.
    pub length_max: Option<i64>,
    /// `minLength`, in characters.
    pub length_min: Option<i64>,
    /// `pattern`
    pub pattern: Option<Pattern>,
    /// `maxItems`
    pub items_max: Option<i64>,
    /// `minItems`
    pub items_min: Option<i64>,
    /// `maxProperties`
    pub properties_max: Option<i64>,
    /// `minProperties`
    pub properties_min: Option<i64>,
    /// `enum`; empty where every value is good.
    pub values: Vec<Value>,
    /// `required`
    pub required: Vec<Box<str>>,
    /// `allOf`
    pub all_of: Vec<Schema>,
    /// `anyOf`
    pub any_of: Vec<Schema>,
    /// `oneOf`
    pub one_of: Vec<Schema>,
    /// `not`
    pub not: Option<Box<Schema>>,
}

/// An end of a range of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// The number.
    pub limit: f64,
    /// Whether the number itself is outside of the range.
    pub exclusive: bool,
}
