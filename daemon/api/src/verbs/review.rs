//! Reviews: questions about users and what they may do, which are asked by a POST and answered in its answer. Nothing is stored.
//!
//! Kinds: `SelfSubjectReview` and `TokenReview` (authentication.k8s.io), `SelfSubjectAccessReview`, `SubjectAccessReview`,
//! `LocalSubjectAccessReview` and `SelfSubjectRulesReview` (authorization.k8s.io).

use bytes::Bytes;
use hanse_schema::cause::Cause;
use hanse_schema::kind::Kind;
use hanse_schema::validate;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::answer::{self, Form};
use crate::authenticate::User;
use crate::authorize::may_everything;
use crate::body::Answer;
use crate::call::Call;
use crate::query::WriteOptions;
use crate::status::Failure;
use crate::verbs::create::{agree_on_namespace, decoded};

/// Whether the kind is a question, and not an object.
pub(crate) fn is_review(kind: &Kind) -> bool {
    matches!(&*kind.group, "authentication.k8s.io" | "authorization.k8s.io")
}

/// Answers the question in the body.
pub(crate) async fn create(call: &Call<'_>, body: Bytes) -> Result<Answer, Failure> {
    let form = Form::of(call)?;
    let options = WriteOptions::parse(call.query, "CreateOptions")?;
    let (mut review, warnings) = decoded(call, &body, options.field_validation)?;
    agree_on_namespace(call, &mut review)?;
    let mut causes = Vec::new();
    (call.kind.rules.validate)(&review, &mut causes);
    let status = match &*call.kind.kind {
        "SelfSubjectReview" => json!({"userInfo": user_info(call.user)}),
        "TokenReview" => token(call, &review, &mut causes),
        "SelfSubjectAccessReview" => access(call.user, &review["spec"], &mut causes),
        "SelfSubjectRulesReview" => rules(call.user, &review["spec"], &mut causes),
        "SubjectAccessReview" | "LocalSubjectAccessReview" => {
            let user = subject(call, &review, &mut causes);
            access(&user, &review["spec"], &mut causes)
        }
        other => return Err(Failure::Internal(format!("{other} is no review"))),
    };
    if !causes.is_empty() {
        return Err(Failure::invalid(&call.kind.group, &call.kind.kind, "", causes));
    }
    review["status"] = status;
    // The fields come in the order of the table, as in every answer.
    let review =
        hanse_schema::decode::redecode(call.kind, &review, hanse_schema::decode::FieldValidation::Ignore)?.value;
    let mut answer = form.object(StatusCode::CREATED, &Bytes::from(review.to_string()))?;
    answer::warn(&mut answer, &warnings);
    answer::warn(&mut answer, &validate::warnings(call.kind, &review, None));
    Ok(answer)
}

fn user_info(user: &User) -> Value {
    let mut info = Map::new();
    info.insert("username".to_owned(), user.name.as_str().into());
    if !user.uid.is_empty() {
        info.insert("uid".to_owned(), user.uid.as_str().into());
    }
    info.insert("groups".to_owned(), user.groups.clone().into());
    Value::Object(info)
}

/// Whose token it is. One that is not known is an answer, not an error.
fn token(call: &Call<'_>, review: &Value, causes: &mut Vec<Cause>) -> Value {
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    if token.is_empty() {
        causes.push(Cause::required("spec.token", ""));
        return Value::Null;
    }
    match call.api.user_of_token(token) {
        Some(user) => json!({"authenticated": true, "user": user_info(&user)}),
        None => json!({"user": {}, "error": "invalid bearer token"}),
    }
}

/// The user that a review is about.
fn subject(call: &Call<'_>, review: &Value, causes: &mut Vec<Cause>) -> User {
    let spec = &review["spec"];
    let text = |field: &str| spec[field].as_str().unwrap_or_default().to_owned();
    let groups = spec["groups"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let user = User { name: text("user"), uid: text("uid"), groups: groups.collect() };
    if user.name.is_empty() && user.groups.is_empty() {
        causes.push(Cause::invalid("spec.user", "", "at least one of user or group must be specified"));
    }
    if let Some(namespace) = call.path.namespace.as_deref() {
        let asked = spec["resourceAttributes"]["namespace"].as_str().unwrap_or_default();
        if asked != namespace {
            causes.push(Cause::invalid("spec.resourceAttributes.namespace", asked, "must match metadata.namespace"));
        }
        if spec["nonResourceAttributes"].is_object() {
            causes.push(Cause::invalid("spec.nonResourceAttributes", "", "disallowed on this kind of request"));
        }
    }
    user
}

/// Whether a user may do what the spec says.
fn access(user: &User, spec: &Value, causes: &mut Vec<Cause>) -> Value {
    match (spec["resourceAttributes"].is_object(), spec["nonResourceAttributes"].is_object()) {
        (true, true) => {
            let why = "cannot be specified in combination with resourceAttributes";
            causes.push(Cause::invalid("spec.nonResourceAttributes", "", why));
        }
        (false, false) => {
            let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            causes.push(Cause::invalid("spec.resourceAttributes", "", why));
        }
        _ => {}
    }
    if may_everything(user) {
        return json!({"allowed": true, "reason": "administrators may do everything"});
    }
    let path = spec["nonResourceAttributes"]["path"].as_str().unwrap_or_default();
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if matches!(first, "healthz" | "livez" | "readyz" | "version") && path.starts_with('/') {
        return json!({"allowed": true});
    }
    json!({"allowed": false})
}

/// Everything that a user may do in a namespace.
fn rules(user: &User, spec: &Value, causes: &mut Vec<Cause>) -> Value {
    if spec["namespace"].as_str().unwrap_or_default().is_empty() {
        causes.push(Cause::required("spec.namespace", "namespace is required"));
    }
    let public = json!({"verbs": ["get"], "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version"]});
    if may_everything(user) {
        json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": false,
        })
    } else {
        json!({"resourceRules": [], "nonResourceRules": [public], "incomplete": false})
    }
}
