//! Which objects of a scope a list, a watch or a deletecollection wants: label and field selectors, decided without
//! reading an object's JSON wherever the key and the labels tell enough.

use hanse_schema::kind::Kind;
use hanse_schema::selector::{field, label};
use hanse_store::key::Key;
use hanse_store::object::Object;
use serde_json::Value;

use crate::status::Failure;

/// Both selectors of a request.
#[derive(Debug)]
pub(crate) struct Selection {
    labels: label::Selector,
    fields: field::Selector,
    /// What the field selector needs of an object.
    needs: Needs,
}

#[derive(Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// Name and namespace: the key tells them.
    Key,
    /// Something in the JSON.
    Json,
}

impl Selection {
    /// Reads both selectors.
    ///
    /// # Errors
    /// 400 with what is wrong.
    pub(crate) fn parse(kind: &Kind, label_selector: &str, field_selector: &str) -> Result<Self, Failure> {
        let wrong = |why: String| Failure::BadRequest(format!("unable to parse requirement: {why}"));
        let labels = label::Selector::parse(label_selector).map_err(wrong)?;
        let fields = field::Selector::parse(kind, field_selector).map_err(Failure::BadRequest)?;
        let of_key = |term: &str| {
            let label = term.split(['=', '!']).next().unwrap_or_default();
            matches!(label, "metadata.name" | "metadata.namespace")
        };
        let needs = if fields.is_empty() {
            Needs::Nothing
        } else if !field_selector.contains('\\') && field_selector.split(',').all(of_key) {
            Needs::Key
        } else {
            Needs::Json
        };
        Ok(Self { labels, fields, needs })
    }

    /// Whether everything is wanted.
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.needs == Needs::Nothing
    }

    /// The one name that can be wanted, where there is only one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.fields.name().filter(|name| !name.is_empty())
    }

    /// Whether the object at the key is wanted.
    pub(crate) fn wants(&self, key: &Key, object: &Object) -> bool {
        self.wants_labels(object) && self.wants_fields(key, object)
    }

    fn wants_labels(&self, object: &Object) -> bool {
        let labels = object.labels();
        let find = |key: &str| {
            let position = labels.binary_search_by(|(own, _)| own.as_ref().cmp(key)).ok()?;
            labels.get(position).map(|(_, value)| value.as_ref())
        };
        self.labels.is_empty() || self.labels.matches_with(find)
    }

    fn wants_fields(&self, key: &Key, object: &Object) -> bool {
        match self.needs {
            Needs::Nothing => true,
            Needs::Key => {
                if let Some(name) = self.fields.name()
                    && name != key.name()
                {
                    return false;
                }
                let metadata = serde_json::json!({"metadata": {"name": key.name(), "namespace": key.namespace()}});
                self.fields.matches(&metadata)
            }
            Needs::Json => {
                let object = serde_json::from_slice::<Value>(&object.bytes());
                object.is_ok_and(|object| self.fields.matches(&object))
            }
        }
    }
}
