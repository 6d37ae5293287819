//! Reviews: questions about users and what they may do, which are asked by a POST and answered in its answer. Nothing is stored.
//!
//! Kinds: `SelfSubjectReview` and `TokenReview` (authentication.k8s.io), `SelfSubjectAccessReview`, `SubjectAccessReview`,
//! `LocalSubjectAccessReview` and `SelfSubjectRulesReview` (authorization.k8s.io).

use bytes::Bytes;
use hanse_schema::cause::Cause;
use hanse_schema::validate;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::answer::{self, Form};
use crate::authenticate::{Holder, User};
use crate::authorize::may_everything;
use crate::body::Answer;
use crate::call::Call;
use crate::query::WriteOptions;
use crate::status::Failure;
use crate::token::Refused;
use crate::token::holder::confirm;
use crate::verbs::create::{agree_on_namespace, decoded};

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
        "TokenReview" => token(call, &review, &mut causes).await?,
        "SelfSubjectAccessReview" => access(call.user, &review["spec"]),
        "SelfSubjectRulesReview" => rules(call.user),
        "SubjectAccessReview" | "LocalSubjectAccessReview" => access(&subject(&review), &review["spec"]),
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
    if !user.extra.is_empty() {
        info.insert("extra".to_owned(), json!(user.extra));
    }
    Value::Object(info)
}

/// Whose token it is. One that is not known is an answer, not an error.
async fn token(call: &Call<'_>, review: &Value, causes: &mut Vec<Cause>) -> Result<Value, Failure> {
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    if token.is_empty() {
        causes.push(Cause::required("spec.token", ""));
        return Ok(Value::Null);
    }
    let wanted = review["spec"]["audiences"].as_array().into_iter().flatten();
    let wanted: Vec<String> = wanted.filter_map(Value::as_str).map(str::to_owned).collect();
    let wanted = Some(&*wanted).filter(|wanted| !wanted.is_empty());
    Ok(match holder(call, token, wanted).await? {
        Ok((user, audiences)) if audiences.is_empty() => json!({"authenticated": true, "user": user_info(&user)}),
        Ok((user, audiences)) => json!({"authenticated": true, "user": user_info(&user), "audiences": audiences}),
        Err(Refused::Unknown) => json!({"user": {}, "error": Refused::Unknown.to_string()}),
        // As upstream, which asks several who may know a token.
        Err(why) => json!({"user": {}, "error": format!("[{}, {why}]", Refused::Unknown)}),
    })
}

/// The user of a token, and for which of the wanted audiences it is. A service account's is known in its own logical cluster only.
async fn holder(
    call: &Call<'_>,
    token: &str,
    wanted: Option<&[String]>,
) -> Result<Result<(User, Vec<String>), Refused>, Failure> {
    let bearer = match call.api.authenticator().holder_of(token, wanted, call.now_ms()) {
        Ok(Holder::Account(bearer)) if call.cluster == Some(bearer.cluster()) => bearer,
        Ok(Holder::Account(_)) => return Ok(Err(Refused::Unknown)),
        Ok(Holder::Known(user)) => {
            let own = call.api.issuer().map(|issuer| issuer.audience().to_owned());
            return Ok(Ok((User::clone(&user), own.into_iter().collect())));
        }
        Err(why) => return Ok(Err(why)),
    };
    let confirmed = confirm(call.home, &bearer, call.now_ms()).await?;
    Ok(confirmed.map(|()| (bearer.user(), bearer.audiences.clone())))
}

/// The user that a review is about.
fn subject(review: &Value) -> User {
    let spec = &review["spec"];
    let text = |field: &str| spec[field].as_str().unwrap_or_default().to_owned();
    let groups = spec["groups"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    User { name: text("user"), uid: text("uid"), groups: groups.collect(), ..User::default() }
}

/// Whether a user may do what the spec says.
fn access(user: &User, spec: &Value) -> Value {
    if may_everything(user) {
        return json!({"allowed": true, "reason": "administrators may do everything"});
    }
    let path = spec["nonResourceAttributes"]["path"].as_str().unwrap_or_default();
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let public = path.starts_with('/') && matches!(first, "healthz" | "livez" | "readyz" | "version");
    json!({"allowed": public})
}

/// Everything that a user may do in a namespace.
fn rules(user: &User) -> Value {
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
