//! GET of one object.

use std::sync::Arc;

use hanse_base::id::Revision;
use hanse_store::state::State;
use http::StatusCode;

use crate::answer::Form;
use crate::body::Answer;
use crate::call::Call;
use crate::limits::REVISION_PATIENCE;
use crate::query::WantedRevision;
use crate::status::Failure;

/// The object's bytes as they are stored. Without `resourceVersion` it is the newest there is, anywhere.
pub(crate) async fn get(call: &Call<'_>) -> Result<Answer, Failure> {
    let form = Form::of(call)?;
    let name = call.name()?;
    let key = call.key(name)?;
    let state = state(call, WantedRevision::parse(call.query.text("resourceVersion"))?).await?;
    let object = state.get(&key).ok_or_else(|| Failure::NotFound(call.subject(name)))?;
    form.object(StatusCode::OK, &call.view.bytes(object).await?)
}

/// The state that a read with this `resourceVersion` is answered from.
///
/// # Errors
/// 503 when the newest is asked for and cannot be known, 504 for a revision that is not reached.
pub(crate) async fn state(call: &Call<'_>, wanted: WantedRevision) -> Result<Arc<State>, Failure> {
    Ok(match wanted {
        WantedRevision::Latest => call.home.read().await?,
        WantedRevision::Any => call.home.view(),
        WantedRevision::Given(revision) => call.home.read_from(Revision(revision), REVISION_PATIENCE).await?,
    })
}
