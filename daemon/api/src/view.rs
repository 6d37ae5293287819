//! Custom resources between the version in which they are stored and the version that a request speaks.
//!
//! A custom resource is stored in the storage version of its definition, as it was when it was written. What is stored is what
//! is served while the definition has not been written since and the request speaks the storage version: nothing is read
//! then. Otherwise it is converted, and made to fit the schema of the request's version: what the schema does not know is dropped,
//! what it gives a default for is filled in. Built-in kinds are stored as they are served, but for events, which
//! [`hanse_schema::convert`] translates.

use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::Revision;
use hanse_schema::kind::{Custom, Kind, Shape};
use hanse_schema::structural;
use hanse_store::object::Object;
use serde_json::Value;

use crate::conversion::Converter;
use crate::status::Failure;

/// How the objects of one kind are read and written by one request.
#[derive(Clone)]
pub(crate) struct View {
    kind: Arc<Kind>,
    /// Revision of the definition; nothing for built-in kinds.
    since: Revision,
    converter: Converter,
}

impl View {
    /// A view of the objects of a kind, whose definition has the revision.
    pub(crate) fn new(kind: Arc<Kind>, since: Revision, converter: Converter) -> Self {
        Self { kind, since, converter }
    }

    /// Whether the stored bytes are what is served.
    pub(crate) fn passes(&self, object: &Object) -> bool {
        match self.custom() {
            None => true,
            Some(custom) => self.is_stored_version(custom) && object.revision() > self.since,
        }
    }

    fn custom(&self) -> Option<&Custom> {
        match &self.kind.shape {
            Shape::Typed(_) => None,
            Shape::Structural(custom) => Some(custom),
        }
    }

    fn is_stored_version(&self, custom: &Custom) -> bool {
        custom.storage_version == self.kind.api_version()
    }

    /// The bytes that are served for an object.
    ///
    /// # Errors
    /// The conversion failed.
    pub(crate) async fn bytes(&self, object: &Object) -> Result<Bytes, Failure> {
        if self.passes(object) {
            return Ok(object.bytes());
        }
        Ok(Bytes::from(self.value(object).await?.to_string()))
    }

    /// The bytes that are served for an object that has just been written, from those that are stored.
    ///
    /// # Errors
    /// As [`View::bytes`].
    pub(crate) async fn written(&self, stored: Bytes) -> Result<Bytes, Failure> {
        if self.custom().is_none_or(|custom| self.is_stored_version(custom)) {
            return Ok(stored);
        }
        let mut values = self.converted(vec![parsed(&stored)?]).await?;
        let value = values.pop().ok_or_else(|| Failure::Internal("a conversion gave no object".to_owned()))?;
        Ok(Bytes::from(value.to_string()))
    }

    /// The bytes that are served for many objects, with one conversion for all that need one.
    ///
    /// # Errors
    /// As [`View::bytes`].
    pub(crate) async fn all(&self, objects: &[&Arc<Object>]) -> Result<Vec<Bytes>, Failure> {
        let mut all: Vec<Bytes> = objects.iter().map(|object| object.bytes()).collect();
        let others: Vec<usize> = (0..objects.len()).filter(|index| !self.passes(objects[*index])).collect();
        if others.is_empty() {
            return Ok(all);
        }
        let values = others.iter().map(|index| parsed(&all[*index])).collect::<Result<Vec<_>, _>>()?;
        for (index, value) in others.into_iter().zip(self.converted(values).await?) {
            all[index] = Bytes::from(value.to_string());
        }
        Ok(all)
    }

    /// An object as the request sees it.
    ///
    /// # Errors
    /// As [`View::bytes`].
    pub(crate) async fn value(&self, object: &Object) -> Result<Value, Failure> {
        let value = parsed(&object.bytes())?;
        if self.passes(object) {
            return Ok(value);
        }
        let mut values = self.converted(vec![value]).await?;
        values.pop().ok_or_else(|| Failure::Internal("a conversion gave no object".to_owned()))
    }

    async fn converted(&self, values: Vec<Value>) -> Result<Vec<Value>, Failure> {
        let Some(custom) = self.custom() else { return Ok(values) };
        let conversion = custom.conversion.as_ref();
        let mut values = self.converter.convert(conversion, &self.kind.api_version(), values).await?;
        for value in &mut values {
            structural::decode::restore(value, &custom.schema);
        }
        Ok(values)
    }

    /// An object that the request has made, in the version in which it is stored.
    ///
    /// # Errors
    /// As [`View::bytes`].
    pub(crate) async fn to_stored(&self, value: Value) -> Result<Value, Failure> {
        let Some(custom) = self.custom().filter(|custom| !self.is_stored_version(custom)) else { return Ok(value) };
        let conversion = custom.conversion.as_ref();
        let mut values = self.converter.convert(conversion, &custom.storage_version, vec![value]).await?;
        values.pop().ok_or_else(|| Failure::Internal("a conversion gave no object".to_owned()))
    }
}

/// A stored object as a value.
///
/// # Errors
/// Never for what this server has stored.
pub(crate) fn parsed(bytes: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(bytes).map_err(|error| Failure::Internal(format!("a stored object cannot be read: {error}")))
}
