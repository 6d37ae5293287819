//! Waiting until this region shows what another has done, so that one reads one's own writes.

use std::sync::Arc;
use std::time::Duration;

use hanse_base::id::ClusterId;
use hanse_store::home::Home;
use hanse_store::key::Scope;
use hanse_store::state::State;
use hanse_store::workspace::WORKSPACES;

use crate::limits::MERGE_PATIENCE;

/// The first state of this replica in which the row has the version, or a later one. `None`: not in time.
pub(crate) async fn merged(home: &Arc<dyn Home>, id: &ClusterId, version: u64) -> Option<Arc<State>> {
    until(home, MERGE_PATIENCE, |state| state.workspace_merged(id, version)).await
}

/// Whether this replica has heard of the logical cluster, which was made elsewhere a moment ago.
pub(crate) async fn parent_known(home: &Arc<dyn Home>, id: &ClusterId) -> bool {
    until(home, MERGE_PATIENCE, |state| state.home_of(id).is_some()).await.is_some()
}

/// Waits for the tree's events, looking at each new state.
async fn until(home: &Arc<dyn Home>, patience: Duration, holds: impl Fn(&State) -> bool) -> Option<Arc<State>> {
    let scope = Scope { resource: WORKSPACES.to_owned(), cluster: None, namespace: None };
    let waiting = async {
        let mut subscription = home.hub().subscribe(scope, home.view().revision());
        loop {
            let view = home.view();
            if holds(&view) {
                return Some(view);
            }
            subscription.next().await.ok()?;
        }
    };
    tokio::time::timeout(patience, waiting).await.ok().flatten()
}
