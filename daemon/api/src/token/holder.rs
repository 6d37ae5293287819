//! From a token that is signed well to the user of a request: in which logical cluster it is shown, and whether its account is
//! still there.

use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::ClusterId;
use hanse_schema::kind::by_plural;
use hanse_schema::time::{Moment, Precision};
use hanse_store::home::Home;
use hanse_store::key::Key;
use hanse_store::object::Object;
use hanse_store::state::State;
use serde::Deserialize;

use super::{Bearer, LEEWAY_MS, Private, Refused};
use crate::api::Api;
use crate::authenticate::User;
use crate::federation::{Carried, Proof, Purpose};
use crate::request::{ClusterText, Request, RequestKind, Target};
use crate::route::{Located, locate};
use crate::status::Failure;
use crate::workspace;

/// The user of a request that shows a token. As in kcp, a request at the host is meant for the token's own logical cluster;
/// and elsewhere than there the sender is nobody.
///
/// # Errors
/// 401 when the account or what the token is bound to is gone; 503 when that cannot be known.
pub(crate) async fn user(
    api: &Api,
    bearer: &Bearer,
    request: &mut Request,
    proof: &Proof,
) -> Result<Arc<User>, Failure> {
    let public = matches!(request.kind, RequestKind::Health(..) | RequestKind::Version);
    if request.target == Target::Host && !public {
        request.target = Target::Cluster(ClusterText::new(bearer.cluster().as_str())?);
    }
    let text = match &request.target {
        Target::Cluster(text) => text,
        // What stands there is the same for everybody.
        Target::Host => return Ok(Arc::new(bearer.user())),
        Target::Wildcard => return Ok(Arc::new(User::anonymous())),
    };
    let home = Arc::clone(api.federation().local());
    match locate(&*home, text).await? {
        Some(located) if located.cluster == *bearer.cluster() => {
            if located.group == *home.group() {
                confirm(&home, bearer, api.clock().wall_ms()).await?.or_else(refused)?;
            } else if is_projected(request) {
                vouched(api, &located, proof).await?;
            }
            Ok(Arc::new(bearer.user()))
        }
        _ => Ok(Arc::new(User::anonymous())),
    }
}

/// Logs why, which the client is not told.
fn refused(why: Refused) -> Result<(), Failure> {
    tracing::debug!(%why, "a token is refused");
    Err(Failure::Unauthorized)
}

/// Whether the request is answered, or sent on, without the home of its logical cluster.
fn is_projected(request: &Request) -> bool {
    let RequestKind::Resource(path) = &request.kind else { return false };
    by_plural(&path.group, &path.version, &path.resource).is_some_and(|kind| workspace::is_workspace(kind))
}

/// Has the home of the logical cluster look the account up: only a token whose account is there may ask who it is.
async fn vouched(api: &Api, located: &Located, proof: &Proof) -> Result<(), Failure> {
    let question = Carried {
        method: "POST".to_owned(),
        target: format!("/clusters/{}/apis/authentication.k8s.io/v1/selfsubjectreviews", located.cluster),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Bytes::from_static(br#"{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}"#),
        proof: proof.clone(),
        purpose: Purpose::Plain,
    };
    let answer = api.federation().carry(&located.group, question).await;
    // A question changes nothing, so it does not matter whether it arrived.
    let answer = answer.map_err(|error| Failure::OutOfReach(format!("nobody can tell whose token it is: {error}")))?;
    match answer.status {
        201 => Ok(()),
        401 => Err(Failure::Unauthorized),
        _ => Err(Failure::Unavailable(format!("the logical cluster {} cannot tell who asks", located.cluster))),
    }
}

/// Whether the account and what the token is bound to are there. What the local replica shows is believed, as upstream believes
/// its caches; when something is missing there, a state that holds everything acknowledged decides.
///
/// # Errors
/// 503: that state cannot be had.
pub(crate) async fn confirm(
    home: &Arc<dyn Home>,
    bearer: &Bearer,
    now_ms: u64,
) -> Result<Result<(), Refused>, Failure> {
    if check(&home.view(), bearer, now_ms).is_ok() {
        return Ok(Ok(()));
    }
    Ok(check(&*home.read().await?, bearer, now_ms))
}

fn check(state: &State, bearer: &Bearer, now_ms: u64) -> Result<(), Refused> {
    let Private { namespace, account, secret, .. } = &bearer.claims.private;
    let find = |resource: &str, name: &str| find(state, resource, bearer.cluster(), (namespace, name));
    let Some(object) = find("serviceaccounts", &account.name) else {
        return Err(Refused::Missing(account.name.clone()));
    };
    let uid = object.uid().unwrap_or_default();
    if uid != account.uid {
        return Err(Refused::Replaced(uid, account.uid.clone()));
    }
    if is_gone(object, now_ms) {
        return Err(Refused::Deleted(format!("{namespace}/{}", account.name)));
    }
    let Some(secret) = secret else { return Ok(()) };
    let Some(object) = find("secrets", &secret.name) else { return Err(Refused::Invalidated) };
    let uid = object.uid().unwrap_or_default();
    if uid != secret.uid {
        return Err(Refused::SecretReplaced(uid, secret.uid.clone()));
    }
    if is_gone(object, now_ms) { Err(Refused::Invalidated) } else { Ok(()) }
}

fn find<'s>(
    state: &'s State,
    resource: &str,
    cluster: &ClusterId,
    (namespace, name): (&str, &str),
) -> Option<&'s Arc<Object>> {
    state.get(&Key::new(resource, cluster, namespace, name).ok()?)
}

/// Whether the object's deletion began longer ago than clocks are apart: it may be there for long, held by finalizers.
fn is_gone(object: &Object, now_ms: u64) -> bool {
    #[derive(Deserialize)]
    struct Dated {
        metadata: Dates,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Dates {
        deletion_timestamp: String,
    }
    if !object.deleting() {
        return false;
    }
    let since = serde_json::from_slice::<Dated>(&object.bytes())
        .ok()
        .and_then(|dated| Moment::parse(&dated.metadata.deletion_timestamp, Precision::Seconds).ok())
        .and_then(|moment| u64::try_from(moment.unix_ms()).ok());
    since.is_none_or(|since| since < now_ms.saturating_sub(LEEWAY_MS))
}
