//! Validating webhooks: all at once, on the object as it is to be stored.

use futures_util::future::join_all;
use hanse_store::state::State;

use crate::admission::attributes::{Attributes, Operation};
use crate::admission::notes::Notes;
use crate::admission::review::{Shown, Verdict};
use crate::admission::version;
use crate::admission::webhook::{CallError, Webhook, Webhooks, note};
use crate::status::Failure;

impl Webhooks {
    /// Asks the webhooks that match. Of several that refuse, the first in order is told.
    ///
    /// # Errors
    /// A webhook refuses; one gives no verdict and its `failurePolicy` is `Fail`.
    pub(crate) async fn validate(
        &self,
        attributes: &Attributes<'_>,
        operation: &Operation,
        state: &State,
        notes: &mut Notes,
    ) -> Result<(), Failure> {
        let Some(cluster) = attributes.call.cluster else { return Ok(()) };
        let configurations = self.of(state, cluster, false);
        let mut matched = Vec::new();
        // Each form of the objects is made once.
        let mut forms: Vec<(String, Shown)> = Vec::new();
        for webhook in configurations.iter().flat_map(|webhooks| webhooks.iter()) {
            let Some(kind) = webhook.matches(attributes, operation)? else { continue };
            let form = kind.api_version();
            if !forms.iter().any(|(known, _)| *known == form) {
                forms.push((form.clone(), version::both(attributes, operation, &kind).await?));
            }
            let shown = forms.iter().find(|(known, _)| *known == form);
            if let Some((_, shown)) = shown
                && !webhook.wants(attributes, &kind, shown)?
            {
                continue;
            }
            matched.push((webhook, kind));
        }
        let calls = matched.iter().filter_map(|(webhook, kind)| {
            let form = kind.api_version();
            let (_, shown) = forms.iter().find(|(known, _)| *known == form)?;
            Some(async move { (*webhook, self.ask(webhook, attributes, (&**kind, shown), false).await) })
        });
        let mut first = Ok(());
        for (webhook, verdict) in join_all(calls).await {
            let result = judge(webhook, verdict, notes);
            first = first.and(result);
        }
        first
    }
}

fn judge(webhook: &Webhook, verdict: Result<Verdict, CallError>, notes: &mut Notes) -> Result<(), Failure> {
    match verdict {
        Ok(mut verdict) => {
            note(notes, webhook, &mut verdict);
            if verdict.allowed { Ok(()) } else { Err(verdict.refusal(&webhook.name)) }
        }
        Err(error) => webhook.failed(error),
    }
}
