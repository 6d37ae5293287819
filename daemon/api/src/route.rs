//! Where a request is answered: pages here, objects at the home of their logical cluster.

mod carry;
mod resolve;

use std::sync::Arc;

use hanse_base::id::{ClusterId, Revision};
use hanse_schema::kind::Verb as KindVerb;
use hanse_schema::kind::{Kind, Part, by_plural};
use hanse_store::home::Home;
use http::header::{ACCEPT, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName};

use crate::answer;
use crate::api::{Api, Inquiry, RequestBody};
use crate::authenticate::MASTERS;
use crate::body::{Answer, Body};
use crate::call::Call;
use crate::catalogue::Catalogue;
use crate::conversion::Converter;
use crate::definitions::Found;
use crate::discovery;
use crate::federation::{CarryError, Purpose};
use crate::health::{self, Asked, Probe};
use crate::measure::CarriedOut;
use crate::openapi;
use crate::request::{ClusterText, DiscoveryPath, OpenApiPath, RequestKind, ResourcePath, Target, Verb};
use crate::status::{Failure, Subject};
use crate::token;
use crate::verbs;
use crate::view::View;
use crate::watch::watch;
use crate::workspace;

pub(crate) use carry::{carried_answer, carried_headers, target};
use carry::{carried_request, carried_watch};
pub(crate) use resolve::{Located, locate};

/// Answers a request that is permitted.
pub(crate) async fn route(api: &Arc<Api>, inquiry: Inquiry) -> Result<Answer, Failure> {
    let home = Arc::clone(api.federation().local());
    if matches!(inquiry.request.kind, RequestKind::Resource(_)) {
        return resource(api, &home, inquiry).await;
    }
    // What a logical cluster serves is told by its home, which has its definitions; other pages are the same everywhere, but
    // only below a logical cluster that there is.
    let mut catalogue = api.definitions().catalogue(&home.view(), None);
    if let Target::Cluster(text) = &inquiry.request.target {
        let located = locate_for(&home, text, &inquiry).await?;
        if matches!(inquiry.request.kind, RequestKind::Discovery(_) | RequestKind::OpenApi(_)) {
            if located.group == *home.group() {
                catalogue = api.definitions().catalogue(&*home.read().await?, Some(&located.cluster));
            } else if let Some(answer) = carried_page(api, &inquiry, &located).await? {
                return Ok(answer);
            }
        }
    }
    match &inquiry.request.kind {
        RequestKind::OpenApi(path) => described(catalogue, path.clone(), &inquiry).await,
        _ => page(api, &catalogue, &inquiry),
    }
}

fn page(api: &Arc<Api>, catalogue: &Catalogue, inquiry: &Inquiry) -> Result<Answer, Failure> {
    let header = |name: HeaderName| header(&inquiry.headers, name);
    let (accept, known) = (header(ACCEPT), header(IF_NONE_MATCH));
    match &inquiry.request.kind {
        RequestKind::Discovery(path) => {
            let place = match path {
                DiscoveryPath::Index => return Ok(index(api.issuer().is_some())),
                DiscoveryPath::Core => discovery::Place::Core,
                DiscoveryPath::Groups => discovery::Place::Groups,
                DiscoveryPath::Group(group) => discovery::Place::Group(group),
                DiscoveryPath::Version(group, version) => discovery::Place::Version(group, version),
            };
            catalogue.discovery(place, accept, known)
        }
        RequestKind::Health(probe, name) => health(api, *probe, name.as_deref(), inquiry),
        RequestKind::Version => Ok(json_page(health::version())),
        RequestKind::Metrics => Ok(metrics(api)),
        RequestKind::OpenId(path) => {
            let issuer = api.issuer().ok_or(Failure::NoSuchPath)?;
            Ok(token::page::page(issuer, *path, api.url()))
        }
        RequestKind::OpenApi(_) | RequestKind::Resource(_) => Err(Failure::NoSuchPath),
    }
}

/// A page of OpenAPI, made on a thread where it holds nobody up: where there are many definitions it takes a while.
async fn described(catalogue: Arc<Catalogue>, path: OpenApiPath, inquiry: &Inquiry) -> Result<Answer, Failure> {
    let header = |name: HeaderName| header(&inquiry.headers, name).map(<[u8]>::to_vec);
    let (accept, known) = (header(ACCEPT), header(IF_NONE_MATCH));
    let (prefix, hash) = (prefix(&inquiry.request.target), inquiry.request.query.get("hash").map(str::to_owned));
    let work = move || {
        let document = match &path {
            OpenApiPath::V3(group, version) if group.is_empty() => format!("api/{version}"),
            OpenApiPath::V3(group, version) => format!("apis/{group}/{version}"),
            OpenApiPath::V2 | OpenApiPath::V3Index => String::new(),
        };
        let place = match path {
            OpenApiPath::V2 => openapi::Place::V2,
            OpenApiPath::V3Index => openapi::Place::Index,
            OpenApiPath::V3(..) => openapi::Place::Document(&document, hash.as_deref()),
        };
        catalogue.openapi(place, &prefix, accept.as_deref(), known.as_deref())
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Failure::Internal("an OpenAPI document could not be made".to_owned())))
}

/// What URLs of documents below a target begin with.
fn prefix(target: &Target) -> String {
    match target {
        Target::Host => String::new(),
        Target::Wildcard => "/clusters/*".to_owned(),
        Target::Cluster(text) => format!("/clusters/{}", text.as_str()),
    }
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&[u8]> {
    headers.get(name).map(http::HeaderValue::as_bytes)
}

fn json_page(bytes: bytes::Bytes) -> Answer {
    let mut answer = Answer::new(Body::whole(bytes));
    let json = http::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, json);
    answer
}

/// What the daemon counts, as text.
fn metrics(api: &Api) -> Answer {
    let mut answer = Answer::new(Body::whole(bytes::Bytes::from(api.metrics())));
    let media_type = http::HeaderValue::from_static(hanse_metrics::exposition::MEDIA_TYPE);
    answer.headers_mut().insert(http::header::CONTENT_TYPE, media_type);
    answer
}

/// The paths at the host, sorted.
fn index(signs_tokens: bool) -> Answer {
    const PATHS: [&str; 10] = [
        "/api",
        "/api/v1",
        "/apis",
        "/healthz",
        "/livez",
        "/metrics",
        "/openapi/v2",
        "/openapi/v3",
        "/readyz",
        "/version",
    ];
    const OF_TOKENS: [&str; 2] = ["/.well-known/openid-configuration", "/openid/v1/jwks"];
    let mut paths: Vec<&str> = PATHS.into_iter().chain(OF_TOKENS.into_iter().filter(|_| signs_tokens)).collect();
    paths.sort_unstable();
    json_page(bytes::Bytes::from(serde_json::json!({ "paths": paths }).to_string()))
}

fn health(api: &Arc<Api>, probe: Probe, name: Option<&str>, inquiry: &Inquiry) -> Result<Answer, Failure> {
    let (query, checks) = (&inquiry.request.query, api.checks(probe));
    match name {
        Some(name) => health::single(checks, name).ok_or(Failure::NoSuchPath),
        None => {
            let exclude = query.all("exclude").map(str::to_owned).collect();
            Ok(health::all(probe, checks, &Asked { verbose: query.get("verbose").is_some(), exclude }))
        }
    }
}

/// A request for objects: checks that there is such a resource and verb, finds the home, answers or carries.
async fn resource(api: &Arc<Api>, home: &Arc<dyn Home>, inquiry: Inquiry) -> Result<Answer, Failure> {
    let RequestKind::Resource(path) = &inquiry.request.kind else { return Err(Failure::NoSuchPath) };
    let built_in = by_plural(&path.group, &path.version, &path.resource).map(built_in);
    if let Some(found) = &built_in {
        part(&found.kind, path)?;
    }
    let text = match &inquiry.request.target {
        Target::Host => return Err(Failure::NoSuchPath),
        Target::Wildcard => {
            let found = built_in.ok_or(Failure::NoSuchPath)?;
            return answer_here(api, home, inquiry, (None, found)).await;
        }
        Target::Cluster(text) => text,
    };
    let located = locate_for(home, text, &inquiry).await?;
    // Workspaces are projected in every region: reading is local, writing goes to the home of the workspace.
    let projected = built_in.as_ref().is_some_and(|found| workspace::is_workspace(&found.kind));
    if projected || located.group == *home.group() {
        let found = match built_in {
            Some(found) => found,
            None => custom(api, home, &located.cluster, path).await?,
        };
        return answer_here(api, home, inquiry, (Some(&located.cluster), found)).await;
    }
    carry(api, inquiry, &located).await
}

/// The home's page of what a logical cluster serves. Nothing while the home is out of reach: then the built-in kinds are
/// told of, some of which are served in every region.
async fn carried_page(api: &Arc<Api>, inquiry: &Inquiry, located: &Located) -> Result<Option<Answer>, Failure> {
    let regions = api.federation().regions();
    if inquiry.carried || !regions.iter().any(|region| region.group == located.group && region.reachable) {
        return Ok(None);
    }
    let inquiry = Inquiry {
        method: inquiry.method.clone(),
        request: inquiry.request.clone(),
        headers: inquiry.headers.clone(),
        body: RequestBody::Whole(bytes::Bytes::new()),
        user: Arc::clone(&inquiry.user),
        proof: inquiry.proof.clone(),
        purpose: Purpose::Plain,
        carried: false,
    };
    match carry(api, inquiry, located).await {
        Err(Failure::OutOfReach(_)) => Ok(None),
        answer => answer.map(Some),
    }
}

/// Has the home of the logical cluster answer.
async fn carry(api: &Arc<Api>, inquiry: Inquiry, located: &Located) -> Result<Answer, Failure> {
    if inquiry.carried {
        return Err(Failure::Unavailable(format!(
            "this group is not the home of the logical cluster {}, please try again",
            located.cluster
        )));
    }
    let watch = inquiry.request.is_watch();
    let request = carried_request(inquiry, &located.cluster).await?;
    let answer = api.federation().carry(&located.group, request).await;
    api.measures().carried_out(match &answer {
        Ok(_) => CarriedOut::Answered,
        Err(CarryError::Unreachable { .. }) => CarriedOut::Unreachable,
        Err(CarryError::Unknown { .. }) => CarriedOut::Unknown,
    });
    let answer = answer?;
    if watch { carried_watch(api, answer) } else { Ok(carried_answer(answer)) }
}

fn built_in(kind: &Arc<Kind>) -> Found {
    Found { kind: Arc::clone(kind), since: Revision::default() }
}

/// The kind that a definition in the logical cluster gives the path. One that the local replica does not know is looked for
/// once more in a state that holds everything acknowledged, so that one finds what one has just defined.
async fn custom(
    api: &Arc<Api>,
    home: &Arc<dyn Home>,
    cluster: &ClusterId,
    path: &ResourcePath,
) -> Result<Found, Failure> {
    let place = (&*path.group, &*path.version, &*path.resource);
    if let Some(found) = api.definitions().find(&home.view(), cluster, place) {
        return Ok(found);
    }
    api.definitions().find(&*home.read().await?, cluster, place).ok_or(Failure::NoSuchPath)
}

/// The part of the kind that the path names.
fn part(kind: &Kind, path: &ResourcePath) -> Result<Part, Failure> {
    if workspace::is_move(kind, path) {
        return Ok(Part::Object);
    }
    let part = part_of(kind, path)?;
    check_shape(kind, part, path)?;
    Ok(part)
}

async fn answer_here(
    api: &Arc<Api>,
    home: &Arc<dyn Home>,
    inquiry: Inquiry,
    (cluster, found): (Option<&ClusterId>, Found),
) -> Result<Answer, Failure> {
    let Inquiry { request, headers, body, user, proof, purpose, carried, .. } = inquiry;
    let RequestKind::Resource(path) = &request.kind else { return Err(Failure::NoSuchPath) };
    let (user, purpose, headers, query) = (&*user, &purpose, &headers, &request.query);
    let (kind, part) = (&found.kind, part(&found.kind, path)?);
    let view = View::new(Arc::clone(kind), found.since, Converter::new(api, cluster));
    let call = Call { api, home, cluster, kind, part, view, path, query, headers, user, purpose };
    if workspace::is_workspace(kind) && !path.verb.reads() {
        return workspace::write(&call, workspace::Sender { proof: &proof, request: &request, carried }, body).await;
    }
    let mut answer = verb(&call, body).await?;
    if let Some(deprecation) = &kind.deprecation {
        answer::warn(&mut answer, std::slice::from_ref(&deprecation.to_string()));
    }
    Ok(answer)
}

async fn verb(call: &Call<'_>, body: RequestBody) -> Result<Answer, Failure> {
    if call.kind.is_review() {
        return verbs::review::create(call, body.read().await?).await;
    }
    if call.part == Part::Scale {
        return verbs::scale::answer(call, body).await;
    }
    if call.part == Part::Token {
        return verbs::token::create(call, body.read().await?).await;
    }
    match call.path.verb {
        Verb::Get => verbs::get::get(call).await,
        Verb::List => verbs::list::list(call).await,
        Verb::Watch => watch(call).await,
        Verb::Create => verbs::create::create(call, body.read().await?).await,
        Verb::Update => verbs::update::update(call, body.read().await?).await,
        Verb::Patch => verbs::patch::patch(call, body.read().await?).await,
        Verb::Delete => verbs::delete::delete(call, body.read().await?).await,
        Verb::DeleteCollection => verbs::delete_collection::delete_collection(call, body.read().await?).await,
    }
}

fn part_of(kind: &Kind, path: &ResourcePath) -> Result<Part, Failure> {
    let Some(segment) = path.subresource.as_deref() else { return Ok(Part::Object) };
    let part = kind.subresources.iter().find(|part| part.segment() == Some(segment));
    part.copied().ok_or(Failure::NoSuchPath)
}

/// Whether the kind has the verb, and the path the parts that the verb needs.
fn check_shape(kind: &Kind, part: Part, path: &ResourcePath) -> Result<(), Failure> {
    if path.namespace.is_some() && !kind.namespaced {
        return Err(Failure::NoSuchPath);
    }
    let verb = match path.verb {
        Verb::Get => KindVerb::Get,
        Verb::List => KindVerb::List,
        Verb::Watch => KindVerb::Watch,
        Verb::Create => KindVerb::Create,
        Verb::Update => KindVerb::Update,
        Verb::Patch => KindVerb::Patch,
        Verb::Delete => KindVerb::Delete,
        Verb::DeleteCollection => KindVerb::DeleteCollection,
    };
    let in_namespace = path.namespace.is_some() || !kind.namespaced;
    let fits = match path.verb {
        // As discovery says, it can only be replaced.
        verb if part == Part::Finalize => in_namespace && verb == Verb::Update,
        verb if part == Part::Token => in_namespace && verb == Verb::Create,
        Verb::Get if path.subresource.is_some() => in_namespace,
        Verb::Update | Verb::Patch => in_namespace,
        Verb::Get | Verb::Delete => in_namespace && path.subresource.is_none(),
        Verb::Create | Verb::DeleteCollection => in_namespace && path.name.is_none(),
        Verb::List | Verb::Watch => true,
    };
    if !fits || !kind.verbs.contains(&verb) { Err(Failure::MethodNotServed) } else { Ok(()) }
}

/// Finds the logical cluster; what is told of one that there is not depends on who asks.
async fn locate_for(home: &Arc<dyn Home>, text: &ClusterText, inquiry: &Inquiry) -> Result<Located, Failure> {
    if let Some(located) = locate(&**home, text).await? {
        return Ok(located);
    }
    // A child can be placed here before this region has heard of its parent.
    if matches!(inquiry.purpose, Purpose::CreateWorkspace { .. })
        && let Some(id) = text.id()
        && workspace::parent_known(home, &id).await
        && let Some(located) = locate(&**home, text).await?
    {
        return Ok(located);
    }
    Err(match text.id() {
        None => Failure::NotFound(Subject::new("tenancy.kcp.io", "workspaces", text.as_str())),
        Some(id) if inquiry.user.is_in(MASTERS) => {
            Failure::NotFound(Subject::new("core.kcp.io", "logicalclusters", id.as_str()))
        }
        Some(id) => Failure::ForbiddenPath(format!(
            "User {} cannot {} path {}: there is no logical cluster {id} that you may access: access denied",
            hanse_schema::cause::quote(&inquiry.user.name),
            inquiry.method.as_str().to_ascii_lowercase(),
            hanse_schema::cause::quote(&inquiry.request.rest),
        )),
    })
}
