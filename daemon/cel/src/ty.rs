//! Types of expressions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::value::escape::reserved;

/// A type. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// The type of an expression that is in error: it agrees with everything, so that one mistake is told once. No program
    /// that compiled has it.
    Error,
    /// A type that the checker has yet to find. No program that compiled has it.
    Variable(u32),
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
#[derive(Debug)]
pub struct ObjectType {
    /// Name in messages and literals: `Object`, `Object.spec`, `kubernetes.NamespaceMetadata`.
    pub name: Box<str>,
    /// Fields by the name that expressions use (escaped where CEL needs it).
    pub fields: BTreeMap<Box<str>, FieldType>,
    /// Any other field is there too, as `dyn`: the types of apply configurations, whose fields are looked at when the
    /// result is applied.
    pub open: bool,
}

impl ObjectType {
    /// The field of a name. A field that is a word of the grammar can be named as it is, too: `self.namespace`.
    pub(crate) fn field(&self, name: &str) -> Option<&FieldType> {
        self.fields.get(name).or_else(|| self.fields.get(&*reserved(name)?))
    }
}

/// Object types are the same if they have the same name, as in cel-go.
impl PartialEq for ObjectType {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A field of an object type.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldType {
    /// Its type.
    pub ty: Type,
    /// How large its values are at most: how the cost estimator learns sizes.
    pub size: Size,
}

impl FieldType {
    /// A field or variable whose sizes nobody knows.
    #[must_use]
    pub const fn unbounded(ty: Type) -> Self {
        Self { ty, size: Size { max: None, inside: None } }
    }
}

/// How large the values of a field or variable are at most, level by level, as its schema bounds them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Size {
    /// The most characters, bytes, elements or entries; `None` where nothing is known. Kubernetes counts 0 for what has no
    /// length (numbers, booleans, objects).
    pub max: Option<u64>,
    /// What lists and maps hold. The fields of an object carry their sizes themselves.
    pub inside: Option<Arc<Inside>>,
}

/// Sizes of what a list or map holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inside {
    /// Of the keys of a map.
    pub key: Size,
    /// Of the elements of a list or the values of a map.
    pub value: Size,
}

impl Size {
    /// Of a value with a length of at most `max`, which holds nothing.
    #[must_use]
    pub const fn of(max: u64) -> Self {
        Self { max: Some(max), inside: None }
    }

    /// Of a list with at most `max` elements.
    #[must_use]
    pub fn list(max: u64, value: Self) -> Self {
        Self { max: Some(max), inside: Some(Arc::new(Inside { key: Self::default(), value })) }
    }

    /// Of a map with at most `max` entries.
    #[must_use]
    pub fn map(max: u64, key: Self, value: Self) -> Self {
        Self { max: Some(max), inside: Some(Arc::new(Inside { key, value })) }
    }
}

/// As cel-go writes types in messages.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error => f.write_str("!error!"),
            Self::Variable(number) => write!(f, "_var{number}"),
            Self::Dyn => f.write_str("dyn"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Map(key, value) => write!(f, "map({key}, {value})"),
            Self::Optional(inner) => write!(f, "optional_type({inner})"),
            Self::Object(object) => f.write_str(&object.name),
            Self::Type(inner) => write!(f, "type({inner})"),
            Self::Opaque(name) | Self::Parameter(name) => f.write_str(name),
        }
    }
}
