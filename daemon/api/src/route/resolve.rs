//! From the text behind `/clusters/` to a logical cluster and its home.

use hanse_base::id::{ClusterId, GroupId};
use hanse_store::home::Home;
use hanse_store::state::State;

use crate::request::ClusterText;
use crate::status::Failure;

/// A logical cluster and the group that it is at home in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) cluster: ClusterId,
    pub(crate) group: GroupId,
}

/// Looks at the local view first, which knows nearly always; a name that it does not know is looked for once more in a
/// state that holds everything acknowledged in this region, so that one finds what one has just made.
///
/// # Errors
/// 503: the second look needs a majority of the region.
pub(crate) async fn locate(home: &dyn Home, text: &ClusterText) -> Result<Option<Located>, Failure> {
    if let Some(located) = look(&home.view(), text) {
        return Ok(Some(located));
    }
    Ok(look(&*home.read().await?, text))
}

fn look(state: &State, text: &ClusterText) -> Option<Located> {
    let cluster = match text.id() {
        Some(id) => id,
        None => state.resolve(text.as_str())?,
    };
    let group = state.home_of(&cluster)?.clone();
    Some(Located { cluster, group })
}
