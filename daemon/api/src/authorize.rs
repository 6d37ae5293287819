//! Who may: administrators everything, everybody else health and version. RBAC takes this place with another issue.

use crate::authenticate::{KCP_ADMIN, MASTERS, User};
use crate::request::{Request, RequestKind, ResourcePath, Target, Verb};
use crate::status::{Failure, Subject};
use hanse_schema::cause::quote;

/// Decides whether the user may make the request.
///
/// # Errors
/// 403 in upstream's words; 405 for a verb that a wildcard does not have.
pub fn authorize(user: &User, request: &Request, method: &http::Method) -> Result<(), Failure> {
    let masters = user.is_in(MASTERS);
    match &request.kind {
        RequestKind::Health(..) | RequestKind::Version if request.target == Target::Host => Ok(()),
        RequestKind::Resource(path) if request.target == Target::Wildcard => {
            if !matches!(path.verb, Verb::List | Verb::Watch) {
                Err(Failure::MethodNotAllowed(subject(path), path.verb.as_str().to_owned()))
            } else if masters {
                Ok(())
            } else {
                Err(denied(user, path))
            }
        }
        _ if may_everything(user) => Ok(()),
        RequestKind::Resource(path) if asks_of_self(user, path) => Ok(()),
        RequestKind::Resource(path) => Err(denied(user, path)),
        _ => Err(Failure::ForbiddenPath(format!(
            "User {} cannot {} path {}",
            quote(&user.name),
            method.as_str().to_ascii_lowercase(),
            quote(&request.rest)
        ))),
    }
}

/// Everybody who is somebody may ask who they are, and what they may do (the default role `system:basic-user`).
fn asks_of_self(user: &User, path: &ResourcePath) -> bool {
    let review = matches!(
        (&*path.group, &*path.resource),
        ("authentication.k8s.io", "selfsubjectreviews")
            | ("authorization.k8s.io", "selfsubjectaccessreviews" | "selfsubjectrulesreviews")
    );
    review && path.verb == Verb::Create && user.is_in("system:authenticated")
}

/// Whether the user is an administrator of all logical clusters.
pub(crate) fn may_everything(user: &User) -> bool {
    user.is_in(MASTERS) || user.is_in(KCP_ADMIN)
}

fn subject(path: &ResourcePath) -> Subject {
    Subject::new(&path.group, &path.resource, path.name.as_deref().unwrap_or_default())
}

/// `configmaps "x" is forbidden: User "u" cannot get resource "configmaps" in API group "" in the namespace "n"`.
fn denied(user: &User, path: &ResourcePath) -> Failure {
    let resource = match &path.subresource {
        Some(subresource) => format!("{}/{subresource}", path.resource),
        None => path.resource.clone(),
    };
    let place = match &path.namespace {
        Some(namespace) => format!("in the namespace {}", quote(namespace)),
        None => "at the cluster scope".to_owned(),
    };
    let why = format!(
        "User {} cannot {} resource {} in API group {} {place}: access denied",
        quote(&user.name),
        path.verb.as_str(),
        quote(&resource),
        quote(&path.group)
    );
    Failure::forbidden(subject(path), why)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::authorize;
    use crate::authenticate::User;
    use crate::request::Request;

    fn decide(group: &str, method: &str, path: &str) -> u16 {
        let user = User { name: "u".into(), uid: String::new(), groups: vec![group.into()], ..User::default() };
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = Request::parse(&method, path, "").unwrap();
        authorize(&user, &request, &method).map_or_else(|failure| failure.code(), |()| 200)
    }

    #[test]
    fn administrators_may_and_others_may_not() {
        // Path, method, then what masters, kcp's administrators and others are told.
        let table = [
            ("/healthz", "GET", [200, 200, 200]),
            ("/readyz/x", "GET", [200, 200, 200]),
            ("/version", "GET", [200, 200, 200]),
            ("/api", "GET", [200, 200, 403]),
            ("/clusters/root/apis", "GET", [200, 200, 403]),
            ("/clusters/root/version", "GET", [200, 200, 403]),
            ("/openapi/v2", "GET", [200, 200, 403]),
            ("/clusters/root/api/v1/configmaps", "GET", [200, 200, 403]),
            ("/clusters/root/api/v1/namespaces/n/configmaps", "POST", [200, 200, 403]),
            ("/clusters/*/api/v1/configmaps", "GET", [200, 403, 403]),
            ("/clusters/*/api/v1/configmaps", "DELETE", [405, 405, 405]),
            ("/clusters/*/api/v1/namespaces/n/configmaps/x", "GET", [405, 405, 405]),
        ];
        for (path, method, expected) in table {
            for (group, code) in ["system:masters", "system:kcp:admin", "system:authenticated"].iter().zip(expected) {
                assert_eq!(decide(group, method, path), code, "{method} {path} by {group}");
            }
        }
    }

    #[test]
    fn a_refusal_says_who_cannot_do_what() {
        let path = "/clusters/root/apis/coordination.k8s.io/v1/namespaces/n/leases/l/status";
        let request = Request::parse(&Method::PUT, path, "").unwrap();
        let failure = authorize(&User::anonymous(), &request, &Method::PUT).unwrap_err();
        assert_eq!(
            failure.message(),
            r#"leases.coordination.k8s.io "l" is forbidden: User "system:anonymous" cannot update resource "leases/status" in API group "coordination.k8s.io" in the namespace "n": access denied"#
        );
        let request = Request::parse(&Method::GET, "/openapi/v2", "").unwrap();
        let failure = authorize(&User::anonymous(), &request, &Method::GET).unwrap_err();
        assert_eq!(failure.message(), r#"forbidden: User "system:anonymous" cannot get path "/openapi/v2""#);
    }
}
