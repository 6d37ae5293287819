//! The parameters of a policy: objects of a kind that the policy names, chosen by its binding.

use std::sync::Arc;

use hanse_schema::cause::aggregate;
use hanse_schema::convert::from_stored;
use hanse_schema::selector::label::Selector;
use hanse_store::key::{Key, Scope};
use hanse_store::state::State;
use serde_json::Value;

use crate::admission::attributes::Attributes;
use crate::conversion::Converter;
use crate::definitions::Found;
use crate::status::qualified;
use crate::view::View;

/// The kind of the parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParamKind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
}

/// Which parameters a binding chooses.
#[derive(Debug)]
pub(crate) struct ParamRef {
    name: String,
    namespace: String,
    selector: Option<Result<Selector, String>>,
    /// Whether a request is refused when there are none.
    denies: bool,
}

impl ParamKind {
    /// Reads `paramKind`.
    pub(crate) fn of(kind: Option<&Value>) -> Option<Self> {
        let kind = kind.filter(|kind| kind.is_object())?;
        let text = |field: &str| kind.get(field).and_then(Value::as_str).unwrap_or_default();
        let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
        Some(Self { group: group.to_owned(), version: version.to_owned(), kind: text("kind").to_owned() })
    }
}

impl ParamRef {
    /// Reads `paramRef`.
    pub(crate) fn of(reference: Option<&Value>) -> Option<Self> {
        let reference = reference.filter(|reference| reference.is_object())?;
        let text = |field: &str| reference.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let selector = reference.get("selector").filter(|selector| selector.is_object());
        let selector =
            selector.map(|selector| Selector::from_object(selector, "").map_err(|causes| aggregate(&causes)));
        let denies = text("parameterNotFoundAction") == "Deny";
        Some(Self { name: text("name"), namespace: text("namespace"), selector, denies })
    }
}

/// The kind that the parameters have in the logical cluster; nothing for a policy without parameters.
///
/// # Errors
/// There is no such kind.
pub(crate) fn find(
    attributes: &Attributes<'_>,
    state: &State,
    kind: Option<&ParamKind>,
) -> Result<Option<Found>, String> {
    let (Some(kind), Some(cluster)) = (kind, attributes.call.cluster) else { return Ok(None) };
    let ParamKind { group, version, kind } = kind;
    let found = attributes.call.api.definitions().by_kind(state, cluster, (group, version, kind));
    let version = if group.is_empty() { format!("/{version}") } else { format!("{group}/{version}") };
    let absent = || format!("failed to find resource referenced by paramKind: '{version}, Kind={kind}'");
    found.map(Some).ok_or_else(absent)
}

/// The parameters with which a policy is evaluated, once with each; null stands for none, where that is how it is meant.
///
/// # Errors
/// The choice cannot be made, or there is nothing to choose and that is refused.
pub(crate) async fn collect(
    attributes: &Attributes<'_>,
    state: &State,
    found: Option<&Found>,
    reference: Option<&ParamRef>,
) -> Result<Vec<Value>, String> {
    let (Some(found), Some(reference), Some(cluster)) = (found, reference, attributes.call.cluster) else {
        return Ok(vec![Value::Null]);
    };
    let kind = &found.kind;
    let namespace = match (kind.namespaced, reference.namespace.as_str(), attributes.namespace.as_str()) {
        (false, "", _) => "",
        (false, ..) => {
            return Err("paramRef.namespace must not be provided for a cluster-scoped `paramKind`".to_owned());
        }
        (true, "", "") => {
            return Err(
                "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources".to_owned()
            );
        }
        (true, "", own) => own,
        (true, chosen, _) => chosen,
    };
    let resource = qualified(&kind.storage.0, &kind.storage.1);
    let mut objects = Vec::new();
    match &reference.selector {
        None if reference.name.is_empty() => return Err("one of name or selector must be provided".to_owned()),
        Some(_) if !reference.name.is_empty() => {
            return Err("paramRef.name and paramRef.selector are mutually exclusive".to_owned());
        }
        None => {
            let key = Key::new(&resource, cluster, namespace, &reference.name).ok();
            objects.extend(key.and_then(|key| state.get(&key)).map(Arc::clone));
        }
        Some(selector) => {
            let selector = selector.as_ref().map_err(Clone::clone)?;
            let namespace = kind.namespaced.then(|| namespace.to_owned());
            let scope = Scope { resource, cluster: Some(cluster.clone()), namespace };
            let chosen = state.list(&scope, None).map(|(_, object)| object).filter(|object| {
                let labels = object.labels();
                selector.matches_with(|key| labels.iter().find(|(own, _)| **own == *key).map(|(_, value)| &**value))
            });
            objects.extend(chosen.map(Arc::clone));
        }
    }
    if objects.is_empty() && reference.denies {
        return Err("no params found for policy binding with `Deny` parameterNotFoundAction".to_owned());
    }
    let view = View::new(Arc::clone(kind), found.since, Converter::new(attributes.call.api, Some(cluster)));
    let mut params = Vec::with_capacity(objects.len());
    for object in objects {
        let value = view.value(&object).await.map_err(|failure| failure.message())?;
        params.push(from_stored(kind, value));
    }
    Ok(params)
}
