//! DELETE of one object: gone at once, or marked, when something must happen first.
//!
//! Dependents are left to the garbage collector. What it is to do with them stands in the object itself, as one of its two
//! finalizers: `foregroundDeletion` and `orphan`.

use bytes::Bytes;
use hanse_schema::cause::{Cause, quote};
use hanse_schema::decode::decode_type;
use hanse_schema::definition::status;
use hanse_schema::metadata::{self, FINALIZER_FOREGROUND, FINALIZER_ORPHAN};
use hanse_schema::protobuf;
use hanse_schema::types::meta::{DELETE_OPTIONS, STATUS};
use hanse_store::key::Key;
use hanse_store::object::{Draft, Object};
use hanse_store::txn::{Operation, Outcome, Precondition, Refusal, Txn};
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::admission;
use crate::admit;
use crate::answer::{self, Form};
use crate::body::Answer;
use crate::call::Call;
use crate::definitions::is_definition;
use crate::encode;
use crate::limits::ATTEMPTS_MAX;
use crate::negotiate::{self, BodyType};
use crate::query::{Query, dry_run_causes};
use crate::status::Failure;
use crate::verbs::change::is_newest;
use crate::verbs::create::stored;
use crate::view::parsed;
use crate::yaml;

/// Deletes the object.
pub(crate) async fn delete(call: &Call<'_>, body: Bytes) -> Result<Answer, Failure> {
    let form = Form::of(call)?;
    let options = DeleteOptions::of(call, &body)?;
    let name = call.name()?;
    admit::may_delete(call, name)?;
    let mut warnings = Vec::new();
    let mut answer = match delete_one(call, &call.key(name)?, &options, &mut warnings).await? {
        Deleted::Waiting(bytes) => form.object(StatusCode::OK, &call.view.written(bytes).await?),
        Deleted::Gone(bytes) if call.storage() == "serviceaccounts" => form.object(StatusCode::OK, &bytes),
        Deleted::Gone(bytes) => form.typed(StatusCode::OK, (&STATUS, answer::STATUS_KIND), success(call, name, &bytes)),
    }?;
    answer::warn(&mut answer, &warnings);
    Ok(answer)
}

/// `Status` of a deletion that has happened.
pub(crate) fn success(call: &Call<'_>, name: &str, bytes: &[u8]) -> Bytes {
    let uid =
        serde_json::from_slice::<Value>(bytes).map(|object| metadata::uid(&object).to_owned()).unwrap_or_default();
    let mut details = Map::new();
    for (key, text) in [("name", name), ("group", &*call.kind.group), ("kind", &*call.kind.plural), ("uid", &*uid)] {
        if !text.is_empty() {
            details.insert(key.to_owned(), Value::from(text));
        }
    }
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    Bytes::from(status.to_string())
}

/// What has become of the object.
pub(crate) enum Deleted {
    /// It is gone; these are its last bytes.
    Gone(Bytes),
    /// It is marked and waits for its finalizers.
    Waiting(Bytes),
}

/// `DeleteOptions`, from the body and from the query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) dry_run: bool,
    /// The uid that the object must have.
    pub(crate) uid: Option<String>,
    /// The revision that the object must have.
    pub(crate) resource_version: Option<String>,
    /// What becomes of the dependents, where the client says it.
    pub(crate) propagation: Option<Propagation>,
    /// How long the object may take to end, where the client says it. Nothing here takes any time; who admits is told.
    pub(crate) grace_seconds: Option<i64>,
}

/// What becomes of the dependents of a deleted object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

impl Propagation {
    fn of(options: &Value) -> Option<Self> {
        match (options["orphanDependents"].as_bool(), options["propagationPolicy"].as_str()) {
            (Some(true), _) | (None, Some("Orphan")) => Some(Self::Orphan),
            (Some(false), _) | (None, Some("Background")) => Some(Self::Background),
            (None, Some("Foreground")) => Some(Self::Foreground),
            _ => None,
        }
    }
}

impl DeleteOptions {
    /// The options of a request.
    ///
    /// # Errors
    /// As [`DeleteOptions::parse`].
    pub(crate) fn of(call: &Call<'_>, body: &[u8]) -> Result<Self, Failure> {
        Self::parse(call.query, call.header(http::header::CONTENT_TYPE), body)
    }

    /// Reads and checks the options. The body counts; the query where there is no body. As upstream, protobuf is taken for
    /// kinds that have no protobuf form, too.
    ///
    /// # Errors
    /// 415 for a body of another type, 400 for what cannot be read, 422 for what is not allowed.
    pub(crate) fn parse(query: &Query, content_type: Option<&[u8]>, body: &[u8]) -> Result<Self, Failure> {
        let options = if body.is_empty() {
            of_query(query)?
        } else {
            match negotiate::body(content_type, BodyType::ALL)? {
                sent @ (BodyType::Json | BodyType::Yaml) => {
                    decode_type(&DELETE_OPTIONS, &yaml::as_json("DeleteOptions", sent, body)?)?
                }
                BodyType::Protobuf => protobuf::decode_type(&DELETE_OPTIONS, body)?,
            }
        };
        expect_kind(&options)?;
        let text = |path: &str| options.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let dry_run: Vec<&str> = options["dryRun"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut causes = dry_run_causes(dry_run.iter().copied());
        if let Some(policy) = text("/propagationPolicy") {
            if !["Orphan", "Background", "Foreground"].contains(&policy) {
                causes.push(Cause::not_supported(
                    "propagationPolicy",
                    policy,
                    &["Foreground", "Background", "Orphan", "nil"],
                ));
            }
            if options["orphanDependents"].is_boolean() {
                let detail = "orphanDependents and deletionPropagation cannot be both set";
                causes.push(Cause::invalid("propagationPolicy", policy, detail));
            }
        }
        if options["gracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds < 0) {
            let seconds = options.get("gracePeriodSeconds");
            causes.push(Cause::invalid_value("gracePeriodSeconds", seconds, "must be greater than or equal to 0"));
        }
        if !causes.is_empty() {
            return Err(Failure::invalid("meta.k8s.io", "DeleteOptions", "", causes));
        }
        Ok(Self {
            dry_run: !dry_run.is_empty(),
            uid: text("/preconditions/uid").map(str::to_owned),
            resource_version: text("/preconditions/resourceVersion").map(str::to_owned),
            propagation: Propagation::of(&options),
            grace_seconds: options["gracePeriodSeconds"].as_i64(),
        })
    }

    /// The options as the home of a Workspace gets them: the revision means something in this region only, and the row's
    /// version stands for it. The uid goes along, for the name may be another workspace's there by now.
    pub(crate) fn for_owner(&self) -> Bytes {
        let mut options = json!({});
        if let Some(uid) = &self.uid {
            options["preconditions"] = json!({ "uid": uid });
        }
        if self.dry_run {
            options["dryRun"] = json!(["All"]);
        }
        Bytes::from(options.to_string())
    }

    /// The options as they are shown to those who admit the deletion.
    fn to_json(&self) -> Value {
        let mut options = json!({});
        if let Some(seconds) = self.grace_seconds {
            options["gracePeriodSeconds"] = seconds.into();
        }
        for (field, text) in [("uid", &self.uid), ("resourceVersion", &self.resource_version)] {
            if let Some(text) = text {
                options["preconditions"][field] = Value::from(text.as_str());
            }
        }
        if let Some(propagation) = self.propagation {
            options["propagationPolicy"] = Value::from(match propagation {
                Propagation::Background => "Background",
                Propagation::Foreground => "Foreground",
                Propagation::Orphan => "Orphan",
            });
        }
        if self.dry_run {
            options["dryRun"] = json!(["All"]);
        }
        options
    }

    /// Whether an object is the one that is meant.
    pub(crate) fn expect(&self, call: &Call<'_>, name: &str, object: &Value) -> Result<(), Failure> {
        let table = [
            ("UID", &self.uid, metadata::uid(object)),
            ("ResourceVersion", &self.resource_version, metadata::resource_version(object)),
        ];
        for (word, wanted, own) in table {
            if let Some(wanted) = wanted
                && wanted != own
            {
                let why =
                    format!("Precondition failed: {word} in precondition: {wanted}, {word} in object meta: {own}");
                return Err(Failure::Conflict(call.subject(name), why));
            }
        }
        Ok(())
    }
}

/// A body of another kind is a mistake, and must not delete anything. The group and version are not looked at: upstream
/// takes `DeleteOptions` in each that it serves.
fn expect_kind(options: &Value) -> Result<(), Failure> {
    let text = |field: &str| options.get(field).and_then(Value::as_str).unwrap_or_default();
    let (kind, version) = (text("kind"), text("apiVersion"));
    if kind.is_empty() || kind == DELETE_OPTIONS.name {
        return Ok(());
    }
    let version = quote(version.rsplit('/').next().unwrap_or_default());
    Err(Failure::BadRequest(format!("{kind} in version {version} cannot be handled as a {}", DELETE_OPTIONS.name)))
}

fn of_query(query: &Query) -> Result<Value, Failure> {
    let mut options = json!({"dryRun": query.all("dryRun").collect::<Vec<_>>()});
    if let Some(seconds) = query.number("gracePeriodSeconds")? {
        options["gracePeriodSeconds"] = seconds.into();
    }
    if let Some(policy) = query.get("propagationPolicy") {
        options["propagationPolicy"] = policy.into();
    }
    if let Some(orphan) = query.optional_flag("orphanDependents") {
        options["orphanDependents"] = orphan.into();
    }
    Ok(options)
}

/// Deletes the object at the key; again when somebody else came between. Adds what there is to warn of.
pub(crate) async fn delete_one(
    call: &Call<'_>,
    key: &Key,
    options: &DeleteOptions,
    warnings: &mut Vec<String>,
) -> Result<Deleted, Failure> {
    let mut state = call.home.view();
    let mut newest = false;
    for _ in 0..ATTEMPTS_MAX {
        let mut plan = match state.get(key) {
            Some(object) => plan(call, key, object, options),
            None => Err(Failure::NotFound(call.subject(key.name()))),
        };
        if let (Ok(_), Some(object)) = (&plan, state.get(key)) {
            match admitted(call, object, options).await {
                Ok(told) => *warnings = told,
                Err(failure) => {
                    plan = Err(failure);
                    newest = newest || is_newest(call, key, &state).await?;
                }
            }
        }
        match plan {
            Ok(Plan { operation: Some(operation), draft }) if !options.dry_run => {
                let revision = state.get(key).map(|object| object.revision()).unwrap_or_default();
                let preconditions =
                    vec![Precondition::ClusterHome(key.cluster()), Precondition::At(key.clone(), revision)];
                let gone = matches!(operation, Operation::Delete(_));
                let txn = Txn { time_ms: call.now_ms(), preconditions, operations: vec![operation] };
                match call.home.submit(txn).await? {
                    Outcome::Done { first, .. } => {
                        let bytes = stored(&draft, first)?;
                        return Ok(if gone { Deleted::Gone(bytes) } else { Deleted::Waiting(bytes) });
                    }
                    Outcome::Refused(Refusal::Changed { .. } | Refusal::Missing { .. }) => {}
                    Outcome::Refused(refusal) => return Err(admit::refused(call, key, refusal)),
                }
            }
            Ok(Plan { operation, draft }) if newest => {
                let gone = matches!(operation, Some(Operation::Delete(_)));
                let bytes = match (operation, state.get(key)) {
                    // A dry run's answer shows the revision that the object has.
                    (Some(_), Some(object)) => stored(&draft, object.revision())?,
                    _ => draft.bytes,
                };
                return Ok(if gone { Deleted::Gone(bytes) } else { Deleted::Waiting(bytes) });
            }
            Err(failure) if newest => return Err(failure),
            // What is answered without a proposal is decided on a state that holds everything acknowledged.
            Ok(_) | Err(_) => {}
        }
        state = call.home.read().await?;
        newest = true;
    }
    Err(admit::modified(call.subject(key.name())))
}

/// Whether the logical cluster's policies and webhooks let the object go. Returns their warnings.
async fn admitted(call: &Call<'_>, object: &Object, options: &DeleteOptions) -> Result<Vec<String>, Failure> {
    let admission = call.api.admission();
    if !admission.concerns(call) {
        return Ok(Vec::new());
    }
    let old = call.view.value(object).await?;
    let mut deletion = admission::Operation::delete(old, options.to_json(), options.dry_run);
    let mut warnings = admission.mutate(call, &mut deletion).await?;
    warnings.extend(admission.validate(call, &deletion).await?.0);
    Ok(warnings)
}

/// What a deletion does to an object.
pub(crate) struct Plan {
    /// `None`: it is already on its way out.
    pub(crate) operation: Option<Operation>,
    /// The object afterwards, or as it was last.
    pub(crate) draft: Draft,
}

/// Decides it.
pub(crate) fn plan(call: &Call<'_>, key: &Key, object: &Object, options: &DeleteOptions) -> Result<Plan, Failure> {
    let mut value = parsed(&object.bytes())?;
    options.expect(call, key.name(), &value)?;
    let held = value.pointer("/spec/finalizers").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let collected = set_collection(&mut value, options.propagation);
    if is_definition(call.kind) && !object.deleting() {
        status::begin_deletion(&mut value, &call.now_text());
    }
    let waits = metadata::finalizers(&value).next().is_some() || (admit::is_namespace(call.kind) && held);
    if !waits {
        return Ok(Plan { operation: Some(Operation::Delete(key.clone())), draft: object.draft() });
    }
    if object.deleting() && !collected {
        let mut draft = object.draft();
        draft.bytes = object.bytes();
        return Ok(Plan { operation: None, draft });
    }
    if !object.deleting() {
        mark(call, &mut value);
    }
    let draft = encode::draft(&value)?;
    Ok(Plan { operation: Some(Operation::Put(key.clone(), draft.clone())), draft })
}

/// Sets the finalizer of the garbage collector that stands for what becomes of the dependents; whether one was added or taken
/// away. Without a word from the client the finalizer that is there stays (k8s.io/apiserver/pkg/registry/generic/registry).
fn set_collection(object: &mut Value, propagation: Option<Propagation>) -> bool {
    let Some(propagation) = propagation else { return false };
    let wanted = match propagation {
        Propagation::Background => None,
        Propagation::Foreground => Some(FINALIZER_FOREGROUND),
        Propagation::Orphan => Some(FINALIZER_ORPHAN),
    };
    let before: Vec<&str> = metadata::finalizers(object).collect();
    let mut after: Vec<&str> =
        before.iter().copied().filter(|name| ![FINALIZER_FOREGROUND, FINALIZER_ORPHAN].contains(name)).collect();
    after.extend(wanted);
    if after.len() == before.len() && after.iter().all(|name| before.contains(name)) {
        return false;
    }
    let after = Value::from(after);
    if let Some(metadata) = metadata::of_mut(object) {
        if after.as_array().is_some_and(Vec::is_empty) {
            metadata.shift_remove("finalizers");
        } else {
            metadata::set_field(metadata, "finalizers", after);
        }
    }
    true
}

/// Marks an object as being deleted.
pub(crate) fn mark(call: &Call<'_>, object: &mut Value) {
    metadata::begin_deletion(object, &call.now_text());
    if admit::is_namespace(call.kind)
        && let Some(status) = object.get_mut("status").and_then(Value::as_object_mut)
    {
        status.insert("phase".to_owned(), Value::from("Terminating"));
    }
}

#[cfg(test)]
mod tests {
    use super::{DeleteOptions, Propagation};
    use crate::query::Query;

    fn parse(query: &str, body: &str) -> Result<DeleteOptions, u16> {
        DeleteOptions::parse(&Query::parse(query).unwrap(), None, body.as_bytes()).map_err(|failure| failure.code())
    }

    #[test]
    fn options_come_in_protobuf_too() {
        let protobuf = Some(&b"application/vnd.kubernetes.protobuf"[..]);
        let parse = |content_type, body: &[u8]| DeleteOptions::parse(&Query::default(), content_type, body);
        // Envelope, type, and a message with `preconditions {uid: u}` and `dryRun: [All]`.
        let body = b"k8s\0\x0a\x13\x0a\x02v1\x12\x0dDeleteOptions\x12\x0a\x12\x03\x0a\x01u\x2a\x03All";
        let expected = DeleteOptions { dry_run: true, uid: Some("u".to_owned()), ..DeleteOptions::default() };
        assert_eq!(parse(protobuf, body), Ok(expected));
        assert_eq!(parse(protobuf, b""), Ok(DeleteOptions::default()));
        assert_eq!(parse(protobuf, b"{}").unwrap_err().code(), 400);
        assert_eq!(parse(Some(b"application/cbor"), body).unwrap_err().code(), 415);
    }

    #[test]
    fn options_come_from_the_body_or_the_query() {
        let all = DeleteOptions { dry_run: true, ..DeleteOptions::default() };
        assert_eq!(parse("", ""), Ok(DeleteOptions::default()));
        let propagation = Some(Propagation::Foreground);
        let foreground = DeleteOptions { propagation, grace_seconds: Some(0), ..all.clone() };
        assert_eq!(parse("dryRun=All&propagationPolicy=Foreground&gracePeriodSeconds=0", ""), Ok(foreground));
        let orphan = DeleteOptions { propagation: Some(Propagation::Orphan), ..DeleteOptions::default() };
        assert_eq!(parse("orphanDependents=true", ""), Ok(orphan));
        assert_eq!(parse("", r#"{"kind":"DeleteOptions","apiVersion":"v1","dryRun":["All"]}"#), Ok(all));
        let exact = parse("", r#"{"preconditions":{"uid":"u","resourceVersion":"5"}}"#).unwrap();
        assert_eq!((exact.uid.as_deref(), exact.resource_version.as_deref()), (Some("u"), Some("5")));
    }

    #[test]
    fn a_body_of_another_kind_is_refused_by_its_name() {
        let parse = |content_type: Option<&[u8]>, body: &[u8]| {
            DeleteOptions::parse(&Query::default(), content_type, body).map_err(|failure| failure.message())
        };
        let expected = r#"Deployment in version "v1" cannot be handled as a DeleteOptions"#;
        let body = br#"{"kind":"Deployment","apiVersion":"apps/v1"}"#;
        assert_eq!(parse(None, body).unwrap_err(), expected);
        let protobuf = Some(&b"application/vnd.kubernetes.protobuf"[..]);
        let body = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x00";
        assert_eq!(parse(protobuf, body).unwrap_err(), expected.replace("Deployment", "ConfigMap"));
        let other_group = br#"{"kind":"DeleteOptions","apiVersion":"apps/v1"}"#;
        assert_eq!(parse(None, other_group), Ok(DeleteOptions::default()));
    }

    #[test]
    fn options_that_are_not_allowed_are_refused() {
        let table = [
            ("dryRun=x", "", 422),
            ("propagationPolicy=x", "", 422),
            ("propagationPolicy=Orphan&orphanDependents=true", "", 422),
            ("gracePeriodSeconds=-1", "", 422),
            ("gracePeriodSeconds=x", "", 400),
            ("", "{", 400),
            ("", "[]", 400),
            ("", r#"{"preconditions":1}"#, 400),
            ("", r#"{"kind":"ConfigMap","apiVersion":"v1"}"#, 400),
            ("", r#"{"kind":"deleteoptions"}"#, 400),
        ];
        for (query, body, code) in table {
            assert_eq!(parse(query, body), Err(code), "{query} {body}");
        }
    }
}
