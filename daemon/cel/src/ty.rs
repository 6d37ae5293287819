//! Types of expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A type. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Nothing is known before evaluation.
    Dyn,
    /// `null_type`
    Null,
    /// `bool`
    Bool,
    /// `int`, 64 bits with sign.
    Int,
    /// `uint`, 64 bits.
    Uint,
    /// `double`
    Double,
    /// `string`
    String,
    /// `bytes`
    Bytes,
    /// `google.protobuf.Timestamp`
    Timestamp,
    /// `google.protobuf.Duration`
    Duration,
    /// `list(T)`
    List(Arc<Self>),
    /// `map(K, V)`
    Map(Arc<Self>, Arc<Self>),
    /// `optional_type(T)`
    Optional(Arc<Self>),
    /// An object with declared fields.
    Object(Arc<ObjectType>),
    /// The type of a type, `type(T)`.
    Type(Arc<Self>),
    /// A type of a library: `kubernetes.URL`, `kubernetes.Quantity`, `net.IP`, `net.CIDR`, `kubernetes.Semver`, ...
    Opaque(&'static str),
    /// A type parameter of a function's declaration.
    Parameter(&'static str),
}

/// An object type whose fields are known.
#[derive(Debug, PartialEq)]
pub struct ObjectType {
    /// Name in messages and literals: `Object`, `Object.spec`, `kubernetes.NamespaceMetadata`.
    pub name: Box<str>,
    /// Fields by the name that expressions use (escaped where CEL needs it).
    pub fields: BTreeMap<Box<str>, FieldType>,
}

/// A field of an object type.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldType {
    /// Its type.
    pub ty: Type,
    /// The longest that a string, bytes, list or map can be, where it is bounded, and likewise in depth: how the cost
    /// estimator learns sizes. Counted as the estimator counts: characters, bytes, elements.
    pub size_max: Option<u64>,
}
