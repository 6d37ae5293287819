//! PATCH: JSON patch, JSON merge patch and strategic merge patch. (Server-side apply is in `apply`.)

use bytes::Bytes;
use hanse_schema::convert::{from_stored, to_stored};
use hanse_schema::decode::{FieldValidation, redecode};
use hanse_schema::patch::{Parsed, PatchError, PatchType, apply, parse_body};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::answer::{self, Form};
use crate::body::Answer;
use crate::call::Call;
use crate::negotiate;
use crate::query::WriteOptions;
use crate::status::Failure;
use crate::verbs::change::{Wanted, change};
use crate::verbs::create::agree_on_namespace;
use crate::verbs::update::agree_on_name;

impl From<PatchError> for Failure {
    fn from(error: PatchError) -> Self {
        match error {
            PatchError::Malformed(text) => Self::BadRequest(text),
            PatchError::TooLarge(text) => Self::TooLarge(text),
            PatchError::Inapplicable(why) => {
                tracing::debug!(why, "a patch does not fit its object");
                Self::Inapplicable
            }
        }
    }
}

/// Changes the object as the body says.
pub(crate) async fn patch(call: &Call<'_>, body: Bytes) -> Result<Answer, Failure> {
    if negotiate::is_apply(call.header(CONTENT_TYPE)) {
        return crate::verbs::apply::apply(call, body).await;
    }
    let form = Form::of(call)?;
    Patch::type_of(call)?;
    let options = WriteOptions::parse(call.query, "PatchOptions")?;
    let name = call.name()?;
    let patch = Patch::parse(call, &body, &options)?;
    let compute = |old: &Value| patch.compute(call, old);
    let changed = change(call, name, &options, compute).await?;
    let changed = changed.ok_or_else(|| Failure::NotFound(call.subject(name)))?;
    let mut answer = form.object(StatusCode::OK, &changed.bytes)?;
    answer::warn(&mut answer, &changed.warnings);
    Ok(answer)
}

/// A patch that is read, to be laid on what is stored.
pub(crate) struct Patch {
    parsed: Parsed,
    validation: FieldValidation,
}

impl Patch {
    /// The kind of patch that the client sends. To be asked before the options are read: which options are allowed
    /// depends on it, so a patch that is not served must not be refused for its options.
    ///
    /// # Errors
    /// 415 for a type that the kind does not take.
    pub(crate) fn type_of(call: &Call<'_>) -> Result<PatchType, Failure> {
        let types = PatchType::of(call.kind);
        let allowed: Vec<negotiate::PatchType> = types
            .iter()
            .map(|patch_type| match patch_type {
                PatchType::Json => negotiate::PatchType::Json,
                PatchType::Merge => negotiate::PatchType::Merge,
                PatchType::Strategic => negotiate::PatchType::Strategic,
            })
            .chain([negotiate::PatchType::Apply])
            .collect();
        let media_type = negotiate::patch(call.header(CONTENT_TYPE), &allowed)?.media_type();
        let patch_type = PatchType::from_content_type(media_type);
        patch_type.ok_or_else(|| Failure::UnsupportedMediaType(format!("{media_type} is not served")))
    }

    /// Reads the body by its media type.
    ///
    /// # Errors
    /// 415 for a type that the kind does not take, 400 for a body that is no patch.
    pub(crate) fn parse(call: &Call<'_>, body: &[u8], options: &WriteOptions) -> Result<Self, Failure> {
        let validation = options.field_validation;
        Ok(Self { parsed: parse_body(Self::type_of(call)?, body, validation)?, validation })
    }

    /// The `resourceVersion` that a merge patch asks for; empty when it asks for none.
    pub(crate) fn resource_version(&self) -> &str {
        self.parsed.patch.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default()
    }

    /// What the patch makes of a stored object: patched in the form that the client sees, in canonical form again.
    ///
    /// # Errors
    /// The patch does not fit, or its result is not an object of the kind.
    pub(crate) fn compute(&self, call: &Call<'_>, old: &Value) -> Result<Wanted, Failure> {
        let seen = from_stored(call.kind, old.clone());
        let patched = apply(call.kind, &seen, &self.parsed)?;
        let decoded = redecode(call.kind, &patched, self.validation)?;
        let mut object = to_stored(call.kind, decoded.value);
        agree_on_namespace(call, &mut object)?;
        agree_on_name(&object, call.name()?)?;
        let warnings = self.parsed.warnings.iter().cloned().chain(decoded.warnings).collect();
        Ok(Wanted { object, warnings, managed: false })
    }
}
