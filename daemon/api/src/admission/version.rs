//! Objects between the form in which the verbs have them and the version that a webhook or a policy wants to see.

use std::sync::Arc;

use hanse_schema::convert::{from_stored, to_stored};
use hanse_schema::decode::{FieldValidation, redecode};
use hanse_schema::kind::{Kind, Part, Scale, Shape};
use hanse_schema::kinds::TOKEN_REQUEST;
use hanse_schema::{default, structural};
use serde_json::Value;

use crate::admission::attributes::{Attributes, Operation};
use crate::admission::review::Shown;
use crate::call::Call;
use crate::conversion::Converter;
use crate::status::Failure;
use crate::verbs::scale;

/// An object as the kind shows it, which is the request's own or one of its equivalents.
///
/// # Errors
/// The conversion failed.
pub(crate) async fn shown(call: &Call<'_>, kind: &Arc<Kind>, object: &Value) -> Result<Value, Failure> {
    let shown = match &kind.shape {
        Shape::Typed(_) => from_stored(kind, object.clone()),
        Shape::Structural(_) => converted(call, call.kind, kind, object.clone()).await?,
    };
    Ok(match scaled(call, kind) {
        Some(scale) => scale::of(scale, &shown),
        None => shown,
    })
}

/// Where a request to the subresource `scale` finds its numbers: such a request is about a Scale, not about the object.
fn scaled<'k>(call: &Call<'_>, kind: &'k Kind) -> Option<&'k Scale> {
    kind.scale.as_ref().filter(|_| call.part == Part::Scale)
}

/// The objects of an operation as the kind shows them.
///
/// # Errors
/// The conversion failed.
pub(crate) async fn both(
    attributes: &Attributes<'_>,
    operation: &Operation,
    kind: &Arc<Kind>,
) -> Result<Shown, Failure> {
    let mut objects = [None, None];
    for (place, object) in objects.iter_mut().zip([&operation.object, &operation.old]) {
        if !object.is_null() {
            *place = Some(shown(attributes.call, kind, object).await?);
        }
    }
    let [object, old] = objects;
    Ok(Shown { object, old })
}

/// What a webhook or a policy has made of an object, which it was shown: decoded, with unknown fields dropped and defaults
/// filled in, in the form in which the verbs have it. The first value tells whether it has changed anything.
///
/// # Errors
/// It is no object of the kind any more.
pub(crate) async fn taken(
    call: &Call<'_>,
    kind: &Arc<Kind>,
    (object, shown): (&Value, &Value),
    made: &Value,
) -> Result<(bool, Value), Failure> {
    for field in ["apiVersion", "kind"] {
        if made.get(field) != shown.get(field) {
            return Err(Failure::Internal(format!("the {field} of an object cannot be changed by admission")));
        }
    }
    if let Some(scale) = scaled(call, call.kind) {
        let mut object = object.clone();
        scale::set(&mut object, &scale.spec_replicas, made["spec"]["replicas"].clone())?;
        return Ok((shown != made, object));
    }
    if call.part == Part::Token {
        let mut object = redecode(&TOKEN_REQUEST, made, FieldValidation::Ignore)
            .map_err(|error| Failure::Internal(error.to_string()))?
            .value;
        default::defaults(&TOKEN_REQUEST, &mut object);
        return Ok((shown != made, object));
    }
    let decoded = redecode(kind, made, FieldValidation::Ignore);
    let decoded = decoded.map_err(|error| Failure::Internal(error.to_string()))?.value;
    let changed = decoded != *shown;
    let mut object = match &kind.shape {
        Shape::Typed(_) => to_stored(kind, decoded),
        Shape::Structural(_) => converted(call, kind, call.kind, decoded).await?,
    };
    default::defaults(call.kind, &mut object);
    Ok((changed, object))
}

/// From one version of a custom resource to another.
async fn converted(call: &Call<'_>, from: &Kind, to: &Kind, object: Value) -> Result<Value, Failure> {
    let Shape::Structural(custom) = &to.shape else { return Ok(object) };
    if from.version == to.version {
        return Ok(object);
    }
    let converter = Converter::new(call.api, call.cluster);
    let mut values = converter.convert(custom.conversion.as_ref(), &to.api_version(), vec![object]).await?;
    let mut value = values.pop().ok_or_else(|| Failure::Internal("a conversion gave no object".to_owned()))?;
    structural::decode::restore(&mut value, &custom.schema);
    Ok(value)
}
