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
    let (applied, duplicates) = read(call, &body)?;
    let duplicates = yaml::applied_duplicates(duplicates, options.field_validation)?;
    let applied = Applied { applied, options: &options };
    let compute = |old: &Value| applied.onto(call, Some(old));
    let (status, Changed { bytes, warnings }) = match change(call, name, &options, compute).await? {
        Some(changed) => (StatusCode::OK, changed),
        None if call.part.segment().is_some() => return Err(Failure::NotFound(call.subject(name))),
        None => {
            let wanted = applied.onto(call, None)?;
            let object = wanted.object;
            if !metadata::uid(&object).is_empty() {
                return Err(missing(call, name, metadata::uid(&object)));
            }
            let Changed { bytes, warnings: told } = store_new(call, object, &options, true).await?;
            let warnings = wanted.warnings.into_iter().chain(told).collect();
            (StatusCode::CREATED, Changed { bytes, warnings })
        }
    };
    let mut answer = form.object(status, &bytes)?;
    answer::warn(&mut answer, &[duplicates, warnings].concat());
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

struct Applied<'a> {
    applied: Value,
    options: &'a WriteOptions,
}

impl Applied<'_> {
    /// The stored object with the applied one laid over it, in canonical form.
    fn onto(&self, call: &Call<'_>, live: Option<&Value>) -> Result<Wanted, Failure> {
        let manager = Manager::new(call, self.options);
        // Events are applied in the form in which they are stored.
        let applied = applied_to_stored(call.kind, self.applied.clone());
        let merged = manager.apply(live, &applied, self.options.force)?;
        let decoded = redecode(call.kind.stored(), &merged, self.options.field_validation)?;
        Ok(Wanted { object: decoded.value, warnings: decoded.warnings, managed: true })
    }
}
