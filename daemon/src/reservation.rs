//! Holding a name at the parent's home, for a workspace that is made elsewhere.

use std::sync::Arc;

use hanse_api::federation::Reserved;
use hanse_base::clock::Clock;
use hanse_base::id::ClusterId;
use hanse_store::home::Home;
use hanse_store::state::{ROOT, State};
use hanse_store::txn::{Operation, Outcome, Refusal, Txn};

use crate::names::{Answer, Question};

/// Answers a question about a name, if this group is the parent's home.
pub(crate) async fn reserve(home: &Arc<dyn Home>, clock: &Arc<dyn Clock>, question: Question) -> Answer {
    let Question { group, parent, name, id } = question;
    if group != *home.group() {
        return Err(format!("this daemon is of group {}, not of {group}", home.group()));
    }
    let reserve = Operation::ReserveName { parent: parent.clone(), name: name.clone(), id: id.clone() };
    let txn = Txn { time_ms: clock.wall_ms(), preconditions: Vec::new(), operations: vec![reserve] };
    match home.submit(txn).await.map_err(|error| error.to_string())? {
        Outcome::Done { .. } => Ok(Reserved::Granted),
        Outcome::Refused(Refusal::Exists { .. }) => {
            let view = home.read().await.map_err(|error| error.to_string())?;
            let holder = view.name_holder(&parent, &name, clock.wall_ms()).cloned();
            let by = holder.ok_or_else(|| "the name was taken a moment ago, and is free again".to_owned())?;
            Ok(Reserved::Taken { by })
        }
        Outcome::Refused(Refusal::Missing { .. }) => Ok(Reserved::ParentMissing),
        Outcome::Refused(Refusal::NotHome { .. }) if is_gone(&home.view(), &parent) => Ok(Reserved::ParentMissing),
        Outcome::Refused(Refusal::Deleting { .. }) => Ok(Reserved::ParentDeleting),
        Outcome::Refused(refusal) => Err(refusal.to_string()),
    }
}

/// Whether a workspace never was, or has been deleted, as far as this group knows.
fn is_gone(view: &State, id: &ClusterId) -> bool {
    id.as_str() != ROOT && view.tree().get(id).is_none_or(|node| node.row.deleted)
}
