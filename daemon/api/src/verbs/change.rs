//! Read, compute, propose; again when somebody else came between. The common part of update and patch.
//!
//! The first attempt reads the local replica, which is nearly always new enough: what it proposes holds only at the
//! revision that was read. Whatever would be answered without a proposal (an error, a change of nothing) is decided on a
//! state that holds everything acknowledged.

use std::sync::Arc;

use bytes::Bytes;
use hanse_schema::apply::keep_times;
use hanse_schema::kind::Part;
use hanse_schema::{default, metadata, validate};
use hanse_store::key::Key;
use hanse_store::object::Object;
use hanse_store::state::State;
use hanse_store::txn::{Operation, Outcome, Precondition, Refusal, Txn};
use serde_json::Value;

use crate::admission;
use crate::admit;
use crate::call::Call;
use crate::definitions::{Settled, settle};
use crate::encode;
use crate::limits::ATTEMPTS_MAX;
use crate::manage::Manager;
use crate::query::WriteOptions;
use crate::status::Failure;
use crate::turns::Turn;
use crate::verbs::create::{agree_on_namespace, stored};

/// What a verb wants the object to be.
pub(crate) struct Wanted {
    /// The object in canonical form, in the version of the request.
    pub(crate) object: Value,
    /// Whether its `managedFields` are right already, as after an apply.
    pub(crate) managed: bool,
    /// Texts for `Warning` headers.
    pub(crate) warnings: Vec<String>,
}

/// The object after the change.
pub(crate) struct Changed {
    /// Its bytes as they are stored; those that it had last, when the change has removed it.
    pub(crate) bytes: Bytes,
    pub(crate) warnings: Vec<String>,
}

/// Changes the object to what `compute` makes of the stored one. `None`: there is no such object.
///
/// # Errors
/// 409 when the client's `resourceVersion` is not the stored one; whatever `compute` and the checks say.
pub(crate) async fn change(
    call: &Call<'_>,
    name: &str,
    options: &WriteOptions,
    mut compute: impl FnMut(&Value) -> Result<Wanted, Failure> + Send,
) -> Result<Option<Changed>, Failure> {
    let key = call.key(name)?;
    let mut state = call.home.view();
    let mut newest = false;
    for _ in 0..ATTEMPTS_MAX {
        let step = match state.get(&key) {
            Some(object) => attempt((call, options), &key, object, &mut compute).await,
            None => Ok(None),
        };
        let decided = match step {
            Ok(Some(Step::Propose(proposal))) if !options.dry_run => match propose(call, &key, proposal).await? {
                Some(changed) => return shown(call, Ok(Some(changed))).await,
                None => None,
            },
            Ok(Some(Step::Propose(Proposal { changed, .. }) | Step::Nothing(changed))) => Some(Ok(Some(changed))),
            Ok(None) => Some(Ok(None)),
            Err(failure) => Some(Err(failure)),
        };
        if let Some(decided) = decided
            && (newest || is_newest(call, &key, &state).await?)
        {
            return shown(call, decided).await;
        }
        state = call.home.read().await?;
        newest = true;
    }
    Err(admit::modified(call.subject(name)))
}

/// What was stored, in the version of the request.
async fn shown(call: &Call<'_>, decided: Result<Option<Changed>, Failure>) -> Result<Option<Changed>, Failure> {
    let Some(Changed { bytes, warnings }) = decided? else { return Ok(None) };
    Ok(Some(Changed { bytes: call.view.written(bytes).await?, warnings }))
}

/// Whether the object in the state is what everybody sees.
pub(crate) async fn is_newest(call: &Call<'_>, key: &Key, state: &State) -> Result<bool, Failure> {
    let newest = call.home.read().await?;
    let revision = |state: &State| state.get(key).map(|object| object.revision());
    Ok(revision(&newest) == revision(state))
}

enum Step {
    /// The object is already what it is to be.
    Nothing(Changed),
    Propose(Proposal),
}

struct Proposal {
    txn: Txn,
    /// The answer, when the transaction happens; its revision is not known before.
    changed: Changed,
    draft: hanse_store::object::Draft,
    /// Held until the transaction has happened.
    turn: Option<Turn>,
}

async fn attempt(
    (call, options): (&Call<'_>, &WriteOptions),
    key: &Key,
    stored: &Arc<Object>,
    compute: &mut (impl FnMut(&Value) -> Result<Wanted, Failure> + Send),
) -> Result<Option<Step>, Failure> {
    let old = call.view.value(stored).await?;
    let Wanted { mut object, mut warnings, managed } = compute(&old)?;
    let revision = metadata::resource_version(&object);
    if revision.is_empty() && !call.kind.unconditional_update {
        return Err(admit::without_version(call, key.name()));
    }
    if !revision.is_empty() && revision != metadata::resource_version(&old) {
        return Err(admit::modified(call.subject(key.name())));
    }
    expect_uid(call, key, &object, &old)?;
    ready(call, &mut object, &old);
    if !managed {
        Manager::new(call, options).update(Some(&old), &mut object);
    }
    annotate(call, &mut object);
    let mut changed = admission::Operation::update(object, old, options.dry_run);
    warnings.extend(call.api.admission().mutate(call, &mut changed).await?);
    agree_on_namespace(call, &mut changed.object)?;
    ready(call, &mut changed.object, &changed.old);
    annotate(call, &mut changed.object);
    keep_times(&changed.old, &mut changed.object);
    check(call, key, &changed)?;
    warnings.extend(call.api.admission().validate(call, &changed).await?.0);
    let Settled { conditions, turn } = settle(call, &mut changed.object).await?;
    call.api.admission().settle(call, &mut changed.object);
    let admission::Operation { object, old, .. } = changed;
    warnings.extend(validate::warnings(call.kind, &object, Some(&old)));
    let ends = ends(call, &object);
    let draft = encode::draft(&call.view.to_stored(object).await?)?;
    if !ends && draft == stored.draft() {
        return Ok(Some(Step::Nothing(Changed { bytes: stored.bytes(), warnings })));
    }
    let operation = if ends { Operation::Delete(key.clone()) } else { Operation::Put(key.clone(), draft.clone()) };
    let mut preconditions =
        vec![Precondition::ClusterHome(key.cluster()), Precondition::At(key.clone(), stored.revision())];
    preconditions.extend(conditions);
    let txn = Txn { time_ms: call.now_ms(), preconditions, operations: vec![operation] };
    // A dry run's answer shows the revision that the object has.
    let bytes = crate::verbs::create::stored(&draft, stored.revision())?;
    Ok(Some(Step::Propose(Proposal { txn, changed: Changed { bytes, warnings }, draft, turn })))
}

/// What the kind itself says about a change.
fn check(call: &Call<'_>, key: &Key, changed: &admission::Operation) -> Result<(), Failure> {
    let (object, old) = (&changed.object, &changed.old);
    admit::may_change(call, object, Some(old))?;
    let causes = validate::update(call.kind, call.part, object, old);
    if causes.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid(&call.kind.group, &call.kind.kind, key.name(), causes))
}

/// `None`: somebody else came first.
async fn propose(call: &Call<'_>, key: &Key, proposal: Proposal) -> Result<Option<Changed>, Failure> {
    let outcome = call.home.submit(proposal.txn).await?;
    drop(proposal.turn);
    match outcome {
        Outcome::Done { first, .. } => {
            Ok(Some(Changed { bytes: stored(&proposal.draft, first)?, warnings: proposal.changed.warnings }))
        }
        Outcome::Refused(Refusal::Changed { .. } | Refusal::Missing { .. }) => Ok(None),
        Outcome::Refused(refusal) => Err(admit::refused(call, key, refusal)),
    }
}

fn expect_uid(call: &Call<'_>, key: &Key, object: &Value, old: &Value) -> Result<(), Failure> {
    let (wanted, own) = (metadata::uid(object), metadata::uid(old));
    if wanted.is_empty() || wanted == own {
        return Ok(());
    }
    let why = format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {own}");
    Err(Failure::Conflict(call.subject(key.name()), why))
}

/// Nobody owns what the server itself writes: it is written when the owners are known.
fn annotate(call: &Call<'_>, object: &mut Value) {
    if let Some(cluster) = call.cluster {
        encode::annotate_cluster(object, cluster);
    }
}

/// What the server sets on a changed object.
fn ready(call: &Call<'_>, object: &mut Value, old: &Value) {
    default::defaults(call.kind, object);
    default::for_update(call.kind, call.part, object, old);
    if admit::is_signing_request(call.kind) && call.part != Part::Object {
        default::certificate::stamp_conditions(object, old, &call.now_text());
    }
    if let Some(metadata) = metadata::of_mut(object)
        && call.kind.unconditional_update
        && !metadata.contains_key("resourceVersion")
    {
        metadata::set_field(metadata, "resourceVersion", Value::from(metadata::resource_version(old)));
    }
}

/// Whether the change takes away the last thing that a deletion has waited for.
fn ends(call: &Call<'_>, object: &Value) -> bool {
    let waits = |list: Option<&Value>| list.and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    metadata::is_deleting(object)
        && metadata::finalizers(object).next().is_none()
        && !(admit::is_namespace(call.kind) && waits(object.pointer("/spec/finalizers")))
        && matches!(call.part, Part::Object | Part::Finalize)
}
