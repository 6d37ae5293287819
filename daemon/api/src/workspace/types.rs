//! The types of workspaces that are built in, all at `root`, and below which parents each may stand. Types of one's own
//! come with another issue. Every type but `universal` is also a `universal` one.

use hanse_base::id::ClusterId;
use hanse_store::state::State;
use serde_json::Value;

use crate::call::Call;
use crate::status::Failure;

/// The logical cluster that all types stand at, and the name of its own type.
const ROOT: &str = "root";
const UNIVERSAL: &str = "universal";

/// Which parents a type allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parents {
    Any,
    /// No workspace is made with this type.
    None,
    /// Those with one of these types.
    Of(&'static [&'static str]),
}

/// The parents that a type allows; `None` when there is no such type.
fn parents_of(type_name: &str) -> Option<Parents> {
    match type_name {
        UNIVERSAL => Some(Parents::Any),
        ROOT | "home" => Some(Parents::None),
        "organization" => Some(Parents::Of(&[ROOT])),
        "team" => Some(Parents::Of(&["organization", "team"])),
        _ => None,
    }
}

/// Whether the new workspace's type is known, and allows the parent.
///
/// # Errors
/// 403, which does not tell a type that there is not from one that may not be used.
pub(super) async fn may_use(call: &Call<'_>, object: &Value, name: &str, parent: &ClusterId) -> Result<(), Failure> {
    let wanted = type_of(object);
    let forbidden = |why: String| Err(Failure::forbidden(call.subject(name), why));
    let parents = wanted.strip_prefix("root:").and_then(parents_of);
    let allowed = match parents {
        Some(Parents::Any) => return Ok(()),
        Some(Parents::None) => return forbidden(format!("workspace type {wanted} cannot have any parent workspace")),
        Some(Parents::Of(allowed)) => allowed,
        None => {
            return forbidden(format!(
                "unable to use workspace type {wanted}: missing verb='use' permission on workspacetype"
            ));
        }
    };
    let own = match type_in(&call.home.view(), parent) {
        Some(own) => own,
        // This replica may not have heard of the parent yet.
        None => type_in(&*call.home.read().await?, parent).unwrap_or_default(),
    };
    if allowed.iter().any(|allowed| own.strip_prefix("root:") == Some(allowed)) {
        return Ok(());
    }
    let allowed: Vec<String> = allowed.iter().map(|allowed| format!("root:{allowed}")).collect();
    forbidden(format!(
        "workspace type {wanted} only allows [{}] parent workspaces, but the parent's type is {own:?}",
        allowed.join(" ")
    ))
}

/// Path and name of a Workspace's type.
fn type_of(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{}:{}", text("/spec/type/path"), text("/spec/type/name"))
}

/// The type of the workspace that stands before a logical cluster; `root` has one of its own.
fn type_in(state: &State, cluster: &ClusterId) -> Option<String> {
    if cluster.as_str() == ROOT {
        return Some(format!("{ROOT}:{ROOT}"));
    }
    let object = state.get(state.workspace_key(cluster)?)?;
    serde_json::from_slice(&object.bytes()).ok().map(|object: Value| type_of(&object))
}
