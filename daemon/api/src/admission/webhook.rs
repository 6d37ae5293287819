//! Admission webhooks: the configurations of the request's logical cluster, and one call of one webhook.

pub(crate) mod mutating;
pub(crate) mod validating;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hanse_base::id::ClusterId;
use hanse_schema::cause::quote;
use hanse_schema::kind::Kind;
use hanse_store::key::Key;
use hanse_store::object::Object;
use hanse_store::state::State;
use serde_json::Value;

use crate::admission::attributes::{Attributes, Operation};
use crate::admission::compiled::Compiled;
use crate::admission::condition::Conditions;
use crate::admission::matching::Criteria;
use crate::admission::notes::Notes;
use crate::admission::review::{self, ReviewVersion, Shown, Verdict};
use crate::admission::scene::{Asked, Props, Scene, resource_target};
use crate::egress::Post;
use crate::egress::endpoint::{Endpoint, EndpointError};
use crate::encode;
use crate::status::Failure;

/// Where MutatingWebhookConfigurations are stored.
pub(crate) const MUTATING: &str = "mutatingwebhookconfigurations.admissionregistration.k8s.io";
/// Where ValidatingWebhookConfigurations are stored.
pub(crate) const VALIDATING: &str = "validatingwebhookconfigurations.admissionregistration.k8s.io";

/// What calls webhooks.
pub(crate) struct Webhooks {
    mutating: Compiled<Vec<Webhook>>,
    validating: Compiled<Vec<Webhook>>,
}

/// One webhook of a configuration.
pub(crate) struct Webhook {
    /// Tells it from all others: names need not be unique.
    id: String,
    name: String,
    endpoint: Result<Arc<Endpoint>, EndpointError>,
    criteria: Criteria,
    conditions: Conditions,
    fails_open: bool,
    /// Whether it may be asked in a dry run.
    harmless: bool,
    /// Whether it may be asked again.
    reinvoked: bool,
    patience: Duration,
    version: Option<ReviewVersion>,
}

/// What came of a call.
pub(crate) enum CallError {
    /// The webhook gave no verdict; whether that refuses the request is for its `failurePolicy` to say.
    Failed(String),
    /// The request is refused in any case.
    Refused(Failure),
}

impl Webhooks {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self { mutating: Compiled::new(), validating: Compiled::new() }
    }

    fn of(&self, state: &State, cluster: &ClusterId, mutating: bool) -> Vec<Arc<Vec<Webhook>>> {
        let (compiled, resource) = if mutating { (&self.mutating, MUTATING) } else { (&self.validating, VALIDATING) };
        compiled.all(state, cluster, resource, compile)
    }

    /// Asks a webhook about an operation that matches it.
    async fn ask(
        &self,
        webhook: &Webhook,
        attributes: &Attributes<'_>,
        (matched, shown): (&Kind, &Shown),
        mutating: bool,
    ) -> Result<Verdict, CallError> {
        let failed = |why: String| CallError::Failed(format!("failed calling webhook {}: {why}", quote(&webhook.name)));
        if attributes.dry_run && !webhook.harmless {
            let why = format!("admission webhook {} does not support dry run", quote(&webhook.name));
            return Err(CallError::Refused(Failure::BadRequest(why)));
        }
        let Some(version) = webhook.version else {
            return Err(failed(
                "could not create admission objects: webhook does not accept known AdmissionReview versions \
                               (v1, v1beta1)"
                    .to_owned(),
            ));
        };
        let endpoint =
            webhook.endpoint.as_ref().map_err(|error| failed(format!("could not get REST client: {error}")))?;
        let uid = encode::uuid(attributes.call.api.random());
        let Some(cluster) = attributes.call.cluster else { return Err(CallError::Refused(Failure::MethodNotServed)) };
        let body = review::question(version, &uid, attributes, matched, shown);
        let post = Post { endpoint: Arc::clone(endpoint), cluster: cluster.clone(), body, patience: webhook.patience };
        let answer = attributes.call.api.egress().post(post).await;
        let answer = answer.map_err(|error| failed(format!("failed to call webhook: {error}")))?;
        Verdict::read(version, &uid, mutating, &answer).map_err(|error| failed(error.to_string()))
    }
}

impl Webhook {
    fn of(configuration: &str, webhook: &Value, number: usize) -> Self {
        let text = |field: &str| webhook.get(field).and_then(Value::as_str).unwrap_or_default();
        let name = text("name").to_owned();
        let fails_open = text("failurePolicy") == "Ignore";
        let seconds = webhook.get("timeoutSeconds").and_then(Value::as_u64).unwrap_or(PATIENCE_SECONDS);
        Self {
            id: format!("{configuration}/{name}/{number}"),
            endpoint: Endpoint::of(webhook.get("clientConfig").unwrap_or(&Value::Null)).map(Arc::new),
            criteria: Criteria::of_webhook(webhook),
            conditions: Conditions::compile(webhook.get("matchConditions"), false, fails_open),
            fails_open,
            harmless: matches!(text("sideEffects"), "None" | "NoneOnDryRun"),
            reinvoked: text("reinvocationPolicy") == "IfNeeded",
            patience: Duration::from_secs(seconds.clamp(1, PATIENCE_SECONDS_MAX)),
            version: ReviewVersion::choose(webhook.get("admissionReviewVersions")),
            name,
        }
    }

    /// The kind in whose form the operation is to be shown, when the webhook is to be asked.
    fn matches(&self, attributes: &Attributes<'_>, operation: &Operation) -> Result<Option<Arc<Kind>>, Failure> {
        self.criteria.matches(attributes, operation)
    }

    /// Whether the conditions of the webhook hold for an operation that matches it.
    fn wants(&self, attributes: &Attributes<'_>, kind: &Kind, shown: &Shown) -> Result<bool, Failure> {
        if self.conditions.is_empty() {
            return Ok(true);
        }
        let null = Value::Null;
        let request = Value::Object(attributes.request(kind));
        let props = Props {
            object: shown.object.as_ref().unwrap_or(&null),
            old: shown.old.as_ref().unwrap_or(&null),
            request: &request,
            params: &null,
            namespace: &null,
            authorizer: Asked::about(attributes.call.user),
            resource: resource_target(attributes),
        };
        let met = self.conditions.met(&Scene::new(&props, &[]));
        met.map_err(|why| Failure::forbidden(attributes.call.subject(&attributes.name), why))
    }

    /// What becomes of a request when the webhook has given no verdict.
    fn failed(&self, error: CallError) -> Result<(), Failure> {
        match error {
            CallError::Failed(why) if self.fails_open => {
                tracing::warn!(webhook = self.id, why, "failing open");
                Ok(())
            }
            CallError::Failed(why) => Err(Failure::Internal(why)),
            CallError::Refused(failure) => Err(failure),
        }
    }
}

/// The webhooks of a configuration, in its order.
fn compile(key: &Key, object: &Object) -> Vec<Webhook> {
    let value: Value = serde_json::from_slice(&object.bytes()).unwrap_or_default();
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let webhooks = value.get("webhooks").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let each = webhooks.iter().map(|webhook| {
        let name = webhook.get("name").and_then(Value::as_str).unwrap_or_default();
        let number = numbers.entry(name).or_default();
        *number += 1;
        Webhook::of(key.name(), webhook, *number - 1)
    });
    each.collect()
}

/// What a verdict says beside yes and no.
fn note(notes: &mut Notes, webhook: &Webhook, verdict: &mut Verdict) {
    verdict.warnings.drain(..).for_each(|text| notes.warn(text));
    for (key, value) in verdict.audit_annotations.drain(..) {
        notes.audit(format!("{}/{key}", webhook.name), value);
    }
}

/// Where a webhook does not say how long it may take; upstream's default.
const PATIENCE_SECONDS: u64 = 10;
const PATIENCE_SECONDS_MAX: u64 = 30;
