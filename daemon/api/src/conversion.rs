//! Conversion of custom resources between the versions of their definition: by a webhook (`ConversionReview`), or by naming the
//! other version.
//!
//! What a webhook may change, and what is told when it gives no good answer, is upstream's
//! (k8s.io/apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hanse_base::id::ClusterId;
use hanse_schema::kind::ConversionWebhook;
use hanse_schema::metadata;
use serde_json::{Map, Value, json};

use crate::api::Api;
use crate::egress::Post;
use crate::egress::endpoint::Endpoint;
use crate::encode;
use crate::status::Failure;

/// Calls the webhooks for one request.
#[derive(Clone)]
pub(crate) struct Converter {
    api: Arc<Api>,
    /// The logical cluster that has the definition; nothing for requests that no custom resource is asked for by.
    cluster: Option<ClusterId>,
}

impl Converter {
    /// Calls webhooks on behalf of a logical cluster.
    pub(crate) fn new(api: &Arc<Api>, cluster: Option<&ClusterId>) -> Self {
        Self { api: Arc::clone(api), cluster: cluster.cloned() }
    }

    /// Converts objects to a version. Those of that version stay as they are.
    ///
    /// # Errors
    /// 500 when the webhook gives no answer, or one that is not a conversion of these objects.
    pub(crate) async fn convert(
        &self,
        webhook: Option<&Arc<ConversionWebhook>>,
        api_version: &str,
        mut objects: Vec<Value>,
    ) -> Result<Vec<Value>, Failure> {
        let others: Vec<usize> =
            (0..objects.len()).filter(|index| objects[*index]["apiVersion"] != api_version).collect();
        if others.is_empty() {
            return Ok(objects);
        }
        let Some(webhook) = webhook else {
            for index in others {
                objects[index]["apiVersion"] = Value::from(api_version);
            }
            return Ok(objects);
        };
        for chunk in others.chunks(OBJECTS_PER_CALL) {
            let given: Vec<Value> = chunk.iter().map(|index| objects[*index].clone()).collect();
            let converted = self.call(webhook, api_version, &given).await?;
            for ((index, given), converted) in chunk.iter().zip(given).zip(converted) {
                objects[*index] = checked(&given, converted, api_version)?;
            }
        }
        Ok(objects)
    }

    async fn call(
        &self,
        webhook: &ConversionWebhook,
        api_version: &str,
        objects: &[Value],
    ) -> Result<Vec<Value>, Failure> {
        let failed = |why: String| {
            let (version, kind) = (&objects[0]["apiVersion"], &objects[0]["kind"]);
            let (version, kind) = (version.as_str().unwrap_or_default(), kind.as_str().unwrap_or_default());
            Failure::Unknown(format!("conversion webhook for {version}, Kind={kind} failed: {why}"))
        };
        let cluster = self.cluster.clone().ok_or_else(|| failed("there is no logical cluster".to_owned()))?;
        if !webhook.review_versions.iter().any(|version| version == "v1") {
            return Err(failed("no supported conversion review versions".to_owned()));
        }
        let endpoint = Endpoint::of(&webhook.client_config).map_err(|error| failed(error.to_string()))?;
        let uid = encode::uuid(self.api.random());
        let review = json!({
            "kind": "ConversionReview",
            "apiVersion": "apiextensions.k8s.io/v1",
            "request": {"uid": uid, "desiredAPIVersion": api_version, "objects": objects},
        });
        let post =
            Post { endpoint: Arc::new(endpoint), cluster, body: Bytes::from(review.to_string()), patience: PATIENCE };
        let answer = self.api.egress().post(post).await.map_err(|error| failed(error.to_string()))?;
        read(&answer, &uid, objects.len()).map_err(failed)
    }
}

/// The converted objects of an answer.
pub(crate) fn read(answer: &[u8], uid: &str, wanted: usize) -> Result<Vec<Value>, String> {
    let mut review: Value = serde_json::from_slice(answer).map_err(|error| format!("invalid response: {error}"))?;
    if review["kind"] != "ConversionReview" || review["apiVersion"] != "apiextensions.k8s.io/v1" {
        return Err("expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview".to_owned());
    }
    let response = &mut review["response"];
    if response["uid"] != uid {
        let got = response["uid"].as_str().unwrap_or_default();
        return Err(format!("expected response.uid={uid:?}, got {got:?}"));
    }
    let status = response["result"]["status"].as_str().unwrap_or_default();
    if status != "Success" {
        let message = response["result"]["message"].as_str().filter(|message| !message.is_empty());
        return Err(match message {
            Some(message) => message.to_owned(),
            None => format!("response.result.status was '{status}', not 'Success'"),
        });
    }
    let Value::Array(converted) = response["convertedObjects"].take() else {
        return Err(format!("returned 0 objects, expected {wanted}"));
    };
    if converted.len() != wanted {
        return Err(format!("returned {} objects, expected {wanted}", converted.len()));
    }
    Ok(converted)
}

/// What a webhook must leave as it was: what the object is and who it is. Of its metadata only labels and annotations are its.
fn checked(given: &Value, mut converted: Value, api_version: &str) -> Result<Value, Failure> {
    let wrong = |why: &str| Err(Failure::Unknown(format!("invalid converted object: {why}")));
    if converted["apiVersion"] != api_version {
        return wrong(&format!("invalid groupVersion, expected {api_version}"));
    }
    if converted["kind"] != given["kind"] {
        return wrong("invalid kind");
    }
    for field in ["name", "namespace", "uid"] {
        if metadata::text(&converted, field) != metadata::text(given, field) {
            return wrong(&format!("must not change metadata.{field}"));
        }
    }
    let mut kept = metadata::of(given).cloned().unwrap_or_default();
    for field in ["labels", "annotations"] {
        match converted["metadata"].get(field).filter(|map| map.as_object().is_some_and(|map| !map.is_empty())) {
            Some(map) if map.as_object().is_some_and(|map| map.values().all(Value::is_string)) => {
                metadata::set_field(&mut kept, field, sorted(map));
            }
            Some(_) => return wrong(&format!("metadata.{field} must hold texts")),
            None => {
                kept.shift_remove(field);
            }
        }
    }
    converted["metadata"] = Value::Object(kept);
    Ok(converted)
}

fn sorted(map: &Value) -> Value {
    let mut map: Map<String, Value> = map.as_object().cloned().unwrap_or_default();
    map.sort_keys();
    Value::Object(map)
}

/// A webhook is given this many objects at once.
const OBJECTS_PER_CALL: usize = 500;
/// As upstream waits for a conversion.
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{checked, read};

    #[test]
    fn an_answer_that_is_no_conversion_of_the_objects_is_refused() {
        let answer = |response: serde_json::Value| {
            let review =
                json!({"kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1", "response": response});
            read(review.to_string().as_bytes(), "u", 1)
        };
        let good = json!({"uid": "u", "result": {"status": "Success"}, "convertedObjects": [{"a": 1}]});
        assert_eq!(answer(good).unwrap(), [json!({"a": 1})]);
        let table = [
            (
                json!({"uid": "v", "result": {"status": "Success"}, "convertedObjects": [{}]}),
                r#"expected response.uid="u", got "v""#,
            ),
            (json!({"uid": "u", "result": {"status": "Failure", "message": "no"}}), "no"),
            (json!({"uid": "u", "result": {}}), "response.result.status was '', not 'Success'"),
            (json!({"uid": "u", "result": {"status": "Success"}}), "returned 0 objects, expected 1"),
            (
                json!({"uid": "u", "result": {"status": "Success"}, "convertedObjects": []}),
                "returned 0 objects, expected 1",
            ),
        ];
        for (response, why) in table {
            assert_eq!(answer(response).unwrap_err(), why);
        }
        assert!(read(b"{", "u", 1).is_err() && read(b"{}", "u", 1).is_err());
    }

    #[test]
    fn a_webhook_changes_labels_and_annotations_and_nothing_else_of_the_metadata() {
        let given = json!({"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "a", "uid": "u", "generation": 3, "labels": {"l": "1"}}, "spec": 1});
        let converted = json!({"apiVersion": "g/v2", "kind": "K", "metadata": {"name": "a", "uid": "u", "generation": 9, "annotations": {"b": "2", "a": "1"}}, "spec": 2});
        let made = checked(&given, converted.clone(), "g/v2").unwrap();
        assert_eq!(
            made.to_string(),
            r#"{"apiVersion":"g/v2","kind":"K","metadata":{"name":"a","uid":"u","generation":3,"annotations":{"a":"1","b":"2"}},"spec":2}"#
        );
        for (field, value) in [("name", json!("b")), ("uid", json!("v")), ("labels", json!({"a": 1}))] {
            let mut other = converted.clone();
            other["metadata"][field] = value;
            assert!(checked(&given, other, "g/v2").is_err(), "{field}");
        }
        assert!(checked(&given, converted, "g/v3").is_err());
    }
}
