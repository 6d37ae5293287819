//! A schema as a definition has it (`JSONSchemaProps`), read field by field. What has the wrong type counts as absent: the
//! definition's own decoding has refused it.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// One node of a schema as the definition has it, or a rule of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Props<'v>(&'v Map<String, Value>);

/// `additionalProperties`: a schema or a bool.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SchemaOrBool<'v> {
    Schema(Props<'v>),
    Bool(bool),
}

/// `items`: a schema or a list of schemas, which Kubernetes refuses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Items<'v> {
    One(Props<'v>),
    Many,
}

impl<'v> Props<'v> {
    /// A value that should be a schema.
    pub(crate) fn of(value: &'v Value) -> Self {
        static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        Self(value.as_object().unwrap_or(&EMPTY))
    }

    /// The fields.
    pub(crate) const fn map(self) -> &'v Map<String, Value> {
        self.0
    }

    /// A field that is there and not null.
    pub(crate) fn value(self, name: &str) -> Option<&'v Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text; empty where there is none.
    pub(crate) fn text(self, name: &str) -> &'v str {
        self.optional_text(name).unwrap_or_default()
    }

    /// A text that may be absent.
    pub(crate) fn optional_text(self, name: &str) -> Option<&'v str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// Whether a field is true.
    pub(crate) fn flag(self, name: &str) -> bool {
        self.optional_flag(name) == Some(true)
    }

    /// A bool that may be absent.
    pub(crate) fn optional_flag(self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    /// An integer that may be absent.
    pub(crate) fn integer(self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    /// A number that may be absent.
    pub(crate) fn number(self, name: &str) -> Option<f64> {
        self.0.get(name).and_then(Value::as_f64)
    }

    /// A list; empty where there is none.
    pub(crate) fn values(self, name: &str) -> &'v [Value] {
        self.0.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// A list of texts.
    pub(crate) fn texts(self, name: &str) -> impl Iterator<Item = &'v str> + Clone + use<'v> {
        self.values(name).iter().filter_map(Value::as_str)
    }

    /// A list of schemas (or rules).
    pub(crate) fn list(self, name: &str) -> impl Iterator<Item = Self> + use<'v> {
        self.values(name).iter().map(Self::of)
    }

    /// Schemas by name, in alphabetical order.
    pub(crate) fn named(self, name: &str) -> Vec<(&'v str, Self)> {
        let entries = self.0.get(name).and_then(Value::as_object).into_iter().flatten();
        let mut entries: Vec<(&str, Self)> = entries.map(|(key, value)| (key.as_str(), Self::of(value))).collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        entries
    }

    /// A field of `properties`.
    pub(crate) fn property(self, name: &str) -> Option<Self> {
        self.0.get("properties")?.as_object()?.get(name).map(Self::of)
    }

    /// `not`
    pub(crate) fn not(self) -> Option<Self> {
        self.value("not").map(Self::of)
    }

    /// `items`
    pub(crate) fn items(self) -> Option<Items<'v>> {
        match self.value("items")? {
            Value::Array(_) => Some(Items::Many),
            one => Some(Items::One(Self::of(one))),
        }
    }

    /// `items`, if it is one schema.
    pub(crate) fn item(self) -> Option<Self> {
        match self.items() {
            Some(Items::One(item)) => Some(item),
            _ => None,
        }
    }

    /// `additionalProperties`
    pub(crate) fn additional(self) -> Option<SchemaOrBool<'v>> {
        match self.value("additionalProperties")? {
            Value::Bool(flag) => Some(SchemaOrBool::Bool(*flag)),
            schema => Some(SchemaOrBool::Schema(Self::of(schema))),
        }
    }

    /// Whether this node, or one below it, is such.
    pub(crate) fn any(self, is_such: &dyn Fn(Self) -> bool) -> bool {
        let below = |name: &str| self.list(name).any(|next| next.any(is_such));
        let named = |name: &str| self.named(name).into_iter().any(|(_, next)| next.any(is_such));
        is_such(self)
            || self.item().is_some_and(|next| next.any(is_such))
            || below("allOf")
            || below("anyOf")
            || below("oneOf")
            || self.not().is_some_and(|next| next.any(is_such))
            || named("properties")
            || matches!(self.additional(), Some(SchemaOrBool::Schema(next)) if next.any(is_such))
    }
}
