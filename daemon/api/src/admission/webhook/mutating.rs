//! Mutating webhooks: one after the other, each shown what those before it have made.

use std::sync::Arc;

use hanse_schema::cause::quote;
use hanse_schema::kind::Kind;
use hanse_schema::patch::json_patch;

use crate::admission::attributes::{Attributes, Operation};
use crate::admission::notes::Notes;
use crate::admission::reinvocation::Round;
use crate::admission::review::Shown;
use crate::admission::version;
use crate::admission::webhook::{CallError, Webhook, Webhooks, note};
use crate::status::Failure;

/// A webhook that is to be asked, and what it is shown.
#[derive(Clone, Copy)]
struct Matched<'a> {
    webhook: &'a Webhook,
    kind: &'a Arc<Kind>,
    shown: &'a Shown,
}

impl Webhooks {
    /// Asks the webhooks that match, in the order of their configurations' names. Returns whether the object has changed.
    ///
    /// # Errors
    /// A webhook refuses; one gives no verdict and its `failurePolicy` is `Fail`.
    pub(crate) async fn mutate(
        &self,
        attributes: &Attributes<'_>,
        operation: &mut Operation,
        round: Round<'_>,
    ) -> Result<bool, Failure> {
        let Round { state, again, steps, notes } = round;
        let Some(cluster) = attributes.call.cluster else { return Ok(false) };
        let configurations = self.of(state, cluster, true);
        if again {
            steps.begin(&operation.object);
        }
        let mut any = false;
        for webhook in configurations.iter().flat_map(|webhooks| webhooks.iter()) {
            let Some(kind) = webhook.matches(attributes, operation)? else { continue };
            let shown = version::both(attributes, operation, &kind).await?;
            if !webhook.wants(attributes, &kind, &shown)? || (again && !steps.asks(&webhook.id)) {
                continue;
            }
            let matched = Matched { webhook, kind: &kind, shown: &shown };
            let changed = self.mutate_by(matched, attributes, operation, notes).await;
            let (changed, failure) = match changed {
                Ok(changed) => (changed, Ok(())),
                Err(error) => (false, webhook.failed(error)),
            };
            if changed {
                steps.changed();
                any = true;
            }
            if webhook.reinvoked {
                steps.invoked(webhook.id.clone());
            }
            failure?;
        }
        steps.end(&operation.object);
        Ok(any)
    }

    async fn mutate_by(
        &self,
        Matched { webhook, kind, shown }: Matched<'_>,
        attributes: &Attributes<'_>,
        operation: &mut Operation,
        notes: &mut Notes,
    ) -> Result<bool, CallError> {
        let refused = CallError::Refused;
        let mut verdict = self.ask(webhook, attributes, (kind, shown), true).await?;
        note(notes, webhook, &mut verdict);
        if !verdict.allowed {
            return Err(refused(verdict.refusal(&webhook.name)));
        }
        let Some(patch) = verdict.patch else { return Ok(false) };
        let Some(object) = &shown.object else {
            return Err(refused(Failure::Internal(format!(
                "admission webhook {} attempted to modify the object, which is not supported for this operation",
                quote(&webhook.name)
            ))));
        };
        let made = json_patch::apply(object, &patch);
        let made = made.map_err(|error| refused(Failure::Internal(error.to_string())))?;
        let (changed, taken) =
            version::taken(attributes.call, kind, (&operation.object, object), &made).await.map_err(refused)?;
        operation.object = taken;
        Ok(changed)
    }
}
