//! PUT, PATCH and DELETE of Workspaces: at the home of the workspace, by its row.

use bytes::Bytes;
use hanse_base::id::ClusterId;
use hanse_schema::apply::keep_times;
use hanse_schema::kind::Part;
use hanse_schema::{default, metadata, validate};
use hanse_store::key::Key;
use hanse_store::state::State;
use hanse_store::txn::{Operation, Outcome, Precondition, Refusal, Txn};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value;

use super::content;
use super::create::{self, projected, refused};
use super::{ROW_VERSION, RowView, Sender, merge, row};
use crate::admit;
use crate::answer::{self, Form};
use crate::authenticate::MASTERS;
use crate::body::Answer;
use crate::call::Call;
use crate::encode;
use crate::federation::{CarriedAnswer, Purpose};
use crate::limits::{ATTEMPTS_MAX, REVISION_PATIENCE};
use crate::manage::Manager;
use crate::negotiate;
use crate::query::{ListOptions, WriteOptions};
use crate::request::Verb;
use crate::route::carried_answer;
use crate::selection::Selection;
use crate::status::{Failure, Subject};
use crate::verbs::apply::Applied;
use crate::verbs::change::Wanted;
use crate::verbs::create::decoded;
use crate::verbs::delete::{DeleteOptions, mark};
use crate::verbs::list;
use crate::verbs::patch::Patch;
use crate::verbs::update::agree_on_name;
use crate::view::parsed;
use crate::yaml::{Read, to_json};

/// Updates or patches a Workspace.
pub(crate) async fn change(call: &Call<'_>, sender: &Sender<'_>, body: Bytes) -> Result<Answer, Failure> {
    let form = Form::of(call)?;
    let name = call.name()?;
    may_write_part(call, name)?;
    let intent = Intent::parse(call, &body)?;
    let key = call.key(name)?;
    let found = match find(call, &key).await {
        Err(Failure::NotFound(missing)) => return missing_one(call, sender, &intent, missing, body).await,
        found => found?,
    };
    if let Purpose::CreateWorkspace { .. } = call.purpose {
        // The region that carried this has not heard of the workspace yet: to make it again finds it made, or taken.
        return missing_one(call, sender, &intent, call.subject(name), body).await;
    }
    if found.row.owner == *call.home.group() {
        return here(call, &form, &key, &intent).await;
    }
    let version = match &intent.resource_version {
        Some(wanted) if *wanted == found.resource_version() => Some(found.row.version),
        Some(_) => return Err(admit::modified(call.subject(name))),
        None => None,
    };
    let method = if call.path.verb == Verb::Update { "PUT" } else { "PATCH" };
    if let Change::Replace(wanted) = &intent.change {
        may_change_system_fields(call, &wanted.object, &found.object)?;
    }
    let body = for_owner(&body, call.path.verb);
    let outbound = Outbound { method, rest: &sender.request.rest, version, body };
    elsewhere(call, sender, &form, &found.row, outbound).await
}

/// There is no such workspace: to apply it is to make it.
async fn missing_one(
    call: &Call<'_>,
    sender: &Sender<'_>,
    intent: &Intent,
    missing: Subject,
    body: Bytes,
) -> Result<Answer, Failure> {
    match &intent.change {
        Change::Apply(applied) if call.part == Part::Object => {
            create::apply(call, sender, (applied, &intent.options), body).await
        }
        _ => Err(Failure::NotFound(missing)),
    }
}

fn may_write_part(call: &Call<'_>, name: &str) -> Result<(), Failure> {
    if call.part == Part::Status && !call.user.is_in(MASTERS) {
        return Err(Failure::forbidden(call.subject(name), "the status of a Workspace is written by the system"));
    }
    Ok(())
}

/// What the client wants of the object.
struct Intent {
    change: Change,
    options: WriteOptions,
    /// The revision that the client says it has seen.
    resource_version: Option<String>,
}

enum Change {
    Replace(Wanted),
    Patch(Patch),
    Apply(Applied),
}

impl Intent {
    fn parse(call: &Call<'_>, body: &[u8]) -> Result<Self, Failure> {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        if call.path.verb == Verb::Patch && negotiate::is_apply(call.header(CONTENT_TYPE)) {
            let options = WriteOptions::parse_apply(call.query)?;
            let applied = Applied::read(call, body, &options)?;
            let resource_version = given(applied.resource_version());
            return Ok(Self { change: Change::Apply(applied), options, resource_version });
        }
        if call.path.verb == Verb::Patch {
            Patch::type_of(call)?;
            let options = WriteOptions::parse(call.query, "PatchOptions")?;
            let patch = Patch::parse(call, body, &options)?;
            let resource_version = given(patch.resource_version());
            return Ok(Self { change: Change::Patch(patch), options, resource_version });
        }
        let options = WriteOptions::parse(call.query, "UpdateOptions")?;
        let (object, warnings) = decoded(call, body, options.field_validation)?;
        let name = call.name()?;
        agree_on_name(&object, name)?;
        let resource_version = given(metadata::resource_version(&object));
        // A carried request has the row's version instead.
        if resource_version.is_none() && !matches!(call.purpose, Purpose::WriteWorkspace { .. }) {
            return Err(admit::without_version(call, name));
        }
        Ok(Self { change: Change::Replace(Wanted { object, warnings, managed: false }), options, resource_version })
    }

    fn compute(&self, call: &Call<'_>, old: &Value) -> Result<Wanted, Failure> {
        let mut wanted = match &self.change {
            Change::Replace(wanted) => {
                Wanted { object: wanted.object.clone(), warnings: wanted.warnings.clone(), managed: false }
            }
            Change::Patch(patch) => patch.compute(call, old)?,
            Change::Apply(applied) => applied.onto(call, Some(old), &self.options)?,
        };
        if matches!(call.purpose, Purpose::WriteWorkspace { .. }) {
            adopt(&mut wanted.object, old);
        }
        Ok(wanted)
    }
}

/// What each region shows in its own way is not the client's to say at the home: see [`for_owner`].
fn adopt(object: &mut Value, old: &Value) {
    if let Some(metadata) = metadata::of_mut(object) {
        metadata::set_field(metadata, "resourceVersion", Value::from(metadata::resource_version(old)));
    }
    if let (Some(spec), Some(url)) = (object.get_mut("spec").and_then(Value::as_object_mut), old.pointer("/spec/URL")) {
        spec.entry("URL").or_insert_with(|| url.clone());
    }
}

/// A Workspace and its row.
struct Found {
    row: RowView,
    object: Value,
}

impl Found {
    fn in_state(state: &State, key: &Key) -> Result<Option<Self>, Failure> {
        let (Some(object), Some(row)) = (state.get(key), row(state, key)) else { return Ok(None) };
        Ok(Some(Self { row, object: parsed(&object.bytes())? }))
    }

    fn resource_version(&self) -> &str {
        metadata::resource_version(&self.object)
    }
}

/// The Workspace in a state that holds everything that this region has acknowledged.
async fn find(call: &Call<'_>, key: &Key) -> Result<Found, Failure> {
    let state = call.home.read().await?;
    Found::in_state(&state, key)?.ok_or_else(|| Failure::NotFound(call.subject(key.name())))
}

/// A write on its way to the row's owner.
struct Outbound<'a> {
    method: &'a str,
    rest: &'a str,
    version: Option<u64>,
    body: Bytes,
}

/// Has the row's owner write it, and answers with this region's own projection as soon as it shows the write.
async fn elsewhere(
    call: &Call<'_>,
    sender: &Sender<'_>,
    form: &Form,
    row: &RowView,
    outbound: Outbound<'_>,
) -> Result<Answer, Failure> {
    let answer = carry(call, sender, row, outbound).await?;
    if answer.status != StatusCode::OK.as_u16() {
        return Ok(carried_answer(answer));
    }
    match shown(call, &row.id, row_version(&answer)).await {
        Some(bytes) => form.object(StatusCode::OK, &bytes),
        None => Ok(carried_answer(answer)),
    }
}

async fn carry(
    call: &Call<'_>,
    sender: &Sender<'_>,
    row: &RowView,
    outbound: Outbound<'_>,
) -> Result<CarriedAnswer, Failure> {
    if sender.carried {
        return Err(Failure::Unavailable("this group does not own the workspace, please try again".to_owned()));
    }
    let mut carried = sender.carried(call, outbound.method, outbound.rest, outbound.body)?;
    if outbound.method == "DELETE" {
        // The options are written anew, in whatever form they came.
        carried.headers.retain(|(name, _)| name != CONTENT_TYPE.as_str());
        carried.headers.push((CONTENT_TYPE.as_str().to_owned(), "application/json".to_owned()));
    }
    carried.purpose = Purpose::WriteWorkspace { id: Some(row.id.clone()), version: outbound.version };
    Ok(call.api.federation().carry(&row.owner, carried).await?)
}

/// The version that the row has now, as its owner says.
pub(crate) fn row_version(answer: &CarriedAnswer) -> Option<u64> {
    let header = answer.headers.iter().find(|(name, _)| name == ROW_VERSION.as_str());
    header.and_then(|(_, version)| version.parse().ok())
}

/// This region's projection of a row at a version or a later one; `None` when it is not there in time.
pub(crate) async fn shown(call: &Call<'_>, id: &ClusterId, version: Option<u64>) -> Option<Bytes> {
    projected(&*merge::merged(call.home, id, version?).await?, id)
}

/// The body without what means something in this region only: the revision that the client saw, and, of a whole object,
/// the address.
fn for_owner(body: &Bytes, verb: Verb) -> Bytes {
    // JSON is YAML, so a body that was sent as YAML still is what its type says.
    let Ok(Read { mut value, .. }) = to_json(body) else { return body.clone() };
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("resourceVersion");
    }
    if verb == Verb::Update
        && let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut)
    {
        spec.shift_remove("URL");
    }
    Bytes::from(value.to_string())
}

/// Writes the row, which is owned here; again when somebody else came between.
async fn here(call: &Call<'_>, form: &Form, key: &Key, intent: &Intent) -> Result<Answer, Failure> {
    for _ in 0..ATTEMPTS_MAX {
        let found = find(call, key).await?;
        expect_row(call, key, &found.row)?;
        let Wanted { mut object, mut warnings, managed } = intent.compute(call, &found.object)?;
        let seen = metadata::resource_version(&object);
        if !seen.is_empty() && seen != found.resource_version() {
            return Err(admit::modified(call.subject(key.name())));
        }
        ready(call, &mut object, &found.object)?;
        if !managed {
            Manager::new(call, &intent.options).update(Some(&found.object), &mut object);
        }
        keep_times(&found.object, &mut object);
        warnings.extend(validate::warnings(call.kind, &object, Some(&found.object)));
        let content = content::of_row(&object);
        let unchanged = content == content::of_row(&found.object);
        if unchanged || intent.options.dry_run {
            let bytes = Bytes::from(object.to_string());
            return answered(form, &bytes, found.row.version, &warnings);
        }
        let deleting = metadata::is_deleting(&found.object);
        let (id, version) = (found.row.id.clone(), found.row.version);
        let operation = Operation::UpdateWorkspace { id, version, content, deleting };
        if let Some(bytes) = submit(call, key, &found.row, (vec![], vec![operation])).await?.or_written(&object) {
            return answered(form, &bytes, version + 1, &warnings);
        }
    }
    Err(admit::modified(call.subject(key.name())))
}

fn answered(form: &Form, bytes: &Bytes, version: u64, warnings: &[String]) -> Result<Answer, Failure> {
    let mut answer = form.object(StatusCode::OK, bytes)?;
    answer.headers_mut().insert(ROW_VERSION, HeaderValue::from(version));
    answer::warn(&mut answer, warnings);
    Ok(answer)
}

/// A carried write holds for the workspace only that it was meant for, and at the version that the client saw.
pub(crate) fn expect_row(call: &Call<'_>, key: &Key, row: &RowView) -> Result<(), Failure> {
    let Purpose::WriteWorkspace { id, version } = call.purpose else { return Ok(()) };
    if id.as_ref().is_some_and(|id| *id != row.id) || version.is_some_and(|version| version != row.version) {
        return Err(admit::modified(call.subject(key.name())));
    }
    Ok(())
}

/// What the server sets on a changed Workspace, and whether the change is allowed.
fn ready(call: &Call<'_>, object: &mut Value, old: &Value) -> Result<(), Failure> {
    default::defaults(call.kind, object);
    if let Some(cluster) = call.cluster {
        encode::annotate_cluster(object, cluster);
    }
    default::for_update(call.kind, call.part, object, old);
    content::keep_finalizer(object);
    let name = metadata::name(old);
    admit::may_change(call, object, Some(old))?;
    may_change_system_fields(call, object, old)?;
    let causes = validate::update(call.kind, call.part, object, old);
    if !causes.is_empty() {
        return Err(Failure::invalid(&call.kind.group, &call.kind.kind, name, causes));
    }
    Ok(())
}

fn may_change_system_fields(call: &Call<'_>, object: &Value, old: &Value) -> Result<(), Failure> {
    if !call.user.is_in(MASTERS)
        && let Some(why) = validate::workspace::forbidden_to_users(object, Some(old))
    {
        return Err(Failure::forbidden(call.subject(metadata::name(old)), why));
    }
    Ok(())
}

/// What became of a proposed write of a row.
pub(crate) enum Submitted {
    /// Written; the Workspace as it is shown since.
    Shown(Bytes),
    /// Written, and ended since: an empty workspace is gone as soon as its controller has seen the mark.
    Gone,
    /// Somebody else came first.
    Overtaken,
}

impl Submitted {
    /// The Workspace as it is shown, or as it was written where it is no longer there. `None`: it was not written.
    fn or_written(self, object: &Value) -> Option<Bytes> {
        match self {
            Self::Shown(bytes) => Some(bytes),
            Self::Gone => Some(Bytes::from(object.to_string())),
            Self::Overtaken => None,
        }
    }
}

/// Proposes a write of the row.
pub(crate) async fn submit(
    call: &Call<'_>,
    key: &Key,
    row: &RowView,
    (preconditions, operations): (Vec<Precondition>, Vec<Operation>),
) -> Result<Submitted, Failure> {
    let last = match call.home.submit(Txn { time_ms: call.now_ms(), preconditions, operations }).await? {
        Outcome::Done { last, .. } => last,
        Outcome::Refused(Refusal::Changed { .. }) => return Ok(Submitted::Overtaken),
        Outcome::Refused(refusal) => return Err(refused(call, key.name(), &key.cluster(), refusal)),
    };
    let state = call.home.read_from(last, REVISION_PATIENCE).await?;
    Ok(projected(&state, &row.id).map_or(Submitted::Gone, Submitted::Shown))
}

/// Deletes one Workspace: it is marked, its logical cluster takes nothing new, and the home empties it.
pub(crate) async fn delete(call: &Call<'_>, sender: &Sender<'_>, body: Bytes) -> Result<Answer, Failure> {
    let form = Form::of(call)?;
    let options = DeleteOptions::of(call, &body)?;
    let key = call.key(call.name()?)?;
    delete_one(call, sender, &form, (&key, &options)).await
}

async fn delete_one(
    call: &Call<'_>,
    sender: &Sender<'_>,
    form: &Form,
    (key, options): (&Key, &DeleteOptions),
) -> Result<Answer, Failure> {
    let found = find(call, key).await?;
    if found.row.owner == *call.home.group() {
        return delete_here(call, form, key, options).await;
    }
    options.expect(call, key.name(), &found.object)?;
    let version = options.resource_version.as_ref().map(|_| found.row.version);
    let body = options.for_owner();
    let rest = format!("/apis/{}/{}/workspaces/{}", call.kind.group, call.kind.version, key.name());
    let outbound = Outbound { method: "DELETE", rest: &rest, version, body };
    elsewhere(call, sender, form, &found.row, outbound).await
}

async fn delete_here(call: &Call<'_>, form: &Form, key: &Key, options: &DeleteOptions) -> Result<Answer, Failure> {
    for _ in 0..ATTEMPTS_MAX {
        let state = call.home.read().await?;
        let found = Found::in_state(&state, key)?.ok_or_else(|| Failure::NotFound(call.subject(key.name())))?;
        expect_row(call, key, &found.row)?;
        options.expect(call, key.name(), &found.object)?;
        if metadata::is_deleting(&found.object) {
            return answered(form, &Bytes::from(found.object.to_string()), found.row.version, &[]);
        }
        let mut object = found.object.clone();
        set_deleting(call, &mut object);
        if options.dry_run {
            return answered(form, &Bytes::from(object.to_string()), found.row.version, &[]);
        }
        let (id, version) = (found.row.id.clone(), found.row.version);
        let content = content::of_row(&object);
        let mut operations = vec![Operation::UpdateWorkspace { id, version, content, deleting: true }];
        let preconditions = mark_cluster(call, &state, &found.row.id, &mut operations)?;
        if let Some(bytes) = submit(call, key, &found.row, (preconditions, operations)).await?.or_written(&object) {
            return answered(form, &bytes, version + 1, &[]);
        }
    }
    Err(admit::modified(call.subject(key.name())))
}

fn set_deleting(call: &Call<'_>, object: &mut Value) {
    mark(call, object);
    encode::set_label(object, content::PHASE_LABEL, "Deleting");
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        status.insert("phase".to_owned(), Value::from("Deleting"));
    }
}

/// The LogicalCluster says so, too, in the same transaction.
fn mark_cluster(
    call: &Call<'_>,
    state: &State,
    id: &ClusterId,
    operations: &mut Vec<Operation>,
) -> Result<Vec<Precondition>, Failure> {
    let key = content::logical_cluster_key(id);
    let Some((key, stored)) = key.and_then(|key| state.get(&key).map(|stored| (key.clone(), stored))) else {
        return Ok(vec![]);
    };
    if stored.deleting() {
        return Ok(vec![]);
    }
    let mut object = parsed(&stored.bytes())?;
    set_deleting(call, &mut object);
    operations.push(Operation::Put(key.clone(), encode::draft(&object)?));
    Ok(vec![Precondition::At(key, stored.revision())])
}

/// Deletes all Workspaces that a list would show, one by one, each at its home.
pub(crate) async fn delete_collection(call: &Call<'_>, sender: &Sender<'_>, body: Bytes) -> Result<Answer, Failure> {
    let form = Form::of(call)?;
    let options = ListOptions::parse(call.query, false)?;
    let delete_options = DeleteOptions::of(call, &body)?;
    let selection = Selection::parse(call.kind, &options.label_selector, &options.field_selector)?;
    let page = list::page(call, &options, &selection).await?;
    for (key, _) in &page.objects {
        match delete_one(call, sender, &form, (key, &delete_options)).await {
            Ok(answer) if answer.status() == StatusCode::OK || answer.status() == StatusCode::NOT_FOUND => {}
            // The first that cannot be deleted ends it; a client asks again.
            Ok(refusal) => return Ok(refusal),
            Err(Failure::NotFound(_)) => {}
            Err(failure) => return Err(failure),
        }
    }
    list::answer(call, &form, &page).await
}
