//! Admission: what a logical cluster itself says about what is written to it.
//!
//! The chain is upstream's: mutating policies, mutating webhooks (both once more where one of them asks for it and the object
//! has changed), then, on the object that passed the checks of its kind, validating policies, validating webhooks and quotas.
//! Policies and webhooks are ordinary objects of the logical cluster, read from the local replica's state; a logical cluster
//! without any costs a few look-ups of counts.
//!
//! It must not know how objects are stored, nor what verbs answer: it gets an [`Operation`] and gives back what became of it.
//!
//! Reading order: [`attributes`], [`matching`], [`webhook`], [`expression`], [`policy`], [`quota`].

mod attributes;
mod compiled;
mod condition;
mod environment;
mod expression;
mod matching;
mod notes;
mod policy;
pub(crate) mod quota;
mod reinvocation;
pub(crate) mod review;
mod scene;
mod version;
mod webhook;

use hanse_base::id::ClusterId;
use hanse_schema::apply::decode_entries;
use hanse_schema::kind::Kind;
use hanse_schema::metadata;
use hanse_store::state::State;
use hanse_store::txn::Precondition;
use serde_json::Value;

pub(crate) use crate::admission::attributes::Operation;
use crate::admission::attributes::{Action, Attributes};
use crate::admission::compiled::scope;
use crate::admission::notes::Notes;
use crate::admission::policy::Policies;
use crate::admission::reinvocation::{Reinvocation, Round};
use crate::admission::webhook::Webhooks;
use crate::call::Call;
use crate::encode;
use crate::status::Failure;

/// The chain. One for each daemon.
pub(crate) struct Admission {
    policies: Policies,
    webhooks: Webhooks,
}

impl Admission {
    /// A chain that knows nothing yet.
    pub(crate) fn new() -> Self {
        Self { policies: Policies::new(), webhooks: Webhooks::new() }
    }

    /// Whether the logical cluster has anybody to ask about a request. Costs next to nothing.
    pub(crate) fn concerns(&self, call: &Call<'_>) -> bool {
        let cluster = call.cluster.filter(|_| !is_exempt(call.kind));
        cluster.is_some_and(|cluster| any(&call.home.view(), cluster, &[MUTATING, VALIDATING].concat()))
    }

    /// Lets policies and webhooks change the object of an operation. Returns texts for `Warning` headers.
    ///
    /// To be called with the object as it was decoded and defaulted, before it is checked.
    ///
    /// # Errors
    /// The operation is refused, or could not be judged.
    pub(crate) async fn mutate(&self, call: &Call<'_>, operation: &mut Operation) -> Result<Vec<String>, Failure> {
        let state = call.home.view();
        let Some(cluster) = call.cluster.filter(|_| !is_exempt(call.kind)) else { return Ok(Vec::new()) };
        if !any(&state, cluster, &MUTATING) {
            return Ok(Vec::new());
        }
        if operation.action == Action::Create {
            encode::wipe_system_fields(&mut operation.object);
        }
        let attributes = Attributes::of(call, operation, &state).await?;
        let mut notes = Notes::default();
        let owners = metadata::of(&operation.object).and_then(|metadata| metadata.get("managedFields")).cloned();
        let (mut of_policies, mut of_webhooks) = (Reinvocation::default(), Reinvocation::default());
        for again in [false, true] {
            let round = Round { state: &state, again, steps: &mut of_policies, notes: &mut notes };
            let by_policy = self.policies.mutate(&attributes, operation, round).await?;
            let round = Round { state: &state, again, steps: &mut of_webhooks, notes: &mut notes };
            let by_webhook = self.webhooks.mutate(&attributes, operation, round).await?;
            if !by_policy && !by_webhook {
                break;
            }
        }
        if let Some(owners) = owners {
            keep_owners(&mut operation.object, owners, &mut notes);
        }
        Ok(notes.into_warnings())
    }

    /// What stands in the status of a policy when it is written; without effect on other kinds.
    pub(crate) fn settle(&self, call: &Call<'_>, object: &mut Value) {
        policy::status::settle(call, object);
    }

    /// Asks policies, webhooks and quotas about an operation whose object passed all other checks. Returns texts for `Warning`
    /// headers, and what the transaction must see to, so that quotas hold whoever else writes.
    ///
    /// # Errors
    /// As [`Admission::mutate`].
    pub(crate) async fn validate(
        &self,
        call: &Call<'_>,
        operation: &Operation,
    ) -> Result<(Vec<String>, Vec<Precondition>), Failure> {
        let state = call.home.view();
        let Some(cluster) = call.cluster else { return Ok((Vec::new(), Vec::new())) };
        let causes = policy::check::causes(call.kind, call.part, &operation.object, &operation.old);
        if !causes.is_empty() {
            let name = metadata::name(&operation.object);
            return Err(Failure::invalid(&call.kind.group, &call.kind.kind, name, causes));
        }
        let mut notes = Notes::default();
        if !is_exempt(call.kind) && any(&state, cluster, &VALIDATING) {
            let attributes = Attributes::of(call, operation, &state).await?;
            self.policies.validate(&attributes, operation, &state, &mut notes).await?;
            self.webhooks.validate(&attributes, operation, &state, &mut notes).await?;
        }
        Ok((notes.into_warnings(), quota::preconditions(call, operation, &state)))
    }
}

/// Who owns which field is not for admission to break: what cannot be read afterwards is as it was.
fn keep_owners(object: &mut Value, owners: Value, notes: &mut Notes) {
    let Some(metadata) = metadata::of_mut(object) else { return };
    if let Err(why) = decode_entries(metadata.get("managedFields")) {
        notes.warn(format!(
            ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating \
             admission controller; please fix your requests: {why}"
        ));
        metadata::set_field(metadata, "managedFields", owners);
    }
}

/// What there must be one of for a mutating step.
const MUTATING: [&str; 2] = [policy::MUTATING_BINDINGS, webhook::MUTATING];
/// What there must be one of for a validating step.
const VALIDATING: [&str; 2] = [policy::VALIDATING_BINDINGS, webhook::VALIDATING];

/// Whether there is an object of one of the resources.
fn any(state: &State, cluster: &ClusterId, resources: &[&str]) -> bool {
    resources.iter().any(|resource| state.count(&scope(cluster, resource)) > 0)
}

/// The configurations themselves are never up to what they configure: a broken one could not be repaired.
fn is_exempt(kind: &Kind) -> bool {
    const KINDS: [&str; 6] = [
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
    ];
    kind.group == "admissionregistration.k8s.io" && KINDS.contains(&&*kind.kind)
}
