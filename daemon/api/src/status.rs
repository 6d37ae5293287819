//! The one place that turns errors into `metav1.Status`, with reason, code, message and details as upstream words them
//! (k8s.io/apimachinery/pkg/api/errors). A table test holds every pair.

use bytes::Bytes;
use hanse_schema::cause::quote;
use hanse_store::home::HomeError;
use serde_json::{Map, Value, json};

use crate::federation::CarryError;

/// A resource and maybe a name in it: what a `Status` is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// API group, empty for core.
    pub group: String,
    /// Plural resource name.
    pub resource: String,
    /// Name, empty where none is meant.
    pub name: String,
}

impl Subject {
    /// Joins the parts.
    #[must_use]
    pub fn new(group: &str, resource: &str, name: &str) -> Self {
        Self { group: group.to_owned(), resource: resource.to_owned(), name: name.to_owned() }
    }

    /// `configmaps`, or `workspaces.tenancy.kcp.io`.
    #[must_use]
    pub fn qualified(&self) -> String {
        qualified(&self.group, &self.resource)
    }

    fn details(&self) -> Details {
        Details {
            name: self.name.clone(),
            group: self.group.clone(),
            kind: self.resource.clone(),
            present: true,
            ..Details::default()
        }
    }
}

/// One of the causes of a `Status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Machine-readable type, for example `FieldValueInvalid`.
    pub reason: String,
    /// In words, without the field.
    pub message: String,
    /// Path of the field, for example `metadata.name`; may be empty.
    pub field: String,
}

impl Cause {
    /// Joins the parts.
    #[must_use]
    pub fn new(reason: &str, message: impl Into<String>, field: &str) -> Self {
        Self { reason: reason.to_owned(), message: message.into(), field: field.to_owned() }
    }
}

/// A refusal in the words of who refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// HTTP status code, 400 or higher.
    pub code: u16,
    /// Machine-readable reason, may be empty.
    pub reason: String,
    /// The whole message.
    pub message: String,
    /// `details` as they are shown.
    pub details: Option<Value>,
}

/// Why a request has no other answer. Each variant is one pair of code and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// 400: the request cannot be understood.
    BadRequest(String),
    /// 401: the credentials are not known.
    Unauthorized,
    /// 403, about a resource. The text follows "is forbidden: ".
    Forbidden(Subject, String, Vec<Cause>),
    /// 403, about a path that is no resource. The text follows "forbidden: ".
    ForbiddenPath(String),
    /// What a webhook or a policy of the logical cluster has refused, with its own code and reason.
    Denied(Box<Denial>),
    /// 404: the object is not there.
    NotFound(Subject),
    /// 404: nothing is served at the path.
    NoSuchPath,
    /// 405: the verb is not served for the resource.
    MethodNotAllowed(Subject, String),
    /// 405: the method is not served at the path.
    MethodNotServed,
    /// 406: none of the media types asked for is served.
    NotAcceptable(String),
    /// 409: the name is taken.
    AlreadyExists(Subject),
    /// 409: no free name was found for `generateName`.
    GenerateNameConflict(Subject),
    /// 409: somebody else's change came first, or a precondition does not hold.
    Conflict(Subject, String),
    /// 409: an apply wants fields to be different that others own. The whole message, and a cause for each field.
    ApplyConflict(String, Vec<Cause>),
    /// 410: the revision is no longer kept.
    Expired(String),
    /// 410, with a token that goes on inconsistently.
    ExpiredContinue(String, String),
    /// 413: the body, or the object, is too large.
    TooLarge(String),
    /// 414: the target is too long.
    TargetTooLong,
    /// 415: the body's media type is not served.
    UnsupportedMediaType(String),
    /// 422: the object breaks a rule. Group, kind, name, causes.
    Invalid(String, String, String, Vec<Cause>),
    /// 422: a patch does not fit the object. As upstream, the answer does not say why.
    Inapplicable,
    /// 429: too much at once.
    TooManyRequests(String),
    /// 500: a broken invariant; the request is lost, nothing else.
    Internal(String),
    /// 500 without a reason, as upstream answers for an apply that does not fit its type.
    Unknown(String),
    /// 501: not served on purpose.
    NotImplemented(String),
    /// 503: try again later; nothing happened.
    Unavailable(String),
    /// 503: another region is out of reach; nothing happened. Without `Retry-After`: clients would come again, ten times
    /// in silence, and whether to wait for a region is for a person to decide.
    OutOfReach(String),
    /// 507: the home's disk has no room; nothing happened. Without `Retry-After`: somebody has to make room first.
    StorageFull(String),
    /// 504: the outcome is unknown, or the answer took too long.
    Timeout(String),
    /// 504: the replica has not reached the revision.
    TooLargeResourceVersion {
        /// What was asked for.
        wanted: u64,
        /// What the replica has.
        current: u64,
    },
}

#[derive(Debug, Default)]
struct Details {
    name: String,
    group: String,
    kind: String,
    causes: Vec<Cause>,
    retry_after: Option<u64>,
    /// Whether `details` is shown even when nothing is in it.
    present: bool,
}

/// Seconds that a client waits after an answer that asks it to come again.
pub const RETRY_AFTER_SECONDS: u64 = 1;

/// Most causes that an answer lists.
pub const CAUSES_MAX: usize = 100;

impl Failure {
    /// 422 from causes: the first [`CAUSES_MAX`], and one more that says how many are left out. A small request can break
    /// a rule ten thousands of times, and each cause stands in the answer twice.
    #[must_use]
    pub fn invalid<C: Into<Cause>>(group: &str, kind: &str, name: &str, causes: Vec<C>) -> Self {
        let left_out = causes.len().saturating_sub(CAUSES_MAX);
        let mut causes: Vec<Cause> = causes.into_iter().take(CAUSES_MAX).map(Into::into).collect();
        if left_out > 0 {
            causes.push(Cause::new("", format!("{left_out} more are left out"), ""));
        }
        Self::Invalid(group.to_owned(), kind.to_owned(), name.to_owned(), causes)
    }

    /// 403 without causes.
    #[must_use]
    pub fn forbidden(subject: Subject, why: impl Into<String>) -> Self {
        Self::Forbidden(subject, why.into(), Vec::new())
    }

    /// The HTTP status code.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::BadRequest(_) => 400,
            Self::Unauthorized => 401,
            Self::Forbidden(..) | Self::ForbiddenPath(_) => 403,
            Self::Denied(denial) => denial.code,
            Self::NotFound(_) | Self::NoSuchPath => 404,
            Self::MethodNotAllowed(..) | Self::MethodNotServed => 405,
            Self::NotAcceptable(_) => 406,
            Self::AlreadyExists(_) | Self::GenerateNameConflict(_) | Self::Conflict(..) | Self::ApplyConflict(..) => {
                409
            }
            Self::Expired(_) | Self::ExpiredContinue(..) => 410,
            Self::TooLarge(_) => 413,
            Self::TargetTooLong => 414,
            Self::UnsupportedMediaType(_) => 415,
            Self::Invalid(..) | Self::Inapplicable => 422,
            Self::TooManyRequests(_) => 429,
            Self::Internal(_) | Self::Unknown(_) => 500,
            Self::NotImplemented(_) => 501,
            Self::Unavailable(_) | Self::OutOfReach(_) => 503,
            Self::Timeout(_) | Self::TooLargeResourceVersion { .. } => 504,
            Self::StorageFull(_) => 507,
        }
    }

    /// The machine-readable reason. Upstream has none for 414 and 501.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Denied(denial) => &denial.reason,
            Self::BadRequest(_) => "BadRequest",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden(..) | Self::ForbiddenPath(_) => "Forbidden",
            Self::NotFound(_) | Self::NoSuchPath => "NotFound",
            Self::MethodNotAllowed(..) | Self::MethodNotServed => "MethodNotAllowed",
            Self::NotAcceptable(_) => "NotAcceptable",
            Self::AlreadyExists(_) | Self::GenerateNameConflict(_) => "AlreadyExists",
            Self::Conflict(..) | Self::ApplyConflict(..) => "Conflict",
            Self::Expired(_) | Self::ExpiredContinue(..) => "Expired",
            Self::TooLarge(_) => "RequestEntityTooLarge",
            Self::UnsupportedMediaType(_) => "UnsupportedMediaType",
            Self::Invalid(..) | Self::Inapplicable => "Invalid",
            Self::TooManyRequests(_) => "TooManyRequests",
            Self::Internal(_) => "InternalError",
            Self::Unavailable(_) | Self::OutOfReach(_) => "ServiceUnavailable",
            Self::Timeout(_) | Self::TooLargeResourceVersion { .. } => "Timeout",
            Self::StorageFull(_) => "InsufficientStorage",
            Self::TargetTooLong | Self::NotImplemented(_) | Self::Unknown(_) => "",
        }
    }

    /// The message, as upstream words it.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::BadRequest(text)
            | Self::NotAcceptable(text)
            | Self::Expired(text)
            | Self::ExpiredContinue(text, _)
            | Self::UnsupportedMediaType(text)
            | Self::TooManyRequests(text)
            | Self::NotImplemented(text)
            | Self::Unknown(text)
            | Self::ApplyConflict(text, _)
            | Self::Unavailable(text)
            | Self::StorageFull(text)
            | Self::OutOfReach(text) => text.clone(),
            Self::Unauthorized => "Unauthorized".to_owned(),
            Self::Denied(denial) => denial.message.clone(),
            Self::Forbidden(subject, why, _) if subject.name.is_empty() => {
                format!("{} is forbidden: {why}", subject.qualified())
            }
            Self::Forbidden(subject, why, _) => {
                format!("{} {} is forbidden: {why}", subject.qualified(), quote(&subject.name))
            }
            Self::ForbiddenPath(why) => format!("forbidden: {why}"),
            Self::NotFound(subject) => format!("{} {} not found", subject.qualified(), quote(&subject.name)),
            Self::NoSuchPath => "the server could not find the requested resource".to_owned(),
            Self::MethodNotAllowed(subject, verb) => {
                format!("{verb} is not supported on resources of kind {}", quote(&subject.qualified()))
            }
            Self::MethodNotServed => "the server does not allow this method on the requested resource".to_owned(),
            Self::AlreadyExists(subject) => format!("{} {} already exists", subject.qualified(), quote(&subject.name)),
            Self::GenerateNameConflict(subject) => format!(
                "{} {} already exists, the server was not able to generate a unique name for the object",
                subject.qualified(),
                quote(&subject.name)
            ),
            Self::Conflict(subject, why) => {
                format!("Operation cannot be fulfilled on {} {}: {why}", subject.qualified(), quote(&subject.name))
            }
            Self::TooLarge(text) => format!("Request entity too large: {text}"),
            Self::TargetTooLong => "the path and query of the request are too long".to_owned(),
            Self::Invalid(group, kind, name, causes) => invalid_message(&qualified(group, kind), name, causes),
            Self::Inapplicable => "the server rejected our request due to an error in our request".to_owned(),
            Self::Internal(text) => format!("Internal error occurred: {text}"),
            Self::Timeout(text) => format!("Timeout: {text}"),
            Self::TooLargeResourceVersion { wanted, current } => {
                format!("Timeout: Too large resource version: {wanted}, current: {current}")
            }
        }
    }

    /// Seconds for the header `Retry-After`, where the client should come again.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyRequests(_)
            | Self::Unavailable(_)
            | Self::GenerateNameConflict(_)
            | Self::TooLargeResourceVersion { .. } => Some(RETRY_AFTER_SECONDS),
            _ => None,
        }
    }

    /// The `Status` object as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut metadata = Map::new();
        if let Self::ExpiredContinue(_, token) = self {
            metadata.insert("continue".to_owned(), Value::from(token.as_str()));
        }
        let mut status = Map::new();
        status.insert("kind".to_owned(), json!("Status"));
        status.insert("apiVersion".to_owned(), json!("v1"));
        status.insert("metadata".to_owned(), Value::Object(metadata));
        status.insert("status".to_owned(), json!("Failure"));
        status.insert("message".to_owned(), Value::from(self.message()));
        if !self.reason().is_empty() {
            status.insert("reason".to_owned(), json!(self.reason()));
        }
        let details = self.details();
        if let Self::Denied(denial) = self {
            status.extend(denial.details.clone().map(|details| ("details".to_owned(), details)));
        } else if details.present {
            status.insert("details".to_owned(), details.into_json());
        }
        status.insert("code".to_owned(), json!(self.code()));
        Value::Object(status)
    }

    /// The `Status` object as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        Bytes::from(self.to_json().to_string())
    }

    fn details(&self) -> Details {
        let mut details = match self {
            Self::Forbidden(subject, _, causes) => Details { causes: causes.clone(), ..subject.details() },
            Self::NotFound(subject)
            | Self::AlreadyExists(subject)
            | Self::GenerateNameConflict(subject)
            | Self::Conflict(subject, _) => subject.details(),
            Self::MethodNotAllowed(subject, _) => Details { name: String::new(), ..subject.details() },
            Self::ForbiddenPath(_) | Self::NoSuchPath | Self::Inapplicable => {
                Details { present: true, ..Details::default() }
            }
            Self::ApplyConflict(_, causes) => Details { causes: causes.clone(), present: true, ..Details::default() },
            Self::Invalid(group, kind, name, causes) => Details {
                name: name.clone(),
                group: group.clone(),
                kind: kind.clone(),
                causes: causes.clone(),
                retry_after: None,
                present: true,
            },
            Self::Internal(text) => {
                Details { causes: vec![Cause::new("", text.as_str(), "")], present: true, ..Details::default() }
            }
            Self::TooLargeResourceVersion { .. } => Details {
                causes: vec![Cause::new("ResourceVersionTooLarge", "Too large resource version", "")],
                ..Details::default()
            },
            _ => Details::default(),
        };
        details.retry_after = self.retry_after();
        details.present |= details.retry_after.is_some();
        details
    }
}

impl Details {
    fn into_json(self) -> Value {
        let mut details = Map::new();
        for (key, text) in [("name", self.name), ("group", self.group), ("kind", self.kind)] {
            if !text.is_empty() {
                details.insert(key.to_owned(), Value::from(text));
            }
        }
        if !self.causes.is_empty() {
            let causes = self.causes.into_iter().map(cause_json).collect();
            details.insert("causes".to_owned(), Value::Array(causes));
        }
        if let Some(seconds) = self.retry_after {
            details.insert("retryAfterSeconds".to_owned(), Value::from(seconds));
        }
        Value::Object(details)
    }
}

impl From<hanse_schema::cause::Cause> for Cause {
    fn from(cause: hanse_schema::cause::Cause) -> Self {
        Self { reason: cause.reason.as_str().to_owned(), message: cause.message, field: cause.field }
    }
}

fn cause_json(cause: Cause) -> Value {
    let mut map = Map::new();
    for (key, text) in [("reason", cause.reason), ("message", cause.message), ("field", cause.field)] {
        if !text.is_empty() {
            map.insert(key.to_owned(), Value::from(text));
        }
    }
    Value::Object(map)
}

/// `resource` or `resource.group`; the same for kinds.
#[must_use]
pub fn qualified(group: &str, resource: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

/// `Kind "name" is invalid: field: message`, several in brackets, the same one only once.
fn invalid_message(kind: &str, name: &str, causes: &[Cause]) -> String {
    let mut lines: Vec<String> = Vec::with_capacity(causes.len());
    for cause in causes {
        let line =
            if cause.field.is_empty() { cause.message.clone() } else { format!("{}: {}", cause.field, cause.message) };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let name = quote(name);
    match lines.as_slice() {
        [] => format!("{kind} {name} is invalid"),
        [line] => format!("{kind} {name} is invalid: {line}"),
        lines => format!("{kind} {name} is invalid: [{}]", lines.join(", ")),
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        match error {
            HomeError::Unavailable { .. } => Self::Unavailable(format!("{error}; nothing happened, please try again")),
            HomeError::Unknown { .. } => Self::Timeout(format!(
                "{error}: the change may have happened or may still happen; read before trying again"
            )),
            HomeError::TooLarge { .. } => Self::TooLarge(error.to_string()),
            HomeError::StorageFull { .. } => Self::StorageFull(format!(
                "{error}; nothing happened: delete what is not needed, or ask the operator for room"
            )),
            HomeError::Behind { wanted, current } => {
                Self::TooLargeResourceVersion { wanted: wanted.0, current: current.0 }
            }
        }
    }
}

impl From<CarryError> for Failure {
    fn from(error: CarryError) -> Self {
        match error {
            CarryError::Unreachable { region, why } => {
                Self::OutOfReach(format!("region {region:?} is out of reach: {why}"))
            }
            CarryError::Unknown { region, why } => Self::Timeout(format!(
                "region {region:?} gave no answer: {why}: the change may have happened or may still happen; read before trying again"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use hanse_base::id::{GroupId, RegionName, Revision};
    use hanse_store::home::HomeError;

    use super::{Cause, Failure, Subject};
    use crate::federation::CarryError;

    fn check(failure: &Failure, code: u16, reason: &str, message: &str, details: Option<&str>) {
        let json = failure.to_json();
        assert_eq!(json["kind"], "Status");
        assert_eq!(json["apiVersion"], "v1");
        assert_eq!(json["status"], "Failure");
        assert_eq!(json["code"], code, "{failure:?}");
        assert_eq!(json.get("reason").and_then(|reason| reason.as_str()).unwrap_or_default(), reason, "{failure:?}");
        assert_eq!(json["message"], message);
        assert_eq!(json.get("details").map(ToString::to_string).as_deref(), details, "{failure:?}");
        assert_eq!(failure.code(), code);
    }

    fn map() -> Subject {
        Subject::new("", "configmaps", "x")
    }

    #[test]
    fn every_failure_about_an_object_is_worded_as_upstream_words_it() {
        let workspace = Subject::new("tenancy.kcp.io", "workspaces", "w");
        let about = r#"{"name":"x","kind":"configmaps"}"#;
        check(&Failure::NotFound(map()), 404, "NotFound", r#"configmaps "x" not found"#, Some(about));
        check(
            &Failure::NotFound(workspace),
            404,
            "NotFound",
            r#"workspaces.tenancy.kcp.io "w" not found"#,
            Some(r#"{"name":"w","group":"tenancy.kcp.io","kind":"workspaces"}"#),
        );
        check(&Failure::AlreadyExists(map()), 409, "AlreadyExists", r#"configmaps "x" already exists"#, Some(about));
        check(
            &Failure::GenerateNameConflict(map()),
            409,
            "AlreadyExists",
            r#"configmaps "x" already exists, the server was not able to generate a unique name for the object"#,
            Some(r#"{"name":"x","kind":"configmaps","retryAfterSeconds":1}"#),
        );
        check(
            &Failure::Conflict(map(), "the object has been modified".into()),
            409,
            "Conflict",
            r#"Operation cannot be fulfilled on configmaps "x": the object has been modified"#,
            Some(about),
        );
        check(&Failure::forbidden(map(), "no"), 403, "Forbidden", r#"configmaps "x" is forbidden: no"#, Some(about));
        check(
            &Failure::forbidden(Subject::new("", "configmaps", ""), "no"),
            403,
            "Forbidden",
            "configmaps is forbidden: no",
            Some(r#"{"kind":"configmaps"}"#),
        );
        check(
            &Failure::MethodNotAllowed(map(), "patch".into()),
            405,
            "MethodNotAllowed",
            r#"patch is not supported on resources of kind "configmaps""#,
            Some(r#"{"kind":"configmaps"}"#),
        );
    }

    #[test]
    fn causes_are_listed_and_joined() {
        let name = Cause::new("FieldValueInvalid", r#"Invalid value: "A": must be lower case"#, "metadata.name");
        let data = Cause::new("FieldValueRequired", "Required value", "data");
        check(
            &Failure::invalid("", "ConfigMap", "A", vec![name.clone()]),
            422,
            "Invalid",
            r#"ConfigMap "A" is invalid: metadata.name: Invalid value: "A": must be lower case"#,
            Some(
                r#"{"name":"A","kind":"ConfigMap","causes":[{"reason":"FieldValueInvalid","message":"Invalid value: \"A\": must be lower case","field":"metadata.name"}]}"#,
            ),
        );
        let both = Failure::invalid("g", "K", "", vec![name.clone(), data, name]);
        assert_eq!(
            both.message(),
            r#"K.g "" is invalid: [metadata.name: Invalid value: "A": must be lower case, data: Required value]"#
        );
    }

    #[test]
    fn an_answer_lists_a_bounded_number_of_causes() {
        let causes =
            |count: usize| (0..count).map(|at| Cause::new("r", "bad", &format!("f[{at}]"))).collect::<Vec<_>>();
        let listed = |count: usize| {
            let json = Failure::invalid("", "ConfigMap", "a", causes(count)).to_json();
            json["details"]["causes"].as_array().unwrap().clone()
        };
        assert_eq!(listed(100).len(), 100);
        let many = listed(19_900);
        assert_eq!(many.len(), 101);
        assert_eq!(many[99]["field"], "f[99]");
        assert_eq!(many[100], serde_json::json!({"message": "19800 more are left out"}));
        let message = Failure::invalid("", "ConfigMap", "a", causes(101)).message();
        assert!(message.ends_with("f[99]: bad, 1 more are left out]"), "{message}");
    }

    #[test]
    fn every_other_failure_has_its_code_and_reason() {
        let retry = Some(r#"{"retryAfterSeconds":1}"#);
        check(&Failure::BadRequest("bad".into()), 400, "BadRequest", "bad", None);
        check(&Failure::Unauthorized, 401, "Unauthorized", "Unauthorized", None);
        check(&Failure::ForbiddenPath("no".into()), 403, "Forbidden", "forbidden: no", Some("{}"));
        check(&Failure::NoSuchPath, 404, "NotFound", "the server could not find the requested resource", Some("{}"));
        check(
            &Failure::MethodNotServed,
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
            None,
        );
        check(&Failure::NotAcceptable("only".into()), 406, "NotAcceptable", "only", None);
        check(&Failure::Expired("too old".into()), 410, "Expired", "too old", None);
        check(
            &Failure::TooLarge("limit is 1".into()),
            413,
            "RequestEntityTooLarge",
            "Request entity too large: limit is 1",
            None,
        );
        check(&Failure::TargetTooLong, 414, "", "the path and query of the request are too long", None);
        check(&Failure::UnsupportedMediaType("what".into()), 415, "UnsupportedMediaType", "what", None);
        check(
            &Failure::Inapplicable,
            422,
            "Invalid",
            "the server rejected our request due to an error in our request",
            // A cause without a field makes kubectl print "The request is invalid: : ..".
            Some("{}"),
        );
        check(&Failure::TooManyRequests("later".into()), 429, "TooManyRequests", "later", retry);
        check(
            &Failure::Internal("oh".into()),
            500,
            "InternalError",
            "Internal error occurred: oh",
            Some(r#"{"causes":[{"message":"oh"}]}"#),
        );
        check(&Failure::NotImplemented("no".into()), 501, "", "no", None);
        check(&Failure::Unavailable("later".into()), 503, "ServiceUnavailable", "later", retry);
        check(&Failure::OutOfReach("far".into()), 503, "ServiceUnavailable", "far", None);
        check(&Failure::StorageFull("full".into()), 507, "InsufficientStorage", "full", None);
        check(&Failure::Timeout("slow".into()), 504, "Timeout", "Timeout: slow", None);
        check(
            &Failure::TooLargeResourceVersion { wanted: 9, current: 5 },
            504,
            "Timeout",
            "Timeout: Too large resource version: 9, current: 5",
            Some(
                r#"{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],"retryAfterSeconds":1}"#,
            ),
        );
        let token = Failure::ExpiredContinue("gone".into(), "t".into());
        assert_eq!(token.to_json()["metadata"]["continue"], "t");
        check(&token, 410, "Expired", "gone", None);
    }

    #[test]
    fn an_unknown_outcome_is_never_shown_as_nothing_happened() {
        let group = GroupId::new("eu").unwrap();
        let region = RegionName::new("us").unwrap();
        let table: [(Failure, u16); 7] = [
            (HomeError::Unavailable { group: group.clone(), why: "no leader".into() }.into(), 503),
            (HomeError::Unknown { group, why: "timeout".into() }.into(), 504),
            (HomeError::TooLarge { bytes: 9, bytes_max: 5 }.into(), 413),
            (HomeError::StorageFull { group: GroupId::new("eu").unwrap(), why: "12 MiB are free".into() }.into(), 507),
            (HomeError::Behind { wanted: Revision(9), current: Revision(5) }.into(), 504),
            (CarryError::Unreachable { region: region.clone(), why: "no link".into() }.into(), 503),
            (CarryError::Unknown { region, why: "cut".into() }.into(), 504),
        ];
        for (failure, code) in table {
            assert_eq!(failure.code(), code, "{failure:?}");
            let unknown = failure.message().contains("may have happened");
            assert_eq!(unknown, code == 504 && failure.retry_after().is_none(), "{failure:?}");
        }
        let out_of_reach: Failure =
            CarryError::Unreachable { region: RegionName::new("us").unwrap(), why: "no link".into() }.into();
        assert!(out_of_reach.message().contains("us"));
    }
}
