//! What the expressions of policies and of conditions can name, and with which types (k8s.io/apiserver, pkg/admission/plugin/cel).

use std::sync::{Arc, LazyLock};

use hanse_cel::environment::Environment;
use hanse_cel::ty::{FieldType, ObjectType, Type};
use hanse_cel::value::shape::Shape;

use crate::admission::expression::Variable;

/// Which of the variables there are that not every expression has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) params: bool,
    pub(crate) authorizer: bool,
    /// The types of mutations.
    pub(crate) mutation: bool,
}

/// The types of objects, where an expression is checked against a certain kind.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    pub(crate) object: Type,
    pub(crate) params: Type,
}

impl Default for Typed {
    fn default() -> Self {
        Self { object: Type::Dyn, params: Type::Dyn }
    }
}

/// The environment of an expression that may refer to these variables of its policy.
pub(crate) fn environment(given: Given, typed: &Typed, variables: Option<&[Variable]>) -> Environment {
    let mut environment = Environment::new();
    let mut put = |name: &str, ty: Type| {
        environment = std::mem::take(&mut environment).variable(name, FieldType::unbounded(ty));
    };
    put("object", typed.object.clone());
    put("oldObject", typed.object.clone());
    put("namespaceObject", NAMESPACE.clone());
    put("request", REQUEST.clone());
    if given.params {
        put("params", typed.params.clone());
    }
    if given.authorizer {
        put("authorizer", Type::Opaque("kubernetes.authorization.Authorizer"));
        put("authorizer.requestResource", Type::Opaque("kubernetes.authorization.ResourceCheck"));
    }
    if let Some(variables) = variables {
        let fields = variables.iter().map(|variable| (&*variable.name, declared(&variable.expression.ty())));
        put("variables", object("kubernetes.variables", fields));
    }
    if given.mutation { environment.mutation() } else { environment }
}

/// The type that a variable of a policy is known by: upstream forgets all but simple types, lists and maps.
fn declared(ty: &Type) -> Type {
    match ty {
        Type::List(element) => Type::List(Arc::new(declared(element))),
        Type::Map(key, value) => Type::Map(Arc::new(declared(key)), Arc::new(declared(value))),
        Type::Bool
        | Type::Bytes
        | Type::Double
        | Type::Duration
        | Type::Int
        | Type::Null
        | Type::String
        | Type::Timestamp
        | Type::Uint => ty.clone(),
        _ => Type::Dyn,
    }
}

fn object<'f>(name: &str, fields: impl IntoIterator<Item = (&'f str, Type)>) -> Type {
    let fields = fields.into_iter().map(|(name, ty)| (name.into(), FieldType::unbounded(ty))).collect();
    Type::Object(Arc::new(ObjectType { name: name.into(), fields, open: false }))
}

fn list(element: Type) -> Type {
    Type::List(Arc::new(element))
}

fn map(value: Type) -> Type {
    Type::Map(Arc::new(Type::String), Arc::new(value))
}

/// How the namespace is read.
pub(crate) static NAMESPACE_SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::of(&NAMESPACE));

static NAMESPACE: LazyLock<Type> = LazyLock::new(|| {
    let metadata = object(
        "kubernetes.NamespaceMetadata",
        [
            ("name", Type::String),
            ("generateName", Type::String),
            ("namespace", Type::String),
            ("labels", map(Type::String)),
            ("annotations", map(Type::String)),
            ("UID", Type::String),
            ("creationTimestamp", Type::Timestamp),
            ("deletionGracePeriodSeconds", Type::Int),
            ("deletionTimestamp", Type::Timestamp),
            ("generation", Type::Int),
            ("resourceVersion", Type::String),
            ("finalizers", list(Type::String)),
        ],
    );
    let condition = object(
        "kubernetes.NamespaceCondition",
        [
            ("status", Type::String),
            ("type", Type::String),
            ("lastTransitionTime", Type::Timestamp),
            ("message", Type::String),
            ("reason", Type::String),
        ],
    );
    let spec = object("kubernetes.NamespaceSpec", [("finalizers", list(Type::String))]);
    let status = object("kubernetes.NamespaceStatus", [("conditions", list(condition)), ("phase", Type::String)]);
    object("kubernetes.Namespace", [("metadata", metadata), ("spec", spec), ("status", status)])
});

static REQUEST: LazyLock<Type> = LazyLock::new(|| {
    let texts = |name: &str, fields: &[&'static str]| object(name, fields.iter().map(|field| (*field, Type::String)));
    let kind = texts("kubernetes.GroupVersionKind", &["group", "version", "kind"]);
    let resource = texts("kubernetes.GroupVersionResource", &["group", "version", "resource"]);
    let user = object(
        "kubernetes.UserInfo",
        [
            ("username", Type::String),
            ("uid", Type::String),
            ("groups", list(Type::String)),
            ("extra", map(list(Type::String))),
        ],
    );
    object(
        "kubernetes.AdmissionRequest",
        [
            ("kind", kind.clone()),
            ("resource", resource.clone()),
            ("subResource", Type::String),
            ("requestKind", kind),
            ("requestResource", resource),
            ("requestSubResource", Type::String),
            ("name", Type::String),
            ("namespace", Type::String),
            ("operation", Type::String),
            ("userInfo", user),
            ("dryRun", Type::Bool),
            ("options", Type::Dyn),
        ],
    )
});
