//! DELETE of many objects: those that a list would show, in transactions of bounded size.

use std::sync::Arc;

use bytes::Bytes;
use hanse_store::key::Key;
use hanse_store::object::Object;
use hanse_store::txn::{Outcome, Precondition, Refusal, Txn};

use crate::admit;
use crate::answer::{self, Form};
use crate::body::Answer;
use crate::call::Call;
use crate::limits::DELETE_BATCH_MAX;
use crate::query::ListOptions;
use crate::selection::Selection;
use crate::status::Failure;
use crate::verbs::delete::{DeleteOptions, delete_one, plan};
use crate::verbs::list;

/// Deletes the objects and answers with the list of them.
pub(crate) async fn delete_collection(call: &Call<'_>, body: Bytes) -> Result<Answer, Failure> {
    let form = Form::of(call)?;
    admit::may_delete(call, "")?;
    let options = ListOptions::parse(call.query, false)?;
    let delete_options = DeleteOptions::of(call, &body)?;
    let selection = Selection::parse(call.kind, &options.label_selector, &options.field_selector)?;
    let page = list::page(call, &options, &selection).await?;
    let mut warnings = Vec::new();
    if call.api.admission().concerns(call) {
        // Each is up to those who admit, in a dry run, too.
        delete_each(call, &page.objects, &delete_options, &mut warnings).await?;
    } else if !delete_options.dry_run {
        for batch in page.objects.chunks(DELETE_BATCH_MAX) {
            delete_batch(call, batch, &delete_options).await?;
        }
    }
    let mut answer = list::answer(call, &form, &page).await?;
    answer::warn(&mut answer, &warnings);
    Ok(answer)
}

/// One by one, until one is refused.
async fn delete_each(
    call: &Call<'_>,
    objects: &[(Key, Arc<Object>)],
    options: &DeleteOptions,
    warnings: &mut Vec<String>,
) -> Result<(), Failure> {
    for (key, _) in objects {
        let mut told = Vec::new();
        match delete_one(call, key, options, &mut told).await {
            // Somebody else has deleted it.
            Ok(_) | Err(Failure::NotFound(_)) => {}
            Err(failure) => return Err(failure),
        }
        told.retain(|text| !warnings.contains(text));
        warnings.extend(told);
    }
    Ok(())
}

/// All of a batch in one transaction, or one by one where somebody else came between.
async fn delete_batch(call: &Call<'_>, batch: &[(Key, Arc<Object>)], options: &DeleteOptions) -> Result<(), Failure> {
    let Some((first, _)) = batch.first() else { return Ok(()) };
    let mut preconditions = vec![Precondition::ClusterHome(first.cluster())];
    let mut operations = Vec::with_capacity(batch.len());
    for (key, object) in batch {
        preconditions.push(Precondition::At(key.clone(), object.revision()));
        operations.extend(plan(call, key, object, options)?.operation);
    }
    if operations.is_empty() {
        return Ok(());
    }
    match call.home.submit(Txn { time_ms: call.now_ms(), preconditions, operations }).await? {
        Outcome::Done { .. } => return Ok(()),
        Outcome::Refused(Refusal::Changed { .. } | Refusal::Missing { .. }) => {}
        Outcome::Refused(refusal) => return Err(admit::refused(call, first, refusal)),
    }
    delete_each(call, batch, options, &mut Vec::new()).await
}
