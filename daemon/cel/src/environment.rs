//! What an expression can name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ty::{FieldType, ObjectType, Type};

/// The variables and object types of expressions. Functions are the same for all: those of Kubernetes' base environment.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<Box<str>, FieldType>,
    types: BTreeMap<Box<str>, Arc<ObjectType>>,
    mutation: bool,
}

impl Environment {
    /// An environment without variables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a variable, with the sizes of its values for the estimate of costs.
    #[must_use]
    pub fn variable(mut self, name: &str, ty: FieldType) -> Self {
        self.variables.insert(name.into(), ty);
        self
    }

    /// Adds an object type that literals can name: `Type{field: value}`. What variables and fields hold needs no adding.
    #[must_use]
    pub fn object_type(mut self, ty: Arc<ObjectType>) -> Self {
        self.types.insert(ty.name.clone(), ty);
        self
    }

    /// Adds what mutating admission policies have besides: the types `Object`, `Object.<path>` and `JSONPatch`, and the
    /// function `jsonpatch.escapeKey`.
    #[must_use]
    pub fn mutation(mut self) -> Self {
        self.mutation = true;
        self
    }

    /// The variable of that name.
    pub(crate) fn find(&self, name: &str) -> Option<&FieldType> {
        self.variables.get(name)
    }

    /// The object type of that name.
    pub(crate) fn find_type(&self, name: &str) -> Option<Arc<ObjectType>> {
        if let Some(ty) = self.types.get(name) {
            return Some(Arc::clone(ty));
        }
        if !self.mutation {
            return None;
        }
        if name == "JSONPatch" {
            let field = |name: &str, ty| (name.into(), FieldType::unbounded(ty));
            let fields = [
                field("op", Type::String),
                field("path", Type::String),
                field("from", Type::String),
                field("value", Type::Dyn),
            ];
            return Some(Arc::new(ObjectType { name: name.into(), fields: fields.into(), open: false }));
        }
        if name == "Object" || name.starts_with("Object.") {
            return Some(Arc::new(ObjectType { name: name.into(), fields: BTreeMap::new(), open: true }));
        }
        None
    }

    /// Whether there is a function of that name.
    pub(crate) fn has_function(&self, name: &str) -> bool {
        self.mutation || name != "jsonpatch.escapeKey"
    }
}
