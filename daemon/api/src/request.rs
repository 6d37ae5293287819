//! The URL grammar: method, path and query become a [`Request`]. Pure; it never panics, whatever it is given.
//!
//! ```text
//! /clusters/<path | id | *>/<kubernetes path>      below a logical cluster
//! /<kubernetes path>                               at the host: discovery, OpenAPI, version, health
//! ```

use std::borrow::Cow;

use hanse_base::id::{ClusterId, is_segment};

use crate::health::Probe;
use crate::query::{Plus, Query, percent_decode};
use crate::status::Failure;

/// What the path stands below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The host itself.
    Host,
    /// A logical cluster, by its id or by a path of workspaces: not yet looked up.
    Cluster(ClusterText),
    /// All logical clusters of the group: `/clusters/*`.
    Wildcard,
}

/// The text behind `/clusters/`: a logical cluster's id, or a path that begins with one. Its grammar is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterText(String);

impl ClusterText {
    /// Checks the grammar: segments joined by `:`, or a `system:` name.
    ///
    /// # Errors
    /// 400 with the rule.
    pub fn new(text: &str) -> Result<Self, Failure> {
        if text.len() <= CLUSTER_TEXT_BYTES_MAX && text.split(':').all(is_segment) {
            return Ok(Self(text.to_owned()));
        }
        let shown: String = text.chars().take(80).collect();
        Err(Failure::BadRequest(format!(
            "invalid logical cluster {shown:?}: it must be segments of lower case letters, digits and '-', joined by ':'"
        )))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id, when the text is an id and no path: one segment, or anything that begins with `system:`.
    #[must_use]
    pub fn id(&self) -> Option<ClusterId> {
        ClusterId::new(&self.0).ok()
    }
}

/// What a client wants to do with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Read one object.
    Get,
    /// Read many.
    List,
    /// Follow changes.
    Watch,
    /// Make one.
    Create,
    /// Replace one.
    Update,
    /// Change parts of one.
    Patch,
    /// Remove one.
    Delete,
    /// Remove many.
    DeleteCollection,
}

impl Verb {
    /// The word that RBAC and messages use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn reads(self) -> bool {
        matches!(self, Self::Get | Self::List | Self::Watch)
    }
}

/// A request for a resource, as the path names it. Whether there is such a resource is not yet known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourcePath {
    /// API group, empty for core.
    pub group: String,
    /// API version.
    pub version: String,
    /// Plural name.
    pub resource: String,
    /// The namespace, where the path has one.
    pub namespace: Option<String>,
    /// The object, where the path has one.
    pub name: Option<String>,
    /// The part behind the object's name.
    pub subresource: Option<String>,
    /// What is to be done.
    pub verb: Verb,
}

/// A page of discovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiscoveryPath {
    /// `/`: the paths that there are.
    Index,
    /// `/api`: versions of the core group, or all of it (aggregated).
    Core,
    /// `/apis`: groups, or all of them (aggregated).
    Groups,
    /// `/apis/<group>`.
    Group(String),
    /// `/api/<version>` (group empty) or `/apis/<group>/<version>`: the resources.
    Version(String, String),
}

/// A page of OpenAPI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenApiPath {
    /// `/openapi/v2`.
    V2,
    /// `/openapi/v3`: the index.
    V3Index,
    /// `/openapi/v3/api/<version>` (group empty) or `/openapi/v3/apis/<group>/<version>`.
    V3(String, String),
}

/// A page of OpenID Connect Discovery: how tokens of service accounts are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenIdPath {
    /// `/.well-known/openid-configuration`.
    Configuration,
    /// `/openid/v1/jwks`: the public keys.
    Keys,
}

/// What the path below the target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestKind {
    /// Objects.
    Resource(ResourcePath),
    /// What is served.
    Discovery(DiscoveryPath),
    /// How it looks.
    OpenApi(OpenApiPath),
    /// How tokens of service accounts are checked.
    OpenId(OpenIdPath),
    /// Whether the daemon is well; one check by name, or all.
    Health(Probe, Option<String>),
    /// The version of the API.
    Version,
    /// `/metrics`: what the daemon counts.
    Metrics,
}

/// A request whose path and query are understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Below which logical cluster.
    pub target: Target,
    /// What.
    pub kind: RequestKind,
    /// The parameters.
    pub query: Query,
    /// The path below the target, as it came: what a carried request repeats. Begins with `/`.
    pub rest: String,
    /// The query, as it came, without `?`.
    pub raw_query: String,
}

/// Longest text behind `/clusters/`: deeper trees than this allows cannot be written in a URL.
const CLUSTER_TEXT_BYTES_MAX: usize = 4096;

impl Request {
    /// Understands a method, a path and a query (without `?`).
    ///
    /// # Errors
    /// 400, 404, 405 or 501, as the grammar says.
    pub fn parse(method: &http::Method, path: &str, query: &str) -> Result<Self, Failure> {
        let raw_query = query.to_owned();
        let query = Query::parse(query)?;
        let (target, rest) = split_target(path)?;
        let rest = if rest.is_empty() { "/" } else { rest };
        let segments = segments_of(rest)?;
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        let kind = kind_of(method, &target, &segments, &query)?;
        Ok(Self { target, kind, query, rest: rest.to_owned(), raw_query })
    }

    /// Whether the request is answered by a stream that has no end of its own.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        matches!(&self.kind, RequestKind::Resource(path) if path.verb == Verb::Watch)
    }
}

/// Takes `/clusters/<text>` off the path.
fn split_target(path: &str) -> Result<(Target, &str), Failure> {
    let Some(rest) = path.strip_prefix("/clusters/") else {
        return Ok((Target::Host, path));
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (text, rest) = rest.split_at(end);
    let text = decode_segment(text)?;
    if rest == "/clusters" || rest.starts_with("/clusters/") {
        return Err(Failure::NoSuchPath);
    }
    let target = if text == "*" { Target::Wildcard } else { Target::Cluster(ClusterText::new(&text)?) };
    Ok((target, rest))
}

/// Divides a path at its slashes and decodes each part. One slash at the end is allowed, empty parts are not.
fn segments_of(path: &str) -> Result<Vec<Cow<'_, str>>, Failure> {
    let Some(path) = path.strip_prefix('/') else {
        return Err(Failure::NoSuchPath);
    };
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    path.split('/').map(|part| if part.is_empty() { Err(Failure::NoSuchPath) } else { decode_segment(part) }).collect()
}

/// Percent-decodes one part of a path.
fn decode_segment(part: &str) -> Result<Cow<'_, str>, Failure> {
    let decoded = percent_decode(part, Plus::IsPlus)
        .ok_or_else(|| Failure::BadRequest("the path is not valid percent-encoded UTF-8".to_owned()))?;
    if decoded.contains(['\0', '/']) {
        return Err(Failure::BadRequest("a part of the path holds a zero byte or an encoded slash".to_owned()));
    }
    Ok(decoded)
}

fn kind_of(method: &http::Method, target: &Target, segments: &[&str], query: &Query) -> Result<RequestKind, Failure> {
    let page = match segments {
        [] => RequestKind::Discovery(DiscoveryPath::Index),
        ["api"] => RequestKind::Discovery(DiscoveryPath::Core),
        ["apis"] => RequestKind::Discovery(DiscoveryPath::Groups),
        ["apis", group] => RequestKind::Discovery(DiscoveryPath::Group((*group).to_owned())),
        ["api", version] => RequestKind::Discovery(DiscoveryPath::Version(String::new(), (*version).to_owned())),
        ["apis", group, version] => {
            RequestKind::Discovery(DiscoveryPath::Version((*group).to_owned(), (*version).to_owned()))
        }
        ["api", version, rest @ ..] => return resource(method, ("", version), rest, query).map(RequestKind::Resource),
        ["apis", group, version, rest @ ..] => {
            return resource(method, (group, version), rest, query).map(RequestKind::Resource);
        }
        ["openapi", "v2"] => RequestKind::OpenApi(OpenApiPath::V2),
        ["openapi", "v3"] => RequestKind::OpenApi(OpenApiPath::V3Index),
        ["openapi", "v3", "api", version] => {
            RequestKind::OpenApi(OpenApiPath::V3(String::new(), (*version).to_owned()))
        }
        ["openapi", "v3", "apis", group, version] => {
            RequestKind::OpenApi(OpenApiPath::V3((*group).to_owned(), (*version).to_owned()))
        }
        [".well-known", "openid-configuration"] => RequestKind::OpenId(OpenIdPath::Configuration),
        ["openid", "v1", "jwks"] => RequestKind::OpenId(OpenIdPath::Keys),
        ["version"] => RequestKind::Version,
        ["healthz", check @ ..] => health(Probe::Healthz, check)?,
        ["livez", check @ ..] => health(Probe::Livez, check)?,
        ["readyz", check @ ..] => health(Probe::Readyz, check)?,
        ["metrics"] if *target == Target::Host => RequestKind::Metrics,
        ["metrics"] => {
            return Err(Failure::NotImplemented("metrics are served at the host only".to_owned()));
        }
        _ => return Err(Failure::NoSuchPath),
    };
    if matches!(*method, http::Method::GET | http::Method::HEAD) { Ok(page) } else { Err(Failure::MethodNotServed) }
}

fn health(probe: Probe, check: &[&str]) -> Result<RequestKind, Failure> {
    match check {
        [] => Ok(RequestKind::Health(probe, None)),
        [check] => Ok(RequestKind::Health(probe, Some((*check).to_owned()))),
        _ => Err(Failure::NoSuchPath),
    }
}

/// `[watch/][namespaces/<ns>/]<resource>[/<name>[/<subresource>]]`, as k8s.io/apiserver's request info divides it.
fn resource(
    method: &http::Method,
    (group, version): (&str, &str),
    segments: &[&str],
    query: &Query,
) -> Result<ResourcePath, Failure> {
    let (watch_prefix, segments) = match segments {
        ["watch", rest @ ..] if !rest.is_empty() => (true, rest),
        segments => (false, segments),
    };
    // The subresources of a namespace itself are not resources in it.
    let (namespace, parts) = match segments {
        ["namespaces", _, "status" | "finalize"] => (None, segments),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
        _ => (None, segments),
    };
    let (resource, name, subresource) = match parts {
        [resource] => (*resource, None, None),
        [resource, name] => (*resource, Some(*name), None),
        [resource, name, subresource] => (*resource, Some(*name), Some(*subresource)),
        _ => return Err(Failure::NoSuchPath),
    };
    let watch = watch_prefix || query.flag("watch");
    let verb = verb_of(method, name.is_some(), watch, watch_prefix)?;
    let owned = |text: &str| text.to_owned();
    Ok(ResourcePath {
        group: owned(group),
        version: owned(version),
        resource: owned(resource),
        namespace: namespace.map(owned),
        name: name.map(owned),
        subresource: subresource.map(owned),
        verb,
    })
}

fn verb_of(method: &http::Method, named: bool, watch: bool, watch_prefix: bool) -> Result<Verb, Failure> {
    match (method.as_str(), named) {
        ("GET", _) if watch_prefix => Ok(Verb::Watch),
        ("GET", true) => Ok(Verb::Get),
        ("GET", false) => Ok(if watch { Verb::Watch } else { Verb::List }),
        _ if watch_prefix => Err(Failure::MethodNotServed),
        // With a name it is a subresource that takes POST; whether there is one is decided with the kind.
        ("POST", _) => Ok(Verb::Create),
        ("PUT", true) => Ok(Verb::Update),
        ("PATCH", true) => Ok(Verb::Patch),
        ("DELETE", true) => Ok(Verb::Delete),
        ("DELETE", false) => Ok(Verb::DeleteCollection),
        _ => Err(Failure::MethodNotServed),
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use proptest::prelude::proptest;

    use super::{DiscoveryPath, OpenApiPath, Request, RequestKind, Target, Verb};
    use crate::health::Probe;
    use crate::status::Failure;

    fn parse(method: &str, target: &str) -> Result<Request, Failure> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Request::parse(&Method::from_bytes(method.as_bytes()).unwrap(), path, query)
    }

    /// target, then `group/version resource namespace name subresource verb` with `-` for what is absent.
    fn check_resource(line: &str, cluster: &str, expected: &str) {
        let (method, target) = line.split_once(' ').unwrap();
        let request = parse(method, target).unwrap_or_else(|failure| panic!("{line}: {failure:?}"));
        let text = match &request.target {
            Target::Host => "",
            Target::Wildcard => "*",
            Target::Cluster(text) => text.as_str(),
        };
        assert_eq!(text, cluster, "{line}");
        let RequestKind::Resource(path) = request.kind else { panic!("{line}: {:?}", request.kind) };
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let shown = format!(
            "{}/{} {} {} {} {} {}",
            path.group,
            path.version,
            path.resource,
            or_dash(path.namespace),
            or_dash(path.name),
            or_dash(path.subresource),
            path.verb.as_str()
        );
        assert_eq!(shown, expected, "{line}");
    }

    #[test]
    fn resources_are_divided_as_kubernetes_divides_them() {
        let table = [
            ("GET /clusters/root/api/v1/configmaps", "root", "/v1 configmaps - - - list"),
            ("GET /clusters/root:a:b/api/v1/configmaps?watch=true", "root:a:b", "/v1 configmaps - - - watch"),
            ("GET /clusters/root%3Aa/api/v1/namespaces/n/configmaps?watch", "root:a", "/v1 configmaps n - - watch"),
            ("GET /clusters/*/api/v1/configmaps?watch=0", "*", "/v1 configmaps - - - list"),
            ("GET /clusters/root/api/v1/watch/namespaces/n/secrets/x", "root", "/v1 secrets n x - watch"),
            ("GET /clusters/root/api/v1/namespaces/n/configmaps/x", "root", "/v1 configmaps n x - get"),
            ("GET /clusters/root/api/v1/namespaces/n/configmaps/a%20b/", "root", "/v1 configmaps n a b - get"),
            ("GET /clusters/root/api/v1/namespaces", "root", "/v1 namespaces - - - list"),
            ("GET /clusters/root/api/v1/namespaces/n", "root", "/v1 namespaces - n - get"),
            ("PUT /clusters/root/api/v1/namespaces/n/finalize", "root", "/v1 namespaces - n finalize update"),
            ("PATCH /clusters/root/api/v1/namespaces/n/status", "root", "/v1 namespaces - n status patch"),
            ("POST /clusters/root/api/v1/namespaces/n/configmaps", "root", "/v1 configmaps n - - create"),
            ("DELETE /clusters/root/api/v1/namespaces/n/configmaps", "root", "/v1 configmaps n - - deletecollection"),
            ("DELETE /clusters/root/api/v1/namespaces/n/configmaps/x", "root", "/v1 configmaps n x - delete"),
            (
                "PUT /clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces/w/status",
                "root",
                "tenancy.kcp.io/v1alpha1 workspaces - w status update",
            ),
            ("GET /clusters/system:admin/apis/a.b/v1/clusters/x", "system:admin", "a.b/v1 clusters - x - get"),
            ("GET /apis/coordination.k8s.io/v1/leases", "", "coordination.k8s.io/v1 leases - - - list"),
        ];
        for (line, cluster, expected) in table {
            check_resource(line, cluster, expected);
        }
    }

    #[test]
    fn pages_have_their_kind() {
        let version = |group: &str, version: &str| {
            RequestKind::Discovery(DiscoveryPath::Version(group.to_owned(), version.to_owned()))
        };
        let table = [
            ("/", RequestKind::Discovery(DiscoveryPath::Index)),
            ("/clusters/root", RequestKind::Discovery(DiscoveryPath::Index)),
            ("/clusters/root/", RequestKind::Discovery(DiscoveryPath::Index)),
            ("/api", RequestKind::Discovery(DiscoveryPath::Core)),
            ("/clusters/root/apis/", RequestKind::Discovery(DiscoveryPath::Groups)),
            ("/apis/g", RequestKind::Discovery(DiscoveryPath::Group("g".into()))),
            ("/apis/g/v1", version("g", "v1")),
            ("/api/v1", version("", "v1")),
            ("/openapi/v2", RequestKind::OpenApi(OpenApiPath::V2)),
            ("/clusters/root/openapi/v3", RequestKind::OpenApi(OpenApiPath::V3Index)),
            ("/openapi/v3/api/v1?hash=0", RequestKind::OpenApi(OpenApiPath::V3(String::new(), "v1".into()))),
            ("/openapi/v3/apis/g/v1", RequestKind::OpenApi(OpenApiPath::V3("g".into(), "v1".into()))),
            ("/version", RequestKind::Version),
            ("/healthz", RequestKind::Health(Probe::Healthz, None)),
            ("/readyz/raft?verbose", RequestKind::Health(Probe::Readyz, Some("raft".into()))),
        ];
        for (target, kind) in table {
            assert_eq!(parse("GET", target).unwrap().kind, kind, "{target}");
        }
    }

    #[test]
    fn what_is_outside_the_grammar_is_refused_with_the_right_code() {
        let table = [
            ("GET /clusters/a/clusters/b/api/v1/configmaps", 404),
            ("GET /clusters/a/clusters", 404),
            ("GET /clusters//api", 400),
            ("GET /clusters/A/api", 400),
            ("GET /clusters/a:/api", 400),
            ("GET /clusters/a::b/api", 400),
            ("GET /clusters/a%00/api", 400),
            ("GET /clusters/a%2Fb/api", 400),
            ("GET /clusters/%zz/api", 400),
            ("GET /clusters/root/metrics", 501),
            ("GET /services/apiexport/a/b", 404),
            ("GET /nothing", 404),
            ("GET /clusters/root/api/v1//configmaps", 404),
            ("GET /clusters/root/api/v1/configmaps/a/b/c", 404),
            ("GET /clusters/root/api/v1/configmaps?watch=%zz", 400),
            ("POST /clusters/root/apis", 405),
            ("PUT /clusters/root/api/v1/configmaps", 405),
            ("PATCH /clusters/root/api/v1/configmaps", 405),
            ("HEAD /clusters/root/api/v1/configmaps/x", 405),
            ("OPTIONS /clusters/root/api/v1/configmaps/x", 405),
        ];
        for (line, code) in table {
            let (method, target) = line.split_once(' ').unwrap();
            assert_eq!(parse(method, target).map_err(|failure| failure.code()), Err(code), "{line}");
        }
    }

    #[test]
    fn a_watch_is_known_as_one() {
        assert!(parse("GET", "/clusters/root/api/v1/configmaps?watch=1").unwrap().is_watch());
        assert!(!parse("GET", "/clusters/root/api/v1/configmaps/x?watch=1").unwrap().is_watch());
        assert_eq!(Verb::DeleteCollection.as_str(), "deletecollection");
    }

    proptest! {
        #[test]
        fn no_path_and_no_query_panics(path in "(/[a-z%:*.0-9\\PC]{0,12}){0,8}", query in "\\PC{0,60}") {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] {
                drop(Request::parse(&Method::from_bytes(method.as_bytes()).unwrap(), &path, &query));
            }
        }

        #[test]
        fn no_path_below_a_cluster_panics(path in "/clusters/[a-z:%*]{0,9}/(api|apis|openapi|healthz)(/[a-z0-9%.]{0,5}){0,7}") {
            drop(Request::parse(&Method::GET, &path, "watch=1"));
        }
    }
}
