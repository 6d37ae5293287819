//! POST `…/serviceaccounts/<name>/token`: a token for the account, as a TokenRequest. Nothing is stored; as upstream, a dry run
//! gets a token as well, for there is no write that it would leave out.

use std::sync::Arc;

use bytes::Bytes;
use hanse_schema::cause::Cause;
use hanse_schema::decode::{FieldValidation, decode, redecode};
use hanse_schema::kinds::TOKEN_REQUEST;
use hanse_schema::time::{Moment, Precision};
use hanse_schema::types::authentication;
use hanse_schema::{default, metadata, protobuf};
use hanse_store::key::Key;
use hanse_store::object::Object;
use hanse_store::state::State;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::admission::Operation;
use crate::answer::{self, Form};
use crate::body::Answer;
use crate::call::Call;
use crate::encode;
use crate::negotiate::{self, BodyType};
use crate::query::WriteOptions;
use crate::status::{Failure, Subject};
use crate::token::{Grant, Issuer, Reference};
use crate::verbs::create::agree_on_namespace;
use crate::yaml;

/// Signs the token that the body asks for.
pub(crate) async fn create(call: &Call<'_>, body: Bytes) -> Result<Answer, Failure> {
    let form = Form::of_own_type(call)?;
    let options = WriteOptions::parse(call.query, "CreateOptions")?;
    let (mut request, mut warnings) = sent(call, &body, options.field_validation)?;
    default::defaults(&TOKEN_REQUEST, &mut request);
    agree_on_namespace(call, &mut request)?;
    let uid = metadata::uid(&request).to_owned();
    let mut new = Operation::create(request, options.dry_run);
    warnings.extend(call.api.admission().mutate(call, &mut new).await?);
    set(&mut new.object, "uid", &uid);
    let issuer = call.api.issuer().ok_or_else(no_key)?;
    let state = call.home.read().await?;
    let account = account(call, &state, &new.object)?;
    complete(call, issuer, &account, &mut new.object);
    let mut causes = Vec::new();
    (TOKEN_REQUEST.rules.validate)(&new.object, &mut causes);
    if !causes.is_empty() {
        return Err(invalid("", causes));
    }
    warnings.extend(call.api.admission().validate(call, &new).await?.0);
    let mut request = new.object;
    let secret = bound(call, &state, &request["spec"]["boundObjectRef"])?;
    grant(call, issuer, (account, secret), &mut request)?;
    let request = redecode(&TOKEN_REQUEST, &request, FieldValidation::Ignore)?.value;
    let (version, kind) = (TOKEN_REQUEST.api_version(), &*TOKEN_REQUEST.kind);
    let written = (&authentication::TOKEN_REQUEST, (&*version, kind));
    let mut answer = form.typed(StatusCode::CREATED, written, Bytes::from(request.to_string()))?;
    answer::warn(&mut answer, &warnings);
    Ok(answer)
}

/// The body as a TokenRequest, with its warnings.
fn sent(call: &Call<'_>, body: &[u8], validation: FieldValidation) -> Result<(Value, Vec<String>), Failure> {
    Ok(match negotiate::body(call.header(CONTENT_TYPE), BodyType::ALL)? {
        BodyType::Json => decode(&TOKEN_REQUEST, body, validation).map(|decoded| (decoded.value, decoded.warnings))?,
        BodyType::Yaml => {
            yaml::object(&TOKEN_REQUEST, body, validation).map(|decoded| (decoded.value, decoded.warnings))?
        }
        BodyType::Protobuf => (protobuf::decode(&TOKEN_REQUEST, body)?, Vec::new()),
    })
}

fn no_key() -> Failure {
    Failure::NotImplemented(
        "this server signs no tokens of service accounts: service_account_key is not set in [api] of its configuration"
            .to_owned(),
    )
}

/// The account that the path names, which the request must agree with.
fn account(call: &Call<'_>, state: &State, request: &Value) -> Result<Reference, Failure> {
    let name = call.name()?;
    let own = metadata::name(request);
    if !own.is_empty() && own != name {
        let rule = "must match the service account name if specified";
        return Err(invalid(name, vec![Cause::invalid("metadata.name", own, rule)]));
    }
    let object = state.get(&call.key(name)?).ok_or_else(|| Failure::NotFound(call.subject(name)))?;
    let account = reference(name, object);
    let wanted = metadata::uid(request);
    if !wanted.is_empty() && wanted != account.uid {
        let why = format!(
            "the UID in the token request ({wanted}) does not match the UID of the service account ({})",
            account.uid
        );
        let subject = Subject::new(&TOKEN_REQUEST.group, &TOKEN_REQUEST.kind, name);
        return Err(Failure::Conflict(subject, why));
    }
    Ok(account)
}

fn invalid(name: &str, causes: Vec<Cause>) -> Failure {
    Failure::invalid(&TOKEN_REQUEST.group, &TOKEN_REQUEST.kind, name, causes)
}

fn reference(name: &str, object: &Arc<Object>) -> Reference {
    Reference { name: name.to_owned(), uid: object.uid().unwrap_or_default() }
}

/// Fills what the client has left out from the account.
fn complete(call: &Call<'_>, issuer: &Issuer, account: &Reference, request: &mut Value) {
    set(request, "name", &account.name);
    set(request, "uid", &account.uid);
    set(request, "creationTimestamp", &call.now_text());
    let audiences = &mut request["spec"]["audiences"];
    if audiences.as_array().is_none_or(Vec::is_empty) {
        *audiences = Value::from(vec![issuer.audience()]);
    }
}

fn set(request: &mut Value, field: &str, text: &str) {
    if let Some(metadata) = metadata::of_mut(request).filter(|_| !text.is_empty()) {
        metadata::set_field(metadata, field, Value::from(text));
    }
}

/// The Secret that the token is bound to. Pods and nodes, which upstream binds tokens to as well, are no kinds here.
fn bound(call: &Call<'_>, state: &State, wanted: &Value) -> Result<Option<Reference>, Failure> {
    if wanted.is_null() {
        return Ok(None);
    }
    let text = |field: &str| wanted[field].as_str().unwrap_or_default();
    let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
    let (kind, name, uid) = (text("kind"), text("name"), text("uid"));
    if (group, kind) != ("", "Secret") {
        return Err(Failure::BadRequest(format!("cannot bind token to object of type {group}/{version}, Kind={kind}")));
    }
    let missing = || Failure::NotFound(Subject::new("", "secrets", name));
    let (cluster, namespace) = call.cluster.zip(call.path.namespace.as_deref()).ok_or_else(missing)?;
    let key = Key::new("secrets", cluster, namespace, name).ok().ok_or_else(missing)?;
    let secret = reference(name, state.get(&key).ok_or_else(missing)?);
    if !uid.is_empty() && uid != secret.uid {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(Failure::Conflict(Subject::new(group, kind, name), why));
    }
    Ok(Some(secret))
}

/// Puts the token and its end into the request.
fn grant(
    call: &Call<'_>,
    issuer: &Issuer,
    (account, secret): (Reference, Option<Reference>),
    request: &mut Value,
) -> Result<(), Failure> {
    let missing = || Failure::NotFound(call.subject(&account.name));
    let (cluster, namespace) = call.cluster.zip(call.path.namespace.as_deref()).ok_or_else(missing)?;
    let now_ms = call.now_ms();
    let seconds = request["spec"]["expirationSeconds"].as_u64().unwrap_or_default();
    let audiences = request["spec"]["audiences"].as_array().into_iter().flatten();
    let token = issuer.sign(Grant {
        cluster,
        namespace,
        account,
        secret,
        audiences: audiences.filter_map(Value::as_str).map(str::to_owned).collect(),
        id: encode::uuid(call.api.random()),
        issued: now_ms / 1_000,
        seconds,
    })?;
    let end = Moment::from_unix_ms(now_ms.saturating_add(seconds.saturating_mul(1_000))).format(Precision::Seconds);
    request["status"] = serde_json::json!({"token": token, "expirationTimestamp": end});
    Ok(())
}
