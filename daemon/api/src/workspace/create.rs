//! POST of a Workspace, and the first apply of one.

use bytes::Bytes;
use hanse_base::id::{ClusterId, GroupId};
use hanse_schema::decode::{FieldValidation, redecode};
use hanse_schema::{default, metadata, validate};
use hanse_store::state::State;
use hanse_store::txn::{NewWorkspace, Operation, Outcome, Precondition, Refusal, Txn};
use http::StatusCode;
use http::header::HeaderValue;
use serde_json::Value;

use super::content::{self, NewCluster};
use super::{ROW_VERSION, Sender, merge, placement, types};
use crate::admit;
use crate::answer::{self, Form};
use crate::authenticate::MASTERS;
use crate::body::Answer;
use crate::call::Call;
use crate::encode;
use crate::federation::{CarryError, Purpose, Reserved};
use crate::limits::{ATTEMPTS_MAX, REVISION_PATIENCE};
use crate::query::WriteOptions;
use crate::route::carried_answer;
use crate::status::{Failure, Subject};
use crate::verbs::apply::Applied;
use crate::verbs::change::Wanted;
use crate::verbs::create::{decoded, generated_name};

/// Generated ids: 16 characters of base 36, as kcp's.
const ID_ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH: usize = 16;
/// The first version of a row.
const FIRST_VERSION: u64 = 1;
/// Annotation of a parent: with `strict`, no child is made while its name cannot be reserved.
const NAMING_ANNOTATION: &str = "hanse.dev/naming";

/// Makes a workspace, here or in the region that it is placed in.
pub(crate) async fn create(call: &Call<'_>, sender: &Sender<'_>, body: Bytes) -> Result<Answer, Failure> {
    let options = WriteOptions::parse(call.query, "CreateOptions")?;
    let (mut object, warnings) = decoded(call, &body, options.field_validation)?;
    if !metadata::resource_version(&object).is_empty() {
        return Err(Failure::BadRequest("resourceVersion should not be set on objects to be created".to_owned()));
    }
    // Rows hold owners of fields only once somebody applies: most workspaces never need them, and every region holds every row.
    if let Some(metadata) = metadata::of_mut(&mut object) {
        metadata.shift_remove("managedFields");
    }
    place(call, sender, New { object, warnings, dry_run: options.dry_run, method: "POST", body }).await
}

/// Makes the workspace that somebody applies and that is not there yet.
pub(crate) async fn apply(
    call: &Call<'_>,
    sender: &Sender<'_>,
    (applied, options): (&Applied, &WriteOptions),
    body: Bytes,
) -> Result<Answer, Failure> {
    let Wanted { object, warnings, .. } = applied.anew(call, options)?;
    place(call, sender, New { object, warnings, dry_run: options.dry_run, method: "PATCH", body }).await
}

/// A workspace to be made.
struct New {
    object: Value,
    warnings: Vec<String>,
    dry_run: bool,
    /// How another region is asked for it, and with what.
    method: &'static str,
    body: Bytes,
}

async fn place(call: &Call<'_>, sender: &Sender<'_>, new: New) -> Result<Answer, Failure> {
    let New { mut object, warnings, dry_run, method, body } = new;
    let form = Form::of(call)?;
    default::defaults(call.kind, &mut object);
    may_create(call, &object)?;
    let id = match call.purpose {
        Purpose::CreateWorkspace { id } => id.clone(),
        Purpose::Plain | Purpose::WriteWorkspace { .. } => new_id(call)?,
    };
    let mut answer = match placed(call, sender, &object)? {
        Some(group) if !dry_run => elsewhere(call, sender, &form, (&group, id, method, body)).await?,
        _ => here(call, &form, object, &id, dry_run).await?,
    };
    answer::warn(&mut answer, &warnings);
    Ok(answer)
}

fn may_create(call: &Call<'_>, object: &Value) -> Result<(), Failure> {
    admit::may_change(call, object, None)?;
    if !call.user.is_in(MASTERS)
        && let Some(why) = validate::workspace::forbidden_to_users(object, None)
    {
        return Err(Failure::forbidden(call.subject(metadata::name(object)), why));
    }
    Ok(())
}

fn new_id(call: &Call<'_>) -> Result<ClusterId, Failure> {
    let id = call.api.random().text(ID_ALPHABET, ID_LENGTH);
    ClusterId::new(&id).map_err(|error| Failure::Internal(error.to_string()))
}

/// The group to carry the request to; `None` when the workspace is made here.
fn placed(call: &Call<'_>, sender: &Sender<'_>, object: &Value) -> Result<Option<GroupId>, Failure> {
    if sender.carried {
        return Ok(None);
    }
    let regions = call.api.federation().regions();
    let view = placement::place(object, metadata::name(object), &regions)?;
    Ok((!view.local).then(|| view.group.clone()))
}

/// Has another region make it, and answers with this region's own projection as soon as there is one.
async fn elsewhere(
    call: &Call<'_>,
    sender: &Sender<'_>,
    form: &Form,
    (group, id, method, body): (&GroupId, ClusterId, &str, Bytes),
) -> Result<Answer, Failure> {
    let mut carried = sender.carried(call, method, &sender.request.rest, body)?;
    carried.purpose = Purpose::CreateWorkspace { id: id.clone() };
    let answer = call.api.federation().carry(group, carried).await?;
    if answer.status != StatusCode::CREATED.as_u16() {
        return Ok(carried_answer(answer));
    }
    let shown = match merge::merged(call.home, &id, FIRST_VERSION).await {
        Some(state) => projected(&state, &id),
        None => None,
    };
    match shown {
        Some(bytes) => form.object(StatusCode::CREATED, &bytes),
        None => Ok(carried_answer(answer)),
    }
}

/// The Workspace object of a logical cluster, as this group shows it.
pub(crate) fn projected(state: &State, id: &ClusterId) -> Option<Bytes> {
    state.get(state.workspace_key(id)?).map(|object| object.bytes())
}

async fn here(
    call: &Call<'_>,
    form: &Form,
    mut object: Value,
    id: &ClusterId,
    dry_run: bool,
) -> Result<Answer, Failure> {
    let parent = call.cluster.ok_or(Failure::MethodNotServed)?;
    let prefix = metadata::generate_name(&object).to_owned();
    let generated = metadata::name(&object).is_empty() && !prefix.is_empty();
    for _ in 0..ATTEMPTS_MAX {
        if generated && let Some(metadata) = metadata::of_mut(&mut object) {
            metadata::set_field(metadata, "name", Value::from(generated_name(call, &prefix)));
        }
        ready(call, &mut object, id)?;
        let causes = validate::create(call.kind, &object);
        if !causes.is_empty() {
            return Err(Failure::invalid(&call.kind.group, &call.kind.kind, metadata::name(&object), causes));
        }
        types::may_use(call, &object, metadata::name(&object), parent).await?;
        match make(call, &object, (parent, id), dry_run).await {
            Err(Failure::AlreadyExists(_)) if generated => {}
            Err(failure) => return Err(failure),
            Ok(bytes) => {
                let mut answer = form.object(StatusCode::CREATED, &bytes)?;
                answer.headers_mut().insert(ROW_VERSION, HeaderValue::from(FIRST_VERSION));
                return Ok(answer);
            }
        }
    }
    Err(Failure::GenerateNameConflict(call.subject(metadata::name(&object))))
}

/// What the system sets on a new Workspace; in canonical form, so that a later write of the same is known as a change of
/// nothing.
fn ready(call: &Call<'_>, object: &mut Value, id: &ClusterId) -> Result<(), Failure> {
    default::for_create(call.kind, object);
    let (uid, now) = (encode::uuid(call.api.random()), call.now_text());
    if let Some(metadata) = metadata::of_mut(object) {
        metadata::set_field(metadata, "uid", Value::from(uid));
        metadata::set_field(metadata, "creationTimestamp", Value::from(now));
    }
    content::ready(object, id, call.user);
    *object = redecode(call.kind, object, FieldValidation::Ignore)?.value;
    Ok(())
}

/// One transaction: the row, its reservation, the logical cluster with its first objects.
async fn make(
    call: &Call<'_>,
    object: &Value,
    (parent, id): (&ClusterId, &ClusterId),
    dry_run: bool,
) -> Result<Bytes, Failure> {
    let name = metadata::name(object);
    let view = call.home.view();
    if dry_run {
        return rehearsed(call, object, &view, parent);
    }
    let reserved = reserve(call, &view, (parent, id), name).await?;
    let path = view.tree().path(parent).unwrap_or_else(|| parent.to_string());
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let new = NewCluster {
        id,
        path: &format!("{path}:{name}"),
        url: call.api.url(),
        root_ca: call.api.root_ca(),
        type_name: &format!("{}:{}", text("/spec/type/path"), text("/spec/type/name")),
        user: Some(call.user),
        owner: Some((parent, name, metadata::uid(object))),
        now: &call.now_text(),
    };
    let objects = content::first_objects(&new, call.api.random())?;
    let preconditions = if view.home_of(parent) == Some(call.home.group()) {
        vec![Precondition::ClusterLive(parent.clone())]
    } else {
        vec![]
    };
    let workspace = NewWorkspace {
        id: id.clone(),
        parent: parent.clone(),
        name: name.to_owned(),
        reserved,
        content: content::of_row(object),
        objects,
    };
    let operations = vec![Operation::CreateWorkspace(workspace)];
    let last = match call.home.submit(Txn { time_ms: call.now_ms(), preconditions, operations }).await? {
        Outcome::Done { last, .. } => last,
        Outcome::Refused(Refusal::Exists { what }) if what == id.as_str() => {
            return repeated(call, (parent, id), name).await;
        }
        Outcome::Refused(refusal) => return Err(refused(call, name, parent, refusal)),
    };
    let state = call.home.read_from(last, REVISION_PATIENCE).await?;
    projected(&state, id).ok_or_else(|| Failure::Internal("a workspace was made and is not shown".to_owned()))
}

/// The id is taken: by this very request, sent twice, or by another workspace.
async fn repeated(call: &Call<'_>, (parent, id): (&ClusterId, &ClusterId), name: &str) -> Result<Bytes, Failure> {
    let state = call.home.read().await?;
    let same = state.workspace_key(id).is_some_and(|key| key.name() == name && key.cluster_str() == parent.as_str());
    let bytes = if same { projected(&state, id) } else { None };
    bytes.ok_or_else(|| Failure::AlreadyExists(call.subject(name)))
}

fn rehearsed(call: &Call<'_>, object: &Value, view: &State, parent: &ClusterId) -> Result<Bytes, Failure> {
    let name = metadata::name(object);
    if view.tree().name_taken(parent, name) {
        return Err(Failure::AlreadyExists(call.subject(name)));
    }
    let mut object = object.clone();
    encode::annotate_cluster(&mut object, parent);
    encode::unstored(&encode::draft(&object)?)
}

/// Asks the parent's home to hold the name. Whether it does; creation goes ahead alone when it cannot be asked.
pub(crate) async fn reserve(
    call: &Call<'_>,
    view: &State,
    (parent, id): (&ClusterId, &ClusterId),
    name: &str,
) -> Result<bool, Failure> {
    let Some(home) = view.home_of(parent).filter(|home| *home != call.home.group()) else { return Ok(true) };
    match call.api.federation().reserve_name(home, parent, name, id).await {
        Ok(Reserved::Granted) => Ok(true),
        Ok(Reserved::Taken { .. }) => Err(Failure::AlreadyExists(call.subject(name))),
        Ok(Reserved::ParentMissing) => Err(parent_missing(parent)),
        Ok(Reserved::ParentDeleting) => Err(parent_deleting(call, name, parent)),
        Err(error @ (CarryError::Unreachable { .. } | CarryError::Unknown { .. })) => {
            if is_strict(view, parent) {
                return Err(Failure::Unavailable(format!(
                    "the parent asks for strict naming and its home cannot reserve the name: {error}; please try again"
                )));
            }
            tracing::info!(%parent, name, %error, "a workspace is made without a reserved name");
            Ok(false)
        }
    }
}

fn is_strict(view: &State, parent: &ClusterId) -> bool {
    let object = view.workspace_key(parent).and_then(|key| view.get(key));
    let object = object.and_then(|object| serde_json::from_slice::<Value>(&object.bytes()).ok());
    object.is_some_and(|object| metadata::annotation(&object, NAMING_ANNOTATION) == Some("strict"))
}

fn parent_missing(parent: &ClusterId) -> Failure {
    Failure::NotFound(Subject::new("core.kcp.io", "logicalclusters", parent.as_str()))
}

fn parent_deleting(call: &Call<'_>, name: &str, parent: &ClusterId) -> Failure {
    Failure::forbidden(
        call.subject(name),
        format!("unable to create a workspace in logical cluster {parent} because it is being terminated"),
    )
}

/// A refused transaction on a workspace's row.
pub(crate) fn refused(call: &Call<'_>, name: &str, parent: &ClusterId, refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Exists { .. } => Failure::AlreadyExists(call.subject(name)),
        Refusal::Missing { .. } => parent_missing(parent),
        Refusal::Deleting { .. } => parent_deleting(call, name, parent),
        Refusal::Changed { .. } => admit::modified(call.subject(name)),
        Refusal::NotHome { cluster } => Failure::Unavailable(format!(
            "this group is not the home of the logical cluster {cluster}, please try again"
        )),
        Refusal::NotEmpty { what } => Failure::Conflict(call.subject(name), format!("{what} is not empty")),
        Refusal::Cycle { id } => Failure::Conflict(call.subject(name), format!("{id} would become its own ancestor")),
        Refusal::Malformed { why } | Refusal::Forbidden { why } => {
            Failure::BadRequest(format!("the workspace cannot be stored: {why}"))
        }
        Refusal::OverQuota { quota, exceeded } => {
            Failure::forbidden(call.subject(name), admit::over_quota(&quota, &exceeded))
        }
    }
}
