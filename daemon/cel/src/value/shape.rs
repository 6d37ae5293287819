//! How JSON is read as values: what a schema says beyond the types that the checker knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::escape::unescape;
use crate::ty::Type;

/// How one piece of JSON is read. Where the JSON is not of its shape, reading it is an error of the expression.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Shape {
    /// By what the JSON is: whole numbers are `int`, other numbers `double`. Also for `x-kubernetes-int-or-string` and
    /// unknown fields.
    #[default]
    Dyn,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `uint`
    Uint,
    /// `double`, even where the number is whole.
    Double,
    /// `string`
    String,
    /// A string of the format `byte`: base64, read as bytes.
    Bytes,
    /// A string of the format `date`: a day, read as the timestamp of its midnight in UTC.
    Date,
    /// A string of the format `date-time`.
    Timestamp,
    /// A string of the format `duration`.
    Duration,
    /// An array.
    List(Arc<ListShape>),
    /// An object whose keys are data, with the shape of its values.
    Map(Arc<Self>),
    /// An object with declared fields.
    Object(Arc<ObjectShape>),
}

/// How an array is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListShape {
    /// Its elements.
    pub element: Shape,
    /// What makes two of its elements the same.
    pub flavour: ListFlavour,
}

/// What `==` and `+` take a list for (`x-kubernetes-list-type`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ListFlavour {
    /// A sequence.
    #[default]
    Atomic,
    /// A set of scalars: order does not matter to `==`, and `+` is the union.
    Set,
    /// A map: order does not matter to `==`, and with `+` elements of the right replace those of the left that have
    /// the same values under these keys (as the JSON spells them).
    Map(Box<[Box<str>]>),
}

/// How an object with declared fields is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectShape {
    /// Fields by the name that expressions use.
    pub fields: BTreeMap<Box<str>, FieldShape>,
}

/// How a field is read.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldShape {
    /// Its key in the JSON.
    pub key: Box<str>,
    /// Its value.
    pub shape: Shape,
}

impl Shape {
    /// The shape that a type alone gives: all lists are atomic, and fields have the keys that their names escape.
    pub fn of(ty: &Type) -> Self {
        match ty {
            Type::Bool => Self::Bool,
            Type::Int => Self::Int,
            Type::Uint => Self::Uint,
            Type::Double => Self::Double,
            Type::String => Self::String,
            Type::Bytes => Self::Bytes,
            Type::Timestamp => Self::Timestamp,
            Type::Duration => Self::Duration,
            Type::List(element) => Self::list(Self::of(element), ListFlavour::Atomic),
            Type::Map(_, value) => Self::Map(Arc::new(Self::of(value))),
            Type::Optional(inner) => Self::of(inner),
            Type::Object(object) => Self::Object(Arc::new(ObjectShape {
                fields: object
                    .fields
                    .iter()
                    .map(|(name, field)| {
                        let key = unescape(name).map_or_else(|| name.clone(), String::into_boxed_str);
                        (name.clone(), FieldShape { key, shape: Self::of(&field.ty) })
                    })
                    .collect(),
            })),
            _ => Self::Dyn,
        }
    }

    /// A list.
    pub fn list(element: Self, flavour: ListFlavour) -> Self {
        Self::List(Arc::new(ListShape { element, flavour }))
    }

    /// An object, from its fields: the name in expressions, the key in the JSON, and the shape.
    pub fn object(fields: impl IntoIterator<Item = (Box<str>, Box<str>, Self)>) -> Self {
        let fields = fields.into_iter().map(|(name, key, shape)| (name, FieldShape { key, shape })).collect();
        Self::Object(Arc::new(ObjectShape { fields }))
    }
}

/// Elements of data without a schema.
pub(crate) static DYN_LIST: ListShape = ListShape { element: Shape::Dyn, flavour: ListFlavour::Atomic };
/// Values of objects without a schema.
pub(crate) static DYN: Shape = Shape::Dyn;
