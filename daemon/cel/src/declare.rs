//! The functions that expressions can call, as data: what Kubernetes 1.36 declares in its base environment
//! (k8s.io/apiserver/pkg/cel/environment/base.go).

mod extension;
mod kubernetes;
mod standard;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use crate::ty::Type;

/// Name, overload, signature. A signature is `(string, int) -> bool`, or `string.(int) -> bool` for a method. Capital letters
/// stand for any type, the same wherever they are the same.
pub(crate) type Row = (&'static str, &'static str, &'static str);

/// One way to call a function.
#[derive(Debug)]
pub(crate) struct Overload {
    /// Its identifier in cel-go, by which costs are told apart.
    pub(crate) id: &'static str,
    /// Called as a method: the first argument is the receiver.
    pub(crate) method: bool,
    /// The type parameters, in the order in which they occur.
    pub(crate) parameters: Vec<&'static str>,
    /// The types of the arguments.
    pub(crate) args: Vec<Type>,
    /// The type of the result.
    pub(crate) result: Type,
}

/// The function of that name and all ways to call it.
pub(crate) fn function(name: &str) -> Option<(&'static str, &'static [Overload])> {
    FUNCTIONS.get_key_value(name).map(|(name, overloads)| (*name, overloads.as_slice()))
}

/// The type that a name stands for in expressions such as `type(x) == int`.
pub(crate) fn named_type(name: &str) -> Option<Type> {
    let ty = match name {
        "bool" => Type::Bool,
        "bytes" => Type::Bytes,
        "double" => Type::Double,
        "google.protobuf.Duration" => Type::Duration,
        "int" => Type::Int,
        "list" => Type::List(Arc::new(Type::Parameter("A"))),
        "map" => Type::Map(Arc::new(Type::Parameter("A")), Arc::new(Type::Parameter("B"))),
        "null_type" => Type::Null,
        "string" => Type::String,
        "google.protobuf.Timestamp" => Type::Timestamp,
        "type" => Type::Opaque("type"),
        "uint" => Type::Uint,
        "optional_type" => Type::Optional(Arc::new(Type::Parameter("V"))),
        "net.IP" => Type::Opaque("net.IP"),
        "net.CIDR" => Type::Opaque("net.CIDR"),
        _ => return None,
    };
    Some(ty)
}

static FUNCTIONS: LazyLock<HashMap<&'static str, Vec<Overload>>> = LazyLock::new(|| {
    let mut functions: HashMap<&str, Vec<Overload>> = HashMap::new();
    for (name, id, signature) in [standard::STANDARD, extension::EXTENSION, kubernetes::KUBERNETES].concat() {
        let overload = signed(id, signature).expect("the rows of the tables are well formed, a test reads all of them");
        functions.entry(name).or_default().push(overload);
    }
    functions
});

fn signed(id: &'static str, signature: &'static str) -> Option<Overload> {
    let (call, result) = signature.split_once(" -> ")?;
    let open = if call.starts_with('(') { 0 } else { call.find(".(")? + 1 };
    let method = open > 0;
    let mut args = Vec::new();
    if method {
        args.push(parsed(&call[..open - 1])?);
    }
    for arg in split(call[open..].strip_prefix('(')?.strip_suffix(')')?) {
        args.push(parsed(arg)?);
    }
    let result = parsed(result)?;
    let mut parameters = Vec::new();
    for ty in args.iter().chain([&result]) {
        collect(ty, &mut parameters);
    }
    Some(Overload { id, method, parameters, args, result })
}

/// The parts between commas that are in no parentheses.
fn split(text: &'static str) -> Vec<&'static str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    if !text.is_empty() {
        parts.push(text[from..].trim());
    }
    parts
}

fn parsed(text: &'static str) -> Option<Type> {
    if let Some(inner) = text.strip_suffix(')') {
        let (name, inner) = inner.split_once('(')?;
        let mut inner = split(inner).into_iter().map(parsed);
        let first = Arc::new(inner.next()??);
        return match (name, inner.next()) {
            ("list", None) => Some(Type::List(first)),
            ("map", Some(value)) => Some(Type::Map(first, Arc::new(value?))),
            ("optional_type", None) => Some(Type::Optional(first)),
            ("type", None) => Some(Type::Type(first)),
            _ => None,
        };
    }
    let ty = match text {
        "dyn" => Type::Dyn,
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "timestamp" => Type::Timestamp,
        "duration" => Type::Duration,
        parameter if parameter.len() == 1 => Type::Parameter(parameter),
        name if name.contains('.') => Type::Opaque(name),
        _ => return None,
    };
    Some(ty)
}

fn collect(ty: &Type, parameters: &mut Vec<&'static str>) {
    match ty {
        Type::Parameter(name) if !parameters.contains(name) => parameters.push(name),
        Type::List(inner) | Type::Optional(inner) | Type::Type(inner) => collect(inner, parameters),
        Type::Map(key, value) => {
            collect(key, parameters);
            collect(value, parameters);
        }
        _ => {}
    }
}
