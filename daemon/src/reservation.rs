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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;
    use hanse_api::federation::Reserved;
    use hanse_base::clock::{Clock, SystemClock};
    use hanse_base::id::GroupId;
    use hanse_store::home::Home;

    use super::reserve;
    use crate::names::{Answer, Question};
    use crate::testing::{cluster, create, group};

    fn ask(home: &Arc<dyn Home>, parent: &str, name: &str, id: &str) -> Answer {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let group = GroupId::new("eu").unwrap();
        let question = Question { group, parent: cluster(parent), name: name.into(), id: cluster(id) };
        reserve(home, &clock, question).now_or_never().expect("memory does not wait")
    }

    #[test]
    fn a_name_is_held_for_one_workspace_until_it_comes() {
        let eu = group("eu");
        create(&eu, "root", "org", "org1");
        let home: Arc<dyn Home> = eu;
        assert_eq!(ask(&home, "root", "team", "t1"), Ok(Reserved::Granted));
        assert_eq!(ask(&home, "root", "team", "t1"), Ok(Reserved::Granted), "asking again is harmless");
        assert_eq!(ask(&home, "root", "team", "t2"), Ok(Reserved::Taken { by: cluster("t1") }));
        assert_eq!(ask(&home, "root", "org", "t2"), Ok(Reserved::Taken { by: cluster("org1") }));
        assert_eq!(ask(&home, "org1", "team", "t2"), Ok(Reserved::Granted), "another parent, another name");
        assert_eq!(ask(&home, "nobody", "team", "t3"), Ok(Reserved::ParentMissing));
    }

    #[test]
    fn a_daemon_of_another_group_does_not_answer() {
        let us: Arc<dyn Home> = group("us");
        assert!(ask(&us, "root", "team", "t1").unwrap_err().contains("of group us"));
    }
}
