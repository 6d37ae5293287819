//! POST: a new object, with all that it brings along, in one transaction.

use bytes::Bytes;
use hanse_base::id::Revision;
use hanse_schema::decode::{DecodeError, FieldValidation, decode};
use hanse_schema::default::certificate::Requester;
use hanse_schema::{convert, default, metadata, protobuf, validate};
use hanse_store::key::Key;
use hanse_store::object::{Draft, Object};
use hanse_store::txn::{Operation, Outcome, Precondition, Txn};
use http::StatusCode;
use serde_json::Value;

use crate::admission;
use crate::admit;
use crate::answer::{self, Form};
use crate::authenticate::User;
use crate::body::Answer;
use crate::call::Call;
use crate::definitions::{is_definition, settle};
use crate::encode;
use crate::limits::ATTEMPTS_MAX;
use crate::manage::Manager;
use crate::namespace::Beginning;
use crate::negotiate::{self, BodyType};
use crate::query::WriteOptions;
use crate::status::Failure;
use crate::verbs::change::Changed;
use crate::yaml;

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::BadRequest(error.to_string())
    }
}

/// Makes the object that the body holds.
pub(crate) async fn create(call: &Call<'_>, body: Bytes) -> Result<Answer, Failure> {
    let form = Form::of(call)?;
    let options = WriteOptions::parse(call.query, "CreateOptions")?;
    admit::may_create(call)?;
    let (mut object, mut warnings) = decoded(call, &body, options.field_validation)?;
    agree_on_namespace(call, &mut object)?;
    if !metadata::resource_version(&object).is_empty() {
        return Err(Failure::BadRequest("resourceVersion should not be set on objects to be created".to_owned()));
    }
    let created = store_new(call, object, &options, false).await?;
    warnings.extend(created.warnings);
    let mut answer = form.object(StatusCode::CREATED, &created.bytes)?;
    answer::warn(&mut answer, &warnings);
    Ok(answer)
}

/// The body as an object in the stored form, in canonical form, with its warnings.
pub(crate) fn decoded(
    call: &Call<'_>,
    body: &[u8],
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), Failure> {
    let taken = if protobuf::speaks(call.kind) { BodyType::ALL } else { BodyType::TEXT };
    let (object, warnings) = match negotiate::body(call.header(http::header::CONTENT_TYPE), taken)? {
        BodyType::Json => decode(call.kind, body, validation).map(|decoded| (decoded.value, decoded.warnings))?,
        BodyType::Yaml => yaml::object(call.kind, body, validation).map(|decoded| (decoded.value, decoded.warnings))?,
        // Fields are numbered: there are no names that could be unknown.
        BodyType::Protobuf => (protobuf::decode(call.kind, body)?, Vec::new()),
    };
    Ok((convert::to_stored(call.kind, object), warnings))
}

/// An object is written where the path says; a body may leave its namespace out, but not name another.
pub(crate) fn agree_on_namespace(call: &Call<'_>, object: &mut Value) -> Result<(), Failure> {
    let Some(namespace) = call.path.namespace.as_deref() else { return Ok(()) };
    match metadata::namespace(object) {
        "" => {
            if let Some(metadata) = metadata::of_mut(object) {
                metadata::set_field(metadata, "namespace", Value::from(namespace));
            }
            Ok(())
        }
        own if own == namespace => Ok(()),
        _ => Err(Failure::BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request".to_owned(),
        )),
    }
}

/// Readies a new object, checks it and stores it; `managed` says that its `managedFields` are right already. A generated name
/// that is taken is followed by others; a given one is not.
pub(crate) async fn store_new(
    call: &Call<'_>,
    mut object: Value,
    options: &WriteOptions,
    managed: bool,
) -> Result<Changed, Failure> {
    let cluster = call.cluster.ok_or(Failure::MethodNotServed)?;
    let prefix = metadata::generate_name(&object).to_owned();
    let generated = metadata::name(&object).is_empty() && !prefix.is_empty();
    default::defaults(call.kind, &mut object);
    ready(call, &mut object);
    if !managed {
        Manager::new(call, options).update(None, &mut object);
    }
    // Nobody owns what the server itself writes.
    encode::annotate_cluster(&mut object, cluster);
    let mut new = admission::Operation::create(object, options.dry_run);
    let mutated = call.api.admission().mutate(call, &mut new).await?;
    agree_on_namespace(call, &mut new.object)?;
    admit::may_change(call, &new.object, None)?;
    for _ in 0..ATTEMPTS_MAX {
        if generated {
            set_name(&mut new.object, &generated_name(call, &prefix));
            default::defaults(call.kind, &mut new.object);
        }
        ready(call, &mut new.object);
        encode::annotate_cluster(&mut new.object, cluster);
        let causes = validate::create(call.kind, &new.object);
        if !causes.is_empty() {
            return Err(Failure::invalid(&call.kind.group, &call.kind.kind, metadata::name(&new.object), causes));
        }
        let (told, mut conditions) = call.api.admission().validate(call, &new).await?;
        let settled = settle(call, &mut new.object).await?;
        conditions.extend(settled.conditions);
        call.api.admission().settle(call, &mut new.object);
        let key = call.key(metadata::name(&new.object))?;
        let draft = encode::draft(&call.view.to_stored(new.object.clone()).await?)?;
        let proposed = propose(call, &key, draft, conditions, options.dry_run).await;
        drop(settled.turn);
        match proposed {
            Err(Failure::AlreadyExists(_)) if generated => {}
            // Somebody else has written a definition meanwhile, whose names may matter.
            Err(Failure::Conflict(..)) if is_definition(call.kind) => {}
            Ok(bytes) => {
                let warnings = validate::warnings(call.kind, &new.object, None);
                let warnings = mutated.into_iter().chain(told).chain(warnings).collect();
                return Ok(Changed { bytes: call.view.written(bytes).await?, warnings });
            }
            Err(failure) => return Err(failure),
        }
    }
    if is_definition(call.kind) {
        return Err(Failure::Unavailable("others write definitions here all the time, please try again".to_owned()));
    }
    Err(Failure::GenerateNameConflict(call.subject(metadata::name(&new.object))))
}

/// What the server sets on a new object.
fn ready(call: &Call<'_>, object: &mut Value) {
    default::for_create(call.kind, object);
    if admit::is_signing_request(call.kind) {
        let User { name, uid, groups, extra } = call.user;
        let extra = extra.iter().map(|(key, texts)| (key.clone(), Value::from(texts.clone()))).collect();
        let requester = Requester { username: name, uid, groups, extra: Some(&extra) };
        default::certificate::set_requester(object, requester);
    }
    let (uid, now) = (encode::uuid(call.api.random()), call.now_text());
    if let Some(metadata) = metadata::of_mut(object) {
        metadata::set_field(metadata, "uid", Value::from(uid));
        metadata::set_field(metadata, "creationTimestamp", Value::from(now));
    }
}

async fn propose(
    call: &Call<'_>,
    key: &Key,
    draft: Draft,
    quotas: Vec<Precondition>,
    dry_run: bool,
) -> Result<Bytes, Failure> {
    let mut preconditions = admit::create_preconditions(call, key)?;
    preconditions.extend(quotas);
    if dry_run {
        let rehearsed = call.home.read().await?.rehearse(&preconditions);
        return rehearsed.map_or_else(|refusal| Err(admit::refused(call, key, refusal)), |()| encode::unstored(&draft));
    }
    let mut operations = vec![Operation::Put(key.clone(), draft.clone())];
    if admit::is_namespace(call.kind) {
        let (cluster, now) = (key.cluster(), call.now_text());
        let beginning = Beginning { cluster: &cluster, root_ca: call.api.root_ca(), now: &now };
        let objects = beginning.objects(key.name(), call.api.random())?;
        operations.extend(objects.into_iter().map(|(key, draft)| Operation::Put(key, draft)));
    }
    let txn = Txn { time_ms: call.now_ms(), preconditions, operations };
    match call.home.submit(txn).await? {
        Outcome::Done { first, .. } => stored(&draft, first),
        Outcome::Refused(refusal) => Err(admit::refused(call, key, refusal)),
    }
}

/// The bytes of a draft under the revision that it was given.
pub(crate) fn stored(draft: &Draft, revision: Revision) -> Result<Bytes, Failure> {
    let object = Object::new(draft, revision);
    object.map(|object| object.bytes()).ok_or_else(|| Failure::Internal("a draft has no place for its revision".into()))
}

/// Upstream's alphabet: no vowels, so that no words come out, and nothing that looks alike.
const NAME_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const NAME_SUFFIX_LENGTH: usize = 5;
const GENERATED_NAME_BYTES_MAX: usize = 63;

/// The prefix and five random characters.
pub(crate) fn generated_name(call: &Call<'_>, prefix: &str) -> String {
    let mut end = prefix.len().min(GENERATED_NAME_BYTES_MAX - NAME_SUFFIX_LENGTH);
    while !prefix.is_char_boundary(end) {
        end -= 1;
    }
    let prefix = prefix.get(..end).unwrap_or_default();
    format!("{prefix}{}", call.api.random().text(NAME_ALPHABET, NAME_SUFFIX_LENGTH))
}

fn set_name(object: &mut Value, name: &str) {
    if let Some(metadata) = metadata::of_mut(object) {
        metadata::set_field(metadata, "name", Value::from(name));
    }
}
