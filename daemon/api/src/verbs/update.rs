//! PUT: the whole object, or one of its subresources. Where the kind allows it, an update makes what is not there.

use bytes::Bytes;
use hanse_schema::kind::Part;
use hanse_schema::metadata;
use http::StatusCode;

use crate::answer::{self, Form};
use crate::body::Answer;
use crate::call::Call;
use crate::query::WriteOptions;
use crate::status::Failure;
use crate::verbs::change::{Changed, Wanted, change};
use crate::verbs::create::{agree_on_namespace, decoded, store_new};

/// Replaces the object with what the body holds.
pub(crate) async fn update(call: &Call<'_>, body: Bytes) -> Result<Answer, Failure> {
    let form = Form::of(call)?;
    let options = WriteOptions::parse(call.query, "UpdateOptions")?;
    let name = call.name()?;
    let (mut object, warnings) = decoded(call, &body, options.field_validation)?;
    agree_on_namespace(call, &mut object)?;
    agree_on_name(&object, name)?;
    let wanted =
        |_: &serde_json::Value| Ok(Wanted { object: object.clone(), warnings: warnings.clone(), managed: false });
    let (status, Changed { bytes, warnings }) = match change(call, name, &options, wanted).await? {
        Some(changed) => (StatusCode::OK, changed),
        None if call.kind.create_on_update && call.part == Part::Object => {
            let Changed { bytes, warnings: told } = store_new(call, object, &options, false).await?;
            let warnings = warnings.into_iter().chain(told).collect();
            (StatusCode::CREATED, Changed { bytes, warnings })
        }
        None => return Err(Failure::NotFound(call.subject(name))),
    };
    let mut answer = form.object(status, &bytes)?;
    answer::warn(&mut answer, &warnings);
    Ok(answer)
}

/// The body must name the object that the path names.
pub(crate) fn agree_on_name(object: &serde_json::Value, name: &str) -> Result<(), Failure> {
    match metadata::name(object) {
        own if own == name => Ok(()),
        "" => Err(Failure::BadRequest(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        own => Err(Failure::BadRequest(format!(
            "the name of the object ({own}) does not match the name on the URL ({name})"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::agree_on_name;

    #[test]
    fn a_body_that_names_another_object_is_refused_as_upstream_words_it() {
        let refused = |name: &str| {
            let failure = agree_on_name(&json!({"metadata": {"name": name}}), "b").unwrap_err();
            (failure.code(), failure.message())
        };
        let none = "the name of the object (b based on URL) was undeterminable: name must be provided";
        assert_eq!(refused(""), (400, none.to_owned()));
        let other = "the name of the object (a) does not match the name on the URL (b)";
        assert_eq!(refused("a"), (400, other.to_owned()));
        assert_eq!(agree_on_name(&json!({"metadata": {"name": "b"}}), "b"), Ok(()));
    }
}
