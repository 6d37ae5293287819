//! Server-side apply: PATCH with `application/apply-patch+yaml` (KEP-555).

use bytes::Bytes;
use hanse_schema::convert::applied_to_stored;
use hanse_schema::decode::redecode;
use hanse_schema::metadata;
use http::StatusCode;
use serde_json::Value;

use crate::answer::{self, Form};
use crate::body::Answer;
use crate::call::Call;
use crate::manage::Manager;
use crate::query::WriteOptions;
use crate::status::Failure;
use crate::verbs::change::{Changed, Wanted, change};
use crate::verbs::create::{agree_on_namespace, store_new};
use crate::verbs::update::agree_on_name;
use crate::yaml;

/// Makes the object what the body says, as far as it says anything, or creates it.
pub(crate) async fn apply(call: &Call<'_>, body: Bytes) -> Result<Answer, Failure> {
    let form = Form::of(call)?;
    let options = WriteOptions::parse_apply(call.query)?;
    let name = call.name()?;
    let applied = Applied::read(call, &body, &options)?;
    let compute = |old: &Value| applied.onto(call, Some(old), &options);
    let (status, Changed { bytes, warnings }) = match change(call, name, &options, compute).await? {
        Some(changed) => (StatusCode::OK, changed),
        None if call.part.segment().is_some() => return Err(Failure::NotFound(call.subject(name))),
        None => {
            let wanted = applied.anew(call, &options)?;
            let Changed { bytes, warnings: told } = store_new(call, wanted.object, &options, true).await?;
            let warnings = wanted.warnings.into_iter().chain(told).collect();
            (StatusCode::CREATED, Changed { bytes, warnings })
        }
    };
    let mut answer = form.object(status, &bytes)?;
    answer::warn(&mut answer, &warnings);
    Ok(answer)
}

/// One who applies with a uid means the object that had it, and not another.
fn missing(call: &Call<'_>, name: &str, uid: &str) -> Failure {
    let why = format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
    Failure::Conflict(call.subject(name), why)
}

/// The body as an object, with its name and namespace filled in from the path, and the keys that it gives twice.
fn read(call: &Call<'_>, body: &[u8]) -> Result<(Value, Vec<String>), Failure> {
    let (mut applied, duplicates) = yaml::applied(body)?;
    if !applied["metadata"].is_object() {
        applied["metadata"] = Value::Object(serde_json::Map::new());
    }
    let name = call.name()?;
    if metadata::name(&applied).is_empty()
        && let Some(metadata) = metadata::of_mut(&mut applied)
    {
        metadata::set_field(metadata, "name", Value::from(name));
    }
    agree_on_namespace(call, &mut applied)?;
    agree_on_name(&applied, name)?;
    Ok((applied, duplicates))
}

/// An applied body, to be laid on what is stored.
pub(crate) struct Applied {
    applied: Value,
    /// What was wrong with the body and is not refused.
    warnings: Vec<String>,
}

impl Applied {
    /// Reads a body.
    ///
    /// # Errors
    /// It is no object, or not the one of the path.
    pub(crate) fn read(call: &Call<'_>, body: &[u8], options: &WriteOptions) -> Result<Self, Failure> {
        let (applied, duplicates) = read(call, body)?;
        let warnings = yaml::applied_duplicates(duplicates, options.field_validation)?;
        Ok(Self { applied, warnings })
    }

    /// The `resourceVersion` that the client asks for; empty when it asks for none.
    pub(crate) fn resource_version(&self) -> &str {
        metadata::resource_version(&self.applied)
    }

    /// The stored object with the applied one laid over it, in canonical form.
    ///
    /// # Errors
    /// Somebody else owns a field; the result is not an object of the kind.
    pub(crate) fn onto(
        &self,
        call: &Call<'_>,
        live: Option<&Value>,
        options: &WriteOptions,
    ) -> Result<Wanted, Failure> {
        let manager = Manager::new(call, options);
        // Events are applied in the form in which they are stored.
        let applied = applied_to_stored(call.kind, self.applied.clone());
        let merged = manager.apply(live, &applied, options.force)?;
        let decoded = redecode(call.kind.stored(), &merged, options.field_validation)?;
        let warnings = self.warnings.iter().cloned().chain(decoded.warnings).collect();
        Ok(Wanted { object: decoded.value, warnings, managed: true })
    }

    /// The new object, where there is none yet.
    ///
    /// # Errors
    /// As above, and where the body means an object that is gone.
    pub(crate) fn anew(&self, call: &Call<'_>, options: &WriteOptions) -> Result<Wanted, Failure> {
        let wanted = self.onto(call, None, options)?;
        match metadata::uid(&wanted.object) {
            "" => Ok(wanted),
            uid => Err(missing(call, call.name()?, uid)),
        }
    }
}
