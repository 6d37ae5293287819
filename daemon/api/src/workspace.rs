//! Workspaces: read in every region from its own projection of the tree, written at the home of the workspace.
//!
//! ```text
//! POST ──► placement ──┬─► create here: reserve the name at the parent's home, one transaction
//!                      └─► carry to the region chosen, wait until this region has merged the row
//! PUT, PATCH, DELETE, move ──► the row's owner ──┬─► here: one transaction at the row's version
//!                                                └─► carry, wait as above
//! ```
//! Reading order: `content`, `types`, `placement`, `create`, `change`, `relocate`, `merge`; beside them `restore`.

pub mod content;
pub mod restore;

mod change;
mod create;
mod merge;
mod placement;
mod relocate;
mod types;

use hanse_schema::kind::Kind;
use hanse_store::key::Key;
use hanse_store::state::State;
use http::header::HeaderName;

use crate::api::RequestBody;
use crate::body::Answer;
use crate::call::Call;
use crate::federation::{Carried, Proof, Purpose};
use crate::request::{Request, ResourcePath, Verb};
use crate::route::{carried_headers, target};
use crate::status::Failure;

pub(crate) use merge::parent_known;

/// With it the home tells the daemon that carried a write which version the row has now.
pub(crate) const ROW_VERSION: HeaderName = HeaderName::from_static("hanse-row-version");

/// Who sends the request, as a carried one repeats it.
pub(crate) struct Sender<'a> {
    pub(crate) proof: &'a Proof,
    pub(crate) request: &'a Request,
    pub(crate) carried: bool,
}

impl Sender<'_> {
    /// The request for another group. `rest` is the path below the logical cluster.
    pub(crate) fn carried(
        &self,
        call: &Call<'_>,
        method: &str,
        rest: &str,
        body: bytes::Bytes,
    ) -> Result<Carried, Failure> {
        let cluster = call.cluster.ok_or(Failure::MethodNotServed)?;
        Ok(Carried {
            method: method.to_owned(),
            target: target(cluster, rest, &self.request.raw_query),
            headers: carried_headers(call.headers),
            body,
            proof: self.proof.clone(),
            purpose: Purpose::Plain,
        })
    }
}

/// Whether the kind is tenancy.kcp.io Workspace.
pub(crate) fn is_workspace(kind: &Kind) -> bool {
    kind.storage.0 == "tenancy.kcp.io" && kind.storage.1 == "workspaces"
}

/// Whether the request is `POST .../workspaces/<name>/move`.
pub(crate) fn is_move(kind: &Kind, path: &ResourcePath) -> bool {
    is_workspace(kind)
        && path.verb == Verb::Create
        && path.name.is_some()
        && path.subresource.as_deref() == Some("move")
}

/// Writes a Workspace.
pub(crate) async fn write(call: &Call<'_>, sender: Sender<'_>, body: RequestBody) -> Result<Answer, Failure> {
    let body = body.read().await?;
    match call.path.verb {
        Verb::Create if call.path.subresource.is_some() => relocate::relocate(call, &sender, &body).await,
        Verb::Create => create::create(call, &sender, body).await,
        Verb::Update | Verb::Patch => change::change(call, &sender, body).await,
        Verb::Delete => change::delete(call, &sender, body).await,
        Verb::DeleteCollection => change::delete_collection(call, &sender, body).await,
        Verb::Get | Verb::List | Verb::Watch => Err(Failure::MethodNotServed),
    }
}

/// A workspace's row, as a state shows it.
#[derive(Debug, Clone)]
pub(crate) struct RowView {
    pub(crate) id: hanse_base::id::ClusterId,
    pub(crate) version: u64,
    pub(crate) owner: hanse_base::id::GroupId,
}

/// The row behind a Workspace object.
pub(crate) fn row(state: &State, key: &Key) -> Option<RowView> {
    let (id, version) = state.workspace_row(key)?;
    let owner = state.home_of(&id)?.clone();
    Some(RowView { id, version, owner })
}
