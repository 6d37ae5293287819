//! Shapes: what server-side apply must know of a type, the same for built-in types, custom resources and unknown content.
//!
//! A shape says of a value whether it is one piece or has parts with owners of their own, and how the items of a list are
//! told apart. Source: kube-openapi's `schemaconv`, which makes upstream's schemas from OpenAPI v3 documents.

use serde_json::{Map, Value};

use crate::field::{Field, FieldKind, JsonType, List, ListType, PatchStrategy, Presence, TypeDescriptor};
use crate::structural::schema::{self as structural, Additional, Schema};
use crate::types::meta::OBJECT_META;

/// The shape of a value.
#[derive(Clone, Copy, Debug)]
pub enum Shape<'a> {
    /// A built-in object type.
    Type(&'a TypeDescriptor),
    /// A field of a built-in type.
    Field(&'a FieldKind),
    /// A node of a schema of custom resources: see [`Shape::custom`].
    Custom(CustomNode<'a>),
    /// Unknown content: maps have parts, lists are one piece.
    Deduced,
    /// Unknown content that is one piece.
    Atomic,
    /// A single value.
    Scalar(Scalar),
}

/// A node of a schema of custom resources, and what the nodes above it say of it.
#[derive(Clone, Copy, Debug)]
pub struct CustomNode<'a> {
    schema: &'a Schema,
    /// Whether unknown fields are kept, here and in everything below.
    keeps_unknown: bool,
    /// Whether it is an object of the API, with `apiVersion`, `kind` and `metadata`.
    is_object: bool,
}

impl<'a> From<&'a crate::kind::Shape> for Shape<'a> {
    fn from(shape: &'a crate::kind::Shape) -> Self {
        match shape {
            crate::kind::Shape::Typed(descriptor) => Self::Type(descriptor),
            crate::kind::Shape::Structural(custom) => Self::custom(&custom.schema),
        }
    }
}

/// What a single value may be. Null is always good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// A number.
    Numeric,
    /// A text.
    String,
    /// true or false.
    Boolean,
    /// Any of these.
    Untyped,
}

impl<'a> Shape<'a> {
    /// The shape of the custom resources that a schema describes.
    #[must_use]
    pub const fn custom(schema: &'a Schema) -> Self {
        let keeps_unknown = schema.preserve_unknown_fields;
        Self::Custom(CustomNode { schema, keeps_unknown, is_object: true })
    }

    /// An object of this shape in which nothing is set, as a decoder of the type makes it.
    #[must_use]
    pub fn empty_object(&self, api_version: &str, kind: &str) -> Value {
        if let Self::Type(descriptor) = self {
            return Value::Object(crate::decode::zero::empty(descriptor));
        }
        let mut map = Map::with_capacity(2);
        map.insert("apiVersion".to_owned(), Value::from(api_version));
        map.insert("kind".to_owned(), Value::from(kind));
        Value::Object(map)
    }

    /// What values of the shape may be, and what they are made of.
    pub(crate) fn atom(&self) -> Atom<'a> {
        match *self {
            Self::Type(descriptor) => Atom::map(of_type(descriptor)),
            Self::Field(kind) => of_field(kind),
            Self::Custom(node) => node.atom(),
            Self::Scalar(scalar) => Atom { scalar: Some(scalar), ..Atom::default() },
            Self::Deduced => Atom::any(false),
            Self::Atomic => Atom::any(true),
        }
    }

    /// Whether a map with such values under unknown keys, and without known ones, counts as unknown content.
    fn is_unknown(&self) -> bool {
        match self {
            Self::Deduced => true,
            Self::Custom(node) => node.atom().scalar == Some(Scalar::Untyped),
            _ => false,
        }
    }
}

impl<'a> CustomNode<'a> {
    fn below(self, schema: &'a Schema) -> Shape<'a> {
        Shape::Custom(Self {
            schema,
            keeps_unknown: self.keeps_unknown || schema.preserve_unknown_fields,
            is_object: schema.embedded_resource,
        })
    }

    fn atom(self) -> Atom<'a> {
        let scalar = |scalar| Atom { scalar: Some(scalar), ..Atom::default() };
        match self.schema.kind {
            None => Atom { map: Some(self.map()), scalar: Some(Scalar::Untyped), list: Some(self.list()) },
            Some(structural::JsonType::Object) => Atom::map(self.map()),
            Some(structural::JsonType::Array) => Atom { list: Some(self.list()), ..Atom::default() },
            Some(structural::JsonType::String) => scalar(self.text()),
            Some(structural::JsonType::Integer | structural::JsonType::Number) => scalar(Scalar::Numeric),
            Some(structural::JsonType::Boolean) => scalar(Scalar::Boolean),
        }
    }

    /// Texts with a format may be something else on the way, but for bytes in base64.
    fn text(self) -> Scalar {
        let format = self.schema.validation.as_ref().and_then(|validation| validation.format.as_ref());
        if format.is_none_or(|format| &*format.name == "byte") { Scalar::String } else { Scalar::Untyped }
    }

    fn map(self) -> MapShape<'a> {
        let free = self.keeps_unknown || self.schema.properties.is_empty() && !self.is_object;
        let element = match &self.schema.additional {
            Additional::Absent => free.then_some(Shape::Deduced),
            Additional::Nothing => None,
            Additional::Anything => Some(Shape::Deduced),
            Additional::Schema(schema) => Some(self.below(schema)),
        };
        MapShape { atomic: self.schema.atomic_map, fields: Fields::Custom(self), element }
    }

    fn field(self, name: &str) -> Option<Shape<'a>> {
        match name {
            "apiVersion" | "kind" if self.is_object => Some(Shape::Scalar(Scalar::String)),
            "metadata" if self.is_object => Some(Shape::Type(&OBJECT_META)),
            _ => self.schema.properties.get(name).map(|schema| self.below(schema)),
        }
    }

    fn list(self) -> ListShape<'a> {
        let kind = match &self.schema.list_type {
            structural::ListType::Atomic => ListKind::Atomic,
            structural::ListType::Set => ListKind::Set,
            structural::ListType::Map(keys) => ListKind::Map(Keys::Given(keys)),
        };
        ListShape { kind, items: self.schema.items.as_deref().map_or(Shape::Atomic, |items| self.below(items)) }
    }
}

/// What a value may be. Where it may be several things, the value itself decides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Atom<'a> {
    pub(crate) map: Option<MapShape<'a>>,
    pub(crate) scalar: Option<Scalar>,
    pub(crate) list: Option<ListShape<'a>>,
}

impl<'a> Atom<'a> {
    const fn map(map: MapShape<'a>) -> Self {
        Self { map: Some(map), scalar: None, list: None }
    }

    const fn any(atomic: bool) -> Self {
        let element = Some(if atomic { Shape::Atomic } else { Shape::Deduced });
        Self {
            map: Some(MapShape { atomic, fields: Fields::None, element }),
            scalar: Some(Scalar::Untyped),
            list: Some(ListShape { kind: ListKind::Atomic, items: Shape::Atomic }),
        }
    }

    /// Narrows to what the value is, if that is allowed. An absent value and null decide nothing.
    pub(crate) fn deduce(&self, value: Option<&Value>) -> Self {
        let none = Self::default();
        match value {
            Some(Value::Object(_)) if self.map.is_some() => Self { map: self.map, ..none },
            Some(Value::Array(_)) if self.list.is_some() => Self { list: self.list, ..none },
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) if self.scalar.is_some() => {
                Self { scalar: self.scalar, ..none }
            }
            _ => self.clone(),
        }
    }

    /// Whether two atoms that were narrowed from one are the same.
    pub(crate) const fn same(&self, other: &Self) -> bool {
        self.map.is_some() == other.map.is_some()
            && self.scalar.is_some() == other.scalar.is_some()
            && self.list.is_some() == other.list.is_some()
    }

    /// What it is taken for: a map before a single value before a list.
    pub(crate) fn form(&self) -> Form<'a> {
        match (self.map, self.scalar, self.list) {
            (Some(map), _, _) => Form::Map(map),
            (_, Some(scalar), _) => Form::Scalar(scalar),
            (_, _, Some(list)) => Form::List(list),
            (None, None, None) => Form::Nothing,
        }
    }
}

/// What an atom is taken for.
pub(crate) enum Form<'a> {
    Map(MapShape<'a>),
    Scalar(Scalar),
    List(ListShape<'a>),
    /// No value is good.
    Nothing,
}

/// The shape of an object or a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MapShape<'a> {
    /// Whether it is one piece.
    pub(crate) atomic: bool,
    fields: Fields<'a>,
    /// What stands under keys that are no known field; nothing when there must be none.
    element: Option<Shape<'a>>,
}

#[derive(Clone, Copy, Debug)]
enum Fields<'a> {
    None,
    Type(&'a TypeDescriptor),
    Custom(CustomNode<'a>),
}

impl Fields<'_> {
    fn is_empty(&self) -> bool {
        match self {
            Self::None => true,
            Self::Type(descriptor) => descriptor.fields.is_empty(),
            Self::Custom(node) => node.schema.properties.is_empty() && !node.is_object,
        }
    }
}

impl<'a> MapShape<'a> {
    /// The shape of a known field.
    pub(crate) fn field(&self, name: &str) -> Option<Shape<'a>> {
        match self.fields {
            Fields::None => None,
            Fields::Type(descriptor) => descriptor.field(name).map(|field| Shape::Field(&field.kind)),
            Fields::Custom(node) => node.field(name),
        }
    }

    /// The shape of what stands under a key; nothing when it must not be there.
    pub(crate) fn child(&self, name: &str) -> Option<Shape<'a>> {
        self.field(name).or(self.element)
    }

    /// The shape of what stands under keys that are no known field.
    pub(crate) const fn element(&self) -> Option<Shape<'a>> {
        self.element
    }

    /// Whether nothing is known of the content.
    pub(crate) fn is_unknown(&self) -> bool {
        self.fields.is_empty() && self.element.is_some_and(|element| element.is_unknown())
    }
}

/// The shape of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListShape<'a> {
    pub(crate) kind: ListKind<'a>,
    pub(crate) items: Shape<'a>,
}

impl ListShape<'_> {
    /// Whether it is one piece.
    pub(crate) const fn is_atomic(&self) -> bool {
        matches!(self.kind, ListKind::Atomic)
    }

    /// What a key field is when an item does not give it.
    pub(crate) fn key_default(&self, name: &str) -> Option<Value> {
        match self.items {
            Shape::Field(FieldKind::Object(descriptor)) => type_key_default(descriptor, name),
            Shape::Custom(node) => node.schema.properties.get(name)?.default.clone(),
            _ => None,
        }
    }
}

/// How the items of a list are told apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ListKind<'a> {
    /// Not at all.
    Atomic,
    /// By their values.
    Set,
    /// By the values of some fields.
    Map(Keys<'a>),
}

/// Names of key fields.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keys<'a> {
    Named(&'static [&'static str]),
    One(&'static str),
    Given(&'a [Box<str>]),
}

impl<'a> Keys<'a> {
    pub(crate) fn iter(self) -> impl Iterator<Item = &'a str> {
        let (named, one, given): (&[&'static str], Option<&'static str>, &'a [Box<str>]) = match self {
            Self::Named(names) => (names, None, &[]),
            Self::One(name) => (&[], Some(name), &[]),
            Self::Given(names) => (&[], None, names),
        };
        let borrowed = given.iter().map(|name| -> &'a str { name });
        named.iter().copied().chain(one).map(|name| -> &'a str { name }).chain(borrowed)
    }
}

fn of_type(descriptor: &TypeDescriptor) -> MapShape<'_> {
    // A type without fields is published as an object of any content.
    let element = descriptor.fields.is_empty().then_some(Shape::Deduced);
    MapShape { atomic: descriptor.atomic, fields: Fields::Type(descriptor), element }
}

fn of_field(kind: &FieldKind) -> Atom<'_> {
    let scalar = |scalar| Atom { scalar: Some(scalar), ..Atom::default() };
    match kind {
        FieldKind::String | FieldKind::Bytes => scalar(Scalar::String),
        FieldKind::Int32 | FieldKind::Int64 | FieldKind::Double => scalar(Scalar::Numeric),
        FieldKind::Bool => scalar(Scalar::Boolean),
        FieldKind::Time | FieldKind::MicroTime | FieldKind::Quantity => scalar(Scalar::Untyped),
        FieldKind::Map(of) => Atom::map(of_map(Shape::Field(of))),
        FieldKind::List(list) => Atom { list: Some(of_list(list)), ..Atom::default() },
        FieldKind::Object(descriptor) => Atom::map(of_type(descriptor)),
        FieldKind::Any => Atom::map(of_map(Shape::Deduced)),
        // Published without a type, so that nothing is known of the content.
        FieldKind::Json(JsonType::Schema) | FieldKind::ObjectOr(..) => Atom::any(false),
        FieldKind::Json(JsonType::Extension) => Atom::any(true),
    }
}

const fn of_map(element: Shape<'_>) -> MapShape<'_> {
    MapShape { atomic: false, fields: Fields::None, element: Some(element) }
}

/// Old fields publish only how patches merge them, and are merged so here too.
fn of_list(list: &List) -> ListShape<'_> {
    let kind = match (list.list_type, list.patch) {
        (Some(ListType::Atomic), _) | (None, PatchStrategy::Replace) => ListKind::Atomic,
        (Some(ListType::Set), _) | (None, PatchStrategy::MergeScalars) => ListKind::Set,
        (Some(ListType::Map(keys)), _) => ListKind::Map(Keys::Named(keys)),
        (None, PatchStrategy::MergeBy(key)) => ListKind::Map(Keys::One(key)),
    };
    ListShape { kind, items: Shape::Field(list.of) }
}

/// The published default of a key field. Fields that are always written have the zero value.
fn type_key_default(descriptor: &TypeDescriptor, name: &str) -> Option<Value> {
    let published = KEY_DEFAULTS.iter().find(|(of, field, _)| (*of, *field) == (descriptor.name, name));
    if let Some((_, _, default)) = published {
        return Some(Value::from(*default));
    }
    match descriptor.field(name)? {
        Field { presence: Presence::Always, kind: FieldKind::String, .. } => Some(Value::from("")),
        Field { presence: Presence::Always, kind: FieldKind::Int32 | FieldKind::Int64, .. } => Some(Value::from(0)),
        Field { presence: Presence::Always, kind: FieldKind::Bool, .. } => Some(Value::from(false)),
        _ => None,
    }
}

/// Defaults of key fields that are published and not zero: type, field, default.
const KEY_DEFAULTS: &[(&str, &str, &str)] = &[("ContainerPort", "protocol", "TCP"), ("ServicePort", "protocol", "TCP")];
