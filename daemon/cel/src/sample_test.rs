//! The environment of the tables of expressions: a resource with a field of every kind.

use std::sync::Arc;

use crate::environment::Environment;
use crate::ty::{FieldType, ObjectType, Size, Type};

/// `self` and `oldSelf` with their sizes, an authorizer, `x` of any type, and a variable with a dot in its name.
pub(crate) fn environment() -> Environment {
    let own = own();
    let Type::Object(object) = own.ty.clone() else { unreachable!("it is an object") };
    Environment::new()
        .variable("self", own.clone())
        .variable("oldSelf", own)
        .variable("authorizer", plain(Type::Opaque("kubernetes.authorization.Authorizer")))
        .variable("x", plain(Type::Dyn))
        .variable("any.name", plain(Type::String))
        .object_type(object)
}

fn own() -> FieldType {
    let item =
        || object("Self.items", vec![("name", text(20)), ("port", plain(Type::Int)), ("tags", list(text(7), 5))]);
    object(
        "Self",
        vec![
            ("s", text(100)),
            ("t", text(10)),
            ("i", plain(Type::Int)),
            ("u", plain(Type::Uint)),
            ("d", plain(Type::Double)),
            ("b", plain(Type::Bool)),
            ("by", FieldType { ty: Type::Bytes, size: Size::of(50) }),
            ("ts", plain(Type::Timestamp)),
            ("dur", plain(Type::Duration)),
            ("li", list(plain(Type::Int), 30)),
            ("ls", list(text(12), 40)),
            ("lls", list(list(text(12), 40), 9)),
            ("m", map(text(25), 17)),
            ("mi", map(plain(Type::Int), 17)),
            ("items", list(item(), 11)),
            ("obj", item()),
            ("mo", map(item(), 8)),
            ("dyn", plain(Type::Dyn)),
        ],
    )
}

fn text(max: u64) -> FieldType {
    FieldType { ty: Type::String, size: Size::of(max) }
}

fn plain(ty: Type) -> FieldType {
    FieldType { ty, size: Size::of(0) }
}

fn list(element: FieldType, max: u64) -> FieldType {
    FieldType { ty: Type::List(Arc::new(element.ty)), size: Size::list(max, element.size) }
}

fn map(value: FieldType, max: u64) -> FieldType {
    let ty = Type::Map(Arc::new(Type::String), Arc::new(value.ty));
    FieldType { ty, size: Size::map(max, Size::of(15), value.size) }
}

fn object(name: &str, fields: Vec<(&str, FieldType)>) -> FieldType {
    let fields = fields.into_iter().map(|(name, field)| (name.into(), field)).collect();
    plain(Type::Object(Arc::new(ObjectType { name: name.into(), fields, open: false })))
}
