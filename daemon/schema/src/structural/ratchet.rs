//! What of an object an update leaves as it was (KEP-4008): there, values that the schema has come to refuse are not refused.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::schema::{ListType, Schema};

/// A value of the new object with the value of the old one that it takes the place of.
pub(crate) struct Correlated<'a> {
    new: &'a Value,
    old: &'a Value,
    schema: &'a Schema,
    equal: OnceCell<bool>,
    items: OnceCell<Keyed<'a>>,
}

impl<'a> Correlated<'a> {
    /// The two objects.
    pub(crate) const fn new(new: &'a Value, old: &'a Value, schema: &'a Schema) -> Self {
        Self { new, old, schema, equal: OnceCell::new(), items: OnceCell::new() }
    }

    /// The old value.
    pub(crate) const fn old(&self) -> &'a Value {
        self.old
    }

    /// The value of a field; nothing where one of the objects does not have it, or the schema does not know it.
    pub(crate) fn key(&self, name: &str) -> Option<Self> {
        Some(Self::new(self.new.get(name)?, self.old.get(name)?, self.schema.field(name)?))
    }

    /// The item at this position of the new list, if items of the list can be told apart and the old list has it.
    pub(crate) fn index(&self, position: usize) -> Option<Self> {
        let new = self.new.as_array()?.get(position)?;
        let keyed = self.items.get_or_init(|| Keyed::new(self.schema, self.old));
        Some(Self::new(new, keyed.get(new)?, self.schema.items.as_deref()?))
    }

    /// Whether both are the same. The order of lists whose items can be told apart does not count.
    pub(crate) fn is_equal(&self) -> bool {
        *self.equal.get_or_init(|| self.compare())
    }

    fn compare(&self) -> bool {
        match (self.new, self.old) {
            (Value::Array(new), Value::Array(old)) => {
                if new.len() != old.len() {
                    return false;
                }
                if !matches!(self.schema.list_type, ListType::Map(_)) {
                    return new == old;
                }
                (0..new.len()).all(|position| self.index(position).is_some_and(|item| item.is_equal()))
            }
            (Value::Object(new), Value::Object(old)) => {
                // A field that the schema does not know cannot be correlated, so that nothing around it is equal.
                new.len() == old.len() && new.keys().all(|key| self.key(key).is_some_and(|field| field.is_equal()))
            }
            (new, old) => new == old,
        }
    }
}

/// The items of a list by the values of their keys; of items with the same keys the first.
pub(crate) struct Keyed<'a> {
    keys: &'a [Box<str>],
    items: BTreeMap<String, &'a Value>,
}

impl<'a> Keyed<'a> {
    /// Empty where the schema does not tell items apart, or the value is no list.
    pub(crate) fn new(schema: &'a Schema, list: &'a Value) -> Self {
        let (ListType::Map(keys), Value::Array(list)) = (&schema.list_type, list) else {
            return Self { keys: &[], items: BTreeMap::new() };
        };
        let mut items = BTreeMap::new();
        for item in list {
            if let Some(key) = item.as_object().and_then(|item| composite(keys, item)) {
                items.entry(key).or_insert(item);
            }
        }
        Self { keys, items }
    }

    /// The item with the same keys.
    pub(crate) fn get(&self, item: &Value) -> Option<&'a Value> {
        if self.items.is_empty() {
            return None;
        }
        self.items.get(&composite(self.keys, item.as_object()?)?).copied()
    }
}

/// The values of all keys in one text; nothing where one is missing or no scalar.
fn composite(keys: &[Box<str>], item: &Map<String, Value>) -> Option<String> {
    if keys.is_empty() {
        return None;
    }
    let mut text = String::new();
    for key in keys {
        let value = item.get(key.as_ref())?;
        if value.is_null() || value.is_array() || value.is_object() {
            return None;
        }
        text.push_str(&value.to_string());
        text.push('\0');
    }
    Some(text)
}
