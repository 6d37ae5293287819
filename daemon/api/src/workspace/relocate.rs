//! `POST .../workspaces/<name>/move` with `{"parent": "<path or id>", "name": "<new name>"}`: renames a workspace, moves it
//! below another parent, or both. Not a part of Kubernetes or kcp; what is left out stays as it is.

use bytes::Bytes;
use hanse_base::id::ClusterId;
use hanse_store::txn::Operation;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::change::{Submitted, expect_row, row_version, shown, submit};
use super::create::reserve;
use super::{ROW_VERSION, RowView, Sender, row};
use crate::admit;
use crate::answer::Form;
use crate::body::Answer;
use crate::call::Call;
use crate::federation::Purpose;
use crate::limits::ATTEMPTS_MAX;
use crate::request::ClusterText;
use crate::route::{carried_answer, locate};
use crate::status::{Failure, Subject};

/// Where the workspace is to stand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    parent: Option<String>,
    name: Option<String>,
}

/// Moves the workspace, at its home.
pub(crate) async fn relocate(call: &Call<'_>, sender: &Sender<'_>, body: &Bytes) -> Result<Answer, Failure> {
    let form = Form::of(call)?;
    let order: Order = serde_json::from_slice(body)
        .map_err(|error| Failure::BadRequest(format!("the body must be {{\"parent\": .., \"name\": ..}}: {error}")))?;
    let name = call.name()?;
    let parent = parent(call, order.parent.as_deref()).await?;
    let new_name = order.name.unwrap_or_else(|| name.to_owned());
    if !hanse_base::id::is_segment(&new_name) {
        return Err(Failure::BadRequest(format!("the name {new_name:?} is not a segment of a workspace path")));
    }
    let key = call.key(name)?;
    for _ in 0..ATTEMPTS_MAX {
        let state = call.home.read().await?;
        let row = row(&state, &key).ok_or_else(|| Failure::NotFound(call.subject(name)))?;
        if row.owner != *call.home.group() {
            return elsewhere(call, sender, &form, &row, json!({"parent": parent.as_str(), "name": new_name})).await;
        }
        expect_row(call, &key, &row)?;
        let reserved = reserve(call, &state, (&parent, &row.id), &new_name).await?;
        let (id, version) = (row.id.clone(), row.version);
        let operation =
            Operation::MoveWorkspace { id, version, parent: parent.clone(), name: new_name.clone(), reserved };
        match submit(call, &key, &row, (vec![], vec![operation])).await? {
            Submitted::Shown(bytes) => {
                let mut answer = form.object(StatusCode::OK, &bytes)?;
                answer.headers_mut().insert(ROW_VERSION, http::HeaderValue::from(version + 1));
                return Ok(answer);
            }
            Submitted::Gone => return Err(Failure::NotFound(call.subject(name))),
            Submitted::Overtaken => {}
        }
    }
    Err(admit::modified(call.subject(name)))
}

/// The new parent; the present one when none is named.
async fn parent(call: &Call<'_>, text: Option<&str>) -> Result<ClusterId, Failure> {
    let Some(text) = text else { return call.cluster.cloned().ok_or(Failure::MethodNotServed) };
    let located = locate(&**call.home, &ClusterText::new(text)?).await?;
    let missing = || Failure::NotFound(Subject::new("tenancy.kcp.io", "workspaces", text));
    located.map(|located| located.cluster).ok_or_else(missing)
}

async fn elsewhere(
    call: &Call<'_>,
    sender: &Sender<'_>,
    form: &Form,
    row: &RowView,
    order: serde_json::Value,
) -> Result<Answer, Failure> {
    if sender.carried {
        return Err(Failure::Unavailable("this group does not own the workspace, please try again".to_owned()));
    }
    let mut carried = sender.carried(call, "POST", &sender.request.rest, Bytes::from(order.to_string()))?;
    carried.purpose = Purpose::WriteWorkspace { id: Some(row.id.clone()), version: None };
    let answer = call.api.federation().carry(&row.owner, carried).await?;
    if answer.status != StatusCode::OK.as_u16() {
        return Ok(carried_answer(answer));
    }
    match shown(call, &row.id, row_version(&answer)).await {
        Some(bytes) => form.object(StatusCode::OK, &bytes),
        None => Ok(carried_answer(answer)),
    }
}
