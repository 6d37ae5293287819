//! Who owns which field: `metadata.managedFields` of every object that is written (KEP-555).

use std::sync::Arc;

use hanse_schema::apply::set::Set;
use hanse_schema::apply::shape::Shape;
use hanse_schema::apply::update::{Force, Versions};
use hanse_schema::apply::{ApplyError, FIELD_MANAGER_CONFLICT, Writer, ignored, name};
use hanse_schema::kind::Kind;
use http::header::USER_AGENT;
use serde_json::Value;

use crate::call::Call;
use crate::query::WriteOptions;
use crate::status::{Cause, Failure};

/// Writes down what one request does to the owners of fields.
pub(crate) struct Manager<'a> {
    call: &'a Call<'a>,
    name: String,
    now: String,
    ignored: Set,
    versions: Served,
}

impl<'a> Manager<'a> {
    /// For a write with these options.
    pub(crate) fn new(call: &'a Call<'a>, options: &WriteOptions) -> Self {
        let agent = call.header(USER_AGENT).map(String::from_utf8_lossy).unwrap_or_default();
        Self {
            call,
            name: name::manager(&options.field_manager, &agent),
            now: call.now_text(),
            ignored: ignored(call.kind, call.part),
            versions: Served::of(call),
        }
    }

    fn writer(&self) -> Writer<'_> {
        // Events are stored, and everything behind the decoder sees them, in one form.
        let (kind, subresource) = (self.call.kind.stored(), self.call.part.segment().unwrap_or_default());
        Writer {
            shape: Shape::from(&kind.shape),
            api_version: &self.versions.api_version,
            kind: &kind.kind,
            manager: &self.name,
            subresource,
            now: &self.now,
            ignored: &self.ignored,
            versions: &self.versions,
        }
    }

    /// Sets `managedFields` of an object that is about to be stored; `live` is the stored one, nothing on creation.
    pub(crate) fn update(&self, live: Option<&Value>, object: &mut Value) {
        if let Err(why) = self.writer().update(live, object) {
            tracing::debug!(why, "the owners of an object's fields could not be computed");
        }
    }

    /// The stored object with the applied one laid over it.
    ///
    /// # Errors
    /// 409 with a cause for each field that somebody else owns; what else upstream refuses.
    pub(crate) fn apply(&self, live: Option<&Value>, applied: &Value, force: bool) -> Result<Value, Failure> {
        let force = if force { Force::Yes } else { Force::No };
        self.writer().apply(live, applied, force).map_err(|error| match error {
            ApplyError::Conflict { message, causes } => Failure::ApplyConflict(
                message,
                causes
                    .into_iter()
                    .map(|cause| Cause::new(FIELD_MANAGER_CONFLICT, cause.message, &cause.field))
                    .collect(),
            ),
            ApplyError::BadRequest(why) => Failure::BadRequest(why),
            ApplyError::Internal(why) => Failure::Unknown(why),
        })
    }
}

/// The versions in which a kind is served.
struct Served {
    api_version: String,
    kinds: Vec<Arc<Kind>>,
}

impl Served {
    fn of(call: &Call<'_>) -> Self {
        let api_version = call.kind.stored().api_version();
        let custom = call.kind.schema().and(call.cluster);
        let kinds = custom.map(|cluster| {
            call.api.definitions().versions(&call.home.view(), cluster, &call.kind.group, &call.kind.plural)
        });
        Self { api_version, kinds: kinds.unwrap_or_else(|| vec![Arc::clone(call.kind)]) }
    }
}

impl Versions for Served {
    fn shape(&self, api_version: &str) -> Option<Shape<'_>> {
        let stored = self.kinds.iter().map(|kind| kind.stored()).find(|kind| kind.api_version() == api_version);
        stored.map(|kind| Shape::from(&kind.shape))
    }

    /// Versions that differ by a webhook are taken as different in name only: owners are found by the names of fields, which
    /// a webhook that keeps fields in their place does not change.
    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, String> {
        let mut object = object.clone();
        if let Some(fields) = object.as_object_mut() {
            fields.insert("apiVersion".to_owned(), Value::from(api_version));
        }
        Ok(object)
    }
}
